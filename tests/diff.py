#!/usr/bin/env python3
"""diff.py PKTMOD - what pktmod diff calls a change, and what it does not.

Rules: a table of pairs that mean the same and of pairs that do not; every example against itself,
against itself written in other words, and against itself with one thing changed, which diff has to
name. Packets: the frames that diff says fare differently are those for which two replays, written
to captures and read here, have other packets.
"""
import copy
import json
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "rules" / "examples"

FAULTS = []


def check(good, what):
    if not good:
        FAULTS.append(what)
        print(f"FAIL {what}")


# ---------------------------------------------------------------------- pairs

WEB = {"web": {"type": "port", "values": [80, 443]}}
NETS = {"nets": {"type": "cidr", "values": ["10.0.0.0/8", "192.0.2.1"]}}


def match(cond, **more):
    return {"rules": [{"id": "r", "match": cond, "verdict": "drop"}], **more}


def rule(**members):
    return {"rules": [{"id": "r", "match": {"tcp.dstport": 80}, **members}]}


def rewrite(*ops):
    return rule(rewrite=list(ops))


def policy(**settings):
    return {"policy": settings, "rules": []}


def rules(*list_of):
    return {"rules": [dict(zip(("id", "match", "verdict"), one)) for one in list_of]}


PORT = {"tcp.dstport": 80}
A, B, C = {"ip.src": "192.0.2.1"}, {"ip.dst": "192.0.2.2"}, {"ip.ttl": 5}

