"""filter_packets.py - stories of the live filter: what packets meet, and how many it takes."""
import contextlib
import hashlib
import json
import multiprocessing
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

from filter_world import (
    ADDRESSES, ASK, DELAY, DROP, LONG_CONNECTIONS, OPEN, REJECT, SO_RCVBUFFORCE, VERDICTS, check, connection,
    datagram, echo_all, long_story, outcome, story, talk)
from world import PREFIX, inside, run


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


@long_story
def memory_is_flat_over_a_long_run(world):
    """200 000 connections, one after the other, a reload after every 10 000."""
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
