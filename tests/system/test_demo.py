#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""./dev demo --once does what README promises, and leaves the machine as it was."""

import time
from pathlib import Path

from harness import Suite, World, check, check_equal, note
from harness.paths import ROOT
from harness.proc import run

suite = Suite("demo")
CONFIG = Path("/var/lib/vswitch/config.json")


def footprint() -> tuple[str, str, bool]:
    """What a demo could leave behind: namespaces, links, the configuration."""
    links = run(["sh", "-c", "ip -o link show | cut -d: -f2 | sort"])
    return run(["ip", "netns", "list"]), links, CONFIG.exists()


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
    for needle in ("vswitchctl bridge add br0", "0% packet loss", "Mbits/sec", "vswitchctl show"):
        check(needle in output, f"the demo did not show {needle!r}")
    check_equal(footprint(), before, "namespaces, links, configuration file")


if __name__ == "__main__":
    suite.main()
