#!/usr/bin/env python3
"""schema.py PKTMOD [--seed N] [--count N] - rules/schema/pktmod.schema.json says what the loader says.

Without tools: every key, field and word of the loader's tables stands in the schema, and nothing
else; every key has a title, a description and examples. With node and ajv: schema and loader take
and refuse the same of every example, every case, every story of language/bad.txt, and of good files
with a random fault; the schema's complaint is where the loader's is. What no schema can say is
listed in schema/differences.json, with the reason. Exit 77: no node or no ajv; the rest is good.
"""
import argparse
import copy
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parent.parent
HERE = TREE / "tests" / "schema"
SCHEMA = TREE / "rules" / "schema" / "pktmod.schema.json"
MODULES = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "pktmod" / "node_modules"

# What the loader calls an object in its messages, and where it stands in the schema.
RULE = "$defs/rule/properties/"
OP = "$defs/operation/properties/"
TEST = "$defs/test/properties/"
PACKET = "$defs/packet/properties/"
OBJECTS = {
    "a rule file": "", '"policy"': "properties/policy", "a set": "$defs/set", "a rule": "$defs/rule",
    "a verdict": RULE + "verdict", "a delay": RULE + "verdict/properties/delay", "an ask": RULE + "verdict/properties/ask",
    "an operation": "$defs/operation", "a replace": OP + "replace", "an insert": OP + "insert",
    "a delete": OP + "delete", "a range": OP + "delete/properties/range", '"within"': OP + "replace/properties/within",
    '"tcp_options"': OP + "tcp_options", '"mss"': OP + "tcp_options/properties/mss", '"external"': OP + "external",
    '"dns"': OP + "dns", '"edns"': OP + "dns/properties/edns", "a DNS answer": OP + "dns/properties/answers/items",
    "a DNS limit": OP + "dns/properties/ttl", '"http"': OP + "http",
    '"corrupt"': OP + "corrupt", '"duplicate"': OP + "duplicate", '"truncate"': OP + "truncate",
    '"segment"': OP + "segment", '"fragment"': OP + "fragment",
    "a limit": RULE + "limit", "a sample": RULE + "sample", "a count": RULE + "count", '"when"': RULE + "when",
    '"log"': RULE + "log", "a byte string": "$defs/bytes", "a test": "$defs/test", "a packet": "$defs/packet",
    "a TCP packet": PACKET + "tcp", "a UDP packet": PACKET + "udp", "an ICMP packet": PACKET + "icmp",
    "a stream": TEST + "stream", "an answer": TEST + "answers/items", "what is expected": TEST + "expect",
    "what is expected of a packet": "$defs/seenPacket",
    "what is expected of a rule": TEST + "expect/properties/rules/additionalProperties",
    "a number of hits": TEST + "expect/properties/rules/additionalProperties/properties/hits",
}
# Forms of a test: keys that go together.
FORMS = {'a "not"', "a comparison", "a masked test", "a bytes test", "a text test", "a regex test"}


class Bench:
    def __init__(self):
        self.faults = []
        self.schema = json.loads(SCHEMA.read_text())

    def fault(self, where, what):
        self.faults.append(f"{where}: {what}")

    def at(self, path):
        here = self.schema
        for step in path.split("/") if path else []:
            here = here[step]
        while "properties" not in here and "$ref" in here:
            here = self.at(here["$ref"][2:])
        return here


# ---------------------------------------------------------------- the loader's tables

def key_tables():
    """{what the object is called: its keys}, read in the sources."""
    tables = {}
    for path in sorted((TREE / "rules").glob("*.c")):
        text = path.read_text()
        for found in re.finditer(r"struct key (\w+)\[\] = \{(.*?)\};", text, re.DOTALL):
            keys = [name for name, later in re.findall(r'\{"([^"]+)", (true|false)\}', found[2]) if later == "false"]
            called = re.search(r"pmr_expect_(?:keys|some)\(\s*[\w.>-]+,\s*[^;]*?\b" + found[1] + r",[^;]*?,\s*\"((?:[^\"\\]|\\.)*)\"\)",
                               text[found.end():], re.DOTALL)
            name = called[1].replace('\\"', '"') if called else f"{path.name}: {keys}"
            tables.setdefault(name, set()).update(keys)
    return tables


def keys_of_the_loader_are_those_of_the_schema(bench):
    tables = key_tables()
    forms = set()
    for called, keys in tables.items():
        if called in FORMS:
            forms |= keys
        elif called not in OBJECTS:
            bench.fault(called, f"is not known to this test; keys {sorted(keys)}")
        elif set(bench.at(OBJECTS[called])["properties"]) != keys:
            bench.fault(called, f"schema and loader differ in {sorted(set(bench.at(OBJECTS[called])['properties']) ^ keys)}")
    if set(bench.at("$defs/bytesTestForm")["properties"]) | set(bench.at("$defs/number255Form")["properties"]) != forms:
        bench.fault("tests of fields", f"the loader has {sorted(forms)}")
    for called in set(OBJECTS) | FORMS:
        if called not in tables:
            bench.fault(called, "the loader has no such table of keys")


