#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Events of all topics, as somebody hears them who has subscribed: real ports, real addresses, a
worker that is held, floods, a hundred subscribers, and one who never reads."""

import json
import socket
import threading
import time
from typing import Any

from harness import (Daemon, Netns, Subscriber, Suite, Testpmd, World, af_packet, check,
                     check_equal, note, tap)
from harness.held import held
from harness.paths import VSWITCHCTL
from harness.proc import run, wait_until

BROADCAST = "ffffffffffff"
FRAME = BROADCAST + "{:012x}" + "88b5" + "00" * 46
LARGE = FRAME.format(0x020000000001) + "00" * 1400
TOPICS = ["punt", "sample", "mac", "port", "config", "limit", "worker"]
SOURCES = 5000
FLOOD = f"""
import socket
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("eth0", 0))
for i in range({SOURCES}):
    link.send(b"\\xff" * 6 + bytes([2, 9, 0, 0, i >> 8, i & 255]) + b"\\x88\\xb5" + bytes(46))
"""


class Lab:
    """A bridge with fake ports; somebody who never reads; an address that will age out."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.daemon = Daemon(world)
        self.deaf = Subscriber(world, self.daemon, "punt")
        daemon = self.daemon
        daemon.ctl("bridge", "add", "br0", "punt-rate=1000000")
        daemon.ctl("bridge", "add", "old", "aging-time=10")
        for port in ("p1", "p2"):
            daemon.ctl("port", "add", port, "type=fake", "bridge=br0")
        daemon.ctl("port", "add", "o1", "type=fake", "bridge=old")
        self.limits = Subscriber(world, daemon, "limit")
        self.aging = Subscriber(world, daemon, "worker")
        self.aging.send("subscribe", {"topics": ["mac"], "bridge": "old"})
        check("result" in self.aging.message(), "the subscription was refused")
        self.inject("o1", 0x02000000000A)
        daemon.ctl("flow", "add", "br0", "priority=9,in_port=p2,actions=controller")
        # More than its share of the queue, and of the kernel's buffer.
        for punted in range(50, 1001, 50):
            self.daemon.ctl("fake", "inject", "p2", LARGE, "count=50")
            wait_until("they are punted", lambda n=punted: self.punted() == n)

    def punted(self) -> int:
        """Packets that the bridge has handed to controllers."""
        return int(self.bridge("br0")["statistics"]["punted"])

    def bridge(self, name: str) -> dict[str, Any]:
        """State of a bridge."""
        return self.daemon.ctl.json("bridge", "show", name)["vswitch:vswitch"]["bridge"][0]

    def inject(self, port: str, source: int) -> None:
        """A broadcast from this address."""
        self.daemon.ctl("fake", "inject", port, FRAME.format(source))

    def subscribe(self, *topics: str) -> Subscriber:
        """Somebody new."""
        return Subscriber(self.world, self.daemon, *topics)


suite = Suite("events", Lab)


def next_of(subscriber: Subscriber, **members: Any) -> dict[str, Any]:
    """The next event with these members; others before it are passed over."""
    for _ in range(20000):
        event = subscriber.event()
        if all(event.get(name.replace("_", "-")) == value for name, value in members.items()):
            return event
    raise AssertionError(f"no event with {members}")


def words_of(subscriber: Subscriber, count: int) -> list[str]:
    """What the next events say happened."""
    return [subscriber.event()["event"] for _ in range(count)]


