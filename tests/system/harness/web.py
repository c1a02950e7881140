# SPDX-License-Identifier: BSD-3-Clause
"""The daemon's HTTP listener as its clients see it."""

import http.client
import json
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from .daemon import Daemon
from .paths import BUILD, ROOT
from .world import World


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Web:
    """Turns the listener on, on a port of its own."""

    def __init__(self, daemon: Daemon, **leaves: Any) -> None:
        self.daemon = daemon
        self.port = free_port()
        self.set(enabled=True, port=self.port, **leaves)

    def set(self, **leaves: Any) -> None:
        """Leaves of /system/http; raises what the daemon says."""
        edit = {"op": "merge", "path": "/vswitch:vswitch/system/http", "value": leaves}
        reply = self.daemon.call("edit", {"edits": [edit]})
        if "error" in reply:
            raise RuntimeError(reply["error"]["data"]["error-message"])

    def state(self) -> dict[str, Any]:
        """What `get` tells of the listener."""
        reply = self.daemon.call("get", {"path": "/vswitch:vswitch/system/http"})
        return reply["result"]["vswitch:vswitch"]["system"]["http"]

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def ask(self, path: str, method: str = "GET", body: bytes | None = None,
            headers: dict[str, str] | None = None) -> Answer:
        """One request on a connection of its own."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            link.request(method, path, body, headers or {})
            reply = link.getresponse()
            return Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        finally:
            link.close()

    def raw(self, request: bytes) -> bytes:
        """All that comes back until the server closes, or for half a second."""
        with self.connect() as peer:
            peer.settimeout(0.5)
            answer = b""
            try:
                peer.sendall(request)
                while piece := peer.recv(65536):
                    answer += piece
            except (TimeoutError, ConnectionError):
                pass
            return answer

    def rpc(self, method: str, params: Any = None, **headers: str) -> Any:
        """A JSON-RPC call; the reply object."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        reply = self.ask("/rpc", "POST", json.dumps(request).encode(),
                         {"Content-Type": "application/json", **headers})
        if reply.status != 200:
            raise RuntimeError(f"{reply.status}: {reply.text}")
        return reply.json()

    def metrics(self) -> dict[str, dict[str, float]]:
        """Values by name, and by labels as they stand in the text."""
        values: dict[str, dict[str, float]] = {}
        for line in self.ask("/metrics").text.splitlines():
            if not line.startswith("#"):
                sample, value = line.rsplit(" ", 1)
                name, _, labels = sample.partition("{")
                values.setdefault(name, {})[labels.rstrip("}")] = float(value)
        return values


def openmetrics(text: str) -> dict[str, Any]:
    """The families of a scrape by name, as Prometheus' own parser reads them."""
    # Debian's package, also for a python3 that is not Debian's
    sys.path.append("/usr/lib/python3/dist-packages")
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
    return {family.name: family for family in text_string_to_metric_families(text)}


def promtool(world: World, *words: str, text: str | None = None) -> str:
    """What `promtool WORDS` says; raises when it is not content."""
    tool = subprocess.run([str(ROOT / "tools" / "promtool"), str(BUILD / "promtool")],
                          capture_output=True, text=True, check=False, timeout=100)
    if tool.returncode != 0:
        raise RuntimeError(f"tools/promtool: {tool.stderr}")
    done = subprocess.run([tool.stdout.strip(), *words], input=text, capture_output=True, text=True,
                          cwd=world.dir, check=False, timeout=60)
    if done.returncode != 0 or "error" in done.stderr:
        raise AssertionError(f"promtool {' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr
