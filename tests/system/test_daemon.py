#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""How vswitchd starts, refuses to start, and stops."""

import json
import os
import signal
import socket
import time
from pathlib import Path

from harness import (Daemon, Suite, World, boot, check, check_equal, guest, note, ping, tap)
from harness.ctl import Ctl
from harness.paths import VSWITCHD
from harness.proc import Process, run, wait_until

suite = Suite("daemon")
CONFIG = {
    "vswitch:vswitch": {
        "bridge": [{"name": "br0"}],
        "port": [{"name": "f1", "type": "fake", "bridge": "br0"}],
    }
}


def ended(process: Process, timeout: float = 10) -> tuple[int, str]:
    """Exit status and output of a program that must end by itself."""
    status = process.wait(timeout)
    return status, process.output()


@suite.case("--help and --version answer and end with 0")
def help_version(world: World) -> None:
    for option, needle in (("--help", "--config"), ("--version", "vswitchd")):
        status, output = ended(world.spawn("help", [VSWITCHD, option]))
        check_equal(status, 0, f"exit status of {option}")
        check(needle in output, f"{option} does not say {needle}: {output}")


@suite.case("options that make no sense end with 2 and a message that names them")
def bad_options(world: World) -> None:
    for words in (["--nonsense"], ["--hugepages", "maybe"], ["--memory", "lots"], ["--flows", "12"],
                  ["--workers", "x"], ["--workers", "0-+1"], ["stray"], ["--socket"],
                  ["--socket", ""], ["--config", ""], ["--log", ""], ["--log", "loud"]):
        status, output = ended(world.spawn("bad", [VSWITCHD, *words]))
        check_equal(status, 2, f"exit status of {words}: {output}")
        check(words[0].lstrip("-") in output, f"{words} is not named: {output}")


@suite.case("starts in less than a second, without hugepages")
def start_time(world: World) -> None:
    daemon = Daemon(world)
    note(f"answers after {daemon.start_seconds:.3f} s, VmRSS {daemon.status('VmRSS') / 1024:.0f} "
         f"MiB, {daemon.status('Threads')} threads, {daemon.descriptors()} descriptors")
    before = cpu_seconds(daemon.pid)
    time.sleep(2)
    note(f"idle: {(cpu_seconds(daemon.pid) - before) / 2 * 100:.1f} % of a CPU")
    check(daemon.start_seconds < 1.5, f"it took {daemon.start_seconds:.2f} s")


@suite.case("options do what they say: workers, poll, memory, levels of the log, EAL's own")
def options(world: World) -> None:
    cpus = sorted(os.sched_getaffinity(0))[:2]
    daemon = Daemon(world, "--workers", ",".join(map(str, cpus)), "--poll", "--log",
                    "info,vswitchd=error", "--eal-args", "--log-level=lib.eal:8", memory=300)
    time.sleep(0.2)
    system = daemon.ctl.json("show")["vswitch:vswitch"]["system"]
    check_equal([worker["cpu"] for worker in system["worker"]], cpus, "CPUs of the workers")
    check_equal({worker["state"] for worker in system["worker"]}, {"polling"}, "their states")
    check_equal(system["memory"]["size-mib"], 300, "memory")
    assert daemon.process
    said = daemon.process.output()
    check(" info " in said, f"level info is not in the log: {said}")
    check(" vswitchd: " not in said, f"module vswitchd speaks at level error only: {said}")
    allowed = {Path(task, "status").read_text().split("Cpus_allowed_list:")[1].split()[0]
               for task in Path(f"/proc/{daemon.pid}/task").iterdir()}
    check({str(cpu) for cpu in cpus} <= allowed, f"no thread is pinned to each CPU: {allowed}")


@suite.case("--flows is what a worker remembers at most")
def flows(world: World) -> None:
    daemon = Daemon(world, "--flows", "2048")
    cache = daemon.ctl.json("workers")["vswitch:vswitch"]["system"]["worker"][0]["flow-cache"]
    check_equal(cache["capacity"], 2048, "capacity")
    check_equal(cache["entries"], 0, "entries of a switch without ports")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@suite.case("a second instance on the same socket is refused, the first goes on")
