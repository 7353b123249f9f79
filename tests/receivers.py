"""Models of who receives what the engine sends, as different as stacks are.

A strict one believes only what a careful stack would; a credulous one believes every byte it is
offered. Where copies of a byte differ, one keeps the first, the other the last. If all of them read
the same, no stack reads anything else.
"""
import struct

import segments
from segments import ACK, FIN, RST, SYN, URG

WINDOW = 65535


def headers(packet):
    """(protocol, bytes behind the IP header, fragment: (id, offset, more) or None)"""
    if packet[0] >> 4 == 6:
        following, offset, piece = packet[6], 40, None
        end = 40 + int.from_bytes(packet[4:6], "big")
        while following in (0, 43, 60, 44):
            if following == 44:
                where, ident = struct.unpack(">HI", packet[offset + 2:offset + 8])
                piece = (ident, where & 0xFFF8, where & 1)
                if piece[1:] == (0, 0):
                    piece = None
            size = 8 if following == 44 else 8 * (packet[offset + 1] + 1)
            following, offset = packet[offset], offset + size
            if piece:
                break
        return following, packet[offset:end], piece
    size, total = (packet[0] & 15) * 4, int.from_bytes(packet[2:4], "big")
    ident, where = struct.unpack(">HH", packet[4:8])
    piece = (ident, (where & 0x1FFF) * 8, where >> 13 & 1) if where & 0x3FFF else None
    return packet[9], packet[size:total], piece


def fault(packet):
    """What is wrong with the packet, or None. Bytes behind its IP length are allowed, as on Ethernet."""
    if packet[0] >> 4 == 4:
        size, total = (packet[0] & 15) * 4, int.from_bytes(packet[2:4], "big")
        if size < 20 or total < size or total > len(packet):
            return f"IPv4 header of {size}, total length {total} of {len(packet)}"
        if segments.checksum(packet[:size]) != 0xFFFF:
            return "IPv4 header checksum is wrong"
        both = packet[12:20]
    else:
        if 40 + int.from_bytes(packet[4:6], "big") > len(packet):
            return "IPv6 length is beyond the packet"
        both = packet[8:40]
    proto, body, piece = headers(packet)
    if piece or proto not in (6, 17) or (proto == 17 and body[6:8] == b"\0\0"):
        return None
    if proto == 17:
        body = body[:int.from_bytes(body[4:6], "big")]
    if segments.checksum(both + struct.pack(">IHH", len(body), 0, proto) + body) != 0xFFFF:
        return "its checksum is wrong"
    if proto == 6 and not 20 <= (body[12] >> 4) * 4 <= len(body):
        return f"TCP header of {(body[12] >> 4) * 4} in {len(body)}"
    return None


class Reassembly:
    """Fragments of one receiver; first or last copy of a byte wins."""

    def __init__(self, last_wins):
        self.last_wins, self.parts = last_wins, {}

    def whole(self, packet):
        """(protocol, datagram) if the packet is or completes one, else None."""
        proto, body, piece = headers(packet)
        if piece is None:
            return proto, body
        ident, offset, more = piece
        cells, end = self.parts.setdefault((proto, ident), ({}, []))
        for at, byte in enumerate(body, offset):
            if self.last_wins or at not in cells:
                cells[at] = byte
        if not more:
            end.append(offset + len(body))
        if not end or any(at not in cells for at in range(end[0])):
            return None
        del self.parts[proto, ident]
        return proto, bytes(cells[at] for at in range(end[0]))


