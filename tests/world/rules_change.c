/* SPDX-License-Identifier: BSD-3-Clause */
/* Random changes of rules, ports, access lists, groups and bridges, to both. */
#include <stdlib.h>
#include <string.h>

#include "tests/world/rules_world.h"

#define STEPS_MAX 1000

static unsigned int
below(struct rules_world *world, unsigned int n)
{
	return random_of(&world->random, n);
}

static bool
one_in(struct rules_world *world, unsigned int n)
{
	return random_one_in(&world->random, n);
}

/* --- rules ------------------------------------------------------------------------------------ */

static void
must(struct rules_world *world, int rc, const struct err *err, const char *what)
{
	if (rc != 0) {
		fail_msg("seed %llu, round %u: %s: %s", (unsigned long long)world->seed,
			world->round, what, err->text);
	}
}

static int
some_bridge(struct rules_world *world)
{
	return one_in(world, 6) ? 1 : 0;
}

static struct pipeline_rule *
some_rule(struct rules_world *world, int bridge)
{
	struct pipeline_rule *rules = world->model.bridges[bridge].rules;
	unsigned int n = 0;

	for (int i = 0; i < PIPELINE_RULES; i++) {
		n += rules[i].there;
	}
	if (n == 0) {
		return NULL;
	}
	n = below(world, n);
	for (int i = 0;; i++) {
		if (rules[i].there && n-- == 0) {
			return &rules[i];
		}
	}
}

static bool
priority_is_free(const struct pipeline_bridge *bridge, const struct pipeline_rule *rule)
{
	for (int i = 0; i < PIPELINE_RULES; i++) {
		const struct pipeline_rule *other = &bridge->rules[i];

		if (other->there && other->table == rule->table &&
			other->priority == rule->priority) {
			return false;
		}
	}
	return true;
}

/* A new rule, or (`old`) one in place of another, with its match and priority. */
static void
add_rule(struct rules_world *world, int b, const struct pipeline_rule *old) ON_MAIN
{
	static const uint16_t timeouts[] = {10, 30, 50, 310};
	struct pipeline_rule rule = {.id = ++world->next_id};

	rule.table = (uint8_t)(one_in(world, 2) ? 0 : below(world, RANDOM_TABLES));
	do {
		rule.priority = (uint16_t)below(world, one_in(world, 2) ? 65536 : 8192);
	} while (!priority_is_free(&world->model.bridges[b], &rule));
	random_match(&world->random, false, &rule.match);
	if (old != NULL) {
		rule.table = old->table;
		rule.priority = old->priority;
		rule.match = old->match;
	}
	if (one_in(world, 6)) {
		*(one_in(world, 2) ? &rule.idle_s : &rule.hard_s) = timeouts[below(world, 4)];
	}
	rules_world_add_rule(world, b, &rule, random_actions(&world->random, rule.table));
}

void
rules_world_add_rule(struct rules_world *world, int b, const struct pipeline_rule *rule,
	struct action_list *list)
{
	struct dp_rule_spec spec;
	struct err err = ERR_INIT;

	(void)pipeline_add(&world->model, b, rule, list);
	spec = (struct dp_rule_spec){.cookie = rule->id,
		.match = rule->match,
		.actions = list,
		.priority = rule->priority,
		.idle_s = rule->idle_s,
		.hard_s = rule->hard_s,
		.table = rule->table};
	must(world, dp_rules_add(world->dp, world->bridges[b], &spec, &err), &err, "add");
}

/* The filter that names this rule and no other. */
static struct rules_filter
strictly(const struct pipeline_rule *rule)
{
	return (struct rules_filter){.match = rule->match,
		.priority = rule->priority,
		.table = rule->table,
		.strict = true};
}

static void
modify_rule(struct rules_world *world, int b, struct pipeline_rule *rule) ON_MAIN
{
	struct rules_filter filter = strictly(rule);
	struct action_list *list = random_actions(&world->random, rule->table);
	struct err err = ERR_INIT;
	size_t n;

	pipeline_modify(rule, list);
	must(world, dp_rules_modify(world->dp, world->bridges[b], &filter, list, &n, &err), &err,
		"modify");
	assert_int_equal(n, 1);
}

void
rules_world_delete_rule(struct rules_world *world, int b, struct pipeline_rule *rule)
{
	struct rules_filter filter = strictly(rule);
	struct err err = ERR_INIT;
	size_t n;

	pipeline_remove(&world->model, b, rule);
	must(world, dp_rules_delete(world->dp, world->bridges[b], &filter, &n, &err), &err,
		"delete");
	assert_int_equal(n, 1);
}

