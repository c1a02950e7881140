/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <string.h>

#include "base/str.h"
#include "ctl/flow_value.h"

const struct flow_fragment flow_fragments[FLOW_FRAGMENTS] = {
	{"no", "no", 0, 3},
	{"yes", "yes", 1, 1},
	{"first", "first", 1, 3},
	{"later", "later", 2, 2},
	{"not-later", "not_later", 0, 2},
};

const char *const flow_flag_names[FLOW_FLAG_NAMES] = {
	"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns"};

void
flow_mask_prefix(unsigned int bits, unsigned int length, uint64_t mask[2])
{
	unsigned int host = bits - length;

	mask[0] = flow_low_bits(bits) & ~flow_low_bits(host);
	mask[1] = bits <= 64 ? 0 : (host <= 64 ? UINT64_MAX : ~flow_low_bits(host - 64));
}

/* Length of the prefix that the mask is, or -1. */
static int
mask_prefix(unsigned int bits, const uint64_t mask[2])
{
	unsigned int ones =
		(unsigned int)(__builtin_popcountll(mask[0]) + __builtin_popcountll(mask[1]));
	uint64_t want[2];

	flow_mask_prefix(bits, ones, want);
	return want[0] == mask[0] && want[1] == mask[1] ? (int)ones : -1;
}

char *
flow_hex_put(char *out, uint64_t value, unsigned int digits)
{
	unsigned int n = value == 0 ? 1 : (67 - (unsigned int)__builtin_clzll(value)) / 4;

	n = n < digits ? digits : n;
	*out++ = '0';
	*out++ = 'x';
	while (n-- > 0) {
		*out++ = "0123456789abcdef"[value >> (4 * n) & 0xf];
	}
	return out;
}

char *
flow_decimal_put(char *out, uint64_t value)
{
	char digits[20];
	unsigned int n = 0;

	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	while (n > 0) {
		*out++ = digits[--n];
	}
	return out;
}

static char *
put_mac(char *out, uint64_t mac)
{
	for (int shift = 40; shift >= 0; shift -= 8) {
		*out++ = "0123456789abcdef"[mac >> (shift + 4) & 0xf];
		*out++ = "0123456789abcdef"[mac >> shift & 0xf];
		*out++ = ':';
	}
	return out - 1;
}

static char *
put_ipv4(char *out, uint64_t address)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		out = flow_decimal_put(out, address >> shift & 0xff);
		*out++ = '.';
	}
	return out - 1;
}

static char *
put_one(char *out, enum flow_field field, const uint64_t value[2], bool masked)
{
	uint64_t wire[2];

	switch (flow_fields[field].kind) {
	case FLOW_MAC:
		return put_mac(out, value[0]);
	case FLOW_IPV4:
		return put_ipv4(out, value[0]);
	case FLOW_IPV6:
		wire[0] = __builtin_bswap64(value[1]);
		wire[1] = __builtin_bswap64(value[0]);
		(void)inet_ntop(AF_INET6, wire, out, INET6_ADDRSTRLEN);
		return out + strlen(out);
	case FLOW_HEX16:
	case FLOW_TCI:
		return flow_hex_put(out, value[0], 4);
	case FLOW_FLAGS:
		return flow_hex_put(out, value[0], 3);
	case FLOW_PORT_NUMBER:
		return masked ? flow_hex_put(out, value[0], 1) : flow_decimal_put(out, value[0]);
	case FLOW_DECIMAL:
		return flow_decimal_put(out, value[0]);
	default:
		return flow_hex_put(out, value[0], 1);
	}
}

static char *
put_masked(char *out, enum flow_field field, const struct flow_term *term)
{
	enum flow_kind kind = flow_fields[field].kind;
	bool masked = !flow_mask_is_full(field, term->mask);
	int length;

	out = put_one(out, field, term->value, masked);
	if (!masked) {
		return out;
	}
	*out++ = '/';
	length = kind == FLOW_IPV4 || kind == FLOW_IPV6
		? mask_prefix(flow_fields[field].bits, term->mask)
		: -1;
	return length >= 0 ? flow_decimal_put(out, (uint64_t)length)
			   : put_one(out, field, term->mask, masked);
}

size_t
flow_value_format(
	enum flow_field field, const struct flow_term *term, bool text, char out[FLOW_VALUE_SIZE])
{
	enum flow_kind kind = flow_fields[field].kind;
	char *end = out;

	if (term->range) {
		end = flow_decimal_put(end, term->value[0]);
		*end++ = '-';
		end = flow_decimal_put(end, term->value[1]);
	} else if (kind == FLOW_FRAGMENT) {
		for (size_t i = 0; i < FLOW_FRAGMENTS; i++) {
			if (flow_fragments[i].value == term->value[0] &&
				flow_fragments[i].mask == term->mask[0]) {
				end = stpcpy(out,
					text ? flow_fragments[i].word : flow_fragments[i].json);
			}
		}
	} else if (kind == FLOW_FLAGS && text && term->mask[0] < 1U << FLOW_FLAG_NAMES) {
		for (size_t i = 0; i < FLOW_FLAG_NAMES; i++) {
			if ((term->mask[0] >> i & 1) != 0) {
				*end++ = (term->value[0] >> i & 1) != 0 ? '+' : '-';
				end = stpcpy(end, flow_flag_names[i]);
			}
		}
	} else {
		end = put_masked(out, field, term);
	}
	*end = '\0';
	return (size_t)(end - out);
}
