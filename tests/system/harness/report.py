# SPDX-License-Identifier: BSD-3-Clause
"""Registration of test cases and their report in the Test Anything Protocol (version 13)."""

import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from .world import World

CASE_TIMEOUT = 120


class Timeout(Exception):
    """A case took longer than it may."""


def note(text: str) -> None:
    """A diagnostic: never judged, always shown."""
    for line in text.splitlines() or [""]:
        print(f"# {line}", flush=True)


def check(condition: Any, text: str) -> None:
    """Fail the case with `text` unless the condition holds."""
    if not condition:
        raise AssertionError(text)


def check_equal(actual: Any, expected: Any, what: str) -> None:
    """Fail the case unless both are equal, showing both."""
    if actual != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {actual!r}")


class Suite:
    """The cases of one file.

    A `fixture` is called once with a World of its own; what it returns is handed to each case. A
    case without a fixture gets a fresh World instead.
    """

    def __init__(self, name: str, fixture: Callable[[World], Any] | None = None) -> None:
        self.name = name
        self.fixture = fixture
        self.cases: list[tuple[str, int, Callable[[Any], None]]] = []

    def case(self, name: str, timeout: int = CASE_TIMEOUT) -> Callable:
        """Decorator: register a case under this name."""

        def register(function: Callable[[Any], None]) -> Callable[[Any], None]:
            self.cases.append((name, timeout, function))
            return function

        return register

    def _attempt(self, world: World, timeout: int, call: Callable[[], Any]) -> tuple[bool, Any]:
        def expired(_signum: int, _frame: Any) -> None:
            raise Timeout(f"not done within {timeout} s")

        signal.signal(signal.SIGALRM, expired)
        signal.alarm(timeout)
        try:
            return True, call()
        except Exception:  # noqa: BLE001 - any failure is a failed case
            signal.alarm(0)
            note(traceback.format_exc())
            note(world.describe())
            return False, None
        finally:
            signal.alarm(0)

    def _report(self, number: int, name: str, good: bool, seconds: float) -> None:
        verdict = "ok" if good else "not ok"
        print(f"{verdict} {number} - {name}", flush=True)
        note(f"took {seconds:.1f} s")

    def _run_fresh(self) -> int:
        failed = 0
        for number, (name, timeout, function) in enumerate(self.cases, 1):
            start = time.monotonic()
            world = World()
            try:
                good, _ = self._attempt(world, timeout, lambda f=function, w=world: f(w))
            finally:
                world.close()
            good = good and not world.faults
            failed += not good
            self._report(number, name, good, time.monotonic() - start)
        return failed

    def _run_shared(self, world: World) -> int:
        assert self.fixture
        failed = 0
        ready, shared = self._attempt(world, CASE_TIMEOUT, lambda: self.fixture(world))
        for number, (name, timeout, function) in enumerate(self.cases, 1):
            start = time.monotonic()
            good = False
            if ready:
                good, _ = self._attempt(world, timeout, lambda f=function: f(shared))
            else:
                note("the fixture failed; see above")
            failed += not good
            self._report(number, name, good, time.monotonic() - start)
        return failed

    def main(self) -> None:
        """Run the cases (those whose name contains an argument, if there is one) and exit."""
        signal.signal(signal.SIGTERM, lambda _signum, _frame: sys.exit(143))
        if len(sys.argv) > 1:
            self.cases = [case for case in self.cases if any(a in case[0] for a in sys.argv[1:])]
        print("TAP version 13")
        print(f"1..{len(self.cases)}", flush=True)
        if self.fixture:
            world = World()
            try:
                failed = self._run_shared(world)
            finally:
                world.close()
            failed += len(world.faults)
        else:
            failed = self._run_fresh()
        sys.exit(1 if failed else 0)
