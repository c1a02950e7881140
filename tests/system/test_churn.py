#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ports come, change and go while others carry traffic: those lose nothing."""

import time
from dataclasses import dataclass

from harness import Daemon, Netns, Suite, World, check, check_equal, note, ping, tap
from harness.ports import mount_bpf
from harness.traffic import result, wait_listening

SECONDS = 15
RATE = 1000


@dataclass
class Lab:
    """Two taps with a stream between them."""

    world: World
    daemon: Daemon
    one: Netns
    two: Netns


def lab(world: World) -> Lab:
    daemon = Daemon(world, memory=512)
    daemon.ctl("bridge", "add", "br0")
    daemon.ctl("bridge", "add", "br1")
    one = tap(world, daemon, "t1", "10.5.0.1")
    two = tap(world, daemon, "t2", "10.5.0.2")
    ping(one, two)
    return Lab(world, daemon, one, two)


suite = Suite("churn", lab)


def during_stream(on: Lab, step) -> None:
    """Repeat step(n) while a stream runs; nothing of it may be lost, nothing of ours may stay."""
    descriptors = on.daemon.descriptors()
    receiver = on.two.start(f"{on.two.trafgen} udp-recv --port 5201 --seconds {SECONDS + 20}")
    wait_listening(on.two, "udp", 5201)
    sender = on.one.start(f"{on.one.trafgen} udp-send --to {on.two.ip}:5201 --rate {RATE} "
                          f"--seconds {SECONDS}")
    end = time.monotonic() + SECONDS - 1
    rounds = 0
    while time.monotonic() < end:
        step(rounds)
        rounds += 1
    sent = result(sender.wait(SECONDS + 20))
    got = result(receiver.wait(SECONDS + 30))
    note(f"{rounds} rounds during {sent['sent']} datagrams; longest gap {got['max_gap_ms']} ms")
    check(rounds > 5, f"only {rounds} rounds: an edit takes too long")
    for fault in ("lost", "duplicated", "reordered", "corrupt"):
        check_equal(got[fault], 0, f"{fault}; drops: {on.daemon.ctl.drops('t1')} "
                    f"{on.daemon.ctl.drops('t2')}; {got}")
    check(on.daemon.descriptors() <= descriptors + 2,
          f"{on.daemon.descriptors()} descriptors are open, {descriptors} were before")
    check_equal(sorted(on.daemon.ctl.ports()), ["t1", "t2"], "ports that are left")


@suite.case("tap ports come and go", timeout=180)
def taps(on: Lab) -> None:
    def step(number: int) -> None:
        name = on.world.name("ch")
        on.daemon.ctl("port", "add", "x", "type=tap", f"ifname={name}", "bridge=br0")
        on.daemon.ctl("port", "set", "x", f"mtu={1400 + number % 100}")
        on.daemon.ctl("port", "set", "x", "bridge=br1")
        on.daemon.ctl("port", "del", "x")

    during_stream(on, step)


@suite.case("vhost-user ports come and go", timeout=180)
def vhosts(on: Lab) -> None:
    def step(number: int) -> None:
        on.daemon.ctl("port", "add", "x", "type=vhost-user", "bridge=br0")
        on.daemon.ctl("port", "set", "x", f"vlan={number % 4094 + 1}")
        on.daemon.ctl("port", "del", "x")

    during_stream(on, step)


@suite.case("ports on an interface, and of DPDK's kinds, come and go", timeout=180)
def devices(on: Lab) -> None:
    ours, _theirs = on.world.veth()
    mount_bpf(on.world)
    kinds = (("af-packet", f"ifname={ours}"), ("af-xdp", f"ifname={ours}"), ("ring", "queues=2"),
             ("memif", f"socket={on.world.dir}/nobody.sock"), ("null", "mtu=9000"))

    def step(number: int) -> None:
        kind, leaf = kinds[number % len(kinds)]
        on.daemon.ctl("port", "add", "x", f"type={kind}", leaf, "bridge=br0")
        on.daemon.ctl("port", "set", "x", "enabled=false")
        on.daemon.ctl("port", "del", "x")

    during_stream(on, step)


@suite.case("fake ports come and go by the dozen, in one edit", timeout=180)
def fakes(on: Lab) -> None:
    def edit(edits: list[dict]) -> None:
        reply = on.daemon.call("edit", {"edits": edits})
        check("result" in reply, str(reply))

    def step(_number: int) -> None:
        paths = [f"/vswitch:vswitch/port[name='f{n}']" for n in range(24)]
        edit([{"op": "create", "path": path, "value": {"type": "fake", "bridge": "br0"}}
              for path in paths])
        edit([{"op": "delete", "path": path} for path in paths])

    during_stream(on, step)


@suite.case("bridges and system leaves change", timeout=180)
def bridges(on: Lab) -> None:
    def step(number: int) -> None:
        on.daemon.ctl("bridge", "add", "br9")
        on.daemon.ctl("bridge", "set", "br0", f"aging-time={100 + number % 100}")
        on.daemon.ctl("bridge", "set", "br0", f"fdb-limit={1000 + number % 100}")
        on.daemon.ctl("bridge", "del", "br9")

    during_stream(on, step)


if __name__ == "__main__":
    suite.main()
