/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods `program` and `flows`, over a real server and a stub of the flow tables. */
#include "ctl/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "ctl/flow_text.h"
#include "ctl/methods.h"
#include "ctl/rpc_test_world.h"

#define NOTES_SIZE 8192

struct program_world {
	struct world world; /* first: the world's functions take it */
	struct program_backend backend;
	struct methods methods;
	int fd;
	char notes[NOTES_SIZE]; /* what the backend was asked, a line each */
	size_t n_ops;
	bool quiet; /* do not note ops */
	size_t n_rules; /* that `list` has */
	unsigned int n_actions; /* of each of them */
};

/* ---- the stub ---- */

static void
note(struct program_world *w, const char *word, const struct flow_rule *rule)
{
	char text[512] = "";

	if (rule != NULL) {
		(void)flow_text_print(rule, text, sizeof(text));
	}
	(void)str_appendf(
		w->notes, sizeof(w->notes), "%s%s%s\n", word, text[0] == '\0' ? "" : " ", text);
}

static int
stub_begin(void *ctx, const char *bridge, struct err *err)
{
	if (strcmp(bridge, "br0") != 0) {
		return err_set(err, ERR_MISSING, "bridge", "there is no bridge '%s'", bridge);
	}
	note(ctx, "begin", NULL);
	return 0;
}

/* Modifies two rules and deletes none; knows no port "nix", and no table from 100 on. */
static int
stub_op(void *ctx, const struct flow_rule *rule, uint64_t *n, struct err *err)
{
	struct program_world *w = ctx;

	w->n_ops++;
	if (!w->quiet) {
		note(w, flow_text_op(rule), rule);
	}
	if (strcmp(rule->in_port, "nix") == 0) {
		return err_set(err, ERR_MISSING, "match/in-port", "there is no port 'nix'");
	}
	if (rule->n_actions > 0 && strcmp(rule->actions[rule->n_actions - 1].port, "nix") == 0 &&
		rule->actions[rule->n_actions - 1].type == FLOW_DO_OUTPUT) {
		char path[32];

		(void)snprintf(path, sizeof(path), "actions/%u/port", rule->n_actions - 1);
		return err_set(err, ERR_MISSING, path, "there is no port 'nix'");
	}
	if (rule->table >= 100) {
		return err_set(err, ERR_LIMIT, NULL, "table %u is full", rule->table);
	}
	*n = rule->op == FLOW_ADD ? 1 : rule->op == FLOW_MODIFY ? 2 : 0;
	return 0;
}

static void
stub_commit(void *ctx)
{
	note(ctx, "commit", NULL);
}

static void
stub_abort(void *ctx)
{
	note(ctx, "abort", NULL);
}

/* Rules of priority 1, 2, ...; the place of a rule is its priority. */
static int
stub_list(void *ctx, const char *bridge, const struct flow_rule *filter, const char *after,
	bool (*each)(void *arg, const struct flow_rule *rule, const struct program_counts *counts,
		const char *place),
	void *arg, struct err *err)
{
	const struct program_counts counts = {UINT64_MAX, 2, 1, 3000, 4};
	struct program_world *w = ctx;
	struct flow_rule rule;
	char text[4096];
	char place[16];
	uint64_t first = 0;

	if (strcmp(bridge, "br0") != 0) {
		return err_set(err, ERR_MISSING, "bridge", "there is no bridge '%s'", bridge);
	}
	if (after[0] != '\0' && str_to_u64(after, 1, w->n_rules, &first) != 0) {
		return err_set(err, ERR_INVALID, "after", "not a place");
	}
	note(w, "list", filter);
	for (uint64_t i = first + 1; i <= w->n_rules; i++) {
		(void)snprintf(text, sizeof(text), "priority=%u,actions=p1", (unsigned int)i);
		for (unsigned int a = 1; a < w->n_actions; a++) {
			(void)str_append(text, ",p1", sizeof(text));
		}
		assert_int_equal(
			flow_text_parse(text, strlen(text), FLOW_ADD, false, &rule, err), 0);
		(void)snprintf(place, sizeof(place), "%u", (unsigned int)i);
		if (!each(arg, &rule, &counts, place)) {
			break;
		}
	}
	return 0;
}

