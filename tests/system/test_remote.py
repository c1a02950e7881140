#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The control protocol over TLS: who gets in, what they may do, what strangers can take."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from typing import Any

from harness import Daemon, Suite, World, check, check_equal
from harness.authority import Authority, Certificate
from harness.ctl import Ctl
from harness.paths import VSWITCHCTL
from harness.proc import run, wait_until

REMOTE = "/vswitch:vswitch/system/remote"
ACCESS = "/vswitch:vswitch/system/access"
CLIENT = "extendedKeyUsage=clientAuth"
RULES = [
    {"name": "root", "user": ["root-of-ca"], "role": "admin"},
    {"name": "ports", "user": ["porter"], "role": "admin", "path": ["/vswitch:vswitch/port"]},
    {"name": "ops", "group": ["ops"], "role": "operate"},
    {"name": "look", "group": ["look"], "from": "remote", "role": "read"},
]


def free_port() -> int:
    """A TCP port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Peer:
    """A TLS connection that speaks JSON-RPC."""

    def __init__(self, fixture: "Fixture", certificate: Certificate | None,
                 source: str = "127.0.0.1", context: ssl.SSLContext | None = None) -> None:
        context = context or fixture.ca.client(certificate)
        plain = socket.create_connection(("127.0.0.1", fixture.port), 5, (source, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = context.wrap_socket(plain)
        self.lines = self.tls.makefile("rb")

    def send(self, method: str, params: Any = None, number: int = 1) -> None:
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}}
        self.tls.sendall(json.dumps(request).encode() + b"\n")

    def hear(self) -> Any:
        line = self.lines.readline()
        return json.loads(line) if line else None

    def ask(self, method: str, params: Any = None) -> Any:
        self.send(method, params)
        return self.hear()

    def close(self) -> None:
        self.lines.close()
        self.tls.close()


class Fixture:
    """A daemon that listens, and certificates of all kinds."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ca = Authority(world.dir, "ca")
        self.other = Authority(world.dir, "other-ca")
        self.server = self.ca.issue("server", "/CN=switch",
                                    "subjectAltName=IP:127.0.0.1,DNS:localhost")
        self.admin = self.ca.issue("admin", "/CN=root-of-ca", CLIENT)
        self.operator = self.ca.issue("operator", "/OU=other/OU=ops/CN=oscar", CLIENT)
        self.reader = self.ca.issue("reader", "/OU=look/CN=rita", CLIENT)
        self.porter = self.ca.issue("porter", "/CN=porter", CLIENT)
        self.nobody = self.ca.issue("nobody", "/CN=nobody", CLIENT)
        self.trusted = world.dir / "trusted.pem"
        shutil.copy(self.ca.certificate, self.trusted)
        self.port = free_port()
        self.daemon = Daemon(world, "--log", "info")
        self.edit(REMOTE, self.config())
        self.edit(ACCESS, {"rule": RULES})

    def config(self, **changed: Any) -> dict[str, Any]:
        return {"enabled": True, "address": "127.0.0.1", "port": self.port,
                "certificate": str(self.server.certificate), "key": str(self.server.key),
                "client-ca": str(self.trusted), **changed}

    def try_edit(self, path: str, value: Any, op: str = "replace") -> Any:
        answer = self.daemon.call("edit", {"edits": [{"op": op, "path": path, "value": value}]})
        return answer.get("error", {}).get("data")

    def edit(self, path: str, value: Any, op: str = "replace") -> None:
        check_equal(self.try_edit(path, value, op), None, f"the error of {op} {path}")

    def state(self) -> dict[str, Any]:
        data = self.daemon.call("get", {"path": REMOTE})["result"]
        return data["vswitch:vswitch"]["system"]["remote"]

    def log(self) -> str:
        assert self.daemon.process
        return self.daemon.process.output()

    def wait_log(self, text: str) -> None:
        wait_until(f"the log says '{text}'", lambda: text in self.log(), 5)


suite = Suite("remote", Fixture)


