#!/usr/bin/env python3
"""dns_stream.py PKTMOD [--seed N] [--count N] - edits of DNS over TCP against a second opinion.

Queries and answers travel in one connection, cut at random, repeated with other cuts and out of
order. What the receiver puts together from what leaves is read by dns_codec.py message by message,
and has to be what dns_edit.py says the rules make of them, however the sender cut it.
"""
import argparse
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

import dns_codec as dns
import dns_edit as edit
from frames import ACK, FIN, PSH, SYN, ones_sum

PORT = 4000


def segment(to_server, seq, ack, flags, payload=b""):
    src, dst = (edit.CLIENT, edit.SERVER) if to_server else (edit.SERVER, edit.CLIENT)
    ports = (PORT, 53) if to_server else (53, PORT)
    tcp = struct.pack(">HHIIBBHHH", *ports, seq % 2**32, ack % 2**32, 0x50, flags, 65535, 0, 0) + payload
    total = ~ones_sum(src + dst + struct.pack(">HH", 6, len(tcp)) + tcp) & 0xFFFF
    tcp = tcp[:16] + struct.pack(">H", total) + tcp[18:]
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0) + src + dst
    return head[:10] + struct.pack(">H", ~ones_sum(head) & 0xFFFF) + head[12:] + tcp


def cut(draw, stream):
    """(offset, bytes) in some order; some of them twice, cut otherwise."""
    pieces, at = [], 0
    largest = draw.choice([1, 7, 100, 1400])
    while at < len(stream):
        length = draw.randint(1, largest if len(stream) < 200 * largest else 1400)
        pieces.append((at, stream[at:at + length]))
        at += length
    for _ in range(draw.randint(0, 3)):
        begin = draw.randrange(len(stream) + 1)
        pieces.insert(draw.randrange(len(pieces) + 1), (begin, stream[begin:begin + draw.randint(1, 1400)]))
    for _ in range(draw.choice([0, 0, 3])):
        i = draw.randrange(len(pieces))
        pieces.insert(max(0, i - draw.randint(1, 3)), pieces.pop(i))
    return [piece for piece in pieces if piece[1]]


def conversation(draw, streams):
    """The packets of a connection that carries the two streams."""
    isn = [draw.randrange(2**32), draw.randrange(2**32)]
    packets = [segment(True, isn[0], 0, SYN), segment(False, isn[1], isn[0] + 1, SYN | ACK),
               segment(True, isn[0] + 1, isn[1] + 1, ACK)]
    for side, stream in enumerate(streams):
        acked = isn[1 - side] + 1 + (len(streams[0]) if side else 0)
        packets += [segment(side == 0, isn[side] + 1 + at, acked, ACK | PSH, piece) for at, piece in cut(draw, stream)]
    ends = [isn[0] + 1 + len(streams[0]), isn[1] + 1 + len(streams[1])]
    return packets + [segment(True, ends[0], ends[1], ACK | FIN), segment(False, ends[1], ends[0] + 1, ACK | FIN)]


class Torn(Exception):
    """What leaves is no stream."""


def put_together(packets, to_server):
    """What the receiver has; bytes sent twice have to be the same."""
    begin, have = None, {}
    for packet in packets:
        if (packet[12:16] == edit.CLIENT) != to_server:
            continue
        seq, flags = struct.unpack_from(">I", packet, 24)[0], packet[33]
        if flags & SYN:
            begin = seq + 1
        for i, byte in enumerate(packet[20 + (packet[32] >> 4) * 4:]):
            if have.setdefault((seq - begin) % 2**32 + i, byte) != byte:
                raise Torn("a byte was sent twice, and not the same")
    if sorted(have) != list(range(len(have))):
        raise Torn("bytes are missing")
    return bytes(have[i] for i in range(len(have)))


def messages_of(stream):
    at, out = 0, []
    while at < len(stream):
        length = struct.unpack_from(">H", stream, at)[0]
        out.append(stream[at + 2:at + 2 + length])
        if len(out[-1]) < length:
            raise Torn("a message ends before its end")
        at += 2 + length
    return out


