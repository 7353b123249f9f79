#!/usr/bin/env python3
"""compare.py PKTMOD CAPTURE - times pktmod replay beside tcpdump and tcprewrite.

Every round runs each program once, from and to memory; the table shows medians and what they are
as a multiple of `tcpdump -r -w` in the same run. Only ratios mean something, and only beside each
other: nothing here passes or fails by time.
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = int(os.environ.get("PKTMOD_BENCH_ROUNDS", "9"))

HEADER_MATCHES = [
    {"ip.src": "192.0.2.0/24"}, {"ip.dst": "198.51.100.0/24"}, {"tcp.dstport": 23}, {"udp.dstport": 53},
    {"ip.proto": 1}, {"tcp.srcport": "6000-6063"}, {"ip.ttl": {"lt": 5}}, {"ip.src": "2001:db8::/32"},
    {"tcp.dstport": [25, 465, 587], "dir": "out"}, {"ip.addr": "203.0.113.7", "l4.port": 8443}]
VERDICTS = {"pktmod": 1, "rules": [
    {"id": f"rule-{number}", "match": match, "verdict": "drop"}
    for number, match in enumerate(HEADER_MATCHES)]}
GROW = {"pktmod": 1, "rules": [{"id": "grow", "match": {"tcp.port": 80}, "rewrite": [
    {"replace": {"find": "session-token", "with": "session-token-rewritten", "in": "stream"}}]}]}


def commands(pktmod, capture, scratch):
    """name -> (command, what its output must be beside the input: '=', '>' or '')"""
    rules = {}
    for name, content in (("verdicts", VERDICTS), ("grow", GROW)):
        rules[name] = scratch / f"{name}.json"
        rules[name].write_text(json.dumps(content))
    as_root = ["-Z", "root"] if sys.platform == "linux" and os.geteuid() == 0 else []
    out = scratch / "out.pcap"
    replay = {name: [pktmod, "replay", rules[name], "-r", capture, "-w", out] for name in rules}
    return {
        "tcpdump -r -w": (["tcpdump", *as_root, "-r", capture, "-w", out], "="),
        "tcprewrite --portmap": (["tcprewrite", "--portmap=80:8080", "-i", capture, "-o", out], "="),
        "pktmod replay, 10 header verdict rules": (replay["verdicts"], "="),
        "pktmod replay, growing stream literal": (replay["grow"], ">"),
    }, out


def once(command, out):
    out.unlink(missing_ok=True)
    started = time.perf_counter()
    run = subprocess.run(command, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if run.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit {run.returncode}\n{run.stderr}")
    return seconds, out.stat().st_size


def measure(table, out, size):
    seconds = {name: [] for name in table}
    for _ in range(ROUNDS):
        for name, (command, relation) in table.items():
            took, written = once(command, out)
            seconds[name].append(took)
            if (relation == "=" and written != size) or (relation == ">" and written <= size):
                sys.exit(f"{name}: wrote {written} bytes of {size}; that is another job")
    return {name: statistics.median(values) for name, values in seconds.items()}


def show(medians, size):
    floor = medians["tcpdump -r -w"]
    print(f"\nmedians of {ROUNDS} interleaved rounds over {size / 1e6:.0f} MB of HTTP, memory to memory")
    for name, median in medians.items():
        print(f"  {name:<40} {median:7.3f} s   {median / floor:5.2f} x tcpdump")
    verdicts = medians["pktmod replay, 10 header verdict rules"]
    grow = medians["pktmod replay, growing stream literal"]
    print("\nratios and their goals")
    print(f"  10 verdict rules / tcpdump       {verdicts / floor:5.2f}   goal <= 1.1")
    print(f"  growing rewrite / tcpdump        {grow / floor:5.2f}   goal <= 1.5")
    print(f"  tcprewrite / growing rewrite     {medians['tcprewrite --portmap'] / grow:5.2f}   goal >= 2")


def main():
    pktmod, source = sys.argv[1:3]
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory, prefix="pktmod-bench-") as folder:
        scratch = pathlib.Path(folder)
        capture = scratch / "in.pcap"
        shutil.copy(source, capture)
        size = capture.stat().st_size
        table, out = commands(pktmod, capture, scratch)
        show(measure(table, out, size), size)


main()
