# SPDX-License-Identifier: BSD-3-Clause
"""Traffic between vhost-user ports: our own generator, or testpmd as an independent second."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from harness.paths import BUILD
from harness.testpmd import Testpmd as Prompt
from harness.world import World

from .errors import Invalid
from .machine import Cpus
from .switches import Socket

LOADGEN = BUILD / "perf" / "loadgen" / "loadgen"
PATIENCE = 60  # seconds beyond the measured ones: connecting, teaching addresses


@dataclass(frozen=True)
class Traffic:
    """What is sent, and how a guest would treat its rings. The defaults are what most guests are."""

    size: str = "64"  # bytes without checksum, IMIX or TSO
    packed: bool = False
    ring: int = 256  # QEMU's default
    payload: str = "first-line"
    header: str = "clean"  # the virtio-net header's cache line: DPDK guests keep it so
    direction: str = "both"
    flows: int = 1
    fields: str = "mac"
    rate: float = 0  # frames a second and direction; 0: a closed loop, as fast as it goes
    window: str = ""  # frames under way at most; "0": an open loop; "": the generator's choice
    storm: str = ""  # FIELDS,RATE of the last port
    interrupts: bool = False  # asked for when a receive ring was found empty
    memory_change: str = ""  # KIND,MS of the first port's guest
    seconds: float = 1.0

    def label(self) -> str:
        """What differs from the defaults, for people."""
        words = [self.size if not self.size.isdigit() else f"{self.size} B"]
        words += ["packed"] if self.packed else []
        words += [f"ring {self.ring}"] if self.ring != 256 else []
        words += [self.payload] if self.payload != "first-line" else []
        words += ["header rewritten"] if self.header != "clean" else []
        words += ["one way"] if self.direction == "a-to-b" else []
        words += [f"{self.flows} {self.fields} flows"] if self.flows > 1 else []
        return ", ".join(words)

    def modes(self) -> dict[str, Any]:
        """All modes, for the record."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def arguments(self) -> list[str]:
        """For loadgen."""
        words = ["--ring", self.ring, "--payload", self.payload, "--vnet-header", self.header,
                 "--direction", self.direction, "--flows", self.flows, "--fields", self.fields,
                 "--seconds", self.seconds]
        words += ["--tso"] if self.size == "TSO" else ["--size", self.size]
        words += ["--rate", f"{self.rate:.0f}"] if self.rate else []
        words += ["--window", self.window] if self.window else []
        words += ["--storm", self.storm] if self.storm else []
        words += ["--interrupts"] if self.interrupts else []
        words += ["--memory-change", self.memory_change] if self.memory_change else []
        return [str(word) for word in words]

    def at_rate(self, rate: float) -> "Traffic":
        """The same at a rate, open loop."""
        return replace(self, rate=rate)


@dataclass
class Outcome:
    """What a generator says of one run."""

    mpps: float  # received, mean of the directions; in the median slice of the time
    sent: int = 0
    lost: int = 0
    reordered: int = 0
    corrupt: int = 0
    generator_cycles: float = 0.0
    starved: float = 0.0  # share of looks at which the switch had nothing left to do
    limited: bool = False  # by the generator
    cpu_share: float = 1.0  # of its time that the generator had its CPU
    latency_us: dict[str, float] = field(default_factory=dict)  # the worst direction's
    data: dict[str, Any] = field(default_factory=dict)  # all that it said

    @property
    def loss(self) -> float:
        """Share of what was sent."""
        return self.lost / self.sent if self.sent else 0.0


def _outcome(data: dict[str, Any]) -> Outcome:
    directions = data["directions"]
    names = ("p50", "p99", "p999", "max")
    return Outcome(
        mpps=data["slices_mpps"]["p50"],
        sent=sum(x["sent"] for x in directions),
        lost=sum(x["lost"] for x in directions),
        reordered=sum(x["reordered"] for x in directions),
        corrupt=sum(x["corrupt"] for x in directions),
        generator_cycles=data["generator"]["cycles_per_packet"],
        starved=data["generator"]["starved_share"],
        limited=data["generator"]["limited"],
        cpu_share=data["generator"]["cpu_share"],
        latency_us={name: max(x["latency_us"][name] for x in directions) for name in names},
        data=data,
    )


def loadgen(world: World, cpus: Cpus, sockets: list[Socket], traffic: Traffic,
            on_measure: Callable[[], None] = lambda: None) -> Outcome:
    """One run of our generator; on_measure() is called when the measured time begins."""
    command = [str(LOADGEN), "--cpu", str(cpus.generator), "--json", "--hugepages", "--progress"]
    command += traffic.arguments()
    for socket in sockets:
        words = (",server" if socket.generator_listens else "") + (",packed" if traffic.packed
                                                                   else "")
        command += ["--port", f"{socket.path}{words}"]
    process = world.spawn("loadgen", command)
    end = time.monotonic() + PATIENCE + traffic.seconds
    measuring = False
    while process.alive():
        if not measuring and "measuring" in process.output():
            measuring = True
            on_measure()
        if time.monotonic() > end:
            process.stop()
            raise RuntimeError(f"the generator did not end\n{process.describe(10)}")
        time.sleep(0.02)
    if process.wait(1) != 0:
        said = process.output().strip().splitlines()
        raise RuntimeError(said[-1] if said else "the generator ended without a word")
    lines = [line for line in process.output().splitlines() if line.startswith("{")]
    outcome = _outcome(json.loads(lines[-1]))
    if outcome.corrupt:
        raise Invalid(f"{outcome.corrupt} frames arrived corrupt")
    return outcome


MACS = ("02:00:00:00:01:01", "02:00:00:00:01:02")


def testpmd(world: World, cpus: Cpus, sockets: list[Socket], traffic: Traffic,
            on_measure: Callable[[], None] = lambda: None) -> Outcome:
    """testpmd with two virtio-user interfaces that send each other what they receive.

    It has no window and no stamps, so neither loss nor latency is known; it saturates early.
    """
    command = ["stdbuf", "-oL", "dpdk-testpmd", "-l", f"{cpus.switch},{cpus.generator}",
               "--main-lcore", str(cpus.switch), "--in-memory", "--single-file-segments",
               "--no-pci", "--no-telemetry", "--socket-limit=256"]
    for index, socket in enumerate(sockets):
        mode = (",server=1" if socket.generator_listens else "") + (",packed_vq=1"
                                                                    if traffic.packed else "")
        command += ["--vdev", f"net_virtio_user{index},path={socket.path},mac={MACS[index]},"
                    f"queue_size={traffic.ring}{mode}"]
    command += ["--", "-i", "--total-num-mbufs=8192", f"--txd={traffic.ring}",
                f"--rxd={traffic.ring}", f"--eth-peer=0,{MACS[1]}", f"--eth-peer=1,{MACS[0]}",
                f"--txpkts={traffic.size}", "--forward-mode=mac", "--no-lsc-interrupt"]
    prompt = Prompt.attach(world, command)
    prompt("start tx_first 16")
    time.sleep(1.5)
    on_measure()
    before = [prompt.statistics(port)["RX-packets"] for port in (0, 1)]
    start = time.monotonic()
    time.sleep(traffic.seconds)
    after = [prompt.statistics(port)["RX-packets"] for port in (0, 1)]
    took = time.monotonic() - start
    prompt("stop")
    total = sum(b - a for a, b in zip(before, after))
    return Outcome(total / took / 2 / 1e6, sent=total)


GENERATORS = {"loadgen": loadgen, "testpmd": testpmd}
