#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""./dev demo --once does what README promises, and leaves the machine as it was."""

import shutil
import signal
import time
from pathlib import Path

from harness import Suite, World, check, check_equal, note
from harness.paths import ROOT, VSWITCHD
from harness.proc import Process, run, wait_until

suite = Suite("demo")
RUN = Path("/run/vswitch")
DEMO = ROOT / "tools" / "demo"
CONFIG = Path("/var/lib/vswitch/config.json")


def footprint() -> tuple[bool, bool, bool]:
    """What a demo could leave behind: its namespace, the configuration, the folder in /run."""
    spaces = run(["ip", "netns", "list"]).split()
    return "vsw-demo" in spaces, CONFIG.exists(), RUN.exists()


@suite.case("the demo works and ends by itself", timeout=400)
def once(world: World) -> None:
    before = footprint()
    start = time.monotonic()
    demo = world.spawn("demo", [ROOT / "dev", "demo", "--once"])
    status = demo.wait(380)
    output = demo.output()
    note(output)
    note(f"{time.monotonic() - start:.1f} s in all")
    check_equal(status, 0, "exit status")
    for needle in ("vswitchctl bridge add br0", "0% packet loss", "bits/sec", "vswitchctl show"):
        check(needle in output, f"the demo did not show {needle!r}")
    check_equal(footprint(), before, "namespace, configuration, run folder")


def demo_until(world: World, needle: str) -> Process:
    """A demo that has printed this."""
    # Below our folder, so that what a killed demo leaves there goes with it.
    demo = world.spawn("demo", [DEMO], env={"VSW_TMP": str(world.dir)})

    def printed() -> bool:
        check(demo.alive(), f"the demo ended: {demo.output()}")
        return needle in demo.output()

    wait_until(f"the demo prints {needle!r}", printed, 120)
    return demo


@suite.case("Ctrl-C ends it, and nothing is left", timeout=300)
def interrupted(world: World) -> None:
    before = footprint()
    demo = demo_until(world, "Press Ctrl-C")
    demo.signal_group(signal.SIGINT)
    check_equal(demo.wait(20), 0, f"exit status: {demo.output()}")
    check_equal(footprint(), before, "namespace, configuration, run folder")


@suite.case("killed half-way, it works the next time", timeout=400)
def killed(world: World) -> None:
    before = footprint()
    demo = demo_until(world, "Give the virtual machine its address")
    demo.signal_group(signal.SIGKILL)
    demo.wait(5)
    again = world.spawn("demo", [DEMO, "--once"])
    status = again.wait(200)
    if not before[1]:
        shutil.rmtree(CONFIG.parent, ignore_errors=True)
    if not before[2]:
        shutil.rmtree(RUN, ignore_errors=True)
    check_equal(status, 0, f"exit status: {again.output()}")
    check_equal(footprint(), before, "namespace, configuration, run folder")


@suite.case("a switch that runs already is left alone")
def busy(world: World) -> None:
    config = world.dir / "config.json"
    daemon = world.spawn("vswitchd", [VSWITCHD, "--config", config])
    wait_until("vswitchd is ready", lambda: "ready" in daemon.output(), 10)
    demo = world.spawn("demo", [DEMO, "--once"])
    check_equal(demo.wait(100), 1, "exit status")
    check("runs already" in demo.output(), demo.output())
    check(daemon.alive(), "the switch that ran has ended")
    check(not config.exists(), "its configuration was changed")


if __name__ == "__main__":
    suite.main()
