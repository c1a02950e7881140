#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Roles: what certificates and users of the host may do, and when rules change."""

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from typing import Any

from harness import Suite, check, check_equal
from harness.bytes_peer import BytesPeer, request
from harness.paths import BUILD, VSWITCHCTL
from harness.remote import ACCESS, RULES, Remote, TlsPeer

suite = Suite("access", Remote)


def turned_away(peer: Any, who: str) -> None:
    """It is told that it may do nothing, and closed."""
    error = peer.hear()["error"]
    check(error["code"] == -32002 and who in error["message"], f"{error}")
    check_equal(peer.hear(), None, "what comes behind it")


@suite.case("roles follow the certificate's name and its units")
def roles(fixture: Remote) -> None:
    bridge = {"edits": [{"op": "create", "path": "/vswitch:vswitch/bridge[name='x']"}]}
    dry = {**bridge, "dry-run": True}
    flush = {"name": "fdb-flush", "input": {"bridge": "far"}}
    device = {"edits": [{"op": "create", "path": "/vswitch:vswitch/port[name='p']",
                         "value": {"type": "fake", "bridge": "far"}}]}
    port = {"edits": [{"op": "merge", "path": "/vswitch:vswitch/port[name='p']",
                       "value": {"mtu": 1400}}]}
    expected = {
        "reader": (fixture.reader, {"ping": True, "get": True, "edit": False, "program": False,
                                    "action": False, "dry": True, "subscribe": True, "frames": False}),
        "operator": (fixture.operator, {"action": True, "edit": False, "confirm": False,
                                        "frames": True}),
        "porter": (fixture.porter, {"edit": False, "port": True, "device": False, "action": False,
                                    "rollback": False, "confirm": False, "program": False}),
        "admin": (fixture.admin, {"edit": True, "action": True}),
    }
    requests = {"edit": ("edit", bridge), "dry": ("edit", dry), "action": ("action", flush),
                "port": ("edit", port), "device": ("edit", device),
                "frames": ("subscribe", {"topics": ["port", "punt"]}), "subscribe": ("subscribe", {"topics": ["port"]}),
                "program": ("program", {"bridge": "far", "text": "priority=1,actions=drop"})}
    for name, (certificate, wanted) in expected.items():
        peer = TlsPeer(fixture, certificate)
        for what, may in wanted.items():
            answer = peer.ask(*requests.get(what, (what, {})))
            error = answer.get("error", {})
            check_equal(error.get("code") != -32002, may, f"{name}: {what}: {answer}")
            if not may:
                check_equal(error["data"]["error-tag"], "access-denied", f"{name}: {what}")
                check(error["message"] in fixture.log() or "not logged" in fixture.log(),
                      f"{name}: {what} is logged")
        peer.close()
    peer = TlsPeer(fixture, fixture.nobody)
    turned_away(peer, "nobody (127.0.0.1:")
    peer.close()
    peer = TlsPeer(fixture, fixture.reader)
    message = peer.ask("action", flush)["error"]["message"]
    check("action fdb-flush needs role operate; rita (127.0.0.1:" in message
          and "has role read" in message, message)
    peer.close()


@suite.case("new rules hold for open connections")
def rules_change(fixture: Remote) -> None:
    peer = TlsPeer(fixture, fixture.reader)
    check("result" in peer.ask("subscribe", {"topics": ["port"]}), "it may subscribe")
    fixture.edit(ACCESS, {"rule": [{"name": "look", "user": ["rita"], "role": "operate"}]})
    flush = {"name": "fdb-flush", "input": {"bridge": "far"}}
    check("result" in peer.ask("action", flush), "it may flush now")
    fixture.edit(ACCESS, {"rule": RULES[:1]})
    turned_away(peer, "rita (127.0.0.1:")
    peer.close()
    fixture.edit(ACCESS, {"rule": RULES})


@suite.case("rules that say nothing sensible are refused, and root is never locked out")
def wrong_rules(fixture: Remote) -> None:
    def rule(**leaves: Any) -> dict[str, Any]:
        return {"rule": [{"name": "a", **leaves}]}

    cases = [
        (rule(role="king"), "role"), (rule(), "role"),
        (rule(role="read", path=["/vswitch:vswitch/port"]), "only role admin edits"),
        (rule(role="admin", path=["/port"]), "must begin with"),
        (rule(role="read", user=["a\nb"]), "printable ASCII"),
        (rule(role="read", user=[""]), "1..127 characters"),
        ({"default-role": 7}, "default-role"),
    ]
    for value, text in cases:
        error = fixture.try_edit(ACCESS, value)
        check(error and text in json.dumps(error), f"{value}: {error}")
        check(error["error-path"].startswith(ACCESS), f"{value}: {error}")
    fixture.edit(ACCESS, {"default-role": "none", "rule": [{"name": "all", "role": "none"}]})
    check("result" in fixture.daemon.call("ping"), "root is still served")
    fixture.edit(ACCESS, {"rule": RULES})


