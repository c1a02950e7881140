# SPDX-License-Identifier: BSD-3-Clause
"""The gate: wait until nobody else works and the CPUs are near each other; tell if it stayed so."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from harness.paths import BUILD

from .machine import CpuClock, Cpus

LIMIT = 0.04  # CPUs' worth of others' work
WINDOW = 0.3  # seconds that must be quiet before a run
TRIES = 3  # runs of a cell that others disturbed
NEAR_PATIENCE = 2.0  # seconds to wait for near CPUs: they are moved again and again
FAR = 1.5  # times the least distance seen: the host has moved a virtual CPU
CALIBRATIONS = 20  # looks at the distance, before the first run
DISTANCE = BUILD / "perf" / "loadgen" / "distance"

T = TypeVar("T")


@dataclass
class Conditions(Generic[T]):
    """A result, and what went on meanwhile."""

    result: T
    others: float  # CPUs' worth of others' work
    distance: float  # cycles of a cache line to the other CPU and back: the worst look
    load: float  # of the machine, one minute
    tries: int
    noisy: bool = False
    far: bool = False

    @property
    def badness(self) -> tuple[bool, bool, float]:
        """The least disturbed of several is the least."""
        return self.far, self.noisy, self.others


class Distance:
    """Of the two CPUs, as perf/loadgen/distance measures it. Without a second CPU it is 0."""

    def __init__(self, cpus: Cpus) -> None:
        self.cpus = [str(cpu) for cpu in cpus.all[:2]]
        self.least = float("inf")

    def calibrate(self) -> None:
        """Look a few times, so that the least is known."""
        for _ in range(CALIBRATIONS):
            self.look()
            time.sleep(0.1)

    def look(self) -> float:
        """Now; 0 if it cannot be told."""
        if len(self.cpus) < 2:
            return 0.0
        done = subprocess.run([DISTANCE, *self.cpus], capture_output=True, text=True, timeout=5,
                              check=False, stdin=subprocess.DEVNULL)
        cycles = float(done.stdout) if done.returncode == 0 else 0.0
        if cycles:
            self.least = min(self.least, cycles)
        return cycles

    def is_far(self, cycles: float) -> bool:
        """Compared with the least."""
        return cycles > FAR * self.least


class Gate:
    """`patience`: seconds to wait for a quiet window. `limit`: others' share of one CPU."""

    def __init__(self, distance: Distance, limit: float = LIMIT, patience: float = 20.0,
                 tries: int = TRIES) -> None:
        self.distance = distance
        self.limit = limit
        self.patience = patience
        self.tries = tries

    def wait(self) -> float:
        """Until a window is quiet and the CPUs are near, or patience ends; their distance."""
        start = time.monotonic()
        while True:
            before = CpuClock()
            time.sleep(WINDOW)
            others = CpuClock().others_since(before)
            cycles = self.distance.look()
            patience = self.patience if others > self.limit else NEAR_PATIENCE
            good = others <= self.limit and not self.distance.is_far(cycles)
            if good or time.monotonic() >= start + patience:
                return cycles

    def run(self, measure: Callable[[], T]) -> Conditions[T]:
        """measure() in good conditions, again if others disturbed it; the least disturbed result.

        What was measured with CPUs far from each other is not repeated, only marked: it would take
        hours where the host moves them each second.
        """
        best: Conditions[T] | None = None
        for number in range(1, self.tries + 1):
            cycles = self.wait()
            before = CpuClock()
            result = measure()
            others = CpuClock().others_since(before)
            cycles = max(cycles, self.distance.look())
            now = Conditions(result, others, cycles,
                             float(Path("/proc/loadavg").read_text().split()[0]), number,
                             others > self.limit, self.distance.is_far(cycles))
            if best is None or now.badness < best.badness:
                best = now
            if not now.noisy:
                break
        assert best is not None
        return best
