/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Edits that fail half-way. A big edit, of everything that an edit can do, is made with its first
 * step that can fail failing, then its second, and so on until it goes through; after each failure
 * configuration, state, devices and forwarding are what they were, and nothing is left behind.
 *
 * Everything runs on one thread. What fails, and how: plan_test_faults.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "ports/fake/fake.h"
#include "schema/datastore.h"
#include "vswitchd/plan_test_faults.h"
#include "vswitchd/world.h"

#define STEPS_MAX 1000 /* of main and worker, for one edit */
#define TEXT_MAX (1 << 18)

/* --- the bench ---------------------------------------------------------------------------------
 */

struct bench {
	struct world world;
	struct datastore *ds;
	uint64_t now;
	char before[TEXT_MAX];
	char after[TEXT_MAX];
};

/* Faults are those of prepare: what comes after it cannot fail. */
static void
bench_prepare(void *ctx, struct ds_txn *txn)
{
	fault.armed = !txn->loading;
	world_ops.prepare(ctx, txn);
}

static void
bench_apply(void *ctx, struct ds_txn *txn)
{
	fault.armed = false;
	world_ops.apply(ctx, txn);
}

static void
bench_abort(void *ctx, struct ds_txn *txn)
{
	fault.armed = false;
	world_ops.abort(ctx, txn);
}

static void
kicked(void *arg)
{
	(void)arg;
}

static void
both_step(struct bench *b) ON_MAIN ON_WORKER
{
	b->now += CLOCK_MS;
	(void)dp_worker_step(b->world.dp, 0, b->now);
	(void)dp_step(b->world.dp, b->now);
}

struct outcome {
	bool ended;
	int rc;
	struct err err;
};

static void
edit_done(void *arg, int rc, const json_t *result, const struct err *err)
{
	struct outcome *outcome = arg;

	(void)result;
	outcome->ended = true;
	outcome->rc = rc;
	if (rc != 0) {
		outcome->err = *err;
	}
}

/* JSON with ' for ". */
static json_t *
json_of(const char *text)
{
	char *copy = str_dup(text);
	json_error_t error;
	json_t *json;

	for (char *p = copy; *p != '\0'; p++) {
		*p = *p == '\'' ? '"' : *p == '`' ? '\'' : *p;
	}
	json = json_loads(copy, 0, &error);
	if (json == NULL) {
		fail_msg("%s at %d of %s", error.text, error.position, copy);
	}
	free(copy);
	return json;
}

/* Carry an edit out to its end. */
static struct outcome
do_edit(struct bench *b, json_t *edits) ON_MAIN ON_WORKER
{
	struct outcome outcome = {.ended = false};
	json_t *params = json_pack("{s:O}", "edits", edits);

	ds_edit(b->ds, params, NULL, edit_done, &outcome);
	for (int i = 0; i < STEPS_MAX && !outcome.ended; i++) {
		both_step(b);
	}
	assert_true(outcome.ended);
	assert_false(ds_busy(b->ds));
	/* devices that are still closing */
	for (int i = 0; i < 20; i++) {
		both_step(b);
	}
	json_decref(params);
	return outcome;
}

static const char base_edits[] =
	"[{'op':'replace','path':'/vswitch:vswitch','value':{"
	"'system':{'description':'before'},"
	"'bridge':[{'name':'br0','static-mac':[{'mac':'52:00:00:00:00:aa','vlan':0,'port':'t1'}],"
	"'meter':[{'id':1,'packet-rate':10}],"
	"'group':[{'id':1,'type':'all','bucket':[{'id':1,'actions':'output:f1'}]}]},"
	"{'name':'br1'},{'name':'br2'}],"
	"'acl':[{'name':'a0','ace':[{'name':'x','forwarding':'accept'}]},"
	"{'name':'a1','default-action':'accept'}],"
	"'mirror':[{'name':'m0','source-port':['f0'],'source-acl':'a0','output-port':'f2'},"
	"{'name':'m1','source-bridge':'br2','source-acl':'a1','output-port':'f3'}],"
	"'port':[{'name':'f0','type':'fake','bridge':'br0','acl-in':'a0'},"
	"{'name':'f1','type':'fake','bridge':'br0'},"
	"{'name':'f2','type':'fake','bridge':'br0'},"
	"{'name':'f3','type':'fake','bridge':'br1'},"
	"{'name':'f4','type':'fake','bridge':'br2'},"
	"{'name':'g0','type':'tap','ifname':'e8','bridge':'br1'},"
	"{'name':'t0','type':'tap','ifname':'e0','bridge':'br0'},"
	"{'name':'t1','type':'tap','ifname':'e1','bridge':'br0'},"
	"{'name':'t2','type':'tap','ifname':'e2','bridge':'br0'},"
	"{'name':'t3','type':'tap','ifname':'e3','bridge':'br0'}]}}]";