@suite.case("users of the socket have roles too")
def local_users(fixture: Remote) -> None:
    account, group = "nobody", "nogroup"
    os.chmod(fixture.world.dir, 0o755)
    os.chmod(fixture.daemon.dir, 0o755)
    os.chmod(fixture.daemon.socket, 0o666)
    program = fixture.world.dir / "ctl-copy"
    shutil.copy(VSWITCHCTL, program)

    def may(*words: str, further: str = "") -> bool:
        groups = f"--groups={further}" if further else "--clear-groups"
        command = ["setpriv", f"--reuid={account}", f"--regid={group}", groups, str(program),
                   "-s", str(fixture.daemon.socket), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
        denied = f"{account} (unix, pid" in done.stderr and "has role" in done.stderr
        check(done.returncode == 0 or denied, f"{words}: {done.stderr}")
        return done.returncode == 0

    check(may("show"), "by default whoever opens the socket may")
    check(may("bridge", "add", "by-nobody"), "anything")
    try:
        for value, expected in [
            ({"default-role": "read"}, (True, False)),
            ({"default-role": "none"}, (False, False)),
            ({"default-role": "none",
              "rule": [{"name": "a", "group": [group], "role": "admin"}]}, (True, True)),
            ({"default-role": "none",
              "rule": [{"name": "a", "user": [account], "from": "remote", "role": "admin"}]},
             (False, False)),
        ]:
            fixture.edit(ACCESS, value)
            got = (may("show"), may("bridge", "add", "by-nobody", "--may-exist", "aging-time=60"))
            check_equal(got, expected, f"what {account} may with {value}")
        fixture.edit(ACCESS, {"default-role": "none",
                              "rule": [{"name": "a", "group": ["daemon"], "role": "read"}]})
        check(not may("show"), "not in the group")
        check(may("show", further="daemon"), "a further group of the account counts")
    finally:
        fixture.edit(ACCESS, {"rule": RULES})


PORT = "/vswitch:vswitch/port[name='p']"


@suite.case("what a port takes of the host is found wherever it stands in an edit")
def host_resources(fixture: Remote) -> None:
    fixture.edit(PORT, {"type": "fake", "bridge": "far"})
    fixture.edit(ACCESS, {"rule": [{"name": "all", "user": ["porter"], "role": "admin",
                                    "path": ["/vswitch:vswitch"]}]})
    peer = TlsPeer(fixture, fixture.porter)
    tree = {"port": [{"name": "q", "type": "fake"}]}
    cases = [("/vswitch:vswitch", tree, "type"), ("/vswitch:vswitch/port", tree["port"], "type"),
             (PORT, {"netns": "1"}, "netns"), (PORT + "/backend", "dpdk", "backend"),
             (PORT + "/vswitch:ifname", "eth0", "ifname"),
             (PORT, {"mtu": 1400, "description": "type"}, ""),
             ("/vswitch:vswitch", {"bridge": [{"name": "far", "description": "x"}]}, "")]
    for path, value, leaf in cases:
        answer = peer.ask("edit", {"edits": [{"op": "merge", "path": path, "value": value}]})
        said = answer.get("error", {}).get("message", "")
        check(f"may not edit {leaf}," in said if leaf else not said, f"{path} {value}: {answer}")
    answer = peer.ask("edit", {"edits": [{"op": "remove", "path": "/vswitch:vswitch/system"}]})
    check("may not edit access," in answer["error"]["message"], f"all of it: {answer}")
    peer.close()
    fixture.edit(ACCESS, {"rule": RULES})


@suite.case("captures and subscriptions to frames end with the role that they need")
def downgrade(fixture: Remote) -> None:
    peer = TlsPeer(fixture, fixture.operator)
    check("result" in peer.ask("subscribe", {"topics": ["punt", "sample", "config"]}), "subscribed")
    check("result" in peer.ask("action", {"name": "capture", "input": {"bridge": "far"}}), "begun")
    check("data" in peer.hear()["params"], "the stream's head")
    fixture.edit(ACCESS, {"rule": [{"name": "ops", "group": ["ops"], "role": "read"}]})
    ended, data = set(), 0
    while len(ended) < 3 or not data:
        params = peer.hear()["params"]
        if params.get("event") == "ended":
            check("have ended" in params["text"] or "has ended" in params["text"], f"{params}")
            ended.add(params["topic"])
        data += params["topic"] == "capture" and "data" in params
    check_equal(ended, {"punt", "sample", "capture"}, "what has ended")
    state = fixture.daemon.call("get", {"path": "/vswitch:vswitch/system/capture"})
    check('"id"' not in json.dumps(state["result"]), f"no capture runs: {state}")
    check_equal(peer.ask("subscribe", {"topics": ["config"]})["result"]["subscriptions"],
                [{"topic": "config"}], "what is left")
    peer.close()
    fixture.edit(ACCESS, {"rule": RULES})


def as_nobody(script: str, *arguments: str, groups: str = "--clear-groups") -> str:
    """What a Python script says that runs as a user who is not root."""
    done = subprocess.run(["setpriv", "--reuid=nobody", "--regid=nogroup", groups, sys.executable,
                           "-c", script, *arguments], capture_output=True, text=True, check=False,
                          timeout=60)
    check_equal(done.returncode, 0, f"the script's end: {done.stderr}")
    return done.stdout


MANY = """
import socket, sys
peers = []
for _ in range(600):
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(10)
    peer.connect(sys.argv[1])
    peers.append(peer)
print(peers[-1].recv(4096).decode())
other = socket.socket(socket.AF_UNIX)
print(len(peers), "are open", flush=True)
sys.stdin.readline()
"""

ASK = """
import socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.settimeout(20)
peer.connect(sys.argv[1])
try:
    peer.sendall(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\\n')
except BrokenPipeError:
    pass
print(peer.recv(4096).decode())
"""


@suite.case("who may nothing takes no place, and one user not all of them")
def places(fixture: Remote) -> None:
    def crowd() -> subprocess.Popen[str]:
        return subprocess.Popen(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
                                 sys.executable, "-c", MANY, str(fixture.daemon.socket)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    for role, text in (("none", "has role none and may do nothing"), ("read", "has 128 connect")):
        fixture.edit(ACCESS, {"default-role": role, "rule": RULES})
        with crowd() as others:
            assert others.stdout
            check(text in others.stdout.readline(), f"what the 600th hears with role {role}")
            others.stdout.readline()
            others.stdout.readline()
            check("result" in fixture.daemon.call("ping"), "root gets in")
            peer = TlsPeer(fixture, fixture.reader)
            check("result" in peer.ask("ping"), "and so do certificates")
            peer.close()
            others.communicate("\n")
    fixture.edit(ACCESS, {"rule": RULES})


@suite.case("descriptors whose close waits for their maker hold up nobody")
def lingering(fixture: Remote) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    for _ in range(4):
        mine = socket.create_connection(listener.getsockname())
        theirs, _address = listener.accept()
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3600))
        mine.setblocking(False)
        try:
            while mine.send(b"x" * 65536):
                pass
        except BlockingIOError:
            pass
        with BytesPeer(fixture.daemon) as peer:
            line = request("ping", {})
            socket.send_fds(peer.socket, [line[:-1]], [mine.fileno()])
            mine.close()  # not its last descriptor, until the line has ended
            peer.send(line[-1:])
            peer.answer()
        check("result" in fixture.daemon.call("ping"), "others are served")
        theirs.close()  # resets it, and the close ends
    listener.close()


