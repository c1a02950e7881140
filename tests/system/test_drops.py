#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Where packets are lost: input, output and reason of each, the last ones, how long others stay."""

import re
import time
from dataclasses import dataclass
from typing import Any

from harness import Daemon, Suite, World, check, check_equal
from harness.books import Unbalanced, check_books, drops, traffic
from harness.frames import Packet
from harness.proc import wait_until

HERE = "02:00:00:00:00:0a"  # behind a
THERE = "02:00:00:00:00:0b"  # behind b
TO_B = Packet(src=HERE, dst=THERE)
FLOOD = Packet(src=HERE, dst="ff:ff:ff:ff:ff:ff")
KEPT = 128


@dataclass
class Lab:
    """Three fake ports in a bridge, and one outside of it."""

    daemon: Daemon

    def inject(self, port: str, frame: bytes, count: int = 1) -> None:
        """Let a frame arrive, when there is room."""
        left = count

        def more() -> bool:
            nonlocal left
            done = self.daemon.ctl("fake", "inject", port, frame.hex(), f"count={left}")
            left -= int(done.split()[0])
            return left == 0

        wait_until(f"{count} frames go into {port}", more, 10)

    def collect(self) -> None:
        """Take what was sent, so that there is room again."""
        for port in ("a", "b", "c", "lone"):
            if port in self.daemon.ctl.ports():
                self.daemon.ctl("fake", "collect", port)

    def loses(self, what: dict[tuple[str, str, str], int], port: str, frame: bytes,
              count: int = 1) -> None:
        """Exactly these are lost of what arrives."""
        before, counted = drops(self.daemon), traffic(self.daemon)

        def settled() -> bool:
            now = traffic(self.daemon)
            return (now["received"] - counted["received"] == count and
                    now["received"] + now["copies"] == now["sent"] + now["dropped"])

        self.inject(port, frame, count)
        wait_until("all are accounted for", settled, 5)
        after = drops(self.daemon)
        got = {key: after[key] - before.get(key, 0) for key in after
               if after[key] != before.get(key, 0)}
        check_equal(got, what, "lost (input, output, reason)")

    def last(self, **asked: Any) -> list[dict[str, Any]]:
        """The last packets that were lost."""
        reply = self.daemon.call("action", {"name": "drops", "input": asked})
        check("result" in reply, f"drops {asked}: {reply}")
        return reply["result"]["packet"]


def lab(world: World) -> Lab:
    """Three ports in a bridge, which knows who is behind b, and one in none."""
    on = Lab(Daemon(world))
    ctl = on.daemon.ctl
    ctl("bridge", "add", "br0")
    for port in ("a", "b", "c"):
        ctl("port", "add", port, "type=fake", "bridge=br0")
    ctl("port", "add", "lone", "type=fake")
    ctl("fdb", "add", "br0", THERE, "b")
    return on


suite = Suite("drops", lab)

# Reasons that say where the frame would have gone.
KNOWN = {"hairpin": "a", "protected-port": "b"}

GROUP = '{"type":"all","bucket":[{"id":1,"actions":"output:b"}]}'


def edit_group(operation: str, value: str = "") -> str:
    """The parameters of an edit, in one word."""
    path = "/vswitch:vswitch/bridge[name='br0']/group[id='1']"
    return f'{{"edits":[{{"op":"{operation}","path":"{path}"{value}}}]}}'


