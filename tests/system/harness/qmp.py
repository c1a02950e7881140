# SPDX-License-Identifier: BSD-3-Clause
"""QEMU's monitor in JSON (QMP): commands and their results, one after another."""

import json
import socket
from pathlib import Path
from typing import Any


class QmpError(Exception):
    """QEMU refused a command; its words."""


class Qmp:
    """A connection to the monitor of one QEMU."""

    def __init__(self, path: Path, timeout: float = 20.0) -> None:
        self._peer = socket.socket(socket.AF_UNIX)
        self._peer.settimeout(timeout)
        self._peer.connect(str(path))
        self._lines = self._peer.makefile("r", encoding="utf-8")
        self.events: list[dict[str, Any]] = []
        self._receive()  # the greeting
        self("qmp_capabilities")

    def _receive(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise QmpError("QEMU closed its monitor")
        return json.loads(line)

    def __call__(self, command: str, **arguments: Any) -> Any:
        """Run a command; underscores of argument names stand for dashes."""
        request: dict[str, Any] = {"execute": command}
        if arguments:
            request["arguments"] = {name.replace("_", "-"): value
                                    for name, value in arguments.items()}
        self._peer.sendall(json.dumps(request).encode() + b"\n")
        while True:
            message = self._receive()
            if "event" in message:
                self.events.append(message)
            elif "error" in message:
                raise QmpError(f"{command}: {message['error']['desc']}")
            elif "return" in message:
                return message["return"]

    def close(self) -> None:
        self._lines.close()
        self._peer.close()
