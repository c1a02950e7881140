# SPDX-License-Identifier: BSD-3-Clause
"""Throughput between two vhost-user ports: sizes, rings, modes, directions, addresses, flows."""

from collections.abc import Callable
from dataclasses import replace

from ..errors import Invalid
from ..generator import GENERATORS, Outcome, Traffic
from ..scenario import Case, Column, Context, Effort, Sample, Scenario
from ..switches import Account, Setup, Switch

COLUMNS = [
    Column("mpps", "Mpps each way", 2, True),
    Column("gbps", "Gbit/s each way", 1, True),
    Column("cycles", "cycles/packet", 0, False),
    Column("generator", "generator's own", 0),
]
BOUND = "generator-bound"
PREEMPTED = "preempted"  # the generator's CPU was taken away for a part of the time
CPU_SHARE_MIN = 0.98
STARVED_LIMIT = 0.9  # beyond this share the figure says nothing of the switch
IMIX_BYTES = (7 * 64 + 4 * 590 + 1514) / 12  # as perf/loadgen/lane.c mixes
TSO_BYTES = 65226
COUNTS = [1, 1000, 10_000, 100_000, 1_000_000]  # of 5-tuples, each way
PLENTY = 10_000  # 5-tuples each way that every switch remembers by default


def frame_bytes(size: str) -> float:
    """Mean bytes of a frame without its checksum."""
    return {"IMIX": IMIX_BYTES, "TSO": TSO_BYTES}.get(size) or float(size)


class Forwarding(Scenario):
    """Rows are Traffic; a closed loop, so that no frame may be lost."""

    columns = COLUMNS
    primary = "mpps"

    def traffic(self, effort: Effort) -> list[Traffic]:
        """The rows."""
        raise NotImplementedError

    def setup(self, traffic: Traffic) -> Setup:
        """How the switch is started for this row."""
        return Setup(fdb_limit=4 * traffic.flows if traffic.flows > 1 else 0,
                     tso=traffic.size == "TSO")

    def cases(self, effort: Effort) -> list[Case]:
        rows = []
        for traffic in self.traffic(effort):
            shown = replace(traffic, seconds=effort.seconds)
            # testpmd looks at no frame: one flow or a million are the same to it.
            kinds = ("vswitchd", "ovs") if traffic.flows > 1 else ()
            rows.append(Case(self.label(shown), shown.modes(), shown, kinds))
        return rows

    def label(self, traffic: Traffic) -> str:
        """Of a row."""
        return traffic.label()

    def measure(self, context: Context, kind: str, case: Case) -> Sample:
        traffic: Traffic = case.what
        switch, sockets = context.guests(kind, self.setup(traffic))
        return forward(context, switch, sockets, traffic)


def forward(context: Context, switch: Switch, sockets: list, traffic: Traffic,
            on_measure: Callable[[], None] = lambda: None, may_lose: bool = False) -> Sample:
    """Run the traffic and make a sample of it; on_measure() is called when it is in full flow."""
    accounts: list[Account] = []

    def begin() -> None:
        accounts.append(switch.account())
        on_measure()

    outcome = GENERATORS[context.generator](context.world, context.cpus, sockets, traffic, begin)
    end = switch.account()
    switch.check_alive()
    require_no_loss(outcome, traffic, may_lose)
    marks = [BOUND] if outcome.limited else []
    marks += [PREEMPTED] if outcome.cpu_share < CPU_SHARE_MIN else []
    if outcome.limited and outcome.starved > STARVED_LIMIT:
        raise Invalid(f"bound by the generator: the switch had nothing to do at "
                      f"{outcome.starved:.0%} of the looks ({outcome.mpps:.2f} Mpps each way)")
    cycles = end.per_packet(accounts[0]) if accounts else 0.0
    return Sample({
        "mpps": outcome.mpps,
        "gbps": outcome.mpps * frame_bytes(traffic.size) * 8 / 1e3,
        "cycles": cycles,
        "generator": outcome.generator_cycles,
        "loss_percent": 100 * outcome.loss,
    }, marks, outcome.data)


def require_no_loss(outcome: Outcome, traffic: Traffic, may_lose: bool) -> None:
    """A closed loop overruns no ring, so nothing may be lost, late or twice."""
    if not outcome.mpps:
        raise Invalid("nothing arrived")
    if not traffic.rate and outcome.lost and not may_lose:
        raise Invalid(f"{outcome.lost} of {outcome.sent} frames lost where none may be")


class VmToVm(Forwarding):
    """(a) Both ways, by size and by kind of ring, beside all that can move a guest's frames."""

    name = "vm-to-vm"
    title = "two virtual machines, both ways, by frame size and ring"
    plot = {"x": "size", "y": "gbps", "title": "Throughput by frame size"}
    kinds = ("vswitchd", "vswitchd-dpdk", "testpmd", "two-copy", "ovs")
    compared = ("cycles",)

    def rounds(self, effort: Effort) -> int:
        return effort.rounds

    def traffic(self, effort: Effort) -> list[Traffic]:
        sizes = effort.pick(["64", "TSO"], ["64", "1500"],
                            ["64", "256", "512", "1024", "1500", "IMIX", "TSO"])
        return [Traffic(size) for size in sizes] + \
            [Traffic(size, packed=True) for size in effort.pick(["64"], ["64"], sizes)]


