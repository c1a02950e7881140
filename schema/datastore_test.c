/* SPDX-License-Identifier: BSD-3-Clause */
/* Transactions: order of changes, all or nothing, continuations, the queue, revisions. */
#include "schema/datastore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schema/jx.h"
#include "schema/test_backend.h"

#define ROOT "/vswitch:vswitch"
#define VM1 ROOT "/port[name='vm1']"
#define BR0 ROOT "/bridge[name='br0']"

static const struct ds_get_options config = {.content = DS_CONTENT_CONFIG};

static void
expect_log(struct backend *backend, const char *wanted)
{
	char *log = backend_log(backend);

	assert_string_equal(log, wanted);
	free(log);
}

/* Result of the last edit as one line, with ' for ". */
static void
expect_result(struct outcome *outcome, const char *wanted)
{
	json_t *json = json_of(wanted);

	if (outcome->rc != 0) {
		fail_msg("%s: %s", outcome->err.path, outcome->err.text);
	}
	assert_int_equal(outcome->calls, 1);
	if (!json_equal(outcome->result, json)) {
		fail_msg("got %s", json_dumps(outcome->result, JSON_COMPACT));
	}
	json_decref(json);
	outcome_clear(outcome);
}

static void
test_create_edit_delete(void **state)
{
	struct backend b = {0};
	struct outcome o = {0};

	role_enter(&role_main);
	backend_start(&b, NULL);
	edit_f(&b, &o,
		"{'edits': [{'op': 'create', 'path': '" ROOT "/bridge[name=`br0`]'},"
		"{'op': 'create', 'path': '" ROOT "/port[name=`vm1`]', 'value':"
		"{'type': 'vhost-user', 'bridge': 'br0'}}]}");
	expect_result(&o,
		"{'changes': [{'op': 'create', 'path': '/vswitch:vswitch/bridge[name=`br0`]'},"
		"{'op': 'create', 'path': '/vswitch:vswitch/port[name=`vm1`]'}], 'revision': 1}");
	expect_log(&b, "validate; prepare; create bridge br0; create port vm1; apply");
	expect_get(&b, config,
		"{'vswitch:vswitch': {'bridge': [{'name': 'br0'}],"
		"'port': [{'name': 'vm1', 'type': 'vhost-user', 'bridge': 'br0'}]}}");
	do_op(&b, "replace", VM1 "/mtu", "9000");
	expect_log(&b, "validate; prepare; modify port vm1; apply");
	do_op(&b, "delete", VM1, NULL);
	expect_log(&b, "validate; prepare; delete port vm1; apply");
	expect_get(&b, config, "{'vswitch:vswitch': {'bridge': [{'name': 'br0'}]}}");
	assert_int_equal(ds_revision(b.ds), 3);
	backend_stop(&b);
	role_leave(&role_main);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_edit_delete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
