#!/usr/bin/env python3
"""dns_edit.py PKTMOD [--seed N] [--count N] - edits of DNS messages against a second opinion.

Random messages, compressed at random, go through random rules in a replay. What leaves is read by
dns_codec.py, which shares nothing with pktmod, and has to be what the rules say, made here from the
message as it came; what the rules do not change has to leave byte for byte. Spoiled messages leave
as they came or can be read. Where tshark is, it must find nothing wrong with what leaves.
"""
import argparse
import copy
import ipaddress
import json
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

import dns_codec as dns
from frames import ones_sum

CLIENT, SERVER = b"\x0a\0\0\1", b"\x0a\0\0\x35"
QR, TC, RD, RA, AD, CD = 0x8000, 0x200, 0x100, 0x80, 0x20, 0x10
LABELS = [b"www", b"mail", b"bad", b"good", b"example", b"com", b"org", b"x" * 63, b"_tcp", b"a.b", b"\0"]
TYPES = [dns.A, dns.NS, dns.CNAME, dns.SOA, dns.PTR, dns.MX, dns.TXT, dns.AAAA, dns.SRV, dns.DNAME, dns.RRSIG,
         dns.SVCB, dns.HTTPS, 999]
NAMES = {1: "A", 2: "NS", 5: "CNAME", 16: "TXT", 28: "AAAA", 46: "RRSIG", 64: "SVCB", 65: "HTTPS"}
OPTIONS = {3: "nsid", 8: "client-subnet", 10: "cookie", 12: "padding"}
RCODES = {0: "NOERROR", 3: "NXDOMAIN", 5: "REFUSED"}


# ---------------------------------------------------------------- packets

def datagram(payload, to_server):
    src, dst = (CLIENT, SERVER) if to_server else (SERVER, CLIENT)
    ports = (4000, 53) if to_server else (53, 4000)
    udp = struct.pack(">4H", *ports, 8 + len(payload), 0) + payload
    total = ~ones_sum(src + dst + struct.pack(">HH", 17, len(udp)) + udp) & 0xFFFF
    udp = udp[:6] + struct.pack(">H", total or 0xFFFF) + udp[8:]
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + src + dst
    return head[:10] + struct.pack(">H", ~ones_sum(head) & 0xFFFF) + head[12:] + udp


def write_capture(path, packets):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for i, packet in enumerate(packets):
            out.write(struct.pack("<4I", i, 0, len(packet), len(packet)) + packet)


def read_capture(path):
    """{second: packet}: the second is the number of the packet that caused it"""
    raw, at, found = path.read_bytes(), 24, {}
    while at < len(raw):
        second, _, length, _ = struct.unpack_from("<4I", raw, at)
        found.setdefault(second, []).append(raw[at + 16:at + 16 + length])
        at += 16 + length
    return found


# ---------------------------------------------------------------- random messages and rules

def some_name(draw):
    labels = tuple(draw.choice(LABELS) for _ in range(draw.randint(0, 5)))
    return labels if sum(len(label) + 1 for label in labels) < 255 else (b"com",)


def some_data(draw, kind):
    if kind == dns.A:
        return [draw.randbytes(4)]
    if kind == dns.AAAA:
        return [draw.randbytes(16)]
    if kind == dns.RRSIG:
        return [struct.pack(">H", draw.choice(TYPES)) + draw.randbytes(16) + b"\0" + draw.randbytes(8)]
    if kind not in dns.LAYOUT:
        return [draw.randbytes(draw.randint(0, 40))]
    head, names, _ = dns.LAYOUT[kind]
    parts = [draw.randbytes(head)] if head else []
    parts += [some_name(draw) for _ in range(names)]
    tail = {dns.SOA: 20, dns.SVCB: draw.randint(0, 9), dns.HTTPS: draw.randint(0, 9)}.get(kind, 0)
    return parts + ([draw.randbytes(tail)] if tail else [])


