/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Readers during batches, for two seconds; made for TSan.
 *
 * Each batch changes a rule of the same packet in several tables, which all get the batch's number
 * as actions; so what a reader finds in them under one version must be one number, that of the
 * version. Other rules come and go between, so that subtables grow, empty and are ordered anew.
 */
#include <pthread.h>

#include "base/clock.h"
#include "datapath/table/rules_test_world.h"

#define N_TABLES 4
#define N_READERS 2
#define N_FILLERS 300U
#define N_HOSTS 8U
#define RUN_NS (2 * UINT64_C(1000000000))
#define SERVER 0x0a0a0a00U

struct stress {
	struct rules_world *world;
	struct rules *rules;
	uint64_t version; /* the published one */
	bool stop;
};

struct stress_reader {
	struct stress *stress;
	unsigned int id;
	uint64_t n_lookups;
	uint64_t n_fillers;
	uint64_t n_wrong;
	pthread_t thread;
};

static void
read_once(struct stress_reader *self)
{
	const struct stress *stress = self->stress;
	const uint64_t version = __atomic_load_n(&stress->version, __ATOMIC_ACQUIRE);
	struct fields packet = tcp_packet(SERVER, 80);
	const struct rule *rule;

	for (uint8_t table = 0; table < N_TABLES; table++) {
		rule = rules_lookup(stress->rules, table, &packet, version, NULL);
		self->n_wrong += rule == NULL || (uintptr_t)rule->actions != version;
	}
	packet = tcp_packet(SERVER + 1 + (uint32_t)self->n_lookups % N_HOSTS, 8080);
	rule = rules_lookup(stress->rules, 0, &packet, version, NULL);
	if (rule != NULL) {
		/* A filler of this version, with this packet's address. */
		self->n_fillers++;
		self->n_wrong +=
			(uintptr_t)rule->actions > version || rule->cookie != ntohl(packet.ip4_dst);
	}
	self->n_lookups++;
}

static void *
reader_body(void *arg)
{
	struct stress_reader *self = arg;
	struct grace *grace = &self->stress->world->grace;

	grace_join(grace, self->id);
	while (!__atomic_load_n(&self->stress->stop, __ATOMIC_RELAXED)) {
		read_once(self);
		grace_quiescent(grace, self->id);
	}
	grace_leave(grace, self->id);
	return NULL;
}

static int
to_number(void *arg, const struct rule *rule, void **actions)
{
	*actions = arg;
	return 0;
}

/* The same packets in more and in fewer bits; ranges, so that chains form. */
static struct rule_spec
filler_spec(uint32_t number, uint64_t version)
{
	const uint32_t host = SERVER + 1 + number % N_HOSTS;
	struct rule_spec spec = tcp_spec(1000 + number, (uint16_t)(1 + number), host, 32, 0);

	spec.match.l4_dst = (struct match_range){(uint16_t)(8080 - number % 50), 8090};
	spec.match.mask.ip4_src = htonl((uint32_t)(UINT64_MAX << (32 - number % 9)));
	spec.match.value.ip4_src = htonl(0x0a000001);
	spec.cookie = host;
	spec.actions = (void *)(uintptr_t)version;
	return spec;
}

/* Change the watched rules and some fillers, in one batch; some of these are taken back. */
static void
run_batch(struct stress *stress, uint64_t *random) ON_MAIN
{
	const uint64_t version = rules_version(stress->rules) + 1;
	struct rules_filter watched = {.all_tables = true, .cookie_mask = UINT64_MAX};
	size_t n;

	*random = *random * UINT64_C(6364136223846793005) + 1;
	rules_begin(stress->rules);
	match_init(&watched.match);
	assert_int_equal(
		rules_modify(stress->rules, &watched, to_number, (void *)(uintptr_t)version, &n),
		0);
	assert_int_equal(n, N_TABLES);
	for (uint32_t i = 0; i < 10; i++) {
		const struct rule_spec spec =
			filler_spec((uint32_t)(*random >> 33) % N_FILLERS + i, version);

		if (rules_find(stress->rules, spec.id) == NULL) {
			assert_int_equal(rules_add(stress->rules, &spec), 0);
		} else {
			struct rules_filter one = {
				.match = spec.match, .priority = spec.priority, .strict = true};

			assert_int_equal(rules_delete(stress->rules, &one, &n), 0);
			assert_int_equal(n, 1);
		}
	}
	if ((*random >> 60) == 0) {
		rules_abort(stress->rules);
	} else {
		__atomic_store_n(&stress->version, rules_commit(stress->rules), __ATOMIC_RELEASE);
	}
	(void)rules_step(stress->rules);
}

static void
test_readers_see_whole_batches(void **state)
{
	struct stress stress = {.world = *state};
	struct stress_reader readers[N_READERS];
	uint64_t random = clock_now();
	uint64_t end;

	stress.rules = make_rules(state, (struct rules_conf){.chain_limit = 3});
	rules_begin(stress.rules);
	for (uint8_t table = 0; table < N_TABLES; table++) {
		struct rule_spec spec = tcp_spec(1U + table, table, SERVER, 8U * table, 80);

		spec.table = table;
		spec.actions = (void *)(uintptr_t)1;
		assert_int_equal(rules_add(stress.rules, &spec), 0);
	}
	stress.version = rules_commit(stress.rules);
	print_message("# seed %llu\n", (unsigned long long)random);
	for (unsigned int i = 0; i < N_READERS; i++) {
		readers[i] = (struct stress_reader){.stress = &stress, .id = i};
		assert_int_equal(
			pthread_create(&readers[i].thread, NULL, reader_body, &readers[i]), 0);
	}
	for (end = clock_now() + RUN_NS; clock_now() < end;) {
		run_batch(&stress, &random);
	}
	__atomic_store_n(&stress.stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < N_READERS; i++) {
		assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
		print_message("# lookups %llu, of fillers %llu, versions %llu\n",
			(unsigned long long)readers[i].n_lookups,
			(unsigned long long)readers[i].n_fillers,
			(unsigned long long)stress.version);
		assert_int_equal(readers[i].n_wrong, 0);
		assert_true(readers[i].n_lookups > 100);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_readers_see_whole_batches),
	};
	int n_failed;

	role_enter(&role_main);
	n_failed = cmocka_run_group_tests_name("rules_stress", tests, NULL, NULL);
	role_leave(&role_main);
	return n_failed;
}
