#!/usr/bin/env python3
"""filter.py PKTMOD [-k TEXT] [--long] - pktmod run between real kernels: stories of verdicts, reload, floods, deaths."""
import argparse
import os
import subprocess
import sys
import time

import filter_control
import filter_life
import filter_packets
from filter_world import World, missing
from world import sweep

STORIES = [thing for module in (filter_packets, filter_control, filter_life) for thing in vars(module).values()
           if getattr(thing, "is_story", False)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pktmod")
    parser.add_argument("--long", action="store_true", help="also what takes many minutes")
    parser.add_argument("-k", default="", help="only stories whose name has this text")
    asked = parser.parse_args()
    why = missing()
    if why:
        print(f"skipped: {why}")
        return 77
    sweep()
    failed = 0
    for tell in STORIES:
        if asked.k not in tell.__name__ or tell.is_long and not asked.long:
            continue
        began = time.monotonic()
        try:
            with World(os.path.abspath(asked.pktmod)) as world:
                tell(world)
            said = "ok"
        except (AssertionError, OSError, subprocess.SubprocessError) as problem:
            failed += 1
            said = f"FAILED: {problem}"
        print(f"{time.monotonic() - began:6.1f} s  {tell.__name__}: {said}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