def some_record(draw):
    kind = draw.choice(TYPES)
    return (some_name(draw), kind, draw.choice([1, 1, 1, 3, 0x8001]), draw.choice([0, 5, 60, 300, 86400, 0x7FFFFFFF]),
            some_data(draw, kind))


def some_edns(draw):
    data = b"".join(struct.pack(">HH", code, len(body)) + body for code, body in
                    ((draw.choice([*OPTIONS, 65001]), draw.randbytes(draw.randint(0, 9)))
                     for _ in range(draw.randint(0, 3))))
    upper = draw.choice([0, 0, 0, 0, 1 << 24])
    return ((), dns.OPT, draw.choice([0, 511, 512, 1232, 4096]), draw.choice([0, 0x8000]) | upper, [data])


def some_message(draw, is_response):
    many = draw.choice([1, 2, 3, 3, 25]) if is_response else draw.choice([0, 0, 0, 1])
    message = {"id": draw.randrange(65536), "flags": draw.choice([0, RD]) | draw.choice([0, CD]) | draw.choice([0, AD]),
               "qd": [(some_name(draw), draw.choice([1, 28, 5, 65, 255]), draw.choice([1, 1, 1, 1, 3]))
                      for _ in range(draw.choice([1] * 9 + [0, 2]))]}
    for section in dns.SECTIONS:
        message[section] = [some_record(draw) for _ in range(draw.randint(0, many))]
    if draw.random() < 0.5:
        message["ar"].insert(draw.randint(0, len(message["ar"])), some_edns(draw))
    if draw.random() < 0.05:
        message["ar"].append(((b"key",), dns.TSIG, 255, 0, [draw.randbytes(20)]))
    if is_response:
        message["flags"] |= QR | RA | draw.choice([0, 0, TC]) | draw.choice([0, 0, 3, 2])
    if draw.random() < 0.03:
        message["flags"] |= 5 << 11
    return message


def some_limit(draw, values):
    number = draw.choice(values)
    return number if draw.random() < 0.5 else {"max": number}


def named(draw, table, numbers):
    return [table[n] if n in table and draw.random() < 0.5 else n for n in numbers]


def some_dns(draw):
    op = {}
    if draw.random() < 0.3:
        op["answers"] = [draw.choice(["192.0.2.7", "2001:db8::7", "198.51.100.9"]) for _ in range(draw.randint(0, 3))]
        if draw.random() < 0.4:
            op["answers"].append({"cname": draw.choice(["www.example.com", "sink.example.org."])})
    if draw.random() < 0.3:
        op["rcode"] = named(draw, RCODES, [draw.choice([0, 3, 5, 9])])[0]
    if draw.random() < 0.4:
        op["ttl"] = some_limit(draw, [0, 30, 60, 3600])
    if draw.random() < 0.3:
        op["remove_types"] = named(draw, NAMES, draw.sample([1, 2, 5, 16, 28, 46, 64, 65, 999], draw.randint(1, 3)))
    if draw.random() < 0.4:
        op["edns"] = {"size": some_limit(draw, [512, 1232, 4096])}
        if draw.random() < 0.5:
            op["edns"]["remove_options"] = named(draw, OPTIONS, draw.sample([*OPTIONS, 65001], draw.randint(1, 2)))
        if draw.random() < 0.2:
            op["edns"] = {"remove": True}
    if draw.random() < 0.2 and ("answers" in op or "rcode" in op):
        op["respond"] = True
    return {"dns": op} if op else some_rename(draw)


def some_rename(draw):
    words = ["bad.example", "example", "example.com", "com", "www.bad", "x" * 63, "MAIL"]
    return {"replace": {"find": draw.choice(words), "in": "dns.name",
                        "with": draw.choice(["", "good.example", "org", "y" * 63 + "." + "z" * 63, "example"])}}