@suite.case("all groups of a caller are seen")
def many_groups(fixture: Remote) -> None:
    fixture.edit(ACCESS, {"default-role": "none",
                          "rule": [{"name": "a", "group": ["60199"], "role": "read"}]})
    groups = ",".join(str(group) for group in range(60000, 60200))
    said = as_nobody(ASK, str(fixture.daemon.socket), groups=f"--groups={groups}")
    check("pong" in said, said)
    groups = ",".join(str(group) for group in range(60000, 60199))
    said = as_nobody(ASK, str(fixture.daemon.socket), groups=f"--groups={groups}")
    check("has role none" in said, said)
    fixture.edit(ACCESS, {"rule": RULES})


@suite.case("a name service that does not answer holds up nobody, and lets nobody in")
def slow_names(fixture: Remote) -> None:
    check_equal(fixture.daemon.terminate()[0], 0, "the exit status")
    fixture.daemon.env = {**os.environ, "LD_PRELOAD": str(BUILD / "tests/system/slow-names.so")}
    fixture.daemon.start()
    os.chmod(fixture.daemon.socket, 0o666)
    start = time.monotonic()
    fixture.edit(ACCESS, {"default-role": "admin", "rule": [
        {"name": "a", "group": ["slow-group"], "role": "none"}]})
    for _ in range(20):
        check("result" in fixture.daemon.call("ping"), "root is served")
    check(time.monotonic() - start < 2, "and does not wait")
    said = as_nobody(ASK, str(fixture.daemon.socket))
    check("has role none" in said and "not known yet: try again" in said, said)
    fixture.edit(ACCESS, {"default-role": "admin", "rule": [
        {"name": "n", "user": ["65534"], "role": "read"},
        {"name": "a", "group": ["slow-group"], "role": "none"}]})
    said = as_nobody(ASK, str(fixture.daemon.socket))
    check("pong" in said, f"a number needs no name service: {said}")
    check_equal(fixture.daemon.terminate()[0], 0, "it ends all the same")
    fixture.daemon.env = None
    fixture.daemon.start()


if __name__ == "__main__":
    suite.main()
