#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Whoever may open the control socket may send anything: an error, or the end of that connection,
and nobody else notices. After each case an innocent peer is answered in time, and the daemon has
not grown."""

import itertools
import json
import re
import sys
import time
from collections.abc import Iterator
from typing import Any

from harness import Daemon, Suite, World, check, check_equal, note
from harness.bytes_peer import PATIENCE, BytesPeer as Peer, request
from harness.paths import ROOT

sys.path.insert(0, str(ROOT / "tools" / "lint"))

from yang import Statement, parse  # noqa: E402

LIMIT = -32001
PEERS_MAX = 256  # docs/control.md
LINE_MAX = 16 << 20
GROWTH_MAX = 48 << 10  # KiB of resident memory, over all cases: a line at its limit, parsed, fits
OUTPUT_MAX = 8 << 10  # KiB that may wait for a peer
ROOT_NAME = "vswitch:vswitch"
ROOT_PATH = "/" + ROOT_NAME

HUGE = 2**70
VALUES: list[Any] = [None, True, False, 0, -1, 1.5, 2**31, 2**62, HUGE, "", "x", "0", "/",
                     ROOT_PATH, "x" * 70000, "\u00e4\U0001f600", [], [[]], [None], ["x", 1], {},
                     {"": {}}, {"path": 1}, [[[[[[]]]]]]]


class Lab:
    """A daemon with a bystander: a connection from before, which is not to notice anything."""

    def __init__(self, world: World) -> None:
        self.daemon = Daemon(world)
        self.daemon.ctl("bridge", "add", "br0")
        self.daemon.ctl("port", "add", "p1", "type=fake", "bridge=br0")
        self.bystander = Peer(self.daemon)
        # what is allocated once, such as the room for a line at its limit, is no growth
        self.flood()
        self.unharmed("the first flood")
        self.memory = self.daemon.status("VmRSS")

    def flood(self) -> None:
        with Peer(self.daemon) as peer:
            peer.send(b'{"jsonrpc":"2.0","id":1,"method":"ping","x":"' + b"y" * (LINE_MAX - 4096)
                      + b'"}\n')
            peer.answer()

    def unharmed(self, what: str) -> None:
        """The daemon answers old friends and new ones."""
        for peer in (self.bystander, Peer(self.daemon)):
            start = time.monotonic()
            check("result" in peer.call("ping", {}), f"no pong after {what}")
            seconds = time.monotonic() - start
            check(seconds < PATIENCE, f"{seconds:.1f} s for a ping after {what}")
            if peer is not self.bystander:
                peer.socket.close()
        check(self.daemon.process and self.daemon.process.alive(), f"it died of {what}")

    def flat(self, waiting: int = 0) -> None:
        """It has not grown, but for what may wait for so many peers."""
        memory = self.daemon.status("VmRSS")
        note(f"resident memory {self.memory} KiB before, {memory} KiB now")
        check(memory < self.memory + GROWTH_MAX + waiting * OUTPUT_MAX, f"it grew by {memory - self.memory} KiB")


suite = Suite("rpc_hostile", Lab)


def refused_with(on: Lab, data: bytes, code: int) -> None:
    """These bytes are answered with this code, at once or after the connection's end."""
    with Peer(on.daemon) as peer:
        peer.send(data)
        answer = peer.answer()
        check_equal(answer["error"]["code"], code, f"code for {data[:60]!r}")
        check(answer["error"]["message"], "an error without words")


@suite.case("a line of 64 MiB, and one that never ends")
def long_line(on: Lab) -> None:
    for end in (b"\n", b""):
        with Peer(on.daemon) as peer:
            for _ in range(64):
                if not peer.send(b"x" * (1 << 20)):
                    break
            peer.send(end)
            answer = peer.answer()
            check_equal(answer["error"]["code"], LIMIT, "code")
            check(peer.line() is None, "the connection lives on")
        on.unharmed("a long line")
    on.flat()


