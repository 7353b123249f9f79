#!/usr/bin/env python3
"""mutants.py - plants the faults of mutants.txt one at a time; the simulator must see each.

usage: mutants.py [--seeds N] [--jobs N] [--cc CC] [--only TEXT] [--library DIR] [--pc FILE]

--pc is the pktmod.pc of a build: it says what the library has to be linked with.

The library is built once as it is, and must pass. Then, per fault, only its file is built again, in
a directory of its own that is removed at the end. A fault that no seed shows, or whose line is no
longer in the source, fails the run.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
LIBRARY = HERE.parent.parent / "libpktmod"
FLAGS = ["-std=c17", "-O1", "-w"]
RUN_SECONDS = 240


class Mutant:
    def __init__(self, name, file, old, new):
        self.name, self.file, self.old, self.new = name, file, old, new


def read_mutants(path):
    mutants, fields = [], {}
    for number, line in enumerate(path.read_text().splitlines() + [""], 1):
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                if set(fields) != {"name", "file", "-", "+"}:
                    sys.exit(f"{path.name}:{number}: a fault lacks a line")
                mutants.append(Mutant(fields["name"], fields["file"], fields["-"], fields["+"]))
            fields = {}
            continue
        key, _, text = line.partition(" ")
        if key not in ("name", "file", "-", "+") or key in fields:
            sys.exit(f"{path.name}:{number}: what is this line?")
        fields[key] = text.strip()
    names = [m.name for m in mutants]
    if len(set(names)) != len(names):
        sys.exit(f"{path.name}: two faults of one name")
    return mutants


def planted(mutant, root):
    """The file's text with the fault in it, or None where it does not fit."""
    text = (root / mutant.file).read_text()
    if text.count(mutant.old) != 1:
        return None
    return text.replace(mutant.old, mutant.new)


class Build:
    def __init__(self, cc, root, library, libraries):
        self.cc, self.root, self.libraries = cc, root, libraries
        self.source = root / "libpktmod"
        shutil.copytree(library, self.source)
        self.includes = ["-I", str(self.source / "include"), "-I", str(self.source)]
        self.objects = {}

    def compile(self, source, target):
        subprocess.run([self.cc, *FLAGS, *self.includes, "-c", str(source), "-o", str(target)],
                       check=True)

    def compile_all(self, pool):
        sources = sorted(self.source.rglob("*.c")) + sorted(HERE.glob("*.c"))
        for source in sources:
            name = re.sub(r"\W", "_", str(source.relative_to(source.parent.parent)))
            self.objects[source] = self.root / f"{name}.o"
        list(pool.map(lambda item: self.compile(*item), self.objects.items()))

    def link(self, target, instead=None):
        objects = {**self.objects, **(instead or {})}
        subprocess.run([self.cc, *map(str, objects.values()), *self.libraries, "-o", str(target)],
                       check=True)

    def plant(self, mutant, directory):
        text = planted(mutant, self.source)
        if text is None:
            return None
        file = self.source / mutant.file
        source = directory / file.name
        source.write_text(text)
        target = directory / "mutant.o"
        subprocess.run([self.cc, *FLAGS, "-I", str(file.parent), *self.includes, "-c", str(source),
                        "-o", str(target)], check=True)
        binary = directory / "closed_loop"
        self.link(binary, {file: target})
        return binary


def run(binary, seeds):
    """None: no seed failed. Otherwise the last line that tells of one."""
    try:
        done = subprocess.run([str(binary), "--seeds", f"1-{seeds}"], capture_output=True,
                              text=True, errors="replace", timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired:
        return "it does not end"
    if done.returncode == 0:
        return None
    told = [line for line in done.stdout.splitlines() if re.match(r"seed \d+ failed", line)]
    return told[-1] if told else f"exit {done.returncode}"


def judge(build, mutant, seeds, root, index):
    directory = root / f"mutant{index}"
    directory.mkdir()
    try:
        binary = build.plant(mutant, directory)
        if binary is None:
            return False, "its line is not (or more than once) in " + mutant.file
        seen = run(binary, seeds)
        return seen is not None, seen or "NO SEED SHOWS IT"
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def libraries_of(pc):
    """What pktmod.pc names beside the library itself."""
    if not pc:
        return []
    told = subprocess.run(["pkg-config", "--static", "--libs", pc], check=True,
                          capture_output=True, text=True).stdout
    return [word for word in told.split() if word != "-lpktmod"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--cc", default=os.environ.get("CC", "cc"))
    parser.add_argument("--only", default="")
    parser.add_argument("--library", default=LIBRARY, help="libpktmod's folder")
    parser.add_argument("--pc", default="", help="pktmod.pc of a build")
    args = parser.parse_args()
    mutants = [m for m in read_mutants(HERE / "mutants.txt") if args.only in m.name]
    with tempfile.TemporaryDirectory(prefix="pktmod-mutants-") as name:
        root = pathlib.Path(name)
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            build = Build(args.cc, root, args.library, libraries_of(args.pc))
            build.compile_all(pool)
            build.link(root / "closed_loop")
            as_it_is = run(root / "closed_loop", args.seeds)
            if as_it_is:
                print(f"without a fault: {as_it_is}")
                return 1
            jobs = [pool.submit(judge, build, m, args.seeds, root, i)
                    for i, m in enumerate(mutants)]
            failed = 0
            for mutant, job in zip(mutants, jobs):
                is_seen, told = job.result()
                failed += not is_seen
                print(f"{'seen' if is_seen else 'NOT SEEN'}: {mutant.name}: {told}", flush=True)
    print(f"{len(mutants)} faults, {failed} not seen")
    return 1 if failed or not mutants else 0


if __name__ == "__main__":
    sys.exit(main())