SAME = {
    "a list of one": (match(PORT), match({"tcp.dstport": [80]})),
    "the order of values": (match({"tcp.dstport": [80, 443]}), match({"tcp.dstport": [443, 80]})),
    "a value twice": (match(PORT), match({"tcp.dstport": [80, 80]})),
    "a range for its values": (match({"tcp.dstport": [80, 81, 82]}), match({"tcp.dstport": "80-82"})),
    "ranges that touch": (match({"tcp.dstport": ["1-5", "6-9"]}), match({"tcp.dstport": "1-9"})),
    "ranges that overlap": (match({"tcp.dstport": ["1-7", "4-9"]}), match({"tcp.dstport": "1-9"})),
    "eq": (match(PORT), match({"tcp.dstport": {"eq": 80}})),
    "ge and le for a range": (match({"tcp.dstport": "5-9"}), match({"tcp.dstport": {"ge": 5, "le": 9}})),
    "gt for ge": (match({"ip.ttl": {"gt": 5}}), match({"ip.ttl": {"ge": 6}})),
    "two bounds in an all": (match({"tcp.len": {"ge": 5, "le": 9}}),
                             match({"all": [{"tcp.len": {"ge": 5}}, {"tcp.len": {"le": 9}}]})),
    "the order of keys": (match({**A, **C}), match({**C, **A})),
    "all for an object": (match({**A, **C}), match({"all": [A, C]})),
    "an all in an all": (match({**A, **B, **C}), match({"all": [A, {"all": [B, C]}]})),
    "an any of one": (match(A), match({"any": [A]})),
    "the order of an any": (match({"any": [A, B]}), match({"any": [B, A]})),
    "an any in an any": (match({"any": [A, B, C]}), match({"any": [A, {"any": [C, B]}]})),
    "the same twice in an any": (match({"any": [A, B]}), match({"any": [A, B, A]})),
    "an any of one field": (match({"tcp.dstport": [80, 443]}),
                            match({"any": [{"tcp.dstport": 443}, {"tcp.dstport": 80}]})),
    "not not": (match(A), match({"not": {"not": A}})),
    "not any": (match({"not": {"any": [A, B]}}), match({"all": [{"not": A}, {"not": B}]})),
    "not all": (match({"not": {**A, **B}}), match({"any": [{"not": A}, {"not": B}]})),
    "not inside the test": (match({"not": PORT}), match({"tcp.dstport": {"not": 80}})),
    "an empty all": (match(A), match({**A, "all": [{}]})),
    "a variable": (match({"tcp.dstport": [80, 443]}),
                   match({"tcp.dstport": "$p"}, vars={"p": [443, 80]})),
    "a variable of another name": (match({"ip.src": "$a"}, vars={"a": "192.0.2.1"}),
                                   match({"ip.src": "$b"}, vars={"b": "192.0.2.1"})),
    "a set for its values": (match({"tcp.dstport": [80, 443]}), match({"tcp.dstport": "@web"}, sets=WEB)),
    "a set of another name": (match({"tcp.dstport": "@web"}, sets=WEB),
                              match({"tcp.dstport": "@x"}, sets={"x": WEB["web"]})),
    "the order of a set": (match({"tcp.dstport": "@web"}, sets=WEB),
                           match({"tcp.dstport": "@web"},
                                 sets={"web": {"type": "port", "values": [443, "80"]}})),
    "the order of a set of domains": (match({"dns.qry.name": "@d"}, sets={"d": {"type": "domain", "values": ["a.example", "b.example"]}}),
                                      match({"dns.qry.name": "@d"}, sets={"d": {"type": "domain", "values": ["B.example", "a.example"]}})),
    "a set that nobody uses": (match(PORT), match(PORT, sets=WEB)),
    "a set and a value": (match({"ip.src": "@nets"}, sets=NETS),
                          match({"ip.src": ["192.0.2.1/32", "10.0.0.0/8"]})),
    "halves of a network": (match({"ip.src": "10.0.0.0/8"}),
                            match({"ip.src": ["10.0.0.0/9", "10.128.0.0/9"]})),
    "a network in a network": (match({"ip.src": "10.0.0.0/8"}),
                               match({"ip.src": ["10.0.0.0/8", "10.1.0.0/16"]})),
    "/32": (match({"ip.src": "192.0.2.1"}), match({"ip.src": "192.0.2.1/32"})),
    "spellings of IPv6": (match({"ip.src": "2001:db8::/32"}), match({"ip.src": "2001:0DB8:0::0/32"})),
    "a mask that is a range": (match({"tcp.dstport": {"mask": 0xff00, "value": 0x100}}),
                               match({"tcp.dstport": "256-511"})),
    "an alias": (match({"ip.ttl": 5}), match({"ipv6.hlim": 5})),
    "true for 1": (match({"tcp.flags.syn": True}), match({"tcp.flags.syn": 1})),
    "spellings of bytes": (match({"payload": "AB"}), match({"payload": {"bytes": {"hex": "41 42"}}})),
    "contains": (match({"payload": {"contains": "AB"}}), match({"payload": {"bytes": {"base64": "QUI="}}})),
    "a prefix": (match({"payload": {"prefix": "AB"}}),
                 match({"payload": {"bytes": "AB", "offset": 0, "depth": 2}})),
    "nocase": (match({"payload": {"bytes": "AbC", "nocase": True}}),
               match({"payload": {"bytes": "aBc", "nocase": True}})),
    "nocase without letters": (match({"payload": {"bytes": "12", "nocase": True}}),
                               match({"payload": {"bytes": "12"}})),
    "a tcpdump expression": (match({"bpf": "tcp port 80"}), match({"bpf": "( tcp  port 80 )"})),
    "enabled": (match(PORT), rule(verdict="drop", enabled=True)),
    "a rule that is not enabled": (rules(), rule(verdict="drop", enabled=False)),
    "mode": (match(PORT), rule(verdict="drop", mode="enforce")),
    "scope": (match(PORT), rule(verdict="drop", scope="packet")),
    "scope of a stream": (match({"stream": "x"}),
                          {"rules": [{"id": "r", "match": {"stream": "x"}, "verdict": "drop",
                                      "scope": "flow"}]}),
    "stage": (match(PORT), rule(verdict="drop", stage="original")),
    "final": (rule(verdict="allow"), rule(verdict="allow", final=False)),
    "keep_order": (rule(verdict={"delay": {"ms": 5}}),
                   rule(verdict={"delay": {"keep_order": True, "ms": 5, "jitter_ms": 0,
                                           "on_full": "release"}})),
    "hold_packets": (rule(verdict={"ask": {"timeout_ms": 5, "on_timeout": "drop"}}),
                     rule(verdict={"ask": {"on_timeout": "drop", "timeout_ms": 5, "hold_packets": 8}})),
    "coalesce": (rule(verdict={"ask": {"timeout_ms": 5, "on_timeout": "drop",
                                       "coalesce": ["ip.dst", "tcp.dstport"]}}),
                 rule(verdict={"ask": {"timeout_ms": 5, "on_timeout": "drop",
                                       "coalesce": ["tcp.dstport", "ip.dst"]}})),
    "rate": (rule(verdict="drop", limit={"rate": "10/s", "burst": 5}),
             rule(verdict="drop", limit={"rate": "600/min", "burst": 5})),
    "burst": (rule(verdict="drop", limit={"rate": "10/s"}),
              rule(verdict="drop", limit={"rate": "10/s", "burst": 10, "over": "no-match", "per": ["rule"]})),
    "sample": (rule(verdict="drop", sample={"every": 3}),
               rule(verdict="drop", sample={"every": 3, "by": "packet"})),
    "skip": (rule(verdict="drop", count={"first": 3}),
             rule(verdict="drop", count={"first": 3, "skip": 0})),
    "every day": (rule(verdict="drop", when={"from": "08:00", "to": "17:00"}),
                  rule(verdict="drop", when={"from": "08:00", "to": "17:00:00", "days": "mon-sun"})),
    "days": (rule(verdict="drop", when={"days": ["mon", "tue", "wed"]}),
             rule(verdict="drop", when={"days": "mon-wed", "from": "00:00", "to": "24:00"})),
    "always": (rule(verdict="drop"), rule(verdict="drop", when={"days": "mon-sun"})),
    "the order of a set op": (rewrite({"set": {"ip.ttl": 3, "ip.id": 4}}),
                              rewrite({"set": {"ip.id": 4, "ip.ttl": 3}})),
    "set ops apart": (rewrite({"set": {"ip.ttl": 3, "ip.id": 4}}),
                      rewrite({"set": {"ip.id": 4}}, {"set": {"ip.ttl": 3}})),
    "replace with defaults": (rewrite({"replace": {"find": "a", "with": "b"}}),
                              rewrite({"replace": {"with": {"hex": "62"}, "find": {"hex": "61"},
                                                   "length": "any", "nocase": False}})),
    "max_match": (rewrite({"replace": {"regex": "a+", "with": "b"}}),
                  rewrite({"replace": {"regex": "a+", "with": "b", "max_match": 1024}})),
    "probability": (rewrite({"duplicate": {"copies": 1}}),
                    rewrite({"duplicate": {"copies": 1, "probability": 1}})),
    "settings": (policy(), policy(default="allow", hold_ms=50, on_midstream="verdict-only", flows=65536)),
    "notes": (match(PORT), rule(verdict="drop", note="see the ticket", tags=["x"])),
    "rules that cannot meet": (rules(("a", {"tcp.dstport": 1}, "drop"), ("b", {"tcp.dstport": 2}, "allow")),
                               rules(("b", {"tcp.dstport": 2}, "allow"), ("a", {"tcp.dstport": 1}, "drop"))),
    "rules of other protocols": (rules(("a", {"tcp.dstport": 1}, "drop"), ("b", {"udp.dstport": 1}, "allow")),
                                 rules(("b", {"udp.dstport": 1}, "allow"), ("a", {"tcp.dstport": 1}, "drop"))),
    "rules that say the same": (rules(("a", A, "drop"), ("b", B, "drop")),
                                rules(("b", B, "drop"), ("a", A, "drop"))),
}

