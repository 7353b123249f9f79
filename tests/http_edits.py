#!/usr/bin/env python3
"""http_edits.py PKTMOD [--seed N] [--count N] - edits of HTTP/1 messages, against an oracle.

Random conversations are made from their parts, so nothing here has to parse; what each rule makes of
the parts is worked out with plain string operations, and written down as tests of a rule file. The
command then sends every conversation cut in many ways, repeated and out of order, and has to make
the same bytes of it each time.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

HOLD = 400  # hold_bytes: longer messages leave in chunks
BLOCK = 1024  # long chunks are cut here
FINDS = [("secret", "open"), ("ab", "abcabc"), ("zz", ""), ("LONG", "same")]
NAMES = ["Server", "X-One", "x-two", "Set-Cookie", "Vary", "DATE"]


def text(rng, length):
    words = [find for find, _ in FINDS] + ["a", "b", "z", "se", "cret", "\r\n", "0\r\n\r\n", "q" * 9, "HTTP/1.1 200 OK\r\n"]
    made = ""
    while len(made) < length:
        made += rng.choice(words)
    return made[:length]


def found(body, finds):
    """Finds from left to right, the earlier rule first: (begin, end, what takes its place)."""
    at, hits = 0, []
    while at < len(body):
        hit = next(((at, at + len(f), w) for f, w in finds if body.startswith(f, at)), None)
        if hit:
            hits.append(hit)
        at = hit[1] if hit else at + 1
    return hits


def replaced(body, hits, begin, end):
    made, at = "", begin
    for a, b, with_ in hits:
        if begin <= a and b <= end:
            made += body[at:a] + with_
            at = b
    return made + body[at:end]


def rechunked(chunks, hits, tail, converted=False):
    """chunks: (size line, data). A cut moves behind a find that stands over it."""
    body = "".join(data for _, data in chunks)
    cuts, whole, at = set(), {}, 0
    for line, data in chunks:
        cuts.update(range(at + BLOCK, at + len(data), BLOCK))
        cuts.add(at + len(data))
        if len(data) <= BLOCK and not converted:
            whole[(at, at + len(data))] = line
        at += len(data)
    made, begin = "", 0
    for cut in sorted(cuts):
        if cut <= begin:
            continue
        for a, b, _ in hits:
            if a < cut < b:
                cut = b
        data = replaced(body, hits, begin, cut)
        line = whole.get((begin, cut)) if len(data) == cut - begin else None
        if data:
            made += (line or f"{len(data):x}") + "\r\n" + data + "\r\n"
        begin = cut
    return made + tail


class Message:
    """A start line, header lines, a body and how that is framed."""

    def __init__(self, rng, start, framing, length, minor=1):
        self.start, self.framing, self.minor = start, framing, minor
        self.lines = [(rng.choice(NAMES), rng.choice(["", "1", "a secret", "zz"])) for _ in range(rng.randrange(4))]
        self.body = text(rng, length) if framing != "none" else ""
        self.chunks, self.tail = [], ""
        if framing == "length":
            self.lines.insert(rng.randrange(len(self.lines) + 1), ("Content-Length", str(len(self.body))))
        if framing == "chunked":
            self.lines.insert(rng.randrange(len(self.lines) + 1), ("Transfer-Encoding", "chunked"))
            at = 0
            while at < len(self.body):
                size = min(rng.choice([1, 2, 3, 7, 40, 1500]), len(self.body) - at)
                line = rng.choice([f"{size:x}", f"{size:X}", f"00{size:x}", f"{size:x};n=v"])
                self.chunks.append((line, self.body[at:at + size]))
                at += size
            self.tail = rng.choice(["0\r\n\r\n", "000;last\r\n\r\n", "0\r\nT: 1\r\nU: zz\r\n\r\n"])

    def head(self, lines=None, start=None):
        lines = self.lines if lines is None else lines
        return (start or self.start) + "\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines) + "\r\n"

    def wire(self):
        if self.framing != "chunked":
            return self.head() + self.body
        return self.head() + "".join(f"{line}\r\n{data}\r\n" for line, data in self.chunks) + self.tail


def edited_lines(lines, edits):
    """edits: (what, name, value), made one after the other; a name is edited once."""
    out, said = [[n, v, True] for n, v in lines], set()
    for what, name, value in edits:
        same = [line for line in out if line[0].lower() == name.lower() and line[2]]
        if what == "add":
            out.append([name, value, False])
            continue
        if name.lower() in said:
            continue
        said.add(name.lower())
        if what == "set" and same:
            same[0][1] = value
            same = same[1:]
        elif what == "set":
            out.append([name, value, False])
        out = [line for line in out if line not in same or not any(line is s for s in same)]
    return [(n, v) for n, v, _ in out]


def has_end_inside(message, chunked_ok):
    return message.framing == "length" and len(message.wire()) > HOLD and not chunked_ok


def expected(message, edits, finds, chunked_ok, body=None):
    """What leaves for a message; finds: of its body."""
    lines = edited_lines(message.lines, edits)
    if body is not None and message.framing != "none":
        if message.framing == "length":
            lines = [(n, str(len(body)) if n == "Content-Length" else v) for n, v in lines]
        else:
            lines = [(n, v) for n, v in lines if n != "Transfer-Encoding"] + [("Content-Length", str(len(body)))]
        return message.head(lines) + body
    hits = found(message.body, finds)
    stretches = any(len(f) != len(w) for f, w in finds)
    if message.framing == "chunked":
        return message.head(lines) + (rechunked(message.chunks, hits, message.tail) if finds else message.wire()[len(message.head()):])
    made = replaced(message.body, hits, 0, len(message.body))
    if message.framing != "length" or not stretches:
        return message.head(lines) + made
    if len(message.wire()) <= HOLD or not message.body:
        return message.head([(n, str(len(made)) if n == "Content-Length" else v) for n, v in lines]) + made
    if not chunked_ok:
        return message.head(lines) + message.body
    lines = [("Transfer-Encoding", "chunked") if n == "Content-Length" else (n, v) for n, v in lines]
    return message.head(lines) + rechunked([("", message.body)], hits, "0\r\n\r\n", True)


def random_edits(rng):
    edits = []
    for _ in range(rng.randrange(4)):
        edits.append((rng.choice(["set", "add", "remove"]), rng.choice(NAMES + ["X-New"]), rng.choice(["", "new", "zz secret"])))
    return edits


def http_ops(edits):
    ops = []
    for what, name, value in edits:
        ops.append({"http": {what: [name] if what == "remove" else {name: value}}})
    return ops


def conversation(rng, number):
    port = 2000 + number
    finds = rng.sample(FINDS, rng.randrange(len(FINDS) + 1)) if rng.random() < 0.8 else FINDS[3:]
    body = text(rng, rng.randrange(30)) if rng.random() < 0.2 else None
    request_edits, response_edits = random_edits(rng), random_edits(rng)
    only_host = rng.random() < 0.5
    longest = rng.choice([8, 60, 60, 300, 3000])
    sent, wanted, got, due = "", "", "", ""
    for _ in range(rng.randrange(1, 4)):
        method, minor = rng.choice(["GET", "GET", "POST", "HEAD"]), rng.choice([1, 1, 1, 0])
        host = rng.choice(["a.example", "b.example"])
        framing = rng.choice(["length", "chunked"] if minor else ["length"]) if method == "POST" else "none"
        request = Message(rng, f"{method} /{rng.randrange(9)} HTTP/1.{minor}", framing, rng.randrange(longest), minor)
        request.lines.insert(0, ("Host", host))
        holds = host == "a.example" or not only_host
        sent += request.wire()
        wanted += expected(request, request_edits if holds else [], [], True)
        code = rng.choice([200, 200, 200, 204, 304, 404])
        minor = rng.choice([1, 1, 1, 0])
        framing = rng.choice(["length", "chunked"] if minor else ["length"])
        if method == "HEAD" or code in (204, 304):
            framing = "none"
        response = Message(rng, f"HTTP/1.{minor} {code} Why", framing, rng.randrange(longest), minor)
        if rng.random() < 0.1:
            got += "HTTP/1.1 100 Continue\r\n\r\n"
            due += "HTTP/1.1 100 Continue\r\n\r\n"
        got += response.wire()
        both = minor == 1 and request.minor == 1
        due += expected(response, response_edits if holds else [], finds if holds else [], both, body if holds else None)
    match = {"http.host": "a.example"} if only_host else {}
    rules = []
    if request_edits:
        rules.append({"id": f"q{number}", "match": {"tcp.dstport": port, **match}, "rewrite": http_ops(request_edits)})
    ops = [{"replace": {"find": f, "with": w, "in": "http.body"}} for f, w in finds] + http_ops(response_edits)
    if body is not None:
        ops.append({"http": {"body": body}})
    if ops:
        rules.append({"id": f"r{number}", "match": {"tcp.srcport": port, **match}, "rewrite": ops})
    cuts = ["1-byte", "retransmit-each", "reorder"] + (["every-split"] if len(sent + got) < 300 and number % 8 == 0 else [])
    test = {"name": f"t{number}", "stream": {"server": f"192.0.2.1:{port}", "to_server": sent, "to_client": got},
            "resegment": cuts, "expect": {"to_server": wanted, "to_client": due}}
    return rules, test


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pktmod")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--keep", help="write the rule file there, and run nothing")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    rules, tests = [], []
    for number in range(args.count):
        more, test = conversation(rng, number)
        if more:
            rules += more
            tests.append(test)
    if args.keep:
        pathlib.Path(args.keep).write_text(json.dumps({"pktmod": 1, "policy": {"hold_bytes": HOLD}, "rules": rules, "tests": tests}, indent=1))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "rules.json"
        path.write_text(json.dumps({"pktmod": 1, "policy": {"hold_bytes": HOLD}, "rules": rules, "tests": tests}))
        done = subprocess.run([args.pktmod, "test", str(path)], capture_output=True, text=True, check=False)
    print(done.stdout[-6000:] + done.stderr[-2000:], end="")
    if len(tests) < args.count // 2 or f"{len(tests)} tests: {len(tests)} passed" not in done.stdout:
        sys.exit(1)


if __name__ == "__main__":
    main()
