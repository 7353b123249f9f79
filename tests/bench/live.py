"""live.py SCRATCH PKTMOD [SECONDS [ROUNDS]] - the live filter beside plain forwarding; live.sh runs it.

    client -- router -- server, a network namespace each; all goes through the router

Each round goes each way: plain forwarding; a program that lets all in the queue pass (passall.c: what the kernel's queue
costs by itself); every packet judged by ten rules; flows offloaded by mark. Measured are one TCP stream (iperf3), the
processor time that the program in the router takes for each Gbit/s of it, and round trips of one byte (roundtrip.c).
For these both ends and the program share one processor: on a virtual machine the waking of another one takes longer than
all the rest. Ratios are of two ways in one round; printed is the median of the rounds.
"""
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

TRIPS = 30000
DELAY_MS = 2
WAYS = ("plain forwarding", "a program that lets all pass", "every packet judged by 10 rules", "flows offloaded by mark")
GOALS = {WAYS[2]: 0.65, WAYS[3]: 0.90}
GOAL_P99_US = 25
SHARED = ("taskset", "-c", "0")
TICKS_S = os.sysconf("SC_CLK_TCK")


def run(*command, **how):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, timeout=300, **how).stdout


class World:
    def __init__(self, ends, scratch):
        self.scratch = scratch
        self.names = {side: f"pmbench-{os.getpid()}-{side}" for side in ("client", "router", "server")}
        for name in self.names.values():
            run("ip", "netns", "add", name)
            ends.callback(subprocess.run, ["ip", "netns", "del", name], stderr=subprocess.DEVNULL)
        self.join("client", "10.80.1.2", "10.80.1.1")
        self.join("server", "10.80.2.2", "10.80.2.1")
        self.inside("router", "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
        for port, command in ((5201, ["iperf3", "-s"]), (5202, [*SHARED, scratch / "roundtrip", "serve", "5202"])):
            process = self.start("server", *command)
            ends.callback(self.end, process)
            self.wait_for(process, lambda: f":{port:04X} " in self.inside("server", "cat", "/proc/net/tcp", "/proc/net/tcp6"))

    def join(self, side, address, router):
        run("ip", "-n", self.names["router"], "-batch", "-", input=f"""\
            link add r{side} type veth peer name eth0 netns {self.names[side]}
            addr add {router}/24 dev r{side}
            link set r{side} up
            """)
        run("ip", "-n", self.names[side], "-batch", "-", input=f"""\
            link set lo up
            addr add {address}/24 dev eth0
            link set eth0 up
            route add default via {router}
            """)

    def inside(self, side, *command, **how):
        return run("ip", "netns", "exec", self.names[side], *command, **how)

    def start(self, side, *command, err=None):
        return subprocess.Popen(["ip", "netns", "exec", self.names[side], *command], stdout=subprocess.DEVNULL,
                                stderr=err if side == "router" else subprocess.DEVNULL)

    @staticmethod
    def end(process):
        process.terminate()
        process.wait(20)

    def wait_for(self, process, is_ready):
        until = time.monotonic() + 20
        while not is_ready():
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit("live.py: what should be measured did not start")
            time.sleep(0.1)


def share(process):
    """All its threads go to the processor of the round trips."""
    for thread in os.listdir(f"/proc/{process.pid}/task"):
        os.sched_setaffinity(int(thread), {0})


def processor_s(process):
    if process is None:
        return 0.0
    words = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS_S


def round_trips(world, process, count):
    """Median and 99th percentile in microseconds."""
    if process is not None:
        share(process)
    return map(float, world.inside("client", *SHARED, world.scratch / "roundtrip", "ask", "10.80.2.2", "5202",
                                   str(count)).split())


def measure(world, process, seconds):
    before = processor_s(process)
    told = json.loads(world.inside("client", "iperf3", "-c", "10.80.2.2", "-t", str(seconds), "-J"))
    own_s = processor_s(process) - before
    gbit_s = told["end"]["sum_received"]["bits_per_second"] / 1e9
    p50, p99 = round_trips(world, process, TRIPS)
    return {"gbit_s": gbit_s, "own": own_s / seconds / gbit_s, "p50_us": p50, "p99_us": p99}


def through_passall(world, seconds):
    rule = ("iptables", "-t", "mangle", "{}", "FORWARD", "-j", "NFQUEUE", "--queue-num", "1")
    process = world.start("router", world.scratch / "passall", "1")
    queues = ("cat", "/proc/net/netfilter/nfnetlink_queue")
    world.wait_for(process, lambda: world.inside("router", *queues).split()[:1] == ["1"])
    world.inside("router", *(word.format("-A") for word in rule))
    try:
        return measure(world, process, seconds)
    finally:
        world.inside("router", *(word.format("-D") for word in rule))
        world.end(process)


@contextlib.contextmanager
def running(world, pktmod, rules, *options):
    process = world.start("router", pktmod, "run", rules, "--filter", "nfqueue:0", "--install", "--hook", "forward",
                          "--inside", "rclient", "--run-dir", world.scratch / "run", "-q", *options)
    world.wait_for(process, lambda: "PKTMOD-Q0 " in world.inside("router", "iptables", "-t", "mangle", "-S"))
    try:
        yield process
    finally:
        world.end(process)


def through_pktmod(world, pktmod, rules, seconds, *options):
    with running(world, pktmod, rules, *options) as process:
        return measure(world, process, seconds)


def tell_delay(world, pktmod):
    rules = world.scratch / "slow.json"
    rules.write_text(json.dumps({"pktmod": 1, "rules": [
        {"id": "slow", "match": {"tcp.dstport": 5202}, "verdict": {"delay": {"ms": DELAY_MS}}}]}))
    with running(world, pktmod, rules) as process:
        p50, p99 = round_trips(world, process, 1000)
    print(f"a delay of {DELAY_MS} ms makes a round trip p50 {p50 / 1e3:.3f} ms, p99 {p99 / 1e3:.3f} ms")


def write_rules(path, field):
    """Ten rules that all have to be asked."""
    path.write_text(json.dumps({"pktmod": 1, "rules": [
        {"id": f"r{i}", "match": {field: 200 + i, "tcp.dstport": [5201, 5202]}, "verdict": "drop"} for i in range(10)]}))
    return path


def report(rounds):
    rows = [("", "Gbit/s", "of plain", "(from - to)", "own CPU/Gbit/s", "p50 us", "p99 us", "goal")]
    for way in WAYS:
        median = {key: statistics.median(one[way][key] for one in rounds) for key in rounds[0][way]}
        ratios = sorted(one[way]["gbit_s"] / one[WAYS[0]]["gbit_s"] for one in rounds)
        ratio, goal = statistics.median(ratios), GOALS.get(way)
        is_met = goal and ratio >= goal and median["p99_us"] <= GOAL_P99_US
        rows.append((way, f"{median['gbit_s']:.2f}", f"{ratio:.2f}", f"({ratios[0]:.2f} - {ratios[-1]:.2f})",
                     f"{median['own']:.3f}", f"{median['p50_us']:.1f}", f"{median['p99_us']:.1f}",
                     f">= {goal:.2f}, p99 <= {GOAL_P99_US}: {'met' if is_met else 'missed'}" if goal else ""))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(word.ljust(width) if i in (0, 7) else word.rjust(width)
                        for i, (word, width) in enumerate(zip(row, widths))).rstrip())


def main():
    scratch, pktmod = pathlib.Path(sys.argv[1]), os.path.abspath(sys.argv[2])
    seconds, count = (int(word) for word in (sys.argv[3:] + ["3", "5"][len(sys.argv) - 3:]))
    judged, settled = write_rules(scratch / "judged.json", "ip.ttl"), write_rules(scratch / "settled.json", "tcp.srcport")
    rounds = []
    print(f"load before: {os.getloadavg()[0]:.2f}; {count} rounds of {seconds} s")
    with contextlib.ExitStack() as ends:
        world = World(ends, scratch)
        for _ in range(count):
            rounds.append({WAYS[0]: measure(world, None, seconds),
                           WAYS[1]: through_passall(world, seconds),
                           WAYS[2]: through_pktmod(world, pktmod, judged, seconds),
                           WAYS[3]: through_pktmod(world, pktmod, settled, seconds, "--offload")})
        tell_delay(world, pktmod)
    report(rounds)


if __name__ == "__main__":
    main()
