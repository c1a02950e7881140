#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""perf/document: tables, marks, what gnuplot is told, wrong input, --check. Needs no gnuplot."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "perf"), str(ROOT / "tests" / "system")]

from bench import document, plot  # noqa: E402
from bench.figures import FORMAT, PROFILE, check as check_shape  # noqa: E402
from harness.report import Suite, check, check_equal  # noqa: E402
from harness.world import World  # noqa: E402

suite = Suite("document")
PAGE = f"# Performance\n\nBefore.\n\n{document.BEGIN}\n{document.END}\n\nAfter.\n"
MPPS = {"key": "mpps", "title": "Mpps each way", "digits": 2, "more": True}
GBPS = {"key": "gbps", "title": "Gbit/s each way", "digits": 1, "more": True}
CYCLES = {"key": "cycles", "title": "cycles/packet", "digits": 0, "more": False}


def cell(*marks: str, **figures: float) -> dict[str, Any]:
    """A good one: two rounds, one a tenth below and one a tenth above."""
    return {"verdict": "ok", "why": None, "marks": sorted(marks), "median": figures,
            "min": {key: value * 0.9 for key, value in figures.items()},
            "max": {key: value * 1.1 for key, value in figures.items()}, "rounds": [{}, {}]}


def empty(verdict: str, why: str, *keys: str) -> dict[str, Any]:
    """One without a figure."""
    nothing = dict.fromkeys(keys)
    return {"verdict": verdict, "why": why, "marks": [], "median": nothing, "min": nothing,
            "max": nothing, "rounds": []}


def scenario(name: str, columns: list, rows: list, hint: dict[str, str] | None = None) -> dict:
    """Rows are (label, parameters, cells, ratio)."""
    keys = ("label", "parameters", "cells", "ratio")
    return {"name": name, "title": f"about {name}", "columns": columns, "plot": hint,
            "primary": columns[0]["key"], "seconds": 1.0,
            "rows": [dict(zip(keys, row)) for row in rows]}


def figures(*scenarios: dict) -> dict[str, Any]:
    """A run."""
    return {
        "format": FORMAT, "started": "2026-01-02T03:04:05Z", "seconds": 120.0,
        "effort": "full", "generator": "loadgen", "noise_limit_percent": 4.0, "cpus": [0, 1],
        "machine": {"cpu": "A CPU", "mhz": 2000.0, "cpus": 2, "caches": {"L2 unified": "2048K"},
                    "memory_mib": 2048, "virtual": True, "kernel": "6.1", "versions":
                    {"vswitchd": "vswitchd 0.1.0", "revision": "abc", "dpdk": "22.11"}},
        "scenarios": list(scenarios),
    }


def small() -> dict[str, Any]:
    """One scenario without a plot; marks of all kinds and cells without a figure."""
    keys = ("mpps", "gbps", "cycles")
    return figures(scenario("small", [MPPS, GBPS, CYCLES], [
        ("64 B", {}, {"vswitchd": cell("generator-bound", mpps=9, gbps=4, cycles=101),
                      "ovs": cell("noisy", mpps=4.5, gbps=2, cycles=220)}, {"ovs": 2.0}),
        ("TSO", {}, {"vswitchd": cell(mpps=0.05, gbps=26, cycles=12345),
                     "ovs": cell("generator-bound", mpps=0.04, gbps=20, cycles=15000)},
         {"ovs": 1.25}),
        ("10 rules", {}, {"vswitchd": empty("not-yet", "no rules yet", *keys),
                          "ovs": empty("missing", "/a/b/it|said <b>\nsecond line", *keys)}, {}),
        ("99 rules", {}, {"vswitchd": empty("not-yet", "no rules yet", *keys),
                          "ovs": empty("invalid", "lost " * 99, *keys)}, {}),
    ]))


def by_size(*rings: bool) -> dict[str, Any]:
    """A scenario with names on its x axis."""
    return scenario("sizes", [MPPS, GBPS, CYCLES], [
        (size, {"size": size, "packed": packed, "window": 1 if size == "TSO" else 128},
         {"vswitchd": cell("generator-bound", mpps=3, gbps=30, cycles=300),
          "ovs": cell(mpps=2, gbps=20, cycles=500)}, {"ovs": 1.5})
        for packed in rings for size in ("64", "1500", "TSO")],
        {"x": "size", "y": "gbps", "title": "It's `size`"})


def by_flows(*kinds: str) -> dict[str, Any]:
    """A scenario with numbers on its x axis, far apart in x and y."""
    return scenario("flows", [MPPS, GBPS, CYCLES], [
        (f"{n} flows", {"flows": n, "fields": "mac", "packed": False},
         {kind: cell(mpps=3, gbps=2, cycles=100 * (1 + n / 1000 * (kind == "ovs")))
          for kind in kinds}, {}) for n in (1, 1000, 1_000_000)],
        {"x": "flows", "y": "cycles", "title": "Cycles"})


