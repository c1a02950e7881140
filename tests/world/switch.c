/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/world/switch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "datapath/dp/dp_loss.h"
#include "ports/fake/fake.h"
#include "tests/random.h"
#include "tests/world/held_port.h"
#include "vswitchd/actions.h"
#include "vswitchd/mac_events.h"
#include "vswitchd/punt_events.h"

#define ROOT "/vswitch:vswitch/"
#define START (1000 * CLOCK_S)
#define STEPS_MAX 1000

static const struct port_ops *const types[] = {&port_fake_ops, &held_port_ops, NULL};

/* Add to (or take from) what was forwarded, and what became of the copies. */
static void
balance(const struct port_counters *c, uint64_t *in, uint64_t *out, int sign)
{
	uint64_t received = c->rx_packets;
	uint64_t sent = c->tx_packets;

	for (int r = 0; r < DROP_N; r++) {
		if (r < DROP_TX_FIRST) {
			received -= c->drops[r];
		} else {
			sent += c->drops[r];
		}
	}
	*in += sign > 0 ? received : -received;
	*out += sign > 0 ? sent : -sent;
}

static void
on_kick(void *arg)
{
	(void)arg;
}

static void
on_done(void *arg, int rc, const json_t *result, const struct err *err)
{
	struct sw *sw = arg;

	(void)result;
	assert_false(sw->done);
	sw->done = true;
	sw->rc = rc;
	sw->err = rc != 0 ? *err : (struct err)ERR_INIT;
}

static void
on_punt(void *arg, const struct punted *punted)
{
	struct sw *sw = arg;
	struct event_about about;
	json_t *event;

	role_assert(&role_main);
	event = punt_event(&sw->world, punted, &about);
	(void)json_object_set_new(event, "bridge", json_string(about.bridge));
	(void)json_array_append_new(sw->punts, event);
}

static void
on_mac(void *arg, struct dp_bridge *bridge, const struct fdb_news *news)
{
	struct event_about about = {.bridge = NULL};
	struct sw *sw = arg;

	(void)bridge;
	role_assert(&role_main);
	(void)json_array_append_new(sw->macs, mac_event(&sw->world, news, &about));
}

void
switch_create(struct sw *sw, unsigned int n_workers, const char *file)
{
	struct dp_options options = {.n_workers = n_workers,
		.run_dir = "/nowhere",
		.seed = 0x5eed,
		.punt = on_punt,
		.punt_arg = sw,
		.mac = on_mac,
		.mac_arg = sw};
	struct ds_options ds_options = {.file = file, .ops = &world_ops, .ctx = &sw->world};
	struct err err = ERR_INIT;

	memset(sw, 0, sizeof(*sw));
	sw->now = START;
	sw->random = 88172645463325252;
	sw->edits = json_array();
	sw->punts = json_array();
	sw->macs = json_array();
	assert_int_equal(dp_create(&options, &sw->dp, &err), 0);
	world_init(&sw->world);
	sw->world.dp = sw->dp;
	sw->world.types = types;
	sw->world.run_dir = options.run_dir;
	sw->world.kick = on_kick;
	assert_int_equal(ds_create(&ds_options, &sw->ds, &err), 0);
	if (file != NULL) {
		ds_load(sw->ds, on_done, sw);
		assert_true(sw->done);
	}
	(void)dp_step(sw->dp, sw->now);
}

void
switch_destroy(struct sw *sw)
{
	ds_destroy(sw->ds);
	world_abandon(&sw->world);
	dp_destroy(sw->dp, PORT_CLOSE_SHUTDOWN);
	world_fini(&sw->world);
	json_decref(sw->edits);
	json_decref(sw->punts);
	json_decref(sw->macs);
	for (size_t i = 0; i < sw->n_got; i++) {
		free(sw->got[i].bytes);
	}
	free(sw->got);
}

int
switch_setup(void **state)
{
	struct sw *sw = calloc(1, sizeof(*sw));

	role_assert(&role_main);
	assert_non_null(sw);
	held_port_reset();
	switch_create(sw, 1, NULL);
	*state = sw;
	return 0;
}

