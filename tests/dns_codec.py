"""dns_codec.py - DNS messages for tests, read and written by nobody's code but this.

A message is a dict: id, flags, and the sections qd (name, type, class) and an, ns, ar (name, type,
class, ttl, data). A name is a tuple of labels; data is a list of bytes and names.
"""
import struct

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, NAPTR, DNAME, OPT, RRSIG, SVCB, HTTPS, TSIG = (
    1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 39, 41, 46, 64, 65, 250)
SECTIONS = ("an", "ns", "ar")
# What stands before the names, how many there are, whether they may be written short.
LAYOUT = {NS: (0, 1, True), CNAME: (0, 1, True), SOA: (0, 2, True), PTR: (0, 1, True), MX: (2, 1, True),
          SRV: (6, 1, False), DNAME: (0, 1, False), SVCB: (2, 1, False), HTTPS: (2, 1, False)}


class Bad(Exception):
    """No DNS message."""


def name(text):
    return tuple(label.encode() for label in text.split(".") if label)


class Writer:
    def __init__(self, shorten):
        self.out, self.places, self.shorten = bytearray(12), {}, shorten

    def name(self, labels, may_shorten=True):
        for i in range(len(labels)):
            rest = labels[i:]
            if may_shorten and rest in self.places and self.shorten():
                self.out += struct.pack(">H", 0xC000 | self.places[rest])
                return
            if len(self.out) < 0x4000 and may_shorten:
                self.places.setdefault(rest, len(self.out))
            self.out += bytes([len(labels[i])]) + labels[i]
        self.out += b"\0"

    def data(self, kind, parts):
        begin = len(self.out)
        self.out += b"\0\0"
        for part in parts:
            if isinstance(part, tuple):
                self.name(part, LAYOUT[kind][2] if kind in LAYOUT else False)
            else:
                self.out += part
        struct.pack_into(">H", self.out, begin, len(self.out) - begin - 2)


def write(message, shorten=lambda: True):
    w = Writer(shorten)
    for labels, kind, klass in message["qd"]:
        w.name(labels)
        w.out += struct.pack(">HH", kind, klass)
    for section in SECTIONS:
        for labels, kind, klass, ttl, parts in message[section]:
            w.name(labels)
            w.out += struct.pack(">HHI", kind, klass, ttl)
            w.data(kind, parts)
    counts = [len(message[s]) for s in ("qd", *SECTIONS)]
    struct.pack_into(">6H", w.out, 0, message["id"], message["flags"], *counts)
    return bytes(w.out)


class Reader:
    def __init__(self, raw):
        self.raw, self.at = raw, 12

    def take(self, count):
        if self.at + count > len(self.raw):
            raise Bad("short")
        self.at += count
        return self.raw[self.at - count:self.at]

    def numbers(self, layout):
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    def name(self):
        labels, back, jumps = [], None, 0
        while True:
            length = self.take(1)[0]
            if length >= 0xC0:
                target = (length & 0x3F) << 8 | self.take(1)[0]
                back = self.at if back is None else back
                self.at, jumps = target, jumps + 1
                if jumps > 128 or target >= len(self.raw):
                    raise Bad("pointer")
            elif length > 63:
                raise Bad("label")
            elif length == 0:
                break
            else:
                labels.append(self.take(length))
        if back is not None:
            self.at = back
        if sum(len(label) + 1 for label in labels) > 254:
            raise Bad("long name")
        return tuple(labels)

    def data(self, kind, length):
        end = self.at + length
        if kind not in LAYOUT:
            return [self.take(length)]
        head, names, _ = LAYOUT[kind]
        parts = [self.take(head)] if head else []
        parts += [self.name() for _ in range(names)]
        if self.at > end:
            raise Bad("data")
        return parts + ([self.take(end - self.at)] if self.at < end else [])


def read(raw):
    r = Reader(raw)
    r.at = 0
    number, flags, *counts = r.numbers(">6H")
    message = {"id": number, "flags": flags, "qd": []}
    for _ in range(counts[0]):
        message["qd"].append((r.name(), *r.numbers(">HH")))
    for section, count in zip(SECTIONS, counts[1:]):
        message[section] = []
        for _ in range(count):
            labels = r.name()
            kind, klass, ttl, length = r.numbers(">HHIH")
            if r.at + length > len(raw):
                raise Bad("short data")
            message[section].append((labels, kind, klass, ttl, r.data(kind, length)))
    message["rest"] = len(raw) - r.at
    return message
