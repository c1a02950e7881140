/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Match: which packets does a rule speak of.
 *
 * A value under a mask, as in fields.h, and a range for each L4 port. A packet matches when it has
 * the value in all bits of the mask and its ports lie in the ranges.
 *
 * Canonical form, which equality and the rule tables need: no value bit outside the mask, and a
 * range that a mask can say is said by the mask (one port, 1024-2047, all). What remains are ranges
 * like 1000-2000, under which the mask has no bit of that port. match_canonical brings a match
 * there and refuses what has no such form.
 *
 * Prerequisites are the caller's: a match on ports, range or not, must ask for the protocol and for
 * FIELDS_VALID_L4 too, or packets without ports would match as if theirs were 0.
 *
 * Any thread; plain data.
 */
#ifndef VSW_DATAPATH_CORE_MATCH_H
#define VSW_DATAPATH_CORE_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/core/fields.h"

/* Both ends included, host order. */
struct match_range {
	uint16_t low;
	uint16_t high;
};

#define MATCH_RANGE_ALL ((struct match_range){.low = 0, .high = UINT16_MAX})

struct match {
	struct fields value;
	struct fields mask;
	struct match_range l4_src; /* MATCH_RANGE_ALL: no restriction */
	struct match_range l4_dst;
};

static inline bool
match_range_is_all(struct match_range range)
{
	return range.low == 0 && range.high == UINT16_MAX;
}

static inline bool
match_range_has(struct match_range range, uint16_t port_be)
{
	const uint16_t port = (uint16_t)(port_be << 8 | port_be >> 8);

	return port >= range.low && port <= range.high;
}

/* Every packet. */
void match_init(struct match *match);

/*
 * Bring into canonical form. -EINVAL: a range that is empty, or beside mask bits of the same port
 * when the two do not come to one range. Value bits outside the mask are dropped.
 */
int match_canonical(struct match *match);

/* --- of canonical matches -------------------------------------------------------------------- */

bool match_equal(const struct match *a, const struct match *b);

/*
 * OpenFlow 1.3.5, 6.4, non-strict: is `match` at least as specific as `wide`? Port masks that are
 * prefixes and ranges compare as the ranges that they are.
 */
bool match_within(const struct match *match, const struct match *wide);

/* Is there a packet that both match (prerequisites aside)? */
bool match_overlaps(const struct match *a, const struct match *b);

bool match_packet(const struct match *match, const struct fields *packet);

#endif
