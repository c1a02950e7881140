# SPDX-License-Identifier: BSD-3-Clause
"""Runs scenarios: round by round, switch by switch, each measurement in a world of its own."""

import sys
import time
from collections.abc import Callable

from harness.world import World

from .errors import Invalid, NotYet, Unavailable
from .gate import Gate
from .machine import Cpus
from .result import Cell, Row, Table
from .scenario import Case, Context, Effort, Sample, Scenario
from .switches import SUBJECT

NOISY = "noisy"
FAR = "far"


class Runner:
    """`peers`: which other switches take part. `say`: where progress goes."""

    def __init__(self, cpus: Cpus, effort: Effort, peers: list[str], generator: str,
                 gate: Gate, no_hugepages: str, say: Callable[[str], None]) -> None:
        self.cpus = cpus
        self.effort = effort
        self.peers = peers
        self.generator = generator
        self.gate = gate
        self.no_hugepages = no_hugepages
        self.say = say

    def run(self, scenario: Scenario) -> Table:
        """All rows of one scenario."""
        start = time.monotonic()
        rows = []
        cases = scenario.cases(self.effort)
        for number, case in enumerate(cases, 1):
            self.say(f"{scenario.name} [{number}/{len(cases)}] {case.label}")
            rows.append(self._row(scenario, case))
        return Table(scenario, rows, self.effort.name, time.monotonic() - start)

    def _row(self, scenario: Scenario, case: Case) -> Row:
        kinds = case.kinds or scenario.kinds
        row = Row(case, {kind: Cell() for kind in kinds
                         if kind == SUBJECT or kind in self.peers})
        for cell in row.cells.values():
            if scenario.needs_hugepages and self.no_hugepages:
                cell.fail("missing", self.no_hugepages)
        for number in range(scenario.rounds(self.effort)):
            for kind, cell in row.cells.items():
                if cell.verdict == "ok":
                    self._measure(scenario, case, kind, cell)
                    self._progress(scenario, number, kind, cell)
        return row

    def _measure(self, scenario: Scenario, case: Case, kind: str, cell: Cell) -> None:
        def once() -> Sample:
            with World() as world:
                return scenario.measure(
                    Context(world, self.cpus, self.effort, self.generator), kind, case)

        try:
            measured = self.gate.run(once)
        except NotYet as error:
            cell.fail("not-yet", str(error))
        except Unavailable as error:
            cell.fail("missing", str(error))
        except Invalid as error:
            cell.fail("invalid", str(error))
        except RuntimeError as error:
            cell.fail("missing", str(error))
        except Exception as error:  # noqa: BLE001 - the rest of the run goes on
            cell.fail("missing", f"{type(error).__name__}: {error}")
        else:
            if scenario.needs_quiet:
                measured.result.marks += [NOISY] if measured.noisy else []
                measured.result.marks += [FAR] if measured.far else []
            cell.add(measured)

    def _progress(self, scenario: Scenario, number: int, kind: str, cell: Cell) -> None:
        if cell.verdict != "ok":
            self.say(f"    round {number + 1}  {kind:9s} {cell.verdict}: "
                     f"{cell.why.splitlines()[0]}")
            return
        last = cell.rounds[-1]
        figures = "  ".join(f"{column.text(last.figures.get(column.key))} {column.title}"
                            for column in scenario.columns)
        marks = f"  ({', '.join(last.marks)})" if last.marks else ""
        self.say(f"    round {number + 1}  {kind:9s} {figures}{marks}")


def to_stderr(text: str) -> None:
    """Progress, apart from the table on standard output."""
    print(text, file=sys.stderr, flush=True)
