/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random rules and frames through the datapath and through a naive model of it (pipeline_model.h).
 *
 * Several games, each with a switch of its own. VSW_SEED plays one game again, RULES_GAMES and
 * RULES_ROUNDS say how many and how long, RULES_AUDIT after how many rounds counters are compared;
 * RULES_SINGLE=1 sends each frame alone.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/random.h"
#include "tests/world/rules_world.h"

#define GAMES 24
#define ROUNDS 2500
#define WORKERS_MAX 3
#define TIMEOUTS_S (20 * RULES_SLEEP_S) /* longer than all timeouts of rules */

static uint64_t
number_from(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static unsigned int
below(struct rules_world *world, unsigned int n)
{
	return random_of(&world->random, n);
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
	rules_world_sleep(world, TIMEOUTS_S);
	rules_world_audit(world);
	count_flows(world);
	rules_world_destroy(world);
}

static void
test_rules(void **state)
{
	struct rules_world *world = calloc(1, sizeof(*world));
	uint64_t rounds = number_from("RULES_ROUNDS", ROUNDS);
	uint64_t games = number_from("RULES_GAMES", getenv("VSW_SEED") == NULL ? GAMES : 1);
	uint64_t n_frames = 0;
	uint64_t seed = random_seed();

	(void)state;
	role_assert(&role_main);
	role_assert(&role_worker);
	assert_non_null(world);
	for (uint64_t i = 0; i < games; i++, seed += 2) {
		printf("# VSW_SEED=%llu\n", (unsigned long long)seed);
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

/* --- what random games have found, without the luck --------------------------------------------
 */

static struct rules_world *
plain_world(void **state) ON_MAIN
{
	struct rules_world *world = calloc(1, sizeof(*world));

	(void)state;
	assert_non_null(world);
	rules_world_create(world, 1, 1);
	for (int p = 0; p < PIPELINE_PORTS; p++) {
		struct vlan_model_port *vlan = &world->model.ports[p].vlan;

		/* Every other one carries only VLAN 2. */
		*vlan = (struct vlan_model_port){.mode = MODEL_TRUNK, .service_tpid = 0x88a8};
		for (int vid = 0; vid < 4096; vid++) {
			vlan->trunk[vid] = p % 2 == 0 || vid == 2;
		}
		rules_world_set_port(world, p);
	}
	return world;
}

/* A rule of bridge 0 for all frames, or for those in VLAN 2. */
static void
add_rule(struct rules_world *world, uint8_t table, bool tagged, const enum action_code *codes,
	size_t n) ON_MAIN
{
	struct pipeline_rule rule = {
		.id = ++world->next_id, .table = table, .priority = (uint16_t)world->next_id};
	struct action_builder builder = {.size = 0};

	match_init(&rule.match);
	if (tagged) {
		rule.match.mask.vlan_tci = UINT16_MAX;
		rule.match.value.vlan_tci = htons(FIELDS_TAG_PRESENT | 2);
	}
	for (size_t i = 0; i < n; i++) {
		action_add(&builder, codes[i], codes[i] == ACTION_GOTO ? table + 1 : 0, 0, NULL, 0);
	}
	dp_rules_begin(world->dp, world->bridges[0]);
	rules_world_add_rule(world, 0, &rule, action_list_new(&builder));
	dp_rules_commit(world->dp, world->bridges[0]);
}

/* A frame with VLAN 1 outside and this one inside. */
static void
send_tagged(struct rules_world *world, int port, uint8_t inner) ON_BOTH
{
	static const uint8_t head[] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 1, 0x81, 0, 0};
	struct random_frame frame = {.len = 64};

	memcpy(frame.bytes, head, sizeof(head));
	frame.bytes[19] = inner;
	frame.bytes[20] = 0x88;
	frame.bytes[21] = 0xb5;
	rules_world_send(world, &frame, port);
	rules_world_flush(world);
}

static void
test_tags_move(void **state)
{
	static const enum action_code lists[][2] = {{ACTION_POP_VLAN, ACTION_FLOOD},
		{ACTION_POP_VLAN, ACTION_NORMAL}, {ACTION_POP_VLAN, ACTION_GOTO}};
	static const enum action_code flood[] = {ACTION_FLOOD};
	struct rules_world *world;

	role_assert(&role_main);
	role_assert(&role_worker);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		world = plain_world(state);
		add_rule(world, 0, false, lists[i], 2);
		add_rule(world, 1, false, NULL, 0);
		add_rule(world, 1, true, flood, 1);
		for (uint8_t k = 0; k < 8; k++) {
			send_tagged(world, 0, k % 4);
			send_tagged(world, 1, k % 4);
		}
		assert_true(world->n_copies > 0);
		rules_world_audit(world);
		rules_world_destroy(world);
		free(world);
	}
}

/* A port with a list of addresses has a key of its own, also when there is no rule any more. */
static void
test_last_rule_goes(void **state)
{
	static const enum action_code code[] = {ACTION_IN_PORT};
	struct rules_world *world;
	struct spoof_view *spoof;
	struct pipeline_rule *rule;

	role_assert(&role_main);
	role_assert(&role_worker);
	world = plain_world(state);
	spoof = &world->model.ports[0].spoof;
	spoof->n_mac = 1;
	random_station_mac(0, spoof->mac[0]);
	rules_world_set_port(world, 0);
	for (int i = 0; i < 4; i++) {
		add_rule(world, 0, false, code, 1);
		send_tagged(world, 0, 0);
		rule = pipeline_find(&world->model, 0, world->next_id);
		assert_non_null(rule);
		dp_rules_begin(world->dp, world->bridges[0]);
		rules_world_delete_rule(world, 0, rule);
		dp_rules_commit(world->dp, world->bridges[0]);
		rules_world_sleep(world, RULES_SLEEP_S); /* longer than keys stay wide */
		send_tagged(world, 0, 0);
	}
	rules_world_destroy(world);
	free(world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_tags_move),
		cmocka_unit_test(test_last_rule_goes),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("world-rules", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
