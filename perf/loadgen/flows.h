/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which flow the next frame belongs to, and what makes frames of one flow differ from another's.
 *
 * Uniform: one flow after the other. Zipf: flow i with a share of 1 / i^S, drawn once into a table
 * that is walked round, so that a frame costs one load. One thread; `cursor` is the sender's.
 */
#ifndef VSW_PERF_LOADGEN_FLOWS_H
#define VSW_PERF_LOADGEN_FLOWS_H

#include <stdint.h>

enum flow_fields {
	FLOW_MAC, /* source and destination address */
	FLOW_5TUPLE, /* IPv4 source and UDP ports */
	FLOW_VLAN, /* the tag, at most 4094 */
};

#define FLOWS_MAX (UINT32_C(1) << 24)
#define FLOWS_VLANS 4094u

struct flows {
	enum flow_fields fields;
	uint32_t n;
	uint32_t n_drawn; /* 0: uniform */
	uint32_t *drawn;
};

/* `zipf` 0: uniform. -ENOMEM. */
int flows_init(struct flows *flows, enum flow_fields fields, uint32_t n, double zipf);
void flows_fini(struct flows *flows);

static inline uint32_t
flows_next(const struct flows *flows, uint32_t *cursor)
{
	const uint32_t at = *cursor;

	if (flows->n_drawn > 0) {
		*cursor = at + 1 < flows->n_drawn ? at + 1 : 0;
		return flows->drawn[at];
	}
	*cursor = at + 1 < flows->n ? at + 1 : 0;
	return at;
}

#endif
