/* SPDX-License-Identifier: BSD-3-Clause */
/* Flow tables programmed as a client does it: rules as text, a switch that forwards by them. */
#include "vswitchd/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ctl/flow_text.h"
#include "datapath/dp/dp_rules.h"
#include "tests/world/switch.h"

#define TEXT_SIZE (64U << 10)

struct client {
	struct sw *sw;
	struct programmer programmer;
	struct err err;
	uint64_t touched; /* by the last op of the last batch */
};

static struct client
client_of(void **state, unsigned int n_ports) ROLE_ATTR(assert_capability(role_main))
	ROLE_ATTR(assert_capability(role_worker))
{
	struct client client = {.sw = switch_of(state)};

	role_assert(&role_main);
	role_assert(&role_worker);
	switch_ports(client.sw, n_ports, "");
	return client;
}

/* The programmer knows where it is, so it begins in its place. */
static void
client_begin(struct client *client) ON_MAIN
{
	programmer_init(&client->programmer, &client->sw->world);
}

/* A rule on each line, one batch, for br0. */
static int
batch(struct client *client, const char *lines, bool dry) ON_MAIN
{
	const struct program_backend *backend = &client->programmer.backend;
	char *copy = str_dup(lines);
	char *save = NULL;
	int rc;

	client->err = (struct err)ERR_INIT;
	rc = backend->begin(backend->ctx, "br0", &client->err);
	assert_int_equal(rc, 0);
	for (char *line = strtok_r(copy, "\n", &save); line != NULL && rc == 0;
		line = strtok_r(NULL, "\n", &save)) {
		struct flow_rule rule;

		if (flow_text_parse_op(line, strlen(line), &rule, &client->err) != 0) {
			fail_msg("%s: %s", line, client->err.text);
		}
		rc = backend->op(backend->ctx, &rule, &client->touched, &client->err);
	}
	free(copy);
	if (rc == 0 && !dry) {
		backend->commit(backend->ctx);
	} else {
		backend->abort(backend->ctx);
	}
	return rc;
}

/* One that must succeed; the last op touched so many. */
static void
program(struct client *client, const char *lines, uint64_t touched) ON_MAIN
{
	if (batch(client, lines, false) != 0) {
		fail_msg("%s: %s: %s", lines, client->err.path, client->err.text);
	}
	assert_int_equal(client->touched, touched);
}

static void
refused(struct client *client, const char *lines, int rc, const char *path,
	const char *text) ON_MAIN
{
	assert_int_equal(batch(client, lines, false), rc);
	assert_string_equal(client->err.path, path);
	assert_string_equal(client->err.text, text);
}

/* --- lists -------------------------------------------------------------------------------------
 */

struct told {
	char *text; /* a rule on each line; TEXT_SIZE */
	unsigned int n;
	unsigned int limit;
	char place[64]; /* of the last */
	struct program_counts counts; /* likewise */
};

static bool
hear(void *arg, const struct flow_rule *rule, const struct program_counts *counts,
	const char *place)
{
	struct told *told = arg;
	size_t len = strlen(told->text);

	len += flow_text_print(rule, told->text + len, TEXT_SIZE - len);
	assert_true(len < TEXT_SIZE - 2);
	(void)str_append(told->text, "\n", TEXT_SIZE);
	(void)str_copy(told->place, place, sizeof(told->place));
	told->counts = *counts;
	return ++told->n < told->limit;
}

/* At most `limit` rules behind a place, appended. */
static void
list(struct client *client, const char *match, const char *after, struct told *told) ON_MAIN
{
	const struct program_backend *backend = &client->programmer.backend;
	struct flow_rule filter;
	struct err err = ERR_INIT;

	assert_int_equal(flow_text_parse_match(match, strlen(match), &filter, &err), 0);
	if (backend->list(backend->ctx, "br0", &filter, after, hear, told, &err) != 0) {
		fail_msg("%s: %s", match, err.text);
	}
}

