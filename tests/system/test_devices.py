#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Devices that are not what they look like: somebody else's, of another kind, or never answering."""

import os
import time

from harness import Daemon, Netns, Suite, World, check, check_equal, note, ping, tap
from harness.proc import run

suite = Suite("devices")


def refused(daemon: Daemon, words: str, *needles: str) -> None:
    """This port is refused at once, with a message that has all needles; the daemon goes on."""
    start = time.monotonic()
    refusal = daemon.ctl.refused("port", "add", "x", *words.split())
    seconds = time.monotonic() - start
    note(f"{words}: {refusal.text}")
    check_equal(refusal.status, 1, f"exit status of {words}")
    for needle in needles:
        check(needle in refusal.text, f"{needle!r} is not in the message: {refusal.text}")
    check(seconds < 5, f"it took {seconds:.1f} s")
    check(daemon.ping(), "the daemon does not answer")


@suite.case("a tap that another daemon is attached to is refused, and loses nothing by it")
def foreign_tap(world: World) -> None:
    first, second = Daemon(world), Daemon(world)
    first.ctl("bridge", "add", "br0")
    one, two = tap(world, first, "t1", "10.44.0.1"), tap(world, first, "t2", "10.44.0.2")
    ping(one, two)
    refused(second, f"type=tap netns={one.name} ifname=eth0", "attached", "at /vswitch:vswitch",
            "ifname")
    ping(one, two, count=10)


@suite.case("the same within one daemon, the namespace under another name")
def same_tap(world: World) -> None:
    daemon = Daemon(world)
    netns = Netns(world, "10.44.1.1")
    daemon.ctl("port", "add", "t1", "type=tap", f"netns={netns.name}", "ifname=eth0")
    refused(daemon, f"type=tap netns=/run/netns/{netns.name} ifname=eth0", "attached", "ifname")
    daemon.ctl("port", "del", "t1")
    daemon.ctl("port", "add", "x", "type=tap", f"netns=/run/netns/{netns.name}", "ifname=eth0")
    daemon.wait_port("x")


@suite.case("a tap of a daemon that was killed is there for the next one")
def orphaned_tap(world: World) -> None:
    daemon = Daemon(world)
    netns = Netns(world, "10.44.2.1")
    daemon.ctl("port", "add", "t1", "type=tap", f"netns={netns.name}", "ifname=eth0")
    for _ in range(3):
        daemon.kill()
        daemon.start()
        check_equal(daemon.ctl.port("t1")["oper-status"], "up", "oper-status right after the start")


@suite.case("an interface's name that the kernel would complete")
def name_pattern(world: World) -> None:
    refused(Daemon(world), "type=tap ifname=vsw%d", "vsw%d", "ifname")


@suite.case("an interface of another kind: no option is offered that would not help")
def another_kind(world: World) -> None:
    daemon = Daemon(world)
    ours, _theirs = world.veth()
    before = daemon.ctl.refused("port", "add", "x", "type=tap", f"ifname={ours}").text
    check("another kind" in before, before)
    check("--may-exist" not in before, before)


@suite.case("paths that never answer: a FIFO as namespace or as capture file")
def fifos(world: World) -> None:
    daemon = Daemon(world)
    fifo = world.dir / "fifo"
    os.mkfifo(fifo)
    refused(daemon, f"type=tap netns={fifo}", str(fifo), "namespace", "netns")
    refused(daemon, f"type=pcap rx-file={fifo}", str(fifo), "regular file", "rx-file")
    refused(daemon, f"type=pcap tx-file={fifo}", str(fifo), "regular file", "tx-file")
    refused(daemon, f"type=pcap rx-file={world.dir}", "regular file", "rx-file")


@suite.case("the loopback interface is no port")
def loopback(world: World) -> None:
    daemon = Daemon(world)
    for kind in ("af-packet", "af-xdp"):
        refused(daemon, f"type={kind} ifname=lo", "loopback", "ifname")


@suite.case("two daemons on one interface, with two queues each: both get each frame")
def two_listeners(world: World) -> None:
    netns = Netns(world, "10.44.3.1")
    ours, theirs = world.veth()
    netns.adopt(theirs)
    netns.configure()
    daemons = [Daemon(world), Daemon(world)]
    for daemon in daemons:
        daemon.ctl("port", "add", "p1", "type=af-packet", f"ifname={ours}", "queues=2")
        daemon.wait_port("p1")
    mac = run(["cat", f"/sys/class/net/{ours}/address"]).strip()
    netns.run(f"ip neigh add 10.44.3.9 lladdr {mac} dev eth0")
    flows = 40
    netns.run(f"bash -c 'for n in $(seq {flows}); do echo >/dev/udp/10.44.3.9/$((5000 + n)); done'")
    time.sleep(0.5)
    seen = [daemon.ctl.counter("p1", "rx-packets") for daemon in daemons]
    note(f"frames received: {seen}")
    check(seen[0] >= flows, f"not all frames were received: {seen}")
    check_equal(seen[0], seen[1], "frames that the two have received")


if __name__ == "__main__":
    suite.main()
