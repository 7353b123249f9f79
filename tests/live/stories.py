"""stories.py - talks that are more than a stream: pauses, aborts, slow readers, many at once.

Each story has the rules and the kind of world it is told in. It raises AssertionError where it went wrong.
"""
import hashlib
import pathlib
import random
import shutil
import socket
import struct
import time

from payload import KINDS, Way, expected, payload, rewritten, rule_file
from talk import Task, Wrong, both_ways, check, send, take, wait_for
from world import ADDRESSES

STORIES = []
FIND = KINDS["grow"][0][0][0].encode()
PUT = KINDS["grow"][0][0][1].encode()
ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: close is a reset


def story(up, down, port=7000, hold_ms=200, **world):
    def take_in(tell):
        tell.rules, tell.world = rule_file(up, down, port, hold_ms), world
        STORIES.append(tell)
        return tell
    return take_in


def shift(client, server, up, down):
    """Moves the numbers of both directions apart."""
    for source, target, kind in ((client, server, up), (server, client, down)):
        way = Way(kind, 100_000)
        task = Task(source.sendall, way.sent + b"\n")
        take(target, way.plain + b"\n")
        wait_for([task], 10)


def expect_reset(sock):
    try:
        got = sock.recv(100)
    except ConnectionResetError:
        return
    raise Wrong(f"got {got!r} where a reset was to come")


@story("grow", "shrink", hold_ms=2000, loss=0.01)
def hundred_connections(world):
    """Four hundred threads of this program take turns; a turn may be later than 200 ms."""
    listener = world.listen()
    tasks = []
    for flow, *ends in world.dial_many(listener, 100):
        up, down = (world.way(side, kind, 200_000 + flow % 5, flow % 2, flow)
                    for side, kind in (("host", "grow"), ("network", "shrink")))
        tasks.append(Task(both_ways, *ends, up, down, 60))
    wait_for(tasks, 60)


@story("grow", "delete", loss=0.02, family=6)
def one_connection_after_the_other(world):
    listener = world.listen()
    for seed in range(20):
        client, server = world.dial(listener)
        up, down = (world.way(side, kind, 20_000, seed, seed + 1)
                    for side, kind in (("host", "grow"), ("network", "delete")))
        both_ways(client, server, up, down, 20)


@story("grow", "shrink")
def half_close_then_the_answer(world):
    listener = world.listen()
    client, server = world.dial(listener)
    up, down = world.way("host", "grow", 1_000_000), world.way("network", "shrink", 3_000_000)
    request = Task(send, client, up.sent)
    check(server, up)  # up to the end of the stream
    answer = Task(send, server, down.sent)
    check(client, down)
    wait_for([request, answer], 30)


@story("grow", "shrink", hold_ms=10000)
def small_requests_and_answers(world):
    listener = world.listen()
    client, server = world.dial(listener)
    draw, rounds, slowest = random.Random(7), 1000, 0.0
    for sock in (client, server):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    begin = time.monotonic()
    for number in range(rounds):
        started = time.monotonic()
        for source, target, kind in ((client, server, "grow"), (server, client, "shrink")):
            start, size = draw.randrange(100_000), draw.randrange(1, 3000)
            data = payload(kind, 200_000)[start:start + size] + b"\n"
            cut = draw.randrange(len(data))
            source.sendall(data[:cut])
            source.sendall(data[cut:])
            take(target, rewritten(kind, data))
        slowest = max(slowest, time.monotonic() - started)
    if slowest > 5:
        raise Wrong(f"a round took {slowest:.1f} s")
    return f"{1000 * (time.monotonic() - begin) / rounds:.2f} ms a round, at most {1000 * slowest:.0f}"


