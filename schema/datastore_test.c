/* SPDX-License-Identifier: BSD-3-Clause */
/* Transactions: order of changes, all or nothing, continuations, the queue, revisions. */
#include "schema/datastore.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "schema/jx.h"
#include "schema/test_backend.h"

#define ROOT "/vswitch:vswitch"
#define VM1 ROOT "/port[name='vm1']"
#define BR0 ROOT "/bridge[name='br0']"
/* The same within JSON that is written with ' for ". */
#define J_VM1 ROOT "/port[name=`vm1`]"
#define J_BR0 ROOT "/bridge[name=`br0`]"

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

/* Deletes, creates, modifies; bridges before ports, and after them when they go. */
static void
test_order(void **state)
{
	struct backend b = {0};
	struct outcome o = {0};

	role_enter(&role_main);
	backend_start(&b, NULL);
	do_op(&b, "merge", ROOT,
		"{'bridge': [{'name': 'br0'}, {'name': 'br1'}], 'port': ["
		"{'name': 'a', 'type': 'tap', 'bridge': 'br0'},"
		"{'name': 'b', 'type': 'tap', 'bridge': 'br0'}]}");
	free(backend_log(&b));
	edit_f(&b, &o,
		"{'edits': [{'op': 'merge', 'path': '" ROOT
		"/system', 'value': {'description': 'x'}},"
		"{'op': 'create', 'path': '" ROOT "/port[name=`c`]', 'value':"
		"{'type': 'tap', 'bridge': 'br2'}},"
		"{'op': 'merge', 'path': '" ROOT "/port[name=`b`]/bridge', 'value': 'br1'},"
		"{'op': 'merge', 'path': '" ROOT "/bridge[name=`br1`]/aging-time', 'value': 0},"
		"{'op': 'delete', 'path': '" ROOT "/bridge[name=`br0`]'},"
		"{'op': 'create', 'path': '" ROOT "/bridge[name=`br2`]'},"
		"{'op': 'delete', 'path': '" ROOT "/port[name=`a`]'}]}");
	expect_log(&b,
		"validate; prepare; delete port a; delete bridge br0; create bridge br2; "
		"create port c; modify system ; modify bridge br1; modify port b; apply");
	outcome_clear(&o);
	backend_stop(&b);
	role_leave(&role_main);
}

/* Only what differs in the end is a change; the strictest leaf decides what it does to a port. */
static void
test_net_changes(void **state)
{
	struct backend b = {0};
	struct outcome o = {0};

	role_enter(&role_main);
	backend_start(&b, NULL);
	do_op(&b, "create", VM1, "{'type': 'tap', 'trunk': ['2', '1']}");
	free(backend_log(&b));
	/* created and deleted; set and set back; set to what it was */
	edit_f(&b, &o,
		"{'edits': [{'op': 'create', 'path': '" J_BR0 "'}, {'op': 'delete', 'path': '" J_BR0
		"'}, {'op': 'merge', 'path': '" J_VM1 "/ifname', 'value': 'x'},"
		"{'op': 'remove', 'path': '" J_VM1 "/ifname'},"
		"{'op': 'replace', 'path': '" J_VM1 "/trunk', 'value': ['1', '2']}]}");
	expect_result(&o, "{'changes': [], 'revision': 1}");
	expect_log(&b, "");
	/* live alone, with restart-port, with recreate */
	edit_f(&b, &o, "{'edits': [{'op': 'merge', 'path': '" J_VM1 "/mtu', 'value': 68}]}");
	expect_result(&o,
		"{'changes': [{'op': 'modify', 'path': '/vswitch:vswitch/port"
		"[name=`vm1`]', 'apply': 'live', 'before': {}, 'after': {'mtu': 68}}],"
		"'revision': 2}");
	edit_f(&b, &o,
		"{'edits': [{'op': 'merge', 'path': '" J_VM1 "',"
		"'value': {'mtu': 69, 'queues': 2}}]}");
	expect_result(&o,
		"{'changes': [{'op': 'modify', 'path': '/vswitch:vswitch/port"
		"[name=`vm1`]', 'apply': 'restart-port', 'before': {'mtu': 68},"
		"'after': {'mtu': 69, 'queues': 2}}], 'revision': 3}");
	edit_f(&b, &o,
		"{'edits': [{'op': 'merge', 'path': '" J_VM1 "',"
		"'value': {'queues': 1, 'type': 'null'}}]}");
	expect_result(&o,
		"{'changes': [{'op': 'modify', 'path': '/vswitch:vswitch/port"
		"[name=`vm1`]', 'apply': 'recreate', 'before': {'queues': 2, 'type': 'tap'},"
		"'after': {'queues': 1, 'type': 'null'}}], 'revision': 4}");
	/* a dry run says it of each leaf, also where only the default is written down */
	edit_f(&b, &o,
		"{'dry-run': true, 'edits': [{'op': 'merge', 'path': '" J_VM1 "',"
		"'value': {'queues': 2, 'enabled': true}}]}");
	expect_result(&o,
		"{'changes': [{'op': 'modify', 'path': '/vswitch:vswitch/port"
		"[name=`vm1`]', 'apply': 'restart-port', 'leaves': {'queues': 'restart-port',"
		"'enabled': 'live'}, 'before': {'queues': 1},"
		"'after': {'queues': 2, 'enabled': true}}], 'revision': 4, 'dry-run': true}");
	/* deleted and created again, with another type, is modified */
	free(backend_log(&b));
	edit_f(&b, &o,
		"{'edits': [{'op': 'delete', 'path': '" J_VM1 "'},"
		"{'op': 'create', 'path': '" J_VM1 "', 'value': {'type': 'fake'}}]}");
	outcome_clear(&o);
	expect_log(&b, "validate; prepare; modify port vm1; apply");
	backend_stop(&b);
	role_leave(&role_main);
}

