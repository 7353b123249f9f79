"""Raw IP packets with right checksums, and the pcap around them; without the project's code."""
import ipaddress
import struct

PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101)


def record(time_us, data):
    return struct.pack("<IIII", *divmod(time_us, 1000000), len(data), len(data)) + data


def capture(timed):
    """A pcap of (microseconds, packet)."""
    return PCAP_HEADER + b"".join(record(*each) for each in timed)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip(src, dst, protocol, body, sum_at=None, ttl=64):
    """sum_at: where the checksum of the body stands, which is over the pseudo header too."""
    source, target = ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed
    if sum_at is not None:
        pseudo = source + target + struct.pack("!IHBB", len(body), 0, 0, protocol)
        total = checksum((b"" if protocol == 1 else pseudo) + body)
        body = body[:sum_at] + struct.pack("!H", total) + body[sum_at + 2:]
    if len(source) == 16:
        return struct.pack("!IHBB", 6 << 28, len(body), protocol, ttl) + source + target + body
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, ttl, protocol, 0)
    total = checksum(head + source + target)
    return head[:10] + struct.pack("!H", total) + source + target + body


def tcp(src, dst, sport, dport, flags, seq, payload=b"", ack=0):
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 65535, 0, 0)
    return ip(src, dst, 6, head + payload, 16)


def udp(src, dst, sport, dport, payload=b""):
    return ip(src, dst, 17, struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload, 6)


def icmp(src, dst, kind, code, rest=b"\0\1\0\2word"):
    protocol = 58 if ":" in src else 1
    return ip(src, dst, protocol, struct.pack("!BBH", kind, code, 0) + rest, 2)
