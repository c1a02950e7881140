#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Captures, as the programs that people open them with see them."""

import base64
import json
import os
import signal
import socket
import subprocess
import time
from typing import Any

from harness import Daemon, Fault, Peer, Suite, World, check, check_equal, note
from harness.authority import Certificate
from harness.paths import VSWITCHCTL
from harness.pcapng import frame_lines, tcpdump, tshark
from harness.proc import Process, wait_until
from harness.remote import Remote

SOURCE = "020000000001"
BROADCAST = "ffffffffffff" + SOURCE + "0806" + "00" * 46
LARGE = "ffffffffffff" + SOURCE + "88b5" + "00" * 1486
TAGGED = "ffffffffffff" + SOURCE + "8100" + "0007" + "88b5" + "00" * 60

Lab = tuple[World, Daemon]


def lab(world: World) -> Lab:
    """A bridge with an access port, a trunk and another one."""
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    daemon.ctl("port", "add", "p1", "type=fake", "bridge=br0", "vlan=10")
    daemon.ctl("port", "add", "p2", "type=fake", "bridge=br0", "trunk=10-20")
    daemon.ctl("port", "add", "p3", "type=fake", "bridge=br0", "vlan=10")
    return world, daemon


suite = Suite("capture", lab)


def running(daemon: Daemon) -> list[dict[str, Any]]:
    """The captures that the daemon knows."""
    path = {"path": "/vswitch:vswitch/system/capture"}
    tree = json.loads(daemon.ctl("call", "get", json.dumps(path)))
    return tree.get("vswitch:vswitch", {}).get("system", {}).get("capture", [])


def capture(on: Lab, *words: str, among: int = 1) -> Process:
    """`vswitchctl capture` in the background, as soon as it runs."""
    world, daemon = on
    process = world.spawn("capture", [VSWITCHCTL, "-s", daemon.socket, "capture", *words])
    wait_until(f"{among} run", lambda: len(running(daemon)) == among or not process.alive())
    return process


def inject(daemon: Daemon, port: str, frame: str, count: int = 1) -> int:
    """How many of them the port had room for."""
    said = daemon.ctl("fake", "inject", port, frame, f"count={count}")
    return int(said.split()[0])


def settle(daemon: Daemon, port: str, received: int) -> None:
    """Until so many frames have been received."""
    wait_until(f"{received} frames at {port}",
               lambda: daemon.ctl.counter(port, "rx-packets") >= received)


def stop(daemon: Daemon, number: int) -> dict[str, str]:
    """End a capture by its number; its counts."""
    with Peer(daemon.socket) as peer:
        return peer.call("action", {"name": "capture-stop", "input": {"id": number}})


def interrupt(process: Process) -> str:
    """What it has said once it was interrupted."""
    process.signal_group(signal.SIGINT)
    check_equal(process.wait(10), 0, f"exit status: {process.output()}")
    return process.output()


class Taker:
    """A peer that captures into a socket of its own."""

    def __init__(self, world: World, daemon: Daemon, **request: Any) -> None:
        self.peer = Peer(daemon.socket)
        world.defer(self.peer.close)
        self.read, self.write = (end.detach() for end in socket.socketpair())
        world.defer(self.close)
        self.ask(self.write, request)
        os.close(self.write)
        self.write = -1
        self.id = self.peer.receive()["id"]

    def ask(self, descriptor: int, request: dict[str, Any]) -> None:
        self.peer.number += 1
        line = json.dumps({"jsonrpc": "2.0", "id": self.peer.number, "method": "action",
                           "params": {"name": "capture", "input": request}})
        socket.send_fds(self.peer.socket, [line.encode() + b"\n"], [descriptor])

    def rest(self) -> bytes:
        """All that comes until the end."""
        with os.fdopen(self.read, "rb") as stream:
            self.read = -1
            return stream.read()

    def close(self) -> None:
        for descriptor in (self.read, self.write):
            if descriptor >= 0:
                os.close(descriptor)
        self.read = self.write = -1


