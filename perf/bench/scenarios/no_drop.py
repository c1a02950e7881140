# SPDX-License-Identifier: BSD-3-Clause
"""(f) The highest rate without a lost frame (RFC 2544 section 26.1), and latency below it."""

from ..errors import Invalid
from ..generator import Outcome, Traffic, loadgen
from ..scenario import Case, Column, Context, Effort, Sample, Scenario

SHARES = (10, 50, 90)  # percent of the no-drop rate


class NoDrop(Scenario):
    """Both ways at a steady rate. Each trial is a run of its own on the same ports."""

    name = "no-drop"
    title = "no-drop rate by binary search (RFC 2544), latency at 10, 50 and 90 % of it"
    columns = [Column("ndr_mpps", "no-drop Mpps each way", 2, True)] + [
        Column(f"{p}_{share}", f"{p} us at {share} %", 1, False)
        for share in SHARES for p in ("p50", "p99")]
    primary = "ndr_mpps"
    plot = {"x": "size", "y": "ndr_mpps", "title": "No-drop rate by frame size"}
    kinds = ("vswitchd", "ovs", "testpmd")

    def cases(self, effort: Effort) -> list[Case]:
        rows = []
        for size in effort.pick(["64"], ["64"], ["64", "1500"]):
            traffic = Traffic(size, ring=1024, seconds=effort.pick(0.1, 0.3, 0.5))
            rows.append(Case(traffic.label(), traffic.modes(), traffic))
        return rows

    def measure(self, context: Context, kind: str, case: Case) -> Sample:
        traffic: Traffic = case.what
        switch, sockets = context.guests(kind)

        def trial(what: Traffic) -> Outcome:
            return loadgen(context.world, context.cpus, sockets, what)

        closed = trial(traffic)
        if not closed.mpps:
            raise Invalid("nothing arrived")
        rate = search(trial, traffic, closed.mpps * 1e6, context.effort.pick(4, 4, 7))
        if not rate:
            raise Invalid("frames are lost at every rate that was tried")
        figures = {"ndr_mpps": rate / 1e6}
        for share in SHARES:
            latency = trial(traffic.at_rate(rate * share / 100)).latency_us
            figures[f"p50_{share}"] = latency["p50"]
            figures[f"p99_{share}"] = latency["p99"]
        return Sample(figures)


def search(trial, traffic: Traffic, top: float, steps: int) -> float:
    """The highest rate at which a trial lost nothing and was as fast as asked; 0: none."""
    good, bad, rate = 0.0, 0.0, top
    for _ in range(steps):
        outcome = trial(traffic.at_rate(rate))
        if not outcome.lost and outcome.mpps * 1e6 > 0.99 * rate:
            good = rate
        else:
            bad = rate
        if not bad:
            rate = good * 1.2
        elif not good:
            rate = bad / 2
        elif bad - good < 0.02 * bad:
            break
        else:
            rate = (good + bad) / 2
    return good
