#!/usr/bin/env python3
"""events.py PKTMOD - what `pktmod replay --events` and `--dropped` write, story by story."""
import base64
import hashlib
import ipaddress
import json
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import captures  # noqa: E402
import rawip  # noqa: E402

DEMO = HERE.parent / "app" / "demo" / "demo.pcapng"
BEGIN_US = 1767225600000000  # 2026-01-01
SYN, ACK, PSH, FIN, RST = 2, 16, 8, 1, 4
A, B = "192.0.2.1", "198.51.100.7"

# Names that Suricata's EVE has for what is written here (its etc/schema.json): facts, no more.
SURICATA = {
    "": "alert community_id dest_ip dest_port direction drop event_type flow flow_id icmp_code icmp_type in_iface "
        "ip_v pcap_cnt proto src_ip src_port tcp timestamp verdict",
    "flow": "action age alerted bytes_toclient bytes_toserver end pkts_toclient pkts_toserver reason start state",
    "tcp": "ack cwr ecn fin psh rst syn tcp_flags tcp_flags_tc tcp_flags_ts urg",
    "drop": "ack fin flowlbl hoplimit icmp_id icmp_seq ipid len psh reason rst syn tc tcpack tcpres tcpseq "
            "tcpurgp tcpwin tos ttl udplen urg",
    "alert": "action category gid metadata rev severity signature signature_id",
    "verdict": "action reject reject_target",
}
# What is pktmod's own: whole objects, and members beside Suricata's.
OWN = {"": {"pktmod", "rewrite"}, "verdict": {"rule", "scope", "reason"}}


def foreign_names(event, where=""):
    """Names that are neither Suricata's nor declared our own."""
    for name, value in event.items():
        if name in OWN.get(where, ()):
            continue
        if name not in SURICATA.get(where, "").split():
            yield f"{where}.{name}"
        elif isinstance(value, dict):
            yield from foreign_names(value, name)


def community_id(src, dst, protocol, ports, seed=0):
    """The oracle, from the specification; ports None: the protocol has none."""
    ends = [(ipaddress.ip_address(a).packed, p) for a, p in zip((src, dst), ports or (0, 0))]
    if ends[0] > ends[1]:
        ends.reverse()
    data = struct.pack("!H", seed) + ends[0][0] + ends[1][0] + struct.pack("!BB", protocol, 0)
    if ports:
        data += struct.pack("!HH", ends[0][1], ends[1][1])
    return "1:" + base64.b64encode(hashlib.sha1(data).digest()).decode()


