#!/bin/sh
# live.sh PKTMOD [SECONDS [ROUNDS]] - what the live filter costs, as ratios to plain forwarding.
#
#     client -- router -- server, a network namespace each; one TCP stream through the router
#
# Each round measures plain forwarding first and then each way through pktmod; only ratios within a
# round count, and the median of the rounds is printed. Needs root, ip, iptables, iperf3.
set -eu
pktmod=$(realpath "$1")
seconds=${2:-3}
rounds=${3:-3}
name=pmbench$$
scratch=$(mktemp -d)
filter=''

clean() {
    [ -z "$filter" ] || kill "$filter" 2>/dev/null || true
    [ -z "$filter" ] || wait "$filter" 2>/dev/null || true
    for at in client router server; do
        ip netns pids "$name-$at" 2>/dev/null | xargs -r kill 2>/dev/null || true
        ip netns del "$name-$at" 2>/dev/null || true
    done
    rm -rf "$scratch"
}
trap clean EXIT
trap 'exit 1' INT TERM

for tool in ip iptables iperf3 python3; do
    command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
[ "$(id -u)" -eq 0 ] || { echo "skipped: needs root"; exit 77; }

for at in client router server; do
    ip netns add "$name-$at"
    ip -n "$name-$at" link set lo up
done
join() { # namespace, its address, the router's address
    ip -n "$name-router" link add "r$1" type veth peer name eth0 netns "$name-$1"
    ip -n "$name-router" addr add "$3/24" dev "r$1"
    ip -n "$name-router" link set "r$1" up
    ip -n "$name-$1" addr add "$2/24" dev eth0
    ip -n "$name-$1" link set eth0 up
    ip -n "$name-$1" route add default via "$3"
}
join client 10.80.1.2 10.80.1.1
join server 10.80.2.2 10.80.2.1
ip netns exec "$name-router" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
ip netns exec "$name-server" iperf3 -s -D >/dev/null

# Ten rules that all have to be asked: each looks at a field that changes from packet to packet.
python3 - "$scratch/judged.json" "$scratch/settled.json" <<'PY'
import json, sys
rule = lambda i, field: {"id": f"r{i}", "match": {field: 200 + i, "tcp.dstport": [5201, 5202]}, "verdict": "drop"}
for path, field in ((sys.argv[1], "ip.ttl"), (sys.argv[2], "tcp.srcport")):
    json.dump({"pktmod": 1, "rules": [rule(i, field) for i in range(10)]}, open(path, "w"))
PY

rate() { # prints bits a second
    ip netns exec "$name-client" iperf3 -c 10.80.2.2 -t "$seconds" -J |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"])'
}

through() { # rules, option...
    rules=$1
    shift
    ip netns exec "$name-router" "$pktmod" run "$scratch/$rules.json" --filter nfqueue:0 --install --hook forward \
        --inside rclient --run-dir "$scratch/run" -q "$@" &
    filter=$!
    until ip netns exec "$name-router" iptables -t mangle -S 2>/dev/null | grep -q 'PKTMOD-Q0 '; do
        kill -0 "$filter" || exit 1
        sleep 0.1
    done
    rate
    kill "$filter"
    wait "$filter" || true
    filter=''
}

round=0
while [ "$round" -lt "$rounds" ]; do
    plain=$(rate)
    judged=$(through judged)
    offloaded=$(through settled --offload)
    echo "$plain $judged $offloaded" >>"$scratch/results"
    round=$((round + 1))
done
python3 - "$scratch/results" <<'PY'
import statistics, sys
rows = [list(map(float, line.split())) for line in open(sys.argv[1])]
print(f"plain forwarding                {statistics.median(r[0] for r in rows) / 1e9:6.2f} Gbit/s")
for name, i in (("every packet judged by 10 rules", 1), ("flows offloaded by mark", 2)):
    ratios = sorted(r[i] / r[0] for r in rows)
    print(f"{name:31} {statistics.median(ratios):6.2f} of plain ({ratios[0]:.2f} to {ratios[-1]:.2f})")
PY