static int setup(void **state) ROLE_ATTR(no_thread_safety_analysis);
static int teardown(void **state) ROLE_ATTR(no_thread_safety_analysis);

static int
setup(void **state)
{
	struct program_world *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		return -1;
	}
	w->backend = (struct program_backend){
		.begin = stub_begin,
		.op = stub_op,
		.commit = stub_commit,
		.abort = stub_abort,
		.list = stub_list,
		.ctx = w,
	};
	w->methods.program = &w->backend;
	w->n_actions = 1;
	if (world_init(&w->world, methods_table, &w->methods) != 0) {
		return -1;
	}
	w->fd = world_connect(&w->world);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct program_world *w = *state;
	int rc;

	(void)close(w->fd);
	rc = world_fini(&w->world);
	free(w);
	return rc;
}

static void
expect_result(struct program_world *w, const char *method, const char *params, const char *result)
{
	json_t *answer = world_call(&w->world, w->fd, method, params);
	char *text = json_dumps(json_object_get(answer, "result"), JSON_COMPACT | JSON_ENCODE_ANY);

	if (text == NULL) {
		text = json_dumps(answer, JSON_COMPACT);
		fail_msg("%s", text);
	}
	assert_string_equal(text, result);
	free(text);
	json_decref(answer);
}

/* Expect that the backend was asked exactly this since the last time. */
static void
expect_notes(struct program_world *w, const char *notes)
{
	assert_string_equal(w->notes, notes);
	w->notes[0] = '\0';
}

/* `path` NULL: there is none. */
static void
expect_error(struct program_world *w, const char *method, const char *params, int code,
	const char *path, const char *text)
{
	json_t *answer = world_call(&w->world, w->fd, method, params);
	const json_t *error = json_object_get(answer, "error");
	const json_t *data = json_object_get(error, "data");
	const char *where = json_string_value(json_object_get(data, "error-path"));

	if (strcmp(json_string_value(json_object_get(error, "message")), text) != 0) {
		fail_msg("'%s' is not '%s'", json_string_value(json_object_get(error, "message")),
			text);
	}
	assert_int_equal(json_integer_value(json_object_get(error, "code")), code);
	assert_string_equal(where == NULL ? "(none)" : where, path == NULL ? "(none)" : path);
	json_decref(answer);
}

/* ---- program ---- */

static void
test_text(void **state)
{
	struct program_world *w = *state;

	expect_result(w, "program",
		"{\"bridge\":\"br0\",\"text\":\"# all of it\\n\\npriority=5,ip,actions=p1 # "
		"why\\r\\n"
		"  modify tcp,tp_dst=80 actions=drop\\n \\t\\ndelete_strict ip,table=3\"}",
		"{\"results\":[{\"rules\":1},{\"rules\":2},{\"rules\":0}]}");
	expect_notes(w,
		"begin\nadd priority=5,ip,actions=output:p1\nmodify tcp,tp_dst=80,actions=drop\n"
		"delete_strict table=3,ip\ncommit\n");
	expect_result(w, "program", "{\"bridge\":\"br0\",\"text\":\"\"}", "{\"results\":[]}");
	expect_notes(w, "begin\ncommit\n");
}

static void
test_ops(void **state)
{
	struct program_world *w = *state;

	expect_result(w, "program",
		"{\"bridge\":\"br0\",\"ops\":[{\"match\":{\"in-port\":\"p1\"},\"actions\":[]},"
		"{\"op\":\"modify\",\"strict\":true,\"priority\":7,\"actions\":[{\"type\":"
		"\"flood\"}]},"
		"{\"op\":\"delete\"}]}",
		"{\"results\":[{\"rules\":1},{\"rules\":2},{\"rules\":0}]}");
	expect_notes(w,
		"begin\nadd in_port=p1,actions=drop\nmodify_strict priority=7,actions=flood\n"
		"delete\ncommit\n");
	expect_result(w, "program", "{\"bridge\":\"br0\",\"ops\":[]}", "{\"results\":[]}");
	expect_notes(w, "begin\ncommit\n");
}