static void
must_list(struct client *client, const char *match, const char *want) ON_MAIN
{
	struct told told = {.text = calloc(1, TEXT_SIZE), .limit = UINT32_MAX};

	list(client, match, "", &told);
	assert_string_equal(told.text, want);
	free(told.text);
}

static struct program_counts
counts_of(struct client *client, const char *match) ON_MAIN
{
	struct told told = {.text = calloc(1, TEXT_SIZE), .limit = 1};

	list(client, match, "", &told);
	assert_int_equal(told.n, 1);
	free(told.text);
	return told.counts;
}

/* --- tests -------------------------------------------------------------------------------------
 */

static void
test_forward(void **state)
{
	struct client client = client_of(state, 3);
	struct frame frame;
	struct program_counts counts;

	client_begin(&client);
	frame_plain(&frame, FRAME_BROADCAST, 1, 1);
	switch_through(client.sw, "p1", &frame, "p2 p3");
	program(&client, "in_port=p1,actions=output:p3", 1);
	switch_through(client.sw, "p1", &frame, "p3");
	switch_through(client.sw, "p2", &frame, "p1 p3");
	switch_sleep(client.sw, 3 * CLOCK_S);
	counts = counts_of(&client, "");
	assert_int_equal(counts.packets, 1);
	assert_int_equal(counts.bytes, frame.len);
	assert_in_range(counts.age_ms, 3000, 3500);
	assert_in_range(counts.idle_ms, 2000, 3500);
	program(&client, "modify in_port=p1,actions=in_port", 1);
	switch_through(client.sw, "p1", &frame, "p1");
	program(&client, "modify in_port=p1,actions=drop", 1);
	switch_through(client.sw, "p1", &frame, "");
	program(&client, "delete", 1);
	switch_through(client.sw, "p1", &frame, "p2 p3");
}

static void
test_edits(void **state)
{
	struct client client = client_of(state, 2);
	struct frame plain;
	struct frame tagged;

	client_begin(&client);
	frame_plain(&plain, 2, 1, 7);
	tagged = plain;
	memmove(tagged.bytes + 16, plain.bytes + 12, plain.len - 12);
	memcpy(tagged.bytes + 12, "\x81\x00\xa0\x64", 4); /* priority 5, VLAN 100 */
	tagged.len += 4;
	program(&client,
		"in_port=p1,actions=mod_vlan_vid:100,mod_vlan_pcp:5,goto_table:1\n"
		"table=1,dl_vlan=100,dl_vlan_pcp=5,actions=output:p2\n"
		"in_port=p2,dl_vlan=100,actions=pop_vlan,set_field:9->reg3,goto_table:7\n"
		"table=7,reg3=9,vlan_tci=0,actions=p1",
		1);
	switch_inject(client.sw, "p1", &plain);
	switch_settle(client.sw);
	switch_expect(client.sw, "p2", &tagged);
	switch_inject(client.sw, "p2", &tagged);
	switch_settle(client.sw);
	switch_expect(client.sw, "p1", &plain);
	switch_expect_nothing(client.sw);
}

static void
test_batches(void **state)
{
	struct client client = client_of(state, 2);

	client_begin(&client);
	program(&client, "priority=1,actions=drop", 1);
	refused(&client, "actions=normal\ndelete\nactions=p1,output:p9", -EINVAL, "actions/1/port",
		"there is no port 'p9'");
	must_list(&client, "", "priority=1,actions=drop\n");
	assert_int_equal(batch(&client, "actions=normal\ndelete", true), 0);
	assert_int_equal(client.touched, 2);
	must_list(&client, "", "priority=1,actions=drop\n");
	program(&client, "delete\nactions=normal\ntcp,actions=normal\ntcp,actions=flood", 1);
	must_list(&client, "", "actions=normal\ntcp,actions=flood\n");
}

