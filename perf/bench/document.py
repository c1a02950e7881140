# SPDX-License-Identifier: BSD-3-Clause
"""docs/performance.md and its plots from the figures of a run.

Reads the JSON of ./dev bench only, so it runs wherever Python does; plots need gnuplot. All is made
before anything is written, and each file is replaced as a whole.
"""

import argparse
import os
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

from . import page as pages
from .figures import FIGURES, PROFILE, read
from .plot import BOUND, SUBJECT, TITLES, WRITTEN, Plot, Wrong, draw, kinds_of, plots

ROOT = Path(__file__).resolve().parents[2]
PAGE, FOLDER = "performance.md", "performance"
BEGIN = "<!-- figures: begin; perf/document writes what follows -->"
END = "<!-- figures: end -->"
NOISY = "noisy"
FAR = "far"
PREEMPTED = "preempted"
WHY_WIDTH = 110
WIDE = 10  # columns of a table that is still read without scrolling
FOLDERS = re.compile(r"(?<!\w)/(?:[\w.+-]+/)+")  # of a path: one machine's only

EPILOG = """\
examples:
  perf/document figures.json
  perf/document figures.json --profile profile.json
  perf/document some.json --add
  perf/document figures.json --check

Exit status: 0; 1 --check found a difference; 2 the input cannot be used."""


def escape(text: str) -> str:
    """Of others' words nothing is markup."""
    return re.sub(r"([\\`*_\[\]<>|~])", r"\\\1", re.sub(r"\s+", " ", text).strip())


def table(head: list[str], lines: list[list[str]], left: int = 1) -> list[str]:
    """Markdown; the first columns stand left, numbers right."""
    rule = ["---" if index < left else "--:" for index in range(len(head))]
    return [f"| {' | '.join(line)} |" for line in (head, rule, *lines)]


def number(value: float | None, digits: int) -> str:
    """With its column's digits, but at least three that say something, and no tenths of many."""
    if value is None:
        return "-"
    if abs(value) >= 1000:
        digits = 0
    if digits and 0 < abs(value) < 1:
        while digits < 6 and abs(value) * 10 ** digits < 100:
            digits += 1
    return f"{value:,.{digits}f}"


def title_of(kind: str) -> str:
    """A switch's name for people."""
    return TITLES.get(kind, kind)


def figure(cell: dict[str, Any], column: dict[str, Any], spread: bool) -> str:
    """Median, with the range of the rounds if asked for."""
    key, digits = column["key"], column["digits"]
    median, low, high = (cell[part][key] for part in ("median", "min", "max"))
    text = number(median, digits)
    if median is not None and BOUND in cell["marks"] and column["more"]:
        text = f"&gt;={text}"
    if spread and low is not None and len(cell["rounds"]) > 1:
        text += f" [{number(low, digits)}-{number(high, digits)}]"
    return text


def cell_texts(cell: dict[str, Any] | None, columns: list[dict[str, Any]]) -> list[str]:
    """A switch's part of a line: the first column with spread and marks."""
    blank = [""] * (len(columns) - 1)
    if cell is None:
        return ["", *blank]
    if cell["verdict"] != "ok":
        return [escape(cell["verdict"].replace("-", " ")), *blank]
    marks = [escape(mark) for mark in cell["marks"] if mark != BOUND or not columns[0]["more"]]
    first = figure(cell, columns[0], True) + (f" ({', '.join(marks)})" if marks else "")
    return [first, *(figure(cell, column, False) for column in columns[1:])]


def ratio(row: dict[str, Any], peer: str, primary: dict[str, Any]) -> str:
    """The subject's figure over the peer's, and on which side a bound leaves it."""
    return over(row, row["ratio"].get(peer), peer, primary)


def over(row: dict[str, Any], value: float | None, peer: str, primary: dict[str, Any]) -> str:
    """Such a ratio of one column."""
    if value is None:
        return ""
    ours, theirs = (primary["more"] is True and BOUND in row["cells"][kind]["marks"]
                    if kind in row["cells"] else False for kind in (SUBJECT, peer))
    text = f"{value:,.2f}" if value >= 0.1 else number(value, 2)
    if ours and theirs:
        return f"({text})"
    return f"&gt;={text}" if ours else f"&lt;={text}" if theirs else text


