#!/usr/bin/env python3
"""run_cases.py PKTMOD [-k PATTERN] [--update] - replays every case and compares what comes out.

A case is a folder:
    case.json      {"shows": what it shows,
                    "runs": {NAME: [ARGUMENT, ...]},      default {"main": []}
                    "commands": {NAME: [ARGUMENT, ...]},  whole command lines instead
                    "exit": code or {NAME: code},         default 0
                    "streams": what check_streams.py holds the outputs to,
                    "verify": [ARGUMENT, ...] that pktmod verify needs, or why it is not asked}
    rules.json, in.pcap | in.pcapng
    expected/NAME.txt       standard output     expected/NAME.err   standard error, where not empty
    expected/NAME.pcap[ng]  the written capture, byte for byte

A run is `pktmod replay rules.json -r in.pcap -w NAME.pcap ARGUMENT...` in a folder of its own.
Every run happens twice and must give the same; what is written has to satisfy pktmod verify, with
the capture it was made from as baseline. --update writes what is expected, for review.
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
sys.path.insert(0, str(HERE.parent))
import captures  # noqa: E402
import check_streams  # noqa: E402

# How long it took differs from run to run.
TALK = re.compile(rb"^pktmod: \d+ packets in .*\n", re.MULTILINE)


class Run:
    """One command line of a case, and what it gave."""

    def __init__(self, case, name, arguments, is_whole):
        self.case, self.name = case, name
        self.suffix = case.capture.suffix if case.capture else ".pcap"
        self.output = name + self.suffix
        self.arguments = arguments if is_whole else [
            "replay", "rules.json", "-r", case.capture.name, "-w", self.output, *arguments]

    def execute(self, pktmod):
        """(exit code, {file name in expected/: bytes})"""
        with tempfile.TemporaryDirectory() as folder:
            for path in self.case.folder.iterdir():
                if path.is_file():
                    shutil.copy(path, folder)
            environment = {**os.environ, "TZ": "UTC+5", "LC_ALL": "C"}
            done = subprocess.run([pktmod, *self.arguments], cwd=folder, capture_output=True,
                                  stdin=subprocess.DEVNULL, timeout=120, env=environment)
            files = {self.name + ".txt": done.stdout, self.name + ".err": TALK.sub(b"", done.stderr)}
            written = pathlib.Path(folder) / self.output
            if written.exists():
                files[self.output] = written.read_bytes()
        return done.returncode, {name: data for name, data in files.items() if data}

    def faults(self, pktmod, update):
        code, files = self.execute(pktmod)
        wanted = self.case.exit_code(self.name)
        if code != wanted:
            yield f"exit code {code}, expected {wanted}: {files.get(self.name + '.err', b'').decode()}"
            return
        if self.execute(pktmod) != (code, files):
            yield "a second run gave something else"
        if update:
            self.case.keep(files)
        for name in sorted(self.case.expected_files(self.name) | set(files)):
            fault = self.compare(name, files.get(name))
            if fault:
                yield f"{name}: {fault}"
        if self.output in files and code == 0 and isinstance(self.case.verify, list):
            yield from self.incoherences(pktmod, files[self.output])
        streams = self.case.streams_of(self.name)
        if self.output in files and streams is not None:
            yield from check_streams.faults(self.case.capture, files[self.output], streams)

    def incoherences(self, pktmod, written):
        alike = [word for at, word in enumerate(self.arguments)
                 if {"--mtu", "--checksums"} & set(self.arguments[max(at - 1, 0):at + 1])]
        with tempfile.NamedTemporaryFile(suffix=self.suffix) as out:
            out.write(written)
            out.flush()
            done = subprocess.run([pktmod, "verify", out.name, "--baseline", str(self.case.capture),
                                   *alike, *self.case.verify], capture_output=True, text=True,
                                  timeout=120, check=False)
        if done.returncode != 0:
            yield f"pktmod verify: exit {done.returncode}\n{done.stdout}{done.stderr}"

    def compare(self, name, got):
        path = self.case.folder / "expected" / name
        if got is None:
            return "is missing"
        if not path.exists():
            return "was not expected:\n" + got.decode(errors="replace")[:2000]
        wanted = path.read_bytes()
        if got == wanted:
            return None
        if name.endswith((".txt", ".err")):
            return first_line(wanted.decode(), got.decode())
        return first_packet(wanted, got)


def first_line(wanted, got):
    pairs = zip(wanted.split("\n") + [None], got.split("\n") + [None])
    for number, (want, have) in enumerate(pairs, 1):
        if want != have:
            return f"line {number} differs\n    expected {want!r}\n    got      {have!r}"
    return "differs in its length"


def read(data):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return captures.read_all(file.name)[0]


def first_packet(wanted, got):
    """The first packet and byte where two captures differ."""
    want, have = read(wanted), read(got)
    for number, (a, b) in enumerate(zip(want, have), 1):
        for field in a._fields[:-1]:
            if getattr(a, field) != getattr(b, field):
                return f"packet {number}: {field} {getattr(b, field)}, expected {getattr(a, field)}"
        if a.data != b.data:
            at = next((i for i, (x, y) in enumerate(zip(a.data, b.data)) if x != y),
                      min(len(a.data), len(b.data)))
            return (f"packet {number} differs from byte {at} on\n"
                    f"    expected {len(a.data)} bytes, ..{a.data[at:at + 24].hex(' ')}\n"
                    f"    got      {len(b.data)} bytes, ..{b.data[at:at + 24].hex(' ')}")
    if len(want) != len(have):
        return f"{len(have)} packets, expected {len(want)}"
    return "the packets are equal, but not the file around them"


class Case:
    def __init__(self, folder):
        self.folder = folder
        about = json.loads((folder / "case.json").read_text())
        unknown = set(about) - {"shows", "runs", "commands", "exit", "streams", "verify"}
        if unknown or not about.get("shows"):
            raise ValueError(f"{folder.name}: case.json has {unknown} or shows nothing")
        self.capture = next((p for p in sorted(folder.glob("in.pcap*"))), None)
        self.exit = about.get("exit", 0)
        self.streams = about.get("streams")
        self.verify = about.get("verify", [])
        runs = about.get("runs", {} if "commands" in about else {"main": []})
        self.runs = [Run(self, name, arguments, False) for name, arguments in runs.items()] + \
            [Run(self, name, arguments, True) for name, arguments in about.get("commands", {}).items()]

    def exit_code(self, run):
        return self.exit.get(run, 0) if isinstance(self.exit, dict) else self.exit

    def streams_of(self, run):
        is_by_run = self.streams and any(each.name in self.streams for each in self.runs)
        return self.streams.get(run) if is_by_run else self.streams

    def expected_files(self, run):
        return {p.name for p in (self.folder / "expected").glob("*") if p.stem == run}

    def keep(self, files):
        expected = self.folder / "expected"
        expected.mkdir(exist_ok=True)
        for name, data in files.items():
            path = expected / name
            if not path.exists() or path.read_bytes() != data:
                print(f"updated {path.relative_to(HERE)}")
                path.write_bytes(data)

    def stale(self):
        names = {run.name for run in self.runs}
        for path in sorted((self.folder / "expected").glob("*")):
            if path.stem not in names:
                yield f"{path.name} belongs to no run"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("pktmod")
    parser.add_argument("-k", default="*", metavar="PATTERN")
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    if options.update and os.environ.get("CI"):
        sys.exit("run_cases.py: expectations are not updated in CI")
    pktmod = str(pathlib.Path(options.pktmod).resolve())
    cases = [Case(path.parent) for path in sorted(HERE.glob("*/case.json"))
             if fnmatch.fnmatch(path.parent.name, options.k)]
    runs = [run for case in cases for run in case.runs]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda run: list(run.faults(pktmod, options.update)), runs))
    failed = 0
    for run, faults in zip(runs, results):
        failed += bool(faults)
        for fault in faults:
            print(f"{run.case.folder.name}/{run.name}: {fault}")
        if faults:
            print(f"    pktmod {' '.join(run.arguments)}")
    for case in cases:
        for fault in case.stale():
            failed += 1
            print(f"{case.folder.name}: {fault}")
    print(f"{len(cases)} cases, {len(runs)} runs, {failed} failed")
    sys.exit(1 if failed or not runs else 0)


if __name__ == "__main__":
    main()
