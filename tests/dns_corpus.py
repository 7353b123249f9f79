#!/usr/bin/env python3
"""dns_corpus.py PKTMOD - an edit of every DNS message in the captures of PKTMOD_CORPUS, seen by tshark.

All TTLs become 1, which writes every message anew, over UDP and TCP. tshark has to read the same names,
types, data and counts as before, a TTL of 1, and nothing malformed that was not before.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

RULES = """{"pktmod": 1, "policy": {"hold_ms": 600000, "hold_bytes": 65537},
 "rules": [{"id": "short", "match": {"l4.port": [53, 5353, 5355]}, "rewrite": [{"dns": {"ttl": 1}}]}]}"""
FIELDS = ("dns.id dns.flags dns.qry.name dns.qry.type dns.resp.name dns.resp.type dns.resp.class dns.a dns.aaaa dns.cname "
          "dns.txt dns.srv.target dns.mx.mail_exchange dns.ns dns.soa.mname dns.soa.rname dns.ptr.domain_name "
          "dns.count.answers dns.count.auth_rr dns.count.add_rr").split()
# Messages themselves: not within tunnels or ICMP errors, and of no other kind than queries and answers.
WANTED = "dns and not icmp and not icmpv6 and not vxlan and not geneve and not gre and dns.flags.opcode == 0"


def read(capture, fields, wanted=WANTED):
    command = ["tshark", "-n", "-r", str(capture), "-Y", wanted, "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, timeout=300, check=False)
    return sorted(done.stdout.decode("utf-8", "replace").splitlines())


def ttls(capture):
    """Of all records but OPT, which has none."""
    for line in read(capture, ["dns.resp.ttl"], WANTED + " and not _ws.malformed and dns.resp.ttl"):
        yield from line.split(",")


def main():
    corpus = os.environ.get("PKTMOD_CORPUS")
    if not corpus or shutil.which("tshark") is None:
        print("SKIP: PKTMOD_CORPUS is not set" if not corpus else "SKIP: tshark is not installed")
        return 77
    pktmod = str(pathlib.Path(sys.argv[1]).resolve())
    messages = changed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        rules, out = pathlib.Path(folder) / "rules.json", pathlib.Path(folder) / "out.pcapng"
        rules.write_text(RULES, encoding="utf-8")
        for capture in sorted(pathlib.Path(corpus).glob("*.pcap*")):
            before = read(capture, FIELDS)
            if not before:
                continue
            subprocess.run([pktmod, "replay", rules, "-r", capture, "-w", out, "-q"], capture_output=True, timeout=300, check=False)
            after = read(out, FIELDS)
            messages += len(before)
            changed += sum(value == "1" for value in ttls(out))
            if before != after:
                failed += 1
                print(f"{capture.name}: tshark reads otherwise: {sorted(set(before) ^ set(after))[:2]}")
            others = [value for value in ttls(out) if value != "1"]
            if others:
                failed += 1
                print(f"{capture.name}: TTLs of {others[:5]}")
    print(f"{messages} messages, {changed} TTLs set, {failed} captures differ")
    return 1 if failed or changed == 0 else 0


sys.exit(main())