static void
test_dry_run_and_base(void **state)
{
	struct backend b = {0};
	struct outcome o = {0};

	role_enter(&role_main);
	backend_start(&b, NULL);
	edit_f(&b, &o, "{'dry-run': true, 'edits': [{'op': 'create', 'path': '" J_BR0 "'}]}");
	expect_result(&o,
		"{'changes': [{'op': 'create', 'path': '/vswitch:vswitch/bridge"
		"[name=`br0`]'}], 'revision': 0, 'dry-run': true}");
	expect_log(&b, "validate");
	expect_get(&b, config, "{'vswitch:vswitch': {}}");
	edit_f(&b, &o,
		"{'base-revision': 0, 'comment': 'first',"
		"'edits': [{'op': 'create', 'path': '" J_BR0 "'}]}");
	assert_int_equal(o.rc, 0);
	edit_f(&b, &o, "{'base-revision': 0, 'edits': []}");
	assert_int_equal(o.rc, err_errno(ERR_CONFLICT));
	assert_non_null(strstr(o.err.text, "at revision 1 by alice (test), 2"));
	assert_non_null(strstr(o.err.text, "Z, not at base-revision 0; read it again"));
	edit_f(&b, &o, "{'base-revision': 1, 'edits': []}");
	expect_result(&o, "{'changes': [], 'revision': 1}");
	backend_stop(&b);
	role_leave(&role_main);
}

/* Many operations, the last one wrong: nothing of them stays. */
static void
test_all_or_nothing(void **state)
{
	struct backend b = {0};
	struct outcome o = {0};

	role_enter(&role_main);
	backend_start(&b, NULL);
	do_op(&b, "create", BR0, NULL);
	free(backend_log(&b));
	edit_f(&b, &o,
		"{'edits': [{'op': 'create', 'path': '" J_VM1 "', 'value': {'type': 'tap'}},"
		"{'op': 'merge', 'path': '" J_BR0 "/aging-time', 'value': 20},"
		"{'op': 'merge', 'path': '" J_VM1 "/mtu', 'value': 1}]}");
	assert_int_equal(o.rc, -EINVAL);
	assert_string_equal(o.err.path, VM1 "/mtu");
	expect_log(&b, "");
	b.refuse_validate = true;
	no_op(&b, "create", VM1, "{'type': 'tap'}", ERR_IN_USE, "/here", "one socket");
	expect_log(&b, "validate");
	b.refuse_validate = false;
	b.refuse_prepare = true;
	no_op(&b, "create", VM1, "{'type': 'tap'}", ERR_FAILED, "/somewhere", "on fire");
	expect_log(&b, "validate; prepare; create port vm1; abort");
	b.refuse_prepare = false;
	expect_get(&b, config, "{'vswitch:vswitch': {'bridge': [{'name': 'br0'}]}}");
	assert_int_equal(ds_revision(b.ds), 1);
	/* the index of references is back where it was, too */
	do_op(&b, "delete", BR0, NULL);
	outcome_clear(&o);
	backend_stop(&b);
	role_leave(&role_main);
}

