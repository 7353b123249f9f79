#!/usr/bin/env python3
"""rewrite_cases.py PKTMOD - find/replace on real captures, compared with what another program says.

Beside the folder that PKTMOD_CORPUS names may stand rewrite-cases.tsv (what to replace where) and
check_rewrite.py (compares every TCP stream of the output with its expected hash, and checksums).
"""
import csv
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SKIPPED = 77
SIDES = {"c2s": {"flow": "to_server"}, "s2c": {"flow": "to_client"}}


def unescape(text):
    """The bytes of a cell: UTF-8, with \\xNN, \\r, \\n and \\t."""
    plain = {r"\r": b"\r", r"\n": b"\n", r"\t": b"\t"}
    pieces = re.split(r"(\\x[0-9a-fA-F]{2}|\\[rnt])", text)
    return b"".join(plain.get(p) or bytes([int(p[2:], 16)]) if p.startswith("\\") else p.encode()
                    for p in pieces)


def rule_file(case):
    match = {"ip.proto": 6 if case["l4"] == "tcp" else 17}
    match.update(SIDES.get(case["direction"], {}))
    port = re.search(r":port=(\d+)$", case["direction"])
    if port:
        match[f"{case['l4']}.port"] = int(port[1])
    kind, _, flag = case["find_type"].partition("-")
    find = {"literal": {"find": {"hex": unescape(case["find"]).hex()}}, "regex": {"regex": case["find"]}}
    edit = {**find[kind], "with": {"hex": unescape(case["replace"]).hex()},
            "in": "stream" if case["l4"] == "tcp" else "payload"}
    if flag == "i":
        edit["nocase"] = True
    return {"pktmod": 1, "policy": {"on_midstream": "rewrite", "hold_ms": 600000},
            "rules": [{"id": case["id"], "match": match, "rewrite": [{"replace": edit}]}]}


def tshark(capture, *fields):
    command = ["tshark", "-n", "-r", str(capture), "-o", "udp.check_checksum:TRUE", "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split("\t") for line in lines]


def check_datagrams(case, before, after):
    """The same as check_rewrite.py for UDP: payloads and checksums as tshark shows them."""
    find, with_ = unescape(case["find"]), unescape(case["replace"])
    fields = ("udp.payload", "udp.port", "udp.checksum.status")
    port = re.search(r":port=(\d+)$", case["direction"])
    old, new = tshark(before, *fields), tshark(after, *fields)
    hits = 0
    for number, (was, now) in enumerate(zip(old, new), 1):
        want = bytes.fromhex(was[0])
        if not port or port[1] in was[1].split(","):
            hits += want.count(find)
            want = want.replace(find, with_)
        if bytes.fromhex(now[0]) != want:
            return f"frame {number}: payload {now[0]}, expected {want.hex()}"
        if now[2] == "0" and was[2] != "0":
            return f"frame {number}: its checksum went bad"
    if len(old) != len(new):
        return f"{len(old)} frames in, {len(new)} out"
    if hits != int(case["stream_hits"]):
        return f"{hits} hits, expected {case['stream_hits']}"
    return None


def check_streams(case, checker, out):
    run = subprocess.run([sys.executable, str(checker), case["id"], str(out)], capture_output=True, text=True)
    return None if run.returncode == 0 else (run.stdout + run.stderr).strip()


def check_case(pktmod, corpus, case, scratch):
    """What is wrong with one case, or None."""
    rules, capture = scratch / f"{case['id']}.json", corpus / case["file"]
    out = scratch / f"{case['id']}{capture.suffix}"
    rules.write_text(json.dumps(rule_file(case)))
    run = subprocess.run([pktmod, "replay", str(rules), "-r", str(capture), "-w", str(out),
                          ], capture_output=True, text=True, timeout=120)
    if run.returncode != 0:
        return f"exit {run.returncode}: {run.stderr.strip()}"
    if case["l4"] == "udp":
        return check_datagrams(case, capture, out)
    return check_streams(case, corpus.parent / "check_rewrite.py", out)


def main():
    corpus = pathlib.Path(os.environ.get("PKTMOD_CORPUS", "")).resolve()
    cases_file = corpus.parent / "rewrite-cases.tsv"
    if not os.environ.get("PKTMOD_CORPUS") or not cases_file.exists():
        print("skipped: no rewrite-cases.tsv beside the folder that PKTMOD_CORPUS names")
        return SKIPPED
    with open(cases_file, encoding="utf-8") as table:
        cases = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        for case in cases:
            fault = check_case(sys.argv[1], corpus, case, pathlib.Path(scratch))
            wrong += fault is not None
            print(f"{case['id']} {case['file']}: {fault or 'agrees'}")
    print(f"rewrite cases: {len(cases) - wrong} agree, {wrong} differ")
    return 1 if wrong or not cases else 0


sys.exit(main())
