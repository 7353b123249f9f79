"""Ethernet frames with IP, TCP and UDP in them, open for changes: what tests plant errors with."""
import struct

import captures

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
SIDES = ((b"\xc0\x00\x02\x0a", 40000), (b"\xc6\x33\x64\x14", 80))


def ones_sum(data):
    data = bytes(data) + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


class Packet:
    """An Ethernet frame with IP in it, open for changes. Numbers are those on the wire."""

    def __init__(self, time_ns, frame):
        self.time_ns, self.frame = time_ns, bytearray(frame)

    def copy(self):
        return Packet(self.time_ns, self.frame)

    @property
    def is_v6(self):
        return self.frame[12:14] == b"\x86\xdd"

    @property
    def proto(self):
        if self.is_v6:
            return self.frame[20]
        return self.frame[23] if self.frame[12:14] == b"\x08\x00" else None

    @property
    def l4(self):
        return 54 if self.is_v6 else 14 + (self.frame[14] & 15) * 4

    @property
    def end(self):
        length = struct.unpack_from(">H", self.frame, 18 if self.is_v6 else 16)[0]
        return 14 + length + (40 if self.is_v6 else 0)

    @property
    def payload_at(self):
        return self.l4 + (8 if self.proto == 17 else (self.frame[self.l4 + 12] >> 4) * 4)

    @property
    def payload(self):
        return bytes(self.frame[self.payload_at:self.end])

    @payload.setter
    def payload(self, data):
        self.frame[self.payload_at:] = data
        struct.pack_into(">H", self.frame, 18 if self.is_v6 else 16,
                         len(self.frame) - (54 if self.is_v6 else 14))
        if self.proto == 17:
            struct.pack_into(">H", self.frame, self.l4 + 4, len(self.frame) - self.l4)

    def number(self, offset, form=">I"):
        return struct.unpack_from(form, self.frame, self.l4 + offset)[0]

    def put(self, offset, value, form=">I"):
        struct.pack_into(form, self.frame, self.l4 + offset, value % 2**(8 * struct.calcsize(form)))

    seq = property(lambda self: self.number(4), lambda self, value: self.put(4, value))
    ack = property(lambda self: self.number(8), lambda self, value: self.put(8, value))
    flags = property(lambda self: self.frame[self.l4 + 13],
                     lambda self, value: self.put(13, value, ">B"))
    ports = property(lambda self: (self.number(0, ">H"), self.number(2, ">H")))

    @property
    def sack_at(self):
        """Where the first edge stands, or None."""
        at = self.l4 + 20
        while at < self.payload_at and self.frame[at]:
            if self.frame[at] == 5:
                return at + 2
            at += 1 if self.frame[at] == 1 else self.frame[at + 1]
        return None

    def edges(self):
        count = (self.frame[self.sack_at - 1] - 2) // 4
        return list(struct.unpack_from(f">{count}I", self.frame, self.sack_at))

    def set_edges(self, edges):
        struct.pack_into(f">{len(edges)}I", self.frame, self.sack_at, *(e % 2**32 for e in edges))

    def fix_ip(self):
        self.frame[24:26] = b"\0\0"
        struct.pack_into(">H", self.frame, 24, 0xFFFF ^ ones_sum(self.frame[14:self.l4]))

    def fix(self):
        """Puts the checksums right."""
        if not self.is_v6:
            self.fix_ip()
        field = self.l4 + (6 if self.proto == 17 else 16)
        self.frame[field:field + 2] = b"\0\0"
        addresses = self.frame[22:54] if self.is_v6 else self.frame[26:34]
        pseudo = addresses + struct.pack(">IHBB", self.end - self.l4, 0, 0, self.proto)
        value = 0xFFFF ^ ones_sum(pseudo + self.frame[self.l4:self.end])
        struct.pack_into(">H", self.frame, field, value or 0xFFFF)
        return self


def read(path):
    records, damage = captures.read_all(path)
    assert not damage, damage
    return [Packet(int(record.time * 10**9), record.data) for record in records]


def write(path, packets):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        for packet in packets:
            size = len(packet.frame)
            file.write(struct.pack("<IIII", packet.time_ns // 10**9, packet.time_ns % 10**9, size, size))
            file.write(packet.frame)


def segment(time_ns, side, seq, ack, flags, data=b""):
    (src, sport), (dst, dport) = SIDES[side], SIDES[1 - side]
    tcp = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 8000, 0, 0) + data
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0) + src + dst
    return Packet(time_ns, bytes(12) + b"\x08\x00" + ip + tcp).fix()


def datagram(time_ns, side, port, data):
    (src, sport), (dst, _) = SIDES[side], SIDES[1 - side]
    udp = struct.pack(">HHHH", sport, port, 8 + len(data), 0) + data
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 7, 0, 64, 17, 0) + src + dst
    return Packet(time_ns, bytes(12) + b"\x08\x00" + ip + udp).fix()


def fragments(packet, size):
    """The parts of an IPv4 packet; each carries `size` bytes, a multiple of 8."""
    carried, found = bytes(packet.frame[34:]), []
    for at in range(0, len(carried), size):
        part = Packet(packet.time_ns, packet.frame[:34] + carried[at:at + size])
        more = 0x2000 if at + size < len(carried) else 0
        struct.pack_into(">H", part.frame, 16, len(part.frame) - 14)
        struct.pack_into(">H", part.frame, 20, more | at // 8)
        part.fix_ip()
        found.append(part)
    return found
