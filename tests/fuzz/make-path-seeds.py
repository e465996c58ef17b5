#!/usr/bin/env python3
"""Makes the seeds of fuzz_path (tests/fuzz/corpus/path) from those of the parsers: each script of segments becomes a
small capture of one flow. Frames differ by seed, so that Ethernet, VLAN, raw IP, IPv6 and fragments are all there.

    tests/fuzz/make-path-seeds.py
"""
import os, struct

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(HERE, "corpus")
OUT = os.path.join(CORPUS, "path")
# One seed of each; the rest is for fuzz_flow, which takes the parsers' seeds as they are.
NOT_PARSERS = {"path", "flow", "stream", "capture", "decode", "yaml", "catalog", "catalog_yaml"}
LARGEST = 6000


def segments(script):
    at = 1
    while at < len(script):
        head = script[at]
        at += 1
        n = head & 127
        if n == 127 and at + 2 <= len(script):
            n = struct.unpack(">H", script[at:at + 2])[0]
            at += 2
        yield head >> 7, script[at:at + n]
        at += n


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Flow:
    def __init__(self, udp, style):
        self.udp, self.style, self.number = udp, style, 0
        self.seq = [1000, 5000]
        self.packets = []

    def ip(self, side, payload, more=0, offset=0):
        protocol = 17 if self.udp else 6
        if self.style == "ipv6":
            ends = [bytes.fromhex("20010db8000000000000000000000001"), bytes.fromhex("20010db8000000000000000000000002")]
            return struct.pack(">IHBB", 0x60000000, len(payload), protocol, 64) + ends[side] + ends[1 - side] + payload
        ends = [b"\x0a\0\0\1", b"\xc0\0\2\1"]
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), self.number, more << 13 | offset // 8, 64, protocol,
                           0) + ends[side] + ends[1 - side]
        return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload

    def frame(self, ip):
        kind = 0x86dd if self.style == "ipv6" else 0x0800
        if self.style == "raw":
            return ip
        tag = struct.pack(">HH", 0x8100, 5) if self.style == "vlan" else b""
        return b"\2\0\0\0\0\1\2\0\0\0\0\2" + tag + struct.pack(">H", kind) + ip

    def send(self, side, payload, flags=0x18):
        self.number += 1
        ports = [40000, 5190]
        if self.udp:
            l4 = struct.pack(">HHHH", ports[side], ports[1 - side], 8 + len(payload), 0) + payload
        else:
            l4 = struct.pack(">HHIIBBHHH", ports[side], ports[1 - side], self.seq[side], self.seq[1 - side], 0x50, flags,
                             65535, 0, 0) + payload
            self.seq[side] += len(payload) + (flags & 3 != 0)
        if self.style == "fragments" and len(l4) > 40:
            cut = len(l4) // 2 // 8 * 8
            self.packets.append(self.frame(self.ip(side, l4[:cut], 1)))
            self.packets.append(self.frame(self.ip(side, l4[cut:], 0, cut)))
        else:
            self.packets.append(self.frame(self.ip(side, l4)))

    def capture(self):
        out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101 if self.style == "raw" else 1)
        for i, p in enumerate(self.packets):
            out += struct.pack("<IIII", 1700000000 + i // 50, i % 50 * 20000, len(p), len(p)) + p
        return out


def main():
    os.makedirs(OUT, exist_ok=True)
    styles = ["plain", "vlan", "raw", "ipv6", "fragments"]
    for number, parser in enumerate(sorted(set(os.listdir(CORPUS)) - NOT_PARSERS)):
        folder = os.path.join(CORPUS, parser)
        seeds = [os.path.join(folder, f) for f in sorted(os.listdir(folder))]
        seeds = [s for s in seeds if os.path.getsize(s) <= LARGEST]
        if not seeds:
            continue
        with open(max(seeds, key=os.path.getsize), "rb") as f:
            script = f.read()
        flow = Flow(script[0] & 1 != 0, styles[number % len(styles)])
        if not flow.udp and script[0] & 2 == 0:
            flow.send(0, b"", 2)
            flow.send(1, b"", 0x12)
        for side, payload in segments(script):
            for at in range(0, max(len(payload), 1), 1400):
                flow.send(side, payload[at:at + 1400])
        with open(os.path.join(OUT, parser), "wb") as f:
            f.write(flow.capture())


main()