class Events:
    def __init__(self, pktmod, folder):
        self.pktmod, self.folder = pktmod, pathlib.Path(folder)
        self.story, self.faults = "", 0

    def expect(self, holds, what):
        if not holds:
            print(f"{self.story}: FAILED: {what}")
            self.faults += 1

    def equal(self, got, wanted, what):
        self.expect(got == wanted, f"{what}:\n    expected {wanted}\n    got      {got}")

    def run(self, rules, capture, *more, policy=None):
        """(the events, the report); the events of a second run have to be the same."""
        path, text = self.folder / "rules.json", self.folder / "events.jsonl"
        path.write_text(json.dumps({"pktmod": 1, **({"policy": policy} if policy else {}), "rules": rules}))
        if not isinstance(capture, pathlib.Path):
            raw, capture = capture, self.folder / "in.cap"
            capture.write_bytes(raw)
        seen = []
        text.unlink(missing_ok=True)
        for _ in range(2):
            done = subprocess.run([self.pktmod, "replay", str(path), "-r", str(capture), "--events", str(text),
                                   "--format", "json", *more], capture_output=True, check=False, timeout=120)
            seen.append(text.read_bytes())
        self.expect(done.returncode == 0, f"exit {done.returncode}: {done.stderr.decode()}")
        self.expect(seen[0] == seen[1], "two runs differ")
        lines = seen[0].decode("utf-8", "strict").split("\n")
        self.equal(lines.pop(), "", "the end of the file")
        events = [json.loads(line) for line in lines]
        times = [event["timestamp"] for event in events]
        self.expect(times == sorted(times), "timestamps go back")
        for event in events:
            for name in foreign_names(event):
                self.expect(False, f"{name} is no name of Suricata: {event}")
        return events, json.loads(done.stdout or b"null")

    def own(self, events, kind):
        return [each for each in events if each.get("pktmod", {}).get("event") == kind]

    def of_type(self, events, kind):
        return [each for each in events if each["event_type"] == kind]

    # ---------------------------------------------------------------- the stories

    def a_foreign_name_is_seen(self):
        good = {"timestamp": "", "flow": {"age": 1}, "verdict": {"action": "", "rule": ""}, "pktmod": {"x": 1}}
        self.equal(list(foreign_names(good)), [], "a good event")
        bad = {"src": 1, "flow": {"agee": 1}, "verdict": {"why": ""}, "rewrite": []}
        self.equal(list(foreign_names(bad)), [".src", "flow.agee", "verdict.why"], "a bad one")

    def a_dropped_packet_is_told_with_its_headers(self):
        capture = rawip.capture([(BEGIN_US, rawip.tcp(A, B, 4000, 23, SYN, 77))])
        events, _ = self.run([{"id": "telnet", "match": {"tcp.dstport": 23}, "verdict": "drop"}], capture)
        ends = {"src_ip": A, "src_port": 4000, "dest_ip": B, "dest_port": 23, "proto": "TCP", "ip_v": 4,
                "community_id": community_id(A, B, 6, (4000, 23))}
        when = "2026-01-01T00:00:00.000000+0000"
        self.equal(events, [
            {"timestamp": when, "flow_id": 1, "pcap_cnt": 1, "event_type": "pktmod", **ends,
             "direction": "to_server", "pktmod": {"event": "flow_start", "dir": "out"}},
            {"timestamp": when, "flow_id": 1, "pcap_cnt": 1, "event_type": "drop", **ends,
             "direction": "to_server",
             "drop": {"len": 40, "tos": 0, "ttl": 64, "ipid": 0, "tcpseq": 77, "tcpack": 0, "tcpwin": 65535,
                      "syn": True, "ack": False, "psh": False, "rst": False, "urg": False, "fin": False,
                      "reason": "rule"},
             "verdict": {"action": "drop", "scope": "packet", "rule": "telnet", "reason": "rule"},
             "pktmod": {"dir": "out", "engine": "filter"}},
            {"timestamp": when, "flow_id": 1, "event_type": "flow", **ends,
             "flow": {"pkts_toserver": 1, "pkts_toclient": 0, "bytes_toserver": 40, "bytes_toclient": 0,
                      "start": when, "end": when, "age": 0, "state": "new", "reason": "shutdown",
                      "alerted": False},
             "tcp": {"tcp_flags": "02", "tcp_flags_ts": "02", "tcp_flags_tc": "00", "syn": True},
             "pktmod": {"dropped": 1, "rewritten": 0}}], "the events")

    def a_reject_tells_whom_it_told(self):
        talk = [rawip.tcp(A, B, 4000, 23, SYN, 77), rawip.tcp(A, B, 4001, 80, SYN, 5),
                rawip.tcp(B, A, 80, 4001, SYN | ACK, 9, ack=6), rawip.tcp(A, B, 4001, 80, ACK, 6, b"bad", ack=10),
                rawip.udp(A, B, 5000, 53, b"q")]
        rules = [{"id": "no", "match": {"any": [{"tcp.dstport": 23}, {"udp.dstport": 53}]}, "verdict": {"reject": "auto"}},
                 {"id": "bad", "match": {"payload": "bad"}, "verdict": {"reject": "auto"}}]
        events, _ = self.run(rules, rawip.capture([(BEGIN_US + n, each) for n, each in enumerate(talk)]), "-q")
        told = [(each["pcap_cnt"], each["verdict"]) for each in self.of_type(events, "drop")]
        same = {"action": "reject", "scope": "packet", "reason": "rule"}
        self.equal(told, [
            (1, {**same, "reject_target": "to_client", "reject": ["tcp-reset"], "rule": "no"}),
            (4, {**same, "reject_target": "both", "reject": ["tcp-reset"], "rule": "bad"}),
            (5, {**same, "reject_target": "to_client", "reject": ["icmp-prohib"], "rule": "no"})], "the verdicts")

    def a_question_is_told_and_what_came_of_it(self):
        packets = [(BEGIN_US + n, rawip.udp(A, B, 5000, 53, b"q%d" % n)) for n in range(3)]
        rules = [{"id": "who", "match": {"udp.port": 53},
                  "verdict": {"ask": {"timeout_ms": 40, "on_timeout": "drop"}}}]
        events, _ = self.run(rules, rawip.capture(packets), "-q")
        told = [(each.get("pcap_cnt"), each["pktmod"].get("event"), each.get("verdict", {}).get("reason"))
                for each in events if each["event_type"] != "flow"]
        self.equal(told, [(1, "flow_start", None), (1, "ask", "asked"), (1, "answer", "ask_timeout"),
                          (1, None, "ask_timeout"), (2, None, "ask_timeout"), (3, None, "ask_timeout")], "the events")
        self.equal(self.own(events, "ask")[0]["pktmod"], {"event": "ask", "dir": "out", "ask_id": 1,
                                                          "timeout_ms": 40.0}, "the question")

    def a_rule_that_is_tried_dry_is_told(self):
        rules = [{"id": "would", "match": {"udp.port": 53}, "verdict": "drop", "mode": "dry-run"}]
        events, report = self.run(rules, rawip.capture([(BEGIN_US, rawip.udp(A, B, 5000, 53, b"q"))]))
        self.equal(self.own(events, "dry_run")[0]["verdict"],
                   {"action": "drop", "scope": "packet", "rule": "would", "reason": "rule"}, "the verdict")
        self.equal((len(self.of_type(events, "drop")), report["verdicts"]["drop"]["packets"]), (0, 0), "no drop")

    def a_rewrite_that_is_tried_dry_is_told_with_its_bytes(self):
        capture = rawip.capture([(BEGIN_US, rawip.udp(A, B, 5000, 514, b"user=bob pass=x1"))])
        rules = [{"id": "real", "match": {}, "rewrite": [{"replace": {"find": "bob", "with": "eve"}}]},
                 {"id": "hide", "match": {}, "mode": "dry-run", "log": {"payload": "diff"},
                  "rewrite": [{"replace": {"find": "pass", "with": "p"}}, {"set": {"ip.ttl": 9}}]}]
        events, report = self.run(rules, capture)
        self.equal([each["rewrite"] for each in self.own(events, "rewrite")],
                   [[{"rule": "real", "op": "replace", "offset": 5, "old_len": 3, "new_len": 3}]], "what was made")
        dry = self.own(events, "dry_run")
        self.equal([each["rewrite"] for each in dry], [
            [{"rule": "hide", "op": "replace", "dry_run": True, "offset": 9, "old_len": 4, "new_len": 1},
             {"rule": "hide", "op": "header", "dry_run": True}]], "what would have been")
        self.equal(dry[0]["pktmod"]["diff"], {"offset": 5, "old": b"bob pass".hex(), "new": b"eve p".hex()},
                   "with the rules that are in force")
        self.equal([(rule["id"], rule.get("dry_run"), rule["packets"], rule["edits"], rule["grown_bytes"])
                    for rule in report["rules"]], [("real", None, 1, 1, 0), ("hide", True, 1, 1, -3)], "the report")
        text = subprocess.run([self.pktmod, "replay", str(self.folder / "rules.json"), "-r",
                               str(self.folder / "in.cap")], capture_output=True, text=True, check=True).stdout
        self.expect("    dry run: would change 1 packet, -3 bytes\n" in text, f"the report as text: {text}")

    def a_dry_run_reports_what_force_makes(self):
        """Random streams and datagrams, cut and repeated at random: the oracle is the rule in force."""
        for seed in range(25):
            dice, packets, sent = random.Random(seed), [], b""
            packets.append(rawip.tcp(A, B, 4000, 80, SYN, 100))
            packets.append(rawip.tcp(B, A, 80, 4000, SYN | ACK, 500, ack=101))
            for _ in range(20):
                piece = bytes(dice.choice(b"ab.") for _ in range(dice.randrange(1, 9)))
                packets.append(rawip.tcp(A, B, 4000, 80, ACK | PSH, 101 + len(sent), piece, ack=501))
                if dice.random() < .2:
                    packets.append(packets[-1])
                sent += piece
                packets.append(rawip.udp(A, B, 5000, 514, bytes(dice.choice(b"ab.") for _ in range(9))))
            capture = rawip.capture([(BEGIN_US + 100 * n, each) for n, each in enumerate(packets)])
            found = [{"id": "stream", "match": {"tcp.port": 80}, "rewrite": [
                         {"replace": {"find": "ab", "with": dice.choice(["", "x", "xyzzy"])}}]},
                     {"id": "packet", "match": {"udp.dstport": 514}, "rewrite": [
                         {"replace": {"find": "aa", "with": dice.choice(["", "q", "twice"])}}, {"add": {"ip.ttl": -1}}]}]
            out, seen = self.folder / "out.cap", []
            for mode in ("enforce", "dry-run"):
                _, report = self.run([{**rule, "mode": mode} for rule in found], capture, "-w", str(out))
                seen.append([{k: v for k, v in rule.items() if k != "dry_run"} for rule in report["rules"]])
            self.equal(seen[1], seen[0], f"seed {seed}: the rules")
            self.expect(seen[0][0]["edits"] > 0 and seen[0][1]["edits"] > 0, "something to find")
            self.equal(out.read_bytes(), capture, f"seed {seed}: what left")

    def a_drop_after_rewriting_is_told_and_kept(self):
        packets = [(BEGIN_US + n, rawip.udp(A, B, 5000, 514, word)) for n, word in enumerate([b"first", b"second"])]
        rules = [{"id": "swap", "match": {}, "rewrite": [{"replace": {"find": "first", "with": "overlong"}}]},
                 {"id": "seen", "match": {"payload": "second"}, "verdict": "allow", "log": True,
                  "stage": "after-rewrite"},
                 {"id": "swapped", "match": {"payload": "overlong"}, "verdict": "drop", "stage": "after-rewrite"}]
        gone, out = self.folder / "gone.cap", self.folder / "out.cap"
        events, report = self.run(rules, rawip.capture(packets), "--dropped", str(gone), "-w", str(out))
        drop, = self.of_type(events, "drop")
        self.equal((drop["pcap_cnt"], drop["verdict"], drop["pktmod"]["engine"]),
                   (1, {"action": "drop", "scope": "packet", "rule": "swapped", "reason": "rule"}, "after_rewrite"),
                   "the drop")
        self.equal(self.own(events, "rewrite"), [], "nothing that left was changed")
        self.equal([(each["pcap_cnt"], each["alert"]["signature"]) for each in self.of_type(events, "alert")],
                   [(2, "seen")], "the rule that logs")
        self.equal(self.of_type(events, "flow")[0]["pktmod"], {"dropped": 1, "rewritten": 0}, "the flow")
        self.equal(report["why"]["after_rewrite"]["rule"], 2, "the report")
        self.equal(gone.read_bytes()[-8:], b"overlong", "as it was to leave")
        self.equal(out.read_bytes(), rawip.capture(packets[1:]), "the rest")

    def what_waited_and_is_dropped_then_is_told(self):
        packets = [(BEGIN_US, rawip.tcp(A, B, 4000, 80, SYN, 100)),
                   (BEGIN_US + 20, rawip.tcp(A, B, 4000, 80, ACK | PSH, 111, b"a secret", ack=501))]
        rules = [{"id": "word", "match": {"tcp.port": 80}, "rewrite": [{"replace": {"find": "secret", "with": "x"}}]},
                 {"id": "late", "match": {"payload": "a x"}, "verdict": "drop", "stage": "after-rewrite"}]
        gone = self.folder / "gone.cap"
        events, _ = self.run(rules, rawip.capture(packets), "--dropped", str(gone))
        drop, = self.of_type(events, "drop")
        self.equal((drop["pcap_cnt"], drop["flow_id"], drop["src_port"], drop["drop"]["tcpseq"],
                    drop["pktmod"]["engine"]), (2, 1, 4000, 111, "after_rewrite"), "the drop")
        self.equal(gone.read_bytes()[-3:], b"a x", "as it was to leave")

    def policy_default_drops_without_a_rule(self):
        capture = rawip.capture([(BEGIN_US, rawip.icmp("2001:db8::1", "2001:db8::2", 128, 0))])
        events, _ = self.run([], capture, policy={"default": "drop"})
        drop = self.of_type(events, "drop")[0]
        self.equal(drop["verdict"], {"action": "drop", "reason": "default"}, "the verdict")
        self.equal((drop["icmp_type"], drop["icmp_code"], drop["proto"]), (128, 0, "IPv6-ICMP"), "ICMP")
        self.equal(drop["drop"], {"len": 12, "tc": 0, "hoplimit": 64, "flowlbl": 0, "icmp_id": 1, "icmp_seq": 2,
                                  "reason": "default"}, "headers")

    def a_rewrite_is_told_with_its_edits_and_bytes(self):
        packets = [(BEGIN_US, rawip.udp(A, B, 5000, 514, b"user=bob pass=x1 pass=x2.")),
                   (BEGIN_US + 5, rawip.udp(A, B, 5000, 514, b"nothing")),
                   (BEGIN_US + 9, rawip.udp(A, B, 5000, 514, b"pass=x3"))]
        rule = {"id": "hide", "match": {"udp.dstport": 514}, "log": {"payload": "diff", "level": "warning"},
                "rewrite": [{"set": {"ip.ttl": 9}}, {"replace": {"find": "pass=", "with": "p:"}}]}
        events, _ = self.run([rule], rawip.capture(packets))
        first, second, third = self.own(events, "rewrite")
        self.equal(first["rewrite"], [
            {"rule": "hide", "op": "replace", "offset": 9, "old_len": 5, "new_len": 2},
            {"rule": "hide", "op": "replace", "offset": 17, "old_len": 5, "new_len": 2},
            {"rule": "hide", "op": "header"}], "the edits")
        self.equal(first["verdict"], {"action": "allow", "reason": "default"}, "the verdict")
        self.equal(first["alert"], {"action": "allowed", "signature": "hide", "severity": 2}, "the alert")
        self.equal(first["pktmod"]["diff"], {"offset": 10, "old": b"ass=x1 pass=".hex(), "new": b":x1 p:".hex()},
                   "the difference")
        self.equal((second["rewrite"], "diff" in second["pktmod"]), ([{"rule": "hide", "op": "header"}], False),
                   "a packet whose headers alone changed")
        self.equal(third["pktmod"]["diff"], {"offset": 1, "old": b"ass=".hex(), "new": b":".hex()}, "the third")
        self.equal(self.of_type(events, "flow")[0]["pktmod"], {"dropped": 0, "rewritten": 3}, "the flow")

    def waiting_that_is_given_up_is_told(self):
        packets = [(BEGIN_US, rawip.tcp(A, B, 4000, 80, SYN, 100)),
                   (BEGIN_US + 10, rawip.tcp(B, A, 80, 4000, SYN | ACK, 500, ack=101)),
                   (BEGIN_US + 20, rawip.tcp(A, B, 4000, 80, ACK | PSH, 101, b"a sec", ack=501)),
                   (BEGIN_US + 900000, rawip.tcp(A, B, 4000, 80, ACK | PSH, 106, b"ret secret", ack=501))]
        rule = {"id": "word", "match": {"tcp.port": 80}, "rewrite": [{"replace": {"find": "secret", "with": "x"}}]}
        events, _ = self.run([rule], rawip.capture(packets), policy={"hold_ms": 20})
        release = self.own(events, "hold_release")[0]
        self.equal(release["pktmod"], {"event": "hold_release", "reason": "hold_timeout", "dir": "out", "offset": 5,
                                       "len": 3}, "the release")
        self.equal((release["timestamp"], release["flow_id"], release["src_port"], release["pcap_cnt"]),
                   ("2026-01-01T00:00:00.020020+0000", 1, 4000, 3), "whom it is about")
        self.equal([each["pcap_cnt"] for each in self.own(events, "rewrite")], [4], "the match that was found")

    def bytes_that_waited_are_told_late(self):
        """Bytes before them never come, so they leave at the end."""
        packets = [(BEGIN_US, rawip.tcp(A, B, 4000, 80, SYN, 100)),
                   (BEGIN_US + 20, rawip.tcp(A, B, 4000, 80, ACK | PSH, 111, b"a secret", ack=501))]
        rule = {"id": "word", "match": {"tcp.port": 80}, "rewrite": [{"replace": {"find": "secret", "with": "x"}}]}
        events, _ = self.run([rule], rawip.capture(packets))
        rewrite = self.own(events, "rewrite")[0]
        self.equal((rewrite["pcap_cnt"], rewrite["flow_id"], rewrite["pktmod"]["late"]), (2, 1, True), "the rewrite")
        self.equal(rewrite["rewrite"], [{"rule": "word", "op": "replace", "offset": 12, "old_len": 6, "new_len": 1}],
                   "the edit")

    def flows_end_as_the_filter_forgets_them(self):
        second = 1000000
        packets = [(BEGIN_US, rawip.udp(A, B, 1111, 2222, b"1")),
                   (BEGIN_US + second, rawip.udp(B, A, 2222, 1111, b"22")),
                   (BEGIN_US + 20 * second, rawip.udp(A, B, 1111, 2222, b"3"))]
        events, report = self.run([], rawip.capture(packets), policy={"flow_idle_s": 10})
        flows = self.of_type(events, "flow")
        self.equal([(f["flow_id"], f["flow"]["reason"], f["flow"]["state"], f["timestamp"][17:19]) for f in flows],
                   [(1, "timeout", "established", "11"), (2, "shutdown", "new", "20")], "idle flows")
        self.equal((flows[0]["flow"]["age"], flows[0]["flow"]["bytes_toclient"]), (1, 30), "the first")
        self.equal(report["flows"], 2, "flows of the filter")

        talk = [rawip.tcp(A, B, 4000, 80, SYN, 1), rawip.tcp(B, A, 80, 4000, SYN | ACK, 9, ack=2),
                rawip.tcp(A, B, 4000, 80, RST, 2), rawip.tcp(A, B, 4000, 80, SYN, 7)]
        events, _ = self.run([], rawip.capture([(BEGIN_US + n, each) for n, each in enumerate(talk)]))
        flows = self.of_type(events, "flow")
        self.equal([(f["flow"]["reason"], f["flow"]["state"], f["tcp"]["tcp_flags"]) for f in flows],
                   [("tcp_reuse", "closed", "16"), ("shutdown", "new", "02")], "a connection that replaces one")

        crowd = [rawip.udp(A, B, 1000 + n, 53, b"?") for n in range(5)]
        crowd.insert(1, rawip.tcp(A, B, 4000, 80, SYN, 1))
        events, _ = self.run([], rawip.capture([(BEGIN_US + n, each) for n, each in enumerate(crowd)]),
                             policy={"flows": 3})
        self.equal([(f["flow_id"], f["flow"]["reason"]) for f in self.of_type(events, "flow")],
                   [(2, "forced"), (1, "forced"), (3, "forced"), (4, "shutdown"), (5, "shutdown"), (6, "shutdown")],
                   "half-open ones make room first")

    def a_crowded_table_ends_each_flow_once(self):
        """Forgotten too early, a flow would end twice; too late, another would not begin."""
        for seed in range(6):
            dice, packets, time_us = random.Random(seed), [], BEGIN_US
            for _ in range(1500):
                time_us += dice.choice([1, 1000, 300000])
                ends = (A, B, 1000 + dice.randrange(9), 80) if dice.random() < .5 else (B, A, 80, 1000 + dice.randrange(9))
                if dice.random() < .2:
                    packets.append((time_us, rawip.udp(*ends, b"x")))
                elif dice.random() < .05:
                    packets.append((time_us, rawip.icmp(A, f"10.0.0.{dice.randrange(9)}", 8, 0)))
                else:
                    flags = dice.choice([SYN, SYN | ACK, ACK, ACK, FIN | ACK, RST])
                    packets.append((time_us, rawip.tcp(*ends, flags, dice.randrange(9))))
            events, report = self.run([], rawip.capture(packets), policy={"flows": 3 + seed, "flow_idle_s": 1})
            self.check_totals(events, report)

    def log_says_what_is_told(self):
        packets = [(BEGIN_US + n * 100000, rawip.udp(A, B, 5000, 53, b"query %02d" % n)) for n in range(30)]
        capture = rawip.capture(packets)
        hex_rule = {"id": "seen", "match": {"udp.port": 53}, "log_only": True,
                    "log": {"level": "alert", "payload": "hex", "max_bytes": 6, "rate": "5/s"}}
        events, report = self.run([hex_rule], capture)
        alerts = self.of_type(events, "alert")
        self.equal(report["rules"][0]["packets"], 30, "all are counted")
        self.equal(alerts[0]["alert"], {"action": "allowed", "signature": "seen", "severity": 1}, "the alert")
        self.equal((alerts[0]["pktmod"]["payload"], alerts[0]["pktmod"]["payload_len"]), (b"query ".hex(), 8),
                   "the payload")
        tokens, wanted = 5.0, []
        for number in range(30):  # the oracle: a bucket of five, five more each second
            tokens = min(5.0, tokens + 0.5) if number else 5.0
            if tokens >= 0.999999:
                tokens -= 1
                wanted.append(number + 1)
        self.equal([each["pcap_cnt"] for each in alerts], wanted, "the rate")
        told = len(alerts) + sum(each["pktmod"].get("suppressed", 0) for each in alerts)
        self.expect(alerts[-1]["pcap_cnt"] <= told <= 30, f"what was not told is counted: {told}")

        events, _ = self.run([{"id": "q", "match": {"udp.port": 53}, "verdict": "drop", "log": False}], capture)
        self.equal({each["event_type"] for each in events if "pcap_cnt" in each}, {"pktmod"}, "log: false")
        self.equal(self.of_type(events, "flow")[0]["pktmod"]["dropped"], 30, "and yet counted")
        events, _ = self.run([{"id": "q", "match": {"udp.port": 53}, "verdict": "allow"}], capture)
        self.equal(len(events), 2, "what is allowed is no event")
        events, _ = self.run([{"id": "q", "match": {"udp.port": 53}, "verdict": "allow", "log": True}], capture)
        self.equal(len(self.of_type(events, "alert")), 30, "unless the rule logs")
        self.equal(self.of_type(events, "flow")[0]["flow"]["alerted"], True, "alerted")

    def a_delay_is_told(self):
        rule = {"id": "slow", "match": {"udp.port": 53}, "verdict": {"delay": {"ms": 20}}}
        capture = rawip.capture([(BEGIN_US, rawip.udp(A, B, 5000, 53, b"q"))])
        events, _ = self.run([rule], capture)
        delay = self.own(events, "delay")[0]
        self.equal(delay["pktmod"], {"event": "delay", "dir": "out", "delay_ms": 20.0}, "the delay")
        self.equal(self.of_type(events, "flow")[0]["timestamp"][-11:-5], "020000", "time has passed at the end")

    def community_ids_are_those_of_the_specification(self):
        sctp = struct.pack("!HHII", 2905, 2906, 0, 0)
        six = ("2001:db8::5", "2001:db8::4")
        packets = [(rawip.tcp(B, A, 80, 4000, ACK, 1), community_id(B, A, 6, (80, 4000), 7)),
                   (rawip.udp(*six, 53, 53, b""), community_id(*six, 17, (53, 53), 7)),
                   (rawip.icmp(A, B, 8, 0), community_id(A, B, 1, (8, 0), 7)),
                   (rawip.icmp(B, A, 0, 0), community_id(A, B, 1, (8, 0), 7)),
                   (rawip.ip(B, A, 132, sctp), community_id(B, A, 132, (2905, 2906), 7)),
                   (rawip.ip(B, A, 47, b"\0" * 8), community_id(B, A, 47, None, 7))]
        capture = rawip.capture([(BEGIN_US + n, each[0]) for n, each in enumerate(packets)])
        events, _ = self.run([], capture, "--community-seed", "7", policy={"default": "drop"})
        got = [each["community_id"] for each in self.of_type(events, "drop")]
        self.equal(got, [each[1] for each in packets], "the IDs")

    def any_bytes_are_valid_json(self):
        dice = random.Random(7)
        name = bytes([0xff, 0x22, 0x5c, 0x0a, 0x01, 0xc3, 0xa9, 0x80])

        def block(kind, body):
            body += b"\0" * (-len(body) % 4)
            return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))

        def packet():
            data = bytearray(dice.choice([
                rawip.tcp(A, B, dice.randrange(4), 80, dice.randrange(64), dice.randrange(99), b"a secret"),
                rawip.udp("2001:db8::1", "2001:db8::2", 53, dice.randrange(3), b"secret" * 3),
                rawip.icmp(A, B, dice.randrange(20), 0), dice.randbytes(dice.randrange(80))]))
            for _ in range(dice.choice([0, 0, 1, 3])):
                if data:
                    data[dice.randrange(len(data))] = dice.randrange(256)
            return bytes(data[:dice.randrange(len(data) + 1)] if dice.random() < .2 else data)

        blocks = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
                  block(1, struct.pack("<HHI", 101, 0, 0) + struct.pack("<HH", 2, len(name)) + name + b"\0" * 4)]
        for number in range(3000):
            data = packet()
            ticks = BEGIN_US + 1000 * number
            blocks.append(block(6, struct.pack("<IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(data),
                                               len(data) + dice.choice([0, 0, 9])) + data))
        rules = [{"id": "l", "match": {}, "log_only": True, "log": {"payload": "hex"}},
                 {"id": "d", "match": {"udp.port": 1}, "verdict": "drop", "log": {"payload": "hex"}},
                 {"id": "w", "match": {}, "verdict": {"delay": {"ms": 3}}},
                 {"id": "r", "match": {}, "log": {"payload": "diff"},
                  "rewrite": [{"replace": {"find": "secret", "with": "?"}}]}]
        events, report = self.run(rules, b"".join(blocks))
        packets = [each for each in events if "in_iface" in each]
        self.expect({each["in_iface"] for each in packets} == {"\ufffd\"\\\n\x01\u00e9\ufffd"}, "the interface's name")
        self.equal(len(self.of_type(events, "alert")), 3000, "every packet is seen")
        self.check_totals(events, report)

    def check_totals(self, events, report):
        """What events say, added up, is what the report says."""
        flows = self.of_type(events, "flow")
        drops = self.of_type(events, "drop")
        self.equal(len(flows), report["flows"], "flows")
        self.equal(len({each["flow_id"] for each in flows}), len(flows), "each ends once")
        self.equal(len(self.own(events, "flow_start")), len(flows), "each begins once")
        by_filter = [each for each in drops if each["pktmod"]["engine"] == "filter"]
        self.equal(len(by_filter), report["verdicts"]["drop"]["packets"], "drops")
        rewriter = report.get("rewritten", {"dropped": 0})
        self.equal(len(drops) - len(by_filter), rewriter["dropped"], "drops of the rewriter")
        self.equal(sum(each["pktmod"]["dropped"] for each in flows),
                   sum("flow_id" in each for each in drops), "drops of the flows")
        packets = sum(each["flow"]["pkts_toserver"] + each["flow"]["pkts_toclient"] for each in flows)
        self.expect(packets <= report["capture"]["packets"], "packets of flows")

    def demo_adds_up(self):
        rules = json.loads(DEMO.with_suffix(".json").read_text())["rules"]
        events, report = self.run(rules, DEMO)
        self.check_totals(events, report)
        packets = sum(each["flow"]["pkts_toserver"] + each["flow"]["pkts_toclient"]
                      for each in self.of_type(events, "flow"))
        self.equal(packets, report["capture"]["packets"], "packets of flows")

    def what_was_dropped_stands_in_a_capture_of_its_own(self):
        rules = [{"id": "telnet", "match": {"tcp.port": 23}, "verdict": "drop"}]
        kept, dropped = self.folder / "kept.pcapng", self.folder / "dropped.pcapng"
        events, report = self.run(rules, DEMO, "-w", str(kept), "--dropped", str(dropped))
        came = captures.read_all(str(DEMO))[0]
        left, gone = captures.read_all(str(kept))[0], captures.read_all(str(dropped))[0]
        self.equal(len(gone), report["verdicts"]["drop"]["packets"], "as many as were dropped")
        self.equal(sorted(left + gone), sorted(came), "none is lost, none changed")
        frames = [each["pcap_cnt"] for each in self.of_type(events, "drop")]
        self.equal([came[number - 1] for number in frames], gone, "in their order")
        if shutil.which("tshark"):
            told = subprocess.run(["tshark", "-r", str(dropped), "-T", "fields", "-e", "frame.packet_id", "-e",
                                   "frame.packet_flags_direction", "-e", "frame.comment"],
                                  capture_output=True, text=True, check=True).stdout.splitlines()
            self.equal([line.split("\t")[0] for line in told], [str(each) for each in frames], "packet ids")
            self.expect(all(line.endswith("\tpktmod: drop by telnet") for line in told), f"comments: {told}")
            self.expect(all("0x0000000" in line for line in told), "directions")

    def outputs_do_not_destroy_each_other(self):
        path = self.folder / "rules.json"
        path.write_text('{"pktmod": 1, "rules": []}')
        same = str(self.folder / "same")
        cases = [(["-w", same, "--events", same], "same: is an input or another output"),
                 (["-w", "-", "--events", "-"], "2 outputs are standard output; it takes one"),
                 (["--events", str(path)], "rules.json: is an input or another output"),
                 (["--dropped", "/nowhere/x"], "/nowhere/x: cannot be written: No such file"),
                 (["--community-seed", "65536"], "--community-seed is a number from 0 to 65535"),
                 (["--events", "/dev/full"], "/dev/full: cannot be written: No space left on device; the events "
                                             "there are not whole")]
        for arguments, wanted in cases:
            done = subprocess.run([self.pktmod, "replay", str(path), "-r", str(DEMO), *arguments],
                                  capture_output=True, check=False, timeout=60)
            self.equal(done.returncode, 2, f"exit of {arguments}")
            self.expect(wanted in done.stderr.decode(), f"{arguments}: {done.stderr.decode()}")

    def run_all(self):
        stories = [name for name, member in vars(Events).items()
                   if callable(member) and name[0] != "_" and name not in
                   ("expect", "equal", "run", "own", "of_type", "check_totals", "run_all")]
        for self.story in stories:
            getattr(self, self.story)()
        print(f"{len(stories)} stories, {self.faults} failed expectations")


def main():
    with tempfile.TemporaryDirectory() as folder:
        events = Events(str(pathlib.Path(sys.argv[1]).resolve()), folder)
        events.run_all()
    sys.exit(1 if events.faults else 0)


if __name__ == "__main__":
    main()
