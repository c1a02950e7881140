#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Groups whose ports come and go, and meters, through taps."""

import time
from typing import Any

from harness import Daemon, Suite, World, check, check_equal, note
from harness.frames import Packet
from harness.proc import wait_until
from harness.wire import Patch

OTHER = ("p2", "p3", "p4")
PACKET = Packet()
BUCKETS = [{"id": n, "watch-port": f"p{n}", "actions": f"mod_nw_dst:10.0.{n}.1,output:p{n}"}
           for n in (2, 3, 4)]


def lab(world: World) -> Patch:
    """A bridge with four taps."""
    return Patch(world, Daemon(world), ["p1", *OTHER])


suite = Suite("flow groups", lab)


def edit(on: Patch, kind: str, key: int, value: dict[str, Any]) -> None:
    """Put a group or meter in the place of the one with this number."""
    path = f"/vswitch:vswitch/bridge[name='{on.bridge}']/{kind}[id='{key}']"
    reply = on.daemon.call("edit", {"edits": [{"op": "replace", "path": path, "value": value}]})
    check("result" in reply, f"{path}: {reply}")


def link(on: Patch, port: str, state: str) -> None:
    """Set the far end of a port up or down, until the switch says so."""
    on.wires[port].netns.run(f"ip link set eth0 {state}")

    def known() -> bool:
        return (on.daemon.ctl.port(port)["oper-status"] == "up") == (state == "up")

    wait_until(f"{port} is {state}", known, 5, 0.02)
    if state == "up":
        on.wires[port].forget()


def enable(on: Patch, port: str, enabled: bool) -> None:
    """Enable or disable a port."""
    on.daemon.ctl("port", "set", port, f"enabled={str(enabled).lower()}")
    if enabled:
        on.daemon.wait_port(port)


def bucket_frame(number: int, packet: Packet = PACKET) -> bytes:
    """What comes out of the bucket's port."""
    return packet.but(nw_dst=f"10.0.{number}.1").frame()


def soon(on: Patch, expected: dict[str, list[bytes]], what: str,
         deaf: tuple[str, ...] = ()) -> None:
    """The group's answer to a port's change; the switch looks at them ten times a second."""
    start = time.monotonic()
    full = {port: [] for port in on.wires if port not in deaf} | expected
    while on.exchange(PACKET.frame(), deaf=deaf) != full:
        check(time.monotonic() - start < 1, f"{what}: not within a second")
    note(f"{what}: after {(time.monotonic() - start) * 1e3:.0f} ms")
    on.expect([PACKET.frame()] * 9, {port: frames * 9 for port, frames in expected.items()}, what,
              deaf=deaf)


@suite.case("all: a copy for each bucket that lives")
def all_buckets(on: Patch) -> None:
    edit(on, "group", 1, {"type": "all", "bucket": BUCKETS})
    on.rules("in_port=p1,actions=group:1")
    every = {f"p{n}": [bucket_frame(n)] for n in (2, 3, 4)}
    on.expect(PACKET.frame(), every, "all")
    on.rules("in_port=p1,ip,actions=mod_nw_ttl:9,group:1,in_port")
    short = PACKET.but(ttl=9)
    on.expect(PACKET.frame(), {"p1": [short.frame()]} | {
        f"p{n}": [bucket_frame(n, short)] for n in (2, 3, 4)},
        "what follows a group sees nothing of its edits")
    on.rules("in_port=p1,actions=group:1")
    link(on, "p3", "down")
    soon(on, {port: every[port] for port in ("p2", "p4")}, "p3 down", deaf=("p3",))
    link(on, "p3", "up")
    soon(on, every, "p3 up again")


@suite.case("failover: the first bucket that lives, none is a drop")
def failover(on: Patch) -> None:
    edit(on, "group", 1, {"type": "failover", "bucket": BUCKETS})
    on.rules("in_port=p1,actions=group:1")
    on.expect(PACKET.frame(), {"p2": [bucket_frame(2)]}, "failover")
    link(on, "p2", "down")
    soon(on, {"p3": [bucket_frame(3)]}, "p2 down", deaf=("p2",))
    enable(on, "p3", False)
    soon(on, {"p4": [bucket_frame(4)]}, "p3 disabled", deaf=("p2", "p3"))
    before = on.drops().get("no-bucket", 0)
    edit(on, "group", 1, {"type": "failover", "bucket": BUCKETS[:2]})
    on.expect(PACKET.frame(), {}, "no bucket lives", deaf=("p2", "p3"))
    check_equal(on.drops()["no-bucket"] - before, 1, "drops/no-bucket")
    enable(on, "p3", True)
    soon(on, {"p3": [bucket_frame(3)]}, "p3 enabled", deaf=("p2",))
    link(on, "p2", "up")
    soon(on, {"p2": [bucket_frame(2)]}, "p2 up")


