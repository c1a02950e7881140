/* SPDX-License-Identifier: BSD-3-Clause */
/* What a get shows, and where in the document. */
#include "schema/datastore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "schema/test_backend.h"

#define ROOT "/vswitch:vswitch"
#define VM1 ROOT "/port[name='vm1']"
#define BR0 ROOT "/bridge[name='br0']"

#define CONFIG DS_CONTENT_CONFIG
#define STATE DS_CONTENT_STATE
#define ALL DS_CONTENT_ALL

static const char *const start = "{'vswitch:vswitch': {'system': {'description': 'lab'},"
				 "'bridge': [{'name': 'br0'}],"
				 "'port': [{'name': 'vm10', 'type': 'null'},"
				 "{'name': 'vm1', 'type': 'tap', 'bridge': 'br0', 'mtu': 1500,"
				 "'trunk': ['1', '3']}]}}";

#define PORT(members) "{'vswitch:vswitch': {'port': [{'name': 'vm1'" members "}]}}"
#define BRIDGE(members) "{'vswitch:vswitch': {'bridge': [{'name': 'br0'" members "}]}}"
#define PORT_STATS "'statistics': {'rx-packets': '11', 'drops': {'runt': '1'}}"
#define PORT_STATE                               \
	", 'oper-status': 'up', " PORT_STATS "," \
	"'queue': [{'id': 1, 'worker': 5}, {'id': 0, 'worker': 5}]"

static const struct {
	const char *path;
	enum ds_content content;
	unsigned int depth;
	bool with_defaults;
	const char *shows; /* NULL: refused with */
	enum err_kind kind;
	const char *says;
} cases[] = {
	/* whole */
	{NULL, CONFIG, 0, false,
		"{'vswitch:vswitch': {'system': {'description': 'lab'},"
		"'bridge': [{'name': 'br0'}], 'port': [{'name': 'vm1', 'type': 'tap',"
		"'bridge': 'br0', 'mtu': 1500, 'trunk': ['1', '3']},"
		"{'name': 'vm10', 'type': 'null'}]}}"},
	{"/", ALL, 1, false,
		"{'vswitch:vswitch': {'system': {}, 'bridge': [{'name': 'br0'}],"
		"'acl': [], 'port': [{'name': 'vm1'}, {'name': 'vm10'}], 'mirror': []}}"},
	{ROOT, STATE, 2, false,
		"{'vswitch:vswitch': {'system': {'version': '1.2.3'},"
		"'bridge': [{'name': 'br0', 'fdb-entries': 7, 'statistics': {}}],"
		"'port': [{'name': 'vm1', 'oper-status': 'up', 'statistics': {},"
		"'queue': [{'id': 1}, {'id': 0}]},"
		"{'name': 'vm10', 'oper-status': 'up', 'statistics': {},"
		"'queue': [{'id': 1}, {'id': 0}]}]}}"},
	/* lists and entries */
	{ROOT "/bridge", ALL, 0, false,
		BRIDGE(", 'fdb-entries': 7, 'statistics': {'learned': '9'}")},
	{ROOT "/bridge", CONFIG, 0, true,
		BRIDGE(", 'aging-time': 300, 'fdb-limit': 65536, 'mac-move-limit': 1000,"
		       "'forward-reserved': false, 'punt-rate': 1000")},
	{VM1, CONFIG, 0, false,
		PORT(", 'type': 'tap', 'bridge': 'br0', 'mtu': 1500, 'trunk': ['1', '3']")},
	{VM1, STATE, 0, false, PORT(PORT_STATE)},
	{VM1, ALL, 1, false,
		PORT(", 'type': 'tap', 'bridge': 'br0', 'mtu': 1500, 'trunk': ['1', '3'],"
		     "'oper-status': 'up', 'statistics': {}, 'queue': [{'id': 1}, {'id': 0}]")},
	{ROOT "/port[name='vm11']", ALL, 0, false, NULL, ERR_MISSING,
		"there is no port 'vm11'; did you mean 'vm1'?"},
	/* within an entry */
	{VM1 "/mtu", ALL, 0, false, PORT(", 'mtu': 1500")},
	{VM1 "/queues", ALL, 0, false, PORT(", 'queues': 1")},
	{VM1 "/vlan", ALL, 0, false, NULL, ERR_MISSING, "/vlan is not set"},
	{VM1 "/name", STATE, 0, false, PORT("")},
	{VM1 "/mtu", STATE, 0, false, NULL, ERR_MISSING, "is configuration"},
	{VM1 "/oper-status", CONFIG, 0, false, NULL, ERR_MISSING, "is state"},
	{VM1 "/oper-status", ALL, 0, false, PORT(", 'oper-status': 'up'")},
	{VM1 "/trunk", ALL, 0, false, PORT(", 'trunk': ['1', '3']")},
	{VM1 "/trunk[.='3']", ALL, 0, false, PORT(", 'trunk': ['3']")},
	{VM1 "/trunk[.='4']", ALL, 0, false, NULL, ERR_MISSING, "does not exist"},
	{VM1 "/cvlan", ALL, 0, false, PORT(", 'cvlan': []")},
	{VM1 "/statistics", ALL, 0, false, PORT(", " PORT_STATS)},
	{VM1 "/statistics/drops/runt", ALL, 0, false,
		PORT(", 'statistics': {'drops': {'runt': '1'}}")},
	{VM1 "/statistics/drops/hairpin", ALL, 0, false, NULL, ERR_MISSING, "is not set"},
	{VM1 "/queue[id='0']", ALL, 0, false, PORT(", 'queue': [{'id': 0, 'worker': 5}]")},
	{VM1 "/queue[id='0']/worker", ALL, 0, false, PORT(", 'queue': [{'id': 0, 'worker': 5}]")},
	{VM1 "/queue[id='2']", ALL, 0, false, NULL, ERR_MISSING, "does not exist"},
	{BR0 "/static-mac", ALL, 0, false, BRIDGE(", 'static-mac': []")},
	{ROOT "/system", ALL, 0, false,
		"{'vswitch:vswitch': {'system': {'description': 'lab', 'version': '1.2.3'}}}"},
	{ROOT "/system/version", ALL, 0, false,
		"{'vswitch:vswitch': {'system': {'version': '1.2.3'}}}"},
	{ROOT "/system/memory", ALL, 0, false, "{'vswitch:vswitch': {'system': {'memory': {}}}}"},
	/* the FDB comes only when it is asked for, and whole */
	{BR0 "/fdb", ALL, 0, false,
		BRIDGE(", 'fdb': [{'mac': '52:54:00:00:00:00', 'vlan': 0, 'port': 'br0'},"
		       "{'mac': '52:54:00:00:00:01', 'vlan': 0, 'port': 'br0'}]")},
	{BR0 "/fdb[mac='52:54:00:00:00:00'][vlan='0']", ALL, 0, false, NULL, ERR_MISSING,
		"read as a whole"},
	{ROOT "/bridge[name='br1']/fdb", ALL, 0, false, NULL, ERR_MISSING, "there is no bridge"},
	{"/port", ALL, 0, false, NULL, ERR_UNKNOWN, "did you mean"},
};