@suite.case("frames of a port are saved with its name, direction and time")
def saved(on: Lab) -> None:
    world, daemon = on
    path = world.dir / "p2.pcapng"
    process = capture(on, "p2", "-w", str(path))
    before = time.time()
    inject(daemon, "p1", LARGE)
    inject(daemon, "p2", TAGGED.replace("0007", "000a"))
    settle(daemon, "p2", 1)
    said = interrupt(process)
    check("2 frames captured, 0 lost" in said, said)
    check_equal(running(daemon), [], "captures that run")
    check_equal(path.stat().st_mode & 0o777, 0o600, "mode of the file")
    found = tshark(path)
    check_equal([(one.port, one.direction, one.length) for one in found],
                [("p2", "out", 1504), ("p2", "in", 78)], "what tshark sees")
    check(all(before - 1 < one.time < time.time() + 1 for one in found), f"times: {found}")
    lines = tcpdump(path)
    check("vlan 10" in lines[0] and len(lines) == 2, f"what tcpdump sees: {lines}")


@suite.case("frames of a bridge are there once, whatever the ports they come from")
def whole_bridge(on: Lab) -> None:
    world, daemon = on
    path = world.dir / "br0.pcapng"
    process = capture(on, "br0", "-w", str(path))
    inject(daemon, "p1", BROADCAST)
    daemon.ctl("port", "add", "p4", "type=fake", "bridge=br0", "vlan=10")
    inject(daemon, "p4", LARGE)
    settle(daemon, "p4", 1)
    interrupt(process)
    check_equal([(one.port, one.direction, one.length) for one in tshark(path)],
                [("p1", "in", 60), ("p4", "in", 1500)], "what tshark sees")


@suite.case("filter, length and number choose; the stream pipes into tcpdump")
def chosen(on: Lab) -> None:
    world, daemon = on
    path = world.dir / "piped.txt"
    shell = (f"{VSWITCHCTL} -s {daemon.socket} capture p1 rx -f 'ether proto 0x88b5 and len > 100'"
             f" -s 64 -c 3 -w - | tcpdump -nner - > {path}")
    process = world.spawn("pipe", ["sh", "-c", shell])
    wait_until("it runs", lambda: running(daemon))
    check_equal(running(daemon)[0]["filter"], "ether proto 0x88b5 and len > 100", "the filter")
    check_equal(running(daemon)[0]["user"], "root", "who asked")
    for frame in (BROADCAST, LARGE, BROADCAST):
        inject(daemon, "p1", frame, 2)
    inject(daemon, "p1", LARGE, 5)
    check_equal(process.wait(10), 0, process.output())
    lines = frame_lines(path.read_text())
    check_equal(len(lines), 3, f"lines of tcpdump: {lines}")
    check(all("length 1500" in line for line in lines), f"lengths: {lines}")
    check_equal(running(daemon), [], "captures that run")


@suite.case("lost frames say why, and where they came from")
def lost(on: Lab) -> None:
    world, daemon = on
    path = world.dir / "lost.pcapng"
    daemon.ctl("port", "set", "p3", "mtu=1000")
    process = capture(on, "br0", "drop", "-w", str(path))
    inject(daemon, "p2", TAGGED)
    inject(daemon, "p1", LARGE)
    wait_until("it is too long", lambda: daemon.ctl.drops("p3").get("mtu-exceeded"))
    inject(daemon, "p1", SOURCE + LARGE[12:])
    wait_until("it is its own", lambda: daemon.ctl.drops("p1").get("hairpin"))
    interrupt(process)
    check_equal([(one.port, one.direction, one.comment) for one in tshark(path)],
                [("p2", "in", "dropped: vlan-not-allowed"),
                 ("p3", "out", "dropped: mtu-exceeded, received from p1"),
                 ("p1", "in", "dropped: hairpin, to be sent to p1")], "what tshark sees")
    daemon.ctl("stats", "p1", "--clear")
    process = capture(on, "p3", "all", "-c", "1")
    inject(daemon, "p1", LARGE)
    check_equal(process.wait(10), 0, process.output())
    check("p3 drop 1500 bytes" in process.output() and "(dropped: mtu-exceeded" in process.output(),
          process.output())


