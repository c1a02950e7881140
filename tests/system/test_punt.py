#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Packets that rules punt and sample, as somebody who has subscribed to them gets them."""

import json
import signal
import time

from harness import Daemon, Subscriber, Suite, World, check, check_equal, note
from harness.paths import VSWITCHCTL
from harness.proc import Process, wait_until

BROADCAST = "ffffffffffff" + "020000000001" + "0806" + "00" * 46
LARGE = "ffffffffffff" + "020000000001" + "88b5" + "00" * 1486

Lab = tuple[World, Daemon]


def lab(world: World) -> Lab:
    """A bridge with two fake ports."""
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    for port in ("p1", "p2"):
        daemon.ctl("port", "add", port, "type=fake", "bridge=br0")
    return world, daemon


suite = Suite("punt", lab)


def rule(daemon: Daemon, text: str) -> None:
    """Make this the only rule."""
    daemon.ctl("flow", "del", "br0")
    daemon.ctl("flow", "add", "br0", text)


def collect(daemon: Daemon, port: str, count: int) -> list[str]:
    """This many frames that were sent out of a port."""
    frames: list[str] = []

    def all_there() -> bool:
        frames.extend(daemon.ctl("fake", "collect", port).split())
        return len(frames) >= count

    wait_until(f"{count} frames at {port}", all_there)
    check_equal(len(frames), count, f"frames at {port}")
    return frames


def watch(on: Lab, *words: str) -> Process:
    """`vswitchctl events` in the background, as soon as it listens."""
    world, daemon = on
    process = world.spawn("events", [VSWITCHCTL, "-s", daemon.socket, *words])

    def heard() -> bool:
        daemon.ctl("fake", "inject", "p1", BROADCAST)
        return process.output() != ""

    wait_until("an event is shown", heard)
    return process


@suite.case("a rule's packets reach who subscribed, and only the rule's")
def punted(on: Lab) -> None:
    world, daemon = on
    rule(daemon, "in_port=p1,actions=controller:20,output:p2")
    subscriber = Subscriber(world, daemon, "punt")
    daemon.ctl("fake", "inject", "p2", BROADCAST)
    check_equal(collect(daemon, "p1", 1), [BROADCAST], "what p1 got")
    start = time.monotonic()
    daemon.ctl("fake", "inject", "p1", BROADCAST)
    event = subscriber.event()
    note(f"an event {time.monotonic() - start:.3f} s after its packet's injection began")
    del event["time"]
    check_equal(event, {"topic": "punt", "bridge": "br0", "in-port": "p1", "reason": "action",
                        "length": 60, "frame": BROADCAST[:40]}, "the event")
    check_equal(collect(daemon, "p2", 1), [BROADCAST], "what p2 got")
    bridge = daemon.ctl.json("bridge", "show", "br0")["vswitch:vswitch"]["bridge"][0]
    check_equal(bridge["statistics"]["punted"], "1", "the bridge's counter")


@suite.case("samples say where they belong")
def sampled(on: Lab) -> None:
    world, daemon = on
    rule(daemon, "actions=sample(probability=65535,collector_set_id=7,obs_domain_id=8,"
         "obs_point_id=9),normal")
    subscriber = Subscriber(world, daemon, "sample")
    daemon.ctl("fake", "inject", "p2", LARGE)
    event = subscriber.event()
    del event["time"]
    check_equal(event, {"topic": "sample", "bridge": "br0", "in-port": "p2", "reason": "sample",
                        "probability": 65535, "collector-set-id": 7, "observation-domain-id": 8,
                        "observation-point-id": 9, "length": 1500, "frame": LARGE}, "the event")


@suite.case("who does not read loses events, is told, and holds up nobody")
def slow_reader(on: Lab) -> None:
    world, daemon = on
    daemon.ctl("bridge", "set", "br0", "punt-rate=1000000")
    rule(daemon, "in_port=p1,actions=controller,output:p2")
    slow = Subscriber(world, daemon, "punt")
    other = Subscriber(world, daemon, "punt")
    for _ in range(20):
        daemon.ctl("fake", "inject", "p1", LARGE, "count=50")
        collect(daemon, "p2", 50)
        for _ in range(50):
            check_equal(other.event()["length"], 1500, "length of an event")
    # The answer of the ping stands behind the last event that found room.
    slow.send("ping", {})
    heard = 0
    while slow.message().get("method") == "event":
        heard += 1
    check(50 < heard < 1000, f"{heard} of 1000 events were kept for the slow reader")
    daemon.ctl("fake", "inject", "p1", BROADCAST)
    event = slow.event()
    check_equal((event["topic"], event["lost"]), ("overflow", 1000 - heard), "the event")
    check_equal(slow.event()["length"], 60, "length of the event behind it")
    note(f"{heard} of 1000 events waited")


@suite.case("topics and bridges that are not there are refused by name")
def refused(on: Lab) -> None:
    _, daemon = on
    refusal = daemon.ctl.refused("events", "punts")
    check("'punts'" in refusal.text and "did you mean 'punt'" in refusal.text, refusal.text)
    refusal = daemon.ctl.refused("events", "punt", "--bridge", "br1")
    check("there is no bridge 'br1'" in refusal.text, refusal.text)


@suite.case("vswitchctl events shows lines, and ends when it should")
def command(on: Lab) -> None:
    world, daemon = on
    rule(daemon, "in_port=p1,actions=controller")
    counted = watch(on, "events", "punt", "--count", "1")
    check_equal(counted.wait(5), 0, "exit status after --count")
    line = counted.output().strip()
    check(line.endswith("Z punt br0 p1 action 60 bytes: 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff "
                        "arp 0.0.0.0 > 0.0.0.0"), f"not the line: {line}")
    as_json = watch(on, "--json", "events", "punt", "--bridge", "br0", "--count", "1")
    check_equal(as_json.wait(5), 0, "exit status after --count")
    check_equal(json.loads(as_json.output())["frame"], BROADCAST, "the frame")
    interrupted = watch(on, "events")
    interrupted.signal_group(signal.SIGINT)
    interrupted.wait(5)
    orphan = watch(on, "events")
    status, _ = daemon.terminate()
    check_equal(status, 0, "exit status of the daemon")
    check_equal(orphan.wait(5), 3, "exit status without a daemon")
    check("closed the connection" in orphan.output(), orphan.output())


if __name__ == "__main__":
    suite.main()
