/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Edits that fail half-way. A big edit, of everything that an edit can do, is made with its first
 * step that can fail failing, then its second, and so on until it goes through; after each failure
 * configuration, state, devices and forwarding are what they were, and nothing is left behind.
 *
 * The steps are those of the devices (a port type of the test's own) and the functions that the
 * linker wraps: see meson.build. Everything runs on one thread.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "datapath/dp/dp_policy.h"
#include "ports/fake/fake.h"
#include "schema/datastore.h"
#include "vswitchd/acl_config.h"
#include "vswitchd/flow_actions.h"
#include "vswitchd/world.h"

#define DEVICES_MAX 64
#define STEPS_MAX 1000 /* of main and worker, for one edit */
#define TEXT_MAX (1 << 18)

/* --- faults ------------------------------------------------------------------------------------
 */

static struct fault {
	bool armed; /* from prepare until apply or abort */
	unsigned int n; /* steps so far */
	unsigned int at; /* the one that fails */
	const char *where; /* it did; NULL: not yet */
} fault;

/* What there is; none may be left by an edit that failed. */
static struct things {
	int bridges;
	int acls;
	int numbers; /* held */
	int devices;
} things;

static bool
fails(const char *where, struct err *err)
{
	if (!fault.armed || ++fault.n != fault.at) {
		return false;
	}
	fault.where = where;
	(void)err_set(err, ERR_FAILED, NULL, "%s fails in this test", where);
	return true;
}

int __real_dp_bridge_create(struct dp *dp, const struct dp_bridge_conf *conf,
	struct dp_bridge **out, struct err *err) ON_MAIN;
int __wrap_dp_bridge_create(struct dp *dp, const struct dp_bridge_conf *conf,
	struct dp_bridge **out, struct err *err) ON_MAIN;
void __real_dp_bridge_destroy(struct dp *dp, struct dp_bridge *bridge) ON_MAIN;
void __wrap_dp_bridge_destroy(struct dp *dp, struct dp_bridge *bridge) ON_MAIN;
int __real_dp_bridge_prepare(struct dp *dp, const struct dp_bridge *bridge,
	const struct dp_bridge_conf *conf, struct fdb **table, struct err *err) ON_MAIN;
int __wrap_dp_bridge_prepare(struct dp *dp, const struct dp_bridge *bridge,
	const struct dp_bridge_conf *conf, struct fdb **table, struct err *err) ON_MAIN;
int __real_dp_acl_create(struct dp *dp, const struct dp_acl_entry *entries, size_t n,
	bool accept_rest, struct dp_acl **out, struct err *err) ON_MAIN;
int __wrap_dp_acl_create(struct dp *dp, const struct dp_acl_entry *entries, size_t n,
	bool accept_rest, struct dp_acl **out, struct err *err) ON_MAIN;
void __real_dp_acl_destroy(struct dp *dp, struct dp_acl *acl) ON_MAIN;
void __wrap_dp_acl_destroy(struct dp *dp, struct dp_acl *acl) ON_MAIN;
int __real_acl_config_make(const json_t *entry, struct acl_config *config, struct err *err);
int __wrap_acl_config_make(const json_t *entry, struct acl_config *config, struct err *err);
uint16_t __real_port_numbers_take(struct port_numbers *numbers, const char *name) ON_MAIN;
uint16_t __wrap_port_numbers_take(struct port_numbers *numbers, const char *name) ON_MAIN;
void __real_port_numbers_put(struct port_numbers *numbers, uint16_t number) ON_MAIN;
void __wrap_port_numbers_put(struct port_numbers *numbers, uint16_t number) ON_MAIN;

int
__wrap_dp_bridge_create(
	struct dp *dp, const struct dp_bridge_conf *conf, struct dp_bridge **out, struct err *err)
{
	int rc =
		fails("dp_bridge_create", err) ? -EIO : __real_dp_bridge_create(dp, conf, out, err);

	things.bridges += rc == 0;
	return rc;
}

void
__wrap_dp_bridge_destroy(struct dp *dp, struct dp_bridge *bridge)
{
	things.bridges--;
	__real_dp_bridge_destroy(dp, bridge);
}

int
__wrap_dp_bridge_prepare(struct dp *dp, const struct dp_bridge *bridge,
	const struct dp_bridge_conf *conf, struct fdb **table, struct err *err)
{
	*table = NULL;
	return fails("dp_bridge_prepare", err)
		? -EIO
		: __real_dp_bridge_prepare(dp, bridge, conf, table, err);
}

int
__wrap_dp_acl_create(struct dp *dp, const struct dp_acl_entry *entries, size_t n, bool accept_rest,
	struct dp_acl **out, struct err *err)
{
	int rc = fails("dp_acl_create", err)
		? -EIO
		: __real_dp_acl_create(dp, entries, n, accept_rest, out, err);

	things.acls += rc == 0;
	return rc;
}

void
__wrap_dp_acl_destroy(struct dp *dp, struct dp_acl *acl)
{
	things.acls -= acl != NULL;
	__real_dp_acl_destroy(dp, acl);
}

int
__wrap_acl_config_make(const json_t *entry, struct acl_config *config, struct err *err)
{
	if (fails("acl_config_make", err)) {
		*config = (struct acl_config){.n = 0};
		return -EIO;
	}
	return __real_acl_config_make(entry, config, err);
}

uint16_t
__wrap_port_numbers_take(struct port_numbers *numbers, const char *name)
{
	uint16_t number =
		fails("port_numbers_take", NULL) ? 0 : __real_port_numbers_take(numbers, name);

	things.numbers += number != 0;
	return number;
}

void
__wrap_port_numbers_put(struct port_numbers *numbers, uint16_t number)
{
	things.numbers -= number != 0;
	__real_port_numbers_put(numbers, number);
}

/* --- devices -----------------------------------------------------------------------------------
 */

/* Devices are fake ports that remember what they were told. */
static struct device {
	struct port *port; /* NULL: the place is free */
	struct port_conf conf;
} devices[DEVICES_MAX];

static const char *gone = "-"; /* an interface that has been taken away */

static const struct port_ops fake_type;
static const struct port_ops tap_type;

static struct device *
device_find(const struct port *port)
{
	size_t i = 0;

	while (i < DEVICES_MAX && devices[i].port != port) {
		i++;
	}
	assert_true(i < DEVICES_MAX);
	return &devices[i];
}

static const char *
ifname_of(const struct port_conf *conf)
{
	return conf->ifname[0] == '\0' ? conf->name : conf->ifname;
}

static int
device_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err)
{
	const bool tap = strcmp(conf->type, "tap") == 0;
	struct device *device = device_find(NULL);
	int rc;

	if (fails("open", err)) {
		return -EIO;
	}
	if (strcmp(conf->ifname, gone) == 0) {
		return err_set(err, ERR_FAILED, "ifname", "there is no interface '%s'", gone);
	}
	for (size_t i = 0; tap && i < DEVICES_MAX; i++) {
		if (devices[i].port != NULL && strcmp(devices[i].conf.type, "tap") == 0 &&
			strcmp(ifname_of(&devices[i].conf), ifname_of(conf)) == 0) {
			return err_set(err, ERR_IN_USE, "ifname", "it is open already");
		}
	}
	rc = port_fake_ops.open(conf, env, port, err);
	assert_int_equal(rc, 0);
	(*port)->ops = tap ? &tap_type : &fake_type;
	*device = (struct device){*port, *conf};
	things.devices++;
	return 0;
}

