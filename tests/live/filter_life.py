"""filter_life.py - stories of the live filter: how it begins, ends and dies; what it refuses, what is left of it."""
import os
import pathlib
import shutil
import socket
import subprocess
import time

from filter_world import (
    CAP_NET_ADMIN, DROP, OPEN, PR_CAPBSET_DROP, VERDICTS, check, connection, outcome, story, under_load)
from world import die_with_parent, inside, libc, run


@story
def beginning_and_end_break_no_connection(world):
    """Packets that wait in the queue when the run ends are decided too."""
    rules = world.rules(VERDICTS)
    world.serve("peer", 4, OPEN)
    seen = 0
    with under_load(world):
        for _ in range(5):
            process = world.filter(rules, queue="5-6")
            time.sleep(0.3)
            seen += world.stats()["packets"]
            world.stop(process)
    check(seen > 100, f"{seen} packets went through it")


@story
def killed_and_started_again(world):
    process = world.filter(world.rules(VERDICTS))
    process.kill()
    process.wait()
    check("PKTMOD-Q5" in world.mangle("iptables"), "the rules went by themselves")
    process = world.filter(world.rules(VERDICTS), queue="6")
    check("PKTMOD-Q5" not in world.mangle("iptables"), "the next run does not clean up")
    check("had died" in world.words(), f"it says nothing: {world.words()}")
    process.kill()
    process.wait()
    with inside(world.names["host"]):
        run(world.pktmod, "run", "--uninstall", "--filter", "nfqueue:6")
    for tool in ("iptables", "ip6tables"):
        check("PKTMOD" not in world.mangle(tool), "--uninstall leaves rules")


@story
def killed_at_any_time_the_next_start_cleans_up(world):
    """Also while a program that changes the firewall is at work: it may end after pktmod."""
    rules = world.rules(VERDICTS)
    began = time.monotonic()
    world.stop(world.filter(rules))
    took, rounds, found = time.monotonic() - began, 20, 0
    for number in range(rounds):
        said = open(world.folder / "said", "a+")
        process = world.start("host", world.pktmod, "run", str(rules), "--filter", "nfqueue:5", "--install", "-q",
                              "--run-dir", str(world.folder / "run"), stdout=said, stderr=said)
        time.sleep(took * number / rounds)
        if number % 4 == 3:
            process.terminate()
            time.sleep(took * number / rounds / 8)
        process.kill()
        process.wait()
        found += "PKTMOD" in world.mangle("iptables")
        world.stop(world.filter(rules, queue="6"))
        check(not list((world.folder / "run").glob("nfqueue-5.*")), "its lock file is left")
    check(0 < found < rounds, f"firewall rules were left {found} of {rounds} times: it was not killed at all times")


@story
def nft_takes_the_rules(world):
    """As far as the kernel can: without NFT_QUEUE everything but that one statement is tried."""
    if not shutil.which("nft"):
        print("      without: nft is not installed")
        return
    rules = world.rules(VERDICTS)
    options = ("--filter", "nfqueue:5-7", "--hook", "input,output,forward", "-i", "pmhost", "-i", "tun+", "--bypass",
               "--firewall", "nft", "--run-dir", str(world.folder / "run"))
    process = world.start("host", world.pktmod, "run", str(rules), *options, stderr=subprocess.PIPE, text=True)
    time.sleep(2)
    process.terminate()
    lines = process.communicate(timeout=20)[1].splitlines()
    text = "\n".join(line for line in lines if line.startswith("  ")) + "\n"
    check("queue num 5-7 bypass" in text, f"it prints {lines}")
    world.nft("-c", "-f", "-", text=text.replace("queue num 5-7 bypass", "accept"))
    world.nft("-f", "-", text="add table inet pktmod-q5")
    with inside(world.names["host"]):
        run(world.pktmod, "run", "--uninstall", "--filter", "nfqueue:5")
    check("pktmod" not in world.nft("list", "tables"), "--uninstall leaves the table")
    try:
        world.nft("-c", "-f", "-", text=text)
    except OSError as problem:
        check("syntax" not in str(problem), f"nft does not understand it: {problem}")
        print("      without: nft rules in force; this kernel has no NFT_QUEUE")
        check("NFT_QUEUE" in refusal(world, *options), "not said")
        check("pktmod" not in world.nft("list", "tables"), "a table is left")
        return
    process = world.filter(rules, "--firewall", "nft", "--offload")
    world.serve("peer", 4, OPEN)
    world.serve("peer", 4, DROP)
    connection(world, "host", 4, OPEN, 20)
    check(outcome(lambda: connection(world, "host", 4, DROP))[0] == "silence", "it was not dropped")
    world.stop(process)


