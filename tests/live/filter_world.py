"""filter_world.py - two network namespaces for pktmod run, and what stories about it are told with.

    peer (10.78.0.2, fd78::2) -- pmpeer == pmhost -- host (10.78.0.1, fd78::1), where pktmod runs
"""
import contextlib
import errno
import json
import os
import pathlib
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from world import FAMILIES, PREFIX, die_with_parent, inside, run

ADDRESSES = {4: {"host": "10.78.0.1", "peer": "10.78.0.2"}, 6: {"host": "fd78::1", "peer": "fd78::2"}}
SO_RCVBUFFORCE, PR_CAPBSET_DROP, CAP_NET_ADMIN = 33, 24, 12
LONG_CONNECTIONS = 200_000
OPEN, DROP, REJECT, DELAY, ASK = 7001, 7002, 7003, 7004, 8888
VERDICTS = [
    {"id": "no", "match": {"l4.dstport": DROP}, "verdict": "drop"},
    {"id": "never", "match": {"l4.dstport": REJECT}, "verdict": {"reject": "auto"}},
    {"id": "slow", "match": {"l4.dstport": DELAY}, "verdict": {"delay": {"ms": 100}}},
    {"id": "who", "match": {"l4.dstport": ASK}, "verdict": {"ask": {"timeout_ms": 1500, "on_timeout": "drop"}}},
]


def story(tell):
    tell.is_story, tell.is_long = True, False
    return tell


def long_story(tell):
    """Told only with --long."""
    tell.is_story = tell.is_long = True
    return tell


def check(holds, what):
    if not holds:
        raise AssertionError(what)


def missing():
    if os.geteuid():
        return "needs root"
    for tool in ("ip", "iptables", "ip6tables", "iptables-restore"):
        if not shutil.which(tool):
            return f"no {tool}"
    name = f"{PREFIX}-{os.getpid()}-try"
    try:
        run("ip", "netns", "add", name)
    except OSError as problem:
        return f"no network namespaces ({problem})"
    try:
        with inside(name):
            for tool in ("iptables", "ip6tables"):
                run(tool, "-t", "mangle", "-A", "INPUT", "-m", "connmark", "--mark", "1", "-j", "NFQUEUE")
    except OSError as problem:
        return f"no iptables with NFQUEUE and connmark ({problem})"
    finally:
        run("ip", "netns", "del", name)
    return None