def fields():
    """{name: (kind, largest, flags)}, other names included."""
    text = (TREE / "libpktmod/include/pktmod/policy.h").read_text()
    found = re.findall(r'X\((\w+), "([^"]+)", (\w+), (\w+), ([\w |]+)\)', text)
    number = {i: (kind, int(most.rstrip("u"), 0), set(flags.replace(" ", "").split("|"))) for i, _, kind, most, flags in found}
    out = {name: number[i] for i, name, *_ in found}
    table = (TREE / "libpktmod/match/fieldtable.c").read_text()
    out.update({name: number[i] for name, i in re.findall(r'\{"([^"]+)", PM_FIELD_(\w+)\}', table)})
    return out


def fields_of_the_library_are_those_of_the_schema(bench):
    table = fields()
    if len(table) < 60:
        bench.fault("fields", f"only {len(table)} were read")
    match = bench.at("$defs/condition")["properties"]
    if set(match) != set(table) | {"any", "all", "not"}:
        bench.fault("match", f"differs in {sorted(set(match) ^ set(table))}")
    for name, (kind, most, _) in table.items():
        test = match.get(name, {}).get("$ref", "")
        expected = {"UINT": f"number{most}", "FLAG": "flagTest", "ADDR": "addressTest", "MAC": "macTest", "TEXT": "textTest",
                    "BYTES": "bytesTest", "BPF": "bpfTest", "ENUM": "Test"}[kind]
        if name not in ("tcp.flags", "stream") and not test.endswith(expected):
            bench.fault(name, f"is {test}, expected {expected}")
    for op, flag in (("set", "S"), ("add", "A"), ("nat", "N")):
        may = {name for name, (_, _, flags) in table.items() if flag in flags}
        if set(bench.at(OP + op)["properties"]) != may:
            bench.fault(op, f"differs in {sorted(set(bench.at(OP + op)['properties']) ^ may)}")


def each_property(node, path=""):
    if isinstance(node, list):
        for at, member in enumerate(node):
            yield from each_property(member, f"{path}/{at}")
    if not isinstance(node, dict):
        return
    for key, member in node.items():
        if key == "properties":
            for name, about in member.items():
                yield f"{path}/properties/{name}", about
                yield from each_property(about, f"{path}/properties/{name}")
        elif key not in ("examples", "enum", "const", "if", "then", "else", "dependentSchemas"):
            yield from each_property(member, f"{path}/{key}")


def words_of_the_loader_are_those_of_the_schema(bench):
    text = SCHEMA.read_text()
    enums = [set(re.findall(r'"([^"]+)"', found)) for found in re.findall(r'"enum": \[([^\]]*)\]', text)]
    patterns = re.findall(r'"pattern": "\^\(((?:[a-z_]+\|)+[a-z_]+)', text)
    enums += [set(pattern.split("|")) for pattern in patterns]
    seen = 0
    for path in sorted((TREE / "rules").glob("*.c")):
        for found in re.findall(r"const char \*const \w+\[\] = \{([^}]*?),\s*NULL\}", path.read_text()):
            words = set(re.findall(r'"([^"]+)"', found))
            seen += 1
            if words not in enums:
                bench.fault(path.name, f"the schema has no choice of {sorted(words)}")
    if seen < 15:
        bench.fault("words", f"only {seen} lists were seen")


def every_key_is_told_about(bench):
    seen = 0
    for path, about in each_property({key: value for key, value in bench.schema.items() if key != "if"}):
        if about is False or "allOf" in path.split("/"):
            continue
        seen += 1
        for what in ("title", "description", "examples"):
            if not about.get(what):
                bench.fault(path, f"has no {what}")
    if seen < 300:
        bench.fault("keys", f"only {seen} were seen")


def the_command_prints_the_schema(bench, pktmod):
    done = subprocess.run([pktmod, "schema"], capture_output=True, timeout=60, check=False)
    if done.returncode != 0 or done.stdout != SCHEMA.read_bytes():
        bench.fault("pktmod schema", "prints something else than the file")


# ---------------------------------------------------------------- both judge

