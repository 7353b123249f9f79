#!/usr/bin/env python3
"""verify_corpus.py PKTMOD - replays every capture of the folder PKTMOD_CORPUS, and verifies each output.

Rules that change nothing, that grow what is frequent in text, and that grow, shrink and delete single
letters: `pktmod verify --baseline` has to find nothing. tshark, as a second opinion, has to miss no
segment in the output where it misses none in the capture. Captures that are damaged are not looked at.
"""
import collections
import concurrent.futures
import filecmp
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import captures

SKIPPED = 77
SECONDS = 120


def edits(*pairs):
    return [{"replace": {"find": find, "with": with_}} for find, with_ in pairs]


def rules(tcp, udp, **policy):
    return {"pktmod": 1, "policy": {"on_midstream": "rewrite", **policy}, "rules": [
        {"id": "tcp", "match": {"ip.proto": 6}, "rewrite": edits(*tcp)},
        {"id": "udp", "match": {"ip.proto": 17}, "rewrite": edits(*udp)}]}


ZERO = {"hex": "00"}
RULES = {
    "allowed": {"pktmod": 1, "rules": [{"id": "all", "match": {}, "verdict": "allow"}]},
    "followed": rules([("\u2042 in no capture \u2042", "x")], [("\u2042 in no capture \u2042", "x")]),
    "words": rules([("GET", "OBTAIN"), ("Host", "Hosted"), ("HTTP/1.", "HTTP/version 1."), ("250", "zwei"),
                    ("the", "")], [("com", "common")]),
    "letters": rules([("e", "EE"), (ZERO, {"hex": "000102"}), ("a", "")], [("e", "EE")]),
    "shrinking": rules([("e", ""), ({"hex": "0000"}, ZERO), ("o", "")], [("e", "")]),
    "held": rules([({"hex": "0000000000000000"}, {"hex": "01"}), ("ttp", "TTTPPP")], [("\u2042", "x")],
                  hold_ms=60000),
    "regex": {"pktmod": 1, "policy": {"on_midstream": "rewrite", "hold_ms": 5000}, "rules": [
        {"id": "tcp", "match": {"ip.proto": 6}, "rewrite": [{"replace": {
            "regex": "(?s)[aeT].{1000,3000}?zq|o", "max_match": 4000, "with": "<seen>"}}]}]},
}
# Segments that tshark finds missing: where one is not there, or acknowledged without being there.
MISSES = ("tcp.analysis.lost_segment", "tcp.analysis.ack_lost_segment")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS,
                          check=False)


def misses(path):
    """What datagrams carry is data: streams in tunnels are not looked at."""
    missed = f"not udp and ({' or '.join(MISSES)})"
    found = run("tshark", "-n", "-r", path, "-Y", missed, "-T", "fields",
                *(word for field in MISSES for word in ("-e", field))).stdout.splitlines()
    return collections.Counter(name for line in found for name, there in zip(MISSES, line.split("\t"))
                               if there)


def check_capture(pktmod, capture):
    """(what was found, how many outputs were looked at)"""
    records, damage = captures.read_all(capture)
    if damage or not records:
        return [], 0
    found = []
    with tempfile.TemporaryDirectory() as folder:
        before = misses(str(capture)) if shutil.which("tshark") else None
        for name, policy in RULES.items():
            rule_file, out = pathlib.Path(folder) / f"{name}.json", f"{folder}/{name}{capture.suffix}"
            rule_file.write_text(json.dumps(policy))
            replay = run(pktmod, "replay", str(rule_file), "-r", str(capture), "-w", out, "-q")
            if replay.returncode != 0:
                found.append(f"{name}: replay: {replay.stderr.strip()}")
                continue
            verify = run(pktmod, "verify", out, "--baseline", str(capture))
            if verify.returncode != 0:
                found.append(f"{name}: exit {verify.returncode}\n{verify.stdout}{verify.stderr}")
            is_same = filecmp.cmp(capture, out, shallow=False)
            after = None if is_same or before is None else misses(out)
            if after and not before:
                found.append(f"{name}: tshark finds {dict(after)}, before {dict(before)}")
    return found, len(RULES)


def main():
    folder = os.environ.get("PKTMOD_CORPUS")
    if not folder:
        print("skipped: PKTMOD_CORPUS names no folder of captures")
        return SKIPPED
    files = sorted(path for path in pathlib.Path(folder).iterdir() if path.suffix in (".pcap", ".pcapng"))
    faulty = outputs = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, (faults, count) in zip(files, pool.map(lambda path: check_capture(sys.argv[1], path), files)):
            faulty += bool(faults)
            outputs += count
            for fault in faults:
                print(f"{path.name}: {fault}")
    print(f"verify: {len(files)} captures, {outputs} outputs, {faulty} captures with findings")
    return 1 if faulty or not outputs else 0


sys.exit(main())
