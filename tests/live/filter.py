#!/usr/bin/env python3
"""filter.py PKTMOD [-k TEXT] - pktmod run between real kernels: verdicts, reload, floods, deaths.

    peer (10.78.0.2, fd78::2) -- pmpeer == pmhost -- host (10.78.0.1, fd78::1), where pktmod runs
"""
import argparse
import contextlib
import errno
import grp
import hashlib
import json
import os
import multiprocessing
import pathlib
import re
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from world import FAMILIES, PREFIX, die_with_parent, inside, libc, run, sweep, switch

ADDRESSES = {4: {"host": "10.78.0.1", "peer": "10.78.0.2"}, 6: {"host": "fd78::1", "peer": "fd78::2"}}
STORIES = []
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
    STORIES.append(tell)
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


@story
def each_verdict_in_both_families_and_both_directions(world):
    process = world.filter(world.rules(VERDICTS))
    for family in (4, 6):
        for side, server in (("host", "peer"), ("peer", "host")):
            for port in (OPEN, DROP, REJECT, DELAY, ASK):
                world.serve(server, family, port)
                world.serve(server, family, port, socket.SOCK_DGRAM)
            for what in (connection, datagram):
                told = f"{what.__name__} from {side}, IPv{family}"
                for port, expected in ((OPEN, {"works"}), (DROP, {"silence"}), (DELAY, {"works"}),
                                       (REJECT, {"refused", "EHOSTUNREACH", "EACCES"})):
                    result, took = outcome(lambda: what(world, side, family, port, 1.0))
                    check(result in expected, f"{told}, port {port}: {result}, not {expected}")
                    if port == DELAY:
                        check(took >= 0.1, f"{told}: took {took:.3f} s, with a delay of 0.1")
    world.stop(process)


@story
def a_question_waits_for_its_answer(world):
    process = world.filter(world.rules(VERDICTS), "--events", str(world.folder / "events"))
    world.serve("peer", 4, ASK)

    def answer(word):
        until = time.monotonic() + 10
        while time.monotonic() < until:
            asks = json.loads(world.ctl("status", "--json"))["asks"]
            if asks:
                check(asks[0]["rule"] == "who" and asks[0]["dest_port"] == ASK, f"not the question: {asks}")
                if word == "allow":  # the answer to an old question holds under the new rules
                    world.ctl("reload")
                world.ctl("answer", str(asks[0]["id"]), word)
                return
            time.sleep(0.05)

    for word, expected in (("allow", "works"), ("drop", "silence"), (None, "silence")):
        helper = threading.Thread(target=answer, args=(word,)) if word else None
        if helper:
            helper.start()
        result, _ = outcome(lambda: connection(world, "host", 4, ASK, 1.0 if word != "allow" else 10.0))
        if helper:
            helper.join()
        check(result == expected, f"answered {word}: {result}")
    world.ctl("answer", "999", "allow", fails=True)
    world.stop(process)
    told = [json.loads(line) for line in (world.folder / "events").read_text().splitlines()]
    kinds = [event["pktmod"].get("event") for event in told if event["event_type"] == "pktmod"]
    check(kinds.count("ask") >= 2 and "answer" in kinds, f"events: {kinds}")


