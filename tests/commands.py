#!/usr/bin/env python3
"""commands.py PKTMOD [-k PATTERN] [--update] - runs command lines and compares all they say.

For what is no replay of a case (those are in cases/, and pktmod test runs them). A folder with
    commands.json  {"shows": what it shows, "commands": {NAME: [ARGUMENT, ...]},
                    "exit": {NAME: code}}     default 0
    expected/NAME.txt       standard output     expected/NAME.err   standard error, where not empty
    expected/NAME.pcap[ng]  what it wrote under that name, byte for byte
Every command runs twice, in a copy of the folder, and must do the same. --update writes what is
expected, for review.
"""
import argparse
import concurrent.futures
import fnmatch
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

# How long it took differs from run to run.
TALK = re.compile(rb"^pktmod: \d+ packets in .*\n", re.MULTILINE)


class Command:
    """One command line, and what it gave."""

    def __init__(self, folder, name, arguments, code):
        self.folder, self.name, self.arguments, self.code = folder, name, arguments, code

    def execute(self, pktmod):
        """(exit code, {file name in expected/: bytes})"""
        with tempfile.TemporaryDirectory() as copy:
            for path in self.folder.iterdir():
                if path.is_file():
                    shutil.copy(path, copy)
            environment = {**os.environ, "TZ": "UTC+5", "LC_ALL": "C"}
            environment.pop("CI", None)
            done = subprocess.run([pktmod, *self.arguments], cwd=copy, capture_output=True,
                                  stdin=subprocess.DEVNULL, timeout=120, env=environment, check=False)
            files = {self.name + ".txt": done.stdout, self.name + ".err": TALK.sub(b"", done.stderr)}
            for path in pathlib.Path(copy).glob(self.name + ".pcap*"):
                files[path.name] = path.read_bytes()
        return done.returncode, {name: data for name, data in files.items() if data}

    def faults(self, pktmod, update):
        code, files = self.execute(pktmod)
        if code != self.code:
            yield f"exit code {code}, expected {self.code}: {files.get(self.name + '.err', b'').decode()}"
            return
        if self.execute(pktmod) != (code, files):
            yield "a second run gave something else"
        if update:
            self.keep(files)
        expected = {p.name for p in (self.folder / "expected").glob("*") if p.stem == self.name}
        for name in sorted(expected | set(files)):
            fault = self.compare(name, files.get(name))
            if fault:
                yield f"{name}: {fault}"

    def compare(self, name, got):
        path = self.folder / "expected" / name
        if got is None:
            return "is missing"
        if not path.exists():
            return "was not expected:\n" + got.decode(errors="replace")[:2000]
        wanted = path.read_bytes()
        if got == wanted:
            return None
        if name.endswith((".txt", ".err")):
            return first_line(wanted.decode(), got.decode())
        return "differs"

    def keep(self, files):
        expected = self.folder / "expected"
        expected.mkdir(exist_ok=True)
        for name, data in files.items():
            path = expected / name
            if not path.exists() or path.read_bytes() != data:
                print(f"updated {path.relative_to(HERE)}")
                path.write_bytes(data)


def first_line(wanted, got):
    pairs = zip(wanted.split("\n") + [None], got.split("\n") + [None])
    for number, (want, have) in enumerate(pairs, 1):
        if want != have:
            return f"line {number} differs\n    expected {want!r}\n    got      {have!r}"
    return "differs in its length"


def read(folder):
    about = json.loads((folder / "commands.json").read_text())
    unknown = set(about) - {"shows", "commands", "exit"}
    if unknown or not about.get("shows"):
        raise ValueError(f"{folder.name}: commands.json has {unknown} or shows nothing")
    codes = about.get("exit", {})
    return [Command(folder, name, arguments, codes.get(name, 0))
            for name, arguments in about["commands"].items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("pktmod")
    parser.add_argument("-k", default="*", metavar="PATTERN", help="of the names of commands")
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    if options.update and os.environ.get("CI"):
        sys.exit("commands.py: expectations are not updated in CI")
    pktmod = str(pathlib.Path(options.pktmod).resolve())
    commands = [c for path in sorted(HERE.glob("*/commands.json")) for c in read(path.parent)]
    chosen = [c for c in commands if fnmatch.fnmatch(c.name, options.k)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda c: list(c.faults(pktmod, options.update)), chosen))
    failed = 0
    for command, faults in zip(chosen, results):
        failed += bool(faults)
        for fault in faults:
            print(f"{command.folder.name}/{command.name}: {fault}")
        if faults:
            print(f"    pktmod {' '.join(command.arguments)}")
    names = {(c.folder, c.name) for c in commands}
    for path in sorted(HERE.glob("*/commands.json")):
        for left in sorted((path.parent / "expected").glob("*")):
            if (path.parent, left.stem) not in names:
                failed += 1
                print(f"{path.parent.name}: {left.name} belongs to no command")
    print(f"{len(chosen)} commands, {failed} failed")
    sys.exit(1 if failed or not chosen else 0)


if __name__ == "__main__":
    main()