@story("grow", "shrink", hold_ms=10000)
def reset_on_close(world):
    """The other side gets every byte, a find that had only begun too, and then the reset."""
    listener = world.listen()
    for aborting in (0, 1):
        ends = world.dial(listener)
        shift(*ends, "grow", "shrink")
        closed, left = ends[aborting], ends[1 - aborting]
        kind = ("grow", "shrink")[aborting]
        way = Way(kind, 200_000)
        held = KINDS[kind][0][0][0].encode()[:-1]
        task = Task(closed.sendall, way.sent + held)
        take(left, way.plain)
        wait_for([task], 10)
        time.sleep(0.2)  # what is held has reached the engine
        closed.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        closed.close()
        take(left, held)
        expect_reset(left)
        left.close()


@story("grow", "shrink")
def reader_goes_away(world):
    """Close with bytes unread is a reset against the stream; the sender must learn of it."""
    listener = world.listen()
    client, server = world.dial(listener)
    shift(client, server, "grow", "shrink")
    sending = Task(client.sendall, payload("grow", 50_000_000))
    server.recv(50_000)
    server.close()
    sending.join(10)
    if sending.is_alive() or not isinstance(sending.problem, (ConnectionResetError, BrokenPipeError)):
        raise Wrong(f"the sender did not get the reset, but {sending.problem!r}")


@story("double", "none", seconds=60)
def slow_reader(world):
    listener = world.listen(buffer=16384)
    client, server = world.dial(listener)
    way = world.way("host", "double", 2_000_000)
    asleep = []

    def pause(have):
        if not asleep and have > len(way.plain) // 2:
            asleep.append(have)
            time.sleep(4)
        time.sleep(0.0005)
    wait_for([Task(send, client, way.sent), Task(check, server, way, pause)], 50)
    if not world.counters("network")["TCPToZeroWindowAdv"]:
        raise Wrong("the window was never shut")
    return f"window shut {world.counters('network')['TCPToZeroWindowAdv']} times"


@story("none", "delete", seconds=60)
def slow_reader_of_a_stream_that_shrinks(world):
    listener = world.listen()
    client, server = world.dial(listener)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    way = world.way("network", "delete", 4_000_000)

    def pause(have):
        time.sleep(0.001)
    wait_for([Task(send, server, way.sent), Task(check, client, way, pause)], 50)


@story("grow", "shrink")
def sender_pauses(world):
    """Bytes come in drops, cut within finds."""
    listener = world.listen()
    client, server = world.dial(listener)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    way = world.way("host", "grow", 3000)
    checking = Task(check, server, way)
    for start in range(0, len(way.sent), 3):
        client.sendall(way.sent[start:start + 3])
        time.sleep(0.0005)
    client.shutdown(socket.SHUT_WR)
    wait_for([checking], 20)


def two_small_writes(client, server, expect):
    """Writes a find in two pieces, and is answered. How many seconds it took until all had arrived."""
    begin = time.monotonic()
    client.sendall(b"before " + FIND[:3])
    client.sendall(FIND[3:] + b" behind\n")
    take(server, b"before " + expect + b" behind\n")
    took = time.monotonic() - begin
    server.sendall(b"good\n")
    take(client, b"good\n")  # and with it everything is acknowledged
    return took


@story("grow", "shrink", hold_ms=50)
def find_in_two_small_writes(world):
    """Nagle: the sender keeps the second write back until all of the first is acknowledged, and bytes that wait are
    not. So the wait is given up, the find is missed, and that is told."""
    listener = world.listen()
    client, server = world.dial(listener)
    took = [two_small_writes(client, server, FIND) for _ in range(10)]
    one = len(b"before " + FIND + b" behind\n")
    wanted = [(number * one + len(b"before ") + 3, 3) for number in range(10)]
    if world.released("host") != wanted:
        raise Wrong(f"told of {world.released('host')}, not {wanted}")
    if not 0.045 < min(took) <= max(took) < 1:
        raise Wrong(f"arrived after {min(took):.3f} to {max(took):.3f} s; hold_ms is 50")
    return f"each missed and told, within {1000 * max(took):.0f} ms"