def some_rules(draw):
    rules = [{"id": f"r{i}", "match": {"udp.port": 53},
              "rewrite": [draw.choice([some_dns, some_dns, some_rename])(draw) for _ in range(draw.randint(1, 2))]}
             for i in range(draw.randint(1, 3))]
    return {"pktmod": 1, "policy": {"on_rewrite_refused": draw.choice(["pass", "drop"])}, "rules": rules}


# ---------------------------------------------------------------- what the rules say

class Refused(Exception):
    """The message stays as it is, or does not leave."""


def number_of(table, value):
    return next((n for n, word in table.items() if word == value), value)


def same(a, b):
    return [label.lower() for label in a] == [label.lower() for label in b]


def renamed(labels, pairs):
    """The name, and whether it is another one."""
    out, i = [], 0
    while i < len(labels):
        hit = next((pair for pair in pairs if same(labels[i:i + len(pair[0])], pair[0])), None)
        out += hit[1] if hit else [labels[i]]
        i += len(hit[0]) if hit else 1
    if sum(len(label) + 1 for label in out) > 254:
        raise Refused
    return tuple(out), tuple(out) != tuple(labels)


def rename(message, pairs):
    made, in_records, found = copy.deepcopy(message), False, False
    made["qd"] = []
    for labels, *rest in message["qd"]:
        labels, hit = renamed(labels, pairs)
        made["qd"].append((labels, *rest))
        found = found or hit
    for section in dns.SECTIONS:
        made[section] = []
        for labels, kind, klass, ttl, parts in message[section]:
            results = [renamed(part, pairs) if isinstance(part, tuple) else (part, False) for part in (labels, *parts)]
            in_records = in_records or any(hit for _, hit in results)
            made[section].append((results[0][0], kind, klass, ttl, [part for part, _ in results[1:]]))
    if in_records:
        for section in dns.SECTIONS:
            made[section] = [record for record in made[section] if record[1] != dns.RRSIG]
        made["flags"] &= ~AD if made["flags"] & QR else 0xFFFF
    return made if found or in_records else message


def limited(limit, value):
    if limit is None:
        return value
    return min(limit["max"], value) if isinstance(limit, dict) else limit


def made_up(op, question):
    """Records for the question."""
    labels, kind, _ = question
    ttl = limited(op.get("ttl"), 60)
    records, aliases = [], [dns.name(a["cname"]) for a in op.get("answers", []) if isinstance(a, dict)]
    if aliases and not same(aliases[0], labels):
        records.append((labels, dns.CNAME, 1, ttl, [aliases[0]]))
        labels = aliases[0]
    for answer in op.get("answers", []):
        if isinstance(answer, str):
            packed = ipaddress.ip_address(answer).packed
            of = dns.A if len(packed) == 4 else dns.AAAA
            if kind in (of, 255):
                records.append((labels, of, 1, ttl, [packed]))
    return records


def only_question(message):
    if len(message["qd"]) != 1 or message["qd"][0][2] != 1:
        raise Refused
    return message["qd"][0]


def options_of(data):
    at, out = 0, []
    while at < len(data):
        code, length = struct.unpack_from(">HH", data, at)
        out.append((code, data[at:at + 4 + length]))
        at += 4 + length
    return out


def edns(op, record, is_response, replaces):
    """The OPT record, or nothing."""
    wish = op.get("edns", {})
    labels, kind, size, ttl, parts = record
    has_code = is_response and ttl >> 24 and "rcode" not in op
    if wish.get("remove") and not has_code:
        return []
    if is_response and ("rcode" in op or replaces):
        ttl &= 0xFFFFFF
    gone = [number_of(OPTIONS, option) for option in wish.get("remove_options", [])]
    kept = b"".join(whole for code, whole in options_of(parts[0]) if code not in gone)
    return [(labels, kind, limited(wish.get("size"), size), ttl, [kept])]