DIFFERENT = {
    "another value": (match(PORT), match({"tcp.dstport": 81})),
    "one value more": (match(PORT), match({"tcp.dstport": [80, 81]})),
    "another field": (match(PORT), match({"tcp.srcport": 80})),
    "a range that is wider": (match({"tcp.dstport": "5-9"}), match({"tcp.dstport": "5-10"})),
    "a hole in a range": (match({"tcp.dstport": "5-9"}), match({"tcp.dstport": ["5-6", "8-9"]})),
    "any for all": (match({"all": [A, B]}), match({"any": [A, B]})),
    "not": (match(A), match({"not": A})),
    "ne is not not": (match({"tcp.dstport": {"ne": 80}}), match({"tcp.dstport": {"not": 80}})),
    "not of another part": (match({**A, "not": C}), match({**C, "not": A})),
    "two values of one packet": (match({"all": [{"tcp.port": "1-9"}, {"tcp.port": "5-20"}]}),
                                 match({"tcp.port": "5-9"})),
    "a prefix length": (match({"ip.src": "10.0.0.0/8"}), match({"ip.src": "10.0.0.0/9"})),
    "half of a network": (match({"ip.src": ["10.0.0.0/9", "10.128.0.0/10"]}), match({"ip.src": "10.0.0.0/8"})),
    "another variable": (match({"tcp.dstport": "$p"}, vars={"p": 1}), match({"tcp.dstport": "$p"}, vars={"p": 2})),
    "a set's values": (match({"tcp.dstport": "@web"}, sets=WEB),
                       match({"tcp.dstport": "@web"}, sets={"web": {"type": "port", "values": [80]}})),
    "a domain more": (match({"dns.qry.name": "@d"}, sets={"d": {"type": "domain", "values": ["a.example"]}}),
                      match({"dns.qry.name": "@d"}, sets={"d": {"type": "domain", "values": ["a.example", "b.example"]}})),
    "a domain is no text": (match({"dns.qry.name": "@d"}, sets={"d": {"type": "domain", "values": ["a.example"]}}),
                            match({"dns.qry.name": {"contains": "a.example"}})),
    "a set for other values": (match({"tcp.dstport": [80, 444]}), match({"tcp.dstport": "@web"}, sets=WEB)),
    "bytes": (match({"payload": "AB"}), match({"payload": "Ab"})),
    "nocase counts": (match({"payload": "AB"}), match({"payload": {"bytes": "AB", "nocase": True}})),
    "offset": (match({"payload": "AB"}), match({"payload": {"bytes": "AB", "offset": 1}})),
    "prefix for contains": (match({"payload": {"contains": "A"}}), match({"payload": {"prefix": "A"}})),
    "regex for text": (match({"payload": "a.c"}), match({"payload": {"regex": "a.c"}})),
    "a mask": (match({"tcp.flags": {"mask": 2, "value": 2}}), match({"tcp.flags": {"mask": 18, "value": 2}})),
    "bpf": (match({"bpf": "tcp port 80"}), match({"bpf": "tcp port 81"})),
    "verdict": (rule(verdict="drop"), rule(verdict="allow")),
    "reject": (rule(verdict={"reject": "auto"}), rule(verdict={"reject": "tcp-reset"})),
    "drop for reject": (rule(verdict="drop"), rule(verdict={"reject": "auto"})),
    "delay": (rule(verdict={"delay": {"ms": 5}}), rule(verdict={"delay": {"ms": 6}})),
    "jitter": (rule(verdict={"delay": {"ms": 5}}), rule(verdict={"delay": {"ms": 5, "jitter_ms": 1}})),
    "on_timeout": (rule(verdict={"ask": {"timeout_ms": 5, "on_timeout": "drop"}}),
                   rule(verdict={"ask": {"timeout_ms": 5, "on_timeout": "allow"}})),
    "log_only": (rule(verdict="drop"), rule(log_only=True)),
    "enabled": (rule(verdict="drop"), rule(verdict="drop", enabled=False)),
    "dry-run": (rule(verdict="drop"), rule(verdict="drop", mode="dry-run")),
    "scope": (rule(verdict="drop"), rule(verdict="drop", scope="flow")),
    "stage": (rule(verdict="drop"), rule(verdict="drop", stage="after-rewrite")),
    "final": (rule(verdict="allow"), rule(verdict="allow", final=True)),
    "limit": (rule(verdict="drop"), rule(verdict="drop", limit={"rate": "1/s"})),
    "rate that saves up more": (rule(verdict="drop", limit={"rate": "10/s"}),
                                rule(verdict="drop", limit={"rate": "600/min"})),
    "over": (rule(verdict="drop", limit={"rate": "1/s"}),
             rule(verdict="drop", limit={"rate": "1/s", "over": "match"})),
    "per": (rule(verdict="drop", limit={"rate": "1/s"}),
            rule(verdict="drop", limit={"rate": "1/s", "per": ["flow"]})),
    "sample": (rule(verdict="drop", sample={"every": 3}), rule(verdict="drop", sample={"every": 4})),
    "seed": (rule(verdict="drop", sample={"probability": 0.5}),
             rule(verdict="drop", sample={"probability": 0.5, "seed": 1})),
    "count": (rule(verdict="drop", count={"first": 3}), rule(verdict="drop", count={"skip": 3})),
    "days": (rule(verdict="drop", when={"days": "mon-fri"}), rule(verdict="drop", when={"days": "mon-thu"})),
    "hours": (rule(verdict="drop", when={"from": "08:00"}), rule(verdict="drop", when={"from": "09:00"})),
    "time zone": (rule(verdict="drop", when={"from": "08:00"}),
                  rule(verdict="drop", when={"from": "08:00", "tz": "Europe/Berlin"})),
    "log": (rule(verdict="drop"), rule(verdict="drop", log=False)),
    "find": (rewrite({"replace": {"find": "a", "with": "b"}}), rewrite({"replace": {"find": "c", "with": "b"}})),
    "with": (rewrite({"replace": {"find": "a", "with": "b"}}), rewrite({"replace": {"find": "a", "with": "c"}})),
    "in": (rewrite({"replace": {"find": "a", "with": "b"}}),
           rewrite({"replace": {"find": "a", "with": "b", "in": "payload"}})),
    "the order of replaces": (rewrite({"replace": {"find": "a", "with": "b"}}, {"replace": {"find": "ab", "with": ""}}),
                              rewrite({"replace": {"find": "ab", "with": ""}}, {"replace": {"find": "a", "with": "b"}})),
    "set": (rewrite({"set": {"ip.ttl": 3}}), rewrite({"set": {"ip.ttl": 4}})),
    "add for set": (rewrite({"set": {"ip.ttl": 3}}), rewrite({"add": {"ip.ttl": 3}})),
    "the order of shared bits": (rewrite({"set": {"ip.dsfield": 3}}, {"set": {"ip.dsfield.dscp": 4}}),
                                 rewrite({"set": {"ip.dsfield.dscp": 4}}, {"set": {"ip.dsfield": 3}})),
    "mss": (rewrite({"tcp_options": {"mss": {"max": 1000}}}), rewrite({"tcp_options": {"mss": {"max": 1200}}})),
    "insert": (rewrite({"insert": {"at": "start", "bytes": "a"}}), rewrite({"insert": {"at": "end", "bytes": "a"}})),
    "delete": (rewrite({"delete": {"range": {"offset": 0, "length": 4}}}), rewrite({"delete": {"range": {"offset": 0, "length": 5}}})),
    "nat": (rewrite({"nat": {"tcp.dstport": 81}}), rewrite({"nat": {"tcp.dstport": 82}})),
    "default": (policy(), policy(default="drop")),
    "hold_ms": (policy(), policy(hold_ms=51)),
    "a rule more": (rules(("a", A, "drop")), rules(("a", A, "drop"), ("b", B, "drop"))),
    "a rule less": (rules(("a", A, "drop"), ("b", B, "drop")), rules(("a", A, "drop"))),
    "another id": (rules(("a", A, "drop")), rules(("b", A, "drop"))),
    "the order of verdicts": (rules(("a", A, "drop"), ("b", B, "allow")),
                              rules(("b", B, "allow"), ("a", A, "drop"))),
    "the order of three": (rules(("a", A, "drop"), ("b", B, "allow"), ("c", C, "drop")),
                           rules(("b", B, "allow"), ("c", C, "drop"), ("a", A, "drop"))),
}