int
switch_teardown(void **state)
{
	role_assert(&role_main);
	switch_destroy(*state);
	free(*state);
	return 0;
}

struct sw *
switch_of(void **state)
{
	role_assert(&role_main);
	role_assert(&role_worker);
	return *state;
}

/* --- edits ----------------------------------------------------------------------------------- */

static json_t *
json_of(const char *text)
{
	char *copy = strdup(text);
	json_t *json;

	for (char *c = copy; *c != '\0'; c++) {
		*c = *c == '\'' ? '"' : *c;
	}
	json = json_loads(copy, JSON_DECODE_ANY, NULL);
	if (json == NULL) {
		fail_msg("not JSON: %s", copy);
	}
	free(copy);
	return json;
}

void
switch_op(struct sw *sw, const char *op, const char *path, const char *value)
{
	char full[ERR_PATH_SIZE] = ROOT;
	json_t *item;

	assert_true(str_append(full, path, sizeof(full)));
	item = json_pack("{s:s, s:s}", "op", op, "path", full);
	if (value != NULL) {
		(void)json_object_set_new(item, "value", json_of(value));
	}
	(void)json_array_append_new(sw->edits, item);
}

void
switch_begin(struct sw *sw)
{
	json_t *params = json_pack("{s:o}", "edits", sw->edits);

	sw->edits = json_array();
	sw->done = false;
	ds_edit(sw->ds, params, NULL, on_done, sw);
	json_decref(params);
}

/* A port that has gone takes its counters with it, also if it comes again under its name. */
static void
forget_gone(struct sw *sw) ON_MAIN
{
	for (int i = 0; i < SWITCH_PORTS && sw->tally[i].port[0] != '\0'; i++) {
		struct tally *tally = &sw->tally[i];

		if (world_find_port(&sw->world, tally->port) != NULL) {
			continue;
		}
		balance(&tally->last, &sw->sum_in, &sw->sum_out, -1);
		memset(&tally->last, 0, sizeof(tally->last));
		tally->injected = 0;
		tally->collected = 0;
	}
}

int
switch_commit(struct sw *sw)
{
	switch_begin(sw);
	for (int i = 0; !sw->done; i++) {
		assert_in_range(i, 0, STEPS_MAX);
		(void)switch_step(sw);
	}
	forget_gone(sw);
	return sw->rc;
}

void
switch_do(struct sw *sw, const char *op, const char *path, const char *value)
{
	switch_op(sw, op, path, value);
	if (switch_commit(sw) != 0) {
		fail_msg("%s %s: %s: %s", op, path, sw->err.path, sw->err.text);
	}
}

void
switch_refuses(struct sw *sw, const char *op, const char *path, const char *value, const char *at,
	const char *says)
{
	char full[ERR_PATH_SIZE] = "/vswitch:vswitch/";

	(void)str_append(full, at, sizeof(full));
	switch_op(sw, op, path, value);
	if (switch_commit(sw) == 0 || strcmp(sw->err.path, full) != 0 ||
		strstr(sw->err.text, says) == NULL) {
		fail_msg("%s: %s: %s", path, sw->err.path, sw->err.text);
	}
}

void
switch_ports(struct sw *sw, unsigned int n, const char *leaves)
{
	switch_op(sw, "merge", "bridge[name='br0']", NULL);
	for (unsigned int i = 1; i <= n; i++) {
		char path[64];
		char value[1024];

		(void)snprintf(path, sizeof(path), "port[name='p%u']", i);
		(void)snprintf(value, sizeof(value), "{'type':'fake', 'bridge':'br0'%s%s}",
			leaves[0] == '\0' ? "" : ", ", leaves);
		switch_op(sw, "create", path, value);
	}
	if (switch_commit(sw) != 0) {
		fail_msg("%s: %s", sw->err.path, sw->err.text);
	}
}

