#!/usr/bin/env python3
"""dns_fields.py PKTMOD - the DNS fields of rules against tshark's, over the captures of PKTMOD_CORPUS.

For every value that tshark finds in a field a rule counts the packets that have it; the two counts
have to be the same. Only UDP: streams and fragments are for later versions.
"""
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

FIELDS = ["dns.qry.name", "dns.qry.type", "dns.flags.rcode", "dns.flags.response", "dns.a", "dns.aaaa"]
# Only what is a message itself: tshark also looks into tunnels, and into what ICMP errors quote.
WANTED = ("(dns or mdns or llmnr) and (udp.port == 53 or udp.port == 5353 or udp.port == 5355) and "
          "not icmp and not icmpv6 and not tcp and not vxlan and not geneve and not gre and "
          "not _ws.malformed and not _ws.short")


def tshark_counts(capture):
    """{(field, value): packets}"""
    command = ["tshark", "-n", "-r", str(capture), "-o", "ip.defragment:FALSE", "-Y", WANTED,
               "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=/s"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, timeout=300, check=False)
    counts = collections.Counter()
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        for field, values in zip(FIELDS, line.split("\t")):
            for value in set(values.split(" ")) - {""}:
                counts[field, value] += 1
    return counts


def is_plain(field, value):
    """Names that tshark writes as they travel, which a rule can be about."""
    if field != "dns.qry.name":
        return True
    return all(c.isascii() and (c.isalnum() or c in "-_.") for c in value) and not value.startswith(".")


def test_of(field, value):
    if field == "dns.flags.response":
        return value in ("1", "True")
    if field in ("dns.qry.type", "dns.flags.rcode"):
        return int(value, 0)
    return value


def pktmod_counts(pktmod, capture, wanted, folder):
    rules = [{"id": f"r{i}", "match": {field: test_of(field, value)}, "log_only": True}
             for i, (field, value) in enumerate(wanted)]
    path = pathlib.Path(folder) / "rules.json"
    path.write_text(json.dumps({"pktmod": 1, "rules": rules}), encoding="utf-8")
    done = subprocess.run([pktmod, "replay", path, "-r", capture, "--format", "json"],
                          capture_output=True, timeout=300, check=False)
    report = json.loads(done.stdout)
    hits = {rule["id"]: rule["packets"] for rule in report["rules"]}
    return {key: hits.get(f"r{i}", 0) for i, key in enumerate(wanted)}


def main():
    corpus = os.environ.get("PKTMOD_CORPUS")
    if not corpus or shutil.which("tshark") is None:
        print("SKIP: PKTMOD_CORPUS is not set" if not corpus else "SKIP: tshark is not installed")
        sys.exit(77)
    pktmod = str(pathlib.Path(sys.argv[1]).resolve())
    values = failed = 0
    for capture in sorted(pathlib.Path(corpus).glob("*.pcap*")):
        # names have no case, but tshark shows the one they came in
        counts = collections.Counter()
        for (field, value), count in tshark_counts(capture).items():
            counts[field, value.lower()] += count
        wanted = [key for key in sorted(counts) if is_plain(*key)]
        if not wanted:
            continue
        with tempfile.TemporaryDirectory() as folder:
            ours = pktmod_counts(pktmod, capture, wanted, folder)
        for key in wanted:
            values += 1
            if ours[key] != counts[key]:
                failed += 1
                print(f"{capture.name}: {key[0]} {key[1]}: {ours[key]} packets, tshark {counts[key]}")
    print(f"{values} values, {failed} differ")
    sys.exit(1 if failed or values == 0 else 0)


main()
