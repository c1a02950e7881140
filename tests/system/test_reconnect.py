#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The switch is killed, guests are killed: what was configured comes back, and so does traffic.

A port in server mode waits for QEMU, which tries once a second (reconnect=1): that second is
QEMU's. The guest sees its link go down and come back, and Linux may take another second to believe
that. In client mode the switch itself reconnects."""

from dataclasses import dataclass

from harness import (Daemon, Guest, Netns, Suite, World, af_packet, boot, check, check_equal, guest,
                     note, ping, udp_stream)
from harness.traffic import result

GAP_MS = 1000
QEMU_RECONNECT_MS = 1000
LINK_WATCH_MS = 1000


@dataclass
class Lab:
    """A guest in each mode, and a namespace whose veth outlives the switch."""

    daemon: Daemon
    server: Guest
    client: Guest
    outside: Netns


def lab(world: World) -> Lab:
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    server = guest(world, daemon, "vm1", "10.4.0.1", mode="server")
    client = guest(world, daemon, "vm2", "10.4.0.2", mode="client")
    outside = af_packet(world, daemon, "p1", "10.4.0.3")
    boot(server, client)
    for port in ("vm1", "vm2"):
        daemon.wait_port(port)
    ping(outside, server)
    ping(outside, client)
    return Lab(daemon, server, client, outside)


suite = Suite("reconnect", lab)


def names(on: Lab) -> dict[str, dict]:
    """Configuration of all ports: what must survive."""
    state = ("oper-status", "reason", "statistics", "queue", "flows", "guest", "latency")
    return {name: {leaf: value for leaf, value in port.items() if leaf not in state}
            for name, port in on.daemon.ctl.ports().items()}


def kill_and_measure(on: Lab) -> dict[str, float]:
    """Longest silence of pings to each guest around a kill -9 and restart."""
    job = "ping --interval 10 --seconds 6"
    jobs = {vm.ip: on.outside.start(f"{on.outside.trafgen} {job} --to {vm.ip}")
            for vm in (on.server, on.client)}
    on.outside.run("sleep 1")
    on.daemon.kill()
    on.daemon.start()
    gaps = {}
    for ip, one in jobs.items():
        answer = result(one.wait(30))
        note(f"{ip}: {answer}")
        gaps[ip] = answer["max_gap_ms"]
    return gaps


@suite.case("kill -9 of the switch: same ports, and traffic within a second")
def kill_switch(on: Lab) -> None:
    before = names(on)
    gaps = kill_and_measure(on)
    check_equal(names(on), before, "configuration after the restart")
    note(f"restarted in {on.daemon.start_seconds:.2f} s, silence (ms) {gaps}")
    check(gaps[on.client.ip] < GAP_MS, f"client mode: silence of {gaps[on.client.ip]} ms")
    check(gaps[on.server.ip] < GAP_MS + QEMU_RECONNECT_MS + LINK_WATCH_MS,
          f"server mode: silence of {gaps[on.server.ip]} ms")


@suite.case("killed three times more, it still comes back")
def kill_again(on: Lab) -> None:
    for _ in range(3):
        on.daemon.kill()
        on.daemon.start()
        for vm in (on.server, on.client):
            ping(on.outside, vm)
    ping(on.server, on.client)


def kill_guest(on: Lab, port: str, vm: Guest, other: Guest) -> None:
    """QEMU dies and starts again; the other guest notices nothing."""
    stream = on.outside.start(f"{on.outside.trafgen} ping --interval 20 --seconds 4 --to "
                              f"{other.ip}")
    vm.kill()
    on.daemon.wait_port(port, "no-guest")
    answer = result(stream.wait(20))
    check_equal(answer["lost"], 0, "pings that the other guest lost")
    boot(vm)
    on.daemon.wait_port(port)
    ping(on.outside, vm)


@suite.case("kill -9 of QEMU, server mode: the port waits, the new guest works")
def kill_server_guest(on: Lab) -> None:
    kill_guest(on, "vm1", on.server, on.client)


@suite.case("kill -9 of QEMU, client mode: the port reconnects, the new guest works")
def kill_client_guest(on: Lab) -> None:
    kill_guest(on, "vm2", on.client, on.server)


@suite.case("after all that traffic is whole")
def whole(on: Lab) -> None:
    udp_stream(on.outside, on.server, rate=300, seconds=2)
    udp_stream(on.outside, on.client, rate=300, seconds=2)


if __name__ == "__main__":
    suite.main()
