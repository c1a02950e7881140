#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""How rules come, count and go: batches over the control socket, statistics, timeouts, restarts."""

import json
import threading
import time
from pathlib import Path
from typing import Any

from harness import Daemon, Suite, World, check, check_equal, note
from harness.frames import Packet
from harness.proc import wait_until
from harness.wire import MARK_SOURCE, Patch

MANY = 100_000
FLOWS = 2048
FRAME = Packet().frame()


def lab(world: World) -> Patch:
    """A bridge with two taps, in a switch that remembers few flows."""
    return Patch(world, Daemon(world, "--flows", str(FLOWS)), ["p1", "p2"])


suite = Suite("flow rules", lab)


def rules(on: Patch, match: str = "") -> list[dict[str, Any]]:
    """The rules as `flow show --json` has them, but the mark's."""
    words = ["flow", "show", on.bridge, *([match] if match else [])]
    found = on.daemon.ctl.json(*words)["flows"]
    return [rule for rule in found if rule.get("priority") != 65535]


def counts(on: Patch) -> dict[int, tuple[int, int]]:
    """Packets and bytes by cookie, of the rules that have one."""
    return {int(rule["cookie"], 0): (int(rule["statistics"]["packets"]),
                                     int(rule["statistics"]["bytes"]))
            for rule in rules(on) if "cookie" in rule}


def wait_counts(on: Patch, wanted: dict[int, tuple[int, int]]) -> None:
    """Counters lag by up to a second, and then they are these."""
    start = time.monotonic()

    def there() -> bool:
        return counts(on) == wanted

    try:
        wait_until("the counters", there, 3)
    except TimeoutError:
        check_equal(counts(on), wanted, "packets and bytes by cookie")
    check(time.monotonic() - start < 2, f"told after {time.monotonic() - start:.1f} s")


def texts(on: Patch, match: str = "") -> list[str]:
    """The rules as text, but the mark's."""
    words = ["flow", "show", on.bridge, *([match] if match else []), "--no-stats"]
    return [line.strip() for line in on.daemon.ctl(*words).splitlines()
            if line.strip() and "priority=65535" not in line]


def file_of(on: Patch, *lines: str) -> str:
    """A file with these lines."""
    path: Path = on.daemon.dir / "rules.txt"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def refusal(on: Patch, **params: Any) -> dict[str, Any]:
    """`program` must refuse this; the error."""
    reply = on.daemon.call("program", {"bridge": on.bridge, **params}, timeout=20)
    check("error" in reply, f"not refused: {str(reply)[:200]}")
    return reply["error"]


@suite.case("counters are what was sent, to the packet, in all tables")
def counters(on: Patch) -> None:
    on.rules("cookie=1,priority=9,udp,tp_src=1,actions=p2",
             "cookie=2,priority=8,udp,tp_src=2,actions=drop",
             "cookie=3,priority=7,udp,actions=push_vlan:0x8100,goto_table:1",
             "cookie=4,table=1,vlan,actions=p2", "cookie=5,priority=1,actions=normal")
    size = len(FRAME)
    wait_counts(on, dict.fromkeys(range(1, 6), (0, 0)))
    frames = [Packet(tp_src=1 + n % 4).frame() for n in range(4000)]
    on.exchange(frames)
    on.exchange([Packet(proto="tcp").frame()] * 7)
    tcp = len(Packet(proto="tcp").frame())
    wanted = {1: (1000, 1000 * size), 2: (1000, 1000 * size), 3: (2000, 2000 * size),
              4: (2000, 2000 * size), 5: (7, 7 * tcp)}
    wait_counts(on, wanted)
    time.sleep(0.3)
    check_equal(counts(on), wanted, "packets and bytes a while later")
    on.program("modify udp,tp_src=1,actions=drop", "cookie=9,priority=8,udp,tp_src=2,actions=p2")
    on.exchange(frames)
    del wanted[2]
    wait_counts(on, wanted | {1: (2000, 2000 * size), 9: (1000, 1000 * size),
                              3: (4000, 4000 * size), 4: (4000, 4000 * size)})
    for rule in rules(on):
        statistics = rule["statistics"]
        check(0 <= int(statistics["idle-ms"]) <= int(statistics["age-ms"]) < 60000, str(rule))


