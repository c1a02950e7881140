#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What users are told of a guest on the native back end, and the leaves that decide who may be one
and what it is offered. The front end is a few lines of our own."""

import fcntl
import os
import pwd
import socket
import struct
import sys
from pathlib import Path
from typing import Any

from harness import Daemon, Subscriber, Suite, World, check, check_equal
from harness.proc import wait_until

# QEMU's docs/interop/vhost-user.rst, "Front-end message types" and "Header".
GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE = 1, 2, 3, 5
GET_PROTOCOL, SET_PROTOCOL = 15, 16
VERSION, NEED_REPLY = 1, 8
PROTOCOL_FEATURES, REPLY_ACK, STATUS = 1 << 30, 1 << 3, 1 << 16
# virtio 1.2, 5.1.3 and 6
CSUM, GUEST_CSUM, HOST_TSO4, VERSION_1, PACKED = 1 << 0, 1 << 1, 1 << 11, 1 << 32, 1 << 34
MIB = 1 << 20
NOBODY = pwd.getpwnam("nobody").pw_uid

Lab = tuple[World, Daemon]


def lab(world: World) -> Lab:
    """A bridge; each case has a port of its own."""
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    return world, daemon


suite = Suite("vhost-state", lab)


class FrontEnd:
    """One connection of a guest's process."""

    def __init__(self, world: World, path: Path) -> None:
        self.peer = socket.socket(socket.AF_UNIX)
        world.defer(self.peer.close)
        self.peer.settimeout(5)
        self.peer.connect(str(path))

    def say(self, request: int, payload: bytes = b"", *fds: int, flags: int = 0) -> None:
        """Send a message."""
        header = struct.pack("=III", request, VERSION | flags, len(payload))
        socket.send_fds(self.peer, [header + payload], list(fds))

    def ask(self, request: int, payload: bytes = b"", *fds: int, flags: int = 0) -> int:
        """Send a message and wait for the number that answers it."""
        self.say(request, payload, *fds, flags=flags)
        answer = self.peer.recv(12 + 8, socket.MSG_WAITALL)
        check_equal(struct.unpack("=I", answer[:4])[0], request, "the answer's request")
        return struct.unpack("=Q", answer[12:])[0]

    def negotiate(self, features: int) -> int:
        """Take these of the features that are offered, which are returned."""
        offered = self.ask(GET_FEATURES)
        self.ask(GET_PROTOCOL)
        self.say(SET_PROTOCOL, struct.pack("=Q", REPLY_ACK | STATUS))
        self.say(SET_OWNER)
        ack = self.ask(SET_FEATURES, struct.pack("=Q", features & offered | PROTOCOL_FEATURES),
                       flags=NEED_REPLY)
        check_equal(ack, 0, "the answer to SET_FEATURES")
        return offered

    def share(self, size: int, seals: int) -> int:
        """Share one region of memory; 0 if it was taken."""
        fd = os.memfd_create("guest", os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, size)
        if seals != 0:
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
        table = struct.pack("=IIQQQQ", 1, 0, 0, size, 0x7f0000000000, 0)
        try:
            return self.ask(SET_MEM_TABLE, table, fd, flags=NEED_REPLY)
        finally:
            os.close(fd)

    def is_closed(self) -> bool:
        """Whether the switch closes the connection."""
        return self.peer.recv(1) == b""


class Port:
    """A port for a guest, and what is told of it."""

    def __init__(self, on: Lab, name: str) -> None:
        self.world, self.daemon = on
        self.name = name
        self.daemon.ctl("port", "add", name, "type=vhost-user", "backend=native", "bridge=br0")

    def front(self) -> FrontEnd:
        """A front end that connects."""
        return FrontEnd(self.world, self.daemon.vhost_socket(self.name))

    def change(self, *leaves: str) -> None:
        """Change the port."""
        self.daemon.ctl("port", "set", self.name, *leaves)

    def guest(self) -> dict[str, Any]:
        """The container guest."""
        return self.daemon.ctl.port(self.name)["guest"]

    def features(self) -> dict[str, tuple[str, str]]:
        """Name to state and reason."""
        return {one["name"]: (one["state"], one.get("why", "")) for one in self.guest()["feature"]}

    def in_state(self, state: str) -> set[str]:
        """Names of the features that are in this state."""
        return {name for name, (its, _) in self.features().items() if its == state}

    def wait_ended(self, count: int) -> dict[str, Any]:
        """Until this many connections have ended, and none is there; the newest."""

        def all_ended() -> dict[str, Any] | None:
            connections = self.guest().get("connection", [])
            done = [one for one in connections if "until" in one]
            return connections[0] if len(done) == count == len(connections) else None

        return wait_until(f"{count} connections have ended", all_ended)


@suite.case("features are explained one by one, before, during and after a connection")
def explained(on: Lab) -> None:
    port = Port(on, "told")
    check_equal(port.in_state("offered"), set(port.features()), "what is offered at first")
    front = port.front()
    offered = front.negotiate(VERSION_1 | CSUM | GUEST_CSUM | PACKED)
    check_equal(front.share(4 * MIB, 0), 0, "the answer to SET_MEM_TABLE")
    check_equal(port.in_state("acknowledged"), {"checksum", "packed"},
                "what the guest has acknowledged")
    state, why = port.features()["tso"]
    check(state == "offered" and why != "", f"tso: {state}, {why}")
    told = port.guest()
    check_equal(int(told["offered"], 16), offered, "the bits that are offered")
    check_equal(int(told["acknowledged"], 16),
                VERSION_1 | CSUM | GUEST_CSUM | PACKED | PROTOCOL_FEATURES, "those acknowledged")
    check_equal(sorted(told["protocol-feature"]), ["reply-ack", "status"], "protocol features")
    check_equal((told["memory-regions"], told["memory"]), (1, str(4 * MIB)), "memory")
    here = told["connection"][0]
    check_equal((here["number"], here["pid"], here["uid"]), ("1", os.getpid(), os.getuid()),
                "the connection")
    check_equal(here["messages"], "6", "messages")
    front.peer.close()
    gone = port.wait_ended(1)
    check(gone["until"] >= gone["since"] and gone["end"] != "", f"not told how it ended: {gone}")
    check_equal(port.guest()["memory-regions"], 0, "regions of nobody")
    text = port.daemon.ctl("port", "show", port.name)
    for words in ("none is connected", "FEATURE", "CONNECTION", gone["end"]):
        check(words in text, f"'{words}' is not in: {text}")


