# SPDX-License-Identifier: BSD-3-Clause
"""(g) Start-up to the first frame, and how long adding and deleting a port takes."""

import socket
import statistics
import time

from ..scenario import Case, Column, Context, Effort, Sample, Scenario
from ..switches import Setup

PATIENCE = 20  # seconds for the first frame
PROBE = bytes.fromhex("ffffffffffff" "020000000a01" "88b5") + bytes(46)  # IEEE local experimental
ETH_P_ALL = 3
EXTRA = 5  # ports added and deleted one by one on top of those that are there


class StartUp(Scenario):
    """Two ports on veth pairs are in the configuration; a frame is sent every half millisecond."""

    name = "start-up"
    title = "from starting the program to the first frame forwarded (two ports configured)"
    columns = [Column("ms", "ms", 0, False)]
    primary = "ms"
    kinds = ("vswitchd", "ovs")

    def cases(self, effort: Effort) -> list[Case]:
        rows = [("hugepages", True)] + effort.pick([], [], [("no hugepages", False)])
        return [Case(label, {"hugepages": huge}, huge) for label, huge in rows]

    def measure(self, context: Context, kind: str, case: Case) -> Sample:
        switch = context.switch(kind, Setup(hugepages=case.what, memory=0))
        pairs = [context.world.veth() for _ in range(2)]
        for number, (ours, _theirs) in enumerate(pairs):
            switch.add_interface(f"p{number}", ours)
        switch.ready()
        with _listener(pairs[0][1]) as sender, _listener(pairs[1][1]) as receiver:
            first_frame(sender, receiver, time.monotonic())  # it works at all
            switch.stop()
            start = time.monotonic()
            switch.restart()
            return Sample({"ms": 1e3 * (first_frame(sender, receiver, start) - start)})


def _listener(ifname: str) -> socket.socket:
    peer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    peer.bind((ifname, 0))
    peer.setblocking(False)
    return peer


def first_frame(sender: socket.socket, receiver: socket.socket, start: float) -> float:
    """When the first probe arrived."""
    while _arrived(receiver):
        pass
    while time.monotonic() < start + PATIENCE:
        sender.send(PROBE)
        time.sleep(0.0005)
        if _arrived(receiver):
            return time.monotonic()
    raise RuntimeError(f"no frame arrived within {PATIENCE} s")


def _arrived(receiver: socket.socket) -> bool:
    try:
        return receiver.recv(2048)[:14] == PROBE[:14]
    except BlockingIOError:
        return False


class PortTimes(Scenario):
    """One at a time, by the command that a person would type; the program's start is in it."""

    name = "port-times"
    title = "adding and deleting one port by command when so many are there"
    columns = [
        Column("add", "ms to add", 1, False),
        Column("delete", "ms to delete", 1, False),
    ]
    primary = "add"
    kinds = ("vswitchd", "ovs")

    def cases(self, effort: Effort) -> list[Case]:
        rows = []
        for kind, kinds in (("vhost-user", ()), ("fake", ("vswitchd",))):
            for count in effort.pick([1], [100], [1, 100, 1000]):
                rows.append(Case(f"{kind}, {count} there", {"type": kind, "ports": count},
                                 (kind, count), kinds))
        return rows

    def measure(self, context: Context, kind: str, case: Case) -> Sample:
        what, count = case.what
        switch = context.switch(kind, Setup(poll=False))
        switch.add_many(what, [f"p{number}" for number in range(count)])
        added, deleted = [], []
        for number in range(EXTRA):
            name = f"x{number}"
            added.append(_timed(lambda n=name: switch.add_one(what, n)))
            deleted.append(_timed(lambda n=name: switch.delete(n)))
        switch.check_alive()
        return Sample({"add": statistics.median(added), "delete": statistics.median(deleted)})


def _timed(call) -> float:
    start = time.monotonic()
    call()
    return 1e3 * (time.monotonic() - start)
