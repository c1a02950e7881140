/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/bridge_policy.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "datapath/dp/dp_policy.h"
#include "datapath/pipe/snapshot.h"
#include "vswitchd/flow_actions.h"
#include "vswitchd/port_config.h"

#define KBIT 1000 /* bits; RFC 2697 and OpenFlow count so, too */

/* Numbers that a group holds; a number for each time that it is named. */
struct holds {
	uint16_t *numbers; /* owned */
	size_t n;
};

struct world_group {
	SLIST_ENTRY(world_group) link;
	uint32_t id;
	struct holds holds;
};

/* A group that is to be: its buckets are the datapath's once it is set. */
struct made_group {
	uint32_t id;
	enum group_type type;
	uint32_t n;
	struct dp_bucket buckets[GROUP_BUCKETS_MAX];
	struct world_group *group; /* of the bridge, once it is set */
};

struct bridge_policy {
	size_t n;
	struct made_group *groups[];
};

/* --- names of ports ----------------------------------------------------------------------------
 */

static void
holds_add(struct holds *holds, uint16_t number)
{
	holds->numbers = reallocarray(holds->numbers, holds->n + 1, sizeof(*holds->numbers));
	if (holds->numbers == NULL) {
		abort();
	}
	holds->numbers[holds->n++] = number;
}

static void
holds_end(struct world *world, struct holds *holds) ON_MAIN
{
	for (size_t i = 0; i < holds->n; i++) {
		port_numbers_put(&world->numbers, holds->numbers[i]);
	}
	free(holds->numbers);
	*holds = (struct holds){.numbers = NULL};
}

struct holder {
	struct world *world;
	struct holds *holds;
};

static uint16_t
hold_port(void *arg, const char *name, struct err *err)
{
	struct holder *holder = arg;
	uint16_t number;

	role_assert(&role_main);
	number = port_numbers_take(&holder->world->numbers, name);
	if (number == 0) {
		(void)err_set(err, ERR_LIMIT, NULL, "all numbers of ports are in use");
		return 0;
	}
	holds_add(holder->holds, number);
	return number;
}

/* What validation knows: the ports of the world and those of the transaction. */
struct knower {
	const struct world *world;
	const struct ds_txn *txn;
};

static uint16_t
known_port(void *arg, const char *name, struct err *err)
{
	const struct knower *knower = arg;
	bool there;

	role_assert(&role_main);
	there = world_find_port(knower->world, name) != NULL;
	for (size_t i = 0; i < knower->txn->n_changes; i++) {
		const struct ds_change *change = &knower->txn->changes[i];

		if (strcmp(change->list, "port") == 0 && strcmp(change->key, name) == 0) {
			there = change->op != DS_DELETE;
		}
	}
	if (!there) {
		(void)err_set(err, ERR_MISSING, NULL, "there is no port '%s'", name);
	}
	return there;
}

static const char *
no_name(void *arg, uint16_t number)
{
	(void)arg;
	(void)number;
	return NULL;
}

/* --- meters ------------------------------------------------------------------------------------
 */

static uint32_t
id_of(const json_t *entry)
{
	return config_number(entry, "id", 0);
}

static void
meter_conf(const json_t *meter, struct meter_conf *conf)
{
	const uint64_t unit = json_object_get(meter, "bit-rate") == NULL ? 1 : KBIT;

	*conf = (struct meter_conf){
		.unit = unit == 1 ? METER_PACKETS : METER_BITS,
		.rate = unit * config_number(meter, unit == 1 ? "packet-rate" : "bit-rate", 0),
		.burst = unit * config_number(meter, "burst", 0),
	};
}

static int
check_meter(const json_t *meter, struct err *err)
{
	const bool packets = json_object_get(meter, "packet-rate") != NULL;
	const bool bits = json_object_get(meter, "bit-rate") != NULL;
	struct meter_conf conf;
	struct meter scratch;

	if (packets == bits) {
		return err_set(err, ERR_INVALID, packets ? "bit-rate" : "packet-rate",
			"a meter has either packet-rate or bit-rate");
	}
	meter_conf(meter, &conf);
	if (meter_init(&scratch, &conf) != 0) {
		return err_set(err, ERR_INVALID, "burst",
			"the burst is more than a minute's worth: at most %d times the rate",
			METER_BURST_S_MAX);
	}
	return 0;
}

/* --- groups ------------------------------------------------------------------------------------
 */

