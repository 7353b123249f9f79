"""payload.py - rules and streams that have work for them, and what must come out, worked out without the engine."""
import functools
import random
import re

UNIT = 4 << 20  # so much is drawn; longer payloads are turned copies of it
LINE = "~ as long as a line of text, so that segments often end somewhere inside of it instead of beside it"

# kind: what is found and what is put in its place, bytes of noise between two finds (0..), finds in a row (1..)
KINDS = {
    "none": ([("nothing in the noise is this", "x")], 600, 1),
    "same": ([("a needle", "a thread")], 600, 1),
    "grow": ([("needle", "a far longer thread than any needle")], 600, 2),
    "shrink": ([("a far longer thread than any needle", "needle")], 600, 2),
    "delete": ([("all of these thirty-two bytes go.", "")], 3000, 200),
    "double": ([("<->", "<" + "-" * 298 + ">")], 600, 3),
    "mixed": ([("abcabd", "ABD"), ("abca", "a good deal more than abca"), ("abcd", ""), ("cabb", "BBAC")], 300, 4),
    # of equal length in all, and of other lengths in between
    "even": ([("left--------", "left"), ("right", "right--------")], 600, 1),
    "rare grow": ([(LINE, LINE + LINE)], 60000, 1),
    "rare shrink": ([(LINE + LINE, LINE)], 60000, 1),
}
RARE = ("rare grow", "rare shrink")  # what a find begins with is nowhere else: nothing but finds has to wait


def pairs(kind):
    return [(find.encode(), put.encode()) for find, put in KINDS[kind][0]]


@functools.lru_cache(maxsize=8)
def unit(kind, seed):
    draw = random.Random(f"{kind} {seed}")
    _, gap, row = KINDS[kind]
    finds = [find for find, _ in pairs(kind)]
    if kind == "none":
        return draw.randbytes(UNIT)
    parts, size = [], 0
    while size < UNIT:
        if kind == "even":
            part = finds[0] + draw.randbytes(draw.randrange(gap)) + finds[1]
        else:
            part = b"".join(draw.choice(finds) for _ in range(draw.randint(1, row)))
            if kind not in RARE and draw.random() < 0.2:  # what looks like a find up to its last byte
                find = draw.choice(finds)
                part += find[:draw.randrange(len(find))]
        noise = draw.randbytes(draw.randrange(gap))
        part += noise.replace(finds[0][:1], b"-") if kind in RARE else noise
        parts.append(part)
        size += len(part)
    return b"".join(parts)


@functools.lru_cache(maxsize=4)
def payload(kind, size, seed=0):
    """The original stream."""
    draw, drawn = random.Random(seed), unit(kind, seed)
    parts, have = [], 0
    while have < size:
        turn = 0 if kind == "even" else draw.randrange(len(drawn))
        parts += [drawn[turn:], drawn[:turn]]
        have += len(drawn)
    return b"".join(parts) if kind == "even" else b"".join(parts)[:size]


def edited(kind, data):
    """The stream with its finds replaced, and how many they were. The leftmost goes first; of two that begin at the
    same byte, the earlier rule's."""
    puts = dict(pairs(kind))
    if len(puts) == 1:
        (find, put), = puts.items()
        return data.replace(find, put), data.count(find)
    return re.subn(b"|".join(map(re.escape, puts)), lambda found: puts[found[0]], data)


def rewritten(kind, data):
    return edited(kind, data)[0]


@functools.lru_cache(maxsize=4)
def expected(kind, size, seed=0):
    return edited(kind, payload(kind, size, seed))


class Way:
    """What is sent one way of a connection, and what must arrive. `told` gives the waits that were given up so far,
    as (offset, len): these len original bytes before offset pass as they are, and matching begins anew at offset."""

    def __init__(self, kind, size, seed=0, told=tuple):
        self.kind, self.told, self.missed = kind, told, 0
        self.sent = payload(kind, size, seed)
        self.plain, self.finds = expected(kind, size, seed)

    def wanted(self):
        parts, begin, found = [], 0, 0
        for end, size in sorted(self.told()) + [(len(self.sent), 0)]:
            if not begin <= end - size <= end <= len(self.sent):
                raise AssertionError(f"told that {size} bytes before {end} passed; {begin} had passed already")
            part, count = edited(self.kind, self.sent[begin:end - size]) if begin or size else (self.plain, self.finds)
            parts += [part, self.sent[end - size:end]]
            begin, found = end, found + count
        self.missed = self.finds - found
        return b"".join(parts) if len(parts) > 2 else self.plain


def rule_file(up, down, port=7000, hold_ms=200):
    """One kind of rule for each direction of the connections to a port."""
    rules = []
    for kind, field in ((up, "tcp.dstport"), (down, "tcp.srcport")):
        for number, (find, put) in enumerate(KINDS[kind][0]):
            rules.append({"id": f"{field}.{kind.replace(' ', '.')}.{number}", "match": {field: port},
                          "rewrite": [{"replace": {"find": find, "with": put}}]})
    return {"pktmod": 1, "policy": {"hold_ms": hold_ms}, "rules": rules}