@suite.case("ports of the kernel: up, down, stopped, failed, recovered")
def kernel_ports(on: Lab) -> None:
    daemon = on.daemon
    told = on.subscribe("port")
    netns = tap(on.world, daemon, "tap0", "10.6.0.1")
    check_equal(told.event()["event"], "up", "the first event")
    netns.run("ip link set eth0 down")
    event = told.event()
    check_equal((event["event"], event["oper-status"], event["severity"], event["bridge"]),
                ("down", "down", "warning", "br0"), "what is told of a tap that is down")
    netns.run("ip link set eth0 up")
    check_equal(told.event()["event"], "up", "the event")
    daemon.ctl("port", "set", "tap0", "enabled=false")
    check_equal(told.event()["event"], "stopped", "the event")
    daemon.ctl("port", "set", "tap0", "enabled=true")
    check_equal(told.event()["event"], "up", "the event")
    ours, theirs = on.world.veth()
    daemon.ctl("port", "add", "up0", "type=af-packet", f"ifname={ours}", "bridge=br0")
    check_equal(next_of(told, port="up0")["event"], "up", "the event")
    run(["ip", "link", "del", ours])
    event = told.event()
    check_equal((event["event"], event["port"]), ("failed", "up0"), "what is told")
    check(ours in event["text"], event["text"])
    run(["ip", "link", "add", ours, "type", "veth", "peer", "name", theirs])
    for end in (ours, theirs):
        run(["ip", "link", "set", end, "up"])
    check_equal(next_of(told, port="up0")["event"], "recovered", "the event")
    log = daemon.process.output()
    for line in ("tap0: down: ", "tap0: up: ", "up0: failed: ", "up0: recovered: "):
        check(line in log, f"'{line}' is not in the log")
    for port in ("tap0", "up0"):
        daemon.ctl("port", "del", port)
        event = next_of(told, port=port)
        check_equal((event["event"], event["severity"], event["bridge"]),
                    ("deleted", "info", "br0"), "the last that is told")


@suite.case("a guest that comes and goes", timeout=60)
def guest(on: Lab) -> None:
    daemon = on.daemon
    daemon.ctl("port", "add", "vm1", "type=vhost-user", "bridge=br0")
    daemon.ctl("port", "add", "vm2", "type=vhost-user", "bridge=br0")
    told = on.subscribe("worker")
    told.send("subscribe", {"topics": ["port"], "port": "vm1"})
    check("result" in told.message(), "the subscription was refused")
    path = daemon.vhost_socket("vm1")
    pmd = Testpmd(on.world, [f"net_virtio_user0,mac=52:54:00:00:00:09,path={path}"],
                  "--auto-start")
    check_equal(words_of(told, 2), ["guest-connected", "attached"], "what is told")
    pmd.process.stop()
    words = words_of(told, 2)
    check("detached" in words and "guest-disconnected" in words, f"{words}")
    # The other port is another subscription's.
    socket.socket(socket.AF_UNIX).connect(str(daemon.vhost_socket("vm2")))
    told.send("ping", {})
    while "method" in (message := told.message()):
        check_equal(message["params"]["port"], "vm1", "the port")
    for port in ("vm1", "vm2"):
        daemon.ctl("port", "del", port)


@suite.case("addresses are learned, move, and are flushed")
def addresses(on: Lab) -> None:
    told = on.subscribe("mac")
    on.inject("p1", 0x020000000002)
    event = told.event()
    del event["time"]
    check_equal(event, {"topic": "mac", "bridge": "br0", "event": "learned", "port": "p1",
                        "mac": "02:00:00:00:00:02", "vlan": 0}, "what is told")
    on.daemon.ctl("port", "add", "p3", "type=fake", "bridge=br0")
    on.inject("p3", 0x020000000002)
    event = told.event()
    check_equal((event["event"], event["port"], event["from-port"]), ("moved", "p3", "p1"),
                "what is told")
    on.daemon.ctl("fdb", "flush", "br0")
    event = told.event()
    check_equal((event["event"], event["count"]), ("flushed", 1), "what is told")
    on.daemon.ctl("port", "del", "p3")