class Receiver:
    """What one kind of stack reads of a connection. believes_all: checksums, flags, timestamps and
    the window mean nothing to it. cuts_urgent: the urgent byte is taken out of the stream."""

    def __init__(self, *, believes_all=False, last_wins=False, cuts_urgent=False, takes_syn_data=False):
        self.believes_all, self.last_wins, self.cuts_urgent = believes_all, last_wins, cuts_urgent
        self.takes_syn_data = takes_syn_data
        self.fragments = Reassembly(last_wins)
        self.streams, self.datagrams = [], []
        self.base = None  # sequence number of the stream's first byte
        self.begin(None)

    def begin(self, isn):
        if self.base is not None:
            self.streams.append(self.read())
        self.base = None if isn is None else (isn + 1) & 0xFFFFFFFF
        self.cells, self.urgent, self.fin, self.is_reset = {}, set(), None, False
        self.recent = None  # timestamp
        self.next = 0       # offset of the first byte that is missing

    def read(self):
        cells = [at for at in range(self.next) if not (self.cuts_urgent and at in self.urgent)]
        return bytes(self.cells[at] for at in cells)

    def all_streams(self):
        return self.streams + ([self.read()] if self.base is not None else [])

    def offset(self, seq):
        return ((seq - self.base + 2**31) & 0xFFFFFFFF) - 2**31

    def _is_stale(self, options):
        """The timestamp is older than one seen before (PAWS)."""
        for kind, data in options:
            if kind == 8:
                value = int.from_bytes(data[:4], "big")
                if self.recent is not None and (value - self.recent) & 0x80000000:
                    return True
                self.recent = value
        return False

    def _is_refused(self, flags, offset, length, raw_options):
        if self.believes_all:
            return self.is_reset
        try:
            options = None if raw_options is None else segments.options(raw_options)
        except ValueError:
            return True
        if options is None or not flags & ACK or flags & (SYN | RST) or self.is_reset:
            return True
        if any(kind == 19 for kind, _ in options):
            return True
        if offset >= self.next + WINDOW or offset + length < self.next - WINDOW:
            return True
        return self._is_stale(options)

    def take(self, packet):
        """True: it is a segment of the connection that a stack would answer."""
        if not self.believes_all and fault(packet):
            return False
        whole = self.fragments.whole(packet)
        if whole is None:
            return False
        proto, body = whole
        if proto == 17:
            self.datagrams.append(body[8:max(int.from_bytes(body[4:6], "big"), 8)])
        return proto == 6 and self._take_segment(body)

    def _take_segment(self, body):
        seq, _, words, flags, _, _, urgent = struct.unpack(">IIBBHHH", body[4:20])
        header = (words >> 4) * 4
        payload = body[max(header, 20):]
        if flags & SYN and not flags & (ACK | FIN | RST) and (self.base is None or self.is_closed):
            self.begin(seq)
            offset = 0
        elif self.base is None:
            return False
        else:
            offset = self.offset(seq) + (1 if flags & SYN else 0)
            if self._is_refused(flags, offset, len(payload), body[20:header] if header >= 20 else None):
                self.is_reset |= bool(flags & RST) and offset == self.next
                return False
        if flags & SYN and not self.takes_syn_data:
            payload = b""
        if flags & URG:
            self.urgent.add(offset + urgent - 1)
        is_exact = offset == self.next
        self._store(offset, payload, flags)
        self.is_reset |= bool(flags & RST) and is_exact
        return bool(payload) or bool(flags & (FIN | SYN))

    def _store(self, offset, payload, flags):
        for at, byte in enumerate(payload, offset):
            beyond = self.fin is not None and at >= self.fin and not self.believes_all
            if at >= 0 and not beyond and (self.last_wins or at not in self.cells):
                self.cells[at] = byte
        if flags & FIN and self.fin is None:
            self.fin = offset + len(payload)
        while self.next in self.cells:
            self.next += 1

    @property
    def is_closed(self):
        """An end may come again on these ports."""
        return self.is_reset or (self.fin is not None and self.next >= self.fin)

    @property
    def ack(self):
        """The number that it acknowledges."""
        is_ended = self.fin is not None and self.next >= self.fin
        return (self.base + self.next + is_ended) & 0xFFFFFFFF


def every_kind(takes_syn_data=False):
    """The first one is who answers."""
    return [Receiver(takes_syn_data=takes_syn_data, **kind) for kind in (
        {}, {"last_wins": True}, {"believes_all": True}, {"believes_all": True, "last_wins": True},
        {"cuts_urgent": True})]
