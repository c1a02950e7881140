# SPDX-License-Identifier: BSD-3-Clause
"""(h) What an idle switch costs, and what the first frame after a silence waits."""

import time

from ..errors import Invalid
from ..generator import Traffic, loadgen
from ..machine import process_seconds
from ..scenario import Case, Column, Context, Effort, Sample, Scenario
from ..switches import Setup


class Idle(Scenario):
    """Two connected ports, one frame a second: each one is the first after a second of silence."""

    name = "idle"
    title = "idle CPU, and latency of the first frame after 1 s of silence"
    columns = [
        Column("cpu", "% of a CPU", 1, False),
        Column("p50", "p50 us", 1, False),
        Column("max", "max us", 1, False),
    ]
    primary = "p50"
    kinds = ("vswitchd", "ovs")

    def cases(self, effort: Effort) -> list[Case]:
        traffic = Traffic(direction="a-to-b", rate=1, seconds=effort.pick(1.2, 2.2, 6.0))
        return [Case(label, {**traffic.modes(), "poll": poll}, (traffic, poll))
                for label, poll in (("may sleep", False), ("polls", True))]

    def measure(self, context: Context, kind: str, case: Case) -> Sample:
        traffic, poll = case.what
        switch, sockets = context.guests(kind, Setup(poll=poll))
        begin = []
        outcome = loadgen(context.world, context.cpus, sockets, traffic,
                          lambda: begin.append((time.monotonic(), process_seconds(switch.pid))))
        switch.check_alive()
        if not begin or not outcome.sent or outcome.lost:
            raise Invalid(f"{outcome.lost} of {outcome.sent} frames lost")
        used = process_seconds(switch.pid) - begin[0][1]
        return Sample({
            "cpu": 100 * used / (time.monotonic() - begin[0][0]),
            "p50": outcome.latency_us["p50"],
            "max": outcome.latency_us["max"],
        })
