/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A frame from the description of a flow, as `trace` takes it: headers filled in, lengths and
 * checksums right, padded to 60 bytes.
 *
 * What is not described: addresses, ports, types and flags are 0, EtherType 0x88b5 (IEEE 802, local
 * experimental), TTL 64 (neighbor discovery: 255, RFC 4861, 7.1), no tag, no fragment. Of a value
 * with a mask the bits outside are 0; of a range of ports it is the lowest. Tags have the TPID
 * 0x8100. Any thread.
 */
#ifndef VSW_VSWITCHD_TRACE_FRAME_H
#define VSW_VSWITCHD_TRACE_FRAME_H

#include <stdint.h>

#include "base/err.h"
#include "ctl/flow_rule.h"

#define TRACE_FRAME_SIZE 256

/*
 * Returns the length, or -errno: registers and tunnels are not in a frame, and some flows have none
 * (ports of later fragments). in_port is not looked at.
 */
int
trace_frame_make(const struct flow_rule *rule, uint8_t frame[TRACE_FRAME_SIZE], struct err *err);

#endif