/* All rules of a table, or those whose cookie ends like this. */
static void
delete_many(struct rules_world *world, int b) ON_MAIN
{
	struct rules_filter filter = {.all_tables = one_in(world, 2)};
	struct err err = ERR_INIT;
	size_t expected = 0;
	size_t n;

	match_init(&filter.match);
	filter.table = (uint8_t)below(world, RANDOM_TABLES);
	if (one_in(world, 2)) {
		filter.cookie_mask = 7;
		filter.cookie = below(world, 8);
	}
	for (int i = 0; i < PIPELINE_RULES; i++) {
		struct pipeline_rule *rule = &world->model.bridges[b].rules[i];

		if (rule->there && (filter.all_tables || rule->table == filter.table) &&
			(rule->id & filter.cookie_mask) == filter.cookie) {
			pipeline_remove(&world->model, b, rule);
			expected++;
		}
	}
	must(world, dp_rules_delete(world->dp, world->bridges[b], &filter, &n, &err), &err,
		"delete");
	assert_int_equal(n, expected);
}

static unsigned int
count_rules(const struct pipeline_bridge *bridge)
{
	unsigned int n = 0;

	for (int i = 0; i < PIPELINE_RULES; i++) {
		n += bridge->rules[i].there;
	}
	return n;
}

static void
change_rule(struct rules_world *world, int b) ON_MAIN
{
	struct pipeline_rule *rule = some_rule(world, b);
	unsigned int kind = below(world, 16);

	if (rule == NULL || kind < 8) {
		if (count_rules(&world->model.bridges[b]) < world->most_rules) {
			add_rule(world, b, NULL);
		}
	} else if (kind < 9) {
		add_rule(world, b, rule);
	} else if (kind < 12) {
		modify_rule(world, b, rule);
	} else if (kind < 15) {
		rules_world_delete_rule(world, b, rule);
	} else if (one_in(world, 4)) {
		delete_many(world, b);
	}
}

void
rules_world_change_rules(struct rules_world *world)
{
	int b = some_bridge(world);
	unsigned int n = one_in(world, 4) ? 1 + below(world, 8) : 1;

	dp_rules_begin(world->dp, world->bridges[b]);
	for (unsigned int i = 0; i < n; i++) {
		change_rule(world, b);
	}
	dp_rules_commit(world->dp, world->bridges[b]);
}

void
rules_world_fill(struct rules_world *world)
{
	unsigned int n = below(world, world->most_rules);

	dp_rules_begin(world->dp, world->bridges[0]);
	for (unsigned int i = 0; i < n; i++) {
		add_rule(world, 0, NULL);
	}
	dp_rules_commit(world->dp, world->bridges[0]);
}

/* --- ports ------------------------------------------------------------------------------------ */

static void
spoof_random(struct rules_world *world, int p, struct spoof_view *spoof)
{
	static const uint8_t lens[] = {0, 8, 24, 31, 32};
	static const uint8_t lens6[] = {0, 10, 32, 64, 127, 128};

	memset(spoof, 0, sizeof(*spoof));
	if (one_in(world, 2)) {
		return;
	}
	spoof->n_mac = (uint16_t)below(world, 4);
	for (unsigned int i = 0; i < spoof->n_mac; i++) {
		random_station_mac(
			i == 0 ? (unsigned int)p : below(world, RANDOM_STATIONS), spoof->mac[i]);
	}
	spoof->n_ip4 = (uint16_t)below(world, 3);
	for (unsigned int i = 0; i < spoof->n_ip4; i++) {
		random_ip4(&world->random, spoof->ip4[i].addr);
		spoof->ip4[i].len = lens[below(world, 5)];
	}
	spoof->n_ip6 = (uint16_t)below(world, 3);
	for (unsigned int i = 0; i < spoof->n_ip6; i++) {
		random_ip6(&world->random, spoof->ip6[i].addr);
		spoof->ip6[i].len = lens6[below(world, 6)];
	}
}

static void
on_closed(void *arg)
{
	*(bool *)arg = true;
}

/* Another device under the same number; for a while there is none. */
static void
reopen_port(struct rules_world *world, int p) ON_BOTH
{
	struct pipeline_port *port = &world->model.ports[p];
	bool closed = false;

	if (getenv("DBG"))
		fprintf(stderr, "DBG round %u reopen %d\n", world->round, p + 1);
	if (port->there) {
		dp_port_close(world->dp, world->ports[p], PORT_CLOSE_DELETED, on_closed, &closed);
		dp_publish(world->dp);
		rules_world_settle(world); /* its grace periods */
		assert_true(closed);
		rules_world_settle(world);
		world->ports[p] = NULL;
		pipeline_forget(&world->model, p);
		port->there = false;
	} else {
		rules_world_open_port(world, p);
		port->there = true;
		rules_world_set_port(world, p);
	}
}

