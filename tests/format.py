#!/usr/bin/env python3
"""format.py PKTMOD [--seed N] [--count N] - what pktmod fmt makes of files.

Every example and case, and random JSON: formatting again changes nothing, values, their order and
the spelling of numbers are kept, and rule files mean what they meant. The layout itself is compared
with one made here, of lines that are simply tried. And what happens to the file: its mode, links,
errors.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import stat
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parent.parent
WIDTH = 100


class Number(str):
    """A number as it is spelled."""


def parse(text):
    return json.loads(text, parse_int=Number, parse_float=Number)


def plain(value):
    """Without the order of keys, which may change."""
    if isinstance(value, dict):
        return {"keys": sorted((key, json.dumps(plain(member), sort_keys=True)) for key, member in value.items())}
    if isinstance(value, list):
        return [plain(member) for member in value]
    if isinstance(value, Number):
        return {"number": str(value)}
    return value


# ---------------------------------------------------------------- the layout, slowly

UNSEEN = [(0, 0x1F), (0x7F, 0xA0), (0xAD, 0xAD), (0x61C, 0x61C), (0x180E, 0x180E), (0x2000, 0x200F),
          (0x2028, 0x202F), (0x205F, 0x206F), (0x3000, 0x3000), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFF),
          (0xE0000, 0xE0FFF)]
SHORT = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def spell(text):
    out = ""
    for c in text:
        if c in SHORT:
            out += SHORT[c]
        elif any(first <= ord(c) <= last for first, last in UNSEEN):
            out += json.dumps(c)[1:-1] if ord(c) != 0x7F else "\\u007f"
        else:
            out += c
    return f'"{out}"'


def flat(value):
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return spell(value)
    if isinstance(value, list):
        return "[" + ", ".join(flat(member) for member in value) + "]"
    if isinstance(value, dict):
        inner = ", ".join(f"{spell(key)}: {flat(member)}" for key, member in value.items())
        return "{ " + inner + " }" if value else "{}"
    return {True: "true", False: "false", None: "null"}[value]


def fill(numbers, indent):
    """Numbers side by side, as many as a line takes."""
    lines, line = [], " " * indent
    for at, number in enumerate(numbers):
        piece = number + ("," if at + 1 < len(numbers) else "")
        if line.strip() and len(line) + 1 + len(number) + 1 > WIDTH:
            lines.append(line)
            line = " " * indent
        line += (" " if line.strip() else "") + piece
    return lines + [line]


def laid_out(value, indent=0, before=0, comma=0, always=False):
    """`before` characters stand on the line, `comma` is 1 if one follows."""
    if not isinstance(value, (list, dict)) or not value:
        return flat(value)
    if not always and before + len(flat(value)) + comma <= WIDTH:
        return flat(value)
    inner = " " * (indent + 2)
    if isinstance(value, list) and all(isinstance(member, Number) for member in value) and not always:
        return "[\n" + "\n".join(fill(value, indent + 2)) + "\n" + " " * indent + "]"
    members = list(value.items()) if isinstance(value, dict) else [(None, member) for member in value]
    lines = []
    for at, (key, member) in enumerate(members):
        start = inner + (f"{spell(key)}: " if key is not None else "")
        follows = 1 if at + 1 < len(members) else 0
        lines.append(start + laid_out(member, indent + 2, len(start), follows) + "," * follows)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return opening + "\n" + "\n".join(lines) + "\n" + " " * indent + closing


# ---------------------------------------------------------------- random files

LETTERS = ["a", "b", "Z", "0", " ", '"', "\\", "/", "\n", "\t", "\x01", "\x7f", "\xa0", "ä", "€", "中",
           "\u200b", "\u202e", "\ufeff", "😀", "\U000e0041", "longer piece of text "]
NUMBERS = ["0", "-0", "1", "80", "65535", "-17", "1.50", "0.000001", "1e3", "1E+2", "12345678901234567890"]


def random_text(draw):
    return "".join(draw.choice(LETTERS) for _ in range(draw.choice([0, 1, 3, 8, 20])))


def random_value(draw, depth):
    kind = draw.randrange(8 if depth < 6 else 4)
    if kind == 0:
        return random_text(draw)
    if kind == 1:
        return Number(draw.choice(NUMBERS))
    if kind == 2:
        return draw.choice([True, False, None])
    if kind == 3:
        return [Number(draw.choice(NUMBERS)) for _ in range(draw.choice([0, 1, 5, 60]))]
    if kind < 6:
        return [random_value(draw, depth + 1) for _ in range(draw.randrange(6))]
    return {"k" + random_text(draw): random_value(draw, depth + 1) for _ in range(draw.randrange(6))}


def random_spelling(draw, value):
    """JSON of the value, with any spaces and escapes."""
    def space():
        return draw.choice(["", "", " ", "\n", "\t", " \r\n "])

    def text(value):
        out = ""
        for c in value:
            escaped = json.dumps(c)[1:-1]
            if c == "/" and draw.random() < 0.5:
                out += "\\/"
            elif ord(c) >= 0x20 and c not in '"\\' and draw.random() < 0.5:
                out += c
            elif escaped == c:
                out += f"\\u{ord(c):04X}"
            else:
                out += escaped
        return f'"{out}"'

    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return "[" + ",".join(space() + random_spelling(draw, member) + space() for member in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(space() + text(key) + space() + ":" + space() + random_spelling(draw, member) + space()
                              for key, member in value.items()) + "}"
    return flat(value)


def shuffled(draw, value, above=""):
    """With the keys of objects in another order, where order says nothing."""
    if isinstance(value, list):
        return [shuffled(draw, member, above) for member in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    if above not in ("match", "any", "all", "not", "set", "add", "nat", "vars", "sets", "rules in") and \
            not any("." in key for key in keys) and "include" not in keys:
        draw.shuffle(keys)
    return {key: shuffled(draw, value[key], "rules in" if (above, key) == ("expect", "rules") else key)
            for key in keys}


# ---------------------------------------------------------------- the tests

class Bench:
    def __init__(self, pktmod, seed, count):
        self.pktmod, self.seed, self.count = pktmod, seed, count
        self.faults = []

    def run(self, *arguments, text=None):
        return subprocess.run([self.pktmod, *map(str, arguments)], input=text, capture_output=True,
                              timeout=120, check=False)

    def fault(self, where, what):
        self.faults.append(f"{where}: {what}")

    def formatted(self, where, text):
        done = self.run("fmt", "-", text=text.encode())
        if done.returncode != 0 or done.stderr:
            self.fault(where, f"exit {done.returncode}: {done.stderr.decode()[:300]}")
            return None
        return done.stdout.decode()

    def keeps_all(self, where, text):
        once = self.formatted(where, text)
        if once is None:
            return None
        if self.formatted(where, once) != once:
            self.fault(where, "formatting again changes it")
        if plain(parse(once)) != plain(parse(text)):
            self.fault(where, "says something else than before")
        return once

    def rule_files(self):
        """Of examples and cases, with their text."""
        for root in (TREE / "rules" / "examples", TREE / "tests"):
            for path in sorted(root.rglob("*.json")):
                if path.name not in ("case.json", "commands.json"):
                    yield path, path.read_text()

    def every_rule_file_keeps_its_meaning(self):
        seen = 0
        for path, text in self.rule_files():
            try:
                parse(text)
            except ValueError:
                continue
            seen += self.keeps_all(path, text) is not None
        if seen < 100:
            self.fault("rule files", f"only {seen} were seen")

    def cases_pass_when_their_rules_are_formatted(self):
        with tempfile.TemporaryDirectory() as scratch:
            copy = pathlib.Path(scratch) / "tests"
            shutil.copytree(TREE / "tests" / "cases", copy / "cases")
            shutil.copytree(TREE / "rules" / "examples", pathlib.Path(scratch) / "rules" / "examples")
            files = sorted(pathlib.Path(scratch).rglob("*.json"))
            done = self.run("fmt", *files)
            if done.returncode != 0:
                self.fault("cases", done.stderr.decode()[:500])
            done = self.run("test", copy / "cases")
            if done.returncode != 0:
                self.fault("cases", done.stdout.decode()[-1000:] + done.stderr.decode()[-500:])

    def order_of_keys_does_not_matter(self):
        draw = random.Random(self.seed)
        for path in sorted((TREE / "rules" / "examples").glob("*.json")):
            value = parse(path.read_text())
            other = random_spelling(draw, shuffled(draw, value))
            straight = random_spelling(random.Random(1), value).replace("\n", " ")
            if self.formatted(path, other.replace("\n", " ")) != self.formatted(path, straight):
                self.fault(path, "another order of keys is formatted otherwise")

    def random_files_are_laid_out_as_expected(self):
        draw = random.Random(self.seed)
        for number in range(self.count):
            value = {f"k{i}": random_value(draw, 1) for i in range(draw.randrange(5))}
            text = random_spelling(draw, value)
            once = self.keeps_all(f"random {number}", text)
            kept = laid_out(value, always=bool(value)) + "\n"
            if once is not None and without_empty(once) != kept:
                self.fault(f"random {number}", f"is\n{once}\nexpected\n{kept}")

    def empty_lines_between_rules_stay(self):
        text = '{"pktmod":1,"rules":[{"id":"a"},\n\n\n\n{"id":"b"},{"id":"c"}\n,\n{"id":"d"}\n\n,{"id":"e"}]}'
        once = self.formatted("empty lines", text)
        expected = ('{\n  "pktmod": 1,\n  "rules": [\n    { "id": "a" },\n\n    { "id": "b" },\n'
                    '    { "id": "c" },\n    { "id": "d" },\n\n    { "id": "e" }\n  ]\n}\n')
        if once != expected or self.formatted("empty lines", once) != once:
            self.fault("empty lines", once)

    def include_stays_on_its_side_of_the_rules(self):
        for text, order in (('{"rules":[],"include":["a"]}', ("rules", "include")),
                            ('{"include":["a"],"rules":[]}', ("include", "rules"))):
            once = self.formatted("include", text)
            if not once.index(f'"{order[0]}"') < once.index(f'"{order[1]}"'):
                self.fault("include", once)

    def files_are_replaced_whole(self):
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            good, link, bad = folder / "good.json", folder / "link.json", folder / "bad.json"
            good.write_text('{"pktmod":1,"rules":[]}')
            good.chmod(0o640)
            link.symlink_to("good.json")
            bad.write_text('{"pktmod":1,"rules":[],}')
            done = self.run("fmt", "--check", link)
            if done.returncode != 1 or b"link.json" not in done.stdout or good.read_text()[1] != '"':
                self.fault("--check", done)
            done = self.run("fmt", link, bad)
            if done.returncode != 2 or b"bad.json:1:23" not in done.stderr or b"left as it is" not in done.stderr:
                self.fault("bad file", done)
            if bad.read_text() != '{"pktmod":1,"rules":[],}':
                self.fault("bad file", "was changed")
            if good.read_text() != '{\n  "pktmod": 1,\n  "rules": []\n}\n' or not link.is_symlink():
                self.fault("link", good.read_text())
            if stat.S_IMODE(good.stat().st_mode) != 0o640:
                self.fault("mode", oct(good.stat().st_mode))
            before = good.stat()
            done = self.run("fmt", good)
            if done.returncode != 0 or done.stdout or good.stat().st_mtime_ns != before.st_mtime_ns:
                self.fault("canonical file", "was written again")
            if self.run("fmt", "--check", good).returncode != 0 or sorted(os.listdir(folder)) != [
                    "bad.json", "good.json", "link.json"]:
                self.fault("folder", os.listdir(folder))
            if self.run("fmt", folder / "absent.json").returncode != 2:
                self.fault("absent file", "is no error")

    def a_file_that_may_not_be_written_stays(self):
        if os.geteuid() == 0:
            return
        with tempfile.TemporaryDirectory() as scratch:
            path = pathlib.Path(scratch) / "a.json"
            path.write_text('{"pktmod":1,"rules":[]}')
            path.chmod(0o444)
            done = self.run("fmt", path)
            if done.returncode != 2 or b"cannot be written" not in done.stderr or path.read_text()[1] != '"':
                self.fault("read-only file", done)


def without_empty(text):
    return "\n".join(line for line in text.split("\n") if line) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pktmod")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    args = parser.parse_args()
    bench = Bench(args.pktmod, args.seed, args.count)
    for name, test in [(name, getattr(Bench, name)) for name in vars(Bench)]:
        if name in ("__init__", "run", "fault", "formatted", "keeps_all", "rule_files") or name.startswith("__"):
            continue
        before = len(bench.faults)
        test(bench)
        print("ok  " if len(bench.faults) == before else "FAIL", name.replace("_", " "))
    for fault in bench.faults[:20]:
        print(fault)
    return 1 if bench.faults else 0


sys.exit(main())