@suite.case("a reader that stops reading loses frames, and holds up nobody")
def slow_reader(on: Lab) -> None:
    world, daemon = on
    before = daemon.ctl.counter("p1", "rx-packets")
    slow = Taker(world, daemon, port="p1", direction="rx")
    total = 0
    while not running(daemon) or int(running(daemon)[0]["lost"]) == 0:
        total += inject(daemon, "p1", LARGE, 1000)
        settle(daemon, "p1", before + total)
        daemon.ctl("fake", "collect", "p2")
        check(total < 30000, "nothing was lost")
    check_equal(daemon.ctl.drops("p1"), {}, "frames that p1 lost")
    other = capture(on, "p2", "rx", "-c", "1", among=2)
    inject(daemon, "p2", TAGGED)
    check_equal(other.wait(10), 0, other.output())
    path = world.dir / "slow.pcapng"
    with open(path, "wb") as file:
        reader = subprocess.Popen(["cat"], stdin=slow.read, stdout=file)
    slow.close()
    wait_until("all that there is was taken", lambda: int(running(daemon)[0]["packets"]) +
               int(running(daemon)[0]["lost"]) == total)
    counts = stop(daemon, slow.id)
    check_equal(reader.wait(20), 0, "exit status of the reader")
    check_equal(len(tshark(path)), int(counts["packets"]), "frames that came")
    check_equal(int(counts["packets"]) + int(counts["lost"]), total, "frames altogether")
    note(f"{counts['lost']} of {total} frames were lost")


@suite.case("it ends with its reader, its connection, its port and the daemon")
def endings(on: Lab) -> None:
    world, daemon = on
    for one in running(daemon):
        stop(daemon, one["id"])  # of a case that has failed
    taker = Taker(world, daemon, port="p1")
    taker.close()
    wait_until("gone with its reader", lambda: not running(daemon))
    taker = Taker(world, daemon, port="p1")
    inject(daemon, "p1", BROADCAST)
    wait_until("it is taken", lambda: running(daemon)[0]["packets"] == "1")
    taker.peer.close()
    path = world.dir / "cut.pcapng"
    path.write_bytes(taker.rest())
    check_equal(len(tshark(path)), 1, "frames before the connection closed")
    wait_until("gone with its connection", lambda: not running(daemon))
    shown = capture(on, "p3")
    daemon.ctl("port", "del", "p3")
    check_equal(shown.wait(10), 0, shown.output())
    check("0 frames captured, 0 lost" in shown.output(), shown.output())
    with Peer(daemon.socket) as peer:
        try:
            peer.call("action", {"name": "capture-stop", "input": {"id": taker.id}})
        except Fault as fault:
            check(f"no capture {taker.id} runs" in fault.text, str(fault))
        else:
            raise AssertionError("it was stopped twice")


@suite.case("without a descriptor the stream comes as events to the peer that asked")
def as_events(on: Lab) -> None:
    world, daemon = on
    peer = Peer(daemon.socket)
    world.defer(peer.close)
    lines = peer.socket.makefile("r")
    peer.send("action", {"name": "capture", "input": {"port": "p1", "count": 3}})
    number = json.loads(lines.readline())["result"]["id"]
    inject(daemon, "p1", LARGE, 3)
    stream = b""
    path = world.dir / "events.pcapng"
    wait_until("it has ended", lambda: not running(daemon))
    peer.send("ping")
    while (message := json.loads(lines.readline())).get("method") == "event":
        check_equal((message["params"]["topic"], message["params"]["id"]), ("capture", number), "event")
        stream += base64.b64decode(message["params"]["data"])
    path.write_bytes(stream)
    check_equal([one.length for one in tshark(path)], [1500] * 3, "what tshark sees")


def refused(daemon: Daemon, text: str, descriptor: int = -1, **request: Any) -> None:
    with Peer(daemon.socket) as peer:
        try:
            if descriptor >= 0:
                Taker.ask(_Asker(peer), descriptor, request)
                peer.receive()
            else:
                peer.call("action", {"name": "capture", "input": request})
        except Fault as fault:
            check(text in fault.text, f"{request}: {fault}")
            return
    raise AssertionError(f"{request} was not refused")


