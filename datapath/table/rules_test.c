/* SPDX-License-Identifier: BSD-3-Clause */
/* Rule tables one behaviour at a time: limits, batches, what becomes of actions, hostile sets. */
#include "base/clock.h"
#include "datapath/table/rules_test_world.h"

#define SERVER 0x0a0a0a01U
#define SECOND_NS UINT64_C(1000000000)

static uint32_t
lookup(const struct rules *rules, uint64_t version, uint32_t dst, uint16_t port)
{
	const struct fields packet = tcp_packet(dst, port);

	return id_of(rules_lookup(rules, 0, &packet, version, NULL));
}

static void
step_all(struct rules *rules) ROLE_ATTR(assert_capability(role_main))
{
	role_assert(&role_main);
	while (rules_step(rules)) {
	}
}

static void
test_empty_tables_look_at_nothing(void **state)
{
	struct rules *rules = make_rules(state, (struct rules_conf){0});
	const struct fields none = {0};
	struct fields mask = {.proto = 1};

	assert_int_equal(lookup(rules, 0, SERVER, 80), 0);
	rules_get_mask(rules, 0, RULES_ALL, 1, &mask);
	assert_memory_equal(&mask, &none, sizeof(mask));
	assert_null(rules_find(rules, 1));
	assert_int_equal(rules_next_expiry(rules), UINT64_MAX);
	rules_begin(rules);
	assert_int_equal(rules_commit(rules), 1);
	assert_false(rules_step(rules));
}

static void
test_equal_priorities_go_to_the_lowest_id(void **state)
{
	struct rules *rules = make_rules(state, (struct rules_conf){0});
	struct rule_spec spec = tcp_spec(7, 5, SERVER, 32, 80);

	assert_int_equal(add_one(rules, &spec), 0);
	spec = tcp_spec(3, 5, SERVER, 8, 80);
	assert_int_equal(add_one(rules, &spec), 0);
	assert_int_equal(lookup(rules, 2, SERVER, 80), 3);
	spec = tcp_spec(9, 6, SERVER, 0, 80);
	assert_int_equal(add_one(rules, &spec), 0);
	assert_int_equal(lookup(rules, 3, SERVER, 80), 9);
	assert_int_equal(lookup(rules, 2, SERVER, 80), 3);
	assert_int_equal(lookup(rules, 1, SERVER, 80), 7);
}

static void
test_a_failed_batch_leaves_nothing(void **state)
{
	struct rules_world *world = *state;
	struct rules *rules = make_rules(state, (struct rules_conf){.limit = 2});
	struct rules_filter all = {0};
	struct rule_spec spec = tcp_spec(1, 1, SERVER, 32, 80);
	size_t n;

	assert_int_equal(add_one(rules, &spec), 0);
	match_init(&all.match);
	rules_begin(rules);
	assert_int_equal(rules_delete(rules, &all, &n), 0);
	assert_int_equal(n, 1);
	for (uint32_t id = 2; id < 4; id++) {
		spec = tcp_spec(id, 2, SERVER + id, 32, 80);
		assert_int_equal(rules_add(rules, &spec), 0);
	}
	spec = tcp_spec(4, 2, SERVER + 4, 32, 80);
	assert_int_equal(rules_add(rules, &spec), -ENOSPC);
	rules_abort(rules);
	assert_int_equal(rules_version(rules), 1);
	for (uint64_t version = 1; version < 4; version++) {
		assert_int_equal(lookup(rules, version, SERVER, 80), 1);
		assert_int_equal(lookup(rules, version, SERVER + 2, 80), 0);
	}
	step_all(rules);
	assert_int_equal(world->n_released, 2);
	assert_int_equal(world->n_last, 2);
	assert_non_null(rules_find(rules, 1));
	assert_null(rules_find(rules, 2));
}

static int
give_actions(void *arg, const struct rule *rule, void **actions)
{
	*actions = arg;
	return 0;
}

static int
give_error(void *arg, const struct rule *rule, void **actions)
{
	return -ENOENT;
}

