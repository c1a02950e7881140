#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Random edits against an intended tree: after each, get config is that tree.

VSW_SECONDS says for how long (10 by default), VSW_SEED with which seed; a soak is
VSW_SECONDS=3600 tests/system/test_config_random.py.
"""

import copy
import os
import time

from harness import Daemon, Fault, Peer, Suite, World, check, check_equal, note
from harness.twin import Author, Bad, Tree, apply, empty, of_config, wire

SECONDS = float(os.environ.get("VSW_SECONDS", "10"))
SEED = int(os.environ.get("VSW_SEED", str(time.time_ns() % 1000000)))
CONFLICT = -32003
LONG = 1000  # seconds; a confirm-timeout that does not end within the test

suite = Suite("config_random")


class Lab:
    """A daemon, the tree that it should have, and the revisions that there were."""

    def __init__(self, world: World, seed: int) -> None:
        note(f"VSW_SEED={seed}")
        self.daemon = Daemon(world)
        self.peer = Peer(self.daemon.socket)
        self.author = Author(seed)
        self.pick = self.author.random.random
        self.tree = empty()
        self.revision = 0
        self.kept: dict[int, Tree] = {}
        self.counts = {"taken": 0, "refused": 0, "rollbacks": 0, "provisional": 0, "restarts": 0}

    def same(self, what: object) -> None:
        """get config is the intended tree."""
        check_equal(of_config(self.peer.config()), self.tree, f"the configuration after {what}")

    def took(self, result: dict, tree: Tree, what: object) -> None:
        """An edit was taken: its revision is the next one if it changed anything."""
        changed = tree != self.tree
        check_equal(bool(result["changes"]), changed, f"changes of {what}: {result}")
        check_equal(result["revision"], self.revision + changed, f"the revision after {what}")
        self.revision = result["revision"]
        self.tree = tree
        self.kept[self.revision] = tree

    def edit(self) -> None:
        """One random edit, maybe as a dry run first."""
        edits = self.author.edit()
        sent = [wire(edit) for edit in edits]
        try:
            wanted: Tree | None = apply(self.tree, edits)
        except Bad:
            wanted = None
        dry_run = self.pick() < 0.1
        try:
            result = self.peer.edit(sent, **({"dry_run": True} if dry_run else {}))
        except Fault as fault:
            check(wanted is None or (dry_run and fault.path), f"{sent} was refused: {fault}")
            self.counts["refused"] += 1
        else:
            check(wanted is not None or dry_run, f"{sent} was taken")
            if not dry_run:
                self.took(result, wanted, sent)
                self.counts["taken"] += 1
        self.same(sent)

    def rollback(self) -> None:
        """To a revision that there was."""
        if self.revision not in self.kept:
            return
        revision = self.author.random.choice([r for r in self.kept if r > self.revision - 50])
        result = self.peer.call("rollback", {"revision": revision})
        self.took(result, self.kept[revision], f"rollback to {revision}")
        self.same(f"rollback to {revision}")
        self.counts["rollbacks"] += 1

    def provisional(self) -> None:
        """Edits that are taken back, or kept after all."""
        before, tree = self.tree, self.tree
        taken = 0
        for _ in range(1 + self.author.random.randrange(3)):
            edits = self.author.edit()
            try:
                tree = apply(tree, edits)
            except Bad:
                continue
            result = self.peer.edit([wire(edit) for edit in edits], confirm_timeout=LONG)
            self.took(result, tree, edits)
            taken += "confirm-by" in result
            self.same(edits)
        if not taken:
            return
        self.counts["provisional"] += 1
        if self.pick() < 0.5:
            self.peer.call("confirm")
        else:
            result = self.peer.call("rollback")
            self.took(result, before, "taking back provisional edits")
        self.same("the end of provisional edits")
        self.revision = self.peer.edit([])["revision"]
        self.kept[self.revision] = self.tree

    def restart(self) -> None:
        """After kill -9, or a clean end, the configuration is what it was."""
        self.peer.close()
        if self.pick() < 0.5:
            self.daemon.kill()
        else:
            check_equal(self.daemon.terminate()[0], 0, "exit status")
        self.daemon.start()
        self.peer = Peer(self.daemon.socket)
        self.same("a restart")
        check_equal(self.peer.edit([])["revision"], self.revision, "the revision")
        self.counts["restarts"] += 1


@suite.case("random edits, rollbacks, provisional edits and restarts", timeout=int(SECONDS) + 60)
def random_edits(world: World) -> None:
    lab = Lab(world, SEED)
    end = time.monotonic() + SECONDS
    rounds = 0
    while time.monotonic() < end:
        rounds += 1
        lab.edit()
        if lab.pick() < 0.03:
            lab.rollback()
        if lab.pick() < 0.03:
            lab.provisional()
        if rounds % 300 == 0:
            lab.restart()
    lab.restart()
    note(f"{rounds} rounds, revision {lab.revision}: {lab.counts}")
    check(lab.counts["taken"] > rounds / 20 and lab.counts["refused"] > rounds / 20,
          f"too few of one kind: {lab.counts}")


@suite.case("two writers: one wins, the other is told the revision", timeout=60)
def two_writers(world: World) -> None:
    lab = Lab(world, SEED)
    other = Peer(lab.daemon.socket)
    wins = {"first": 0, "second": 0}
    path = "/vswitch:vswitch/system/description"
    for number in range(200):
        base = lab.peer.edit([])["revision"]
        pair = [("first", lab.peer), ("second", other)]
        lab.author.random.shuffle(pair)
        for name, peer in pair:
            peer.send("edit", {"base-revision": base, "edits": [
                {"op": "replace", "path": path, "value": f"{name} {number}"}]})
        outcomes = {}
        for name, peer in pair:
            try:
                outcomes[name] = peer.receive()["revision"]
            except Fault as fault:
                check_equal(fault.code, CONFLICT, f"the code of {fault}")
                check(str(base + 1) in fault.text, f"the revision is not named: {fault}")
        check_equal(list(outcomes.values()), [base + 1], "revisions of those who won")
        winner = next(iter(outcomes))
        wins[winner] += 1
        check_equal(lab.peer.config()["system"]["description"], f"{winner} {number}", "content")
    note(f"wins: {wins}")


@suite.case("the twin is able to find a difference", timeout=60)
def twin_differs(world: World) -> None:
    lab = Lab(world, SEED)
    lab.tree = copy.deepcopy(lab.tree)
    lab.tree["system"]["description"] = "never set"
    try:
        lab.same("nothing")
    except AssertionError:
        return
    raise AssertionError("a wrong tree was not noticed")


if __name__ == "__main__":
    suite.main()
