#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The HTTP listener: metrics, health, JSON-RPC and events, and who abuses it."""

import json
import re
import socket
import time

from harness import Daemon, Suite, World, check, check_equal, note
from harness.paths import ROOT
from harness.proc import wait_until
from harness.web import Web, openmetrics, promtool

BROADCAST = "ffffffffffff" + "020000000001" + "0806" + "00" * 46
RUNT = "ffffffffffff"
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0,text/plain;q=0.5"}
IDLE = 100
PORTS = 1000

Lab = tuple[World, Daemon, Web]


def lab(world: World) -> Lab:
    """A bridge with two fake ports, and the listener."""
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    for port in ("p1", "p2"):
        daemon.ctl("port", "add", port, "type=fake", "bridge=br0")
    return world, daemon, Web(daemon)


suite = Suite("http", lab)


@suite.case("nothing listens until it is enabled, nor when it is disabled again")
def switched(on: Lab) -> None:
    _, daemon, web = on
    check_equal(web.state()["listening"], True, "listening")
    web.set(enabled=False)
    try:
        web.connect().close()
        raise AssertionError("something listens")
    except ConnectionRefusedError:
        pass
    check_equal(web.state()["listening"], False, "listening")
    web.set(enabled=True)
    check_equal(web.ask("/health").status, 200, "health")
    data = daemon.call("get", {"path": "/vswitch:vswitch/system/http", "with-defaults": True})
    container = data["result"]["vswitch:vswitch"]["system"]["http"]
    check_equal((container["address"], container["role"]), ("127.0.0.1", "read"), "defaults")


@suite.case("metrics are what the state is, in both formats, and promtool has no complaint")
def metrics(on: Lab) -> None:
    world, daemon, web = on
    daemon.ctl("fake", "inject", "p1", BROADCAST)
    daemon.ctl("fake", "inject", "p2", RUNT)
    wait_until("the runt is counted", lambda: daemon.ctl.drops("p2").get("runt"))
    wait_until("p2 has sent", lambda: daemon.ctl.counter("p2", "tx-packets"))
    values = web.metrics()
    for leaf in ("rx-packets", "rx-bytes", "tx-packets", "tx-bytes"):
        name = f"vswitch_port_statistics_{leaf.replace('-', '_')}_total"
        check_equal(values[name]['port="p2"'], daemon.ctl.counter("p2", leaf), name)
    drops = values["vswitch_port_statistics_drops_total"]
    check_equal(drops['port="p2",reason="runt"'], 1, "runts")
    check_equal(values["vswitch_port_oper_status"]['port="p1",state="up"'], 1, "p1 is up")
    check('port="p1",type="fake",bridge="br0"' in values["vswitch_port_info"], "p1's info")
    plain = web.ask("/metrics")
    check("version=0.0.4" in plain.headers["content-type"], plain.headers["content-type"])
    promtool(world, "check", "metrics", text=plain.text)
    opened = web.ask("/metrics", headers=OPENMETRICS)
    check("openmetrics-text; version=1.0.0" in opened.headers["content-type"], "content type")
    families = openmetrics(opened.text)
    check_equal(families["vswitch_port_statistics_rx_packets"].type, "counter", "type")
    check_equal(families["vswitch_system_uptime_seconds"].unit, "seconds", "unit")
    check_equal(families["vswitch_port"].type, "info", "type")
    note(f"{len(families)} families")


