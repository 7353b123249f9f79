#!/bin/sh
# run.sh - installs what is missing, builds the preset `dev` and runs every test.
set -eu
cd "$(dirname "$0")/.."
sh tests/install.sh test

cpus=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
cmake --preset dev
cmake --build --preset dev --parallel "$cpus"
cd build/dev
exec ctest --output-on-failure --parallel "$cpus"
