#!/usr/bin/env python3
"""tunnel.py - pktmod run --tunnel between real kernels: what programs see, and what is left behind.

    tunnel.py PKTMOD [-k TEXT] [--long]     stories whose name has TEXT; --long adds the large ones

    reflect   host (10.88.0.1, fd88::1) -- e0 ======== e0 -- network (10.88.0.2, fd88::2)
              the tunnel runs in host
    forward   host (10.88.1.1) -- router (10.88.1.254, 10.88.0.1) -- network (10.88.0.2)
              the tunnel runs in router; fd88:1::/64 and fd88::/64 likewise

Needs root, /dev/net/tun, ip, iptables; otherwise it ends with 77. What it makes has names of its own and is removed.
"""
import argparse
import contextlib
import errno
import hashlib
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1]))

import dns_codec
from payload import edited, payload, rewritten, rule_file
from world import PREFIX, die_with_parent, inside, lose, missing, run, sweep

FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
NETWORK = {4: "10.88.0.2", 6: "fd88::2"}
PORT = 7000
STORIES = []


def story(**how):
    def take(tell):
        STORIES.append((tell, how))
        return tell
    return take


def rules_for(up, down, hold_ms=5000):
    """The rules of payload.py for one port, and the destinations of the test."""
    rules = rule_file(up, down, PORT, hold_ms)
    for rule in rules["rules"]:
        rule["match"]["ip.addr"] = ["10.88.0.0/24", "fd88::/64"]
    return rules