static void
device_close(struct port *port, enum port_close why)
{
	device_find(port)->port = NULL;
	things.devices--;
	port_fake_ops.close(port, why);
}

static int
device_change(struct port *port, const struct port_conf *conf, struct err *err)
{
	struct device *device = device_find(port);

	if (!port_conf_same_but_mtu(&device->conf, conf)) {
		return -EOPNOTSUPP;
	}
	if (fails("change", err)) {
		return -EIO;
	}
	device->conf = *conf;
	return port_fake_ops.change(port, conf, err);
}

static int
device_check(const struct port_conf *conf, struct err *err)
{
	return port_fake_ops.check(conf, err);
}

static void
device_status(const struct port *port, struct port_status *status)
{
	port_fake_ops.status(port, status);
	if (strcmp(device_find(port)->conf.ifname, gone) == 0) {
		status->oper = PORT_FAILED;
		(void)str_copy(status->reason, "it has gone", sizeof(status->reason));
	}
}

static uint16_t
device_rx(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t max,
	struct port_counters *count)
{
	return port_fake_ops.rx_burst(port, queue, pkts, max, count);
}

static void
device_release(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t n)
{
	port_fake_ops.rx_release(port, queue, pkts, n);
}

static void
device_tx(struct port *port, uint16_t queue, struct tx_item *items, uint16_t n,
	struct port_counters *count)
{
	port_fake_ops.tx_burst(port, queue, items, n, count);
}

#define DEVICE_TYPE(name)                                                                          \
	{                                                                                          \
		.type = (name), .check = device_check, .open = device_open, .close = device_close, \
		.change = device_change, .status = device_status, .rx_burst = device_rx,           \
		.rx_release = device_release, .tx_burst = device_tx,                               \
	}

static const struct port_ops fake_type = DEVICE_TYPE("fake");
static const struct port_ops tap_type = DEVICE_TYPE("tap");
static const struct port_ops *const types[] = {&fake_type, &tap_type, NULL};

/* --- a container of /system, for which its description stands -----------------------------------
 */

