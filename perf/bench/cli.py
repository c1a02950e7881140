# SPDX-License-Identifier: BSD-3-Clause
"""The command line of ./dev bench."""

import argparse
import difflib
import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.paths import VSWITCHD
from harness.world import World

from .gate import DISTANCE, Distance, Gate
from .generator import GENERATORS, LOADGEN
from .machine import Cpus, describe, reserve_hugepages
from .result import FORMAT, Table
from .runner import FAR, NOISY, Runner, to_stderr
from .scenario import FULL, QUICK, SMOKE
from .scenarios import SCENARIOS
from .switches import PEERS
from .terminal import render

HUGEPAGES_MIB = 1400

EPILOG = """\
examples:
  sudo ./dev bench --quick
  sudo ./dev bench --only vm-to-vm,one-way --peer ovs --json figures.json
  sudo ./dev bench --json figures.json && perf/document figures.json

Exit status: 0; 1 a figure is invalid or a cell that was asked for is missing; 2 wrong use.
Progress goes to standard error, tables to standard output."""


def parser() -> argparse.ArgumentParser:
    """All options."""
    p = argparse.ArgumentParser(
        prog="./dev bench", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measure vswitchd beside Open vSwitch and testpmd: the same traffic, one run, "
                    "interleaved; medians, spread and ratios.")
    p.add_argument("--quick", action="store_true", help="fewer rows, shorter: under 5 minutes")
    p.add_argument("--smoke", action="store_true",
                   help="one short round of every scenario: that it works, not how fast")
    p.add_argument("--only", metavar="NAME[,NAME]", help="these scenarios only; see --list")
    p.add_argument("--peer", metavar="NAME[,NAME]|none",
                   help=f"which other switches take part ({','.join(PEERS)})")
    p.add_argument("--generator", choices=GENERATORS, default="loadgen",
                   help="who makes the traffic between vhost-user ports (loadgen)")
    p.add_argument("--cpus", metavar="A,B", help="CPU that switches, CPU that generates")
    p.add_argument("--memory", type=int, metavar="MIB", default=HUGEPAGES_MIB,
                   help=f"hugepages to reserve for the run ({HUGEPAGES_MIB})")
    p.add_argument("--rounds", type=int, metavar="N", help="measurements of each figure")
    p.add_argument("--noise", type=float, metavar="PERCENT", default=4.0,
                   help="CPU that others may use before a figure is measured again (4)")
    p.add_argument("--json", metavar="FILE", help="write all rounds; - is standard output")
    p.add_argument("--resume", action="store_true",
                   help="keep what the file of --json has: measure what it lacks, or --only")
    p.add_argument("--list", action="store_true", help="name the scenarios and end")
    return p


def split_names(text: str, known: list[str], option: str) -> tuple[list[str], list[str]]:
    """(known names, messages about unknown ones)."""
    good, bad = [], []
    for name in filter(None, (word.strip() for word in text.split(","))):
        if name in known:
            good += [name] if name not in good else []
            continue
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        bad.append(f"{option} {name}: it is none of {', '.join(known)}{hint}")
    return good, bad


