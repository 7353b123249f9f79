#!/usr/bin/env python3
"""pipe_talk.py PKTMOD [-v] [--seeds N] [--first N] [--undamaged] - two small TCP ends talk through `pktmod pipe`.

The ends are as plain as TCP can be: cumulative acknowledgements, a fixed congestion window, a
retransmission timer, three duplicate ACKs, window probes, FIN. The links between them and the engine
lose, repeat, reorder and damage. Time is virtual, everything is drawn from the seed.

Held to, in both directions, for every seed:
    what arrives is what was sent with the words replaced, hold_release events taken into account
    a position of the rewritten stream never carries two different bytes
    an end is never told that bytes arrived which did not
    an end gets nothing beyond the window it opened, and no packet over the MTU
    both ends finish: everything acknowledged, both FINs too
"""
import argparse
import heapq
import itertools
import random
import sys

import segments
from pipe_engine import Engine
from segments import ACK, FIN, PSH, SYN, Segment

MS = 10**6
MTU = 600
PAIRS = ([(b"cat", b"a whole kitten"), (b"token", b""), (b"no", b"NO")], [(b"dog", b"d"), (b"bird", b"BIRD!")])
WORDS = (b"cat", b"token", b"no", b"dog", b"bird", b"ca", b"tok", b"bir", b"n", b"d", b" and ", b"x", b"...")
SIDES = ("to_server", "to_client")


def rule_file(pairs):
    return {"pktmod": 1, "policy": {"hold_ms": 40},
            "rules": [{"id": f"{side}-{number}", "match": {"tcp.port": 80, "flow": side},
                       "rewrite": [{"replace": {"find": find.decode(), "with": with_.decode()}}]}
                      for side, of_side in zip(SIDES, pairs) for number, (find, with_) in enumerate(of_side)]}


def edits_of(data, pairs, restarts):
    """[(o0, o1, m0, m1)] of a stream; matching begins anew at every restart."""
    edits, grown, at = [], 0, 0
    for end in sorted({*restarts, len(data)}):
        while at < end:
            pair = next((p for p in pairs if data.startswith(p[0], at, end)), None)
            if pair:
                edits.append((at, at + len(pair[0]), at + grown, at + grown + len(pair[1]), pair[1]))
                grown += len(pair[1]) - len(pair[0])
            at += len(pair[0]) if pair else 1
    return edits


def rewritten(data, edits):
    out, at = b"", 0
    for o0, o1, _, _, with_ in edits:
        out, at = out + data[at:o0] + with_, o1
    return out + data[at:]


def image_end(offset, edits):
    """Where the rewritten bytes of data[:offset] end, whole edits only."""
    grown = 0
    for o0, o1, m0, m1, _ in edits:
        if offset <= o0:
            break
        if offset < o1:
            return m1
        grown = m1 - o1
    return offset + grown