static char part_text[64]; /* what the part carries out */

static int
part_prepare(void *ctx, const json_t *before, const json_t *after, bool loading, void **prepared,
	struct err *err)
{
	(void)ctx;
	(void)before;
	(void)loading;
	if (fails("system part", err)) {
		return -EIO;
	}
	*prepared = str_dup(after == NULL ? "" : json_string_value(after));
	return 0;
}

static void
part_apply(void *ctx, void *prepared)
{
	(void)ctx;
	(void)str_copy(part_text, prepared, sizeof(part_text));
	free(prepared);
}

static void
part_abort(void *ctx, void *prepared)
{
	(void)ctx;
	free(prepared);
}

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
	"{'op':'create','path':" PATH(
		"bridge", "br3") ",'value':{'group':[{'id':7,'type':'select',"
				 "'bucket':[{'id':1,'actions':'output:f2','watch-port':'f5'},"
				 "{'id':2,'actions':'output:t5'}]}],'meter':[{'id':2,'bit-"
				 "rate':99}]}},"
				 "{'op':'merge','path':" PATH("bridge",
					 "br0") ",'value':{'fdb-limit':200000,'group':["
						"{'id':1,'type':'select','bucket':[{'id':1,'"
						"actions':'output:f5'}]},"
						"{'id':2,'type':'all','bucket':[{'id':1,'"
						"actions':'output:f6'}]}]}},"
						"{'op':'delete','path':" PATH(
							"bridge", "br2") "},"
									 "{'op':'create','"
									 "path':" PATH("acl", "a2") ",'value':{'ace':[{'name':'y','forwarding':'drop'}]}},"
												    "{'op':'merge','path':" PATH(
													    "acl", "a0") ",'value':{'ace':[{'name':'z','forwarding':'drop'}]}},"
															 "{'op':'delete','path':" PATH("acl", "a1") "},"
																				    "{'op':'create','path':" PATH("port", "f5") ",'value':{'type':'fake','bridge':'br3'}},"
																										"{'op':'create','path':" PATH("port", "f6") ",'value':{'type':'fake','bridge':'br0'}},"
																															    "{'op':'create','path':" PATH("port", "t5") ",'value':{'type':'tap','ifname':'e0'}},"
																																					"{'op':'delete','path':" PATH(
																																						"port",
																																						"f4") "},"
																																						      "{'op':'delete','path':" PATH(
																																							      "port",
																																							      "t0") "},"
																																								    "{'op':'merge','path':" PATH(
																																									    "port", "f0") ",'value':{'mtu':9000}},"
																																											  "{'op':'merge','path':" PATH(
																																												  "port", "f1") ",'value':{'queues':2}},"
																																														"{'op':'merge','path':" PATH("port", "f2") ",'value':{'bridge':'br3','mtu':2000}},"
																																																			   "{'op':'merge','path':" PATH("port", "f3") ",'value':{'acl-in':'a2'}},"
																																																								      "{'op':'merge','path':" PATH(
																																																									      "port", "g0") ",'value':{'ifname':'e9'}},"
																																																											    "{'op':'merge','path':" PATH("port", "t1") ",'value':{'queues':2}},"
																																																																       "{'op':'merge','path':" PATH("port", "t2") ",'value':{'ifname':'e3'}},"
																																																																						  "{'op':'merge','path':" PATH(
																																																																							  "port",
																																																																							  "t3") ",'value':{'ifname':'e2','mtu':1400}}]";

static void
bench_start(struct bench *b) ON_MAIN ON_WORKER
{
	static struct ds_backend_ops ops;
	const struct dp_options dp_options = {.n_workers = 1, .seed = 1, .no_budget = true};
	const struct ds_options ds_options = {.ops = &ops, .ctx = &b->world};
	const struct system_part part = {.container = "description",
		.prepare = part_prepare,
		.apply = part_apply,
		.abort = part_abort};
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
	b->world.types = types;
	b->world.run_dir = "/nonexistent";
	b->world.kick = kicked;
	system_parts_add(&b->world.parts, &part);
	assert_int_equal(ds_create(&ds_options, &b->ds, &err), 0);
	outcome = do_edit(b, edits);
	if (outcome.rc != 0) {
		fail_msg("%s: %s", outcome.err.path, outcome.err.text);
	}
	json_decref(edits);
	gone = "e8";
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
		"\n%u ports, %u bridges; %d bridges, %d lists, %d numbers, %d devices; part '%s'\n",
		n_ports, n_bridges, things.bridges, things.acls, things.numbers, things.devices,
		part_text);
	TAILQ_FOREACH (port, &b->world.ports, link) {
		const struct port_conf *conf =
			port->dp == NULL ? NULL : &device_find(dp_port_device(port->dp))->conf;

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
	gone = "-";
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
