# SPDX-License-Identifier: BSD-3-Clause
"""(l) Forwarding with no guest behind the ports: what is left is the switch's own work."""

import struct
import time
from pathlib import Path

from ..errors import Invalid
from ..scenario import Case, Column, Context, Effort, Sample, Scenario

SETTLE = 0.3  # seconds
SIZE = 64
ADDRESSES = ("02:00:00:00:00:01", "02:00:00:00:00:02")
PCAP_MAGIC = 0xA1B2C3D4
PCAP_ETHERNET = 1


class Bare(Scenario):
    """DPDK's pcap device repeats one frame for ever; its null device swallows all.

    The source copies the frame each time, on the switch's CPU: testpmd's figure is that floor.
    """

    name = "bare"
    title = "64 B from a pcap source to a null sink, no vhost in it"
    columns = [
        Column("mpps", "Mpps", 2, True),
        Column("cycles", "cycles/packet", 1, False),
    ]
    primary = "cycles"

    def cases(self, effort: Effort) -> list[Case]:
        return [Case("pcap to null", {"size": SIZE}, effort.seconds)]

    def measure(self, context: Context, kind: str, case: Case) -> Sample:
        pcap = context.world.dir / "frame.pcap"
        write_pcap(pcap)
        switch = context.switch(kind)
        switch.add_device("n1", "net_null1,no-rx=1")
        switch.add_device("n0", f"net_pcap0,rx_pcap={pcap},infinite_rx=1")
        switch.add_address("n1", ADDRESSES[1])
        switch.ready()
        time.sleep(SETTLE)
        start, before = time.monotonic(), switch.account()
        time.sleep(case.what)
        after, took = switch.account(), time.monotonic() - start
        switch.check_alive()
        packets = after.packets - before.packets
        if not packets:
            raise Invalid("nothing was forwarded")
        return Sample({"mpps": packets / took / 1e6, "cycles": after.per_packet(before)})


def write_pcap(path: Path) -> None:
    """One UDP frame to the sink."""
    source, sink = (bytes.fromhex(mac.replace(":", "")) for mac in ADDRESSES)
    length = SIZE - 14
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, 1, 0, 64, 17, 0,
                         bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
    total = sum(struct.unpack("!10H", header))
    total = ~(total + (total >> 16)) & 0xFFFF
    header = header[:10] + struct.pack("!H", total) + header[12:]
    udp = struct.pack("!HHHH", 1000, 2000, length - 20, 0)
    frame = (sink + source + b"\x08\x00" + header + udp).ljust(SIZE, b"\0")
    path.write_bytes(struct.pack("<IHHiIII", PCAP_MAGIC, 2, 4, 0, 0, 65535, PCAP_ETHERNET)
                     + struct.pack("<IIII", 0, 0, SIZE, SIZE) + frame)
