# SPDX-License-Identifier: BSD-3-Clause
"""(o) A guest's memory changes again and again while it sends and receives."""

from ..errors import Invalid
from ..generator import Traffic, loadgen
from ..scenario import Case, Column, Context, Effort, Sample, Scenario

INTERVAL_MS = 10
ROWS = {
    "no change": ("watch", ()),
    "SET_MEM_TABLE": ("table", ()),
    "ADD_MEM_REG, REM_MEM_REG": ("slots", ("vswitchd",)),  # the library has no slots
}


class MemoryChange(Scenario):
    """A region more, then one less, 100 times a second; a closed loop, so nothing may be lost.

    The longest time without a frame is told of each change. The switch's main thread makes it, on
    one of two CPUs that are both in use: a part of that time is what it takes from the generator.
    """

    name = "memory-change"
    title = f"64 B, both ways, while one guest's memory changes every {INTERVAL_MS} ms"
    columns = [
        Column("gap_p50", "longest gap, p50 us", 1, False),
        Column("gap_max", "max us", 0, False),
        Column("away_p50", "generator away, p50 us", 1, False),
        Column("away_max", "max us", 0, False),
        Column("answer_p50", "until acknowledged, p50 us", 1, False),
        Column("answer_max", "max us", 0, False),
        Column("lost", "frames lost", 0, False),
        Column("changes", "changes", 0),
    ]
    primary = "gap_p50"
    kinds = ("vswitchd", "vswitchd-dpdk", "ovs")

    def cases(self, effort: Effort) -> list[Case]:
        rows = []
        for name, (change, kinds) in ROWS.items():
            traffic = Traffic(memory_change=f"{change},{INTERVAL_MS}",
                              seconds=effort.pick(0.1, 1.0, 2.0))
            rows.append(Case(name, traffic.modes(), traffic, kinds))
        return rows

    def measure(self, context: Context, kind: str, case: Case) -> Sample:
        switch, sockets = context.guests(kind)
        outcome = loadgen(context.world, context.cpus, sockets, case.what)
        switch.check_alive()
        if outcome.lost == outcome.sent:
            raise Invalid("nothing arrived")
        change = outcome.data["memory_change"]
        figures = {f"{name}_{key}": change[f"{name}_us"][key]
                   for name in ("gap", "away", "answer") for key in ("p50", "max")}
        return Sample({**figures, "lost": outcome.lost, "changes": change["changes"]}, [],
                      outcome.data)
