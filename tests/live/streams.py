#!/usr/bin/env python3
"""Streams between two real kernels arrive as if they had been sent rewritten.

    streams.py CARRY [-k TEXT] [--full] [--capture DIR] [--list]

CARRY is the program made of carry.c. -k runs what has the text in its name; --full sends 100 MB in every
combination; --capture keeps what both kernels sent and got. Ends with 77 where it cannot run.
"""
import argparse
import itertools
import pathlib
import signal
import sys
import time

from payload import rule_file
from stories import STORIES
from talk import both_ways
from world import World, missing, sweep

MB = 1_000_000
TOTAL_S = 300  # for everything; what has not begun by then has failed
COUNTED = (("RetransSegs", "retransmitted"), ("TCPTimeouts", "timeouts"), ("TCPDSACKOldSent", "arrived_twice"),
           ("TCPDSACKRecv", "dsacks_told"), ("TCPSpuriousRtxHostQueues", "host_queue"),
           ("DeviceDropped", "device_dropped"))


class Stream:
    """A transfer, up (from the host) or down or both at once. Packets are lost before carry and behind it."""

    def __init__(self, up=None, down=None, mb=10, loss=0.0, before=0.0, sack=True, stamps=True, family=4,
                 mtu=(1500, 1500), congestion="cubic", options=(), **sysctls):
        self.before, self.congestion, self.options = before, congestion, options
        self.up, self.down, self.mb, self.loss = up or "none", down or "none", mb, loss
        self.seconds = 30 + mb * (10 if max(loss, before) > 0.01 else 1)
        self.sizes = [mb * MB if kind else 0 for kind in (up, down)]
        self.sack, self.stamps, self.family, self.mtu, self.sysctls = sack, stamps, family, mtu, sysctls
        ways = " ".join(f"{way} {kind}" for way, kind in (("up", up), ("down", down)) if kind)
        self.name = " ".join([ways, f"{mb} MB", f"loss {before:.0%}+{loss:.0%}", "sack" if sack else "nosack",
                              "stamps" if stamps else "nostamps", f"v{family}",
                              f"mtu {mtu[0]}" + (f"/{mtu[1]}" if mtu[1] != mtu[0] else ""),
                              *options, *([f"{congestion or 'default'} congestion"] if congestion != "cubic" else []),
                              *(f"{name}={value}" for name, value in sysctls.items())])

    def world(self, carry, capture):
        sysctls = {"ipv4/tcp_sack": int(self.sack), "ipv4/tcp_timestamps": int(self.stamps),
                   **{f"ipv4/{name}": value for name, value in self.sysctls.items()}}
        return World(carry, rule_file(self.up, self.down), family=self.family, mtu=self.mtu, loss=self.loss,
                     sysctls=sysctls, congestion=self.congestion, capture=capture, seconds=60 + self.seconds,
                     options=("--drop", str(self.before), *self.options))

    def run(self, world):
        ways = [world.way(side, kind, size)
                for side, kind, size in zip(("host", "network"), (self.up, self.down), self.sizes)]
        listener = world.listen()
        client, server = world.dial(listener)
        begin = time.monotonic()
        both_ways(client, server, *ways, seconds=self.seconds)
        took = time.monotonic() - begin
        return f"{sum(self.sizes) / MB / took:.1f} MB/s"

    def verify(self, world):
        """What must hold of the counters as well."""
        finds, missed = finds_of(world)
        if world.stats["edits"] != finds - missed:
            raise AssertionError(f"carry made {world.stats['edits']} edits of {finds}; told of {missed} missed")
        if not self.loss and not self.before:
            repeated, sent = world.count("RetransSegs"), world.count("OutSegs")
            if repeated > 20 + sent / 200:
                raise AssertionError(f"{repeated} of {sent} segments were sent again although none was lost")


def finds_of(world):
    """In its streams: how many there were, and how many were missed."""
    finds, missed = sum(way.finds for way in world.ways), sum(way.missed for way in world.ways)
    if missed > 10 + finds / 500:
        raise AssertionError(f"{missed} of {finds} finds were missed: more than lost packets explain")
    return finds, missed


class Story:
    """A named talk of stories.py."""

    def __init__(self, tell):
        self.tell, self.name = tell, tell.__name__

    def world(self, carry, capture):
        return World(carry, self.tell.rules, capture=capture, **self.tell.world)

    def run(self, world):
        return self.tell(world) or ""

    def verify(self, world):
        finds_of(world)


def short_list():
    """Every kind, and every pair of circumstances, within two minutes; 100 MB each way under loss."""
    yield Stream(up="rare grow", mb=100, loss=0.01)
    yield Stream(down="rare shrink", mb=100, loss=0.01, sack=False, stamps=False)
    yield Stream(up="rare shrink", mb=100, loss=0.01, sack=False)
    yield Stream(down="rare grow", mb=100, loss=0.01, stamps=False)
    kinds = itertools.cycle([("grow", None), (None, "shrink"), ("delete", None), (None, "grow"), ("shrink", None),
                             (None, "delete"), ("mixed", None), (None, "double")])
    families = itertools.cycle([4, 6, 6, 4, 6])
    for loss, sack, stamps in itertools.product((0, 0.01, 0.03), (True, False), (True, False)):
        mb = 2 if loss and not sack else 6  # more would take minutes, with all those timeouts
        for before in (0, 0.01) if loss == 0.01 else (min(loss, 0.01),):
            up, down = next(kinds)
            yield Stream(up, down, mb=mb, loss=loss, before=before, sack=sack, stamps=stamps, family=next(families))
    yield from odd_circumstances(5)


