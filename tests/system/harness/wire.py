# SPDX-License-Identifier: BSD-3-Clause
"""Exact frames into and out of namespaces: a raw socket on the interface behind each port."""

import ctypes
import errno
import os
import socket
import struct
import time
from collections.abc import Iterable, Sequence

from .daemon import Daemon
from .frames import MARK, Packet, mac
from .netns import Netns
from .proc import wait_until
from .report import check_equal
from .world import World

ETH_P_ALL = 0x0003
SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_IGNORE_OUTGOING = 23
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6
AUXDATA = struct.Struct("IIIHHHH")
CLONE_NEWNET = 0x40000000
SO_RCVBUFFORCE = 33
LARGEST = 65536 + 64
CHUNK = 200  # frames at a time; the kernel's queue of a tap holds 1000, and says nothing if full
MARK_SOURCE = "02:00:00:00:00:ee"

_libc = ctypes.CDLL(None, use_errno=True)


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"setns: {os.strerror(code)}")


def socket_in(netns: Netns, family: int, kind: int, protocol: int = 0) -> socket.socket:
    """A socket of ours that is in this namespace. Only the calling thread goes there meanwhile."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{netns.name}", os.O_RDONLY)
    try:
        _enter(there)
        try:
            return socket.socket(family, kind, protocol)
        finally:
            _enter(home)
    finally:
        os.close(there)
        os.close(home)


class Wire:
    """A tap port whose interface has no address, so that nobody but us sends or answers."""

    def __init__(self, world: World, daemon: Daemon, port: str, *leaves: str,
                 bridge: str = "br0") -> None:
        self.port = port
        self.netns = Netns(world)
        daemon.ctl("port", "add", port, "type=tap", f"netns={self.netns.name}", "ifname=eth0",
                   f"bridge={bridge}", *leaves)
        daemon.wait_port(port, "up")
        self.netns.run("ip link set eth0 up arp off")
        self.raw = self._open()
        world.defer(self.raw.close)

    def _open(self) -> socket.socket:
        raw = socket_in(self.netns, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        raw.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        raw.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        raw.bind(("eth0", ETH_P_ALL))
        raw.settimeout(5)
        return raw

    def forget(self) -> None:
        """Leave unread what has come, and the error that tells that the interface was down."""
        self.raw.setblocking(False)
        while True:
            try:
                self.raw.recv(LARGEST)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENETDOWN:
                    raise
        self.raw.settimeout(5)

    def send(self, frames: Iterable[bytes]) -> None:
        """Frames into the port, one after the other; waits for room as long as it takes."""
        for frame in frames:
            def sent(frame: bytes = frame) -> bool:
                try:
                    return self.raw.send(frame) == len(frame)
                except OSError as error:
                    if error.errno != errno.ENOBUFS:
                        raise
                    return False

            wait_until(f"{self.port} takes a frame", sent, 5, 0.001)

    def receive(self) -> bytes:
        """The next frame out of the port, with the tag that the kernel keeps beside it."""
        data, extra, _flags, _address = self.raw.recvmsg(LARGEST, 256)
        for level, kind, value in extra:
            if level != SOL_PACKET or kind != PACKET_AUXDATA:
                continue
            status, _len, _snaplen, _mac, _net, tci, tpid = AUXDATA.unpack(value[:AUXDATA.size])
            if status & TP_STATUS_VLAN_VALID:
                if not status & TP_STATUS_VLAN_TPID_VALID:
                    tpid = 0x8100
                data = data[:12] + struct.pack("!HH", tpid, tci) + data[12:]
        return data


class Patch:
    """A bridge with some wires.

    What a frame came to is known without waiting: a mark is sent behind it, which a rule of its own
    sends everywhere, and frames do not overtake each other.
    """

    def __init__(self, world: World, daemon: Daemon, ports: Sequence[str],
                 bridge: str = "br0") -> None:
        self.daemon = daemon
        self.bridge = bridge
        daemon.ctl("bridge", "add", bridge)
        self.wires = {port: Wire(world, daemon, port, bridge=bridge) for port in ports}
        outputs = ",".join(f"output:{port}" for port in ports)
        self.mark_rule = f"priority=65535,dl_type={MARK:#x},actions=in_port,{outputs}"
        self.marks = 0
        self.clean = True  # nothing waits from an exchange that failed

    def rules(self, *texts: str) -> None:
        """Make these, and the mark's, the only rules."""
        self.program("delete", self.mark_rule, *texts)

    def program(self, *texts: str) -> list[int]:
        """A batch of rules as text; how many rules each has touched."""
        params = {"bridge": self.bridge, "text": "\n".join(texts) + "\n"}
        reply = self.daemon.call("program", params, timeout=20)
        if "result" not in reply:
            raise AssertionError(f"{texts}: {reply['error']}")
        return [result["rules"] for result in reply["result"]["results"]]

    def exchange(self, frames: bytes | Sequence[bytes], into: str = "p1",
                 deaf: Sequence[str] = ()) -> dict[str, list[bytes]]:
        """Send frames into a port; what came out of each port that is not among the deaf."""
        frames = [frames] if isinstance(frames, bytes) else list(frames)
        if not self.clean:
            time.sleep(0.2)
            for wire in self.wires.values():
                wire.forget()
        self.clean = False
        found: dict[str, list[bytes]] = {port: [] for port in self.wires if port not in deaf}
        for start in range(0, max(1, len(frames)), CHUNK):
            mark = self._mark()
            self.wires[into].send([*frames[start:start + CHUNK], mark])
            for port, got in found.items():
                while (frame := self.wires[port].receive()) != mark:
                    got.append(frame)
        self.clean = True
        return found

    def _mark(self) -> bytes:
        """A frame that was not sent before."""
        self.marks += 1
        return mac("02:00:00:00:00:ff") + mac(MARK_SOURCE) + struct.pack("!HQ38x", MARK, self.marks)

    def expect(self, frames: bytes | Sequence[bytes], expected: dict[str, Sequence[bytes]],
               what: str = "", into: str = "p1", deaf: Sequence[str] = ()) -> None:
        """The same, and it must be this; no port that is not named gets anything."""
        found = self.exchange(frames, into, deaf)
        for port, got in found.items():
            wanted = list(expected.get(port, []))
            if got != wanted:
                check_equal([frame.hex() for frame in got], [frame.hex() for frame in wanted],
                            f"{what}: what {port} got")

    def learn(self, port: str, packet: Packet, deaf: Sequence[str] = ()) -> None:
        """Send it until the bridge knows its sender; it may miss one while it tidies its table."""
        def known() -> bool:
            self.exchange(packet.frame(), port, deaf)
            return any(len(words) > 2 and packet.src in words and port in words for words in
                       map(str.split, self.daemon.ctl("fdb", "show", self.bridge).splitlines()))

        wait_until(f"{packet.src} is known at {port}", known, 5, 0.01)

    def drops(self, port: str = "p1") -> dict[str, int]:
        """The port's drops that are not zero."""
        return self.daemon.ctl.drops(port)
