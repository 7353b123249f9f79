#!/usr/bin/env python3
"""Who may include whom.

    layers.py [TREE]     checks the tree; prints file:line and the reason for every forbidden include
    layers.py --planted  plants a forbidden include of every kind in a copy and expects to see it
"""
import pathlib
import re
import shutil
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parent.parent
ROOMS = ("libpktmod", "rules", "app", "filter-ext", "tunnel-ext", "tests")
INCLUDE = re.compile(r"^\s*#\s*(?:include|import)\b\s*(?:([<\"])([^>\"]+)[>\"])?")

# Floors of the library, each with the floors below it that it stands on.
LINE = ("base", "wire", "flow", "stream", "proto", "match")
FLOORS = {floor: set(LINE[: i + 1]) for i, floor in enumerate(LINE)}
FLOORS["edit"] = {"base", "wire", "flow", "stream", "edit"}
FLOORS["engine"] = set(LINE) | {"edit", "engine"}

# The core does no I/O and knows no platform; stdio.h is there for snprintf.
CORE_SYSTEM = {f"{name}.h" for name in ("assert inttypes limits stdalign stdarg stdbool stddef stdint "
                                        "stdio stdlib string").split()}
FLOOR_SYSTEM = {"match": {"pcre2.h", "hs/hs.h"}, "proto": {"openssl/evp.h"}}

# What rules/ and tunnel-ext/ have for the command alone.
APP_DOORS = {"rules/check.h", "rules/document.h", "rules/meaning.h", "rules/ruletest.h",
             "rules/source.h", "tunnel-ext/buffer.h", "tunnel-ext/clients.h", "tunnel-ext/line.h",
             "tunnel-ext/listener.h", "tunnel-ext/run_plan.h", "tunnel-ext/tunnel.h"}
APP_DOORS |= {f"filter-ext/linux/{name}.h" for name in "clock firewall notify privileges worker".split()}

# How the macOS host app speaks to the extension.
APP_DOORS |= {"filter-ext/darwin/PktmodControl.h", "tunnel-ext/darwin/PktmodTunnelKeys.h"}
APP_DOORS |= {"tunnel-ext/darwin/roottunnel.h"}

# What the halves for macOS share: one system extension has both providers.
DARWIN_DOORS = {"filter-ext/darwin/PktmodPort.h"}


def sources(tree):
    for room in ROOMS:
        for path in sorted((tree / room).rglob("*")):
            if path.suffix in (".c", ".h", ".m"):
                yield path.relative_to(tree)


def includes(path):
    """Yields (line number, '<' or '"', name); name is None for a computed include."""
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found[1], found[2]


def library_owner(name):
    """The path in the tree of a header of the library that is written as the library writes it."""
    if name.startswith("pktmod/"):
        return f"libpktmod/include/{name}"
    if name.split("/")[0] in FLOORS:
        return f"libpktmod/{name}"
    return None


def owner(tree, source, quote, name):
    """The path in the tree of what is included, or None if it comes from the system."""
    own = library_owner(name)
    if own:
        return own
    if (tree / name).exists() and name.split("/")[0] in ROOMS:
        return name
    beside = source.parent / name
    if quote == '"' and (tree / beside).exists():
        return str(beside)
    return None


def check_system(source, name):
    """Why the file may not include this header of the system, or None."""
    room = source.parts[0]
    if name.lower().endswith("cjson.h") and room not in ("rules", "tests"):
        return "cJSON belongs to rules/ alone"
    if (name == "pcap.h" or name.startswith("pcap/")) and room not in ("app", "rules", "tests"):
        return "libpcap belongs to app/ and rules/ alone"
    if room == "libpktmod":
        allowed = CORE_SYSTEM | FLOOR_SYSTEM.get(source.parts[1], set())
        if name not in allowed:
            return "the core does no I/O and knows no platform"
    return None


def check_library(source, target):
    """The same for a file of the library that includes a file of the tree."""
    if target.startswith("libpktmod/include/"):
        return None
    if source.parts[1] == "include":
        return "a public header includes public headers only"
    if not target.startswith("libpktmod/"):
        return "the library knows nothing outside itself"
    here, there = source.parts[1], target.split("/")[1]
    if here not in FLOORS:
        return f"{here} is not a floor of the library"
    if there not in FLOORS[here]:
        return f"{here} does not stand on {there}"
    return None


