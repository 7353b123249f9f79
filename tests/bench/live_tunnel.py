"""live_tunnel.py SCRATCH PKTMOD [SECONDS [ROUNDS]] - the live tunnel beside plain forwarding; live_tunnel.sh runs it.

    client -- router -- server, a network namespace each

Forward: client to server through the tunnel in the router, beside plain forwarding and beside a loop that reads a packet,
looks for a word in it and writes it back (onepacket.c). Reflect: a program in the router itself, up and down, with small
and with large packets, beside the same without the tunnel. The stream of iperf3 has the word once in 128 KiB;
"looked through" has rules for another one.

Measured are one TCP stream, the processor time that the program in the router takes for each Gbit/s of it, and, where
packets keep their ends, round trips of one byte (roundtrip.c), as live.py tells. Printed is the median of the rounds.
"""
import contextlib
import json
import os
import pathlib
import statistics
import sys

from live import SHARED, TRIPS, World, processor_s, share

DEVICE = "pmbench"
FORWARD, REFLECT = "plain forwarding", "no tunnel, {}"
WAYS = (FORWARD, "a loop of one packet", "forward, looked through", "forward, an edit in 128 KiB",
        "forward --plain, an edit in 128 KiB")
GOALS = {WAYS[2]: (0.45, 3.0), WAYS[3]: (0.45, 3.0)}


def stream(world, process, place, seconds, *options):
    before = processor_s(process)
    told = json.loads(world.inside(place, "iperf3", "-c", "10.80.2.2", "-t", str(seconds), "-J", "-l", "131072",
                                   "--repeating-payload", *options))
    gbit_s = told["end"]["sum_received"]["bits_per_second"] / 1e9
    return {"gbit_s": gbit_s, "own": (processor_s(process) - before) / seconds / gbit_s}


def trips(world, process):
    if process is not None:
        share(process)
    told = world.inside("client", *SHARED, world.scratch / "roundtrip", "ask", "10.80.2.2", "5202", str(TRIPS))
    return dict(zip(("p50_us", "p99_us"), map(float, told.split())))


def across(world, process, seconds):
    return stream(world, process, "client", seconds) | trips(world, process)


def through_loop(world, seconds):
    process = world.start("router", world.scratch / "onepacket", DEVICE)
    is_there = lambda: DEVICE in world.inside("router", "ip", "-br", "link")
    world.wait_for(process, is_there)
    world.inside("router", "sh", "-ec", f"""
        echo 2 >/proc/sys/net/ipv4/conf/{DEVICE}/rp_filter
        ip link set {DEVICE} up
        ip route add default dev {DEVICE} table 99
        ip rule add iif rclient table 99
        ip rule add iif rserver table 99""")
    try:
        return across(world, process, seconds)
    finally:
        world.inside("router", "sh", "-c", "ip rule del iif rclient; ip rule del iif rserver")
        world.end(process)


@contextlib.contextmanager
def tunnel(world, pktmod, rules, *options):
    said = world.scratch / "said"
    with open(said, "w") as out:
        process = world.start("router", pktmod, "run", rules, "--tunnel", f"tun:{DEVICE}", "--run-dir",
                              world.scratch / "run", *options, err=out)
    world.wait_for(process, lambda: "carries" in said.read_text())
    try:
        yield process
    finally:
        world.end(process)


def write_rules(path, word):
    path.write_text(json.dumps({"pktmod": 1, "rules": [
        {"id": "word", "match": {"ip.addr": "10.80.2.0/24", "tcp.port": [5201, 5202]},
         "rewrite": [{"replace": {"find": word, "with": f"{word} and a little more"}}]}]}))
    return path


def forward(world, pktmod, looked, edited, seconds):
    told = {WAYS[0]: across(world, None, seconds), WAYS[1]: through_loop(world, seconds)}
    for way, rules, options in ((WAYS[2], looked, ()), (WAYS[3], edited, ()), (WAYS[4], edited, ("--plain",))):
        with tunnel(world, pktmod, rules, "--mode", "forward", *options) as process:
            told[way] = across(world, process, seconds)
    return told


def reflect(world, pktmod, edited, seconds):
    told = {}
    for name, way in (("up", ()), ("down", ("-R",))):
        told[REFLECT.format(name)] = stream(world, None, "router", seconds, *way)
        for mtu in (1500, 65535):
            with tunnel(world, pktmod, edited, "--mtu", str(mtu)) as process:
                told[f"reflect {name}, MTU {mtu}"] = stream(world, process, "router", seconds, *way)
    return told


def row_of(way, rounds, plain):
    median = {key: statistics.median(one[way][key] for one in rounds) for key in rounds[0][way]}
    ratios = sorted(one[way]["gbit_s"] / one[plain]["gbit_s"] for one in rounds)
    loop = statistics.median(one[way]["gbit_s"] / one[WAYS[1]]["gbit_s"] for one in rounds)
    ratio, (least, times) = statistics.median(ratios), GOALS.get(way, (None, None))
    verdict = "met" if least and ratio >= least and loop >= times else "missed"
    return (way, f"{median['gbit_s']:.2f}", f"{ratio:.2f}", f"({ratios[0]:.2f} - {ratios[-1]:.2f})",
            f"{loop:.2f}" if way in WAYS else "", f"{median['own']:.3f}",
            *(f"{median[key]:.1f}" if key in median else "" for key in ("p50_us", "p99_us")),
            f">= {least:.2f} of plain, >= {times:.0f} loops: {verdict}" if least else "")


def report(rounds):
    rows = [("", "Gbit/s", "of plain", "(from - to)", "of loop", "own CPU/Gbit/s", "p50 us", "p99 us", "goal")]
    for way in rounds[0]:
        rows.append(row_of(way, rounds, FORWARD if way in WAYS else REFLECT.format("up" if " up" in way else "down")))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(word.ljust(width) if i in (0, 8) else word.rjust(width)
                        for i, (word, width) in enumerate(zip(row, widths))).rstrip())


def main():
    scratch, pktmod = pathlib.Path(sys.argv[1]), os.path.abspath(sys.argv[2])
    seconds, count = (int(word) for word in (sys.argv[3:] + ["3", "5"][len(sys.argv) - 3:]))
    looked, edited = write_rules(scratch / "looked.json", "a needle"), write_rules(scratch / "edited.json", "010123")
    rounds = []
    print(f"load before: {os.getloadavg()[0]:.2f}; {count} rounds of {seconds} s")
    with contextlib.ExitStack() as ends:
        world = World(ends, scratch)
        for _ in range(count):
            rounds.append(forward(world, pktmod, looked, edited, seconds) | reflect(world, pktmod, edited, seconds))
    report(rounds)


if __name__ == "__main__":
    main()