/* A backend that takes its time: nobody sees a change before it is committed; edits queue up. */
static void
test_slow_backend(void **state)
{
	struct backend b = {0};
	struct outcome first = {0};
	struct outcome second = {0};
	struct outcome third = {0};

	role_enter(&role_main);
	backend_start(&b, NULL);
	b.slow = true;
	edit_f(&b, &first, "{'edits': [{'op': 'create', 'path': '" J_BR0 "'}]}");
	edit_f(&b, &second,
		"{'base-revision': 1, 'edits': [{'op': 'create', 'path': '" J_VM1
		"', 'value': {'type': 'tap', 'bridge': 'br0'}}]}");
	edit_f(&b, &third, "{'edits': [{'op': 'create', 'path': '" J_BR0 "'}]}");
	assert_int_equal(first.calls + second.calls + third.calls, 0);
	assert_true(ds_busy(b.ds));
	expect_log(&b, "validate; prepare; create bridge br0");
	expect_get(&b, config, "{'vswitch:vswitch': {}}");
	backend_continue(&b); /* first is prepared */
	expect_log(&b, "apply");
	expect_get(&b, config, "{'vswitch:vswitch': {'bridge': [{'name': 'br0'}]}}");
	assert_int_equal(first.calls, 0);
	backend_continue(&b); /* first is applied */
	assert_int_equal(first.calls, 1);
	assert_int_equal(first.rc, 0);
	/* second was read against revision 1, which did not exist when it came */
	expect_log(&b, "validate; prepare; create port vm1");
	b.held_rc = -EIO;
	backend_continue(&b); /* second fails to prepare */
	expect_log(&b, "abort");
	assert_int_equal(second.calls, 0);
	backend_continue(&b); /* second is undone; third needs no backend */
	assert_int_equal(second.calls, 1);
	assert_int_equal(second.rc, -EIO);
	assert_int_equal(third.calls, 1);
	assert_int_equal(third.rc, err_errno(ERR_EXISTS));
	assert_false(ds_busy(b.ds));
	outcome_clear(&first);
	outcome_clear(&second);
	outcome_clear(&third);
	backend_stop(&b);
	role_leave(&role_main);
}

static void
test_queue_limit(void **state)
{
	struct backend b = {0};
	struct outcome first = {0};
	struct outcome waiting = {0};
	struct outcome late = {0};
	json_t *params = json_of("{'edits': []}");

	role_enter(&role_main);
	backend_start(&b, NULL);
	b.slow = true;
	edit_f(&b, &first, "{'edits': [{'op': 'create', 'path': '" J_BR0 "'}]}");
	for (int i = 0; i < DS_QUEUE_MAX; i++) {
		ds_edit(b.ds, params, NULL, outcome_done, &waiting);
	}
	assert_int_equal(waiting.calls, 0);
	ds_edit(b.ds, params, NULL, outcome_done, &late);
	assert_int_equal(late.rc, err_errno(ERR_LIMIT));
	/* A dry run waits for nobody, and sees what is committed. */
	edit_f(&b, &late, "{'dry-run': true, 'edits': [{'op': 'create', 'path': '" J_BR0 "'}]}");
	expect_result(&late,
		"{'changes': [{'op': 'create', 'path': '/vswitch:vswitch/bridge[name=`br0`]'}],"
		"'revision': 0, 'dry-run': true}");
	backend_continue(&b);
	backend_continue(&b);
	assert_int_equal(waiting.calls, DS_QUEUE_MAX);
	json_decref(params);
	outcome_clear(&first);
	outcome_clear(&waiting);
	outcome_clear(&late);
	backend_stop(&b);
	role_leave(&role_main);
}

/* Who may edit when it is queued, and no more when its turn comes. */
static int
may_not(void *arg, struct err *err)
{
	return err_set(err, ERR_DENIED, NULL, "%s", arg == NULL ? "" : "not any more");
}

static void
test_asked_again(void **state)
{
	const struct ds_author author = {.user = "eve", .from = "test", .may = may_not};
	struct backend b = {0};
	struct outcome first = {0};
	struct outcome second = {0};
	struct outcome third = {0};
	json_t *params = json_of("{'edits': [{'op': 'delete', 'path': '" J_BR0 "'}]}");

	role_enter(&role_main);
	backend_start(&b, NULL);
	b.slow = true;
	edit_f(&b, &first, "{'edits': [{'op': 'create', 'path': '" J_BR0 "'}]}");
	ds_edit(b.ds, params, &author, outcome_done, &second);
	ds_rollback(b.ds, NULL, &author, outcome_done, &third);
	assert_int_equal(second.calls + third.calls, 0);
	backend_continue(&b);
	backend_continue(&b);
	expect_revision(&first, 1);
	expect_refusal(&second, ERR_DENIED, "not any more");
	expect_refusal(&third, ERR_DENIED, "not any more");
	ds_confirm(b.ds, &author, outcome_done, &third);
	expect_refusal(&third, ERR_DENIED, "not any more");
	assert_int_equal(ds_revision(b.ds), 1);
	json_decref(params);
	backend_stop(&b);
	role_leave(&role_main);
}