class World:
    def __init__(self, pktmod, mode="reflect", up="grow", down="shrink", rules=None, loss=0.0, mtu=1500, options=(),
                 start=True, number=0):
        self.pktmod, self.mode, self.loss, self.mtu, self.options = pktmod, mode, loss, mtu, options
        self.rules = rules or rules_for(up, down)
        self.places = ("host", "network") if mode == "reflect" else ("host", "router", "network")
        self.runs_in = "host" if mode == "reflect" else "router"
        self.names = {place: f"{PREFIX}-{os.getpid()}-t{number}-{place}" for place in self.places}
        self.starts = start
        self.ends = contextlib.ExitStack()
        self.stats, self.process = {}, None

    def __enter__(self):
        try:
            with self.ends:
                self.scratch = pathlib.Path(self.ends.enter_context(tempfile.TemporaryDirectory()))
                os.chmod(self.scratch, 0o755)
                for name in self.names.values():
                    run("ip", "netns", "add", name)
                    self.ends.callback(subprocess.run, ["ip", "netns", "del", name], capture_output=True)
                self.wire()
                if self.starts:
                    self.start()
                self.ends = self.ends.pop_all()
        except BaseException:
            self.ends.close()
            raise
        return self

    def __exit__(self, *_):
        self.ends.close()

    # ---- links

    def batch(self, place, text):
        with self.inside(place):
            run("ip", "-batch", "-", text=text)

    def link(self, one, other, device, here, there):
        with self.inside(one):
            run("ip", "link", "add", device, "type", "veth", "peer", "name", device, "netns", self.names[other])
        for place, addresses in ((one, here), (other, there)):
            self.batch(place, f"link set lo up\nlink set {device} mtu {self.mtu} up\n" + "".join(
                f"addr add {address} dev {device} {'nodad' if ':' in address else ''}\n" for address in addresses))

    def wire(self):
        if self.mode == "reflect":
            self.link("host", "network", "e0", ["10.88.0.1/24", "fd88::1/64"], ["10.88.0.2/24", "fd88::2/64"])
        else:
            self.link("host", "router", "e1", ["10.88.1.1/24", "fd88:1::1/64"], ["10.88.1.254/24", "fd88:1::fe/64"])
            self.link("router", "network", "e0", ["10.88.0.1/24", "fd88::1/64"], ["10.88.0.2/24", "fd88::2/64"])
            self.batch("host", "route add default via 10.88.1.254\nroute add default via fd88:1::fe\n")
            self.batch("network", "route add default via 10.88.0.1\nroute add default via fd88::1\n")
            with self.inside("router"):
                for key in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
                    pathlib.Path(f"/proc/sys/net/{key}").write_text("1\n")
        with self.inside("host"):  # as strict as it can be
            for place in ("all", "e0" if self.mode == "reflect" else "e1"):
                pathlib.Path(f"/proc/sys/net/ipv4/conf/{place}/rp_filter").write_text("1\n")
        if self.loss:
            for place in ("network", self.runs_in):
                with self.inside(place):
                    run("iptables", *lose(self.loss, "e0"))

    def inside(self, place):
        return inside(self.names[place])

    # ---- the tunnel

    def command(self):
        file = self.scratch / "rules.json"
        file.write_text(json.dumps(self.rules))
        return [self.pktmod, "run", str(file), "--tunnel", "tun:pmtun", "--mode", self.mode,
                "--run-dir", str(self.scratch / "run"), *self.options]

    def begin(self, command=None):
        with open(self.scratch / "said", "w") as said, self.inside(self.runs_in):
            return subprocess.Popen(command or self.command(), preexec_fn=die_with_parent, text=True,
                                    stdout=subprocess.PIPE, stderr=said)

    def start(self):
        self.process = self.begin()
        self.ends.callback(self.kill)
        deadline = time.monotonic() + 20
        while "carries" not in self.said():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the tunnel did not start: {self.said()}")
            time.sleep(0.02)
        if self.loss and self.mode == "reflect":
            with self.inside("host"):
                run("iptables", *lose(self.loss, "pmtun"))

    def said(self):
        return (self.scratch / "said").read_text()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def stop(self):
        self.process.terminate()
        output, _ = self.process.communicate(timeout=20)
        check(self.process.returncode == 0, f"ended with {self.process.returncode}: {self.said()[-2000:]}")
        self.stats = json.loads(output)
        return self.stats

    def ctl(self, *words, good=True):
        """pktmod ctl, as JSON where it answers with it."""
        told = subprocess.run([self.pktmod, "ctl", "--control", str(self.scratch / "run" / "control.sock"), *words],
                              capture_output=True, text=True, timeout=20)
        check((told.returncode == 0) == good, f"ctl {words}: {told.returncode} {told.stdout}{told.stderr}")
        return json.loads(told.stdout) if good and "--json" in words else told.stdout + told.stderr

    def reload(self, rules, good=True):
        (self.scratch / "rules.json").write_text(json.dumps(rules))
        return self.ctl("reload", good=good)

    def memory_kib(self, what="VmHWM"):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(what):
                return int(line.split()[1])
        return 0

    def routing(self):
        """All that a tunnel could leave behind."""
        with self.inside(self.runs_in):
            rules = run("ip", "rule") + run("ip", "-6", "rule")
            routes = run("ip", "route", "show", "table", "all") + run("ip", "-6", "route", "show", "table", "all")
            devices = [line.split()[0] for line in run("ip", "-br", "link").splitlines()]
        ours = [line for line in routes.splitlines() if "pmtun" in line or "proto 112" in line or "5200" in line]
        return f"{rules}{ours}\n{devices}"

    # ---- ends

    def socket(self, place, family=4, kind=socket.SOCK_STREAM):
        with self.inside(place):
            made = socket.socket(FAMILIES[family], kind)
        made.settimeout(30)
        return made

    def listen(self, family=4, port=PORT, buffer=0):
        listener = self.socket("network", family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        listener.bind((NETWORK[family], port))
        listener.listen(1024)
        return listener

    def pair(self, family=4, buffer=0):
        with self.listen(family, buffer=buffer) as listener:
            client = self.socket("host", family)
            client.connect((NETWORK[family], PORT))
            server, _ = listener.accept()
        server.settimeout(30)
        return client, server


def check(good, otherwise):
    if not good:
        raise AssertionError(otherwise)


# ---------------------------------------------------------------- streams

def read_all(source):
    digest, size = hashlib.sha256(), 0
    while True:
        piece = source.recv(1 << 18)
        if not piece:
            return digest.hexdigest(), size
        digest.update(piece)
        size += len(piece)


class Task(threading.Thread):
    """Runs it and keeps what it answered or raised."""

    def __init__(self, work, *arguments):
        super().__init__(daemon=True)
        self.work, self.arguments, self.answer, self.problem = work, arguments, None, None
        self.start()

    def run(self):
        try:
            self.answer = self.work(*self.arguments)
        except Exception as problem:
            self.problem = problem

    def result(self, timeout=60):
        self.join(timeout)
        check(not self.is_alive(), "it does not come to an end")
        if self.problem:
            raise self.problem
        return self.answer


def send_all(target, data):
    target.sendall(data)
    target.shutdown(socket.SHUT_WR)


def exchange(client, server, up, down, size, seed=0):
    """Both directions at once; what arrives is the rewritten stream."""
    streams = {"up": payload(up, size, seed), "down": payload(down, size, seed + 1)}
    tasks = [Task(send_all, client, streams["up"]), Task(send_all, server, streams["down"])]
    hears = {"up": Task(read_all, server), "down": Task(read_all, client)}
    for task in tasks:
        task.result()
    for way, kind in (("up", up), ("down", down)):
        want = rewritten(kind, streams[way])
        got = hears[way].result()
        check(got == (hashlib.sha256(want).hexdigest(), len(want)),
              f"{way}: {got[1]} bytes arrived, not the {len(want)} of the rewritten stream, or others")
    client.close()
    server.close()


def streams_of(mode, up, down, family=4, loss=0.0, size=4 << 20, mtu=1500):
    def tell(world):
        exchange(*world.pair(family), up, down, size)
        stats = world.stop()
        finds = sum(edited(kind, payload(kind, size, seed))[1] for seed, kind in enumerate((up, down)))
        check(stats["edits"] == finds, f"{stats['edits']} edits of {finds}")
    tell.__name__ = f"{mode}: up {up}, down {down}, IPv{family}" + (f", loss {loss:.0%}" if loss else "") + (
        f", MTU {mtu}" if mtu != 1500 else "")
    story(mode=mode, up=up, down=down, loss=loss, mtu=mtu)(tell)


for mode in ("reflect", "forward"):
    streams_of(mode, "grow", "shrink")
    streams_of(mode, "double", "delete", 6)
    streams_of(mode, "mixed", "grow")
    streams_of(mode, "rare grow", "rare shrink", 4, 0.02, 2 << 20)


@story(up="same", down="same")
def what_no_rule_touches_arrives_as_it_was(world):
    exchange(*world.pair(), "none", "none", 4 << 20)


@story(mode="forward")
def packets_that_leave_the_path_alone_keep_their_ends(world):
    with world.listen() as listener, world.socket("host") as client:
        client.connect((NETWORK[4], PORT))
        server, peer = listener.accept()
        check(peer[0] == "10.88.1.1", f"the server sees {peer}")
        server.close()


@story(mode="forward", rules={"pktmod": 1, "rules": [
    {"id": "ttl", "match": {"ip.addr": "10.88.0.0/24"}, "rewrite": [{"set": {"ip.ttl": 44}}]},
    rule_file("grow", "grow", PORT)["rules"][0]]})
def headers_of_super_packets_are_changed_too(world):
    exchange(*world.pair(), "grow", "none", 4 << 20)


@story(rules={"pktmod": 1, "policy": {"hold_ms": 5000}, "rules": [
    {"id": "here", "match": {"ip.addr": "10.88.0.0/24", "udp.port": 9}, "rewrite": [{"set": {"ip.ttl": 44}}]},
    rule_file("grow", "grow", PORT)["rules"][0]]})
def rules_with_and_without_a_destination_go_together(world):
    exchange(*world.pair(), "grow", "none", 100_000)


for mode in ("reflect", "forward"):
    def plainly(world):
        exchange(*world.pair(), "grow", "shrink", 4 << 20)
    plainly.__name__ = f"{mode}: one packet at a time is the same"
    story(mode=mode, up="grow", down="shrink", options=["--plain"])(plainly)


@story(mode="forward", up="double", down="double", mtu=1500)
def a_narrow_link_behind_the_router_is_found_out(world):
    for place in ("router", "network"):
        with world.inside(place):
            run("ip", "link", "set", "e0", "mtu", "1300")
    exchange(*world.pair(), "double", "double", 2 << 20)


# ---------------------------------------------------------------- what programs see

def outcome(world, family, address, port, timeout=30):
    """How a dial ends, as the program hears it."""
    with world.socket("host", family) as client:
        client.settimeout(timeout)
        try:
            client.connect((address, port))
            return "connected"
        except socket.timeout:
            return "silence"
        except OSError as problem:
            return errno.errorcode[problem.errno]


@story(start=False)
def refused_unreachable_and_silent_look_as_without_the_tunnel(world):
    with world.inside("network"):
        run("iptables", "-w", "-A", "INPUT", "-p", "tcp", "--dport", "7100", "-j", "DROP")
        run("iptables", "-w", "-A", "INPUT", "-p", "tcp", "--dport", "7101", "-j", "REJECT", "--reject-with",
            "icmp-host-unreachable")
    dials = [(4, "10.88.0.2", 7001), (6, "fd88::2", 7001), (4, "10.88.0.99", 7000), (4, "10.88.0.2", 7100, 1.5),
             (4, "10.88.0.2", 7101)]
    without = [outcome(world, *dial) for dial in dials]
    check(without == ["ECONNREFUSED", "ECONNREFUSED", "EHOSTUNREACH", "silence", "EHOSTUNREACH"], f"{without}")
    world.start()
    tunnelled = [outcome(world, *dial) for dial in dials]
    check(tunnelled == without, f"{tunnelled} instead of {without}")
    stats = world.stop()
    # The kernel gives a silent neighbour up after 3 s, and that is also when the program's SYN is sent for the third time:
    # it may enter just behind the one that failed, and fails by itself.
    check(stats["refused"] == 2 and stats["unreachable"] in (2, 3), f"{stats}")


@story(up="grow", down="grow")
def half_a_close_and_the_answer_after_it(world):
    client, server = world.pair()
    send_all(client, b"a needle")
    check(read_all(server)[1] == len(rewritten("grow", b"a needle")), "not what was sent")
    time.sleep(0.3)
    send_all(server, b"late needle")
    check(read_all(client)[1] == len(rewritten("grow", b"late needle")), "not what was answered")


def is_reset(end):
    try:
        while end.recv(65536):
            pass
    except ConnectionResetError:
        return True
    return False


@story()
def a_reset_reaches_the_other_end(world):
    for who in (0, 1):
        ends = world.pair()
        ends[0].sendall(b"hello")
        check(ends[1].recv(5) == b"hello", "the connection does not work")
        ends[who].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        ends[who].close()
        check(is_reset(ends[not who]), f"end {not who} saw no reset")


@story(up="double", down="none")
def a_slow_reader_stops_the_sender_and_costs_no_memory(world):
    client, server = world.pair(buffer=65536)
    data = payload("double", 48 << 20)
    task = Task(send_all, client, data)
    time.sleep(1.5)
    carried = world.memory_kib("VmRSS")
    check(task.is_alive(), "the sender was never stopped")
    time.sleep(0.5)
    check(world.memory_kib("VmRSS") - carried < 2048, "memory grows while nobody reads")
    want = rewritten("double", data)
    check(read_all(server) == (hashlib.sha256(want).hexdigest(), len(want)), "not the rewritten stream")
    task.result()


@story(up="grow", down="shrink")
def two_hundred_connections_at_once(world):
    connections_at_once(world, 200)


@story(up="grow", down="shrink", long=True)
def a_thousand_connections_at_once(world):
    connections_at_once(world, 1000)


def connections_at_once(world, count):
    listener = world.listen()
    clients, servers = [], {}
    for number in range(count):
        client = world.socket("host")
        client.setblocking(False)
        client.connect_ex((NETWORK[4], PORT))
        clients.append(client)
    for number in range(count):
        server, _ = listener.accept()
        server.settimeout(30)
        servers[number] = server
    for number, client in enumerate(clients):
        client.settimeout(30)
        client.sendall(b"a needle of client %05d" % number)
        client.shutdown(socket.SHUT_WR)
    want = {rewritten("grow", b"a needle of client %05d" % number) for number in range(count)}
    got = set()
    for server in servers.values():
        said = b"".join(iter(lambda s=server: s.recv(65536), b""))
        got.add(said)
        server.sendall(said)
        server.close()
    check(got == want, "a connection got another one's bytes")
    for number, client in enumerate(clients):
        said = b"".join(iter(lambda c=client: c.recv(65536), b""))
        check(said.endswith(b"client %05d" % number), f"client {number} heard {said!r}")
        client.close()
    listener.close()


@story(rules={"pktmod": 1, "rules": [
    {"id": "ask", "match": {"ip.dst": ["10.88.0.0/24", "fd88::/64"], "udp.dstport": PORT},
     "rewrite": [{"replace": {"find": "question", "with": "another question"}}]},
    {"id": "answer", "match": {"ip.src": ["10.88.0.0/24", "fd88::/64"], "udp.srcport": PORT},
     "rewrite": [{"replace": {"find": "answer", "with": "a"}}]}]})
def datagrams_are_rewritten_both_ways(world):
    for family in (4, 6):
        with world.socket("network", family, socket.SOCK_DGRAM) as server:
            server.bind((NETWORK[family], PORT))
            with world.socket("host", family, socket.SOCK_DGRAM) as client:
                for size in (0, 3000, 20000):
                    client.sendto(b"question" + bytes(size), (NETWORK[family], PORT))
                    asked, peer = server.recvfrom(65536)
                    check(asked == b"another question" + bytes(size), f"asked {asked[:40]!r}, {len(asked)} bytes")
                    server.sendto(b"answer" + bytes(size), peer)
                    heard, whom = client.recvfrom(65536)
                    check(heard == b"a" + bytes(size), f"heard {heard[:40]!r}, {len(heard)} bytes")
                    check(whom[:2] == (NETWORK[family], PORT), f"from {whom}")
    stats = world.stop()
    check(stats["edits"] == 12, f"{stats}")


@story(options=["--mtu", "1500"])
def fragments_that_no_rule_reaches_arrive(world):
    for family in (4, 6):
        with world.socket("network", family, socket.SOCK_DGRAM) as server, \
                world.socket("host", family, socket.SOCK_DGRAM) as client:
            server.bind((NETWORK[family], 7100))
            for size in (1473, 3000, 20000, 65000):
                data = random.Random(size).randbytes(size)
                client.sendto(data, (NETWORK[family], 7100))
                heard, peer = server.recvfrom(65536)
                check(heard == data, f"{len(heard)} bytes of {size} arrived, or others")
                server.sendto(data, peer)
                check(client.recv(65536) == data, "not the answer")
    with world.inside("host"):
        for address in NETWORK.values():
            run("ping", "-c", "2", "-i", "0.2", "-W", "2", "-s", "5000", address)
    check(world.stop()["strays"] <= 1, f"{world.stats}")


@story(options=["--mtu", "1500"], rules={"pktmod": 1, "rules": [
    {"id": "ask", "match": {"ip.dst": ["10.88.0.0/24", "fd88::/64"], "udp.dstport": PORT},
     "rewrite": [{"replace": {"find": "question", "with": "another question"}}]}]})
def a_datagram_that_was_cut_is_rewritten_whole(world):
    for family in (4, 6):
        with world.socket("network", family, socket.SOCK_DGRAM) as server, \
                world.socket("host", family, socket.SOCK_DGRAM) as client:
            server.bind((NETWORK[family], PORT))
            for size in (1460, 1470, 20000):
                client.sendto(bytes(size) + b"question", (NETWORK[family], PORT))
                heard = server.recv(65536)
                check(heard == bytes(size) + b"another question", f"{len(heard)} bytes, {heard[-20:]!r}")


@story()
def a_datagram_to_nobody_is_refused(world):
    for family in (4, 6):
        with world.socket("host", family, socket.SOCK_DGRAM) as client:
            client.connect((NETWORK[family], 7002))
            client.send(b"anybody?")
            try:
                client.recv(100)
                raise AssertionError("somebody answered")
            except ConnectionRefusedError:
                pass


@story()
def one_udp_port_talks_to_many_from_one_port(world):
    servers = []
    for port in (PORT, PORT + 1):
        servers.append(world.socket("network", 4, socket.SOCK_DGRAM))
        servers[-1].bind((NETWORK[4], port))
    with world.socket("host", 4, socket.SOCK_DGRAM) as client:
        for server in servers:
            client.sendto(b"hello", server.getsockname())
        peers = {server.recvfrom(100)[1] for server in servers}
    check(len(peers) == 1, f"the servers see {peers}")


@story()
def ping_goes_through(world):
    with world.inside("host"):
        for address in NETWORK.values():
            run("ping", "-c", "2", "-i", "0.2", "-W", "2", address)
    check(world.stop()["echoes"] == 4, f"{world.stats}")


# ---------------------------------------------------------------- names

NAMES = {"pktmod": 1, "rules": [
    {"id": "sink", "match": {"ip.addr": ["10.88.0.0/24", "fd88::/64"], "udp.dstport": 53, "dns.qry.name": "bad.example"},
     "rewrite": [{"dns": {"respond": True, "answers": ["192.0.2.7"], "ttl": 30}}]},
    {"id": "mirror", "match": {"ip.addr": ["10.88.0.0/24", "fd88::/64"], "udp.srcport": 53,
                               "dns.qry.name": "mirror.example"},
     "rewrite": [{"dns": {"answers": ["10.0.0.80", "10.0.0.81"], "ttl": 60}}]}]}


def question(number, name):
    labels = b"".join(bytes([len(label)]) + label for label in name.encode().split(b"."))
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)


