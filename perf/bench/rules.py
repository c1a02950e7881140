# SPDX-License-Identifier: BSD-3-Clause
"""Files of flow rules: like an access list's, or such that each connection stands for itself."""

import subprocess
from pathlib import Path

from harness.paths import BUILD
from harness.world import World

from .errors import Unavailable

RULES_TEXT = BUILD / "perf" / "micro" / "rules_text"
OTHER_PORT = 12345  # the generator's frames go to port 9
SOURCES = 16  # addresses that a million of the generator's flows come from


def access_list(count: int, masks: bool) -> list[str]:
    """About so many rules of ClassBench's shape; masks: no ranges of ports, so more of them."""
    if not RULES_TEXT.exists():
        raise Unavailable(f"{RULES_TEXT} is missing; ./dev build makes it")
    done = subprocess.run([RULES_TEXT, *(["--masks"] if masks else []), "acl", str(count)],
                          capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    return done.stdout.splitlines()


def apart() -> list[str]:
    """Rules after which no two of the generator's connections are alike.

    Each looks at one bit of the source port, or at one address, and is met by no frame. Open
    vSwitch tracks prefixes of ports and addresses, so that common rules leave few megaflows; by
    these it has to look at every bit.
    """
    lines = [f"priority=40000,udp,tp_src={1 << bit:#x}/{1 << bit:#x},tp_dst={OTHER_PORT},"
             "actions=drop" for bit in range(16)]
    return lines + [f"priority=40000,udp,nw_src=10.0.0.{n},tp_dst={OTHER_PORT},actions=drop"
                    for n in range(SOURCES)]


def write(world: World, lines: list[str]) -> Path:
    """A file of the world's with these rules."""
    path = world.dir / f"{world.name('rules')}.txt"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path
