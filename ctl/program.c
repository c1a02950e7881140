/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/program.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "ctl/flow_json.h"
#include "ctl/flow_lines.h"
#include "ctl/flow_text.h"
#include "ctl/params.h"

/* A batch on its way. The rule is large, so there is one, filled again for each op. */
struct batch {
	const struct program_backend *backend;
	json_t *results; /* owned */
	json_t *touched[2]; /* {rules: 0} and {rules: 1}, that nearly all ops have: shared */
	struct flow_rule rule;
};

static json_t *
result_new(uint64_t n)
{
	return json_pack("{s:I}", "rules", (json_int_t)n);
}

/* Hand over batch->rule. */
static int
batch_op(struct batch *batch, struct err *err) ON_MAIN
{
	uint64_t n = 0;
	json_t *result;
	int rc;

	if (json_array_size(batch->results) == PROGRAM_OPS_MAX) {
		return err_set(
			err, ERR_TOO_BIG, NULL, "a request has up to %d rules", PROGRAM_OPS_MAX);
	}
	rc = batch->backend->op(batch->backend->ctx, &batch->rule, &n, err);
	if (rc != 0) {
		return rc;
	}
	result = n < ARRAY_LEN(batch->touched) ? json_incref(batch->touched[n]) : result_new(n);
	(void)json_array_append_new(batch->results, result);
	return 0;
}

/* "match/vlan-id" and "match/vlan-id: 5000: ..." become those of op number i. */
static void
op_blame(struct err *err, size_t i)
{
	struct err whole = {.kind = err->kind};
	size_t len = strlen(err->path);
	bool named = len > 0 && strncmp(err->text, err->path, len) == 0 && err->text[len] == ':';

	(void)snprintf(whole.path, sizeof(whole.path), "ops/%zu%s%.*s", i, len > 0 ? "/" : "",
		ERR_PATH_SIZE - 32, err->path);
	(void)snprintf(whole.text, sizeof(whole.text), "ops/%zu%s%.*s", i, named ? "/" : ": ",
		ERR_TEXT_SIZE - 32, err->text);
	*err = whole;
}

static int
run_ops(struct batch *batch, const json_t *ops, struct err *err) ON_MAIN
{
	size_t n = json_array_size(ops);
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = flow_json_read(json_array_get(ops, i), &batch->rule, err);
		rc = rc != 0 ? rc : batch_op(batch, err);
		if (rc != 0) {
			op_blame(err, i);
		}
	}
	return rc;
}

/* "column 5: ..." becomes "line 18, column 5: ...". */
static void
line_blame(struct err *err, size_t number, struct flow_slice line)
{
	struct err whole = {.kind = err->kind};
	size_t column = err->path[0] == '\0' ? 0 : flow_line_column(line, err->path);

	if (column > 0) {
		(void)snprintf(whole.text, sizeof(whole.text), "line %zu, column %zu: %.*s", number,
			column, ERR_TEXT_SIZE - 64, err->text);
	} else {
		(void)snprintf(whole.text, sizeof(whole.text), "line %zu%s%.*s", number,
			strncmp(err->text, "column ", 7) == 0 ? ", " : ": ", ERR_TEXT_SIZE - 64,
			err->text);
	}
	*err = whole;
}

static int
run_text(struct batch *batch, const json_t *text, struct err *err) ON_MAIN
{
	struct flow_lines lines = flow_lines_of(json_string_value(text), json_string_length(text));
	struct flow_slice line;
	int rc = 0;

	while (rc == 0 && flow_lines_next(&lines, &line)) {
		rc = flow_text_parse_op(line.at, line.len, &batch->rule, err);
		rc = rc != 0 ? rc : batch_op(batch, err);
		if (rc != 0) {
			line_blame(err, lines.number, line);
		}
	}
	return rc;
}

/* All of the request between begin and commit or abort. */
static int
run_batch(struct batch *batch, const json_t *params, struct err *err) ON_MAIN
{
	const struct program_backend *backend = batch->backend;
	const json_t *ops = json_object_get(params, "ops");
	int rc = backend->begin(
		backend->ctx, json_string_value(json_object_get(params, "bridge")), err);

	if (rc != 0) {
		return rc;
	}
	rc = ops != NULL ? run_ops(batch, ops, err)
			 : run_text(batch, json_object_get(params, "text"), err);
	if (rc != 0 || json_is_true(json_object_get(params, "dry-run"))) {
		backend->abort(backend->ctx);
	} else {
		backend->commit(backend->ctx);
	}
	return rc;
}

static int
no_backend(struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, NULL, "this daemon has no flow tables");
}

static int
run_params(const json_t *params, struct err *err)
{
	static const struct param table[] = {
		{"bridge", PARAM_STRING, .required = true},
		{"ops", PARAM_ARRAY},
		{"text", PARAM_STRING},
		{"dry-run", PARAM_BOOL},
		{NULL},
	};
	int rc = params_check(params, table, "program", err);

	if (rc == 0 &&
		(json_object_get(params, "ops") == NULL) ==
			(json_object_get(params, "text") == NULL)) {
		rc = err_set(err, ERR_MALFORMED, NULL,
			"program needs either the param 'ops' or the param 'text'");
	}
	return rc;
}

