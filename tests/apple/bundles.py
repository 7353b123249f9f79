#!/usr/bin/env python3
"""Property lists of the macOS bundles and configuration profiles: well-formed, complete, and of one
mind with each other and with the sources.

    bundles.py PKTMOD           checks them, filled in with made-up names; rules in them are loaded
    bundles.py PKTMOD --planted  plants faults, one at a time, and expects to see each
"""
import pathlib
import plistlib
import re
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
BUNDLE, APP = TREE / "filter-ext/darwin/bundle", TREE / "app/darwin"
NAMES = {"PKTMOD_TEAM": "TEAM123456", "PKTMOD_APP_ID": "org.example.pktmod",
         "PKTMOD_EXTENSION_ID": "org.example.pktmod.extension", "PROJECT_VERSION": "1.2.3", "PKTMOD_BUILD": "7"}
NE = "com.apple.developer.networking.networkextension"
GROUPS = "com.apple.security.application-groups"
INSTALL = "com.apple.developer.system-extension.install"
KINDS = {"development": ["content-filter-provider", "packet-tunnel-provider"],
         "developer-id": ["content-filter-provider-systemextension", "packet-tunnel-provider-systemextension"]}
# The extension's provider points, and where their classes are.
POINTS = {"com.apple.networkextension.filter-packet": "filter-ext", "com.apple.networkextension.packet-tunnel": "tunnel-ext"}
IDENTIFIER = re.compile(r"[A-Za-z0-9.-]+")
UUID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")
REQUIREMENT = re.compile(r'anchor apple generic and identifier "([^"]+)" and certificate leaf\[subject\.OU\] = "([^"]+)"')


def files():
    """The templates, by name."""
    return {p.name: p.read_text() for folder in (BUNDLE, APP) for p in sorted(folder.glob("*.in"))}


def fill(text):
    """The list, and names that nobody fills in."""
    unknown = [n for n in re.findall(r"@([A-Z_]+)@", text) if n not in NAMES]
    return plistlib.loads(re.sub(r"@([A-Z_]+)@", lambda m: NAMES.get(m[1], m[0]), text).encode()), unknown


def check_requirement(text, identifier):
    found = REQUIREMENT.fullmatch(text or "")
    if not found:
        yield f"requirement is not understood: {text}"
    elif found.groups() != (identifier, NAMES["PKTMOD_TEAM"]):
        yield f"requirement names {found.groups()}"


def check_bundle(info, kind):
    """What every bundle needs."""
    for key in ("CFBundleExecutable", "CFBundleIdentifier", "CFBundleShortVersionString", "CFBundleVersion",
                "CFBundleInfoDictionaryVersion", "LSMinimumSystemVersion", "NSSystemExtensionUsageDescription"):
        if not info.get(key):
            yield f"no {key}"
    if info.get("CFBundlePackageType") != kind:
        yield f"CFBundlePackageType is {info.get('CFBundlePackageType')}, not {kind}"
    if not IDENTIFIER.fullmatch(info.get("CFBundleIdentifier", "")):
        yield "CFBundleIdentifier is none"


def check_extension(info, app):
    yield from check_bundle(info, "SYSX")
    if not info.get("CFBundleIdentifier", "").startswith(app["CFBundleIdentifier"] + "."):
        yield "the extension's identifier does not begin with the app's"
    if info.get("CFBundleIdentifier") != app.get("PktmodExtensionIdentifier"):
        yield "the app names another extension"
    network = info.get("NetworkExtension", {})
    if network.get("NEMachServiceName") != app.get("PktmodMachServiceName"):
        yield "the app names another Mach service"
    classes = network.get("NEProviderClasses", {})
    if set(classes) != set(POINTS):
        yield f"provider points are {sorted(classes)}"
    for point, name in classes.items():
        source = TREE / POINTS.get(point, "filter-ext") / "darwin" / f"{name}.m"
        if not source.exists() or f"@implementation {name}" not in source.read_text():
            yield f"no class {name}"
    yield from check_requirement(info.get("PktmodPeerRequirement"), app["CFBundleIdentifier"])


