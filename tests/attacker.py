"""Packets that nobody honest sends: each is right in every way but the ones that are asked for."""
import struct

from segments import ACK, FIN, PSH, RST, SYN, URG, addresses, checksum

SERVER, SERVER6 = "198.51.100.20", "2001:db8:2::20"
PORTS = (40000, 80)
SERVER_ISN = 700000

NOP = b"\1"
MSS = struct.pack(">BBH", 2, 4, 1460)
MD5 = b"\x13\x12" + bytes(16)  # TCP-MD5, RFC 2385
SACK_OK = b"\4\2"


def timestamps(value, echo=0):
    return NOP + NOP + struct.pack(">BBII", 8, 10, value & 0xFFFFFFFF, echo)


def sacks(*edges):
    return NOP + NOP + struct.pack(f">BB{len(edges)}I", 5, 2 + 4 * len(edges), *edges)


def ends(who, six, back):
    """The two addresses, source first. who: number of the attacker, each has an address of its own."""
    client = f"2001:db8:1::{who:x}" if six else f"198.18.{who >> 8}.{who & 255}"
    both = (client, SERVER6 if six else SERVER)
    return addresses(*both[::-1 if back else 1])


def ip(proto, payload, *, who=1, six=False, back=False, ttl=64, ident=7, ihl=None, ip_options=b"", ip_sum=None,
       length=0, ip_flags=2, offset=0, chain=b"", following=None):
    """The IP packet. length: added to the length field. ip_flags: 2 DF, 1 MF. offset: of a fragment, in
    bytes. chain: IPv6 extension headers; following: what kind the first of them is."""
    both = ends(who, six, back)
    if six:
        whole = chain + payload
        first = proto if following is None else following
        return struct.pack(">IHBB", 6 << 28, len(whole) + length, first, ttl) + both + whole
    header_len = 20 + len(ip_options)
    header = struct.pack(">BBHHHBBH", 0x40 | (header_len // 4 if ihl is None else ihl), 0,
                         header_len + len(payload) + length, ident, ip_flags << 13 | offset // 8, ttl,
                         proto, 0) + both + ip_options
    total = 0xFFFF - checksum(header) if ip_sum is None else ip_sum
    return header[:10] + struct.pack(">H", total) + header[12:] + payload


def l4_sum(both, proto, body):
    """The sum that belongs in the checksum field of body, which holds zero there."""
    return 0xFFFF - checksum(both + struct.pack(">IHH", len(body), 0, proto) + body)


def tcp(seq, payload=b"", *, ack=SERVER_ISN + 1, flags=ACK | PSH, window=65535, options=b"", urgent=0,
        data_offset=None, reserved=0, tcp_sum=None, who=1, back=False, six=False):
    """The segment alone. tcp_sum: a number, "off" (wrong by one), or "partial" (as a driver leaves
    it to the hardware). data_offset: in words."""
    options += bytes(-len(options) % 4)
    words = 5 + len(options) // 4 if data_offset is None else data_offset
    head = struct.pack(">HHIIBBHHH", *PORTS[::-1 if back else 1], seq & 0xFFFFFFFF, ack & 0xFFFFFFFF,
                       words << 4 | reserved, flags, window, 0, urgent) + options
    body, both = head + payload, ends(who, six, back)
    right = l4_sum(both, 6, body)
    if tcp_sum == "off":
        right = right % 0xFFFF + 1
    elif tcp_sum == "partial":
        right = checksum(both + struct.pack(">IHH", len(body), 0, 6))
    elif tcp_sum is not None:
        right = tcp_sum
    return body[:16] + struct.pack(">H", right) + body[18:]


def udp(payload, *, udp_length=0, udp_sum=None, who=1, six=False):
    """udp_length: added to the length field."""
    head = struct.pack(">HHHH", *PORTS, 8 + len(payload) + udp_length, 0)
    covered = (head + payload)[:8 + len(payload) + min(udp_length, 0)]
    right = l4_sum(ends(who, six, False), 17, covered) or 0xFFFF
    return head[:6] + struct.pack(">H", right if udp_sum is None else udp_sum) + payload


def fragments(packet, size, *, order=None):
    """An IPv4 packet without options, cut into pieces of size bytes (a multiple of 8)."""
    body, pieces = packet[20:], []
    for at in range(0, len(body), size):
        more = at + size < len(body)
        pieces.append(fragment(packet, at, body[at:at + size], more))
    return pieces if order is None else [pieces[number] for number in order]


def fragment(packet, offset, body, more):
    """A fragment of the IPv4 packet with other bytes, perhaps."""
    header = bytearray(packet[:20])
    header[2:4] = struct.pack(">H", 20 + len(body))
    header[6:8] = struct.pack(">H", more << 13 | offset // 8)
    header[10:12] = bytes(2)
    header[10:12] = struct.pack(">H", 0xFFFF - checksum(bytes(header)))
    return bytes(header) + body


__all__ = ["ACK", "FIN", "MD5", "MSS", "NOP", "PSH", "RST", "SACK_OK", "SERVER_ISN", "SYN", "URG", "fragment",
           "fragments", "ip", "sacks", "tcp", "timestamps", "udp"]
