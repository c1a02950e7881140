# SPDX-License-Identifier: BSD-3-Clause
"""Plots of a run's figures, drawn by gnuplot: the same figures give the same SVG.

plots() picks what can be drawn, script() says it in gnuplot's words, draw() lets gnuplot draw it.
A scenario asks for a plot with its hint {"x": a parameter, "y": a column, "title": text}: bars
where the parameter is a name (two panels, the primary column and y, for packets and bits need two
scales), lines where it is a number. Latency below the no-drop rate has a plot of its own.
"""

import math
import os
import re
import subprocess
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

SUBJECT = "vswitchd"
TITLES = {"ovs": "OVS", "linux": "Linux bridge"}
BOUND = "generator-bound"
# The palette of Okabe and Ito: told apart with any colour vision. Colour and shape by switch.
STYLES = {"vswitchd": ("#0072B2", 7), "ovs": ("#D55E00", 5), "testpmd": ("#009E73", 9),
          "linux": ("#CC79A7", 13), "vswitchd-dpdk": ("#56B4E9", 15), "two-copy": ("#E69F00", 11)}
SPARE = (("#000000", 2), ("#F0E442", 3))
AXES = {"size": "frame size, bytes without checksum", "flows": "flows", "rules": "rules",
        "storm": "never-seen flows a second"}
FLOWS = {"mac": "MAC address pairs", "5tuple": "5-tuples"}
BESIDE = ("window", "seconds")  # parameters that follow from others
LATENCY = "no-drop"  # a scenario
PERCENTILE = re.compile(r"^p(\d+)_(\d+)$")
LOG_FROM = 20  # an axis is logarithmic when its values span more than this
WIDTH, HEIGHT, HEAD = 880, 320, 45  # of a row of panels, and of title and key
MAX_PANELS = 4
WRITTEN = "Written by perf/document from the figures of ./dev bench."


class Wrong(Exception):
    """What was given cannot be used; the text names the thing and the fix."""


@dataclass
class Series:
    """One line or one colour of bars. Points: x, median, lowest, highest, generator-bound."""

    title: str
    colour: str
    shape: int
    dashed: bool = False
    points: list[tuple[float, float, float, float, bool]] = field(default_factory=list)


@dataclass
class Panel:
    """One pair of axes. tics: the x values that are named; named: they count categories."""

    title: str
    x_title: str
    y_title: str
    series: list[Series]
    tics: list[tuple[float, str]]
    named: bool = False
    less: bool = False  # less is better

    def values(self) -> list[float]:
        """All heights, spread included."""
        return [value for s in self.series for p in s.points for value in p[1:4]]

    @property
    def far_apart(self) -> bool:
        """A linear axis would not show the small values, which are the good ones."""
        low, top = min(self.values(), default=0), max(self.values(), default=0)
        return low > 0 and top / low > LOG_FROM and (self.less or not self.named)

    @property
    def bars(self) -> bool:
        """They begin at 0, so on a logarithmic axis there are points."""
        return self.named and not self.far_apart


@dataclass
class Plot:
    """One SVG."""

    name: str
    title: str
    panels: list[Panel]


def kinds_of(scenario: dict[str, Any]) -> list[str]:
    """The switches of a scenario, first seen first."""
    return list(dict.fromkeys(kind for row in scenario["rows"] for kind in row["cells"]))


def _styles(document: dict[str, Any]) -> dict[str, tuple[str, int]]:
    kinds = dict.fromkeys(kind for s in document["scenarios"] for kind in kinds_of(s))
    unknown = [kind for kind in kinds if kind not in STYLES]
    return STYLES | {kind: SPARE[i % len(SPARE)] for i, kind in enumerate(unknown)}


def _column(scenario: dict[str, Any], key: str) -> dict[str, Any]:
    for column in scenario["columns"]:
        if column["key"] == key:
            return column
    raise Wrong(f"scenario {scenario['name']}: there is no column {key!r} to plot")


