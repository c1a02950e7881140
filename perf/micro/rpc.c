/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a control request costs main, without its socket and without what a backend does with it:
 * parsing the line, the edit's way through schema and checks, and the answer's line.
 *
 * The configuration has `entries` ports; nothing is on disk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ctl/jsonrpc.h"
#include "perf/micro/benchmarks.h"
#include "schema/datastore.h"

#define ROOT "/vswitch:vswitch"
#define LARGE_EDIT 1000u
#define LARGE_EDIT_QUICK 10u

struct rpc {
	const struct bench *bench;
	struct datastore *ds;
	json_t *edits[2]; /* params, for in turn; the second may be NULL */
	char *line; /* a request */
	size_t line_len;
	uint64_t n_done; /* edits that came to their end */
	uint64_t n_failed;
	struct err err; /* of the last that failed */
	json_t *result; /* of the last edit */
};

/* --- a backend that agrees ------------------------------------------------------------------- */

static int
agree_validate(void *ctx, const struct ds_txn *txn, struct err *err)
{
	(void)ctx;
	(void)txn;
	(void)err;
	return 0;
}

static void
agree(void *ctx, struct ds_txn *txn)
{
	(void)ctx;
	txn->done(txn, 0, NULL);
}

static const struct ds_backend_ops agreeing_ops = {
	.validate = agree_validate,
	.prepare = agree,
	.apply = agree,
	.abort = agree,
};

static void
edit_done(void *arg, int rc, const json_t *result, const struct err *err)
{
	struct rpc *rpc = arg;

	rpc->n_done++;
	if (rc != 0) {
		rpc->n_failed++;
		rpc->err = *err;
		return;
	}
	json_decref(rpc->result);
	rpc->result = json_deep_copy(result);
}

/* --- what is measured ------------------------------------------------------------------------ */

/* The line's only request; false: it was none, and is counted. */
static bool
parse_line(struct rpc *rpc, struct jsonrpc_message *message, struct jsonrpc_request *request)
{
	struct jsonrpc_fault fault;

	if (jsonrpc_parse(rpc->line, rpc->line_len, message, &fault) != 0) {
		rpc->n_failed++;
		return false;
	}
	jsonrpc_request_at(message, 0, request);
	return true;
}

static uint64_t
run_parse(void *arg, uint64_t rounds)
{
	struct rpc *rpc = arg;

	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		struct jsonrpc_message message;
		struct jsonrpc_request request;

		if (!parse_line(rpc, &message, &request)) {
			continue;
		}
		rpc->n_failed += request.fault.code != 0;
		jsonrpc_message_fini(&message);
	}
	return bench_elapsed(rpc->bench, begin);
}

static uint64_t
run_edit(void *arg, uint64_t rounds)
{
	struct rpc *rpc = arg;

	role_assert(&role_main);
	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		ds_edit(rpc->ds, rpc->edits[i & (rpc->edits[1] != NULL)], NULL, edit_done, rpc);
	}
	return bench_elapsed(rpc->bench, begin);
}

/* From a line to a line. */
static uint64_t
run_request(void *arg, uint64_t rounds)
{
	struct rpc *rpc = arg;

	role_assert(&role_main);
	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		struct jsonrpc_message message;
		struct jsonrpc_request request;

		if (!parse_line(rpc, &message, &request)) {
			continue;
		}
		ds_edit(rpc->ds, request.params, NULL, edit_done, rpc);
		json_t *answer = jsonrpc_result_new(request.id, json_incref(rpc->result));
		char *text = json_dumps(answer, JSON_COMPACT);
		bench_keep(text);
		free(text);
		json_decref(answer);
		jsonrpc_message_fini(&message);
	}
	return bench_elapsed(rpc->bench, begin);
}

/* --- requests -------------------------------------------------------------------------------- */

static json_t *
port_create(uint32_t number)
{
	char path[64];
	char name[32];

	(void)snprintf(name, sizeof(name), "port-%u", number);
	(void)snprintf(path, sizeof(path), ROOT "/port[name='%s']", name);
	return json_pack("{s:s, s:s, s:{s:s, s:s, s:i}}", "op", "create", "path", path, "value",
		"type", "vhost-user", "bridge", "br0", "mtu", 1500);
}

/* params that make ports first to first + n - 1. */
static json_t *
ports_create(uint32_t first, uint32_t n, bool dry_run)
{
	json_t *edits = json_array();

	for (uint32_t i = 0; i < n; i++) {
		(void)json_array_append_new(edits, port_create(first + i));
	}
	return json_pack("{s:o, s:b}", "edits", edits, "dry-run", dry_run);
}

static json_t *
mtu_set(uint32_t port, int mtu, bool dry_run)
{
	char path[64];

	(void)snprintf(path, sizeof(path), ROOT "/port[name='port-%u']", port);
	return json_pack("{s:[{s:s, s:s, s:{s:i}}], s:b}", "edits", "op", "merge", "path", path,
		"value", "mtu", mtu, "dry-run", dry_run);
}

