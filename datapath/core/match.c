/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/core/match.h"

#include <arpa/inet.h>
#include <errno.h>

void
match_init(struct match *match)
{
	*match = (struct match){.l4_src = MATCH_RANGE_ALL, .l4_dst = MATCH_RANGE_ALL};
}

/* A mask of leading ones, host order. */
static bool
is_prefix(uint16_t mask)
{
	const uint16_t wild = (uint16_t)~mask;

	return (wild & (uint16_t)(wild + 1)) == 0;
}

/* The ports that value and mask allow; the mask is a prefix. All in host order. */
static struct match_range
masked_range(uint16_t value, uint16_t mask)
{
	return (struct match_range){.low = value, .high = (uint16_t)(value | (uint16_t)~mask)};
}

static int
canonical_port(uint16_t *value_be, uint16_t *mask_be, struct match_range *range)
{
	const uint16_t mask = ntohs(*mask_be);
	uint16_t differ;

	if (range->low > range->high) {
		return -EINVAL;
	}
	if (match_range_is_all(*range)) {
		return 0;
	}
	if (!is_prefix(mask)) {
		return -EINVAL;
	}
	if (mask != 0) {
		const struct match_range masked = masked_range(ntohs(*value_be), mask);

		range->low = range->low > masked.low ? range->low : masked.low;
		range->high = range->high < masked.high ? range->high : masked.high;
		if (range->low > range->high) {
			return -EINVAL;
		}
	}
	*value_be = 0;
	*mask_be = 0;
	differ = range->low ^ range->high;
	/* Low ends in zeros where high ends in ones: a prefix says the same. */
	if ((differ & (differ + 1)) == 0 && (range->low & differ) == 0) {
		*value_be = htons(range->low);
		*mask_be = htons((uint16_t)~differ);
		*range = MATCH_RANGE_ALL;
	}
	return 0;
}

int
match_canonical(struct match *match)
{
	int rc;

	for (unsigned int i = 0; i < FIELDS_WORDS; i++) {
		fields_set_word(&match->value, i,
			fields_word(&match->value, i) & fields_word(&match->mask, i));
	}
	rc = canonical_port(&match->value.l4_src, &match->mask.l4_src, &match->l4_src);
	if (rc == 0) {
		rc = canonical_port(&match->value.l4_dst, &match->mask.l4_dst, &match->l4_dst);
	}
	return rc;
}

static bool
range_equal(struct match_range a, struct match_range b)
{
	return a.low == b.low && a.high == b.high;
}

bool
match_equal(const struct match *a, const struct match *b)
{
	return memcmp(&a->value, &b->value, sizeof(a->value)) == 0 &&
		memcmp(&a->mask, &b->mask, sizeof(a->mask)) == 0 &&
		range_equal(a->l4_src, b->l4_src) && range_equal(a->l4_dst, b->l4_dst);
}

/* One port of a match, host order. */
struct port {
	uint16_t value;
	uint16_t mask;
	struct match_range range;
};

static struct port
port_of(uint16_t value_be, uint16_t mask_be, struct match_range range)
{
	struct port port = {.value = ntohs(value_be), .mask = ntohs(mask_be), .range = range};

	if (match_range_is_all(range) && is_prefix(port.mask)) {
		port.range = masked_range(port.value, port.mask);
	}
	return port;
}

static bool
port_within(struct port port, struct port wide)
{
	if (is_prefix(wide.mask)) {
		/* What is known of a mask with holes: its least and its greatest port. */
		if (!is_prefix(port.mask)) {
			port.range = masked_range(port.value, port.mask);
		}
		return port.range.low >= wide.range.low && port.range.high <= wide.range.high;
	}
	return (port.mask & wide.mask) == wide.mask && (port.value & wide.mask) == wide.value;
}

bool
match_within(const struct match *match, const struct match *wide)
{
	struct fields ports = {.l4_src = UINT16_MAX, .l4_dst = UINT16_MAX};
	uint64_t differ = 0;

	for (unsigned int i = 0; i < FIELDS_WORDS; i++) {
		const uint64_t mask = fields_word(&wide->mask, i) & ~fields_word(&ports, i);

		differ |= (fields_word(&match->mask, i) & mask) ^ mask;
		differ |= (fields_word(&match->value, i) ^ fields_word(&wide->value, i)) & mask;
	}
	return differ == 0 &&
		port_within(port_of(match->value.l4_src, match->mask.l4_src, match->l4_src),
			port_of(wide->value.l4_src, wide->mask.l4_src, wide->l4_src)) &&
		port_within(port_of(match->value.l4_dst, match->mask.l4_dst, match->l4_dst),
			port_of(wide->value.l4_dst, wide->mask.l4_dst, wide->l4_dst));
}

/* Is there a port in the range with the value in the bits of the mask? */
static bool
range_meets_mask(struct match_range range, uint16_t value, uint16_t mask)
{
	for (uint32_t port = range.low; port <= range.high; port++) {
		if ((port & mask) == value) {
			return true;
		}
	}
	return false;
}

static bool
port_overlaps(struct port a, struct port b)
{
	if (((a.value ^ b.value) & a.mask & b.mask) != 0) {
		return false;
	}
	if (!is_prefix(a.mask)) {
		return is_prefix(b.mask) ? range_meets_mask(b.range, a.value, a.mask) : true;
	}
	if (!is_prefix(b.mask)) {
		return range_meets_mask(a.range, b.value, b.mask);
	}
	return a.range.low <= b.range.high && b.range.low <= a.range.high;
}

bool
match_overlaps(const struct match *a, const struct match *b)
{
	uint64_t differ = 0;

	for (unsigned int i = 0; i < FIELDS_WORDS; i++) {
		differ |= (fields_word(&a->value, i) ^ fields_word(&b->value, i)) &
			fields_word(&a->mask, i) & fields_word(&b->mask, i);
	}
	return differ == 0 &&
		port_overlaps(port_of(a->value.l4_src, a->mask.l4_src, a->l4_src),
			port_of(b->value.l4_src, b->mask.l4_src, b->l4_src)) &&
		port_overlaps(port_of(a->value.l4_dst, a->mask.l4_dst, a->l4_dst),
			port_of(b->value.l4_dst, b->mask.l4_dst, b->l4_dst));
}

bool
match_packet(const struct match *match, const struct fields *packet)
{
	return fields_match(packet, &match->value, &match->mask) &&
		match_range_has(match->l4_src, packet->l4_src) &&
		match_range_has(match->l4_dst, packet->l4_dst);
}
