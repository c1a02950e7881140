# SPDX-License-Identifier: BSD-3-Clause
"""Ports of a daemon with an endpoint behind each, ready for traffic."""

import os
from pathlib import Path

from .daemon import Daemon
from .guest import Guest, Nic
from .netns import Netns
from .proc import run
from .world import World


def mac_of(ip: str) -> str:
    """A MAC address that tells the IP address, for reading captures."""
    return "52:54:" + ":".join(f"{int(part):02x}" for part in ip.split("."))


def tap(world: World, daemon: Daemon, port: str, ip: str, *leaves: str,
        bridge: str = "br0") -> Netns:
    """A tap port whose interface is eth0 of a new namespace."""
    netns = Netns(world, ip)
    daemon.ctl("port", "add", port, "type=tap", f"netns={netns.name}", "ifname=eth0",
               f"bridge={bridge}", *leaves)
    netns.configure()
    daemon.wait_port(port)
    return netns


def af_packet(world: World, daemon: Daemon, port: str, ip: str, *leaves: str,
              bridge: str = "br0", kind: str = "af-packet") -> Netns:
    """An af-packet port on one end of a veth pair, the other end is eth0 of a namespace."""
    netns = Netns(world, ip)
    ours, theirs = world.veth()
    netns.adopt(theirs)
    netns.configure()
    daemon.ctl("port", "add", port, f"type={kind}", f"ifname={ours}", f"bridge={bridge}", *leaves)
    daemon.wait_port(port)
    return netns


def mount_bpf(world: World) -> None:
    """The BPF file system, which libxdp wants, for the length of the world."""
    if not Path("/proc/mounts").read_text().count(" /sys/fs/bpf bpf "):
        run(["mount", "-t", "bpf", "bpf", "/sys/fs/bpf"])
        world.defer(lambda: run(["umount", "/sys/fs/bpf"], check=False) and None)


def af_xdp(world: World, daemon: Daemon, port: str, ip: str, *leaves: str,
           bridge: str = "br0") -> Netns:
    """The same with af-xdp."""
    mount_bpf(world)
    return af_packet(world, daemon, port, ip, *leaves, bridge=bridge, kind="af-xdp")


def guest(world: World, daemon: Daemon, port: str, ip: str, *leaves: str, bridge: str = "br0",
          mode: str = "server", properties: str = "", **options: object) -> Guest:
    """A vhost-user port and a guest for it, not yet booted; see boot()."""
    nic = vhost_port(world, daemon, port, ip, *leaves, bridge=bridge, mode=mode)
    nic.properties = properties
    return Guest(world, [nic], ip=ip, boot=False, **options)


def vhost_port(world: World, daemon: Daemon, port: str, ip: str, *leaves: str,
               bridge: str = "br0", mode: str = "server") -> Nic:
    """A vhost-user port, and the interface of a guest for it.

    VSW_BACKEND in the environment serves all such ports, whatever the test asks for.
    """
    socket = daemon.vhost_socket(port)
    if backend := os.environ.get("VSW_BACKEND"):
        others = [leaf for leaf in leaves if not leaf.startswith("backend=")]
        leaves = (*others, f"backend={backend}")
    words = ["port", "add", port, "type=vhost-user", f"bridge={bridge}", *leaves]
    if mode == "client":
        socket = world.dir / f"{port}-qemu.sock"
        words += ["mode=client", f"socket={socket}"]
    daemon.ctl(*words)
    return Nic(socket, mac_of(ip), mode=mode)


def boot(*guests: Guest) -> None:
    """Boot guests side by side and give their interfaces their addresses."""
    for one in guests:
        one.launch()
    for one in guests:
        one.wait_ready()
        one.configure()
