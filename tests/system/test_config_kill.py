#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 at random points of edits: after the next start the configuration is old or new, whole,
and never older than the last edit that was answered.

VSW_SECONDS says for how long (20 by default), VSW_SEED with which seed.
"""

import json
import os
import random
import signal
import time

from harness import Daemon, Fault, Peer, Suite, World, check, check_equal, note
from harness.proc import run

SECONDS = float(os.environ.get("VSW_SECONDS", "20"))
SEED = int(os.environ.get("VSW_SEED", str(time.time_ns() % 1000000)))
PORTS = 60
LONG = 1000  # seconds; a confirm-timeout that does not end within the test
ROOT = "/vswitch:vswitch"

suite = Suite("config_kill")


def numbered(number: int) -> list[dict]:
    """An edit that writes one number everywhere, and keeps one port of its own."""
    text = f"{number} " + "x" * 200
    edits = [{"op": "replace", "path": f"{ROOT}/port[name='p{i}']/description", "value": text}
             for i in range(PORTS)]
    edits.append({"op": "replace", "path": f"{ROOT}/bridge[name='br0']/description",
                  "value": text})
    edits.append({"op": "create", "path": f"{ROOT}/port[name='only{number}']",
                  "value": {"type": "fake", "description": text}})
    return edits


def number_of(config: dict) -> int:
    """The number that the configuration has everywhere; AssertionError if it is a mix."""
    ports = config.get("port", [])
    only = [port["name"] for port in ports if port["name"].startswith("only")]
    texts = {entry.get("description") for entry in [*ports, *config.get("bridge", [])]}
    check(len(texts) == 1 and len(only) == 1 and len(ports) == PORTS + 1,
          f"a mix: {sorted(str(text)[:8] for text in texts)}, {only}, {len(ports)} ports")
    number = int(texts.pop().split()[0])
    check_equal(only[0], f"only{number}", "the port that comes and goes")
    return number


class Victim:
    """A daemon, the last number that it answered, and the last that it was sent."""

    def __init__(self, world: World) -> None:
        note(f"VSW_SEED={SEED}")
        self.random = random.Random(SEED)
        self.daemon = Daemon(world)
        self.answered = self.sent = 0
        self.counts = {"old": 0, "new": 0, "provisional": 0, "at its end": 0, "edits": 0}
        with Peer(self.daemon.socket) as peer:
            peer.edit([{"op": "create", "path": f"{ROOT}/bridge[name='br0']"},
                       *({"op": "create", "path": f"{ROOT}/port[name='p{i}']",
                          "value": {"type": "fake", "bridge": "br0"}} for i in range(PORTS))])
            peer.edit(numbered(0))

    def write(self, peer: Peer, seconds: float) -> None:
        """Edit one after the other, and leave the last one unanswered."""
        end = time.monotonic() + seconds
        while True:
            previous, self.sent = self.sent, self.sent + 1
            gone = {"op": "delete", "path": f"{ROOT}/port[name='only{previous}']"}
            peer.send("edit", {"edits": [*numbered(self.sent), gone]})
            self.counts["edits"] += 1
            if time.monotonic() > end:
                time.sleep(self.random.random() * 0.012)
                return
            peer.receive()
            self.answered = self.sent

    def provisional(self, peer: Peer) -> None:
        """Edits that nobody confirms: the crash takes them back."""
        number = self.answered
        for _ in range(self.random.randrange(1, 4)):
            gone = {"op": "delete", "path": f"{ROOT}/port[name='only{number}']"}
            number += 1
            peer.edit([*numbered(number), gone], confirm_timeout=LONG)
        self.counts["provisional"] += 1

    def end(self) -> None:
        """SIGTERM, and kill -9 while it writes what it writes at a clean end."""
        os.kill(self.daemon.pid, signal.SIGTERM)
        time.sleep(self.random.random() * 0.03)
        self.counts["at its end"] += 1

    def survives(self) -> None:
        """Start again and look."""
        self.daemon.start()
        with Peer(self.daemon.socket) as peer:
            number = number_of(peer.config())
        check(self.answered <= number <= self.sent,
              f"{number}, though {self.answered} was answered and {self.sent} was sent")
        if self.sent > self.answered:
            self.counts["new" if number == self.sent else "old"] += 1
        self.answered = self.sent = number

    def round(self) -> None:
        """One crash."""
        with Peer(self.daemon.socket) as peer:
            pick = self.random.random()
            if pick < 0.2:
                self.provisional(peer)
            else:
                self.write(peer, self.random.random() * 0.1)
            if pick > 0.7:
                self.end()
            self.daemon.kill()
        self.survives()


@suite.case("kill -9 at random points leaves old or new, never a mix", timeout=int(SECONDS) + 60)
def kill_anywhere(world: World) -> None:
    victim = Victim(world)
    end = time.monotonic() + SECONDS
    rounds = 0
    while time.monotonic() < end:
        victim.round()
        rounds += 1
    note(f"{rounds} rounds: {victim.counts}")
    check_equal(victim.daemon.terminate()[0], 0, "exit status")
    saved = json.loads(victim.daemon.config.read_text())["vswitch:vswitch"]
    check_equal(number_of(saved), victim.answered, "the file after a clean end")


@suite.case("a mix would be found")
def finds_mix(_world: World) -> None:
    config = {"bridge": [{"description": "1 x"}],
              "port": [{"name": f"p{i}", "description": "1 x"} for i in range(PORTS)]}
    config["port"].append({"name": "only1", "description": "1 x"})
    check_equal(number_of(config), 1, "number")
    config["port"][3]["description"] = "2 x"
    try:
        number_of(config)
    except AssertionError:
        return
    raise AssertionError("a mix was not found")


@suite.case("a full disk refuses the edit, and the switch goes on", timeout=60)
def full_disk(world: World) -> None:
    daemon = Daemon(world, start=False)
    disk = daemon.dir / "disk"
    disk.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=256k", "vsw-test", disk])
    world.defer(lambda: run(["umount", "-l", disk], check=False) and None)
    daemon.config = disk / "config.json"
    daemon.start()
    with Peer(daemon.socket) as peer:
        peer.edit([{"op": "create", "path": f"{ROOT}/bridge[name='br0']"}])
        before = peer.config()
        fill = disk / "fill"
        with fill.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        value = {"description": "x" * 255}
        try:
            peer.edit([{"op": "create", "path": f"{ROOT}/bridge[name='n{i}']", "value": value}
                       for i in range(100)])
            raise AssertionError("the edit was taken")
        except Fault as fault:
            note(str(fault))
            check(str(disk) in fault.text, f"the file is not named: {fault}")
        check_equal(peer.config(), before, "the configuration")
        fill.unlink()
        peer.edit([{"op": "create", "path": f"{ROOT}/bridge[name='after']"}])
        before = peer.config()
    daemon.kill()
    daemon.start()
    with Peer(daemon.socket) as peer:
        check_equal(peer.config(), before, "the configuration after kill -9")


if __name__ == "__main__":
    suite.main()
