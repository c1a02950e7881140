#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Write a C file that holds a text file as a terminated string: embed.py IN OUT NAME."""

import sys


def main():
    source, target, name = sys.argv[1:4]
    with open(source, "rb") as f:
        data = f.read()
    with open(target, "w", encoding="ascii") as out:
        out.write("/* Generated from %s; do not edit. */\n" % source.rsplit("/", 1)[-1])
        out.write("extern const char %s[];\nconst char %s[] = {\n" % (name, name))
        for at in range(0, len(data), 16):
            out.write("".join("%d, " % b for b in data[at : at + 16]) + "\n")
        out.write("0};\n")


main()
