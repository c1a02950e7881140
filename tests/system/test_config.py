#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Transactions from the outside: each command of vswitchctl config, provisional edits that take
themselves back, devices included, and drivers that fail in the middle of an edit."""

import json
import time
from pathlib import Path
from typing import Any

from harness import Daemon, Fault, Peer, Suite, World, check, check_equal, note, ping, tap
from harness.proc import run, wait_until

ROOT = "/vswitch:vswitch"

suite = Suite("config")


def contains(text: str, *needles: str) -> None:
    """All of these are in the text."""
    for needle in needles:
        check(needle in text, f"{needle!r} is not in: {text}")


def kernel_mtu(ifname: str) -> int:
    """Of an interface in the host's namespace."""
    return int(Path(f"/sys/class/net/{ifname}/mtu").read_text())


# --- the commands -------------------------------------------------------------------------------


@suite.case("config history, diff and rollback")
def revisions(world: World) -> None:
    ctl = Daemon(world).ctl
    contains(ctl("config", "history"), "no revisions yet")
    ctl("bridge", "add", "br0", "--comment", "first things first")
    ctl("port", "add", "f1", "type=fake", "bridge=br0")
    ctl("port", "set", "f1", "mtu=9000", "--comment", "jumbo")
    contains(ctl("config", "history"), "first things first", "jumbo", "root")
    history = ctl.json("config", "history")["revisions"]
    check_equal([entry["revision"] for entry in history], [3, 2, 1], "revisions")
    check_equal([entry["changes"] for entry in history], [1, 1, 1], "numbers of changes")
    check_equal(history[0]["comment"], "jumbo", "comment")
    check_equal(len(ctl.json("config", "history", "--limit", "1")["revisions"]), 1, "limited")
    contains(ctl("config", "diff"), "~ port f1: mtu", "-> 9000")
    contains(ctl("config", "diff", "1"), "+ port f1", "mtu 9000")
    contains(ctl("config", "diff", "3", "1"), "- port f1")
    contains(ctl("config", "rollback", "1", "--dry-run"), "- port f1", "dry run")
    check_equal(ctl.port("f1")["mtu"], 9000, "mtu after a dry run")
    ctl("config", "rollback", "1", "--comment", "no jumbo")
    check_equal(ctl.ports(), {}, "ports after the rollback")
    ctl("config", "rollback")
    check_equal(ctl.port("f1")["mtu"], 9000, "mtu after going back again")
    check_equal(ctl.json("config", "history")["revisions"][0]["revision"], 5, "revision")
    contains(ctl("config", "diff", "3"), "no difference")
    contains(ctl.refused("config", "rollback", "77").text, "77")
    contains(ctl.refused("config", "diff", "77").text, "77")


@suite.case("config save, check, diff FILE and load")
def files(world: World) -> None:
    ctl = Daemon(world).ctl
    path = world.dir / "saved.json"
    ctl("bridge", "add", "br0")
    ctl("port", "add", "f1", "type=fake", "bridge=br0")
    ctl("config", "save", str(path))
    saved = json.loads(path.read_text())
    check_equal(json.loads(ctl("config", "save")), saved, "what goes to standard output")
    check_equal(ctl("config", "diff", str(path)), "no difference\n", "diff")
    ctl("port", "set", "f1", "mtu=2000")
    ctl("port", "add", "f2", "type=fake")
    contains(ctl("config", "check", str(path)), "is valid")
    contains(ctl("config", "diff", str(path)), "- port f2", "~ port f1: mtu 2000 ->")
    contains(ctl("config", "load", str(path), "--dry-run"), "port f2", "nothing was changed")
    check_equal(len(ctl.ports()), 2, "ports after a dry run")
    ctl("config", "load", "--merge", str(path))
    check_equal(len(ctl.ports()), 2, "ports after a merge")
    ctl("config", "load", str(path), "--comment", "as saved")
    check_equal(list(ctl.ports()), ["f1"], "ports after loading")
    saved["vswitch:vswitch"]["port"][0]["mtu"] = 5
    path.write_text(json.dumps(saved))
    for verb in ("check", "load", "diff"):
        contains(ctl.refused("config", verb, str(path)).text, "mtu", "68")