def edit(message, op):
    is_response = bool(message["flags"] & QR)
    replaces = is_response and "answers" in op
    gone = [number_of(NAMES, kind) for kind in op.get("remove_types", [])]
    made, has_lost = copy.deepcopy(message), False
    for section in dns.SECTIONS:
        made[section] = made_up(op, only_question(message)) if replaces and section == "an" else []
        for record in message[section]:
            labels, kind, klass, ttl, parts = record
            if kind == dns.OPT:
                made[section] += edns(op, record, is_response, replaces)
                continue
            covers = struct.unpack_from(">H", parts[0])[0] if kind == dns.RRSIG else None
            if replaces or kind in gone or covers in gone:
                has_lost = True
            else:
                made[section].append((labels, kind, klass, limited(op.get("ttl"), ttl), parts))
    if is_response:
        made["flags"] &= ~(0xF | TC) if replaces else 0xFFFF
        if "rcode" in op:
            made["flags"] = made["flags"] & ~0xF | number_of(RCODES, op["rcode"])
        made["flags"] &= ~AD if has_lost or replaces else 0xFFFF
    return made


def respond(message, op):
    question = only_question(message)
    asked = [record for record in message["ar"] if record[1] == dns.OPT]
    is_later = bool(asked) and asked[0][3] >> 16 & 0xFF
    code = number_of(RCODES, op.get("rcode", 0))
    made = {"id": message["id"], "flags": QR | RA | message["flags"] & (RD | CD) | (0 if is_later else code), "qd": [question],
            "an": [] if is_later else made_up(op, question), "ns": [], "ar": []}
    if asked:
        made["ar"] = [((), dns.OPT, 1232, asked[0][3] & 0x8000 | (1 << 24 if is_later else 0), [b""])]
    return made


def check_editable(message):
    if message["flags"] >> 11 & 15 or any(record[1] == dns.TSIG for record in message["ar"]):
        raise Refused


def edits_of(rules):
    return [op["dns"] for rule in rules["rules"] for op in rule["rewrite"] if "dns" in op]


def edited(message, rules):
    ops = [op for rule in rules["rules"] for op in rule["rewrite"]]
    pairs = [(dns.name(op["replace"]["find"]), dns.name(op["replace"]["with"])) for op in ops if "replace" in op]
    check_editable(message)
    made = rename(message, pairs)
    for op in edits_of(rules):
        made = edit(made, op)
    return made


def expected(message, rules):
    """What leaves, and whether it goes back."""
    responder = next((op for op in edits_of(rules) if op.get("respond")), None)
    if responder and not message["flags"] & QR:
        check_editable(message)
        return respond(message, responder), True
    return edited(message, rules), False


# ---------------------------------------------------------------- the comparison

def plain(message):
    return {key: value for key, value in message.items() if key != "rest"}


def tidy(message):
    """With bytes that stand side by side in one piece."""
    out = plain(message)
    for section in dns.SECTIONS:
        out[section] = [(*record[:4], [part for part in record[4] if part != b""]) for record in message[section]]
    return out


def is_cut(got, want, most):
    """An answer that was too long: the question, OPT, TC."""
    short = {**want, "flags": want["flags"] | TC, "an": [], "ns": [],
             "ar": [record for record in want["ar"] if record[1] == dns.OPT]}
    return tidy(got) == tidy(short) and len(dns.write(want)) > most - 16


