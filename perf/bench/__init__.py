# SPDX-License-Identifier: BSD-3-Clause
"""The instrument: scenarios on several switches, interleaved, with the noise of the machine told."""
