#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Where to listen and with which files: edits, renewal, revocation, restart."""

import os
import shutil
import signal
import socket
from typing import Any

from harness import Suite, check, check_equal
from harness.authority import Certificate
from harness.ctl import Ctl
from harness.proc import run, wait_until
from harness.remote import CLIENT, REMOTE, Remote, TlsPeer, free_port, refused

suite = Suite("certificates", Remote)


@suite.case("files and addresses that cannot be used refuse the edit, with the reason")
def wrong_config(fixture: Remote) -> None:
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
    peer = TlsPeer(fixture, fixture.reader)
    check_equal(peer.ask("ping")["result"]["pong"], True, "the listener in use is as before")
    peer.close()


@suite.case("vswitchctl checks that the certificate is the host's")
def name_mismatch(fixture: Remote) -> None:
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
def reload(fixture: Remote) -> None:
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
    peer = TlsPeer(fixture, fixture.reader)
    install(newer)
    check("result" in call(), "it is read again")
    check_equal(fixture.state()["not-after"], "2048-01-01T00:00:00Z", "the new one is in use")
    check_equal(peer.ask("ping")["result"]["pong"], True, "an open connection goes on")
    now.certificate.write_text("nothing\n")
    error = call()["error"]["data"]
    check_equal(error["error-path"], f"{REMOTE}/certificate", f"{error}")
    check("holds no certificate" in fixture.state()["reason"], "the state says why")
    again = TlsPeer(fixture, fixture.reader)
    check_equal(again.ask("ping")["result"]["pong"], True, "the one in use stays")
    again.close()
    install(fixture.server)
    os.kill(fixture.daemon.pid, signal.SIGHUP)
    wait_until("the first is back", lambda: fixture.state()["not-after"].startswith("2049"), 5)
    check("reason" not in fixture.state(), "no reason any more")
    peer.close()


@suite.case("a certificate that is revoked is out, also where it is in already")
def revoked(fixture: Remote) -> None:
    lost = fixture.ca.issue("lost", "/OU=look/CN=lost", CLIENT)
    peer = TlsPeer(fixture, lost)
    other = TlsPeer(fixture, fixture.reader)
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


@suite.case("lists are asked about all CAs, and each of them needs one")
def revoked_intermediate(fixture: Remote) -> None:
    below = fixture.ca.intermediate(fixture.world.dir, "below")
    client = below.issue("client", "/OU=look/CN=client", CLIENT)
    chain = below.dir / "chain.pem"
    chain.write_text(client.certificate.read_text() + below.certificate.read_text())
    context = fixture.ca.client(Certificate(chain, client.key))
    root = fixture.ca.certificate.read_text()

    def trust(*parts: str) -> Any:
        fixture.trusted.write_text("".join(parts))
        return fixture.daemon.call("action", {"name": "reload-certificates"})

    def refusal(reason: str) -> None:
        refused(fixture, context)
        wait_until(f"'{reason}' is the last refusal",
                   lambda: reason in fixture.state().get("last-refusal", ""), 5)

    check("result" in trust(root), "read")
    peer = TlsPeer(fixture, None, context=context)
    check_equal(peer.ask("ping")["result"]["pong"], True, "by two CAs")
    check("result" in trust(root, fixture.ca.revocations()), "a list of the upper one alone")
    refusal("there is no revocation list of a CA that leads to the certificate")
    check("result" in trust(root, fixture.ca.revocations(), below.revocations()), "lists of both")
    again = TlsPeer(fixture, None, context=context)
    check_equal(again.ask("ping")["result"]["pong"], True, "nothing is revoked")
    fixture.ca.revoke(Certificate(below.certificate, below.key))
    check("result" in trust(root, fixture.ca.revocations(), below.revocations()), "the lower one is")
    refusal("the certificate is revoked")
    check_equal(again.hear(), None, "and whoever is in is out")
    error = trust(root, below.certificate.read_text(), fixture.ca.revocations())["error"]["data"]
    check("none of the CA /CN=below" in error["error-message"], f"{error}")
    for one in (peer, again):
        one.close()
    shutil.copy(fixture.ca.certificate, fixture.trusted)
    os.kill(fixture.daemon.pid, signal.SIGHUP)


@suite.case("another address or port, off and on")
def moving(fixture: Remote) -> None:
    peer = TlsPeer(fixture, fixture.reader)
    fixture.edit(REMOTE, fixture.config(address="::"))  # the same port, all addresses
    check_equal(peer.ask("ping")["result"]["pong"], True, "open connections stay")
    check_equal(TlsPeer(fixture, fixture.reader, "127.0.0.9").ask("ping")["result"]["pong"], True,
                "IPv4 on ::")
    old = fixture.port
    fixture.port = free_port()
    fixture.edit(REMOTE, fixture.config())
    check_equal(TlsPeer(fixture, fixture.reader).ask("ping")["result"]["pong"], True, "new port")
    try:
        socket.create_connection(("127.0.0.1", old), 5)
        check(False, "the old port is still there")
    except ConnectionRefusedError:
        pass
    admin = TlsPeer(fixture, fixture.admin)
    answer = admin.ask("edit", {"edits": [{"op": "replace", "path": f"{REMOTE}/enabled",
                                           "value": False}]})
    check("result" in answer, "whoever turns it off hears that it worked")
    check_equal(admin.hear(), None, "and is closed then")
    check_equal(peer.hear(), None, "as are the others")
    state = fixture.state()
    check_equal((state["listening"], state["connections"]), (False, 0), "off")
    fixture.edit(REMOTE, fixture.config())


@suite.case("a daemon whose certificate is missing starts, says so, and tries again")
def restart(fixture: Remote) -> None:
    check_equal(fixture.daemon.terminate()[0], 0, "the exit status")
    away = fixture.server.certificate.with_suffix(".away")
    fixture.server.certificate.rename(away)
    fixture.daemon.start()
    state = fixture.state()
    check_equal(state["listening"], False, "listening")
    check("No such file" in state["reason"], state["reason"])
    away.rename(fixture.server.certificate)
    wait_until("it listens", lambda: fixture.state()["listening"], 15, 0.2)
    peer = TlsPeer(fixture, fixture.reader)
    check_equal(peer.ask("ping")["result"]["pong"], True, "served")
    fixture.daemon.kill()
    fixture.daemon.start()
    check_equal(fixture.state()["listening"], True, "after kill -9 it listens at once")
    check_equal(TlsPeer(fixture, fixture.admin).ask("ping")["result"]["pong"], True, "served")


if __name__ == "__main__":
    suite.main()