# A reason of the input: how to bring it about at a, and how to take that back.
INPUTS: list[tuple[str, bytes, list[str], list[str]]] = [
    ("runt", b"\x02" * 9, [], []),
    ("reserved-mac", TO_B.but(dst="01:80:c2:00:00:02").frame(), [], []),
    ("hairpin", TO_B.but(dst=HERE).frame(), [], []),
    ("vlan-not-allowed", TO_B.but(tags=((0x8100, 7),)).frame(),
     ["port set a vlan-mode=access vlan=1"], ["port set a vlan-mode= vlan="]),
    ("no-output", FLOOD.frame(), ["port set a vlan-mode=access vlan=9",
                                  "port set b trunk=10", "port set c trunk=10"],
     ["port set a vlan-mode= vlan=", "port set b trunk=", "port set c trunk="]),
    ("port-disabled", TO_B.frame(), ["port set a enabled=false"], ["port set a enabled="]),
    ("spoofed-mac", TO_B.frame(), ["port set a allowed-mac=02:00:00:00:00:77"],
     ["port set a allowed-mac="]),
    ("spoofed-address", TO_B.frame(), ["port set a allowed-address=192.0.2.1"],
     ["port set a allowed-address="]),
    ("acl-denied", TO_B.frame(), ["acl add none default-action=drop", "port set a acl-in=none"],
     ["port set a acl-in=", "acl del none"]),
    ("protected-port", TO_B.frame(), ["port set a protected=true", "port set b protected=true"],
     ["port set a protected=", "port set b protected="]),
    ("hairpin", TO_B.frame(), ["flow add br0 in_port=a,actions=output:a"], ["flow del br0"]),
    ("protected-port", TO_B.frame(),
     ["port set a protected=true", "port set b protected=true",
      "flow add br0 in_port=a,actions=output:b"],
     ["flow del br0", "port set a protected=", "port set b protected="]),
    ("protected-port", TO_B.frame(),
     ["port set a protected=true", "port set b protected=true",
      "call edit " + edit_group("create", ',"value":' + GROUP),
      "flow add br0 in_port=a,actions=group:1"],
     ["flow del br0", "call edit " + edit_group("delete"), "port set a protected=",
      "port set b protected="]),
    ("rule-drop", TO_B.frame(), ["flow add br0 in_port=a,actions=drop"], ["flow del br0"]),
    ("no-rule", TO_B.frame(), ["flow add br0 in_port=a,actions=goto_table:1"], ["flow del br0"]),
    ("no-bucket", TO_B.frame(), ["flow add br0 in_port=a,actions=group:9"], ["flow del br0"]),
    ("ttl-expired", TO_B.but(ttl=1).frame(),
     ["flow add br0 in_port=a,ip,actions=dec_ttl,output:b"], ["flow del br0"]),
    ("punted", TO_B.frame(), ["flow add br0 in_port=a,actions=controller"], ["flow del br0"]),
]


@suite.case("each reason of an input, with its last packet")
def inputs(on: Lab) -> None:
    ctl = on.daemon.ctl
    on.loses({}, "a", TO_B.frame())
    for reason, frame, begin, end in INPUTS:
        for command in begin:
            ctl(*command.split())
        # The second one is remembered.
        on.loses({("a", KNOWN.get(reason, "-"), reason): 1}, "a", frame)
        on.loses({("a", KNOWN.get(reason, "-"), reason): 1}, "a", frame)
        packet = on.last(reason=reason)[0]
        check_equal(packet["frame"], frame[:KEPT].hex(), f"{reason}: the last packet")
        check_equal(packet["length"], len(frame), f"{reason}: its length")
        check_equal(packet["input"], "a", f"{reason}: its input")
        check_equal(packet.get("output"), KNOWN.get(reason), f"{reason}: its output")
        for command in end:
            ctl(*command.split())
    on.loses({("lone", "-", "no-bridge"): 3}, "lone", TO_B.frame(), 3)
    on.collect()


@suite.case("each reason of an output, by input")
def outputs(on: Lab) -> None:
    ctl = on.daemon.ctl
    long = TO_B.but(payload=b"x" * 1600).frame()
    on.loses({("a", "b", "mtu-exceeded"): 2}, "a", long, 2)
    on.loses({("c", "b", "mtu-exceeded"): 1}, "c", TO_B.but(src="02:00:00:00:00:0c",
                                                         payload=b"x" * 1600).frame())
    packet = on.last(reason="mtu-exceeded")[0]
    check_equal((packet["input"], packet["output"]), ("c", "b"), "of the last packet")
    check_equal(packet["length"], 1600 + len(TO_B.but(payload=b"").frame()), "its length")
    check_equal(len(packet["frame"]), 2 * KEPT, "so much of it is kept")
    ctl("acl", "add", "out", "default-action=drop")
    ctl("port", "set", "b", "acl-out=out")
    on.loses({("a", "b", "acl-egress-denied"): 2}, "a", TO_B.frame(), 2)
    ctl("port", "set", "b", "acl-out=")
    ctl("port", "set", "b", "enabled=false")
    on.loses({("a", "b", "link-down"): 1}, "a", FLOOD.frame())
    ctl("port", "set", "b", "enabled=")
    on.collect()
    on.inject("a", TO_B.frame(), 127)
    on.loses({("a", "b", "tx-full"): 40}, "a", TO_B.frame(), 40)
    on.collect()
    ctl("port", "add", "vm", "type=vhost-user", "bridge=br0")
    on.loses({("a", "vm", "no-guest"): 5}, "a", FLOOD.frame(), 5)
    ctl("port", "del", "vm")
    on.collect()