static void start_with(struct backend *backend) ON_MAIN;

static void
start_with(struct backend *backend)
{
	backend_start(backend, NULL);
	do_op(backend, "replace", "/", start);
	backend->fdb_size = 2;
}

static void
test_table(void **state)
{
	struct backend b = {0};

	role_enter(&role_main);
	start_with(&b);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ds_get_options options = {
			.path = cases[i].path,
			.content = cases[i].content,
			.depth = cases[i].depth,
			.with_defaults = cases[i].with_defaults,
		};
		struct err err = ERR_INIT;
		json_t *out = NULL;

		if (cases[i].shows != NULL) {
			expect_get(&b, options, cases[i].shows);
			continue;
		}
		if (ds_get(b.ds, &options, &out, &err) != err_errno(cases[i].kind) ||
			strstr(err.text, cases[i].says) == NULL) {
			fail_msg("%s: %s", cases[i].path, err.text);
		}
		assert_null(out);
	}
	backend_stop(&b);
	role_leave(&role_main);
}

static void
test_pages(void **state)
{
	struct ds_get_options options = {.path = BR0 "/fdb", .page = {.limit = 100}};
	struct backend b = {0};
	char after[sizeof(options.page.next)];
	size_t n = 0;
	int pages = 0;

	role_enter(&role_main);
	start_with(&b);
	b.fdb_size = 250;
	do {
		json_t *out;
		json_t *fdb;

		assert_int_equal(ds_get(b.ds, &options, &out, NULL), 0);
		assert_int_equal(
			json_unpack(out, "{s{s[{so}]}}", "vswitch:vswitch", "bridge", "fdb", &fdb),
			0);
		n += json_array_size(fdb);
		json_decref(out);
		(void)str_copy(after, options.page.next, sizeof(after));
		options.page.after = after;
		pages++;
	} while (str_given(after));
	assert_int_equal(n, 250);
	assert_int_equal(pages, 3);
	backend_stop(&b);
	role_leave(&role_main);
}

/* State is asked from the backend only when it can be shown. */
static void
test_state_calls(void **state)
{
	static const struct {
		const char *path;
		enum ds_content content;
		unsigned int depth;
		size_t calls;
		const char *member;
	} calls[] = {
		{NULL, ALL, 0, 4, ""},
		{NULL, CONFIG, 0, 0, "-"},
		{NULL, ALL, 1, 0, "-"},
		{ROOT "/port", ALL, 0, 2, ""},
		{VM1, ALL, 0, 1, ""},
		{VM1 "/mtu", ALL, 0, 0, "-"},
		{VM1 "/statistics", ALL, 0, 1, "statistics"},
		{VM1 "/statistics/drops", ALL, 0, 1, "statistics"},
		{BR0 "/fdb", ALL, 0, 0, "-"},
	};
	struct backend b = {0};

	role_enter(&role_main);
	start_with(&b);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		struct ds_get_options options = {
			.path = calls[i].path,
			.content = calls[i].content,
			.depth = calls[i].depth,
		};
		json_t *out;

		b.n_state = 0;
		(void)str_copy(b.member, "-", sizeof(b.member));
		assert_int_equal(ds_get(b.ds, &options, &out, NULL), 0);
		assert_int_equal(b.n_state, calls[i].calls);
		assert_string_equal(b.member, calls[i].member);
		json_decref(out);
	}
	backend_stop(&b);
	role_leave(&role_main);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_state_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
