# SPDX-License-Identifier: BSD-3-Clause
"""Live migration of a guest to a second QEMU on the same machine, through its monitor."""

import os
from dataclasses import dataclass

from .guest import Guest, Nic
from .proc import wait_until
from .qmp import QmpError

SLOW, FAST = 48 << 20, 1 << 30  # bytes a second
DOWNTIME_MS = 300  # QEMU's own default


@dataclass
class Migration:
    """What QEMU says of it; times in ms. A round is a pass over the memory that was written."""

    total: int
    downtime: int
    rounds: int
    transferred: int


def undisturbed(vm: Guest) -> None:
    """Let the guest's processors run before all others.

    QEMU's emulation (TCG) loses a store of the guest's own when it is interrupted in the middle of
    it while the page is sent: seen without any network traffic.
    """
    for cpu in vm.qmp("query-cpus-fast"):
        os.sched_setscheduler(cpu["thread-id"], os.SCHED_FIFO, os.sched_param(1))


def migrate(vm: Guest, nics: list[Nic], *, rounds: int = 3, timeout: float = 60.0) -> Migration:
    """Move a running guest to another process, whose interfaces are `nics`.

    Memory is sent slowly until it was gone through so many times, so that traffic writes to what
    is sent already. When this returns the guest runs there and `vm` is it; jobs in it go on.
    """
    path = vm.world.dir / f"{vm.world.name('migrate')}.sock"
    target = vm.twin(nics, "-incoming", f"unix:{path}")
    target.launch()
    target.connect()
    undisturbed(vm)
    wait_until("the target listens", path.exists, 10)
    vm.qmp("migrate-set-parameters", max_bandwidth=SLOW, downtime_limit=1)
    vm.qmp("migrate", uri=f"unix:{path}")
    slow = True

    def completed() -> dict | None:
        nonlocal slow
        answer = vm.qmp("query-migrate")
        if answer["status"] in ("failed", "cancelled"):
            reason = answer.get("error-desc", answer["status"])
            raise QmpError(f"migration: {reason}\n{target.process.describe()}")
        if slow and answer.get("ram", {}).get("dirty-sync-count", 0) >= rounds:
            slow = False
            vm.qmp("migrate-set-parameters", max_bandwidth=FAST, downtime_limit=DOWNTIME_MS)
        return answer if answer["status"] == "completed" else None

    answer = wait_until("the migration is completed", completed, timeout, interval=0.02)
    wait_until("the target runs", lambda: target.qmp("query-status")["status"] == "running", 10)
    vm.move(target)
    ram = answer["ram"]
    return Migration(answer["total-time"], answer["downtime"], ram["dirty-sync-count"],
                     ram["transferred"])
