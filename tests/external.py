#!/usr/bin/env python3
"""external.py PKTMOD EXAMPLE - `external` edits in a replay, with clients that are good, slow, silent,
that die and that lie. EXAMPLE is the compiled external_client.c."""
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading

import frames
import segments

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tunnel-ext" / "examples"))
import external_client  # noqa: E402

TEXT = b"the secret of the secret garden is no sec" + b"x" * 3000 + b"secret end of it all"
CUTS = [5, 7, 20, 33, 36, 41, 1400, 2800, len(TEXT)]
WAIT = ["--external-wait", "700"]


def rules_for(path, **more):
    edit = {"socket": str(path), "timeout_ms": 200, "on_timeout": "pass", **more}
    return {"pktmod": 1, "rules": [{"id": "ask", "match": {"flow": "to_server", "tcp.dstport": 80},
                                    "rewrite": [{"external": edit}]}]}


def make_capture(path):
    """A connection that sends TEXT in the pieces of CUTS, the last with its FIN."""
    packets = [frames.segment(0, 0, 1000, 0, frames.SYN),
               frames.segment(1, 1, 5000, 1001, frames.SYN | frames.ACK)]
    for number, (begin, end) in enumerate(zip([0, *CUTS], CUTS)):
        fin = frames.FIN if end == len(TEXT) else 0
        packets.append(frames.segment(10**6 * number, 0, 1001 + begin, 5001,
                                      frames.ACK | frames.PSH | fin, TEXT[begin:end]))
    frames.write(path, packets)


def stream_of(path):
    """What the server got, byte by byte; a hole is an error."""
    got = bytearray()
    for packet in frames.read(path):
        s = segments.decoded(bytes(packet.frame[14:packet.end]))
        if s.dport != 80:
            continue
        at = s.seq - 1001
        if s.payload:
            assert at <= len(got), "a hole"
            got[at:at + len(s.payload)] = s.payload
    return bytes(got)