def refused(fixture: Fixture, context: ssl.SSLContext, source: str = "127.0.0.1") -> str:
    """Connect and ask; it must fail, and how is returned."""
    try:
        peer = Peer(fixture, None, source, context)
        answer = peer.ask("ping")
    except OSError as error:
        return str(error)
    check(answer is None, f"a stranger was answered: {answer}")
    return "closed"


@suite.case("a client with a certificate is served as on the socket, and its changes are logged")
def good_client(fixture: Fixture) -> None:
    peer = Peer(fixture, fixture.admin)
    check_equal(peer.tls.version(), "TLSv1.3", "the protocol")
    check_equal(peer.ask("ping")["result"]["pong"], True, "the answer")
    answer = peer.ask("edit", {"edits": [{"op": "create",
                                          "path": "/vswitch:vswitch/bridge[name='far']"}],
                               "comment": "from\nafar"})
    check("revision" in answer.get("result", {}), f"no revision: {answer}")
    fixture.wait_log(f"root-of-ca (127.0.0.1:{peer.tls.getsockname()[1]}, role admin): edit, "
                     "revision ")
    fixture.wait_log("1 change: create \"/vswitch:vswitch/bridge[name='far']\", comment "
                     "\"from?afar\"")
    check(len(peer.ask("schema")["result"]["yang"]) > 10000, "the schema came whole")
    peer.close()
    state = fixture.state()
    check_equal(state["listening"], True, "listening")
    check_equal(state["not-after"], "2049-01-01T00:00:00Z", "the end of the certificate")


@suite.case("strangers are refused, and the log and the state say why")
def strangers(fixture: Fixture) -> None:
    expired = fixture.ca.issue("expired", "/CN=root-of-ca", CLIENT, end="20210101000000Z")
    early = fixture.ca.issue("early", "/CN=root-of-ca", CLIENT, start="20480101000000Z")
    other = fixture.other.issue("imposter", "/CN=root-of-ca", CLIENT)
    purpose = fixture.ca.issue("purpose", "/CN=root-of-ca", "extendedKeyUsage=serverAuth")
    two = fixture.ca.issue("two", "/CN=root-of-ca/CN=nobody", CLIENT)
    odd = fixture.ca.issue("odd", "/CN=root-of-ca ", CLIENT)
    old = fixture.ca.client(fixture.admin)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    cases = [
        (fixture.ca.client(None), "no certificate"),
        (fixture.ca.client(expired), "the certificate has expired"),
        (fixture.ca.client(early), "the certificate is not valid yet"),
        (fixture.ca.client(other), "the certificate is of an unknown CA"),
        (fixture.ca.client(purpose), "the certificate is not for this use"),
        (fixture.ca.client(two), "two common names"),
        (fixture.ca.client(odd), "no common name of"),
        (old, "no TLS 1.3"),
    ]
    before = int(fixture.state()["refused"])
    for context, reason in cases:
        refused(fixture, context)
        wait_until(f"'{reason}' is the last refusal",
                   lambda r=reason: r in fixture.state().get("last-refusal", ""), 5)
    state = fixture.state()
    check_equal(int(state["refused"]) - before, len(cases), "refused")
    check_equal(state["connections"], 0, "connections")
    for text in ("no certificate", "has expired", "of an unknown CA", "no TLS 1.3"):
        fixture.wait_log(text)


@suite.case("bytes that are no TLS end that connection alone")
def garbage(fixture: Fixture) -> None:
    peer = Peer(fixture, fixture.reader)
    samples = [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"{\"jsonrpc\":\"2.0\"}\n", b"\x00" * 4096,
               b"\x16\x03\x01\xff\xff" + b"\xaa" * 70000, os.urandom(4096)]
    for sample in samples:
        with socket.create_connection(("127.0.0.1", fixture.port), 5) as plain:
            try:
                plain.sendall(sample)
                plain.shutdown(socket.SHUT_WR)
                while plain.recv(4096):
                    pass
            except ConnectionError:
                pass
    check_equal(peer.ask("ping")["result"]["pong"], True, "the other connection")
    peer.close()


