#!/usr/bin/env python3
"""html_report.py PKTMOD - the page that `pktmod replay --report` writes, story by story.

    html_report.py PKTMOD --browser    opened in headless Chromium instead; 77 where there is none
"""
import argparse
import html.parser
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import rawip  # noqa: E402

ROOT = HERE.parent
DEMO = ROOT / "app" / "demo"
BEGIN_US = 1767225600000000
SYN, ACK = 2, 16
A, B = "192.0.2.1", "198.51.100.7"
VOID = {"meta", "rect", "line"}
TAGS = VOID | set("html head title style body header p h1 h2 h3 nav ul li a main section dl dt dd div table thead "
                  "tbody tr th td figure figcaption svg g text details summary article span b i code pre del ins bdi "
                  "strong footer".split())
# What may stand in an attribute; nothing of it comes from a capture or a rule file.
ATTRIBUTES = set("lang charset name content http-equiv id class href scope role tabindex style width height x y x1 "
                 "x2 y1 y2 viewbox text-anchor aria-label aria-labelledby aria-hidden".split())


class Page(html.parser.HTMLParser):
    """Reads a page strictly: every tag known, closed in order; keeps the text of each section."""

    def __init__(self, data):
        super().__init__(convert_charrefs=True)
        self.faults, self.stack, self.ids, self.links = [], [], [], []
        self.sections, self.words, self.cards, self.pending = {}, [], {}, []
        if not data.startswith(b"<!DOCTYPE html>\n"):
            self.faults.append("no doctype")
        self.feed(data.decode("utf-8"))
        self.close()
        if self.stack:
            self.faults.append(f"left open: {self.stack}")
        if len(set(self.ids)) != len(self.ids):
            self.faults.append(f"an id twice: {self.ids}")
        self.faults += [f"link to nowhere: {link}" for link in self.links if link not in self.ids]
        self.text = "".join(self.words)

    def handle_starttag(self, tag, attrs):
        if tag not in TAGS:
            self.faults.append(f"tag {tag} {attrs}")
        for name, value in attrs:
            if name not in ATTRIBUTES:
                self.faults.append(f"attribute {name}={value} of {tag}")
            if name == "id":
                self.ids.append(value)
            if name == "href":
                self.links.append(value[1:] if value.startswith("#") else f"outside: {value}")
        if tag not in VOID:
            self.stack.append((tag, dict(attrs).get("id")))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.faults.append(f"{tag} closes itself")

    def handle_endtag(self, tag):
        if not self.stack or self.stack[-1][0] != tag:
            self.faults.append(f"</{tag}> closes {self.stack[-1:]}")
        else:
            self.stack.pop()

    def handle_data(self, data):
        self.words.append(data)
        for tag, name in self.stack:
            if tag == "section":
                self.sections[name] = self.sections.get(name, "") + data
        inner = self.stack[-1][0] if self.stack else ""
        if inner == "dt":
            self.pending = [data]
        elif inner == "dd" and self.pending:
            self.cards.setdefault(self.pending.pop(), data)

    def handle_comment(self, data):
        self.faults.append(f"comment {data}")


