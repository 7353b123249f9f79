#!/usr/bin/env python3
"""verify_planted.py PKTMOD - plants errors of every kind in rewritten captures; verify has to see each.

Captures of the cases, and one made here, are replayed through rules that grow, shrink and delete. What
comes out has to be coherent. Then one thing is made wrong at a time, with lengths and checksums put
right again unless they are what is wrong, and `pktmod verify` has to call it by its name.
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

from frames import ACK, FIN, RST, SYN, Packet, datagram, fragments, read, segment, write

CASES = pathlib.Path(__file__).resolve().parent / "cases"
MS = 10**6


def bulk():
    """Many segments in flight: acknowledgements hardly ever cover all that was sent. And an ARP."""
    isn, start = 2**32 - 3000, 10**18
    text = b"".join(b"line %d: the secret of line %d is %d\n" % (i, i * i, i * 7919) for i in range(800))
    found = [segment(start, 0, isn, 0, SYN), segment(start + MS, 1, 7, isn + 1 & 0xFFFFFFFF, SYN | ACK)]
    pieces = [text[at:at + 1000] for at in range(0, len(text), 1000)]
    at, acked = isn + 1, isn + 1
    for i, piece in enumerate(pieces):
        found.append(segment(start + (10 + 2 * i) * MS, 0, at % 2**32, 8, ACK, piece))
        at += len(piece)
        if i >= 5:
            acked += len(pieces[i - 5])
            found.append(segment(start + (11 + 2 * i) * MS, 1, 8, acked % 2**32, ACK))
    late = found[-1].time_ns
    found += [segment(late + MS, 1, 8, at % 2**32, ACK),
              segment(late + 2 * MS, 0, at % 2**32, 8, FIN | ACK),
              segment(late + 3 * MS, 1, 8, (at + 1) % 2**32, FIN | ACK),
              segment(late + 4 * MS, 0, (at + 1) % 2**32, 9, ACK),
              Packet(late + 5 * MS, b"\xff" * 6 + bytes(6) + b"\x08\x06" + bytes(28))]
    return found


def pieces():
    """Datagrams, some of them in fragments, one of which comes out of order."""
    found, now = [], 10**18
    for i in range(4):
        packet = datagram(now + i * MS, 0, 514, b"%d: " % i + b"a secret and more of it, " * 40)
        parts = fragments(packet, 512) if i % 2 else [packet]
        found += parts if i < 3 else parts[::-1]
    return found


def replace(find, with_):
    match = {"any": [{"tcp.port": [80, 8080]}, {"udp.port": 514}]}
    return {"pktmod": 1, "rules": [{"id": "r", "match": match,
                                    "rewrite": [{"replace": {"find": find, "with": with_}}]}]}


GROW, SHRINK, DELETE = replace("secret", "[well hidden]"), replace("secret", "-"), replace("secret", "")

# name: (capture, rules); a capture is the name of a case
BASES = {
    "sack": ("sack", GROW), "sack-shrink": ("sack", SHRINK), "recut": ("retransmission-recut", GROW),
    "ends": ("fin-and-reset", GROW), "large": ("split-at-mtu", GROW), "udp": ("udp", GROW),
    "delete": ("replace-empty", DELETE), "ipv6": ("ipv6", SHRINK), "order": ("out-of-order", GROW),
    "midstream": ("midstream", {**GROW, "policy": {"on_midstream": "rewrite"}}),
    "pieces": (pieces, replace("a secret", "no secret at all")),
    "bulk": (bulk, GROW), "bulk-shrink": (bulk, SHRINK), "bulk-delete": (bulk, DELETE),
}


class Talk:
    """The packets of an output, and how to find one; `before` are those it was made from."""

    def __init__(self, before, packets):
        self.before, self.packets = before, packets

    def tcp(self, client=None, data=None, flags=0, port=None):
        """Segments: sent by the client, or not; with data, or not; with all of the flags."""
        return [p for p in self.packets if p.proto == 6 and flags == p.flags & flags and
                (client is None or client == (p.ports[0] > 1024)) and
                (data is None or data == bool(p.payload)) and (port is None or port in p.ports)]

    def udp(self):
        return [p for p in self.packets if p.proto == 17]

    def fragments(self):
        return [p for p in self.udp() if p.frame[20:22] not in (b"\0\0", b"\x40\0")]

    def remove(self, packet):
        self.packets.remove(packet)

    def insert(self, packet, behind):
        packet.time_ns = behind.time_ns
        self.packets.insert(self.packets.index(behind) + 1, packet)


PLANTS = []


def plant(base, *names, alone=False, raw=False):
    """The decorated function makes one thing wrong; verify calls it by one of the names, without a
    baseline too where `alone`. It returns the packets whose checksums are to be put right."""
    def add(function):
        PLANTS.append((base, function, names, alone, raw))
        return function
    return add


def shift(packets, by):
    for packet in packets:
        packet.seq += by
    return packets


# ---------------------------------------------------------------- sequence numbers

@plant("bulk", "repeat_differs", alone=True)
def sequence_untranslated_behind_growth(talk):
    return shift(talk.tcp(client=True, data=True)[7:], -7)


@plant("bulk-shrink", "sequence_jump")
def sequence_untranslated_behind_shrinking(talk):
    return shift(talk.tcp(client=True, data=True)[7:], 5)


@plant("bulk-delete", "sequence_jump")
def sequence_untranslated_behind_a_deletion(talk):
    return shift(talk.tcp(client=True, data=True)[12:], 6)


@plant("order", "repeat_differs", "sequence_jump")
def one_segment_stands_three_bytes_early(talk):
    return shift(talk.tcp(client=True, data=True)[-1:], -3)


@plant("bulk", "sequence_jump")
def a_segment_is_gone(talk):
    talk.remove(talk.tcp(client=True, data=True)[3])


@plant("bulk", "ack_of_nothing")
def the_last_data_is_gone(talk):
    talk.remove(talk.tcp(client=True, data=True)[-1])


@plant("bulk", "sequence_jump", "ack_of_nothing")
def a_segment_of_another_world(talk):
    return shift(talk.tcp(client=True, data=True)[4:5], 2**31 + 99)


@plant("ends", "stale_sequence")
def the_number_of_an_empty_segment_untranslated(talk):
    return shift(talk.tcp(client=True, data=False, port=40001, flags=ACK)[-1:], -7)


@plant("bulk", "sequence_jump")
def an_empty_segment_stands_ahead(talk):
    return shift(talk.tcp(client=False, data=False)[3:4], 500)


# ---------------------------------------------------------------- acknowledgements and SACK

@plant("sack", "sack_misplaced")
def sack_untranslated_behind_growth(talk):
    packet = next(p for p in talk.packets if p.proto == 6 and p.sack_at)
    packet.set_edges(next(p for p in talk.before if p.proto == 6 and p.sack_at).edges())
    return [packet]


@plant("sack-shrink", "sack_outside", "sack_misplaced")
def sack_untranslated_behind_shrinking(talk):
    packets = [p for p in talk.packets if p.proto == 6 and p.sack_at]
    for packet, before in zip(packets, (p for p in talk.before if p.proto == 6 and p.sack_at)):
        packet.set_edges(before.edges())
    return packets


@plant("sack", "sack_misplaced")
def a_left_edge_is_lower_than_the_gap(talk):
    packet = next(p for p in talk.packets if p.proto == 6 and p.sack_at)
    left, right = packet.edges()
    packet.set_edges([left - 10, right])
    return [packet]


@plant("sack", "sack_outside")
def a_block_of_what_was_not_sent(talk):
    packet = next(p for p in talk.packets if p.proto == 6 and p.sack_at)
    left, right = packet.edges()
    packet.set_edges([left, right + 4000])
    return [packet]


@plant("sack", "sack_outside", alone=True)
def a_block_turned_round(talk):
    packet = next(p for p in talk.packets if p.proto == 6 and p.sack_at)
    packet.set_edges(packet.edges()[::-1])
    return [packet]


@plant("bulk", "stale_ack")
def acknowledgements_untranslated_behind_growth(talk):
    packets = talk.tcp(client=False, data=False)[1:]
    for packet in packets:
        packet.ack -= 7
    return packets


@plant("bulk-shrink", "early_ack", "ack_of_nothing")
def acknowledgements_untranslated_behind_shrinking(talk):
    packets = talk.tcp(client=False, data=False)[3:]
    for packet in packets:
        packet.ack += 5
    return packets


@plant("bulk", "early_ack")
def an_acknowledgement_of_a_later_segment(talk):
    first, later = talk.tcp(client=False, data=False)[5:7]
    first.ack = later.ack
    return [first]


@plant("bulk", "stale_ack")
def the_acknowledgement_stops_at_an_old_value(talk):
    packets = talk.tcp(client=False, data=False)
    for packet in packets[-4:]:
        packet.ack = packets[-5].ack
    return packets[-4:]


@plant("ends", "stale_ack")
def the_fin_is_not_acknowledged(talk):
    packets = [p for p in talk.tcp(client=False, port=40001) if p.flags & ACK]
    for packet in packets[-2:]:
        packet.ack -= 1
    return packets[-2:]


@plant("bulk", "stale_ack")
def the_last_acknowledgements_are_gone(talk):
    for packet in talk.tcp(client=False)[-4:]:
        talk.remove(packet)


@plant("bulk", "ack_of_nothing", alone=True)
def bytes_are_acknowledged_before_they_are_sent(talk):
    packet = talk.tcp(client=False, data=False)[4]
    packet.ack += 9000
    return [packet]


@plant("bulk", "ack_of_nothing")
def bytes_are_acknowledged_that_are_never_sent(talk):
    packet = talk.tcp(client=False, data=False)[-1]
    packet.ack += 1
    return [packet]


@plant("recut", "stale_ack")
def the_only_acknowledgement_is_untranslated(talk):
    packet = next(p for p in talk.tcp(client=False, data=False) if p.flags == ACK)
    before = next(p for p in talk.before if p.proto == 6 and p.ports[0] == 80 and p.flags == ACK)
    packet.ack = before.ack
    return [packet]


@plant("large", "stale_ack")
def an_acknowledgement_goes_back_in_one_part(talk):
    parts = talk.tcp(data=True)
    first = next(a for a, b in zip(parts, parts[1:]) if b.time_ns == a.time_ns and a.ack == b.ack)
    first.ack -= 1
    return [first]


@plant("recut", "packet_missing")
def a_repetition_is_gone(talk):
    talk.remove(talk.tcp(client=True, data=True)[3])


@plant("midstream", "isn_changed")
def the_first_number_seen_is_another(talk):
    return shift(talk.packets[:1], -4)


# ---------------------------------------------------------------- bytes

@plant("recut", "repeat_differs", alone=True)
def a_byte_sent_again_is_another(talk):
    packet = talk.tcp(client=True, data=True)[3]
    packet.payload = b"#" + packet.payload[1:]
    return [packet]


@plant("recut", "repeat_differs", alone=True)
def a_byte_sent_first_is_another(talk):
    packet = talk.tcp(client=True, data=True)[0]
    packet.payload = packet.payload[:-1] + b"#"
    return [packet]


@plant("sack", "repeat_differs", alone=True)
def original_bytes_are_sent_again(talk):
    original = [p for p in talk.before if p.proto == 6 and p.payload][-1]
    packet = talk.tcp(client=True, data=True)[-1]
    packet.payload = original.payload
    return [packet]


# ---------------------------------------------------------------- lengths and checksums

@plant("large", "over_mtu")
def two_parts_put_together(talk):
    parts = talk.tcp(data=True)
    first, second = next(pair for pair in zip(parts, parts[1:])
                         if pair[1].seq == pair[0].seq + len(pair[0].payload) and
                         len(pair[0].payload) + len(pair[1].payload) > 1460)
    first.payload += second.payload
    talk.remove(second)
    return [first]


@plant("udp", "over_mtu")
def a_datagram_too_large(talk):
    packet = talk.udp()[0]
    packet.payload += bytes(1500)
    return [packet]


@plant("bulk", "bad_checksum", alone=True, raw=True)
def a_wrong_ip_checksum(talk):
    talk.packets[5].frame[24] ^= 1


@plant("bulk", "bad_checksum", alone=True, raw=True)
def a_wrong_tcp_checksum(talk):
    talk.packets[5].frame[14 + 20 + 17] ^= 1


@plant("bulk", "bad_checksum", raw=True)
def a_tcp_checksum_left_to_hardware(talk):
    talk.packets[5].frame[50:52] = b"\0\0"


@plant("udp", "bad_checksum", raw=True)
def a_wrong_udp_checksum(talk):
    talk.udp()[1].frame[14 + 20 + 7] ^= 0x55


@plant("ipv6", "bad_checksum", raw=True)
def a_wrong_checksum_over_ipv6(talk):
    packet = talk.tcp(data=True)[0]
    packet.frame[packet.l4 + 16] ^= 4


@plant("bulk", "bad_length", alone=True, raw=True)
def an_ip_length_too_large(talk):
    packet = talk.tcp(data=True)[5]
    packet.frame[16:18] = struct.pack(">H", packet.end - 14 + 7)
    packet.fix_ip()


@plant("bulk", "bad_length")
def an_ip_length_too_small(talk):
    packet = talk.tcp(data=True)[5]
    packet.frame[16:18] = struct.pack(">H", packet.end - 14 - 7)
    return [packet]


@plant("ipv6", "bad_length", alone=True, raw=True)
def an_ipv6_payload_length_too_large(talk):
    packet = talk.tcp(data=True)[0]
    packet.frame[18:20] = struct.pack(">H", packet.end - 54 + 9)


@plant("udp", "bad_length", alone=True, raw=True)
def a_udp_length_too_large(talk):
    packet = talk.udp()[0]
    packet.put(4, packet.number(4, ">H") + 7, ">H")


@plant("udp", "bad_length")
def a_udp_length_too_small(talk):
    packet = talk.udp()[0]
    end, length = packet.end, packet.number(4, ">H") - 7
    packet.put(4, length, ">H")
    packet.frame[16:18] = struct.pack(">H", end - 14 - 7)
    packet.fix()  # with the sum over what UDP tells, and then IP as it was
    packet.frame[16:18] = struct.pack(">H", end - 14)
    packet.fix_ip()


@plant("bulk", "bad_length", alone=True)
def a_tcp_header_longer_than_its_segment(talk):
    packet = talk.tcp(client=False, data=False)[2]
    packet.put(12, 0xF0, ">B")
    return [packet]


# ---------------------------------------------------------------- where connections begin and end

@plant("ends", "fin_missing")
def no_fin(talk):
    packet = talk.tcp(client=True, flags=FIN, port=40001)[0]
    packet.flags &= ~FIN
    return [packet]


@plant("ends", "fin_missing")
def the_packet_with_the_fin_is_gone(talk):
    talk.remove(talk.tcp(client=False, flags=FIN, port=40001)[0])


@plant("bulk", "fin_moved")
def the_fin_stands_before_the_last_bytes(talk):
    return shift(talk.tcp(client=True, flags=FIN), -7)


@plant("bulk-shrink", "sequence_jump")
def the_fin_stands_where_it_did(talk):
    return shift(talk.tcp(client=True, flags=FIN), 5)


@plant("bulk", "fin_moved")
def the_fin_is_on_an_earlier_segment(talk):
    packet = talk.tcp(client=True, data=True)[-2]
    packet.flags |= FIN
    return [packet]


@plant("ends", "fin_added")
def a_fin_where_none_was(talk):
    packet = talk.tcp(client=True, data=True, port=40002)[-1]
    packet.flags |= FIN
    return [packet]


@plant("ends", "rst_moved")
def a_reset_untranslated(talk):
    return shift(talk.tcp(client=True, flags=RST, port=40003), -7)


@plant("ends", "rst_missing")
def no_reset(talk):
    talk.remove(talk.tcp(client=False, flags=RST, port=40002)[0])


@plant("ends", "rst_added")
def a_reset_where_none_was(talk):
    packet = talk.tcp(client=True, port=40001)[-1]
    packet.flags = RST | ACK
    return [packet]


@plant("bulk", "isn_changed")
def another_initial_number(talk):
    return shift(talk.tcp(client=True, flags=SYN), 1000)


@plant("bulk", "isn_changed")
def another_initial_number_in_the_answer(talk):
    return shift(talk.tcp(client=False, flags=SYN), -1)


@plant("bulk", "syn_missing")
def no_syn(talk):
    talk.remove(talk.tcp(client=True, flags=SYN)[0])


# ---------------------------------------------------------------- what is not to change at all

@plant("bulk", "header_changed")
def another_ttl(talk):
    packet = talk.tcp(data=True)[2]
    packet.frame[22] -= 1
    return [packet]


@plant("bulk", "header_changed")
def another_window(talk):
    packet = talk.tcp(client=False)[2]
    packet.put(14, 4000, ">H")
    return [packet]


@plant("sack", "header_changed")
def another_option(talk):
    packet = talk.tcp(client=False, flags=SYN)[0]
    at = bytes(packet.frame).index(b"\x02\x04\x05\xb4")
    packet.frame[at + 3] -= 40
    return [packet]


@plant("pieces", "bad_checksum", alone=True, raw=True)
def a_byte_in_a_fragment(talk):
    talk.fragments()[1].frame[40] ^= 1


@plant("pieces", "packet_missing")
def a_fragment_is_gone(talk):
    talk.remove(talk.fragments()[1])


@plant("pieces", "bad_checksum", alone=True, raw=True)
def the_ip_checksum_of_a_fragment(talk):
    talk.fragments()[1].frame[25] ^= 1


@plant("udp", "header_changed")
def another_address_of_the_link(talk):
    talk.udp()[0].frame[3] ^= 1


@plant("bulk", "packet_changed", raw=True)
def a_frame_that_is_not_ip(talk):
    talk.packets[-1].frame[-1] ^= 1


@plant("ends", "flow_missing")
def a_connection_is_gone(talk):
    for packet in talk.tcp(port=40002):
        talk.remove(packet)


@plant("bulk", "flow_added")
def a_connection_of_nobody(talk):
    stray = talk.packets[0].copy()
    stray.put(0, 4711, ">H")
    talk.insert(stray.fix(), talk.packets[3])


@plant("udp", "packet_missing")
def a_datagram_is_gone(talk):
    talk.remove([p for p in talk.udp() if sum(q.ports == p.ports for q in talk.udp()) > 1][0])


@plant("udp", "packet_added")
def a_datagram_comes_twice(talk):
    talk.insert(talk.udp()[0].copy(), talk.udp()[0])


# ---------------------------------------------------------------- running it

def verify(pktmod, out, *options):
    done = subprocess.run([pktmod, "verify", str(out), "--format", "json", *options],
                          capture_output=True, text=True, timeout=60, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"verify: exit {done.returncode}: {done.stderr}")
    report = json.loads(done.stdout)
    return done.returncode, report["findings"], report


def make(pktmod, scratch, name):
    """(path of the baseline, its packets, packets of the output)"""
    capture, rules = BASES[name]
    before = capture() if callable(capture) else read(next((CASES / capture).glob("in.pcap*")))
    source, out, rule_file = (scratch / f"{name}{end}" for end in (".pcap", ".out.pcap", ".json"))
    write(source, before)
    rule_file.write_text(json.dumps(rules))
    subprocess.run([pktmod, "replay", str(rule_file), "-r", str(source), "-w", str(out), "-q"],
                   check=True, timeout=60)
    return source, before, read(out)


def check_plant(pktmod, scratch, made, which):
    base, function, names, alone, raw = which
    source, before, packets = made[base]
    talk = Talk([p.copy() for p in before], [p.copy() for p in packets])
    for packet in function(talk) or []:
        if not raw:
            packet.fix()
    if [p.frame for p in talk.packets] == [p.frame for p in packets]:
        return "plants nothing"
    out = scratch / "planted.pcap"
    write(out, talk.packets)
    code, found, report = verify(pktmod, out, "--baseline", str(source))
    if code != 1 or not set(names) & set(found):
        return f"exit {code}, found {found}, expected {' or '.join(names)}"
    shown = next(one for one in report["shown"] if one["name"] in names)
    if alone:
        code, found, _ = verify(pktmod, out)
        if code != 1 or not set(names) & set(found):
            return f"without baseline: exit {code}, found {found}, expected {' or '.join(names)}"
    print(f"seen   {base}: {function.__name__}: {shown['name']}, frame {shown.get('frame', '-')}: "
          f"{shown['text']}")
    return None


def main():
    pktmod, failed = str(pathlib.Path(sys.argv[1]).resolve()), 0
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        made = {name: make(pktmod, scratch, name) for name in BASES}
        for name, (source, before, packets) in made.items():
            out = scratch / "clean.pcap"
            write(out, packets)
            changed = [p.frame for p in before] != [p.frame for p in packets]
            for options in (["--baseline", str(source)], []):
                code, found, _ = verify(pktmod, out, *options)
                if code != 0 or not changed:
                    failed += 1
                    print(f"FALSE  {name} {options}: {found}, changed: {changed}")
        for which in PLANTS:
            fault = check_plant(pktmod, scratch, made, which)
            if fault:
                failed += 1
                print(f"MISSED {which[0]}: {which[1].__name__}: {fault}")
    kinds = len({name for which in PLANTS for name in which[2]})
    print(f"verify: {len(BASES)} captures, {len(PLANTS)} errors planted with {kinds} names, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
