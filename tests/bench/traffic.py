#!/usr/bin/env python3
"""Something to measure with: web pages, and a capture of their transfer where none can be recorded.

    traffic.py pages FOLDER         writes pages of 1 KiB to 1 MiB, and urls.txt that names them
    traffic.py capture PAGES OUT    writes the capture of a browser that fetches urls.txt
"""
import pathlib
import random
import struct
import sys

WORDS = ("the of and a to in is you that it he was for on are as with his they at be this have from or "
         "one had by word but not what all were we when your can said there use an each which she do how "
         "their if will up other about out many then them these so some her would make like him into time "
         "has look two more write go see number no way could people my than first water been call who oil "
         "its now find long down day did get come made may part over new sound take only little work know "
         "place year live me back give most very after thing our just name good sentence man think say").split()
TOKEN = "session-token"  # what the bench rewrites, about once in 600 bytes
SIZES_KIB = (1, 4, 12, 40, 120, 400, 1024)
FETCHED_MIB = 56


def page(rng, size):
    lines = ["<!DOCTYPE html>\n<html><head><title>bench</title></head><body>\n"]
    length = len(lines[0])
    while length < size:
        words = rng.choices(WORDS, k=12)
        if rng.random() < 0.11:
            words[rng.randrange(12)] = TOKEN
        lines.append(f"<p class=\"{words[0]}\">{' '.join(words)}</p>\n")
        length += len(lines[-1])
    return "".join(lines)[:size]


def write_pages(folder):
    rng = random.Random(1)
    folder.mkdir(parents=True, exist_ok=True)
    for size in SIZES_KIB:
        (folder / f"{size}.html").write_text(page(rng, size * 1024))
    urls, left = [], FETCHED_MIB * 1024
    while left > 0:
        size = rng.choices(SIZES_KIB, weights=[30, 25, 20, 12, 8, 4, 1])[0]
        urls.append(f"{size}.html")
        left -= size
    (folder / "urls.txt").write_text("\n".join(urls) + "\n")


def checksum(data):
    """RFC 1071: the sum of 16-bit words with end-around carry is the number modulo 65535."""
    rest = int.from_bytes(data + b"\0" * (len(data) % 2), "big") % 65535
    return 0xFFFF - rest if any(data) else 0xFFFF


class Talker:
    """One end of a TCP connection that writes what it sends into a capture."""

    def __init__(self, out, mac, ip, port, seq):
        self.out, self.mac, self.ip, self.port, self.seq = out, mac, ip, port, seq
        self.peer = None

    def send(self, clock, flags, data=b""):
        peer, length = self.peer, 20 + len(data)
        tcp = struct.pack("!HHIIBBHHH", self.port, peer.port, self.seq, peer.seq if flags & 16 else 0,
                          0x50, flags, 65535, 0, 0)
        pseudo = self.ip + peer.ip + struct.pack("!HH", 6, length)
        tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp + data)) + tcp[18:]
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, 64, 6, 0) + self.ip + peer.ip
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        frame = peer.mac + self.mac + b"\x08\x00" + ip + tcp + data
        self.out.write(struct.pack("<IIII", clock // 10**6, clock % 10**6, len(frame), len(frame)) + frame)
        self.seq = (self.seq + len(data) + bool(flags & 3)) & 0xFFFFFFFF


def connection(out, rng, clock, number, bodies):
    """A keep-alive connection that fetches the bodies one after the other; returns the time after."""
    client = Talker(out, b"\2\0\0\0\0\1", bytes([10, 0, 0, 1]), 20000 + number % 40000, rng.getrandbits(32))
    server = Talker(out, b"\2\0\0\0\0\2", bytes([10, 0, 0, 2]), 80, rng.getrandbits(32))
    client.peer, server.peer = server, client

    def tick():
        nonlocal clock
        clock += 12
        return clock

    client.send(tick(), 2)
    server.send(tick(), 18)
    client.send(tick(), 16)
    for name, body in bodies:
        client.send(tick(), 24, f"GET /{name} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        answer = (f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body
        for offset in range(0, len(answer), 1460):
            server.send(tick(), 24 if offset + 1460 >= len(answer) else 16, answer[offset:offset + 1460])
            if offset // 1460 % 2:
                client.send(tick(), 16)
    client.send(tick(), 17)
    server.send(tick(), 17)
    client.send(tick(), 16)
    return clock


def write_capture(folder, out_path):
    rng = random.Random(2)
    names = (folder / "urls.txt").read_text().split()
    pages = {name: (folder / name).read_bytes() for name in set(names)}
    with open(out_path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        clock = 10**15
        for start in range(0, len(names), 8):
            bodies = [(name, pages[name]) for name in names[start:start + 8]]
            clock = connection(out, rng, clock, start // 8, bodies)


def main():
    if sys.argv[1] == "pages":
        write_pages(pathlib.Path(sys.argv[2]))
    else:
        write_capture(pathlib.Path(sys.argv[2]), sys.argv[3])


main()