class World:
    """Two namespaces; use it in a `with`."""

    def __init__(self, pktmod):
        self.pktmod = pktmod
        self.names = {side: f"{PREFIX}-{os.getpid()}-filter-{side}" for side in ("host", "peer")}
        self.ends = contextlib.ExitStack()

    def __enter__(self):
        try:
            self.folder = pathlib.Path(self.ends.enter_context(tempfile.TemporaryDirectory()))
            for name in self.names.values():
                run("ip", "netns", "add", name)
                self.ends.callback(subprocess.run, ["ip", "netns", "del", name], capture_output=True)
            run("ip", "-n", self.names["host"], "link", "add", "pmhost", "type", "veth", "peer", "name", "pmpeer",
                "netns", self.names["peer"])
            for side in self.names:
                run("ip", "-n", self.names[side], "-batch", "-", text=f"""\
                    link set lo up
                    addr add {ADDRESSES[4][side]}/24 dev pm{side}
                    addr add {ADDRESSES[6][side]}/64 dev pm{side} nodad
                    link set pm{side} up
                    """)
        except BaseException:
            self.ends.close()
            raise
        return self

    def __exit__(self, *_):
        self.ends.close()

    def start(self, side, *command, **how):
        with inside(self.names[side]):
            process = subprocess.Popen(command, preexec_fn=die_with_parent, **how)
        self.ends.callback(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()

    def rules(self, rules, name="rules.json", **more):
        file = self.folder / name
        file.write_text(json.dumps({"pktmod": 1, "rules": rules, **more}))
        return file

    def filter(self, rules, *options, queue="5"):
        """A pktmod run, ready to filter."""
        self.said = open(self.folder / "said", "a+")
        process = self.start("host", self.pktmod, "run", str(rules), "--filter", f"nfqueue:{queue}", "--install", "-q",
                             "--run-dir", str(self.folder / "run"), *options, stdout=self.said, stderr=self.said)
        until = time.monotonic() + 30
        while not self.is_installed(queue.split("-")[0]):
            check(process.poll() is None and time.monotonic() < until, f"run did not start: {self.words()}")
            time.sleep(0.05)
        return process

    def is_installed(self, queue):
        return f"PKTMOD-Q{queue} " in self.mangle("ip6tables") or f"pktmod-q{queue}\n" in self.nft("list", "tables")

    def nft(self, *words, text=None):
        if not shutil.which("nft"):
            return ""
        with inside(self.names["host"]):
            return run("nft", *words, text=text)

    def words(self):
        return (self.folder / "said").read_text()

    def stop(self, process):
        process.terminate()
        check(process.wait(20) == 0, f"run ended with {process.returncode}: {self.words()}")
        for tool in ("iptables", "ip6tables"):
            check("PKTMOD" not in self.mangle(tool), f"{tool} rules are left")
        check("pktmod" not in self.nft("list", "tables"), "nft rules are left")

    def mangle(self, tool):
        with inside(self.names["host"]):
            return run(tool, "-t", "mangle", "-S")

    def ctl(self, *words, fails=False):
        done = subprocess.run([self.pktmod, "ctl", *words, "--control", str(self.folder / "run" / "control.sock")],
                              text=True, capture_output=True, timeout=60)
        check(bool(done.returncode) == fails, f"ctl {words}: {done.returncode} {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def stats(self):
        return json.loads(self.ctl("stats", "--json"))

    def open_socket(self, side, family, kind=socket.SOCK_STREAM):
        with inside(self.names[side]):
            made = socket.socket(FAMILIES[family], kind)
        made.settimeout(20)
        return made

    def serve(self, side, family, port, kind=socket.SOCK_STREAM):
        """An echo on a port, as long as this world."""
        server = self.open_socket(side, family, kind)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((ADDRESSES[family][side], port))
        server.settimeout(None)
        self.ends.callback(server.close)
        if kind == socket.SOCK_STREAM:
            server.listen(1024)
        threading.Thread(target=echo_all if kind == socket.SOCK_STREAM else echo_datagrams, args=(server,),
                         daemon=True).start()

    def dial(self, side, family, port, timeout=20):
        other = "peer" if side == "host" else "host"
        client = self.open_socket(side, family)
        client.settimeout(timeout)
        client.connect((ADDRESSES[family][other], port))
        return client


def echo_all(server):
    """One thread for all connections."""
    poll, known = select.epoll(), {server.fileno(): server}
    poll.register(server, select.EPOLLIN)
    while True:
        for number, _ in poll.poll():
            try:
                if number == server.fileno():
                    client, _ = server.accept()
                    known[client.fileno()] = client
                    poll.register(client, select.EPOLLIN)
                    continue
                data = known[number].recv(65536)
                if data:
                    known[number].sendall(data)
                    continue
            except OSError:
                if number == server.fileno():
                    return
            poll.unregister(number)
            known.pop(number).close()


def echo_datagrams(server):
    with contextlib.suppress(OSError):
        while True:
            data, peer = server.recvfrom(65536)
            server.sendto(data, peer)


def talk(client, text=b"hello"):
    client.sendall(text)
    got = b""
    while len(got) < len(text):
        part = client.recv(65536)
        check(part, "the connection ended")
        got += part
    check(got == text, "other bytes came back")


def outcome(action):
    """What became of it, and how long it took."""
    began = time.monotonic()
    try:
        action()
        result = "works"
    except TimeoutError:
        result = "silence"
    except ConnectionRefusedError:
        result = "refused"
    except OSError as problem:
        result = errno.errorcode.get(problem.errno, str(problem))
    return result, time.monotonic() - began


def datagram(world, side, family, port, timeout=1.0):
    other = "peer" if side == "host" else "host"
    with world.open_socket(side, family, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.connect((ADDRESSES[family][other], port))
        client.send(b"x")
        check(client.recv(10) == b"x", "another datagram came back")


def connection(world, side, family, port, timeout=1.0):
    with world.dial(side, family, port, timeout) as client:
        client.settimeout(20)
        talk(client)


@contextlib.contextmanager
def under_load(world, count=20):
    """So many connections that talk all the time; none may break. Yields them; they rest behind the block."""
    clients = [world.dial("host", 4, OPEN) for _ in range(count)]
    failures, rounds, is_over = [], [0], threading.Event()

    def keep_talking(client):
        try:
            while not is_over.is_set():
                talk(client, os.urandom(3000))
                rounds[0] += 1
        except (OSError, AssertionError) as problem:
            failures.append(problem)

    threads = [threading.Thread(target=keep_talking, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield clients
    finally:
        is_over.set()
        for thread in threads:
            thread.join(30)
    check(not failures, f"connections broke: {failures[:3]}")
    check(rounds[0] > 100, f"only {rounds[0]} rounds")