@suite.case("counters keep what flows counted that made room for others")
def evicted(on: Patch) -> None:
    # A flow is what rules look at: without the last one all would be the same.
    on.rules("cookie=1,udp,actions=goto_table:1", "cookie=2,table=1,actions=p2",
             "priority=50000,udp,tp_src=65535,actions=drop")
    for block in range(8):
        frames = [Packet(tp_src=block * 1000 + n).frame() for n in range(1000)]
        on.exchange(frames)
        on.exchange(frames)
    total = 16000
    wait_counts(on, {1: (total, total * len(FRAME)), 2: (total, total * len(FRAME))})
    worker = on.daemon.ctl.json("workers")["vswitch:vswitch"]["system"]["worker"][0]
    check(int(worker["flow-cache"]["evicted"]) > 0, f"no flow was evicted: {worker}")


@suite.case("a change of rules holds for the very next packet")
def next_packet(on: Patch) -> None:
    for turn in range(200):
        way = turn % 2
        on.rules("in_port=p1,actions=p2" if way else "in_port=p1,actions=drop")
        on.expect([FRAME] * 3, {"p2": [FRAME] * 3} if way else {}, f"turn {turn}")


@suite.case("a packet meets all of a batch or nothing of it")
def atomic(on: Patch) -> None:
    done = threading.Event()
    batches = 0

    def swap() -> None:
        nonlocal batches
        while not done.is_set():
            batches += 1
            on.program(f"priority=1,udp,actions=set_field:{batches}->reg0,goto_table:1",
                       "delete table=1", f"table=1,reg0={batches},udp,actions=p2")

    on.rules("priority=1,udp,actions=set_field:1->reg0,goto_table:1", "table=1,reg0=1,actions=p2")
    before = on.drops().get("no-rule", 0)
    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        sent = 0
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            frames = [Packet(tp_src=sent + n).frame() for n in range(100)] + [FRAME] * 100
            on.expect(frames, {"p2": frames}, f"frames after {sent}, {batches} batches")
            sent = (sent + 100) % 60000
    finally:
        done.set()
        swapper.join()
    check_equal(on.drops().get("no-rule", 0) - before, 0, "drops/no-rule")
    note(f"{batches} batches")
    check(batches > 20, f"only {batches} batches")


@suite.case("a rule's port goes and comes again")
def port_gone(on: Patch) -> None:
    on.daemon.ctl("port", "add", "f1", "type=fake", "bridge=br0")
    on.rules("in_port=p1,udp,actions=f1,p2", "in_port=p1,tcp,actions=f1", "priority=1,actions=p2")
    before = on.drops().get("no-port", 0)
    hexed = FRAME.hex()

    def at_fake() -> str:
        return on.daemon.ctl("fake", "collect", "f1").strip()

    on.expect(FRAME, {"p2": [FRAME]}, "with the port")
    check_equal(at_fake(), hexed, "what f1 got")
    on.daemon.ctl("port", "del", "f1")
    on.expect([FRAME, Packet(proto="tcp").frame()], {"p2": [FRAME]}, "without the port")
    check_equal(on.drops().get("no-port", 0) - before, 1, "drops/no-port")
    check("output:f1" in "".join(texts(on)), f"the rule is not shown with its port: {texts(on)}")
    on.daemon.ctl("port", "add", "f1", "type=fake", "bridge=br0")
    on.expect(FRAME, {"p2": [FRAME]}, "with the port again")
    check_equal(at_fake(), hexed, "what f1 got again")
    on.rules()
    on.daemon.ctl("port", "del", "f1")


