# SPDX-License-Identifier: BSD-3-Clause
"""A reader of YANG statements, enough for the lints: keyword, argument, children."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TOKEN = re.compile(
    r"/\*.*?\*/|//[^\n]*|\s+|(?P<brace>[{};])|(?P<plus>\+(?=\s*[\"']))"
    r"|(?P<double>\"(?:\\.|[^\"\\])*\")|(?P<single>'[^']*')|(?P<word>[^\s{};\"']+)", re.DOTALL)


@dataclass
class Statement:
    """One statement with what is inside its braces."""

    keyword: str
    argument: str = ""
    children: list["Statement"] = field(default_factory=list)

    def find(self, keyword: str, argument: str | None = None) -> Iterator["Statement"]:
        """Statements of a keyword below this one, at any depth."""
        for child in self.children:
            if child.keyword == keyword and argument in (None, child.argument):
                yield child
            yield from child.find(keyword, argument)

    def has(self, keyword: str, argument: str) -> bool:
        """Whether a direct child says so."""
        return any((c.keyword, c.argument) == (keyword, argument) for c in self.children)


def parse(text: str) -> Statement:
    """The statements of a module below a nameless root."""
    root = Statement("")
    stack = [root]
    words: list[str] = []
    for token in TOKEN.finditer(text):
        if token["brace"]:
            if token["brace"] == "}":
                stack.pop()
                continue
            statement = Statement(words[0] if words else "", "".join(words[1:]))
            stack[-1].children.append(statement)
            if token["brace"] == "{":
                stack.append(statement)
            words = []
        elif token["double"] or token["single"]:
            words.append(token[0][1:-1])
        elif token["word"]:
            words.append(token["word"])
    return root
