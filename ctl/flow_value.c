/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/flow_value.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/str.h"

static int scan_one(const struct flow_where *where, enum flow_field field, struct flow_slice slice,
	uint64_t out[2]);

static int
digit_of(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

bool
flow_number_scan(struct flow_slice slice, uint64_t *out)
{
	unsigned int base = 10;
	size_t i = 0;
	uint64_t value = 0;

	if (slice.len > 2 && slice.at[0] == '0' && (slice.at[1] | 0x20) == 'x') {
		base = 16;
		i = 2;
	} else if (slice.len == 0 || (slice.len > 1 && slice.at[0] == '0')) {
		return false; /* a leading zero is octal to some */
	}
	for (; i < slice.len; i++) {
		unsigned int digit = (unsigned int)digit_of(slice.at[i]);

		if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
			__builtin_add_overflow(value, digit, &value)) {
			return false;
		}
	}
	*out = value;
	return true;
}

/* How much of a wrong value a message shows. */
static int
shown(struct flow_slice slice)
{
	return (int)(slice.len < 80 ? slice.len : 80);
}

int
flow_number_in(const struct flow_where *where, struct flow_slice slice, uint64_t min, uint64_t max,
	uint64_t *out)
{
	uint64_t value;

	if (slice.len == 0) {
		return flow_fail(where, slice.at, ERR_INVALID, "%s needs a value: %llu..%llu",
			where->name, (unsigned long long)min, (unsigned long long)max);
	}
	if (!flow_number_scan(slice, &value) || value < min || value > max) {
		return flow_fail(where, slice.at, ERR_INVALID, "%s %.*s: %llu..%llu", where->name,
			shown(slice), slice.at, (unsigned long long)min, (unsigned long long)max);
	}
	*out = value;
	return 0;
}

void
flow_mask_full(enum flow_field field, uint64_t mask[2])
{
	unsigned int bits = flow_fields[field].bits;

	mask[0] = flow_low_bits(bits);
	mask[1] = bits > 64 ? flow_low_bits(bits - 64) : 0;
}

bool
flow_mask_is_full(enum flow_field field, const uint64_t mask[2])
{
	uint64_t full[2];

	flow_mask_full(field, full);
	return mask[0] == full[0] && mask[1] == full[1];
}

/* Cut at the first `c`: true if there was one. */
static bool
split(struct flow_slice slice, char c, struct flow_slice *left, struct flow_slice *right)
{
	const char *at = slice.len == 0 ? NULL : memchr(slice.at, c, slice.len);

	*left = slice;
	if (at == NULL) {
		return false;
	}
	left->len = (size_t)(at - slice.at);
	right->at = at + 1;
	right->len = slice.len - left->len - 1;
	return true;
}

int
flow_masked_scan(const struct flow_where *where, struct flow_slice slice, unsigned int bits,
	uint64_t *value, uint64_t *mask)
{
	struct flow_slice left;
	struct flow_slice right;
	int rc;

	*mask = flow_low_bits(bits);
	if (split(slice, '/', &left, &right)) {
		if (flow_slice_is(right, "-1")) {
			rc = 0;
		} else {
			rc = flow_number_in(where, right, 0, flow_low_bits(bits), mask);
		}
		if (rc != 0) {
			return rc;
		}
	}
	rc = flow_number_in(where, left, 0, flow_low_bits(bits), value);
	*value &= rc == 0 ? *mask : 0;
	return rc;
}

/* ---- addresses ---- */

static bool
mac_scan(struct flow_slice slice, uint64_t *out)
{
	uint64_t value = 0;
	unsigned int n_digits = 0;
	unsigned int n_colons = 0;

	for (size_t i = 0; i < slice.len; i++) {
		int digit = digit_of(slice.at[i]);

		if (slice.at[i] == ':') {
			if (n_digits == 0 || ++n_colons > 5) {
				return false;
			}
			n_digits = 0;
			value <<= 8;
		} else if (digit > 15 || ++n_digits > 2) {
			return false;
		} else {
			uint64_t octet = n_digits == 2 ? (value & 0xf) << 4 : 0;

			value = (value & ~UINT64_C(0xff)) | octet | (uint64_t)digit;
		}
	}
	*out = value;
	return n_colons == 5 && n_digits > 0;
}