class GuestModes(Forwarding):
    """(a) What guests do with their buffers, and how long their rings are."""

    name = "guest-modes"
    title = "two virtual machines, both ways, by what the guests do with frames"
    kinds = ("vswitchd", "vswitchd-dpdk", "testpmd", "ovs")
    compared = ("cycles",)

    def traffic(self, effort: Effort) -> list[Traffic]:
        rows = []
        for size in effort.pick(["64"], ["64"], ["64", "1500"]):
            rows += [Traffic(size, ring=1024), Traffic(size, payload="untouched"),
                     Traffic(size, payload="untouched", ring=1024),
                     Traffic(size, payload="verify"), Traffic(size, header="rewritten")]
        return effort.pick(rows[:1], rows, rows)


class OneWay(Forwarding):
    """(b) One direction only."""

    name = "one-way"
    title = "two virtual machines, one way"

    def traffic(self, effort: Effort) -> list[Traffic]:
        return [Traffic(size, direction="a-to-b")
                for size in effort.pick(["64"], ["64"], ["64", "1500"])]


class MacPairs(Forwarding):
    """(c) Learning: many addresses on both sides."""

    name = "mac-pairs"
    title = "64 B, a learning bridge that knows many MAC address pairs"
    plot = {"x": "flows", "y": "cycles", "title": "Cycles a packet by MAC address pairs"}

    def traffic(self, effort: Effort) -> list[Traffic]:
        return [Traffic(flows=n) for n in effort.pick([100], [1000], [1, 1000, 100_000, 1_000_000])]


class FiveTuples(Forwarding):
    """(d) Many connections between two addresses."""

    name = "five-tuples"
    title = "64 B, many 5-tuples between two MAC addresses through a plain bridge"
    plot = {"x": "flows", "y": "cycles", "title": "Cycles a packet by 5-tuples"}

    def traffic(self, effort: Effort) -> list[Traffic]:
        counts = effort.pick([100], [1, 1_000_000], COUNTS)
        return [Traffic(flows=n, fields="5tuple") for n in counts]

    def setup(self, traffic: Traffic) -> Setup:
        return Setup()


def count_text(count: int) -> str:
    """1k is 1000."""
    for size, letter in ((1_000_000, "M"), (1000, "k")):
        if count >= size and count % size == 0:
            return f"{count // size}{letter}"
    return str(count)


def flows_room(flows: int) -> int:
    """What --flows has to be so that so many connections, each way, are remembered."""
    return 0 if flows <= PLENTY else flows * 5 // 2


class Acl(Forwarding):
    """(e) The same with rules like an access list's, which let all pass."""

    name = "acl"
    title = "64 B, many 5-tuples between two MAC addresses, rules like an access list's"
    plot = {"x": "flows", "y": "cycles", "title": "Cycles a packet by 5-tuples, with 1,000 rules"}
    kinds = ("vswitchd", "ovs")

    def cases(self, effort: Effort) -> list[Case]:
        rows = []
        for rules in effort.pick([10], [1000, 10_000], [1000, 10_000]):
            for flows in effort.pick([100], [1, 10_000, 1_000_000], COUNTS):
                traffic = Traffic(flows=flows, fields="5tuple", seconds=effort.seconds)
                setup = Setup(rules=rules, flows=flows_room(flows))
                rows.append(Case(
                    f"{count_text(rules)} rules, {count_text(flows)} 5-tuples{room_text(setup)}",
                    {**traffic.modes(), "rules": rules}, (traffic, setup)))
        return rows

    def measure(self, context: Context, kind: str, case: Case) -> Sample:
        traffic, setup = case.what
        switch, sockets = context.guests(kind, setup)
        return forward(context, switch, sockets, traffic)


def room_text(setup: Setup) -> str:
    """What differs from vswitchd's default."""
    return f" (--flows {setup.flows})" if setup.flows else ""


class Apart(Forwarding):
    """(e) Rules by which each connection is a flow of its own, for every switch.

    An open loop, for who cannot keep up with new flows loses frames: what is received counts.
    """

    name = "apart"
    title = "64 B, 1,000 rules and some by which no two 5-tuples are alike; as much as arrives"
    columns = [*COLUMNS, Column("loss_percent", "% lost", 1, False)]
    plot = {"x": "flows", "y": "mpps", "title": "Delivered, by 5-tuples that are flows"}
    kinds = ("vswitchd", "ovs")

    def cases(self, effort: Effort) -> list[Case]:
        rows = []
        for flows in effort.pick([100], [1, 10_000, 100_000], COUNTS):
            traffic = Traffic(flows=flows, fields="5tuple", seconds=effort.seconds, window="0")
            setup = Setup(rules=effort.pick(10, 1000, 1000), apart=True, flows=flows_room(flows))
            rows.append(Case(f"{count_text(flows)} 5-tuples{room_text(setup)}", traffic.modes(),
                             (traffic, setup)))
        return rows

    def measure(self, context: Context, kind: str, case: Case) -> Sample:
        traffic, setup = case.what
        switch, sockets = context.guests(kind, setup)
        return forward(context, switch, sockets, traffic, may_lose=True)
