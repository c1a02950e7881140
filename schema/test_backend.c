/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/test_backend.h"

#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "schema/jx.h"

/* --- the backend ---------------------------------------------------------------------------- */

static void
note(struct backend *backend, const char *what)
{
	jx_append(backend->log, jx_string(what));
}

static void
end_call(struct backend *backend, struct ds_txn *txn, int rc)
{
	struct err err = ERR_INIT;

	if (backend->slow) {
		assert_null(backend->held);
		backend->held = txn;
		backend->held_rc = rc;
		return;
	}
	if (rc != 0) {
		(void)err_set(&err, ERR_FAILED, "/somewhere", "the device is on fire");
	}
	txn->done(txn, rc, &err);
}

static int
test_validate(void *ctx, const struct ds_txn *txn, struct err *err)
{
	struct backend *backend = ctx;

	note(backend, txn->loading ? "validate-loading" : "validate");
	(void)usleep(backend->validate_us);
	return backend->refuse_validate
		? err_set(err, ERR_IN_USE, "/here", "two ports have one socket")
		: 0;
}

static void
test_prepare(void *ctx, struct ds_txn *txn)
{
	static const char *const ops[] = {"create", "modify", "delete"};
	struct backend *backend = ctx;
	char text[256];

	note(backend, "prepare");
	for (size_t i = 0; i < txn->n_changes; i++) {
		const struct ds_change *change = &txn->changes[i];

		assert_true((change->op == DS_CREATE) == (change->before == NULL));
		assert_true((change->op == DS_DELETE) == (change->after == NULL));
		(void)snprintf(
			text, sizeof(text), "%s %s %s", ops[change->op], change->list, change->key);
		note(backend, text);
	}
	txn->prepared = backend;
	end_call(backend, txn, backend->refuse_prepare ? -EIO : 0);
}

static void
test_apply(void *ctx, struct ds_txn *txn)
{
	struct backend *backend = ctx;

	note(backend, "apply");
	assert_ptr_equal(txn->prepared, backend);
	end_call(backend, txn, 0);
}

static void
test_abort(void *ctx, struct ds_txn *txn)
{
	note(ctx, "abort");
	end_call(ctx, txn, 0);
}

static void
test_state(void *ctx, const char *list, const char *key, const char *member, json_t *entry)
{
	struct backend *backend = ctx;
	json_t *statistics;

	backend->n_state++;
	(void)str_copy(backend->member, member == NULL ? "" : member, sizeof(backend->member));
	if (strcmp(list, "system") == 0) {
		jx_set(entry, "version", jx_string("1.2.3"));
		return;
	}
	statistics = jx_sub_object(entry, "statistics");
	if (strcmp(list, "bridge") == 0) {
		jx_set(entry, "fdb-entries", jx_integer(7));
		jx_set(entry, "fdb", json_pack("[{}]")); /* wrong of a backend; never shown */
		jx_set(statistics, "learned", jx_string("9"));
		return;
	}
	jx_set(entry, "oper-status", jx_string("up"));
	jx_set(statistics, "rx-packets", jx_string("11"));
	jx_set(jx_sub_object(statistics, "drops"), "runt", jx_string("1"));
	jx_set(entry, "queue", jx_array());
	for (int id = 1; id >= 0; id--) {
		json_t *queue = jx_object();

		jx_set(queue, "id", jx_integer(id));
		jx_set(queue, "worker", jx_integer(5));
		jx_append(json_object_get(entry, "queue"), queue);
	}
}

static int
test_page(void *ctx, const char *list, const char *key, const char *child, struct ds_page *page,
	json_t **entries, struct err *err)
{
	struct backend *backend = ctx;
	size_t from = page->after == NULL ? 0 : (size_t)atoi(page->after);

	assert_string_equal(list, "bridge");
	assert_string_equal(child, "fdb");
	*entries = jx_array();
	for (size_t i = from; i < backend->fdb_size && i < from + page->limit; i++) {
		json_t *entry = jx_object();
		char mac[32];

		(void)snprintf(mac, sizeof(mac), "52:54:00:00:%02zx:%02zx", i / 256, i % 256);
		jx_set(entry, "mac", jx_string(mac));
		jx_set(entry, "vlan", jx_integer(0));
		jx_set(entry, "port", jx_string(key));
		jx_append(*entries, entry);
	}
	if (from + page->limit < backend->fdb_size) {
		(void)snprintf(page->next, sizeof(page->next), "%zu", from + page->limit);
	}
	return 0;
}

