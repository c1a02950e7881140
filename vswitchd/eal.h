/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starting DPDK's environment: memory with or without hugepages, nothing probed. Main, once.
 */
#ifndef VSW_VSWITCHD_EAL_H
#define VSW_VSWITCHD_EAL_H

#include <jansson.h>

#include "base/err.h"
#include "vswitchd/options.h"

#define EAL_ARGS_MAX 64

struct eal {
	int argc; /* EAL holds on to its arguments: they live until eal_stop */
	char *argv[EAL_ARGS_MAX + 1];
	bool hugepages; /* what was chosen */
	unsigned int size_mib; /* limit of the memory */
};

/* Choose the memory, say which and what it costs, and start. */
int eal_start(const struct options *options, struct eal *eal, struct err *err);

/* Nothing of DPDK may be used any more. */
void eal_stop(struct eal *eal);

/* Of the schema's /system/memory what the EAL knows; `eal` is a struct eal. A new reference. */
json_t *eal_memory_state(void *eal);

#endif