def second_instance(world: World) -> None:
    first = Daemon(world)
    second = Daemon(world, start=False)
    second.socket = first.socket
    status, output = ended(second.launch())
    check_equal(status, 1, f"exit status: {output}")
    check(str(first.socket) in output, f"the socket is not named: {output}")
    check(first.ping(), "the first instance does not answer any more")


@suite.case("a second instance on the same configuration file is refused")
def second_config(world: World) -> None:
    first = Daemon(world)
    second = Daemon(world, start=False)
    second.config = first.config
    status, output = ended(second.launch())
    check_equal(status, 1, f"exit status: {output}")
    check(str(first.config) in output, f"the file is not named: {output}")


@suite.case("a stale socket is replaced; any other file is left alone")
def stale_socket(world: World) -> None:
    daemon = Daemon(world)
    daemon.kill()
    check(daemon.socket.exists(), "no stale socket to test with")
    daemon.start()
    daemon.terminate()
    daemon.socket.write_text("precious")
    status, output = ended(daemon.launch())
    check_equal(status, 1, f"exit status: {output}")
    check(str(daemon.socket) in output, f"the file is not named: {output}")
    check_equal(daemon.socket.read_text(), "precious", "content of the file")


@suite.case("SIGTERM and SIGINT stop it within a second, guest attached, traffic flowing")
def stop(world: World) -> None:
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    vm1 = guest(world, daemon, "vm1", "10.6.0.1")
    c1 = tap(world, daemon, "c1", "10.6.0.2")
    boot(vm1)
    ping(c1, vm1)
    job = c1.start(f"{c1.trafgen} ping --to {vm1.ip} --seconds 3")
    time.sleep(0.5)
    status, seconds = daemon.terminate()
    note(f"SIGTERM: ended after {seconds:.3f} s")
    job.stop()
    check_equal(status, 0, "exit status")
    check(seconds < 1.0, f"it took {seconds:.2f} s")
    check(not daemon.socket.exists(), "the control socket was left behind")
    daemon.start()
    assert daemon.process
    start = time.monotonic()
    os.kill(daemon.pid, signal.SIGINT)
    check_equal(daemon.process.wait(5), 0, "exit status after SIGINT")
    check(time.monotonic() - start < 1.0, f"SIGINT took {time.monotonic() - start:.2f} s")


@suite.case("tells systemd when it is ready and when it stops")
def notify(world: World) -> None:
    path = world.dir / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(10)
        daemon = Daemon(world, env={"NOTIFY_SOCKET": str(path)})
        said = manager.recv(4096).decode()
        while "READY=1" not in said:
            said += manager.recv(4096).decode()
        daemon.terminate()
        while "STOPPING=1" not in said:
            said += manager.recv(4096).decode()


@suite.case("no configuration file is an empty configuration; the first edit makes one")
def missing_config(world: World) -> None:
    daemon = Daemon(world)
    check_equal(daemon.ctl.ports(), {}, "ports")
    check(not daemon.config.exists(), "a file was written though nothing was configured")
    daemon.ctl("bridge", "add", "br0")
    wait_until("the file is written", daemon.config.exists)
    saved = json.loads(daemon.config.read_text())
    check_equal(saved["vswitch:vswitch"]["bridge"][0]["name"], "br0", "saved bridge")


@suite.case("a configuration survives SIGTERM and kill -9")
def persistent(world: World) -> None:
    daemon = Daemon(world, start=False)
    daemon.config.write_text(json.dumps(CONFIG))
    daemon.start()
    daemon.wait_port("f1")
    daemon.ctl("port", "set", "f1", "mtu=1400")
    daemon.terminate()
    daemon.start()
    check_equal(daemon.ctl.port("f1")["mtu"], 1400, "mtu after SIGTERM")
    daemon.ctl("port", "set", "f1", "mtu=1300")
    daemon.kill()
    daemon.start()
    check_equal(daemon.ctl.port("f1")["mtu"], 1300, "mtu after kill -9")


