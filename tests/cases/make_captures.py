#!/usr/bin/env python3
"""make_captures.py [NAME...] - makes the input captures of the cases (needs scapy).

Every capture is made up: addresses from the documentation ranges, bytes of our own. The captures
are committed; this script is how they came to be, and gives the same bytes each time.
"""
import pathlib
import struct
import sys

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (ICMPv6PacketTooBig, ICMPv6TimeExceeded, IPv6, IPv6ExtHdrDestOpt,
                                IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, PadN)
from scapy.packet import Raw

HERE = pathlib.Path(__file__).resolve().parent
DEMO = HERE.parent.parent / "app" / "demo"

CLIENT, SERVER, OTHER = "192.0.2.10", "198.51.100.20", "203.0.113.30"
CLIENT6, SERVER6 = "2001:db8:1::10", "2001:db8:2::20"
START_NS = 1768469400 * 10**9  # 2026-01-15 09:30:00 UTC
MS = 10**6

MAC_CLIENT, MAC_SERVER = bytes.fromhex("020000000010"), bytes.fromhex("020000000020")


# ---------------------------------------------------------------- link layers

def is_v6(ip):
    return ip[0] >> 4 == 6


def ether_type(ip):
    return struct.pack(">H", 0x86DD if is_v6(ip) else 0x0800)


def ethernet(ip, out, tags=b""):
    macs = MAC_SERVER + MAC_CLIENT if out else MAC_CLIENT + MAC_SERVER
    frame = macs + tags + ether_type(ip) + ip
    return frame + bytes(max(0, 60 - len(frame)))


def vlan(ip, out):
    return ethernet(ip, out, bytes.fromhex("8100 0064"))


def qinq(ip, out):
    return ethernet(ip, out, bytes.fromhex("88a8 00c8 8100 0064"))


def raw(ip, _out):
    return ip


def null(ip, _out):
    return struct.pack("<I", 30 if is_v6(ip) else 2) + ip


def loop(ip, _out):
    return struct.pack(">I", 30 if is_v6(ip) else 2) + ip


def sll(ip, out):
    mac = MAC_CLIENT if out else MAC_SERVER
    return struct.pack(">HHH", 4 if out else 0, 1, 6) + mac + b"\0\0" + ether_type(ip) + ip


def sll2(ip, out):
    mac = MAC_CLIENT if out else MAC_SERVER
    return ether_type(ip) + b"\0\0" + struct.pack(">IHBB", 2, 1, 4 if out else 0, 6) + mac + b"\0\0" + ip


LINKS = {"ethernet": (1, ethernet), "vlan": (1, vlan), "qinq": (1, qinq), "raw": (101, raw),
         "null": (0, null), "loop": (108, loop), "sll": (113, sll), "sll2": (276, sll2)}


# ---------------------------------------------------------------- packets in time

class Trace:
    """Packets with their times, in the order they were seen. `out`: sent by the client."""

    def __init__(self, link="ethernet", step_ns=10 * MS):
        self.linktype, self.wrap = LINKS[link]
        self.now = START_NS
        self.step = step_ns
        self.packets = []  # (time_ns, frame, orig_len, out)

    def add(self, packet, out=True, after=None):
        self.now += self.step if after is None else after
        ip = packet if isinstance(packet, bytes) else bytes(packet)
        frame = self.wrap(ip, out)
        self.packets.append((self.now, frame, len(frame), out))
        return len(self.packets)


