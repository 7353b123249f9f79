#!/usr/bin/env python3
"""check_streams.py [FOLDER...] - is what the cases expect what their captures should become?

Shares nothing with the project: tshark takes the packets apart and verifies their checksums, the
streams are put together here, and the expectation is a plain search and replace over them. Of each
folder with streams.json every capture that it names below expected/ is held to what stands there:

    {"out": {"to_server": [["find", "with"]], ...}}      expected/out.pcap or .pcapng

    to_server, to_client, udp   lists of [find, with], or [find, with, "regex"] as Python's re has
                                them; missing: that traffic is as it was
    max                         so many in each stream or datagram
    fragments                   true: IP fragments are put together
"""
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

FIELDS = ("frame.number ip.src ipv6.src ip.dst ipv6.dst tcp.srcport tcp.dstport tcp.seq_raw tcp.ack_raw "
          "tcp.flags tcp.payload udp.srcport udp.dstport udp.payload ip.checksum.status "
          "tcp.checksum.status udp.checksum.status tcp.options.sack_le tcp.options.sack_re "
          "ip.len").split()
Packet = collections.namedtuple("Packet", [name.replace(".", "_") for name in FIELDS])

FIN, SYN, RST, ACK = 1, 2, 4, 16
MTU = 1500


def dissect(path, fragments=False):
    """Every packet as tshark reads it. Absolute SACK edges; nothing is reassembled or guessed."""
    options = ["tcp.relative_sequence_numbers:FALSE", "tcp.desegment_tcp_streams:FALSE",
               "tcp.check_checksum:TRUE", "udp.check_checksum:TRUE", "ip.check_checksum:TRUE",
               f"ip.defragment:{fragments}", f"ipv6.defragment:{fragments}"]
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=a",
               "-Y", "not icmp and not icmpv6"]
    for option in options:
        command += ["-o", option]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return [Packet(*line.split("\t")) for line in done.stdout.splitlines()]


def replaced(data, pairs, most=0):
    """All finds at once, from left to right; at one place the earlier pair wins."""
    out, at, done = b"", 0, 0
    while at < len(data):
        found = next(filter(None, (pattern.match(data, at) for pattern, _ in pairs)), None)
        if found is None or (most and done == most):
            out += data[at:at + 1]
            at += 1
        else:
            out += found.expand(next(with_ for pattern, with_ in pairs if pattern is found.re))
            at = found.end()
            done += 1
    return out


class Side:
    """What one end of a connection sent."""

    def __init__(self):
        self.base = None
        self.bytes = {}
        self.end = 0        # one behind the last byte or FIN that was sent
        self.last_ack = None
        self.differing = 0  # bytes sent again as something else

    def place(self, seq):
        """The position of a sequence number: 0 is the first byte of data."""
        distance = (seq - self.base) % 2**32
        return distance - 2**32 if distance >= 2**31 else distance

    def send(self, packet):
        flags, data = int(packet.tcp_flags, 16), bytes.fromhex(packet.tcp_payload)
        seq = int(packet.tcp_seq_raw)
        if flags & SYN:
            self.base = (seq + 1) % 2**32
            return
        if self.base is None:
            self.base = seq
        start = self.place(seq)
        for i, byte in enumerate(data, start):
            if self.bytes.setdefault(i, byte) != byte:
                self.differing += 1
        self.end = max(self.end, start + len(data) + bool(flags & FIN))

    def stream(self):
        return bytes(self.bytes[i] for i in sorted(self.bytes))


class Connections:
    """The TCP connections of a capture, told by their ports."""

    def __init__(self, packets):
        self.sides = {}       # (address, port, address, port), of the sender first
        self.clients = set()  # such keys that sent the first packet
        self.ahead = 0        # acknowledgements and SACK edges of what was not sent
        self.largest = 0
        for packet in packets:
            if packet.tcp_srcport:
                self.take(packet)

    def take(self, packet):
        src, dst = packet.ip_src or packet.ipv6_src, packet.ip_dst or packet.ipv6_dst
        key, back = ((src, packet.tcp_srcport, dst, packet.tcp_dstport),
                     (dst, packet.tcp_dstport, src, packet.tcp_srcport))
        if key not in self.sides:
            self.sides[key], self.sides[back] = Side(), Side()
            self.clients.add(key)
        side, other = self.sides[key], self.sides[back]
        side.send(packet)
        self.largest = max(self.largest, int(packet.ip_len or 0))
        if int(packet.tcp_flags, 16) & ACK and other.base is not None:
            acked = other.place(int(packet.tcp_ack_raw))
            edges = [other.place(int(edge)) for edge in packet.tcp_options_sack_re.split(",") if edge]
            self.ahead += sum(edge > other.end for edge in [acked, *edges])
            if side.last_ack is None or acked > side.last_ack:
                side.last_ack = acked


