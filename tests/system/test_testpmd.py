#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A container with virtio-user: dpdk-testpmd as a wire between two bridges, by socket mode and
number of queues. What crosses it twice through the switch must arrive whole."""

import time

from harness import (Daemon, Suite, Testpmd, World, check, check_equal, note, ping, tap,
                     tcp_transfer, udp_stream)

suite = Suite("testpmd")


def wire(world: World, mode: str, queues: int, extra: str = "") -> None:
    """Namespace, bridge, testpmd, bridge, namespace."""
    daemon = Daemon(world)
    vdevs = []
    ends = []
    for number in (0, 1):
        bridge, port = f"br{number}", f"pmd{number}"
        daemon.ctl("bridge", "add", bridge)
        words = ["port", "add", port, "type=vhost-user", f"bridge={bridge}", f"queues={queues}"]
        path = daemon.vhost_socket(port)
        vdev = f"net_virtio_user{number},queues={queues},queue_size=1024{extra}"
        if mode == "client":
            path = world.dir / f"{port}.sock"
            words += ["mode=client", f"socket={path}"]
            vdev += ",server=1"
        daemon.ctl(*words)
        vdevs.append(f"{vdev},path={path}")
        ends.append(tap(world, daemon, f"t{number}", f"10.3.0.{number + 1}", bridge=bridge))
    pmd = Testpmd(world, vdevs, f"--rxq={queues}", f"--txq={queues}", "--forward-mode=io",
                  "--auto-start")
    for port in ("pmd0", "pmd1"):
        daemon.wait_port(port, timeout=15)
    ping(*ends)
    ping(ends[1], ends[0])
    for flow in range(queues):
        udp_stream(*ends, rate=1000, seconds=1, port=5300 + flow)
    tcp_transfer(*ends)
    tcp_transfer(ends[1], ends[0])
    carried = pmd.statistics(0)
    used = pmd.received_by_queue(0)
    note(f"testpmd port 0: {carried['RX-packets']} in, {carried['TX-packets']} out; queues {used}")
    check(carried["RX-packets"] > 1000 * queues, f"testpmd received {carried}")
    check_equal(len(daemon.ctl.port("pmd0")["queue"]), queues, "queues that are shown")
    check(sum(1 for packets in used if packets) >= min(queues, 2), f"one queue only: {used}")
    pmd.quit()
    daemon.wait_port("pmd0", "no-guest")


@suite.case("server mode, 1 queue")
def server_one(world: World) -> None:
    wire(world, "server", 1)


@suite.case("server mode, 4 queues")
def server_four(world: World) -> None:
    wire(world, "server", 4)


@suite.case("client mode, 1 queue")
def client_one(world: World) -> None:
    wire(world, "client", 1)


@suite.case("client mode, 4 queues")
def client_four(world: World) -> None:
    wire(world, "client", 4)


@suite.case("packed ring")
def packed(world: World) -> None:
    wire(world, "server", 1, ",packed_vq=1")


@suite.case("two containers: all that one sends, the other gets")
def flood(world: World) -> None:
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    for port in ("a", "b"):
        daemon.ctl("port", "add", port, "type=vhost-user", "bridge=br0")
    vdev = "net_virtio_user0,queue_size=1024,path="
    rx = Testpmd(world, [f"{vdev}{daemon.vhost_socket('b')}"], "--forward-mode=rxonly",
                 "--auto-start")
    tx = Testpmd(world, [f"{vdev}{daemon.vhost_socket('a')}"], "--forward-mode=txonly",
                 "--txpkts=200")
    for port in ("a", "b"):
        daemon.wait_port(port, timeout=15)
    tx("start")
    time.sleep(1)
    tx("stop")
    sent = tx.statistics(0)["TX-packets"]
    received = rx.statistics(0)["RX-packets"]
    ctl = daemon.ctl
    lost = sum(ctl.drops("a").values()) + sum(ctl.drops("b").values())
    note(f"sent {sent}, switch took {ctl.counter('a', 'rx-packets')}, gave "
         f"{ctl.counter('b', 'tx-packets')}, dropped {lost} ({ctl.drops('a')} {ctl.drops('b')}), "
         f"received {received}")
    check(sent > 0 and received > 0, "no packets passed")
    check(ctl.counter("a", "rx-packets") == ctl.counter("b", "tx-packets") + lost,
          "the switch's own counters do not add up")


if __name__ == "__main__":
    suite.main()