static void
test_a_modified_rule_keeps_all_but_its_actions(void **state)
{
	struct rules_world *world = *state;
	struct rules *rules = make_rules(state, (struct rules_conf){0});
	struct rules_filter all = {0};
	struct rule_spec spec = tcp_spec(1, 1, SERVER, 32, 80);
	const struct rule *rule;
	int one;
	size_t n;

	spec.cookie = 77;
	spec.created = 5;
	spec.idle_s = 3;
	assert_int_equal(add_one(rules, &spec), 0);
	match_init(&all.match);
	rules_begin(rules);
	assert_int_equal(rules_modify(rules, &all, give_error, NULL, &n), -ENOENT);
	rules_abort(rules);
	rules_begin(rules);
	assert_int_equal(rules_modify(rules, &all, give_actions, &one, &n), 0);
	(void)rules_commit(rules);
	rule = rules_find(rules, 1);
	assert_ptr_equal(rule->actions, &one);
	assert_int_equal(rule->cookie, 77);
	assert_int_equal(rule->slot, 1);
	assert_int_equal(rules_next_expiry(rules), 5 + 3 * SECOND_NS);
	step_all(rules);
	assert_int_equal(world->n_released, 1);
	assert_int_equal(world->n_last, 0);
}

static void
test_actions_wait_for_readers(void **state)
{
	struct rules_world *world = *state;
	struct rules *rules = make_rules(state, (struct rules_conf){0});
	struct rules_filter all = {0};
	struct rule_spec spec = tcp_spec(1, 1, SERVER, 32, 80);
	size_t n;

	assert_int_equal(add_one(rules, &spec), 0);
	grace_join(&world->grace, 0);
	match_init(&all.match);
	rules_begin(rules);
	assert_int_equal(rules_delete(rules, &all, &n), 0);
	(void)rules_commit(rules);
	for (unsigned int i = 0; i < 5; i++) {
		assert_true(rules_step(rules));
		assert_int_equal(lookup(rules, 1, SERVER, 80), 1);
		assert_int_equal(lookup(rules, 2, SERVER, 80), 0);
	}
	grace_quiescent(&world->grace, 0);
	assert_true(rules_step(rules));
	assert_true(rules_step(rules));
	assert_int_equal(world->n_released, 0); /* a reader may still stand on it */
	grace_quiescent(&world->grace, 0);
	(void)rules_step(rules);
	assert_int_equal(world->n_released, 1);
	grace_leave(&world->grace, 0);
}

static void
test_bad_adds_are_refused(void **state)
{
	struct rules *rules = make_rules(state, (struct rules_conf){0});
	struct rule_spec spec = tcp_spec(1, 1, SERVER, 32, 80);

	assert_int_equal(add_one(rules, &spec), 0);
	spec = tcp_spec(1, 1, SERVER, 24, 80);
	assert_int_equal(add_one(rules, &spec), -EINVAL); /* the id is taken */
	spec = tcp_spec(2, 1, SERVER, 24, 80);
	spec.table = 255;
	assert_int_equal(add_one(rules, &spec), -EINVAL);
	spec.table = 0;
	spec.match.l4_src = (struct match_range){2, 1};
	assert_int_equal(add_one(rules, &spec), -EINVAL);
	spec = tcp_spec(2, 1, SERVER, 24, 80);
	spec.check_overlap = true;
	assert_int_equal(add_one(rules, &spec), -EEXIST);
	spec.priority = 2;
	assert_int_equal(add_one(rules, &spec), 0);
}

/* A rule for each pair of prefix lengths of both addresses: the tuple space explosion. */
static void
test_hostile_masks_stay_within_the_bound(void **state)
{
	struct rules *rules = make_rules(state, (struct rules_conf){.subtables_max = 64});
	struct rules_stats stats;
	uint32_t n_added = 0;

	for (uint32_t i = 0; i < 33 * 33 * 4; i++) {
		struct rule_spec spec = tcp_spec(
			i + 1, (uint16_t)(i % 7), SERVER, i % 33, (uint16_t)(80 + i / 33 / 33));

		spec.match.mask.ip4_src = htonl((uint32_t)(UINT64_MAX << (32 - i / 33 % 33)));
		n_added += add_one(rules, &spec) == 0;
		(void)rules_step(rules);
	}
	rules_get_stats(rules, 0, &stats);
	print_message("# %u rules, %u masks, %u subtables, chain %u\n", n_added, stats.masks,
		stats.subtables, stats.longest_chain);
	assert_int_equal(n_added, 33 * 33 * 4);
	assert_true(stats.masks >= 33 * 33);
	assert_true(stats.subtables <= 64);
	assert_true(stats.longest_chain < RULES_CHAIN_MAX);
	assert_true(stats.warn);
}