def other_ratio(row: dict[str, Any], peer: str, column: dict[str, Any]) -> str:
    """The same of a column that is not the primary one."""
    return over(row, row["ratios"][column["key"]].get(peer), peer, column)


def compared(scenario: dict[str, Any]) -> list[dict[str, Any]]:
    """Columns beside the primary one that ratios were made of."""
    keys = scenario["rows"][0].get("ratios", {}) if scenario["rows"] else {}
    return [column for column in scenario["columns"] if column["key"] in keys]


def columns_of(scenario: dict[str, Any]) -> list[dict[str, Any]]:
    """What is shown, the primary column first. Bits follow from packets; the JSON has all."""
    by_key = {column["key"]: column for column in scenario["columns"]}
    first = by_key.pop(scenario["primary"])
    hidden = {"generator", "gbps" if first["key"] == "mpps" else ""}
    return [first, *(c for c in by_key.values() if c["key"] not in hidden)]


def scenario_table(scenario: dict[str, Any]) -> list[str]:
    """A line for each case, or, if that gets too wide, for each switch in each case."""
    columns, kinds = columns_of(scenario), kinds_of(scenario)
    others = compared(scenario)
    peers = [kind for kind in kinds if any(kind in row["ratio"] for row in scenario["rows"])]
    titles = [escape(column["title"]) for column in columns]
    if 1 + len(kinds) * len(columns) + len(peers) * (1 + len(others)) <= WIDE:
        head = ["case"]
        for kind in kinds:
            head += [f"{escape(title_of(kind))}<br>{titles[0]}", *titles[1:]]
        head += [f"{SUBJECT} /<br>{escape(title_of(peer))}" for peer in peers]
        head += [f"{escape(column['title'])}:<br>{SUBJECT} / {escape(title_of(peer))}"
                 for column in others for peer in peers]
        return table(head, [
            [escape(row["label"]),
             *(text for kind in kinds for text in cell_texts(row["cells"].get(kind), columns)),
             *(ratio(row, peer, columns[0]) for peer in peers),
             *(other_ratio(row, peer, column) for column in others for peer in peers)]
            for row in scenario["rows"]])
    lines = []
    for row in scenario["rows"]:
        label = escape(row["label"])
        for kind, cell in row["cells"].items():
            lines.append([label, escape(title_of(kind)), *cell_texts(cell, columns)]
                         + ([ratio(row, kind, columns[0]),
                             *(other_ratio(row, kind, column) for column in others)]
                            if peers else []))
            label = ""
    ratios = [f"{titles[0]}:<br>{SUBJECT} / it" if others else f"{SUBJECT} / it",
              *(f"{escape(column['title'])}:<br>{SUBJECT} / it" for column in others)]
    return table(["case", "switch", *titles, *(ratios if peers else [])], lines, 2)


def legend(scenario: dict[str, Any], limit: float) -> str:
    """How the table is read: only what occurs in it."""
    primary = columns_of(scenario)[0]
    cells = [cell for row in scenario["rows"] for cell in row["cells"].values()]
    better = {True: ", more is better", False: ", less is better", None: ""}[primary["more"]]
    words = [f"{escape(primary['title'])}: median [lowest-highest]{better}."]
    bound = {kind for row in scenario["rows"] for kind, cell in row["cells"].items()
             if BOUND in cell["marks"]}
    if bound and primary["more"]:
        words.append("&gt;=: the generator was the limit.")
        if len(bound) > 1 and SUBJECT in bound:
            words.append("A ratio in parentheses: it was for both.")
    if any(NOISY in cell["marks"] for cell in cells):
        words.append(f"noisy: others used more than {limit:g} % of a CPU each time.")
    if any(FAR in cell["marks"] for cell in cells):
        words.append("far: the two CPUs were far from each other each time.")
    if any(PREEMPTED in cell["marks"] for cell in cells):
        words.append("preempted: the generator's CPU was taken away for a part of the time.")
    return " ".join(words)