@story
def programs_work_as_without_it(world):
    for tool in ("nginx", "curl", "ping", "iperf3"):
        if not shutil.which(tool):
            print(f"      without {tool}: it is not installed")
    process = world.filter(world.rules(VERDICTS + [{"id": "look", "match": {"payload": {"contains": "no such text"}},
                                                    "verdict": "drop"}]), queue="8-11")
    if shutil.which("ping"):
        for family in (4, 6):
            with inside(world.names["host"]):
                run("ping", "-c", "3", "-i", "0.2", "-W", "5", ADDRESSES[family]["peer"])
    if shutil.which("nginx") and shutil.which("curl"):
        content = os.urandom(3_000_000)
        (world.folder / "file").write_bytes(content)
        os.chmod(world.folder, 0o755)
        conf = world.folder / "nginx.conf"
        conf.write_text(f"daemon off; pid {world.folder}/pid; error_log {world.folder}/error;\n"
                        "events {}\nhttp { access_log off; server { listen 80; listen [::]:80; "
                        f"root {world.folder}; }} }}\n")
        world.start("peer", "nginx", "-c", str(conf), stderr=subprocess.DEVNULL)
        for host in (ADDRESSES[4]["peer"], f"[{ADDRESSES[6]['peer']}]"):
            with inside(world.names["host"]):
                done = subprocess.run(["curl", "-sS", "--retry", "20", "--retry-connrefused", "--retry-delay", "1",
                                       "-m", "60", f"http://{host}/file"], capture_output=True, timeout=100)
            check(hashlib.sha256(done.stdout).digest() == hashlib.sha256(content).digest(),
                  f"curl got {len(done.stdout)} bytes; {done.stderr.decode()}")
    if shutil.which("iperf3"):
        world.start("peer", "iperf3", "-s", "-1", stdout=subprocess.DEVNULL)
        time.sleep(1)
        with inside(world.names["host"]):
            told = json.loads(run("iperf3", "-c", ADDRESSES[4]["peer"], "-t", "2", "-J"))
        check(told["end"]["sum_received"]["bytes"] > 1_000_000, "iperf3 moved hardly anything")
    check(world.stats()["packets"] > 100, "the packets went another way")
    world.stop(process)


@story
def memory_is_flat_over_a_long_run(world):
    """Only with --long: 200 000 connections, one after the other, a reload after every 10 000."""
    rules = VERDICTS + [{"id": "per-port", "match": {"tcp.flags": "S"}, "log_only": True,
                         "limit": {"rate": "1/s", "per": ["l4.srcport"]}}]
    with inside(world.names["host"]):  # more than a port for each connection of the last minute
        pathlib.Path("/proc/sys/net/ipv4/tcp_tw_reuse").write_text("1\n")
        pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("10000 65000\n")
    process = world.filter(world.rules(rules), "--events", str(world.folder / "events"), queue="8-9")
    world.serve("peer", 4, OPEN)
    sizes = []
    for number in range(LONG_CONNECTIONS):
        with world.dial("host", 4, OPEN) as client:
            talk(client, b"%d" % number)
        if number % 10_000 == 9_999:
            world.rules(rules + [{"id": f"more-{number}", "match": {"tcp.dstport": 1}, "verdict": "drop"}])
            world.ctl("reload")
            sizes.append(resident_kb(process))
            (world.folder / "events").write_text("")
            print(f"      {number + 1} connections: {sizes[-1]} KB", flush=True)
    told = world.stats()
    check(told["flows_seen"] >= LONG_CONNECTIONS, f"stats: {told}")
    # Tables fill within the first half.
    half = len(sizes) // 2
    check(max(sizes[half:]) - max(sizes[:half]) < 2048, f"memory grew: {sizes} KB")
    world.stop(process)


memory_is_flat_over_a_long_run.is_long = True