@suite.case("the dashboard and the alerts ask for metrics that there are")
def dashboard(on: Lab) -> None:
    world, daemon, web = on
    daemon.ctl("fake", "inject", "p1", BROADCAST)
    wait_until("a packet's stay was sampled", lambda: "vswitch_port_latency_seconds_count" in
               web.metrics())
    known = {re.sub("_seconds_(bucket|count)$", "_seconds", name) for name in web.metrics()}
    page = (ROOT / "docs" / "metrics.md").read_text()
    documented = set(re.findall(r"^\| `(vswitch_\w+)`", page, re.MULTILINE))
    check(known <= documented, f"not in docs/metrics.md: {sorted(known - documented)}")
    board = json.loads((ROOT / "docs" / "grafana" / "vswitchd.json").read_text())
    asked = {re.sub("_seconds_bucket$", "_seconds", name)
             for name in re.findall(r"vswitch_\w+", json.dumps(board))}
    check(len(asked) > 10, f"the dashboard asks for {len(asked)} metrics")
    alerts = ROOT / "docs" / "grafana" / "alerts.yml"
    asked |= set(re.findall(r"vswitch_\w+", alerts.read_text()))
    check(asked <= documented, f"unknown metrics: {sorted(asked - documented)}")
    # what only guests have can not be in this scrape
    check({m for m in asked if "_ring_" not in m and "_guest_" not in m} <= known,
          f"not in a scrape: {sorted(asked - known)}")
    promtool(world, "check", "rules", str(alerts))
    # the dashboard's expressions as rules, with what Grafana puts in
    rules = [{"record": f"panel:{i}", "expr": target["expr"].replace("$__rate_interval", "5m")}
             for i, target in enumerate(t for p in board["panels"] for t in p.get("targets", []))]
    (world.dir / "rules.yml").write_text(json.dumps({"groups": [{"name": "x", "rules": rules}]}))
    promtool(world, "check", "rules", str(world.dir / "rules.yml"))


@suite.case("health tells what is wrong")
def health(on: Lab) -> None:
    _, daemon, web = on
    answer = web.ask("/health")
    check_equal((answer.status, answer.json()["status"]), (200, "ok"), "health")
    names = [item["name"] for item in answer.json()["checks"]]
    check({"workers", "configuration", "ports"} <= set(names), f"checks are {names}")
    edit = {"op": "create", "path": "/vswitch:vswitch/port[name='gone']", "value": {"type": "fake"}}
    daemon.call("edit", {"edits": [edit], "confirm-timeout": 600})
    answer = web.ask("/health")
    check_equal((answer.status, answer.json()["status"]), (200, "warning"), "provisional edits")
    check("provisional edits" in answer.text, answer.text)
    daemon.call("rollback")
    wait_until("it is well again", lambda: web.ask("/health").json()["status"] == "ok")
    daemon.terminate()
    config = json.loads(daemon.config.read_text())
    lost = {"name": "lost", "type": "af-packet", "ifname": "no-such-link"}
    config["vswitch:vswitch"]["port"].append(lost)
    daemon.config.write_text(json.dumps(config))
    daemon.start()
    answer = web.ask("/health")
    check_equal(answer.json()["status"], "warning", "a port whose device is missing")
    check("failed: lost" in answer.text, answer.text)
    daemon.ctl("port", "del", "lost")
    head = web.ask("/health", "HEAD")
    check_equal((head.status, head.body), (200, b""), "HEAD")


BAD = {
    b"\r\n\r\n": None,
    b"hello\r\n\r\n": None,
    b"GET / HTTP/9.9\r\n\r\n": 400,
    b"GET /metrics HTTP/1.1\r\nno colon\r\n\r\n": 400,
    b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 20000 + b"\r\n\r\n": 400,
    b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n": 400,
    b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n": 400,
    b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n": 400,
    b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n": None,
    b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n" + b"a" * 1000: 413,
    b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n": None,
    b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n": 413,
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nGET ": 400,
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\n": 400,
    b"GET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n": 404,
    b"GET /metrics%00 HTTP/1.1\r\nHost: localhost\r\n\r\n": 404,
    b"GET /../metrics HTTP/1.1\r\nHost: localhost\r\n\r\n": 404,
    b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n": 405,
    b"DELETE /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n": 501,
    b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n": None,
    b"GET http://example.org/rpc HTTP/1.1\r\n\r\n": None,
    b"\x00\xff" * 5000: None,
}