@suite.case("roles follow the certificate's name and its units")
def roles(fixture: Fixture) -> None:
    bridge = {"edits": [{"op": "create", "path": "/vswitch:vswitch/bridge[name='x']"}]}
    dry = {**bridge, "dry-run": True}
    flush = {"name": "fdb-flush", "input": {"bridge": "far"}}
    port = {"edits": [{"op": "create", "path": "/vswitch:vswitch/port[name='p']",
                       "value": {"type": "null"}}]}
    expected = {
        "nobody": (fixture.nobody, {"ping": False, "get": False}),
        "reader": (fixture.reader, {"ping": True, "get": True, "edit": False, "program": False,
                                    "action": False, "dry": True, "subscribe": True}),
        "operator": (fixture.operator, {"action": True, "edit": False, "confirm": False}),
        "porter": (fixture.porter, {"edit": False, "port": True, "action": True,
                                    "rollback": False}),
        "admin": (fixture.admin, {"edit": True, "action": True}),
    }
    requests = {"edit": ("edit", bridge), "dry": ("edit", dry), "action": ("action", flush),
                "port": ("edit", port), "subscribe": ("subscribe", {"topics": ["port"]}),
                "program": ("program", {"bridge": "far", "text": "priority=1,actions=drop"})}
    for name, (certificate, wanted) in expected.items():
        peer = Peer(fixture, certificate)
        for what, may in wanted.items():
            answer = peer.ask(*requests.get(what, (what, {})))
            error = answer.get("error", {})
            check_equal(error.get("code") != -32002, may, f"{name}: {what}: {answer}")
            if not may:
                check_equal(error["data"]["error-tag"], "access-denied", f"{name}: {what}")
                check(error["message"] in fixture.log() or "not logged" in fixture.log(),
                      f"{name}: {what} is logged")
        peer.close()
    peer = Peer(fixture, fixture.reader)
    message = peer.ask("action", flush)["error"]["message"]
    check("action fdb-flush needs role operate; rita (127.0.0.1:" in message
          and "has role read" in message, message)
    peer.close()


@suite.case("new rules hold for open connections")
def rules_change(fixture: Fixture) -> None:
    peer = Peer(fixture, fixture.reader)
    check("result" in peer.ask("subscribe", {"topics": ["port"]}), "it may subscribe")
    fixture.edit(ACCESS, {"rule": [{"name": "look", "user": ["rita"], "role": "operate"}]})
    flush = {"name": "fdb-flush", "input": {"bridge": "far"}}
    check("result" in peer.ask("action", flush), "it may flush now")
    fixture.edit(ACCESS, {"rule": RULES[:1]})
    check_equal(peer.hear(), None, "whoever may do nothing any more is closed")
    peer.close()
    fixture.edit(ACCESS, {"rule": RULES})


@suite.case("rules that say nothing sensible are refused, and root is never locked out")
def wrong_rules(fixture: Fixture) -> None:
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
def local_users(fixture: Fixture) -> None:
    account, group = "nobody", "nogroup"
    os.chmod(fixture.world.dir, 0o755)
    os.chmod(fixture.daemon.dir, 0o755)
    os.chmod(fixture.daemon.socket, 0o666)
    program = fixture.world.dir / "ctl-copy"
    shutil.copy(VSWITCHCTL, program)

    def may(*words: str) -> bool:
        command = ["setpriv", f"--reuid={account}", f"--regid={group}", "--clear-groups",
                   str(program), "-s", str(fixture.daemon.socket), *words]
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
    finally:
        fixture.edit(ACCESS, {"rule": RULES})