def odd_circumstances(mb):
    yield Stream(up="same", mb=mb)
    yield Stream(up="none", down="none", mb=mb)
    yield Stream(up="grow", down="shrink", mb=mb)
    yield Stream(up="grow", mb=mb, before=0.01)
    yield Stream(up="grow", mb=mb, options=("--clamp-mss",))
    yield Stream(up="delete", down="double", mb=mb, loss=0.01)
    yield Stream(up="mixed", down="mixed", mb=mb, loss=0.01, family=6)
    yield Stream(up="grow", mb=mb, mtu=(9000, 9000))
    yield Stream(down="double", mb=mb, mtu=(9000, 1500), loss=0.01)
    yield Stream(up="shrink", mb=mb, mtu=(1280, 1500), family=6)
    yield Stream(up="grow", mb=mb, mtu=(576, 576))
    yield Stream(up="double", mb=mb, tcp_window_scaling=0)
    yield Stream(down="grow", mb=mb, tcp_ecn=1)
    yield Stream(up="grow", mb=mb, loss=0.01, congestion="reno")
    yield Stream(down="grow", mb=mb, loss=0.01, congestion=None)


def full_list():
    for kind, loss, sack, stamps, family in itertools.product(
            ("grow", "shrink", "delete", "double", "mixed", "rare grow", "rare shrink"), (0, 0.01, 0.03), (True, False), (True, False), (4, 6)):
        yield Stream(up=kind, mb=100, loss=loss, sack=sack, stamps=stamps, family=family)
        yield Stream(down=kind, mb=100, loss=loss, sack=sack, stamps=stamps, family=family)
        if loss:
            yield Stream(up=kind, mb=100, before=loss, sack=sack, stamps=stamps, family=family)
    yield from odd_circumstances(100)


def holds(world):
    """Whether the stream is simply the rewritten one, and how far not."""
    missed = f", {finds_of(world)[1]} finds missed" if world.ways else ""
    given_up = world.stats["hold_releases"]
    return f"{given_up} holds given up{missed}" if given_up else "no hold given up"


def numbers(world):
    told = [f"{name} {world.count(counter)}" for counter, name in COUNTED]
    engine = [f"{name} {count}" for name, count in world.stats.items() if name != "why" and count]
    return ", ".join(told) + " | " + ", ".join(engine + [f"{why} {n}" for why, n in world.stats["why"].items()])


def attempt(case, carry, capture):
    """Runs it; prints what it measured. Holds given up and finds missed in its streams; None: it went wrong."""
    begin, world = time.monotonic(), None
    try:
        with case.world(carry, capture) as world:
            try:
                speed = case.run(world)
                world.stop()
                if world.count("InCsumErrors"):
                    raise AssertionError(f"{world.count('InCsumErrors')} packets had wrong checksums")
                case.verify(world)
            except (AssertionError, OSError) as problem:
                print(f"FAILED  {case.name}: {problem}")
                tell_more(world)
                return None
            took = f"{time.monotonic() - begin:.1f} s"
            print(f"ok  {case.name}  {', '.join(filter(None, (took, speed, holds(world))))}\n      {numbers(world)}",
                  flush=True)
            return world.stats["hold_releases"] if world.ways else 0, finds_of(world)[1]
    except OSError as problem:
        print(f"FAILED  {case.name}: {problem}", flush=True)
        return None


def tell_more(world):
    try:
        told = world.sockets()
        if not world.stats:
            world.stop()
        print(f"{told}      {numbers(world)}\n{world.said()[-500:]}", flush=True)
    except (AssertionError, OSError) as problem:
        print(f"      {problem}", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("carry", metavar="CARRY")
    arguments.add_argument("-k", metavar="TEXT", default="")
    arguments.add_argument("--full", action="store_true")
    arguments.add_argument("--capture", metavar="DIR")
    arguments.add_argument("--list", action="store_true", help="names only")
    given = arguments.parse_args()
    cases = [*(full_list() if given.full else short_list()), *map(Story, STORIES)]
    cases = [case for case in cases if given.k in case.name]
    if given.list:
        print("\n".join(case.name for case in cases))
        return 0
    why = missing()
    if why:
        print(f"skipped: {why}")
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # so that worlds are taken down
    sweep()
    if given.capture:
        pathlib.Path(given.capture).mkdir(parents=True, exist_ok=True)
    begin, done = time.monotonic(), []
    for case in cases:
        if not given.full and time.monotonic() - begin > TOTAL_S:
            print(f"FAILED  {case.name}: no time left")
        else:
            done.append(attempt(case, given.carry, given.capture))
    good = [told for told in done if told]
    given_up, missed = (sum(counts) for counts in zip((0, 0), *good))
    failed = len(cases) - len(good)
    print(f"{len(cases)} runs, {failed} failed, {time.monotonic() - begin:.0f} s; "
          f"{given_up} holds given up in streams, {missed} finds missed")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
