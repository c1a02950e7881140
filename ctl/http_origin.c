/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/http_origin.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

#define HOST_SIZE 256 /* a name has at most 253 bytes (RFC 1035) */

/* The host without port and brackets; false: no host of this form. */
static bool
host_name(const char *header, char *name, bool *bracketed)
{
	const char *end;
	size_t len;

	*bracketed = header[0] == '[';
	end = *bracketed ? strchr(header, ']') : header + strcspn(header, ":");
	if (end == NULL) {
		return false;
	}
	header += *bracketed;
	len = (size_t)(end - header);
	if (len == 0 || len >= HOST_SIZE) {
		return false;
	}
	memcpy(name, header, len);
	name[len] = '\0';
	end += *bracketed;
	if (*end == ':') {
		end++;
		while (isdigit((unsigned char)*end)) {
			end++;
		}
	}
	return *end == '\0';
}

bool
http_host_is_ours(const char *host, const char *own)
{
	struct in6_addr address;
	char name[HOST_SIZE];
	bool bracketed;

	if (host == NULL || !host_name(host, name, &bracketed)) {
		return false;
	}
	if (bracketed) {
		return inet_pton(AF_INET6, name, &address) == 1;
	}
	return inet_pton(AF_INET, name, &address) == 1 || strcasecmp(name, "localhost") == 0 ||
		(str_given(own) && strcasecmp(name, own) == 0);
}

/* scheme://HOST with this very Host. */
static bool
is_origin_of(const char *origin, const char *host)
{
	static const char *const schemes[] = {"http://", "https://"};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t len = strlen(schemes[i]);

		if (strncasecmp(origin, schemes[i], len) == 0) {
			return strcasecmp(origin + len, host) == 0;
		}
	}
	return false;
}

const char *
http_origin_refused(const struct http_origin *headers, const char *own)
{
	if (!http_host_is_ours(headers->host, own)) {
		return "ask by address, by localhost or by this machine's own name: other names "
		       "are refused, since anybody can point one here";
	}
	if (headers->origin != NULL && !is_origin_of(headers->origin, headers->host)) {
		return "another site's page may not ask this";
	}
	if (headers->site != NULL && strcmp(headers->site, "same-origin") != 0 &&
		strcmp(headers->site, "none") != 0) {
		return "another site's page may not ask this";
	}
	return NULL;
}