@suite.case("bad requests are refused, and nothing else happens")
def bad(on: Lab) -> None:
    _, daemon, web = on
    for request, status in BAD.items():
        answer = web.raw(request)
        if status:
            check(answer.startswith(b"HTTP/1.1 %d " % status) or b" %d " % status in answer[:20],
                  f"{request[:60]!r}: {answer[:80]!r}, not {status}")
        check(daemon.ping(), f"no answer after {request[:60]!r}")
    # requests that come while one is being answered
    with web.connect() as peer:
        peer.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        peer.settimeout(5)
        data = b""
        while data.count(b"HTTP/1.1 200 OK") < 20:
            piece = peer.recv(1 << 20)
            check(piece, "the connection was closed")
            data += piece
    check_equal(web.ask("/health").status, 200, "health")


@suite.case("a port in use refuses the edit and is named; at start it is waited for")
def in_use(on: Lab) -> None:
    _, daemon, web = on
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        try:
            web.set(port=taken)
            raise AssertionError("the edit was not refused")
        except RuntimeError as error:
            check(f"port {taken} of 127.0.0.1" in str(error), str(error))
        check_equal(web.ask("/health").status, 200, "the old port goes on")
        try:
            web.set(address="192.0.2.77")
            raise AssertionError("the edit was not refused")
        except RuntimeError as error:
            check("192.0.2.77" in str(error), str(error))
        daemon.terminate()
        blocker = socket.socket()
        blocker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        blocker.bind(("127.0.0.1", web.port))
        blocker.listen()
        daemon.start()
        check("another process" in web.state()["reason"], "the reason")
        blocker.close()
    wait_until("it listens", lambda: web.state()["listening"], 15)
    check_equal(web.ask("/health").status, 200, "health")


@suite.case("another address with the same port is one edit")
def moved(on: Lab) -> None:
    _, _, web = on
    web.set(address="0.0.0.0")
    check_equal(web.ask("/health").status, 200, "on all addresses")
    web.set(address="127.0.0.1")
    check_equal(web.ask("/health").status, 200, "on one again")


@suite.case("idle and slow connections keep nobody out")
def idle(on: Lab) -> None:
    _, daemon, web = on
    before = daemon.descriptors()
    peers = [web.connect() for _ in range(IDLE)]
    for peer in peers[::2]:
        peer.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
    for _ in range(5):
        check_equal(web.ask("/health").status, 200, "health")
    check(daemon.ping(), "the control socket")
    check(web.state()["connections"] <= 64, f"{web.state()['connections']} connections")
    # Drip a byte at a time: that does not make it a request in time.
    slow = web.connect()
    slow.settimeout(0.2)
    start = time.monotonic()
    try:
        for byte in b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 50:
            slow.sendall(bytes([byte]))
            try:
                if slow.recv(1000) == b"":
                    break
            except TimeoutError:
                pass
    except ConnectionError:
        pass
    seconds = time.monotonic() - start
    note(f"the slow one was closed after {seconds:.1f} s")
    check(seconds < 30, "the slow one may go on")
    for peer in [*peers, slow]:
        peer.close()
    wait_until("all is closed", lambda: daemon.descriptors() <= before + 2)


