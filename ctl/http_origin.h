/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Does a browser's request come from a page of our own?
 *
 * A page that somebody else serves can let a browser send us requests, and with a name in its own
 * domain that it points at our address (DNS rebinding) even read the answers. Both show in headers
 * that a page cannot set: Host has that name, Origin that page's origin, Sec-Fetch-Site (where the
 * browser sends it) says cross-site.
 *
 * Pure functions of header texts. Any thread.
 */
#ifndef VSW_CTL_HTTP_ORIGIN_H
#define VSW_CTL_HTTP_ORIGIN_H

#include <stdbool.h>

/* Is Host ("192.0.2.1:80", "[::1]:80", "localhost", ...) an address, localhost or `own`, the name
 * of this machine? NULL is not. */
bool http_host_is_ours(const char *host, const char *own);

/* The headers of a request, NULL for each that it does not have. */
struct http_origin {
	const char *host;
	const char *origin;
	const char *site; /* Sec-Fetch-Site */
};

/* NULL: it does; else what is wrong, as a sentence for the client. */
const char *http_origin_refused(const struct http_origin *headers, const char *own);

#endif
