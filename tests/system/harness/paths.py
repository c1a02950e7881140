# SPDX-License-Identifier: BSD-3-Clause
"""Where the programs under test are. Meson sets VSW_BUILD; by hand it is build/.

VSW_VSWITCHD names another daemon, such as one built with a sanitizer.
"""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("VSW_BUILD", ROOT / "build"))
VSWITCHD = Path(os.environ.get("VSW_VSWITCHD", BUILD / "vswitchd" / "vswitchd"))
VSWITCHCTL = BUILD / "ctl" / "vswitchctl"
PROGRAMS = BUILD / "tests" / "system"
TRAFGEN = PROGRAMS / "trafgen"
GUEST = Path(os.environ.get("VSW_GUEST", ROOT / "build" / "guest"))


def guest_image() -> Path:
    """The folder with vmlinuz and initramfs, built first if it is missing or old."""
    command = [str(ROOT / "tools" / "guest-image"), "--programs", str(PROGRAMS), str(GUEST)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"tools/guest-image failed:\n{done.stdout}{done.stderr}")
    return GUEST
