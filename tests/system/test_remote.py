#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The control protocol over TLS: who gets in, and what strangers and bad clients can take."""

import json
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from typing import Any

from harness import Suite, check, check_equal
from harness.authority import Certificate
from harness.paths import VSWITCHCTL
from harness.proc import wait_until
from harness.remote import CLIENT, Remote, TlsPeer, free_port, refused

suite = Suite("remote", Remote)


@suite.case("a client with a certificate is served as on the socket, and its changes are logged")
def good_client(fixture: Remote) -> None:
    peer = TlsPeer(fixture, fixture.admin)
    check_equal(peer.tls.version(), "TLSv1.3", "the protocol")
    check_equal(peer.ask("ping")["result"]["pong"], True, "the answer")
    answer = peer.ask("edit", {"edits": [{"op": "create",
                                          "path": "/vswitch:vswitch/bridge[name='made']"}],
                               "comment": "from\nafar"})
    check("revision" in answer.get("result", {}), f"no revision: {answer}")
    fixture.wait_log(f"root-of-ca (127.0.0.1:{peer.tls.getsockname()[1]}, role admin): edit, "
                     "revision ")
    fixture.wait_log("1 change: create \"/vswitch:vswitch/bridge[name='made']\", comment "
                     "\"from?afar\"")
    check(len(peer.ask("schema")["result"]["yang"]) > 10000, "the schema came whole")
    peer.close()
    state = fixture.state()
    check_equal(state["listening"], True, "listening")
    check_equal(state["not-after"], "2049-01-01T00:00:00Z", "the end of the certificate")


@suite.case("strangers are refused, and the log and the state say why")
def strangers(fixture: Remote) -> None:
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
def garbage(fixture: Remote) -> None:
    peer = TlsPeer(fixture, fixture.reader)
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


@suite.case("half-open connections take a few places, and nobody else notices")
def half_open(fixture: Remote) -> None:
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
    peer = TlsPeer(fixture, fixture.reader)
    check_equal(peer.ask("ping")["result"]["pong"], True, "a good client gets in")
    peer.close()
    for plain in strangers:
        plain.close()
    wait_until("they are forgotten", lambda: fixture.state()["handshakes"] == 0, 15)


@suite.case("one address has 16 connections")
def per_address(fixture: Remote) -> None:
    peers = [TlsPeer(fixture, fixture.reader, "127.0.0.3") for _ in range(16)]
    for peer in peers:
        check_equal(peer.ask("ping")["result"]["pong"], True, "all are served")
    refused(fixture, fixture.ca.client(fixture.reader), "127.0.0.3")
    wait_until("the 17th is refused", lambda: "too many connections of this address"
               in fixture.state().get("last-refusal", ""), 5)
    peer = TlsPeer(fixture, fixture.reader, "127.0.0.4")
    check_equal(peer.ask("ping")["result"]["pong"], True, "another address")
    for peer in [peer, *peers]:
        peer.close()
    wait_until("all have gone", lambda: fixture.state()["connections"] == 0, 5)


@suite.case("who does not read makes the daemon wait, not grow")
def slow_reader(fixture: Remote) -> None:
    peer = TlsPeer(fixture, fixture.reader, "127.0.0.5")
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
def half_close(fixture: Remote) -> None:
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
def long_line(fixture: Remote) -> None:
    peer = TlsPeer(fixture, fixture.reader, "127.0.0.7")
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
def events(fixture: Remote) -> None:
    peer = TlsPeer(fixture, fixture.reader)
    check("result" in peer.ask("subscribe", {"topics": ["config"]}), "subscribed")
    fixture.edit("/vswitch:vswitch/bridge[name='far']/description", "seen from afar")
    event = peer.hear()
    check_equal(event["params"]["topic"], "config", f"{event}")
    peer.close()


@suite.case("clients that are killed leave nothing behind")
def killed(fixture: Remote) -> None:
    before = fixture.daemon.descriptors()
    for round_number in range(20):
        peer = TlsPeer(fixture, fixture.reader, "127.0.0.8")
        peer.tls.sendall(b'{"jsonrpc":"2.0","id":1,"method":"schema"}\n{"jsonrpc"')
        linger = b"\x01\0\0\0\0\0\0\0"  # close() resets the connection
        if round_number % 2:
            peer.tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        os.close(peer.tls.detach())
    wait_until("all have gone", lambda: fixture.state()["connections"] == 0, 10)
    wait_until("and their descriptors", lambda: fixture.daemon.descriptors() <= before, 5)


@suite.case("vswitchctl: --cert, --key, --ca, and what it says when something is wrong")
def command_line(fixture: Remote) -> None:
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


if __name__ == "__main__":
    suite.main()