class Diff:
    """pktmod diff in a folder of its own."""

    def __init__(self, pktmod, folder):
        self.pktmod, self.folder = pktmod, pathlib.Path(folder)

    def write(self, name, value):
        path = self.folder / name
        path.write_text(value if isinstance(value, str) else json.dumps({"pktmod": 1, **value}))
        return path

    def run(self, old, new, *more):
        """(exit code, the JSON document)"""
        done = subprocess.run([self.pktmod, "diff", old, new, "--format", "json", *more],
                              capture_output=True, text=True, timeout=120, check=False)
        if done.returncode > 1:
            raise RuntimeError(f"{old} {new}: {done.stderr}")
        return done.returncode, json.loads(done.stdout)

    def text(self, *arguments):
        done = subprocess.run([self.pktmod, "diff", *arguments], capture_output=True, text=True,
                              timeout=120, check=False)
        return done.returncode, done.stdout


def differs(document):
    return bool(document["settings"] or [s for s in document["sets"] if s["used"]] or
                [r for r in document["rules"] if r["change"] != "words"])


def check_pairs(diff):
    for name, table, wanted in (*((n, p, 0) for n, p in SAME.items()), *((n, p, 1) for n, p in DIFFERENT.items())):
        old, new = (diff.write(f, body) for f, body in zip(("old.json", "new.json"), table))
        for one, other in ((old, new), (new, old)):
            code, document = diff.run(one, other)
            check(code == wanted and differs(document) == bool(wanted),
                  f"{'same' if wanted == 0 else 'different'}: {name}: exit {code}: {document['rules']}")
        check(diff.text(old, old)[0] == 0 and diff.text(old, new, "-q") == (wanted, ""), f"quiet: {name}")


