/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/ip_prefix.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/str.h"

void
ip_prefix_mask(uint8_t len, uint8_t *mask, uint8_t size)
{
	for (uint8_t i = 0; i < size; i++) {
		const int bits = len - 8 * i;

		mask[i] = (uint8_t)(bits >= 8 ? 0xff : bits <= 0 ? 0 : 0xff00 >> bits);
	}
}

/* The prefix that was probably meant. */
static int
too_many_bits(const char *text, const char *leaf, const struct ip_prefix *prefix, struct err *err)
{
	char meant[INET6_ADDRSTRLEN] = "";

	(void)inet_ntop(prefix->v6 ? AF_INET6 : AF_INET, prefix->addr, meant, sizeof(meant));
	return err_set(err, ERR_INVALID, leaf,
		"'%s' has bits beyond its length; write %s/%u for the network", text, meant,
		prefix->len);
}

int
ip_prefix_parse(const char *text, const char *leaf, struct ip_prefix *out, struct err *err)
{
	const char *slash = strchr(text, '/');
	const uint8_t most = strchr(text, ':') != NULL ? 128 : 32;
	char address[64];
	uint8_t mask[16];
	uint64_t len = most;
	bool beyond = false;

	memset(out, 0, sizeof(*out));
	out->v6 = most == 128;
	(void)str_copy(address, text, sizeof(address));
	if (slash != NULL && slash - text < (int)sizeof(address)) {
		address[slash - text] = '\0';
	}
	if (inet_pton(out->v6 ? AF_INET6 : AF_INET, address, out->addr) != 1) {
		return err_set(err, ERR_INVALID, leaf,
			"'%s' is no address; write 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32", text);
	}
	if (slash != NULL && str_to_u64(slash + 1, 0, most, &len) != 0) {
		return err_set(err, ERR_INVALID, leaf, "the length in '%s' is not within 0..%u",
			text, most);
	}
	out->len = (uint8_t)len;
	ip_prefix_mask(out->len, mask, sizeof(mask));
	for (size_t i = 0; i < sizeof(mask); i++) {
		beyond = beyond || (out->addr[i] & ~mask[i]) != 0;
		out->addr[i] &= mask[i];
	}
	return beyond ? too_many_bits(text, leaf, out, err) : 0;
}