static void
test_errors(void **state)
{
	struct client client = client_of(state, 2);
	const struct program_backend *backend = &client.programmer.backend;
	static const char *const places[] = {"1", "1/2", "1/2/3/4", "255/1/1", "1/65536/1",
		"1/1/4294967296", "a/1/1", "1//1", "/1/1", "-1/1/1", "1/1/1 "};
	struct flow_rule filter;
	struct told told = {.limit = 1};

	client_begin(&client);
	assert_int_equal(backend->begin(backend->ctx, "br7", &client.err), -ENOENT);
	assert_string_equal(client.err.text, "there is no bridge 'br7'");
	switch_do(client.sw, "create", "bridge[name='br1']", NULL);
	switch_do(client.sw, "create", "port[name='x']", "{'type':'fake','bridge':'br1'}");
	switch_do(client.sw, "create", "port[name='y']", "{'type':'fake'}");
	refused(&client, "actions=x", -EINVAL, "actions/0/port", "port 'x' is not in bridge 'br0'");
	refused(&client, "in_port=y,actions=drop", -EINVAL, "match/in-port",
		"port 'y' is not in bridge 'br0'");
	refused(&client, "modify actions=normal,x", -EINVAL, "actions/1/port",
		"port 'x' is not in bridge 'br0'");
	program(&client, "table=2,actions=drop\ntable=5,actions=drop", 1);
	refused(&client, "modify actions=p1,goto_table:5", -EINVAL, "actions/1/table",
		"table 5: from table 5, which has such a rule, only later tables can be reached");
	must_list(&client, "", "table=2,actions=drop\ntable=5,actions=drop\n");
	program(&client, "modify actions=goto_table:6", 2);
	assert_int_equal(flow_text_parse_match("", 0, &filter, &client.err), 0);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		assert_int_equal(backend->list(backend->ctx, "br0", &filter, places[i], hear, &told,
					 &client.err),
			-EINVAL);
		assert_string_equal(client.err.path, "after");
	}
	assert_int_equal(
		backend->list(backend->ctx, "br7", &filter, "", hear, &told, &client.err), -ENOENT);
}

static void
test_filters(void **state)
{
	struct client client = client_of(state, 3);

	client_begin(&client);
	program(&client,
		"priority=5,cookie=0x11,tcp,tp_dst=80,actions=p1,p2\n"
		"priority=4,cookie=0x12,tcp,actions=dec_ttl,p2\n"
		"priority=3,cookie=0x21,in_port=p1,actions=output(port=p2,max_len=60)\n"
		"table=1,cookie=0x22,tcp,actions=p3\n",
		1);
	must_list(&client, "tcp",
		"priority=5,cookie=0x11,tcp,tp_dst=80,actions=output:p1,output:p2\n"
		"priority=4,cookie=0x12,tcp,actions=dec_ttl,output:p2\n"
		"table=1,cookie=0x22,tcp,actions=output:p3\n");
	must_list(&client, "table=1", "table=1,cookie=0x22,tcp,actions=output:p3\n");
	must_list(&client, "table=9", "");
	must_list(&client, "in_port=p1",
		"priority=3,cookie=0x21,in_port=p1,actions=output(port=p2,max_len=60)\n");
	must_list(&client, "in_port=nobody", "");
	program(&client, "delete in_port=nobody", 0);
	program(&client, "delete out_port=nobody", 0);
	program(&client, "modify in_port=nobody,actions=drop", 0);
	program(&client, "modify_strict priority=3,tcp,actions=drop", 0);
	program(&client, "modify_strict priority=4,tcp,actions=p2", 1);
	program(&client, "modify cookie=0x20/0xf0,actions=p2", 2);
	program(&client, "delete out_port=p1", 1);
	must_list(&client, "",
		"priority=4,cookie=0x12,tcp,actions=output:p2\n"
		"priority=3,cookie=0x21,in_port=p1,actions=output:p2\n"
		"table=1,cookie=0x22,tcp,actions=output:p2\n");
	program(&client, "delete table=0,out_port=p2,tcp", 1);
	program(&client, "delete_strict cookie=0x22,tcp", 1);
	program(&client, "delete cookie=0x21", 1);
	must_list(&client, "", "");
}