class Judges:
    def __init__(self, pktmod, modules, folder):
        self.pktmod, self.modules, self.folder = pktmod, modules, folder

    def loader(self, texts):
        """For each text its errors, [(code, pointer, message)]."""
        out, decoder = [], json.JSONDecoder()
        for first in range(0, len(texts), 500):
            paths = []
            for at, text in enumerate(texts[first:first + 500]):
                paths.append(self.folder / f"{at}.json")
                paths[-1].write_bytes(text.encode("utf-8", "surrogatepass"))
            done = subprocess.run([self.pktmod, "check", "--format", "json", *paths], capture_output=True, timeout=120, check=False)
            said, at = done.stdout.decode(), 0
            for _ in paths:
                document, at = decoder.raw_decode(said, at + len(said[at:]) - len(said[at:].lstrip()))
                out.append([(d["code"], d["pointer"], d["message"]) for d in document["diagnostics"] if d["severity"] == "error"])
        return out

    def schema(self, texts):
        done = subprocess.run(["node", HERE / "validate.js", self.modules, SCHEMA], input=json.dumps(texts).encode(),
                              capture_output=True, timeout=120, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode())
        return json.loads(done.stdout)


def stories():
    lines, text = (TREE / "tests/language/bad.txt").read_text().split("\n"), []
    begin = 1
    for at, line in enumerate(lines, 1):
        if line == "--":
            yield f"bad.txt:{begin}", "\n".join(text)
        elif line == "==" or line.startswith("##"):
            text, begin = [], at + 1
        else:
            text.append(line)


def good_files():
    for root in (TREE / "rules" / "examples", TREE / "tests"):
        for path in sorted(root.rglob("*.json")):
            if path.name not in ("case.json", "commands.json", "streams.json", "answers.json"):
                yield str(path.relative_to(TREE)), path.read_text()


WORDS = ["", "x", "drop", "$home", "@nets", "80", "1-2", "10.0.0.0/8", "10.0.0.1", "::1", "mon", "08:00", "5/s", "UTC", "SA",
         "de ad", "AA==", "stream", "payload", "flow", "rule", "ip.src", "aa:bb:cc:dd:ee:ff", "a.b", "10.0.0.1:80"]
KEYS = ["id", "not", "eq", "ge", "mask", "value", "bytes", "offset", "nocase", "contains", "regex", "find", "with", "in", "range", "pad",
        "length", "max_match", "verdict", "rewrite", "log_only", "final", "stage", "scope", "limit", "sample", "count", "when", "seed",
        "every", "probability", "packets", "stream", "expect", "resegment", "hits", "tz", "from", "to", "hex", "base64", "ip.src",
        "tcp.port", "payload", "interface", "bpf", "zzz"]


def random_value(draw, others):
    kind = draw.randrange(7)
    if kind == 0:
        return draw.choice([0, 1, -1, 2, 3, 64, 65, 256, 65535, 65536, 70000, 600001, 2**32 - 1, 2**32, 2**53 + 2, 1.5, 0.5])
    if kind == 1:
        return draw.choice([True, False, None, [], {}, [1], ["x"], {"hex": "de"}, {"not": 1}, {"ge": 1}])
    if kind == 2:
        return draw.choice(WORDS)
    return copy.deepcopy(draw.choice(others))


def spoil(draw, value, others):
    """One place of the value becomes another; where it is a good place the file may stay good."""
    places = []

    def walk(node):
        for key in (node if isinstance(node, dict) else range(len(node))):
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                walk(node[key])

    walk(value)
    node, key = draw.choice(places)
    kind = draw.randrange(4)
    if kind == 0 and isinstance(node, dict):
        node[draw.choice(KEYS)] = random_value(draw, others)
    elif kind == 1:
        del node[key]
    elif kind == 2 and isinstance(node, list):
        node.append(random_value(draw, others))
    else:
        node[key] = random_value(draw, others)


def spoiled(seed, count):
    draw = random.Random(seed)
    good = [json.loads(text) for name, text in good_files() if parses(text)]
    good = [value for value in good if isinstance(value, dict)]
    others = []

    def collect(node):
        for member in node.values() if isinstance(node, dict) else node:
            others.append(member)
            if isinstance(member, (dict, list)):
                collect(member)

    for value in good:
        collect(value)
    for number in range(count):
        value = copy.deepcopy(draw.choice(good))
        if value:
            spoil(draw, value, others)
        yield f"spoiled {number}", json.dumps(value)