@suite.case("idle and hard timeouts, deletion")
def timeouts(on: Patch) -> None:
    start = time.monotonic()
    on.rules("cookie=1,priority=9,udp,idle_timeout=1,actions=p2",
             "cookie=2,priority=8,tcp,hard_timeout=2,actions=p2",
             "cookie=3,priority=7,icmp,idle_timeout=1,hard_timeout=60,actions=p2",
             "cookie=4,priority=6,sctp,idle_timeout=60,actions=p2", "priority=1,actions=drop")
    gone: dict[int, float] = {}

    def look() -> None:
        for cookie in set(range(1, 5)) - set(counts(on)) - set(gone):
            gone[cookie] = time.monotonic() - start

    def beat(*packets: Packet) -> None:
        on.exchange([packet.frame() for packet in packets])
        look()
        time.sleep(0.1)

    while time.monotonic() - start < 2.5:
        last = time.monotonic() - start
        beat(Packet(), Packet(proto="tcp"))
    check_equal(counts(on).get(4), (0, 0), "the rule with an idle timeout of a minute")
    check_equal(sorted(gone), [2, 3], f"rules that have gone: {gone}")
    # The switch looks at its clock ten times a second when it has nothing else to do.
    check(0.8 <= gone[3] < 2.2, f"an idle timeout of 1 s came after {gone[3]:.1f} s")
    check(1.8 <= gone[2] < 3.2, f"a hard timeout of 2 s came after {gone[2]:.1f} s")
    on.exchange(Packet(proto="tcp").frame())
    wait_until("the idle rule goes", lambda: (look(), 1 in gone)[1], 3)
    check(0.8 <= gone[1] - last < 2.4, f"idle for 1 s came after {gone[1] - last:.1f} s")
    on.expect(FRAME, {}, "a frame of the rule that has gone")
    check_equal(on.program("delete sctp"), [1], "rules deleted")
    on.expect(Packet(proto="sctp").frame(), {}, "a frame of a deleted rule")


@suite.case("modify and delete: strict, by mask, by cookie, by output")
def selection(on: Patch) -> None:
    base = ["cookie=0x11,priority=10,ip,nw_src=10.0.0.0/8,actions=p2",
            "cookie=0x12,priority=11,ip,nw_src=10.1.0.0/16,actions=p2",
            "cookie=0x21,priority=11,tcp,nw_src=10.1.1.0/24,actions=drop",
            "cookie=0x22,priority=12,tcp,nw_src=10.1.1.0/24,actions=p1",
            "cookie=0x31,table=3,priority=11,tcp,nw_src=10.1.1.0/24,actions=drop",
            "cookie=0x32,priority=1,actions=normal"]
    cases = (
        ("delete ip,nw_src=10.1.0.0/16", 4, {0x11, 0x32}),
        ("delete tcp", 3, {0x11, 0x12, 0x32}),
        ("delete table=3", 1, {0x11, 0x12, 0x21, 0x22, 0x32}),
        ("delete table=0", 5, {0x31}),
        ("delete", 6, set()),
        ("delete ip,nw_src=11.0.0.0/8", 0, {0x11, 0x12, 0x21, 0x22, 0x31, 0x32}),
        ("delete cookie=0x10/0xf0", 2, {0x21, 0x22, 0x31, 0x32}),
        ("delete cookie=0x22/-1", 1, {0x11, 0x12, 0x21, 0x31, 0x32}),
        ("delete out_port=p2", 2, {0x21, 0x22, 0x31, 0x32}),
        ("delete_strict priority=11,tcp,nw_src=10.1.1.0/24", 2, {0x11, 0x12, 0x22, 0x32}),
        ("delete_strict table=0,priority=11,tcp,nw_src=10.1.1.0/24", 1,
         {0x11, 0x12, 0x22, 0x31, 0x32}),
        ("delete_strict priority=11,ip,nw_src=10.0.0.0/8", 0,
         {0x11, 0x12, 0x21, 0x22, 0x31, 0x32}),
    )
    for text, touched, left in cases:
        check_equal(on.program("delete", *base, text, on.mark_rule)[-2], touched, text)
        check_equal(set(counts(on)), left, f"rules left after {text}")
    for text, touched in (("modify ip,nw_src=10.1.0.0/16,actions=dec_ttl,p2", 4),
                          ("modify_strict priority=12,tcp,nw_src=10.1.1.0/24,actions=dec_ttl,p2",
                           1),
                          ("modify ip,cookie=0x12/-1,actions=dec_ttl,p2", 1),
                          ("modify udp,actions=drop", 0)):
        check_equal(on.program("delete", *base, text, on.mark_rule)[-2], touched, text)
        check_equal(sum("dec_ttl" in line for line in texts(on)), touched, f"rules after {text}")


