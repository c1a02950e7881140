/* SPDX-License-Identifier: BSD-3-Clause */
/* What takes something of the host is found wherever it stands in an operation. */
#include "schema/host_resource.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "schema/test_backend.h"

#define ROOT "/vswitch:vswitch"
#define PORT ROOT "/port[name='a']"

static const struct {
	const char *path;
	const char *value; /* NULL: none */
	const char *leaf; /* NULL: nothing of the host */
	const char *op; /* NULL: merge, or delete where there is no value */
} cases[] = {
	{PORT "/ifname", "\"eth0\"", "ifname"},
	{PORT "/vswitch:socket", NULL, "socket"}, /* deleted */
	{"/vswitch/port[name='a']/tx-file", NULL, "tx-file"},
	{PORT, "{\"mtu\": 1400, \"vswitch:devargs\": \"x\"}", "devargs"},
	{PORT, "{\"mtu\": 1400, \"description\": \"type\"}", NULL},
	{PORT, NULL, NULL},
	{ROOT "/port", "[{\"name\": \"a\"}, {\"name\": \"b\", \"pci\": \"0\"}]", "pci"},
	{ROOT "/port", "[[{\"backend\": \"dpdk\"}]]", "backend"},
	{ROOT, "{\"bridge\": [], \"port\": [{\"name\": \"a\", \"type\": \"tap\"}]}", "type"},
	{ROOT, "{\"port\": {\"netns\": 7}}", "netns"}, /* no list, and refused later */
	{ROOT, "{\"bridge\": [{\"name\": \"br0\"}]}", NULL},
	{"/", "{\"vswitch:vswitch\": {\"port\": [{\"path\": \"/x\"}]}}", "path"},
	{"/", "{\"vswitch:vswitch\": {}}", NULL},
	{PORT "/mode", "\"client\"", "mode"},
	/* who may do what: at, above and below it, in a value, and left out of one */
	{ROOT "/system/access/rule[name='x']/group", "[\"ops\"]", "access"},
	{ROOT "/system/access/rule[name='x']", "{\"role\": \"admin\"}", "access"},
	{ROOT "/system/access/rule[name='x']/path[.='/x']", NULL, "access"},
	{ROOT "/system/access", "{}", "access"},
	{ROOT "/system", "{\"http\": {\"role\": \"admin\"}}", "http"},
	{ROOT "/system/remote/client-ca", "\"/x\"", "remote"},
	{"/", "{\"vswitch:vswitch\": {\"system\": {\"remote\": {}}}}", "remote"},
	{ROOT "/system", "{\"description\": \"x\"}", NULL},
	{ROOT "/system", "{\"description\": \"x\"}", "access", "replace"},
	{ROOT "/system", NULL, "access"},
	{ROOT, NULL, "access"},
	{ROOT, "{}", "access", "replace"},
	{"/", "{}", "access", "replace"},
	{"/", NULL, "access"},
	{ROOT "/system/description", "\"x\"", NULL, "replace"},
	/* leaves of the same name elsewhere are not of the host */
	{ROOT "/mirror[name='a']", "{\"type\": 1}", NULL},
	/* what is no path or no value is refused by others */
	{"/nowhere", "{\"type\": 1}", NULL},
	{"", "{}", NULL},
	{PORT, "7", NULL},
	{PORT, "[7, null]", NULL},
};

static void test_found(void **state) ROLE_ATTR(no_thread_safety_analysis);

static void
test_found(void **state)
{
	struct backend b = {0};

	role_enter(&role_main);
	backend_start(&b, NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *value = cases[i].value == NULL
			? NULL
			: json_loads(cases[i].value, JSON_DECODE_ANY, NULL);
		const char *op = cases[i].op != NULL ? cases[i].op
			: value == NULL              ? "delete"
						     : "merge";
		const char *leaf = ds_host_resource(b.ds, op, cases[i].path, value);

		assert_true(cases[i].value == NULL || value != NULL);
		if (strcmp(leaf == NULL ? "-" : leaf,
			    cases[i].leaf == NULL ? "-" : cases[i].leaf) != 0) {
			fail_msg("%s %s: %s", cases[i].path,
				cases[i].value == NULL ? "" : cases[i].value,
				leaf == NULL ? "nothing" : leaf);
		}
		json_decref(value);
	}
	backend_stop(&b);
	role_leave(&role_main);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