def addresses(answer):
    """Of a message whose records point to the name of its only question."""
    count = struct.unpack_from("!H", answer, 6)[0]
    at = answer.index(b"\0", 12) + 5
    found = []
    for _ in range(count):
        kind, _, ttl, size = struct.unpack_from("!2HIH", answer, at + 2)
        found.append((socket.inet_ntoa(answer[at + 12:at + 12 + size]), ttl) if kind == 1 else kind)
        at += 12 + size
    return found


def serve_names(resolver, asked):
    """Until it is shut."""
    while True:
        query, peer = resolver.recvfrom(4096)
        if not query:
            return
        asked.append(query[12:-4])
        resolver.sendto(query[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0) + query[12:] + b"\xc0\x0c" +
                        struct.pack("!2HIH", 1, 1, 3600, 4) + bytes([203, 0, 113, 9]), peer)


def resolve(world):
    asked = []
    for family in (4, 6):
        with world.socket("network", family, socket.SOCK_DGRAM) as resolver, \
                world.socket("host", family, socket.SOCK_DGRAM) as client:
            resolver.bind((NETWORK[family], 53))
            client.connect((NETWORK[family], 53))
            task = Task(serve_names, resolver, asked)
            for name, want in (("other.example", [("203.0.113.9", 3600)]), ("bad.example", [("192.0.2.7", 30)]),
                               ("mirror.example", [("10.0.0.80", 60), ("10.0.0.81", 60)])):
                client.send(question(len(name), name))
                answer = client.recv(4096)
                check(answer[:2] == struct.pack("!H", len(name)), f"{name}: not the answer to the question")
                check(addresses(answer) == want, f"{name}: {addresses(answer)}")
            client.send(b"")
            task.result()
    check(sorted(asked) == sorted(2 * [question(0, name)[12:-4] for name in ("mirror.example", "other.example")]),
          f"the resolver was asked for {asked}")


