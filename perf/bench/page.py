# SPDX-License-Identifier: BSD-3-Clause
"""The generated part of the page by sections, so that a run of a few scenarios can replace its own."""

import re

from .plot import Wrong

RUN = "### The run"
SCENARIO = re.compile(r"^Scenario `([a-z0-9-]+)`\.", re.M)
PLOTS = ("", "-split", "-packed", "-latency")  # what follows a scenario's name in a plot's


def sections(text: str) -> list[str]:
    """Each from its heading on."""
    return re.split(r"(?m)^(?=### )", text)[1:]


def name_of(section: str) -> str:
    """The scenario it shows, or its heading."""
    match = SCENARIO.search(section)
    return match[1] if match else section.split("\n", 1)[0]


def added(old: str, new: str) -> str:
    """The old part with the new one's scenarios instead of its own; the run stays the old one's."""
    kept = sections(old)
    if not kept or name_of(kept[0]) != RUN:
        raise Wrong("the page has no figures to add to; write it without --add first")
    at = 0  # the section behind which the next one goes that the page did not have
    for section in sections(new):
        names = [name_of(one) for one in kept]
        name = name_of(section)
        if name == RUN:
            continue
        if name in names:
            at = names.index(name)
            kept[at] = section
        else:
            at += 1
            kept.insert(at, section)
    return "\n" + "".join(kept)


def plots_of(scenarios: list[str]) -> set[str]:
    """Names that plots of these may have."""
    return {f"{name}{rest}" for name in scenarios for rest in PLOTS}