@suite.case("disable-feature takes along what needs it, and holds from the next connection")
def disabled(on: Lab) -> None:
    port = Port(on, "off")
    first = port.front()
    check(first.negotiate(VERSION_1) & (CSUM | HOST_TSO4 | PACKED) == CSUM | HOST_TSO4 | PACKED,
          "checksum, tso and packed are not offered by default")
    port.change("disable-feature=checksum,packed")
    check_equal(port.guest()["connections"], "1", "connections")
    check_equal(first.ask(GET_FEATURES) & PACKED, PACKED, "what the first guest is offered")
    first.peer.close()
    port.wait_ended(1)
    check_equal(port.in_state("disabled"), {"checksum", "tso", "ecn", "uso", "packed"},
                "what is disabled")
    second = port.front()
    check_equal(second.ask(GET_FEATURES) & (CSUM | GUEST_CSUM | HOST_TSO4 | PACKED), 0,
                "what the second guest is offered of it")
    refusal = port.daemon.ctl.refused("port", "set", port.name, "disable-feature=tos")
    check("did you mean 'tso'" in refusal.text, refusal.text)
    refusal = port.daemon.ctl.refused("port", "add", "vm2", "type=vhost-user", "backend=dpdk",
                                      "disable-feature=tso")
    check("backend 'native' only" in refusal.text, refusal.text)


@suite.case("who is not among peer-uid is closed, counted and told of; who is may connect")
def peers(on: Lab) -> None:
    port = Port(on, "uid")
    subscriber = Subscriber(*on, "port")
    port.change(f"peer-uid={NOBODY}")
    front = port.front()
    check(front.is_closed(), "a connection of another user is open")
    told = port.guest()
    check_equal((told["connections"], told["refused"]), ("0", "1"), "accepted and refused")
    check("peer-uid" in told["last-error"], told["last-error"])
    event = subscriber.event()
    check_equal((event["bridge"], event["port"]), ("br0", port.name), "what the event is about")
    check("peer-uid" in event["text"], event["text"])
    # A child of ours is that user; it may reach the socket because it came before its rights went.
    path = port.daemon.vhost_socket(port.name)
    child = os.fork()
    if child == 0:
        os.chmod(path, 0o666)
        os.chdir(path.parent)
        os.setuid(NOBODY)
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(5)
            peer.connect(path.name)
            peer.send(struct.pack("=III", GET_FEATURES, VERSION, 0))
            os._exit(0 if len(peer.recv(20)) == 20 else 1)
    check_equal(os.waitpid(child, 0)[1], 0, "exit status of the process that is nobody")
    check_equal(port.wait_ended(1)["uid"], NOBODY, "user of the connection")


@suite.case("memory that can be shrunk is refused where seals are required")
def seals(on: Lab) -> None:
    port = Port(on, "seal")
    port.change("require-seals=true")
    front = port.front()
    front.negotiate(VERSION_1)
    check(front.share(MIB, 0) != 0, "memory without seals was taken")
    check("seal" in port.guest()["last-error"], port.guest()["last-error"])
    check_equal(port.guest()["memory-regions"], 0, "regions")
    check_equal(front.share(MIB, fcntl.F_SEAL_SHRINK), 0, "the answer to sealed memory")
    check_equal(port.guest()["memory-regions"], 1, "regions")


@suite.case("a front end that breaks the protocol loses its connection, and everybody can see why")
def broken(on: Lab) -> None:
    port = Port(on, "bad")
    subscriber = Subscriber(*on, "port")
    front = port.front()
    check_equal(subscriber.event()["event"], "guest-connected", "the first event")
    front.negotiate(VERSION_1)
    front.say(SET_FEATURES, b"short")
    check(front.is_closed(), "the connection is open")
    event = subscriber.event()
    check_equal(event["event"], "connection-failed", "the second event")
    check("SET_FEATURES" in event["text"], event["text"])
    state = port.daemon.ctl.port(port.name)
    told = state["guest"]
    for where in (state["reason"], told["last-error"], told["connection"][0]["end"]):
        check("SET_FEATURES" in where, f"the request is not named: {where}")
    check("queue" not in event, "an event about a connection names a queue")
    line = port.daemon.ctl("port", "show", port.name)
    check("last error" in line and "SET_FEATURES" in line, line)


@suite.case("a second front end is closed at once, and the first one never notices")
def second(on: Lab) -> None:
    port = Port(on, "two")
    first = port.front()
    first.negotiate(VERSION_1)
    for _ in range(5):
        check(port.front().is_closed(), "a second one is connected")
    check(first.ask(GET_FEATURES) != 0, "no answer to the first one")
    told = port.guest()
    check_equal((told["connections"], told["refused"]), ("1", "5"), "accepted and refused")


if __name__ == "__main__":
    sys.exit(suite.main())