#define PATH(list, name) "'/vswitch:vswitch/" list "[name=`" name "`]'"

/* Creates, deletes, moves, live changes, devices opened anew, devices that want another's name. */
static const char mixed_edits[] =
	"[{'op':'replace','path':'/vswitch:vswitch/system/"
	"description','value':'after'},"
	"{'op':'create','path':" PATH("bridge",
		"br3") ",'value':{'group':[{'id':7,'type':'select',"
		       "'bucket':[{'id':1,'actions':'output:f2','watch-port':'f5'},"
		       "{'id':2,'actions':'output:t5'}]}],'meter':[{'id':2,'bit-"
		       "rate':99}]}},"
		       "{'op':'merge','path':" PATH("bridge",
			       "br0") ",'value':{'fdb-limit':200000,'group':["
				      "{'id':1,'type':'select','bucket':[{'id':1,'"
				      "actions':'output:f5'}]},"
				      "{'id':2,'type':'all','bucket':[{'id':1,'"
				      "actions':'output:f6'}]}]}},"
				      "{'op':'delete','path':" PATH("bridge",
					      "br2") "},"
						     "{'op':'create','"
						     "path':" PATH(
							     "acl", "a2") ",'value':{'ace':[{'name'"
									  ":'y','forwarding':'drop'"
									  "}]}},"
									  "{'op':'merge','path'"
									  ":" PATH("acl", "a0") ",'"
												"va"
												"lu"
												"e'"
												":{"
												"'a"
												"ce"
												"':"
												"[{"
												"'n"
												"am"
												"e'"
												":'"
												"z'"
												",'"
												"fo"
												"rw"
												"ar"
												"di"
												"ng"
												"':"
												"'d"
												"ro"
												"p'"
												"}]"
												"}}"
												","
												"{'"
												"op"
												"':"
												"'d"
												"el"
												"et"
												"e'"
												",'"
												"pa"
												"th"
												"'"
												":" PATH(
													"acl",
													"a1") "},"
													      "{'op':'create','path':" PATH(
														      "mirror", "m2") ",'value':{'source-bridge':'br3','output-port':'f6','source-acl':'a2'}},"
																      "{'op':'merge','path':" PATH(
																	      "mirror", "m0") ",'value':{'truncate':64}},"
																			      "{'op':'delete','path':" PATH("mirror", "m1") "},"
																									    "{'op':'create','path':" PATH("port", "f5") ",'value':{'type':'fake','bridge':'br3'}},"
																															"{'op':'create','path':" PATH("port", "f6") ",'value':{'type':'fake','bridge':'br0'}},"
																																				    "{'op':'create','path':" PATH("port", "t5") ",'value':{'type':'tap','ifname':'e0'}},"
																																										"{'op':'delete','path':" PATH("port", "f4") "},"
																																															    "{'op':'delete','path':" PATH("port", "t0") "},"
																																																					"{'op':'merge','path':" PATH(
																																																						"port",
																																																						"f0") ",'value':{'mtu':9000}},"
																																																						      "{'op':'merge','path':" PATH(
																																																							      "port",
																																																							      "f1") ",'value':{'queues':2}},"
																																																								    "{'op':'merge','path':" PATH(
																																																									    "port",
																																																									    "f2") ",'value':{'bridge':'br3','mtu':2000}},"
																																																										  "{'op':'merge','path':" PATH("port", "f3") ",'value':{'acl-in':'a2'}},"
																																																															     "{'op':'merge','path':" PATH("port", "g0") ",'value':{'ifname':'e9'}},"
																																																																					"{'op':'merge','path':" PATH("port", "t1") ",'value':{'queues':2}},"
																																																																										   "{'op':'merge','path':" PATH(
																																																																											   "port",
																																																																											   "t2") ",'value':{'ifname':'e3'}},"
																																																																												 "{'op':'merge','path':" PATH(
																																																																													 "port", "t3") ",'value':{'ifname':'e2','mtu':1400}}]";

