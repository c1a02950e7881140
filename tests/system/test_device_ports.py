#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's kinds of ports between two switches: what goes through one arrives whole at the other."""

import os
from dataclasses import dataclass

from harness import (Daemon, Netns, Suite, World, check, check_equal, note, ping, tap,
                     tcp_transfer, udp_stream)


@dataclass
class Lab:
    """Two switches, each with a namespace."""

    world: World
    daemons: tuple[Daemon, Daemon]
    ends: tuple[Netns, Netns]


def lab(world: World) -> Lab:
    cpus = ",".join(str(cpu) for cpu in sorted(os.sched_getaffinity(0))[:2])
    daemons = Daemon(world, memory=512), Daemon(world, "--workers", cpus, memory=512)
    for daemon in daemons:
        daemon.ctl("bridge", "add", "br0")
    one = tap(world, daemons[0], "t1", "10.45.0.1")
    two = tap(world, daemons[1], "t2", "10.45.0.2", "queues=2")
    return Lab(world, daemons, (one, two))


suite = Suite("device ports", lab)


def through(on: Lab, flows: int = 1, fragments: bool = True) -> None:
    """Traffic both ways, all of it whole."""
    one, two = on.ends
    ping(one, two)
    for flow in range(flows):
        udp_stream(one, two, rate=1000, seconds=0.2, size=64 + 400 * flow, port=5300 + flow)
        udp_stream(two, one, rate=1000, seconds=0.2, size=64 + 400 * flow, port=5300 + flow)
    if fragments:
        udp_stream(one, two, rate=20, seconds=0.5, size=8000)
    tcp_transfer(one, two)
    tcp_transfer(two, one)


def unplug(on: Lab) -> None:
    for daemon in reversed(on.daemons):
        daemon.ctl("port", "del", "link")


def virtio_user(on: Lab, queues: int, backend: str) -> None:
    server, client = on.daemons
    server.ctl("port", "add", "link", "type=vhost-user", "bridge=br0", f"queues={queues}",
               f"backend={backend}")
    client.ctl("port", "add", "link", "type=virtio-user", "bridge=br0", f"queues={queues}",
               f"path={server.vhost_socket('link')}", "trusted=true")
    for daemon in on.daemons:
        daemon.wait_port("link")
    through(on, flows=queues)
    shown = client.ctl.port("link")["queue"]
    check_equal(len(shown), queues, "queues that are shown")
    check_equal(len({queue["worker"] for queue in shown}), min(queues, 2), "workers that poll them")
    client.ctl("port", "del", "link")
    server.wait_port("link", "no-guest")
    server.ctl("port", "del", "link")


for _queues, _backend in ((1, "native"), (4, "native"), (2, "dpdk")):
    suite.case(f"virtio-user to the other's vhost-user port, {_queues} queue(s), {_backend}")(
        lambda on, queues=_queues, backend=_backend: virtio_user(on, queues, backend))


@suite.case("memif, a server and a client")
def memif(on: Lab) -> None:
    path = on.world.dir / "memif.sock"
    for daemon, role in zip(on.daemons, ("server", "client")):
        daemon.ctl("port", "add", "link", "type=memif", "bridge=br0", f"socket={path}",
                   f"role={role}", "id=7")
    for daemon in on.daemons:
        daemon.wait_port("link")
    through(on)
    on.daemons[1].kill()
    on.daemons[0].wait_port("link", "down")
    on.daemons[1].start()
    for daemon in on.daemons:
        daemon.wait_port("link")
    ping(*on.ends)
    unplug(on)


@suite.case("any device string: DPDK's own driver for packet sockets, on a veth pair")
def devargs(on: Lab) -> None:
    for daemon, ifname in zip(on.daemons, on.world.veth()):
        daemon.ctl("port", "add", "link", "type=pci", "bridge=br0",
                   f"devargs=net_af_packet0,iface={ifname}")
        daemon.wait_port("link")
    through(on, fragments=False)  # that driver lets the kernel put them together
    unplug(on)


@suite.case("a ring gives back what it gets, a null device nothing")
def ring_and_null(on: Lab) -> None:
    ctl = on.daemons[0].ctl
    for name, words in (("r", ("type=ring",)), ("n", ("type=null",)), ("f", ("type=fake",))):
        ctl("port", "add", name, "bridge=br0", *words)
    ctl("fake", "inject", "f", "ffffffffffff0200000000010800" + "00" * 50)
    for name in ("r", "n"):
        check(ctl.counter(name, "tx-packets") > 0, f"nothing went to {name}")
    on.daemons[0].wait_port("r")
    note(f"the ring gave back {ctl.counter('r', 'rx-packets')} of {ctl.counter('r', 'tx-packets')}")
    check_equal(ctl.counter("n", "rx-packets"), 0, "what the null device gave")
    for name in ("r", "n", "f"):
        ctl("port", "del", name)


if __name__ == "__main__":
    suite.main()
