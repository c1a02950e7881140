#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""twocopy_test.py TWOCOPY: what it says to a wrong command line. Frames are perf/bench's to send."""

import subprocess
import sys

TWOCOPY = sys.argv[1]
RIGHT = ["--cpu", "0", "--main-cpu", "1", "--account", "/dev/null", "a", "b"]
WRONG = {
    "nothing": ([], "two different CPUs"),
    "one path": (RIGHT[:-1], "two paths"),
    "three paths": ([*RIGHT, "c"], "two paths"),
    "one CPU": (["--cpu", "1", *RIGHT[2:]], "two different CPUs"),
    "no account": (RIGHT[:4] + RIGHT[6:], "--account"),
    "no number": (["--cpu", "x", *RIGHT[2:]], "--cpu x: it is a number from 0 to 1023"),
    "a great number": (["--memory", "9999999", *RIGHT], "--memory 9999999"),
    "an unknown option": (["--frobnicate", *RIGHT], "--frobnicate"),
    "no value": ([*RIGHT, "--cpu"], "see twocopy --help"),
    "a folder that is not there": (["--account", "/nowhere/x", *RIGHT[:4], *RIGHT[6:]],
                                   "--account /nowhere/x: No such file"),
}


def said(words: list[str]) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    done = subprocess.run([TWOCOPY, *words], capture_output=True, text=True, check=False,
                          timeout=20, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def main() -> None:
    """The cases."""
    bad = 0
    print(f"TAP version 13\n1..{len(WRONG) + 1}")
    for number, (name, (words, needle)) in enumerate(WRONG.items(), 1):
        status, out, err = said(words)
        good = status in (1, 2) and needle in err and not out
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
        if not good:
            print(f"# exit {status}: {out!r} {err!r}")
            bad += 1
    status, out, _ = said(["--help"])
    good = status == 0 and "--account FILE" in out
    print(f"{'ok' if good else 'not ok'} {len(WRONG) + 1} - help")
    sys.exit(1 if bad or not good else 0)


main()