@suite.case("select: connections stay at their bucket, by weight; a dead one's move")
def select(on: Patch) -> None:
    buckets = [bucket | {"weight": weight} for bucket, weight in zip(BUCKETS, (1, 3, 0))]
    edit(on, "group", 1, {"type": "select", "bucket": buckets})
    on.rules("in_port=p1,actions=group:1")
    packets = [Packet(proto="tcp", tp_src=port) for port in range(1000, 1400)]
    frames = [packet.frame() for packet in packets for _ in range(2)]
    found = on.exchange(frames)
    check_equal(found["p4"], [], "what a weight of 0 got")
    for number in (2, 3):
        legal = [bucket_frame(number, packet) for packet in packets for _ in range(2)]
        got = set(found[f"p{number}"])
        check_equal(found[f"p{number}"], [frame for frame in legal if frame in got],
                    f"frames at p{number}: whole connections, in order")
    check_equal(len(found["p2"]) + len(found["p3"]), len(frames), "frames at both")
    check(120 < len(found["p2"]) < 280, f"{len(found['p2'])} of 800 frames at a weight of 1 of 4")
    note(f"1:3 of 800 frames: {len(found['p2'])}, {len(found['p3'])}")
    enable(on, "p2", False)
    moved = on.exchange(frames, deaf=["p2"])
    check_equal(len(moved["p3"]), len(frames), "frames at the bucket that still lives")
    stayed = set(found["p3"])
    check_equal([frame for frame in moved["p3"] if frame in stayed], found["p3"], "those that stay")
    enable(on, "p2", True)
    wait_until("connections go back", lambda: on.exchange(frames) == found, 2)


@suite.case("a group that goes is a drop, one that comes is in force at once")
def missing(on: Patch) -> None:
    on.rules("in_port=p1,actions=group:77")
    before = on.drops().get("no-bucket", 0)
    on.expect(PACKET.frame(), {}, "a group that is not there")
    check_equal(on.drops()["no-bucket"] - before, 1, "drops/no-bucket")
    edit(on, "group", 77, {"type": "all", "bucket": [{"id": 0, "actions": "output:p3,in_port"}]})
    on.expect(PACKET.frame(), {"p1": [PACKET.frame()], "p3": [PACKET.frame()]}, "it has come")
    edit(on, "group", 77, {"type": "all", "bucket": [{"id": 0, "actions": "output:p4"}]})
    on.expect(PACKET.frame(), {"p4": [PACKET.frame()]}, "it has changed")


@suite.case("a meter lets pass its burst, counts, and is shared by rules")
def meters(on: Patch) -> None:
    edit(on, "meter", 1, {"packet-rate": 1, "burst": 10})
    before = on.drops().get("metered", 0)
    on.rules("in_port=p1,udp,actions=meter:1,p2", "in_port=p1,tcp,actions=meter:1,p3")
    tcp = Packet(proto="tcp").frame()
    start = time.monotonic()
    found = on.exchange([PACKET.frame()] * 7 + [tcp] * 43)
    refill = 1 + int(time.monotonic() - start)
    check_equal(found["p2"], [PACKET.frame()] * 7, "the first rule's frames")
    passed = 7 + len(found["p3"])
    check(10 <= passed <= 10 + refill, f"{passed} frames passed a burst of 10")
    check_equal(on.drops()["metered"] - before, 50 - passed, "drops/metered")
    path = f"/vswitch:vswitch/bridge[name='{on.bridge}']/meter[id='1']"

    def counted() -> bool:
        tree = on.daemon.call("get", {"path": path})["result"]
        return f"'passed-packets': '{passed}'" in str(tree) and \
            f"'dropped-packets': '{50 - passed}'" in str(tree)

    wait_until("the meter's counters", counted, 2)
    edit(on, "meter", 1, {"packet-rate": 100000})
    on.expect([tcp] * 50, {"p3": [tcp] * 50}, "a meter of a higher rate")


@suite.case("a meter of bits counts whole frames; one that is not there lets pass")
def bit_meters(on: Patch) -> None:
    frame = Packet(payload=bytes(1250 - 42)).frame()
    check_equal(len(frame), 1250, "bytes of a frame: 10 kbit")
    edit(on, "meter", 2, {"bit-rate": 100, "burst": 500})
    on.rules("in_port=p1,actions=meter:2,p2")
    start = time.monotonic()
    passed = len(on.exchange([frame] * 120)["p2"])
    most = 50 + 10 * (time.monotonic() - start) + 1
    check(50 <= passed <= most, f"{passed} frames of 10 kbit passed a burst of 500 kbit")
    on.rules("in_port=p1,actions=meter:3,p2")
    on.expect([frame] * 120, {"p2": [frame] * 120}, "a meter that is not there")


if __name__ == "__main__":
    suite.main()
