"""TCP segments in IPv4 and IPv6 packets, written and read without the project's code.

Plain and strict: what is read back has to have right checksums and lengths, or ValueError says what
is wrong with it.
"""
import dataclasses
import ipaddress
import struct

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))
LETTERS = "FSRPAUEC"


@dataclasses.dataclass
class Segment:
    src: str
    dst: str
    sport: int
    dport: int
    seq: int
    ack: int = 0
    flags: int = ACK
    window: int = 65535
    options: bytes = b""
    urgent: int = 0
    payload: bytes = b""
    ttl: int = 64
    ident: int = 0

    @property
    def letters(self):
        return "".join(c for bit, c in enumerate(LETTERS) if self.flags >> bit & 1)

    @property
    def length(self):
        """In sequence numbers."""
        return len(self.payload) + bool(self.flags & SYN) + bool(self.flags & FIN)

    def __str__(self):
        return (f"{self.sport}>{self.dport} [{self.letters}] seq {self.seq} ack {self.ack} "
                f"win {self.window} {self.payload!r}")


def checksum(data):
    """The folded sum, not inverted: 0xffff over bytes that hold their right checksum."""
    if len(data) % 2:
        data += b"\0"
    # 2**16 is 1 modulo 0xffff, so the sum of the words is the whole number modulo 0xffff.
    total = int.from_bytes(data, "big")
    return (total % 0xFFFF or 0xFFFF) if total else 0


def addresses(src, dst):
    return ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed


def tcp_sum(both, tcp):
    return checksum(both + struct.pack(">IHH", len(tcp), 0, 6) + tcp)


def encoded(s):
    both = addresses(s.src, s.dst)
    options = s.options + bytes(-len(s.options) % 4)
    tcp = struct.pack(">HHIIBBHHH", s.sport, s.dport, s.seq & 0xFFFFFFFF, s.ack & 0xFFFFFFFF,
                      (5 + len(options) // 4) << 4, s.flags, s.window, 0, s.urgent)
    tcp += options + s.payload
    tcp = tcp[:16] + struct.pack(">H", 0xFFFF - tcp_sum(both, tcp)) + tcp[18:]
    if len(both) == 32:
        return struct.pack(">IHBB", 6 << 28, len(tcp), 6, s.ttl) + both + tcp
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), s.ident, 0x4000, s.ttl, 6, 0) + both
    return ip[:10] + struct.pack(">H", 0xFFFF - checksum(ip)) + ip[12:] + tcp


def _ip4(packet):
    header = (packet[0] & 15) * 4
    total, ident = struct.unpack(">HH", packet[2:6])
    if header < 20 or total != len(packet):
        raise ValueError(f"IPv4 header of {header}, total length {total} of {len(packet)}")
    if checksum(packet[:header]) != 0xFFFF:
        raise ValueError("IPv4 header checksum is wrong")
    if struct.unpack(">H", packet[6:8])[0] & 0x3FFF:
        raise ValueError("a fragment")
    if packet[9] != 6:
        raise ValueError(f"protocol {packet[9]}")
    return packet[12:20], packet[8], ident, packet[header:]


def _ip6(packet):
    length, following, ttl = struct.unpack(">HBB", packet[4:8])
    if length != len(packet) - 40:
        raise ValueError(f"IPv6 payload length {length} of {len(packet) - 40}")
    offset = 40
    while following in (0, 43, 60):  # hop-by-hop, routing, destination options
        following, offset = packet[offset], offset + 8 * (packet[offset + 1] + 1)
    if following != 6:
        raise ValueError(f"next header {following}")
    return packet[8:40], ttl, 0, packet[offset:]


def decoded(packet):
    both, ttl, ident, tcp = _ip6(packet) if packet[0] >> 4 == 6 else _ip4(packet)
    if tcp_sum(both, tcp) != 0xFFFF:
        raise ValueError("TCP checksum is wrong")
    sport, dport, seq, ack, offset, flags, window, _, urgent = struct.unpack(">HHIIBBHHH", tcp[:20])
    header = (offset >> 4) * 4
    if header < 20 or header > len(tcp):
        raise ValueError(f"TCP header of {header} in {len(tcp)}")
    half = len(both) // 2
    src, dst = (str(ipaddress.ip_address(part)) for part in (both[:half], both[half:]))
    return Segment(src, dst, sport, dport, seq, ack, flags, window, tcp[20:header], urgent,
                   tcp[header:], ttl, ident)


def options(raw):
    """[(kind, data)] of a segment's options; ValueError where they are malformed."""
    found, offset = [], 0
    while offset < len(raw) and raw[offset] != 0:
        if raw[offset] == 1:
            offset += 1
            continue
        length = raw[offset + 1] if offset + 1 < len(raw) else 0
        if length < 2 or offset + length > len(raw):
            raise ValueError(f"option {raw[offset]} of length {length} at {offset} of {len(raw)}")
        found.append((raw[offset], raw[offset + 2:offset + length]))
        offset += length
    return found
