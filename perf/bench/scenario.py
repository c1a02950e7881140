# SPDX-License-Identifier: BSD-3-Clause
"""A scenario: cases (rows), columns (figures), and how one switch is measured once."""

from dataclasses import dataclass, field
from typing import Any

from harness.world import World

from .machine import Cpus
from .switches import SWITCHES, Setup, Socket, Switch


@dataclass(frozen=True)
class Effort:
    """How long and how often. smoke: that it works; quick: a first impression; full: figures."""

    name: str
    rounds: int
    seconds: float
    chosen: bool = False  # the rounds are what somebody asked for

    def pick(self, smoke: Any, quick: Any, full: Any) -> Any:
        """One of three by effort."""
        return {"smoke": smoke, "quick": quick, "full": full}[self.name]


SMOKE = Effort("smoke", 1, 0.1)
QUICK = Effort("quick", 3, 0.5)
FULL = Effort("full", 3, 0.7)


@dataclass(frozen=True)
class Column:
    """One figure of a sample."""

    key: str
    title: str  # with its unit
    digits: int = 2
    more: bool | None = None  # True: more is better; None: neither

    def text(self, value: float | None) -> str:
        """For a table."""
        return "-" if value is None else f"{value:,.{self.digits}f}"


@dataclass
class Case:
    """One row."""

    label: str
    parameters: dict[str, Any]  # for the record
    what: Any = None  # for the scenario's own use
    kinds: tuple[str, ...] = ()  # switches that this row is for; (): the scenario's


@dataclass
class Sample:
    """What measuring once gave."""

    figures: dict[str, float]
    marks: list[str] = field(default_factory=list)
    data: Any = None  # whatever a reader of the JSON may want beside


@dataclass
class Context:
    """What a measurement may use. The world is its own and ends with it."""

    world: World
    cpus: Cpus
    effort: Effort
    generator: str

    def switch(self, name: str, setup: Setup | None = None) -> Switch:
        """A switch of this name, started, without ports."""
        switch = SWITCHES[name](self.world, self.cpus, setup or Setup())
        switch.start()
        return switch

    def guests(self, name: str, setup: Setup | None = None,
               n: int = 2) -> tuple[Switch, list[Socket]]:
        """The same with n vhost-user ports, and where their guests connect."""
        _ = self.cpus.generator  # a second CPU, or say so now
        switch = self.switch(name, setup)
        sockets = [switch.add_vhost(f"p{number}") for number in range(n)]
        switch.ready()
        return switch, sockets


class Scenario:
    """One letter of the programme. Subclasses say what and how."""

    name = "?"
    title = "?"
    columns: list[Column] = []
    primary = ""  # the column that ratios are made of
    compared: tuple[str, ...] = ()  # and others
    kinds: tuple[str, ...] = ("vswitchd", "ovs", "testpmd")
    needs_hugepages = True
    needs_quiet = True
    plot: dict[str, str] | None = None  # x: a parameter, y: a column, title

    def rounds(self, effort: Effort) -> int:
        """How often each switch is measured; in a quick run once, unless asked otherwise."""
        return effort.rounds if effort.chosen else effort.pick(1, 1, effort.rounds)

    def cases(self, effort: Effort) -> list[Case]:
        """The rows."""
        raise NotImplementedError

    def measure(self, context: Context, kind: str, case: Case) -> Sample:
        """One figure of one switch. Raises Unavailable, Invalid, or anything: the cell says why."""
        raise NotImplementedError

    def column(self, key: str) -> Column:
        """By key."""
        return next(column for column in self.columns if column.key == key)
