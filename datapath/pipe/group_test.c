/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define BUCKETS 4
#define FLOWS 100000U

struct bench {
	struct snapshot *snap;
	struct bridge_view *bridge;
	struct port_view ports[BUCKETS];
	struct group_view *group;
	struct arrival at;
};

/* Buckets of weights 1 to 4, each watching a port of its own. */
static int
setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	bench->snap = snapshot_create(0);
	bench->bridge = calloc(1, sizeof(*bench->bridge));
	bench->bridge->id = 1;
	bench->at = (struct arrival){.snap = bench->snap, .bridge = bench->bridge};
	bench->group =
		calloc(1, sizeof(*bench->group) + BUCKETS * sizeof(bench->group->buckets[0]));
	bench->group->type = GROUP_SELECT;
	bench->group->n_buckets = BUCKETS;
	for (uint32_t i = 0; i < BUCKETS; i++) {
		bench->ports[i] = (struct port_view){
			.id = i + 1, .number = (uint16_t)(i + 1), .bridge = 1, .live = true};
		bench->snap->numbers[i + 1] = &bench->ports[i];
		bench->group->buckets[i] = (struct bucket_view){.watch = i + 1,
			.weight = i + 1,
			.salt = (i + 1) * UINT64_C(0x123456789abcdef)};
	}
	*state = bench;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *bench = *state;

	snapshot_destroy(bench->snap);
	free(bench->bridge);
	free(bench->group);
	free(bench);
	return 0;
}

/* Which bucket each of FLOWS flows goes to; free() it. */
static uint8_t *
draw_all(struct bench *bench)
{
	uint8_t *drawn = malloc(FLOWS);

	for (uint32_t flow = 0; flow < FLOWS; flow++) {
		const struct bucket_view *bucket =
			group_select(&bench->at, bench->group, flow * 2654435761U);

		assert_non_null(bucket);
		drawn[flow] = (uint8_t)(bucket - bench->group->buckets);
	}
	return drawn;
}

static void
test_weights(void **state)
{
	struct bench *bench = *state;
	uint8_t *drawn = draw_all(bench);
	uint32_t n[BUCKETS] = {0};

	for (uint32_t flow = 0; flow < FLOWS; flow++) {
		n[drawn[flow]]++;
	}
	for (uint32_t i = 0; i < BUCKETS; i++) {
		const uint32_t share = FLOWS / 10 * (i + 1);

		assert_in_range(n[i], share - share / 20, share + share / 20);
	}
	free(drawn);
}

static void
test_only_its_own_flows_move(void **state)
{
	struct bench *bench = *state;
	uint8_t *before = draw_all(bench);
	uint8_t *after;

	for (uint8_t dead = 0; dead < BUCKETS; dead++) {
		bench->ports[dead].live = false;
		after = draw_all(bench);
		for (uint32_t flow = 0; flow < FLOWS; flow++) {
			if (before[flow] == dead) {
				assert_int_not_equal(after[flow], dead);
			} else {
				assert_int_equal(after[flow], before[flow]);
			}
		}
		free(after);
		bench->ports[dead].live = true;
	}
	after = draw_all(bench);
	assert_memory_equal(before, after, FLOWS);
	free(before);
	free(after);
}

static void
test_none(void **state)
{
	struct bench *bench = *state;

	for (uint32_t i = 0; i < BUCKETS; i++) {
		bench->group->buckets[i].weight = i == 2; /* weight 0: never */
	}
	assert_ptr_equal(group_select(&bench->at, bench->group, 7), &bench->group->buckets[2]);
	bench->ports[2].live = false;
	assert_null(group_select(&bench->at, bench->group, 7));
	bench->ports[2].live = true;
	bench->ports[2].bridge = 2; /* it is another's now */
	assert_null(group_select(&bench->at, bench->group, 7));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_weights, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_its_own_flows_move, setup, teardown),
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