for mode in ("reflect", "forward"):
    def answers_are_edited(world):
        resolve(world)
    answers_are_edited.__name__ = f"{mode}: answers of a resolver are edited, and one is given here"
    story(mode=mode, rules=NAMES)(answers_are_edited)


# ---------------------------------------------------------------- curl and nginx

@story(up="none", down="grow", rules={"pktmod": 1, "rules": [
    {"id": "body", "match": {"ip.src": "10.88.0.0/24", "tcp.srcport": PORT},
     "rewrite": [{"replace": {"find": "needle", "with": "thread"}}]}]})
def curl_downloads_from_nginx(world):
    if not shutil.which("curl") or not shutil.which("nginx"):
        return
    data = payload("grow", 8 << 20)
    (world.scratch / "file").write_bytes(data)
    (world.scratch / "nginx.conf").write_text(f"""
        daemon off; master_process off; error_log stderr crit; pid {world.scratch}/pid;
        events {{}}
        http {{ access_log off; server {{ listen {NETWORK[4]}:{PORT}; root {world.scratch}; }} }}
        """)
    with world.inside("network"):
        nginx = subprocess.Popen(["nginx", "-c", str(world.scratch / "nginx.conf"), "-p", str(world.scratch)],
                                 preexec_fn=die_with_parent, stderr=subprocess.DEVNULL)
    try:
        with world.inside("host"):
            run("curl", "-sS", "--retry", "20", "--retry-delay", "1", "--retry-connrefused", "-o",
                str(world.scratch / "got"), f"http://{NETWORK[4]}:{PORT}/file")
    finally:
        nginx.kill()
        nginx.wait()
    check((world.scratch / "got").read_bytes() == data.replace(b"needle", b"thread"), "not the rewritten file")


# ---------------------------------------------------------------- HTTP

HTTP = {"pktmod": 1, "policy": {"hold_bytes": 16384, "hold_ms": 5000}, "rules": [
    {"id": "asks", "match": {"ip.dst": "10.88.0.0/24", "tcp.dstport": PORT},
     "rewrite": [{"http": {"set": {"User-Agent": "pktmod"}, "add": {"X-Seen": "yes"}, "remove": ["Accept-Encoding"]}}]},
    {"id": "answers", "match": {"ip.src": "10.88.0.0/24", "tcp.srcport": PORT, "http.request.uri": {"not": "/plain"}},
     "rewrite": [{"http": {"remove": ["Server"], "add": {"X-From": "pktmod"}}},
                 {"replace": {"find": "needle", "with": "a thread", "in": "http.body"}}]},
    {"id": "gone", "match": {"ip.src": "10.88.0.0/24", "tcp.srcport": PORT, "http.response.code": 404},
     "rewrite": [{"http": {"status": 200, "set": {"Content-Type": "text/plain"}, "body": "nothing here"}}]}]}


def headers_and_bodies_of_a_web_server_are_edited(world):
    """One connection: a small page, a large file (it turns to chunks), chunks of the server's, HEAD, no such page."""
    if not shutil.which("curl") or not shutil.which("nginx"):
        return
    files = {"small": b"one needle, two needles", "large": payload("grow", 3 << 20), "plain": b"a needle here"}
    for name, data in files.items():
        (world.scratch / name).write_bytes(data)
    (world.scratch / "page.shtml").write_bytes(b"<!--# set var='x' value='1' -->begin needle <!--# echo var='x' --> end")
    (world.scratch / "nginx.conf").write_text(f"""
        daemon off; master_process off; error_log stderr crit; pid {world.scratch}/pid;
        events {{}}
        http {{ access_log off; gzip on; gzip_min_length 1; gzip_types *; server {{
            listen {NETWORK[4]}:{PORT}; root {world.scratch};
            location /echo {{ return 200 "$http_user_agent|$http_x_seen|$http_accept_encoding"; }}
            location /page.shtml {{ ssi on; ssi_types *; }} }} }}
        """)
    names = ["echo", "small", "large", "plain", "page.shtml", "missing"]
    with world.inside("network"):
        nginx = subprocess.Popen(["nginx", "-c", str(world.scratch / "nginx.conf"), "-p", str(world.scratch)],
                                 preexec_fn=die_with_parent, stderr=subprocess.DEVNULL)
    try:
        base = f"http://{NETWORK[4]}:{PORT}/"
        with world.inside("host"):
            run("curl", "-sS", "--compressed", "--retry", "20", "--retry-delay", "1", "--retry-connrefused", "-o", "/dev/null", base + "echo")
            run("curl", "-sS", "--compressed", "-D", str(world.scratch / "heads"),
                *(word for name in names for word in ("-o", str(world.scratch / f"got.{name}"), base + name)))
            head = run("curl", "-sS", "-I", base + "small")
    finally:
        nginx.kill()
        nginx.wait()
    got = {name: (world.scratch / f"got.{name}").read_bytes() for name in names}
    want = {name: data.replace(b"needle", b"a thread") for name, data in files.items()}
    want |= {"echo": b"pktmod|yes|", "plain": files["plain"], "page.shtml": b"begin a thread 1 end", "missing": b"nothing here"}
    for name in names:
        check(got[name] == want[name], f"/{name}: {got[name][:80]!r} ({len(got[name])} bytes), not {want[name][:80]!r} ({len(want[name])})")
    heads = (world.scratch / "heads").read_bytes().decode().lower().split("\r\n\r\n")[:-1]
    check(len(heads) == len(names), f"{len(heads)} heads: {heads}")
    for name, text in zip(names, heads):
        check(("server:" in text) == (name == "plain") and ("x-from: pktmod" in text) == (name != "plain"), f"/{name}: {text}")
    check(" 200 ok" in heads[5] and "content-length: 12" in heads[5] and "content-type: text/plain" in heads[5], heads[5])
    check("X-From: pktmod" in head and f"Content-Length: {len(files['small'])}" in head, f"HEAD: {head}")


