#!/usr/bin/env python3
"""symbols.py NM LIBRARY - the core calls nothing but memory, PCRE2, Vectorscan and AES: no file, clock, socket,
thread, print.

Looks at what the archive leaves undefined, so that it holds whatever headers were included.
"""
import subprocess
import sys

ALLOWED = set("free malloc calloc realloc memchr memcmp memcpy memmove memset strlen strcmp strncmp "
              "strchr qsort bsearch snprintf vsnprintf abort __assert_fail __assert_rtn "
              "bcmp bzero __stack_chk_fail __stack_chk_guard _GLOBAL_OFFSET_TABLE_".split())
LIBRARIES = ("pcre2_", "hs_", "EVP_")  # PCRE2; Vectorscan and libcrypto, where it was built with them
COMPILER = ("__asan_", "__ubsan_", "__sanitizer_", "__sancov_", "__start___sanc", "__stop___sanc")


def plain(symbol):
    """As C names it: Mach-O puts an underscore before, fortified calls are __name_chk."""
    symbol = symbol[1:] if sys.platform == "darwin" else symbol
    return symbol[2:-4] if symbol.startswith("__") and symbol.endswith("_chk") else symbol


def main():
    nm, library = sys.argv[1:3]
    lines = subprocess.run([nm, library], capture_output=True, text=True, check=True).stdout.splitlines()
    defined, called = set(), set()
    for line in lines:
        *_, kind, symbol = ["", "", *line.split()]
        if kind in ("U", "u"):
            called.add(symbol)
        elif len(kind) == 1:
            defined.add(symbol)
    foreign = sorted(name for name in map(plain, called - defined)
                     if name not in ALLOWED and not name.startswith((*LIBRARIES, *COMPILER)))
    for name in foreign:
        print(f"the core calls {name}")
    print(f"symbols: {len(defined)} defined, {len(foreign)} foreign")
    return 1 if foreign or not defined else 0


sys.exit(main())