/* Of a long queue main does some; the rest has its turn at the next steps. */
static void
test_slices(void **state)
{
	struct backend b = {0};
	struct outcome first = {0};
	struct outcome waiting = {0};

	role_enter(&role_main);
	backend_start(&b, NULL);
	b.slow = true;
	edit_f(&b, &first, "{'edits': [{'op': 'create', 'path': '" J_BR0 "'}]}");
	for (int i = 0; i < 4; i++) {
		json_t *params = json_pack("{s:[{ss ss s{si}}]}", "edits", "op", "merge", "path",
			BR0, "value", "aging-time", 100 + i);

		ds_edit(b.ds, params, NULL, outcome_done, &waiting);
		json_decref(params);
	}
	b.slow = false;
	b.validate_us = 25000;
	backend_continue(&b);
	for (int i = 1; i < 4; i++) {
		assert_int_equal(waiting.calls, i);
		assert_true(ds_busy(b.ds));
		assert_int_equal(ds_step(b.ds, clock_now()) == 0, i < 3);
	}
	assert_int_equal(waiting.calls, 4);
	assert_false(ds_busy(b.ds));
	outcome_clear(&first);
	outcome_clear(&waiting);
	backend_stop(&b);
	role_leave(&role_main);
}

/* The answer to what has been done is never too long to be given. */
static void
test_long_answer(void **state)
{
	struct backend b = {0};
	struct outcome o = {0};
	char text[256];
	json_t *changes;
	size_t cut = 0;

	role_enter(&role_main);
	backend_start(&b, NULL);
	(void)memset(text, 'x', sizeof(text) - 1);
	for (int round = 0; round < 2; round++) {
		json_t *edits = jx_array();
		json_t *params;

		text[sizeof(text) - 1] = '\0';
		text[0] = (char)('a' + round);
		for (int i = 0; i < 4000; i++) {
			char path[100];

			(void)snprintf(path, sizeof(path), ROOT "/bridge[name='b%d']", i);
			jx_append(edits,
				json_pack("{ss ss s{ss}}", "op", "merge", "path", path, "value",
					"description", text));
		}
		params = json_pack("{so}", "edits", edits);
		ds_edit(b.ds, params, NULL, outcome_done, &o);
		json_decref(params);
		assert_int_equal(o.rc, 0);
	}
	changes = json_object_get(o.result, "changes");
	assert_int_equal(json_array_size(changes), 4000);
	assert_null(json_object_get(o.result, "more"));
	for (size_t i = 0; i < 4000; i++) {
		json_t *change = json_array_get(changes, i);
		bool is_cut = json_is_true(json_object_get(change, "cut"));

		assert_non_null(json_object_get(change, "path"));
		assert_true(is_cut == (json_object_get(change, "before") == NULL));
		assert_true(is_cut == (json_object_get(change, "after") == NULL));
		cut += is_cut;
	}
	assert_true(cut > 1000 && cut < 3000);
	outcome_clear(&o);
	backend_stop(&b);
	role_leave(&role_main);
}

struct chain {
	struct backend *b;
	int left;
	const char *params;
	struct outcome outcome;
};

static void
next_in_chain(void *arg, int rc, const json_t *result, const struct err *err)
{
	struct chain *chain = arg;
	json_t *params;

	role_assert(&role_main);
	assert_int_equal(rc, 0);
	if (chain->left-- > 0) {
		params = json_of(chain->params);
		ds_edit(chain->b->ds, params, NULL, next_in_chain, chain);
		json_decref(params);
	}
}

/* A client that edits again from within its answer does not grow the stack. */
static void
test_edit_within_done(void **state)
{
	struct backend b = {0};
	struct chain chain = {.b = &b, .left = 100000, .params = "{'edits': []}"};

	role_enter(&role_main);
	backend_start(&b, NULL);
	next_in_chain(&chain, 0, NULL, NULL);
	while (ds_busy(b.ds)) {
		(void)ds_step(b.ds, clock_now());
	}
	assert_int_equal(chain.left, -1);
	chain.left = 100000;
	chain.params = "{'edits': [], 'dry-run': true}";
	next_in_chain(&chain, 0, NULL, NULL);
	assert_int_equal(chain.left, -1);
	backend_stop(&b);
	role_leave(&role_main);
}