class End:
    """One TCP end. Positions are offsets: 0 is the first byte of a stream, -1 its SYN."""

    def __init__(self, world, side, data):
        draw = world.draw
        self.world, self.side, self.data = world, side, data
        self.isn = draw.choice((draw.getrandbits(32), 2**32 - draw.randrange(1, 2000)))
        self.una = self.next = -1
        self.written = 0           # bytes that the application has given so far
        self.peer_isn = None
        self.edge = 0              # of what may be sent
        self.flight = draw.randrange(2, 12) * 536
        self.mss = 536
        self.got, self.arrived, self.fin_at = {}, 0, None
        self.read, self.buffer = 0, draw.choice((65535, 65535, 4000, 1500))
        self.told = 0              # right edge ever advertised
        self.duplicates, self.rto, self.timer = 0, 300 * MS, 0

    # -- out

    @property
    def end(self):
        """Behind the FIN; only known when all is written."""
        return len(self.data) + 1 if self.written == len(self.data) else None

    def segment(self, at, payload=b"", flags=ACK):
        window = max(0, min(65535, self.read + self.buffer - self.arrived))
        ack = 0
        if self.peer_isn is None:
            flags &= ~ACK
        else:
            is_ended = self.fin_at is not None and self.arrived >= self.fin_at
            ack = self.peer_isn + 1 + self.arrived + is_ended
            self.told = max(self.told, self.arrived + window)
        options = b"\2\4" + self.world.mss.to_bytes(2, "big") if flags & SYN else b""
        self.world.ship(self.side, self.isn + 1 + at, ack, flags=flags, window=window, options=options,
                        payload=payload)

    def transmit(self, at):
        """Sends what begins at the offset; answers where it ends."""
        if at < 0:
            self.segment(-1, flags=SYN | ACK)
            return 0
        most = min(self.mss, self.written - at, max(self.edge - at, 0))
        payload = self.data[at:at + most]
        stop = at + len(payload)
        if self.end is not None and stop == len(self.data):
            self.segment(at, payload, FIN | ACK | (PSH if payload else 0))
            return stop + 1
        if payload:
            self.segment(at, payload, ACK | (PSH if stop == self.written else 0))
        return stop

    def push(self):
        """Sends what window and flight allow."""
        limit = min(self.edge, self.una + self.flight)
        while 0 <= self.next < limit or (self.next == len(self.data) == self.written and self.una >= 0):
            stop = self.transmit(self.next)
            if stop == self.next:
                break
            self.next = stop
        if self.timer <= self.world.now:
            self.arm()

    def arm(self):
        waits = self.una < self.next or (self.una >= 0 and self.next < (self.end or self.written))
        self.timer = self.world.now + self.rto if waits else 0
        if waits:
            self.world.at(self.timer, self.on_timer, self.timer)

    def on_timer(self, armed_for):
        if armed_for != self.timer:
            return
        self.rto = min(self.rto * 2, 4000 * MS)
        if self.una >= 0 and self.edge <= self.una and self.una < self.written:  # a window probe
            self.segment(self.una, self.data[self.una:self.una + 1])
            self.next = max(self.next, self.una + 1)
        elif self.una < self.next:
            self.transmit(self.una)
        else:
            self.push()
        self.arm()

    def write(self, count):
        self.written = min(len(self.data), self.written + count)
        if self.una >= 0:
            self.push()

    # -- in

    def take(self, segment):
        if segment.flags & SYN:
            is_new = self.peer_isn is None
            self.peer_isn = segment.seq
            self.mss = min(536, int.from_bytes(dict(segments.options(segment.options))[2], "big"))
            if self.side == 1 and (is_new or self.una < 0):
                self.next = self.transmit(-1)
                self.arm()
        if self.peer_isn is None:
            return
        if segment.flags & ACK:
            self.take_ack(segment)
        if segment.flags & SYN or segment.payload or segment.flags & FIN or self.is_probe(segment):
            self.take_bytes(segment)
            if self.side == 0 or not segment.flags & SYN:
                self.segment(self.next if self.una >= 0 else -1)

    def is_probe(self, segment):
        return self.offset(segment.seq) < self.arrived and not segment.payload

    def offset(self, seq):
        return ((seq - self.peer_isn - 1 + 2**31) & 0xFFFFFFFF) - 2**31

    def take_bytes(self, segment):
        at = self.offset(segment.seq) + bool(segment.flags & SYN)
        limit = self.read + self.buffer
        for position, byte in enumerate(segment.payload, at):
            if position < limit:
                self.got.setdefault(position, byte)
        if segment.flags & FIN:
            self.fin_at = at + len(segment.payload)
        while self.arrived in self.got:
            self.arrived += 1
        if self.buffer >= 65535:
            self.read = self.arrived
        elif self.read < self.arrived:
            self.world.at(self.world.now + 60 * MS, self.on_read, None)

    def on_read(self, _):
        """The application reads; a window that was shut is told to be open again."""
        was_shut = self.read + self.buffer - self.arrived < self.mss
        self.read = self.arrived
        if was_shut:
            self.segment(self.next)

    def take_ack(self, segment):
        acked = ((segment.ack - self.isn - 1 - self.una + 2**31) & 0xFFFFFFFF) - 2**31 + self.una
        if acked > self.next:
            self.world.fail(f"{self.side}: {acked} is acknowledged, {self.next} was sent")
        if acked < self.una:
            return
        edge = acked + segment.window
        is_duplicate = (acked == self.una and edge == self.edge and not segment.payload
                        and not segment.flags & (SYN | FIN) and self.next > self.una)
        self.duplicates = self.duplicates + 1 if is_duplicate else 0
        if acked > self.una:
            self.una, self.rto = acked, 300 * MS
            self.timer = 0
        self.edge = max(self.edge, edge)
        if self.duplicates == 3:
            self.transmit(self.una)
        self.push()

    @property
    def is_done(self):
        return (self.end is not None and self.una == self.end and self.fin_at is not None
                and self.arrived >= self.fin_at)


