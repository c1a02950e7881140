# SPDX-License-Identifier: BSD-3-Clause
"""The idle-machine gate: wait until nobody else works, and tell whether it stayed so."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from .machine import CpuClock

LIMIT = 0.04  # CPUs' worth of others' work
WINDOW = 0.5  # seconds that must be quiet before a run
TRIES = 3  # runs of a cell that is not quiet

T = TypeVar("T")


class Gate:
    """`patience`: seconds to wait for a quiet window. `limit`: others' share of one CPU."""

    def __init__(self, limit: float = LIMIT, patience: float = 20.0, tries: int = TRIES) -> None:
        self.limit = limit
        self.patience = patience
        self.tries = tries

    def wait(self) -> float:
        """Until a window is quiet, or patience ends; what others used in the last window."""
        end = time.monotonic() + self.patience
        while True:
            before = CpuClock()
            time.sleep(WINDOW)
            others = CpuClock().others_since(before)
            if others <= self.limit or time.monotonic() >= end:
                return others

    def run(self, measure: Callable[[], T]) -> tuple[T, float, float, int]:
        """measure() on a quiet machine, again if it was not; result, others, load, tries.

        Of runs that all were disturbed, the least disturbed one is kept.
        """
        best: tuple[T, float, float, int] | None = None
        for number in range(1, self.tries + 1):
            self.wait()
            before = CpuClock()
            result = measure()
            others = CpuClock().others_since(before)
            load = float(Path("/proc/loadavg").read_text().split()[0])
            if best is None or others < best[1]:
                best = (result, others, load, number)
            if others <= self.limit:
                break
        assert best is not None
        return best