class Talk:
    """A TCP connection in a trace; numbers advance by what is sent."""

    def __init__(self, trace, v6=False, cport=40000, sport=80, isn=(1000, 5000), server=None,
                 extension=None):
        self.trace = trace
        self.v6 = v6
        self.ends = (CLIENT6, SERVER6) if v6 else (CLIENT, server or SERVER)
        self.ports = (cport, sport)
        self.next = list(isn)
        self.extension = extension
        self.ident = 1

    def segment(self, side, flags, data=b"", seq=None, ack=None, after=None, **fields):
        """side 0: from the client. seq and ack are absolute; by default where the talk stands."""
        src, dst = self.ends[side], self.ends[1 - side]
        if self.v6:
            ip = IPv6(src=src, dst=dst, hlim=64)
            if self.extension is not None:
                ip = ip / self.extension
        else:
            ip = IP(src=src, dst=dst, id=self.ident, ttl=64, flags="DF")
            self.ident += 1
        number = self.next[side] if seq is None else seq
        acked = self.next[1 - side] if ack is None else ack
        tcp = TCP(sport=self.ports[side], dport=self.ports[1 - side], flags=flags,
                  seq=number % 2**32, ack=acked % 2**32 if "A" in flags else 0,
                  window=fields.pop("window", 64240), **fields)
        frame = self.trace.add(ip / tcp / Raw(data) if data else ip / tcp, side == 0, after)
        if seq is None:
            self.next[side] += len(data) + flags.count("S") + flags.count("F")
        return frame

    def open(self, **fields):
        options = [("MSS", 1460), ("SAckOK", b""), ("NOP", None), ("WScale", 7)]
        self.segment(0, "S", options=options, **fields)
        self.segment(1, "SA", options=options, **fields)
        self.segment(0, "A")
        return self

    def say(self, side, data, size=1460):
        """Data in segments, each acknowledged."""
        for start in range(0, len(data), size):
            self.segment(side, "PA", data[start:start + size])
            self.segment(1 - side, "A")

    def close(self):
        self.segment(0, "FA")
        self.segment(1, "FA")
        self.segment(0, "A")


def udp(src, dst, sport, dport, data, **fields):
    ip = IPv6(src=src, dst=dst) if ":" in src else IP(src=src, dst=dst, id=7, ttl=64)
    return ip / UDP(sport=sport, dport=dport, **fields) / Raw(data)