@suite.case("config edit: operations of a file, as one edit")
def edit_file(world: World) -> None:
    ctl = Daemon(world).ctl
    path = world.dir / "edits.json"
    edits = [{"op": "create", "path": f"{ROOT}/bridge[name='br0']"},
             {"op": "create", "path": f"{ROOT}/port[name='f1']",
              "value": {"type": "fake", "bridge": "br0"}}]
    path.write_text(json.dumps(edits))
    contains(ctl("config", "edit", str(path), "--dry-run"), "+ bridge br0", "+ port f1")
    check_equal(ctl.ports(), {}, "ports after a dry run")
    ctl("config", "edit", str(path))
    check_equal(list(ctl.ports()), ["f1"], "ports")
    contains(ctl.refused("config", "edit", str(path)).text, "br0")


@suite.case("--dry-run says how each change is carried out")
def dry_run(world: World) -> None:
    ctl = Daemon(world).ctl
    ctl("port", "add", "f1", "type=fake")
    contains(ctl("port", "set", "f1", "mtu=1400", "--dry-run"),
             "~ port f1: mtu (unset) -> 1400 (live)")
    ctl("port", "set", "f1", "mtu=1500")
    contains(ctl("port", "set", "f1", "queues=2", "mtu=1300", "--dry-run"),
             "~ port f1: queues (unset) -> 2 (restart-port)", "~ port f1: mtu 1500 -> 1300 (live)")
    contains(ctl("port", "set", "f1", "mtu=1500", "--dry-run"), "dry run")
    contains(ctl.refused("port", "set", "f1", "mtu=5", "--dry-run").text, "68")
    check_equal(ctl.json("config", "history")["revisions"][0]["revision"], 2, "revision")


@suite.case("--base: who comes second is told what to do")
def base(world: World) -> None:
    ctl = Daemon(world).ctl
    ctl("bridge", "add", "br0", "--base", "0")
    contains(ctl.refused("bridge", "add", "br1", "--base", "0").text, "1", "config diff 0")
    ctl("bridge", "add", "br1", "--base", "1")


# --- provisional edits --------------------------------------------------------------------------


def tap_name(world: World) -> str:
    """A name for a tap in the host's namespace, which outlives its daemon but not the world."""
    ifname = world.name("t")
    world.defer(lambda: run(["ip", "link", "del", ifname], check=False) and None)
    return ifname


def tap_switch(world: World) -> tuple[Daemon, str]:
    """A switch with a tap in the host's namespace."""
    ifname = tap_name(world)
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    daemon.ctl("port", "add", "t1", "type=tap", f"ifname={ifname}", "bridge=br0", "mtu=1600")
    daemon.wait_port("t1")
    check_equal(kernel_mtu(ifname), 1600, "mtu of the interface")
    return daemon, ifname


@suite.case("an edit that nobody confirms takes itself back, devices too")
def takes_back(world: World) -> None:
    daemon, ifname = tap_switch(world)
    ctl = daemon.ctl
    before = ctl.json("config", "show")
    said = ctl("port", "set", "t1", "mtu=1400", "--confirm", "2")
    contains(said, "config confirm", "config rollback")
    check_equal(kernel_mtu(ifname), 1400, "mtu of the interface, provisionally")
    contains(ctl.refused("bridge", "add", "br7").text, "'vswitchctl config confirm' keeps it")
    path = world.dir / "before.json"
    path.write_text(json.dumps(before))
    contains(ctl("config", "check", str(path)), "is valid")
    ctl("port", "add", "f2", "type=fake", "bridge=br0", "--confirm", "2")
    check_equal(ctl.port("t1")["mtu"], 1400, "mtu, provisionally")
    wait_until("the edits are taken back", lambda: ctl.json("config", "show") == before, 10)
    check_equal(kernel_mtu(ifname), 1600, "mtu of the interface")
    check_equal(list(ctl.ports()), ["t1"], "ports")
    daemon.wait_port("t1")
    contains(ctl.refused("config", "confirm").text, "confirm")
    ctl("bridge", "add", "br7")


@suite.case("config confirm keeps provisional edits, config rollback takes them back now")
def confirm(world: World) -> None:
    daemon, ifname = tap_switch(world)
    ctl = daemon.ctl
    ctl("port", "set", "t1", "mtu=1400", "--confirm", "2")
    contains(ctl("config", "confirm"), "is kept")
    contains(ctl("config", "history"), "kept by root")
    time.sleep(2.5)
    check_equal(kernel_mtu(ifname), 1400, "mtu of the interface after the time")
    ctl("port", "set", "t1", "mtu=1300", "--confirm", "600", "--comment", "maybe")
    contains(ctl("config", "history"), "until", "maybe")
    ctl("config", "rollback")
    check_equal(kernel_mtu(ifname), 1400, "mtu of the interface after the rollback")
    check_equal(ctl.port("t1")["mtu"], 1400, "mtu after the rollback")
    daemon.kill()
    daemon.start()
    check_equal(ctl.port("t1")["mtu"], 1400, "mtu after kill -9")


