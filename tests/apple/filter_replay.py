#!/usr/bin/env python3
"""The macOS packet filter against `pktmod replay`: the same frames, pushed from several threads, are
dropped as in the replay, one by one.

    filter_replay.py FILTER_PUSH PKTMOD

Frames are spread over threads so that two hosts stay with one, which keeps each flow in order; how
threads overtake each other is left to chance. Of the captures below tests/cases, and of those in
PKTMOD_CORPUS where it is set, the ones with whole Ethernet or raw IP frames are taken.
"""
import ipaddress
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))
import captures  # noqa: E402

ETHERNET, RAW = 1, (12, 14, 101)
FRAMES_MAX = 3000
CORPUS_MAX = 40
LOCAL = [ipaddress.ip_network(text) for text in ("10.0.0.0/8", "192.168.0.0/16", "192.0.2.0/24", "2001:db8:1::/48")]
INBOUND, OUTBOUND = 1, 2

POLICIES = {
    "headers": {"rules": [
        {"id": "low", "match": {"dir": "in", "l4.srcport": "0-1023"}, "verdict": "drop"},
        {"id": "small", "match": {"ip.ttl": "0-63"}, "verdict": "drop"}]},
    "default drop": {"policy": {"default": "drop", "on_engine_error": "drop"}, "rules": [
        {"id": "web", "match": {"tcp.port": [80, 443]}, "verdict": "allow"},
        {"id": "dns", "match": {"udp.port": 53}, "verdict": "allow"}]},
    "states": {"policy": {"on_midstream": "drop"}, "rules": [
        {"id": "begun-outside", "match": {"dir": "in", "tcp.flags": "S"}, "verdict": "drop"}]},
    "streams": {"rules": [
        {"id": "words", "match": {"stream": {"regex": "(?i)(GET|POST|secret|HTTP/1)"}}, "verdict": "drop"}]},
}


def ends(record):
    """The two addresses as bytes, sorted out of the frame; None where there is no IP."""
    data, offset = record.data, 0
    if record.linktype == ETHERNET:
        if len(data) < 14:
            return None
        kind, offset = struct.unpack(">H", data[12:14])[0], 14
        while kind in (0x8100, 0x88A8) and len(data) >= offset + 4:
            kind = struct.unpack(">H", data[offset + 2:offset + 4])[0]
            offset += 4
        if kind not in (0x0800, 0x86DD):
            return None
    body = data[offset:]
    if len(body) >= 20 and body[0] >> 4 == 4:
        return body[12:16], body[16:20]
    if len(body) >= 40 and body[0] >> 4 == 6:
        return body[8:24], body[24:40]
    return None


def is_local(address):
    address = ipaddress.ip_address(address)
    return any(address.version == network.version and address in network for network in LOCAL)


def described(record):
    """How filter_push is told of a frame."""
    pair = ends(record)
    thread, direction = 0, 0
    if pair:
        thread = zlib.crc32(b"".join(sorted(pair))) % 8
        out, inward = is_local(pair[0]), is_local(pair[1])
        direction = 0 if out == inward else OUTBOUND if out else INBOUND
    kind = 3 if record.linktype == ETHERNET else 0
    return struct.pack(">BBBBI", thread, direction, kind, 0, len(record.data)) + record.data


def is_fit(records):
    return (0 < len(records) <= FRAMES_MAX
            and all(r.linktype == ETHERNET or r.linktype in RAW for r in records)
            and all(len(r.data) == r.orig_len for r in records)
            and len({r.linktype for r in records}) == 1)


def read(path):
    records, damage = captures.read_all(path)
    return [] if damage else records


def inputs():
    for path in sorted((TESTS / "cases").glob("*/in.pcap*")):
        # Wrong sums: a replay does not look into such packets. The system makes no sums for a
        # filter's copy, so the filter has to.
        if path.parent.name != "checksums":
            yield path
    corpus = os.environ.get("PKTMOD_CORPUS")
    if corpus:
        files = sorted(p for p in pathlib.Path(corpus).rglob("*") if p.suffix in (".pcap", ".pcapng"))
        yield from files[:CORPUS_MAX]


def replayed(pktmod, rules, path, scratch):
    """The frames that replay dropped."""
    dropped = scratch / "dropped"
    subprocess.run([pktmod, "replay", rules, "-r", path, "--quiet", "--dropped", dropped,
                    "--local", ",".join(map(str, LOCAL))], check=True, timeout=60)
    return [r.data for r in read(dropped)]


def pushed(push, rules, records):
    """The frames that the filter dropped."""
    got = subprocess.run([push, rules], input=b"".join(map(described, records)), stdout=subprocess.PIPE,
                         check=True, timeout=60).stdout.decode().strip()
    assert len(got) == len(records) and set(got) <= set("pd"), got
    return [r.data for r, fate in zip(records, got) if fate == "d"]


def main():
    push, pktmod = sys.argv[1:3]
    wrong = frames = runs = drops = 0
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        for path in inputs():
            records = read(path)
            if not is_fit(records):
                continue
            for name, policy in POLICIES.items():
                rules = scratch / "rules.json"
                rules.write_text(json.dumps({"pktmod": 1, **policy}))
                expected, got = replayed(pktmod, rules, path, scratch), pushed(push, rules, records)
                runs, frames, drops = runs + 1, frames + len(records), drops + len(got)
                if expected != got:
                    wrong += 1
                    print(f"{path}: {name}: replay drops {len(expected)} of {len(records)}, the filter {len(got)}")
    print(f"{runs} runs, {frames} frames, {drops} dropped, {wrong} runs differ")
    # A comparison of nothing is none.
    return 1 if wrong or not drops or drops == frames else 0


sys.exit(main())
