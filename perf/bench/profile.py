# SPDX-License-Identifier: BSD-3-Clause
"""Where the switch's cycles go, per function: perf(1) on the switch while it forwards."""

import argparse
import json
import re
import shutil
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path

from harness.proc import run
from harness.world import World

from .cli import HUGEPAGES_MIB
from .errors import Invalid, Unavailable
from .generator import Traffic
from .machine import Cpus, describe, reserve_hugepages
from .result import FORMAT
from .scenario import FULL, Context
from .scenarios.forwarding import forward
from .switches import SWITCHES, Setup

FREQUENCY = 1999  # samples a second; not a divisor of what else ticks
SETTLE = 0.1  # seconds of the measured time before perf starts
LEAST_SHARE = 0.005  # of the functions that are shown
NO_SYMBOL = "(no symbol)"


def record(pid: int, seconds: float, path: Path) -> None:
    """Samples of all threads of the switch."""
    run(["perf", "record", "-q", "-o", path, "-p", pid, "-F", FREQUENCY, "--",
         "sleep", str(seconds)], seconds + 20)


def functions(path: Path) -> list[dict[str, object]]:
    """Shares by function, the greatest first. A stripped library is one line."""
    text = subprocess.run(
        ["perf", "report", "-q", "-i", str(path), "--stdio", "--no-children", "-s", "dso,symbol",
         "-t", "|"], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL).stdout
    shares: dict[tuple[str, str], float] = defaultdict(float)
    for line in text.splitlines():
        match = re.match(r"\s*([\d.]+)%\s*\|([^|]+)\|\[.\] ([^|]+)", line)
        if match:
            share, owner, symbol = match.groups()
            symbol = NO_SYMBOL if symbol.strip().startswith("0x") else symbol.strip()
            shares[symbol, owner.strip()] += float(share) / 100
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    return [{"name": name, "object": owner, "share": round(share, 4)}
            for (name, owner), share in ordered if share >= LEAST_SHARE]


def profile(cpus: Cpus, kind: str, traffic: Traffic) -> dict[str, object]:
    """One case."""
    with World() as world:
        context = Context(world, cpus, FULL, "loadgen")
        switch, sockets = context.guests(kind)
        path = world.dir / "perf.data"
        recorder = threading.Timer(SETTLE, record,
                                   (switch.pid, traffic.seconds - 3 * SETTLE, path))
        sample = forward(context, switch, sockets, traffic, recorder.start)
        recorder.join()
        return {
            "label": traffic.label(),
            "switch": kind,
            "mpps": round(sample.figures["mpps"], 3),
            "cycles_per_packet": round(sample.figures["cycles"], 1),
            "functions": functions(path),
        }


def show(case: dict) -> str:
    """For the terminal."""
    lines = [f"{case['switch']}, {case['label']}: {case['mpps']:.2f} Mpps each way, "
             f"{case['cycles_per_packet']:.0f} cycles a packet"]
    for function in case["functions"]:
        cycles = function["share"] * case["cycles_per_packet"]
        lines.append(f"  {function['share']:6.1%} {cycles:7.1f}  {function['name']:32s} "
                     f"{function['object']}")
    return "\n".join(lines)


def main() -> None:
    """The program."""
    p = argparse.ArgumentParser(prog="perf/profile", description=__doc__)
    p.add_argument("--switch", choices=SWITCHES, default="vswitchd")
    p.add_argument("--size", default="64,1500", help="frame sizes, with commas (64,1500)")
    p.add_argument("--seconds", type=float, default=3, help="of each case (3)")
    p.add_argument("--json", metavar="FILE", help="for perf/document --profile")
    options = p.parse_args()
    if options.seconds < 1:
        p.error("--seconds: at least 1")
    try:
        if not shutil.which("perf"):
            raise Unavailable("perf is missing; apt-get install linux-perf")
        cases = []
        with World() as world:
            reason = reserve_hugepages(world, HUGEPAGES_MIB)
            if reason:
                raise Unavailable(reason)
            for size in options.size.split(","):
                case = profile(Cpus(), options.switch, Traffic(size, seconds=options.seconds))
                cases.append(case)
                print(show(case), flush=True)
    except (Unavailable, Invalid, RuntimeError) as error:
        print(f"profile: {error}", file=sys.stderr)
        sys.exit(1)
    if options.json:
        Path(options.json).write_text(json.dumps(
            {"format": FORMAT, "machine": describe(), "cases": cases}, indent=1) + "\n")
