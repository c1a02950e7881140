#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The harness against the kernel's own bridge: what it measures there is known to be good."""

from harness import Netns, Suite, World, check, iperf, ping, tcp_transfer, udp_stream
from harness.proc import run

suite = Suite("harness")


def over_linux_bridge(world: World) -> list[Netns]:
    """Two namespaces on a Linux bridge."""
    bridge = world.name("br")
    run(["ip", "link", "add", bridge, "type", "bridge"])
    world.defer(lambda: run(["ip", "link", "del", bridge], check=False) and None)
    run(["ip", "link", "set", bridge, "up"])
    ends = []
    for number in (1, 2):
        netns = Netns(world, ip=f"10.9.0.{number}")
        ours, theirs = world.veth()
        run(["ip", "link", "set", ours, "master", bridge])
        netns.adopt(theirs)
        netns.configure()
        ends.append(netns)
    return ends


@suite.case("ping, UDP, TCP and iperf3 pass a good network")
def good_network(world: World) -> None:
    one, two = over_linux_bridge(world)
    ping(one, two)
    udp_stream(one, two, rate=5000, seconds=1)
    tcp_transfer(one, two)
    iperf(two, one, seconds=1)


@suite.case("a stream through a broken network is not accepted")
def broken_network(world: World) -> None:
    one, two = over_linux_bridge(world)
    ping(one, two)
    receiver = two.start(f"sleep 0.5; ip link set {two.ifname} down; sleep 0.5; "
                         f"ip link set {two.ifname} up")
    try:
        udp_stream(one, two, rate=1000, seconds=2)
    except AssertionError as error:
        check("lost" in str(error), str(error))
    else:
        raise AssertionError("lost packets were not noticed")
    receiver.wait()


if __name__ == "__main__":
    suite.main()
