#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Containers with virtio-user: dpdk-testpmd as a wire between two bridges, with each ring format
and each way in which DPDK's driver uses one. What crosses it arrives whole."""

import time
from dataclasses import dataclass

from harness import (Daemon, Netns, Suite, Testpmd, World, check, check_equal, note, ping, tap,
                     tcp_transfer, udp_stream, vhost_port)


@dataclass
class Lab:
    """Two namespaces on bridges of their own."""

    world: World
    daemon: Daemon
    ends: tuple[Netns, Netns]


def lab(world: World) -> Lab:
    daemon = Daemon(world)
    for number in (0, 1):
        daemon.ctl("bridge", "add", f"br{number}")
    ends = [tap(world, daemon, f"t{number}", f"10.33.0.{number + 1}", bridge=f"br{number}")
            for number in (0, 1)]
    return Lab(world, daemon, (ends[0], ends[1]))


suite = Suite("testpmd", lab)


def wire(on: Lab, driver: str, *, backend: str = "native", queues: int = 1, mode: str = "server",
         size: int = 1024, options: tuple[str, ...] = (), eal: tuple[str, ...] = (),
         memory: int = 256) -> None:
    """Two new ports, a testpmd between them whose interfaces have these properties, traffic."""
    vdevs = []
    for number in (0, 1):
        nic = vhost_port(on.world, on.daemon, f"pmd{number}", "10.33.0.9", f"backend={backend}",
                         f"queues={queues}", bridge=f"br{number}", mode=mode)
        server = ",server=1" if mode == "client" else ""
        vdevs.append(f"net_virtio_user{number},queues={queues},queue_size={size}{server}{driver}"
                     f",path={nic.socket}")
    pmd = Testpmd(on.world, vdevs, f"--rxq={queues}", f"--txq={queues}", "--forward-mode=io",
                  "--auto-start", *options, eal=eal, memory=memory)
    for port in ("pmd0", "pmd1"):
        on.daemon.wait_port(port, timeout=15)
    one, two = on.ends
    ping(one, two, count=2)
    for flow in range(queues):
        udp_stream(one, two, rate=2000, seconds=0.3, size=64 + 300 * flow, port=5300 + flow)
    tcp_transfer(one, two)
    tcp_transfer(two, one)
    carried = pmd.statistics(0)
    used = pmd.received_by_queue(0)
    note(f"testpmd: {carried['RX-packets']} in, {carried['TX-packets']} out; queues {used}")
    check(sum(1 for packets in used if packets) >= min(queues, 2), f"one queue only: {used}")
    for port in ("pmd0", "pmd1"):
        state = on.daemon.ctl.port(port)
        check_equal(state["oper-status"], "up", f"{port}: {state.get('reason')}")
        check_equal(len(state["queue"]), queues, "queues that are shown")
    pmd.quit()
    for port in ("pmd0", "pmd1"):
        on.daemon.wait_port(port, "no-guest")
        on.daemon.ctl("port", "del", port)


# One wire for each: name, properties of the device, more.
KINDS = (
    ("split", "", {}),
    ("split, buffers not mergeable", ",mrg_rxbuf=0", {}),
    ("split, in order", ",in_order=1", {}),
    ("split, in order, not mergeable", ",in_order=1,mrg_rxbuf=0", {}),
    ("split, vectorized driver", ",mrg_rxbuf=0,in_order=0,vectorized=1", {}),
    ("packed", ",packed_vq=1", {}),
    ("packed, buffers not mergeable", ",packed_vq=1,mrg_rxbuf=0", {}),
    ("packed, in order", ",packed_vq=1,in_order=1", {}),
    ("packed, vectorized driver", ",packed_vq=1,in_order=1,mrg_rxbuf=0,vectorized=1",
     {"eal": ("--force-max-simd-bitwidth=512",)}),
    ("packed, a ring of 1000", ",packed_vq=1", {"size": 1000}),
    ("split, rings of 32768", "", {"size": 32768, "options": (
        "--total-num-mbufs=80000", "--rxd=32768", "--txd=32768"), "memory": 400}),
    ("split, client mode", "", {"mode": "client"}),
    ("split, four queues", "", {"queues": 4}),
    ("packed, four queues, client mode", ",packed_vq=1", {"queues": 4, "mode": "client"}),
    ("librte_vhost: split, four queues", "", {"backend": "dpdk", "queues": 4}),
    ("librte_vhost: packed, client mode", ",packed_vq=1", {"backend": "dpdk", "mode": "client"}),
)

for _name, _driver, _more in KINDS:
    suite.case(_name)(lambda on, driver=_driver, more=_more: wire(on, driver, **more))


def flood(on: Lab, backend: str) -> None:
    """From one container to another, more than it can take: all is received or counted."""
    ctl = on.daemon.ctl
    sockets = {port: vhost_port(on.world, on.daemon, port, "10.33.0.9", f"backend={backend}").socket
               for port in ("a", "b")}
    vdev = "net_virtio_user0,queue_size=1024,path="
    rx = Testpmd(on.world, [f"{vdev}{sockets['b']}"], "--forward-mode=rxonly", "--auto-start")
    tx = Testpmd(on.world, [f"{vdev}{sockets['a']}"], "--forward-mode=txonly", "--txpkts=200")
    for port in ("a", "b"):
        on.daemon.wait_port(port, timeout=15)
    tx("start")
    time.sleep(1)
    tx("stop")
    time.sleep(0.1)
    sent = tx.statistics(0)["TX-packets"]
    received = rx.statistics(0)["RX-packets"]
    taken, given = ctl.counter("a", "rx-packets"), ctl.counter("b", "tx-packets")
    lost = sum(ctl.drops("a").values()) + sum(ctl.drops("b").values())
    note(f"sent {sent}, switch took {taken}, gave {given}, dropped {lost} ({ctl.drops('a')} "
         f"{ctl.drops('b')}), received {received}")
    check(sent > 0 and received > 0, "no packets passed")
    check_equal(taken, given + lost, "what the switch took, and what became of it")
    check_equal(received, given, "what the switch gave, and what arrived")
    for port, pmd in (("a", tx), ("b", rx)):
        pmd.quit()
        ctl("port", "del", port)


for _backend in ("native", "dpdk"):
    suite.case(f"two containers, {_backend}: all that one sends, the other gets")(
        lambda on, backend=_backend: flood(on, backend))


if __name__ == "__main__":
    suite.main()
