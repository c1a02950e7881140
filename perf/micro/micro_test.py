#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""micro_test.py MICRO: does each benchmark run, and is what it prints of the promised shape?

Never how fast: only that a figure is one.
"""

import json
import math
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from typing import Any

MICRO = sys.argv[1]
TIMEOUT = 240


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([MICRO, *args], capture_output=True, text=True, check=False,
                          timeout=TIMEOUT)


def expect(condition: Any, text: str) -> None:
    if not condition:
        raise AssertionError(text)


def listed() -> list[str]:
    done = run("--list")
    expect(done.returncode == 0, f"--list: exit {done.returncode}: {done.stderr}")
    return [line.split()[0] for line in done.stdout.splitlines()]


def document(*args: str) -> dict[str, Any]:
    # Not those that are reserved: a test of the whole daemon may need them at the same time.
    done = run("--quick", "--json", "--pages", "small", *args)
    expect(done.returncode == 0, f"{args}: exit {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def check_result(result: dict[str, Any]) -> None:
    expect(isinstance(result["name"], str) and result["name"], f"{result}: name")
    expect(isinstance(result["variant"], str) and result["variant"], f"{result}: variant")
    for count in ("entries", "bytes"):
        expect(isinstance(result[count], int) and result[count] >= 0, f"{result}: {count}")
    expect(isinstance(result["bulk"], int) and result["bulk"] > 0, f"{result}: bulk")
    expect(result["repetitions"] >= 9, f"{result}: repetitions")
    expect(result["pages"] in ("4k", "2M"), f"{result}: pages")
    expect(result["level"] in ("L1", "L2", "L3", "DRAM", "-"), f"{result}: level")
    cycles = result["cycles"]
    for value in (cycles["median"], cycles["min"], cycles["max"], result["ops_per_second"]):
        expect(isinstance(value, float) and math.isfinite(value) and value > 0, f"{result}: value")
    expect(cycles["min"] <= cycles["median"] <= cycles["max"], f"{result}: order")


def check_machine(machine: dict[str, Any]) -> None:
    expect(math.isfinite(machine["tsc_hz"]) and machine["tsc_hz"] > 1e6, f"{machine}: tsc_hz")
    expect(set(machine["caches"]) == {"l1d", "l2", "l3"}, f"{machine}: caches")
    expect(machine["single_thread"] is True, f"{machine}: single_thread")


def all_benchmarks() -> None:
    made = document()
    check_machine(made["machine"])
    for result in made["results"]:
        check_result(result)
    names = [result["name"] for result in made["results"]]
    expect(list(dict.fromkeys(names)) == listed(), f"not those of --list: {set(names)}")
    rows = [(r["name"], r["variant"], r["entries"], r["bytes"], r["bulk"])
            for r in made["results"]]
    expect(len(set(rows)) == len(rows), "two results that nothing tells apart")


def only_some() -> None:
    names = {result["name"] for result in document("--only", "key,fdb")["results"]}
    expect(names == {"key", "fdb"}, f"got {names}")


def table() -> None:
    done = run("--quick", "--only", "key", "--seconds", "0.0005", "--pages", "small")
    expect(done.returncode == 0, done.stderr)
    heads = [line for line in done.stdout.splitlines() if line.startswith("bench ")]
    rows = [line for line in done.stdout.splitlines() if line.startswith("key ")]
    expect(len(heads) == 1 and "cycles/op" in heads[0] and rows, done.stdout)
    expect("pages of 4k" in done.stdout, done.stdout)


def stays_on_a_cpu() -> None:
    cpu = min(os.sched_getaffinity(0))
    made = document("--only", "key", "--cpu", str(cpu))
    expect(made["machine"]["cpu"] == cpu, f"{made['machine']}")


def help_text() -> None:
    done = run("--help")
    expect(done.returncode == 0 and "--only" in done.stdout, done.stdout)


def bad_input() -> None:
    for args, text in {
            ("--only", "fbd"): "there is no benchmark 'fbd'; did you mean 'fdb'?",
            ("--only", "key,nonsense"): "there is no benchmark 'nonsense'; see --list",
            ("--only", ""): "--only: which?",
            ("--frobnicate",): "see micro --help",
            ("fdb",): "'fdb' is no option",
            ("--cpu", "1000"): "there is no such processor",
            ("--cpu", "99999"): "it is a number from 0 to 1023",
            ("--cpu", "first"): "it is a number from 0 to 1023",
            ("--seconds", "0"): "it is a number from",
            ("--seconds", "nan"): "it is a number from",
            ("--seconds", "1s"): "it is a number from",
            ("--pages", "large"): "it is auto, small or huge"}.items():
        done = run(*args)
        expect(done.returncode == 2, f"{args}: exit {done.returncode}")
        expect(text in done.stderr, f"{args}: {done.stderr}")
        expect(done.stdout == "", f"{args}: {done.stdout}")


CASES: list[Callable[[], None]] = [
    all_benchmarks, only_some, table, stays_on_a_cpu, help_text, bad_input]


def main() -> None:
    failed = 0
    print(f"TAP version 13\n1..{len(CASES)}")
    for number, case in enumerate(CASES, 1):
        try:
            case()
            verdict = "ok"
        except Exception:  # noqa: BLE001 - any failure is a failed case
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
            verdict = "not ok"
            failed += 1
        print(f"{verdict} {number} - {case.__name__}", flush=True)
    sys.exit(1 if failed else 0)


main()
