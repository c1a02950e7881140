# SPDX-License-Identifier: BSD-3-Clause
"""All scenarios, in the order of a run."""

from ..scenario import Scenario
from .bare import Bare
from .forwarding import Acl, Apart, FiveTuples, GuestModes, MacPairs, OneWay, VmToVm
from .idle import Idle
from .kernel import Kernel
from .memory import Memory
from .memory_change import MemoryChange
from .no_drop import NoDrop
from .notifications import Notifications
from .programming import Programming
from .start import PortTimes, StartUp
from .storm import Storm

SCENARIOS: dict[str, Scenario] = {scenario.name: scenario for scenario in (
    VmToVm(), GuestModes(), Notifications(), MemoryChange(), OneWay(), MacPairs(), FiveTuples(),
    Acl(), Apart(), Programming(), NoDrop(), StartUp(), PortTimes(), Idle(), Memory(), Kernel(),
    Storm(), Bare(),
)}
