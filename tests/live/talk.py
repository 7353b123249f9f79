"""talk.py - both ends of TCP connections: who sends what, and whether what arrived is right."""
import hashlib
import socket
import threading
import time

CHUNK = 65521


class Task(threading.Thread):
    """Runs something, and keeps what went wrong for whoever waits."""

    def __init__(self, what, *arguments):
        super().__init__(daemon=True)
        self.what, self.arguments, self.problem = what, arguments, None
        self.start()

    def run(self):
        try:
            self.what(*self.arguments)
        except Exception as problem:  # told by wait_for
            self.problem = problem


def wait_for(tasks, seconds):
    """Ends when all tasks have, or with the first problem."""
    deadline = time.monotonic() + seconds
    while any(task.is_alive() for task in tasks):
        if any(task.problem for task in tasks) or time.monotonic() > deadline:
            break
        next(task for task in tasks if task.is_alive()).join(0.05)
    for task in tasks:
        if task.problem:
            raise AssertionError(f"{task.what.__name__}: {type(task.problem).__name__} {task.problem}")
    if any(task.is_alive() for task in tasks):
        raise AssertionError(f"not done after {seconds} s")


def send(sock, data, pause=None):
    """Sends all of it, and the end of the stream."""
    view = memoryview(data)
    for start in range(0, len(view), CHUNK):
        sock.sendall(view[start:start + CHUNK])
        if pause:
            pause(start)
    sock.shutdown(socket.SHUT_WR)


class Wrong(AssertionError):
    """What arrived is not what should."""


def differ(offset, got, wanted):
    first = next((i for i, (g, w) in enumerate(zip(got, wanted)) if g != w), min(len(got), len(wanted)))
    around = slice(max(first - 16, 0), first + 48)
    raise Wrong(f"differs from byte {offset + first}: got {bytes(got[around])!r}, wanted {bytes(wanted[around])!r}")


def anew(way, wanted, have):
    """What the way wants now: waits may have been given up since. What has arrived must be right by it, too."""
    again = way.wanted()
    if memoryview(again)[:have] != memoryview(wanted)[:have]:
        raise Wrong(f"a wait that was given up would have changed the {have} bytes before it")
    return again


def check(sock, way, pause=None):
    """Receives to the end of the stream; all of it must be what the way wants, and the SHA-256 too."""
    wanted, buffer, have = way.plain, bytearray(CHUNK), 0
    digest = hashlib.sha256()
    while True:
        count = sock.recv_into(buffer)
        if not count:
            break
        got = memoryview(buffer)[:count]
        digest.update(got)
        if got != memoryview(wanted)[have:have + count]:
            wanted = anew(way, wanted, have)
        if got != memoryview(wanted)[have:have + count]:
            differ(have, got, memoryview(wanted)[have:have + count])
        have += count
        if pause:
            pause(have)
    wanted = anew(way, wanted, have)
    if have != len(wanted):
        raise Wrong(f"ends after {have} bytes of {len(wanted)}")
    if digest.digest() != hashlib.sha256(wanted).digest():
        raise Wrong("SHA-256 differs")


def take(sock, wanted):
    """Receives exactly this, and leaves the stream open."""
    got = b""
    while len(got) < len(wanted):
        piece = sock.recv(min(len(wanted) - len(got), CHUNK))
        if not piece:
            raise Wrong(f"ends after {len(got)} bytes of {len(wanted)}")
        got += piece
    if got != wanted:
        differ(0, got, wanted)


def both_ways(client, server, up, down, seconds):
    wait_for([Task(send, client, up.sent), Task(check, server, up),
              Task(send, server, down.sent), Task(check, client, down)], seconds)
    client.close()
    server.close()
