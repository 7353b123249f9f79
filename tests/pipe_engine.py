"""Talks to `pktmod pipe`: frames out, frames in, and the engine as something to call."""
import collections
import json
import struct
import subprocess
import tempfile

NEVER = 2**64 - 1
HEADER = struct.Struct("<IBQB")

# kind is one letter; payload is bytes.
Frame = collections.namedtuple("Frame", "kind now_ns iface payload")

# What one frame was answered with: [(iface, packet)], [event], when time matters next.
Answer = collections.namedtuple("Answer", "packets events next_ns")


def encoded(kind, now_ns=0, iface=0, payload=b""):
    return HEADER.pack(10 + len(payload), ord(kind), now_ns, iface) + payload


def decoded(data):
    """All frames of the bytes, which have to be whole."""
    frames, offset = [], 0
    while offset < len(data):
        length, kind, now_ns, iface = HEADER.unpack_from(data, offset)
        end = offset + 4 + length
        if end > len(data):
            raise ValueError(f"frame at {offset} needs {end} bytes of {len(data)}")
        frames.append(Frame(chr(kind), now_ns, iface, data[offset + HEADER.size:end]))
        offset = end
    return frames


class Engine:
    """A running `pktmod pipe`. begin() starts a conversation anew, as often as one likes."""

    def __init__(self, pktmod, rules):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(rules, file)
            file.flush()
            self.process = subprocess.Popen([pktmod, "pipe", file.name], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE)
            self.begin()  # answered: the rules are read

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.process.kill()
        self.process.stdin.close()
        self.process.stdout.close()
        code = self.process.wait(timeout=60)
        if kind is None and code != 0:
            raise RuntimeError(f"pktmod pipe: exit {code}")

    def _read(self):
        head = self.process.stdout.read(HEADER.size)
        if len(head) < HEADER.size:
            raise RuntimeError(f"pktmod pipe is gone, exit {self.process.wait(timeout=60)}")
        length, kind, now_ns, iface = HEADER.unpack(head)
        return Frame(chr(kind), now_ns, iface, self.process.stdout.read(length - 10))

    def _ask(self, kind, now_ns, iface=0, payload=b""):
        self.process.stdin.write(encoded(kind, now_ns, iface, payload))
        self.process.stdin.flush()
        packets, events = [], []
        while (frame := self._read()).kind != "D":
            if frame.kind == "O":
                packets.append((frame.iface, frame.payload))
            else:
                events.append(json.loads(frame.payload))
        return Answer(packets, events, struct.unpack("<Q", frame.payload)[0])

    def begin(self, now_ns=0, **config):
        return self._ask("C", now_ns, payload=json.dumps(config).encode())

    def packet(self, now_ns, iface, packet):
        return self._ask("P", now_ns, iface, packet)

    def time(self, now_ns):
        return self._ask("T", now_ns)