def check_entitlements(name, values, info):
    program, kind = name.removesuffix(".entitlements.in").split("-", 1)
    if values.get(NE) != KINDS[kind]:
        yield f"network extensions are {values.get(NE)}"
    if (values.get(INSTALL) is True) != (program == "App"):
        yield f"{INSTALL} is {values.get(INSTALL)}"
    if values.get("com.apple.security.app-sandbox") is not True:
        yield "no sandbox"
    for way in ("client", "server"):  # of the tunnel's sockets
        if (values.get(f"com.apple.security.network.{way}") is True) != (program == "Extension"):
            yield f"network.{way} is {values.get(f'com.apple.security.network.{way}')}"
    service = info["NetworkExtension"]["NEMachServiceName"]
    if not any(service.startswith(group + ".") for group in values.get(GROUPS, [])):
        yield f"the Mach service {service} is in none of the groups {values.get(GROUPS)}"
    if any(not group.startswith(NAMES["PKTMOD_TEAM"] + ".") for group in values.get(GROUPS, [])):
        yield "a group does not begin with the team"


def check_payload(payload):
    for key in ("PayloadDisplayName", "PayloadIdentifier", "PayloadType", "PayloadUUID", "PayloadVersion"):
        if not payload.get(key):
            yield f"no {key}"
    if not UUID.fullmatch(payload.get("PayloadUUID", "")):
        yield "PayloadUUID is none"