/* The leaf of an entry as a new reference, or NULL. */
static json_t *
leaf_get(struct sw *sw, const char *entry, const char *leaf) ON_MAIN
{
	char path[ERR_PATH_SIZE] = ROOT;
	struct ds_get_options options = {.path = path};
	struct err err = ERR_INIT;
	json_t *tree;
	json_t *node;
	char copy[256];
	char *save = NULL;

	assert_true(str_append(path, entry, sizeof(path)));
	if (ds_get(sw->ds, &options, &tree, &err) != 0) {
		fail_msg("%s: %s", path, err.text);
	}
	/* A list entry comes in its wrappings: walk down to the first object that has the leaf. */
	node = tree;
	str_copy(copy, leaf, sizeof(copy));
	for (char *name = strtok_r(copy, "/", &save); name != NULL;) {
		json_t *next =
			json_is_array(node) ? json_array_get(node, 0) : json_object_get(node, name);

		if (next != NULL && !json_is_array(node)) {
			name = strtok_r(NULL, "/", &save);
		} else if (next == NULL && json_is_object(node) && json_object_size(node) == 1) {
			next = json_object_iter_value(json_object_iter(node));
		}
		node = next;
		if (node == NULL) {
			break;
		}
	}
	node = json_incref(node);
	json_decref(tree);
	return node;
}

uint64_t
switch_number(struct sw *sw, const char *entry, const char *leaf)
{
	json_t *node = leaf_get(sw, entry, leaf);
	uint64_t value = 0;

	if (json_is_integer(node)) {
		value = (uint64_t)json_integer_value(node);
	} else if (json_is_string(node)) {
		assert_int_equal(str_to_u64(json_string_value(node), 0, UINT64_MAX, &value), 0);
	} else {
		fail_msg("%s has no number %s", entry, leaf);
	}
	json_decref(node);
	return value;
}

const char *
switch_text(struct sw *sw, const char *entry, const char *leaf)
{
	static char text[PORT_REASON_SIZE];
	json_t *node = leaf_get(sw, entry, leaf);

	str_copy(text, json_is_string(node) ? json_string_value(node) : "", sizeof(text));
	json_decref(node);
	return text;
}

uint64_t
switch_drops(struct sw *sw, const char *port, enum drop_reason reason)
{
	char entry[128];
	char leaf[64];

	(void)snprintf(entry, sizeof(entry), "port[name='%s']", port);
	(void)snprintf(leaf, sizeof(leaf), "statistics/drops/%s", drop_name(reason));
	return switch_number(sw, entry, leaf);
}

static struct tally *
tally_of(struct sw *sw, const char *port)
{
	for (int i = 0; i < SWITCH_PORTS; i++) {
		struct tally *tally = &sw->tally[i];

		if (tally->port[0] == '\0') {
			str_copy(tally->port, port, sizeof(tally->port));
		}
		if (strcmp(tally->port, port) == 0) {
			return tally;
		}
	}
	fail_msg("more than %d ports", SWITCH_PORTS);
	return NULL;
}

uint64_t
switch_action(struct sw *sw, const char *name, const char *input, const char *leaf)
{
	json_t *object = json_of(input);
	json_t *output = NULL;
	struct err err = ERR_INIT;
	uint64_t value = 0;

	for (const struct rpc_action *action = world_actions; action->name != NULL; action++) {
		if (strcmp(action->name, name) == 0 &&
			action->run(&sw->world, object, &output, &err) != 0) {
			fail_msg("%s: %s", name, err.text);
		}
	}
	if (leaf != NULL) {
		assert_true(json_is_integer(json_object_get(output, leaf)));
		value = (uint64_t)json_integer_value(json_object_get(output, leaf));
	}
	if (strcmp(name, "clear-counters") == 0) {
		/* The books begin anew with the counters. */
		memset(sw->tally, 0, sizeof(sw->tally));
		sw->sum_in = 0;
		sw->sum_out = 0;
	}
	json_decref(object);
	json_decref(output);
	return value;
}

/* --- traffic --------------------------------------------------------------------------------- */

struct port *
switch_device(const struct sw *sw, const char *name)
{
	struct world_port *port = world_find_port(&sw->world, name);

	return port == NULL || port->dp == NULL ? NULL : dp_port_device(port->dp);
}