class _Asker(Taker):
    def __init__(self, peer: Peer) -> None:  # pylint: disable=super-init-not-called
        self.peer = peer


@suite.case("what cannot be captured is refused by name")
def refusals(on: Lab) -> None:
    world, daemon = on
    refused(daemon, "there is no port 'p9'", port="p9")
    refused(daemon, "give one of 'port' and 'bridge'")
    refused(daemon, "give one of 'port' and 'bridge'", port="p1", bridge="br0")
    refused(daemon, "none of rx, tx, both, drop and all", port="p1", direction="up")
    refused(daemon, "no word of a filter", port="p1", filter="host www.example.org")
    refused(daemon, "the filter is wrong", port="p1", filter="udp port")
    refused(daemon, "number from 16", port="p1", snaplen=3)
    refused(daemon, "has no member 'file'", port="p1", file="/etc/passwd")
    path = world.dir / "file"
    with open(path, "wb") as file:
        refused(daemon, "must be a UNIX stream socket's", file.fileno(), port="p1")
    # to write to these waits for whoever holds their lock
    read, write = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as server, \
            socket.create_connection(server.getsockname()) as tcp:
        for descriptor in (read, write, tcp.fileno()):
            refused(daemon, "must be a UNIX stream socket's", descriptor, port="p1")
    os.close(read)
    os.close(write)
    check_equal(path.stat().st_size, 0, "bytes in the file")
    refusal = daemon.ctl.refused("capture", "p9")
    check("there is no port or bridge 'p9'" in refusal.text, refusal.text)
    refusal = daemon.ctl.refused("capture", "p1", "-s", "1")
    check_equal(refusal.status, 2, refusal.text)
    takers = [Taker(world, daemon, port="p1") for _ in range(16)]
    refused(daemon, "16 captures run already", port="p1")
    check_equal(len(running(daemon)), 16, "captures that run")
    for taker in takers:
        taker.peer.close()
    wait_until("all have ended", lambda: not running(daemon))


@suite.case("from afar the stream comes over TLS, to who may operate")
def over_tls(on: Lab) -> None:
    world, _ = on
    far = Remote(world)
    far.daemon.ctl("bridge", "add", "br0")
    far.daemon.ctl("port", "add", "p1", "type=fake", "bridge=br0")
    path = world.dir / "far.pcapng"

    def ask(who: Certificate) -> Process:
        return world.spawn("far", [
            VSWITCHCTL, "-s", f"127.0.0.1:{far.port}", "--cert", who.certificate, "--key", who.key,
            "--ca", far.ca.certificate, "capture", "p1", "rx", "-c", "400", "-w", path])

    reader = ask(far.reader)
    check_equal(reader.wait(10), 1, reader.output())
    check("needs role operate" in reader.output(), reader.output())
    process = ask(far.operator)
    wait_until("it runs", lambda: running(far.daemon) or not process.alive())
    sent = 0
    while sent < 400:
        sent += inject(far.daemon, "p1", LARGE, 400 - sent)
    check_equal(process.wait(20), 0, process.output())
    check("400 frames captured, 0 lost" in process.output(), process.output())
    check_equal({one.length for one in tshark(path)}, {1500}, "what tshark sees")


@suite.case("a daemon that stops ends the stream as it should")
def daemon_stops(on: Lab) -> None:
    world, daemon = on
    path = world.dir / "last.pcapng"
    before = daemon.ctl.counter("p1", "rx-packets")
    process = capture(on, "p1", "rx", "-w", str(path))
    inject(daemon, "p1", LARGE, 5)
    settle(daemon, "p1", before + 5)
    status, _ = daemon.terminate()
    check_equal(status, 0, "exit status of the daemon")
    check_equal(process.wait(10), 0, process.output())
    check("5 frames captured, 0 lost" in process.output(), process.output())
    check_equal(len(tshark(path)), 5, "frames")


if __name__ == "__main__":
    suite.main()