def refuses_config(world: World, text: str, *needles: str) -> None:
    daemon = Daemon(world, start=False)
    daemon.config.write_text(text)
    status, output = ended(daemon.launch())
    check_equal(status, 1, f"exit status: {output}")
    for needle in (str(daemon.config), *needles):
        check(needle in output, f"{needle!r} is not in the message: {output}")
    check_equal(daemon.config.read_text(), text, "the file")


@suite.case("an invalid configuration file: exit 1, line or leaf named, file untouched")
def invalid_config(world: World) -> None:
    text = json.dumps(CONFIG, indent=1)
    refuses_config(world, text.replace('"br0"', '"br0",,', 1), "line 5")
    refuses_config(world, "", "")
    refuses_config(world, text.replace('"type"', '"typ"'), "typ", "f1")
    refuses_config(world, text.replace('"fake"', '"fake", "mtu": 5'), "mtu", "68")
    refuses_config(world, text.replace('"fake"', '"fax"'), "type", "fake")
    refuses_config(world, text.replace('"bridge": "br0"', '"bridge": "br7"'), "br7")


@suite.case("a FIFO in place of the configuration file is not waited for")
def fifo_config(world: World) -> None:
    daemon = Daemon(world, start=False)
    os.mkfifo(daemon.config)
    status, output = ended(daemon.launch())
    check_equal(status, 1, f"exit status: {output}")
    check(str(daemon.config) in output, f"the file is not named: {output}")
    check(daemon.config.is_fifo(), "the FIFO was replaced")


@suite.case("the folder and the sockets have their modes whatever the umask")
def modes(world: World) -> None:
    daemon = Daemon(world, start=False)
    daemon.socket = daemon.dir / "run" / "ctl.sock"
    daemon.ctl = Ctl(daemon.socket)
    daemon.process = world.spawn(
        "vswitchd", ["sh", "-c", 'umask 077; exec "$@"', "sh", *daemon.command()])
    wait_until("vswitchd answers", daemon.ping, 15)
    daemon.ctl("port", "add", "vm1", "type=vhost-user")
    daemon.ctl("port", "add", "vm2", "type=vhost-user", "permissions=000")
    folder = daemon.socket.parent
    for path, mode in ((folder, 0o750), (daemon.socket, 0o660), (folder / "vhost", 0o750),
                       (folder / "vhost" / "vm1.sock", 0o660), (folder / "vhost" / "vm2.sock", 0)):
        check_equal(oct(path.stat().st_mode & 0o7777), oct(mode), f"mode of {path.name}")


@suite.case("a port whose device is not there is failed with a reason, and comes up with it")
def failed_port(world: World) -> None:
    ifname = world.name("va")
    config = json.loads(json.dumps(CONFIG))
    config["vswitch:vswitch"]["port"].append(
        {"name": "p1", "type": "af-packet", "ifname": ifname, "bridge": "br0"})
    daemon = Daemon(world, start=False)
    daemon.config.write_text(json.dumps(config))
    daemon.start()
    port = daemon.wait_port("p1", "failed")
    note(f"reason: {port['reason']}")
    check(ifname in port["reason"], f"the reason does not name {ifname}: {port['reason']}")
    daemon.wait_port("f1")
    run(["ip", "link", "add", ifname, "type", "veth", "peer", "name", ifname + "p"])
    world.defer(lambda: run(["ip", "link", "del", ifname], check=False) and None)
    for name in (ifname, ifname + "p"):
        run(["ip", "link", "set", name, "up"])
    daemon.wait_port("p1", "up", timeout=15)


@suite.case("runs as a plain user")
def plain_user(world: World) -> None:
    daemon = Daemon(world, start=False)
    os.chmod(world.dir, 0o755)
    os.chown(daemon.dir, 65534, 65534)
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *daemon.command()]
    daemon.process = world.spawn("vswitchd", command)
    wait_until("vswitchd answers a plain user", daemon.ping, 15)
    daemon.ctl("bridge", "add", "br0")
    daemon.ctl("port", "add", "vm1", "type=vhost-user", "bridge=br0")
    check_equal(daemon.ctl.port("vm1")["oper-status"], "no-guest", "oper-status")
    status, _seconds = daemon.terminate()
    check_equal(status, 0, "exit status")


if __name__ == "__main__":
    suite.main()