@suite.case("arrays and objects 100,000 deep")
def deep(on: Lab) -> None:
    for piece in (b"[", b'{"a":', b'[{"a":['):
        refused_with(on, piece * 100_000 + b"\n", LIMIT)
        refused_with(on, b'{"jsonrpc":"2.0","id":1,"method":"get","params":' + piece * 100_000
                     + b"\n", LIMIT)
    depth = b"[" * 63 + b"]" * 63
    with Peer(on.daemon) as peer:
        peer.send(depth + b"\n")
        check("error" in json.dumps(peer.answer()), "deep arrays are no request")
    on.unharmed("depth")
    on.flat()


@suite.case("half lines, and peers that go in the middle of one")
def half_lines(on: Lab) -> None:
    whole = request("get", {"path": "/"})
    for cut in itertools.islice(itertools.cycle(range(1, len(whole))), 1000):
        with Peer(on.daemon) as peer:
            peer.send(whole[:cut])
    with Peer(on.daemon) as peer:
        for byte in whole:
            peer.send(bytes([byte]))
        check("result" in peer.answer(), "a line in single bytes is a line")
    on.unharmed("half lines")
    on.flat()


@suite.case("1,000 connections that say nothing")
def idle(on: Lab) -> None:
    peers = []
    refused = 0
    try:
        for _ in range(1000):
            peers.append(Peer(on.daemon))
        for peer in peers[PEERS_MAX:]:
            line = peer.line()
            check(line is not None, "hung up without a word")
            error = json.loads(line)["error"]
            check_equal(error["code"], LIMIT, "code")
            check(str(PEERS_MAX) in error["message"], error["message"])
            refused += 1
        # those that were there before go on
        check("result" in on.bystander.call("ping", {}), "the bystander was cut off")
        check("result" in peers[0].call("ping", {}), "the first of them was cut off")
    finally:
        for peer in peers:
            peer.socket.close()
    note(f"{refused} of 1000 were told that there are enough")
    for _ in range(50):
        with Peer(on.daemon) as peer:
            if "result" in peer.call("ping", {}):
                break
        time.sleep(0.1)
    on.unharmed("idle connections")
    on.flat()


def methods() -> Iterator[tuple[str, list[str]]]:
    """Names of methods and of their params, from the table that documents them."""
    for row in re.findall(r"^\| (`.*)$", (ROOT / "docs" / "control.md").read_text(), re.MULTILINE):
        cells = row.split("|")
        if len(cells) < 3:
            continue
        for name in re.findall(r"`([a-z-]+)`", cells[0]):
            yield name, re.findall(r"`([a-z-]+)`", cells[1])


@suite.case("every JSON type in every param of every method")
def all_params(on: Lab) -> None:
    table = [pair for pair in methods() if pair[0] not in ("punt", "sample", "port", "overflow")]
    names = {name for name, _ in table}
    check({"get", "edit", "action", "program", "subscribe", "ping"} <= names, f"not all: {names}")
    calls = 0
    for name, params in table:
        tries: list[Any] = list(VALUES)
        for param, value in itertools.product([*params, "nix"], VALUES):
            tries.append({param: value})
            tries.append({"path": "/", "bridge": "br0", "name": "fdb-flush", "edits": [],
                          "topics": ["port"], param: value})
        with Peer(on.daemon) as peer:
            for value in tries:
                peer.send(request(name, value))
                line = peer.line()
                if line is None:
                    raise AssertionError(f"{name} {str(value)[:100]}: it hung up")
                while "method" in json.loads(line):  # an event
                    line = peer.line() or b"{}"
                answer = json.loads(line)
                check(("error" in answer) != ("result" in answer), f"{name}: {answer}")
                calls += 1
        check(on.daemon.process and on.daemon.process.alive(), f"it died of {name}")
    note(f"{calls} calls of {len(names)} methods")
    on.unharmed("wrong params")
    on.flat()