def fault(raw, message, rules, left):
    """What is wrong with what left for a message; None: nothing."""
    is_strict = rules["policy"]["on_rewrite_refused"] == "drop"
    try:
        want, goes_back = expected(message, rules)
    except Refused:
        ok = left == [] if is_strict else left == [raw]
        return None if ok else "an edit was made that is to be refused"
    if len(left) != 1:
        return f"{len(left)} packets left"
    to_server = left[0][12:16] == CLIENT
    if goes_back and to_server:
        return "no answer went back"
    payload = left[0][28:]
    if tidy(want) == tidy(message):
        may_be_new = sum(len(rule["rewrite"]) for rule in rules["rules"]) > 1  # one takes back what another did
        if left == [raw]:
            return None
        if not may_be_new:
            return "nothing was to change, and something did"
    try:
        got = dns.read(payload)
    except dns.Bad as bad:
        return f"what left cannot be read: {bad}"
    sizes = [record[2] for record in message["ar"] if record[1] == dns.OPT]
    most = max(512, *sizes, 512) if goes_back else max(512, len(raw) - 28)
    if len(payload) > most and want["flags"] & QR:
        return f"{len(payload)} bytes left, of at most {most}"
    if got["rest"]:
        return "bytes are left over"
    if tidy(got) == tidy(want) or (want["flags"] & QR and is_cut(got, want, most)):
        return None
    return f"left\n  {tidy(got)}\nexpected\n  {tidy(want)}"


def spoil(draw, payload):
    spoiled = bytearray(payload)
    for _ in range(draw.randint(1, 3)):
        spoiled[draw.randrange(2, len(spoiled))] = draw.choice([0, 0xC0, 0xFF, 0x3F, draw.randrange(256)])
    return bytes(spoiled[:draw.choice([len(spoiled), draw.randrange(len(spoiled) + 1)])])


def fault_of_spoiled(raw, left):
    for packet in left:
        if packet != raw:
            try:
                dns.read(packet[28:])
            except dns.Bad as bad:
                return f"what left cannot be read: {bad}"
    return None


def replay(pktmod, folder, rules, packets):
    files = [folder / name for name in ("rules.json", "in.pcap", "out.pcap")]
    files[0].write_text(json.dumps(rules), encoding="utf-8")
    write_capture(files[1], packets)
    done = subprocess.run([pktmod, "replay", files[0], "-r", files[1], "-w", files[2], "-q"],
                          capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        sys.exit(f"{json.dumps(rules)}\n{done.stderr}")
    return read_capture(files[2])


def malformed(folder, packets):
    """Those that tshark finds wrong; random data may be."""
    path = folder / "whole.pcap"
    write_capture(path, packets)
    done = subprocess.run(["tshark", "-n", "-r", path, "-Y", "_ws.malformed or udp.checksum.status == Bad", "-o",
                           "udp.check_checksum:TRUE", "-T", "fields", "-e", "frame.number"],
                          capture_output=True, text=True, timeout=120, check=False)
    return {int(number) - 1 for number in done.stdout.split()}


def one_round(pktmod, folder, seed):
    draw = random.Random(seed)
    rules, packets, messages = some_rules(draw), [], []
    for _ in range(80):
        is_response = draw.random() < 0.6
        message = some_message(draw, is_response)
        payload = dns.write(message, lambda: draw.random() < 0.7)
        if draw.random() < 0.15 and payload:
            message, payload = None, spoil(draw, payload)
        messages.append(message)
        packets.append(datagram(payload, not is_response))
    left = replay(pktmod, folder, rules, packets)
    faults = []
    for i, (raw, message) in enumerate(zip(packets, messages)):
        found = left.get(i, [])
        what = fault_of_spoiled(raw, found) if message is None else fault(raw, message, rules, found)
        if what:
            faults.append(f"seed {seed}, packet {i + 1}: {what}\nrules {json.dumps(rules)}\nmessage {message}")
    if shutil.which("tshark") and seed % 8 == 0:
        changed = [i for i in sorted(left) if messages[i] is not None and left[i][0] != packets[i]]
        before = malformed(folder, [packets[i] for i in changed])
        after = malformed(folder, [left[i][0] for i in changed])
        faults += [f"seed {seed}: tshark finds what became of packet {changed[n] + 1} malformed" for n in after - before]
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pktmod", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    options = parser.parse_args()
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seed, options.seed + options.count):
            faults += one_round(options.pktmod.resolve(), pathlib.Path(folder), seed)
    print("\n".join(faults[:5]))
    print(f"{options.count} rule files, {80 * options.count} messages: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
