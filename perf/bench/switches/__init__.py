# SPDX-License-Identifier: BSD-3-Clause
"""The switches that are measured, by name."""

from .base import Account, Setup, Socket, Switch
from .linux_bridge import LinuxBridge
from .ovs import Ovs
from .testpmd import Testpmd
from .two_copy import TwoCopy
from .vswitchd import Vswitchd, VswitchdDpdk

SUBJECT = "vswitchd"
SWITCHES: dict[str, type[Switch]] = {kind.name: kind for kind in (
    Vswitchd, VswitchdDpdk, Testpmd, TwoCopy, Ovs, LinuxBridge)}
PEERS = [name for name in SWITCHES if name != SUBJECT]

__all__ = ["Account", "PEERS", "Setup", "Socket", "SUBJECT", "SWITCHES", "Switch"]
