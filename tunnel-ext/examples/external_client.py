#!/usr/bin/env python3
"""external_client.py SOCKET FIND WITH - a client for `external` edits of pktmod: replaces a text in
the streams it is handed, also where the text was cut.

What is said on the socket stands in README.md beside this file.
"""
import socket
import sys
import time


def connect(path, seconds=10.0):
    """pktmod makes the socket; it may be about to start."""
    end = time.monotonic() + seconds
    while True:
        link = socket.socket(socket.AF_UNIX)
        try:
            link.connect(path)
            return link
        except OSError:
            link.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def messages(link):
    """Yields (kind, {key: value}, bytes) until pktmod hangs up."""
    incoming = link.makefile("rb")
    if incoming.readline() != b"pktmod 1\n":
        raise SystemExit("external_client: this is not pktmod, or another version of it")
    for line in incoming:
        kind, *words = line.decode().split()
        fields = dict(word.split("=", 1) for word in words)
        yield kind, fields, incoming.read(int(fields.get("len", 0)))


def answer(link, stream, offset, take, data):
    """The next `take` bytes of the stream, from `offset` on, become `data`."""
    link.sendall(b"answer stream=%d offset=%d take=%d len=%d\n" % (stream, offset, take, len(data)) + data)


def held_tail(data, find):
    """How many bytes at the end may be the beginning of `find`."""
    return next((n for n in range(min(len(find) - 1, len(data)), 0, -1) if find.startswith(data[-n:])), 0)


def main():
    path, find, replacement = sys.argv[1], sys.argv[2].encode(), sys.argv[3].encode()
    link = connect(path)
    waiting = {}  # stream: (offset, bytes without an answer)
    for kind, fields, data in messages(link):
        if kind == "sync":
            link.sendall(b"sync n=%s\n" % fields["n"].encode())
            continue
        stream = int(fields["stream"])
        if kind == "gone":
            waiting.pop(stream, None)
            continue
        offset, held = waiting.get(stream, (int(fields["offset"]), b""))
        held += data
        take = len(held) if fields["end"] == "1" else len(held) - held_tail(held, find)
        if take > 0:
            answer(link, stream, offset, take, held[:take].replace(find, replacement))
        waiting[stream] = (offset + take, held[take:])


if __name__ == "__main__":
    main()