static void
test_check(void **state)
{
	struct backend b = {0};
	struct err err = ERR_INIT;
	json_t *good = json_of("{'vswitch:vswitch': {'bridge': [{'name': 'br1'}]}}");
	json_t *bad = json_of("{'vswitch:vswitch': {'port': [{'name': 'a', 'type': 'tap',"
			      "'bridge': 'br0'}]}}");

	role_enter(&role_main);
	backend_start(&b, NULL);
	do_op(&b, "create", BR0, NULL);
	assert_int_equal(ds_check(b.ds, good, &err), 0);
	/* br0 is in the running configuration, not in the document */
	assert_int_equal(ds_check(b.ds, bad, &err), err_errno(ERR_MISSING));
	assert_string_equal(err.path, ROOT "/port[name='a']/bridge");
	b.refuse_validate = true;
	assert_int_equal(ds_check(b.ds, good, &err), err_errno(ERR_IN_USE));
	expect_get(&b, config, "{'vswitch:vswitch': {'bridge': [{'name': 'br0'}]}}");
	json_decref(good);
	json_decref(bad);
	backend_stop(&b);
	role_leave(&role_main);
}

/* 10,000 ports in one edit, then one of them changed, moved and all deleted. */
static void
test_many_ports(void **state)
{
	const int n = 10000;
	struct backend b = {0};
	struct outcome o = {0};
	struct err err = ERR_INIT;
	json_t *edits = jx_array();
	json_t *params = json_pack("{so}", "edits", edits);

	role_enter(&role_main);
	backend_start(&b, NULL);
	do_op(&b, "create", BR0, NULL);
	for (int i = 0; i < n; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), ROOT "/port[name='p%d']", i);
		jx_append(edits,
			json_pack("{ss ss s{ss ss si s[s s]}}", "op", "create", "path", path,
				"value", "type", "fake", "bridge", "br0", "mtu", 9000, "trunk", "1",
				"10-20"));
	}
	ds_edit(b.ds, params, NULL, outcome_done, &o);
	assert_int_equal(o.rc, 0);
	assert_int_equal(json_array_size(json_object_get(o.result, "changes")), n);
	no_op(&b, "delete", BR0, NULL, ERR_IN_USE, BR0,
		"has 10000 ports: p0, p1, p2, p3, p4 and 9995 more");
	outcome_clear(&o);
	edit_f(&b, &o,
		"{'edits': [{'op': 'merge', 'path': '" ROOT
		"/port[name=`p77`]/mtu', 'value': 68}]}");
	assert_int_equal(o.rc, 0);
	assert_int_equal(ds_validate_full(b.ds, &err), 0);
	do_op(&b, "delete", ROOT, NULL);
	expect_get(&b, config, "{'vswitch:vswitch': {}}");
	outcome_clear(&o);
	json_decref(params);
	backend_stop(&b);
	role_leave(&role_main);
}

static void
test_too_many_operations(void **state)
{
	struct backend b = {0};
	struct outcome o = {0};
	json_t *edits = jx_array();
	json_t *params = json_pack("{so}", "edits", edits);

	role_enter(&role_main);
	backend_start(&b, NULL);
	for (int i = 0; i <= DS_EDITS_MAX; i++) {
		jx_append(edits, json_null());
	}
	ds_edit(b.ds, params, NULL, outcome_done, &o);
	assert_int_equal(o.rc, err_errno(ERR_LIMIT));
	json_decref(params);
	outcome_clear(&o);
	backend_stop(&b);
	role_leave(&role_main);
}

/* Two datastores in one process know nothing of each other. */
static void
test_two(void **state)
{
	struct backend one = {0};
	struct backend two = {0};

	role_enter(&role_main);
	backend_start(&one, NULL);
	backend_start(&two, NULL);
	do_op(&one, "create", BR0, NULL);
	expect_get(&two, config, "{'vswitch:vswitch': {}}");
	assert_ptr_not_equal(ds_schema_text(one.ds, NULL), NULL);
	assert_ptr_equal(ds_schema_text(one.ds, "vswitch"), ds_schema_text(one.ds, NULL));
	assert_null(ds_schema_text(one.ds, "vwsitch"));
	backend_stop(&one);
	backend_stop(&two);
	role_leave(&role_main);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_edit_delete),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_net_changes),
		cmocka_unit_test(test_dry_run_and_base),
		cmocka_unit_test(test_all_or_nothing),
		cmocka_unit_test(test_slow_backend),
		cmocka_unit_test(test_queue_limit),
		cmocka_unit_test(test_asked_again),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_long_answer),
		cmocka_unit_test(test_edit_within_done),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_many_ports),
		cmocka_unit_test(test_too_many_operations),
		cmocka_unit_test(test_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