@suite.case("each revision, by whom, and what has changed")
def revisions(on: Lab) -> None:
    told = on.subscribe("config")
    path = "/vswitch:vswitch/bridge[name='br0']"
    edit = {"edits": [{"op": "merge", "path": path, "value": {"aging-time": 200}}]}
    answer = on.daemon.call("edit", {**edit, "comment": "shorter"})["result"]
    event = told.event()
    check_equal((event["event"], event["revision"], event["comment"], event["user"]),
                ("commit", answer["revision"], "shorter", "root"), "what is told")
    check_equal([(change["op"], change["path"]) for change in event["changes"]],
                [("modify", path)], "the changes")
    edit["edits"][0]["value"]["aging-time"] = 100
    on.daemon.call("edit", {**edit, "confirm-timeout": 1})
    check_equal(told.event()["event"], "provisional", "the event")
    event = told.event()
    check_equal((event["event"], event["severity"]), ("timeout", "warning"), "what is told")
    check(event["revision"] > answer["revision"], f"{event['revision']}")


@suite.case("a worker that does not come round is named, and when it runs again")
def stalled(on: Lab) -> None:
    daemon = on.daemon
    told = on.subscribe("worker")

    with held(daemon):
        daemon.ctl("port", "add", "gone", "type=fake", "bridge=br0")
        event = told.event()
        check_equal((event["event"], event["worker"], event["severity"], event["thread-state"]),
                    ("stalled", 0, "error", "t"), "what is told")
        check(event["stalled-ms"] >= 2000, f"{event['stalled-ms']} ms")
        check({"snapshots", "deleted-ports"} <= event.keys(), f"{event}")
    event = told.event()
    check_equal((event["event"], event["worker"]), ("running", 0), "what is told")
    check("worker 0 has made no progress" in daemon.process.output(), "not in the log")
    daemon.ctl("port", "del", "gone")


def changes_of(on: Lab, bridge: str) -> int:
    """Changes of its table that are told one by one, since it was made."""
    statistics = on.bridge(bridge)["statistics"]
    return sum(int(statistics[name]) for name in ("learned", "moved", "evicted", "aged"))


class Reader:
    """Reads all that comes, in a thread of its own, until the answer of a ping."""

    def __init__(self, subscriber: Subscriber) -> None:
        self.subscriber = subscriber
        self.events: list[dict[str, Any]] = []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        while "method" in (message := self.subscriber.message()):
            self.events.append(message["params"])

    def end(self) -> list[dict[str, Any]]:
        """What came."""
        self.subscriber.send("ping", {})
        self.thread.join(5)
        check(not self.thread.is_alive(), "no answer to a ping")
        return self.events


@suite.case("a flood of addresses is bounded, and limits are told", timeout=60)
def flood(on: Lab) -> None:
    daemon = on.daemon
    daemon.ctl("bridge", "add", "br1", "fdb-limit=1000")
    netns: Netns = tap(on.world, daemon, "tap1", "10.6.0.2", "mac-limit=100", bridge="br1")
    other: Netns = af_packet(on.world, daemon, "up1", "10.6.0.3", bridge="br1")
    limits = on.subscribe("limit")
    told = on.subscribe("mac", "config")
    before = changes_of(on, "br1")
    reader = Reader(on.subscribe("mac"))
    script = on.world.dir / "flood.py"
    script.write_text(FLOOD)
    netns.run(f"python3 {script}")
    start = time.monotonic()
    check(daemon.ping(), "the daemon does not answer")
    note(f"an answer {time.monotonic() - start:.3f} s after a flood of {SOURCES} addresses")
    event = next_of(limits, event="mac-limit")
    check_equal((event["port"], event["bridge"]), ("tap1", "br1"), "what is full")
    check(event["count"] > 0, "no count")
    other.run(f"python3 {script}")
    event = next_of(limits, event="fdb-full")
    check_equal(event["bridge"], "br1", "what is full")
    # Who has not read any of it hears of what is rare all the same.
    daemon.ctl("bridge", "set", "br1", "aging-time=400")
    check_equal(next_of(told, topic="config")["event"], "commit", "the event in the flood")
    # What was told and what was not is all that happened; and no more than the rate.
    time.sleep(2.5)
    events = reader.end()
    changes = [event for event in events if "mac" in event]
    lost = sum(event["count"] for event in events if event.get("event") == "lost")
    overflow = sum(event["lost"] for event in events if event["topic"] == "overflow")
    seconds: dict[str, int] = {}
    for event in changes:
        seconds[event["time"][:19]] = seconds.get(event["time"][:19], 0) + 1
    note(f"{len(changes)} changes told, {lost} not told, {overflow} not read, by second {seconds}")
    check(max(seconds.values()) <= 2000, "more than the rate allows")
    check(lost > 0, "nothing was held back")
    # One may have been on its way when we began.
    missing = changes_of(on, "br1") - before - len(changes) - lost - overflow
    check(abs(missing) <= 3, f"{missing} changes were counted, but neither told nor lost")
    for port in ("tap1", "up1"):
        daemon.ctl("port", "del", port)
    log = daemon.process.output()
    check_equal(log.count("port tap1: it has as many addresses"), 1, "lines in the log")


