#!/bin/sh
# service.sh SERVICE PKTMOD - what systemd says of the unit, with the command where it was built:
# no fault, and no wider open than it was.
set -eu
service=$1
pktmod=$(realpath "$2")
exposure_most=25 # tenths of systemd-analyze's score, 0 to 100

command -v systemd-analyze >/dev/null || { echo "skipped: no systemd-analyze"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sed "s|=\(-\{0,1\}\)/[^ ]*/pktmod |=\1$pktmod |" "$service" >"$scratch/pktmod.service"
[ "$(grep -c "$pktmod" "$scratch/pktmod.service")" -eq 3 ] || { echo "not three commands"; exit 1; }
systemd-analyze verify --man=no "$scratch/pktmod.service"
if systemd-analyze --help | grep -q -e --offline; then
    systemd-analyze security --offline=yes --no-pager --threshold=$exposure_most "$scratch/pktmod.service" | tail -n 1
else
    echo "without its score: this systemd-analyze has no --offline"
fi
