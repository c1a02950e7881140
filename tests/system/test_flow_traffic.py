#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Rules under real traffic: TCP of kernels, with sums left to devices and segments of 64 KB."""

import os
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import (Daemon, Netns, Suite, World, boot, check, check_equal, guest, note, ping, tap,
                     udp_stream)
from harness.frames import PROTOCOLS, ones_sum
from harness.traffic import result, wait_listening
from harness.wire import socket_in

SIZE = 24 << 20
MACS = {"a": "02:00:00:00:00:0a", "b": "02:00:00:00:00:0b"}
# What each side believes the other one to be; nobody has these addresses.
VIRTUAL = "02:00:00:00:00:ff"
NAT4 = (
    "priority=9,in_port=a,tcp,nw_dst=10.3.0.100,tp_dst=80,actions=mod_dl_dst:{b},"
    "mod_nw_src:10.3.0.200,mod_nw_dst:10.3.0.2,mod_tp_src:50000,mod_tp_dst:8080,dec_ttl,{out}",
    "priority=9,in_port=b,tcp,nw_dst=10.3.0.200,tp_src=8080,actions=mod_dl_dst:{a},"
    "mod_nw_src:10.3.0.100,mod_nw_dst:10.3.0.1,mod_tp_src:80,mod_tp_dst:40000,dec_ttl,a",
)
NAT6 = (
    "priority=9,in_port=a,tcp6,ipv6_dst=fd00::100,tp_dst=80,actions=mod_dl_dst:{b},"
    "set_field:fd00::200->ipv6_src,set_field:fd00::2->ipv6_dst,mod_tp_src:50000,mod_tp_dst:8080,"
    "dec_ttl,{out}",
    "priority=9,in_port=b,tcp6,ipv6_dst=fd00::200,tp_src=8080,actions=mod_dl_dst:{a},"
    "set_field:fd00::100->ipv6_src,set_field:fd00::1->ipv6_dst,mod_tp_src:80,mod_tp_dst:40000,"
    "dec_ttl,a",
)


@dataclass
class Lab:
    """Two namespaces, and a port that writes down what it is sent."""

    world: World
    daemon: Daemon
    a: Netns
    b: Netns
    file: Path

    def rules(self, *texts: str) -> None:
        """Make these the only rules; {a} and {b} are the MAC addresses."""
        text = "\n".join(["delete", *(text.format(out="b", **MACS) for text in texts), ""])
        reply = self.daemon.call("program", {"bridge": "br0", "text": text})
        check("result" in reply, f"{text}: {reply}")

    def received(self, port: str) -> tuple[int, int]:
        """Packets and bytes that have come from the port."""
        counters = self.daemon.ctl.port(port)["statistics"]
        return int(counters["rx-packets"]), int(counters["rx-bytes"])


def lab(world: World) -> Lab:
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    ends = []
    for port, ip, other in (("a", "10.3.0.1", "100"), ("b", "10.3.0.2", "200")):
        end = tap(world, daemon, port, ip)
        end.run(f"ip link set eth0 address {MACS[port]};"
                "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0;"
                f"ip addr add fd00::{ip[-1]}/64 dev eth0 nodad;"
                f"ip neigh add 10.3.0.{other} lladdr {VIRTUAL} dev eth0;"
                f"ip neigh add fd00::{other} lladdr {VIRTUAL} dev eth0")
        ends.append(end)
    file = world.dir / "copy.pcap"
    daemon.ctl("port", "add", "copy", "type=pcap", "bridge=br0", f"tx-file={file}")
    daemon.wait_port("copy")
    ping(ends[0], ends[1], count=1)
    return Lab(world, daemon, ends[0], ends[1], file)


suite = Suite("flow traffic", lab)


def serve(listener: socket.socket, got: list[object]) -> None:
    """Take one connection, all of it, and answer with it turned around."""
    peer, address = listener.accept()
    with peer:
        peer.settimeout(20)
        data = bytearray()
        while piece := peer.recv(1 << 20):
            data += piece
        got.append(address[:2])
        got.append(bytes(data))
        peer.sendall(data[::-1])


