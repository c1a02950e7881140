# SPDX-License-Identifier: BSD-3-Clause
"""The machine: what it is, whose CPU time is whose, and the hugepages lent to a run."""

import os
import platform
import re
import subprocess
import time
from pathlib import Path

from harness.paths import ROOT, VSWITCHD
from harness.world import World

from .errors import Unavailable

PAGES = Path("/proc/sys/vm/nr_hugepages")
PAGE_MIB = 2
SPARE_MIB = 512  # for the programs themselves
TICK = os.sysconf("SC_CLK_TCK")


class Cpus:
    """Which CPU switches and which generates traffic."""

    def __init__(self, wanted: list[int] | None = None) -> None:
        allowed = sorted(os.sched_getaffinity(0))
        for cpu in wanted or []:
            if cpu not in allowed:
                raise ValueError(f"--cpus: CPU {cpu} is not one of {allowed}")
        self.all = wanted or allowed

    @property
    def switch(self) -> int:
        return self.all[0]

    @property
    def generator(self) -> int:
        if len(self.all) < 2:
            raise Unavailable("needs two CPUs, one to switch and one to generate; "
                              f"this run has CPU {self.all[0]} only")
        return self.all[1]


def reserve_hugepages(world: World, mib: int) -> str:
    """Lend hugepages to the world; '' or why there are too few."""
    wanted = mib // PAGE_MIB
    free = available_mib()
    if mib + SPARE_MIB > free:
        return (f"too little memory: {wanted} hugepages of {PAGE_MIB} MiB are wanted and "
                f"{SPARE_MIB} MiB beside them, {free} MiB are available; see --memory")
    try:
        before = int(PAGES.read_text())
        if before >= wanted:
            return ""
        PAGES.write_text(str(wanted))
        world.defer(lambda: PAGES.write_text(str(before)) and None)
        have = int(PAGES.read_text())
    except OSError as error:
        return f"{wanted} hugepages of {PAGE_MIB} MiB cannot be reserved: {error.strerror}"
    if have < wanted:
        return (f"too little memory: {have} of {wanted} hugepages of {PAGE_MIB} MiB could be "
                f"reserved ({free} MiB are available)")
    return ""


def available_mib() -> int:
    """MemAvailable."""
    match = re.search(r"MemAvailable: *(\d+)", Path("/proc/meminfo").read_text())
    return int(match.group(1)) // 1024 if match else 0


class CpuClock:
    """CPU seconds of the whole machine, stolen ones included, and those of our own processes."""

    def __init__(self) -> None:
        words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, words[:8])
        self.time = time.monotonic()
        self.busy = (user + nice + system + irq + softirq) / TICK
        self.stolen = steal / TICK
        self.own = own_seconds()

    def others_since(self, before: "CpuClock") -> float:
        """CPUs' worth of work by others, the hypervisor's stealing included; 0.04 is 4 % of one."""
        seconds = max(1e-3, self.time - before.time)
        others = (self.busy - before.busy) - (self.own - before.own)
        return max(0.0, others + self.stolen - before.stolen) / seconds


def own_seconds() -> float:
    """CPU seconds of this process, of its children, and of those that ended and were waited for."""
    total = 0
    family = {os.getpid()}
    stats = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except OSError:
                continue
            stats[int(entry.name)] = text.rsplit(")", 1)[1].split()
    grown = True
    while grown:
        grown = False
        for pid, fields in stats.items():
            if pid not in family and int(fields[1]) in family:
                family.add(pid)
                grown = True
    for pid in family & stats.keys():
        fields = stats[pid]
        total += sum(int(fields[i]) for i in (11, 12, 13, 14))
    return total / TICK


def _first(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.M)
    return match.group(1).strip() if match else "unknown"


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False,
                              stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _package(name: str) -> str:
    return _said("dpkg-query", "-W", "-f=${Version}", name) or "not installed"


def _caches() -> dict[str, str]:
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level = (index / "level").read_text().strip()
        kind = (index / "type").read_text().strip()
        found[f"L{level} {kind.lower()}"] = (index / "size").read_text().strip()
    return found


def describe() -> dict[str, object]:
    """What a reader must know to compare figures: machine, versions, revision."""
    info = Path("/proc/cpuinfo").read_text()
    revision = _said("git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD")
    dirty = _said("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no")
    return {
        "cpu": _first(r"^model name\s*: (.*)$", info),
        "model": f"family {_first(r'^cpu family.*: (.*)$', info)} "
                 f"model {_first(r'^model	.*: (.*)$', info)}",
        "mhz": float(_first(r"^cpu MHz\s*: (.*)$", info).replace("unknown", "0")),
        "cpus": os.cpu_count(),
        "caches": _caches(),
        "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20,
        "virtual": "hypervisor" in _first(r"^flags\s*: (.*)$", info).split(),
        "kernel": platform.release(),
        "versions": {
            "vswitchd": _said(str(VSWITCHD), "--version").split("\n", 1)[0],
            "revision": (revision + (" with changes" if dirty else "")) or "unknown",
            "dpdk": _package("libdpdk-dev"),
            "openvswitch": _package("openvswitch-switch-dpdk"),
            "gcc": _said("gcc", "-dumpfullversion"),
        },
    }


def process_seconds(pid: int) -> float:
    """CPU seconds of one process, all of its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def process_mib(pid: int, field: str) -> float:
    """VmRSS, HugetlbPages, ... of one process."""
    match = re.search(rf"^{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)
    return int(match.group(1)) / 1024 if match else 0.0
