# SPDX-License-Identifier: BSD-3-Clause
"""(k) New-flow storm: what a port that sends only never-seen flows does to the others."""

from dataclasses import replace

from ..errors import Invalid
from ..generator import Traffic, loadgen
from ..scenario import Case, Column, Context, Effort, Sample, Scenario
from ..switches import Setup
from .forwarding import count_text

ESTABLISHED = 300_000  # frames a second, each way
HALF_LOAD = 1_300_000  # of what the switch loses nothing at
KINDS = ("mac", "5tuple")
RULES = 1000  # by which no two 5-tuples are alike (rules.py)


def rules_label(traffic: Traffic) -> str:
    """Of a row with rules."""
    words = [f"{count_text(RULES)} rules"]
    words += [f"{traffic.rate / 1e6:g} Mpps each way"] if traffic.rate != ESTABLISHED else []
    storm = traffic.storm.partition(",")[2]
    words += [f"{int(storm) / 1e6:g} M new 5tuple flows/s" if storm else "no storm"]
    return ", ".join(words)


class Storm(Scenario):
    """Two ports exchange a steady rate; a third one sends frames of flows that never repeat."""

    name = "storm"
    title = f"{ESTABLISHED / 1e6:g} Mpps each way while a third port sends only never-seen flows"
    columns = [
        Column("loss_percent", "% lost of the established", 3, False),
        Column("mpps", "Mpps each way", 3, True),
        Column("p50", "p50 us", 1, False),
        Column("p99", "p99 us", 1, False),
        Column("p999", "p99.9 us", 1, False),
        Column("storm_mpps", "storm Mpps taken", 3),
        Column("cycles", "cycles/packet", 0, False),
    ]
    primary = "p99"
    kinds = ("vswitchd", "ovs")
    plot = {"x": "storm", "y": "loss_percent", "title": "Established traffic during a storm of new flows"}

    def cases(self, effort: Effort) -> list[Case]:
        base = Traffic(ring=1024, rate=ESTABLISHED, seconds=effort.pick(0.2, 0.5, 2.0))
        rows = [Case("no storm", {**base.modes(), "storm": "none"}, base)]
        rates = effort.pick([50_000], [500_000], [100_000, 1_000_000])
        for kind in KINDS:
            for rate in rates:
                traffic = replace(base, storm=f"{kind},{rate}")
                rows.append(Case(f"{rate / 1e6:g} M new {kind} flows/s", traffic.modes(), traffic))
        for traffic in (base, replace(base, storm=f"5tuple,{max(rates)}"),
                        replace(base, rate=HALF_LOAD),
                        replace(base, rate=HALF_LOAD, storm=f"5tuple,{HALF_LOAD}")):
            rows.append(Case(rules_label(traffic), {**traffic.modes(), "rules": RULES}, traffic))
        return rows

    def measure(self, context: Context, kind: str, case: Case) -> Sample:
        traffic: Traffic = case.what
        guests = 3 if traffic.storm else 2
        rules = case.parameters.get("rules", 0)
        switch, sockets = context.guests(kind, Setup(rules=rules, apart=rules > 0), n=guests)
        accounts = []
        outcome = loadgen(context.world, context.cpus, sockets, traffic,
                          lambda: accounts.append(switch.account()))
        end = switch.account()
        switch.check_alive()
        if not outcome.mpps:
            raise Invalid("nothing arrived")
        return Sample({
            "loss_percent": 100 * outcome.loss,
            "mpps": outcome.mpps,
            "p50": outcome.latency_us["p50"],
            "p99": outcome.latency_us["p99"],
            "p999": outcome.latency_us["p999"],
            "storm_mpps": outcome.data["storm"]["mpps_sent"] if traffic.storm else 0.0,
            "cycles": end.per_packet(accounts[0]) if accounts else 0.0,
        }, [], outcome.data)
