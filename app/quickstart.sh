#!/bin/sh
# quickstart.sh - installs what is missing, builds pktmod and shows it at work on a small capture.
set -eu
cd "$(dirname "$0")/.."
sh tests/install.sh build

log=build/quickstart/build.log
mkdir -p build/quickstart
echo "building build/release/pktmod ..."
if ! { cmake --preset release && cmake --build --preset release; } >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "quickstart.sh: the build failed; all of it is in $log" >&2
    exit 1
fi

pktmod=build/release/pktmod
out=build/quickstart/demo-rewritten.pcapng
echo
echo "\$ $pktmod check app/demo/demo.json"
$pktmod check app/demo/demo.json
echo
echo "\$ $pktmod replay app/demo/demo.json -r app/demo/demo.pcapng -w $out"
$pktmod replay app/demo/demo.json -r app/demo/demo.pcapng -w $out

cat <<END

The rewritten capture is $out: packets that pktmod touched say so in a comment.
Next:
  wireshark $out     filter: frame.comment contains "pktmod"
  \$EDITOR app/demo/demo.json     change a rule, then run the two commands above again
  $pktmod replay --help     views, MTU, JSON report; the rule language is in rules/README.md
END
