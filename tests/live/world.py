"""world.py - two network namespaces joined by carry, and what their kernels counted.

    host (10.77.0.1, fd77::1) -- pmhost =[ carry ]= pmnet -- network (10.77.0.2, fd77::2)
"""
import contextlib
import ctypes
import functools
import itertools
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from payload import Way

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
SIDES = ("host", "network")
DEVICES = {"host": "pmhost", "network": "pmnet"}
ADDRESSES = {4: {"host": "10.77.0.1", "network": "10.77.0.2"}, 6: {"host": "fd77::1", "network": "fd77::2"}}
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
PREFIX = "pktmod-live"
numbers = itertools.count(1)
libc = ctypes.CDLL(None, use_errno=True)


def run(*command, text=None):
    done = subprocess.run(command, input=text, text=True, capture_output=True, timeout=30)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def switch(path):
    """Puts this thread into the network namespace."""
    with open(path) as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {path}")


@contextlib.contextmanager
def inside(name):
    with open("/proc/thread-self/ns/net") as home:
        switch(f"/run/netns/{name}")
        try:
            yield
        finally:
            libc.setns(home.fileno(), CLONE_NEWNET)


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def sweep():
    """Removes namespaces that a killed run of this test left behind."""
    for path in pathlib.Path("/run/netns").glob(f"{PREFIX}-*"):
        pid = path.name.split("-")[2]
        if not os.path.exists(f"/proc/{pid}"):
            subprocess.run(["ip", "netns", "del", path.name], capture_output=True)


def missing():
    """Why no world can be made here, or None."""
    if os.geteuid():
        return "needs root"
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as problem:
        return f"no /dev/net/tun ({problem})"
    for tool in ("ip", "iptables", "ip6tables", "ss"):
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
                run(tool, *lose(0.5, "lo"))
    except OSError as problem:
        return f"no iptables -m statistic ({problem})"
    finally:
        run("ip", "netns", "del", name)
    return None


def lose(share, device):
    return ("-w", "-A", "INPUT", "-i", device, "-m", "statistic", "--mode", "random",
            "--probability", f"{share:.4f}", "-j", "DROP")


