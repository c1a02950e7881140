# SPDX-License-Identifier: BSD-3-Clause
"""What programs that read pcapng make of a capture."""

from dataclasses import dataclass
from pathlib import Path

from .proc import run

FIELDS = ["frame.interface_name", "frame.packet_flags_direction", "frame.len", "frame.cap_len",
          "frame.time_epoch", "eth.src", "eth.type", "frame.comment"]
DIRECTIONS = {"0x00000001": "in", "0x00000002": "out", "1": "in", "2": "out"}


@dataclass(frozen=True)
class Captured:
    """One frame as tshark shows it."""

    port: str
    direction: str
    length: int
    kept: int
    time: float
    source: str
    ethertype: str
    comment: str


def tshark(path: Path) -> list[Captured]:
    """The frames of a capture."""
    words = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "separator=|", "-E", "occurrence=f"]
    for field in FIELDS:
        words += ["-e", field]
    found = []
    for line in run(words).splitlines():
        parts = line.split("|")
        if len(parts) == len(FIELDS):
            port, direction, length, kept, when, source, ethertype, comment = parts
            found.append(Captured(port, DIRECTIONS.get(direction, direction), int(length),
                                  int(kept), float(when), source, ethertype, comment))
    return found


def tcpdump(path: Path) -> list[str]:
    """A line for each frame."""
    return frame_lines(run(["tcpdump", "-nner", path]))


def frame_lines(text: str) -> list[str]:
    """Those of tcpdump's lines that begin a frame."""
    return [line for line in text.splitlines()
            if not line.startswith(("reading from ", "\t", " "))]