const struct ds_backend_ops backend_ops = {
	.validate = test_validate,
	.prepare = test_prepare,
	.apply = test_apply,
	.abort = test_abort,
	.state = test_state,
	.page = test_page,
};

const struct ds_author backend_author = {.user = "alice", .from = "test"};

static void
on_revised(void *ctx, const json_t *record)
{
	struct backend *backend = ctx;

	json_decref(backend->revised);
	backend->revised = jx_copy(record);
	backend->n_revised++;
}

void
backend_start(struct backend *backend, const char *file)
{
	struct ds_options options = {
		.file = file,
		.ops = &backend_ops,
		.ctx = backend,
		.revised = on_revised,
		.revised_ctx = backend,
		.threads = backend->threads,
	};
	struct outcome outcome = {0};
	struct err err = ERR_INIT;

	if (backend->log == NULL) {
		backend->log = jx_array();
	}
	if (ds_create(&options, &backend->ds, &err) != 0) {
		fail_msg("ds_create: %s", err.text);
	}
	ds_load(backend->ds, outcome_done, &outcome);
	if (outcome.rc != 0) {
		fail_msg("ds_load: %s: %s", outcome.err.path, outcome.err.text);
	}
	assert_int_equal(outcome.calls, 1);
	outcome_clear(&outcome);
}

void
backend_stop(struct backend *backend)
{
	ds_destroy(backend->ds);
	json_decref(backend->log);
	json_decref(backend->revised);
	backend->revised = NULL;
	backend->ds = NULL;
	backend->log = NULL;
}

void
backend_settle(struct backend *backend)
{
	uint64_t later = 2 * STORE_QUIET_NS;

	while (store_dirty(backend->ds->store)) {
		(void)ds_step(backend->ds, clock_now() + later);
		(void)usleep(200);
		later += STORE_QUIET_NS;
	}
}

void
backend_wait(struct backend *backend, const struct outcome *outcome)
{
	struct pollfd woken = {.fd = ds_wake_fd(backend->ds), .events = POLLIN};

	while (woken.fd >= 0 && outcome->calls == 0) {
		(void)poll(&woken, 1, -1);
		(void)ds_step(backend->ds, clock_now());
	}
}

void
backend_continue(struct backend *backend)
{
	struct ds_txn *txn = backend->held;
	struct err err = ERR_INIT;

	assert_non_null(txn);
	backend->held = NULL;
	if (backend->held_rc != 0) {
		(void)err_set(&err, ERR_FAILED, "/somewhere", "the device is on fire");
	}
	txn->done(txn, backend->held_rc, &err);
}

char *
backend_log(struct backend *backend)
{
	size_t size = 64 * (json_array_size(backend->log) + 1);
	char *text = calloc(1, size);
	json_t *line;
	size_t i;

	json_array_foreach (backend->log, i, line) {
		(void)str_appendf(text, size, "%s%s", i == 0 ? "" : "; ", json_string_value(line));
	}
	(void)json_array_clear(backend->log);
	return text;
}

/* --- short ways ----------------------------------------------------------------------------- */

void
outcome_done(void *arg, int rc, const json_t *result, const struct err *err)
{
	struct outcome *outcome = arg;

	outcome->calls++;
	outcome->rc = rc;
	outcome->err = *err;
	json_decref(outcome->result);
	outcome->result = json_incref((json_t *)(uintptr_t)result);
}

void
outcome_clear(struct outcome *outcome)
{
	json_decref(outcome->result);
	memset(outcome, 0, sizeof(*outcome));
}

json_t *
json_of(const char *text)
{
	char *copy = str_dup(text);
	json_error_t fault;
	json_t *json;

	for (char *p = copy; *p != '\0'; p++) {
		if (*p == '\'') {
			*p = '"';
		} else if (*p == '`') {
			*p = '\''; /* the quote within a path */
		}
	}
	json = json_loads(copy, JSON_DECODE_ANY, &fault);
	if (json == NULL) {
		fail_msg("%s in %s", fault.text, copy);
	}
	free(copy);
	return json;
}

void
edit_f(struct backend *backend, struct outcome *outcome, const char *fmt, ...)
{
	json_t *params;
	va_list ap;
	char *text;

	va_start(ap, fmt);
	assert_true(vasprintf(&text, fmt, ap) >= 0);
	va_end(ap);
	params = json_of(text);
	free(text);
	outcome_clear(outcome);
	ds_edit(backend->ds, params, &backend_author, outcome_done, outcome);
	json_decref(params);
}

