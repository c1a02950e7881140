/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/client_target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static const struct {
	const char *text;
	enum client_target_kind kind;
	const char *host;
	const char *port;
} cases[] = {
	{"/run/vswitch/vswitchd.sock", CLIENT_TARGET_PATH, NULL, NULL},
	{"./a:1", CLIENT_TARGET_PATH, NULL, NULL},
	{"/tmp/a:6652", CLIENT_TARGET_PATH, NULL, NULL},
	{"ctl.sock", CLIENT_TARGET_PATH, NULL, NULL},
	{"ctl.sock:", CLIENT_TARGET_PATH, NULL, NULL},
	{"a:0", CLIENT_TARGET_PATH, NULL, NULL},
	{"a:65536", CLIENT_TARGET_PATH, NULL, NULL},
	{"a:1x", CLIENT_TARGET_PATH, NULL, NULL},
	{"fe80::1", CLIENT_TARGET_PATH, NULL, NULL}, /* without brackets: which is the port? */
	{":6652", CLIENT_TARGET_PATH, NULL, NULL},
	{"", CLIENT_TARGET_PATH, NULL, NULL},
	{"switch7:6652", CLIENT_TARGET_HOST, "switch7", "6652"},
	{"192.0.2.1:1", CLIENT_TARGET_HOST, "192.0.2.1", "1"},
	{"[2001:db8::1]:443", CLIENT_TARGET_HOST, "2001:db8::1", "443"},
	{"tls://switch7", CLIENT_TARGET_HOST, "switch7", "6652"},
	{"tls://switch7:65535", CLIENT_TARGET_HOST, "switch7", "65535"},
	{"tls://[::1]", CLIENT_TARGET_HOST, "::1", "6652"},
	{"tls://", CLIENT_TARGET_WRONG, NULL, NULL},
	{"tls://:1", CLIENT_TARGET_WRONG, NULL, NULL},
	{"tls://a:", CLIENT_TARGET_WRONG, NULL, NULL},
	{"tls://a:99999", CLIENT_TARGET_WRONG, NULL, NULL},
	{"tls://a/b", CLIENT_TARGET_WRONG, NULL, NULL},
	{"tls://::1", CLIENT_TARGET_WRONG, NULL, NULL},
	{"tls://[::1", CLIENT_TARGET_WRONG, NULL, NULL},
	{"tls://[]:1", CLIENT_TARGET_WRONG, NULL, NULL},
};

static void
texts(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct client_target target;

		assert_int_equal(client_target_parse(cases[i].text, &target), cases[i].kind);
		if (cases[i].kind == CLIENT_TARGET_HOST) {
			assert_string_equal(target.host, cases[i].host);
			assert_string_equal(target.port, cases[i].port);
		}
	}
}

static void
long_names(void **state)
{
	struct client_target target;
	char text[CLIENT_HOST_SIZE + 16];

	memset(text, 'x', sizeof(text));
	(void)snprintf(text + CLIENT_HOST_SIZE - 1, 16, ":1");
	assert_int_equal(client_target_parse(text, &target), CLIENT_TARGET_HOST);
	memset(text, 'x', sizeof(text));
	(void)snprintf(text + CLIENT_HOST_SIZE, 16, ":1");
	assert_int_equal(client_target_parse(text, &target), CLIENT_TARGET_PATH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(long_names),
	};

	return cmocka_run_group_tests_name("client_target", tests, NULL, NULL);
}