@suite.case("files and addresses that cannot be used refuse the edit, with the reason")
def wrong_config(fixture: Fixture) -> None:
    folder = fixture.world.dir
    open_key = folder / "open.key"
    shutil.copy(fixture.server.key, open_key)
    open_key.chmod(0o644)
    text = folder / "text.pem"
    text.write_text("no PEM\n")
    locked = folder / "locked.key"
    run(["openssl", "ec", "-in", fixture.server.key, "-aes256", "-passout", "pass:x", "-out",
         locked])
    expired = fixture.ca.issue("server-expired", "/CN=switch", end="20210101000000Z")
    taken = socket.create_server(("127.0.0.1", 0))
    cases = [
        ({"address": None}, "address", "needed"),
        ({"client-ca": None}, "client-ca", "needed"),
        ({"address": "switch"}, "address", "no IPv4 or IPv6 address"),
        ({"address": "192.0.2.77"}, "address", "cannot listen"),
        ({"port": 0}, "port", "1..65535"),
        ({"port": taken.getsockname()[1]}, "port", "in use"),
        ({"certificate": "/nonexistent"}, "certificate", "No such file"),
        ({"certificate": str(folder)}, "certificate", "no file of"),
        ({"certificate": "/dev/zero"}, "certificate", "no file of"),
        ({"certificate": str(text)}, "certificate", "no certificate that can be used"),
        ({"certificate": str(expired.certificate), "key": str(expired.key)}, "certificate",
         "has expired at 2021-01-01"),
        ({"key": str(open_key)}, "key", "open to others (mode 0644): chmod 600"),
        ({"key": str(locked)}, "key", "key without a password"),
        ({"key": str(fixture.admin.key)}, "key", "not the key of the certificate"),
        ({"client-ca": str(text)}, "client-ca", "no certificate of a CA"),
    ]
    for changed, leaf, reason in cases:
        value = {k: v for k, v in fixture.config(**changed).items() if v is not None}
        error = fixture.try_edit(REMOTE, value)
        check(error and reason in error["error-message"], f"{changed}: {error}")
        check_equal(error["error-path"], f"{REMOTE}/{leaf}", f"the place of {changed}")
    taken.close()
    peer = Peer(fixture, fixture.reader)
    check_equal(peer.ask("ping")["result"]["pong"], True, "the listener in use is as before")
    peer.close()


@suite.case("half-open connections take a few places, and nobody else notices")
def half_open(fixture: Fixture) -> None:
    strangers = []
    for i in range(200):
        plain = socket.socket()
        plain.settimeout(5)
        plain.bind((f"127.0.1.{i // 4 + 1}", 0))
        plain.connect(("127.0.0.1", fixture.port))
        strangers.append(plain)
        if i % 3 == 0:
            plain.sendall(b"\x16\x03\x01\x02\x00\x01")
    answered = 0
    for _ in range(50):
        check("result" in fixture.daemon.call("ping"), "the control socket is served")
        answered += 1
        check(fixture.state()["handshakes"] <= 32, "handshakes at once")
    check_equal(answered, 50, "pings")
    peer = Peer(fixture, fixture.reader)
    check_equal(peer.ask("ping")["result"]["pong"], True, "a good client gets in")
    peer.close()
    for plain in strangers:
        plain.close()
    wait_until("they are forgotten", lambda: fixture.state()["handshakes"] == 0, 15)


@suite.case("one address has 16 connections")
def per_address(fixture: Fixture) -> None:
    peers = [Peer(fixture, fixture.reader, "127.0.0.3") for _ in range(16)]
    for peer in peers:
        check_equal(peer.ask("ping")["result"]["pong"], True, "all are served")
    refused(fixture, fixture.ca.client(fixture.reader), "127.0.0.3")
    wait_until("the 17th is refused", lambda: "too many connections of this address"
               in fixture.state().get("last-refusal", ""), 5)
    peer = Peer(fixture, fixture.reader, "127.0.0.4")
    check_equal(peer.ask("ping")["result"]["pong"], True, "another address")
    for peer in [peer, *peers]:
        peer.close()
    wait_until("all have gone", lambda: fixture.state()["connections"] == 0, 5)