# ---------------------------------------------------------------------- examples

def respell(value, rng):
    """The same in other words: keys in another order."""
    if isinstance(value, dict):
        items = [(k, respell(v, rng)) for k, v in value.items()]
        # the place of "include" says where its rules come
        if "include" not in value:
            rng.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        return [respell(v, rng) for v in value]
    return value


def mutations(example):
    """(what, id of the rule, the example with one rule changed)"""
    for index, one in enumerate(example["rules"]):
        def changed(act):
            made = copy.deepcopy(example)
            act(made["rules"], made["rules"][index])
            return made

        if not one.get("enabled", True):
            continue
        name = one["id"]
        yield "removed", name, changed(lambda all_rules, r: all_rules.remove(r))
        yield "changed", name, changed(lambda all_rules, r: r.update(enabled=False))
        yield "changed", name, changed(lambda all_rules, r: r.update(match={"all": [r["match"], {"ip.ttl": 77}]}))
        yield "changed", name, changed(lambda all_rules, r: r.update(
            mode="enforce" if r.get("mode") == "dry-run" else "dry-run"))
        if "verdict" in one:
            yield "changed", name, changed(lambda all_rules, r: r.update(
                verdict="drop" if r["verdict"] == "allow" else "allow") or r.pop("final", None))
        yield "words", name, changed(lambda all_rules, r: r.update(note="another note"))