void
rollback_f(struct backend *backend, struct outcome *outcome, const char *text)
{
	json_t *params = json_of(text);

	outcome_clear(outcome);
	ds_rollback(backend->ds, params, &backend_author, outcome_done, outcome);
	json_decref(params);
}

void
confirm_f(struct backend *backend, struct outcome *outcome)
{
	outcome_clear(outcome);
	ds_confirm(backend->ds, &backend_author, outcome_done, outcome);
}

void
expect_refusal(struct outcome *outcome, enum err_kind kind, const char *text)
{
	assert_int_equal(outcome->calls, 1);
	if (outcome->rc != err_errno(kind) || outcome->err.kind != kind ||
		strstr(outcome->err.text, text) == NULL) {
		fail_msg("got %d, %s: %s", outcome->rc, err_tag(outcome->err.kind),
			outcome->err.text);
	}
	outcome_clear(outcome);
}

void
expect_revision(struct outcome *outcome, unsigned int revision)
{
	if (outcome->calls != 1 || outcome->rc != 0) {
		fail_msg("%d calls, %d, %s: %s", outcome->calls, outcome->rc, outcome->err.path,
			outcome->err.text);
	}
	assert_int_equal(
		json_integer_value(json_object_get(outcome->result, "revision")), revision);
	outcome_clear(outcome);
}

static void op(struct backend *backend, struct outcome *outcome, const char *name, const char *path,
	const char *value) ON_MAIN;

static void
op(struct backend *backend, struct outcome *outcome, const char *name, const char *path,
	const char *value)
{
	json_t *params = json_pack("{s[{ss ss}]}", "edits", "op", name, "path", path);

	if (value != NULL) {
		jx_set(json_array_get(json_object_get(params, "edits"), 0), "value",
			json_of(value));
	}
	ds_edit(backend->ds, params, &backend_author, outcome_done, outcome);
	backend_wait(backend, outcome);
	assert_int_equal(outcome->calls, 1);
	json_decref(params);
}

void
do_op(struct backend *backend, const char *name, const char *path, const char *value)
{
	struct outcome outcome = {0};
	struct err err = ERR_INIT;

	op(backend, &outcome, name, path, value);
	if (outcome.rc != 0) {
		fail_msg("%s %s: %s: %s", name, path, outcome.err.path, outcome.err.text);
	}
	if (ds_validate_full(backend->ds, &err) != 0) {
		fail_msg("%s %s: %s", name, path, err.text);
	}
	outcome_clear(&outcome);
}

void
no_op(struct backend *backend, const char *name, const char *path, const char *value,
	enum err_kind kind, const char *err_path, const char *text)
{
	struct outcome outcome = {0};

	op(backend, &outcome, name, path, value);
	if (outcome.rc == 0) {
		fail_msg("%s %s %s was not refused", name, path, value == NULL ? "" : value);
	}
	if (outcome.err.kind != kind || outcome.rc != err_errno(kind) ||
		strstr(outcome.err.text, text) == NULL ||
		(err_path != NULL && strcmp(outcome.err.path, err_path) != 0)) {
		fail_msg("%s %s %s: got %s at '%s': %s", name, path, value == NULL ? "" : value,
			err_tag(outcome.err.kind), outcome.err.path, outcome.err.text);
	}
	outcome_clear(&outcome);
}

void
expect_get(struct backend *backend, struct ds_get_options options, const char *json)
{
	json_t *wanted = json_of(json);
	struct err err = ERR_INIT;
	json_t *got = NULL;

	if (ds_get(backend->ds, &options, &got, &err) != 0) {
		fail_msg("get %s: %s: %s", options.path, err.path, err.text);
	}
	if (!json_equal(got, wanted)) {
		fail_msg("get %s: got %s, wanted %s", options.path, json_dumps(got, JSON_COMPACT),
			json_dumps(wanted, JSON_COMPACT));
	}
	json_decref(got);
	json_decref(wanted);
}

/* --- folders -------------------------------------------------------------------------------- */

void
make_folder(char *buf, size_t size)
{
	const char *base = getenv("TMPDIR");

	(void)snprintf(buf, size, "%s/vswitch-test-XXXXXX", base == NULL ? "/tmp" : base);
	assert_non_null(mkdtemp(buf));
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

void
remove_folder(const char *path)
{
	(void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
