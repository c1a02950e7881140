#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vswitchctl on a terminal: the prompt with its keys, commands from a file, rates that are redrawn."""

import os
import signal
import subprocess
import time

from harness import Daemon, Suite, World, check, check_equal
from harness.paths import VSWITCHCTL
from harness.proc import wait_until
from harness.terminal import Terminal

PROMPT = "ctl.sock> "
FRAME = "ffffffffffff020000000001" + "0806" + "00" * 46

Lab = tuple[World, Daemon]


def lab(world: World) -> Lab:
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    daemon.ctl("port", "add", "vm1", "type=fake", "bridge=br0")
    daemon.ctl("port", "add", "vm2", "type=fake", "bridge=br0")
    return world, daemon


suite = Suite("shell", lab)


def terminal(on: Lab, *words: str, **options: object) -> Terminal:
    world, daemon = on
    command = [VSWITCHCTL, "-s", daemon.socket, *words]
    env = {"XDG_STATE_HOME": str(world.dir / "state"), "LC_ALL": "C.UTF-8"}
    program = Terminal(command, env=env, **options)
    world.defer(program.close)
    return program


def prompt(program: Terminal, text: str = PROMPT) -> str:
    """Wait for the next prompt, and until the editor takes the keys: before that they are lost."""
    shown = program.expect(text)
    wait_until("the editor takes keys", lambda: not program.echoes(), timeout=20.0)
    return shown


def shell(on: Lab) -> Terminal:
    """At its first prompt."""
    program = terminal(on)
    program.expect("Ctrl-D ends.")
    prompt(program)
    return program


def leave(program: Terminal, status: int = 0) -> None:
    program.type("\x04")
    check_equal(program.wait(), status, "exit status")
    check(program.echoes(), "the terminal was left in another mode")


@suite.case("commands with quotes, over several lines, and their answers")
def commands(on: Lab) -> None:
    program = shell(on)
    program.type("bridge set br0 description='two words'\r")
    prompt(program)
    program.type("bridge show br0\r")
    program.expect("two words")
    prompt(program)
    program.type("bridge set br0 \\\rdescription='one\r")
    prompt(program, "> ")
    program.type("two'\r")
    prompt(program)
    check_equal(on[1].ctl.json("bridge", "show", "br0")["vswitch:vswitch"]["bridge"][0]
                ["description"], "one\ntwo", "description")
    program.type("bridge set br0 description=\r")
    prompt(program)
    program.type("prot show\r")
    program.expect("did you mean 'port'?")
    prompt(program)
    program.type("ping\r")
    program.expect("pong")
    prompt(program)
    leave(program)
    program = shell(on)
    program.type("exit\r")
    check_equal(program.wait(), 0, "exit status")


@suite.case("Tab completes commands, keys and names; ? helps")
def keys(on: Lab) -> None:
    program = shell(on)
    program.type("po\tse\tvm\t\t")
    program.expect("port set vm")
    program.expect("vm1")
    program.expect("vm2")
    program.type("2 descr\tx\r")
    program.expect("vm2 description=x")  # each list has had a prompt behind it, too
    prompt(program)
    check_equal(on[1].ctl.port("vm2")["description"], "x", "description of vm2")
    program.type("bridge ?")
    program.expect("usage: vswitchctl bridge VERB")
    prompt(program, PROMPT + "bridge ")
    program.type("set br0 ?")
    program.expect("aging-time=SECONDS")
    program.type("description='?'\r")
    program.expect("br0 description='?'")
    prompt(program)
    check_equal(on[1].ctl.json("bridge", "show", "br0")["vswitch:vswitch"]["bridge"][0]
                ["description"], "?", "description")
    leave(program)


@suite.case("history is kept from one shell to the next, for its user alone")
def history(on: Lab) -> None:
    program = shell(on)
    program.type("port show vm1\r")
    program.expect("vm1")
    prompt(program)
    leave(program)
    file = on[0].dir / "state" / "vswitch" / "vswitchctl-history"
    check_equal(file.stat().st_mode & 0o777, 0o600, "mode of the history")
    program = shell(on)
    program.type("\x10")
    program.expect("port show vm1")
    program.type("\x03")
    prompt(program)
    leave(program)


@suite.case("Ctrl-C drops the line, or ends the command that runs, never the shell")
def interrupt(on: Lab) -> None:
    program = shell(on)
    program.type("bridge del br0\x03")
    program.expect("^C")
    prompt(program)
    for command in ("events", "capture vm1", "stats --watch"):
        program.type(command + "\r")
        time.sleep(0.5)
        program.type("\x03")
        shown = prompt(program)
        check("vswitchctl: " not in shown, f"an error: {shown}")
    program.type("ping\r")
    program.expect("pong")
    prompt(program)
    check("br0" in on[1].ctl("bridge", "show"), "br0 is gone")
    leave(program)


