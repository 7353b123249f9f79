#!/usr/bin/env python3
"""runner.py PKTMOD [--update] - what pktmod test and create promise: each planted fault is told in exactly these
words; formats are what their readers take; the same bytes whatever -j is; nothing left behind.

The words, in runner.txt, are the same for every compiler and build, because each of them runs this.
--update writes them anew, for review.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
CASES = HERE / "cases"
PKTMOD = str(pathlib.Path(sys.argv[1]).resolve())
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "CI"}

FLOW = """tcp web 192.0.2.10:40000 > 198.51.100.20:80
web open
web > "GET /secret HTTP/1.1\\r\\n\\r\\n"
web < "HTTP/1.1 200 OK\\r\\n\\r\\nsecret"
web > close
"""
RULES = """{
  "pktmod": 1,
  "rules": [
    {"id": "hide", "match": {"tcp.port": 80}, "rewrite": [{"replace": {"find": "secret", "with": "hidden"}}]}
  ]
}
"""
SHOWS = '{"shows": "A secret is hidden."}\n'

failed = 0


def check(what, good, told=""):
    global failed
    if not good:
        failed += 1
        print(f"FAIL {what}\n{told}")


def same(what, got, wanted):
    if got != wanted:
        lines = zip(got.split("\n") + [None], wanted.split("\n") + [None])
        where = next((f"line {n}: got {a!r}\n    expected {b!r}\n" for n, (a, b) in enumerate(lines, 1)
                      if a != b), "")
        check(what, False, f"{where}--- got\n{got}---")


def run(*arguments, cwd, code=0, env=None):
    done = subprocess.run([PKTMOD, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120,
                          env={**ENVIRONMENT, **(env or {})}, check=False)
    check(f"exit of {' '.join(arguments)}", done.returncode == code,
          f"exit {done.returncode}, expected {code}\n{done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def make_case(folder, rules=RULES, flow=FLOW, shows=SHOWS):
    folder.mkdir(parents=True)
    (folder / "rules.json").write_text(rules)
    (folder / "in.flow").write_text(flow)
    (folder / "case.json").write_text(shows)
    run("test", str(folder), "--update", cwd="/")


def edit(folder, file, old, new):
    path = folder / file
    text = path.read_text()
    assert old in text, (file, old)
    path.write_text(text.replace(old, new))


def edit_bytes(folder, file, old, new):
    path = folder / file
    data = path.read_bytes()
    assert data.count(old) == 1, (file, old, data.count(old))
    path.write_bytes(data.replace(old, new))


# ---------------------------------------------------------------- planted faults

# name: (what is done to a good case, exit code). What is told of it stands in runner.txt.
PLANTED = {}


def planted(code):
    def keep(plant):
        PLANTED[plant.__name__.replace("_", "-")] = (plant, code)
        return plant
    return keep


@planted(1)
def other_byte(folder):
    edit(folder, "rules.json", '"with": "hidden"', '"with": "Hidden"')


@planted(1)
def other_length(folder):
    edit(folder, "rules.json", '"with": "hidden"', '"with": ".."')


@planted(1)
def a_rule_drops(folder):
    edit(folder, "rules.json", '"rules": [',
         '"rules": [\n    {"id": "no-answers", "match": {"tcp.srcport": 80}, "verdict": "drop"},')


@planted(1)
def a_header_field(folder):
    edit(folder, "rules.json", '"rewrite": [', '"rewrite": [{"set": {"ip.ttl": 9}}, ')


@planted(1)
def no_expectation(folder):
    (folder / "expected" / "out.pcapng").unlink()


@planted(1)
def a_stale_file(folder):
    (folder / "expected" / "out-wire.pcapng").write_bytes(b"")


@planted(1)
def half_an_expectation(folder):
    path = folder / "expected" / "out.pcapng"
    path.write_bytes(path.read_bytes()[:-50])


@planted(1)
def a_comment_only(folder):
    edit_bytes(folder, "expected/out.pcapng", b"6->6 @5", b"6->7 @5")


@planted(1)
def the_header_of_the_file(folder):
    shutil.rmtree(folder)
    shutil.copytree(CASES / "drop-telnet", folder)
    path = folder / "expected" / "out.pcap"
    data = bytearray(path.read_bytes())
    data[16] ^= 1  # snaplen
    path.write_bytes(data)


@planted(1)
def counts_only(folder):
    edit(folder, "expected/summary.txt", "2 edits", "3 edits")


@planted(1)
def not_coherent(folder):
    edit(folder, "rules.json", '"rules": [',
         '"rules": [\n    {"id": "no-answers", "match": {"tcp.srcport": 80}, "verdict": "drop"},')
    run("test", str(folder), "--update", cwd="/", code=1)


@planted(2)
def an_unknown_key(folder):
    edit(folder, "case.json", "shows", "show")


@planted(2)
def faults_in_case_json(folder):
    (folder / "case.json").write_text("""{
  "shows": "",
  "view": "wired",
  "mtu": 60,
  "local": "192.0.2.0/40",
  "verify": ["open-lop"],
  "ignore": ["ip.tttl"],
  "views": ["wire"],
  "runs": {"a/b": {"seed": -1}}
}
""")


@planted(2)
def bad_rules(folder):
    edit(folder, "rules.json", '"replace"', '"replaec"')


@planted(2)
def bad_flow(folder):
    edit(folder, "in.flow", "web open", "web opne")


@planted(2)
def no_input(folder):
    (folder / "in.flow").unlink()


@planted(2)
def no_rules(folder):
    (folder / "rules.json").unlink()


@planted(2)
def a_case_that_hangs(folder):
    (folder / "in.flow").unlink()
    os.mkfifo(folder / "in.pcap")


def check_planted(work):
    words = (HERE / "runner.txt").read_text()
    known = dict(re.findall(r"^=== (\S+)\n(.*?)(?=^=== |\Z)", words, re.MULTILINE | re.DOTALL))
    told_all = {}
    for name, (plant, code) in PLANTED.items():
        folder = work / "planted" / name
        make_case(folder)
        plant(folder)
        out, err = run("test", f"planted/{name}", "--timeout", "1" if "hangs" in name else "60", cwd=work,
                       code=code)
        told_all[name] = out + err
    if "--update" in sys.argv:
        (HERE / "runner.txt").write_text("".join(f"=== {name}\n{told}" for name, told in told_all.items()))
        return
    for name, told in told_all.items():
        same(f"words of {name}", told, known.get(name, ""))
    check("every word belongs to a plant", set(known) == set(told_all), set(known) ^ set(told_all))


# ---------------------------------------------------------------- formats

def tap_faults(text):
    """A strict reader of TAP 13, as its specification has it."""
    lines = text.split("\n")
    if lines[0] != "TAP version 13" or not re.fullmatch(r"1\.\.\d+", lines[1]) or lines[-1] != "":
        return ["no version, plan or last line end"]
    faults, number, in_block = [], 0, False
    for line in lines[2:-1]:
        if in_block:
            in_block = line != "  ..."
            if not line.startswith("  ") and line != "":
                faults.append(f"ends a block: {line!r}")
            continue
        if line == "  ---" and number > 0:
            in_block = True
            continue
        found = re.fullmatch(r"(ok|not ok) (\d+) - ((?:[^#\\]|\\.)+)(?: # SKIP .*)?", line)
        number += 1
        if not found or int(found[2]) != number:
            faults.append(f"no test line: {line!r}")
    if in_block or number != int(lines[1][3:]):
        faults.append("the plan is not kept")
    return faults


def junit_faults(text, schema):
    root = xml.etree.ElementTree.fromstring(text)
    faults = []
    for suite in [root, *root.findall("testsuite")]:
        cases = list(suite.iter("testcase"))
        for count, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            if int(suite.get(count)) != sum(case.find(element) is not None for case in cases):
                faults.append(f"{suite.get('name')}: {count} is wrong")
        if int(suite.get("tests")) != len(cases):
            faults.append(f"{suite.get('name')}: tests is wrong")
    if shutil.which("xmllint"):
        done = subprocess.run(["xmllint", "--noout", "--schema", str(schema), "-"], input=text, text=True,
                              capture_output=True, check=False)
        if done.returncode != 0:
            faults.append(done.stderr)
    return faults


def check_formats(work):
    mixed = work / "mixed & more"
    for name in ("good", "bad # one", "worse <&>"):
        make_case(mixed / name)
    other_byte(mixed / "bad # one")
    an_unknown_key(mixed / "worse <&>")
    for suites in ([str(mixed)], [str(mixed), str(work / "planted" / "no-rules")]):
        tap, _ = run("test", *suites, "--format", "tap", cwd=work, code=2)
        check("TAP", not tap_faults(tap), f"{tap_faults(tap)}\n{tap}")
        junit, _ = run("test", *suites, "--format", "junit", cwd=work, code=2)
        found = junit_faults(junit, HERE / "junit.xsd")
        check("JUnit", not found, f"{found}\n{junit}")
    if shutil.which("prove"):
        (work / "results.tap").write_text(run("test", str(mixed), "--format", "tap", cwd=work, code=2)[0])
        done = subprocess.run(["prove", "-Q", "-e", "cat", str(work / "results.tap")], capture_output=True,
                              text=True, check=False)
        check("prove counts two", "Failed tests:  1, 3" in done.stdout, done.stdout + done.stderr)


# ---------------------------------------------------------------- the same bytes, nothing left

def tree(folder):
    return sorted((str(path), path.lstat().st_mtime_ns, path.lstat().st_size)
                  for path in folder.rglob("*"))


def check_same_bytes(work):
    """Ours, and the planted ones but for the one that waits for its time to be over."""
    shutil.copytree(CASES, work / "ours")
    shutil.rmtree(work / "planted" / "a-case-that-hangs")
    temporary = work / "temporary"
    temporary.mkdir()
    before = tree(work)
    for form, suites in (("text", ["ours", "planted"]), ("tap", ["planted"]), ("junit", ["planted"])):
        told = {run("test", "-v", *suites, "--format", form, "-j", jobs, cwd=work, code=2,
                    env={"TMPDIR": str(temporary), "TZ": zone, "LC_ALL": "C"})
                for jobs, zone in (("1", "UTC"), ("8", "UTC+5"), ("1", "UTC-9"), ("8", "UTC"))}
        check(f"{form}: -j 1 and -j 8, twice", len(told) == 1)
    check("nothing is written", tree(work) == before)


def group_is_empty(group):
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def check_interrupt(work):
    for name in ("one", "two", "three"):
        folder = work / "waits" / name
        make_case(folder)
        a_case_that_hangs(folder)
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen([PKTMOD, "test", "waits", "-j", "3"], cwd=work, env=ENVIRONMENT,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        time.sleep(1)
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
        check(f"{number.name} ends it", process.returncode == -number, process.returncode)
        check(f"{number.name} is told", err == b"pktmod: test: interrupted\n", err)
        check(f"{number.name} leaves no process", group_is_empty(process.pid))


# ---------------------------------------------------------------- choosing and updating

def check_choice(work):
    folder = work / "choice"
    for name in ("a/web-one", "a/web-two", "b/mail"):
        make_case(folder / name)
    for options, wanted in ((["-k", "web"], "a/web-one a/web-two"), (["-k", "a/*"], "a/web-one a/web-two"),
                            (["-k", "*two"], "a/web-two"), (["--only", "b/mail"], "b/mail"),
                            (["--only", "b/mail", "--only", "a/web-one"], "a/web-one b/mail")):
        out, _ = run("test", "choice", "--list", *options, cwd=work)
        same(f"chosen by {options}", out.split(), [f"choice/{name}" for name in wanted.split()])
    _, err = run("test", "choice", "--only", "mail", cwd=work, code=2)
    same("none chosen", err, "pktmod: test: no test has such a name; --list shows all\n")


def check_update(work):
    folder = work / "update"
    for name in ("one", "two"):
        make_case(folder / name)
        other_byte(folder / name)
        a_stale_file(folder / name)
    before = tree(folder)
    _, err = run("test", "update", "--update", cwd=work, code=2, env={"CI": "true"})
    check("refused in CI", err.startswith("pktmod: test: CI is set"), err)
    check("nothing is written in CI", tree(folder) == before)
    out, _ = run("test", "update", "--update", "--only", "one", cwd=work)
    check("each change is told", out.count("tcp.payload differs") == 2 and "updated expected/out.pcapng" in out
          and "removed expected/out-wire.pcapng" in out, out)
    out, _ = run("test", "update", "-v", cwd=work, code=1)
    check("only the one is updated", "ok    update/one\n" in out and "FAIL  update/two\n" in out, out)
    run("test", "update", "--update", cwd=work)
    out, _ = run("test", "update", cwd=work)
    same("all are updated", out, "2 tests: 2 passed\n")


def check_ignore(work):
    folder = work / "ignore"
    make_case(folder)
    edit(folder, "rules.json", '"rewrite": [', '"rewrite": [{"set": {"ip.ttl": 9}}, ')
    edit(folder, "case.json", "{", '{"verify": ["any-headers"], "ignore": ["ip.ttl", "ip.id"], ')
    (folder / "expected" / "summary.txt").unlink()
    out, _ = run("test", "ignore", cwd=work, code=1)
    check("an ignored field is not told", "summary.txt is not there" in out and "ttl" not in out, out)


# ---------------------------------------------------------------- making cases

def check_create(work):
    folder = work / "create"
    (folder / "suite").mkdir(parents=True)
    (folder / "policy.json").write_text(RULES)
    (folder / "in.flow").write_text(FLOW)
    run("flow", "in.flow", "-w", "in.pcap", cwd=folder)
    out, _ = run("create", "policy.json", "-r", "in.pcap", "seen", "suite", "--shows", "A \"quote\".",
                 "--views", "wire,host", "--mtu", "1400", "--seed", "7", cwd=folder)
    same("create tells", out, "suite/seen: made\n" + "".join(
        f"new expected/summary-{v}.txt\nnew expected/out-{v}.pcap\n" for v in ("wire", "host"))
        + "read suite/seen/expected/summary*.txt: is this what should happen?\n")
    same("case.json", (folder / "suite/seen/case.json").read_text(), """{
  "shows": "A \\"quote\\".",
  "rules": "../../policy.json",
  "views": [
    "wire",
    "host"
  ],
  "mtu": 1400,
  "seed": 7
}
""")
    check("the capture is copied", (folder / "suite/seen/in.pcap").read_bytes()
          == (folder / "in.pcap").read_bytes())
    run("create", "policy.json", "-r", "in.flow", "text", "suite", "--copy-rules", cwd=folder)
    out, _ = run("test", "suite", cwd=folder)
    same("what was made passes", out, "2 tests: 2 passed\n")
    (folder / "policy.json").write_text(RULES.replace("hidden", "Hidden"))
    out, _ = run("test", "suite", "-v", cwd=folder, code=1)
    check("it tests the rules that are in use", "FAIL  suite/seen" in out and "ok    suite/text" in out, out)
    before = tree(folder)
    for arguments, told in (
            (["policy.json", "-r", "in.pcap", "seen", "suite"], "is there already"),
            (["policy.json", "-r", "absent.pcap", "new", "suite"], "No such file"),
            (["absent.json", "-r", "in.pcap", "new", "suite"], "absent.json"),
            (["policy.json", "-r", "in.pcap", "new", "suite", "--views", "wired"], "did you mean"),
            (["policy.json", "-r", "in.pcap", "new", "absent/deeper"], "cannot be made"),
            (["policy.json", "-r", "in.pcap", "new", "made", "--mtu", "9"], "at least 68"),
            (["policy.json", "-r", "in.pcap", "../new"], "is no name"),
            (["policy.json", "-r", "in.pcap", "new", "--seed", "x"], "is a number"),
            (["policy.json", "-r", "in.pcap"], "no name for the case")):
        _, err = run("create", *arguments, cwd=folder, code=2)
        check(f"create {' '.join(arguments)}", told in err, err)
    check("what cannot be made leaves nothing",
          [entry[0] for entry in tree(folder)] == [entry[0] for entry in before])


def main():
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        check_planted(work)
        check_formats(work)
        check_same_bytes(work)
        check_interrupt(work)
        check_choice(work)
        check_update(work)
        check_ignore(work)
        check_create(work)
    print(f"{len(PLANTED)} planted faults, {failed} checks failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
