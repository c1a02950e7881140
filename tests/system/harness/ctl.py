# SPDX-License-Identifier: BSD-3-Clause
"""vswitchctl as a person uses it, and its JSON."""

import json
import subprocess
from pathlib import Path
from typing import Any

from .paths import VSWITCHCTL


class Refused(Exception):
    """vswitchctl ended with a status other than 0."""

    def __init__(self, command: list[str], status: int, text: str) -> None:
        super().__init__(f"{' '.join(command)}: status {status}: {text}")
        self.status = status
        self.text = text


class Ctl:
    """Commands for one daemon."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def __call__(self, *words: str, timeout: float = 20.0) -> str:
        """Run `vswitchctl -s SOCKET WORDS...`; standard output. Raises Refused."""
        command = [str(VSWITCHCTL), "-s", str(self.socket), *words]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode != 0:
            raise Refused(command, done.returncode, (done.stderr + done.stdout).strip())
        return done.stdout

    def refused(self, *words: str) -> Refused:
        """The same, but it must be refused; how is returned."""
        try:
            output = self(*words)
        except Refused as refused:
            return refused
        raise AssertionError(f"vswitchctl {' '.join(words)} was not refused: {output}")

    def json(self, *words: str) -> Any:
        """What the daemon sent, decoded."""
        return json.loads(self("--json", *words))

    def port(self, name: str) -> dict[str, Any]:
        """Configuration and state of one port."""
        ports = self.json("port", "show", name)["vswitch:vswitch"]["port"]
        found = [port for port in ports if port["name"] == name]
        if not found:
            raise AssertionError(f"port {name} is not shown")
        return found[0]

    def ports(self) -> dict[str, dict[str, Any]]:
        """All ports by name."""
        tree = self.json("port", "show").get("vswitch:vswitch", {})
        return {port["name"]: port for port in tree.get("port", [])}

    def counter(self, port: str, name: str) -> int:
        """rx-packets, tx-bytes, ... of a port."""
        return int(self.port(port)["statistics"][name])

    def drops(self, port: str) -> dict[str, int]:
        """The drop counters of a port that are not zero."""
        drops = self.port(port).get("statistics", {}).get("drops", {})
        return {name: int(value) for name, value in drops.items() if int(value)}
