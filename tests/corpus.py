#!/usr/bin/env python3
"""corpus.py PKTMOD - replays every capture in the folder that PKTMOD_CORPUS names.

Nothing may crash or upset a sanitizer. A policy that changes nothing leaves every packet, its time
and its lengths as they were, but for fragments that wait: they leave later. A policy that rewrites nearly everything leaves captures that read to
their end, the same ones each time. Exit 2 is for captures that are damaged, and only for them.
"""
import collections
import concurrent.futures
import filecmp
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import captures

SKIPPED = 77
SECONDS = 120


def replace(find, with_, where):
    return {"replace": {"find": find, "with": with_, "in": where}}


# Changes nothing: the first without a rewriter, the second with every stream followed.
HARMLESS = {
    "allow-all": {"pktmod": 1, "rules": [{"id": "all", "match": {}, "verdict": "allow"}]},
    "never-found": {"pktmod": 1, "policy": {"on_midstream": "rewrite"}, "rules": [
        {"id": "tcp", "match": {"ip.proto": 6},
         "rewrite": [replace("\u2042 in no capture \u2042", "x", "stream")]},
        {"id": "udp", "match": {"ip.proto": 17},
         "rewrite": [replace("\u2042 in no capture \u2042", "x", "payload")]}]},
}

# Grows, shrinks and empties what is frequent.
FIERCE = {"pktmod": 1, "policy": {"on_midstream": "rewrite"}, "rules": [
    {"id": "stream", "match": {"ip.proto": 6}, "rewrite": [
        replace("e", "EE", "stream"),
        replace({"hex": "00"}, {"hex": "00 01 02"}, "stream"),
        replace("a", "", "stream")]},
    {"id": "datagram", "match": {"ip.proto": 17}, "rewrite": [
        replace({"hex": "00"}, {"hex": "00 00"}, "payload"),
        replace("o", "", "payload")]},
    {"id": "ttl", "match": {"ip.version": [4, 6]}, "rewrite": [{"set": {"ip.ttl": 9}}]}]}

RUNS = [("rewritten", "1500"), ("wire", "0"), ("host", "600")]


class Replay:
    """One run of the command."""

    def __init__(self, pktmod, rules, capture, out, *options):
        command = [pktmod, "replay", rules, "-r", capture, "-w", out, *options]
        self.run = subprocess.run(command, capture_output=True, text=True, errors="replace",
                                  timeout=SECONDS)
        self.out = out

    def faults(self, damage):
        """What is wrong with the way it ended, for a capture that is damaged or not."""
        stderr = self.run.stderr
        if "Sanitizer" in stderr or "runtime error:" in stderr or self.run.returncode not in (0, 2):
            yield f"exit {self.run.returncode}: {stderr[-2000:]}"
        elif self.run.returncode == 2 and not stderr.strip():
            yield "exit 2 without a reason"
        elif self.run.returncode == 2 and damage is None:
            yield f"refused, but it is sound: {stderr.strip()}"
        elif self.run.returncode == 0 and damage is not None:
            yield f"accepted, but it is damaged: {damage}"


def differences(before, after):
    for number, (old, new) in enumerate(zip(before, after), 1):
        for name in captures.Record._fields:
            if getattr(old, name) != getattr(new, name):
                yield f"frame {number}: {name} was {getattr(old, name)!s}, is {getattr(new, name)!s}"
                break
    if len(before) != len(after):
        yield f"{len(before)} frames in, {len(after)} out"


def contradictions(report):
    """Retransmissions with other bytes: in a followed stream the first ones win."""
    return json.loads(report)["why"].get("rewriter", {}).get("overlap_differs", 0)


def waits(report):
    """Segments whose bytes waited: they may leave cut in another way, and nothing else."""
    why = json.loads(report)["why"].get("rewriter", {})
    return sum(why.get(name, 0) for name in ("held", "out_of_order", "gap", "hold_timeout"))


def has_waiting_fragments(report):
    return json.loads(report)["why"].get("rewriter", {}).get("fragment_held", 0) > 0


def packets_of(records):
    """What there is, whenever it left: fragments leave when the last of their datagram came."""
    return collections.Counter((each.linktype, each.orig_len, each.data) for each in records)


def stream_bytes(path):
    """What tshark finds at each place of each direction of each stream; the first copy counts."""
    fields = ["tcp.stream", "tcp.srcport", "tcp.seq_raw", "tcp.payload"]
    lines = subprocess.run(["tshark", "-n", "-r", path, "-T", "fields", "-Y", "tcp.len > 0",
                            "-o", "tcp.desegment_tcp_streams:FALSE",
                            *(word for field in fields for word in ("-e", field))],
                           capture_output=True, text=True, timeout=SECONDS).stdout.splitlines()
    found = {}
    for line in lines:
        stream, port, seq, payload = (line.split("\t") + ["", "", "", ""])[:4]
        if "," in seq or not payload:
            continue
        for offset, byte in enumerate(bytes.fromhex(payload.split(",")[0])):
            found.setdefault((stream, port, int(seq) + offset), byte)
    return found