@suite.case("a batch is all or nothing, errors name op and leaf")
def bundles(on: Patch) -> None:
    on.rules("priority=5,udp,actions=p2")
    before = texts(on)
    good = [{"priority": n, "match": {"eth-type": "0x0800"}, "actions": []} for n in range(1000)]
    for bad, path, word in (
            ({"match": {"vlan-id": 5000}, "actions": []}, "match/vlan-id", "4095"),
            ({"match": {"in-port": "p9"}, "actions": []}, "match/in-port", "'p9'"),
            ({"match": {"in-prot": "p1"}, "actions": []}, "match/in-prot", "in-port"),
            ({"match": {"destination-port": "80"}, "actions": []}, "match/destination-port", ""),
            ({"actions": [{"type": "normal"}, {"type": "output", "port": "p9"}]},
             "actions/1/port", "'p9'"),
            ({"actions": [{"type": "fly"}]}, "actions/0/type", "fly"),
            ({"table": 2, "actions": [{"type": "goto-table", "table": 1}]}, "actions/0", ""),
            ({"priority": 65536, "actions": []}, "priority", "65535"),
            ({"op": "ad", "actions": []}, "op", "add"),
            ({"idle-timeout": -1, "actions": []}, "idle-timeout", "")):
        error = refusal(on, ops=[{"op": "delete"}, *good[:999], bad, *good])
        data = error.get("data", {})
        check(data.get("error-path", "").startswith(f"ops/1000/{path}"), f"{bad}: {error}")
        check(word in error["message"], f"{bad}: {error}")
        check_equal(texts(on), before, f"rules after {bad}")
        on.expect(FRAME, {"p2": [FRAME]}, "the rule that was there")
    error = refusal(on, text="delete\n" + "udp,actions=p2\n" * 999 + "tcp,tp_dst=80,actions=q\n")
    check("line 1001, column 23" in error["message"], str(error))
    check_equal(texts(on), before, "rules after a bad text")
    reply = on.daemon.call("program", {"bridge": on.bridge, "dry-run": True,
                                       "ops": [{"op": "delete"}]})
    check("result" in reply, str(reply))
    check_equal(texts(on), before, "rules after a dry run")
    refused = on.daemon.ctl.refused("flow", "add", on.bridge, "priority=5,in_prt=p1,actions=drop")
    check_equal(refused.status, 2, "exit status")
    check("did you mean 'in_port'" in refused.text, refused.text)
    refused = on.daemon.ctl.refused("flow", "add", on.bridge, "--file",
                                    file_of(on, "# nothing", "tcp,in_port=p9,actions=drop"))
    check_equal(refused.status, 1, "exit status")
    check("line 2, column 5" in refused.text and "'p9'" in refused.text, refused.text)
    error = on.daemon.call("program", {"bridge": "br7", "ops": []})["error"]
    check("br7" in error["message"], str(error))


@suite.case("what is shown can be added again, and replace keeps what stays")
def shown(on: Patch) -> None:
    lines = ["table=0, priority=9, cookie=0x7, in_port=p1, tcp, nw_src=10.0.0.0/8, tp_dst=80-90, "
             "tcp_flags=+syn-ack, actions=mod_dl_dst:02:00:00:00:00:09, dec_ttl, output:p2",
             "priority=8,udp6,ipv6_src=2001:db8::/32,ip_frag=later,idle_timeout=600,actions=normal",
             "priority=7,arp,arp_op=1,arp_tpa=10.0.0.9,actions=in_port",
             "priority=6,ip,dl_vlan=5,dl_vlan_pcp=3,reg0=0/1,actions=pop_vlan,"
             "set_field:10.0.0.0/255.0.0.0->ip_dst,goto_table:9",
             "table=9,priority=3,ip,actions=output(port=p2,max_len=100),load:5->NXM_NX_REG0[3..7],"
             "sample(probability=100,obs_point_id=4),controller:20,flood"]
    on.rules(*lines, "cookie=1,priority=5,udp,actions=p2")
    on.exchange([FRAME] * 5)
    first = texts(on)
    check_equal(len(first), 6, f"rules in {first}")
    on.daemon.ctl("flow", "replace", on.bridge, "--file", file_of(on, on.mark_rule, *first))
    check_equal(texts(on), first, "rules after they have replaced themselves")
    wait_counts(on, {7: (0, 0), 1: (5, 5 * len(FRAME))})
    on.daemon.ctl("flow", "replace", on.bridge, "--file",
                  file_of(on, on.mark_rule, first[0], "cookie=1,priority=5,udp,actions=drop",
                          "cookie=2,priority=2,tcp,actions=p2"))
    on.expect(FRAME, {}, "the rule's new actions")
    check_equal(sorted(counts(on)), [1, 2, 7], "cookies after a replacement")
    found = on.daemon.ctl.json("flow", "show", on.bridge, "udp")["flows"]
    check_equal([(rule["cookie"], rule["match"], rule.get("actions", [])) for rule in found],
                [("0x1", {"eth-type": "0x0800", "ip-protocol": 17}, [])], "flow show --json")


