/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Groups of a bridge: an array by rising id, replaced as a whole when one comes or goes; and the
 * set of port numbers that their buckets watch.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "datapath/dp/dp_policy.h"
#include "datapath/dp/dp_priv.h"
#include "datapath/pipe/group.h"
#include "datapath/table/secret.h"

#define WORD_BITS 64

/* Where the id is (true) or would have to be. */
static bool
find(const struct dp_bridge *bridge, uint32_t id, uint32_t *at)
{
	*at = group_place(bridge->groups, bridge->n_groups, id);
	return *at < bridge->n_groups && bridge->groups[*at]->id == id;
}

static void
group_free(void *object)
{
	struct group_view *group = object;

	for (uint32_t i = 0; i < group->n_buckets; i++) {
		free((void *)(uintptr_t)group->buckets[i].actions);
	}
	free(group);
}

/* --- watched ports ---------------------------------------------------------------------------- */

bool
dp_group_watches(const struct dp_bridge *bridge, uint16_t number)
{
	return bridge->watched != NULL && number != 0 &&
		(bridge->watched[number / WORD_BITS] >> number % WORD_BITS & 1) != 0;
}

static void
watch_rebuild(struct dp *dp, struct dp_bridge *bridge) ON_MAIN
{
	free(bridge->watched);
	bridge->watched = NULL;
	for (uint32_t g = 0; g < bridge->n_groups; g++) {
		const struct group_view *group = bridge->groups[g];

		for (uint32_t b = 0; b < group->n_buckets; b++) {
			uint32_t watch = group->buckets[b].watch;

			if (watch == 0) {
				continue;
			}
			if (bridge->watched == NULL) {
				bridge->watched = must_calloc(
					UINT16_MAX / WORD_BITS + 1, sizeof(*bridge->watched));
			}
			bridge->watched[watch / WORD_BITS] |= UINT64_C(1) << watch % WORD_BITS;
		}
	}
	if (bridge->watched != NULL) {
		(void)dp_ports_watch(dp, bridge);
	}
}

/* --- groups ----------------------------------------------------------------------------------- */

/* A copy with `cut` places less and `grow` more at `at`; the old one is for workers' last look. */
static void
change(struct dp *dp, struct dp_bridge *bridge, uint32_t at, uint32_t cut, uint32_t grow)
{
	const struct group_view **old = bridge->groups;
	uint32_t n = bridge->n_groups;
	const struct group_view **groups = must_calloc(n - cut + grow, sizeof(*groups));

	if (n > 0) {
		memcpy(groups, old, at * sizeof(*groups));
		memcpy(groups + at + grow, old + at + cut, (n - at - cut) * sizeof(*groups));
	}
	bridge->groups = groups;
	bridge->n_groups = n - cut + grow;
	dp_retire(dp, free, old);
	dp_bridge_touch(dp, bridge);
}

static uint64_t
mix(uint64_t hash, uint64_t word)
{
	uint64_t state = hash ^ word;

	return secret_next(&state);
}

/*
 * What a bucket's flows hang on: its actions and its watched port, so that a group that is set
 * again with one bucket more, less or in another place moves only the flows that it must.
 */
static uint64_t
bucket_salt(const struct bucket_view *bucket)
{
	const struct action_list *list = bucket->actions;
	uint64_t salt = mix(0, bucket->watch);

	for (uint32_t at = 0; at < list->size; at += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, list->bytes + at, sizeof(word));
		salt = mix(salt, word);
	}
	return salt;
}

/* Buckets that do the same get salts apart from each other, in the order in which they stand. */
static void
set_salt(struct group_view *group, uint32_t b)
{
	uint64_t salt = bucket_salt(&group->buckets[b]);

	for (uint32_t i = 0; i < b; i++) {
		if (group->buckets[i].salt == salt) {
			salt = mix(salt, 1);
			i = UINT32_MAX; /* from the start */
		}
	}
	group->buckets[b].salt = salt;
}

void
dp_bridge_set_group(struct dp *dp, struct dp_bridge *bridge, uint32_t id, enum group_type type,
	const struct dp_bucket *buckets, uint32_t n)
{
	struct group_view *group = must_calloc(1, sizeof(*group) + n * sizeof(group->buckets[0]));
	const struct group_view *old = NULL;
	uint32_t at;

	assert(n <= GROUP_BUCKETS_MAX);
	group->id = id;
	group->type = type;
	group->n_buckets = n;
	for (uint32_t b = 0; b < n; b++) {
		group->buckets[b] = (struct bucket_view){.watch = buckets[b].watch,
			.weight = buckets[b].weight,
			.actions = buckets[b].actions};
		set_salt(group, b);
	}
	if (find(bridge, id, &at)) {
		old = bridge->groups[at];
	}
	assert(old != NULL || bridge->n_groups < DP_GROUPS_MAX);
	change(dp, bridge, at, old != NULL, 1);
	bridge->groups[at] = group;
	dp_retire(dp, group_free, (void *)(uintptr_t)old);
	watch_rebuild(dp, bridge);
}

void
dp_bridge_del_group(struct dp *dp, struct dp_bridge *bridge, uint32_t id)
{
	const struct group_view *old;
	uint32_t at;

	if (!find(bridge, id, &at)) {
		return;
	}
	old = bridge->groups[at];
	change(dp, bridge, at, 1, 0);
	dp_retire(dp, group_free, (void *)(uintptr_t)old);
	watch_rebuild(dp, bridge);
}

void
dp_bridge_free_groups(struct dp *dp, struct dp_bridge *bridge)
{
	for (uint32_t i = 0; i < bridge->n_groups; i++) {
		dp_retire(dp, group_free, (void *)(uintptr_t)bridge->groups[i]);
	}
	dp_retire(dp, free, bridge->groups);
	bridge->groups = NULL;
	bridge->n_groups = 0;
	free(bridge->watched);
	bridge->watched = NULL;
}