def reasons(scenario: dict[str, Any]) -> list[str]:
    """Why cells are empty, once for all rows of the same reason."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for row in scenario["rows"]:
        for kind, cell in row["cells"].items():
            if cell["verdict"] != "ok":
                why = ((cell["why"] or "").splitlines() or ["no reason given"])[0]
                why = textwrap.shorten(FOLDERS.sub("", why), WHY_WIDTH, placeholder=" ...")
                found.setdefault((kind, cell["verdict"], why), []).append(row["label"])
    return [f"- {escape(title_of(kind))}, {escape(verdict.replace('-', ' '))}: {escape(why)} "
            f"({escape('; '.join(labels))})" for (kind, verdict, why), labels in found.items()]


def run_table(document: dict[str, Any]) -> list[str]:
    """When, on what, and how noisy it was."""
    machine = document["machine"]
    cells = [cell for scenario in document["scenarios"] for row in scenario["rows"]
             for cell in row["cells"].values() if cell["verdict"] == "ok"]
    noisy = sum(NOISY in cell["marks"] for cell in cells)
    rounds = sorted({len(cell["rounds"]) for cell in cells}) or [0]
    many = f"{rounds[0]} to {rounds[-1]} rounds" if len(rounds) > 1 else \
        f"{rounds[0]} {'round' if rounds[0] == 1 else 'rounds'}"
    roles = [f"{role} on CPU {cpu}" for role, cpu in zip(("switch", "generator"), document["cpus"])]
    kind = "a virtual machine" if machine["virtual"] else "no virtual machine"
    facts = {
        "date": f"{document['started'].replace('T', ' ').replace('Z', ' UTC')}, "
                f"{document['seconds'] / 60:.0f} minutes",
        "CPU": f"{machine['cpu']}, {machine['cpus']} CPUs at {machine['mhz']:.0f} MHz, {kind}",
        "caches": ", ".join(f"{name} {size}" for name, size in machine["caches"].items()),
        "memory": f"{machine['memory_mib'] / 1024:.1f} GiB",
        "kernel": machine["kernel"],
        "versions": ", ".join(f"{name} {text.removeprefix(name + ' ')}"
                              for name, text in machine["versions"].items()),
        "effort": f"{document['effort']}, {many}, {', '.join(roles)}, "
                  f"traffic by {document['generator']}",
        "noise": f"limit {document['noise_limit_percent']:g} % of a CPU; {noisy} of {len(cells)} "
                 f"cells are noisy",
    }
    return table(["", ""], [[name, escape(text)] for name, text in facts.items()], 2)


def profile_part(profile: dict[str, Any], machine: dict[str, Any]) -> list[str]:
    """Where the cycles of a packet go."""
    lines = ["### Where the cycles go", ""]
    other = profile["machine"].get("cpu", machine["cpu"])
    if other != machine["cpu"]:
        lines += [f"Measured on another machine: {escape(str(other))}.", ""]
    for case in profile["cases"]:
        cycles = case["cycles_per_packet"]
        named = sorted(case["functions"], key=lambda f: (-f["share"], f["name"]))
        rows = [[escape(f["name"]), escape(Path(f["object"]).name), f["share"]] for f in named
                if f["share"] >= 0.01]
        rows.append(["all others", "", max(0.0, 1 - sum(row[2] for row in rows))])
        who = f"{title_of(case['switch'])}, " if "switch" in case else ""
        lines += [escape(f"{who}{case['label']}, {number(cycles, 0)} cycles/packet:"), ""]
        lines += table(["function", "in", "share", "cycles/packet"],
                       [[name, where, f"{share * 100:.0f} %", number(share * cycles, 0)]
                        for name, where, share in rows], 2)
        lines.append("")
    return lines


def apart(scenario: dict[str, Any], document: dict[str, Any], adds: bool) -> str:
    """What a scenario that was added to a run, or to the page, does not share with the others."""
    effort = scenario.get("effort", document["effort"])
    first = document["machine"]["versions"].get("revision", "unknown")
    revision = scenario.get("revision", first)
    if adds:
        day, _, clock = document["started"].partition("T")
        return (f" Not of the run above, but measured {day} {clock[:5]} UTC with effort {effort} "
                f"at revision {escape(revision)}, on {escape(document['machine']['cpu'])}.")
    return (f" Measured with effort {effort}." if effort != document["effort"] else "") + \
        (f" Measured at revision {escape(revision)}." if revision != first else "")


def build(document: dict[str, Any], profile: dict[str, Any] | None,
          adds: bool = False) -> tuple[str, list[Plot]]:
    """The generated part, and the plots that it links. `adds`: to the page of another run."""
    drawn = plots(document)
    lines = ["", "### The run", "", *run_table(document), ""]
    if document["effort"] != "full":
        lines += ["A first impression only: it was not a full run.", ""]
    for scenario in document["scenarios"]:
        title = scenario["title"][:1].upper() + scenario["title"][1:]
        lines += [f"### {escape(title)}", "", f"Scenario `{scenario['name']}`. "
                  + legend(scenario, document["noise_limit_percent"])
                  + apart(scenario, document, adds),
                  ""]
        for plot in drawn[scenario["name"]]:
            lines += [f"![{escape(plot.title)}]({FOLDER}/{plot.name}.svg)", ""]
        lines += [*scenario_table(scenario), ""]
        why = reasons(scenario)
        lines += [*why, ""] if why else []
    lines += profile_part(profile, document["machine"]) if profile else []
    return "\n".join(lines) + "\n", [plot for some in drawn.values() for plot in some]


def inserted(page: Path, text: str, adds: bool = False) -> str:
    """The page with another generated part, or with some sections of it."""
    if not page.exists():
        raise Wrong(f"{page} is missing; --docs names the folder that has it")
    old = page.read_text()
    if old.count(BEGIN) != 1 or old.count(END) != 1 or old.index(BEGIN) > old.index(END):
        raise Wrong(f"{page} has no generated part: put these two lines where it belongs, once: "
                    f"{BEGIN} {END}")
    if adds:
        text = pages.added(old[old.index(BEGIN) + len(BEGIN):old.index(END)], text)
    return f"{old[:old.index(BEGIN)]}{BEGIN}\n{text}{old[old.index(END):]}"


def replace(path: Path, text: str) -> None:
    """All of it, or the old file stays."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_text(text)
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


