/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/http_page.h"

#include <event2/buffer.h>
#include <string.h>

#include "ctl/http_server.h"

#define UNAVAILABLE 503

extern const char http_page_index_html[];
extern const char http_page_page_css[];
extern const char http_page_page_js[];

static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; "
			     "connect-src 'self'; img-src data:; base-uri 'none'; "
			     "form-action 'none'; frame-ancestors 'none'";

static void
serve(struct http_request *request, const char *type, const char *text) ON_MAIN
{
	struct evbuffer *body = evbuffer_new();

	if (body == NULL) {
		http_say(request, UNAVAILABLE, "out of memory");
		return;
	}
	http_set(request, "Content-Security-Policy", policy);
	http_set(request, "Referrer-Policy", "no-referrer");
	http_set(request, "Cross-Origin-Opener-Policy", "same-origin");
	http_set(request, "Cross-Origin-Resource-Policy", "same-origin");
	(void)evbuffer_add_reference(body, text, strlen(text), NULL, NULL);
	http_reply(request, 200, type, body);
	evbuffer_free(body);
}

void
http_page_index(void *ctx, struct http_request *request)
{
	role_assert(&role_main);
	serve(request, "text/html; charset=utf-8", http_page_index_html);
}

void
http_page_style(void *ctx, struct http_request *request)
{
	role_assert(&role_main);
	serve(request, "text/css; charset=utf-8", http_page_page_css);
}

void
http_page_script(void *ctx, struct http_request *request)
{
	role_assert(&role_main);
	serve(request, "text/javascript; charset=utf-8", http_page_page_js);
}
