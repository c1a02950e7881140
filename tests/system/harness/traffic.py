# SPDX-License-Identifier: BSD-3-Clause
"""Checked traffic between two endpoints: a Guest or a Netns, each with run(), start() and ip."""

import json
import time
from typing import Any, Protocol

from .report import check, check_equal, note


class Job(Protocol):
    """Something that runs at an endpoint."""

    def wait(self, timeout: float = ...) -> str: ...
    def stop(self) -> None: ...


class Endpoint(Protocol):
    """Where traffic starts and ends."""

    ip: str
    ifname: str
    trafgen: Any

    def run(self, script: str, timeout: float = ...) -> str: ...
    def start(self, script: str) -> Job: ...


def result(output: str) -> dict[str, Any]:
    """The line of JSON that a program of ours ends with."""
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            return json.loads(line)
    raise AssertionError(f"no JSON in: {output!r}")


def wait_listening(where: Endpoint, protocol: str, port: int, timeout: float = 10.0) -> None:
    """Until somebody has bound the port there (protocol: udp or tcp), on IPv4 or IPv6."""
    tables = f"/proc/net/{protocol} /proc/net/{protocol}6"
    state = "0A" if protocol == "tcp" else "07"
    script = (
        f"n=0; until cat {tables} 2>/dev/null | grep -qi ':{port:04X} .*:0000 {state} '; do "
        f"n=$((n+1)); [ $n -lt {int(timeout * 20)} ] || exit 1; sleep 0.05; done"
    )
    where.run(script, timeout + 5)


def ping(src: Endpoint, dst: Endpoint, count: int = 5, timeout: float = 10.0) -> dict[str, Any]:
    """Wait for a first answer, then `count` pings that must all be answered."""
    end = time.monotonic() + timeout
    while True:
        first = result(src.run(f"{src.trafgen} ping --to {dst.ip} --seconds 0.2 --interval 50"))
        if first["received"]:
            break
        check(time.monotonic() < end, f"no ping {src.ip} -> {dst.ip} within {timeout:g} s")
    answer = result(
        src.run(f"{src.trafgen} ping --to {dst.ip} --seconds {count * 0.1} --interval 100")
    )
    check_equal(answer["lost"], 0, f"lost pings {src.ip} -> {dst.ip}")
    return answer


def udp_stream(
    src: Endpoint,
    dst: Endpoint,
    *,
    rate: float = 500,
    seconds: float = 3,
    size: int = 1000,
    port: int = 5201,
    max_lost: int = 0,
) -> dict[str, Any]:
    """A stamped UDP stream; nothing corrupt, doubled or reordered, at most max_lost lost."""
    receiver = dst.start(f"{dst.trafgen} udp-recv --port {port} --seconds {seconds + 20}")
    wait_listening(dst, "udp", port)
    sender = src.start(
        f"{src.trafgen} udp-send --to {dst.ip}:{port} --rate {rate} --seconds {seconds} "
        f"--size {size}"
    )
    sent = result(sender.wait(seconds + 20))
    got = result(receiver.wait(seconds + 30))
    what = f"{src.ip} -> {dst.ip}"
    note(f"udp {what}: sent {sent['sent']}, received {got['received']}, lost {got['lost']}")
    check(got["finished"] and sent["sent"] > 0, f"udp {what}: {sent} {got}")
    for fault in ("corrupt", "duplicated", "reordered"):
        check_equal(got[fault], 0, f"udp {what}: {fault}")
    check(got["lost"] <= max_lost, f"udp {what}: lost {got['lost']} of {sent['sent']}: {got}")
    return got


def tcp_transfer(
    src: Endpoint, dst: Endpoint, *, size: int = 4 << 20, port: int = 5202, timeout: float = 60
) -> dict[str, Any]:
    """A TCP transfer that must arrive byte for byte."""
    receiver = dst.start(f"{dst.trafgen} tcp-recv --port {port} --seconds {timeout}")
    wait_listening(dst, "tcp", port)
    sender = src.start(f"{src.trafgen} tcp-send --to {dst.ip}:{port} --bytes {size}")
    sent = result(sender.wait(timeout))
    got = result(receiver.wait(timeout))
    what = f"tcp {src.ip} -> {dst.ip}"
    check_equal(got["bytes"], size, f"{what}: bytes")
    check_equal(got["corrupt_at"], -1, f"{what}: first corrupt byte")
    check_equal(got["checksum"], sent["checksum"], f"{what}: checksum")
    note(f"{what}: {size >> 10} KiB whole in {sent['seconds']} s, {sent['mbit']} Mbit/s")
    return sent


def iperf(src: Endpoint, dst: Endpoint, *, seconds: int = 3, port: int = 5203,
          reverse: bool = False) -> float:
    """An iperf3 run (reverse: its option -R); Mbit/s as the receiver saw them. Never judged."""
    # Not -1: now and then iperf3 3.12 listens again after its one test.
    pid = f"/tmp/iperf-{dst.ip}-{port}.pid"
    server = dst.start(f"iperf3 -s -p {port} -I {pid}; rm -f {pid}")
    wait_listening(dst, "tcp", port)
    back = " -R" if reverse else ""
    output = src.run(f"iperf3 -c {dst.ip} -p {port} -t {seconds} -J{back}", seconds + 30)
    dst.run(f"kill $(tr -d '\\0' <{pid})")
    server.wait(15)
    figures = json.loads(output[output.index("{"):])
    mbit = figures["end"]["sum_received"]["bits_per_second"] / 1e6
    note(f"iperf3 {src.ip} {'<-' if reverse else '->'} {dst.ip}: {mbit:.0f} Mbit/s")
    return mbit