static int
make_bucket(const json_t *bucket, const struct port_namer *namer, struct dp_bucket *out,
	struct err *err) ON_MAIN
{
	const char *watch = config_string(bucket, "watch-port");
	int rc;

	*out = (struct dp_bucket){.weight = (uint16_t)config_number(bucket, "weight", 1)};
	if (watch[0] != '\0') {
		rc = port_namer_get(namer, watch, "watch-port", &out->watch, err);
		if (rc != 0) {
			return rc;
		}
	}
	rc = flow_actions_bucket(config_string(bucket, "actions"), namer, &out->actions, err);
	if (rc != 0) {
		out->actions = NULL;
	}
	return rc;
}

static void
made_free(struct made_group *made)
{
	for (uint32_t b = 0; b < made->n; b++) {
		free(made->buckets[b].actions);
	}
	free(made->group);
	free(made);
}

static void
prefix_id(const char *list, const json_t *entry, struct err *err)
{
	char path[64] = "";

	str_appendf(path, sizeof(path), "%s[id='%" PRIu32 "']", list, id_of(entry));
	err_prefix_path(err, path);
}

/* *out also after an error, for made_free. */
static int
make_group(const json_t *group, const struct port_namer *namer, struct made_group **out,
	struct err *err) ON_MAIN
{
	static const char *const types[] = {
		[GROUP_ALL] = "all",
		[GROUP_SELECT] = "select",
		[GROUP_FAILOVER] = "failover",
	};
	const json_t *buckets = json_object_get(group, "bucket");
	struct made_group *made = must_calloc(1, sizeof(*made));
	const json_t *bucket;
	size_t i;

	*out = made;
	made->id = id_of(group);
	while (strcmp(config_string(group, "type"), types[made->type]) != 0) {
		made->type++;
	}
	if (json_array_size(buckets) > GROUP_BUCKETS_MAX) {
		return err_set(err, ERR_LIMIT, "bucket", "a group has at most %d buckets",
			GROUP_BUCKETS_MAX);
	}
	json_array_foreach (buckets, i, bucket) {
		int rc = make_bucket(bucket, namer, &made->buckets[made->n], err);

		if (rc != 0) {
			prefix_id("bucket", bucket, err);
			return rc;
		}
		made->n++;
	}
	return 0;
}

/* --- validation --------------------------------------------------------------------------------
 */

static int
check_group(const struct knower *knower, const json_t *group, struct err *err) ON_MAIN
{
	const struct port_namer namer = {
		.number = known_port, .name = no_name, .arg = (void *)(uintptr_t)knower};
	struct made_group *made;
	int rc = make_group(group, &namer, &made, err);

	made_free(made);
	return rc;
}

static int
check_count(const json_t *list, const char *leaf, size_t most, struct err *err)
{
	return json_array_size(list) <= most
		? 0
		: err_set(err, ERR_LIMIT, leaf, "a bridge has at most %zu entries of '%s'", most,
			  leaf);
}

int
bridge_policy_check(
	const struct world *world, const struct ds_txn *txn, const json_t *bridge, struct err *err)
{
	const struct knower knower = {.world = world, .txn = txn};
	const json_t *meters = json_object_get(bridge, "meter");
	const json_t *groups = json_object_get(bridge, "group");
	const json_t *entry;
	size_t i;
	int rc = check_count(meters, "meter", DP_METERS_MAX, err);

	if (rc == 0) {
		rc = check_count(groups, "group", DP_GROUPS_MAX, err);
	}
	if (rc != 0) {
		return rc;
	}
	json_array_foreach (meters, i, entry) {
		rc = check_meter(entry, err);
		if (rc != 0) {
			prefix_id("meter", entry, err);
			return rc;
		}
	}
	json_array_foreach (groups, i, entry) {
		rc = check_group(&knower, entry, err);
		if (rc != 0) {
			prefix_id("group", entry, err);
			return rc;
		}
	}
	return 0;
}

/* --- a transaction -----------------------------------------------------------------------------
 */

