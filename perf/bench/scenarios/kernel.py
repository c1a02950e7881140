# SPDX-License-Identifier: BSD-3-Clause
"""(j) TCP between two namespaces through ports on kernel interfaces."""

import json

from harness.netns import Netns
from harness.ports import mount_bpf

from ..errors import Invalid
from ..scenario import Case, Column, Context, Effort, Sample, Scenario
from ..switches import Setup

ADDRESSES = ("10.9.0.1", "10.9.0.2")


class Kernel(Scenario):
    """iperf3; both of its ends and the switch share the machine's CPUs as the kernel likes."""

    name = "kernel"
    title = "TCP between two namespaces (iperf3)"
    columns = [
        Column("gbps", "Gbit/s", 2, True),
        Column("retransmits", "retransmits", 0, False),
    ]
    primary = "gbps"
    kinds = ("vswitchd", "ovs", "linux")

    def cases(self, effort: Effort) -> list[Case]:
        rows = [("tap", ()), ("af-packet", ()), ("af-xdp", ("vswitchd",))]
        seconds = effort.pick(1, 1, 4)
        return [Case(kind, {"port": kind, "seconds": seconds}, seconds, kinds)
                for kind, kinds in rows]

    def measure(self, context: Context, kind: str, case: Case) -> Sample:
        switch = context.switch(kind, Setup(poll=False))
        spaces = []
        for number, address in enumerate(ADDRESSES):
            netns = Netns(context.world, address)
            name = f"p{number}"
            if case.label == "tap":
                switch.add_tap(name, netns)
            else:
                ours, theirs = context.world.veth()
                netns.adopt(theirs)
                if case.label == "af-xdp":
                    mount_bpf(context.world)
                    switch.add(name, "type=af-xdp", f"ifname={ours}")
                else:
                    switch.add_interface(name, ours)
            netns.configure()
            if no_offloads(kind, case):
                netns.run(f"ethtool -K {netns.ifname} tx off")
            spaces.append(netns)
        switch.ready()
        client, server = spaces
        server.start("exec iperf3 -s -1")
        client.run(f"for i in 1 2 3 4 5 6 7 8 9 10; do ping -c1 -W1 {ADDRESSES[1]} && exit; done; "
                   "exit 1", timeout=20)
        text = client.run(f"iperf3 -c {ADDRESSES[1]} -t {case.what} --json",
                          timeout=case.what + 20)
        end = json.loads(text)["end"]
        switch.check_alive()
        gbps = end["sum_received"]["bits_per_second"] / 1e9
        if not gbps:
            raise Invalid("iperf3 moved nothing")
        marks = ["offloads off"] if no_offloads(kind, case) else []
        return Sample({"gbps": gbps, "retransmits": end["sum_sent"].get("retransmits", 0)}, marks)


def no_offloads(kind: str, case: Case) -> bool:
    """Open vSwitch passes on frames of a veth without their checksum; its users turn that off."""
    return kind == "ovs" and case.label == "af-packet"
