#!/bin/sh
# live_tunnel.sh PKTMOD [SECONDS [ROUNDS]] - what the live tunnel costs, as ratios to plain
# forwarding and to a loop of one packet; see live_tunnel.py. PKTMOD is of a release build. Needs
# root, /dev/net/tun, ip, iperf3, taskset, cc.
set -eu
source=$(realpath "$(dirname "$0")/../..")
for tool in ip iperf3 taskset python3 cc; do
    command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
[ "$(id -u)" -eq 0 ] || { echo "skipped: needs root"; exit 77; }
[ -e /dev/net/tun ] || { echo "skipped: no /dev/net/tun"; exit 77; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM
cc -O2 "$source/tests/bench/roundtrip.c" -o "$scratch/roundtrip"
cc -O2 "$source/tests/bench/onepacket.c" -o "$scratch/onepacket"
python3 "$source/tests/bench/live_tunnel.py" "$scratch" "$@"
