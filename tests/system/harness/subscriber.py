# SPDX-License-Identifier: BSD-3-Clause
"""A peer of the control socket that has subscribed to events."""

import json
import socket
from typing import Any

from .daemon import Daemon
from .report import check_equal
from .world import World


class Subscriber:
    """Reads when it is told to."""

    def __init__(self, world: World, daemon: Daemon, *topics: str) -> None:
        self.peer = socket.socket(socket.AF_UNIX)
        world.defer(self.peer.close)
        self.peer.settimeout(5)
        self.peer.connect(str(daemon.socket))
        self.lines = self.peer.makefile("r")
        self.send("subscribe", {"topics": list(topics)})
        answer = json.loads(self.lines.readline())
        check_equal(answer["result"], {"subscriptions": [{"topic": topic} for topic in topics]},
                    "the answer")

    def send(self, method: str, params: Any) -> None:
        """Ask without waiting for the answer."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self.peer.sendall(json.dumps(request).encode() + b"\n")

    def message(self) -> dict[str, Any]:
        """The next line."""
        return json.loads(self.lines.readline())

    def event(self) -> dict[str, Any]:
        """The params of the next line, which is an event."""
        message = self.message()
        check_equal(message.get("method"), "event", f"the method of {message}")
        return message["params"]
