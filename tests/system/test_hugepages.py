#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The same switch on 2 MB hugepages, reserved for the test and given back."""

from pathlib import Path

from harness import (Daemon, Suite, World, boot, check, check_equal, guest, note, ping, tap,
                     tcp_transfer, udp_stream)

PAGES = Path("/proc/sys/vm/nr_hugepages")
NEEDED = 200

suite = Suite("hugepages")


def reserve(world: World, pages: int) -> None:
    """This many pages until the world ends."""
    before = PAGES.read_text().strip()
    world.defer(lambda: PAGES.write_text(before) and None)
    PAGES.write_text(str(pages))
    check_equal(int(PAGES.read_text()), pages, "hugepages that the kernel has")


@suite.case("--hugepages require without any is refused and says what to do")
def none_there(world: World) -> None:
    reserve(world, 0)
    daemon = Daemon(world, start=False, hugepages="require")
    process = daemon.launch()
    check_equal(process.wait(10), 1, "exit status")
    check("hugepages" in process.output(), process.output())
    check("nr_hugepages" in process.output(), f"no advice: {process.output()}")


@suite.case("--hugepages auto without any starts without")
def automatic(world: World) -> None:
    reserve(world, 0)
    daemon = Daemon(world, hugepages="auto")
    memory = daemon.ctl.json("show")["vswitch:vswitch"]["system"]["memory"]
    check_equal(memory["kind"], "memfd", "kind of memory")
    assert daemon.process
    said = daemon.process.output()
    check("ordinary pages" in said and "% slower" in said, f"not what it has and costs: {said}")


@suite.case("--hugepages require: guest and namespace exchange traffic")
def required(world: World) -> None:
    reserve(world, NEEDED)
    daemon = Daemon(world, hugepages="require")
    note(f"answers after {daemon.start_seconds:.3f} s, VmRSS {daemon.status('VmRSS') / 1024:.0f}")
    memory = daemon.ctl.json("show")["vswitch:vswitch"]["system"]["memory"]
    note(str(memory))
    check_equal(memory["kind"], "hugepages", "kind of memory")
    daemon.ctl("bridge", "add", "br0")
    vm1 = guest(world, daemon, "vm1", "10.7.0.1")
    c1 = tap(world, daemon, "c1", "10.7.0.2")
    boot(vm1)
    ping(c1, vm1)
    udp_stream(c1, vm1, rate=300, seconds=1)
    tcp_transfer(vm1, c1)
    tcp_transfer(c1, vm1)
    status, seconds = daemon.terminate()
    check_equal(status, 0, "exit status")
    check(seconds < 1.0, f"stopping took {seconds:.2f} s")


if __name__ == "__main__":
    suite.main()
