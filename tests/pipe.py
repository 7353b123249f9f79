#!/usr/bin/env python3
"""pipe.py PKTMOD - the conversation that `pktmod pipe` promises, from the outside."""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import captures
import segments
from pipe_engine import HEADER, NEVER, Engine, decoded, encoded
from segments import ACK, FIN, PSH, SYN, Segment

PKTMOD = sys.argv[1]
CASES = pathlib.Path(__file__).resolve().parent / "cases"
MS = 10**6

SWAP = {"id": "swap", "match": {"tcp.dstport": 80},
        "rewrite": [{"replace": {"find": "secret", "with": "[withheld]"}}]}
RULES = {"pktmod": 1, "policy": {"flows": 64, "hold_ms": 80}, "rules": [SWAP]}
CONFIG = b'{"mode":"replay"}'


def client(seq, flags=ACK | PSH, payload=b"", ack=9001):
    return Segment("192.0.2.10", "198.51.100.20", 40000, 80, seq, ack, flags, payload=payload)


def server(seq, flags=ACK, payload=b"", ack=1):
    return Segment("198.51.100.20", "192.0.2.10", 80, 40000, seq, ack, flags, payload=payload)


# Time, interface, segment.
TALK = [
    (0, 0, client(1000, SYN, ack=0)),
    (1 * MS, 1, server(9000, SYN | ACK, ack=1001)),
    (2 * MS, 0, client(1001, ACK)),
    (3 * MS, 0, client(1001, payload=b"the secret is se")),
    (4 * MS, 1, server(9001, ack=1017)),
    (5 * MS, 0, client(1017, payload=b"cret sec")),
    (200 * MS, 1, server(9001, payload=b"a secret", ack=1025)),
    (201 * MS, 0, client(1025, FIN | ACK, ack=9009)),
]


def frames_of(talk, config=CONFIG):
    frames = [encoded("C", payload=config)]
    frames += [encoded("P", now, iface, segments.encoded(segment)) for now, iface, segment in talk]
    return frames + [encoded("T", 900 * MS)]


def payloads(packets):
    return [segments.decoded(packet).payload for _, packet in packets]


def run(data, rules=RULES, command="pipe"):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(rules if isinstance(rules, str) else json.dumps(rules))
        file.flush()
        return subprocess.run([PKTMOD, command, file.name], input=data, capture_output=True,
                              timeout=60, check=False)