def leaves(node: Statement, path: str) -> Iterator[str]:
    """Paths of all nodes that can be configured, below a node."""
    for child in node.children:
        if child.has("config", "false"):
            continue
        below = f"{path}/{child.argument}"
        if child.keyword in ("leaf", "leaf-list"):
            yield below
        elif child.keyword == "container":
            yield below
            yield from leaves(child, below)
        elif child.keyword == "list":
            yield below
            keys = next(c.argument for c in child.children if c.keyword == "key").split()
            entry = below + "".join(f"[{key}='{key_value(key)}']" for key in keys)
            yield entry
            yield from leaves(child, entry)


def key_value(key: str) -> str:
    """Something that such a key may be, so that the values are what is wrong."""
    return {"mac": "52:54:00:00:00:01"}.get(key, "br0" if key == "name" else "1")


def nodes(on: Lab) -> list[str]:
    """Paths of all nodes that can be configured, their keys filled in."""
    module = next(parse(on.daemon.call("schema")["result"]["yang"]).find("module"))
    paths = list(leaves(next(module.find("container", "vswitch")), ROOT_PATH))
    check(len(paths) > 80, f"only {len(paths)} nodes in the schema")
    return paths


def try_edits(on: Lab, edits: list[dict[str, Any]], dry_run: bool) -> int:
    """Each by itself, in batches; how many were accepted. A refusal has words."""
    accepted = 0
    with Peer(on.daemon) as peer:
        for start in range(0, len(edits), 100):
            batch = [json.loads(request("edit", {"edits": [edit], "dry-run": dry_run}, number))
                     for number, edit in enumerate(edits[start:start + 100])]
            peer.send(json.dumps(batch).encode() + b"\n")
            answers = peer.answer()
            check_equal(len(answers), len(batch), "answers of a batch")
            for answer in answers:
                error = answer.get("error")
                check(error is None or error["data"]["error-message"], f"no words: {answer}")
                check(error is None or "nternal error" not in str(error), f"{answer}")
                accepted += error is None
    return accepted


@suite.case("every JSON type in every node of the schema")
def all_leaves(on: Lab) -> None:
    paths = nodes(on)
    before = on.daemon.call("get", {"path": "/", "content": "config"})["result"]
    edits = [{"op": op, "path": path, "value": value}
             for path in paths for op in ("merge", "replace") for value in VALUES
             if value != HUGE]  # which is no number of ours, and the whole line so no JSON
    edits += [{"op": "create", "path": f"{path}[.='x']"} for path in paths]
    accepted = try_edits(on, edits, dry_run=True)
    note(f"{len(edits)} edits of {len(paths)} nodes, {accepted} of them right")
    after = on.daemon.call("get", {"path": "/", "content": "config"})["result"]
    check_equal(after, before, "the configuration after dry runs")
    on.unharmed("wrong values")
    on.flat()


@suite.case("every JSON type in every leaf of a bridge and a port that are there, in earnest")
def real_leaves(on: Lab) -> None:
    root = {"op": "replace", "path": ROOT_PATH}
    before = on.daemon.call("get", {"path": "/", "content": "config"})["result"]
    paths = [path.replace("/port[name='br0']", "/port[name='p1']") for path in nodes(on)]
    edits = [{"op": "merge", "path": path, "value": value} for path in paths
             if re.search(r"/(bridge|port)\[.*\]/", path) for value in VALUES if value != HUGE]
    accepted = try_edits(on, edits, dry_run=False)
    note(f"{len(edits)} edits, {accepted} of them right")
    check("error" not in on.daemon.call("edit", {"edits": [{**root, "value": before[ROOT_NAME]}]}),
          "the configuration of before is refused")
    after = on.daemon.call("get", {"path": "/", "content": "config"})["result"]
    check_equal(after, before, "the configuration that was put back")
    on.unharmed("wrong values in earnest")
    on.flat()


