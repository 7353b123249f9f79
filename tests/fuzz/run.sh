#!/bin/sh
# run.sh BUILD SECONDS - fuzzes each target of a PKTMOD_FUZZ build for its share of SECONDS. New
# inputs stay in the build folder; a finding is written there and ends the run.
set -eu
build=$(cd "$1" && pwd) seconds=$2
cd "$(dirname "$0")"

set -- *_fuzz.c # some are for Linux alone
for source in "$@"; do
    shift
    if [ -x "$build/tests/fuzz/${source%.c}" ]; then
        set -- "$@" "$source"
    fi
done
[ $# -gt 0 ] || { echo "run.sh: no target in $build; build the preset fuzz" >&2; exit 1; }
share=$((seconds / $#))
for source in "$@"; do
    name=${source%_fuzz.c}
    found=$build/fuzz/$name
    mkdir -p "$found"
    seeds=corpus/$name
    if [ "$name" = rules ]; then
        seeds="$seeds ../../rules/examples"
    fi
    echo "$name: $share s"
    # shellcheck disable=SC2086 # a list of folders
    "$build/tests/fuzz/${name}_fuzz" -max_total_time="$share" -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -verbosity=0 -artifact_prefix="$found/finding-" \
        "$found" $seeds 2>"$build/fuzz/$name.log" || {
        tail -n 60 "$build/fuzz/$name.log"
        exit 1
    }
    grep -E 'number_of_executed_units|average_exec_per_sec' "$build/fuzz/$name.log"
done