class Frames(unittest.TestCase):
    def test_every_frame_is_answered_by_exactly_one_d_and_nothing_follows(self):
        frames = frames_of(TALK)
        for ending in (b"", encoded("Q"), encoded("Q") + b"not a frame any more"):
            done = run(b"".join(frames) + ending)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            kinds = [frame.kind for frame in decoded(done.stdout)]
            self.assertEqual(kinds.count("D"), len(frames))
            self.assertEqual(kinds[-1], "D")
            self.assertEqual(kinds[0], "D")

    def test_the_same_frames_get_the_same_answer(self):
        data = b"".join(frames_of(TALK))
        first, again, twice = run(data), run(data), run(data + data)
        self.assertEqual(first.stdout, again.stdout)
        self.assertEqual(first.stdout + again.stdout, twice.stdout)
        self.assertGreater(len(first.stdout), 500)

    def test_cuts_between_any_two_bytes_change_nothing(self):
        rules = {"pktmod": 1, "rules": [{"id": "late", "match": {"tcp.len": {"gt": 0}},
                                         "verdict": {"delay": {"ms": 3}}}]}
        data = b"".join(frames_of(TALK))
        expected = run(data, rules).stdout
        with Engine(PKTMOD, rules) as engine:
            write, out = engine.process.stdin.fileno(), engine.process.stdout
            for cut in range(1, len(data)):
                os.write(write, data[:cut])
                time.sleep(0.001)
                os.write(write, data[cut:])
                self.assertEqual(out.read(len(expected)), expected, f"cut at {cut}")

    def test_answers_come_before_more_is_asked(self):
        with Engine(PKTMOD, RULES) as engine:
            engine.begin(mode="replay")
            for now, iface, segment in TALK:
                watch = threading.Timer(30, engine.process.kill)
                watch.start()
                engine.packet(now, iface, segments.encoded(segment))
                watch.cancel()

    def test_frames_that_are_wrong_end_it_with_one_line(self):
        begin = encoded("C", payload=b"{}")
        packet = segments.encoded(TALK[0][2])
        cases = {
            "frame 1: the first one has to be a C": [encoded("P", payload=packet), encoded("T")],
            "frame 1: the input ends in the middle of it": [b"\1", begin[:4], begin[:13], begin[:-1]],
            "frame 1: its length is under 10": [struct.pack("<I", 9) + b"C" * 9, bytes(4)],
            "frame 1: its payload is larger than 262144 bytes": [
                HEADER.pack(262155, ord("C"), 0, 0), b"\xff" * 4],
            "frame 1: its type is none of C, P, T and Q": [encoded("D"), encoded("c"), encoded("\0")],
            "frame 1: no JSON object, at byte 0": [encoded("C"), encoded("C", payload=b"live")],
            'frame 1: "mtu" is 0 or 68 to 65535': [encoded("C", payload=b'{"mtu":1}')],
            "frame 2: a packet arrives on interface 0 or 1": [begin + encoded("P", 0, 2, packet)],
            "frame 2: a packet has at least one byte": [begin + encoded("P")],
            'frame 3: "mode" is "live" or "replay"': [
                begin + encoded("T") + encoded("C", payload=b'{"mode":1}')],
        }
        for complaint, inputs in cases.items():
            for data in inputs:
                done = run(data)
                self.assertEqual(done.returncode, 2, data)
                self.assertEqual(done.stderr.decode(), f"pktmod: pipe: {complaint}\n")

    def test_anything_may_be_in_a_packet(self):
        for packet in (b"\0", b"\x45", b"\x60" * 40, bytes(20), b"\xff" * 262144):
            for mode, leaves in (("replay", [("O", 0, packet)]), ("live", [])):
                begin = encoded("C", payload=json.dumps({"mode": mode}).encode())
                answer = decoded(run(begin + encoded("P", 7, 1, packet)).stdout)[1:]
                self.assertEqual([(f.kind, f.iface, f.payload) for f in answer[:-1]], leaves)

    def test_nobody_reads_the_answers(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(json.dumps(RULES))
            file.flush()
            read, write = os.pipe()
            os.close(read)
            done = subprocess.run([PKTMOD, "pipe", file.name], input=b"".join(frames_of(TALK)),
                                  stdout=write, stderr=subprocess.PIPE, timeout=60, check=False)
            os.close(write)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"standard output", done.stderr)

    def test_rules_that_are_wrong_are_told(self):
        done = run(b"", '{"pktmod": 1, "rules": [{}]}')
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"PKM114", done.stderr)