@suite.case("a hundred subscribers hear the same")
def hundred(on: Lab) -> None:
    subscribers = [on.subscribe("port") for _ in range(100)]
    start = time.monotonic()
    for _ in range(5):
        for enabled in ("false", "true"):
            on.daemon.ctl("port", "set", "p1", f"enabled={enabled}")
            time.sleep(0.25)
    for subscriber in subscribers:
        check_equal(words_of(subscriber, 10), ["stopped", "up"] * 5, "what is told")
    note(f"10 events for 100 subscribers within {time.monotonic() - start:.2f} s")
    for subscriber in subscribers:
        subscriber.lines.close()
        subscriber.peer.close()


@suite.case("more connections than there may be are told")
def connections(on: Lab) -> None:
    peers = []
    for _ in range(300):
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(str(on.daemon.socket))
        peers.append(peer)
    event = next_of(on.limits, event="connections")
    check(event["count"] > 0, "no count")
    for peer in peers:
        peer.close()


@suite.case("the command filters, counts, and says when the daemon has ended", timeout=60)
def command(on: Lab) -> None:
    # Who never reads was cut off, which the others hear; and the old address has aged out.
    on.limits.peer.settimeout(60)
    event = next_of(on.limits, event="subscriber-cut-off")
    check_equal(event["user"], "root", "who was cut off")
    check(event["count"] > 0, "no count")
    on.aging.peer.settimeout(60)
    event = next_of(on.aging, event="aged")
    check_equal((event["bridge"], event["mac"]), ("old", "02:00:00:00:00:0a"), "what has aged")
    refusal = on.daemon.ctl.refused("events", "--port", "p9")
    check("there is no port 'p9'" in refusal.text, refusal.text)
    command = [VSWITCHCTL, "-s", on.daemon.socket]
    only = on.world.spawn("events", [*command, "events", "all", "--port", "p1", "--count", "1"])
    rest = on.world.spawn("events", [*command, "--json", "events", "config"])

    def heard() -> bool:
        for enabled in ("false", "true"):
            on.daemon.ctl("port", "set", "p2", f"enabled={enabled}")
            on.daemon.ctl("port", "set", "p1", f"enabled={enabled}")
            time.sleep(0.2)
        return only.output() != "" and rest.output() != ""

    wait_until("events are shown", heard)
    check_equal(only.wait(5), 0, "exit status after --count")
    check(" port br0 p1 " in only.output(), only.output())
    line = rest.output().splitlines()[0]
    check_equal(json.loads(line)["topic"], "config", f"the topic of {line}")
    on.daemon.terminate()
    check_equal(rest.wait(5), 3, "exit status without a daemon")
    check("no more events will come" in rest.output(), rest.output())


if __name__ == "__main__":
    suite.main()