void
program_run(const struct program_backend *backend, struct rpc_call *call, json_t *params)
{
	struct err err = ERR_INIT;
	struct batch batch;
	int rc;

	if (run_params(params, &err) != 0) {
		rpc_call_fail(call, RPC_INVALID_PARAMS, err.text);
		return;
	}
	if (backend == NULL) {
		(void)no_backend(&err);
		rpc_call_refuse(call, &err);
		return;
	}
	batch.backend = backend;
	batch.results = json_array();
	batch.touched[0] = result_new(0);
	batch.touched[1] = result_new(1);
	rc = run_batch(&batch, params, &err);
	if (rc == 0) {
		rpc_call_reply(call, json_pack("{s:O}", "results", batch.results));
	} else {
		rpc_call_refuse(call, &err);
	}
	json_decref(batch.results);
	json_decref(batch.touched[0]);
	json_decref(batch.touched[1]);
}

/* ---- flows ---- */

struct page {
	json_t *flows;
	size_t limit;
	size_t words;
	bool full; /* and there is more */
	bool no_memory;
	char next[256]; /* the place of the last rule */
};

static json_t *
statistics_new(const struct program_counts *counts)
{
	char packets[24];
	char bytes[24];
	char misses[24];

	(void)snprintf(packets, sizeof(packets), "%llu", (unsigned long long)counts->packets);
	(void)snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)counts->bytes);
	(void)snprintf(misses, sizeof(misses), "%llu", (unsigned long long)counts->misses);
	return json_pack("{s:s, s:s, s:s, s:I, s:I}", "packets", packets, "bytes", bytes, "misses",
		misses, "age-ms", (json_int_t)counts->age_ms, "idle-ms",
		(json_int_t)counts->idle_ms);
}

static bool
page_put(void *arg, const struct flow_rule *rule, const struct program_counts *counts,
	const char *place)
{
	struct page *page = arg;
	json_t *flow;

	if (json_array_size(page->flows) == page->limit || page->words > PROGRAM_PAGE_WORDS) {
		page->full = true;
		return false;
	}
	flow = flow_json_new(rule);
	if (flow == NULL || json_object_set_new(flow, "statistics", statistics_new(counts)) != 0 ||
		json_array_append(page->flows, flow) != 0) {
		page->no_memory = true;
	}
	json_decref(flow);
	page->words += (size_t)__builtin_popcountll(rule->present) + rule->n_actions;
	if (!str_copy(page->next, place, sizeof(page->next))) {
		assert(!"a place has up to 255 bytes");
		page->no_memory = true;
	}
	return !page->no_memory;
}

/* The rules that are asked for, as a FLOW_DELETE. */
static int
filter_read(const json_t *params, struct flow_rule *filter, struct err *err)
{
	const json_t *match = json_object_get(params, "match");
	const json_t *table = json_object_get(params, "table");
	const char *text = match == NULL ? "" : json_string_value(match);
	int rc = flow_text_parse_match(
		text, match == NULL ? 0 : json_string_length(match), filter, err);

	if (rc != 0) {
		(void)str_copy(err->path, "match", sizeof(err->path));
		return rc;
	}
	if (table != NULL) {
		uint8_t number = (uint8_t)json_integer_value(table);

		if (!filter->any_table && filter->table != number) {
			return err_set(err, ERR_INVALID, "table",
				"table %u was asked for, and table %u in the match", number,
				filter->table);
		}
		filter->any_table = false;
		filter->table = number;
	}
	return 0;
}

static int
list_params(const json_t *params, struct err *err)
{
	static const struct param table[] = {
		{"bridge", PARAM_STRING, .required = true},
		{"match", PARAM_STRING},
		{"table", PARAM_UINT, .max = FLOW_TABLE_MAX},
		{"limit", PARAM_UINT, .max = PROGRAM_PAGE_MAX},
		{"after", PARAM_STRING},
		{NULL},
	};

	return params_check(params, table, "flows", err);
}

/* A page of rules; *result is new if 0. */
static int
list_page(const struct program_backend *backend, const json_t *params, json_t **result,
	struct err *err) ON_MAIN
{
	json_int_t limit = json_integer_value(json_object_get(params, "limit"));
	const char *after = json_string_value(json_object_get(params, "after"));
	struct page page = {.limit = limit == 0 ? PROGRAM_PAGE_DEFAULT : (size_t)limit};
	struct flow_rule filter;
	int rc = backend == NULL ? no_backend(err) : filter_read(params, &filter, err);

	if (rc != 0) {
		return rc;
	}
	page.flows = json_array();
	rc = backend->list(backend->ctx, json_string_value(json_object_get(params, "bridge")),
		&filter, after == NULL ? "" : after, page_put, &page, err);
	if (rc == 0 && page.no_memory) {
		rc = err_set(err, ERR_LIMIT, NULL, "no memory for the list; ask for less: limit");
	}
	if (rc == 0) {
		*result = json_pack("{s:O}", "flows", page.flows);
		if (page.full) {
			(void)json_object_set_new(*result, "next", json_string(page.next));
		}
	}
	json_decref(page.flows);
	return rc;
}

void
program_list(const struct program_backend *backend, struct rpc_call *call, json_t *params)
{
	struct err err = ERR_INIT;
	json_t *result = NULL;

	if (list_params(params, &err) != 0) {
		rpc_call_fail(call, RPC_INVALID_PARAMS, err.text);
	} else if (list_page(backend, params, &result, &err) != 0) {
		rpc_call_refuse(call, &err);
	} else {
		rpc_call_reply(call, result);
	}
}
