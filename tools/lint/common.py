# SPDX-License-Identifier: BSD-3-Clause
"""Shared by the lints: which files there are, C without comments, and the report."""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SKIP = {".git", "__pycache__"}


class Report:
    """Findings of one lint; exit status 1 if there are any."""

    def __init__(self) -> None:
        self.findings: list[str] = []

    def __call__(self, path: Path | str, line: int, text: str) -> None:
        where = f"{path}:{line}" if line else f"{path}"
        self.findings.append(f"{where}: {text}")

    def end(self) -> None:
        for finding in self.findings:
            print(finding)
        sys.exit(1 if self.findings else 0)


def root_argument(doc: str | None) -> Path:
    """The tree to look at: the argument, or the one that this file is in."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("root", nargs="?", default=Path(__file__).resolve().parents[2], type=Path)
    return parser.parse_args().root.resolve()


def files(root: Path, *suffixes: str) -> list[Path]:
    """Files below root that belong to the project, relative to it."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z", "--cached", "--others",
         "--exclude-standard"],
        capture_output=True, text=True, check=False)
    if listing.returncode == 0 and (root / ".git").exists():
        names = [Path(name) for name in listing.stdout.split("\0") if name]
    else:
        names = [path.relative_to(root) for path in root.rglob("*")
                 if not path.relative_to(root).parts[0].startswith("build")]
    return sorted(path for path in names
                  if (root / path).is_file() and not SKIP.intersection(path.parts)
                  and (not suffixes or path.suffix in suffixes))


def is_test(path: Path) -> bool:
    """x_test.c, test_x.c, x_test_y.h, and all of tests/ and perf/."""
    return "test" in path.stem.split("_") or path.parts[0] in ("tests", "perf")


def without_comments(text: str, keep_strings: bool = False) -> str:
    """C with comments, and string contents unless kept, blanked; line numbers stay."""
    pattern = re.compile(
        r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)

    def blank(match: re.Match[str]) -> str:
        token = match[0]
        if token[0] in "\"'":
            return token if keep_strings else token[0] + token[0]
        return " " + "\n" * token.count("\n")

    return pattern.sub(blank, text)


def functions(text: str) -> Iterator[tuple[str, int, list[str]]]:
    """Name, line of the brace and body of each function: braces in the first column."""
    lines = text.split("\n")
    start = None
    name = ""
    for number, line in enumerate(lines):
        if line == "{":
            start = number
            head = " ".join(lines[max(0, number - 8):number])
            names = re.findall(r"\b([a-zA-Z_]\w*)\s*\((?=[^;{}]*$)", head)
            name = next((n for n in names if not n.isupper()), "?")
        elif line == "}" and start is not None:
            yield name, start + 1, lines[start + 1:number]
            start = None
