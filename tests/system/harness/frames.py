# SPDX-License-Identifier: BSD-3-Clause
"""Frames that are put together from their fields, with sums of our own: the code under test edits
sums, this computes them over all that they cover (RFC 1071, 8200 section 8.1, 9260 appendix A)."""

import ipaddress
import struct
from dataclasses import dataclass, replace
from typing import Any

PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "icmp6": 58, "sctp": 132}
EXTENSIONS = {"hop": 0, "route": 43, "options": 60}
FRAGMENT = 44
VIA = -1  # a routing header with a segment left
MARK = 0x88B5  # an EtherType for experiments (IEEE 802)


def mac(text: str) -> bytes:
    """The six bytes of a MAC address."""
    return bytes.fromhex(text.replace(":", ""))


def ones_sum(data: bytes) -> int:
    """The Internet checksum of some bytes."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def crc32c(data: bytes) -> int:
    """Bit by bit, polynomial 0x1edc6f41, reflected."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@dataclass(frozen=True)
class Packet:
    """The fields of a frame; frame() writes it. `fragment` is (offset, bytes, more) of what IP
    carries; `extensions` are names of EXTENSIONS, all of them before a fragment header."""

    src: str = "02:00:00:00:00:01"
    dst: str = "02:00:00:00:00:02"
    tags: tuple[tuple[int, int], ...] = ()  # TPID and TCI, outer first
    ethertype: int = 0  # without IP
    nw_src: str = "10.0.0.1"
    nw_dst: str = "10.0.0.2"
    proto: str = "udp"
    tp_src: int = 1111
    tp_dst: int = 2222
    flags: int = 0x18  # TCP's
    icmp: tuple[int, int] | None = None  # type and code; None: an echo request
    tos: int = 0
    ttl: int = 64
    label: int = 0
    options: bytes = b""
    extensions: tuple[str, ...] = ()
    fragment: tuple[int, int, bool] | None = None
    summed: bool = True  # UDP over IPv4 may go without
    via: str = ""  # IPv6: where a routing header (type 0, first of all) goes on to; the last stop
    pad: int = 0  # bytes behind IP that belong to nothing
    payload: bytes = b"The quick brown fox jumps over the lazy dog"

    def but(self, **changes: Any) -> "Packet":
        """The same packet with other fields."""
        return replace(self, **changes)

    @property
    def is_ip6(self) -> bool:
        return ":" in self.nw_dst

    def frame(self) -> bytes:
        """The bytes on the wire."""
        if self.ethertype:
            ethertype, body = self.ethertype, self.payload
        elif self.is_ip6:
            ethertype, body = 0x86DD, self._ip6()
        else:
            ethertype, body = 0x0800, self._ip4()
        tags = b"".join(struct.pack("!HH", *tag) for tag in self.tags)
        head = mac(self.dst) + mac(self.src) + tags + struct.pack("!H", ethertype)
        return head + body + b"\xa5" * self.pad

    def _addresses(self) -> bytes:
        return ipaddress.ip_address(self.nw_src).packed + ipaddress.ip_address(self.nw_dst).packed

    def _pseudo(self) -> bytes:
        """The addresses that a sum covers: the last destination, as there it is looked at."""
        last = self.via or self.nw_dst
        return ipaddress.ip_address(self.nw_src).packed + ipaddress.ip_address(last).packed

    def _cut(self) -> bytes:
        data = self._transport()
        if self.fragment is None:
            return data
        start, size, _more = self.fragment
        return data[start:start + size]

    def _ip4(self) -> bytes:
        data = self._cut()
        flags = 0
        if self.fragment is not None:
            flags = self.fragment[0] // 8 | (0x2000 if self.fragment[2] else 0)
        words = 5 + len(self.options) // 4
        head = struct.pack("!BBHHHBBH", 0x40 | words, self.tos, words * 4 + len(data), 0x1234,
                           flags, self.ttl, PROTOCOLS[self.proto], 0)
        head += self._addresses() + self.options
        return head[:10] + struct.pack("!H", ones_sum(head)) + head[12:] + data

    def _ip6(self) -> bytes:
        data = self._cut()
        kinds = [VIA] if self.via else []
        kinds += [EXTENSIONS[name] for name in self.extensions]
        kinds += [FRAGMENT] if self.fragment is not None else []
        follow = [*kinds[1:], PROTOCOLS[self.proto]]
        chain = b""
        for kind, after in zip(kinds, follow):
            if kind == FRAGMENT:
                assert self.fragment is not None
                chain += struct.pack("!BxHI", after, self.fragment[0] | self.fragment[2], 0x1234)
            elif kind == VIA:
                chain += struct.pack("!BBBB4x", after, 2, 0, 1)
                chain += ipaddress.ip_address(self.via).packed
            elif kind == EXTENSIONS["route"]:  # Type 253 is for experiments; no segment is left.
                chain += struct.pack("!BBBB4x", after, 0, 253, 0)
            else:  # PadN of 4 bytes
                chain += struct.pack("!BBBB4x", after, 0, 1, 4)
        kinds = [EXTENSIONS["route"] if kind == VIA else kind for kind in kinds]
        first = kinds[0] if kinds else PROTOCOLS[self.proto]
        head = struct.pack("!IHBB", 6 << 28 | self.tos << 20 | self.label, len(chain) + len(data),
                           first, self.ttl)
        return head + self._addresses() + chain + data

    def _transport(self) -> bytes:
        data = self.payload
        if self.proto == "tcp":
            head = struct.pack("!HHIIBBHHH", self.tp_src, self.tp_dst, 7, 8, 0x50, self.flags, 512,
                               0, 0)
            return self._sum(head + data, 16)
        if self.proto == "udp":
            head = struct.pack("!HHHH", self.tp_src, self.tp_dst, 8 + len(data), 0)
            return self._sum(head + data, 6) if self.summed else head + data
        if self.proto == "sctp":
            head = struct.pack("!HHII", self.tp_src, self.tp_dst, 9, 0)
            return head[:8] + struct.pack("<I", crc32c(head + data)) + data
        if self.icmp is None:
            head = struct.pack("!BBHHH", 128 if self.is_ip6 else 8, 0, 0, 5, 6)
        else:
            head = struct.pack("!BBH", *self.icmp, 0)
        return self._sum(head + data, 2)

    def _sum(self, data: bytes, where: int) -> bytes:
        covered = data
        if self.proto != "icmp":  # that has no pseudo header
            pseudo = struct.pack("!II", len(data), PROTOCOLS[self.proto])
            covered = self._pseudo() + pseudo + data
        value = ones_sum(covered)
        if self.proto == "udp" and value == 0:
            value = 0xFFFF
        return data[:where] + struct.pack("!H", value) + data[where + 2:]