void
switch_inject_queue(struct sw *sw, const char *port, uint16_t queue, const struct frame *frame)
{
	struct port *device = switch_device(sw, port);
	struct err err = ERR_INIT;

	assert_non_null(device);
	if (fake_inject(device, queue, frame->bytes, frame->len, NULL, &err) != 0) {
		fail_msg("%s: %s", port, err.text);
	}
	tally_of(sw, port)->injected++;
}

void
switch_inject(struct sw *sw, const char *port, const struct frame *frame)
{
	switch_inject_queue(sw, port, 0, frame);
}

uint32_t
switch_step(struct sw *sw)
{
	unsigned int order[DP_WORKERS_MAX];
	unsigned int n = dp_n_workers(sw->dp);
	uint32_t moved = 0;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int j = random_below(&sw->random, i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (unsigned int i = 0; i < n; i++) {
		moved += dp_worker_step(sw->dp, order[i], sw->now);
	}
	(void)dp_step(sw->dp, sw->now);
	world_step(&sw->world, sw->now);
	return moved;
}

static void
collect(struct sw *sw, const struct world_port *port) ON_MAIN
{
	struct port *device = dp_port_device(port->dp);
	uint8_t bytes[FAKE_FRAME_MAX];
	struct pkt_offload ol;
	uint32_t len;

	for (uint16_t q = 0; q < device->n_txq; q++) {
		while ((len = fake_collect(device, q, bytes, &ol)) > 0) {
			struct got *got;

			sw->got = realloc(sw->got, (sw->n_got + 1) * sizeof(*sw->got));
			got = &sw->got[sw->n_got++];
			*got = (struct got){.queue = q, .len = len, .ol = ol};
			str_copy(got->port, port->name, sizeof(got->port));
			got->bytes = malloc(len);
			memcpy(got->bytes, bytes, len);
			tally_of(sw, port->name)->collected++;
		}
	}
}

static void
never_down(const char *port, const char *what, uint64_t before, uint64_t now)
{
	if (now < before) {
		fail_msg("%s: %s went down from %llu to %llu", port, what,
			(unsigned long long)before, (unsigned long long)now);
	}
}

/* What a port counts agrees with what the test has seen, and only grows. */
static void
check_port(struct sw *sw, const struct world_port *port, struct port_counters *sum) ON_MAIN
{
	struct tally *tally = tally_of(sw, port->name);
	struct port_counters c;

	world_port_counters(&sw->world, port, &c);
	never_down(port->name, "rx-packets", tally->last.rx_packets, c.rx_packets);
	never_down(port->name, "rx-bytes", tally->last.rx_bytes, c.rx_bytes);
	never_down(port->name, "tx-packets", tally->last.tx_packets, c.tx_packets);
	never_down(port->name, "tx-bytes", tally->last.tx_bytes, c.tx_bytes);
	for (int r = 0; r < DROP_N; r++) {
		never_down(port->name, drop_name((enum drop_reason)r), tally->last.drops[r],
			c.drops[r]);
	}
	if (c.rx_packets != tally->injected || c.tx_packets != tally->collected) {
		fail_msg("%s: received %llu of %llu injected, sent %llu and %llu came out",
			port->name, (unsigned long long)c.rx_packets,
			(unsigned long long)tally->injected, (unsigned long long)c.tx_packets,
			(unsigned long long)tally->collected);
	}
	tally->last = c;
	port_counters_add(sum, &c);
}

/* Of all ports since the start, those that are gone too; and rows say no more than counters. */
static void
check_losses(struct sw *sw) ON_MAIN
{
	const struct world_port *port;
	struct dp_traffic traffic;

	dp_get_traffic(sw->dp, &traffic);
	if (traffic.received + traffic.copies != traffic.sent + traffic.dropped) {
		fail_msg("received %llu + copies %llu = sent %llu + dropped %llu does not hold",
			(unsigned long long)traffic.received, (unsigned long long)traffic.copies,
			(unsigned long long)traffic.sent, (unsigned long long)traffic.dropped);
	}
	TAILQ_FOREACH (port, &sw->world.ports, link) {
		struct dp_loss_row *rows = NULL;
		struct port_counters c;
		uint32_t n = 0;

		if (port->dp != NULL) {
			rows = dp_port_loss_rows(sw->dp, port->dp, &n);
			dp_port_get_counters(sw->dp, port->dp, &c);
		}
		for (uint32_t i = 0; i < n; i++) {
			assert_true(rows[i].packets <= c.drops[rows[i].reason]);
			c.drops[rows[i].reason] -= rows[i].packets;
		}
		free(rows);
	}
}

static void
check_books(struct sw *sw) ON_MAIN
{
	struct port_counters sum = {0};
	const struct world_port *port;
	const uint64_t extra = dp_extra_copies(sw->dp);
	uint64_t in = 0;
	uint64_t out = 0;

	TAILQ_FOREACH (port, &sw->world.ports, link) {
		check_port(sw, port, &sum);
	}
	balance(&sum, &in, &out, 1);
	if (out - sw->sum_out != in - sw->sum_in + extra - sw->extra) {
		fail_msg("%llu frames were forwarded with %llu more copies, %llu are accounted for",
			(unsigned long long)(in - sw->sum_in),
			(unsigned long long)(extra - sw->extra),
			(unsigned long long)(out - sw->sum_out));
	}
	sw->sum_in = in;
	sw->sum_out = out;
	sw->extra = extra;
	check_losses(sw);
}

void
switch_settle(struct sw *sw)
{
	const struct world_port *port;

	for (int i = 0; switch_step(sw) > 0; i++) {
		assert_in_range(i, 0, STEPS_MAX);
	}
	forget_gone(sw);
	TAILQ_FOREACH (port, &sw->world.ports, link) {
		if (port->dp != NULL) {
			collect(sw, port);
		}
	}
	check_books(sw);
}

void
switch_sleep(struct sw *sw, uint64_t ns)
{
	const uint64_t step = 250 * CLOCK_MS;

	while (ns > 0) {
		uint64_t now = ns < step ? ns : step;

		sw->now += now;
		ns -= now;
		(void)switch_step(sw);
	}
}

void
switch_send(struct sw *sw, const char *port, const struct frame *frame)
{
	switch_inject(sw, port, frame);
	switch_settle(sw);
}

static void
print_frame(const char *what, const uint8_t *bytes, uint32_t len)
{
	fprintf(stderr, "# %s %u bytes:", what, len);
	for (uint32_t i = 0; i < len && i < 40; i++) {
		fprintf(stderr, " %02x", bytes[i]);
	}
	fprintf(stderr, "\n");
}

void
switch_expect(struct sw *sw, const char *port, const struct frame *frame)
{
	for (size_t i = 0; i < sw->n_got; i++) {
		struct got *got = &sw->got[i];

		if (strcmp(got->port, port) != 0) {
			continue;
		}
		if (got->len != frame->len || memcmp(got->bytes, frame->bytes, got->len) != 0) {
			print_frame("expected", frame->bytes, frame->len);
			print_frame("got", got->bytes, got->len);
			fail_msg("another frame came out of %s", port);
		}
		free(got->bytes);
		memmove(got, got + 1, (sw->n_got - i - 1) * sizeof(*got));
		sw->n_got--;
		return;
	}
	print_frame("expected", frame->bytes, frame->len);
	fail_msg("nothing came out of %s", port);
}

void
switch_expect_nothing(struct sw *sw)
{
	if (sw->n_got > 0) {
		print_frame("got", sw->got[0].bytes, sw->got[0].len);
		fail_msg("a frame came out of %s", sw->got[0].port);
	}
}

void
switch_through(struct sw *sw, const char *from, const struct frame *frame, const char *ports)
{
	char copy[256];
	char *save = NULL;

	switch_send(sw, from, frame);
	str_copy(copy, ports, sizeof(copy));
	for (char *name = strtok_r(copy, " ", &save); name != NULL;
		name = strtok_r(NULL, " ", &save)) {
		switch_expect(sw, name, frame);
	}
	switch_expect_nothing(sw);
}
