#!/bin/sh
# run.sh BUILD CC [FLAG...] - installs BUILD elsewhere, then builds and runs main.c with it twice:
# found by CMake, found by pkg-config. FLAGs are the sanitizers that BUILD was made with.
set -eu
build=$1 cc=$2
shift 2

here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prefix=$scratch/prefix

cmake --install "$build" --prefix "$prefix" >/dev/null
"$prefix/bin/pktmod" --version
test -s "$prefix/share/man/man1/pktmod.1"
test -s "$prefix/share/man/man5/pktmod-flow.5"
test -s "$prefix/share/man/man5/pktmod-rules.5"
test -s "$prefix/share/bash-completion/completions/pktmod"

cmake -S "$here" -B "$scratch/cmake" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_C_FLAGS="$*" >/dev/null
cmake --build "$scratch/cmake" >/dev/null
"$scratch/cmake/consumer"
echo "found by CMake: builds and runs"

pc=$(find "$prefix" -name pktmod-rules.pc)
PKG_CONFIG_PATH=$(dirname "$pc")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
# shellcheck disable=SC2046 # lists of flags
"$cc" -std=c17 "$@" "$here/main.c" -o "$scratch/consumer" \
    $(pkg-config --cflags --libs pktmod-rules)
"$scratch/consumer"
echo "found by pkg-config: builds and runs"
