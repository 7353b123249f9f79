#!/usr/bin/env python3
"""flow.py PKTMOD - captures made of text, as tshark sees them: complete, and nothing malformed.

Without tshark the test is skipped (77)."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

TEXT = r"""
tcp web 10.0.0.1:40000 > 192.0.2.1:80 timestamps sack
web open
web > "GET / HTTP/1.1\r\nHost: a\r\n\r\n" cut 5,9 order 2,3,1 twice 2
web < "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" @body lost 2 no-ack
web > ack 1460 sack 2920-3041
web < again 1460-2920
web > close
tcp six [2001:db8::1]:1234 > [2001:db8::2]:4433 incoming vlan 7 vlan 9
six open
six > hex:00ff "x"
six < icmp 1/4
six > reset
udp note 10.0.0.1:9001 > 192.0.2.53:9000
note > fill:3000 fragment 1480
note > fill:3000 fragment 480 reversed
note < icmp 3/4 mtu 1400
udp note6 [2001:db8::1]:1 > [2001:db8::2]:9000
note6 > fill:2001 fragment 1000
icmp ping 10.0.0.1 > 10.0.0.2
ping > echo 7/1 "abc"
ping < reply 7/1 "abc"
icmp ping6 2001:db8::1 > 2001:db8::2
ping6 > echo 7/1 "abc"
"""
CHECKS = [f"-o{proto}.check_checksum:TRUE" for proto in ("ip", "tcp", "udp")]
CHECKS.append("-otcp.reassemble_out_of_order:TRUE")
BAD = ("_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0"
       " || icmp.checksum.status == 0 || icmpv6.checksum.status == 0")


def tshark(path, *arguments):
    return subprocess.run(["tshark", "-r", path, *CHECKS, *arguments], check=True,
                          capture_output=True, text=True).stdout


def main():
    pktmod = sys.argv[1]
    if not shutil.which("tshark"):
        print("tshark is not there")
        return 77
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "in.flow").write_text(TEXT)
        (folder / "body").write_bytes(b"b" * 3000)
        outs = [folder / name for name in ("a.pcapng", "b.pcapng", "a.pcap")]
        for out in outs:
            subprocess.run([pktmod, "flow", folder / "in.flow", "-w", out], check=True)
        assert outs[0].read_bytes() == outs[1].read_bytes(), "the same text makes the same bytes"
        for out in outs[1:]:
            assert tshark(out, "-Y", BAD) == "", tshark(out, "-Y", BAD)
            assert len(tshark(out).splitlines()) == 40, tshark(out)
            assert "3000" in tshark(out, "-Y", "http.response", "-T", "fields", "-e",
                                    "http.content_length"), "the response is put together"
            whole = tshark(out, "-Y", "udp.port == 9000 && udp", "-T", "fields", "-e", "udp.length")
            assert whole.split().count("3008") >= 2 and "2009" in whole, whole
        directions = tshark(outs[0], "-T", "fields", "-e", "frame.packet_flags_direction").split()
        assert directions[0] == "0x00000002" and directions[1] == "0x00000001", directions[:2]
        (folder / "bad.flow").write_text("tcp web 10.0.0.1:1 > 10.0.0.2:2\nweb opn\n")
        bad = subprocess.run([pktmod, "flow", "bad.flow"], cwd=folder, capture_output=True, text=True)
        assert bad.returncode == 2 and bad.stdout == "", bad
        assert bad.stderr == ('bad.flow:2:5: error: expected "open", ">" or "<", found "opn"\n'
                              '    2 | web opn\n      |     ^~~ did you mean "open"?\n'
                              'bad.flow: 1 error\n'), bad.stderr
        rules = folder / "rules.json"
        rules.write_text('{"pktmod": 1, "rules": [{"id": "a", "match": {}, "verdict": "drop"}]}')
        bad = subprocess.run([pktmod, "replay", rules, "-r", "bad.flow"], cwd=folder,
                             capture_output=True, text=True)
        assert bad.returncode == 2, bad
        assert bad.stderr.endswith("pktmod: bad.flow: no packets are made of it: 1 error\n"), bad.stderr
        good = subprocess.run([pktmod, "replay", rules, "-r", "in.flow"], cwd=folder,
                              capture_output=True, text=True)
        assert good.returncode == 0 and "40" in good.stdout, good
    print("flow: ok")
    return 0


sys.exit(main())