def dns_query(ident, name):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack(">HHHHHH", ident, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


# ---------------------------------------------------------------- files

def write_pcap(path, trace, order="<", nano=False, snaplen=262144):
    magic, unit = (0xA1B23C4D, 1) if nano else (0xA1B2C3D4, 1000)
    body = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, trace.linktype)
    for time, frame, orig_len, _ in trace.packets:
        kept = frame[:snaplen]
        body += struct.pack(order + "IIII", time // 10**9, time % 10**9 // unit, len(kept), orig_len)
        body += kept
    path.write_bytes(body)


class Pcapng:
    """Blocks of a pcapng file."""

    def __init__(self, order="<"):
        self.order = order
        self.body = b""

    def block(self, kind, body):
        body += bytes(-len(body) % 4)
        length = struct.pack(self.order + "I", len(body) + 12)
        self.body += struct.pack(self.order + "I", kind) + length + body + length

    def options(self, options):
        out = b""
        for code, value in options:
            out += struct.pack(self.order + "HH", code, len(value)) + value + bytes(-len(value) % 4)
        return out + bytes(4) if options else b""

    def section(self, *options):
        self.block(0x0A0D0D0A, struct.pack(self.order + "IHHq", 0x1A2B3C4D, 1, 0, -1) +
                   self.options(options))

    def interface(self, linktype, name=None, tsresol=9, snaplen=0, offset=None):
        options = [(9, bytes([tsresol]))]
        if name:
            options.insert(0, (2, name.encode()))
        if offset is not None:
            options.append((14, struct.pack(self.order + "q", offset)))
        self.block(1, struct.pack(self.order + "HHI", linktype, 0, snaplen) + self.options(options))

    def packet(self, interface, ticks, frame, *options, orig_len=None):
        self.block(6, struct.pack(self.order + "IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF,
                                  len(frame), orig_len or len(frame)) +
                   frame + bytes(-len(frame) % 4) + self.options(options))

    def flags(self, value):
        return (2, struct.pack(self.order + "I", value))


def write_pcapng(path, trace, with_direction=True):
    file = Pcapng()
    file.section((4, b"make_captures.py"))
    file.interface(trace.linktype, "eth0")
    for time, frame, _, out in trace.packets:
        file.packet(0, time, frame, *([file.flags(2 if out else 1)] if with_direction else []))
    path.write_bytes(file.body)


# ---------------------------------------------------------------- what the cases show

REQUEST = b"GET /secret/a HTTP/1.1\r\nHost: shop.example\r\nX-Token: secret\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"


def web(trace, **talk):
    """Two requests on one connection; `secret` stands twice in the first, once in each answer."""
    t = Talk(trace, **talk).open()
    t.say(0, REQUEST)
    t.say(1, ANSWER + b"the secret is out\n" + b"." * 900, size=600)
    t.say(0, b"GET /b HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    t.say(1, ANSWER + b"no secret here, or: secretsecret\n")
    t.close()
    return trace


def telnet(trace):
    t = Talk(trace, cport=40023, sport=23)
    t.open()
    t.say(1, b"login: ")
    t.say(0, b"guest\r\n")
    web(trace)
    t.close()
    Talk(trace, cport=40024, sport=2323).open().close()
    return trace


def names(trace, count=6):
    """DNS questions and answers, 20 ms apart, and a web talk in between."""
    trace.step = 20 * MS
    for i in range(count):
        query = dns_query(i, f"host{i}.example")
        trace.add(udp(CLIENT, OTHER, 50000 + i % 2, 53, query))
        trace.add(udp(OTHER, CLIENT, 53, 50000 + i % 2, query[:2] + b"\x81\x80" + query[4:]), out=False)
    return trace


def recut(trace):
    """What was sent is sent again, cut in other places."""
    t = Talk(trace).open()
    data = b"one secret, two secrets, three secrets; and a tail"
    base = t.next[0]
    t.segment(0, "PA", data[:24])   # "one secret, two secrets,"
    t.segment(0, "PA", data[24:])
    for start, end in ((0, 6), (6, 30), (3, 14), (0, 50), (30, 50), (7, 8)):
        t.segment(0, "PA", data[start:end], seq=base + start)
    t.segment(1, "A")
    t.say(0, b" then a last secret")
    t.close()
    return trace


def small_cuts(trace):
    """A sender that writes five bytes at a time: finds lie across segments."""
    trace.step = 2 * MS
    t = Talk(trace).open()
    t.say(0, b"my secret, our secretsecret, a secre and a sec\r\n", size=5)
    t.say(1, ANSWER + b"secret\n", size=7)
    t.close()
    return trace


def cut_requests(trace):
    """Requests with cookies and card numbers, in pieces of 7 bytes; the last one ends with its FIN."""
    trace.step = 2 * MS
    t = Talk(trace).open()
    t.say(0, b"GET /a HTTP/1.1\r\nCookie: id=1\r\nX: Cookie: stays\r\ncookie: a=b; c=d\r\n\r\n", size=7)
    t.say(1, ANSWER + b"4000 0012 3456 7899, 40000012345678990, 4000-0012-3456-7891\n", size=7)
    t.say(0, b"POST /pay HTTP/1.1\r\n\r\ncard=4000001234567892", size=7)
    t.close()
    return trace


def reordered(trace):
    """Segments overtake each other, the one with the FIN too."""
    trace.step = 2 * MS
    t = Talk(trace).open()
    data = b"first a secret, then another secret and the last secret"
    base = t.next[0]
    for start, end in ((0, 10), (20, 30), (13, 22), (10, 13), (44, len(data)), (30, 44)):
        flags = "FPA" if end == len(data) else "PA"
        t.segment(0, flags, data[start:end], seq=base + start)
    t.next[0] += len(data) + 1
    t.segment(1, "A")
    t.segment(1, "FA")
    t.segment(0, "A")
    return trace


def lossy(trace):
    """The recorder missed a segment that the receiver acknowledged."""
    t = Talk(trace).open()
    t.segment(0, "PA", b"one secret and a sec")
    t.segment(1, "A")
    t.next[0] += 30
    t.segment(0, "PA", b"ret or a secret")
    t.segment(1, "A")
    t.close()
    return trace


def slow(trace):
    """Half a find, and the other half much later."""
    t = Talk(trace).open()
    t.segment(0, "PA", b"half a sec")
    t.segment(1, "A", after=200 * MS)
    t.segment(0, "PA", b"ret and a secret")
    t.segment(1, "A")
    t.close()
    return trace


def sack(trace):
    """The receiver misses a segment (lost after the recorder) and tells what it has beyond."""
    t = Talk(trace).open()
    base = t.next[0]
    parts = [b"secret " * 20 + b"%d" % i for i in range(4)]
    starts = [base]
    for part in parts:
        t.segment(0, "PA", part)
        starts.append(starts[-1] + len(part))
    for last in (3, 4):
        t.segment(1, "A", ack=starts[1],
                  options=[("NOP", None), ("NOP", None), ("SAck", (starts[2], starts[last]))])
    t.segment(1, "A", ack=starts[1], options=[
        ("NOP", None), ("NOP", None), ("SAck", (starts[3], starts[4], starts[2], starts[3]))])
    t.segment(0, "PA", parts[1], seq=starts[1])
    t.segment(1, "A")
    t.close()
    return trace


def fin_and_reset(trace):
    """Numbers of FIN and RST stand behind edits; a FIN carries data."""
    t = Talk(trace, cport=40001).open()
    t.say(0, b"my secret")
    t.segment(0, "FPA", b" and one more secret")
    t.segment(1, "A")
    t.segment(1, "FA")
    t.segment(0, "A")
    u = Talk(trace, cport=40002, isn=(7000, 9000)).open()
    u.say(0, b"secret secret")
    u.say(1, b"an answer")
    u.segment(1, "RA")
    v = Talk(trace, cport=40003, isn=(70, 90)).open()
    v.say(0, b"secret")
    v.segment(0, "R")
    return trace


def large(trace):
    """Full segments that grow over the MTU, the last with FIN."""
    t = Talk(trace).open()
    t.say(0, (b"secret" + b"x" * 94) * 29 + b"z" * 20)
    t.segment(0, "FPA", (b"secret" + b"y" * 140) * 10)
    t.segment(1, "A")
    t.segment(1, "FA")
    t.segment(0, "A")
    return trace


def syslog(trace):
    """Datagrams that a rule rewrites: both IP versions, with and without checksum."""
    for text in (b"<13>login secret", b"<13>nothing", b"secret" * 3):
        trace.add(udp(CLIENT, SERVER, 50514, 514, text))
        trace.add(udp(CLIENT, SERVER, 50515, 514, text, chksum=0))
        trace.add(udp(CLIENT6, SERVER6, 50516, 514, text))
    trace.add(udp(SERVER, CLIENT, 514, 50514, b"secret back"), out=False)
    return trace


def fragment(packet, start, end, ident, more=None):
    """Bytes start to end of what an IP packet without options or extension headers carries."""
    whole = bytes(packet)
    if is_v6(whole):
        body = whole[40:]
        more = end < len(body) if more is None else more
        head = IPv6(src=packet.src, dst=packet.dst) / \
            IPv6ExtHdrFragment(nh=whole[6], offset=start // 8, m=int(more), id=ident)
        return head / Raw(body[start:end])
    body = whole[20:]
    more = end < len(body) if more is None else more
    return IP(src=packet.src, dst=packet.dst, id=ident, ttl=64, proto=whole[9], frag=start // 8,
              flags="MF" if more else 0) / Raw(body[start:end])


def fragments(packet, size, ident, order=None):
    length = len(bytes(packet)) - (40 if is_v6(bytes(packet)) else 20)
    pieces = [fragment(packet, at, min(at + size, length), ident) for at in range(0, length, size)]
    return [pieces[i] for i in order or range(len(pieces))]


def pieces(trace):
    """Packets in fragments: in order, reversed, twice; with and without a find at their borders; to
    another port; one that never gets whole; a TCP segment."""
    dots = (13, 18, 19, 10)  # fragments end 16, 40 and 64 bytes into the payload
    text = b"secret".join(b"." * count for count in dots)
    for src, dst in ((CLIENT, SERVER), (CLIENT6, SERVER6)):
        for number, (data, order, port) in enumerate((
                (text, None, 514), (text, (3, 2, 1, 0), 514), (text, (0, 1, 1, 2, 3), 514),
                (b"nothing to find here" * 4, (2, 1, 0, 2, 3), 514), (text.upper(), (1, 0, 2, 3), 515))):
            packet = udp(src, dst, 50514, port, data)
            for piece in fragments(packet, 24, 100 + number, order):
                trace.add(piece)
        for at in (0, 48):
            trace.add(fragment(udp(src, dst, 50514, 514, text), at, at + 24, 200))
    talk = Talk(trace).open()
    segment = IP(src=CLIENT, dst=SERVER, ttl=64) / TCP(
        sport=40000, dport=80, flags="PA", seq=talk.next[0], ack=talk.next[1]) / Raw(b"GET /secret?" * 20)
    for piece in fragments(segment, 136, 300, (1, 0)):
        trace.add(piece)
    talk.next[0] += 240
    talk.segment(1, "A")
    talk.say(0, b"the end of the secret")
    talk.close()
    return trace


def contradictions(trace):
    """Fragments that overlap, end twice, or are too long; then datagrams that are sound."""
    for src, dst in ((CLIENT, SERVER), (CLIENT6, SERVER6)):
        def part(start, end, ident, text=b"a harmless text, nothing else to be seen", more=None):
            trace.add(fragment(udp(src, dst, 50514, 514, text), start, end, ident, more))
        part(0, 24, 1)
        part(16, 32, 1, b"................the secret stands here ")
        part(32, 48, 1)
        part(0, 24, 2)
        part(0, 24, 2, b"the same place, but other bytes of secret")
        part(24, 48, 2)
        part(8, 16, 3, more=False)
        part(24, 32, 3, more=False)
        part(0, 13, 4, more=True)
        part(16, 48, 4)
        for piece in fragments(udp(src, dst, 50514, 514, b"a secret that is sound"), 16, 5):
            trace.add(piece)
    return trace


def near_the_mtu(trace, may_cut=True):
    """Datagrams that outgrow 1500 bytes, and one that does not: over IPv4 whose sender lets them be
    cut; else over IPv4 that does not, and IPv6."""
    for size in (1470, 1471, 1472):
        data = b"secret" + b"." * (size - 6)
        packet = udp(CLIENT, SERVER, 50514, 514, data)
        if not may_cut:
            packet.flags = "DF"
            trace.add(udp(CLIENT6, SERVER6, 50514, 514, data[:-20]))
        trace.add(packet)
    return trace


def quotes(trace):
    """Routers quote segments of a talk: 8 bytes, the header, all of it."""
    router, router6 = "203.0.113.1", "2001:db8:3::1"
    for is_v6_talk in (False, True):
        talk = Talk(trace, v6=is_v6_talk).open()
        talk.say(0, b"GET /token HTTP/1.1\r\n\r\n")
        talk.say(1, b"token, token")
        talk.segment(0, "PA", b"GET /again HTTP/1.1\r\nX: token\r\n\r\n")
        sent = trace.packets[-1][1][14:]
        if is_v6_talk:
            header = 60
            errors = [ICMPv6TimeExceeded(), ICMPv6PacketTooBig(mtu=1280)]
            errors = [IPv6(src=router6, dst=CLIENT6) / error for error in errors]
        else:
            header = 40
            errors = [ICMP(type=11), ICMP(type=3, code=4, nexthopmtu=1400), ICMP(type=3, code=1)]
            errors = [IP(src=router, dst=CLIENT, ttl=60) / error for error in errors]
        for error, quoted in zip(errors, (header - 12, header, len(sent))):
            trace.add(error / Raw(sent[:quoted]), out=False)
        talk.segment(1, "A")
        talk.close()
    return trace


def sums(trace):
    """Segments and datagrams whose checksum is right, wrong, zero, and only the pseudo header's."""
    def pseudo(packet):
        whole = bytes(packet)
        proto, length = whole[9], len(whole) - 20
        words = struct.unpack(">4H", whole[12:20]) + (proto, length)
        total = sum(words)
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return total

    for number, (port, kind) in enumerate(((50601, "right"), (50602, "wrong"), (50603, "zero"),
                                           (50604, "partial"))):
        good = udp(CLIENT, SERVER, port, 514, b"a secret")
        value = {"right": None, "wrong": 0x1234, "zero": 0, "partial": pseudo(good)}[kind]
        trace.add(udp(CLIENT, SERVER, port, 514, b"a secret", chksum=value))
        t = Talk(trace, cport=40600 + number).open()
        header = IP(src=CLIENT, dst=SERVER, id=900 + number, flags="DF")
        good = header / TCP(sport=t.ports[0], dport=80, flags="PA", seq=t.next[0], ack=t.next[1]) / Raw(b"a secret")
        good[TCP].chksum = {"right": None, "wrong": 0x1234, "zero": 0, "partial": pseudo(good)}[kind]
        trace.add(good)
        t.next[0] += 8
        t.segment(1, "A")
        t.close()
    return trace


def fields(trace):
    """One of each for header edits: ICMP, ICMPv6-less, UDP, TCP, and an ARP that has none."""
    trace.add(IP(src=CLIENT, dst=SERVER, id=1, ttl=64) / ICMP(id=1, seq=1) / Raw(b"ping secret"))
    trace.add(IP(src=SERVER, dst=CLIENT, id=2, ttl=60, tos=0x28) / ICMP(type=0, id=1, seq=1) / Raw(b"ping secret"), out=False)
    trace.add(udp(CLIENT, SERVER, 50000, 514, b"datagram"))
    trace.add(udp(CLIENT6, SERVER6, 50000, 514, b"datagram"))
    web(trace)
    arp = MAC_SERVER + MAC_CLIENT + bytes.fromhex("0806 0001 0800 06 04 0001") + MAC_CLIENT + \
        bytes([192, 0, 2, 10]) + bytes(6) + bytes([192, 0, 2, 1]) + bytes(18)
    trace.now += trace.step
    trace.packets.append((trace.now, arp, len(arp), True))
    return trace


def interfaces():
    """Two sections of either byte order; interfaces of several link types and clocks; comments,
    names, statistics and somebody's own block in between; simple and obsolete packets."""
    a, b, c = Trace("ethernet"), Trace("raw"), Trace("sll")
    web(a)
    for trace, port in ((b, 50001), (c, 50002)):
        trace.add(udp(CLIENT, SERVER, port, 514, b"secret over " + str(port).encode()))
        trace.add(udp(SERVER, CLIENT, 514, port, b"secret returned"), out=False)
    parts = []
    for order in "<>":
        file = Pcapng(order)
        file.section((1, b"a comment on the section"), (4, b"make_captures.py"))
        file.interface(1, "wan0")
        file.interface(101, "tun0", tsresol=6)
        file.interface(113, None, tsresol=0x94, offset=1000)
        file.block(4, struct.pack(order + "HH4s", 1, 19, bytes([192, 0, 2, 10])) + b"client.example\0" + bytes(5))
        for i, (time, frame, _, out) in enumerate(a.packets):
            options = [file.flags(2 if out else 1)]
            if i == 3:
                options += [(1, "kommentiert: schön".encode()), (3, b"\x02abcd"), (5, struct.pack(order + "Q", 77))]
            file.packet(0, time, frame, *options)
            if i == 4:
                file.block(0x80000BAD, struct.pack(order + "I", 32473) + b"somebody's own data")
            if i == 5:
                for when, other, _, sent in b.packets:
                    file.packet(1, when // 1000, other, file.flags(2 if sent else 1))
            if i == 6:
                for when, other, _, _sent in c.packets:
                    ticks = (when - 1000 * 10**9) * 2**20 // 10**9
                    file.packet(2, ticks, other)
        simple = ethernet(bytes(udp(CLIENT, SERVER, 50003, 514, b"a simple secret")), True)
        file.block(3, struct.pack(order + "I", len(simple)) + simple)
        old = ethernet(bytes(udp(CLIENT, SERVER, 50004, 514, b"an old secret")), True)
        ticks = a.now + 5 * MS
        file.block(2, struct.pack(order + "HHIIII", 0, 0xFFFF, ticks >> 32, ticks & 0xFFFFFFFF,
                                  len(old), len(old)) + old + bytes(-len(old) % 4) +
                   file.options([file.flags(2)]))
        file.block(5, struct.pack(order + "III", 0, ticks >> 32, ticks & 0xFFFFFFFF))
        parts.append(file.body)
    return b"".join(parts)


def demo(trace):
    """An office in ten seconds: a web talk whose token is to be swapped, telnet that is to be
    refused, slow names, a log over UDP."""
    trace.step = 40 * MS
    t = Talk(trace, cport=40023, sport=23)
    for retry in range(3):
        t.segment(0, "S", seq=t.next[0], options=[("MSS", 1460)], after=(retry + 1) * 40 * MS)
    t.next[0] += 1
    t.segment(1, "SA", options=[("MSS", 1460)])
    t.segment(0, "A")
    t.say(1, b"login: ")
    t.say(0, b"guest\r\n")
    names(trace, 3)
    trace.step = 40 * MS
    web(trace)
    trace.add(udp(CLIENT, OTHER, 50514, 514, b"<13>login with token secret"))
    trace.add(udp(CLIENT, OTHER, 50514, 514, b"<13>logout"))
    t.close()
    return trace


# ---------------------------------------------------------------- which case has which

def pcap(maker, link="ethernet", **file):
    return lambda path: write_pcap(path / "in.pcap", maker(Trace(link)), **file)


def pcapng(maker, link="ethernet", **file):
    return lambda path: write_pcapng(path / "in.pcapng", maker(Trace(link)), **file)


def cut(maker, name, keep):
    """Half a file: the first `keep` bytes of what maker makes."""
    def make(path):
        maker(path)
        whole = (path / name).read_bytes()
        (path / name).write_bytes(whole[:keep])
    return make


def v6(trace):
    extension = IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(4))]) / \
        IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(12))])
    web(trace, v6=True, cport=40001)
    return web(trace, v6=True, cport=40002, extension=extension)