@suite.case("every JSON type in every input of every action")
def all_inputs(on: Lab) -> None:
    module = next(parse(on.daemon.call("schema")["result"]["yang"]).find("module"))
    tries = 0
    for rpc in (child for child in module.children if child.keyword == "rpc"):
        inputs = [leaf.argument for side in rpc.children if side.keyword == "input"
                  for leaf in side.children if leaf.keyword in ("leaf", "leaf-list", "container",
                                                                "list")]
        with Peer(on.daemon) as peer:
            for leaf, value in itertools.product([*inputs, "nix"], VALUES):
                peer.send(request("action", {"name": rpc.argument,
                                             "input": {"bridge": "br0", "port": "p1", leaf: value}}))
                line = peer.line()
                check(line is not None, f"{rpc.argument} {leaf}: it hung up")
                tries += 1
    note(f"{tries} actions")
    on.unharmed("wrong inputs")
    on.flat()


@suite.case("what is no JSON, no text, or said twice")
def no_json(on: Lab) -> None:
    parse_error, invalid = -32700, -32600
    for line in (b"", b"{", b"nix", b"\x00", b'{"a":"\x00"}', b'"\xff\xfe"', b"\xc3\x28",
                 b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', b'["\\u0000"]',
                 b'{"jsonrpc":"2.0","id":1,"method":"p\\u0000ing"}', b'["\\ud800"]', b"1e999",
                 b"\xef\xbb\xbf{}", b"[1,]", b"[" + b"9" * 5000 + b"]"):
        with Peer(on.daemon) as peer:
            peer.send(line + b"\n" + request("ping", {}, "last"))
            first = peer.answer()
            if line.strip():
                one = first[0] if isinstance(first, list) else first
                check(one["error"]["code"] in (parse_error, invalid), f"{line!r}: {first}")
                first = peer.answer()
            check_equal(first["id"], "last", f"the answer behind {line!r}")
    on.unharmed("what is no JSON")


@suite.case("batches: of notifications, of nothing, of 100,000")
def batches(on: Lab) -> None:
    note_one = {"jsonrpc": "2.0", "method": "ping"}
    with Peer(on.daemon) as peer:
        peer.send(json.dumps([note_one] * 100_000).encode() + b"\n" + request("ping", {}, "behind"))
        answer = peer.answer()
        check(isinstance(answer, dict), f"notifications were answered: {str(answer)[:200]}")
    on.unharmed("a batch of notifications")
    with Peer(on.daemon) as peer:
        peer.send(b"[]\n")
        check_equal(peer.answer()["error"]["code"], -32600, "code of an empty batch")
        peer.send(json.dumps([1] * 100_000).encode() + b"\n")
        line = peer.line()
        check(line is None or b"error" in line, "100,000 numbers are no requests")
    on.unharmed("a batch of numbers")
    on.flat()


@suite.case("a peer that asks and does not read is held back, alone")
def slow_reader(on: Lab) -> None:
    with Peer(on.daemon) as peer:
        peer.socket.settimeout(0.5)
        sent = 0
        try:
            for _ in range(2000):
                peer.socket.sendall(request("schema", {}))
                sent += 1
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            pass
        on.unharmed("a slow reader")
        on.flat()
        peer.socket.settimeout(PATIENCE)
        lines = 0
        while lines < sent and peer.line() is not None:
            lines += 1
        note(f"{sent} schemas were asked for, {lines} came")
    on.unharmed("the end of a slow reader")


@suite.case("requests without end from eight peers do not starve the ninth")
def greedy(on: Lab) -> None:
    peers = [Peer(on.daemon) for _ in range(8)]
    try:
        for peer in peers:
            peer.socket.setblocking(False)
        end = time.monotonic() + 3
        data = request("get", {"path": "/"}) * 50
        while time.monotonic() < end:
            for peer in peers:
                try:
                    peer.socket.send(data)
                    while peer.socket.recv(1 << 20):
                        pass
                except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                    pass
            on.unharmed("greedy peers")
    finally:
        for peer in peers:
            peer.socket.close()
    on.unharmed("greedy peers that went")
    on.flat(waiting=len(peers))


@suite.case("it ends well after all that")
def ends(on: Lab) -> None:
    status, _ = on.daemon.terminate()
    check_equal(status, 0, "exit status of the daemon")


if __name__ == "__main__":
    suite.main()