void
rules_world_change_port(struct rules_world *world)
{
	int p = (int)below(world, PIPELINE_PORTS);
	struct pipeline_port *port = &world->model.ports[p];
	unsigned int kind = below(world, 8);
	struct vlan_model_port before = port->vlan;
	int bridge;

	if (kind == 0 || !port->there) {
		reopen_port(world, p);
		return;
	}
	switch (kind) {
	case 1:
		bridge = one_in(world, 8) ? -1 : one_in(world, 4);
		if (bridge != port->bridge) {
			pipeline_forget(&world->model, p);
		}
		port->bridge = bridge;
		break;
	case 2:
		rules_world_random_vlan(world, &port->vlan);
		break;
	case 3:
		port->enabled = !one_in(world, 3);
		break;
	case 4:
		port->mtu = one_in(world, 2) ? 1500 : 68 + below(world, 60);
		break;
	case 5:
		spoof_random(world, p, &port->spoof);
		break;
	case 6:
		port->protected_port = one_in(world, 2);
		break;
	default:
		port->acl_in = (int)below(world, 2 * PIPELINE_ACLS) - PIPELINE_ACLS;
		port->acl_out = (int)below(world, 2 * PIPELINE_ACLS) - PIPELINE_ACLS;
		port->acl_in =
			port->acl_in < 0 || world->acls[port->acl_in] == NULL ? -1 : port->acl_in;
		port->acl_out = port->acl_out < 0 || world->acls[port->acl_out] == NULL
			? -1
			: port->acl_out;
	}
	if (getenv("DBG"))
		fprintf(stderr, "DBG round %u port %d kind %u enabled %d bridge %d\n", world->round,
			p + 1, kind, port->enabled, port->bridge);
	if (!port->enabled || memcmp(&before, &port->vlan, sizeof(before)) != 0) {
		pipeline_forget(&world->model, p);
	}
	rules_world_set_port(world, p);
}

/* --- access lists, groups, bridges -------------------------------------------------------------
 */

/* All ports of one list get another. */
void
rules_world_change_acl(struct rules_world *world)
{
	int i = (int)below(world, PIPELINE_ACLS);
	struct pipeline_acl *acl = &world->model.acls[i];
	struct dp_acl *old = world->acls[i];
	struct dp_acl_entry entries[PIPELINE_ENTRIES];
	struct err err = ERR_INIT;

	memset(acl, 0, sizeof(*acl));
	acl->n = below(world, PIPELINE_ENTRIES);
	acl->accept_rest = !one_in(world, 4);
	for (unsigned int e = 0; e < acl->n; e++) {
		random_match(&world->random, true, &acl->entries[e].match);
		acl->entries[e].accept = !one_in(world, 3);
	}
	if (acl->n > 0) {
		/* One that looks as deep as can be, so that deep frames are the rest's. */
		struct match *match = &acl->entries[acl->n - 1].match;

		match_init(match);
		memset(match->mask.nd_target, 0xff, sizeof(match->mask.nd_target));
		fields_mask_complete(&match->mask);
		match->value.eth_type = 0xdd86;
		match->value.proto = 58;
		match->value.valid = match->mask.valid;
	}
	for (unsigned int e = 0; e < acl->n; e++) {
		entries[e] = (struct dp_acl_entry){
			.match = acl->entries[e].match, .accept = acl->entries[e].accept};
	}
	must(world,
		dp_acl_create(world->dp, entries, acl->n, acl->accept_rest, &world->acls[i], &err),
		&err, "access list");
	for (int p = 0; p < PIPELINE_PORTS; p++) {
		const struct pipeline_port *port = &world->model.ports[p];

		if (port->there && (port->acl_in == i || port->acl_out == i)) {
			rules_world_set_port(world, p);
		}
	}
	dp_acl_destroy(world->dp, old);
}

void
rules_world_change_group(struct rules_world *world)
{
	int b = some_bridge(world);
	unsigned int g = below(world, PIPELINE_GROUPS);
	struct pipeline_group *group = &world->model.bridges[b].groups[g];
	struct dp_bucket buckets[PIPELINE_BUCKETS];

	for (unsigned int i = 0; i < group->n; i++) {
		free(group->buckets[i].actions);
	}
	if (group->there && one_in(world, 3)) {
		group->there = false;
		group->n = 0;
		dp_bridge_del_group(world->dp, world->bridges[b], g);
		dp_publish(world->dp);
		return;
	}
	group->there = true;
	group->id = g;
	group->type = one_in(world, 2) ? GROUP_ALL : GROUP_FAILOVER;
	group->n = below(world, PIPELINE_BUCKETS + 1);
	for (unsigned int i = 0; i < group->n; i++) {
		struct action_list *list = random_actions(&world->random, -1);

		group->buckets[i].watch =
			(uint16_t)(one_in(world, 2) ? 0 : 1 + below(world, PIPELINE_PORTS));
		group->buckets[i].actions = pipeline_list_copy(list);
		buckets[i] = (struct dp_bucket){
			.watch = group->buckets[i].watch, .weight = 1, .actions = list};
	}
	dp_bridge_set_group(world->dp, world->bridges[b], g, group->type, buckets, group->n);
	dp_publish(world->dp);
}

void
rules_world_change_bridge(struct rules_world *world)
{
	static const uint32_t times[] = {0, 10, 50, 310};
	int b = some_bridge(world);

	world->model.bridges[b].forward_reserved = one_in(world, 2);
	world->model.bridges[b].aging = times[below(world, 4)];
	rules_world_set_bridge(world, b);
	/* In whole steps, so that what is over its time is gone in both. */
	rules_world_sleep(world, RULES_SLEEP_S);
}