static void
line_set(struct rpc *rpc, const char *method, json_t *params)
{
	json_t *request = jsonrpc_request_new(1, method, params);

	free(rpc->line);
	rpc->line = json_dumps(request, JSON_COMPACT);
	if (rpc->line == NULL) {
		abort();
	}
	rpc->line_len = strlen(rpc->line);
	json_decref(request);
}

static void
edits_set(struct rpc *rpc, json_t *first, json_t *second)
{
	json_decref(rpc->edits[0]);
	json_decref(rpc->edits[1]);
	rpc->edits[0] = first;
	rpc->edits[1] = second;
}

/* A configuration with one bridge and n ports. */
static int configure(struct rpc *rpc, uint32_t n, struct err *err) ON_MAIN;

static int
configure(struct rpc *rpc, uint32_t n, struct err *err)
{
	const struct ds_options options = {.ops = &agreeing_ops, .ctx = rpc};
	const int rc = ds_create(&options, &rpc->ds, err);

	if (rc != 0) {
		return rc;
	}
	ds_load(rpc->ds, edit_done, rpc);
	edits_set(rpc,
		json_pack("{s:[{s:s, s:s}]}", "edits", "op", "create", "path",
			ROOT "/bridge[name='br0']"),
		NULL);
	ds_edit(rpc->ds, rpc->edits[0], NULL, edit_done, rpc);
	edits_set(rpc, ports_create(0, n, false), NULL);
	ds_edit(rpc->ds, rpc->edits[0], NULL, edit_done, rpc);
	if (rpc->n_done != 3 || rpc->n_failed > 0) {
		*err = rpc->err;
		return err_errno(ERR_FAILED);
	}
	return 0;
}

static void
measure(struct bench *bench, struct rpc *rpc, uint32_t n_ports, uint32_t large)
{
	struct bench_case c = {.bulk = 1, .ops = 1, .arg = rpc};
	char variant[BENCH_VARIANT_SIZE];

	c.entries = n_ports;
	c.variant = "edit one port, dry run";
	c.run = run_edit;
	edits_set(rpc, mtu_set(n_ports / 2, 1600, true), NULL);
	bench_measure(bench, &c);
	c.variant = "edit one port, committed";
	edits_set(rpc, mtu_set(n_ports / 2, 1600, false), mtu_set(n_ports / 2, 1700, false));
	bench_measure(bench, &c);
	c.variant = "edit one port, line to line, dry run";
	c.run = run_request;
	line_set(rpc, "edit", mtu_set(n_ports / 2, 1800, true));
	bench_measure(bench, &c);
	(void)snprintf(variant, sizeof(variant), "create %u ports, dry run", large);
	c.variant = variant;
	c.run = run_edit;
	edits_set(rpc, ports_create(n_ports, large, true), NULL);
	bench_measure(bench, &c);
}

static void
measure_parse(struct bench *bench, uint32_t large)
{
	struct rpc rpc = {.bench = bench};
	struct bench_case c = {.bulk = 1, .ops = 1, .run = run_parse, .arg = &rpc};
	char variant[BENCH_VARIANT_SIZE];

	line_set(&rpc, "ping", NULL);
	c.variant = "parse ping";
	c.bytes = rpc.line_len;
	bench_measure(bench, &c);
	line_set(&rpc, "edit", mtu_set(1, 1600, true));
	c.variant = "parse edit of one port";
	c.bytes = rpc.line_len;
	bench_measure(bench, &c);
	line_set(&rpc, "edit", ports_create(0, large, true));
	(void)snprintf(variant, sizeof(variant), "parse edit of %u ports", large);
	c.variant = variant;
	c.bytes = rpc.line_len;
	bench_measure(bench, &c);
	free(rpc.line);
}

int
benchmark_rpc(struct bench *bench, struct err *err)
{
	static const uint32_t ports[] = {10, 1000, 10000};
	const unsigned int n_sizes = bench->quick ? 1 : ARRAY_LEN(ports);
	const uint32_t large = bench->quick ? LARGE_EDIT_QUICK : LARGE_EDIT;
	int rc = 0;

	role_assert(&role_main);
	measure_parse(bench, large);
	for (unsigned int i = 0; rc == 0 && i < n_sizes; i++) {
		struct rpc rpc = {.bench = bench};

		rc = configure(&rpc, ports[i], err);
		if (rc == 0) {
			measure(bench, &rpc, ports[i], large);
			if (rpc.n_failed > 0) {
				*err = rpc.err;
				rc = err_errno(ERR_FAILED);
			}
		}
		ds_destroy(rpc.ds);
		edits_set(&rpc, NULL, NULL);
		json_decref(rpc.result);
		free(rpc.line);
	}
	return rc;
}