def parses(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


class Differences:
    def __init__(self):
        self.listed = json.loads((HERE / "differences.json").read_text())
        self.seen = [0] * len(self.listed)

    def excuses(self, error):
        """Marks the entry that tells of it; False: none does."""
        for at, entry in enumerate(self.listed):
            if entry["code"] in (error[0], "any") and re.search(entry["message"], error[2]):
                self.seen[at] += 1
                return True
        return False

    def examples(self):
        for entry in self.listed:
            yield f"difference {entry['code']}", json.dumps(entry["example"])


def is_near(pointer, path):
    """The same place, or one of them stands in the other, no deeper than two steps."""
    outer, inner = sorted((pointer, path), key=len)
    return inner == outer or (inner.startswith(outer + "/") and inner[len(outer):].count("/") <= 2)


def schema_and_loader_agree(bench, judges, seed, count):
    differences = Differences()
    files = [*good_files(), *stories(), *differences.examples(), *spoiled(seed, count)]
    told, said = judges.loader([text for _, text in files]), judges.schema([text for _, text in files])
    both = {"good": 0, "bad": 0, "excused": 0, "elsewhere": 0, "one fault": 0}
    for (name, text), errors, complaints in zip(files, told, said):
        if complaints == "bad" or (errors and errors[0][0] in ("PKM108", "PKM109", "PKM110")):
            continue  # not for a schema: how JSON is written
        if not errors:
            both["good"] += 1
            if complaints:
                bench.fault(name, f"the schema refuses it: {complaints[0]}: {text[:400]}")
        elif complaints:
            both["bad"] += 1
            if len(errors) == 1 and not name.startswith("spoiled"):
                both["one fault"] += 1
                if not any(is_near(errors[0][1], complaint["path"]) for complaint in complaints):
                    both["elsewhere"] += 1
                    bench.fault(name, f"loader {errors[0]}, schema {complaints[:3]}")
        else:
            unlisted = [error for error in errors if not differences.excuses(error)]
            both["excused"] += not unlisted
            if unlisted:
                bench.fault(name, f"the schema takes it: {unlisted[0]}: {text[:400]}")
    for entry, seen in zip(differences.listed, differences.seen):
        if not seen:
            bench.fault("differences.json", f"{entry} is no difference of any file")
    print("    ", both)
    if both["bad"] < 200 or both["good"] < 100:
        bench.fault("files", f"too few: {both}")


def examples_of_the_schema_are_good(bench, judges):
    """Whole files made of the examples of rules, conditions and operations."""
    match, files = bench.at("$defs/condition")["properties"], []
    for name, about in match.items():
        does = {"rewrite": [{"http": {"remove": ["a"]}}]} if name.startswith("http.") else {"verdict": "drop"}
        files += [(f"match {name}", {"id": "a", "match": {name: example}, **does}) for example in about["examples"]]
    for name, about in bench.at("$defs/operation")["properties"].items():
        files += [(name, {"id": "a", "match": {"udp.port": 5} if name not in ("external", "http") else {}, "rewrite": [{name: example}]})
                  for example in about["examples"]]
    for name, about in bench.at("$defs/rule")["properties"].items():
        files += [(name, {"id": "a", "match": {}, "verdict": "allow", name: example}) for example in about["examples"]
                  if name not in ("verdict", "rewrite", "log_only")]
    texts = [json.dumps({"pktmod": 1, "rules": [rule]}) for _, rule in files]
    for (name, rule), errors, complaints in zip(files, judges.loader(texts), judges.schema(texts)):
        if errors or complaints:
            bench.fault(f"example of {name}", f"{rule}: {errors[:1]} {complaints[:1]}")


def modules():
    """The folder with ajv, or None."""
    places = [MODULES]
    if shutil.which("npm"):
        done = subprocess.run(["npm", "root", "-g"], capture_output=True, text=True, check=False)
        places.append(pathlib.Path(done.stdout.strip() or "/"))
    for place in places:
        if (place / "ajv" / "dist" / "2020.js").exists():
            return place
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pktmod")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1500)
    args = parser.parse_args()
    bench = Bench()
    keys_of_the_loader_are_those_of_the_schema(bench)
    fields_of_the_library_are_those_of_the_schema(bench)
    words_of_the_loader_are_those_of_the_schema(bench)
    every_key_is_told_about(bench)
    the_command_prints_the_schema(bench, args.pktmod)
    folder = modules() if shutil.which("node") else None
    if folder is not None:
        with tempfile.TemporaryDirectory() as scratch:
            for path in (TREE / "rules" / "examples").rglob("*"):
                if path.suffix == ".txt" or path.parent.name == "shared":
                    target = pathlib.Path(scratch) / path.relative_to(TREE / "rules" / "examples")
                    target.parent.mkdir(exist_ok=True)
                    shutil.copy(path, target)
            judges = Judges(args.pktmod, folder, pathlib.Path(scratch))
            schema_and_loader_agree(bench, judges, args.seed, args.count)
            examples_of_the_schema_are_good(bench, judges)
    for fault in bench.faults[:int(os.environ.get("FAULTS", "20"))]:
        print(fault)
    print(f"{len(bench.faults)} faults")
    if bench.faults:
        return 1
    if folder is None:
        print("SKIP: schema and loader are compared with node and ajv (sh tests/install.sh test)")
        return 77
    return 0


sys.exit(main())
