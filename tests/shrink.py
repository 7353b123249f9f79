#!/usr/bin/env python3
"""shrink.py PKTMOD - pktmod shrink of regression cases, and what Ctrl-C leaves of a search.

A case is made of many flows, its rules are changed so that it fails in one of them, and what is left
has to be few packets that fail in the same way; the packets are held to those of the whole by
`captures.py`, which shares no code with the command.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import captures

FAULTS = []
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "CI"}


def check(good, what):
    if not good:
        FAULTS.append(what)
        print(f"FAIL {what}")


def flow_text():
    """Twenty web connections, one of which says "needle", look-ups, and a telnet login."""
    lines = []
    for i in range(20):
        word = "a needle in hay" if i == 11 else "nothing but hay"
        lines += [f"tcp web{i} 10.0.0.{i + 1}:40000 > 192.0.2.1:80", f"web{i} open",
                  f'web{i} > "GET /{i} HTTP/1.1"', f'web{i} < "{word}" cut 4', f"web{i} > close"]
    for i in range(20):
        lines += [f"udp look{i} 10.0.0.{i + 1}:41000 > 192.0.2.53:53", f'look{i} > "{i}"']
    lines += ["tcp telnet 10.0.0.9:42000 > 192.0.2.1:23", "telnet > syn"]
    return "\n".join(lines) + "\n"


RULES = {"pktmod": 1, "rules": [
    {"id": "telnet", "match": {"tcp.dstport": 23}, "verdict": "drop"},
    {"id": "needles", "match": {"tcp.port": 80}, "rewrite": [{"replace": {"find": "needle", "with": "straw"}}]}]}


class Shrink:
    def __init__(self, pktmod, folder):
        self.pktmod, self.folder = pktmod, pathlib.Path(folder)
        (self.folder / "in.flow").write_text(flow_text())

    def run(self, *arguments, code=0):
        done = subprocess.run([self.pktmod, *arguments], cwd=self.folder, capture_output=True, text=True,
                              env=ENVIRONMENT, timeout=300, check=False)
        check(done.returncode == code, f"{arguments}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def case(self, name, change):
        """A case that fails, as its rules were changed after it was made."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        shutil.rmtree(self.folder / (name + ".shrunk"), ignore_errors=True)
        (self.folder / "rules.json").write_text(json.dumps(RULES))
        self.run("create", "rules.json", "-r", "in.flow", "--copy-rules", name)
        rules = json.loads(json.dumps(RULES))
        change(rules["rules"])
        (self.folder / name / "rules.json").write_text(json.dumps(rules))
        self.run("test", name, code=1)

    def left(self, name):
        """(frames of the whole that are left, packets of the whole)"""
        shrunk = self.folder / (name + ".shrunk")
        whole, part = (packets(p) for p in (self.whole(name), next(shrunk.glob("in.pcap*"))))
        places = [whole.index(packet) + 1 for packet in part]
        check(places == sorted(set(places)), f"{name}: packets of another order, or others: {places}")
        return places, len(whole)

    def whole(self, name):
        out = self.folder / (name + ".pcapng")
        self.run("flow", "in.flow", "-w", out.name)
        return out


def packets(path):
    return [(record.time, bytes(record.data)) for record in captures.records(path)]


def story(shrink, name, change, thing, most, words):
    """Shrinks, and holds what is said to what is there."""
    shrink.case(name, change)
    text = shrink.run("shrink", name)
    places, count = shrink.left(name)
    check(len(places) <= most, f"{name}: {len(places)} of {count} packets are left: {text}")
    failure = (shrink.folder / (name + ".shrunk") / "failure.txt").read_text()
    check(thing in failure and all(w in failure for w in words), f"{name}: {failure}")
    check(failure in text, f"{name}: what is told is not what is written: {text}")
    # The same rules on the part: the frame that is named says what it said in the whole.
    frame = int(failure.split()[1].rstrip(","))
    got = next(line for line in failure.splitlines() if line.startswith("  got")).split(None, 1)[1]
    part = f"{name}.shrunk"
    shrink.run("test", "--update", part)
    summary = (shrink.folder / part / "expected" / "summary.txt").read_text().splitlines()
    line = summary[frame].split(None, 1)[1]
    check(line == got or "@" in got, f"{name}: {line!r} is not {got!r}")
    return places


