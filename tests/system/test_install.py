#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What is installed: programs, the systemd unit, manual pages, and completion in a real bash."""

import shutil
from pathlib import Path

from harness import Daemon, Suite, World, check, check_equal, note
from harness.paths import BUILD, ROOT, VSWITCHCTL
from harness.proc import run

suite = Suite("install")
COMPLETION = ROOT / "tools" / "completion" / "vswitchctl.bash"


def installed(world: World) -> dict[str, Path]:
    """Every installed file by its folder and name, as in sbin/vswitchd."""
    target = world.dir / "root"
    run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", target], 60)
    return {f"{path.parent.name}/{path.name}": path for path in target.rglob("*")
            if path.is_file()}


@suite.case("meson install: programs, unit, manual pages, completion")
def files(world: World) -> None:
    there = installed(world)
    check_equal(sorted(there), ["bin/vswitchctl", "completions/vswitchctl", "man8/vswitchctl.8",
                                "man8/vswitchd.8", "sbin/vswitchd", "system/vswitchd.service"],
                "what is installed")
    for name in ("sbin/vswitchd", "bin/vswitchctl"):
        check("0." in run([there[name], "--version"]), f"{name} --version")


@suite.case("the systemd unit names the installed program and is one that systemd takes")
def unit(world: World) -> None:
    there = installed(world)
    text = there["system/vswitchd.service"].read_text()
    check("@" not in text, f"a name was not filled in: {text}")
    words = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    program = there["sbin/vswitchd"]
    check(str(program).endswith(words["ExecStart"]), f"ExecStart={words['ExecStart']}")
    for key, value in (("Type", "notify"), ("RuntimeDirectory", "vswitch"),
                       ("RuntimeDirectoryMode", "0750"), ("StateDirectory", "vswitch"),
                       ("RuntimeDirectoryPreserve", "restart")):
        check_equal(words.get(key), value, key)
    if shutil.which("systemd-analyze"):
        copy = world.dir / "vswitchd.service"
        copy.write_text(text.replace(words["ExecStart"], str(program)))
        note(run(["systemd-analyze", "verify", "--man=no", copy]))


def completed(line: str) -> list[str]:
    """What bash would offer behind this line."""
    script = (f'. {COMPLETION}; COMP_LINE=$1 COMP_POINT=${{#1}}; _vswitchctl; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    return run(["bash", "-c", script, "bash", line]).split()


@suite.case("bash completes commands, keys, values and the daemon's names")
def completion(world: World) -> None:
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    for name in ("vm1", "vm2", "web:0"):
        daemon.ctl("port", "add", name, "type=fake")
    us = f"{VSWITCHCTL} -s {daemon.socket}"
    for words, offered in (
            ("port s", ["set", "show"]), ("port add x ty", ["type="]),
            ("port add x type=vh", ["vhost-user"]), ("port del v", ["vm1", "vm2"]),
            ("port del web:", ["0"]), ("port add x type=fake bridge=", ["br0"])):
        check_equal(sorted(completed(f"{us} {words}")), offered, f"offered for {words!r}")
    file = world.dir / "saved.json"
    file.touch()
    check_equal(completed(f"{us} config load {world.dir}/sa"), [str(file)], "files")
    daemon.terminate()
    check_equal(completed(f"{us} port del v"), [], "names without a daemon")
    check_equal(sorted(completed(f"{us} port s")), ["set", "show"], "commands without a daemon")


if __name__ == "__main__":
    suite.main()