static void
bench_start(struct bench *b) ON_MAIN ON_WORKER
{
	static struct ds_backend_ops ops;
	const struct dp_options dp_options = {.n_workers = 1, .seed = 1, .no_budget = true};
	const struct ds_options ds_options = {.ops = &ops, .ctx = &b->world};
	struct err err = ERR_INIT;
	json_t *edits = json_of(base_edits);
	struct outcome outcome;

	ops = world_ops;
	ops.prepare = bench_prepare;
	ops.apply = bench_apply;
	ops.abort = bench_abort;
	fault = (struct fault){.armed = false};
	things = (struct things){.bridges = 0};
	world_init(&b->world);
	b->now = 100 * CLOCK_S;
	assert_int_equal(dp_create(&dp_options, &b->world.dp, &err), 0);
	b->world.types = fault_types;
	b->world.run_dir = "/nonexistent";
	b->world.kick = kicked;
	system_parts_add(&b->world.parts, &fault_part);
	assert_int_equal(ds_create(&ds_options, &b->ds, &err), 0);
	outcome = do_edit(b, edits);
	if (outcome.rc != 0) {
		fail_msg("%s: %s", outcome.err.path, outcome.err.text);
	}
	json_decref(edits);
	fault_gone = "e8";
	world_step(&b->world, b->now);
	for (int i = 0; i < 20; i++) {
		both_step(b);
	}
	assert_null(world_find_port(&b->world, "g0")->dp);
}

static void
bench_stop(struct bench *b) ON_MAIN
{
	ds_destroy(b->ds);
	dp_destroy(b->world.dp, PORT_CLOSE_SHUTDOWN);
	world_fini(&b->world);
	assert_int_equal(things.devices, 0);
}

/* --- what is to stay the same ------------------------------------------------------------------
 */

/* Which ports a frame from f0 to this address comes out of. */
static void
put_reach(struct bench *b, const char *dst, char *text) ON_MAIN ON_WORKER
{
	uint8_t frame[64] = {[6] = 0x52, [11] = 0x01, [12] = 0x88, [13] = 0xb5};
	uint8_t out[FAKE_FRAME_MAX];
	struct world_port *port = world_find_port(&b->world, "f0");
	struct err err = ERR_INIT;

	assert_int_equal(rte_ether_unformat_addr(dst, (struct rte_ether_addr *)frame), 0);
	assert_int_equal(
		fake_inject(dp_port_device(port->dp), 0, frame, sizeof(frame), NULL, &err), 0);
	both_step(b);
	both_step(b);
	(void)str_appendf(text, TEXT_MAX, "\n%s:", dst);
	TAILQ_FOREACH (port, &b->world.ports, link) {
		struct port *device = port->dp == NULL ? NULL : dp_port_device(port->dp);

		for (uint16_t q = 0; device != NULL && q < device->n_txq; q++) {
			while (fake_collect(device, q, out, NULL) > 0) {
				(void)str_appendf(text, TEXT_MAX, " %s", port->name);
			}
		}
	}
}

static void
put_data(struct bench *b, char *text) ON_MAIN
{
	struct ds_get_options options = {.content = DS_CONTENT_ALL, .with_defaults = true};
	struct err err = ERR_INIT;
	json_t *data;
	json_t *root;
	json_t *port;
	char *dump;
	size_t i;

	assert_int_equal(ds_get(b->ds, &options, &data, &err), 0);
	root = json_object_get(data, "vswitch:vswitch");
	(void)json_object_del(json_object_get(root, "system"), "worker"); /* counts loops */
	(void)json_object_del(json_object_get(root, "system"), "uptime");
	json_array_foreach (json_object_get(root, "port"), i, port) {
		(void)json_object_del(port, "flows"); /* a cache */
	}
	dump = json_dumps(data, JSON_INDENT(1) | JSON_SORT_KEYS);
	assert_true(str_append(text, dump, TEXT_MAX));
	free(dump);
	json_decref(data);
}

