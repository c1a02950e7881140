/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values of fields as characters: one form of each, in the text and in JSON strings alike.
 * Private to ctl/flow_*. Any thread; no allocation.
 */
#ifndef VSW_CTL_FLOW_VALUE_H
#define VSW_CTL_FLOW_VALUE_H

#include "ctl/flow_field.h"

/* The longest is an IPv6 address with a mask. */
#define FLOW_VALUE_SIZE 96

#define FLOW_FRAGMENTS 5
#define FLOW_FLAG_NAMES 9

struct flow_fragment {
	const char *json;
	const char *word;
	uint64_t value;
	uint64_t mask;
};

extern const struct flow_fragment flow_fragments[FLOW_FRAGMENTS];
extern const char *const flow_flag_names[FLOW_FLAG_NAMES]; /* from bit 0 */

/* A decimal or 0x number without sign; false if it is none or has more than 64 bits. */
bool flow_number_scan(struct flow_slice slice, uint64_t *out);

/* A number in [min, max]; the message names the word, the value and the range. */
int flow_number_in(const struct flow_where *where, struct flow_slice slice, uint64_t min,
	uint64_t max, uint64_t *out);

/* VALUE or VALUE/MASK of up to `bits` bits; bits of the value outside of the mask are cleared. */
int flow_masked_scan(const struct flow_where *where, struct flow_slice slice, unsigned int bits,
	uint64_t *value, uint64_t *mask);

/* Any field but in_port. A mask of 0 is no error: the caller decides. */
int flow_value_scan(const struct flow_where *where, enum flow_field field, struct flow_slice slice,
	struct flow_term *term);

/* The value 'number' is for a field with an exact form; checks the range. */
int flow_value_from(const struct flow_where *where, enum flow_field field, const char *at,
	uint64_t number, struct flow_term *term);

/*
 * The canonical form, terminated. `text`: TCP flags by sign where they can be, else by number as
 * in JSON. Returns the length.
 */
size_t flow_value_format(
	enum flow_field field, const struct flow_term *term, bool text, char out[FLOW_VALUE_SIZE]);

/* 0x and at least `digits` digits. Returns where it ended, not terminated. */
char *flow_hex_put(char *out, uint64_t value, unsigned int digits);
char *flow_decimal_put(char *out, uint64_t value);

static inline uint64_t
flow_low_bits(unsigned int bits)
{
	return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

/* The first `length` of `bits`. */
void flow_mask_prefix(unsigned int bits, unsigned int length, uint64_t mask[2]);

/* All bits of a field. */
void flow_mask_full(enum flow_field field, uint64_t mask[2]);
bool flow_mask_is_full(enum flow_field field, const uint64_t mask[2]);

#endif
