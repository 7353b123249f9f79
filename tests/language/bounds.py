#!/usr/bin/env python3
"""bounds.py PKTMOD - no rule file keeps the loader busy: work grows with the file, not with its square.

Each kind of file is loaded in two sizes, the larger one eight times the other. What is done twice
for everything takes eight times as long, what compares everything with everything 64 times.
"""
import os
import subprocess
import sys
import tempfile

SMALL, FACTOR = 1 << 16, 8
SLACK_S = 0.5  # machines have other things to do
MOST = 24      # between 8 and 64


def many(piece, size):
    """Copies of the piece, "%x" replaced by their numbers."""
    out, length, number = [], 0, 0
    while length < size:
        out.append(piece.replace("%x", format(number, "x")))
        length += len(out[-1])
        number += 1
    return "".join(out)


def rules(body):
    return '{"pktmod":1,"rules":[' + body + "]}"


def each_rule(middle):
    return lambda size: rules(many('{"id":"%x",' + middle + "},", size) + '{"id":"z.","match":{},"verdict":"drop"}')


def match(before, piece, after):
    return lambda size: rules('{"id":"a","verdict":"drop","match":' + before + many(piece, size) + after + "}")


def wrong_names(size):
    return ('{"pktmod":1,"vars":{' + many('"%x":0,', size // 2) + '"z":0},"rules":[{"id":"a","verdict":"drop","match":{'
            '"tcp.port":[' + many('"$x%x",', size // 2) + "1]}}]}")


KINDS = {
    "rules": each_rule('"match":{"tcp.dstport":80},"verdict":"drop"'),
    "rules, one fault each": each_rule('"match":{},"verdict":"dorp"'),
    "rules, an unknown time zone each": each_rule('"match":{},"verdict":"drop","when":{"from":"08:00","tz":"E/%x"}'),
    "rules, one time zone": each_rule('"match":{},"verdict":"drop","when":{"from":"08:00","tz":"Europe/Berlin"}'),
    "rewrites": each_rule('"match":{},"rewrite":[{"replace":{"find":"%x","with":""}}]'),
    "values of a test": match('{"tcp.port":[', "8,", "9]}"),
    "conditions": match('{"any":[', '{"tcp.port":8},', "{}]}"),
    "negations": match('{"tcp.port":[', '{"not":8},', "9]}"),
    "unknown keys": lambda size: '{"pktmod":1,"rules":[],' + many('"%x":0,', size) + '"a":0}',
    "one key again and again": lambda size: '{"pktmod":1,"rules":[],' + many('"a":0,', size) + '"a":0}',
    "variables": lambda size: '{"pktmod":1,"rules":[],"vars":{' + many('"%x":0,', size) + '"z":0}}',
    "unknown variables": wrong_names,
    "a set": lambda size: '{"pktmod":1,"rules":[],"sets":{"s":{"type":"string","values":[' + many('"%x",', size) + '"z"]}}}',
    "empty rules": lambda size: rules(many("{},", size) + "{}"),
    "wrong escapes": lambda size: '{"pktmod":1,"name":"' + many("\\q", size) + '","rules":[]}',
    "comments": lambda size: '{"pktmod":1,' + many("/**/", size) + '"rules":[]}',
    "a long key around faults": lambda size: '{"' + many("k", size // 2) + '":[' + many("01,", size // 2) + '1],"pktmod":1,"rules":[]}',
    "a long name": lambda size: '{"pktmod":1,"name":"' + many("\\u00e9", size) + '","rules":[]}',
}


def seconds(pktmod, path, text):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    before = os.times()
    done = subprocess.run([pktmod, "check", path], capture_output=True, check=False)
    after = os.times()
    assert done.returncode in (0, 2), (done.returncode, done.stderr[-500:])
    assert len(done.stdout) + len(done.stderr) < 4 << 20, "more is printed than anybody reads"
    return after.children_user + after.children_system - before.children_user - before.children_system


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rules.json")
        for name, make in KINDS.items():
            small = seconds(sys.argv[1], path, make(SMALL))
            large = seconds(sys.argv[1], path, make(SMALL * FACTOR))
            if large > small * MOST + SLACK_S:
                print(f"{name}: {small:.2f} s, and {large:.2f} s for {FACTOR} times as much")
                failed += 1
    print(f"{len(KINDS)} kinds of files, {failed} take too long")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
