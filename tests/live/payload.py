"""payload.py - rules and streams that have work for them, and what must come out, worked out without the engine."""
import functools
import random
import re

UNIT = 4 << 20  # so much is drawn; longer payloads are turned copies of it

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
}


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
            if draw.random() < 0.2:  # what looks like a find up to its last byte
                find = draw.choice(finds)
                part += find[:draw.randrange(len(find))]
        part += draw.randbytes(draw.randrange(gap))
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


def rewritten(kind, data):
    """The leftmost find goes first; of two that begin at the same byte, the earlier rule's."""
    puts = dict(pairs(kind))
    if len(puts) == 1:
        return data.replace(*pairs(kind)[0])
    return re.sub(b"|".join(map(re.escape, puts)), lambda found: puts[found[0]], data)


@functools.lru_cache(maxsize=4)
def expected(kind, size, seed=0):
    return rewritten(kind, payload(kind, size, seed))


def rule_file(up, down, port=7000, hold_ms=10000):
    """One kind of rule for each direction of the connections to a port."""
    rules = []
    for kind, field in ((up, "tcp.dstport"), (down, "tcp.srcport")):
        for number, (find, put) in enumerate(KINDS[kind][0]):
            rules.append({"id": f"{field}.{kind}.{number}", "match": {field: port},
                          "rewrite": [{"replace": {"find": find, "with": put}}]})
    return {"pktmod": 1, "policy": {"hold_ms": hold_ms}, "rules": rules}
