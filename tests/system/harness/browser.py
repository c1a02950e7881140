# SPDX-License-Identifier: BSD-3-Clause
"""A headless Chromium, driven by its DevTools protocol over a pipe: JSON, NUL between messages."""

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from .world import World

PROGRAMS = ["chromium-headless-shell", "chromium"]


class Browser:
    """One page. What it says on its console and what its policy blocks is kept in `complaints`."""

    def __init__(self, world: World, width: int = 1200, height: int = 1600) -> None:
        program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
        if program is None:
            raise RuntimeError(f"none of {PROGRAMS} is installed")
        self.log = world.dir / f"{world.name('chromium')}.log"
        self.complaints: list[str] = []
        self._ids = itertools.count(1)
        self._data = b""
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                   "--disable-dev-shm-usage", "--disable-background-networking",
                   "--disable-extensions", "--remote-debugging-pipe", "--hide-scrollbars",
                   f"--user-data-dir={world.dir / world.name('profile')}",
                   f"--window-size={width},{height}", "about:blank"]

        # The protocol's descriptors are 3 (to the browser) and 4 (from it).
        shell = f'exec 3<&{to_browser} 4>&{from_browser}; exec "$@"'
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", shell, "chromium", *command], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, pass_fds=(to_browser, from_browser), start_new_session=True)
        os.close(to_browser)
        os.close(from_browser)
        world.defer(self.close)
        target = self._call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self.session = self._call("Target.attachToTarget",
                                  {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        """End it and its children, which have a session of their own."""
        try:
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass
        self.process.wait(10)
        for descriptor in (self._in, self._out):
            try:
                os.close(descriptor)
            except OSError:
                pass

    def _message(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._data:
            if not select.select([self._in], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(f"Chromium does not answer: {self.log.read_text()[-2000:]}")
            piece = os.read(self._in, 1 << 20)
            if not piece:
                raise RuntimeError(f"Chromium has ended: {self.log.read_text()[-2000:]}")
            self._data += piece
        text, _, self._data = self._data.partition(b"\0")
        return json.loads(text)

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if message.get("method") == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif message.get("method") == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", str(details)))
        elif message.get("method") == "Runtime.consoleAPICalled":
            self.complaints.append(str([a.get("value") for a in params["args"]]))

    def _call(self, method: str, params: dict[str, Any], session: str | None = None,
              timeout: float = 30) -> dict[str, Any]:
        number = next(self._ids)
        request = {"id": number, "method": method, "params": params}
        if session:
            request["sessionId"] = session
        os.write(self._out, json.dumps(request).encode() + b"\0")
        end = time.monotonic() + timeout
        while True:
            message = self._message(end)
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self._note(message)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the protocol, to the page."""
        return self._call(method, params, self.session)

    def open(self, url: str) -> None:
        """Go there; what the page does then takes its time."""
        answer = self.call("Page.navigate", url=url)
        if "errorText" in answer:
            raise RuntimeError(f"{url}: {answer['errorText']}")

    def run(self, script: str) -> Any:
        """The value of an expression in the page; promises are waited for."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True,
                           returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, what: str, script: str, timeout: float = 20) -> Any:
        """Until the expression is true; its value."""
        end = time.monotonic() + timeout
        while True:
            value = self.run(script)
            if value:
                return value
            if time.monotonic() > end:
                text = self.run("document.body.innerText")
                raise TimeoutError(f"{what}: not within {timeout} s; complaints {self.complaints}; "
                                   f"the page says:\n{text}")
            time.sleep(0.1)

    def key(self, key: str, code: str = "") -> None:
        """Press a key, such as Tab or Enter."""
        text = {"Enter": "\r", " ": " "}.get(key, key if len(key) == 1 else "")
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code or key,
                      text=text if kind == "keyDown" else "",
                      windowsVirtualKeyCode={"Enter": 13, "Tab": 9, "Escape": 27}.get(key, 0))

    def screenshot(self, path: Path, dark: bool = False) -> None:
        """The whole page as PNG."""
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))