def _point(x: float, cell: dict[str, Any] | None,
           column: dict[str, Any]) -> list[tuple[float, float, float, float, bool]]:
    key = column["key"]
    if cell is None or cell["verdict"] != "ok" or cell["median"].get(key) is None:
        return []
    bound = BOUND in cell["marks"] and column["more"] is True
    return [(x, cell["median"][key], cell["min"][key], cell["max"][key], bound)]


def _short(value: float) -> str:
    """1k is 1000."""
    for size, letter in ((1_000_000, "M"), (1000, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _name(value: Any) -> str:
    """Of a category; a storm is FIELDS,RATE."""
    storm = re.fullmatch(r"(\w+),(\d+)", f"{value}")
    return f"{storm[1]} {_short(int(storm[2]))}" if storm else f"{value}"


def _axis(scenario: dict[str, Any], x: str) -> str:
    fields = {row["parameters"].get("fields") for row in scenario["rows"]}
    if x == "flows" and len(fields) == 1:
        return FLOWS.get(fields.pop(), AXES[x])
    return AXES.get(x, x.replace("_", " "))


def _panel(scenario: dict[str, Any], rows: list[dict[str, Any]], x: str, key: str,
           styles: dict[str, tuple[str, int]]) -> Panel:
    """A column of these rows over a parameter."""
    column = _column(scenario, key)
    if any(x not in row["parameters"] for row in rows):
        raise Wrong(f"scenario {scenario['name']}: a row has no parameter {x!r} to plot over")
    values = [row["parameters"][x] for row in rows]
    named = not all(type(value) in (int, float) for value in values)
    places = range(len(values)) if named else values
    names = [_name(value) if named else _short(value) for value in values]
    series = [
        Series(TITLES.get(kind, kind), *styles[kind],
               points=[p for place, row in zip(places, rows)
                       for p in _point(place, row["cells"].get(kind), column)])
        for kind in kinds_of(scenario)]
    return Panel("", _axis(scenario, x), column["title"], series, list(zip(places, names)), named,
                 column["more"] is False)


def _rings(scenario: dict[str, Any], x: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """Rows that differ from the first in x only, by kind of ring: (its name, rows)."""
    def rest(row: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in row["parameters"].items()
                if name not in (x, "packed", *BESIDE)}

    rows = [row for row in scenario["rows"] if rest(row) == rest(scenario["rows"][0])]
    packed = [row for row in rows if row["parameters"].get("packed")]
    split = [row for row in rows if not row["parameters"].get("packed")]
    found = [("split", split), ("packed", packed)]
    return found if split and packed else [("", split or packed)]


def _hinted(scenario: dict[str, Any], styles: dict[str, tuple[str, int]]) -> list[Plot]:
    hint = scenario["plot"]
    found = []
    for ring, rows in _rings(scenario, hint["x"]):
        panels = [_panel(scenario, rows, hint["x"], key, styles)
                  for key in dict.fromkeys((scenario["primary"], hint["y"]))]
        panels = panels if panels[0].named else panels[-1:]
        name = f"{scenario['name']}-{ring}" if ring else scenario["name"]
        found.append(Plot(name, f"{hint['title']}, {ring} rings" if ring else hint["title"],
                          panels))
    return found


def _latency(scenario: dict[str, Any], styles: dict[str, tuple[str, int]]) -> list[Plot]:
    """A panel for each row: percentiles over the load."""
    columns = [(column, *map(int, match.groups())) for column in scenario["columns"]
               if (match := PERCENTILE.match(column["key"]))]
    percentiles = sorted({percentile for _, percentile, _ in columns})
    loads = sorted({load for _, _, load in columns})
    panels = []
    for row in scenario["rows"][:MAX_PANELS]:
        series = [
            Series(f"{TITLES.get(kind, kind)} p{percentile}", *styles[kind], dashed=bool(index),
                   points=[p for column, wanted, load in sorted(columns, key=lambda c: c[2])
                           if wanted == percentile
                           for p in _point(load, row["cells"].get(kind), column)])
            for kind in kinds_of(scenario) for index, percentile in enumerate(percentiles)]
        panels.append(Panel(row["label"], "load, % of its no-drop rate", "latency, us", series,
                            [(load, f"{load}") for load in loads], less=True))
    return [Plot(f"{scenario['name']}-latency", "Latency by load", panels)]


def _worth(plot: Plot) -> bool:
    """Somebody learns something from it."""
    return any(len({point[0] for s in panel.series for point in s.points}) > 1
               for panel in plot.panels)


def plots(document: dict[str, Any]) -> dict[str, list[Plot]]:
    """What can be drawn, by scenario."""
    styles = _styles(document)
    found = {}
    for scenario in document["scenarios"]:
        some: list[Plot] = []
        if scenario["rows"] and scenario["plot"]:
            some += _hinted(scenario, styles)
        if scenario["rows"] and scenario["name"] == LATENCY:
            some += _latency(scenario, styles)
        for plot in some:
            plot.panels = [panel for panel in plot.panels if panel.values()]
        found[scenario["name"]] = [plot for plot in some if _worth(plot)]
    return found


def _quoted(text: str) -> str:
    """For gnuplot: nothing is special between single quotes but these themselves."""
    return "'" + re.sub(r"\s+", " ", text).replace("'", "''") + "'"


def _y_axis(panel: Panel, values: list[float]) -> list[str]:
    """Of these values, logarithmic if they lie far apart."""
    low, top = min(values, default=0), max(values, default=0)
    if panel.far_apart:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(top * 1.02))
        return ["set logscale y 10", f"set yrange [1e{first}:1e{last}]",
                f"set format y '{'%.0s%c' if first >= 0 else '%g'}'"]
    return [f"set yrange [0:{top * 1.12 or 1:.6g}]",
            f"set format y '{'%.1s%c' if top >= 10_000 else '%g'}'"]


def _x_axis(panel: Panel) -> list[str]:
    places = [place for place, _ in panel.tics]
    tics = ", ".join(f"{_quoted(name)} {place:g}" for place, name in panel.tics)
    lines = [f"set xtics ({tics})"]
    if panel.named:
        return [*lines, f"set xrange [-0.6:{len(places) - 0.4:g}]"]
    if min(places) > 0 and max(places) / min(places) > LOG_FROM:
        return [*lines, "set logscale x 10",
                f"set xrange [{min(places) / 2:g}:{max(places) * 2:g}]"]
    edge = (max(places) - min(places)) * 0.1
    return [*lines, f"set xrange [{min(places) - edge:g}:{max(places) + edge:g}]"]


def _note(y: float, bound: bool, panel: Panel) -> str:
    """Over a point; - is nothing. A bar of no height would look like a missing one."""
    return ">=" if bound else "0" if panel.bars and not y else "-"


def _data(panel: Panel, number: int) -> list[str]:
    """A block of lines for each series; within a category they stand side by side."""
    lines = []
    width = 0.8 / len(panel.series)
    for index, series in enumerate(panel.series):
        shift = (index - (len(panel.series) - 1) / 2) * width if panel.named else 0
        lines.append(f"$p{number}s{index} << END")
        lines += [f"{x + shift:.6g} {y:.6g} {low:.6g} {high:.6g} {_note(y, bound, panel)}"
                  for x, y, low, high, bound in series.points]
        lines.append("END")
    return lines


def _drawn(panel: Panel, number: int) -> list[str]:
    """The parts of a plot command; the key stands in the first panel and names every series."""
    parts = []
    for index, series in enumerate(panel.series):
        ink = f"lc rgb '{series.colour}'"
        dash = "dt (6,4)" if series.dashed else "dt solid"
        line = (f"with {'points' if panel.named else 'linespoints'} {ink} lw 2 {dash} "
                f"pt {series.shape - series.dashed} ps 0.7")
        look = f"with boxes fs solid noborder {ink}" if panel.bars else line
        if number == 0:
            parts.append(f"keyentry {look} title {_quoted(series.title)}")
        if not series.points:
            continue
        block = f"$p{number}s{index}"
        whisker = "lc rgb '#333333'" if panel.bars else ink
        parts += [f"{block} using 1:2 {look} notitle",
                  f"{block} using 1:3:(0):($4-$3) with vectors heads size screen 0.004,90 "
                  f"{whisker} lw 1 dt solid notitle"]
        if any(_note(y, bound, panel) != "-" for _, y, _, _, bound in series.points):
            parts.append(f"{block} using 1:4:(strcol(5) eq '-' ? '' : strcol(5)) with labels "
                         "offset 0,0.6 font ',11' notitle")
    return parts


def script(plot: Plot) -> str:
    """What gnuplot is told."""
    columns = min(len(plot.panels), 3 if len(plot.panels) == 3 else 2)
    letters = max(len(panel.tics) * (1 + max(len(name) for _, name in panel.tics))
                  for panel in plot.panels)
    if letters * 7 > WIDTH / columns - 90:  # names of categories would run into each other
        columns = 1
    rows = math.ceil(len(plot.panels) / columns)
    key_rows = 2 if any(series.dashed for series in plot.panels[0].series) else 1
    head = HEAD + 18 * key_rows
    head += 14 if any(panel.title for panel in plot.panels) else 0
    height = head + HEIGHT * rows
    top, bottom, between = 1 - (head + 18) / height, 66 / height, 100 / height
    lines = ["set encoding utf8",
             f"set terminal svg size {WIDTH},{height} fixed background '#ffffff' noenhanced "
             "font 'sans-serif,13'",
             f"set multiplot title {_quoted(plot.title)} font ',15' layout {rows},{columns} "
             f"margins screen 0.085,0.985,{bottom:.4f},{top:.4f} "
             f"spacing screen 0.095,{between:.4f}",
             "set border 3 lc rgb '#555555'",
             "set tics out scale 0.5 nomirror textcolor rgb '#222222'",
             "set grid ytics lt 1 lw 1 lc rgb '#dddddd'"]
    same = {panel.y_title for panel in plot.panels}
    shared = [v for panel in plot.panels for v in panel.values()] if len(same) == 1 else []
    for number, panel in enumerate(plot.panels):
        lines += _data(panel, number)
        lines += [f"set title {_quoted(panel.title)}", f"set xlabel {_quoted(panel.x_title)}",
                  f"set ylabel {_quoted(panel.y_title)}", "unset logscale",
                  *_x_axis(panel), *_y_axis(panel, shared or panel.values()),
                  f"set boxwidth {0.8 / len(panel.series) * 0.92:.4f} absolute",
                  f"set key at screen 0.5,{1 - 32 / height:.4f} center top vertical "
                  f"maxrows {key_rows} samplen 2 width 1" if number == 0 else "unset key",
                  "plot " + ", \\\n  ".join(_drawn(panel, number))]
    return "\n".join([*lines, "unset multiplot", ""])


def draw(plot: Plot) -> str:
    """The SVG's text, without what differs between versions of gnuplot."""
    try:
        done = subprocess.run(["gnuplot", "--default-settings", "-"], input=script(plot), text=True,
                              capture_output=True, check=False, timeout=60,
                              env={**os.environ, "LC_ALL": "C.UTF-8"})
    except FileNotFoundError:
        raise Wrong("gnuplot is missing; apt-get install --no-install-recommends gnuplot-nox"
                    ) from None
    if done.returncode != 0 or "</svg>" not in done.stdout:
        said = (done.stderr.strip() or "it wrote no SVG").splitlines()
        raise Wrong(f"gnuplot could not draw {plot.name}: {said[-1]}")
    text = re.sub(r"<title>.*?</title>", f"<title>{escape(plot.title)}</title>", done.stdout, 1)
    text = re.sub(r"\s*<desc>.*?</desc>", "", text, 1)
    head, rest = text.split("\n", 1)
    return (f"{head}\n<!-- SPDX-License-Identifier: BSD-3-Clause -->\n<!-- {WRITTEN} -->\n{rest}")