def update(docs: Path, wanted: dict[Path, str], only_check: bool,
           names: set[str] | None = None) -> int:
    """Write what differs, or name it; plots of ours (of these names) that nobody wants go."""
    stale = [path for path in sorted((docs / FOLDER).glob("*.svg"))
             if path not in wanted and WRITTEN in path.read_text()
             and (names is None or path.stem in names)]
    differ = [path for path, text in wanted.items()
              if not path.exists() or path.read_text() != text]
    if only_check:
        for path in differ + stale:
            print(f"document: {path} is not what the figures give; run this without --check",
                  file=sys.stderr)
        return 1 if differ or stale else 0
    if len(wanted) > 1:
        (docs / FOLDER).mkdir(exist_ok=True)
    for path in differ:
        replace(path, wanted[path])
    for path in stale:
        path.unlink()
    return 0


def main() -> None:
    """The program."""
    p = argparse.ArgumentParser(
        prog="perf/document", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Write the tables and plots of docs/performance.md from the figures of a run.")
    p.add_argument("figures", metavar="FIGURES.json", help="what ./dev bench --json wrote")
    p.add_argument("--profile", metavar="PROFILE.json", help="where the cycles of a packet go")
    p.add_argument("--docs", metavar="DIR", type=Path, default=ROOT / "docs",
                   help=f"the folder with {PAGE} (docs)")
    p.add_argument("--add", action="store_true",
                   help="these scenarios only; the rest of the page stays as another run left it")
    p.add_argument("--check", action="store_true", help="change nothing; 1 if something would be")
    options = p.parse_args()
    try:
        figures = read(options.figures, FIGURES, "./dev bench --json FILE")
        profile = read(options.profile, PROFILE, "perf/profile --json FILE") \
            if options.profile else None
        text, drawn = build(figures, profile, options.add)
        page = options.docs / PAGE
        whole = inserted(page, text, options.add)
        wanted = {options.docs / FOLDER / f"{plot.name}.svg": draw(plot) for plot in drawn}
        wanted[page] = whole
        names = pages.plots_of([s["name"] for s in figures["scenarios"]]) if options.add else None
        sys.exit(update(options.docs, wanted, options.check, names))
    except Wrong as error:
        print(f"document: {error}", file=sys.stderr)
    except OSError as error:
        print(f"document: {error.filename}: {error.strerror}", file=sys.stderr)
    sys.exit(2)