@suite.case("a hundred thousand rules in one batch")
def many(on: Patch) -> None:
    def address(number: int) -> str:
        return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"

    lines = [f"cookie={n + 1},priority=9,udp,nw_src={address(n)},actions=mod_tp_dst:{n % 60000},p2"
             for n in range(MANY)]
    start = time.monotonic()
    text = "\n".join(["delete", on.mark_rule, *lines])
    reply = on.daemon.call("program", {"bridge": on.bridge, "text": text}, timeout=30)
    took = time.monotonic() - start
    check_equal(len(reply["result"]["results"]), MANY + 2, "results")
    note(f"{took:.2f} s for {MANY} rules")
    some = [0, 1, 255, 256, 65535, 65536, 77777, MANY - 1]
    packets = [Packet(nw_src=address(n)) for n in some]
    on.expect([packet.frame() for packet in packets],
              {"p2": [packet.but(tp_dst=n % 60000).frame() for n, packet in zip(some, packets)]},
              "frames of some of them")
    cookies: list[int] = []
    page: dict[str, Any] = {}
    for _ in range(3):
        params = {"bridge": on.bridge, "match": "udp", "limit": 5000}
        params |= {"after": page["next"]} if page else {}
        page = on.daemon.call("flows", params, timeout=20)["result"]
        cookies += [int(rule["cookie"], 0) for rule in page["flows"]]
    check_equal(len(set(cookies)), 15000, "rules in three pages")
    start = time.monotonic()
    check_equal(on.program("delete udp")[0], MANY, "rules deleted")
    note(f"{time.monotonic() - start:.2f} s to delete them")
    on.rules("actions=p2")
    on.expect(packets[0].frame(), {"p2": [packets[0].frame()]}, "afterwards")


@suite.case("killed and started again: configuration is there, rules are not")
def restart(on: Patch) -> None:
    tree = {"bridge": [{"name": "br0",
                        "meter": [{"id": 1, "packet-rate": 10, "burst": 3}],
                        "group": [{"id": 1, "type": "select", "bucket": [
                            {"id": 1, "weight": 2, "watch-port": "p2",
                             "actions": "mod_nw_dst:10.0.0.9,output:p2"}]}]}],
            "acl": [{"name": "web", "default-action": "accept", "ace": [
                {"name": "a", "matches": {"protocol": "tcp", "destination-port": "81"},
                 "forwarding": "drop"}]}],
            "port": [{"name": "p1", "acl-in": "web", "storm-broadcast": 1000,
                      "allowed-mac": ["02:00:00:00:00:01", MARK_SOURCE],
                      "allowed-address": ["10.0.0.0/8"]},
                     {"name": "p2", "acl-out": "web", "protected": True}]}
    reply = on.daemon.call("edit", {"edits": [{"op": "merge", "path": "/vswitch:vswitch",
                                              "value": tree}]})
    check("result" in reply, str(reply))
    on.rules("cookie=5,in_port=p1,actions=group:1")

    def saved() -> Any:
        return on.daemon.call("get", {"path": "/vswitch:vswitch", "content": "config"})["result"]

    before = saved()
    on.daemon.kill()
    on.daemon.start()
    after = saved()
    for key in ("revision", "next"):
        before.pop(key, None)
        after.pop(key, None)
    check_equal(json.dumps(after, sort_keys=True), json.dumps(before, sort_keys=True),
                "the configuration")
    check_equal(on.daemon.ctl.json("flow", "show", on.bridge)["flows"], [], "rules")
    for port in on.wires:
        on.daemon.wait_port(port)
    on.rules("in_port=p1,actions=group:1")
    passing, denied = Packet(proto="tcp", tp_dst=80), Packet(proto="tcp", tp_dst=81)
    on.expect([passing.frame(), denied.frame(), passing.but(src="02:00:00:00:00:07").frame()],
              {"p2": [passing.but(nw_dst="10.0.0.9").frame()]}, "group, list and guard")


if __name__ == "__main__":
    suite.main()
