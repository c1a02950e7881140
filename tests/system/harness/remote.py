# SPDX-License-Identifier: BSD-3-Clause
"""A daemon that listens for TLS, certificates of all kinds, and peers that show them."""

import json
import shutil
import socket
import ssl
from typing import Any

from .authority import Authority, Certificate
from .daemon import Daemon
from .proc import wait_until
from .report import check, check_equal
from .world import World

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


class TlsPeer:
    """A TLS connection that speaks JSON-RPC."""

    def __init__(self, fixture: "Remote", certificate: Certificate | None,
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


class Remote:
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
        self.edit("/vswitch:vswitch/bridge[name='far']", {})

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


def refused(fixture: Remote, context: ssl.SSLContext, source: str = "127.0.0.1") -> str:
    """Connect and ask; it must fail, and how is returned."""
    try:
        peer = TlsPeer(fixture, None, source, context)
        answer = peer.ask("ping")
    except OSError as error:
        return str(error)
    check(answer is None or "error" in answer, f"a stranger was answered: {answer}")
    return "closed"
