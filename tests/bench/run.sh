#!/bin/sh
# run.sh - how fast `pktmod replay` is beside tcpdump and tcprewrite on the same HTTP capture, and
# how long matching takes by itself.
#
# The capture is recorded from curl and nginx in network namespaces (Linux, root) or generated, and
# kept in build/bench. PKTMOD_BENCH_ROUNDS (9) is the number of rounds.
set -eu
cd "$(dirname "$0")/../.."
sh tests/install.sh bench

cmake --preset release >/dev/null
cmake --build --preset release --target pktmod_app >/dev/null

capture=build/bench/http.pcap
if [ ! -s "$capture" ]; then
    mkdir -p build/bench
    python3 tests/bench/traffic.py pages build/bench/pages
    if [ "$(uname -s)" = Linux ] && [ "$(id -u)" -eq 0 ] &&
        timeout 300 sh tests/bench/record.sh build/bench/pages "$capture.part"; then
        echo "recorded from curl and nginx"
    else
        echo "cannot record here (needs Linux, root and namespaces): generated"
        python3 tests/bench/traffic.py capture build/bench/pages "$capture.part"
    fi
    mv "$capture.part" "$capture"
fi
python3 tests/bench/compare.py build/release/pktmod "$capture"

echo
echo "matching alone, in memory"
library=build/release/libpktmod
others=$(pkg-config --libs "$library/pktmod.pc" | tr ' ' '\n' | grep -v -e '^-L' -e '^-lpktmod$')
for bench in match decide; do
    # shellcheck disable=SC2086 # a list of libraries
    cc -O2 -Ilibpktmod -Ilibpktmod/include "tests/bench/${bench}_bench.c" "$library/libpktmod.a" \
        $others -o "build/bench/${bench}_bench"
    "build/bench/${bench}_bench"
done
