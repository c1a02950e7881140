/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers forward by rules while main changes them and all around them for some seconds; made for
 * TSan.
 *
 * Two innocents speak to each other over two flow tables: table 0 sets a register to a number,
 * table 1 asks for it and sends. Each batch brings another number to both tables, so a packet that
 * met one of them as it was before and the other as it is afterwards would find no rule. Meanwhile
 * access lists of the innocents are replaced, and groups, meters, ports and a bridge with rules of
 * its own come and go. No frame of the innocents may be lost, each comes in order, and in the end
 * rules, those that have gone among them, have counted each frame twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "datapath/dp/dp_policy.h"
#include "datapath/dp/dp_rules.h"
#include "datapath/dp/test_dp.h"
#include "tests/random.h"
#include "tests/world/innocents.h"

#define RUN (3 * CLOCK_S)
#define OTHERS 5
#define PATIENCE (20 * CLOCK_S)
#define RATE UINT64_C(100000000000) /* bits a second: never reached */

struct other {
	struct dp_port *port; /* NULL: not there */
	uint16_t number;
	bool spare; /* of that bridge */
};

struct stress {
	struct dp *dp;
	struct dp_bridge *bridge;
	struct dp_bridge *spare; /* comes and goes */
	struct innocents innocents;
	struct dp_acl *acls[2]; /* of the innocents; NULL: none */
	struct other others[OTHERS];
	uint32_t reg; /* that both tables agree on now */
	unsigned int n_batches;
	unsigned int n_changes;
};

static uint32_t
rnd(struct stress *stress, uint32_t n)
{
	return random_below(&stress->innocents.random, n);
}

/* --- rules ----------------------------------------------------------------------------------- */

static void
add_rule(struct stress *stress, struct dp_bridge *bridge, struct dp_rule_spec *spec,
	const struct action_builder *builder) ON_MAIN
{
	struct err err = ERR_INIT;

	spec->actions = action_list_new(builder);
	if (dp_rules_add(stress->dp, bridge, spec, &err) != 0) {
		fail_msg("%s", err.text);
	}
}

static void
match_port(struct match *match, uint16_t number)
{
	match_init(match);
	match->mask.in_port = UINT16_MAX;
	match->value.in_port = number;
}

/* By one of three ways that come to the same. */
static void
add_output(struct stress *stress, struct action_builder *builder, uint16_t number)
{
	switch (rnd(stress, 3)) {
	case 0:
		action_add(builder, ACTION_METER, 0, 1 + rnd(stress, 2), NULL, 0);
		action_add(builder, ACTION_OUTPUT, 0, number, NULL, 0);
		break;
	case 1:
		action_add(builder, ACTION_GROUP, 0, number, NULL, 0);
		break;
	default:
		action_add(builder, ACTION_OUTPUT, 0, number, NULL, 0);
	}
}

/* What an innocent's frames meet, with this number. */
static void
add_pair(struct stress *stress, uint16_t from, uint16_t to, uint32_t reg) ON_MAIN
{
	struct dp_rule_spec first = {.priority = 10};
	struct dp_rule_spec second = {.priority = 10, .table = 1};
	struct action_builder builder = {.size = 0};
	struct fields value = {.regs = {reg}};
	struct fields mask = {.regs = {UINT32_MAX}};

	match_port(&first.match, from);
	action_add_set(&builder, ACTION_REG0, false, &value, &mask);
	action_add(&builder, ACTION_GOTO, 1, 0, NULL, 0);
	add_rule(stress, stress->bridge, &first, &builder);
	match_port(&second.match, from);
	second.match.mask.regs[0] = UINT32_MAX;
	second.match.value.regs[0] = reg;
	if (rnd(stress, 2) == 0) {
		second.match.mask.eth_type = UINT16_MAX;
		second.match.value.eth_type = rte_cpu_to_be_16(0x88b5);
	}
	builder = (struct action_builder){.size = 0};
	add_output(stress, &builder, to);
	add_rule(stress, stress->bridge, &second, &builder);
}

/* Another number, in both tables at once; sometimes first a batch that is taken back. */
static void
flip(struct stress *stress) ON_MAIN
{
	const bool keep = rnd(stress, 4) != 0;
	const uint32_t reg = 1 + rnd(stress, 1000);
	struct rules_filter filter = {.all_tables = rnd(stress, 2) == 0, .table = 1};
	size_t n;

	match_init(&filter.match);
	dp_rules_begin(stress->dp, stress->bridge);
	assert_int_equal(dp_rules_delete(stress->dp, stress->bridge, &filter, &n, NULL), 0);
	add_pair(stress, 1, 2, reg);
	add_pair(stress, 2, 1, reg);
	if (keep) {
		dp_rules_commit(stress->dp, stress->bridge);
		stress->reg = reg;
	} else {
		dp_rules_abort(stress->dp, stress->bridge);
	}
	stress->n_batches++;
}

