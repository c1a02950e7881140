/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(const uint8_t *bytes, size_t n, char *text)
{
	for (size_t i = 0; i < n; i += 3) {
		const uint32_t word = (uint32_t)bytes[i] << 16 |
			(i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0) |
			(i + 2 < n ? bytes[i + 2] : 0);

		*text++ = alphabet[word >> 18];
		*text++ = alphabet[word >> 12 & 63];
		*text++ = i + 1 < n ? alphabet[word >> 6 & 63] : '=';
		*text++ = i + 2 < n ? alphabet[word & 63] : '=';
	}
	*text = '\0';
}

/* 0..63, or -1. */
static int
value_of(char c)
{
	return c >= 'A' && c <= 'Z'    ? c - 'A'
		: c >= 'a' && c <= 'z' ? c - 'a' + 26
		: c >= '0' && c <= '9' ? c - '0' + 52
		: c == '+'             ? 62
		: c == '/'             ? 63
				       : -1;
}

size_t
base64_decode(const char *text, size_t len, uint8_t *bytes)
{
	size_t n = 0;

	if (len % 4 != 0) {
		return (size_t)-1;
	}
	for (size_t i = 0; i < len; i += 4) {
		const size_t padding = i + 4 < len || text[i + 3] != '=' ? 0
			: text[i + 2] != '='                             ? 1
									 : 2;
		uint32_t word = 0;

		for (size_t k = 0; k < 4; k++) {
			const int value = k < 4 - padding ? value_of(text[i + k]) : 0;

			if (value < 0) {
				return (size_t)-1;
			}
			word = word << 6 | (uint32_t)value;
		}
		for (size_t k = 0; k < 3 - padding; k++) {
			bytes[n++] = (uint8_t)(word >> (16 - 8 * k));
		}
	}
	return n;
}