@suite.case("who does not read makes the daemon wait, not grow")
def slow_reader(fixture: Fixture) -> None:
    peer = Peer(fixture, fixture.reader, "127.0.0.5")
    peer.tls.settimeout(0.5)
    sent = 0
    before = fixture.daemon.status("VmRSS")
    try:
        while sent < 3000:
            peer.send("schema", number=sent)
            sent += 1
    except (TimeoutError, ssl.SSLWantWriteError):
        pass
    time.sleep(0.5)
    grown = fixture.daemon.status("VmRSS") - before
    check(grown < 32 * 1024, f"grown by {grown} KiB")
    check("result" in fixture.daemon.call("ping"), "others are served")
    peer.tls.settimeout(20)
    heard = 0
    while heard < min(sent, 300):
        check_equal(peer.hear()["id"], heard, "answers come whole and in order")
        heard += 1
    peer.close()


@suite.case("all that was asked before the end of sending is answered")
def half_close(fixture: Fixture) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = fixture.ca.client(fixture.reader).wrap_bio(incoming, outgoing)
    plain = socket.create_connection(("127.0.0.1", fixture.port), 20)

    def attempt(step: Callable[[], Any]) -> Any:
        """Once, and again after each piece that comes; None when the daemon has closed."""
        while True:
            try:
                result = step()
                plain.sendall(outgoing.read())
                return result
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                piece = plain.recv(65536)
                if not piece:
                    return None
                incoming.write(piece)

    attempt(tls.do_handshake)
    lines = [b'{"jsonrpc":"2.0","id":%d,"method":"ping"}\n' % i for i in range(5000)]
    tls.write(b"".join(lines) + b'{"jsonrpc":"2.0","id":5000,"method":"schema"}\n')
    try:
        tls.unwrap()  # our close_notify; that of the daemon comes behind its answers
    except ssl.SSLWantReadError:
        plain.sendall(outgoing.read())
    heard = b""
    try:
        while piece := attempt(lambda: tls.read(65536)):
            heard += piece
    except ssl.SSLZeroReturnError:
        pass
    numbers = [json.loads(line)["id"] for line in heard.splitlines()]
    check_equal(numbers, list(range(5001)), "answers")
    plain.close()


@suite.case("limits are those of the socket: a line that is too long ends the connection")
def long_line(fixture: Fixture) -> None:
    peer = Peer(fixture, fixture.reader, "127.0.0.7")
    before = fixture.daemon.status("VmRSS")
    try:
        for _ in range(64):
            peer.tls.sendall(b"x" * (1 << 20))
    except OSError:
        pass
    try:
        answer = peer.hear()
        check_equal(answer["error"]["code"], -32001, f"{answer}")
    except OSError as error:
        check(False, f"its last words were lost: {error}")
    check(fixture.daemon.status("VmRSS") - before < 64 * 1024, "memory is bounded")
    peer.close()


@suite.case("events come over TLS")
def events(fixture: Fixture) -> None:
    peer = Peer(fixture, fixture.reader)
    check("result" in peer.ask("subscribe", {"topics": ["config"]}), "subscribed")
    fixture.edit("/vswitch:vswitch/bridge[name='far']/description", "seen from afar")
    event = peer.hear()
    check_equal(event["params"]["topic"], "config", f"{event}")
    peer.close()


@suite.case("clients that are killed leave nothing behind")
def killed(fixture: Fixture) -> None:
    before = fixture.daemon.descriptors()
    for round_number in range(20):
        peer = Peer(fixture, fixture.reader, "127.0.0.8")
        peer.tls.sendall(b'{"jsonrpc":"2.0","id":1,"method":"schema"}\n{"jsonrpc"')
        linger = b"\x01\0\0\0\0\0\0\0"  # close() resets the connection
        if round_number % 2:
            peer.tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        os.close(peer.tls.detach())
    wait_until("all have gone", lambda: fixture.state()["connections"] == 0, 10)
    wait_until("and their descriptors", lambda: fixture.daemon.descriptors() <= before, 5)


