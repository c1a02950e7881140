/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pcapng stream on its way through vswitchctl: looked at block by block, whatever the pieces that
 * it comes in. One thread.
 */
#ifndef VSW_CTL_CLI_PACKETS_H
#define VSW_CTL_CLI_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/cli.h"

struct cli_packets {
	bool show; /* print a line for each frame */
	uint64_t packets;
	uint64_t lost; /* of the statistics at the end */
	bool ended; /* they have come */
	uint8_t *bytes; /* owned: of a block that is not all there */
	size_t len;
	size_t size;
	char (*names)[64]; /* owned: of interfaces */
	size_t n_names;
};

/* False: it is no pcapng of the daemon's. */
bool
cli_packets_take(struct cli_packets *packets, struct cli *cli, const uint8_t *bytes, size_t len);
void cli_packets_fini(struct cli_packets *packets);

#endif