static void
test_dry_run(void **state)
{
	struct program_world *w = *state;

	expect_result(w, "program",
		"{\"bridge\":\"br0\",\"text\":\"actions=drop\",\"dry-run\":true}",
		"{\"results\":[{\"rules\":1}]}");
	expect_notes(w, "begin\nadd actions=drop\nabort\n");
	expect_result(w, "program",
		"{\"bridge\":\"br0\",\"text\":\"actions=drop\",\"dry-run\":false}",
		"{\"results\":[{\"rules\":1}]}");
	expect_notes(w, "begin\nadd actions=drop\ncommit\n");
}

static void
test_text_errors(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} cases[] = {
		{"actions=drop\\n\\n ip,in_prt=p1,actions=drop",
			"line 3, column 5: unknown field 'in_prt'; did you mean 'in_port'?"},
		{"ip", "line 1, column 3: actions= is missing (actions=drop drops)"},
		{"actions=drop\\nip, in_port=nix actions=drop",
			"line 2, column 5: there is no port 'nix'"},
		{"#\\nip,actions=push_vlan:0x8100,mod_vlan_vid:7,output(port=nix,max_len=99)",
			"line 2, column 44: there is no port 'nix'"},
		{"table=100,actions=drop", "line 1: table 100 is full"},
	};
	struct program_world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char params[512];

		(void)snprintf(params, sizeof(params), "{\"bridge\":\"br0\",\"text\":\"%s\"}",
			cases[i].text);
		expect_error(w, "program", params, i == 4 ? RPC_LIMIT : RPC_REFUSED, NULL,
			cases[i].error);
		assert_non_null(strstr(w->notes, "abort\n"));
		assert_null(strstr(w->notes, "commit"));
		w->notes[0] = '\0';
	}
}

static void
test_op_errors(void **state)
{
	static const struct {
		const char *op;
		const char *path;
		const char *error;
	} cases[] = {
		{"{\"match\":{\"vlan-id\":5000},\"actions\":[]}", "ops/1/match/vlan-id",
			"ops/1/match/vlan-id: 5000: 0..4095"},
		{"{\"match\":{\"in-port\":\"nix\"},\"actions\":[]}", "ops/1/match/in-port",
			"ops/1: there is no port 'nix'"},
		{"{\"table\":100,\"actions\":[]}", "ops/1", "ops/1: table 100 is full"},
		{"{\"actions\":[{\"type\":\"dec-ttl\"},{\"type\":\"output\"}]}",
			"ops/1/actions/1/port", "ops/1/actions/1/port: is missing"},
		{"{}", "ops/1/actions", "ops/1/actions: is missing ([] drops)"},
		{"7", "ops/1/rule", "ops/1/rule: must be an object"},
	};
	struct program_world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char params[512];

		(void)snprintf(params, sizeof(params),
			"{\"bridge\":\"br0\",\"ops\":[{\"actions\":[]},%s,{\"actions\":[]}]}",
			cases[i].op);
		expect_error(w, "program", params, i == 2 ? RPC_LIMIT : RPC_REFUSED, cases[i].path,
			cases[i].error);
		assert_non_null(strstr(w->notes, "abort\n"));
		assert_null(strstr(w->notes, "commit"));
		w->notes[0] = '\0';
	}
}

