/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/client_target.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define SCHEME "tls://"

/* "host" or "[address]" of `len` bytes. */
static bool
take_host(const char *text, size_t len, char out[CLIENT_HOST_SIZE])
{
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len) != NULL) {
		return false; /* an IPv6 address without brackets: where would the port begin? */
	}
	if (len == 0 || len >= CLIENT_HOST_SIZE || memchr(text, '/', len) != NULL ||
		memchr(text, '[', len) != NULL || memchr(text, ']', len) != NULL) {
		return false;
	}
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

enum client_target_kind
client_target_parse(const char *text, struct client_target *out)
{
	bool named = strncmp(text, SCHEME, sizeof(SCHEME) - 1) == 0;
	const char *rest = named ? text + sizeof(SCHEME) - 1 : text;
	const char *colon = strrchr(rest, ':');
	size_t len = strlen(rest);
	uint64_t port;

	if (!named && strchr(text, '/') != NULL) {
		return CLIENT_TARGET_PATH;
	}
	(void)str_copy(out->port, CLIENT_PORT_DEFAULT, sizeof(out->port));
	/* the last colon of "[::1]" is part of the address */
	if (colon != NULL && strchr(colon, ']') == NULL) {
		if (str_to_u64(colon + 1, 1, UINT16_MAX, &port) != 0) {
			return named ? CLIENT_TARGET_WRONG : CLIENT_TARGET_PATH;
		}
		(void)snprintf(out->port, sizeof(out->port), "%" PRIu64, port);
		len = (size_t)(colon - rest);
	} else if (!named) {
		return CLIENT_TARGET_PATH;
	}
	if (take_host(rest, len, out->host)) {
		return CLIENT_TARGET_HOST;
	}
	return named ? CLIENT_TARGET_WRONG : CLIENT_TARGET_PATH;
}
