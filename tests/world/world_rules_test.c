/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random rules and frames through the datapath and through a naive model of it (pipeline_model.h).
 *
 * Several games, each with a switch of its own. RULES_SEED plays one game again, RULES_GAMES and
 * RULES_ROUNDS say how many and how long, RULES_AUDIT after how many rounds counters are compared;
 * RULES_SINGLE=1 sends each frame alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/world/rules_world.h"

#define GAMES 24
#define ROUNDS 2500
#define WORKERS_MAX 3

static uint64_t
number_from(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static unsigned int
below(struct rules_world *world, unsigned int n)
{
	return random_below(&world->random, n);
}

/* Some frames, mostly from where their stations are. */
static void
traffic(struct rules_world *world) ON_BOTH
{
	unsigned int n = 1 + below(world, RULES_BURST);
	unsigned int first = below(world, RANDOM_FRAMES);
	unsigned int among = 1 + below(world, 12);
	bool single = below(world, 4) == 0 || number_from("RULES_SINGLE", 0) != 0;

	for (unsigned int i = 0; i < n; i++) {
		const struct random_frame *frame =
			&world->random.frames[(first + below(world, among)) % RANDOM_FRAMES];
		unsigned int port = below(world, 12) == 0 || frame->station >= PIPELINE_PORTS
			? below(world, PIPELINE_PORTS)
			: frame->station;

		if (world->ports[port] != NULL) {
			rules_world_send(world, frame, (int)port);
		}
		if (single) {
			rules_world_flush(world);
		}
	}
	rules_world_flush(world);
}

static void
play(struct rules_world *world) ON_BOTH
{
	unsigned int what = below(world, 100);

	if (what < 8) {
		rules_world_change_rules(world);
	} else if (what < 10) {
		rules_world_change_port(world);
	} else if (what == 10) {
		rules_world_change_acl(world);
	} else if (what == 11) {
		rules_world_change_group(world);
	} else if (what == 12 && below(world, 8) == 0) {
		rules_world_change_bridge(world);
	} else if (what == 13 && below(world, 4) == 0) {
		rules_world_sleep(world, RULES_SLEEP_S);
	} else if (what < 18) {
		random_frame(&world->random, &world->random.frames[below(world, RANDOM_FRAMES)]);
	} else {
		traffic(world);
	}
}

static void
count_flows(struct rules_world *world) ON_MAIN
{
	for (unsigned int w = 0; w < dp_n_workers(world->dp); w++) {
		struct dp_worker_stats stats;

		dp_worker_get_stats(world->dp, w, &stats);
		world->n_hits += stats.flow_cache.hits;
		world->n_misses += stats.flow_cache.misses;
	}
}

static void
game(struct rules_world *world, uint64_t seed, uint64_t rounds) ON_BOTH
{
	uint64_t audit = number_from("RULES_AUDIT", 500);

	rules_world_create(world, seed, 1 + (unsigned int)(seed % WORKERS_MAX));
	rules_world_fill(world);
	for (world->round = 0; world->round < rounds; world->round++) {
		play(world);
		if (world->round % audit == audit - 1) {
			rules_world_audit(world);
		}
	}
	rules_world_audit(world);
	count_flows(world);
	rules_world_destroy(world);
}

static void
test_rules(void **state)
{
	struct rules_world *world = calloc(1, sizeof(*world));
	uint64_t rounds = number_from("RULES_ROUNDS", ROUNDS);
	uint64_t games = number_from("RULES_GAMES", getenv("RULES_SEED") == NULL ? GAMES : 1);
	uint64_t n_frames = 0;
	struct timespec ts;
	uint64_t seed;

	(void)state;
	role_assert(&role_main);
	role_assert(&role_worker);
	assert_non_null(world);
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	seed = number_from("RULES_SEED", ((uint64_t)ts.tv_sec << 30 ^ (uint64_t)ts.tv_nsec) | 1);
	for (uint64_t i = 0; i < games; i++, seed += 2) {
		printf("# game with seed %llu (RULES_SEED plays it again)\n",
			(unsigned long long)seed);
		(void)fflush(stdout);
		game(world, seed, rounds);
		printf("# %llu frames, %llu copies, %llu lost; flow cache: %llu hits, %llu "
		       "misses\n",
			(unsigned long long)world->n_frames, (unsigned long long)world->n_copies,
			(unsigned long long)world->n_lost, (unsigned long long)world->n_hits,
			(unsigned long long)world->n_misses);
		n_frames += world->n_frames;
	}
	printf("# %llu frames\n", (unsigned long long)n_frames);
	assert_true(n_frames > games * rounds / 4);
	free(world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("world-rules", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