@suite.case("kill -9 takes provisional edits back too")
def killed(world: World) -> None:
    daemon, ifname = tap_switch(world)
    ctl = daemon.ctl
    before = ctl.json("config", "show")
    ctl("port", "set", "t1", "mtu=1400", "--confirm", "600")
    ctl("bridge", "add", "br9", "--confirm", "600")
    daemon.kill()
    daemon.start()
    check_equal(ctl.json("config", "show"), before, "configuration after kill -9")
    daemon.wait_port("t1")
    check_equal(kernel_mtu(ifname), 1600, "mtu of the interface")
    ctl("port", "set", "t1", "mtu=1400", "--confirm", "600")
    check_equal(daemon.terminate()[0], 0, "exit status")
    daemon.start()
    check_equal(ctl.json("config", "show"), before, "configuration after SIGTERM")


# --- drivers that fail --------------------------------------------------------------------------


def everything(daemon: Daemon) -> dict[str, Any]:
    """Configuration and state, without what counts by itself."""
    tree = daemon.call("get")["result"]["vswitch:vswitch"]
    tree["system"] = {"description": tree["system"].get("description")}
    for entry in [*tree["bridge"], *tree["port"]]:
        for name in ("statistics", "flows", "latency", "fdb-entries"):
            entry.pop(name, None)
    return tree


@suite.case("a driver that fails in the middle of an edit: all is as before, traffic too")
def failing_driver(world: World) -> None:
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    daemon.ctl("port", "add", "f1", "type=fake", "bridge=br0")
    one, two = tap(world, daemon, "t1", "10.9.0.1"), tap(world, daemon, "t2", "10.9.0.2")
    ping(one, two)
    ifname = tap_name(world)
    daemon.ctl("port", "add", "t3", "type=tap", f"ifname={ifname}", "bridge=br0")
    daemon.wait_port("t3")
    before = everything(daemon)
    index = Path(f"/sys/class/net/{ifname}/ifindex").read_text()
    edits = [
        {"op": "create", "path": f"{ROOT}/bridge[name='br1']",
         "value": {"meter": [{"id": 1, "packet-rate": 5}]}},
        {"op": "create", "path": f"{ROOT}/acl[name='a']",
         "value": {"ace": [{"name": "x", "forwarding": "drop"}]}},
        {"op": "merge", "path": f"{ROOT}/port[name='t1']", "value": {"mtu": 1400, "acl-in": "a"}},
        {"op": "merge", "path": f"{ROOT}/port[name='f1']", "value": {"queues": 2}},
        {"op": "merge", "path": f"{ROOT}/port[name='t2']", "value": {"bridge": "br1"}},
        {"op": "replace", "path": f"{ROOT}/system/description", "value": "never"},
        {"op": "create", "path": f"{ROOT}/port[name='z']",
         "value": {"type": "af-packet", "ifname": "nosuchif0"}},
    ]
    with Peer(daemon.socket) as peer:
        try:
            peer.edit(edits)
            raise AssertionError("the edit was taken")
        except Fault as fault:
            note(str(fault))
            contains(fault.text, "nosuchif0")
            contains(fault.path, "port[name='z']")
    after = everything(daemon)
    check_equal(after, before, "configuration and state")
    check_equal(Path(f"/sys/class/net/{ifname}/ifindex").read_text(), index, "the interface")
    ping(one, two)
    # an edit that has to stop a device to make room opens it again
    edits[-1:] = [{"op": "delete", "path": f"{ROOT}/port[name='t3']"},
                  {"op": "create", "path": f"{ROOT}/port[name='t4']",
                   "value": {"type": "tap", "ifname": ifname}}, edits[-1]]
    with Peer(daemon.socket) as peer:
        try:
            peer.edit(edits)
            raise AssertionError("the edit was taken")
        except Fault as fault:
            note(str(fault))
    daemon.wait_port("t3")
    check_equal(everything(daemon)["bridge"], before["bridge"], "bridges")
    check_equal(sorted(daemon.ctl.ports()), ["f1", "t1", "t2", "t3"], "ports")
    check(Path(f"/sys/class/net/{ifname}").exists(), "the interface is gone")
    ping(one, two)
    run(["ip", "link", "show", ifname])


if __name__ == "__main__":
    suite.main()