class World:
    """Use it in a `with`. `stats` is what carry counted, `kernels` what each side's kernel did, once stopped."""

    def __init__(self, carry, rules, family=4, mtu=(1500, 1500), loss=0.0, sysctls=None, congestion="cubic",
                 options=(), capture=None, seconds=300):
        self.family, self.mtu, self.loss, self.congestion = family, dict(zip(SIDES, mtu)), loss, congestion
        self.sysctls = {"ipv4/tcp_no_metrics_save": 1, **(sysctls or {})}
        number = next(numbers)
        self.names = {side: f"{PREFIX}-{os.getpid()}-{number}-{side}" for side in SIDES}
        self.carry, self.rules, self.options = carry, rules, options
        self.capture, self.seconds = capture, seconds
        self.stats, self.kernels, self.ways = {}, {}, []
        self.ends = contextlib.ExitStack()

    def __enter__(self):
        try:
            with self.ends:
                self.scratch = pathlib.Path(self.ends.enter_context(tempfile.TemporaryDirectory()))
                os.chmod(self.scratch, 0o755)
                self.build()
                self.ends = self.ends.pop_all()
        except BaseException:
            self.ends.close()
            raise
        return self

    def __exit__(self, *_):
        self.ends.close()

    def build(self):
        for name in self.names.values():
            run("ip", "netns", "add", name)
            self.ends.callback(subprocess.run, ["ip", "netns", "del", name], capture_output=True)
        self.start_carry()
        run("ip", "-n", self.names["host"], "link", "set", DEVICES["network"], "netns", self.names["network"])
        for side in SIDES:
            self.furnish(side)

    def start_carry(self):
        file = self.scratch / "rules.json"
        file.write_text(json.dumps(self.rules))
        command = [self.carry, "--mtu", str(min(self.mtu.values())), "--seconds", str(self.seconds), *self.options]
        command += [str(file), *DEVICES.values()]
        with open(self.scratch / "said", "w") as said:
            self.carrier = self.start("host", command, stdout=subprocess.PIPE, stderr=said, text=True)
        if not select.select([self.carrier.stdout], [], [], 30)[0] or self.carrier.stdout.readline() != "ready\n":
            raise OSError(f"carry did not start: {self.said()}")

    def furnish(self, side):
        device, other = DEVICES[side], SIDES[side == "host"]
        own, peer = ADDRESSES[self.family][side], ADDRESSES[self.family][other]
        with self.inside(side):
            if self.family == 6:  # or multicast and the search for routers become flows
                run("ip6tables", "-w", "-A", "OUTPUT", "-p", "icmpv6", "!", "--icmpv6-type", "packet-too-big",
                    "-j", "DROP")
            for name, value in self.sysctls.items():
                pathlib.Path(f"/proc/sys/net/{name}").write_text(f"{value}\n")
            pathlib.Path(f"/proc/sys/net/ipv6/conf/{device}/disable_ipv6").write_text(str(int(self.family == 4)))
            run("ip", "-batch", "-", text=f"""\
                link set lo up
                link set {device} mtu {self.mtu[side]} txqueuelen 10000 up
                addr add {own} peer {peer} dev {device} {"nodad" if self.family == 6 else ""}
                """)
            if self.loss:
                run("iptables" if self.family == 4 else "ip6tables", *lose(self.loss, device))
        if self.capture:
            file = pathlib.Path(self.capture) / f"{self.names[side]}.pcap"
            self.start(side, ["tcpdump", "-i", device, "-s", "0", "-B", "65536", "--immediate-mode", "-U", "-w", str(file)],
                       stderr=subprocess.DEVNULL)
            time.sleep(0.5)

    def inside(self, side):
        return inside(self.names[side])

    def start(self, side, command, **how):
        """A process in the namespace; it is ended with this world."""
        with self.inside(side):
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

    def stop(self):
        """Stops carry, and reads what it and the kernels counted."""
        self.kernels = {side: self.counters(side) for side in SIDES}
        self.carrier.terminate()
        try:
            output, _ = self.carrier.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.carrier.kill()
            raise AssertionError("carry does not end")
        if self.carrier.returncode:
            raise AssertionError(f"carry ended with {self.carrier.returncode}: {self.said()[-3000:]}")
        self.stats = json.loads(output)
        return self.stats

    # ---- what carry told

    def said(self):
        return (self.scratch / "said").read_text()

    def released(self, side, flow=1):
        """The waits given up so far in what a side sends: (offset, len). Flows count from 1, as they are dialled."""
        told = (json.loads(line) for line in self.said().splitlines() if line.startswith('{"ev": "hold_release"'))
        return [(event["offset"], event["len"]) for event in told
                if (event["from"], event["flow"]) == (DEVICES[side], flow)]

    def way(self, side, kind, size, seed=0, flow=1):
        """A stream of this kind for the side to send."""
        self.ways.append(Way(kind, size, seed, functools.partial(self.released, side, flow)))
        return self.ways[-1]

    # ---- sockets

    def socket(self, side):
        with self.inside(side):
            made = socket.socket(FAMILIES[self.family])
        if self.congestion:  # as the system has it otherwise
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, self.congestion.encode())
        return made

    def listen(self, port=7000, buffer=0, side="network"):
        listener = self.socket(side)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        listener.bind((ADDRESSES[self.family][side], port))
        listener.listen(1024)
        listener.settimeout(30)
        return listener

    def dial(self, listener, timeout=30):
        """A connection from the host: its socket, and the one that the listener got."""
        client = self.socket("host")
        client.settimeout(timeout)
        client.connect(listener.getsockname()[:2])
        server, _ = listener.accept()
        server.settimeout(timeout)
        return client, server

    def dial_many(self, listener, count):
        """So many connections at a time, as dial makes them: number of the flow, client, server."""
        clients = {}
        for flow in range(1, count + 1):
            client = self.socket("host")
            client.setblocking(False)
            client.connect_ex(listener.getsockname()[:2])
            client.settimeout(60)
            clients[client.getsockname()[1]] = flow, client
        for _ in range(count):
            server, peer = listener.accept()
            server.settimeout(60)
            yield *clients[peer[1]], server

    # ---- counters

    def counters(self, side):
        """The kernel's counters of the namespace, by name, and packets its device lost."""
        found = {}
        with self.inside(side):
            for file in ("snmp", "netstat"):
                lines = pathlib.Path(f"/proc/thread-self/net/{file}").read_text().splitlines()
                for names, values in zip(lines[::2], lines[1::2]):
                    if names.split(":")[0] in ("Tcp", "TcpExt"):
                        found.update(zip(names.split()[1:], map(int, values.split()[1:])))
            devices = pathlib.Path("/proc/thread-self/net/dev").read_text()
        counts = re.search(rf"{DEVICES[side]}:(.*)", devices)[1].split()
        found["DeviceDropped"] = int(counts[3]) + int(counts[11])
        return found

    def count(self, name):
        """A counter of both kernels together."""
        return sum((self.kernels.get(side) or self.counters(side)).get(name, 0) for side in SIDES)

    def sockets(self):
        """What the kernels know of their connections, for a report of a failure."""
        told = ""
        for side in SIDES:
            with self.inside(side):
                lines = run("ss", "-Htinom").splitlines()
            told += "".join(f"      {side}: {' '.join(line.split())}\n" for line in lines[:8])
        return told