/* The entry of the list that has the same id; lists are sorted by it. */
static const json_t *
counterpart(const json_t *list, const json_t *entry)
{
	size_t low = 0;
	size_t high = json_array_size(list);

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const json_t *there = json_array_get(list, middle);

		if (id_of(there) == id_of(entry)) {
			return there;
		}
		if (id_of(there) < id_of(entry)) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

int
bridge_policy_prepare(struct world *world, const json_t *before, const json_t *after,
	struct bridge_policy **out, struct err *err)
{
	const json_t *groups = json_object_get(after, "group");
	const size_t n = json_array_size(groups);
	struct bridge_policy *policy =
		must_calloc(1, sizeof(*policy) + n * sizeof(policy->groups[0]));
	const json_t *group;
	size_t i;
	int rc = 0;

	*out = policy;
	json_array_foreach (groups, i, group) {
		const json_t *old = counterpart(json_object_get(before, "group"), group);
		struct world_group *held;
		struct holder holder = {.world = world};
		const struct port_namer namer = {
			.number = hold_port, .name = no_name, .arg = &holder};

		if (old != NULL && json_equal(old, group)) {
			continue;
		}
		held = must_calloc(1, sizeof(*held));
		held->id = id_of(group);
		holder.holds = &held->holds;
		rc = make_group(group, &namer, &policy->groups[policy->n], err);
		policy->groups[policy->n++]->group = held;
		if (rc != 0) {
			prefix_id("group", group, err);
			break;
		}
	}
	return rc;
}

static void
group_forget(struct world *world, struct world_bridge *bridge, uint32_t id) ON_MAIN
{
	struct world_group *group;

	SLIST_FOREACH(group, &bridge->groups, link)
	{
		if (group->id == id) {
			SLIST_REMOVE(&bridge->groups, group, world_group, link);
			holds_end(world, &group->holds);
			free(group);
			return;
		}
	}
}

static void
commit_meters(struct world *world, struct world_bridge *bridge, const json_t *before,
	const json_t *after) ON_MAIN
{
	const json_t *meter;
	size_t i;

	json_array_foreach (json_object_get(before, "meter"), i, meter) {
		if (counterpart(json_object_get(after, "meter"), meter) == NULL) {
			dp_bridge_del_meter(world->dp, bridge->dp, id_of(meter));
		}
	}
	json_array_foreach (json_object_get(after, "meter"), i, meter) {
		struct meter_conf conf;
		int rc;

		meter_conf(meter, &conf);
		rc = dp_bridge_set_meter(world->dp, bridge->dp, id_of(meter), &conf, NULL);
		assert(rc == 0); /* bridge_policy_check */
		(void)rc;
	}
}

void
bridge_policy_commit(struct world *world, struct world_bridge *bridge, const json_t *before,
	const json_t *after, struct bridge_policy *policy)
{
	const json_t *group;
	size_t i;

	commit_meters(world, bridge, before, after);
	json_array_foreach (json_object_get(before, "group"), i, group) {
		if (counterpart(json_object_get(after, "group"), group) == NULL) {
			dp_bridge_del_group(world->dp, bridge->dp, id_of(group));
			group_forget(world, bridge, id_of(group));
		}
	}
	for (i = 0; i < policy->n; i++) {
		struct made_group *made = policy->groups[i];

		dp_bridge_set_group(
			world->dp, bridge->dp, made->id, made->type, made->buckets, made->n);
		group_forget(world, bridge, made->id);
		SLIST_INSERT_HEAD(&bridge->groups, made->group, link);
		free(made);
	}
	free(policy);
}

void
bridge_policy_abort(struct world *world, struct bridge_policy *policy)
{
	for (size_t i = 0; policy != NULL && i < policy->n; i++) {
		holds_end(world, &policy->groups[i]->group->holds);
		made_free(policy->groups[i]);
	}
	free(policy);
}

void
bridge_policy_drop(struct world *world, struct world_bridge *bridge)
{
	struct world_group *group;

	while ((group = SLIST_FIRST(&bridge->groups)) != NULL) {
		group_forget(world, bridge, group->id);
	}
}

/* --- state -------------------------------------------------------------------------------------
 */

void
bridge_policy_state(const struct world_bridge *bridge, json_t *entry)
{
	json_t *meter;
	size_t i;

	json_array_foreach (json_object_get(entry, "meter"), i, meter) {
		char text[24];
		uint64_t passed;
		uint64_t dropped;

		if (!dp_bridge_get_meter(bridge->dp, id_of(meter), &passed, &dropped)) {
			continue;
		}
		(void)snprintf(text, sizeof(text), "%" PRIu64, passed);
		(void)json_object_set_new(meter, "passed-packets", json_string(text));
		(void)snprintf(text, sizeof(text), "%" PRIu64, dropped);
		(void)json_object_set_new(meter, "dropped-packets", json_string(text));
	}
}
