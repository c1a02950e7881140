# SPDX-License-Identifier: BSD-3-Clause
"""Why a figure is missing or worth nothing."""


class Unavailable(Exception):
    """This cell cannot be measured here; the text says why. The rest of the run goes on."""


class NotYet(Unavailable):
    """The switch has no such feature: the cell stays empty and the run is still valid."""


class Invalid(Exception):
    """Something was measured that must not be reported as a figure."""
