# SPDX-License-Identifier: BSD-3-Clause
"""(m) How fast flow rules are added, and what memory they take."""

import time

from .. import rules
from ..machine import process_mib
from ..scenario import Case, Column, Context, Effort, Sample, Scenario
from ..switches import Setup
from .forwarding import count_text

BATCH = 100_000


class Programming(Scenario):
    """No traffic. By the switch's own command, its start included, or over vswitchd's socket."""

    name = "programming"
    title = f"flow rules like an access list's, added in batches of {BATCH}"
    columns = [
        Column("rate", "k rules/s", 0, True),
        Column("mib", "MiB", 0, False),
        Column("bytes", "bytes/rule", 0, False),
    ]
    primary = "rate"
    kinds = ("vswitchd", "ovs")

    def cases(self, effort: Effort) -> list[Case]:
        rows = [(n, "command", ()) for n in effort.pick([1000], [BATCH], [BATCH])]
        rows += [(n, "socket", ("vswitchd",))
                 for n in effort.pick([1000], [BATCH, 1_000_000], [BATCH, 1_000_000])]
        return [Case(f"{count_text(n)} rules, by {how}", {"rules": n, "how": how}, (n, how), kinds)
                for n, how, kinds in rows]

    def measure(self, context: Context, kind: str, case: Case) -> Sample:
        count, how = case.what
        switch = context.switch(kind, Setup(poll=False))
        lines = rules.access_list(count, kind != "vswitchd")
        batches = [lines[n:n + BATCH] for n in range(0, len(lines), BATCH)]
        before = process_mib(switch.pid, "VmRSS")
        took = 0.0
        for batch in batches:
            if how == "socket":
                took += program(switch, batch)
            else:
                path = rules.write(context.world, batch)
                start = time.monotonic()
                switch.program(path)
                took += time.monotonic() - start
        used = process_mib(switch.pid, "VmRSS") - before
        switch.check_alive()
        return Sample({"rate": len(lines) / took / 1e3, "mib": used,
                       "bytes": used * 2**20 / len(lines)})


def program(switch, lines: list[str]) -> float:
    """One request; the seconds until its answer was there."""
    text = "".join(f"{line}\n" for line in lines)
    start = time.monotonic()
    reply = switch.daemon.call("program", {"bridge": "br0", "text": text}, timeout=120)
    took = time.monotonic() - start
    if "error" in reply:
        raise RuntimeError(f"program: {reply['error']}")
    return took