STORIES.append((headers_and_bodies_of_a_web_server_are_edited, {"rules": HTTP}))
STORIES.append((headers_and_bodies_of_a_web_server_are_edited, {"rules": HTTP, "mode": "forward", "loss": 0.02}))


# ---------------------------------------------------------------- dig

def dns_answer(query):
    """One address and an HTTPS record, for an hour."""
    message = dns_codec.read(query)
    name = message["qd"][0][0]
    message.update(flags=0x8180, ns=[], an=[(name, dns_codec.A, 1, 3600, [b"\xcb\0\x71\x09"]),
                                            (name, dns_codec.HTTPS, 1, 3600, [b"\0\1", ()])])
    message["ar"] = [record for record in message["ar"] if record[1] == dns_codec.OPT]
    return dns_codec.write(message)


def serve_dns(datagrams, listener, asked):
    """Answers queries over UDP and TCP, and keeps what was asked for."""
    def over_udp():
        while True:
            query, peer = datagrams.recvfrom(65536)
            asked.append(dns_codec.read(query)["qd"][0][0])
            datagrams.sendto(dns_answer(query), peer)

    def over_tcp():
        while True:
            client, _ = listener.accept()
            with client, client.makefile("rb") as stream:
                while head := stream.read(2):
                    query = stream.read(struct.unpack(">H", head)[0])
                    asked.append(dns_codec.read(query)["qd"][0][0])
                    answer = dns_answer(query)
                    for byte in struct.pack(">H", len(answer)) + answer:  # as small as segments can be
                        client.sendall(bytes([byte]))
    datagrams.settimeout(None)
    listener.settimeout(None)
    for work in (over_udp, over_tcp):
        threading.Thread(target=work, daemon=True).start()


DNS_ENDS = ["10.88.0.0/24", "fd88::/64"]
DNS_RULES = {"pktmod": 1, "policy": {"hold_ms": 5000}, "rules": [
    {"id": "sink", "match": {"ip.dst": DNS_ENDS, "udp.dstport": 53, "dns.qry.name": {"suffix": "sink.example"}},
     "rewrite": [{"dns": {"respond": True, "answers": ["192.0.2.7", "2001:db8::7"], "ttl": 7}}]},
    {"id": "there", "match": {"ip.dst": DNS_ENDS, "l4.dstport": 53},
     "rewrite": [{"replace": {"find": "here.example", "with": "over-there.example", "in": "dns.name"}}]},
    {"id": "back", "match": {"ip.src": DNS_ENDS, "l4.srcport": 53, "dns.flags.response": True},
     "rewrite": [{"replace": {"find": "over-there.example", "with": "here.example", "in": "dns.name"}},
                 {"dns": {"ttl": {"max": 60}, "remove_types": ["HTTPS"]}}]},
    {"id": "moved", "match": {"ip.src": DNS_ENDS, "l4.srcport": 53, "dns.qry.name": "moved.over-there.example"},
     "rewrite": [{"dns": {"answers": [{"cname": "new.example"}, "198.51.100.9"]}}]}]}


def dig_believes_what_rules_make_of_answers(world):
    if not shutil.which("dig"):
        return
    asked, looks = [], [("www.here.example", "A", [], "www.here.example. 60 IN A 203.0.113.9"),
                        ("moved.here.example", "A", [], "moved.here.example. 60 IN CNAME new.example.\n"
                                                        "new.example. 60 IN A 198.51.100.9")]
    for family, address in NETWORK.items():
        datagrams = world.socket("network", family, socket.SOCK_DGRAM)
        datagrams.bind((address, 53))
        serve_dns(datagrams, world.listen(family, 53), asked)
        for name, kind, options, want in (*looks, *((n, k, ["+tcp"], w) for n, k, _, w in looks),
                                          ("a.sink.example", "A", [], "a.sink.example. 7 IN A 192.0.2.7"),
                                          ("sink.example", "AAAA", ["+noedns"], "sink.example. 7 IN AAAA 2001:db8::7")):
            with world.inside("host"):
                said = run("dig", "+noall", "+answer", "+comments", "+tries=1", "+time=10", *options, f"@{address}", name, kind)
            found = [" ".join(line.split()) for line in said.splitlines() if line and not line.startswith(";")]
            check("\n".join(found) == want and "WARNING" not in said and "malformed" not in said.lower(),
                  f"{name} {options} from {address}:\n{said}")
    names = {b".".join(name).decode() for name in asked}
    check(names == {"www.over-there.example", "moved.over-there.example"}, f"the server was asked for {names}")


STORIES.append((dig_believes_what_rules_make_of_answers, {"rules": DNS_RULES}))
STORIES.append((dig_believes_what_rules_make_of_answers, {"rules": DNS_RULES, "mode": "forward"}))


# ---------------------------------------------------------------- programs that decide

CLIENT = pathlib.Path(__file__).resolve().parents[2] / "tunnel-ext" / "examples" / "external_client.py"


