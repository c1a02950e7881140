# SPDX-License-Identifier: BSD-3-Clause
"""A connection to the control socket that stays: one call after the other, and what was refused."""

import json
import socket
from pathlib import Path
from typing import Any


class Fault(Exception):
    """The daemon refused a call: the code and the triple of its answer."""

    def __init__(self, error: dict[str, Any]) -> None:
        data = error.get("data") or {}
        self.code = error.get("code")
        self.tag = data.get("error-tag", "")
        self.path = data.get("error-path", "")
        self.text = data.get("error-message") or error.get("message", "")
        super().__init__(f"{self.code} {self.tag} {self.path}: {self.text}")


class Peer:
    """Raises Fault when refused, ConnectionError when the daemon went away before its answer."""

    def __init__(self, path: Path, timeout: float = 60.0) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.number = 0

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, method: str, params: Any = None) -> None:
        """Ask; the answer is for receive()."""
        self.number += 1
        request = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params or {}}
        self.socket.sendall(json.dumps(request).encode() + b"\n")

    def receive(self) -> Any:
        """The answer to the last question: its result."""
        pieces = []
        while not pieces or not pieces[-1].endswith(b"\n"):
            piece = self.socket.recv(1 << 20)
            if not piece:
                raise ConnectionError("the daemon closed the connection")
            pieces.append(piece)
        answer = json.loads(b"".join(pieces))
        if "error" in answer:
            raise Fault(answer["error"])
        return answer["result"]

    def call(self, method: str, params: Any = None) -> Any:
        """Ask and wait."""
        self.send(method, params)
        return self.receive()

    def edit(self, edits: list[dict[str, Any]], **params: Any) -> Any:
        """The method edit; of params '_' stands for '-'."""
        more = {name.replace("_", "-"): value for name, value in params.items()}
        return self.call("edit", {"edits": edits, **more})

    def config(self) -> dict[str, Any]:
        """The content of the configuration's root."""
        return self.call("get", {"content": "config"}).get("vswitch:vswitch", {})