def wrap(trace):
    web(trace, isn=(2**32 - 40, 2**32 - 300))
    return web(trace, cport=40001, isn=(2**32 - 1, 2**32 - 2))


CASES = {
    "drop-telnet": pcap(telnet),
    "default-drop": pcap(telnet, order=">"),
    "log-only": pcap(web),
    "delay": pcapng(names, with_direction=False),
    "delay-jitter": pcap(names, nano=True),
    "delay-overtaking": pcap(names),
    "delay-full": pcap(names),
    "delay-and-rewrite": pcapng(web),
    "replace-longer": pcap(web),
    "replace-equal": pcap(web, order=">"),
    "replace-shorter": pcap(web, nano=True),
    "replace-empty": pcap(web, order=">", nano=True),
    "replace-several": pcapng(web),
    "retransmission-recut": pcap(recut),
    "across-segments": pcap(small_cuts),
    "stream-drop": pcap(small_cuts),
    "replace-regex": pcap(cut_requests),
    "out-of-order": pcapng(reordered),
    "lost-in-recording": pcap(lossy),
    "held-too-long": pcapng(slow),
    "sack": pcap(sack),
    "fin-and-reset": pcap(fin_and_reset),
    "sequence-wrap": pcap(wrap),
    "split-at-mtu": pcapng(large),
    "views": pcap(web),
    "local": pcap(lambda trace: web(trace, server=OTHER)),
    "ipv6": pcap(v6),
    "udp": pcap(syslog),
    "fragments": pcap(pieces),
    "fragments-contradict": pcap(contradictions),
    "udp-growth": pcap(near_the_mtu),
    "udp-growth-refused": pcap(lambda trace: near_the_mtu(trace, may_cut=False)),
    "icmp-quotes": pcapng(quotes),
    "checksums": pcap(sums),
    "header-fields": pcap(fields),
    "language": pcap(telnet),
    "midstream": lambda path: write_pcap(path / "in.pcap", midstream(Trace())),
    "snaplen": pcap(web, snaplen=96),
    "interfaces": lambda path: (path / "in.pcapng").write_bytes(interfaces()),
    "half-pcap": cut(pcap(web), "in.pcap", 1000),
    "half-pcapng": cut(pcapng(web), "in.pcapng", 1001),
    "command-line": pcap(web),
} | {f"link-{link}": pcap(web, link) for link in LINKS if link != "ethernet"}


def midstream(trace):
    web(trace)
    del trace.packets[:4]
    return trace


def main():
    wanted = sys.argv[1:] or [*CASES, "demo"]
    for name in wanted:
        if name == "demo":
            DEMO.mkdir(exist_ok=True)
            write_pcapng(DEMO / "demo.pcapng", demo(Trace()), with_direction=False)
            continue
        (HERE / name).mkdir(exist_ok=True)
        CASES[name](HERE / name)


if __name__ == "__main__":
    main()
