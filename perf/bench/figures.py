# SPDX-License-Identifier: BSD-3-Clause
"""Files of figures, as ./dev bench and perf/profile write them: read, and checked for their shape."""

import json
import re
from pathlib import Path
from typing import Any

from .plot import Wrong

FORMAT = 1  # of figures and profile, as this reader knows them
NAME = re.compile(r"[a-z0-9][a-z0-9-]*")

# What is read: a type, the types that are possible, {key: shape}, [shape of each], Each(shape).
TEXT, NUMBER, ANY = str, (int, float), object
MAYBE = (int, float, type(None))


class Each:
    """A dictionary with any keys, of values of one shape."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape


CELL = {"verdict": TEXT, "why": (str, type(None)), "marks": [TEXT], "median": Each(MAYBE),
        "min": Each(MAYBE), "max": Each(MAYBE), "rounds": [ANY]}
SCENARIO = {
    "name": TEXT, "title": TEXT, "primary": TEXT, "plot": ANY,
    "columns": [{"key": TEXT, "title": TEXT, "digits": int, "more": (bool, type(None))}],
    "rows": [{"label": TEXT, "parameters": Each(ANY), "cells": Each(CELL), "ratio": Each(MAYBE)}],
}
FIGURES = {
    "started": TEXT, "seconds": NUMBER, "effort": TEXT, "generator": TEXT,
    "noise_limit_percent": NUMBER, "cpus": [int], "scenarios": [SCENARIO],
    "machine": {"cpu": TEXT, "mhz": NUMBER, "cpus": int, "caches": Each(TEXT), "memory_mib": NUMBER,
                "virtual": bool, "kernel": TEXT, "versions": Each(TEXT)},
}
PROFILE = {
    "machine": Each(ANY),
    "cases": [{"label": TEXT, "cycles_per_packet": NUMBER,
               "functions": [{"name": TEXT, "object": TEXT, "share": NUMBER}]}],
}


def check(value: Any, shape: Any, where: str) -> None:
    """Complain of the first thing that is not of its shape."""
    if isinstance(shape, (dict, Each)):
        if not isinstance(value, dict):
            raise Wrong(f"{where} is no object")
        for key in shape if isinstance(shape, dict) else value:
            if key not in value:
                raise Wrong(f"{where} has no {key!r}")
            check(value[key], shape[key] if isinstance(shape, dict) else shape.shape,
                  f"{where}.{key}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise Wrong(f"{where} is no list")
        for index, item in enumerate(value):
            check(item, shape[0], f"{where}[{index}]")
    elif not isinstance(value, shape):
        raise Wrong(f"{where} is {json.dumps(value)[:40]}, which has the wrong type")


def _check_scenario(scenario: dict[str, Any], where: str) -> None:
    """What ties the parts of a scenario together."""
    if not NAME.fullmatch(scenario["name"]):
        raise Wrong(f"{where}.name: {scenario['name']!r} is no name of a scenario")
    if scenario["plot"] is not None:
        check(scenario["plot"], {"x": TEXT, "y": TEXT, "title": TEXT}, f"{where}.plot")
    keys = [column["key"] for column in scenario["columns"]]
    if any(not 0 <= column["digits"] <= 9 for column in scenario["columns"]):
        raise Wrong(f"{where}.columns: digits are 0 to 9")
    if scenario["primary"] not in keys:
        raise Wrong(f"{where}.primary: there is no column {scenario['primary']!r}")
    compared = scenario["rows"][0].get("ratios", {}) if scenario["rows"] else {}
    for number, row in enumerate(scenario["rows"]):
        check(row.get("ratios", {}), {key: Each(MAYBE) for key in compared if key in keys},
              f"{where}.rows[{number}].ratios")
        for kind, cell in row["cells"].items():
            for part in ("median", "min", "max"):
                check(cell[part], dict.fromkeys(keys, MAYBE),
                      f"{where}.rows[{number}].cells.{kind}.{part}")


def _constant(word: str) -> None:
    raise ValueError(f"{word} is no figure")


def read(path: str, shape: Any, makes: str) -> dict[str, Any]:
    """A JSON file of this shape. `makes`: what writes such files."""
    try:
        document = json.loads(Path(path).read_text(), parse_constant=_constant)
        if not isinstance(document, dict) or "format" not in document:
            raise Wrong("it has no 'format'")
        if document["format"] != FORMAT:
            raise Wrong(f"its format is {document['format']!r} and not {FORMAT}")
        check(document, shape, "the file")
        for number, scenario in enumerate(document.get("scenarios", [])):
            _check_scenario(scenario, f"the file.scenarios[{number}]")
    except OSError as error:
        raise Wrong(f"{path}: {error.strerror}; {makes} writes it") from None
    except (ValueError, Wrong) as error:
        raise Wrong(f"{path}: {error}; {makes} writes what is read here") from None
    return document