def decider(world, timeout_ms):
    """Starts the tunnel and an example of such a program, which puts "a thread" for each needle."""
    path = world.scratch / "decider.sock"
    edit = {"socket": str(path), "timeout_ms": timeout_ms, "on_timeout": "pass"}
    world.rules = {"pktmod": 1, "rules": [
        {"id": "ask", "match": {"ip.dst": "10.88.0.0/24", "tcp.dstport": PORT}, "rewrite": [{"external": edit}]}]}
    world.start()
    process = subprocess.Popen([sys.executable, CLIENT, path, "needle", "a thread"], preexec_fn=die_with_parent,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    world.ends.callback(process.wait)
    world.ends.callback(process.kill)
    time.sleep(0.7)
    return process


@story(start=False)
def a_program_that_decides_slowly_slows_its_stream_and_costs_no_memory(world):
    process = decider(world, 20000)
    data = payload("grow", 32 << 20)
    want = data.replace(b"needle", b"a thread")
    client, server = world.pair()
    process.send_signal(signal.SIGSTOP)
    task, hears = Task(send_all, client, data), Task(read_all, server)
    time.sleep(1)
    before = world.memory_kib("VmRSS")
    check(task.is_alive(), "the sender was never stopped")
    time.sleep(1)
    check(world.memory_kib("VmRSS") - before < 1024, "memory grows while nobody decides")
    process.send_signal(signal.SIGCONT)
    check(hears.result(120) == (hashlib.sha256(want).hexdigest(), len(want)), "not what the program made of it")
    task.result()


@story(start=False)
def a_program_decides_about_a_stream_and_may_die(world):
    process = decider(world, 2000)
    try:
        data = payload("grow", 1 << 20)
        want = data.replace(b"needle", b"a thread")
        client, server = world.pair()
        task, hears = Task(send_all, client, data), Task(read_all, server)
        check(hears.result() == (hashlib.sha256(want).hexdigest(), len(want)), "not what the program made of it")
        task.result()
        client, server = world.pair()
        client.sendall(b"one needle, ")
        check(server.recv(100) == b"one a thread, ", "not what the program made of it")
    finally:
        process.kill()
        process.wait()
    send_all(client, b"two needles")
    check(read_all(server)[1] == len(b"two needles"), "the stream did not go on without the program")


# ---------------------------------------------------------------- control, and other rules

def puts(text):
    """Rules that put that text for each needle, both ways."""
    rules = rules_for("grow", "grow")
    for rule in rules["rules"]:
        rule["rewrite"] = [{"replace": {"find": "needle", "with": text}}]
    return rules


def says(client, server, text, want):
    for one, other in ((client, server), (server, client)):
        one.sendall(text)
        heard = b""
        while len(heard) < len(want):
            piece = other.recv(len(want) - len(heard))
            check(piece, f"the stream ended after {heard!r}")
            heard += piece
        check(heard == want, f"heard {heard!r}, not {want!r}")


def reloads(world):
    """One long transfer, begun under the first rules; and connections that begin under each of the next ones."""
    client, server = world.pair()
    data = payload("grow", 24 << 20)
    want = rewritten("grow", data)
    half = len(data) // 2
    hears = Task(read_all, server)
    sends = Task(client.sendall, data[:half])
    others = []
    for number in range(20):
        world.reload(puts(f"thread {number}"))
        check(world.ctl("stats", "--json")["reloads"] == number + 1, "it was not reloaded")
        others.append((number, world.pair()))
        for begun, ends in others:
            says(*ends, b"a needle.", b"a thread %d." % begun)
        if len(others) > 3:
            for end in others.pop(0)[1]:
                end.close()
        time.sleep(0.1)
    sends.result()
    send_all(client, data[half:])
    check(hears.result() == (hashlib.sha256(want).hexdigest(), len(want)), "not the stream of the first rules")
    check(read_status(world)["reloads"] == 20, "reloads are missing")


def read_status(world):
    return world.ctl("status", "--json")


for mode in ("reflect", "forward"):
    def twenty_reloads(world):
        reloads(world)
    twenty_reloads.__name__ = f"{mode}: a stream keeps its rules through twenty reloads"
    story(mode=mode, up="grow", down="grow")(twenty_reloads)


@story(up="grow", down="grow")
def rules_that_are_refused_change_nothing(world):
    client, server = world.pair()
    says(client, server, b"a needle.", rewritten("grow", b"a needle."))
    told = world.reload({"pktmod": 1, "rules": [{"id": "bad", "match": {"tcp.port": "x"}, "rewrite": []}]}, good=False)
    check("the ones before stay in force" in told, told)
    says(client, server, b"a needle.", rewritten("grow", b"a needle."))
    says(*world.pair(), b"a needle.", rewritten("grow", b"a needle."))


@story(up="grow", down="grow")
def more_earlier_rules_than_are_kept_are_refused(world):
    kept = [(world.pair(), "a far longer thread than any needle")]
    for number in range(32):
        world.reload(puts(f"{number}"))
        kept.append((world.pair(), f"{number}"))
    told = world.reload(puts("one too many"), good=False)
    check("connections of 32 earlier rule files still go on" in told, told)
    for ends, text in kept:
        says(*ends, b"a needle.", b"a %s." % text.encode())
    for end in kept[0][0]:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.close()


@story(up="grow", down="grow")
def a_reload_routes_new_destinations(world):
    with world.inside("network"):
        run("ip", "addr", "add", "10.99.0.2/32", "dev", "e0")
    with world.inside("host"):
        run("ip", "route", "add", "10.99.0.0/24", "via", "10.88.0.2", "dev", "e0")
    rules = puts("thread")
    for rule in rules["rules"]:
        rule["match"]["ip.addr"] = ["10.99.0.0/24"]
    NETWORK[4], before = "10.99.0.2", NETWORK[4]
    try:
        says(*world.pair(), b"a needle.", b"a needle.")
        world.reload(rules)
        says(*world.pair(), b"a needle.", b"a thread.")
    finally:
        NETWORK[4] = before


@story(options=["--events", "none"])
def control_shows_what_goes_on_and_ends_it(world):
    events = subprocess.Popen([world.pktmod, "ctl", "--control", str(world.scratch / "run" / "control.sock"), "events",
                               "-f"], stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
    try:
        time.sleep(0.3)  # until it is there
        client, server = world.pair()
        says(client, server, b"nothing to find", b"nothing to find")
        flows = world.ctl("flows", "--json")["flows"]
        check(any(flow["dest_port"] == PORT and flow["dir"] == "out" for flow in flows), f"{flows}")
        check("tunnel   pmtun, reflect, 2 destinations" in world.ctl("status"), world.ctl("status"))
        stats = world.ctl("stats", "--json")
        check(stats["tunnel_connections"] == 1 and stats["packets"] > 5, f"{stats}")
        check("pktmod_tunnel_connections_total 1" in world.ctl("stats", "--prometheus"), "no metric")
        world.ctl("stop")
        world.stats = json.loads(world.process.communicate(timeout=20)[0])
        check(world.process.returncode == 0, f"ended with {world.process.returncode}")
    finally:
        lines, _ = events.communicate(timeout=20)
    kinds = [json.loads(line).get("event_type") for line in lines.splitlines()]
    check("flow" in kinds, f"{kinds}")


# ---------------------------------------------------------------- verdicts

def judged(*rules, rewrite=True):
    file = rules_for("grow", "grow")
    file["rules"] = list(rules) + (file["rules"] if rewrite else [])
    return file


VERDICTS = judged(
    {"id": "dropped", "match": {"tcp.dstport": 7001}, "verdict": "drop"},
    {"id": "rejected", "match": {"tcp.dstport": 7002}, "verdict": {"reject": "auto"}},
    {"id": "delayed", "match": {"tcp.dstport": PORT, "tcp.flags.syn": True}, "verdict": {"delay": {"ms": 300}}},
    {"id": "word", "match": {"tcp.dstport": PORT, "payload": {"contains": "forbidden"}}, "verdict": {"reject": "auto"}},
    {"id": "udp", "match": {"udp.dstport": 7003}, "verdict": {"reject": "auto"}})


def verdicts(world):
    with world.listen(port=7001), world.listen(port=7002) as reached, world.listen() as listener:
        check(outcome(world, 4, NETWORK[4], 7001, 1.5) == "silence", "a dropped SYN was answered")
        check(outcome(world, 4, NETWORK[4], 7002) == "ECONNREFUSED", "a rejected SYN was not refused")
        reached.settimeout(0.2)
        try:
            reached.accept()
            raise AssertionError("a rejected SYN reached the server")
        except socket.timeout:
            pass
        client = world.socket("host")
        began = time.monotonic()
        client.connect((NETWORK[4], PORT))
        check(time.monotonic() - began >= 0.29, "the SYN did not wait")
        server, _ = listener.accept()
        server.settimeout(30)
        says(client, server, b"a needle.", rewritten("grow", b"a needle."))
        client.sendall(b"a forbidden word")
        check(is_reset(client), "its sender was not told")
        check(is_reset(server), "its receiver was not told")
    with world.socket("host", 4, socket.SOCK_DGRAM) as client:
        client.connect((NETWORK[4], 7003))
        client.send(b"anybody?")
        try:
            client.recv(100)
            raise AssertionError("somebody answered")
        except OSError as told:
            check(told.errno in (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.EACCES), f"{told}")
    stats = world.stop()
    check(stats["dropped"] >= 1 and stats["rejected"] >= 3 and stats["delayed"] == 1, f"{stats}")


for mode in ("reflect", "forward"):
    def verdicts_in(world):
        verdicts(world)
    verdicts_in.__name__ = f"{mode}: verdicts come before rewriting"
    story(mode=mode, rules=VERDICTS)(verdicts_in)


@story(rules=judged({"id": "late", "stage": "after-rewrite", "match": {"payload": {"contains": "far longer"}},
                     "verdict": {"reject": "auto"}}))
def a_verdict_may_come_after_rewriting(world):
    client, server = world.pair()
    says(client, server, b"nothing. ", b"nothing. ")
    client.sendall(b"a needle.")
    check(is_reset(client), "its sender was not told")
    check(is_reset(server), "its receiver was not told")


@story(rules=judged({"id": "ask", "match": {"tcp.dstport": 7001, "tcp.flags.syn": True},
                     "verdict": {"ask": {"timeout_ms": 20000, "on_timeout": "drop"}}}))
def a_question_is_answered(world):
    with world.listen(port=7001) as listener:
        task = Task(outcome, world, 4, NETWORK[4], 7001)
        deadline = time.monotonic() + 10
        while not (asks := read_status(world)["asks"]) and time.monotonic() < deadline:
            time.sleep(0.05)
        check(len(asks) == 1 and asks[0]["rule"] == "ask" and asks[0]["dest_port"] == 7001, f"{asks}")
        world.ctl("answer", str(asks[0]["id"]), "allow", "--for", "flow")
        check(task.result() == "connected", "the allowed connection does not come to be")
        listener.accept()


# ---------------------------------------------------------------- with the filter

@story(rules=judged({"id": "plain", "match": {"tcp.dstport": 7001}, "verdict": "drop"},
                    {"id": "seen", "match": {"tcp.dstport": PORT}, "verdict": "allow"}),
       options=["--filter", "nfqueue:88", "--install"])
def the_filter_in_the_same_run_judges_the_rest_and_nothing_twice(world):
    def queued():
        with world.inside("host"):
            lines = run("iptables", "-w", "-t", "mangle", "-vnxL", "PKTMOD-Q88").splitlines()
        return sum(int(line.split()[0]) for line in lines if "NFQUEUE" in line)

    with world.inside("network"):
        run("ip", "addr", "add", "10.99.0.2/32", "dev", "e0")
    with world.inside("host"):
        run("ip", "route", "add", "10.99.0.0/24", "via", "10.88.0.2", "dev", "e0")
    deadline = time.monotonic() + 10
    while "filtering" not in world.said() and time.monotonic() < deadline:
        time.sleep(0.02)
    before = queued()
    exchange(*world.pair(), "grow", "grow", 1 << 20)
    check(queued() == before, f"{queued() - before} packets of the tunnel were queued too")
    check(outcome(world, 4, NETWORK[4], 7001, 1.5) == "silence", "the tunnel did not judge")
    check(queued() == before, "a packet of the tunnel was queued")
    with world.socket("network") as listener:
        listener.bind(("10.99.0.2", PORT))
        listener.listen()
        check(outcome(world, 4, "10.99.0.2", PORT) == "connected", "what is not tunnelled does not connect")
    check(queued() >= before + 2, "what is not tunnelled was not queued")
    check(outcome(world, 4, "10.99.0.2", 7001, 1.5) == "silence", "the filter did not judge")
    world.reload(puts("thread"))
    says(*world.pair(), b"a needle.", b"a thread.")
    check(outcome(world, 4, "10.99.0.2", 7001) == "ECONNREFUSED", "the filter kept its old rules")
    check(read_status(world)["installed"], "the filter's rules are not installed")


# ---------------------------------------------------------------- the network changes

@story(up="grow", down="grow", start=False)
def another_address_of_the_host_is_taken_by_what_comes_then(world):
    with world.inside("host"):
        run("ip", "addr", "add", "10.88.0.3/24", "dev", "e0")  # of the same network: promoted when the first goes
        pathlib.Path("/proc/sys/net/ipv4/conf/e0/promote_secondaries").write_text("1\n")
    world.start()
    old = world.pair()
    says(*old, b"a needle.", rewritten("grow", b"a needle."))
    with world.socket("network", 4, socket.SOCK_DGRAM) as echo, world.socket("host", 4, socket.SOCK_DGRAM) as client:
        echo.bind((NETWORK[4], PORT))
        for address in ("10.88.0.1", "10.88.0.3"):
            client.sendto(b"hello", (NETWORK[4], PORT))
            said, peer = echo.recvfrom(100)
            check((said, peer[0]) == (b"hello", address), f"heard {said!r} from {peer}")
            echo.sendto(b"welcome", peer)
            check(client.recv(100) == b"welcome", "no answer")
            if address == "10.88.0.1":
                with world.inside("host"):
                    run("ip", "addr", "del", "10.88.0.1/24", "dev", "e0")
    with world.listen() as listener, world.socket("host") as client:
        client.connect((NETWORK[4], PORT))
        server, peer = listener.accept()
        check(peer[0] == "10.88.0.3", f"the server sees {peer}")
        says(client, server, b"a needle.", rewritten("grow", b"a needle."))


@story(up="grow", down="grow")
def another_way_to_the_network_is_taken_by_connections_that_are_there(world):
    world.link("host", "network", "e9", ["10.89.0.1/24"], ["10.89.0.2/24"])
    client, server = world.pair()
    task, hears = Task(send_all, client, data := payload("grow", 24 << 20)), Task(read_all, server)
    time.sleep(0.1)
    with world.inside("host"):
        run("ip", "route", "replace", "10.88.0.2/32", "via", "10.89.0.2", "dev", "e9", "src", "10.88.0.1")
        for device in ("all", "e0", "e9"):
            pathlib.Path(f"/proc/sys/net/ipv4/conf/{device}/rp_filter").write_text("0\n")
    want = rewritten("grow", data)
    check(hears.result() == (hashlib.sha256(want).hexdigest(), len(want)), "not the rewritten stream")
    task.result()
    says(*world.pair(), b"a needle.", rewritten("grow", b"a needle."))


# ---------------------------------------------------------------- ends of the tunnel

@story(start=False)
def kill_9_leaves_nothing_behind(world):
    nothing(world, signal.SIGKILL)


@story(start=False, mode="forward")
def kill_9_of_forward_leaves_nothing_behind(world):
    nothing(world, signal.SIGKILL)


@story(start=False)
def an_ordinary_end_leaves_nothing_behind(world):
    nothing(world, signal.SIGTERM)


def nothing(world, how):
    before = world.routing()
    world.start()
    check(world.routing() != before, "nothing was routed")
    client, server = world.pair()
    client.sendall(bytes(100000))
    world.process.send_signal(how)
    world.process.wait(20)
    nothing_is_left(world, before)


def nothing_is_left(world, before):
    deadline = time.monotonic() + 5
    while world.routing() != before and time.monotonic() < deadline:
        time.sleep(0.05)
    check(world.routing() == before, f"left behind:\n{world.routing()}\nbefore:\n{before}")


@story()
def a_second_tunnel_is_refused_and_the_first_goes_on(world):
    (world.scratch / "second").mkdir()
    second = World(world.pktmod)
    second.names, second.scratch = world.names, world.scratch / "second"
    process = second.begin()
    process.communicate(timeout=20)
    check(process.returncode == 2, f"ended with {process.returncode}")
    check("another tunnel runs here" in second.said(), second.said())
    exchange(*world.pair(), "grow", "shrink", 100_000)


@story(start=False)
def a_firewall_in_the_way_is_found_at_start(world):
    before = world.routing()
    with world.inside("host"):
        run("iptables", "-w", "-A", "INPUT", "-i", "pmtun", "-j", "DROP")
    process = world.begin()
    process.communicate(timeout=20)
    check(process.returncode == 2, f"ended with {process.returncode}")
    check("a firewall may drop what comes in by pmtun" in world.said(), world.said())
    nothing_is_left(world, before)


@story(start=False)
def not_permitted_is_one_line(world):
    process = world.begin(["setpriv", "--reuid", "65534", "--clear-groups", *world.command()])
    process.communicate(timeout=20)
    check(process.returncode == 2, f"ended with {process.returncode}: {world.said()}")
    lines = [line for line in world.said().splitlines() if line.startswith("pktmod:")]
    check(len(lines) == 1 and "ermitted" in lines[0], world.said())


# ---------------------------------------------------------------- large ones

@contextlib.contextmanager
def capped(world, most):
    """The kernel lets the process have no more memory; where it cannot, what the process took is looked at."""
    folder = pathlib.Path(f"/sys/fs/cgroup/memory/{PREFIX}-{os.getpid()}")
    try:
        folder.mkdir()
        (folder / "memory.limit_in_bytes").write_text(str(most))
        (folder / "cgroup.procs").write_text(str(world.process.pid))
    except OSError:
        yield None
        return
    try:
        yield folder
    finally:
        (folder.parent / "cgroup.procs").write_text(str(world.process.pid))
        folder.rmdir()


# One in which no other byte can begin a find: where the kernel drops what its queues cannot take, a sender that waits for
# held bytes to be acknowledged waits until they are let go (README.md, "Holds given up"), and a find is missed.
@story(up="rare grow", down="none", long=True)
def a_gigabyte_to_a_slow_server_in_64_mebibytes(world):
    if b"__asan_init" in pathlib.Path(world.pktmod).read_bytes():
        return  # which takes more by itself
    with capped(world, 64 << 20) as folder:
        gigabyte(world)
        if folder:
            failed = int((folder / "memory.failcnt").read_text())
            check(failed == 0, f"the limit was met {failed} times")


def gigabyte(world):
    client, server = world.pair(buffer=262144)
    piece = payload("rare grow", 64 << 20)
    want = hashlib.sha256()
    for _ in range(16):
        want.update(rewritten("rare grow", piece + b"\n"))

    def upload():
        for _ in range(16):
            client.sendall(piece + b"\n")
        client.shutdown(socket.SHUT_WR)

    def slow():
        got = hashlib.sha256()
        while True:
            data = server.recv(1 << 20)
            if not data:
                return got.hexdigest()
            got.update(data)
            time.sleep(0.0005)

    task, hears = Task(upload), Task(slow)
    task.result(1800)
    got = hears.result(600)
    check(got == want.hexdigest(), f"not the rewritten stream: {world.ctl('stats')}")
    check(world.memory_kib() <= 64 << 10, f"it took {world.memory_kib() >> 10} MiB")


for mode in ("reflect", "forward"):
    def idle(world):
        client, server = world.pair()
        says(client, server, b"a needle.", rewritten("grow", b"a needle."))
        time.sleep(240)
        says(client, server, b"a needle.", rewritten("grow", b"a needle."))
    idle.__name__ = f"{mode}: a connection that said nothing for four minutes goes on"
    story(mode=mode, up="grow", down="grow", long=True)(idle)

for mode in ("reflect", "forward"):
    for loss in (0.0, 0.01, 0.05):
        def large(world):
            exchange(*world.pair(), "rare shrink", "rare grow", 100 << 20)
        large.__name__ = f"{mode}: 100 MB each way, loss {loss:.0%}"
        story(mode=mode, up="rare shrink", down="rare grow", loss=loss, long=True)(large)


# ---------------------------------------------------------------- the program

def tell(number, told, how, pktmod):
    how = {key: value for key, value in how.items() if key != "long"}
    began = time.monotonic()
    try:
        with World(pktmod, number=number, **how) as world:
            told(world)
            if world.process and world.process.poll() is None:
                world.stop()
        problem = None
    except Exception as caught:
        problem = f"{type(caught).__name__}: {caught}"
    name = told.__name__.replace("_", " ")
    print(f"{'FAIL' if problem else 'ok  '} {time.monotonic() - began:5.1f} s  {name}", flush=True)
    if problem:
        print(f"      {problem}", flush=True)
    return problem is None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pktmod")
    parser.add_argument("-k", default="")
    parser.add_argument("--long", action="store_true")
    arguments = parser.parse_args()
    why = missing()
    if why:
        print(f"skipped: {why}")
        return 77
    sweep()
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, max(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    chosen = [(told, how) for told, how in STORIES
              if arguments.k in told.__name__.replace("_", " ") and (arguments.long or not how.get("long"))]
    failed = sum(not tell(number, told, how, os.path.abspath(arguments.pktmod))
                 for number, (told, how) in enumerate(chosen))
    print(f"{len(chosen) - failed} of {len(chosen)} stories")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