@suite.case("the last packets: sixteen of a port, of each reason some, or of one port or reason")
def last_packets(on: Lab) -> None:
    others = {packet["reason"] for packet in on.last(port="b")} - {"mtu-exceeded"} - set(KNOWN)
    check(len(others) > 2, f"b has lost packets for other reasons: {others}")
    for number in range(20):
        frame = TO_B.but(payload=bytes([number]) * 1600).frame()
        on.loses({("a", "b", "mtu-exceeded"): 1}, "a", frame)
    packets = on.last(reason="mtu-exceeded")
    check(2 <= len(packets) <= 16 - len(others), f"packets kept: {len(packets)}")
    of_a = [packet["frame"][-2:] for packet in packets if packet["input"] == "a"]
    check_equal(of_a, [f"{number:02x}" for number in range(19, 19 - len(of_a), -1)],
                "newest first")
    check(others < {packet["reason"] for packet in on.last(port="b")}, "others stay")
    on.daemon.ctl("port", "set", "c", "mtu=100")
    for number in range(20):
        frame = FLOOD.but(payload=bytes([number]) * 200).frame()
        on.loses({("a", "c", "mtu-exceeded"): 1}, "a", frame)
        on.collect()
    on.daemon.ctl("port", "set", "c", "mtu=")
    packets = [packet for packet in on.last(port="c") if packet["output"] == "c"]
    check_equal([packet["frame"][-2:] for packet in packets],
                [f"{number:02x}" for number in range(19, 3, -1)], "all sixteen of c's")
    packets = on.last(reason="mtu-exceeded")
    ages = [int(packet["age"]) for packet in packets]
    check(ages == sorted(ages) and ages[-1] < 60000, f"ages rise: {ages}")
    check_equal(len(on.last(reason="mtu-exceeded", max=3)), 3, "with max=3")
    check_equal({packet["reason"] for packet in on.last(reason="runt")}, {"runt"}, "reasons")
    for packet in on.last(port="lone"):
        check_equal(packet["input"], "lone", "packets of one port")
    check(len(on.last()) > 16, "without an input all are told")


@suite.case("a storm of broadcasts to absent guests hides nothing")
def storm(on: Lab) -> None:
    ctl = on.daemon.ctl
    guests = [f"g{number}" for number in range(40)]
    ports = "/vswitch:vswitch/port"
    edits = [{"op": "create", "path": f"{ports}[name='{guest}']",
              "value": {"type": "vhost-user", "bridge": "br0"}} for guest in guests]
    reply = on.daemon.call("edit", {"edits": edits})
    check("result" in reply, f"forty ports: {reply}")
    on.collect()
    once = FLOOD.but(src="02:00:00:00:00:0c")
    on.loses({("c", guest, "no-guest"): 1 for guest in guests}, "c", once.frame())
    for _ in range(5):
        on.loses({("a", guest, "no-guest"): 100 for guest in guests}, "a", FLOOD.frame(), 100)
        on.collect()
    on.loses({("c", guest, "no-guest"): 1 for guest in guests}, "c", once.frame())
    # Of all that was lost meanwhile each port has its own still.
    of_c = [packet["output"] for packet in on.last(reason="no-guest") if packet["input"] == "c"]
    check(set(guests) <= set(of_c), f"c's packets: {of_c}")
    for guest in guests[:2]:
        inputs_of = {packet["input"] for packet in on.last(port=guest)}
        check_equal(inputs_of, {"a", "c"}, f"inputs of {guest}'s packets")
    ctl("port", "del", guests[0])
    reply = on.daemon.call("edit", {"edits": [
        {"op": "delete", "path": f"{ports}[name='{guest}']"} for guest in guests[1:]]})
    check("result" in reply, f"without them: {reply}")
    check_books(on.daemon)


@suite.case("what is asked wrongly is refused in words")
def bad_questions(on: Lab) -> None:
    for asked, words in (({"reason": "bad-luck"}, "bad-luck"), ({"port": "nobody"}, "nobody"),
                         ({"reason": 5}, "reason"), ({"max": 0}, "1024"), ({"what": 1}, "what"),
                         ({"max": "x"}, "max")):
        reply = on.daemon.call("action", {"name": "drops", "input": asked})
        check("error" in reply and words in str(reply["error"]), f"{asked}: {reply}")
    ctl = on.daemon.ctl
    for command, words in (("drops nobody", "nobody"), ("latency nobody", "nobody"),
                           ("drops --reason bad-luck --packets", "bad-luck"),
                           ("drops --rate 0", "1 to"), ("drops --rate --packets", "together")):
        check(words in ctl.refused(*command.split()).text, command)