def peers_of(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Peers that take part, and complaints."""
    if options.peer is None:
        return PEERS, []
    if options.peer == "none":
        return [], []
    return split_names(options.peer, PEERS, "--peer")


def _cpus(options: argparse.Namespace) -> Cpus:
    if options.cpus is None:
        return Cpus()
    try:
        wanted = [int(word) for word in options.cpus.split(",")]
    except ValueError:
        raise ValueError(f"--cpus {options.cpus}: numbers with commas, such as 0,1") from None
    if len(set(wanted)) != len(wanted):
        raise ValueError(f"--cpus {options.cpus}: the same CPU twice")
    return Cpus(wanted)


def complain(text: str) -> None:
    """A message about wrong use or a missing thing."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def run(options: argparse.Namespace) -> int:
    """Measure; the exit status."""
    good, bad = split_names(options.only, list(SCENARIOS), "--only") if options.only is not None \
        else (list(SCENARIOS), [])
    peers, bad_peers = peers_of(options)
    for text in bad + bad_peers:
        complain(text)
    if not good:
        return 2
    cpus = _cpus(options)
    if os.geteuid() != 0:
        complain("hugepages, namespaces and CPU affinity need root: sudo ./dev bench")
        return 2
    for program in (VSWITCHD, LOADGEN, DISTANCE):
        if not program.exists():
            complain(f"{program} is missing; ./dev build makes it")
            return 2
    effort = SMOKE if options.smoke else QUICK if options.quick else FULL
    if options.rounds:
        effort = replace(effort, rounds=options.rounds, chosen=True)
    distance = Distance(cpus)
    if options.smoke:
        gate = Gate(distance, float("inf"), 0, 1)
    else:
        distance.calibrate()
        gate = Gate(distance, options.noise / 100)
    document = resumed_document(options.json) if options.resume else \
        fresh_document(options, effort.name, cpus)
    if options.resume and options.only is None:
        good = [name for name in good
                if name not in {s["name"] for s in document["scenarios"]}]
    tables: list[Table] = []
    with World() as world:
        no_pages = reserve_hugepages(world, options.memory)
        if no_pages:
            complain(no_pages)
        runner = Runner(cpus, effort, peers, options.generator, gate, no_pages, to_stderr)
        for name in good:
            table = runner.run(SCENARIOS[name])
            tables.append(table)
            add_table(document, table)
            if options.json and options.json != "-":
                write_json(options.json, document)
            print(("" if name == good[0] else "\n") + render(table), flush=True,
                  file=sys.stderr if options.json == "-" else sys.stdout)
    if options.json == "-":
        write_json("-", document)
    return summary(tables, bool(bad or bad_peers))


def fresh_document(options: argparse.Namespace, effort: str, cpus: Cpus) -> dict[str, Any]:
    """What --json writes, without figures yet."""
    return {
        "format": FORMAT,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": 0.0,
        "effort": effort,
        "generator": options.generator,
        "noise_limit_percent": options.noise,
        "cpus": cpus.all[:2],
        "machine": describe(),
        "scenarios": [],
    }


def resumed_document(path: str) -> dict[str, Any]:
    """The figures of an earlier run on this machine, to add to."""
    try:
        document = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"--resume: {path}: {error}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"--resume: {path} holds no figures of format {FORMAT}")
    here, there = describe(), document["machine"]
    if (here["cpu"], here["kernel"]) != (there["cpu"], there["kernel"]):
        raise ValueError(f"--resume: {path} is of another machine ({there['cpu']})")
    if here["versions"] != there["versions"]:
        complain(f"{path} is of other versions: {there['versions']}")
    return document


def add_table(document: dict[str, Any], table: Table) -> None:
    """Put it among the others, in the order of the programme."""
    others = [s for s in document["scenarios"] if s["name"] != table.scenario.name]
    order = {name: number for number, name in enumerate(SCENARIOS)}
    added = table.json() | {"revision": describe()["versions"].get("revision", "unknown")}
    document["scenarios"] = sorted([*others, added],
                                   key=lambda s: order.get(s["name"], len(order)))
    document["seconds"] = round(document["seconds"] + table.seconds, 1)


def write_json(path: str, document: dict[str, Any]) -> None:
    """All figures so far."""
    text = json.dumps(document, indent=1) + "\n"
    if path == "-":
        sys.stdout.write(text)
    else:
        Path(path).write_text(text)


def summary(tables: list[Table], complained: bool) -> int:
    """One line about what is not a figure; the exit status."""
    verdicts = [v[2] for table in tables for v in table.verdicts()]
    invalid, missing = verdicts.count("invalid"), verdicts.count("missing")
    disturbed = sum(bool({NOISY, FAR} & set(cell.marks())) for table in tables
                    for row in table.rows for cell in row.cells.values())
    if invalid or missing or disturbed:
        complain(f"{invalid} invalid, {missing} missing, {disturbed} disturbed cells")
    return 1 if invalid or missing or complained else 0


def check_options(options: argparse.Namespace) -> None:
    """Raise ValueError for what argparse lets pass."""
    if options.rounds is not None and options.rounds < 1:
        raise ValueError(f"--rounds {options.rounds}: at least 1")
    if options.memory < 1:
        raise ValueError(f"--memory {options.memory}: at least 1 MiB")
    if options.noise < 0:
        raise ValueError(f"--noise {options.noise:g}: 0 or more percent of a CPU")
    if options.quick and options.smoke:
        raise ValueError("--quick and --smoke: one of them")
    if options.resume and (not options.json or options.json == "-"):
        raise ValueError("--resume: it needs the file of an earlier run, --json FILE")
    if options.json and options.json != "-":
        folder = Path(options.json).resolve().parent
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise ValueError(f"--json {options.json}: {folder} is no folder that can be written")


def main() -> None:
    """The program."""
    options = parser().parse_args()
    if options.list:
        for scenario in SCENARIOS.values():
            print(f"{scenario.name:14s} {scenario.title}")
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        check_options(options)
        sys.exit(run(options))
    except ValueError as error:
        complain(str(error))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