/* All that can be seen; `reach` sends frames. */
static void
describe(struct bench *b, bool reach, char *text) ON_MAIN ON_WORKER
{
	const struct world_port *port;
	unsigned int n_ports = 0;
	unsigned int n_bridges = 0;

	text[0] = '\0';
	if (reach) {
		put_reach(b, "ff:ff:ff:ff:ff:ff", text);
		put_reach(b, "52:00:00:00:00:aa", text);
		return;
	}
	put_data(b, text);
	for (uint32_t id = 0; id < 256; id++) {
		n_ports += dp_port_by_id(b->world.dp, id) != NULL;
		n_bridges += dp_bridge_by_id(b->world.dp, id) != NULL;
	}
	(void)str_appendf(text, TEXT_MAX,
		"\n%u ports, %u bridges; %d bridges, %d lists, %d mirrors, %d numbers, %d devices; "
		"part '%s'\n",
		n_ports, n_bridges, things.bridges, things.acls, things.mirrors, things.numbers,
		things.devices, fault_part_text);
	TAILQ_FOREACH (port, &b->world.ports, link) {
		const struct port_conf *conf =
			port->dp == NULL ? NULL : fault_device_conf(dp_port_device(port->dp));

		(void)str_appendf(text, TEXT_MAX, "%s %u in '%s': mtu %u, device %s %s mtu %u\n",
			port->name, port->number, port->bridge, port->conf.mtu,
			conf == NULL ? "none" : conf->name, conf == NULL ? "" : conf->ifname,
			conf == NULL ? 0 : conf->mtu);
	}
}

static void
expect_same(const struct bench *b, const char *what)
{
	const char *x = b->before;
	const char *y = b->after;

	while (*x != '\0' && *x == *y) {
		x++;
		y++;
	}
	if (*x != *y) {
		x = x - b->before > 200 ? x - 200 : b->before;
		y = y - b->after > 200 ? y - 200 : b->after;
		fail_msg("%s, fault %u (%s):\nbefore ...%.400s\nafter ...%.400s", what, fault.at,
			fault.where, x, y);
	}
}

/* Make the edit with each of its steps failing in turn, then without a fault: how many there are.
 */
static unsigned int
fail_everywhere(struct bench *b, const char *text) ON_MAIN ON_WORKER
{
	json_t *edits = json_of(text);
	struct outcome outcome;

	fault = (struct fault){.at = 0};
	do {
		const uint64_t revision = ds_revision(b->ds);
		static char reach[TEXT_MAX];

		describe(b, true, reach);
		describe(b, false, b->before);
		fault = (struct fault){.at = fault.at + 1};
		outcome = do_edit(b, edits);
		if (outcome.rc == 0) {
			break;
		}
		if (fault.where == NULL) {
			fail_msg("no fault, but %s: %s", outcome.err.path, outcome.err.text);
		}
		assert_int_equal(ds_revision(b->ds), revision);
		describe(b, false, b->after);
		expect_same(b, "state");
		(void)str_copy(b->before, reach, sizeof(b->before));
		describe(b, true, b->after);
		expect_same(b, "forwarding");
	} while (fault.at < 1000);
	assert_null(fault.where);
	assert_int_equal(outcome.rc, 0);
	json_decref(edits);
	print_message("# %u steps failed in turn\n", fault.at - 1);
	return fault.at - 1;
}

/* --- tests -------------------------------------------------------------------------------------
 */

static void
test_every_step_fails(void **state) ROLE_ATTR(assert_capability(role_main))
	ROLE_ATTR(assert_capability(role_worker))
{
	struct bench *b = calloc(1, sizeof(*b));

	(void)state;
	role_assert(&role_main);
	role_assert(&role_worker);
	assert_non_null(b);
	bench_start(b);
	assert_true(fail_everywhere(b, mixed_edits) >= 20);
	describe(b, false, b->after);
	assert_non_null(strstr(b->after, "part 'after'"));
	assert_non_null(strstr(b->after, "in 'br0': mtu 9000, device f0  mtu 9000\n"));
	assert_non_null(strstr(b->after, "in 'br0': mtu 1400, device t3 e2 mtu 1400\n"));
	/* and back, which is another such edit */
	fault_gone = "-";
	assert_true(fail_everywhere(b, base_edits) >= 15);
	bench_stop(b);
	free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_step_fails),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("plan", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