@story
def systemd_hears_of_it_and_privileges_go(world):
    """A socket in systemd's place: ready, alive twice in each time of the watchdog, stopping."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(world.folder / "notify"))
        manager.settimeout(20)
        rules = world.rules(VERDICTS)
        with inside(world.names["host"]):
            process = subprocess.Popen([world.pktmod, "run", str(rules), "--filter", "nfqueue:5", "--install", "-q",
                                        "--run-dir", str(world.folder / "run")], preexec_fn=die_with_parent,
                                       env={**os.environ, "NOTIFY_SOCKET": str(world.folder / "notify"),
                                            "WATCHDOG_USEC": "600000"})
        world.ends.callback(world.end, process)
        check(manager.recv(100) == b"READY=1", "the first word is not that it is ready")
        check("PKTMOD-Q5" in world.mangle("ip6tables"), "it was ready before its firewall rules were")
        began = time.monotonic()
        for _ in range(8):
            check(manager.recv(100) == b"WATCHDOG=1", "it says something else")
        took = time.monotonic() - began
        check(took < 8 * 0.6, f"eight signs of life took {took:.1f} s, with a watchdog of 0.6")
        for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
            told = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)
            for name in ("CapEff", "CapPrm", "CapBnd"):
                check(int(told[name], 16) == 1 << 12 | 1 << 13, f"{name} of a thread is {told[name]}")
        process.terminate()
        word = manager.recv(100)
        while word == b"WATCHDOG=1":
            word = manager.recv(100)
        check(word == b"STOPPING=1", f"at the end it says {word}")
        check(process.wait(20) == 0, "it did not end well")


def refusal(world, *options, **how):
    with inside(world.names["host"]):
        done = subprocess.run([world.pktmod, "run", str(world.folder / "rules.json"), "--install", *options],
                              text=True, capture_output=True, timeout=60, **how)
    check(done.returncode == 2 and len(done.stderr.splitlines()) == 1,
          f"{options}: exit {done.returncode}, {done.stderr!r}")
    return done.stderr


def without_net_admin():
    if libc.prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN, 0, 0, 0):
        raise OSError("PR_CAPBSET_DROP")


def as_nobody():
    os.setgid(65534)
    os.setuid(65534)


@story
def what_cannot_work_is_one_clear_line(world):
    process = world.filter(world.rules(VERDICTS))
    before = world.mangle("iptables")
    check("taken" in refusal(world, "--filter", "nfqueue:5", "--run-dir", str(world.folder / "other")), "not said")
    check("another pktmod run" in refusal(world, "--filter", "nfqueue:5", "--run-dir", str(world.folder / "run")),
          "not said")
    check("expected" in refusal(world, "--filter", "nfqueue:70000"), "not said")
    check("interface" in refusal(world, "--filter", "nfqueue:7", "-i", "a b; c"), "not said")
    check("no interface" in refusal(world, "--filter", "nfqueue:7", "-i", "nosuch0"), "not said")
    check("no interface" in refusal(world, "--filter", "nfqueue:7", "--hook", "forward", "--inside", "nosuch0"), "not said")
    check("no group" in refusal(world, "--filter", "nfqueue:7", "--control-group", "no such group", "--run-dir",
                                str(world.folder / "other")), "not said")
    check(world.mangle("iptables") == before, "a run that was refused changed the firewall")
    world.stop(process)
    check("not permitted" in refusal(world, "--filter", "nfqueue:5", preexec_fn=without_net_admin), "not said")
    os.chmod(world.folder, 0o755)
    if subprocess.run([world.pktmod, "--version"], preexec_fn=as_nobody, capture_output=True, check=False).returncode:
        print("      without: not permitted; nobody cannot run the command where it lies")
        return
    check("not permitted" in refusal(world, "--filter", "nfqueue:5", preexec_fn=as_nobody), "not said")


@story
def half_an_install_is_none(world):
    """IPv4's rules go in, IPv6's do not: the tool for them fails, in a mount namespace where only that is so."""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        print("      without: no mount namespaces")
        return
    tools = world.folder / "tools"
    tools.mkdir()
    for name in ("iptables-save", "iptables-restore", "ip6tables-save"):
        shutil.copy(os.path.realpath(shutil.which(name)), tools / name)
    (tools / "ip6tables-restore").write_text("#!/bin/sh\necho no IPv6 today >&2\nexit 1\n")
    (tools / "ip6tables-restore").chmod(0o755)
    rules = world.rules(VERDICTS)
    with inside(world.names["host"]):
        done = subprocess.run(["unshare", "-m", "sh", "-ec", 'mount --bind "$1" /usr/sbin; shift; exec "$@"', "sh", tools,
                               world.pktmod, "run", rules, "--filter", "nfqueue:5", "--install", "--run-dir",
                               world.folder / "run"], text=True, capture_output=True, timeout=60)
    check(done.returncode == 2 and done.stderr == "pktmod: run: ip6tables-restore failed: no IPv6 today\n",
          f"exit {done.returncode}: {done.stderr}")
    check("PKTMOD" not in world.mangle("iptables"), "half of the rules are in force")
    check(not list((world.folder / "run").glob("nfqueue*")), "its lock file is left")