static bool
ipv4_scan(struct flow_slice slice, uint64_t *out)
{
	uint64_t value = 0;
	unsigned int n_dots = 0;
	unsigned int octet = 256; /* none yet */

	for (size_t i = 0; i < slice.len; i++) {
		int digit = digit_of(slice.at[i]);

		if (slice.at[i] == '.') {
			if (octet > 255 || ++n_dots > 3) {
				return false;
			}
			value = value << 8 | octet;
			octet = 256;
		} else if (digit > 9 || octet == 0) {
			return false; /* no leading zeros */
		} else {
			octet = octet == 256 ? (unsigned int)digit
					     : octet * 10 + (unsigned int)digit;
			if (octet > 255) {
				return false;
			}
		}
	}
	*out = value << 8 | octet;
	return n_dots == 3 && octet < 256;
}

static bool
ipv6_scan(struct flow_slice slice, uint64_t out[2])
{
	char text[INET6_ADDRSTRLEN];
	uint64_t words[2];

	if (slice.len >= sizeof(text) || memchr(slice.at, '\0', slice.len) != NULL) {
		return false;
	}
	memcpy(text, slice.at, slice.len);
	text[slice.len] = '\0';
	if (inet_pton(AF_INET6, text, words) != 1) {
		return false;
	}
	out[0] = __builtin_bswap64(words[1]);
	out[1] = __builtin_bswap64(words[0]);
	return true;
}

/* ---- one value of a kind ---- */

static int
scan_address(const struct flow_where *where, enum flow_field field, struct flow_slice slice,
	uint64_t out[2])
{
	bool good = false;
	const char *what = "a MAC address";

	out[1] = 0;
	if (flow_fields[field].kind == FLOW_MAC) {
		good = mac_scan(slice, &out[0]);
	} else if (flow_fields[field].kind == FLOW_IPV4) {
		what = "an IPv4 address";
		good = ipv4_scan(slice, &out[0]);
	} else {
		what = "an IPv6 address";
		good = slice.len > 0 && ipv6_scan(slice, out);
	}
	if (!good) {
		return flow_fail(where, slice.at, ERR_INVALID, "%s: '%.*s' is not %s", where->name,
			shown(slice), slice.at, what);
	}
	return 0;
}

static int
scan_one(const struct flow_where *where, enum flow_field field, struct flow_slice slice,
	uint64_t out[2])
{
	switch (flow_fields[field].kind) {
	case FLOW_MAC:
	case FLOW_IPV4:
	case FLOW_IPV6:
		return scan_address(where, field, slice, out);
	default:
		out[1] = 0;
		return flow_number_in(
			where, slice, 0, flow_low_bits(flow_fields[field].bits), &out[0]);
	}
}

static int
scan_mask(const struct flow_where *where, enum flow_field field, struct flow_slice slice,
	uint64_t mask[2])
{
	enum flow_kind kind = flow_fields[field].kind;
	unsigned int bits = flow_fields[field].bits;
	uint64_t length;
	int rc;

	if ((flow_fields[field].flags & FLOW_MASK) == 0) {
		return flow_fail(where, slice.at, ERR_INVALID, "%s takes no mask", where->name);
	}
	if ((kind == FLOW_IPV4 || kind == FLOW_IPV6) &&
		memchr(slice.at, kind == FLOW_IPV4 ? '.' : ':', slice.len) == NULL) {
		rc = flow_number_in(where, slice, 0, bits, &length);
		if (rc == 0) {
			flow_mask_prefix(bits, (unsigned int)length, mask);
		}
		return rc;
	}
	return scan_one(where, field, slice, mask);
}

/* ---- kinds with a form of their own ---- */

static int
scan_fragment(const struct flow_where *where, struct flow_slice slice, struct flow_term *term)
{
	bool text = where->text != NULL;

	for (size_t i = 0; i < FLOW_FRAGMENTS; i++) {
		if (flow_slice_is(slice, text ? flow_fragments[i].word : flow_fragments[i].json)) {
			term->value[0] = flow_fragments[i].value;
			term->mask[0] = flow_fragments[i].mask;
			return 0;
		}
	}
	return flow_fail(where, slice.at, ERR_INVALID, "%s '%.*s': no, yes, first, later or %s",
		where->name, shown(slice), slice.at, text ? "not_later" : "not-later");
}