def check_examples(diff):
    rng = random.Random(5)
    count = 0
    folder = diff.folder / "examples"
    shutil.copytree(EXAMPLES, folder)
    for path in sorted(EXAMPLES.glob("*.json")):
        code, document = diff.run(path, path)
        check(code == 0 and not document["rules"], f"{path.name} against itself: {document['rules']}")
        example = json.loads(path.read_text())
        example.pop("tests", None)  # they name rules
        other = folder / "other.json"
        other.write_text(json.dumps(respell(example, rng)))
        check(diff.run(path, other)[0] == 0, f"{path.name} in another order of keys")
        for what, name, changed in mutations(example):
            other.write_text(json.dumps(changed))
            code, document = diff.run(path, other)
            named = {(r["change"], r["rule"]) for r in document["rules"]}
            check(code == (what != "words") and named == {(what, name)},
                  f"{path.name}: {what} {name}: exit {code}, {named}")
            count += 1
    check(count > 150, f"only {count} mutations")


# ---------------------------------------------------------------------- packets

def blocks(path):
    """Packets of a little-endian pcapng: (time, bytes, frame of epb_packetid or None)."""
    data, at = path.read_bytes(), 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == 6:
            _, high, low, caplen, _ = struct.unpack_from("<IIIII", data, at + 8)
            option, frame = at + 28 + (caplen + 3) // 4 * 4, None
            while option < at + length - 4:
                code, size = struct.unpack_from("<HH", data, option)
                if code == 5:
                    frame = struct.unpack_from("<Q", data, option + 4)[0]
                if code == 0:
                    break
                option += 4 + (size + 3) // 4 * 4
            yield high << 32 | low, data[at + 28:at + 28 + caplen], frame
        at += length