def check_rules(pktmod, text):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([pktmod, "check", file.name], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        yield f"its rules are refused: {done.stderr or done.stdout}"


def check_filter(payload, info, app, pktmod):
    extension = info["CFBundleIdentifier"]
    expected = {"FilterType": "Plugin", "FilterPackets": True, "FilterSockets": False,
                "FilterPacketProviderBundleIdentifier": extension, "PluginBundleID": app["CFBundleIdentifier"]}
    for key, value in expected.items():
        if payload.get(key) != value:
            yield f"{key} is {payload.get(key)}, not {value}"
    yield from check_requirement(payload.get("FilterPacketProviderDesignatedRequirement"), extension)
    control = (TREE / "filter-ext/darwin/PktmodControl.h").read_text()
    known = set(re.findall(r'#define Pktmod\w+Key\s+@"(\w+)"', control))
    yield from check_vendor(payload.get("VendorConfig", {}), known, pktmod)


def check_tunnel(payload, info, app, pktmod):
    extension, vpn = info["CFBundleIdentifier"], payload.get("VPN", {})
    expected = {"VPNType": "VPN", "VPNSubType": app["CFBundleIdentifier"]}
    for key, value in expected.items():
        if payload.get(key) != value:
            yield f"{key} is {payload.get(key)}, not {value}"
    expected = {"ProviderType": "packet-tunnel", "ProviderBundleIdentifier": extension, "IncludeAllNetworks": 0,
                "EnforceRoutes": 0, "AuthenticationMethod": "Password"}
    for key, value in expected.items():
        if vpn.get(key) != value:
            yield f"{key} is {vpn.get(key)}, not {value}"
    yield from check_requirement(vpn.get("ProviderDesignatedRequirement"), extension)
    keys = (TREE / "tunnel-ext/darwin/PktmodTunnelKeys.h").read_text()
    yield from check_vendor(payload.get("VendorConfig", {}), set(re.findall(r'#define Pktmod\w+Key\s+@"(\w+)"', keys)), pktmod)
    text = payload.get("VendorConfig", {}).get("PktmodRules", "")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([pktmod, "run", file.name, "--tunnel", "tun", "--plan"], capture_output=True, text=True,
                              timeout=60)
    if done.returncode != 0:
        yield f"nothing enters its tunnel: {done.stderr}"


def check_daemon(daemon):
    """What launchd needs to keep the root daemon running."""
    arguments = daemon.get("ProgramArguments", [])
    if not arguments or any(not isinstance(a, str) for a in arguments) or not arguments[0].startswith("/"):
        yield f"ProgramArguments are {arguments}"
    if arguments[1:2] != ["run"] or arguments[-2:] != ["--tunnel", "utun"] or len(arguments) != 5:
        yield f"it does not run a tunnel: {arguments}"
    if not IDENTIFIER.fullmatch(daemon.get("Label", "")):
        yield "Label is none"
    if daemon.get("RunAtLoad") is not True or daemon.get("KeepAlive") != {"SuccessfulExit": False}:
        yield "it is not started, or not kept alive"
    if daemon.get("SoftResourceLimits", {}).get("NumberOfFiles", 0) < 2 * 8192 + 4096:
        yield "fewer descriptors than connections need"
    known = {"ExitTimeOut", "KeepAlive", "Label", "ProcessType", "ProgramArguments", "RunAtLoad", "SoftResourceLimits",
             "StandardErrorPath", "ThrottleInterval"}
    for key in sorted(set(daemon) - known):
        yield f"launchd does not know {key}"


def check_vendor(vendor, known, pktmod):
    for key in sorted(set(vendor) - known):
        yield f"the provider does not know {key}"
    if "PktmodRules" not in vendor:
        yield "no rules"
    else:
        yield from check_rules(pktmod, vendor["PktmodRules"])


def check_policy(payload, info):
    team = NAMES["PKTMOD_TEAM"]
    if payload.get("AllowedSystemExtensions") != {team: [info["CFBundleIdentifier"]]}:
        yield f"allowed extensions are {payload.get('AllowedSystemExtensions')}"
    if payload.get("AllowedSystemExtensionTypes") != {team: ["NetworkExtension"]}:
        yield f"allowed types are {payload.get('AllowedSystemExtensionTypes')}"


def check_profile(profile, info, app, pktmod):
    yield from check_payload(profile)
    if profile.get("PayloadType") != "Configuration" or profile.get("PayloadScope") != "System":
        yield "it is no configuration of the system"
    for payload in profile.get("PayloadContent", []):
        yield from check_payload(payload)
        if payload.get("PayloadType") == "com.apple.webcontent-filter":
            yield from check_filter(payload, info, app, pktmod)
        elif payload.get("PayloadType") == "com.apple.system-extension-policy":
            yield from check_policy(payload, info)
        elif payload.get("PayloadType") == "com.apple.vpn.managed":
            yield from check_tunnel(payload, info, app, pktmod)
        else:
            yield f"unknown payload {payload.get('PayloadType')}"


def check_ids(lists):
    seen = {}
    for name, profile in lists.items():
        if name.endswith(".mobileconfig.in"):
            for payload in [profile] + profile.get("PayloadContent", []):
                if seen.setdefault(payload.get("PayloadUUID"), name) is not name:
                    yield f"{name}: its PayloadUUID is in {seen[payload['PayloadUUID']]} too"
            uuids = [p.get("PayloadUUID") for p in [profile] + profile.get("PayloadContent", [])]
            if len(set(uuids)) != len(uuids):
                yield f"{name}: a PayloadUUID stands twice"


def check_all(texts, pktmod):
    lists, found = {}, []
    for name, text in texts.items():
        try:
            lists[name], unknown = fill(text)
            found += [f"{name}: nobody fills in {n}" for n in unknown]
        except Exception as error:  # whatever plistlib makes of bad XML
            return [f"{name}: {error}"]
    info, app = lists["Extension-Info.plist.in"], lists["App-Info.plist.in"]
    found += [f"App-Info.plist.in: {f}" for f in check_bundle(app, "APPL")]
    found += [f"Extension-Info.plist.in: {f}" for f in check_extension(info, app)]
    for name, values in lists.items():
        if name.endswith(".entitlements.in"):
            found += [f"{name}: {f}" for f in check_entitlements(name, values, info)]
        elif name.endswith(".mobileconfig.in"):
            found += [f"{name}: {f}" for f in check_profile(values, info, app, pktmod)]
    found += [f"tunnel-daemon.plist.in: {f}" for f in check_daemon(lists["tunnel-daemon.plist.in"])]
    return found + list(check_ids(lists))


# file, what stands in it, what is planted instead
PLANTED = [
    ("Extension-Info.plist.in", "SYSX", "APPL"),
    ("Extension-Info.plist.in", "PktmodPacketFilterProvider", "PacketFilterProvider"),
    ("Extension-Info.plist.in", "filter-packet", "filter-data"),
    ("Extension-Info.plist.in", "<string>@PKTMOD_TEAM@.@PKTMOD_APP_ID@.extension</string>", "<string>extension</string>"),
    ("Extension-Info.plist.in", "PktmodPacketTunnelProvider", "PktmodPacketFilterProvider"),
    ("Extension-Info.plist.in", "packet-tunnel", "app-proxy"),
    ("Extension-developer-id.entitlements.in", "packet-tunnel-provider-systemextension", "packet-tunnel-provider"),
    ("Extension-development.entitlements.in", "network.server", "network.servers"),
    ("tunnel.mobileconfig.in", "<key>IncludeAllNetworks</key>\n\t\t\t\t<integer>0</integer>",
     "<key>IncludeAllNetworks</key>\n\t\t\t\t<integer>1</integer>"),
    ("tunnel.mobileconfig.in", "<string>packet-tunnel</string>", "<string>app-proxy</string>"),
    ("tunnel.mobileconfig.in", "<key>PktmodRules</key>", "<key>Rules</key>"),
    ("tunnel.mobileconfig.in", '"rewrite"', '"rewrites"'),
    ("tunnel.mobileconfig.in", '"rewrite": [{"replace": {"find": "X-Mark: 0", "with": "X-Mark: 1"}}]', '"verdict": "drop"'),
    ("tunnel.mobileconfig.in", "9D05", "9D04"),
    ("tunnel-daemon.plist.in", "<string>utun</string>", "<string>tun</string>"),
    ("tunnel-daemon.plist.in", "<key>RunAtLoad</key>", "<key>RunAtload</key>"),
    ("tunnel-daemon.plist.in", "20544", "256"),
    ("Extension-Info.plist.in", 'identifier "@PKTMOD_APP_ID@"', 'identifier "org.example.other"'),
    ("Extension-Info.plist.in", "</plist>", ""),
    ("App-Info.plist.in", "@PKTMOD_EXTENSION_ID@", "@PKTMOD_EXTENSION@"),
    ("App-Info.plist.in", "NSSystemExtensionUsageDescription", "UsageDescription"),
    ("Extension-developer-id.entitlements.in", "content-filter-provider-systemextension", "content-filter-provider"),
    ("Extension-development.entitlements.in", "@PKTMOD_TEAM@.@PKTMOD_APP_ID@", "group.other"),
    ("App-development.entitlements.in", "<true/>", "<false/>"),
    ("content-filter.mobileconfig.in", "<key>FilterPackets</key>\n\t\t\t<true/>", "<key>FilterPackets</key>\n\t\t\t<false/>"),
    ("content-filter.mobileconfig.in", '"verdict"', '"verdikt"'),
    ("content-filter.mobileconfig.in", "PktmodOwnInterfaces", "OwnInterfaces"),
    ("content-filter.mobileconfig.in", "9D04", "9D03"),
    ("content-filter.mobileconfig.in", "9D04", "9D02"),
    ("system-extension.mobileconfig.in", "<string>@PKTMOD_EXTENSION_ID@</string>", "<string>@PKTMOD_APP_ID@</string>"),
]


def check_planted(pktmod):
    missed = 0
    for name, old, new in PLANTED:
        texts = files()
        assert old in texts[name], (name, old)
        texts[name] = texts[name].replace(old, new)
        found = check_all(texts, pktmod)
        missed += not found
        print("seen  " if found else "MISSED", f"{name}: {old[:40]!r}:", found[0] if found else "")
    return missed


def main():
    pktmod = sys.argv[1]
    if sys.argv[2:] == ["--planted"]:
        return 1 if check_planted(pktmod) else 0
    texts = files()
    found = check_all(texts, pktmod)
    for line in found:
        print(line)
    print(f"bundles: {len(texts)} files, {len(found)} faults")
    return 1 if found or len(texts) < 10 else 0


sys.exit(main())
