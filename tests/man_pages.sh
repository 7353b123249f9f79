#!/bin/sh
# man_pages.sh - the manual pages have no fault that mandoc warns of, and the one of rule files is
# what their description makes.
set -eu
cd "$(dirname "$0")/.."

python3 rules/manual.py --check
command -v mandoc >/dev/null 2>&1 || {
    echo "SKIP: mandoc is not installed"
    exit 77
}
found=$(mandoc -Tlint -W warning app/*.[1-8] rules/*.[1-8] | grep -v 'outdated mandoc.db' || true)
[ -z "$found" ] || {
    echo "$found"
    exit 1
}
