"""filter_control.py - stories of the live filter: reloads, and who talks to its control socket."""
import contextlib
import grp
import json
import os
import re
import socket
import subprocess
import time

from filter_world import ADDRESSES, DROP, OPEN, VERDICTS, check, connection, outcome, story, talk, under_load


@story
def a_hundred_reloads_lose_no_connection(world):
    """Also of flows that the kernel passes by itself: the rules that settle them change each time."""
    rules = world.rules(VERDICTS)
    process = world.filter(rules, "--offload")
    world.serve("peer", 4, OPEN)
    with under_load(world) as clients:
        for number in range(100):
            world.rules(VERDICTS + [{"id": f"more-{number}", "match": {"tcp.dstport": 1 + number}, "verdict": "drop"}])
            world.ctl("reload")
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
