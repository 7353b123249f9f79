#!/usr/bin/env python3
"""quic_packets.py - writes unit/quic_packets.h: QUIC Initial packets, sealed by an independent
implementation (python3-cryptography) after RFC 9001 and RFC 9369.

The first two are the samples of RFC 9001, appendix A.2, and RFC 9369, appendix A.2: their text is
given here, and what is sealed is compared with the documents' first and last bytes.
"""
import hashlib
import hmac
import pathlib
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SALTS = {1: "38762cf7f55934b34d179ae6a4c80cadccbb7f0a",
         0x6b3343cf: "0dede3def700a6db819381be6e269dcbf9bd2ed9"}
ID = bytes.fromhex("8394c8f03e515708")
SAMPLE = bytes.fromhex(
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c0000041301130201"
    "0000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c70"
    "6e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74"
    "d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ffffff"
    "ffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff")


def expand(secret, label, length):
    label = b"tls13 " + label
    info = struct.pack(">HB", length, len(label)) + label + b"\0\1"
    return hmac.new(secret, info, hashlib.sha256).digest()[:length]


def seal(frames, version=1, dcid=ID, key_id=None, number=2, number_len=4, size=1200, token=b""):
    """One Initial packet, padded to size."""
    secret = hmac.new(bytes.fromhex(SALTS[version]), key_id or dcid, hashlib.sha256).digest()
    client = expand(secret, b"client in", 32)
    kind = b"quic " if version == 1 else b"quicv2 "
    key, nonce, mask_key = (expand(client, kind + what, length)
                            for what, length in ((b"key", 16), (b"iv", 12), (b"hp", 16)))
    first = (0xc0 if version == 1 else 0xd0) | (number_len - 1)
    header = struct.pack(">BIB", first, version, len(dcid)) + dcid + b"\0" + bytes([len(token)]) + token
    frames += bytes(max(0, size - len(header) - 2 - number_len - len(frames) - 16))
    header += struct.pack(">H", 0x4000 | (number_len + len(frames) + 16)) + number.to_bytes(number_len, "big")
    nonce = bytes(a ^ b for a, b in zip(nonce, number.to_bytes(12, "big")))
    packet = bytearray(header + AESGCM(key).encrypt(nonce, frames, header))
    at = len(header) - number_len
    mask = Cipher(algorithms.AES(mask_key), modes.ECB()).encryptor().update(bytes(packet[at + 4:at + 20]))
    packet[0] ^= mask[0] & 0x0f
    for i in range(number_len):
        packet[at + i] ^= mask[1 + i]
    return bytes(packet)


def counted(content, width):
    return len(content).to_bytes(width, "big") + content


def hello(name, padding):
    """A ClientHello that has a name, a protocol and a long extension."""
    extensions = (b"\0\0" + counted(counted(b"\0" + counted(name, 2), 2), 2) +
                  b"\0\x10" + counted(counted(counted(b"h3", 1), 2), 2) + b"\0\x15" + counted(bytes(padding), 2))
    body = b"\3\3" + bytes(range(32)) + b"\0" + counted(b"\x13\1\x13\2", 2) + b"\1\0" + counted(extensions, 2)
    return b"\1" + counted(body, 3)


def crypto(message, begin, end):
    return b"\6" + struct.pack(">HH", 0x4000 | begin, 0x4000 | (end - begin)) + message[begin:end]


def packets():
    sample_1, sample_2 = seal(SAMPLE), seal(SAMPLE, version=0x6b3343cf)
    assert sample_1[:24].hex() == "c000000001088394c8f03e5157080000449e7b9aec34d1b1"
    assert sample_1[-16:].hex() == "e221af44860018ab0856972e194cd934"
    yield "SAMPLE_1", "RFC 9001, appendix A.2", sample_1
    yield "SAMPLE_2", "RFC 9369, appendix A.2", sample_2
    long = hello(b"bad.example", 1500)
    yield ("LATER_HALF", "bytes 1100 to the end of a long hello, and 100 to 200 of it, behind an ACK",
           seal(bytes.fromhex("02000000010000") + crypto(long, 1100, len(long)) + b"\1" + crypto(long, 100, 200),
                number=0))
    yield ("FIRST_HALF", "the rest of it, in pieces that overlap, the last one first; to another id, and a short number",
           seal(crypto(long, 600, 1100) + bytes(3) + crypto(long, 150, 650) + crypto(long, 0, 100),
                dcid=b"server", key_id=ID, number=1, number_len=1))
    short = hello(b"bad.example", 10)
    yield ("AFTER_RETRY", "a hello whole, sealed anew for the id that a Retry gave, with its token",
           seal(crypto(short, 0, len(short)), dcid=b"retried!", number=3, token=b"token"))
    yield ("CONTRADICTS", "the same bytes of a hello twice, not the same",
           seal(crypto(short, 0, 60) + crypto(bytes(len(short)), 40, 50)))
    handshake = b"\xe0\0\0\0\1\x08" + ID + b"\0" + counted(bytes(40), 1)
    yield ("COALESCED", "a packet of another kind, and behind it half of the hello; then the other half",
           handshake + seal(crypto(short, 0, 40), size=200) + seal(crypto(short, 40, len(short)), number=4, size=950))


def main():
    out = ["/* quic_packets.h - QUIC Initial packets in hex; written by tests/quic_packets.py, which says what they are. */",
           "#ifndef PM_TESTS_QUIC_PACKETS_H", "#define PM_TESTS_QUIC_PACKETS_H", ""]
    for name, what, packet in packets():
        text = packet.hex()
        lines = [text[i:i + 92] for i in range(0, len(text), 92)]
        out += [f"/* {what} */", f"#define {name}" + " " * (91 - len(name)) + "\\"]
        out += [f'    "{line}"' + (" " * (93 - len(line)) + "\\" if line is not lines[-1] else "") for line in lines]
        out.append("")
    out += ["#endif", ""]
    (pathlib.Path(__file__).parent / "unit/quic_packets.h").write_text("\n".join(out), encoding="utf-8")


main()
