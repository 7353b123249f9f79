#!/usr/bin/env python3
"""large.py PKTMOD - captures without an end in sight: constant memory, progress, Ctrl-C.

    large.py PKTMOD --packets N    only the memory, with so many packets instead
"""
import argparse
import json
import os
import pathlib
import pty
import re
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import captures  # noqa: E402
import rawip  # noqa: E402

# Every kind of state that packets leave behind: flows, delays, rewritten streams.
RULES = {
    "pktmod": 1,
    "policy": {"flows": 4096},
    "rules": [
        {"id": "some", "match": {"udp.dstport": 7}, "verdict": "drop"},
        {"id": "later", "match": {"udp.dstport": 9}, "verdict": {"delay": {"ms": 5}}},
        {"id": "word", "match": {"tcp.port": 80},
         "rewrite": [{"replace": {"find": "secret", "with": "[gone]..."}}]},
    ],
}


def ends(number, port=80):
    source = f"10.{number >> 19 & 255}.{number >> 11 & 255}.{number >> 3 & 255}"
    return source, "192.0.2.1", 1024 + number % 8, port


def stream(count):
    """A pcap of raw IP packets, in pieces: ever new flows, half of them TCP."""
    yield rawip.PCAP_HEADER
    piece, time_us = [], 1767225600000000
    for number in range(count):
        kind = number % 4
        if kind == 0:
            data = rawip.tcp(*ends(number // 4), 2, 1000)
        elif kind == 1:
            data = rawip.tcp(*ends(number // 4), 24, 1001, b"a secret and more")
        else:
            data = rawip.udp(*ends(number, (7, 9, 53)[number % 3]), b"word")
        time_us += 37
        piece.append(rawip.record(time_us, data))
        if len(piece) == 512:
            yield b"".join(piece)
            piece = []
    yield b"".join(piece)


def feed(pipe, count):
    for piece in stream(count):
        pipe.write(piece)
    pipe.close()


class Large:
    def __init__(self, pktmod, folder):
        self.pktmod, self.folder, self.faults = pktmod, pathlib.Path(folder), 0
        self.rules = self.folder / "rules.json"
        self.rules.write_text(json.dumps(RULES))

    def expect(self, holds, what):
        if not holds:
            print("FAILED:", what)
            self.faults += 1

    def command(self, *more):
        return [self.pktmod, "replay", str(self.rules), "-r", "-", *more]

    def peak_kb(self, count):
        """Largest resident size of all children so far, after one of so many packets."""
        # AddressSanitizer keeps freed memory for a while, which is no growth of ours.
        environment = {**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=1"}
        with subprocess.Popen(self.command("-w", "-", "--events", "/dev/null",
                                           "--format", "json"), stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              env=environment) as run:
            feed(run.stdin, count)
            told = run.stderr.read()
        self.expect(run.returncode == 0, f"{count} packets: exit {run.returncode}")
        report = json.loads(told[:told.rindex(b"}") + 1])
        self.expect(report["capture"]["packets"] == count, f"{count} packets are all read")
        self.expect(report["rewritten"]["changed"] > 0, f"{count} packets: some are rewritten")
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss

    def memory_does_not_grow(self, few, many):
        small, large = self.peak_kb(few), self.peak_kb(many)
        print(f"{few} packets: {small} kB; {many} packets: {large} kB")
        self.expect(large - small < 2048, f"memory grew from {small} to {large} kB")

    def interrupted_run_is_whole(self, number, name):
        """The input never ends; a signal does."""
        out = self.folder / "part.pcap"
        out.unlink(missing_ok=True)
        with subprocess.Popen(self.command("-w", str(out), "--format", "json"),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as run:
            pieces = stream(16384)
            for piece in pieces:
                run.stdin.write(piece)
            run.stdin.write(b"\1\2\3")  # the beginning of a record that never comes
            run.stdin.flush()
            deadline = time.monotonic() + 60
            while not out.exists() or out.stat().st_size < 250000:  # it reads
                if time.monotonic() > deadline:
                    break
                time.sleep(0.05)
            time.sleep(0.3)  # and now it waits for more
            run.send_signal(number)
            code = run.wait(60)
            report, talk = json.loads(run.stdout.read()), run.stderr.read().decode()
            run.stdin.close()
        self.expect(code == 128 + number, f"{name}: exit {code}")
        self.expect(report["capture"]["stopped_by"] == name, f"{name}: the report says so")
        self.expect(report["capture"]["packets"] == 16384, f"{name}: all that came is processed")
        self.expect(f"stopped by {name} after 16384 packets" in talk, f"{name}: told: {talk}")
        packets = captures.read_all(str(out))[0]
        self.expect(len(packets) == report["output"]["packets"],
                    f"{name}: {len(packets)} written, {report['output']['packets']} reported")

    def text_report_is_partial(self):
        with subprocess.Popen(self.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as run:
            run.stdin.write(next(stream(0)))
            run.stdin.flush()
            time.sleep(1)
            run.send_signal(signal.SIGINT)
            code = run.wait(60)
            report = run.stdout.read().decode()
            run.stdin.close()
        self.expect(code == 130, f"nothing read: exit {code}")
        self.expect("partial   stopped by SIGINT: this is about the first 0 packets" in report,
                    f"the text report is partial:\n{report}")

    def terminal_shows_progress(self):
        """Slowly fed from a pipe, with a terminal for standard error."""
        leader, follower = pty.openpty()
        shown = b""
        with subprocess.Popen(self.command("-w", "-"), stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=follower) as run:
            os.close(follower)
            started = time.monotonic()
            header, *records = stream(8192)
            run.stdin.write(header)
            while time.monotonic() - started < 2.5:
                run.stdin.write(b"".join(records))
                run.stdin.flush()
                while select.select([leader], [], [], 0.05)[0]:
                    shown += os.read(leader, 4096)
            run.stdin.close()
            while run.poll() is None or select.select([leader], [], [], 0.1)[0]:
                try:
                    shown += os.read(leader, 4096)
                except OSError:
                    break
        os.close(leader)
        lines = shown.decode().split("\r")
        progress = [line for line in lines
                    if re.match(r"\d+ packets, \d+ MB, \d+\.\d\d million/s *$", line)]
        self.expect(len(progress) >= 2, f"progress on a terminal: {lines[:5]}")
        self.expect(all(len(line) < 80 for line in progress), "a line of progress fits")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("pktmod")
    parser.add_argument("--packets", type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        large = Large(str(pathlib.Path(options.pktmod).resolve()), folder)
        if options.packets:
            large.memory_does_not_grow(100000, options.packets)
        else:
            large.memory_does_not_grow(100000, 300000)
            large.interrupted_run_is_whole(signal.SIGINT, "SIGINT")
            large.interrupted_run_is_whole(signal.SIGTERM, "SIGTERM")
            large.text_report_is_partial()
            large.terminal_shows_progress()
    sys.exit(1 if large.faults else 0)


if __name__ == "__main__":
    main()