def pairs_of(spec, name):
    pairs = []
    for find, with_, *kind in spec.get(name, []):
        find, with_ = find.encode(), with_.encode()
        if not kind:
            find, with_ = re.escape(find), with_.replace(b"\\", b"\\\\")
        pairs.append((re.compile(find), with_))
    return pairs


def stream_faults(before, after, spec):
    for key, side in before.sides.items():
        got = after.sides.get(key)
        direction = "to_server" if key in before.clients else "to_client"
        name = f"{':'.join(key[:2])} > {':'.join(key[2:])}"
        if got is None:
            yield f"{name} is missing"
            continue
        wanted = replaced(side.stream(), pairs_of(spec, direction), spec.get("max", 0))
        if got.stream() != wanted:
            yield f"{name}: stream {got.stream()[:200]!r}, expected {wanted[:200]!r}"
        if got.differing > side.differing:
            yield f"{name}: {got.differing} bytes were sent again as other bytes"
        back = key[2:] + key[:2]
        peer, peer_got = before.sides[back], after.sides[back]
        if side.last_ack == peer.end and got.last_ack != peer_got.end:
            yield f"{name}: acknowledges {got.last_ack} at last, expected {peer_got.end}"


def datagrams(packets):
    return [bytes.fromhex(p.udp_payload) for p in packets if p.udp_srcport]


def strange_quotes(path):
    """ICMP errors that quote a segment with a sequence number that its sender did not use."""
    names = "ip.src ipv6.src tcp.srcport ip.dst ipv6.dst tcp.dstport tcp.seq".split()

    def lines(which):
        command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=l", "-Y", which,
                   "-o", "tcp.relative_sequence_numbers:FALSE"]
        for name in names:
            command += ["-e", name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return done.stdout.splitlines()

    quotes = [line for line in lines("(icmp or icmpv6) and tcp") if not line.endswith("\t")]
    sent = set(lines("tcp and not icmp and not icmpv6")) if quotes else set()
    return [line for line in quotes if line not in sent]


def wrong_sums(packets):
    """(IP, TCP, UDP): packets of which tshark says the checksum is bad."""
    columns = zip(*[(p.ip_checksum_status, p.tcp_checksum_status, p.udp_checksum_status)
                    for p in packets])
    return [sum("0" in statuses.split(",") for statuses in column) for column in columns]


def compare(packets, out, spec):
    before, after = Connections(packets), Connections(out)
    yield from stream_faults(before, after, spec)
    if after.ahead > before.ahead:
        yield f"{after.ahead} acknowledgements of bytes that were not sent yet, before {before.ahead}"
    if after.largest > max(MTU, before.largest):
        yield f"a packet of {after.largest} bytes"
    udp = pairs_of(spec, "udp")
    wanted = sorted(replaced(data, udp, spec.get("max", 0)) for data in datagrams(packets))
    if sorted(datagrams(out)) != wanted:
        yield f"datagrams {sorted(datagrams(out))}, expected {wanted}"
    old, new = wrong_sums(packets), wrong_sums(out)
    if any(n > o for o, n in zip(old, new)):
        yield f"wrong checksums (IP, TCP, UDP) {new}, before {old}"


def faults(path, out, spec):
    """What is wrong with a written capture, made from the one at path."""
    packets = dissect(path, spec.get("fragments", False))
    if not packets:
        return ["tshark reads no packet"]
    found = list(compare(packets, dissect(out, spec.get("fragments", False)), spec))
    quotes = strange_quotes(out)
    if quotes and not strange_quotes(path):
        found += [f"quotes what was not sent: {line}" for line in quotes]
    return found


def capture(folder, stem):
    found = sorted(folder.glob(stem + ".pcap*"))
    if len(found) != 1:
        sys.exit(f"{folder}: not one capture {stem}")
    return found[0]


def main():
    folders = [pathlib.Path(name) for name in sys.argv[1:]]
    if not folders:
        folders = sorted(path.parent for path in HERE.glob("*/streams.json"))
    checks = [(folder, stem, spec) for folder in folders
              for stem, spec in json.loads((folder / "streams.json").read_text()).items()]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda check: faults(capture(check[0], "in"),
                                                     capture(check[0] / "expected", check[1]),
                                                     check[2]), checks))
    for (folder, stem, _), found in zip(checks, results):
        for fault in found:
            print(f"{folder.name}/expected/{stem}: {fault}")
    failed = sum(bool(found) for found in results)
    print(f"{len(checks)} captures, {failed} failed")
    sys.exit(1 if failed or not checks else 0)


if __name__ == "__main__":
    main()
