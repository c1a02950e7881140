# SPDX-License-Identifier: BSD-3-Clause
"""The conservation law: received + copies = sent + dropped, to the packet, of a whole daemon."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .daemon import Daemon

PATIENCE = 2.0


class Unbalanced(AssertionError):
    """A packet disappeared, or came from nowhere."""


def system(daemon: Daemon) -> dict:
    """The state of /system."""
    reply = daemon.call("get", {"path": "/vswitch:vswitch/system", "content": "state"})
    return reply["result"]["vswitch:vswitch"]["system"]


def drops(daemon: Daemon) -> dict[tuple[str, str, str], int]:
    """Lost packets by (input, output, reason)."""
    return {(entry["input"], entry["output"], entry["reason"]): int(entry["packets"])
            for entry in system(daemon).get("drop", [])}


def traffic(daemon: Daemon) -> dict[str, int]:
    """The four sums since its start."""
    return {name: int(value) for name, value in system(daemon)["traffic"].items()}


def check_books(daemon: Daemon) -> None:
    """Raise Unbalanced if the law does not hold; packets in hand get some time to arrive.

    Where traffic does not end, the sums are not of one instant: what passed between two looks may
    be in one and not in the other.
    """
    end = time.monotonic() + PATIENCE
    before = traffic(daemon)
    while True:
        now = traffic(daemon)
        missing = now["received"] + now["copies"] - now["sent"] - now["dropped"]
        if missing == 0:
            return
        if time.monotonic() > end:
            moved = sum(now.values()) - sum(before.values())
            if abs(missing) > moved:
                raise Unbalanced(f"received + copies = sent + dropped does not hold: {now}, "
                                 f"{missing} are missing; drops: {drops(daemon)}")
            return
        before = now
        time.sleep(0.05)