static void
test_bad_params(void **state)
{
	static const char either[] = "program needs either the param 'ops' or the param 'text'";
	struct program_world *w = *state;

	expect_error(w, "program", "{\"bridge\":\"br0\"}", RPC_INVALID_PARAMS, NULL, either);
	expect_error(w, "program", "{\"bridge\":\"br0\",\"ops\":[],\"text\":\"\"}",
		RPC_INVALID_PARAMS, NULL, either);
	expect_error(w, "program", "{\"text\":\"\"}", RPC_INVALID_PARAMS, NULL,
		"program needs the param 'bridge'");
	expect_error(w, "program", "{\"bridge\":\"br0\",\"text\":[]}", RPC_INVALID_PARAMS, NULL,
		"program: the param 'text' must be a string");
	expect_error(w, "program", "{\"bridge\":\"br0\",\"ops\":{}}", RPC_INVALID_PARAMS, NULL,
		"program: the param 'ops' must be an array");
	expect_error(w, "flows", "{\"bridge\":\"br0\",\"limit\":10001}", RPC_INVALID_PARAMS, NULL,
		"flows: the param 'limit' is at most 10000");
	expect_error(w, "flows", "{\"bridge\":\"br0\",\"table\":255}", RPC_INVALID_PARAMS, NULL,
		"flows: the param 'table' is at most 254");
	expect_notes(w, "");
	expect_error(w, "program", "{\"bridge\":\"br9\",\"text\":\"\"}", RPC_REFUSED, "bridge",
		"there is no bridge 'br9'");
	expect_notes(w, "");
	w->methods.program = NULL;
	expect_error(w, "program", "{\"bridge\":\"br0\",\"text\":\"\"}", RPC_REFUSED, NULL,
		"this daemon has no flow tables");
	expect_error(w, "flows", "{\"bridge\":\"br0\"}", RPC_REFUSED, NULL,
		"this daemon has no flow tables");
}

/* `n` copies of `op` between `head` and `tail`; free() it. */
static char *
many(const char *head, const char *op, const char *between, size_t n, const char *tail)
{
	size_t len = strlen(op) + strlen(between);
	char *text = malloc(strlen(head) + n * len + strlen(tail) + 1);
	char *at;

	assert_non_null(text);
	at = stpcpy(text, head);
	for (size_t i = 0; i < n; i++) {
		at = stpcpy(at, i == 0 ? "" : between);
		at = stpcpy(at, op);
	}
	(void)stpcpy(at, tail);
	return text;
}

/* The most that a request may have, in both forms, and one more. */
static void
test_large(void **state)
{
	struct program_world *w = *state;
	char *params;
	json_t *answer;

	w->quiet = true;
	params = many(
		"{\"bridge\":\"br0\",\"text\":\"", "ip,actions=p1", "\\n", PROGRAM_OPS_MAX, "\"}");
	answer = world_call(&w->world, w->fd, "program", params);
	free(params);
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(answer, "result"), "results")),
		PROGRAM_OPS_MAX);
	json_decref(answer);
	assert_int_equal(w->n_ops, PROGRAM_OPS_MAX);
	expect_notes(w, "begin\ncommit\n");

	params = many("{\"bridge\":\"br0\",\"ops\":[", "{\"actions\":[]}", ",", PROGRAM_OPS_MAX + 1,
		"]}");
	expect_error(w, "program", params, RPC_LIMIT, "ops/262144",
		"ops/262144: a request has up to 262144 rules");
	free(params);
	assert_int_equal(w->n_ops, 2 * PROGRAM_OPS_MAX);
	expect_notes(w, "begin\nabort\n");
}

/* ---- flows ---- */

#define FLOW(p)                                                                     \
	"{\"priority\":" #p ",\"actions\":[{\"type\":\"output\",\"port\":\"p1\"}]," \
	"\"statistics\":{\"packets\":\"18446744073709551615\",\"bytes\":\"2"        \
	"\",\"misses\":\"1\",\"age-ms\":3000,\"idle-ms\":4}}"

