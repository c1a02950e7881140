/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/core/crc32c.h"

#define POLYNOMIAL 0x82f63b78U /* RFC 9260, appendix A; bit 31 is the coefficient of x^0 */

/* x^(8 * 2^k) modulo the polynomial: each is the square of the one before. */
static const uint32_t byte_powers[16] = {0x00800000, 0x00008000, 0x82f63b78, 0x6ea2d55c, 0x18b8ea18,
	0x510ac59a, 0xb82be955, 0xb8fdb1e7, 0x88e56f72, 0x74c360a4, 0xe4172b16, 0x0d65762a,
	0x35d73a62, 0x28461564, 0xbf455269, 0xe2ea32dc};

static uint32_t
multiply(uint32_t a, uint32_t b)
{
	uint32_t product = 0;

	for (int i = 31; i >= 0; i--) {
		product ^= b & -(a >> i & 1);
		b = b >> 1 ^ (POLYNOMIAL & -(b & 1));
	}
	return product;
}

uint32_t
crc32c_diff(uint32_t diff, uint16_t len)
{
	for (unsigned int k = 0; k < 16; k++) {
		if ((len >> k & 1) != 0) {
			diff = multiply(diff, byte_powers[k]);
		}
	}
	return diff;
}