@suite.case("vswitchctl: --cert, --key, --ca, and what it says when something is wrong")
def command_line(fixture: Fixture) -> None:
    def ctl(certificate: Certificate, place: str, *words: str) -> tuple[int, str]:
        command = [str(VSWITCHCTL), "-s", place, "--cert", str(certificate.certificate), "--key",
                   str(certificate.key), "--ca", str(fixture.ca.certificate), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
        return done.returncode, done.stdout + done.stderr

    here = f"127.0.0.1:{fixture.port}"
    stranger = fixture.other.issue("cli", "/CN=root-of-ca", CLIENT)
    cases = [
        (fixture.admin, here, ["bridge", "show", "far"], 0, "far"),
        (fixture.admin, f"tls://localhost:{fixture.port}", ["ping"], 0, "pong"),
        (fixture.reader, here, ["bridge", "add", "y"], 1, "edit needs role admin; rita"),
        (stranger, here, ["ping"], 3, "it does not know the CA of our certificate"),
        (fixture.admin, f"127.0.0.1:{free_port()}", ["ping"], 3, "Connection refused"),
        (fixture.admin, f"tls://{'x' * 60}.invalid", ["ping"], 3, "is not known"),
        (fixture.admin, "tls://a:b", ["ping"], 2, "is not tls://HOST:PORT"),
        (Certificate(fixture.world.dir / "gone", fixture.admin.key), here, ["ping"], 2,
         "cannot be used: No such file"),
    ]
    for certificate, place, words, status, text in cases:
        got, said = ctl(certificate, place, *words)
        check(got == status and text in said, f"{place} {words}: {got}: {said}")
    env = {**os.environ, "VSWITCHD_SOCKET": here, "VSWITCHCTL_CERT":
           str(fixture.admin.certificate), "VSWITCHCTL_KEY": str(fixture.admin.key)}
    command = [str(VSWITCHCTL), "ping"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    check(done.returncode == 2 and "--ca FILE (or $VSWITCHCTL_CA)" in done.stderr, done.stderr)
    env["VSWITCHCTL_CA"] = str(fixture.other.certificate)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    check(done.returncode == 3 and "not trusted: the certificate is of an unknown CA"
          in done.stderr, done.stderr)
    env["VSWITCHCTL_CA"] = str(fixture.ca.certificate)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    check(done.returncode == 0, done.stderr)


@suite.case("vswitchctl checks that the certificate is the host's")
def name_mismatch(fixture: Fixture) -> None:
    other = fixture.ca.issue("elsewhere", "/CN=x", "subjectAltName=DNS:elsewhere")
    fixture.edit(REMOTE, fixture.config(certificate=str(other.certificate), key=str(other.key)))
    ctl = Ctl(f"127.0.0.1:{fixture.port}")  # type: ignore[arg-type]
    words = ["--cert", str(fixture.admin.certificate), "--key", str(fixture.admin.key), "--ca",
             str(fixture.ca.certificate), "ping"]
    failed = ctl.refused(*words)
    check_equal(failed.status, 3, "the exit status")
    check("the certificate is for another name" in failed.text, failed.text)
    fixture.edit(REMOTE, fixture.config())
    ctl(*words)


@suite.case("certificates are read again on reload-certificates and SIGHUP")
def reload(fixture: Fixture) -> None:
    folder = fixture.world.dir
    now = Certificate(folder / "now.pem", folder / "now.key")
    newer = fixture.ca.issue("newer", "/CN=switch", "subjectAltName=IP:127.0.0.1",
                             end="20480101000000Z")

    def install(certificate: Certificate) -> None:
        shutil.copy(certificate.certificate, now.certificate)
        shutil.copy(certificate.key, now.key)
        now.key.chmod(0o600)

    def call() -> Any:
        return fixture.daemon.call("action", {"name": "reload-certificates"})

    install(fixture.server)
    fixture.edit(REMOTE, fixture.config(certificate=str(now.certificate), key=str(now.key)))
    peer = Peer(fixture, fixture.reader)
    install(newer)
    check("result" in call(), "it is read again")
    check_equal(fixture.state()["not-after"], "2048-01-01T00:00:00Z", "the new one is in use")
    check_equal(peer.ask("ping")["result"]["pong"], True, "an open connection goes on")
    now.certificate.write_text("nothing\n")
    error = call()["error"]["data"]
    check_equal(error["error-path"], f"{REMOTE}/certificate", f"{error}")
    check("holds no certificate" in fixture.state()["reason"], "the state says why")
    again = Peer(fixture, fixture.reader)
    check_equal(again.ask("ping")["result"]["pong"], True, "the one in use stays")
    again.close()
    install(fixture.server)
    os.kill(fixture.daemon.pid, signal.SIGHUP)
    wait_until("the first is back", lambda: fixture.state()["not-after"].startswith("2049"), 5)
    check("reason" not in fixture.state(), "no reason any more")
    peer.close()


@suite.case("a certificate that is revoked is out, also where it is in already")
def revoked(fixture: Fixture) -> None:
    lost = fixture.ca.issue("lost", "/OU=look/CN=lost", CLIENT)
    peer = Peer(fixture, lost)
    other = Peer(fixture, fixture.reader)
    check_equal(peer.ask("ping")["result"]["pong"], True, "it is in")
    fixture.ca.revoke(lost)
    fixture.trusted.write_text(fixture.ca.certificate.read_text() + fixture.ca.revocations())
    os.kill(fixture.daemon.pid, signal.SIGHUP)
    fixture.wait_log("lost (127.0.0.1:")
    wait_until("it is closed", lambda: "is closed: the certificate is revoked" in fixture.log())
    refused(fixture, fixture.ca.client(lost))
    wait_until("and refused", lambda: "the certificate is revoked"
               in fixture.state().get("last-refusal", ""), 5)
    check_equal(other.ask("ping")["result"]["pong"], True, "others stay")
    for one in (peer, other):
        one.close()
    shutil.copy(fixture.ca.certificate, fixture.trusted)
    os.kill(fixture.daemon.pid, signal.SIGHUP)


@suite.case("another address or port, off and on")
def moving(fixture: Fixture) -> None:
    peer = Peer(fixture, fixture.reader)
    fixture.edit(REMOTE, fixture.config(address="::"))  # the same port, all addresses
    check_equal(peer.ask("ping")["result"]["pong"], True, "open connections stay")
    check_equal(Peer(fixture, fixture.reader, "127.0.0.9").ask("ping")["result"]["pong"], True,
                "IPv4 on ::")
    old = fixture.port
    fixture.port = free_port()
    fixture.edit(REMOTE, fixture.config())
    check_equal(Peer(fixture, fixture.reader).ask("ping")["result"]["pong"], True, "new port")
    try:
        socket.create_connection(("127.0.0.1", old), 5)
        check(False, "the old port is still there")
    except ConnectionRefusedError:
        pass
    admin = Peer(fixture, fixture.admin)
    answer = admin.ask("edit", {"edits": [{"op": "replace", "path": f"{REMOTE}/enabled",
                                           "value": False}]})
    check("result" in answer, "whoever turns it off hears that it worked")
    check_equal(admin.hear(), None, "and is closed then")
    check_equal(peer.hear(), None, "as are the others")
    state = fixture.state()
    check_equal((state["listening"], state["connections"]), (False, 0), "off")
    fixture.edit(REMOTE, fixture.config())


@suite.case("a daemon whose certificate is missing starts, says so, and tries again")
def restart(fixture: Fixture) -> None:
    check_equal(fixture.daemon.terminate()[0], 0, "the exit status")
    away = fixture.server.certificate.with_suffix(".away")
    fixture.server.certificate.rename(away)
    fixture.daemon.start()
    state = fixture.state()
    check_equal(state["listening"], False, "listening")
    check("No such file" in state["reason"], state["reason"])
    away.rename(fixture.server.certificate)
    wait_until("it listens", lambda: fixture.state()["listening"], 15, 0.2)
    peer = Peer(fixture, fixture.reader)
    check_equal(peer.ask("ping")["result"]["pong"], True, "served")
    fixture.daemon.kill()
    fixture.daemon.start()
    check_equal(fixture.state()["listening"], True, "after kill -9 it listens at once")
    check_equal(Peer(fixture, fixture.admin).ask("ping")["result"]["pong"], True, "served")


if __name__ == "__main__":
    suite.main()