@suite.case("a daemon that comes back is found again")
def restart(on: Lab) -> None:
    _, daemon = on
    program = shell(on)
    program.type("ping\r")
    program.expect("pong")
    prompt(program)
    daemon.terminate()
    program.type("ping\r")
    program.expect("no daemon: there is no socket")
    prompt(program)
    daemon.start()
    program.type("ping\r")
    program.expect("pong")
    prompt(program)
    leave(program)


@suite.case("the prompt shows that an edit waits for its confirmation")
def provisional(on: Lab) -> None:
    program = shell(on)
    program.type("bridge add br9 --confirm 60\r")
    prompt(program, "ctl.sock*> ")
    program.type("config confirm\r")
    prompt(program)
    program.type("bridge del br9\r")
    prompt(program)
    leave(program)


def piped(on: Lab, text: str, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run([VSWITCHCTL, "-s", on[1].socket, *words], input=text, text=True,
                          capture_output=True, timeout=30, check=False)


@suite.case("commands from a file: to the first error, or to the end")
def piped_commands(on: Lab) -> None:
    done = piped(on, "# two\nbridge add br1\nbridge add br2 # the other\nping\n")
    check_equal((done.returncode, done.stderr), (0, ""), "status and errors")
    done = piped(on, "bridge del br1\nbridge del nix\nbridge del br2\n")
    check_equal(done.returncode, 1, "status")
    check("that was line 2; what follows it was not done" in done.stderr, done.stderr)
    check("br2" in on[1].ctl("bridge", "show"), "br2 is gone")
    done = piped(on, "bridge del nix\nbridge del br2\n", "--keep-going")
    check_equal(done.returncode, 1, "status")
    check("br2" not in on[1].ctl("bridge", "show"), "br2 is there")
    done = piped(on, "")
    check_equal(done.returncode, 2, "status without a command")
    check("a command is missing" in done.stderr, done.stderr)


@suite.case("stats --watch redraws in the terminal's size, until q")
def watch(on: Lab) -> None:
    _, daemon = on
    program = terminal(on, "stats", "--watch", "0.2", rows=10, columns=60)
    program.expect("q ends")
    daemon.ctl("fake", "inject", "vm1", FRAME, "count=50")
    program.expect("busy ")
    program.expect("RX-PPS")
    first = program.expect("vm")
    check(max(len(line) for line in first.splitlines()) <= 60, first)
    program.resize(10, 30)
    wait_until("narrow lines", lambda: narrow(program))
    program.type("q")
    check_equal(program.wait(), 0, "exit status")
    check(program.echoes(), "the terminal was left in another mode")
    check("\x1b[?1049l" in program.shown, "the screen was not given back")
    program = terminal(on, "stats", "--watch")
    program.expect("q ends")
    program.type("\x03")
    check_equal(program.wait(), 0, "exit status after Ctrl-C")
    program = terminal(on, "stats", "--watch")
    program.expect("q ends")
    os.kill(program.pid, signal.SIGTERM)
    check_equal(program.wait(), -signal.SIGTERM, "exit status after SIGTERM")
    check(program.echoes(), "the terminal was left in another mode")


def narrow(program: Terminal) -> bool:
    """The frame that was drawn last has no line beyond 30 columns."""
    lines = program.frame().splitlines()
    return bool(lines) and max(len(line) for line in lines) <= 30


@suite.case("stats --watch without a terminal: a block, or a line of JSON, each time")
def watch_plain(on: Lab) -> None:
    text = on[1].ctl("stats", "--watch", "0.05", "--count", "2")
    check_equal(text.count("RX-PPS"), 2, "tables")
    check("\x1b" not in text, "escapes without a terminal")
    lines = on[1].ctl("--json", "stats", "--watch", "0.05", "--count", "3").splitlines()
    check_equal(len(lines), 3, "lines of JSON")
    refusal = on[1].ctl.refused("stats", "nix", "--watch", "--once")
    check("there is no port 'nix'" in refusal.text, refusal.text)


@suite.case("tables on a narrow terminal are cut, not wrapped; colours obey NO_COLOR")
def tables(on: Lab) -> None:
    program = terminal(on, "show", columns=40)
    check_equal(program.wait(), 0, "exit status")
    long = [line for line in program.text().splitlines() if len(line) > 40]
    check(not [line for line in long if "PORT" in line or "vm" in line], f"too long: {long}")
    check("\x1b[3" in program.shown, "no colour on a terminal")
    command = [VSWITCHCTL, "-s", on[1].socket, "show"]
    program = Terminal(command, env={"NO_COLOR": "1"})
    on[0].defer(program.close)
    check_equal(program.wait(), 0, "exit status")
    check("\x1b[3" not in program.shown, "colour in spite of NO_COLOR")


if __name__ == "__main__":
    suite.main()