@suite.case("JSON-RPC has the role that the leaf says, and no other site's page gets in")
def rpc(on: Lab) -> None:
    _, _, web = on
    check_equal(web.rpc("ping")["result"]["pong"], True, "ping")
    edit = {"edits": [{"op": "merge", "path": "/vswitch:vswitch/bridge[name='br0']",
                       "value": {"description": "by HTTP"}}]}
    check_equal(web.rpc("edit", edit)["error"]["code"], -32002, "an edit by role read")
    web.set(role="admin")
    check("result" in web.rpc("edit", edit), "an edit by role admin")
    web.set(role="read")
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"},
                    {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        try:
            web.rpc("ping", **headers)
            raise AssertionError(f"{headers} were not refused")
        except RuntimeError as error:
            check(str(error).startswith("403"), str(error))
    own = f"localhost:{web.port}"
    check("result" in web.rpc("ping", Host=own, Origin=f"http://{own}"), "our own page")
    json_type = {"Content-Type": "application/json; charset=utf-8"}
    check_equal(web.ask("/rpc", "POST", b"{}", {"Content-Type": "text/plain"}).status, 415, "type")
    check_equal(web.ask("/rpc", "POST", b"", json_type).status, 400, "no body")
    check_equal(web.ask("/rpc", "POST", b"{", json_type).json()["error"]["code"], -32700, "no JSON")
    note_only = b'{"jsonrpc": "2.0",\n "method": "ping"}\n'
    check_equal(web.ask("/rpc", "POST", note_only, json_type).status, 204, "a notification")
    batch = b'[\n{"jsonrpc":"2.0","id":1,"method":"ping"},\n{"jsonrpc":"2.0","id":2,"method":"x"}\n]'
    check_equal(len(web.ask("/rpc", "POST", batch, json_type).json()), 2, "a batch")
    big = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"' + b"a" * 250000 + b'"}}'
    check_equal(web.ask("/rpc", "POST", big, json_type).status, 200, "a large request")


@suite.case("events come as they happen")
def events(on: Lab) -> None:
    _, daemon, web = on
    check_equal(web.ask("/events").status, 400, "no topic")
    check_equal(web.ask("/events?topic=nonsense").status, 400, "an unknown topic")
    refused = web.ask("/events?topic=punt")
    check(refused.status != 200 and b"needs role operate" in refused.body, f"frames to read: {refused}")
    daemon.ctl("http", "set", "role=operate")
    daemon.ctl("flow", "add", "br0", "in_port=p1,actions=controller:20")
    with web.connect() as peer:
        peer.sendall(b"GET /events?topic=punt&bridge=br0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        data = b""
        while b"subscribed" not in data:
            data += peer.recv(65536)
        check(b"text/event-stream" in data, "content type")
        daemon.ctl("fake", "inject", "p1", BROADCAST)
        while b"data: " not in data or not data.endswith(b"\n\n\r\n"):
            data += peer.recv(65536)
        event = json.loads(re.search(rb"data: (.*)", data)[1])
        check_equal((event["topic"], event["in-port"]), ("punt", "p1"), "the event")
        # a client that only writes is not stored
        before = daemon.status("VmRSS")
        peer.settimeout(0.5)
        try:
            for _ in range(200):
                peer.send(b"x" * 100000)
        except (TimeoutError, ConnectionError):
            pass
        grown = daemon.status("VmRSS") - before
        check(grown < 4096, f"grown by {grown} KiB")
    streams = []
    for _ in range(17):
        peer = web.connect()
        peer.sendall(b"GET /events?topic=port HTTP/1.1\r\nHost: localhost\r\n\r\n")
        streams.append((peer, peer.recv(1000)))
    check(b" 503 " in streams[-1][1], f"one more than there may be: {streams[-1][1][:60]!r}")
    for peer, _ in streams:
        peer.close()
    daemon.ctl("flow", "del", "br0")
    wait_until("streams are closed", lambda: web.state()["connections"] <= 1)


@suite.case("a thousand ports are scraped in slices")
def many(on: Lab) -> None:
    _, daemon, web = on
    edits = [{"op": "create", "path": f"/vswitch:vswitch/port[name='f{i}']",
              "value": {"type": "fake", "bridge": "br0"}} for i in range(PORTS)]
    check("result" in daemon.call("edit", {"edits": edits}, timeout=30), "the ports")
    start = time.monotonic()
    values = web.metrics()
    note(f"scraped and read in {time.monotonic() - start:.3f} s")
    check_equal(len(values["vswitch_port_info"]), PORTS + 2, "ports")
    readers = [web.connect() for _ in range(12)]
    for peer in readers:
        peer.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    statuses = sorted(peer.recv(1000)[9:12] for peer in readers)
    check(statuses[0] == b"200" and statuses[-1] == b"503", f"at once: {statuses}")
    for peer in readers:
        peer.close()
    check(daemon.ping(), "the control socket")


suite.main()
