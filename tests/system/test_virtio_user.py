#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""virtio-user ports: a back end that works, and back ends that fall silent at each point where the
daemon could wait for them. Its main thread answers all the time."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from harness import Daemon, Suite, World, check, check_equal, note
from harness.proc import wait_until

# vhost-user.rst: requests, and what an answer is marked with.
GET_FEATURES, GET_VRING_BASE, GET_PROTOCOL_FEATURES = 1, 11, 15
ANSWER = 0x5
FEATURES = 1 << 32 | 1 << 30  # VERSION_1, PROTOCOL_FEATURES
CHECKSUMS = 1 << 0 | 1 << 1  # CSUM, GUEST_CSUM: the driver begins anew to have them
PROTOCOL = 1 << 0 | 1 << 3 | 1 << 16  # MQ, REPLY_ACK, STATUS
SILENCE = 5  # seconds of the main thread: it hangs. Less is told, and shows in what is asked


class BackEnd(threading.Thread):
    """Answers the first `patience` questions of each connection, and no others."""

    def __init__(self, path: Path, patience: int, reads: bool = True, garbage: bool = False,
                 hangs_up: bool = False, features: int = FEATURES,
                 slow: float = 0) -> None:
        super().__init__(daemon=True)
        self.path, self.patience, self.reads = path, patience, reads
        self.garbage, self.hangs_up = garbage, hangs_up
        self.features, self.slow = features, slow
        self.asked: list[int] = []
        self.answered: list[int] = []
        self.connections: list[socket.socket] = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer = self.listener.accept()[0]
                self.connections.append(peer)
                threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer: socket.socket) -> None:
        answers = {GET_FEATURES: struct.pack("<Q", self.features),
                   GET_PROTOCOL_FEATURES: struct.pack("<Q", PROTOCOL)}
        patience = self.patience
        with contextlib.suppress(OSError):
            while self.reads:
                head = peer.recv(12, socket.MSG_WAITALL)
                if len(head) < 12:
                    return
                request, _, size = struct.unpack("<III", head)
                body = peer.recv(size, socket.MSG_WAITALL) if size else b""
                self.asked.append(request)
                if request == GET_VRING_BASE:
                    answers[request] = body
                    time.sleep(self.slow)
                if request not in answers or patience == 0:
                    continue
                patience -= 1
                answer = answers[request]
                peer.sendall(struct.pack("<III", request, ANSWER, len(answer)) + answer)
                self.answered.append(request)
                if patience == 0 and self.garbage:
                    while True:
                        peer.sendall(bytes(4096))
                if patience == 0 and self.hangs_up:
                    peer.close()
                    return

    def stop(self) -> None:
        for one in [self.listener, *self.connections]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self.path.unlink(missing_ok=True)


