# SPDX-License-Identifier: BSD-3-Clause
"""The table that a person reads."""

from .result import Cell, Row, Table
from .scenario import Column
from .switches import SUBJECT

WHY_WIDTH = 100


def _cell(cell: Cell | None, column: Column, primary: str, bound: bool) -> str:
    if cell is None:
        return ""
    if cell.verdict != "ok":
        return cell.verdict if column.key == primary else ""
    values = cell.values(column.key)
    text = column.text(cell.median(column.key))
    if bound:
        text = f">={text}"
    if column.key == primary and len(values) > 1:
        text += f" [{column.text(min(values))}-{column.text(max(values))}]"
    return text


def _lines(table: Table) -> list[list[str]]:
    scenario = table.scenario
    kinds = list(dict.fromkeys(kind for row in table.rows for kind in row.cells))
    peers = [kind for kind in kinds if kind != SUBJECT]
    primary = scenario.column(scenario.primary)
    head = ["", "switch", *(column.title for column in scenario.columns), "marks"]
    lines = [head]
    for row in table.rows:
        for index, kind in enumerate(kinds):
            cell = row.cells.get(kind)
            if cell is None:
                continue
            bound = "generator-bound" in cell.marks()
            line = [row.case.label if index == 0 else "", kind]
            line += [_cell(cell, column, primary.key, bound and column.key in ("mpps", "gbps"))
                     for column in scenario.columns]
            lines.append([*line, ", ".join(cell.marks())])
        for column in (primary, *(scenario.column(key) for key in scenario.compared)):
            ratios = _ratios(row, peers, column)
            if ratios:
                lines.append(["", ratios])
    return lines


def _ratios(row: Row, peers: list[str], column: Column) -> str:
    words = []
    for peer in peers:
        ratio = row.ratio(peer, column.key)
        if ratio is not None:
            words.append(f"{ratio:.2f}x {peer}")
    return f"{column.title}: {', '.join(words)}" if words else ""


def render(table: Table) -> str:
    """The whole table and what is missing from it."""
    scenario = table.scenario
    lines = _lines(table)
    columns = len(lines[0])
    full = [line for line in lines if len(line) == columns]
    widths = [max(len(line[i]) for line in full) for i in range(columns)]
    text = [f"{scenario.name}: {scenario.title}"]
    for line in lines:
        if len(line) == columns:
            cells = [line[i].ljust(widths[i]) if i < 2 else line[i].rjust(widths[i])
                     for i in range(columns - 1)]
            text.append("  ".join([*cells, line[-1]]).rstrip())
        else:
            text.append(f"{'':{widths[0]}}  {line[1]}")
    for label, kind, verdict, why in table.verdicts():
        first = why.splitlines()[0] if why else ""
        text.append(f"  {label}, {kind}: {verdict}: {first[:WHY_WIDTH]}")
    return "\n".join(text)