def transfer(on: Lab, family: int, to: str, port: int, listen: int, size: int = SIZE) -> tuple:
    """Random bytes from a to b and back; the address that b sees."""
    data = os.urandom(size)
    got: list[object] = []
    with socket_in(on.b, family, socket.SOCK_STREAM) as listener, \
            socket_in(on.a, family, socket.SOCK_STREAM) as client:
        for one in (listener, client):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.settimeout(20)
        listener.bind(("", listen))
        listener.listen()
        server = threading.Thread(target=serve, args=(listener, got))
        server.start()
        try:
            client.bind(("", 40000))
            client.connect((to, port))
            check_equal(client.getpeername()[:2], (to, port), "the address that a sees")
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            answer = bytearray()
            while piece := client.recv(1 << 20):
                answer += piece
            # The port is needed again: no TIME_WAIT.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        finally:
            listener.settimeout(0.1)
            server.join(25)
    check(len(got) == 2 and got[1] == data, "what b received is not what a sent")
    check(bytes(answer) == data[::-1], "what a received is not what b sent")
    return got[0]


def clean(on: Lab) -> None:
    """Nothing was dropped as wrong, and no kernel saw a wrong sum."""
    for port in ("a", "b", "copy"):
        drops = on.daemon.ctl.drops(port)
        for reason in ("segment-failed", "offload-invalid", "edit-refused", "tx-failed"):
            check_equal(drops.get(reason, 0), 0, f"{port}: drops/{reason}")
    for end in (on.a, on.b):
        lines = [line.split() for line in end.run("cat /proc/net/snmp").splitlines()]
        for names, values in zip(lines[::2], lines[1::2]):
            for name, value in zip(names, values):
                if name == "InCsumErrors":
                    check_equal(value, "0", f"{names[0]} {name} of {end.ip}")


def natted(on: Lab, family: int, rules: tuple[str, ...], to: str, seen: str) -> None:
    """A transfer over these rules."""
    on.rules(*rules)
    packets, size = on.received("a")
    check_equal(transfer(on, family, to, 80, 8080), (seen, 50000), "the address that b sees")
    more, larger = on.received("a")
    mean = (larger - size) / (more - packets)
    note(f"{mean:.0f} bytes a packet")
    check(mean > 3000, f"no large segments: {mean:.0f} bytes a packet")
    clean(on)


@suite.case("TCP over rules that rewrite both addresses and ports, IPv4")
def nat4(on: Lab) -> None:
    natted(on, socket.AF_INET, NAT4, "10.3.0.100", "10.3.0.200")


@suite.case("TCP over rules that rewrite both addresses and ports, IPv6")
def nat6(on: Lab) -> None:
    natted(on, socket.AF_INET6, NAT6, "fd00::100", "fd00::200")


def records(path: Path) -> Iterator[bytes]:
    """The frames of a pcap file."""
    data = path.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at = 24
    while at + 16 <= len(data):
        size, = struct.unpack_from(order + "I", data, at + 8)
        yield data[at + 16:at + 16 + size]
        at += 16 + size


@suite.case("copies for a port without offloads are cut, and have sums that are right")
def written(on: Lab) -> None:
    for family, rules, to, tag in ((socket.AF_INET, NAT4, "10.3.0.100", b""),
                                   (socket.AF_INET6, NAT6, "fd00::100", b""),
                                   (socket.AF_INET, NAT4, "10.3.0.100", b"\x88\xa8\0\x07"),
                                   (socket.AF_INET6, NAT6, "fd00::100", b"\x81\0\0\x07")):
        before = len(list(records(on.file)))
        copy = "copy"
        if tag:
            copy = f"push_vlan:0x{tag[:2].hex()},set_vlan_vid:7,copy,pop_vlan"
        on.rules(*(text.replace("{out}", copy + ",b") for text in rules), "priority=0,actions=drop")
        transfer(on, family, to, 80, 8080, size=3 << 20)
        # What is written is in the file when the port has been closed.
        on.daemon.ctl("port", "set", "copy", "enabled=false")
        on.daemon.ctl("port", "set", "copy", "enabled=true")
        on.daemon.wait_port("copy")
        frames = list(records(on.file))[before:]
        length = sum(payload_of(frame, tag) for frame in frames)
        check(length >= 3 << 20, f"{length} bytes of TCP were written")
        note(f"{len(frames)} frames, {length} bytes of TCP")
    clean(on)