def check_cases(shrink):
    places = story(shrink, "verdict", lambda r: r[0].update(verdict="allow"), "verdict", 1,
                   ["drop by telnet", "allow by telnet", "explain", "--frame 1"])
    check(len(places) == 1, f"verdict: {places}")
    story(shrink, "rule", lambda r: r.insert(0, {"id": "other", "match": {"tcp.dstport": 23}, "verdict": "drop"}),
          "rule", 1, ["drop by other"])
    # An edit needs its connection's beginning: without it nothing is rewritten, which is another
    # failure.
    places = story(shrink, "edit", lambda r: r[1]["rewrite"][0]["replace"].update({"with": "haystack"}),
                   "edits", 6, ["needles replace 6->8", "needles replace 6->5"])
    check(len(places) >= 2, f"edit: {places}")
    # Other bytes of the same length: the summary is as expected, a packet is not.
    story(shrink, "bytes", lambda r: r[1]["rewrite"][0]["replace"].update({"with": "STRAW"}),
          "tcp.payload", 6, ["needles replace 6->5"])
    shrink.run("shrink", "bytes", code=2)  # the folder is there
    shrink.run("shrink", "bytes", "-r", "in.flow", code=2)


def check_finding(shrink):
    """verify was told that nothing is dropped."""
    name = "finding"
    shrink.case(name, lambda r: r[0].update(note="x", mode="dry-run"))
    (shrink.folder / name / "rules.json").write_text(json.dumps(RULES))
    case = json.loads((shrink.folder / name / "case.json").read_text())
    case["verify"] = []
    (shrink.folder / name / "case.json").write_text(json.dumps(case))
    shrink.run("test", name, code=1)
    text = shrink.run("shrink", name)
    check("pktmod verify finds" in text and len(shrink.left(name)[0]) == 1, f"finding: {text}")


def check_good_case(shrink):
    shrink.case("good", lambda r: r[0].update(verdict="allow"))
    (shrink.folder / "good" / "rules.json").write_text(json.dumps(RULES))
    text = shrink.run("shrink", "good", code=1)
    check("does not fail" in text and not (shrink.folder / "good.shrunk").exists(), f"good: {text}")


def check_interrupt(shrink):
    """A search that would take minutes, stopped when it has found something."""
    part, log = shrink.folder / "part.pcapng", shrink.folder / "log"
    script = f'cp {{}} {part}.now; echo >> {log}; sleep 0.1; ! grep -aq edle {{}}'
    with subprocess.Popen([shrink.pktmod, "shrink", "-r", "in.flow", "-w", part, "--", "sh", "-c", script],
                          cwd=shrink.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=ENVIRONMENT) as run:
        end = time.monotonic() + 60
        while time.monotonic() < end and (not log.exists() or len(log.read_text()) < 12):
            time.sleep(0.02)
        os.kill(run.pid, signal.SIGINT)
        out, err = run.communicate(timeout=60)
    whole = packets(shrink.whole("interrupt"))
    left = packets(part)
    check(run.returncode == 130 and "smallest part so far" in err, f"interrupt: {run.returncode}: {out}{err}")
    check(0 < len(left) < len(whole), f"interrupt: {len(left)} of {len(whole)} packets are left")
    check(any(b"edle" in data for _, data in left), "interrupt: what is left does not fail")
    check(f"{len(left)} of {len(whole)} packets" in out, f"interrupt: {out}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        shrink = Shrink(str(pathlib.Path(sys.argv[1]).resolve()), folder)
        check_cases(shrink)
        check_finding(shrink)
        check_good_case(shrink)
        check_interrupt(shrink)
    print(f"{len(FAULTS)} faults")
    return 1 if FAULTS else 0


if __name__ == "__main__":
    sys.exit(main())
