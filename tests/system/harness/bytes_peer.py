# SPDX-License-Identifier: BSD-3-Clause
"""A peer of the control socket that sends whatever bytes it is given."""

import json
import socket
from typing import Any

from .daemon import Daemon

PATIENCE = 10.0  # for an answer on a machine that does other things too


class BytesPeer:
    """A connection that speaks in bytes."""

    def __init__(self, daemon: Daemon) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(daemon.socket))
        self.data = b""

    def __enter__(self) -> "BytesPeer":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> bool:
        """False if the daemon has hung up on us meanwhile."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def line(self) -> bytes | None:
        """The next line; None at the end."""
        while b"\n" not in self.data:
            try:
                piece = self.socket.recv(1 << 20)
            except ConnectionResetError:
                piece = b""
            if not piece:
                return None
            self.data += piece
        line, _, self.data = self.data.partition(b"\n")
        return line

    def answer(self) -> Any:
        line = self.line()
        assert line is not None, "the daemon hung up"
        return json.loads(line)

    def call(self, method: str, params: Any) -> Any:
        self.send(request(method, params))
        return self.answer()


def request(method: str, params: Any, number: Any = 1) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method,
                       "params": params}).encode() + b"\n"