static void
set_group(struct stress *stress, uint32_t id, uint16_t number) ON_MAIN
{
	struct action_builder builder = {.size = 0};
	struct dp_bucket buckets[3];
	const uint32_t n = 1 + rnd(stress, 3);

	action_add(&builder, ACTION_OUTPUT, 0, number, NULL, 0);
	for (uint32_t i = 0; i < n; i++) {
		buckets[i] = (struct dp_bucket){.weight = (uint16_t)(1 + rnd(stress, 9)),
			.actions = action_list_new(&builder)};
	}
	dp_bridge_set_group(stress->dp, stress->bridge, id,
		rnd(stress, 2) == 0 ? GROUP_SELECT : GROUP_FAILOVER, buckets, n);
}

static void
set_meter(struct stress *stress, uint32_t id) ON_MAIN
{
	const struct meter_conf conf = {.rate = RATE + rnd(stress, 2), .burst = RATE / 100};

	assert_int_equal(dp_bridge_set_meter(stress->dp, stress->bridge, id, &conf, NULL), 0);
}

/* --- ports ----------------------------------------------------------------------------------- */

static void
set_port(struct stress *stress, struct dp_port *port, struct dp_bridge *bridge, uint16_t number,
	const struct dp_port_policy *policy) ON_MAIN
{
	struct dp_port_fwd fwd = test_dp_fwd(bridge);

	fwd.number = number;
	fwd.policy = policy;
	dp_port_set(stress->dp, port, &fwd);
}

/* Its port's number in rules is one more. */
static void
set_innocent(
	struct stress *stress, unsigned int innocent, const struct dp_port_policy *policy) ON_MAIN
{
	set_port(stress, stress->innocents.one[innocent].port, stress->bridge,
		(uint16_t)(1 + innocent), policy);
}

/* All may pass, whatever the entries look at. */
static struct dp_acl *
make_acl(struct stress *stress) ON_MAIN
{
	struct dp_acl_entry entries[3];
	const size_t n = 1 + rnd(stress, 3);
	struct err err = ERR_INIT;
	struct dp_acl *acl;

	for (size_t i = 0; i < n; i++) {
		struct match *match = &entries[i].match;

		entries[i].accept = true;
		match_init(match);
		match->mask.eth_dst[5] = (uint8_t)(1U << rnd(stress, 8));
		match->value.eth_dst[5] = (uint8_t)rnd(stress, 256) & match->mask.eth_dst[5];
	}
	if (dp_acl_create(stress->dp, entries, n, true, &acl, &err) != 0) {
		fail_msg("%s", err.text);
	}
	return acl;
}

/* A new list takes the old one's place, at the way in or out or both. */
static void
change_acl(struct stress *stress, unsigned int innocent) ON_MAIN
{
	struct dp_acl *acl = rnd(stress, 4) == 0 ? NULL : make_acl(stress);
	const bool out = rnd(stress, 2) == 0;
	const struct dp_port_policy policy = {
		.acl_in = out && rnd(stress, 2) == 0 ? NULL : acl, .acl_out = out ? acl : NULL};

	set_innocent(stress, innocent, &policy);
	dp_acl_destroy(stress->dp, stress->acls[innocent]);
	stress->acls[innocent] = acl;
	dp_publish(stress->dp);
}

static void
other_come_or_go(struct stress *stress, struct other *other) ON_MAIN
{
	char name[16];

	if (other->port != NULL) {
		dp_port_close(stress->dp, other->port, PORT_CLOSE_DELETED, NULL, NULL);
		other->port = NULL;
		return;
	}
	other->spare = stress->spare != NULL && rnd(stress, 2) == 0;
	(void)snprintf(name, sizeof(name), "p%u", other->number);
	other->port = stress_port(stress->dp, name, (uint16_t)(1 + rnd(stress, 3)));
	set_port(stress, other->port, other->spare ? stress->spare : stress->bridge, other->number,
		NULL);
}

/* With rules of its own, which its ports' flows hold when it goes. */
static void
spare_come_or_go(struct stress *stress) ON_MAIN
{
	const struct dp_bridge_conf conf = {.fdb = {.limit = 100, .aging_s = 10}};
	struct dp_rule_spec spec = {.priority = 1};
	struct action_builder builder = {.size = 0};

	if (stress->spare == NULL) {
		assert_int_equal(dp_bridge_create(stress->dp, &conf, &stress->spare, NULL), 0);
		match_init(&spec.match);
		spec.match.mask.eth_src[5] = 3;
		action_add(&builder, ACTION_FLOOD, 0, 0, NULL, 0);
		dp_rules_begin(stress->dp, stress->spare);
		add_rule(stress, stress->spare, &spec, &builder);
		dp_rules_commit(stress->dp, stress->spare);
		return;
	}
	for (int i = 0; i < OTHERS; i++) {
		if (stress->others[i].port != NULL && stress->others[i].spare) {
			other_come_or_go(stress, &stress->others[i]);
		}
	}
	dp_bridge_destroy(stress->dp, stress->spare);
	stress->spare = NULL;
}

