#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Memory of guests: plugged in and out by the dozen under traffic, not shared, not sealed; and who
may connect at all."""

import socket
import time
from dataclasses import dataclass

from harness import (Daemon, Guest, Netns, Suite, World, boot, check, check_equal, guest, note,
                     ping, tap, tcp_transfer)
from harness.proc import wait_until
from harness.traffic import result, wait_listening

DIMMS = 12  # two regions are there at the start, and 8 is what a table of regions holds
RATE = 300


@dataclass
class Lab:
    """A guest with room for more memory; its port wants sealed files."""

    world: World
    daemon: Daemon
    vm: Guest
    outside: Netns


def lab(world: World) -> Lab:
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    vm = guest(world, daemon, "vm1", "10.35.0.1", "backend=native", "require-seals=true",
               slots=",slots=32,maxmem=16G", memory=192)
    outside = tap(world, daemon, "out", "10.35.0.9")
    boot(vm)
    daemon.wait_port("vm1")
    ping(outside, vm)
    vm.run("echo offline >/sys/devices/system/memory/auto_online_blocks")
    return Lab(world, daemon, vm, outside)


suite = Suite("vhost memory", lab)


def regions(on: Lab) -> int:
    return int(on.daemon.ctl.port("vm1")["guest"]["memory-regions"])


def plug(on: Lab, number: int) -> None:
    on.vm.qmp("object-add", qom_type="memory-backend-memfd", id=f"m{number}", size=128 << 20,
              share=True)
    on.vm.qmp("device_add", driver="pc-dimm", id=f"d{number}", memdev=f"m{number}")


def unplug(on: Lab, number: int) -> None:
    """The guest gives it back, which it can while it has not taken it into use."""
    on.vm.qmp("device_del", id=f"d{number}")

    def gone() -> bool:
        return f"d{number}" not in [dimm["data"]["id"]
                                    for dimm in on.vm.qmp("query-memory-devices")]

    wait_until(f"DIMM {number} is unplugged", gone, 10)
    on.vm.qmp("object-del", id=f"m{number}")


class Streams:
    """A stream each way while memory changes: nothing may be lost."""

    def __init__(self, on: Lab, seconds: float) -> None:
        self.jobs = []
        for src, dst in ((on.outside, on.vm), (on.vm, on.outside)):
            receiver = dst.start(f"{dst.trafgen} udp-recv --port 5201 --seconds {seconds + 20}")
            wait_listening(dst, "udp", 5201)
            self.jobs.append((src, receiver, src.start(
                f"{src.trafgen} udp-send --to {dst.ip}:5201 --rate {RATE} --seconds {seconds} "
                f"--size 1000")))

    def judge(self) -> None:
        for src, receiver, sender in self.jobs:
            sent, got = result(sender.wait(60)), result(receiver.wait(60))
            note(f"from {src.ip}: {sent['sent']} sent, longest gap {got['max_gap_ms']} ms")
            for fault in ("lost", "duplicated", "reordered", "corrupt"):
                check_equal(got[fault], 0, f"from {src.ip}: {fault}")


@suite.case("a dozen DIMMs come under traffic, the guest takes one into use, the others go")
def hotplug(on: Lab) -> None:
    before = regions(on)
    streams = Streams(on, 4)
    start = time.monotonic()
    for number in range(DIMMS):
        plug(on, number)
    note(f"plugged in {time.monotonic() - start:.1f} s; {before} regions, then {regions(on)}")
    check(regions(on) >= before + DIMMS, f"{regions(on)} regions are known")
    for number in range(1, DIMMS):
        unplug(on, number)
    note(f"{time.monotonic() - start:.1f} s in all")
    streams.judge()
    check_equal(regions(on), before + 1, "regions at the end")


@suite.case("packets lie in memory that was plugged in, and arrive whole")
def used(on: Lab) -> None:
    online = on.vm.run(
        "cd /sys/devices/system/memory; for m in memory*; do"
        " grep -q offline $m/state && echo online_kernel >$m/state && echo $m; done; true")
    check(online.split(), "the guest has no memory to take into use")
    free = int(on.vm.run("grep MemFree /proc/meminfo").split()[1])
    # What is left then is little of the old memory, and all of the new one.
    on.vm.run(f"mount -o remount,size=100% /tmp; dd if=/dev/zero of=/tmp/fill bs=1024 count={max(free - 110000, 0)} "
              "2>/dev/null")
    note(f"{online.split()} online, {free >> 10} MiB free")
    tcp_transfer(on.outside, on.vm)
    tcp_transfer(on.vm, on.outside)
    on.vm.run("rm /tmp/fill")


def refusal(on: Lab, port: str, *words: str, timeout: float = 30) -> str:
    """The reason of a port, once it has these words in it."""
    def found() -> str:
        text = on.daemon.ctl.port(port).get("reason", "")
        return text if all(word in text for word in words) else ""

    try:
        return wait_until(f"reason of {port}", found, timeout, interval=0.2)
    except TimeoutError as error:
        raise TimeoutError(f"{error}: {on.daemon.ctl.port(port)}") from None


@suite.case("memory that is not shared, or not sealed where it must be: the reason names the fix")
def refused(on: Lab) -> None:
    file = f"/dev/shm/{on.world.name('mem')}"
    private = guest(on.world, on.daemon, "vm2", "10.35.0.2", "backend=native", memory=96,
                    backing="memory-backend-ram")
    unsealed = guest(on.world, on.daemon, "vm3", "10.35.0.3", "backend=native",
                     "require-seals=true", memory=96,
                     backing=f"memory-backend-file,share=on,mem-path={file}")
    for vm in (private, unsealed):
        vm.launch()
    note(refusal(on, "vm2", "share=on"))
    note(refusal(on, "vm3", "seal", "F_SEAL_SHRINK"))
    ping(on.outside, on.vm, count=2)
    on.daemon.ctl("port", "set", "vm3", "require-seals=false")
    unsealed.wait_ready()
    # QEMU has given up until the driver begins again.
    driver = "/sys/bus/virtio/drivers/virtio_net"
    unsealed.run(f"d=$(basename $(readlink /sys/class/net/eth0/device)); "
                 f"echo $d >{driver}/unbind; echo $d >{driver}/bind")
    unsealed.configure()
    ping(on.outside, unsealed, timeout=20)
    for vm, port in ((private, "vm2"), (unsealed, "vm3")):
        vm.kill()
        on.daemon.ctl("port", "del", port)


@suite.case("a user who is not on the list is sent away, and named")
def peers(on: Lab) -> None:
    on.daemon.ctl("port", "add", "vm4", "type=vhost-user", "bridge=br0", "backend=native",
                  "peer-uid=4242")
    path = str(on.daemon.vhost_socket("vm4"))
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(5)
        peer.connect(path)
        check_equal(peer.recv(1), b"", "what the daemon says to a user who may not")
    last = on.daemon.ctl.port("vm4")["guest"]
    note(str(last))
    check("user 0 " in last["last-error"] and "peer-uid" in last["last-error"], str(last))
    check_equal(int(last["refused"]), 1, "connections that were refused")
    on.daemon.ctl("port", "set", "vm4", "peer-uid=0,4242")
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(0.5)
        peer.connect(path)
        try:
            check(peer.recv(1), "a user who may was sent away")
        except TimeoutError:
            pass
    on.daemon.ctl("port", "del", "vm4")
    ping(on.outside, on.vm, count=2)


if __name__ == "__main__":
    suite.main()