class Bench:
    def __init__(self, pktmod, folder):
        self.pktmod, self.folder = pktmod, pathlib.Path(folder)
        self.capture = self.folder / "in.pcap"
        make_capture(self.capture)

    def replay(self, client, on_timeout="pass"):
        """(the stream that left, report, stderr); client(path) runs beside it, in a thread."""
        path = self.folder / "client.sock"
        out = self.folder / "out.pcap"
        rules = self.folder / "rules.json"
        rules.write_text(json.dumps(rules_for(path, on_timeout=on_timeout)))
        thread = threading.Thread(target=lambda: client(path), daemon=True)
        thread.start()
        done = subprocess.run([self.pktmod, "replay", str(rules), "-r", str(self.capture), "-w", str(out),
                               "--format", "json", *WAIT], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert not path.exists(), "the socket was left behind"
        thread.join(10)
        subprocess.run([self.pktmod, "verify", str(out)], check=True, capture_output=True)
        return stream_of(out), json.loads(done.stdout), done.stderr


def by_example(path):
    sys.argv = ["external_client.py", str(path), "secret", "withheld text"]
    external_client.main()


def hold_until_the_end(path):
    """Answers nothing before it knows everything, then in pieces of ten bytes, backwards."""
    link = external_client.connect(str(path))
    held = b""
    for kind, fields, data in external_client.messages(link):
        if kind == "sync":
            link.sendall(b"sync n=%s\n" % fields["n"].encode())
        held += data
        if fields.get("end") == "1":
            for at in range(0, len(held), 10):
                piece = held[at:at + 10]
                external_client.answer(link, int(fields["stream"]), at, len(piece), piece[::-1])


def dies_after(count):
    def client(path):
        link = external_client.connect(str(path))
        for number, (kind, fields, data) in enumerate(external_client.messages(link)):
            if number == count:
                link.close()
                return
            if kind == "sync":
                link.sendall(b"sync n=%s\n" % fields["n"].encode())
            elif data:
                external_client.answer(link, int(fields["stream"]), int(fields["offset"]), len(data), data.upper())
    return client


def says(words):
    """Says something wrong about the first data that it gets, then waits for the end."""
    def client(path):
        link = external_client.connect(str(path))
        try:
            for kind, fields, _ in external_client.messages(link):
                if kind == "data":
                    link.sendall(words(int(fields["stream"]), int(fields["len"])))
        except OSError:
            pass
    return client


def silent(path):
    link = external_client.connect(str(path))
    for _ in external_client.messages(link):
        pass


def deaf(path):
    link = external_client.connect(str(path))
    threading.Event().wait(3)
    link.close()


LIES = {
    "another offset": lambda stream, n: b"answer stream=%d offset=1 take=1 len=1\nX" % stream,
    "more than it has": lambda stream, n: b"answer stream=%d offset=0 take=%d len=1\nX" % (stream, n + 1),
    "nothing taken": lambda stream, n: b"answer stream=%d offset=0 take=0 len=1\nX" % stream,
    "much put in": lambda stream, n: b"answer stream=%d offset=0 take=1 len=70000\n" % stream + b"X" * 70000,
    "huge length": lambda stream, n: b"answer stream=%d offset=0 take=1 len=99999999999999999999\n" % stream,
    "negative": lambda stream, n: b"answer stream=%d offset=0 take=-1 len=0\n" % stream,
    "no line": lambda stream, n: b"x" * 5000,
    "no such message": lambda stream, n: b"please stream=%d\n" % stream,
    "a sync nobody asked for": lambda stream, n: b"sync n=77\n",
    "zero bytes": lambda stream, n: bytes(300),
}


def check(name, got, want):
    if got != want:
        at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
        raise SystemExit(f"external: {name}: byte {at}: {got[at:at + 30]!r}, expected {want[at:at + 30]!r} "
                         f"({len(got)} and {len(want)} bytes)")
    print(f"external: {name}: good")


def late_count(report):
    return report["why"]["rewriter"].get("external_late", 0)


def main():
    pktmod, example = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(pktmod, folder)
        got, _, _ = bench.replay(by_example)
        check("the example in Python", got, TEXT.replace(b"secret", b"withheld text"))
        got, _, _ = bench.replay(lambda path: subprocess.run([example, str(path)], timeout=30, check=False))
        check("the example in C", got, TEXT.upper())
        got, _, _ = bench.replay(hold_until_the_end)
        check("a client that waits for the end", got,
              b"".join(TEXT[at:at + 10][::-1] for at in range(0, len(TEXT), 10)))
        got, report, _ = bench.replay(dies_after(4))
        check("a client that dies", got.upper(), TEXT.upper())
        assert got != TEXT and got != TEXT.upper() and late_count(report) == 1
        got, _, _ = bench.replay(dies_after(4), on_timeout="drop")
        assert TEXT.upper().startswith(got) and 0 < len(got) < len(TEXT), got
        got, report, _ = bench.replay(silent)
        check("a silent client", got, TEXT)
        assert late_count(report) == 1
        got, _, _ = bench.replay(deaf)
        check("a client that reads nothing", got, TEXT)
        got, _, talk = bench.replay(lambda path: None)
        check("no client", got, TEXT)
        assert "no client came" in talk, talk
        got, _, _ = bench.replay(lambda path: None, on_timeout="drop")
        check("no client, drop", got, b"")
        for name, words in LIES.items():
            got, report, _ = bench.replay(says(words))
            check(f"a client that lies: {name}", got, TEXT)
            assert late_count(report) == 1, report
        with socket.socket(socket.AF_UNIX) as taken:
            taken.bind(str(bench.folder / "client.sock"))
            taken.listen()
            rules = bench.folder / "rules.json"
            done = subprocess.run([pktmod, "replay", str(rules), "-r", str(bench.capture)],
                                  capture_output=True, text=True, timeout=30)
            assert done.returncode == 2 and "something is there already" in done.stderr, done.stderr
        (bench.folder / "client.sock").unlink()


main()