/* --- the test -------------------------------------------------------------------------------- */

static void
change(struct stress *stress) ON_MAIN
{
	struct other *other = &stress->others[rnd(stress, OTHERS)];

	switch (rnd(stress, 10)) {
	case 0:
		other_come_or_go(stress, other);
		break;
	case 1:
		if (rnd(stress, 4) == 0) {
			spare_come_or_go(stress);
		}
		break;
	case 2:
		change_acl(stress, rnd(stress, 2));
		break;
	case 3:
		/* Those in use are replaced, another one comes and goes. */
		set_group(stress, 1 + rnd(stress, 2), 1);
		set_group(stress, 1, 1);
		set_group(stress, 2, 2);
		break;
	case 4:
		set_group(stress, 3, 1);
		dp_bridge_del_group(stress->dp, stress->bridge, 3 + rnd(stress, 2));
		break;
	case 5:
		/* A meter that is not there limits nothing. */
		set_meter(stress, 1 + rnd(stress, 2));
		dp_bridge_del_meter(stress->dp, stress->bridge, 1 + rnd(stress, 2));
		break;
	default:
		if (other->port != NULL) {
			stranger_talk(&stress->innocents, other->port);
		}
	}
	stress->n_changes++;
}

static void
stress_start(struct stress *stress) ON_MAIN
{
	const struct dp_options options = {.n_workers = 2,
		.threads = true,
		.no_budget = true,
		.seed = 1,
		.flows = FLOW_CAPACITY_MIN};
	const struct dp_bridge_conf conf = {.fdb = {.limit = 1000, .aging_s = 300}};
	struct err err = ERR_INIT;

	if (dp_create(&options, &stress->dp, &err) != 0) {
		fail_msg("%s", err.text);
	}
	assert_int_equal(dp_bridge_create(stress->dp, &conf, &stress->bridge, NULL), 0);
	innocents_start(&stress->innocents, stress->dp, 20);
	for (uint16_t i = 0; i < 2; i++) {
		set_innocent(stress, i, NULL);
		set_group(stress, i + 1, i + 1);
	}
	for (uint16_t i = 0; i < OTHERS; i++) {
		stress->others[i].number = (uint16_t)(3 + i);
	}
	dp_publish(stress->dp);
	dp_rules_begin(stress->dp, stress->bridge);
	add_pair(stress, 1, 2, 1);
	add_pair(stress, 2, 1, 1);
	dp_rules_commit(stress->dp, stress->bridge);
}

/* Workers tell what their flows have counted within some seconds. */
static void
check_books(struct stress *stress) ON_MAIN
{
	const uint64_t frames =
		(uint64_t)stress->innocents.one[0].next_out + stress->innocents.one[1].next_out;
	const uint64_t start = clock_now();
	struct dp_rules_stats stats;

	do {
		const uint64_t now = innocents_step(&stress->innocents, stress->dp);

		dp_rules_get_stats(stress->dp, stress->bridge, &stats);
		if (now - start > PATIENCE) {
			fail_msg("%llu frames met 2 rules each, which have counted %llu + %llu",
				(unsigned long long)frames, (unsigned long long)stats.packets,
				(unsigned long long)stats.removed_packets);
		}
	} while (stats.packets + stats.removed_packets != 2 * frames);
	assert_int_equal(stats.rules, 4);
}

static void
test_batches_are_whole(void **state)
{
	struct stress *stress = calloc(1, sizeof(*stress));
	struct innocent *a = &stress->innocents.one[0];
	struct innocent *b = &stress->innocents.one[1];
	struct port_counters c;
	uint64_t start;

	(void)state;
	role_assert(&role_main);
	stress_start(stress);
	start = clock_now();
	while (innocents_step(&stress->innocents, stress->dp) - start < RUN) {
		innocents_talk(&stress->innocents);
		flip(stress);
		for (uint32_t i = rnd(stress, 4); i > 0; i--) {
			change(stress);
		}
	}
	innocents_hear_the_rest(&stress->innocents, stress->dp);
	check_books(stress);
	dp_port_get_counters(stress->dp, a->port, &c);
	assert_int_equal(c.rx_packets, a->next_out);
	assert_int_equal(c.drops[DROP_NO_RULE], 0);
	dp_destroy(stress->dp, PORT_CLOSE_SHUTDOWN);
	printf("# %u frames, %u batches, %u changes\n", a->next_out + b->next_out,
		stress->n_batches, stress->n_changes);
	assert_in_range(stress->n_batches, 50, UINT32_MAX);
	free(stress);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batches_are_whole),
	};
	int n_failed;

	role_enter(&role_main);
	n_failed = cmocka_run_group_tests_name("rules_threads", tests, NULL, NULL);
	role_leave(&role_main);
	return n_failed;
}
