# SPDX-License-Identifier: BSD-3-Clause
"""Figures of a run: rounds, medians, spread, ratios; and their JSON."""

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any

from .gate import Conditions
from .scenario import Case, Sample, Scenario
from .switches import SUBJECT

FORMAT = 1


@dataclass
class Round:
    """One measurement of one switch."""

    figures: dict[str, float]
    marks: list[str]
    others: float  # CPUs' worth of others' work meanwhile
    distance: float  # cycles of a cache line between the CPUs and back
    load: float  # of the machine, one minute
    tries: int  # measurements until the machine was quiet, or patience ended
    data: Any = None


@dataclass
class Cell:
    """One switch in one row."""

    rounds: list[Round] = field(default_factory=list)
    why: str = ""  # no figure, and why
    verdict: str = "ok"  # ok, not-yet, missing, invalid

    def values(self, key: str) -> list[float]:
        """Of all rounds."""
        return [r.figures[key] for r in self.rounds if key in r.figures]

    def median(self, key: str) -> float | None:
        """None: there is no figure."""
        values = self.values(key)
        return statistics.median(values) if values else None

    def marks(self) -> list[str]:
        """Of any round, once each."""
        return sorted({mark for r in self.rounds for mark in r.marks})

    def add(self, measured: Conditions[Sample]) -> None:
        """One more round."""
        sample = measured.result
        self.rounds.append(Round(sample.figures, sample.marks, round(measured.others, 4),
                                 measured.distance, measured.load, measured.tries, sample.data))

    def fail(self, verdict: str, why: str) -> None:
        """Give up this cell; figures that are there stay in the JSON."""
        self.verdict, self.why = verdict, why

    def json(self, keys: list[str]) -> dict[str, Any]:
        """Medians first, then every round."""
        return {
            "verdict": self.verdict,
            "why": self.why or None,
            "marks": self.marks(),
            "median": {key: self.median(key) for key in keys},
            "min": {key: min(self.values(key), default=None) for key in keys},
            "max": {key: max(self.values(key), default=None) for key in keys},
            "rounds": [asdict(r) for r in self.rounds],
        }


@dataclass
class Row:
    """One case and a cell for each switch."""

    case: Case
    cells: dict[str, Cell]

    def ratio(self, peer: str, key: str) -> float | None:
        """The subject's figure over the peer's: the median of the rounds' ratios."""
        ours, theirs = self.cells.get(SUBJECT), self.cells.get(peer)
        if not ours or not theirs or ours.verdict != "ok" or theirs.verdict != "ok":
            return None
        pairs = zip(ours.values(key), theirs.values(key))
        ratios = [a / b for a, b in pairs if b]
        return statistics.median(ratios) if ratios else None

    def ratios(self, peers: list[str], key: str) -> dict[str, float | None]:
        """Over each of those that were measured."""
        return {peer: self.ratio(peer, key) for peer in peers if peer in self.cells}


@dataclass
class Table:
    """One scenario, measured."""

    scenario: Scenario
    rows: list[Row]
    effort: str
    seconds: float = 0.0

    def json(self) -> dict[str, Any]:
        """The shape that --json writes for a scenario."""
        scenario = self.scenario
        keys = [column.key for column in scenario.columns]
        peers = [kind for kind in scenario.kinds if kind != SUBJECT]
        return {
            "name": scenario.name,
            "title": scenario.title,
            "columns": [asdict(column) for column in scenario.columns],
            "primary": scenario.primary,
            "plot": scenario.plot,
            "effort": self.effort,
            "seconds": round(self.seconds, 1),
            "rows": [{
                "label": row.case.label,
                "parameters": row.case.parameters,
                "cells": {kind: cell.json(keys) for kind, cell in row.cells.items()},
                "ratio": row.ratios(peers, scenario.primary),
                "ratios": {key: row.ratios(peers, key) for key in scenario.compared},
            } for row in self.rows],
        }

    def verdicts(self) -> list[tuple[str, str, str, str]]:
        """(row, switch, verdict, why) of cells that are not ok."""
        return [(row.case.label, kind, cell.verdict, cell.why)
                for row in self.rows for kind, cell in row.cells.items() if cell.verdict != "ok"]
