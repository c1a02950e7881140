# SPDX-License-Identifier: BSD-3-Clause
"""(i) Memory with no port, and with many that nobody is connected to."""

from ..machine import process_mib
from ..scenario import Case, Column, Context, Effort, Sample, Scenario
from ..switches import Setup


class Memory(Scenario):
    """Each switch with its own default of packet memory."""

    name = "memory"
    title = "memory at the switch's own defaults, vhost-user ports that nobody uses yet"
    columns = [
        Column("rss", "RSS MiB", 0, False),
        Column("huge", "hugepages MiB", 0, False),
        Column("total", "both MiB", 0, False),
    ]
    primary = "total"
    kinds = ("vswitchd", "ovs")
    needs_quiet = False

    def cases(self, effort: Effort) -> list[Case]:
        return [Case(f"{n} ports", {"ports": n}, n)
                for n in effort.pick([0, 2], [0, 10], [0, 10, 100])]

    def measure(self, context: Context, kind: str, case: Case) -> Sample:
        switch = context.switch(kind, Setup(memory=0))
        for number in range(case.what):
            switch.add_vhost(f"p{number}")
        switch.ready()
        rss, huge = process_mib(switch.pid, "VmRSS"), process_mib(switch.pid, "HugetlbPages")
        return Sample({"rss": rss, "huge": huge, "total": rss + huge})