static void
test_pages(void **state)
{
	struct client client = client_of(state, 1);
	struct told all = {.text = calloc(1, TEXT_SIZE), .limit = UINT32_MAX};
	struct told pages = {.text = calloc(1, TEXT_SIZE)};
	char line[128];
	unsigned int n;

	client_begin(&client);
	for (unsigned int i = 0; i < 200; i++) {
		const unsigned int table = i * 7 % 3 * 127;

		(void)snprintf(line, sizeof(line),
			"table=%u,priority=%u,cookie=%u,reg0=%u,actions="
			"drop",
			table, i * 31 % 5 * 16383, i + 1, i);
		program(&client, line, 1);
	}
	list(&client, "", "", &all);
	assert_int_equal(all.n, 200);
	do {
		n = pages.n;
		pages.limit = n + 7;
		list(&client, "", pages.place, &pages);
	} while (pages.n > n);
	assert_string_equal(pages.text, all.text);
	free(all.text);
	free(pages.text);
}

/* In order of table, falling priority, and age, which a cookie tells here. */
static bool
in_order(void *arg, const struct flow_rule *rule, const struct program_counts *counts,
	const char *place)
{
	struct flow_rule *last = arg;

	if (last->cookie != 0) {
		assert_true(rule->table > last->table ||
			(rule->table == last->table &&
				(rule->priority < last->priority ||
					(rule->priority == last->priority &&
						rule->cookie > last->cookie))));
	}
	last->table = rule->table;
	last->priority = rule->priority;
	last->cookie = rule->cookie;
	last->n_actions++; /* rules told */
	return true;
}

static void
test_many(void **state)
{
	struct client client = client_of(state, 1);
	const struct program_backend *backend = &client.programmer.backend;
	const unsigned int n = 2 * PROGRAM_PAGE_MAX + 5000;
	struct flow_rule last = {.cookie = 0};
	struct flow_rule rule;
	struct err err = ERR_INIT;
	char line[128];

	client_begin(&client);
	assert_int_equal(backend->begin(backend->ctx, "br0", &err), 0);
	for (unsigned int i = 1; i <= n; i++) {
		(void)snprintf(line, sizeof(line),
			"table=%u,priority=%u,cookie=%u,reg0=%u,actions=drop", i % 50 == 0, i % 3,
			i, i);
		assert_int_equal(flow_text_parse_op(line, strlen(line), &rule, &err), 0);
		assert_int_equal(backend->op(backend->ctx, &rule, &client.touched, &client.err), 0);
	}
	backend->commit(backend->ctx);
	assert_int_equal(flow_text_parse_match("", 0, &rule, &err), 0);
	assert_int_equal(backend->list(backend->ctx, "br0", &rule, "", in_order, &last, &err), 0);
	assert_int_equal(last.n_actions, n);
	program(&client, "delete", n);
}

static void
test_timeouts(void **state)
{
	struct client client = client_of(state, 2);
	struct frame frame;

	client_begin(&client);
	frame_plain(&frame, FRAME_BROADCAST, 1, 1);
	program(&client,
		"priority=3,idle_timeout=4,in_port=p1,actions=p2\n"
		"priority=2,hard_timeout=9,in_port=p1,actions=p1\n"
		"priority=1,idle_timeout=2,hard_timeout=60,in_port=p2,actions=p1",
		1);
	for (int i = 0; i < 6; i++) {
		switch_through(client.sw, "p1", &frame, "p2");
		switch_sleep(client.sw, 1 * CLOCK_S);
	}
	must_list(&client, "",
		"priority=3,idle_timeout=4,in_port=p1,actions=output:p2\n"
		"priority=2,hard_timeout=9,in_port=p1,actions=output:p1\n");
	switch_sleep(client.sw, 6 * CLOCK_S);
	must_list(&client, "", "");
}