def resident_kb(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


@story
def ten_thousand_connections_and_flat_memory(world):
    for side in world.names:  # its own flows would make room among the half-open ones
        with inside(world.names[side]):
            pathlib.Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1\n")
    events = world.folder / "events"
    process = world.filter(world.rules([{"id": "record", "match": {}, "log_only": True}], policy={"flows": 2000}),
                           "--events", str(events))
    world.serve("peer", 4, OPEN)
    sizes = []
    for number in range(12_000):
        with world.dial("host", 4, OPEN) as client:
            talk(client, b"%d" % number)
        if number in (9_999, 11_999):  # every table has been gone round once
            sizes.append(resident_kb(process))
        if number == 6_000:  # and the file is moved away
            events.rename(f"{events}.1")
            process.send_signal(signal.SIGHUP)
    check(world.stats()["flows_seen"] >= 12_000, f"flows: {world.stats()['flows_seen']}")
    check(sizes[1] - sizes[0] < 2048, f"memory grew from {sizes[0]} to {sizes[1]} KB")
    world.stop(process)
    lines = [line for file in (f"{events}.1", events) for line in open(file)]
    flows = [event for event in map(json.loads, lines) if event["event_type"] == "flow" and event["proto"] == "TCP"]
    odd = [flow for flow in flows if flow["flow"]["pkts_toserver"] < 3]
    check(not odd, f"{len(odd)} flows were recorded in part: "
          f"{[(flow['flow_id'], flow['src_port'], flow['dest_port'], flow['flow'], flow['tcp']) for flow in odd[:2]]}")
    check(len(flows) == 12_000, f"{len(flows)} of 12000 flows are in the record")


@story
def a_flood_beyond_the_queue_is_counted_and_over(world):
    process = world.filter(world.rules(VERDICTS, policy={"on_engine_error": "drop"}), "--queue-length", "64")
    world.serve("peer", 4, OPEN)
    sender = world.open_socket("host", 4, socket.SOCK_DGRAM)
    process.send_signal(signal.SIGSTOP)
    for _ in range(3000):
        with contextlib.suppress(OSError):
            sender.sendto(b"x" * 100, (ADDRESSES[4]["peer"], OPEN))
    process.send_signal(signal.SIGCONT)
    connection(world, "host", 4, OPEN, 20)
    check(world.stats()["queue_full"] > 1000, f"queue_full is {world.stats()['queue_full']}")
    world.stop(process)


@story
def a_full_queue_lets_pass_where_the_policy_says_so(world):
    """And a reload changes it. The kernel counts what it drops, not what it lets pass."""
    rules = [{"id": "no", "match": {"udp.dstport": DROP}, "verdict": "drop"}]
    process = world.filter(world.rules(rules, policy={"on_engine_error": "drop"}), "--queue-length", "64")
    server = world.open_socket("peer", 4, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
    server.bind((ADDRESSES[4]["peer"], DROP))
    server.setblocking(False)
    for word, is_open in (("drop", False), ("allow", True), ("drop", False)):
        world.rules(rules, policy={"on_engine_error": word})
        world.ctl("reload")
        before = world.stats()["queue_full"]
        process.send_signal(signal.SIGSTOP)
        with world.open_socket("host", 4, socket.SOCK_DGRAM) as sender:
            for _ in range(1000):
                with contextlib.suppress(OSError):
                    sender.sendto(b"x" * 100, (ADDRESSES[4]["peer"], DROP))
        process.send_signal(signal.SIGCONT)
        time.sleep(0.5)
        passed, full = 0, world.stats()["queue_full"] - before
        with contextlib.suppress(BlockingIOError):
            while server.recv(200):
                passed += 1
        check(passed > 800 and full == 0 if is_open else passed == 0 and full > 800,
              f"{word}: {passed} passed, {full} are told to be dropped")
    server.close()
    world.stop(process)


@story
def ten_thousand_connections_open_at_once(world):
    """Each answers before and behind a reload."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if files < 11_000:
        print(f"      without: a process may have only {files} open files")
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    with world.open_socket("peer", 4) as server:
        server.bind((ADDRESSES[4]["peer"], OPEN))
        server.listen(4096)
        server.settimeout(None)
        echo = multiprocessing.Process(target=echo_all, args=(server,), daemon=True)  # its files are counted apart
        echo.start()
    world.ends.callback(echo.kill)
    process = world.filter(world.rules(VERDICTS), queue="8-9")
    clients = [world.dial("host", 4, OPEN) for _ in range(10_000)]
    check(world.stats()["flows"] >= 10_000, f"flows: {world.stats()['flows']}")
    for number, client in enumerate(clients):
        talk(client, b"%d" % number)
    seen = world.stats()["flows_seen"]
    world.ctl("reload")
    for number, client in enumerate(clients):
        talk(client, b"again %d" % number)
        client.close()
    check(world.stats()["flows_seen"] < seen + 100, "the reload forgot flows")
    world.stop(process)


@story
def a_hundred_reloads_lose_no_connection(world):
    """Also of flows that the kernel passes by itself: the rules that settle them change each time."""
    rules = world.rules(VERDICTS)
    process = world.filter(rules, "--offload")
    world.serve("peer", 4, OPEN)
    clients = [world.dial("host", 4, OPEN) for _ in range(20)]
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
    for number in range(100):
        world.rules(VERDICTS + [{"id": f"more-{number}", "match": {"tcp.dstport": 1 + number}, "verdict": "drop"}])
        world.ctl("reload")
    is_over.set()
    for thread in threads:
        thread.join(30)
    check(not failures, f"connections broke: {failures[:3]}")
    check(rounds[0] > 100, f"only {rounds[0]} rounds")
    told = world.stats()
    check(told["reloads"] == 100 and told["settled"] >= 20, f"reloads {told['reloads']}, settled {told['settled']}")
    packets, offloaded = told["packets"], told["offloaded"]
    time.sleep(0.3)
    for client in clients:
        for _ in range(50):
            talk(client)
    told = world.stats()
    asked = told["packets"] - packets
    check(asked < 500, f"{asked} packets of settled flows were asked about")
    check(offloaded > 0 and told["offloaded"] - offloaded > 1500, f"offloaded was {offloaded}, is {told['offloaded']}")
    check(told["offloaded_bytes"] > told["offloaded"] * 40, f"{told['offloaded_bytes']} bytes of them")
    # A flow that was settled meets the new rules.
    world.rules([{"id": "all", "match": {"tcp.port": OPEN}, "verdict": "drop"}])
    world.ctl("reload")
    clients[0].settimeout(1)
    check(outcome(lambda: talk(clients[0]))[0] == "silence", "a settled flow passes the rules that drop it")
    world.stop(process)


@story
def beginning_and_end_break_no_connection(world):
    """Packets that wait in the queue when the run ends are decided too."""
    rules = world.rules(VERDICTS)
    world.serve("peer", 4, OPEN)
    clients = [world.dial("host", 4, OPEN) for _ in range(20)]
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
    seen = 0
    for _ in range(5):
        process = world.filter(rules, queue="5-6")
        time.sleep(0.3)
        seen += world.stats()["packets"]
        world.stop(process)
    is_over.set()
    for thread in threads:
        thread.join(30)
    check(not failures and rounds[0] > 100 and seen > 100, f"{rounds[0]} rounds, {seen} packets; {failures[:3]}")


def status_as(path, uid, gid, groups):
    """What somebody else is answered, or what stops them."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(groups)
            os.setgid(gid)
            os.setuid(uid)
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(20)
            client.connect(str(path))
            with contextlib.suppress(BrokenPipeError):  # refused already; the answer tells
                client.sendall(b'{"pktmod":1,"command":"status"}\n')
            os.write(write_end, client.recv(100))
        except OSError as problem:
            os.write(write_end, repr(problem).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read_end, "rb") as told:
        answer = told.read().decode()
    os.waitpid(child, 0)
    return answer


@story
def only_root_and_the_group_may_control(world):
    group = next((found for found in grp.getgrall() if found.gr_gid != 0), None)
    os.chmod(world.folder, 0o755)
    process = world.filter(world.rules(VERDICTS), "--control-group", group.gr_name)
    path = world.folder / "run" / "control.sock"
    check(path.stat().st_mode & 0o777 == 0o660 and path.stat().st_gid == group.gr_gid, "its mode or its group is wrong")
    member, other = 54321, 54322
    check('"ok":true' in status_as(path, member, group.gr_gid, []), "a member was refused")
    check('"ok":true' in status_as(path, member, member, [group.gr_gid]), "a member by a further group was refused")
    check("PermissionError" in status_as(path, other, other, []), "anybody may connect")
    path.chmod(0o666)  # the mode is not all that guards it
    check("only root" in status_as(path, other, other, []), "anybody may ask")
    world.stop(process)
    process = world.filter(world.rules(VERDICTS))
    check(path.stat().st_mode & 0o777 == 0o600, "without a group its mode is wrong")
    world.stop(process)


@story
def bad_rules_change_nothing(world):
    rules = world.rules(VERDICTS)
    process = world.filter(rules)
    world.serve("peer", 4, OPEN)
    world.serve("peer", 4, DROP)
    rules.write_text('{"pktmod": 1, "rules": [{"id": "x", "match": {"tcp.dport": 1}, "verdict": "drop"}]}')
    told = world.ctl("reload", fails=True)
    check("tcp.dstport" in told and "stay in force" in told, f"told: {told}")
    connection(world, "host", 4, OPEN, 20)
    check(outcome(lambda: connection(world, "host", 4, DROP))[0] == "silence", "the rules are gone")
    check(world.stats()["reloads"] == 0, "a refused reload was counted")
    world.stop(process)


@story
def events_are_followed_as_they_happen(world):
    """By two at a time; one that does not read is told how many it missed, and the other misses none."""
    process = world.filter(world.rules([{"id": "record", "match": {"udp.dstport": OPEN}, "log_only": True}]), "--events",
                           "none")
    with socket.socket(socket.AF_UNIX) as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect(str(world.folder / "run" / "control.sock"))
        lazy.sendall(b'{"pktmod":1,"command":"events"}\n')
        with open(world.folder / "followed", "w+") as followed:
            follower = subprocess.Popen([world.pktmod, "ctl", "events", "-f", "--control",
                                         world.folder / "run" / "control.sock"], stdout=followed)
            world.ends.callback(world.end, follower)
            time.sleep(0.5)
            target = (ADDRESSES[4]["peer"], OPEN)
            for sent in range(3000, 30_001, 3000):  # in the end more than the 8 MB that wait for one client
                with world.open_socket("host", 4, socket.SOCK_DGRAM) as sender:
                    for _ in range(3000):
                        sender.sendto(b"x", target)
                alerts, until = 0, time.monotonic() + 60
                while alerts < sent and time.monotonic() < until:
                    time.sleep(0.1)
                    followed.seek(0)
                    lines = followed.read().split("\n")[:-1]
                    alerts = sum(json.loads(line)["event_type"] == "alert" for line in lines)
                check(alerts == sent, f"{alerts} of {sent} events were told")
        check(world.stats()["events_lost"] == 0, "the queue of all events ran over")
        lazy.settimeout(20)
        got, lost = b"", []
        while not lost:
            with world.open_socket("host", 4, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"x", target)
            part = lazy.recv(1 << 20)
            check(part, "the lazy client was sent away")
            got += part
            lost = [json.loads(line) for line in got.split(b"\n")[:-1] if b'"lost"' in line[:30]]
        check(lost[0]["lost"] > 0, f"told: {lost}")
    world.stop(process)


@story
def controllers_that_hang_or_die_disturb_nobody(world):
    process = world.filter(world.rules([{"id": "record", "match": {}, "log_only": True}]), "--events", "none")
    world.serve("peer", 4, OPEN)
    path = str(world.folder / "run" / "control.sock")
    hanging = []
    for line in (b"", b'{"pktmod":1,', b'{"pktmod":1,"command":"events"}\n', b"x" * 5000, b"[" * 3000 + b"\n",
                 b"\x00\xff\n", b'{"pktmod":2,"command":"stop"}\n', b'{"pktmod":1,"command":"answer"}\n'):
        client = socket.socket(socket.AF_UNIX)
        client.connect(path)
        client.sendall(line)
        hanging.append(client)
    for _ in range(300):
        connection(world, "host", 4, OPEN, 20)
    for client in hanging[3:]:
        client.settimeout(10)
        check(b'"ok":false' in client.recv(10000), "a request that is none was not refused")
    hanging[2].close()
    connection(world, "host", 4, OPEN, 20)
    more = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    for client in more:
        client.connect(path)
    more[-1].settimeout(10)
    check(b"no room" in more[-1].recv(1000), "there is always room")
    for client in hanging + more:
        client.close()
    exposition = world.ctl("stats", "--prometheus")
    odd = [line for line in exposition.splitlines() if not re.fullmatch(
        r'# HELP pktmod_\w+ .+|# TYPE pktmod_\w+ (counter|gauge)|pktmod_\w+(\{\w+="[^"\\]+"\})? \d+', line)]
    check("pktmod_packets_total" in exposition and not odd, f"no text format of Prometheus: {odd}")
    check(f":{OPEN}" in world.ctl("flows"), "no flow")
    world.ctl("stop")
    check(process.wait(20) == 0, "stop did not end it well")
    check("PKTMOD" not in world.mangle("iptables"), "rules are left")


@story
def killed_and_started_again(world):
    process = world.filter(world.rules(VERDICTS))
    process.kill()
    process.wait()
    check("PKTMOD-Q5" in world.mangle("iptables"), "the rules went by themselves")
    process = world.filter(world.rules(VERDICTS), queue="6")
    check("PKTMOD-Q5" not in world.mangle("iptables"), "the next run does not clean up")
    check("had died" in world.words(), f"it says nothing: {world.words()}")
    process.kill()
    process.wait()
    with inside(world.names["host"]):
        run(world.pktmod, "run", "--uninstall", "--filter", "nfqueue:6")
    for tool in ("iptables", "ip6tables"):
        check("PKTMOD" not in world.mangle(tool), "--uninstall leaves rules")


@story
def killed_at_any_time_the_next_start_cleans_up(world):
    """Also while a program that changes the firewall is at work: it may end after pktmod."""
    rules = world.rules(VERDICTS)
    began = time.monotonic()
    world.stop(world.filter(rules))
    took, rounds, found = time.monotonic() - began, 20, 0
    for number in range(rounds):
        said = open(world.folder / "said", "a+")
        process = world.start("host", world.pktmod, "run", str(rules), "--filter", "nfqueue:5", "--install", "-q",
                              "--run-dir", str(world.folder / "run"), stdout=said, stderr=said)
        time.sleep(took * number / rounds)
        if number % 4 == 3:
            process.terminate()
            time.sleep(took * number / rounds / 8)
        process.kill()
        process.wait()
        found += "PKTMOD" in world.mangle("iptables")
        world.stop(world.filter(rules, queue="6"))
        check(not list((world.folder / "run").glob("nfqueue-5.*")), "its lock file is left")
    check(0 < found < rounds, f"firewall rules were left {found} of {rounds} times: it was not killed at all times")


@story
def nft_takes_the_rules(world):
    """As far as the kernel can: without NFT_QUEUE everything but that one statement is tried."""
    if not shutil.which("nft"):
        print("      without: nft is not installed")
        return
    rules = world.rules(VERDICTS)
    options = ("--filter", "nfqueue:5-7", "--hook", "input,output,forward", "-i", "pmhost", "-i", "tun+", "--bypass",
               "--firewall", "nft", "--run-dir", str(world.folder / "run"))
    process = world.start("host", world.pktmod, "run", str(rules), *options, stderr=subprocess.PIPE, text=True)
    time.sleep(2)
    process.terminate()
    lines = process.communicate(timeout=20)[1].splitlines()
    text = "\n".join(line for line in lines if line.startswith("  ")) + "\n"
    check("queue num 5-7 bypass" in text, f"it prints {lines}")
    world.nft("-c", "-f", "-", text=text.replace("queue num 5-7 bypass", "accept"))
    world.nft("-f", "-", text="add table inet pktmod-q5")
    with inside(world.names["host"]):
        run(world.pktmod, "run", "--uninstall", "--filter", "nfqueue:5")
    check("pktmod" not in world.nft("list", "tables"), "--uninstall leaves the table")
    try:
        world.nft("-c", "-f", "-", text=text)
    except OSError as problem:
        check("syntax" not in str(problem), f"nft does not understand it: {problem}")
        print("      without: nft rules in force; this kernel has no NFT_QUEUE")
        check("NFT_QUEUE" in refusal(world, *options), "not said")
        check("pktmod" not in world.nft("list", "tables"), "a table is left")
        return
    process = world.filter(rules, "--firewall", "nft", "--offload")
    world.serve("peer", 4, OPEN)
    world.serve("peer", 4, DROP)
    connection(world, "host", 4, OPEN, 20)
    check(outcome(lambda: connection(world, "host", 4, DROP))[0] == "silence", "it was not dropped")
    world.stop(process)


@story
def both_directions_of_a_flow_meet_one_engine(world):
    """Four queues, many hosts; an ICMP error may come by another queue, and arrives all the same."""
    for number in range(1, 17):
        run("ip", "-n", world.names["peer"], "-batch", "-", text=f"addr add 10.78.0.{100 + number}/24 dev pmpeer\n"
            f"addr add fd78::{100 + number}/64 dev pmpeer nodad\n")
    with inside(world.names["peer"]):
        for name in ("ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"):
            pathlib.Path(f"/proc/sys/net/{name}").write_text("0\n")
    process = world.filter(world.rules([{"id": "late", "match": {"flow.new": 1, "tcp.flags.ack": True},
                                         "verdict": "drop"}]), queue="8-11")
    server = world.open_socket("peer", 6)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", OPEN))
    server.listen(64)
    server.settimeout(None)
    world.ends.callback(server.close)
    threading.Thread(target=echo_all, args=(server,), daemon=True).start()
    clients = []
    for family, start in ((4, "10.78.0."), (6, "fd78::")):
        for number in range(1, 17):
            client = world.open_socket("host", family)
            client.connect((f"{start}{100 + number}", OPEN))
            talk(client)
            clients.append(client)
            with world.open_socket("host", family, socket.SOCK_DGRAM) as asking:
                asking.connect((f"{start}{100 + number}", 9))
                asking.send(b"x")
                check(outcome(lambda: asking.recv(10))[0] == "refused", f"no ICMP error of {start}{100 + number}")
    flows = [flow for flow in json.loads(world.ctl("flows", "--json", "--limit", "1000"))["flows"] if flow["ip_proto"] == 6]
    check(len(flows) == len(clients), f"{len(clients)} connections are {len(flows)} flows")
    check(all(flow["packets"] >= 5 for flow in flows), "an engine saw less than a whole connection")
    with inside(world.names["host"]):
        used = [line for line in run("cat", "/proc/net/netfilter/nfnetlink_queue").splitlines() if int(line.split()[7]) > 0]
    check(len(used) > 1, f"all went to one queue: {used}")
    for client in clients:
        client.close()
    world.stop(process)


@story
def systemd_hears_of_it_and_privileges_go(world):
    """A socket in systemd's place: ready, alive twice in each time of the watchdog, stopping."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(world.folder / "notify"))
        manager.settimeout(20)
        rules = world.rules(VERDICTS)
        with inside(world.names["host"]):
            process = subprocess.Popen([world.pktmod, "run", str(rules), "--filter", "nfqueue:5", "--install", "-q",
                                        "--run-dir", str(world.folder / "run")], preexec_fn=die_with_parent,
                                       env={**os.environ, "NOTIFY_SOCKET": str(world.folder / "notify"),
                                            "WATCHDOG_USEC": "600000"})
        world.ends.callback(world.end, process)
        check(manager.recv(100) == b"READY=1", "the first word is not that it is ready")
        check("PKTMOD-Q5" in world.mangle("ip6tables"), "it was ready before its firewall rules were")
        began = time.monotonic()
        for _ in range(8):
            check(manager.recv(100) == b"WATCHDOG=1", "it says something else")
        took = time.monotonic() - began
        check(took < 8 * 0.6, f"eight signs of life took {took:.1f} s, with a watchdog of 0.6")
        for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
            told = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)
            for name in ("CapEff", "CapPrm", "CapBnd"):
                check(int(told[name], 16) == 1 << 12 | 1 << 13, f"{name} of a thread is {told[name]}")
        process.terminate()
        word = manager.recv(100)
        while word == b"WATCHDOG=1":
            word = manager.recv(100)
        check(word == b"STOPPING=1", f"at the end it says {word}")
        check(process.wait(20) == 0, "it did not end well")


def refusal(world, *options, **how):
    with inside(world.names["host"]):
        done = subprocess.run([world.pktmod, "run", str(world.folder / "rules.json"), "--install", *options],
                              text=True, capture_output=True, timeout=60, **how)
    check(done.returncode == 2 and len(done.stderr.splitlines()) == 1,
          f"{options}: exit {done.returncode}, {done.stderr!r}")
    return done.stderr


def without_net_admin():
    if libc.prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN, 0, 0, 0):
        raise OSError("PR_CAPBSET_DROP")


def as_nobody():
    os.setgid(65534)
    os.setuid(65534)


@story
def what_cannot_work_is_one_clear_line(world):
    process = world.filter(world.rules(VERDICTS))
    before = world.mangle("iptables")
    check("taken" in refusal(world, "--filter", "nfqueue:5", "--run-dir", str(world.folder / "other")), "not said")
    check("another pktmod run" in refusal(world, "--filter", "nfqueue:5", "--run-dir", str(world.folder / "run")),
          "not said")
    check("expected" in refusal(world, "--filter", "nfqueue:70000"), "not said")
    check("interface" in refusal(world, "--filter", "nfqueue:7", "-i", "a b; c"), "not said")
    check("no interface" in refusal(world, "--filter", "nfqueue:7", "-i", "nosuch0"), "not said")
    check("no interface" in refusal(world, "--filter", "nfqueue:7", "--hook", "forward", "--inside", "nosuch0"), "not said")
    check("no group" in refusal(world, "--filter", "nfqueue:7", "--control-group", "no such group", "--run-dir",
                                str(world.folder / "other")), "not said")
    check(world.mangle("iptables") == before, "a run that was refused changed the firewall")
    world.stop(process)
    check("not permitted" in refusal(world, "--filter", "nfqueue:5", preexec_fn=without_net_admin), "not said")
    os.chmod(world.folder, 0o755)
    if subprocess.run([world.pktmod, "--version"], preexec_fn=as_nobody, capture_output=True, check=False).returncode:
        print("      without: not permitted; nobody cannot run the command where it lies")
        return
    check("not permitted" in refusal(world, "--filter", "nfqueue:5", preexec_fn=as_nobody), "not said")


@story
def half_an_install_is_none(world):
    """IPv4's rules go in, IPv6's do not: the tool for them fails, in a mount namespace where only that is so."""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        print("      without: no mount namespaces")
        return
    tools = world.folder / "tools"
    tools.mkdir()
    for name in ("iptables-save", "iptables-restore", "ip6tables-save"):
        shutil.copy(os.path.realpath(shutil.which(name)), tools / name)
    (tools / "ip6tables-restore").write_text("#!/bin/sh\necho no IPv6 today >&2\nexit 1\n")
    (tools / "ip6tables-restore").chmod(0o755)
    rules = world.rules(VERDICTS)
    with inside(world.names["host"]):
        done = subprocess.run(["unshare", "-m", "sh", "-ec", 'mount --bind "$1" /usr/sbin; shift; exec "$@"', "sh", tools,
                               world.pktmod, "run", rules, "--filter", "nfqueue:5", "--install", "--run-dir",
                               world.folder / "run"], text=True, capture_output=True, timeout=60)
    check(done.returncode == 2 and done.stderr == "pktmod: run: ip6tables-restore failed: no IPv6 today\n",
          f"exit {done.returncode}: {done.stderr}")
    check("PKTMOD" not in world.mangle("iptables"), "half of the rules are in force")
    check(not list((world.folder / "run").glob("nfqueue*")), "its lock file is left")


@story
def forwarded_packets_have_a_side(world):
    """The host routes between the peer and a third namespace."""
    third = f"{PREFIX}-{os.getpid()}-filter-third"
    run("ip", "netns", "add", third)
    world.ends.callback(subprocess.run, ["ip", "netns", "del", third], capture_output=True)
    world.names["third"] = third
    run("ip", "-n", world.names["host"], "link", "add", "pmin", "type", "veth", "peer", "name", "pmthird", "netns", third)
    run("ip", "-n", world.names["host"], "-batch", "-", text="addr add 10.79.0.1/24 dev pmin\nlink set pmin up\n")
    run("ip", "-n", third, "-batch", "-", text="addr add 10.79.0.2/24 dev pmthird\nlink set pmthird up\n"
        "link set lo up\nroute add default via 10.79.0.1\n")
    run("ip", "-n", world.names["peer"], "route", "add", "default", "via", ADDRESSES[4]["host"])
    with inside(world.names["host"]):
        pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")
    process = world.filter(world.rules([
        {"id": "in", "match": {"dir": "in", "flow.new": 1, "l4.dstport": OPEN}, "verdict": {"reject": "tcp-reset"}}]),
        "--hook", "forward", "--inside", "pmin")
    world.serve("peer", 4, OPEN)
    with world.open_socket("third", 4) as server, world.open_socket("peer", 4) as client, world.open_socket("third", 4) as out:
        server.bind(("10.79.0.2", OPEN))
        server.listen(5)
        out.connect((ADDRESSES[4]["peer"], OPEN))
        talk(out)
        check(outcome(lambda: client.connect(("10.79.0.2", OPEN)))[0] == "refused", "it was let in")
    world.stop(process)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pktmod")
    parser.add_argument("--long", action="store_true", help="also what takes many minutes")
    parser.add_argument("-k", default="", help="only stories whose name has this text")
    asked = parser.parse_args()
    why = missing()
    if why:
        print(f"skipped: {why}")
        return 77
    sweep()
    failed = 0
    for tell in STORIES:
        if asked.k not in tell.__name__ or getattr(tell, "is_long", False) and not asked.long:
            continue
        began = time.monotonic()
        try:
            with World(os.path.abspath(asked.pktmod)) as world:
                tell(world)
            said = "ok"
        except (AssertionError, OSError, subprocess.SubprocessError) as problem:
            failed += 1
            said = f"FAILED: {problem}"
        print(f"{time.monotonic() - began:6.1f} s  {tell.__name__}: {said}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
