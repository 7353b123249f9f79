#!/usr/bin/env python3
"""builds.py BUILD... - every build gives the same bytes: what tests say, captures, reports, events.

BUILD is a folder with a pktmod in it; one that is not there is named and left out. Of the builds that
are there each runs all that is listed here twice, tests with one and with eight jobs, and every byte
that comes out has to be that of the first build. --planted: one build is made to differ, which has to
be seen.
"""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "rules" / "examples"


def run(pktmod, arguments, folder):
    """Exit code and everything written: {name: bytes}"""
    environment = {**os.environ, "TZ": "UTC+5", "LC_ALL": "C", "NO_COLOR": "1"}
    environment.pop("CI", None)
    done = subprocess.run([pktmod, *map(str, arguments)], cwd=folder, capture_output=True, timeout=600,
                          stdin=subprocess.DEVNULL, env=environment, check=False)
    return done.returncode, done.stdout, done.stderr


def suite(folder):
    """All cases, one of which fails, and the example files that have tests."""
    shutil.copytree(HERE / "cases", folder / "cases", symlinks=True)
    shutil.copytree(EXAMPLES, folder / "examples")
    # Cases name rule files of the examples by their way there.
    for case in (folder / "cases").glob("*/case.json"):
        text = case.read_text().replace("../../../rules/examples", "../../examples")
        case.write_text(text)
    broken = folder / "cases" / "replace-longer" / "expected" / "summary.txt"
    broken.write_text(broken.read_text().replace("6->17", "6->16", 1))
    return [p.relative_to(folder) for p in sorted((folder / "examples").glob("*.json"))
            if "tests" in json.loads(p.read_text())]


def stories(folder):
    """{name: what to run}; {} in arguments is a file that is written."""
    tested = suite(folder)
    for form in ("text", "tap", "junit"):
        for jobs in (1, 8):
            yield f"test {form} -j{jobs}", ["test", "cases", *tested, "--format", form, "-j", jobs, "--timeout", 0]
    for case in sorted((folder / "cases").glob("*/")):
        about = json.loads((case / "case.json").read_text()) if (case / "case.json").exists() else {}
        rules = case / about.get("rules", "rules.json")
        capture = next((p for p in sorted(case.glob("in.*"))), None)
        if "in" in about:
            capture = case / about["in"]
        if capture is None or not rules.exists():
            continue
        suffix = ".pcap" if capture.suffix == ".pcap" else ".pcapng"
        names = (os.path.relpath(p, folder) for p in (rules, capture))
        rules, capture = names
        yield f"replay {case.name}", ["replay", rules, "-r", capture, "-q", "-w", "{}" + suffix, "--events",
                                      "{}.jsonl", "--report", "{}.html", "--dropped", "{}.dropped" + suffix]
        yield f"report {case.name}", ["replay", rules, "-r", capture, "--format", "json", "-w", "/dev/null"]
    yield "diff", ["diff", "examples/block-telnet.json", "examples/allow-list.json", "-r",
                   "cases/drop-telnet/in.pcap", "--all"]


# How long it took differs from run to run.
def without_time(stderr):
    return b"".join(line for line in stderr.splitlines(True) if b" packets in " not in line)


def outcome(pktmod, arguments, folder):
    """A digest of all that came out, by name."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    code, stdout, stderr = run(pktmod, [str(a).replace("{}", "out/x") for a in arguments], folder)
    came = {"exit code": str(code).encode(), "standard output": stdout, "standard error": without_time(stderr)}
    came.update({p.name: p.read_bytes() for p in sorted(out.iterdir())})
    return {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in came.items()}


def compare(builds, folder):
    """Yields what differs."""
    counts = {}
    for name, arguments in stories(folder):
        first = None
        for build, pktmod in builds:
            for turn in (1, 2):
                came = outcome(pktmod, arguments, folder)
                first = first or came
                for what in sorted(set(came) | set(first)):
                    if came.get(what) != first.get(what):
                        yield f"{name}: {what} of {build}, run {turn}, is not that of {builds[0][0]}"
        kind = name.split()[0]
        counts[kind] = counts.get(kind, 0) + 1
        if name.endswith("-j8"):
            continue
        if name.endswith("-j1"):
            eight = outcome(builds[0][1], [*arguments[:-3], 8, *arguments[-2:]], folder)
            if eight != first:
                yield f"{name}: eight jobs give something else"
    if counts.get("replay", 0) < 40 or counts.get("test", 0) < 6:
        yield f"too little was run: {counts}"
    print(", ".join(f"{count} of {kind}" for kind, count in counts.items()))


def planted(folder, pktmod):
    """A build that adds a byte to every capture it writes."""
    script = folder / "planted" / "pktmod"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\n"{pktmod}" "$@"\ncode=$?\n'
                      'for file in out/*.pcap out/*.pcapng; do [ -f "$file" ] && printf x >>"$file"; done\n'
                      'exit $code\n')
    script.chmod(0o755)
    return script


def main():
    folders = [a for a in sys.argv[1:] if a != "--planted"]
    there = [(f, (pathlib.Path(f) / "pktmod").resolve()) for f in folders if (pathlib.Path(f) / "pktmod").exists()]
    for missing in sorted(set(folders) - {name for name, _ in there}):
        print(f"SKIP {missing}: there is no pktmod in it")
    if not there:
        return 77
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        is_planted = "--planted" in sys.argv
        if is_planted:
            there = [there[0], ("planted", planted(folder, there[0][1]))]
        faults = list(compare(there, folder))
    if is_planted:
        seen = sum("of planted" in fault for fault in faults)
        print(f"{seen} planted differences were seen")
        return 0 if seen >= 40 else 1
    for fault in faults:
        print(f"FAIL {fault}")
    print(f"{len(there)} builds, {len(faults)} differences")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
