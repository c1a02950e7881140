#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Guests that are reset, rebind their driver, stop for a while, and a switch that is killed under
them: the port recovers, and nobody else loses a datagram."""

import os
import signal
from dataclasses import dataclass

from harness import (Daemon, Guest, Leg, Netns, Suite, World, af_packet, check, check_equal,
                     mac_of, note, ping, tcp_transfer, vhost_port)
from harness.traffic import result, wait_listening

IPS = ("10.34.0.1", "10.34.1.1")
MODES = ("", ",packed=on")
SPLIT, PACKED = 0, 1
RATE = 500
GAP_MS = 2500  # QEMU looks once a second


@dataclass
class Lab:
    """Two namespaces that outlive the switch, and a guest with a split and a packed ring."""

    daemon: Daemon
    vm: Guest
    one: Netns
    two: Netns

    def leg(self, index: int) -> Leg:
        return Leg(self.vm, f"eth{index}", IPS[index])

    def peer(self, index: int) -> Leg:
        return Leg(self.one, "eth0", f"10.34.{index}.9")


def configure(vm: Guest, *which: int) -> None:
    vm.run("for leaf in arp_ignore=1 arp_announce=2; do"
           " echo ${leaf#*=} >/proc/sys/net/ipv4/conf/all/${leaf%=*}; done")
    vm.run("; ".join(f"ip addr add {IPS[index]}/24 dev eth{index}; ip link set eth{index} up"
                     for index in which or (SPLIT, PACKED)))


def rebind_driver(vm: Guest, *which: int) -> None:
    driver = "/sys/bus/virtio/drivers/virtio_net"
    for index in which:
        vm.run(f"d=$(basename $(readlink /sys/class/net/eth{index}/device)); "
               f"echo $d >{driver}/unbind; echo $d >{driver}/bind")


def lab(world: World) -> Lab:
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    one = af_packet(world, daemon, "one", "10.34.0.9")
    one.run("ip addr add 10.34.1.9/24 dev eth0")
    two = af_packet(world, daemon, "two", "10.34.0.10")
    nics = []
    for index, ip in enumerate(IPS):
        nic = vhost_port(world, daemon, f"vm{index}", ip, "backend=native")
        nic.properties = MODES[index]
        nics.append(nic)
    vm = Guest(world, nics, ip=IPS[0], reboot=True)
    configure(vm)
    on = Lab(daemon, vm, one, two)
    for index in (SPLIT, PACKED):
        daemon.wait_port(f"vm{index}")
        ping(on.peer(index), on.leg(index))
    return on


suite = Suite("vhost recovery", lab)


def works(on: Lab) -> None:
    """Both interfaces carry traffic, whole."""
    for index in (SPLIT, PACKED):
        ping(on.peer(index), on.leg(index))
        tcp_transfer(on.peer(index), on.leg(index), size=1 << 20)
        tcp_transfer(on.leg(index), on.peer(index), size=1 << 20)


class Bystanders:
    """A stream that has nothing to do with the guest, and floods at both of its interfaces."""

    def __init__(self, on: Lab, seconds: float) -> None:
        self.on = on
        self.receiver = on.two.start(f"{on.two.trafgen} udp-recv --port 5201 --seconds "
                                     f"{seconds + 20}")
        wait_listening(on.two, "udp", 5201)
        self.sender = on.one.start(f"{on.one.trafgen} udp-send --to {on.two.ip}:5201 --rate {RATE} "
                                   f"--seconds {seconds}")
        # Without ARP: a guest that is gone is flooded all the same.
        self.floods = [on.one.start(
            f"ip neigh replace {ip} lladdr {mac_of(ip)} dev eth0; "
            f"{on.one.trafgen} udp-send --to {ip}:9 --rate 2000 --seconds {seconds} --size 900; "
            f"ip neigh del {ip} dev eth0") for ip in IPS]

    def judge(self) -> None:
        for flood in self.floods:
            flood.wait(60)
        sent = result(self.sender.wait(60))
        got = result(self.receiver.wait(60))
        note(f"bystanders: {sent['sent']} sent, longest gap {got['max_gap_ms']} ms")
        for fault in ("lost", "duplicated", "reordered", "corrupt"):
            check_equal(got[fault], 0, f"bystanders: {fault}")


@suite.case("the driver is unbound and bound again and again, under traffic")
def rebind(on: Lab) -> None:
    bystanders = Bystanders(on, 5)
    for _ in range(4):
        rebind_driver(on.vm, SPLIT, PACKED)
        configure(on.vm)
    bystanders.judge()
    works(on)


@suite.case("the guest is reset under traffic")
def reset(on: Lab) -> None:
    bystanders = Bystanders(on, 8)
    on.vm.reset()
    on.vm.wait_ready()
    configure(on.vm)
    bystanders.judge()
    works(on)


@suite.case("the guest stands still: what it cannot take is counted")
def frozen(on: Lab) -> None:
    before = on.daemon.ctl.drops("vm0").get("tx-full", 0)
    bystanders = Bystanders(on, 2)
    os.kill(on.vm.process.pid, signal.SIGSTOP)
    try:
        bystanders.judge()
    finally:
        os.kill(on.vm.process.pid, signal.SIGCONT)
    dropped = on.daemon.ctl.drops("vm0").get("tx-full", 0) - before
    note(f"{dropped} dropped at a full ring")
    check(dropped > 1000, f"only {dropped} drops are counted at a ring that nobody empties")
    works(on)


@suite.case("the machine is paused and continued: its rings go on where they were")
def paused(on: Lab) -> None:
    bystanders = Bystanders(on, 3)
    for _ in range(5):
        on.vm.qmp("stop")
        on.one.run("sleep 0.2")
        on.vm.qmp("cont")
        on.one.run("sleep 0.2")
    bystanders.judge()
    works(on)


@suite.case("kill -9 of the switch under traffic: QEMU comes back, and so does traffic")
def kill_switch(on: Lab) -> None:
    jobs = [on.one.start(f"{on.one.trafgen} ping --interval 10 --seconds 5 --to {ip}")
            for ip in IPS]
    talk = [on.vm.start(f"trafgen udp-send --to 10.34.{index}.9:9 --rate 1000 --seconds 5")
            for index in (SPLIT, PACKED)]
    on.one.run("sleep 1")
    on.daemon.kill()
    on.daemon.start()
    answers = [result(job.wait(30)) for job in jobs]
    for index, kind in ((SPLIT, "split"), (PACKED, "packed")):
        note(f"{kind}: silence {answers[index]['max_gap_ms']} ms, lost {answers[index]['lost']}")
    check(answers[SPLIT]["max_gap_ms"] < GAP_MS, f"split: {answers[SPLIT]}")
    # Where a packed ring goes on is known to its device alone, and QEMU keeps no in-flight area
    # for network devices: the guest has to begin it again.
    rebind_driver(on.vm, PACKED)
    configure(on.vm, PACKED)
    works(on)
    talk[SPLIT].wait(30)


@suite.case("a guest that shuts down: the port waits, and says so")
def shutdown(on: Lab) -> None:
    on.vm.qmp("quit")
    for index in (SPLIT, PACKED):
        on.daemon.wait_port(f"vm{index}", "no-guest")
    on.vm.drop_connections()
    on.vm.boot()
    configure(on.vm)
    works(on)


if __name__ == "__main__":
    suite.main()
