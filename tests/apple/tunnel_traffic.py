#!/usr/bin/env python3
"""tunnel_traffic.py - real programs through the macOS packet tunnel: its provider runs in a network namespace, behind
the double's packetFlow is a TUN device.

    tunnel_traffic.py TUNNEL_PUSH [-k TEXT]     stories whose name has TEXT

    host (10.88.0.1, fd88::1) -- e0 ======== e0 -- network (10.88.0.2, fd88::2)
    the tunnel runs in host

Needs root, /dev/net/tun, ip, iptables; otherwise it ends with 77.
"""
import argparse
import hashlib
import json
import pathlib
import select
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))
import tunnel as live  # noqa: E402
from payload import payload, rewritten  # noqa: E402
from tunnel import PORT, Task, check, exchange, outcome, read_all  # noqa: E402
from world import missing, run, sweep  # noqa: E402

HOSTS = {4: "10.88.0.2", 6: "fd88::2"}
STORIES = []


def story(tell):
    STORIES.append(tell)
    return tell


class World(live.World):
    """Where the live tunnel's World has pktmod run, the provider runs under the double."""

    def __init__(self, push, up="grow", down="shrink", port=PORT, hold_ms=5000, **how):
        rules = live.rule_file(up, down, port, hold_ms)
        for rule in rules["rules"]:
            rule["match"]["ip.addr"] = [f"{HOSTS[4]}/32", f"{HOSTS[6]}/128", "10.88.0.99/32"]
        super().__init__(push, rules=rules, **how)

    def wire(self):
        super().wire()
        with self.inside("host"):  # replies come by e0 for what is routed elsewhere, as on a Mac
            for place in ("all", "default", "e0"):
                pathlib.Path(f"/proc/sys/net/ipv4/conf/{place}/rp_filter").write_text("0\n")
        self.batch("host", "route add default via 10.88.0.2 dev e0\n")

    def command(self):
        file = self.scratch / "rules.json"
        file.write_text(json.dumps(self.rules))
        return [self.pktmod, str(file)]

    def start(self):
        with open(self.scratch / "said", "w") as said, self.inside("host"):
            self.process = subprocess.Popen(self.command(), preexec_fn=live.die_with_parent, text=True,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said)
        self.ends.callback(self.kill)
        check(self.line().startswith("carries "), f"the tunnel did not start: {self.said()}")
        deadline = time.monotonic() + 10
        while self.ask("status")["state"] != "carries":
            check(time.monotonic() < deadline, f"the self-test never came back: {self.said()}")
            time.sleep(0.02)

    def line(self, timeout=20):
        ready = select.select([self.process.stdout], [], [], timeout)[0]
        return self.process.stdout.readline() if ready else ""

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, command, **more):
        self.say(json.dumps({"pktmod": 1, "command": command, **more}))
        answer = json.loads(self.line() or "{}")
        check("ok" in answer, f"no answer to {command}: {self.said()}")
        return answer

    def stop(self):
        self.stats = self.ask("stats")
        self.process.stdin.close()
        self.process.stdin = None
        code = self.process.wait(20)
        check(code == 0, f"ended with {code}: {self.said()[-2000:]}")
        with self.inside("host"):
            left = run("ip", "-br", "link") + run("ip", "route", "show", "table", "all")
        check("netun" not in left, f"left behind: {left}")
        return self.stats


# ---------------------------------------------------------------- stories

NGINX = """
daemon off; master_process off; pid {0}/pid; error_log {0}/error.log; events {{ worker_connections 512; }}
http {{
    access_log off; client_body_temp_path {0}/1; proxy_temp_path {0}/2; fastcgi_temp_path {0}/3; uwsgi_temp_path {0}/4;
    scgi_temp_path {0}/5;
    server {{ listen 10.88.0.2:80; listen [fd88::2]:80; root {0}/root; }}
}}
"""