class Pulse(threading.Thread):
    """Asks the daemon again and again; the longest that it did not answer."""

    def __init__(self, daemon: Daemon) -> None:
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(str(daemon.socket))
        self.longest, self.ended = 0.0, False

    def run(self) -> None:
        while not self.ended:
            start = time.monotonic()
            try:
                self.socket.sendall(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
                while not self.socket.recv(65536).endswith(b"\n"):
                    pass
            except TimeoutError:
                self.ended = True
            self.longest = max(self.longest, time.monotonic() - start)
            time.sleep(0.002)


@contextlib.contextmanager
def pulse(daemon: Daemon, what: str) -> Iterator[None]:
    """The daemon's main thread answers meanwhile."""
    one = Pulse(daemon)
    one.start()
    try:
        yield
    finally:
        one.ended = True
        one.join()
        one.socket.close()
        note(f"{what}: main was silent for {one.longest * 1000:.0f} ms at most")
    check(one.longest < SILENCE, f"{what}: main was silent for {one.longest:.2f} s")


class Lab:
    """A daemon with a bridge, and room for sockets."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.daemon = Daemon(world)
        self.daemon.ctl("bridge", "add", "br0")

    def back_end(self, name: str, patience: int, **more: bool) -> BackEnd:
        back_end = BackEnd(self.world.dir / f"{name}.sock", patience, **more)
        back_end.start()
        self.world.defer(back_end.stop)
        return back_end

    def add(self, port: str, path: Path, *leaves: str) -> None:
        self.daemon.ctl("port", "add", port, "type=virtio-user", "bridge=br0", f"path={path}",
                        "trusted=true", *leaves)

    def state(self, port: str) -> tuple[str, str]:
        data = self.daemon.ctl.port(port)
        return data["oper-status"], data.get("reason", "")


suite = Suite("virtio-user", Lab)


@suite.case("a back end that never answers: the port is down and says why, main goes on")
def silent(on: Lab) -> None:
    for name, more in (("mute", {}), ("deaf", {"reads": False})):
        back_end = on.back_end(name, 0, **more)
        with pulse(on.daemon, name):
            on.add("v", back_end.path)
            wait_until("it says that nobody answers",
                       lambda: "answers" in on.state("v")[1], 5)
            check_equal(on.state("v")[0], "down", "oper-status")
            check(str(back_end.path) in on.state("v")[1], "the path is not named")
            wait_until("it is asked again", lambda b=back_end: len(b.connections) > 1, 5)
            on.daemon.ctl("port", "del", "v")


@suite.case("one that answers once, or twice, and then falls silent")
def once(on: Lab) -> None:
    for patience in (1, 2):
        back_end = on.back_end(f"once{patience}", patience)
        with pulse(on.daemon, f"{patience} answers"):
            on.add("v", back_end.path)
            if patience == 2:  # that is all that a device needs
                on.daemon.wait_port("v", timeout=5)
                time.sleep(0.5)  # and nothing more is asked while it runs
                check_equal(on.state("v")[0], "up", "oper-status")
                check_equal(back_end.asked.count(GET_FEATURES), 1, "questions")
            else:
                wait_until("nobody answers", lambda: "answers" in on.state("v")[1], 5)
            on.daemon.ctl("port", "del", "v")
        check_equal(back_end.asked.count(GET_VRING_BASE), patience - 1,
                    "rings that it was asked to end; after one without an answer, no other")


@suite.case("one that makes the driver begin anew: it sees one begin, and is waited for at the end")
def anew(on: Lab) -> None:
    for name, patience, ends in (("slow", 1000, 2), ("silent", 2, 1)):
        back_end = on.back_end(name, patience, features=FEATURES | CHECKSUMS, slow=0.05)
        with pulse(on.daemon, name):
            on.add("v", back_end.path)
            on.daemon.wait_port("v", timeout=5)
            time.sleep(1)  # longer than a stop may take
            check_equal(on.state("v")[0], "up", "oper-status")
            check_equal(back_end.asked.count(GET_VRING_BASE), 0, "rings ended while it runs")
            on.daemon.ctl("port", "del", "v")
        wait_until("it was asked", lambda b=back_end, n=ends:
                   b.asked.count(GET_VRING_BASE) == n, 5)
        if patience > 2:
            wait_until("its answers were taken",
                       lambda b=back_end: b.answered.count(GET_VRING_BASE) == 2, 5)


@suite.case("one that speaks unasked, and one that hangs up: the port fails and comes back")
def rude(on: Lab) -> None:
    for name, more in (("garbage", {"garbage": True}), ("hangs-up", {"hangs_up": True})):
        back_end = on.back_end(name, 2, **more)
        with pulse(on.daemon, name):
            on.add("v", back_end.path)
            wait_until("it has tried again", lambda b=back_end: len(b.connections) > 1, 10)
            on.daemon.ctl("port", "del", "v")


@suite.case("one that goes, and comes again")
def comes_again(on: Lab) -> None:
    first = on.back_end("again", 1000)
    with pulse(on.daemon, "gone"):
        on.add("v", first.path)
        on.daemon.wait_port("v", timeout=5)
        first.stop()
        on.daemon.wait_port("v", "failed", timeout=5)
        second = on.back_end("again", 1000)
        on.daemon.wait_port("v", timeout=10)
        on.daemon.ctl("port", "del", "v")
    check_equal(second.asked.count(GET_VRING_BASE), 2, "rings that were ended")


@suite.case("nobody listens: it is refused at once")
def nobody(on: Lab) -> None:
    gone = on.world.dir / "nobody.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(gone))
    reply = on.daemon.call("edit", {"edits": [{
        "op": "create", "path": "/vswitch:vswitch/port[name='v']",
        "value": {"name": "v", "type": "virtio-user", "bridge": "br0", "path": str(gone),
                  "trusted": True}}]})
    check("answers" in reply["error"]["message"], f"{reply}")


@suite.case("a switch is the back end: frames pass both ways, also after it was killed")
def works(on: Lab) -> None:
    other = Daemon(on.world)
    other.ctl("bridge", "add", "br0")
    other.ctl("port", "add", "vm", "type=vhost-user", "bridge=br0", "queues=2")
    for daemon in (on.daemon, other):
        daemon.ctl("port", "add", "f", "type=fake", "bridge=br0")
    on.add("v", other.vhost_socket("vm"), "queues=2")
    for round_ in range(2):
        on.daemon.wait_port("v", timeout=10)
        other.wait_port("vm", timeout=10)
        for number, (src, dst) in enumerate(((on.daemon, other), (other, on.daemon))):
            frame = f"ffffffffffff0200000000{number:02x}88b5" + f"{round_:02x}" * 50
            dst.ctl("fake", "collect", "f")
            src.ctl("fake", "inject", "f", frame, "count=20")
            got: list[str] = []

            def there(dst: Daemon = dst, got: list[str] = got, frame: str = frame) -> bool:
                got += [line for line in dst.ctl("fake", "collect", "f").splitlines()
                        if frame in line]
                return len(got) >= 20

            wait_until("20 frames", there, 5)
        if round_ == 0:
            other.kill()
            on.daemon.wait_port("v", "failed", timeout=5)
            other.start()
    on.daemon.ctl("port", "del", "v")
    check_equal(list(Path(on.daemon.dir).glob("virtio-user-*")), [], "sockets that are left")


if __name__ == "__main__":
    suite.main()