def fault(raw, message, rules, left, hold_bytes):
    """What is wrong with what became of a message; None: nothing."""
    want = None
    if not rules["rules"] and left != raw:
        return "no rule is about it, and it changed"
    if message is not None and len(raw) + 2 <= hold_bytes:
        try:
            want = edit.edited(message, rules)
        except edit.Refused:
            pass
    if want is None or edit.tidy(want) == edit.tidy(message):
        if left == raw:
            return None
        if want is None and message is not None:
            return "an edit was made that is to be refused"
    try:
        got = dns.read(left)
    except dns.Bad as bad:
        return f"what left cannot be read: {bad}"
    if want is None or (edit.tidy(got) == edit.tidy(want) and not got["rest"]):
        return None
    return f"left\n  {edit.tidy(got)}\nexpected\n  {edit.tidy(want)}"


def one_round(pktmod, folder, seed):
    draw = random.Random(seed)
    rules = edit.some_rules(draw)
    rules["policy"]["hold_ms"] = 600000
    hold_bytes = rules["policy"]["hold_bytes"] = draw.choice([4096, 4096, 300, 65537])
    for rule in rules["rules"]:
        rule["match"] = draw.choice([{"tcp.port": 53}, {}, {"l4.port": 53}, {"dns.flags.response": True}, {"dns.qry.type": [1, 28, 5, 65, 255]}])
    sides = [[], []]
    for side, said in enumerate(sides):
        for _ in range(draw.randint(1, 12)):
            message = edit.some_message(draw, side == 1)
            payload = dns.write(message, lambda: draw.random() < 0.7)
            if draw.random() < 0.1:
                message, payload = None, edit.spoil(draw, payload)
            said.append((payload, message))
    streams = [b"".join(struct.pack(">H", len(payload)) + payload for payload, _ in said) for said in sides]
    files = [folder / name for name in ("rules.json", "in.pcap", "out.pcap")]
    files[0].write_text(json.dumps(rules), encoding="utf-8")
    edit.write_capture(files[1], conversation(draw, streams))
    done = subprocess.run([pktmod, "replay", files[0], "-r", files[1], "-w", files[2], "-q"],
                          capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        sys.exit(f"{json.dumps(rules)}\n{done.stderr}")
    left = edit.read_capture(files[2])
    packets = [packet for second in sorted(left) for packet in left[second]]
    faults, changed = [], 0
    for side, said in enumerate(sides):
        try:
            got = messages_of(put_together(packets, side == 0))
            changed += sum(raw != now for (raw, _), now in zip(said, got))
            if len(got) != len(said):
                raise Torn(f"{len(got)} messages came, of {len(said)}")
            results = [fault(raw, message, matching(rules, message), now, hold_bytes)
                       for (raw, message), now in zip(said, got)]
        except Torn as torn:
            results = [str(torn)]
        faults += [f"seed {seed}, side {side}, message {i}: {what}\nrules {json.dumps(rules)}\n{said[i][1]}"
                   for i, what in enumerate(results) if what]
    return faults, changed


def matching(rules, message):
    """With the rules that are about the message alone."""
    def holds(match):
        if message is None or not set(match) & {"dns.flags.response", "dns.qry.type"}:
            return True
        if "dns.flags.response" in match:
            return bool(message["flags"] & edit.QR)
        return any(kind in match["dns.qry.type"] for _, kind, _ in message["qd"])
    return {**rules, "rules": [rule for rule in rules["rules"] if holds(rule["match"])]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pktmod", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=200)
    options = parser.parse_args()
    faults, changed = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seed, options.seed + options.count):
            more, edits = one_round(options.pktmod.resolve(), pathlib.Path(folder), seed)
            faults += more
            changed += edits
    print("\n".join(faults[:5]))
    print(f"{options.count} connections, {changed} messages edited: {len(faults)} faults")
    return 1 if faults or not changed else 0


if __name__ == "__main__":
    sys.exit(main())