def payload_of(frame: bytes, tag: bytes) -> int:
    """Bytes of TCP in a frame from a behind the rules; all in it must be right."""
    check_equal(frame[12:12 + len(tag)], tag, "the tag")
    ip = frame[14 + len(tag):]
    if ip[0] >> 4 == 4:
        check_equal(ones_sum(ip[:20]), 0, "IPv4 header checksum")
        addresses, segment, size = ip[12:20], ip[20:], struct.unpack("!H", ip[2:4])[0]
    else:
        addresses, segment, size = ip[8:40], ip[40:], struct.unpack("!H", ip[4:6])[0] + 40
    check_equal(size, len(ip), "IP length")
    check(len(ip) <= 1500, f"a packet of {len(ip)} bytes")
    pseudo = addresses + struct.pack("!II", len(segment), PROTOCOLS["tcp"])
    check_equal(ones_sum(pseudo + segment), 0, f"TCP checksum of {frame[:80].hex()}")
    check_equal(struct.unpack("!HH", segment[:4]), (50000, 8080), "ports")
    return len(segment) - (segment[12] >> 4) * 4


@suite.case("UDP in fragments over rules that rewrite addresses")
def fragments(on: Lab) -> None:
    on.rules("priority=9,in_port=a,udp,nw_dst=10.3.0.100,actions=mod_dl_dst:{b},"
             "mod_nw_src:10.3.0.200,mod_nw_dst:10.3.0.2,dec_ttl,b")
    dst = Netns.__new__(Netns)
    dst.__dict__ |= on.b.__dict__ | {"ip": "10.3.0.100"}
    udp_stream(on.a, dst, rate=100, seconds=1, size=9000)
    clean(on)


@suite.case("a guest's TCP port is blocked by a rule or list, its ping goes through")
def in_guest(on: Lab) -> None:
    vm = guest(on.world, on.daemon, "vm", "10.3.0.3")
    ctl = on.daemon.ctl
    on.rules("priority=9,in_port=vm,tcp,tp_dst=81,actions=drop",
             "priority=9,in_port=vm,tcp,tp_dst=82,actions=mod_tp_dst:8082,mod_nw_tos:32,normal",
             "priority=9,tcp,nw_dst=10.3.0.3,tp_src=8082,actions=mod_tp_src:82,normal")
    boot(vm)
    ping(vm, on.a, count=2)
    check_equal([connects(on, vm, port) for port in (80, 81)], [True, False],
                "connections from the guest to ports 80 and 81, which a rule drops")
    receiver = on.a.start(f"{on.a.trafgen} tcp-recv --port 8082 --seconds 20")
    wait_listening(on.a, "tcp", 8082)
    sent = result(vm.run(f"trafgen tcp-send --to {on.a.ip}:82 --bytes 1000000"))
    check_equal(result(receiver.wait(20))["checksum"], sent["checksum"], "a transfer over edits")
    ctl("acl", "add", "no-web", "default-action=accept")
    ctl("acl", "rule", "add", "no-web", "web", "protocol=tcp", "destination-port=80",
        "forwarding=drop")
    ctl("port", "set", "vm", "acl-in=no-web")
    on.rules()
    check_equal([connects(on, vm, port) for port in (81, 80)], [True, False],
                "connections from the guest to ports 81 and 80, which a list drops")
    ping(vm, on.a, count=2)
    clean(on)


def connects(on: Lab, vm: object, port: int) -> bool:
    """Whether the guest can open a connection to this port of a."""
    with socket_in(on.a, socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("", port))
        listener.listen()
        listener.settimeout(3)
        job = vm.start(f"timeout 2 trafgen tcp-send --to {on.a.ip}:{port} --bytes 10 || true")
        try:
            peer, address = listener.accept()
        except TimeoutError:
            return False
        with peer:
            check_equal(address[0], vm.ip, "who connects")
            peer.settimeout(4)
            while peer.recv(100):
                pass
        job.wait(5)
        return True


if __name__ == "__main__":
    suite.main()
