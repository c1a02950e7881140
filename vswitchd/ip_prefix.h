/* SPDX-License-Identifier: BSD-3-Clause */
/* Prefixes of addresses as users write them: "192.0.2.1", "10.0.0.0/8", "2001:db8::/32". Any
 * thread. */
#ifndef VSW_VSWITCHD_IP_PREFIX_H
#define VSW_VSWITCHD_IP_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct ip_prefix {
	bool v6;
	uint8_t len; /* bits, at most 32 or 128 */
	uint8_t addr[16]; /* network order; IPv4: the first four bytes; 0 beyond `len` */
};

/* ERR_INVALID with path `leaf`: no address, a length too long, or bits beyond the length. */
int ip_prefix_parse(const char *text, const char *leaf, struct ip_prefix *out, struct err *err);

/* The first `len` bits of `size` bytes. */
void ip_prefix_mask(uint8_t len, uint8_t *mask, uint8_t size);

#endif