static void
test_a_port_that_goes(void **state)
{
	struct client client = client_of(state, 2);
	struct frame frame;

	client_begin(&client);
	frame_plain(&frame, FRAME_BROADCAST, 1, 1);
	program(&client, "in_port=p1,actions=p2\npriority=2,in_port=p2,actions=p1", 1);
	switch_through(client.sw, "p1", &frame, "p2");
	assert_true(TAILQ_EMPTY(&client.sw->world.numbers.idle));
	switch_do(client.sw, "delete", "port[name='p2']", NULL);
	assert_false(TAILQ_EMPTY(&client.sw->world.numbers.idle));
	switch_do(client.sw, "create", "port[name='p3']", "{'type':'fake','bridge':'br0'}");
	must_list(&client, "",
		"in_port=p1,actions=output:p2\n"
		"priority=2,in_port=p2,actions=output:p1\n");
	switch_through(client.sw, "p1", &frame, "");
	must_list(&client, "in_port=p2", "priority=2,in_port=p2,actions=output:p1\n");
	refused(&client, "actions=p2", -EINVAL, "actions/0/port", "there is no port 'p2'");
	switch_do(client.sw, "create", "port[name='p2']", "{'type':'fake','bridge':'br0'}");
	switch_through(client.sw, "p1", &frame, "p2");
	switch_through(client.sw, "p2", &frame, "p1");
	switch_do(client.sw, "merge", "port[name='p2']", "{'mtu':2000,'queues':2}");
	switch_through(client.sw, "p1", &frame, "p2");
	program(&client, "delete out_port=p2", 1);
	program(&client, "delete", 1);
	assert_false(client.sw->world.numbers.used(
		client.sw->world.numbers.arg, port_numbers_find(&client.sw->world.numbers, "p2")));
}

static void
test_numbers_in_use(void **state)
{
	struct client client = client_of(state, 3);
	const struct port_numbers *numbers = &client.sw->world.numbers;

	client_begin(&client);
	program(&client, "in_port=p1,actions=normal,p2", 1);
	assert_true(numbers->used(numbers->arg, port_numbers_find(numbers, "p1")));
	assert_true(numbers->used(numbers->arg, port_numbers_find(numbers, "p2")));
	assert_false(numbers->used(numbers->arg, port_numbers_find(numbers, "p3")));
	/* With a bridge its rules go. */
	for (int i = 1; i <= 3; i++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "port[name='p%d']/bridge", i);
		switch_op(client.sw, "remove", path, NULL);
	}
	switch_op(client.sw, "delete", "bridge[name='br0']", NULL);
	assert_int_equal(switch_commit(client.sw), 0);
	assert_false(numbers->used(numbers->arg, port_numbers_find(numbers, "p1")));
	switch_do(client.sw, "create", "bridge[name='br0']", NULL);
	must_list(&client, "", "");
}

/* What a worker that is stuck may still look at must not fill the memory. */
static void
test_a_worker_that_is_stuck(void **state)
{
	struct client client = client_of(state, 2);
	const struct program_backend *backend = &client.programmer.backend;

	role_assert(&role_main);
	role_assert(&role_worker);
	client_begin(&client);
	for (unsigned int i = 0; !dp_lags(client.sw->world.dp); i++) {
		assert_in_range(i, 0, DP_LAG_MAX);
		assert_int_equal(batch(&client, "add priority=1,actions=normal", false), 0);
	}
	assert_int_equal(backend->begin(backend->ctx, "br0", &client.err), -ENOSPC);
	switch_settle(client.sw);
	assert_int_equal(batch(&client, "add priority=1,actions=normal", false), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SWITCH_CASE(test_forward),
		SWITCH_CASE(test_edits),
		SWITCH_CASE(test_batches),
		SWITCH_CASE(test_errors),
		SWITCH_CASE(test_filters),
		SWITCH_CASE(test_pages),
		SWITCH_CASE(test_many),
		SWITCH_CASE(test_timeouts),
		SWITCH_CASE(test_a_port_that_goes),
		SWITCH_CASE(test_numbers_in_use),
		SWITCH_CASE(test_a_worker_that_is_stuck),
	};
	int failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return failed;
}