@suite.case("vswitchctl drops and latency")
def cli(on: Lab) -> None:
    ctl = on.daemon.ctl
    on.loses({("a", "b", "mtu-exceeded"): 1}, "a", TO_B.but(payload=b"x" * 1600).frame())
    text = ctl("drops")
    law = re.match(r"received (\d+) \+ copies (\d+) = sent (\d+) \+ dropped (\d+)\n", text)
    check(law, f"the first line: {text}")
    received, copies, sent, dropped = map(int, law.groups())
    check_equal(received + copies, sent + dropped, "the law")
    check(re.search(r"^a +b +mtu-exceeded +\d+ +frame longer than", text, re.M), text)
    check(re.search(r"^a +a +hairpin ", text, re.M), text)
    only = ctl("drops", "lone", "--reason", "no-bridge")
    check(re.search(r"^lone +- +no-bridge +3 ", only, re.M) and "mtu" not in only, only)
    check("no drops" in ctl("drops", "lone", "--reason", "runt"), "nothing to show")
    shown = ctl("drops", "--packets", "--reason", "mtu-exceeded")
    check(re.search(r"ms +a +b +mtu-exceeded +1642 +" + HERE + " > " + THERE + " ipv4", shown),
          shown)
    check("PER-SECOND" in ctl("drops", "--rate"), "a rate")
    check("packet" in ctl.json("drops", "--packets"), "as JSON")
    check("traffic" in ctl.json("drops")["vswitch:vswitch"]["system"], "as JSON")
    check(re.search(r"^a +\d+ +[0-9.]+ [num]?s ", ctl("latency"), re.M), ctl("latency"))
    bars = ctl("latency", "a")
    check("####" in bars and "p99 below" in bars, bars)
    state = ctl.json("latency", "a")["vswitch:vswitch"]["port"][0]["latency"]
    total = sum(int(bucket["packets"]) for bucket in state["bucket"])
    check_equal(total, int(state["packets"]), "packets of all ranges")
    check(int(state["p50"]) <= int(state["p99"]) <= int(state["max"]), f"in order: {state}")


@suite.case("counters that start from zero, ports that go")
def clear_and_delete(on: Lab) -> None:
    ctl = on.daemon.ctl
    long = TO_B.but(payload=b"x" * 1600).frame()
    on.loses({("a", "b", "mtu-exceeded"): 2}, "a", long, 2)
    ctl("stats", "b", "--clear")
    left = {reason for _, output, reason in drops(on.daemon) if output == "b"}
    check(left <= set(KNOWN), f"nothing is left of b's: {left}")
    on.loses({("a", "b", "mtu-exceeded"): 4}, "a", long, 4)
    check_equal(drops(on.daemon)["a", "b", "mtu-exceeded"], 4, "since it was cleared")
    ctl("port", "add", "d", "type=fake", "bridge=br0")
    on.loses({("d", "b", "mtu-exceeded"): 3}, "d", TO_B.but(src="02:00:00:00:00:0d",
                                                         payload=b"x" * 1600).frame(), 3)
    ctl("port", "del", "d")
    check_equal(drops(on.daemon).get(("*", "b", "mtu-exceeded")), 3, "of a port that is gone")
    ctl("port", "add", "d", "type=fake", "bridge=br0")
    check(not any("d" in key[:2] for key in drops(on.daemon)), "a new port begins at nothing")
    ctl("port", "del", "d")
    check_equal(int(on.daemon.ctl.port("b")["statistics"]["drops"]["mtu-exceeded"]), 7, "b's")
    ctl("stats", "--clear")
    check_equal(drops(on.daemon), {}, "after all was cleared")
    check_books(on.daemon)


@suite.case("a daemon whose books are wrong is found out")
def wrong_books(_on: Lab) -> None:
    class Liar:
        """Answers as a daemon that has lost a packet."""

        def call(self, _method: str, _params: Any) -> dict[str, Any]:
            sums = {"received": "10", "copies": "2", "sent": "8", "dropped": "3"}
            return {"result": {"vswitch:vswitch": {"system": {"traffic": sums, "drop": []}}}}

    start = time.monotonic()
    try:
        check_books(Liar())  # type: ignore[arg-type]
    except Unbalanced as error:
        check("1 are missing" in str(error), str(error))
        check(time.monotonic() - start < 10, "it does not wait for ever")
        return
    raise AssertionError("it was not")


if __name__ == "__main__":
    suite.main()