class Packets(unittest.TestCase):
    def setUp(self):
        self.engine = None

    def tearDown(self):
        if self.engine:
            self.engine.__exit__(None, None, None)

    def begin(self, rules, **config):
        self.engine = Engine(PKTMOD, rules)
        return self.engine.begin(**config)

    def say(self, now, iface, segment):
        return self.engine.packet(now, iface, segments.encoded(segment))

    def greet(self):
        for now, iface, segment in TALK[:3]:
            answer = self.say(now, iface, segment)
            self.assertEqual(answer.packets, [(1 - iface, segments.encoded(segment))])

    def test_the_rule_is_applied_and_the_deadline_told(self):
        self.assertEqual(self.begin(RULES).next_ns, NEVER)
        self.greet()
        answer = self.say(3 * MS, 0, TALK[3][2])
        self.assertEqual(payloads(answer.packets), [b"the [withheld] is "])
        self.assertEqual(answer.next_ns, 83 * MS)
        answer = self.engine.time(83 * MS - 1)
        self.assertEqual((answer.packets, answer.next_ns), ([], 83 * MS))
        answer = self.engine.time(83 * MS)
        self.assertEqual((payloads(answer.packets), answer.next_ns), ([b"se"], NEVER))

    def test_hold_ms_of_the_conversation_counts(self):
        self.begin(RULES, hold_ms=7)
        self.greet()
        self.assertEqual(self.say(3 * MS, 0, TALK[3][2]).next_ns, 10 * MS)

    def test_what_is_due_leaves_before_a_later_packet(self):
        self.begin(RULES, mode="replay")
        self.greet()
        self.say(3 * MS, 0, TALK[3][2])
        answer = self.say(300 * MS, 0, client(1017, payload=b"cret"))
        self.assertEqual(payloads(answer.packets), [b"se", b"cret"])

    def test_the_host_may_be_on_the_other_side(self):
        rules = {"pktmod": 1, "rules": [{"id": "out", "match": {"dir": "out"}, "verdict": "drop"}]}
        packet = segments.encoded(TALK[0][2])
        self.begin(rules)
        for host in (0, 1):
            self.engine.begin(host_iface=host)
            self.assertEqual(self.engine.packet(0, host, packet).packets, [])
            self.assertEqual(self.engine.packet(0, 1 - host, packet).packets, [(host, packet)])

    def test_bytes_that_waited_in_vain_are_told_with_the_interface_they_came_from(self):
        self.begin(RULES)
        for host in (0, 1):
            self.engine.begin(host_iface=host)
            for now, iface, segment in TALK[:4]:
                answer = self.say(now, 1 - iface, segment)
            answer = self.engine.time(answer.next_ns)
            self.assertEqual(answer.events,
                             [{"ev": "hold_release", "dir": 1, "offset": 16, "len": 2}])

    def test_the_mss_is_lowered_if_asked_where_the_growing_side_hears_it(self):
        self.begin(RULES)
        told = []
        for clamp in (False, True):
            self.engine.begin(clamp_mss=clamp)
            for now, iface, segment in (TALK[0][:2] + (client(1000, SYN, ack=0),),
                                        TALK[1][:2] + (server(9000, SYN | ACK, ack=1001),)):
                segment.options = struct.pack(">BBH", 2, 4, 1460)
                (_, packet), = self.say(now, iface, segment).packets
                (_, mss), = segments.options(segments.decoded(packet).options)
                told.append(int.from_bytes(mss, "big"))
        self.assertEqual(told, [1460, 1460, 1460, 1460 - len("[withheld]") + len("secret")])

    def test_dropped_packets_are_not_rewritten_nor_sent(self):
        self.begin({**RULES, "rules": [{"id": "no", "match": {"tcp.len": 4}, "verdict": "drop"}, SWAP]})
        self.greet()
        self.assertEqual(self.say(3 * MS, 0, client(1001, payload=b"secr")).packets, [])
        self.assertEqual(payloads(self.say(4 * MS, 0, client(1001, payload=b"secret")).packets),
                         [b"[withheld]"])

    def test_delayed_packets_leave_at_their_time_and_are_rewritten_then(self):
        late = {"id": "late", "match": {"tcp.len": {"gt": 0}}, "verdict": {"delay": {"ms": 20}}}
        self.begin({**RULES, "rules": [late, SWAP]})
        self.greet()
        answer = self.say(3 * MS, 0, client(1001, payload=b"a secret sec"))
        self.assertEqual((answer.packets, answer.next_ns), ([], 23 * MS))
        answer = self.engine.time(22 * MS)
        self.assertEqual((answer.packets, answer.next_ns), ([], 23 * MS))
        answer = self.engine.time(23 * MS)
        self.assertEqual((payloads(answer.packets), answer.next_ns), ([b"a [withheld] "], 103 * MS))

    def test_a_deadline_nobody_named_was_kept_all_the_same(self):
        late = {"id": "late", "match": {"tcp.len": {"gt": 0}}, "verdict": {"delay": {"ms": 20}}}
        self.begin({**RULES, "rules": [late, SWAP]}, mode="replay")
        self.greet()
        self.say(3 * MS, 0, client(1001, payload=b"a secret sec"))
        answer = self.say(500 * MS, 1, server(9001))
        self.assertEqual(payloads(answer.packets), [b"a [withheld] ", b"sec", b""])

    def test_jitter_follows_the_seed(self):
        late = {"id": "late", "match": {}, "verdict": {"delay": {"ms": 20, "jitter_ms": 10}}}
        self.begin({"pktmod": 1, "rules": [late]})
        due = {}
        for seed in (1, 2, 1):
            self.engine.begin(seed=seed)
            due.setdefault(seed, set()).add(self.say(0, 0, TALK[0][2]).next_ns)
        self.assertEqual([len(times) for times in due.values()], [1, 1])
        self.assertNotEqual(due[1], due[2])

    def test_growth_is_cut_to_the_mtu_of_the_conversation(self):
        self.begin(RULES)
        for mtu, count in ((1500, 1), (100, 2)):
            self.engine.begin(mtu=mtu)
            self.greet()
            answer = self.say(3 * MS, 0, client(1001, payload=b"secret".ljust(60)))
            self.assertEqual(b"".join(payloads(answer.packets)), b"[withheld]".ljust(64))
            self.assertEqual(len(answer.packets), count)


