#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A guest moves between two switches while it talks: nothing that arrives is corrupt, its
connections live, and the silence is short and shown."""

import subprocess
import time
from dataclasses import dataclass
from typing import Any

from harness import (Daemon, Guest, Leg, Netns, Nic, Suite, World, boot, check, check_equal, mac_of,
                     migrate, note, ping, tap, tcp_transfer, udp_stream, vhost_port)
from harness.traffic import result, wait_listening

IPS = ("10.20.0.1", "10.20.1.1")
OUTSIDE = ("10.20.0.9", "10.20.1.9")
MODES = ("", ",packed=on")
GAP_MS = 3000  # an emulated guest is slow to be stopped and started
ATTEMPTS = 8
# What the kernel of a guest says that has lost a store (see another_switch).
LAST_WORDS = ("Oops", "Kernel panic", "BUG:", "is not a head!", "NULL pointer")
SECONDS = 9
RATE = 300
TCP_BYTES, TCP_PAUSE_MS = 10 << 20, 40  # 6 s and more
TCP_SECONDS = 40  # by when it is done, on a machine that is busy with other things too


class GuestDied(Exception):
    """The emulated machine did not survive its move."""


@dataclass
class Lab:
    """Two switches with a cable between them, and one guest with a split and a packed ring."""

    here: Daemon
    there: Daemon
    vm: Guest
    outside: Netns


def nics(world: World, daemon: Daemon, name: str) -> list[Nic]:
    """The ports that the guest has on this switch, as interfaces of QEMU."""
    made = []
    for index, ip in enumerate(IPS):
        nic = vhost_port(world, daemon, f"{name}{index}", ip, "backend=native")
        nic.mac = mac_of(ip)
        nic.properties = MODES[index]
        made.append(nic)
    return made


def lab(world: World) -> Lab:
    here, there = Daemon(world), Daemon(world)
    ends = world.veth()
    for daemon, end in zip((here, there), ends):
        daemon.ctl("bridge", "add", "br0")
        daemon.ctl("port", "add", "link", "type=af-packet", f"ifname={end}", "bridge=br0")
        daemon.wait_port("link")
    outside = tap(world, here, "out", OUTSIDE[0])
    outside.run(f"ip addr add {OUTSIDE[1]}/24 dev eth0")
    vm = Guest(world, nics(world, here, "old"), ip=IPS[0], boot=False)
    boot(vm)
    # One wire with two subnets: each interface answers for its own addresses only.
    vm.run("for leaf in arp_ignore=1 arp_announce=2; do"
           " echo ${leaf#*=} >/proc/sys/net/ipv4/conf/all/${leaf%=*}; done;"
           f" ip addr add {IPS[1]}/24 dev eth1; ip link set eth1 up")
    return Lab(here, there, vm, outside)


suite = Suite("vhost migration")


def look_at(vm: Guest) -> None:
    """GuestDied if nothing is to be hoped for from this guest."""
    console = vm.console()
    if not vm.process.alive() or any(words in console for words in LAST_WORDS):
        raise GuestDied(console[-1500:])


def outcome(vm: Guest, job: Any, seconds: float) -> dict[str, Any]:
    """What a job says at its end, for which nobody waits longer than the guest lives."""
    end = time.monotonic() + seconds
    while True:
        try:
            return result(job.wait(1.0))
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            look_at(vm)
            if time.monotonic() > end:
                raise GuestDied(f"a program waits for ever: {error}") from error


def legs(on: Lab) -> list[tuple[Leg, Leg]]:
    """The interfaces of the guest, each with its partner outside."""
    return [(Leg(on.vm, f"eth{index}", ip), Leg(on.outside, "eth0", OUTSIDE[index]))
            for index, ip in enumerate(IPS)]


@dataclass
class Talk:
    """What runs on one leg during a move: stamped datagrams and a TCP transfer each way, pings."""

    inside: Leg
    outside: Leg

    def begin(self) -> None:
        ins, out = self.inside, self.outside
        self.pings = out.start(f"{out.trafgen} ping --to {ins.ip} --interval 10 "
                               f"--seconds {SECONDS}")
        self.udp, self.tcp = [], []
        for src, dst, port in ((out, ins, 5301), (ins, out, 5302)):
            receiver = dst.start(f"{dst.trafgen} udp-recv --port {port + self.offset} "
                                 f"--seconds {SECONDS + 20}")
            wait_listening(dst, "udp", port + self.offset)
            self.udp.append((receiver, src.start(
                f"{src.trafgen} udp-send --to {dst.ip}:{port + self.offset} --rate {RATE} "
                f"--seconds {SECONDS} --size 1200")))
        for src, dst, port in ((out, ins, 5401), (ins, out, 5402)):
            receiver = dst.start(f"{dst.trafgen} tcp-recv --port {port + self.offset} "
                                 f"--seconds {TCP_SECONDS + 30}")
            wait_listening(dst, "tcp", port + self.offset)
            self.tcp.append((receiver, src.start(
                f"{src.trafgen} tcp-send --to {dst.ip}:{port + self.offset} "
                f"--bytes {TCP_BYTES} --pause {TCP_PAUSE_MS}")))

    @property
    def offset(self) -> int:
        """All legs of one host share its ports."""
        return 10 * int(self.inside.ifname[-1])

    def end(self, vm: Guest) -> float:
        """Wait and judge; the longest silence in ms."""
        what = self.inside.ifname
        for receiver, sender in self.tcp:
            sent = outcome(vm, sender, TCP_SECONDS)
            got = outcome(vm, receiver, TCP_SECONDS)
            check_equal((got["bytes"], got["corrupt_at"], got["checksum"]),
                        (TCP_BYTES, -1, sent["checksum"]), f"{what}: TCP bytes, corrupt at, sum")
        gap = outcome(vm, self.pings, SECONDS + 30)["max_gap_ms"]
        for receiver, sender in self.udp:
            sent = outcome(vm, sender, SECONDS + 30)
            got = outcome(vm, receiver, SECONDS + 40)
            note(f"{what}: {sent['sent']} datagrams, lost {got['lost']}, "
                 f"longest gap {got['max_gap_ms']} ms")
            for fault in ("corrupt", "duplicated", "reordered"):
                check_equal(got[fault], 0, f"{what}: {fault}")
            check(got["lost"] <= RATE * GAP_MS / 1000, f"{what}: {got}")
        return gap


def move(on: Lab, daemon: Daemon, name: str) -> None:
    """Migrate to ports of this switch, with traffic all the while."""
    target = nics(on.vm.world, daemon, name)
    talks = [Talk(*leg) for leg in legs(on)]
    start = time.monotonic()
    for talk in talks:
        talk.begin()
    moved = migrate(on.vm, target)
    seconds = time.monotonic() - start
    gaps = [talk.end(on.vm) for talk in talks]
    note(f"{moved}; silence of pings {gaps} ms (split, packed)")
    check(seconds < SECONDS, f"the traffic was over before the move was: {seconds:.1f} s")
    check(moved.rounds >= 3, f"traffic wrote to nothing that was sent already: {moved}")
    for gap in gaps:
        check(gap < GAP_MS, f"silence of {gap} ms")
    for index in range(len(IPS)):
        daemon.wait_port(f"{name}{index}")


def whole(on: Lab) -> None:
    """After a move all works as before."""
    for inside, outside in legs(on):
        ping(outside, inside)
        udp_stream(outside, inside, rate=300, seconds=1)
        tcp_transfer(inside, outside)
        tcp_transfer(outside, inside)


def left(on: Lab) -> None:
    """The switch that it left sees it where it is, and its ports wait."""
    for index, ip in enumerate(IPS):
        on.here.wait_port(f"old{index}", "no-guest")
        entry = [line for line in on.here.ctl("fdb", "show", "br0").splitlines()
                 if mac_of(ip) in line]
        check(entry and "link" in entry[0], f"{ip} is not behind the link: {entry}")


def attempt(number: int) -> str:
    """A guest that moves under traffic; "", or how the guest's kernel did not survive it."""
    with World() as world:
        on = lab(world)
        try:
            for inside, outside in legs(on):
                ping(outside, inside)
            move(on, on.there, "new")
            whole(on)
            left(on)
        except Exception as error:  # noqa: BLE001 - judged below
            try:
                look_at(on.vm)
            except GuestDied as died:
                error = died
            lost = isinstance(error, (GuestDied, TimeoutError, subprocess.TimeoutExpired))
            if number == ATTEMPTS or not lost:
                raise
            return str(error)
    return ""


# Emulated by QEMU, a guest may lose a store of its own while it moves (see harness/migrate.py), and
# then its kernel dies, or a program of it waits for ever. What the switch does not log is lost every
# time.
@suite.case("a guest moves to another switch under traffic", timeout=600)
def another_switch(_world: World) -> None:
    for number in range(1, ATTEMPTS + 1):
        died = attempt(number)
        if not died:
            return
        note(f"attempt {number}: the guest died: {died}")


if __name__ == "__main__":
    suite.main()