def fates(pktmod, rule_file, capture, out):
    """{frame: what leaves for it, and when}, by a replay."""
    done = subprocess.run([pktmod, "replay", rule_file, "-q", "-r", capture, "-w", out],
                          capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    came = {time: number for number, (time, _, _) in enumerate(blocks(capture), 1)}
    left = {}
    for time, data, frame in blocks(out):
        left.setdefault(came[time] if frame is None else frame, []).append((time, data))
    return left, len(came)


OLD = {"rules": [
    {"id": "telnet", "match": {"tcp.dstport": 23}, "verdict": "drop"},
    {"id": "lookups", "match": {"udp.dstport": 53}, "verdict": {"delay": {"ms": 20}}},
    {"id": "swap", "match": {"tcp.port": 80}, "rewrite": [{"replace": {"find": "secret", "with": "public"}}]}]}
CHANGES = {
    "verdict": lambda r: r[0].update(verdict="allow"),
    "reject": lambda r: r[0].update(verdict={"reject": "auto"}),
    "narrower": lambda r: r[0].update(match={"tcp.dstport": 23, "ip.dst": "192.0.2.77"}),
    "delay": lambda r: r[1].update(verdict={"delay": {"ms": 30}}),
    "no delay": lambda r: r.pop(1),
    "bytes": lambda r: r[2]["rewrite"][0]["replace"].update({"with": "PUBLIC"}),
    "length": lambda r: r[2]["rewrite"][0]["replace"].update({"with": "unclassified"}),
    "no rewrite": lambda r: r.pop(2),
    "header": lambda r: r[2].update(rewrite=[{"set": {"ip.ttl": 9}}]),
    "same end": lambda r: r.insert(0, {"id": "also", "match": {"tcp.dstport": 23}, "verdict": "drop"}),
    "seed": lambda r: r[0].update(sample={"probability": 0.5}),
    "words": lambda r: r[0].update(note="x"),
}


def make_capture(pktmod, folder):
    """Every frame at a time of its own, so that one that leaves as it came can be told."""
    capture = folder / "in.pcapng"
    subprocess.run([pktmod, "flow", HERE / "diff" / "in.flow", "-w", capture], check=True, timeout=60)
    times = [time for time, _, _ in blocks(capture)]
    if len(set(times)) != len(times):
        raise RuntimeError("two frames of the capture have the same time")
    return capture


def check_packets(diff):
    capture = make_capture(diff.pktmod, diff.folder)
    old = diff.write("old.json", OLD)
    before, count = fates(diff.pktmod, old, capture, diff.folder / "old.pcapng")
    seen = set()
    for name, act in CHANGES.items():
        body = copy.deepcopy(OLD)
        act(body["rules"])
        new = diff.write("new.json", body)
        after, _ = fates(diff.pktmod, new, capture, diff.folder / "new.pcapng")
        wanted = [n for n in range(1, count + 1) if before.get(n) != after.get(n)]
        check(bool(wanted) or name in ("same end", "words", "seed"), f"packets: {name} changes no packet")
        code, document = diff.run(old, new, "-r", capture)
        found = document["captures"][0]
        frames = sorted(n for group in found["groups"] for n in group["frames"])
        # A verdict may differ where nothing leaves either way.
        silent = {n for group in found["groups"] if group["differs"] == "verdict" for n in group["frames"]
                  if before.get(n) == after.get(n)}
        check([n for n in frames if n not in silent] == wanted and found["changed"] == len(frames),
              f"packets: {name}: diff says {frames}, two replays {wanted}")
        check(code == (name != "words"), f"packets: {name}: exit {code}")
        check(sum(g["packets"] for g in found["groups"]) == found["changed"], f"packets: {name}: groups")
        seen.update(g["differs"] for g in found["groups"])
        check(diff.run(old, new, "-r", capture) == (code, document), f"packets: {name}: a second run")
    check(seen == {"verdict", "presence", "bytes", "time"} or seen == {"verdict", "bytes", "time"},
          f"packets: only {seen} were seen")
    code, text = diff.text(old, new, "-r", capture, "-r", capture)
    check(code == 0 and text.count("fare the same") == 2, f"several captures: {text}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        diff = Diff(sys.argv[1], folder)
        check_pairs(diff)
        check_examples(diff)
        check_packets(diff)
    print(f"{len(SAME)} pairs that mean the same, {len(DIFFERENT)} that do not; {len(FAULTS)} faults")
    return 1 if FAULTS else 0


if __name__ == "__main__":
    sys.exit(main())
