# SPDX-License-Identifier: BSD-3-Clause
"""docs/metrics.md from the schema: the names that schema/metrics.h describes, each with its labels.

The daemon makes them itself from the compiled schema; schema/metrics_test.c compares the two.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from yang import Statement

HEAD = """<!-- SPDX-License-Identifier: BSD-3-Clause -->
<!-- Written by tools/reference from schema/vswitch.yang: change that, then run it. -->
# Metrics

What `/metrics` tells ([monitoring](monitoring.md) says how to turn it on). Each is a leaf of the
state with its description; a metric that nobody has anything to say for (rings of a port without a
guest) is not in a scrape. An enumeration is 1 with its value as label `state`.

| metric | type | labels | |
|---|---|---|---|
"""

NUMBER = re.compile(r"u?int(8|16|32|64)|vs:counter64|vs:vlan-(id|or-none)")
# Of the schema: what metrics say instead, and the end of a name that says the schema's unit.
UNITS = {"bytes": ("bytes", "bytes"), "MiB": ("bytes", "mib"), "seconds": ("seconds", "seconds"),
         "milliseconds": ("seconds", "ms"), "microseconds": ("seconds", "us"),
         "nanoseconds": ("seconds", "ns")}


@dataclass
class Family:
    """One metric."""

    name: str
    type: str
    labels: list[str]
    help: str


def argument(node: Statement, keyword: str) -> str:
    """Of the direct child statement, or nothing."""
    return next((c.argument for c in node.children if c.keyword == keyword), "")


def underscores(name: str) -> str:
    return name.replace("-", "_")


def kind(leaf: Statement) -> str:
    """counter, gauge, state or nothing."""
    name = argument(leaf, "type")
    if name == "vs:counter64" or name == "counter64":
        return "counter"
    if NUMBER.fullmatch(name) or name in ("boolean", "vlan-id", "vlan-or-none"):
        return "gauge"
    return "state" if name == "enumeration" else ""


def unit_name(name: str, units: str) -> str:
    """The name with the unit that its numbers are told in."""
    if not units:
        units = next((u for u in ("bytes", "seconds") if name.endswith(f"_{u}")), "")
    if units not in UNITS:
        return name
    base, end = UNITS[units]
    return f"{name.removesuffix(f'_{end}')}_{base}"


def labels_of(node: Statement) -> list[str]:
    """What a list adds."""
    keys = argument(node, "key").split()
    return [underscores(key) for key in (keys if len(keys) > 1 else [node.argument])] if keys else []


def text(node: Statement) -> str:
    return re.sub(r"\s+", " ", argument(node, "description")).replace("|", "\\|")


def labelled(node: Statement, name: str, labels: list[str], label: str) -> Family:
    """A container whose leaves are told apart by a label."""
    counters = all(kind(leaf) == "counter" for leaf in node.children if leaf.keyword == "leaf")
    return Family(f"{name}_total" if counters else name, "counter" if counters else "gauge",
                  [*labels, label], text(node))


def families(node: Statement, path: str, labels: list[str], state: bool) -> Iterator[Family]:
    """The metrics below a node."""
    info = [underscores(c.argument) for c in node.children if c.has("vs:metric", "info")]
    keys = argument(node, "key").split()
    for child in node.children:
        below = state or child.has("config", "false")
        name = f"{path}_{underscores(child.argument)}"
        wish = argument(child, "vs:metric")
        if wish in ("none", "info") or any(c.keyword == "vs:paged" for c in child.children):
            continue
        if child.keyword in ("container", "list"):
            more = labels + (labels_of(child) if child.keyword == "list" else [])
            if wish.startswith("histogram "):
                key = next(leaf for leaf in child.children
                           if (leaf.keyword, leaf.argument) == ("leaf", argument(child, "key")))
                yield Family(unit_name(path, argument(key, "units")), "histogram",
                             [*labels, "le"], text(node))
            elif wish.startswith("label "):
                yield labelled(child, name, more, wish.removeprefix("label "))
            else:
                yield from families(child, name, more, below)
        elif child.keyword == "leaf" and below and child.argument not in keys and kind(child):
            name = unit_name(name, argument(child, "units"))
            if kind(child) == "counter":
                yield Family(f"{name}_total", "counter", labels, text(child))
            else:
                more = ["state"] if kind(child) == "state" else []
                yield Family(name, "gauge", labels + more, text(child))
    if info:
        yield Family(f"{path}_info", "info", labels + info, text(node))


def page(top: Statement) -> str:
    """The whole document; `top` is the schema's top container."""
    rows = [f"| `{f.name}` | {f.type} | {', '.join(f.labels)} | {f.help} |\n"
            for f in families(top, top.argument, [], False)]
    return HEAD + "".join(rows)
