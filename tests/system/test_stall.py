#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A worker that stands still with a queue in hand: who says so, and that it is over when it is."""

from typing import Any

from harness import Daemon, Subscriber, Suite, World, check, check_equal
from harness.held import held
from harness.proc import wait_until
from harness.web import Web

Lab = tuple[World, Daemon, Web]


def lab(world: World) -> Lab:
    """Frames without end from a queue of their own, so that the worker has it in hand nearly
    always; other ports beside it."""
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    daemon.ctl("port", "add", "sink", "type=null", "bridge=br0")
    daemon.ctl("port", "add", "source", "type=pci", "devargs=net_null7,size=64", "bridge=br0")
    return world, daemon, Web(daemon)


suite = Suite("stall", lab)


def state_of(daemon: Daemon) -> str:
    """What the worker does, as the tree has it."""
    data = daemon.call("get", {"path": "/vswitch:vswitch/system/worker"})
    return data["result"]["vswitch:vswitch"]["system"]["worker"][0]["state"]


def checks_of(web: Web) -> tuple[int, str, dict[str, Any]]:
    """/health: its HTTP status, its own, and what is said of workers."""
    answer = web.ask("/health")
    health = answer.json()
    workers = next(item for item in health["checks"] if item["name"] == "workers")
    return answer.status, health["status"], workers


def check_told(on: Lab, event: dict[str, Any], of_port: Subscriber) -> None:
    """While the worker stands still with the source's queue."""
    _, daemon, web = on
    check_equal((event["port"], event["queue"], event["severity"]), ("source", 0, "error"),
                "what it has in hand")
    check("it has queue 0 of port source in hand" in event["text"], event["text"])
    check_equal(of_port.event(), event, "what is told to who asked for the port")
    status, health, workers = checks_of(web)
    check_equal((status, health, workers["status"]), (503, "failing", "failing"), "health")
    check_equal(workers["text"], "stalled: worker 0", "who is named")
    check_equal(state_of(daemon), "stalled", "the state")
    check("stalled" in str(daemon.ctl("workers")), "vswitchctl workers")
    check_equal(web.metrics()["vswitch_system_worker_state"]['worker="0",state="stalled"'], 1,
                "the metric")
    check(event["text"] in daemon.process.output(), "not in the log")


@suite.case("a stall within a queue is told by events, /health and the command, and so is its end",
            timeout=90)
def within(on: Lab) -> None:
    world, daemon, web = on
    told = Subscriber(world, daemon, "worker")
    of_port = Subscriber(world, daemon, "config")
    of_port.send("subscribe", {"topics": ["worker"], "port": "source"})
    of_port.message()
    wait_until("frames move", lambda: daemon.ctl.counter("source", "rx-packets") > 1000)
    check_equal(checks_of(web)[:2], (200, "ok"), "health before")
    found = False
    # Now and then it is stopped between two queues.
    for _ in range(10):
        with held(daemon):
            event = told.event()
            check_equal((event["event"], event["worker"]), ("stalled", 0), "what is told")
            found = "port" in event
            if found:
                check_told(on, event, of_port)
        event = told.event()
        check_equal((event["event"], event["severity"]), ("running", "notice"), "the end")
        check(event["stalled-ms"] >= 2000, f"{event['stalled-ms']} ms")
        if found:
            check_equal(of_port.event(), event, "the end, for who asked for the port")
        if found:
            break
    check(found, "it never had a queue in hand")
    check_equal(checks_of(web)[:2], (200, "ok"), "health after")
    check(state_of(daemon) != "stalled", "the state after")
    check("stalled" not in str(daemon.ctl("workers")), "vswitchctl workers after")
    before = daemon.ctl.counter("source", "rx-packets")
    wait_until("frames move again",
               lambda: daemon.ctl.counter("source", "rx-packets") > before + 1000)


suite.main()
