#!/usr/bin/env python3
"""explain.py PKTMOD - explanations of frames of all cases, held to what a replay does with them.

For frames of every case in cases/ that has a summary of its own: the verdict and the rule are those
of the summary; what is said of groups of conditions follows from what is said of the tests in them;
and the rule that decided is the first one that is said to hold and not to be kept from it.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
MOST_FRAMES = 6  # of each case
LINE = re.compile(r"^ *(\d+) .* {2}(allow|drop|delay|reject|ask)\b(?: by ([A-Za-z0-9._-]+))?")
PASSED = ("local", "mtu", "seed", "checksums")


def arguments(folder):
    """What pktmod test runs the case with, or None: it has several runs."""
    about = json.loads((folder / "case.json").read_text())
    rules = folder / about.get("rules", "rules.json")
    capture = about.get("in") or next(p.name for p in sorted(folder.glob("in.*")))
    words = [str(rules), "-r", str(folder / capture)]
    for key in PASSED:
        if key in about:
            words += ["--" + key, str(about[key])]
    if "answers" in about:
        words += ["--answers", str(folder / about["answers"])]
    return words


def combined(conditions, at):
    """What the conditions inside number `at` make together, and the number behind them."""
    level, kind = conditions[at]["level"], conditions[at]["kind"]
    if kind == "test":
        return conditions[at]["holds"], at + 1
    answers, following = [], at + 1
    while following < len(conditions) and conditions[following]["level"] > level:
        answer, following = combined(conditions, following)
        answers.append(answer)
    if kind == "not":
        return None if answers[0] is None else not answers[0], following
    decisive = kind == "any"
    if decisive in answers:
        return decisive, following
    return None if None in answers else not decisive, following


def faults(told, verdict, rule):
    """What is wrong with an explanation of a frame that has this verdict."""
    if told["verdict"]["action"] != verdict:
        yield f"the verdict is {verdict}, explained is {told['verdict']['action']}"
    decider = told["verdict"]["rule"]
    if rule and rule != "default" and decider != rule:
        yield f"{rule} decided, explained is {decider}"
    if not rule and decider:
        yield f"no rule decided, explained is {decider}"
    for one in told["rules"]:
        conditions = one.get("conditions", [])
        for at, condition in enumerate(conditions):
            if combined(conditions, at)[0] != condition["holds"]:
                yield f"rule {one['id']}: condition {at} is said to be {condition['holds']}"
        if conditions and conditions[0]["holds"] != one["holds"]:
            yield f"rule {one['id']} and its conditions are not one"
        if one.get("holds") is True and one["misses"] != 0:
            yield f"rule {one['id']} holds and has {one['misses']} misses"
    if any(told["verdict"][way] for way in
           ("before_rules", "as_first_fragment", "as_whole_datagram")):
        return
    if told.get("flow", {}).get("decided_by"):
        if told["flow"]["decided_by"] != decider:
            yield "the flow was decided by another rule"
        return
    able = [one["id"] for one in told["rules"]
            if one.get("holds") is True and one["action"] not in ("rewrite", "log")
            and not one["dry_run"] and not one.get("modifiers", {}).get("refused_by")
            and one["seen_by"] == "filter" and "what rewriting leaves" not in one["says"]]
    if decider != (able[0] if able else None):
        yield f"{decider} decided, but the first rule that holds is {able[:1]}"


def check(pktmod, folder):
    """(frames explained, [fault])"""
    summary, found = folder / "expected" / "summary.txt", []
    lines = [LINE.match(line) for line in summary.read_text().splitlines()[1:]]
    lines = [line for line in lines if line]
    chosen = lines[::max(1, len(lines) // MOST_FRAMES)][:MOST_FRAMES]
    for line in chosen:
        frame, verdict, rule = line.groups()
        command = [pktmod, "explain", *arguments(folder), "--frame", frame, "--all"]
        done = subprocess.run([*command, "--format", "json"], capture_output=True, timeout=60,
                              check=False)
        text = subprocess.run(command, capture_output=True, timeout=60, check=False)
        if done.returncode != 0 or text.returncode != 0:
            found.append(f"{folder.name}: frame {frame}: exit {done.returncode}, "
                         f"{text.returncode}: {done.stderr.decode()}")
            continue
        found += [f"{folder.name}: frame {frame}: {fault}"
                  for fault in faults(json.loads(done.stdout), verdict, rule)]
        found += [f"{folder.name}: frame {frame}: a line of {len(row)} columns: {row}"
                  for row in text.stdout.decode().splitlines()
                  if len(row) > 80 and str(folder) not in row]
    return len(chosen), found


def main():
    pktmod = str(pathlib.Path(sys.argv[1]).resolve())
    folders = sorted(p.parent.parent for p in (HERE / "cases").glob("*/expected/summary.txt"))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda folder: check(pktmod, folder), folders))
    count = sum(frames for frames, _ in results)
    for _, found in results:
        for fault in found:
            print(fault)
    print(f"{count} frames of {len(folders)} cases explained")
    if count < 200:
        sys.exit("explain.py: too few to say anything")
    sys.exit(1 if any(found for _, found in results) else 0)


if __name__ == "__main__":
    main()
