#!/usr/bin/env python3
"""tls_fields.py PKTMOD - the TLS fields of rules against tshark's, over the captures of PKTMOD_CORPUS.

For every value that tshark finds in a client's hello a rule counts the flows that have it; the two
counts have to be the same. Where they are not, and rightly, EXPLAINED says why.
"""
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

FIELDS = ["tls.handshake.extensions_server_name", "tls.handshake.extensions_alpn_str", "tls.handshake.version",
          "tls.handshake.extensions.supported_version", "tls.handshake.extension.type", "tls.handshake.ja3"]
TEXTS = ("tls.handshake.extensions_server_name", "tls.handshake.extensions_alpn_str", "tls.handshake.ja3")
# Hellos of DTLS are not ours, and what is inside tunnels is not the packet's.
WANTED = ("tls.handshake.type == 1 and (tcp or quic) and not icmp and not icmpv6 and not vxlan and not geneve "
          "and not gre and not _ws.malformed")
# Captures in which tshark finds hellos where rules do not, or the other way round.
EXPLAINED = {
    "arkime-https-connect.pcap": "TLS behind a proxy's CONNECT: the flow does not begin with it",
    "zeek-psql-aws-ssl-require.pcap": "TLS behind PostgreSQL's SSLRequest",
    "zeek-xmpp-starttls.pcap": "TLS behind STARTTLS",
}


def tshark_counts(capture):
    """{(field, value): flows}"""
    command = ["tshark", "-n", "-r", str(capture), "-Y", WANTED,
               "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=/s",
               "-e", "tcp.stream", "-e", "udp.stream"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, timeout=300, check=False)
    flows = collections.defaultdict(set)
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        tcp, udp, *rest = line.split("\t")
        for field, values in zip(FIELDS, rest):
            for value in set(values.split(" ")) - {""}:
                number = value if field in TEXTS else str(int(value, 0))
                flows[field, number.lower() if field == FIELDS[0] else number].add((tcp, udp))
    return {key: len(value) for key, value in flows.items()}


def pktmod_counts(pktmod, capture, wanted, folder):
    rules = [{"id": f"r{i}", "match": {field: value if field in TEXTS else int(value)}, "log_only": True,
              "count": {"max_per_flow": 1}} for i, (field, value) in enumerate(wanted)]
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
    values = failed = explained = 0
    for capture in sorted(pathlib.Path(corpus).glob("*.pcap*")):
        counts = tshark_counts(capture)
        if not counts:
            continue
        wanted = sorted(counts)
        with tempfile.TemporaryDirectory() as folder:
            ours = pktmod_counts(pktmod, capture, wanted, folder)
        differ = [key for key in wanted if ours[key] != counts[key]]
        values += len(wanted)
        if capture.name in EXPLAINED:
            explained += len(differ)
            if not differ:
                failed += 1
                print(f"{capture.name}: nothing differs any more; EXPLAINED says it does")
            continue
        failed += len(differ)
        for field, value in differ:
            print(f"{capture.name}: {field} {value}: {ours[field, value]} flows, tshark {counts[field, value]}")
    print(f"{values} values, {explained} differ and are explained, {failed} differ")
    sys.exit(1 if failed or values == 0 else 0)


main()