static int
scan_flags(const struct flow_where *where, struct flow_slice slice, struct flow_term *term)
{
	size_t i = 0;

	term->mask[0] = 0;
	while (i < slice.len) {
		char sign = slice.at[i++];
		size_t start = i;
		struct flow_slice name = {slice.at + i, 0};
		uint64_t bit = 0;

		while (i < slice.len && slice.at[i] != '+' && slice.at[i] != '-') {
			i++;
		}
		name.len = i - start;
		for (size_t j = 0; j < FLOW_FLAG_NAMES; j++) {
			bit |= flow_slice_is(name, flow_flag_names[j]) ? UINT64_C(1) << j : 0;
		}
		if (bit == 0) {
			return flow_fail(where, name.at, ERR_INVALID,
				"%s: '%.*s' is none of fin, syn, rst, psh, ack, urg, ece, cwr, ns",
				where->name, shown(name), name.at);
		}
		if ((term->mask[0] & bit) != 0) {
			return flow_fail(where, name.at, ERR_INVALID, "%s: %.*s twice", where->name,
				(int)name.len, name.at);
		}
		term->mask[0] |= bit;
		term->value[0] |= sign == '+' ? bit : 0;
	}
	return 0;
}

static int
scan_range(const struct flow_where *where, struct flow_slice low, struct flow_slice high,
	struct flow_term *term)
{
	int rc = flow_number_in(where, low, 0, UINT16_MAX, &term->value[0]);

	rc = rc != 0 ? rc : flow_number_in(where, high, 0, UINT16_MAX, &term->value[1]);
	if (rc != 0) {
		return rc;
	}
	if (term->value[0] > term->value[1]) {
		return flow_fail(where, low.at, ERR_INVALID, "%s: the range %llu-%llu is empty",
			where->name, (unsigned long long)term->value[0],
			(unsigned long long)term->value[1]);
	}
	term->range = term->value[0] != term->value[1] &&
		(term->value[0] > 0 || term->value[1] < UINT16_MAX);
	if (!term->range) {
		/* one port, or all of them */
		term->mask[0] = term->value[0] == term->value[1] ? UINT16_MAX : 0;
		term->value[0] &= term->mask[0];
		term->value[1] = 0;
	}
	return 0;
}

int
flow_value_scan(const struct flow_where *where, enum flow_field field, struct flow_slice slice,
	struct flow_term *term)
{
	enum flow_kind kind = flow_fields[field].kind;
	struct flow_slice left;
	struct flow_slice right;
	int rc;

	memset(term, 0, sizeof(*term));
	if (kind == FLOW_FRAGMENT) {
		return scan_fragment(where, slice, term);
	}
	if (kind == FLOW_FLAGS && slice.len > 0 && (slice.at[0] == '+' || slice.at[0] == '-')) {
		return scan_flags(where, slice, term);
	}
	if (kind == FLOW_PORT_NUMBER && split(slice, '-', &left, &right)) {
		return scan_range(where, left, right, term);
	}
	flow_mask_full(field, term->mask);
	if (split(slice, '/', &left, &right)) {
		rc = scan_mask(where, field, right, term->mask);
		if (rc != 0) {
			return rc;
		}
	}
	rc = scan_one(where, field, left, term->value);
	term->value[0] &= term->mask[0];
	term->value[1] &= term->mask[1];
	return rc;
}

int
flow_value_from(const struct flow_where *where, enum flow_field field, const char *at,
	uint64_t number, struct flow_term *term)
{
	uint64_t max = flow_low_bits(flow_fields[field].bits);

	memset(term, 0, sizeof(*term));
	if (number > max) {
		return flow_fail(where, at, ERR_INVALID, "%s %llu: 0..%llu", where->name,
			(unsigned long long)number, (unsigned long long)max);
	}
	flow_mask_full(field, term->mask);
	term->value[0] = number;
	return 0;
}