@story("grow", "shrink", hold_ms=1000)
def find_in_two_small_writes_without_delay(world):
    """TCP_NODELAY: the second write follows at once, and the find is found."""
    listener = world.listen()
    client, server = world.dial(listener)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    took = [two_small_writes(client, server, PUT) for _ in range(10)]
    if world.released("host"):
        raise Wrong(f"told of {world.released('host')}")
    return f"each found, within {1000 * max(took):.0f} ms"


@story("grow", "shrink")
def keep_alive_on_an_idle_connection(world):
    listener = world.listen()
    ends = world.dial(listener)
    shift(*ends, "grow", "shrink")
    for sock in ends:
        for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 2)):
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    time.sleep(6)
    shift(*ends, "grow", "shrink")
    asked = [world.counters(side)["TCPKeepAlive"] for side in ("host", "network")]
    if min(asked) < 3:
        raise Wrong(f"{asked} keep-alives; there was nothing to try")
    return f"keep-alives {asked}"


@story("grow", "shrink", hold_ms=400)
def half_a_find_and_then_silence(world):
    """What may still become a find waits hold_ms, leaves as it is, and matching goes on behind it."""
    listener = world.listen()
    client, server = world.dial(listener)
    shift(client, server, "grow", "shrink")
    client.sendall(b"before " + FIND[:4])
    begin = time.monotonic()
    take(server, b"before ")
    at_once = time.monotonic() - begin
    take(server, FIND[:4])
    late = time.monotonic() - begin
    if at_once > 0.3 or not 0.35 < late < 2:
        raise Wrong(f"what came before after {at_once:.2f} s, what was held after {late:.2f} s")
    client.sendall(FIND[4:] + b" and " + FIND + b"\n")
    take(server, FIND[4:] + b" and " + PUT + b"\n")
    server.sendall(b"good\n")
    take(client, b"good\n")
    return f"held for {1000 * late:.0f} ms"


@story("delete", "none")
def all_of_it_deleted(world):
    """Nothing of the stream is left for the receiver to acknowledge; the sender must not wait for it."""
    listener = world.listen()
    client, server = world.dial(listener)
    find = KINDS["delete"][0][0][0].encode()
    sending = Task(send, client, find * 300_000)
    if server.recv(100):
        raise Wrong("something arrives")
    wait_for([sending], 30)
    if world.count("TCPTimeouts"):
        raise Wrong(f"{world.count('TCPTimeouts')} timeouts")


NGINX = """
daemon off; worker_processes 1; pid {0}/pid; error_log {0}/error.log; user root;
events {{}}
http {{
    access_log off; sendfile on;
    client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fcgi;
    uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;
    server {{ listen {1}:80; root {0}/root; }}
}}
"""


@story("none", "even", port=80, loss=0.01)
def curl_and_nginx(world):
    """The page keeps its length, as Content-Length says; what is in it moves all the time."""
    for tool in ("curl", "nginx"):
        if not shutil.which(tool):
            return f"SKIPPED: no {tool}"
    page = payload("even", 20_000_000)
    wanted, _ = expected("even", 20_000_000)
    (world.scratch / "root").mkdir()
    (world.scratch / "root" / "page").write_bytes(page)
    address = ADDRESSES[world.family]["network"]
    config = world.scratch / "nginx.conf"
    config.write_text(NGINX.format(world.scratch, address))
    world.start("network", ["nginx", "-c", str(config), "-e", str(world.scratch / "error.log")])
    got = world.scratch / "got"
    begin = time.monotonic()
    curl = world.start("host", ["curl", "-sS", "--fail", "--max-time", "100", "--retry", "20", "--retry-delay", "1",
                                "--retry-connrefused", "-o", str(got), f"http://{address}/page"])
    if curl.wait(120):
        raise Wrong(f"curl ended with {curl.returncode}: {pathlib.Path(world.scratch / 'error.log').read_text()}")
    took = time.monotonic() - begin
    if hashlib.sha256(got.read_bytes()).digest() != hashlib.sha256(wanted).digest():
        raise Wrong("SHA-256 differs")
    return f"{len(page) / 1e6 / took:.1f} MB/s"