def check_harmless(pktmod, scratch, capture, name):
    before, damage = captures.read_all(capture)
    out = str(scratch / f"{name}{capture.suffix}")
    # A followed stream loses segments with a wrong checksum, as its receiver would; not wanted here.
    replay = Replay(pktmod, str(scratch / f"{name}.json"), str(capture), out,
                    "--checksums", "ignore", "--format", "json")
    yield from replay.faults(damage)
    if before:
        after, broken = captures.read_all(out) if os.path.exists(out) else ([], "no output")
        found = [broken] if broken else list(differences(before, after))
        if found and waits(replay.run.stdout) and not broken:
            if stream_bytes(str(capture)) != stream_bytes(out):
                yield f"another stream; {found[0]}"
        elif found and not broken and has_waiting_fragments(replay.run.stdout):
            if packets_of(before) != packets_of(after):
                yield f"other packets; {found[0]}"
        elif found and len(found) > contradictions(replay.run.stdout):
            yield found[0]


def bad_checksums(path):
    """How many IPv4 headers, and how many of the TCP and UDP right behind them, have a wrong
    checksum, as tshark sees it; None if it cannot read the capture. What a datagram carries is
    data: a rule may change it, whatever it means there."""
    command = ["tshark", "-n", "-r", path, "-T", "fields", "-e", "frame.protocols",
               "-e", "ip.checksum.status"]
    for layer in ("tcp", "udp"):
        command += ["-e", f"{layer}.checksum.status", "-o", f"{layer}.check_checksum:TRUE"]
    run = subprocess.run(command + ["-o", "ip.check_checksum:TRUE"], capture_output=True, text=True,
                         errors="replace", timeout=SECONDS)
    if run.returncode != 0:
        return None
    bad = {"ip": 0, "tcp": 0, "udp": 0}
    for line in run.stdout.splitlines():
        protocols, *statuses = line.split("\t")
        status = {layer: text.split(",")[0] for layer, text in zip(bad, statuses)}
        first = next((name for name in protocols.split(":") if name in ("tcp", "udp")), None)
        for layer in ("ip", first):
            if layer and status[layer] == "0":
                bad[layer] += 1
    return bad


def new_bad_checksums(before, after):
    old, new = bad_checksums(before), bad_checksums(after)
    if new is None:
        return None if old is None else "tshark cannot read the output"
    if old and any(new[layer] > old[layer] for layer in old):
        return f"wrong checksums: {old} in, {new} out"
    return None


def check_fierce(pktmod, scratch, capture, view, mtu):
    before, damage = captures.read_all(capture)
    outs = [str(scratch / f"{view}-{turn}{capture.suffix}") for turn in (1, 2)]
    for out in outs:
        replay = Replay(pktmod, str(scratch / "fierce.json"), str(capture), out,
                        "--view", view, "--mtu", mtu)
        yield from replay.faults(damage)
    if not before:
        return
    broken = captures.read_all(outs[0])[1] if os.path.exists(outs[0]) else "no output"
    if broken:
        yield f"output: {broken}"
    elif not filecmp.cmp(*outs, shallow=False):
        yield "the same replay twice gives two outputs"
    elif view == "rewritten":
        worse = new_bad_checksums(str(capture), outs[0])
        if worse:
            yield worse


def check_capture(pktmod, capture):
    """Every fault found with one capture."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        for name, rules in {**HARMLESS, "fierce": FIERCE}.items():
            (scratch / f"{name}.json").write_text(json.dumps(rules))
        for name in HARMLESS:
            found += [f"{name}: {fault}" for fault in check_harmless(pktmod, scratch, capture, name)]
        for view, mtu in RUNS:
            found += [f"{view}, mtu {mtu}: {fault}"
                      for fault in check_fierce(pktmod, scratch, capture, view, mtu)]
    return found


def main():
    folder = os.environ.get("PKTMOD_CORPUS")
    if not folder:
        print("skipped: PKTMOD_CORPUS names no folder of captures")
        return SKIPPED
    files = sorted(path for path in pathlib.Path(folder).iterdir()
                   if path.suffix in (".pcap", ".pcapng", ".cap", ".snoop"))
    faulty = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, faults in zip(files, pool.map(lambda path: check_capture(sys.argv[1], path), files)):
            faulty += bool(faults)
            for fault in faults:
                print(f"{path.name}: {fault}")
    print(f"corpus: {len(files)} captures, {faulty} with faults")
    return 1 if faulty or not files else 0


sys.exit(main())