def ip_packets(path):
    """(time in ns, IP packet) of an Ethernet or raw capture."""
    for record in captures.records(path):
        data = record.data
        if record.linktype == 1:
            data = data[14:14 + int.from_bytes(data[16:18], "big")] if data[14] >> 4 == 4 else \
                data[14:54 + int.from_bytes(data[18:20], "big")]
        yield int(record.time * 10**9), data


def write_raw_capture(path, packets):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 101))
        for now, data in packets:
            file.write(struct.pack("<IIII", now // 10**9, now % 10**9, len(data), len(data)) + data)


class Replay(unittest.TestCase):
    """A recording through the pipe gives the packets that `pktmod replay` gives."""

    def compare(self, name):
        folder, scratch = CASES / name, tempfile.TemporaryDirectory()
        packets = list(ip_packets(next(folder.glob("in.*"))))
        with scratch, open(folder / "rules.json", encoding="utf-8") as rules:
            before, after = (pathlib.Path(scratch.name) / part for part in ("in.pcap", "out.pcap"))
            write_raw_capture(before, packets)
            subprocess.run([PKTMOD, "replay", folder / "rules.json", "-r", before, "-w", after, "-q"],
                           check=True, timeout=60)
            expected = [data for _, data in ip_packets(after)]
            with Engine(PKTMOD, json.load(rules)) as engine:
                got = self.through(engine, packets)
        self.assertEqual(len(got), len(expected))
        for number, (ours, theirs) in enumerate(zip(got, expected), 1):
            self.assertEqual(ours, theirs, f"{name}: packet {number}")

    def through(self, engine, packets):
        sides = {}
        engine.begin(packets[0][0], mode="replay")
        got = []
        for now, data in packets:
            source = data[12:16] if data[0] >> 4 == 4 else data[8:24]
            answer = engine.packet(now, sides.setdefault(source, min(len(sides), 1)), data)
            got += [packet for _, packet in answer.packets]
        while answer.next_ns != NEVER:
            answer = engine.time(answer.next_ns)
            got += [packet for _, packet in answer.packets]
        return got

    def test_cases(self):
        for name in ("across-segments", "replace-longer", "replace-shorter", "replace-several",
                     "retransmission-recut", "sack", "sequence-wrap", "split-at-mtu", "out-of-order",
                     "delay-and-rewrite", "ipv6", "udp", "fin-and-reset", "link-raw"):
            with self.subTest(name):
                self.compare(name)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