class Stories:
    def __init__(self, pktmod, folder):
        self.pktmod, self.folder, self.faults = pktmod, pathlib.Path(folder), 0

    def expect(self, good, what):
        if not good:
            self.faults += 1
            print(f"FAIL {what}", flush=True)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return str(path)

    def replay(self, rules, capture, *more, expect_code=0, name="page.html"):
        """The page as bytes, and the report that stands beside it."""
        path = self.folder / name
        done = subprocess.run([self.pktmod, "replay", rules, "-r", capture, "--report", str(path), "--format", "json",
                               *more], capture_output=True, timeout=120, check=False)
        self.expect(done.returncode == expect_code, f"{capture}: exit {done.returncode}: {done.stderr.decode()}")
        return path.read_bytes(), json.loads(done.stdout or b"{}")

    def read(self, data, what):
        page = Page(data)
        self.expect(not page.faults, f"{what}: {page.faults[:5]}")
        text = data.decode()
        self.expect(not re.search(r"https?:|//|url\(|@import|<script", text), f"{what}: looks outside")
        self.expect(re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text) is None, f"{what}: has control characters")
        return page

    # ---------------------------------------------------------------- stories

    def page_says_what_the_report_says(self):
        data, report = self.replay(str(DEMO / "demo.json"), str(DEMO / "demo.pcapng"))
        page = self.read(data, "demo")
        verdicts = report["verdicts"]
        for card, count in (("packets in", report["capture"]["packets"]), ("flows", report["flows"]),
                            ("allowed", verdicts["allow"]["packets"]), ("dropped", verdicts["drop"]["packets"]),
                            ("packets out", report["output"]["packets"])):
            self.expect(page.cards.get(card) == str(count), f"card {card}: {page.cards.get(card)}, not {count}")
        fired, _, idle = page.sections["rules"].partition("Never fired")
        for rule in report["rules"]:
            self.expect(rule["id"] in (fired if rule["packets"] else idle), f"rule {rule['id']} in its place")
        edits = sum(rule.get("edits", 0) for rule in report["rules"])
        self.expect(edits > 0 and page.sections["edits"].count("before") >= edits, f"{edits} edits with their bytes")
        for engine in report["why"].values():
            for why in engine:
                self.expect(why == "none" or why in page.sections["reasons"], f"reason {why}")

    def same_replay_writes_the_same_page(self):
        first, _ = self.replay(str(DEMO / "demo.json"), str(DEMO / "demo.pcapng"))
        again, _ = self.replay(str(DEMO / "demo.json"), str(DEMO / "demo.pcapng"), name="again.html")
        done = subprocess.run([self.pktmod, "replay", str(DEMO / "demo.json"), "-r", str(DEMO / "demo.pcapng"), "-q",
                               "--report", "-"], capture_output=True, timeout=120, check=True)
        self.expect(first == again, "twice the same")
        self.expect(first == done.stdout, "on standard output the same")

    def every_case_makes_a_sound_page(self):
        count = 0
        for case in sorted((HERE / "cases").iterdir()):
            capture = next((path for path in sorted(case.glob("in.*"))), None) if case.is_dir() else None
            if capture is None or not (case / "rules.json").exists():
                continue
            path = self.folder / "case.html"
            done = subprocess.run([self.pktmod, "replay", str(case / "rules.json"), "-r", str(capture), "-q",
                                   "--report", str(path)], capture_output=True, timeout=120, check=False)
            self.expect(done.returncode in (0, 2), f"{case.name}: exit {done.returncode}: {done.stderr.decode()}")
            self.read(path.read_bytes(), case.name)
            count += 1
        self.expect(count >= 30, f"only {count} cases")

    def bytes_before_and_after_are_shown(self):
        rules = self.write("bytes.json", {"pktmod": 1, "rules": [
            {"id": "word", "match": {"udp.port": 7}, "rewrite": [{"replace": {"find": "abcXdef", "with": "abcYYdef"}}]},
            {"id": "ttl", "match": {"udp.port": 9}, "rewrite": [{"set": {"ip.ttl": 9}}]}]})
        capture = self.write("bytes.pcap", rawip.capture([
            (BEGIN_US, rawip.udp(A, B, 1000, 7, b"<abcXdef>")), (BEGIN_US + 5, rawip.udp(A, B, 1000, 9, b"x"))]))
        data, _ = self.replay(rules, capture)
        self.read(data, "bytes")
        text = data.decode()
        self.expect("abc<del>X</del>def" in text and "abc<ins>YY</ins>def" in text, "what changed is marked in text")
        self.expect("61 62 63 <del>58</del> 64" in text, "and in hex")
        self.expect("<b>frame 1</b>" in text and "<b>frame 2</b>" in text, "frames are named")
        self.expect("byte 8 of the packet" in text and "<del>40</del>" in text and "<ins>09</ins>" in text,
                    "bytes of the header")

    def dry_runs_and_late_drops_are_named(self):
        rules = self.write("dry.json", {"pktmod": 1, "rules": [
            {"id": "word", "match": {}, "mode": "dry-run", "rewrite": [{"replace": {"find": "abc", "with": "ab"}}]},
            {"id": "late", "match": {"udp.dstport": 9}, "verdict": "drop", "stage": "after-rewrite"}]})
        capture = self.write("dry.pcap", rawip.capture([
            (BEGIN_US, rawip.udp(A, B, 1000, 7, b"<abc>")), (BEGIN_US + 5, rawip.udp(A, B, 1000, 9, b"x"))]))
        data, _ = self.replay(rules, capture)
        page = self.read(data, "dry")
        edits = page.sections["edits"]
        self.expect("Nothing was edited." in edits and "1 edit of dry-run rules would have been made" in edits, edits)
        self.expect("word replace dry run" in edits, edits)
        self.expect(page.cards.get("dropped after rewriting") == "1", f"cards: {page.cards}")
        late = page.sections["reasons"].partition("After rewriting")[2]
        self.expect(re.search(r"rule\s*1\s*a rule decided", late) is not None, f"reasons: {late}")

    def hostile_input_stays_text(self):
        evil = "</title></script><script>alert('1')</script><img src=x onerror=\"alert(2)\">&lt;\u202e\x1b[31m\n"
        payload = b"</pre></script><script>alert(\"1\")</script>'\x00\x01\xff\xfe\xe2\x82&amp;"
        rules = self.write("</title><b>'&\"rules.json".replace("/", "_"), {"pktmod": 1, "name": evil, "rules": [
            {"id": "-.__script", "match": {"ip.proto": 17}, "rewrite": [{"replace": {"find": "script", "with": evil}}]}]})
        capture = self.write("<img src=x onerror='alert(1)'>&\"\x1b\x7f.pcap",
                             rawip.capture([(BEGIN_US, rawip.udp(A, B, 1000, 7, payload))]))
        data, _ = self.replay(rules, capture, name="hostile.html")
        page = self.read(data, "hostile")
        self.expect("<img src=x onerror='alert(1)'>&\"\u241b\u2421.pcap" in page.text, "the path as text")
        self.expect("<script>alert('1')</script>" in page.sections["summary"], "the name as text")
        self.expect("\ufffd\u241b[31m\u240a" in page.sections["summary"], "what cannot be seen is seen")
        data, _ = self.replay(rules, self.write("\udcff.pcap", pathlib.Path(capture).read_bytes()))
        self.expect("\ufffd.pcap" in self.read(data, "name that is no UTF-8").text, "a name that is no UTF-8")

    def page_is_bounded(self):
        rules = self.write("many.json", {"pktmod": 1, "policy": {"default": "allow"}, "rules": [
            {"id": "each", "match": {"udp.port": 7}, "rewrite": [{"replace": {"find": "secret", "with": "[x]"}}]},
            {"id": "last", "match": {"udp.port": 9}, "rewrite": [{"replace": {"find": "secret", "with": "[y]"}}]},
            *({"id": f"idle-{number}", "match": {"udp.port": 5000}, "verdict": "drop"} for number in range(2000))]})
        packets = [(BEGIN_US + number * 100, rawip.udp(f"10.0.{number >> 8}.{number & 255}", B, 1000, 7,
                                                       b"secret " * (1 + number % 20))) for number in range(8000)]
        packets.append((packets[-1][0] + 3600 * 1000000, rawip.udp(A, B, 1, 9, b"secret")))
        data, report = self.replay(rules, self.write("many.pcap", rawip.capture(packets)))
        page = self.read(data, "many")
        edits = sum(rule.get("edits", 0) for rule in report["rules"])
        self.expect(len(data) < 500000, f"{len(data)} bytes")
        self.expect(f"and {edits - 41:,} more edits" in page.sections["edits"], f"{edits} edits are counted")
        self.expect("frame 8001" in page.sections["edits"], "the rule that came last has its place")
        self.expect("and 7,951 more flows" in page.sections["flows"], "flows are counted")
        self.expect("and 1,500 more rules that never fired" in page.sections["rules"], "rules are counted")
        self.expect("10.0.0.19:1000" in page.sections["flows"], "the flows with most bytes are there")
        self.expect("8,001 allowed" in page.sections["time"], "an hour's gap loses no packet")

    def refused_edit_names_its_frame(self):
        rules = self.write("big.json", {"pktmod": 1, "rules": [
            {"id": "grow", "match": {"ip.proto": 17}, "rewrite": [{"replace": {"find": "word", "with": "w" * 100}}]}]})
        packets = [(BEGIN_US, rawip.udp("2001:db8::1", "2001:db8::2", 1, 7, b"word" + b"." * 1440)),
                   (BEGIN_US + 1, rawip.udp("2001:db8::1", "2001:db8::2", 1, 7, b"nothing"))]
        data, report = self.replay(rules, self.write("big.pcap", rawip.capture(packets * 20)))
        page = self.read(data, "refused")
        refused = page.sections["refused"]
        why = [name for name in ("too_big", "refused") if report["why"]["rewriter"].get(name)]
        self.expect(why and why[0] in refused, f"the reason: {report['why']} {refused}")
        self.expect("1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23 and 8 more" in refused, f"its frames: {refused}")
        self.expect(page.cards.get("refused") == "20", f"how many: {page.cards}")

    def every_kind_of_verdict_has_its_name(self):
        match = {"ip.proto": 17}
        rules = self.write("kinds.json", {"pktmod": 1, "rules": [
            {"id": "told", "match": {**match, "udp.port": 7}, "verdict": {"reject": "auto"}},
            {"id": "asked", "match": {**match, "udp.port": 9}, "verdict": {"ask": {"timeout_ms": 5, "on_timeout": "allow"}}}]})
        packets = [(BEGIN_US + port, rawip.udp(A, B, 1000, port, b"x")) for port in (7, 9, 10)]
        page = self.read(self.replay(rules, self.write("kinds.pcap", rawip.capture(packets)))[0], "kinds")
        for word in ("1 rejected", "1 asked about", "1 allowed"):
            self.expect(word in page.sections["time"], word)
        self.expect("toldreject" in page.sections["rules"] and "askedask" in page.sections["rules"], "actions by name")

    def capture_may_be_empty_or_damaged(self):
        rules = self.write("drop.json", {"pktmod": 1, "rules": [{"id": "d", "match": {"ip.proto": 17}, "verdict": "drop"}]})
        page = self.read(self.replay(rules, self.write("empty.pcap", rawip.capture([])))[0], "empty")
        self.expect("no packets" in page.sections["time"], "an empty capture is said to be")
        whole = rawip.capture([(BEGIN_US, rawip.udp(A, B, 1, 7, b"x")), (BEGIN_US + 1, rawip.udp(A, B, 1, 7, b"x"))])
        data, _ = self.replay(rules, self.write("half.pcap", whole[:-9]), expect_code=2)
        page = self.read(data, "damaged")
        self.expect("Damage:" in page.sections["summary"] and page.cards.get("packets in") == "1", "damage is told")
        self.expect("No rule rewrites" in page.sections["refused"], "nothing rewrites")

    def interrupted_run_leaves_a_page(self):
        rules = self.write("drop.json", {"pktmod": 1, "rules": [{"id": "d", "match": {"ip.proto": 17}, "verdict": "drop"}]})
        path = self.folder / "partial.html"
        with subprocess.Popen([self.pktmod, "replay", rules, "-r", "-", "-q", "--report", str(path)],
                              stdin=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            packets = [(BEGIN_US, rawip.udp(A, B, 1, 7, b"x"))] * 2000
            run.stdin.write(rawip.capture(packets))
            run.stdin.flush()
            time.sleep(2)
            run.send_signal(signal.SIGINT)
            code = run.wait(60)
            run.stdin.close()
        page = self.read(path.read_bytes(), "partial")
        self.expect(code == 130, f"exit {code}")
        self.expect("Partial: stopped by SIGINT" in page.sections["summary"], page.sections["summary"])

    def page_never_replaces_an_input(self):
        rules = self.write("drop.json", {"pktmod": 1, "rules": [{"id": "d", "match": {"ip.proto": 17}, "verdict": "drop"}]})
        capture = self.write("kept.pcap", rawip.capture([(BEGIN_US, rawip.udp(A, B, 1, 7, b"x"))]))
        before = pathlib.Path(capture).read_bytes()
        for target, word in ((capture, b"is an input"), (rules, b"is an input"),
                             (str(self.folder / "no" / "such.html"), b"cannot be written")):
            done = subprocess.run([self.pktmod, "replay", rules, "-r", capture, "-q", "--report", target],
                                  capture_output=True, timeout=60, check=False)
            self.expect(done.returncode == 2 and word in done.stderr, f"{target}: {done}")
        self.expect(pathlib.Path(capture).read_bytes() == before, "the capture is as it was")

    # ---------------------------------------------------------------- the browser

    def shoot(self, browser, page, *more):
        """First pixel, size and bytes of a screenshot. (With scripts off by a setting, headless Chromium takes none.)"""
        shot = self.folder / "shot.png"
        shot.unlink(missing_ok=True)
        subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                        f"--user-data-dir={self.folder}/profile", "--host-resolver-rules=MAP * ~NOTFOUND",
                        "--window-size=1200,2000", f"--screenshot={shot}", *more, page.as_uri()],
                       capture_output=True, timeout=180, check=False)
        data = shot.read_bytes()
        size = (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))
        pixels, at = b"", 8
        while at < len(data):
            length, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
            pixels += data[at + 8:at + 8 + length] if kind == b"IDAT" else b""
            at += 12 + length
        return zlib.decompress(pixels)[1:4], size, data

    def browser_shows_the_page(self, browser):
        self.replay(str(DEMO / "demo.json"), str(DEMO / "demo.pcapng"))
        page = self.folder / "page.html"
        light, size, light_shot = self.shoot(browser, page, "--blink-settings=preferredColorScheme=1")
        dark, _, dark_shot = self.shoot(browser, page, "--blink-settings=preferredColorScheme=0")
        self.expect(size == (1200, 2000), f"size {size}")
        self.expect(min(light) > 200, f"light is light: {light.hex()}")
        self.expect(max(dark) < 60, f"dark is dark: {dark.hex()}")
        self.expect(min(len(light_shot), len(dark_shot)) > 100000, "there is something to see")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("pktmod")
    parser.add_argument("--browser", action="store_true")
    options = parser.parse_args()
    browser = next((found for found in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if found), None)
    if options.browser and browser is None:
        print("skipped: no chromium here; tests/install.sh ci installs it")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        stories = Stories(str(pathlib.Path(options.pktmod).resolve()), folder)
        if options.browser:
            stories.browser_shows_the_page(browser)
        else:
            stories.page_says_what_the_report_says()
            stories.same_replay_writes_the_same_page()
            stories.bytes_before_and_after_are_shown()
            stories.hostile_input_stays_text()
            stories.page_is_bounded()
            stories.refused_edit_names_its_frame()
            stories.every_kind_of_verdict_has_its_name()
            stories.capture_may_be_empty_or_damaged()
            stories.interrupted_run_leaves_a_page()
            stories.page_never_replaces_an_input()
            stories.every_case_makes_a_sound_page()
    sys.exit(1 if stories.faults else 0)


if __name__ == "__main__":
    main()
