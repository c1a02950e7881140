# SPDX-License-Identifier: BSD-3-Clause
"""What the system tests are written with: a world of daemons, guests and namespaces, in TAP.

A test file makes one Suite, registers cases and ends with suite.main(). Everything a case starts
belongs to a World, which ends it by pid and removes its files whatever happens.
"""

from .ctl import Ctl, Refused
from .daemon import Daemon
from .guest import Guest, Leg, Nic
from .migrate import Migration, migrate
from .netns import Netns
from .peer import Fault, Peer
from .ports import af_packet, af_xdp, boot, guest, mac_of, tap, vhost_port
from .report import Suite, check, check_equal, note
from .subscriber import Subscriber
from .testpmd import Testpmd
from .traffic import iperf, ping, tcp_transfer, udp_stream
from .world import World

__all__ = [
    "Ctl",
    "Daemon",
    "Fault",
    "Guest",
    "Leg",
    "Migration",
    "Netns",
    "Nic",
    "Peer",
    "Refused",
    "Subscriber",
    "Suite",
    "Testpmd",
    "World",
    "af_packet",
    "af_xdp",
    "boot",
    "check",
    "check_equal",
    "guest",
    "iperf",
    "mac_of",
    "migrate",
    "note",
    "ping",
    "tap",
    "tcp_transfer",
    "udp_stream",
    "vhost_port",
]
