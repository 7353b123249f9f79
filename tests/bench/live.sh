#!/bin/sh
# live.sh PKTMOD [SECONDS [ROUNDS]] - what the live filter costs, as ratios to plain forwarding; see
# live.py. PKTMOD is of a release build. Needs root, ip, iptables, iperf3, taskset, cc,
# libmnl.
set -eu
source=$(realpath "$(dirname "$0")/../..")
for tool in ip iptables iperf3 taskset python3 cc; do
    command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
[ "$(id -u)" -eq 0 ] || { echo "skipped: needs root"; exit 77; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM
cc -O2 "$source/tests/bench/roundtrip.c" -o "$scratch/roundtrip"
cc -O2 -D_GNU_SOURCE -I"$source" "$source/tests/bench/passall.c" "$source/filter-ext/linux/nfqueue.c" \
    "$source/filter-ext/linux/nfmessage.c" -lmnl -o "$scratch/passall"
python3 "$source/tests/bench/live.py" "$scratch" "$@"