def check_room(source, target):
    """The same for a file outside the library and its tests."""
    room = source.parts[0]
    if target.startswith(f"{room}/"):
        return None
    if room == "rules":
        return None if target == "libpktmod/include/pktmod/policy.h" else "rules sees <pktmod/policy.h> alone"
    if target.startswith("libpktmod/include/") or target == "rules/rules.h":
        return None
    if room == "app" and target in APP_DOORS:
        return None
    if target in DARWIN_DOORS and source.parts[1] == "darwin":
        return None
    return f"{room} sees <pktmod/*.h> and rules/rules.h alone"


def check_include(tree, source, quote, name):
    """Why this include is forbidden, or None."""
    if name is None:
        return "a computed include cannot be checked"
    if name.endswith(".c"):
        return "no file includes a .c"
    if ".." in name.split("/"):
        return "includes start at a root, not at .."
    target = owner(tree, source, quote, name)
    if target is None:
        return check_system(source, name)
    if source.parts[0] == "tests":
        return None
    if source.parts[0] == "libpktmod":
        return check_library(source, target)
    return check_room(source, target)


def check_tree(tree):
    found, count = [], 0
    for source in sources(tree):
        count += 1
        for number, quote, name in includes(tree / source):
            why = check_include(tree, source, quote, name)
            if why:
                found.append(f"{source}:{number}: includes {name}: {why}")
    return found, count


# file that gets the line, the line
PLANTED = [
    ("libpktmod/base/planted.c", '#include "wire/headers.h"'),
    ("libpktmod/wire/planted.c", '#include "flow/table.h"'),
    ("libpktmod/flow/planted.c", '#include "stream/view.h"'),
    ("libpktmod/stream/planted.c", '#include "proto/dns.h"'),
    ("libpktmod/proto/planted.c", '#include "match/field.h"'),
    ("libpktmod/match/planted.c", '#include "edit/seqmap.h"'),
    ("libpktmod/match/planted.h", '#include "engine/policy.h"'),
    ("libpktmod/edit/planted.c", '#include "match/field.h"'),
    ("libpktmod/edit/planted.h", '  #  include "proto/dns.h"'),
    ("libpktmod/engine/planted.c", '#include "rules/rules.h"'),
    ("libpktmod/engine/planted.c", "#include <cjson/cJSON.h>"),
    ("libpktmod/engine/planted.c", "#include <pcap/pcap.h>"),
    ("libpktmod/engine/planted.c", "#include <time.h>"),
    ("libpktmod/base/planted.c", "#include <pcre2.h>"),
    ("libpktmod/engine/planted.c", "#include <hs/hs.h>"),
    ("libpktmod/engine/planted.c", "#include <openssl/evp.h>"),
    ("libpktmod/cellar/planted.c", '#include "base/seq.h"'),
    ("libpktmod/include/pktmod/planted.h", '#include "base/seq.h"'),
    ("libpktmod/wire/planted.c", '#include "../base/seq.h"'),
    ("libpktmod/wire/planted.c", '#include "wire/link.c"'),
    ("libpktmod/wire/planted.c", "#include PLANTED"),
    ("rules/planted.c", '#include "base/seq.h"'),
    ("rules/planted.c", "#include <pktmod/pktmod.h>"),
    ("rules/planted.c", '#include "libpktmod/base/seq.h"'),
    ("app/planted.c", '#include "match/field.h"'),
    ("app/planted.c", "#include <cjson/cJSON.h>"),
    ("app/planted.c", '#include "rules/inner.h"'),
    ("filter-ext/planted.c", "#include <pcap.h>"),
    ("filter-ext/planted.c", '#include "rules/document.h"'),
    ("tunnel-ext/planted.m", '#include "engine/rewriter.h"'),
    ("tests/unit/planted.c", '#include "base/seq.c"'),
]


def check_planted():
    missed = 0
    with tempfile.TemporaryDirectory() as scratch:
        copy = pathlib.Path(scratch)
        for source in sources(TREE):
            (copy / source).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TREE / source, copy / source)
        inner = copy / "rules" / "inner.h"  # a header of rules/ that is not its door
        inner.write_text("/* inner.h */\n")
        for where, line in PLANTED:
            path = copy / where
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"/* planted */\n{line}\n")
            found, _ = check_tree(copy)
            path.unlink()
            seen = len(found) == 1 and found[0].startswith(f"{where}:2: ")
            missed += not seen
            print("seen  " if seen else "MISSED", found[0] if seen else f"{where}: {line} {found}")
    return missed


def main():
    if sys.argv[1:] == ["--planted"]:
        return 1 if check_planted() else 0
    tree = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else TREE
    found, count = check_tree(tree)
    for line in found:
        print(line)
    print(f"layers: {count} files, {len(found)} forbidden includes")
    return 1 if found or not count else 0


sys.exit(main())