static void
test_pages(void **state)
{
	struct program_world *w = *state;

	expect_result(w, "flows", "{\"bridge\":\"br0\"}", "{\"flows\":[]}");
	w->n_rules = 3;
	expect_result(w, "flows", "{\"bridge\":\"br0\",\"limit\":2}",
		"{\"flows\":[" FLOW(1) "," FLOW(2) "],\"next\":\"2\"}");
	expect_result(w, "flows", "{\"bridge\":\"br0\",\"limit\":2,\"after\":\"2\"}",
		"{\"flows\":[" FLOW(3) "]}");
	expect_result(w, "flows", "{\"bridge\":\"br0\",\"limit\":3}",
		"{\"flows\":[" FLOW(1) "," FLOW(2) "," FLOW(3) "]}");
	expect_error(w, "flows", "{\"bridge\":\"br0\",\"after\":\"x\"}", RPC_REFUSED, "after",
		"not a place");
	expect_error(w, "flows", "{\"bridge\":\"br9\"}", RPC_REFUSED, "bridge",
		"there is no bridge 'br9'");
}

/* Expect a page of n rules, and more behind it or not. */
static void
expect_page(struct program_world *w, const char *params, size_t n, bool more)
{
	json_t *answer = world_call(&w->world, w->fd, "flows", params);
	const json_t *result = json_object_get(answer, "result");

	assert_int_equal(json_array_size(json_object_get(result, "flows")), n);
	assert_int_equal(json_object_get(result, "next") != NULL, more);
	json_decref(answer);
}

static void
test_page_sizes(void **state)
{
	struct program_world *w = *state;

	w->n_rules = PROGRAM_PAGE_MAX + 1;
	expect_page(w, "{\"bridge\":\"br0\"}", PROGRAM_PAGE_DEFAULT, true);
	expect_page(w, "{\"bridge\":\"br0\",\"limit\":0}", PROGRAM_PAGE_DEFAULT, true);
	expect_page(w, "{\"bridge\":\"br0\",\"limit\":10000}", PROGRAM_PAGE_MAX, true);
	w->n_actions = FLOW_ACTIONS_MAX;
	expect_page(w, "{\"bridge\":\"br0\",\"limit\":10000}",
		PROGRAM_PAGE_WORDS / FLOW_ACTIONS_MAX + 1, true);
	w->n_rules = PROGRAM_PAGE_WORDS / FLOW_ACTIONS_MAX + 1;
	expect_page(w, "{\"bridge\":\"br0\",\"limit\":10000}", w->n_rules, false);
}

static void
test_filter(void **state)
{
	struct program_world *w = *state;

	expect_result(w, "flows", "{\"bridge\":\"br0\",\"match\":\"tcp,tp_dst=80\",\"table\":0}",
		"{\"flows\":[]}");
	expect_notes(w, "list table=0,tcp,tp_dst=80\n");
	expect_result(w, "flows", "{\"bridge\":\"br0\",\"match\":\"table=4\",\"table\":4}",
		"{\"flows\":[]}");
	expect_notes(w, "list table=4\n");
	expect_error(w, "flows", "{\"bridge\":\"br0\",\"match\":\"table=4\",\"table\":5}",
		RPC_REFUSED, "table", "table 5 was asked for, and table 4 in the match");
	expect_error(w, "flows", "{\"bridge\":\"br0\",\"match\":\"ip,tp_dst=80\"}", RPC_REFUSED,
		"match",
		"column 4: tp_dst needs tcp, udp or sctp (tcp6, udp6 or sctp6) in the match");
	expect_error(w, "flows", "{\"bridge\":\"br0\",\"match\":\"ip,actions=drop\"}", RPC_REFUSED,
		"match", "column 4: actions is no part of a match");
	expect_notes(w, "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_text),
		CASE(test_ops),
		CASE(test_dry_run),
		CASE(test_text_errors),
		CASE(test_op_errors),
		CASE(test_bad_params),
		CASE(test_large),
		CASE(test_pages),
		CASE(test_page_sizes),
		CASE(test_filter),
	};

	return cmocka_run_group_tests_name("program", tests, NULL, NULL);
}