class World:
    """One conversation: links, engine, and everything that is watched between them."""

    def __init__(self, engine, seed, start):
        self.engine, self.draw, self.now, self.start = engine, random.Random(seed), start, start
        draw = self.draw
        self.ports = (1024 + seed % 60000, 80)
        self.names = ("192.0.2.10", "198.51.100.20")
        self.mss = draw.choice((100, 300, 536))
        self.loss, self.twice = draw.choice((0, 0, 0.02, 0.1, 0.2)), draw.choice((0, 0.05))
        self.damage, self.jitter = draw.choice((0, 0, 0.05)), draw.choice((0, 1, 30))
        self.queue, self.count = [], itertools.count()
        self.problem = None
        self.ends = [End(self, side, self.story()) for side in (0, 1)]
        self.releases = [[], []]   # offsets where matching began anew, by direction
        self.seen = [{}, {}]       # rewritten bytes by offset, by direction
        self.told = [[], []]       # (acknowledged offset, what the other end had), by direction
        self.alarm = None

    def story(self):
        draw = self.draw
        return b"".join(draw.choice(WORDS) for _ in range(draw.choice((0, 3, 80, 300, 1200))))

    def fail(self, text):
        self.problem = self.problem or f"at {(self.now - self.start) / MS:.1f} ms: {text}"

    def at(self, when, what, argument):
        heapq.heappush(self.queue, (when, next(self.count), what, argument))

    # -- links

    def travel(self, what, iface, packet):
        for _ in range(1 + (self.draw.random() < self.twice)):
            if self.draw.random() < self.damage:
                at = self.draw.randrange(24, len(packet))  # behind addresses and ports
                packet = packet[:at] + bytes([packet[at] ^ 1 << self.draw.randrange(8)]) + packet[at + 1:]
            if self.draw.random() >= self.loss:
                delay = round((5 + self.jitter * self.draw.random()) * MS)
                self.at(self.now + delay, what, (iface, packet))

    def ship(self, side, seq, ack, **parts):
        """An end sends."""
        here, there = side, 1 - side
        segment = Segment(self.names[here], self.names[there], self.ports[here], self.ports[there],
                          seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, **parts)
        self.travel(self.enter, side, segments.encoded(segment))

    def enter(self, parcel):
        self.leave(self.engine.packet(self.now, *parcel))

    def on_alarm(self, armed_for):
        if armed_for == self.alarm:
            self.leave(self.engine.time(self.now))

    def leave(self, answer):
        for event in answer.events:
            self.releases[event["dir"]].append(event["offset"])
        for iface, packet in answer.packets:
            self.watch(iface, packet)
            self.travel(self.arrive, iface, packet)
        if answer.next_ns != self.alarm and answer.next_ns < 2**63:
            self.alarm = answer.next_ns
            self.at(max(self.alarm, self.now), self.on_alarm, self.alarm)

    def arrive(self, parcel):
        try:
            segment = segments.decoded(parcel[1])
        except ValueError:
            return  # damaged on the way
        self.ends[parcel[0]].take(segment)

    # -- what is watched

    def watch(self, iface, packet):
        try:
            segment = segments.decoded(packet)
        except ValueError as wrong:
            self.fail(f"to {iface}: {wrong}")
            return
        sender, receiver = self.ends[1 - iface], self.ends[iface]
        if len(packet) > MTU:
            self.fail(f"to {iface}: a packet of {len(packet)} bytes")
        at = ((segment.seq - sender.isn - 1 + 2**31) & 0xFFFFFFFF) - 2**31 + bool(segment.flags & SYN)
        seen = self.seen[1 - iface]
        for position, byte in enumerate(segment.payload, at):
            if seen.setdefault(position, byte) != byte:
                self.fail(f"to {iface}: byte {position} is {byte}, was {seen[position]}")
        is_probe = len(segment.payload) == 1
        if segment.payload and at + len(segment.payload) - is_probe > max(receiver.told, 0):
            self.fail(f"to {iface}: up to {at + len(segment.payload)}, the window ends at {receiver.told}")
        if segment.flags & ACK:
            acked = (segment.ack - receiver.isn - 1 + 2**31) % 2**32 - 2**31
            self.told[iface].append((acked, sender.arrived, sender.fin_at, self.now))

    def check(self):
        for side in (0, 1):
            data, peer = self.ends[side].data, self.ends[1 - side]
            edits = edits_of(data, self.pairs[side], self.releases[side])
            wanted = rewritten(data, edits)
            got = bytes(peer.got[at] for at in range(peer.arrived))
            if got != wanted:
                same = next((at for at, pair in enumerate(zip(got, wanted)) if pair[0] != pair[1]),
                            min(len(got), len(wanted)))
                self.fail(f"{SIDES[side]}: {len(got)} bytes, expected {len(wanted)}; at {same} "
                          f"{got[same:same + 30]!r}, not {wanted[same:same + 30]!r}")
            for at, byte in self.seen[side].items():
                if at >= 0 and (at >= len(wanted) or wanted[at] != byte):
                    self.fail(f"{SIDES[side]}: byte {at} was sent as {byte}")
            self.check_acks(side, data, edits)

    def check_acks(self, side, data, edits):
        for acked, arrived, fin_at, when in self.told[side]:
            if acked > len(data):
                good = fin_at is not None and arrived >= fin_at
            else:
                good = image_end(acked, edits) <= arrived
            if not good:
                self.now = when
                self.fail(f"{SIDES[side]}: {acked} bytes are acknowledged; their image ends at "
                          f"{image_end(acked, edits)}, only {arrived} arrived")

    def run(self, pairs):
        self.pairs = pairs
        client, server = self.ends
        for end in self.ends:
            when = self.now
            for _ in range(20):
                self.at(when, end.write, self.draw.randrange(len(end.data) // 4 + 2))
                when += self.draw.choice((0, 3, 20, 90)) * MS
            self.at(when, end.write, len(end.data))
        client.next = client.transmit(-1)
        client.arm()
        while self.queue and not self.problem and not all(end.is_done for end in self.ends):
            self.now, _, what, argument = heapq.heappop(self.queue)
            what(argument)
            if self.now - self.start > 600000 * MS:
                break
        if not self.problem and not all(end.is_done for end in self.ends):
            self.fail("stuck: " + "; ".join(f"{e.side} acknowledged {e.una} of {e.end}, got {e.arrived} fin {e.fin_at}"
                                            for e in self.ends))
        if not self.problem:
            self.check()
        return self.problem


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pktmod")
    parser.add_argument("-v", action="store_true")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--undamaged", action="store_true", help="the links damage no packet")
    asked = parser.parse_args()
    failed, moved, edited = 0, 0, 0
    never = ([(b"#never", b"x")], [(b"#never", b"yy")])
    for pairs, seeds in ((never, max(asked.seeds // 8, 1)), (PAIRS, asked.seeds)):
        with Engine(asked.pktmod, rule_file(pairs)) as engine:
            engine.begin(0, mode="live", mtu=MTU)
            now = 0
            for seed in range(asked.first, asked.first + seeds):
                world = World(engine, seed, now)
                world.damage *= not asked.undamaged
                problem = world.run(pairs)
                now = world.now + 1000 * MS
                failed += problem is not None
                moved += sum(end.arrived for end in world.ends)
                edited += sum(len(edits_of(world.ends[s].data, pairs[s], world.releases[s])) for s in (0, 1))
                if problem or asked.v:
                    print(f"seed {seed}{' (no edits)' if pairs is never else ''}: {problem or 'good'}")
    print(f"talk: {asked.seeds} seeds, {failed} failed, {moved} bytes, {edited} edits")
    return 1 if failed or not edited else 0


if __name__ == "__main__":
    sys.exit(main())