@story
def curl_fetches_a_rewritten_page_from_nginx(push):
    """The page keeps its length, as Content-Length says; what is in it moves all the time."""
    for tool in ("curl", "nginx"):
        if not shutil.which(tool):
            return f"SKIPPED: no {tool}"
    with World(push, "none", "even", port=80) as world:
        page = payload("even", 20_000_000)
        (world.scratch / "root").mkdir()
        (world.scratch / "root" / "page").write_bytes(page)
        (world.scratch / "nginx.conf").write_text(NGINX.format(world.scratch))
        with world.inside("network"):
            nginx = subprocess.Popen(["nginx", "-c", str(world.scratch / "nginx.conf"), "-e",
                                      str(world.scratch / "error.log")], preexec_fn=live.die_with_parent)
        world.ends.callback(nginx.wait, 10)
        world.ends.callback(nginx.terminate)
        want = hashlib.sha256(rewritten("even", page)).hexdigest()
        begin = time.monotonic()
        for host in ("10.88.0.2", "[fd88::2]"):
            got = world.scratch / "got"
            with world.inside("host"):
                done = subprocess.run(["curl", "-sS", "--fail", "--max-time", "100", "--retry", "20", "--retry-delay", "1",
                                       "--retry-connrefused", "-o", str(got), f"http://{host}/page"],
                                      capture_output=True, text=True, timeout=150)
            check(done.returncode == 0, f"curl ended with {done.returncode}: {done.stderr}")
            check(hashlib.sha256(got.read_bytes()).hexdigest() == want, f"{host}: SHA-256 differs")
        rate = 2 * len(page) / 1e6 / (time.monotonic() - begin)
        with world.inside("host"):
            many = [subprocess.Popen(["curl", "-sS", "--fail", "--max-time", "60", "-r", "0-99999", "-o", "/dev/null",
                                      "http://10.88.0.2/page"], stderr=subprocess.PIPE) for _ in range(60)]
        codes = [one.wait(90) for one in many]
        check(not any(codes), f"of 60 at a time {sum(map(bool, codes))} failed")
        stats = world.stop()
        check(stats["connections"] >= 62 and stats["edits"] > 0, f"{stats}")
        return f"{rate:.1f} MB/s"


@story
def streams_change_their_length_both_ways_in_both_families(push):
    with World(push) as world:
        for family in (4, 6):
            exchange(*world.pair(family), "grow", "shrink", 8 << 20, seed=family)
        stats = world.stop()
        check(stats["edits"] > 0 and stats["unwritten"] == 0 and stats["inbox_full"] == 0, f"{stats}")


@story
def streams_stay_exact_where_packets_are_lost(push):
    with World(push, "double", "delete", loss=0.02) as world:
        exchange(*world.pair(), "double", "delete", 2 << 20)
        world.stop()


@story
def a_slow_server_slows_the_upload_and_memory_stays(push):
    data = payload("grow", 48 << 20)
    want = hashlib.sha256(rewritten("grow", data)).hexdigest()
    # bytes that may be the beginning of a find wait as long as nobody reads
    with World(push, "grow", "none", hold_ms=60000) as world:
        client, server = world.pair(buffer=65536)
        sent = Task(live.send_all, client, data)
        time.sleep(2)
        before = world.memory_kib("VmRSS")
        time.sleep(3)
        check(sent.is_alive(), "all was taken although nobody read")
        grown = world.memory_kib("VmRSS") - before
        check(grown < 16 << 10, f"memory grew by {grown} KiB while nobody read")
        heard = Task(read_all, server)
        sent.result(90)
        check(heard.result(90)[0] == want, "what arrived is not the rewritten stream")
        world.stop()


@story
def programs_hear_what_they_would_have_heard_without_it(push):
    with World(push, start=False) as world:
        dials = [(4, "10.88.0.2", 7001), (6, "fd88::2", 7001), (4, "10.88.0.99", 7000)]
        without = [outcome(world, *dial) for dial in dials]
        world.start()
        tunnelled = [outcome(world, *dial) for dial in dials]
        check(tunnelled == without, f"{tunnelled} instead of {without}")
        stats = world.stop()
        check(stats["refused"] == 2 and stats["unreachable"] == 1, f"{stats}")


