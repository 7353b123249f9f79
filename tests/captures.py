"""Reads pcap and pcapng without the project's code: what the replay tests compare with."""
import collections
import fractions
import struct

# time is exact, in seconds; orig_len is what the packet had on the wire.
Record = collections.namedtuple("Record", "linktype time orig_len data")

PCAP_MAGIC = {0xA1B2C3D4: 10**6, 0xA1B23C4D: 10**9}
LARGEST_PACKET = 262144


class Damaged(Exception):
    """The capture ends early or contradicts itself; what was read before stands."""


def _take(data, offset, length):
    if length < 0 or length > len(data) - offset:
        raise Damaged(f"needs {length} bytes at {offset}, has {len(data) - offset}")
    return data[offset:offset + length]


def _pcap(data, order, ticks):
    header = _take(data, 0, 24)
    linktype = struct.unpack(order + "I", header[20:24])[0] & 0xFFFF
    offset = 24
    while offset < len(data):
        seconds, part, cap_len, orig_len = struct.unpack(order + "IIII", _take(data, offset, 16))
        if cap_len > LARGEST_PACKET:
            raise Damaged(f"packet of {cap_len} bytes at {offset}")
        body = _take(data, offset + 16, cap_len)
        yield Record(linktype, seconds + fractions.Fraction(part, ticks), orig_len, body)
        offset += 16 + cap_len


def _options(order, body):
    offset = 0
    while offset + 4 <= len(body):
        code, length = struct.unpack(order + "HH", body[offset:offset + 4])
        if code == 0:
            return
        yield code, _take(body, offset + 4, length)
        offset += 4 + (length + 3) // 4 * 4


def _interface(order, body):
    """(linktype, snaplen, ticks per second, offset in seconds)"""
    linktype, _, snaplen = struct.unpack(order + "HHI", _take(body, 0, 8))
    ticks, shift = 10**6, 0
    for code, value in _options(order, body[8:]):
        if code == 9:
            ticks = 2 ** (value[0] & 0x7F) if value[0] & 0x80 else 10 ** value[0]
        elif code == 14:
            shift = struct.unpack(order + "q", value)[0]
    return linktype, snaplen, ticks, shift


def _packet(order, kind, body, interfaces):
    if kind == 3:
        number, time = 0, (0, 0)
        orig_len = struct.unpack(order + "I", _take(body, 0, 4))[0]
        start = 4
    else:
        number = struct.unpack(order + ("I" if kind == 6 else "H"), _take(body, 0, 20)[:4 if kind == 6 else 2])[0]
        high, low, cap_len, orig_len = struct.unpack(order + "IIII", body[4:20])
        time = (high, low)
        start = 20
    if number >= len(interfaces):
        raise Damaged(f"interface {number} of {len(interfaces)}")
    linktype, snaplen, ticks, shift = interfaces[number]
    if kind == 3:
        cap_len = min(orig_len, snaplen or orig_len)
    exact = shift + fractions.Fraction(time[0] << 32 | time[1], ticks)
    return Record(linktype, exact, orig_len, _take(body, start, cap_len))


def _pcapng(data):
    offset, order, interfaces = 0, "<", []
    while offset < len(data):
        head = _take(data, offset, 12)
        if head[:4] == b"\n\r\r\n":
            order = "<" if head[8:] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
            version = struct.unpack(order + "HH", _take(data, offset + 12, 4))
            if version not in ((1, 0), (1, 2)):
                raise Damaged(f"pcapng version {version}")
        kind, length = struct.unpack(order + "II", head[:8])
        if length < 12 or length % 4:
            raise Damaged(f"block of {length} bytes at {offset}")
        body = _take(data, offset, length)[8:-4]
        if kind == 1:
            interfaces.append(_interface(order, body))
        elif kind in (2, 3, 6):
            yield _packet(order, kind, body, interfaces)
        offset += length


def records(path):
    """Yields the records of a capture; raises Damaged where it ends too early."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:4] == b"\n\r\r\n":
        yield from _pcapng(data)
        return
    for order in "<>":
        if len(data) >= 4:
            ticks = PCAP_MAGIC.get(struct.unpack(order + "I", data[:4])[0])
            if ticks:
                yield from _pcap(data, order, ticks)
                return
    raise Damaged("neither pcap nor pcapng")


def read_all(path):
    """(records, why it ends early or None)"""
    found = []
    try:
        for record in records(path):
            found.append(record)
    except (Damaged, struct.error, IndexError) as damage:
        return found, str(damage) or type(damage).__name__
    return found, None
