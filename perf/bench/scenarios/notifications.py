# SPDX-License-Identifier: BSD-3-Clause
"""(n) Kicks and interrupts: what switch and guests tell each other beside the frames."""

import statistics

from ..errors import Invalid
from ..generator import Traffic, loadgen
from ..scenario import Case, Column, Context, Effort, Sample, Scenario
from ..switches import Setup


class Notifications(Scenario):
    """The guests poll their receive rings until they are empty, then ask to be interrupted.

    As Linux does; but they go on looking, so the next frame takes the request back soon.
    """

    name = "notifications"
    title = "64 B, guests that ask for interrupts: kicks and interrupts of a thousand frames"
    columns = [
        Column("mpps", "Mpps each way", 3, True),
        Column("calls", "interrupts", 1, False),
        Column("kicks", "kicks", 1, False),
        Column("cycles", "cycles/packet", 0, False),
    ]
    primary = "mpps"
    kinds = ("vswitchd", "vswitchd-dpdk", "testpmd", "two-copy", "ovs")

    def cases(self, effort: Effort) -> list[Case]:
        rows = []
        for poll in effort.pick([True], [True, False], [True, False]):
            for packed in effort.pick([False], [False], [False, True]):
                for rate in effort.pick([0], [0, 100_000], [0, 1_000_000, 100_000, 10_000]):
                    traffic = Traffic(packed=packed, rate=rate, interrupts=True,
                                      seconds=effort.seconds)
                    rows.append(Case(label(traffic, poll), {**traffic.modes(), "poll": poll},
                                     (traffic, poll)))
        return rows

    def measure(self, context: Context, kind: str, case: Case) -> Sample:
        traffic, poll = case.what
        switch, sockets = context.guests(kind, Setup(poll=poll))
        accounts = []
        outcome = loadgen(context.world, context.cpus, sockets, traffic,
                          lambda: accounts.append(switch.account()))
        end = switch.account()
        switch.check_alive()
        rates = [direction["mpps_received"] for direction in outcome.data["directions"]]
        if not min(rates):
            raise Invalid("nothing arrived")
        return Sample({
            "mpps": statistics.mean(rates),  # a slice of a low rate has few frames
            "calls": 1e3 * outcome.data["calls_per_packet"],
            "kicks": 1e3 * outcome.data["kicks_per_packet"],
            "cycles": end.per_packet(accounts[0]) if accounts else 0.0,
        }, [], outcome.data)


def label(traffic: Traffic, poll: bool) -> str:
    """Of a row."""
    rate = f"{traffic.rate / 1e6:g} Mpps each way" if traffic.rate else "as fast as it goes"
    words = [rate, *(["packed"] if traffic.packed else []), *([] if poll else ["may sleep"])]
    return ", ".join(words)
