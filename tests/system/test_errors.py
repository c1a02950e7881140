#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a user can get wrong: refused with status 1, one sentence that names the thing and says what
would be right, the place in the configuration, and nothing changed."""

import grp
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

from harness import Daemon, Guest, Nic, Suite, World, check, check_equal, note
from harness.paths import VSWITCHCTL
from harness.proc import run

ETHDEV_LIMIT = 32


def lab(world: World) -> tuple[World, Daemon]:
    daemon = Daemon(world, memory=512)
    daemon.ctl("bridge", "add", "br0")
    return world, daemon


suite = Suite("errors", lab)


def refused(daemon: Daemon, words: str, *needles: str) -> str:
    """This command is refused with a message that has all needles, and changes nothing."""
    before = daemon.call("history")
    refusal = daemon.ctl.refused(*words.split())
    note(f"{words}: {refusal.text}")
    check_equal(refusal.status, 1, f"exit status of {words}")
    for needle in needles:
        check(needle in refusal.text, f"{needle!r} is not in the message: {refusal.text}")
    sentence, _, place = refusal.text.partition("\n")
    check(sentence and place.strip().startswith("at /vswitch:vswitch"),
          f"not a sentence and a place: {refusal.text}")
    check_equal(daemon.call("history"), before, "the revisions")
    return refusal.text


@suite.case("a socket path that the kernel cannot take")
def long_path(on: tuple[World, Daemon]) -> None:
    path = "/tmp/" + "x" * 110
    refused(on[1], f"port add a type=vhost-user bridge=br0 socket={path}", "107", "socket")


@suite.case("a socket path that is taken by a file or is in no folder")
def taken_path(on: tuple[World, Daemon]) -> None:
    path = on[0].dir / "file"
    path.write_text("precious")
    refused(on[1], f"port add a type=vhost-user bridge=br0 socket={path}", str(path))
    check_equal(path.read_text(), "precious", "the file")
    path = on[0].dir / "nowhere" / "a.sock"
    refused(on[1], f"port add a type=vhost-user bridge=br0 socket={path}", str(path.parent))


@suite.case("interfaces that do not exist or cannot be")
def no_interface(on: tuple[World, Daemon]) -> None:
    refused(on[1], "port add a type=af-packet bridge=br0 ifname=nosuchif0", "nosuchif0")
    refused(on[1], "port add a type=af-xdp bridge=br0 ifname=nosuchif0", "nosuchif0")
    refused(on[1], "port add a type=af-packet bridge=br0", "ifname")
    refused(on[1], "port add a type=tap bridge=br0 ifname=a-name-that-is-too-long", "15")


@suite.case("an interface that another port has, or that exists already")
def busy_device(on: tuple[World, Daemon]) -> None:
    world, daemon = on
    ours, theirs = world.veth()
    daemon.ctl("port", "add", "p1", "type=af-packet", f"ifname={ours}")
    refused(daemon, f"port add p2 type=af-packet ifname={ours}", ours, "p1")
    daemon.ctl("port", "del", "p1")
    refused(daemon, f"port add t1 type=tap ifname={theirs}", theirs)


@suite.case("a namespace that does not exist")
def no_netns(on: tuple[World, Daemon]) -> None:
    refused(on[1], "port add a type=tap bridge=br0 netns=nosuchns", "nosuchns")
    refused(on[1], "port add a type=tap bridge=br0 netns=/tmp/nosuchns", "/tmp/nosuchns")
    refused(on[1], "port add a type=tap bridge=br0 netns=4194399", "4194399")


@suite.case("names and values that the schema does not allow")
def schema(on: tuple[World, Daemon]) -> None:
    daemon = on[1]
    refused(daemon, "port add a type=fake bridge=nobridge", "nobridge")
    refused(daemon, "port add a type=fake mtu=67", "mtu", "68")
    refused(daemon, "port add a type=fake vlan=4095", "vlan", "4094")
    refused(daemon, "port add a/b type=fake", "name")
    refused(daemon, "port del nosuchport", "nosuchport")
    refused(daemon, "bridge del nosuchbridge", "nosuchbridge")
    daemon.ctl("port", "add", "f1", "type=fake", "bridge=br0")
    refused(daemon, "port add f1 type=fake", "f1")
    refused(daemon, "bridge del br0", "f1")
    refused(daemon, "port set f1 netns=x", "netns", "tap")
    daemon.ctl("port", "del", "f1")


@suite.case("a leaf that does not exist: the one that was meant is suggested")
def unknown_leaf(on: tuple[World, Daemon]) -> None:
    text = refused(on[1], "port add a type=fake mtuu=1500", "mtuu")
    check(re.search(r"\bmtu\b", text), text)


@suite.case("no daemon: status 3, the socket is named")
def no_daemon(on: tuple[World, Daemon]) -> None:
    path = on[0].dir / "nobody.sock"
    output = run(["sh", "-c", f"{VSWITCHCTL} -s {path} show; echo status $?"])
    check("status 3" in output and str(path) in output, output)
    check(f"Try: vswitchd --socket {path}" in output, f"no next command: {output}")


@suite.case("no right to the socket: the group to join is named")
def no_right(on: tuple[World, Daemon]) -> None:
    world, daemon = on
    world.dir.chmod(0o711)
    group = world.dir / "group.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(group))
        os.chown(group, 0, grp.getgrnam("daemon").gr_gid)
        group.chmod(0o660)
        refusal = as_nobody(world, group)
    check("Try: sudo usermod -aG daemon nobody, then log in again" in refusal, refusal)
    group.unlink()
    daemon.dir.chmod(0o750)  # hides the socket, as /run/vswitch does
    refusal = as_nobody(world, daemon.socket)
    check("Try: sudo usermod -aG vswitch nobody" in refusal, refusal)


def as_nobody(world: World, path: Path) -> str:
    """What `vswitchctl show` tells a user who may not; the program is where that user can read."""
    program = world.dir / "vswitchctl"
    shutil.copy(VSWITCHCTL, program)
    done = subprocess.run([program, "-s", path, "show"], user="nobody", group="nogroup",
                          extra_groups=[], capture_output=True, text=True, timeout=20, check=False)
    check_equal(done.returncode, 3, "exit status")
    check("no permission" in done.stderr, done.stderr)
    return done.stderr


@suite.case(f"port {ETHDEV_LIMIT + 1} of the kinds that DPDK limits")
def ethdev_limit(on: tuple[World, Daemon]) -> None:
    daemon = on[1]
    made = []
    text = ""
    try:
        for number in range(ETHDEV_LIMIT + 1):
            name = f"r{number}"
            reply = daemon.call("edit", {"edits": [
                {"op": "create", "path": f"/vswitch:vswitch/port[name='{name}']",
                 "value": {"type": "ring"}}]}, timeout=20)
            if "error" in reply:
                text = str(reply["error"])
                break
            made.append(name)
        note(f"{len(made)} ports, then: {text}")
        check(text, f"{len(made)} ring ports were accepted")
        check(len(made) >= 16, f"only {len(made)} ring ports were accepted: {text}")
        check("RTE_MAX_ETHPORTS" in text or str(ETHDEV_LIMIT) in text,
              f"the limit is not named: {text}")
    finally:
        for name in made:
            daemon.ctl("port", "del", name)


@suite.case("a guest whose memory is not shared: the port says so")
def not_shared(on: tuple[World, Daemon]) -> None:
    world, daemon = on
    daemon.ctl("port", "add", "vm1", "type=vhost-user", "bridge=br0")
    vm = Guest(world, [Nic(daemon.vhost_socket("vm1"), "52:54:00:00:00:01")],
               backing="memory-backend-ram", boot=False)
    vm.launch()
    text = ""
    for _ in range(100):
        text = daemon.ctl.port("vm1").get("reason", "")
        if "share=on" in text:
            break
        run(["sleep", "0.2"])
    note(f"reason: {text}")
    check("share=on" in text, f"share=on is not in the reason: {text!r}")
    vm.kill()
    daemon.ctl("port", "del", "vm1")


@suite.case("a memif server with frames that its driver cannot carry")
def large_memif(on: tuple[World, Daemon]) -> None:
    path = on[0].dir / "memif.sock"
    refused(on[1], f"port add a type=memif role=server bridge=br0 socket={path} mtu=9000",
            "1998", "role=client")


@suite.case("a namespace that is deleted and made again: the tap says so and follows")
def new_namespace(on: tuple[World, Daemon]) -> None:
    world, daemon = on
    name = world.name("ns")
    run(["ip", "netns", "add", name])
    world.defer(lambda: run(["ip", "netns", "del", name], check=False) and None)
    daemon.ctl("port", "add", "t1", "type=tap", "bridge=br0", f"netns={name}", "ifname=eth0")
    daemon.wait_port("t1")
    run(["ip", "netns", "del", name])
    check("deleted" in daemon.wait_port("t1", "failed")["reason"], "no word of the namespace")
    run(["ip", "netns", "add", name])
    daemon.wait_port("t1")
    links = run(["ip", "-n", name, "-br", "link"])
    check("eth0" in links, f"no eth0 in the new namespace: {links}")
    daemon.ctl("port", "del", "t1")


@suite.case("after all that nothing is left and the daemon answers")
def clean(on: tuple[World, Daemon]) -> None:
    check_equal(on[1].ctl.ports(), {}, "ports")


if __name__ == "__main__":
    suite.main()