def latency() -> dict[str, Any]:
    """The scenario that has a plot of its own."""
    columns = [{"key": "ndr_mpps", "title": "no-drop Mpps", "digits": 2, "more": True}] + [
        {"key": f"{p}_{load}", "title": f"{p} us at {load} %", "digits": 1, "more": False}
        for load in (10, 50, 90) for p in ("p50", "p99")]
    values = {column["key"]: 5.0 for column in columns}
    return scenario("no-drop", columns, [
        (label, {"size": label}, {kind: cell(**values) for kind in ("vswitchd", "ovs")}, {"ovs": 1})
        for label in ("64 B", "1500 B")])


def command(world: World, document_: Any, *options: str, page: str | None = PAGE,
            env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """perf/document on these figures, in a folder of its own."""
    source = world.dir / "figures.json"
    source.write_text(document_ if isinstance(document_, str) else json.dumps(document_))
    target = world.dir / "docs" / document.PAGE
    target.parent.mkdir(exist_ok=True)
    if page is not None and not target.exists():
        target.write_text(page)
    return subprocess.run(
        [sys.executable, ROOT / "perf" / "document", source, "--docs", target.parent, *options],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **(env or {})})


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One line that has these words, and status 2."""
    check_equal(done.returncode, 2, f"status; it said {done.stderr!r}")
    check_equal(done.stderr.count("\n"), 1, f"lines of {done.stderr!r}")
    for word in words:
        check(word in done.stderr, f"{word!r} is not in {done.stderr!r}")


@suite.case("a table has medians, spread, cycles, ratios and marks")
def _(_world: World) -> None:
    text, drawn = document.build(small(), None)
    check_equal(drawn, [], "plots")
    lines = [line for line in text.splitlines() if line.startswith(("| 64 B", "| TSO", "| case"))]
    check_equal(lines, [
        "| case | vswitchd<br>Mpps each way | cycles/packet | OVS<br>Mpps each way "
        "| cycles/packet | vswitchd /<br>OVS |",
        "| 64 B | &gt;=9.00 [8.10-9.90] | 101 | 4.50 [4.05-4.95] (noisy) | 220 | &gt;=2.00 |",
        "| TSO | 0.0500 [0.0450-0.0550] | 12,345 | &gt;=0.0400 [0.0360-0.0440] | 15,000 "
        "| &lt;=1.25 |",
    ], "lines")
    for words in ("2 rounds", "a virtual machine", "1 of 4 cells are noisy", "vswitchd 0.1.0",
                  "&gt;=: the generator was the limit.", "in parentheses"):
        check(words in text, f"{words!r} is not in\n{text}")


@suite.case("cells without a figure say why, once and short")
def _(_world: World) -> None:
    text, _ = document.build(small(), None)
    check("| 10 rules | not yet |  | missing |  |  |" in text, text)
    check("- vswitchd, not yet: no rules yet (10 rules; 99 rules)\n" in text, text)
    check("- OVS, missing: it\\|said \\<b\\> (10 rules)\n" in text, text)
    check("second line" not in text, "only the first line")
    check(max(len(line) for line in text.splitlines() if line.startswith("- ")) < 160, text)


@suite.case("many columns make a line of each switch; a quick run is called so")
def _(_world: World) -> None:
    run = figures(latency())
    run["scenarios"][0]["revision"] = "def"
    run["effort"] = "quick"
    text, drawn = document.build(run, None)
    check("| case | switch | no-drop Mpps | p50 us at 10 % |" in text, text)
    check("|  | OVS | 5.00 [4.50-5.50] | 5.0 |" in text, text)
    check("not a full run" in text, text)
    check("Measured at revision def." in text and "with effort" not in text, text)
    check("](performance/no-drop-latency.svg)" in text, text)
    script = plot.script(drawn[0])
    for words in ("'64 B'", "'1500 B'", "'OVS p99'", "no-drop rate", "dt (6,4)"):
        check(words in script, f"{words} is not in\n{script}")


@suite.case("a column beside the primary one has ratios, in a wide table and in a narrow one")
def _(world: World) -> None:
    run = small()
    for row in run["scenarios"][0]["rows"]:
        row["ratios"] = {"cycles": {"ovs": 0.459} if row["ratio"] else {}}
    text, _ = document.build(run, None)
    check("| vswitchd /<br>OVS | cycles/packet:<br>vswitchd / OVS |" in text, text)
    check("| 220 | &gt;=2.00 | 0.46 |\n" in text, text)
    for row in run["scenarios"][0]["rows"]:
        for kind in ("testpmd", "two-copy"):
            row["cells"][kind] = cell(mpps=3, gbps=1, cycles=300)
            row["ratio"][kind], row["ratios"]["cycles"][kind] = 3.0, 0.3
    text, _ = document.build(run, None)
    check("| Mpps each way:<br>vswitchd / it | cycles/packet:<br>vswitchd / it |" in text, text)
    check("|  | two-copy | 3.00 [2.70-3.30] | 300 | &gt;=3.00 | 0.30 |\n" in text, text)
    del run["scenarios"][0]["rows"][1]["ratios"]["cycles"]
    refused(command(world, run), "rows[1].ratios", "'cycles'")


@suite.case("a profile becomes a table with cycles")
def _(_world: World) -> None:
    profile = {"format": 1, "machine": {"cpu": "Another"}, "cases": [
        {"label": "64 B", "cycles_per_packet": 200.0, "functions": [
            {"name": "burst_run", "object": "/x/vswitchd", "share": 0.25},
            {"name": "tiny", "object": "libc.so.6", "share": 0.005},
            {"name": "copy", "object": "librte_vhost.so.23", "share": 0.5}]}]}
    check_shape(profile, PROFILE, "profile")
    text, _ = document.build(small(), profile)
    check("| copy | librte\\_vhost.so.23 | 50 % | 100 |\n"
          "| burst\\_run | vswitchd | 25 % | 50 |\n"
          "| all others |  | 25 % | 50 |\n" in text, text)
    check("another machine: Another." in text, text)


@suite.case("names on the x axis: bars, packets and bits, a plot for each kind of ring")
def _(_world: World) -> None:
    drawn = plot.plots(figures(by_size(False, True)))["sizes"]
    check_equal([p.name for p in drawn], ["sizes-split", "sizes-packed"], "plots")
    check_equal([p.y_title for p in drawn[0].panels], ["Mpps each way", "Gbit/s each way"], "axes")
    script = plot.script(drawn[0])
    for words in ("'It''s `size`, split rings'", "'TSO' 2", "with boxes", "background '#ffffff'",
                  "noenhanced", "set yrange [0:", ">="):
        check(words in script, f"{words} is not in\n{script}")
    check("logscale x 10" not in script and "logscale y 10" not in script, script)
    check_equal([p.name for p in plot.plots(figures(by_size(False)))["sizes"]], ["sizes"], "one")


@suite.case("numbers on the x axis: lines, logarithmic where they lie far apart")
def _(_world: World) -> None:
    drawn = plot.plots(figures(by_flows("vswitchd", "ovs")))["flows"]
    script = plot.script(drawn[0])
    for words in ("set logscale x 10", "set logscale y 10", "'1M' 1e+06", "with linespoints",
                  "'MAC address pairs'", "'cycles/packet'"):
        check(words in script, f"{words} is not in\n{script}")
    one = by_flows("vswitchd", "ovs")
    del one["rows"][1:]
    check_equal(plot.plots(figures(one))["flows"], [], "a plot of one point")


@suite.case("a switch has one colour, and the same figures give the same script")
def _(_world: World) -> None:
    run = figures(by_size(False), by_flows("ovs", "brand-new", "vswitchd"), latency())
    seen: dict[str, set[str]] = {}
    for drawn in plot.plots(run).values():
        for panel in (panel for one in drawn for panel in one.panels):
            for series in panel.series:
                seen.setdefault(series.title.split()[0], set()).add(series.colour)
    check_equal({title: len(colours) for title, colours in seen.items()},
                {"vswitchd": 1, "OVS": 1, "brand-new": 1}, "colours")
    check_equal(len(set.union(*seen.values())), 3, "different colours")
    scripts = [[plot.script(one) for some in plot.plots(copy.deepcopy(run)).values()
                for one in some] for _ in range(2)]
    check_equal(scripts[0], scripts[1], "scripts")


@suite.case("writing keeps the text around, and a second time changes nothing")
def _(world: World) -> None:
    page = world.dir / "docs" / document.PAGE
    done = command(world, small())
    check_equal((done.returncode, done.stderr), (0, ""), "first")
    text = page.read_text()
    check(text.startswith("# Performance\n\nBefore.\n") and text.endswith("\nAfter.\n"), text)
    check("| 64 B |" in text, text)
    check_equal(command(world, small()).returncode, 0, "second")
    check_equal(page.read_text(), text, "the page")
    check_equal(os.listdir(page.parent), [document.PAGE], "files")


@suite.case("--check finds a difference and changes nothing")
def _(world: World) -> None:
    page = world.dir / "docs" / document.PAGE
    done = command(world, small(), "--check")
    check_equal(done.returncode, 1, "not written yet")
    check(str(page) in done.stderr, done.stderr)
    check_equal(page.read_text(), PAGE, "the page")
    check_equal(command(world, small()).returncode, 0, "write")
    check_equal(command(world, small(), "--check").returncode, 0, "written")
    other = small()
    other["scenarios"][0]["rows"][0]["cells"]["vswitchd"]["median"]["mpps"] = 1
    check_equal(command(world, other, "--check").returncode, 1, "another figure")


@suite.case("plots of ours that no figure gives go, and others stay")
def _(world: World) -> None:
    folder = world.dir / "docs" / document.FOLDER
    folder.mkdir(parents=True)
    (folder / "old.svg").write_text(f"<!-- {plot.WRITTEN} -->\n")
    (folder / "drawn-by-hand.svg").write_text("<svg/>\n")
    check_equal(command(world, small()).returncode, 0, "write")
    check_equal(os.listdir(folder), ["drawn-by-hand.svg"], "plots")


@suite.case("--add replaces sections of its own, and puts others behind them")
def _(world: World) -> None:
    page = world.dir / "docs" / document.PAGE
    refused(command(world, small(), "--add"), "without --add")
    check_equal(command(world, figures(*small()["scenarios"], by_size(False))).returncode, 0, "all")
    first = page.read_text()
    other = figures(by_size(True))
    other["started"] = "2026-01-03T04:05:06Z"
    other["scenarios"][0]["rows"][0]["cells"]["ovs"]["median"]["mpps"] = 1.75
    other["scenarios"].append(scenario("more", [MPPS], [
        ("64 B", {}, {"vswitchd": cell(mpps=77)}, {})]))
    done = command(world, other, "--add")
    check_equal((done.returncode, done.stderr), (0, ""), "--add")
    text = page.read_text()
    heads = [line for line in text.splitlines() if line.startswith("### ")]
    check_equal(heads, ["### The run", "### About small", "### About sizes", "### About more"],
                "sections")
    for words in ("2026-01-02 03:04:05 UTC", "measured 2026-01-03 04:05 UTC with effort full at "
                  "revision abc", "| 64 B | &gt;=9.00", "1.75", "77.00"):
        check(words in text, f"{words!r} is not in\n{text}")
    check_equal(text[:text.index("### About sizes")], first[:first.index("### About sizes")],
                "what comes before")
    check_equal(command(world, other, "--add", "--check").returncode, 0, "again")
    check_equal(sorted(os.listdir(page.parent / document.FOLDER)), ["sizes.svg"], "plots")


@suite.case("wrong input is named in one line, and nothing is written")
def _(world: World) -> None:
    page = world.dir / "docs" / document.PAGE
    other_format = {**small(), "format": 2}
    no_key, bad_hint, bad_name, no_median = small(), figures(by_size(False)), small(), small()
    del no_key["machine"]["kernel"]
    bad_hint["scenarios"][0]["plot"]["y"] = "furlongs"
    bad_name["scenarios"][0]["name"] = "../up"
    del no_median["scenarios"][0]["rows"][1]["cells"]["ovs"]["max"]["cycles"]
    for given, *words in (
            ("no JSON", "figures.json", "./dev bench --json"), ("[1]", "'format'"),
            ("{}", "'format'"),
            (other_format, "format is 2 and not 1"), (no_key, "machine has no 'kernel'"),
            (bad_hint, "sizes", "'furlongs'"), (bad_name, "'../up'"),
            (no_median, "scenarios[0].rows[1].cells.ovs.max has no 'cycles'"),
            ({**small(), "cpus": "0,1"}, "cpus is no list"),
            ({**small(), "seconds": float("nan")}, "NaN")):
        refused(command(world, given), *words)
    check_equal(page.read_text(), PAGE, "the page")
    check_equal(os.listdir(page.parent), [document.PAGE], "files")
    refused(command(world, small(), "--profile", str(world.dir / "none.json")), "none.json",
            "perf/profile")


@suite.case("a page without its markers, and no page, are named")
def _(world: World) -> None:
    refused(command(world, small(), page="# Performance\n"), document.PAGE, document.BEGIN)
    (world.dir / "docs" / document.PAGE).unlink()
    refused(command(world, small(), page=None), document.PAGE, "--docs")


@suite.case("without gnuplot a plot is refused with the package's name, and nothing is written")
def _(world: World) -> None:
    done = command(world, figures(by_size(False)), env={"PATH": str(world.dir)})
    refused(done, "gnuplot", "gnuplot-nox")
    check_equal(os.listdir(world.dir / "docs"), [document.PAGE], "files")


suite.main()
