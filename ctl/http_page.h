/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The page to look at, ctl/page/: its three files are compiled in, and it asks for nothing else but
 * /rpc, /events and /health of the listener that it came from. Its policy (Content-Security-Policy)
 * forbids the browser everything beside that: no script but its own, no other host, no frame.
 *
 * Main only.
 */
#ifndef VSW_CTL_HTTP_PAGE_H
#define VSW_CTL_HTTP_PAGE_H

#include "base/role.h"

struct http_request;

/* Bodies of routes. */
void http_page_index(void *ctx, struct http_request *request);
void http_page_style(void *ctx, struct http_request *request);
void http_page_script(void *ctx, struct http_request *request);

#endif