/* The same addresses and overlapping ranges, which no key tells apart: a chain has its limit. */
static void
test_hostile_chains_are_refused(void **state)
{
	struct rules *rules =
		make_rules(state, (struct rules_conf){.chain_max = 50, .chain_limit = 4});
	struct rules_stats stats;
	uint32_t n_added = 0;
	int rc = 0;

	for (uint32_t i = 0; i < 1000 && rc == 0; i++) {
		struct rule_spec spec = tcp_spec(i + 1, 1, SERVER, 32, 0);

		spec.match.l4_dst.low = (uint16_t)(32767 - i);
		spec.match.l4_dst.high = (uint16_t)(32769 + i);
		rc = add_one(rules, &spec);
		n_added += rc == 0;
	}
	assert_int_equal(rc, -ENOSPC);
	assert_true(n_added >= 50);
	rules_get_stats(rules, 0, &stats);
	assert_int_equal(stats.longest_chain, 50);
	assert_true(lookup(rules, rules_version(rules), SERVER, 32768) == 1);
}

static uint64_t
never_used(void *arg, const struct rule *rule)
{
	++*(size_t *)arg;
	return 0;
}

static void
test_expiry_looks_at_few(void **state)
{
	struct rules *rules = make_rules(state, (struct rules_conf){0});
	size_t n_asked = 0;
	size_t n;

	rules_begin(rules);
	for (uint32_t i = 0; i < 20000; i++) {
		struct rule_spec spec = tcp_spec(i + 1, 1, SERVER + i, 32, 80);

		spec.idle_s = (uint16_t)(10 + i % 1000);
		spec.hard_s = i % 2 == 0 ? 0 : 2000;
		assert_int_equal(rules_add(rules, &spec), 0);
	}
	(void)rules_commit(rules);
	rules_begin(rules);
	assert_int_equal(rules_expire(rules, 9 * SECOND_NS, SIZE_MAX, never_used, &n_asked, &n), 0);
	assert_int_equal(n + n_asked, 0);
	assert_int_equal(
		rules_expire(rules, 10 * SECOND_NS, SIZE_MAX, never_used, &n_asked, &n), 0);
	assert_int_equal(n, 20);
	assert_int_equal(n_asked, 20);
	assert_int_equal(rules_find(rules, 1) == NULL, 1);
	rules_abort(rules);
	assert_int_equal(rules_next_expiry(rules), 10 * SECOND_NS);
	assert_non_null(rules_find(rules, 1));
}

static void
test_a_million_rules(void **state)
{
	struct rules *rules = make_rules(state, (struct rules_conf){0});
	const uint32_t n_rules = 1U << 20;
	struct rules_filter all = {0};
	const uint64_t begin = clock_now();
	uint64_t end;
	size_t n;

	rules_begin(rules);
	for (uint32_t i = 0; i < n_rules; i++) {
		struct rule_spec spec = tcp_spec(i + 1, 1, i * 16, 32, (uint16_t)(1 + i % 60000));

		spec.match.value.ip4_src = htonl(i);
		spec.match.mask.ip4_src = UINT32_MAX;
		assert_int_equal(rules_add(rules, &spec), 0);
	}
	(void)rules_commit(rules);
	end = clock_now();
	print_message("# %.2f M adds/s, %.0f bytes a rule\n", n_rules * 1e3 / (double)(end - begin),
		(double)rules_memory(rules) / n_rules);
	assert_true(rules_memory(rules) / n_rules <= 400);
	match_init(&all.match);
	rules_begin(rules);
	assert_int_equal(rules_delete(rules, &all, &n), 0);
	assert_int_equal(n, n_rules);
	(void)rules_commit(rules);
	step_all(rules);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_empty_tables_look_at_nothing),
		CASE(test_equal_priorities_go_to_the_lowest_id),
		CASE(test_a_failed_batch_leaves_nothing),
		CASE(test_a_modified_rule_keeps_all_but_its_actions),
		CASE(test_actions_wait_for_readers),
		CASE(test_bad_adds_are_refused),
		CASE(test_hostile_masks_stay_within_the_bound),
		CASE(test_hostile_chains_are_refused),
		CASE(test_expiry_looks_at_few),
		CASE(test_a_million_rules),
	};
	int n_failed;

	role_enter(&role_main);
	n_failed = cmocka_run_group_tests_name("rules", tests, NULL, NULL);
	role_leave(&role_main);
	return n_failed;
}
