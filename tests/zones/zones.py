#!/usr/bin/env python3
"""zones.py PROGRAM - our reading of the system's time zones against Python's, to the year 2100.

Every zone of the system is compared: a second before each step, at it, and at times drawn between.
The named ones have to be among them: summer time that is standard time (Dublin), half and quarter
hours, changes on other days and at other hours, none at all.
"""
import os
import random
import subprocess
import sys
import zoneinfo
from datetime import datetime, timezone

FOLDER = "/usr/share/zoneinfo"
NAMED = """Africa/Cairo Africa/Casablanca Africa/El_Aaiun America/Havana America/New_York America/Nuuk
    America/Santiago America/Sao_Paulo America/St_Johns Antarctica/Troll Asia/Gaza Asia/Jerusalem
    Asia/Kathmandu Asia/Kolkata Asia/Tehran Asia/Tokyo Atlantic/Azores Australia/Adelaide
    Australia/Lord_Howe Etc/GMT+12 Etc/UTC Europe/Berlin Europe/Chisinau Europe/Dublin Europe/Lisbon
    Europe/London Pacific/Apia Pacific/Auckland Pacific/Chatham Pacific/Easter
    Pacific/Kiritimati""".split()
LAST = int(datetime(2100, 12, 31, tzinfo=timezone.utc).timestamp())
FIRST = int(datetime(1800, 1, 1, tzinfo=timezone.utc).timestamp())


def steps_of(program, names):
    """name -> [(from, offset)] or the text of a fault"""
    paths = [f"{FOLDER}/{name}" for name in names]
    out = subprocess.run([program] + paths, check=True, capture_output=True, text=True).stdout
    zones, steps = {}, None
    for line in out.splitlines():
        if line.startswith(FOLDER):
            path, _, fault = line.partition(" ")
            steps = []
            zones[path[len(FOLDER) + 1:]] = fault if fault else steps
        else:
            steps.append(tuple(map(int, line.split())))
    return zones


def offset_at(steps, time_s):
    """The obvious way: the last step that is not later."""
    offset = steps[0][1]
    for from_s, to in steps:
        if from_s > time_s:
            break
        offset = to
    return offset


def times_to_try(steps, chance):
    for from_s, _ in steps:
        yield from (from_s - 1, from_s, from_s + 1)
    for _ in range(200):
        yield chance.randint(FIRST, LAST)


def faults_of(name, steps, chance):
    if any(a[0] >= b[0] or a[1] == b[1] for a, b in zip(steps, steps[1:])):
        yield f"{name}: steps do not ascend, or change nothing"
    zone = zoneinfo.ZoneInfo(name)
    for time_s in times_to_try(steps, chance):
        if FIRST <= time_s <= LAST:
            theirs = int(datetime.fromtimestamp(time_s, zone).utcoffset().total_seconds())
            ours = offset_at(steps, time_s)
            if ours != theirs:
                yield f"{name} at {time_s}: {ours}, expected {theirs}"


def main():
    if not os.path.isdir(FOLDER):
        print(f"no {FOLDER}; tests/install.sh installs it")
        return 1
    zoneinfo.reset_tzpath(to=[FOLDER])
    names = sorted(zoneinfo.available_timezones() - {"localtime"})
    missing = set(NAMED) - set(names)
    assert not missing, f"not on this system: {missing}"
    chance, faults, checked = random.Random(1), [], 0
    for name, steps in steps_of(sys.argv[1], names).items():
        if isinstance(steps, str):
            faults.append(f"{name}: {steps}")
            continue
        faults += list(faults_of(name, steps, chance))
        checked += 1
    print("\n".join(faults[:20]))
    print(f"{checked} time zones, {len(faults)} differences")
    return 1 if faults or checked < len(NAMED) else 0


if __name__ == "__main__":
    sys.exit(main())