@story
def datagrams_and_pings_go_through(push):
    with World(push) as world:
        for family in (4, 6):
            with world.socket("network", family, socket.SOCK_DGRAM) as server, \
                    world.socket("host", family, socket.SOCK_DGRAM) as client:
                server.bind((HOSTS[family], 5353))
                for size in (0, 1, 1200, 4000):
                    client.sendto(b"a" * size, (HOSTS[family], 5353))
                    heard, peer = server.recvfrom(65536)
                    check(len(heard) == size, f"{len(heard)} bytes of {size}")
                    server.sendto(heard + b"b", peer)
                    check(client.recvfrom(65536)[0] == heard + b"b", "another answer")
            with world.inside("host"):
                run("ping", "-c", "3", "-i", "0.2", "-W", "5", HOSTS[family])
        stats = world.stop()
        check(stats["datagrams"] == 8 and stats["echoes"] == 6, f"{stats}")


@story
def a_change_of_the_path_leaves_connections_that_can_go_on(push):
    with World(push, "grow", "grow") as world:
        client, server = world.pair()
        halves = payload("grow", 4 << 20)
        want = hashlib.sha256(rewritten("grow", halves)).hexdigest()
        heard = Task(read_all, server)  # the first half need not fit into sockets
        client.sendall(halves[:2 << 20])
        for _ in range(20):
            world.say("path")
            world.say("wake")
        live.send_all(client, halves[2 << 20:])
        check(heard.result()[0] == want, "what arrived is not the rewritten stream")
        check(world.ask("status")["outside"] == "e0", "another way outside")
        world.stop()


@story
def rules_change_in_mid_transfer_and_streams_stay_exact(push):
    """A connection keeps the rules that it began with; one that begins later has the new ones."""
    with World(push, "grow", "none") as world:
        data = payload("grow", 16 << 20)
        old = hashlib.sha256(rewritten("grow", data)).hexdigest()
        client, server = world.pair()
        heard = Task(read_all, server)
        sent = Task(live.send_all, client, data)
        rules = [live.rule_file(kind, "none", PORT, 5000) for kind in ("shrink", "grow")]
        for each in rules:
            for rule in each["rules"]:
                rule["match"]["ip.addr"] = [f"{HOSTS[4]}/32", f"{HOSTS[6]}/128"]
        for turn in range(20):
            answer = world.ask("reload", text=json.dumps(rules[turn % 2]))
            check(answer["ok"], f"refused: {answer}")
            with world.socket("host") as other:  # a connection of each policy, which ends
                other.connect_ex((HOSTS[4], PORT + 1))
        check(world.ask("reload", text=json.dumps(rules[0]))["ok"], "refused")
        sent.result(90)
        check(heard.result(90)[0] == old, "the stream did not keep the rules that it began with")
        exchange(*world.pair(), "shrink", "none", 1 << 20)
        stats = world.stop()
        check(stats["policies"] == 22, f"{stats}")


def wait_for_outside(world, device):
    """The tunnel looks at the path in its own thread."""
    deadline = time.monotonic() + 10
    while world.ask("status")["outside"] != device:
        check(time.monotonic() < deadline, f"the way outside never becomes {device!r}")


@story
def when_the_network_is_gone_programs_hear_so_and_the_next_one_is_taken(push):
    with World(push) as world:
        client, server = world.pair()
        world.batch("host", "link set e0 down\n")
        world.say("path")
        wait_for_outside(world, "")
        check(outcome(world, 4, HOSTS[4], PORT) in ("ENETUNREACH", "EHOSTUNREACH"), "a dial goes on")
        world.batch("host", "link set e0 up\nroute add default via 10.88.0.2 dev e0\n")
        world.say("path")
        wait_for_outside(world, "e0")
        exchange(*world.pair(), "grow", "shrink", 1 << 20)
        client.close()
        server.close()
        world.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("push")
    parser.add_argument("-k", default="")
    options = parser.parse_args()
    why = missing()
    if why:
        print(f"SKIP: {why}")
        return 77
    sweep()
    failed, stories = 0, [tell for tell in STORIES if options.k in tell.__name__]
    for tell in stories:
        begin = time.monotonic()
        try:
            note = tell(options.push) or ""
            print(f"ok   {time.monotonic() - begin:5.1f} s  {tell.__name__.replace('_', ' ')}  {note}", flush=True)
        except Exception as problem:
            failed += 1
            print(f"FAIL {time.monotonic() - begin:5.1f} s  {tell.__name__.replace('_', ' ')}: {problem!r}", flush=True)
    print(f"{len(stories) - failed} of {len(stories)} stories")
    return 1 if failed or not stories else 0


if __name__ == "__main__":
    sys.exit(main())
