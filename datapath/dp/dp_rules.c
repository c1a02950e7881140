/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/dp/dp_rules.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "datapath/dp/dp_keys.h"
#include "datapath/dp/dp_rules_priv.h"
#include "datapath/dp/rule_slots.h"

LOG_MODULE("rules");

#define EXPIRE_SLICE 1000 /* rules that one step lets expire */

/* --- life ------------------------------------------------------------------------------------ */

static void
released(void *arg, const struct rule *rule, bool last)
{
	struct dp_rules *rules = arg;

	role_assert(&role_main);
	free(rule->actions);
	if (last) {
		rule_slot_release(rules->dp, rule->slot, &rules->removed_packets);
	}
}

static struct dp_rules *
rules_of(struct dp *dp, struct dp_bridge *bridge) ON_MAIN
{
	struct dp_rules *rules = bridge->rules;
	struct rules_conf conf = {.released = released};

	if (rules != NULL) {
		return rules;
	}
	rules = must_calloc(1, sizeof(*rules));
	conf.arg = rules;
	rules->dp = dp;
	if (rules_create(&conf, &dp->grace, dp_next_seed(dp), &rules->rules) != 0) {
		abort();
	}
	bridge->rules = rules;
	return rules;
}

static void
change_free(void *change)
{
	free(change);
}

void
dp_rules_free(void *object)
{
	struct dp_rules *rules = object;

	if (rules == NULL) {
		return;
	}
	role_assert(&role_main);
	rules_destroy(rules->rules);
	rule_slots_forget(rules->dp, &rules->removed_packets);
	for (uint32_t i = 0; i < rules->log.n; i++) {
		free((void *)(uintptr_t)rules->log.changes[i]);
	}
	free(rules->view);
	free(rules);
}

/* --- batches --------------------------------------------------------------------------------- */

void
dp_rules_begin(struct dp *dp, struct dp_bridge *bridge)
{
	rules_begin(rules_of(dp, bridge)->rules);
}

static int
add_failed(int rc, struct err *err)
{
	switch (rc) {
	case -EINVAL:
		return err_set(err, ERR_INVALID, "match",
			"no frame can match: the ports' range is empty, or does not fit their "
			"mask");
	case -EEXIST:
		return err_set(err, ERR_EXISTS, "match",
			"a rule of the same priority could match the same frame");
	case -ENOSPC:
		return err_set(err, ERR_LIMIT, NULL,
			"the table is full: too many rules, or too many different masks");
	default:
		return err_set(err, ERR_LIMIT, NULL, "out of memory for rules");
	}
}

int
dp_rules_add(struct dp *dp, struct dp_bridge *bridge, struct dp_rule_spec *spec, struct err *err)
{
	struct rule_spec rule = {
		.cookie = spec->cookie,
		/* The last step may be a tenth of a second ago; a test's time is its steps'. */
		.created = dp->options.threads ? clock_now() : dp->now,
		.match = spec->match,
		.actions = spec->actions,
		.priority = spec->priority,
		.idle_s = spec->idle_s,
		.hard_s = spec->hard_s,
		.table = spec->table,
		.check_overlap = spec->check_overlap,
	};
	int rc;

	rule.slot = rule_slot_alloc(dp);
	rule.id = rule.slot;
	if (rule.slot == 0) {
		free(spec->actions);
		return err_set(err, ERR_LIMIT, NULL, "there are %u rules and entries already",
			RULE_SLOTS_MAX - 1);
	}
	rc = rules_add(bridge->rules->rules, &rule);
	if (rc != 0) {
		rule_slot_release(dp, rule.slot, NULL);
		free(spec->actions);
		return add_failed(rc, err);
	}
	return 0;
}

/* Each rule gets a list of its own. */
static int
give_actions(void *arg, const struct rule *rule, void **actions)
{
	const struct action_list *list = arg;
	const size_t size = sizeof(*list) + list->size;

	(void)rule;
	*actions = malloc(size);
	if (*actions == NULL) {
		return -ENOMEM;
	}
	memcpy(*actions, list, size);
	return 0;
}

int
dp_rules_modify(struct dp *dp, struct dp_bridge *bridge, const struct rules_filter *filter,
	struct action_list *actions, size_t *n, struct err *err)
{
	int rc = rules_modify(bridge->rules->rules, filter, give_actions, actions, n);

	(void)dp;
	free(actions);
	return rc == 0 ? 0 : add_failed(rc, err);
}

int
dp_rules_delete(struct dp *dp, struct dp_bridge *bridge, const struct rules_filter *filter,
	size_t *n, struct err *err)
{
	int rc = rules_delete(bridge->rules->rules, filter, n);

	(void)dp;
	return rc == 0 ? 0 : add_failed(rc, err);
}

/* --- publication ----------------------------------------------------------------------------- */

/* The oldest change leaves the log; workers may still read it. */
static void
log_shift(struct dp_rules *rules) ON_MAIN
{
	struct rule_log *log = &rules->log;

	log->complete_since = log->changes[0]->version;
	dp_retire(rules->dp, change_free, (void *)(uintptr_t)log->changes[0]);
	memmove(&log->changes[0], &log->changes[1], --log->n * sizeof(log->changes[0]));
}

static void
log_clear(struct dp_rules *rules) ON_MAIN
{
	for (uint32_t i = 0; i < rules->log.n; i++) {
		dp_retire(rules->dp, change_free, (void *)(uintptr_t)rules->log.changes[i]);
	}
	rules->log.n = 0;
}

struct note {
	struct dp_rules *rules;
	uint64_t version;
	size_t n;
};

/* What is one tag's in a frame may be another's when a later table or the bridge looks at it. */
static bool
moves_tags(const struct action *action)
{
	switch (action->code) {
	case ACTION_PUSH_VLAN:
	case ACTION_POP_VLAN:
		return true;
	case ACTION_SET:
		return (action->arg == ACTION_VLAN_VID || action->arg == ACTION_VLAN_PCP) &&
			action->number == 1;
	default:
		return false;
	}
}

static void
note_rewrites(struct dp_rules *rules, const struct rule *rule)
{
	const struct action_list *list = rule->actions;
	const struct action *action = action_list_first(list);

	for (; action < action_list_end(list); action = action_next(action)) {
		if (!rules->tags_move && moves_tags(action)) {
			rules->tags_move = true;
			rules->keys_stale = true;
		}
		if (action->code == ACTION_GOTO) {
			action_list_changes(list, &rules->log.rewritten);
		}
	}
}

static bool
note_change(void *arg, const struct rule *rule)
{
	struct note *note = arg;
	struct rule_change *change;

	role_assert(&role_main);
	note_rewrites(note->rules, rule);
	if (++note->n > RULE_LOG_MAX) {
		return true;
	}
	if (note->rules->log.n == RULE_LOG_MAX) {
		log_shift(note->rules);
	}
	change = must_calloc(1, sizeof(*change));
	change->version = note->version;
	change->table = rule->table;
	rules_get_match(rule, &change->match);
	note->rules->log.changes[note->rules->log.n++] = change;
	return true;
}

/* What the batch has changed goes to the log; more than that makes all flows decide again. */
static void
log_batch(struct dp_rules *rules) ON_MAIN
{
	struct note note = {.rules = rules, .version = rules_version(rules->rules) + 1};

	rules_walk_batch(rules->rules, note_change, &note);
	if (note.n > RULE_LOG_MAX) {
		log_clear(rules);
		rules->log.complete_since = note.version;
	}
}

/* Once for each bridge: somebody should know why new flows take long. */
static void
warn_slow(struct dp_rules *rules, const struct dp_bridge *bridge) ON_MAIN
{
	for (unsigned int i = 0; i < RULES_TABLES && !rules->warned; i++) {
		struct rules_stats stats;

		if (!dp_rules_get_table(bridge, (uint8_t)i, &stats) || !stats.warn) {
			continue;
		}
		rules->warned = true;
		log_warn(
			"flow table %u: %u subtables and up to %u rules in a chain; new flows take "
			"long, fewer different masks would help",
			i, stats.subtables, stats.longest_chain);
	}
}

void
dp_rules_commit(struct dp *dp, struct dp_bridge *bridge)
{
	struct dp_rules *rules = bridge->rules;
	uint64_t widened;
	uint64_t narrowed;

	log_batch(rules);
	(void)rules_commit(rules->rules);
	rules_get_mask_changes(rules->rules, &widened, &narrowed);
	if (widened != rules->widened) {
		rules->keys_stale = true;
		rules->narrow_at = 0;
		warn_slow(rules, bridge);
	} else if (narrowed != rules->narrowed && rules->narrow_at == 0) {
		rules->narrow_at = dp->now + DP_KEYS_NARROW;
	}
	rules->widened = widened;
	rules->narrowed = narrowed;
	rules->stale = true;
	rules->stepping = true;
	dp->dirty = true;
	dp_publish(dp);
}

void
dp_rules_abort(struct dp *dp, struct dp_bridge *bridge)
{
	(void)dp;
	rules_abort(bridge->rules->rules);
	bridge->rules->stepping = true;
}

static uint32_t
tables_in_use(const struct dp_rules *rules)
{
	uint32_t n = 0;

	for (unsigned int table = 0; table < RULES_TABLES; table++) {
		struct rules_stats stats;

		rules_get_stats(rules->rules, (uint8_t)table, &stats);
		n += stats.rules > 0;
	}
	return n;
}

const struct rules_view *
dp_rules_view(struct dp *dp, struct dp_bridge *bridge)
{
	struct dp_rules *rules = bridge->rules;
	const bool had = rules != NULL && rules->view != NULL;
	bool has;

	if (rules == NULL || !rules->stale) {
		return rules == NULL ? NULL : rules->view;
	}
	rules->stale = false;
	dp_retire(dp, free, rules->view);
	rules->view = NULL;
	/* Without rules the pipeline is a bridge again once its masks have become narrow. */
	has = rules_total(rules->rules) > 0 || rules->narrow_at != 0;
	if (has) {
		rules->view = must_calloc(1, sizeof(*rules->view));
		rules->view->rules = rules->rules;
		rules->view->version = rules_version(rules->rules);
		rules->view->log = rules->log;
	}
	if (has != had) {
		rules->keys_stale = true;
	}
	rules->tags_move = rules->tags_move && has;
	return rules->view;
}

/* --- upkeep ---------------------------------------------------------------------------------- */

static uint64_t
last_used(void *arg, const struct rule *rule)
{
	const struct dp *dp = arg;
	struct rule_slot_counts counts;

	role_assert(&role_main);
	rule_slot_read(dp, rule->slot, &counts);
	return counts.used_ms * CLOCK_MS;
}

static void
expire(struct dp *dp, struct dp_bridge *bridge, uint64_t now) ON_MAIN
{
	struct rules *rules = bridge->rules->rules;
	size_t n;

	if (rules_next_expiry(rules) > now || dp_lags(dp)) {
		return;
	}
	rules_begin(rules);
	if (rules_expire(rules, now, EXPIRE_SLICE, last_used, dp, &n) != 0 || n == 0) {
		rules_abort(rules);
		return;
	}
	dp_rules_commit(dp, bridge);
}

bool
dp_rules_step(struct dp *dp, uint64_t now)
{
	struct dp_bridge *bridge;
	bool busy = false;

	TAILQ_FOREACH (bridge, &dp->bridge_list, link) {
		struct dp_rules *rules = bridge->rules;

		if (rules == NULL) {
			continue;
		}
		expire(dp, bridge, now);
		if (rules->stepping) {
			rules->stepping = rules_step(rules->rules);
		}
		busy = busy || rules->stepping;
	}
	return busy;
}

/* --- asking ---------------------------------------------------------------------------------- */

int
dp_rules_walk(const struct dp_bridge *bridge, const struct rules_filter *filter,
	bool (*each)(void *arg, const struct rule *rule), void *arg)
{
	return bridge->rules == NULL ? 0 : rules_walk(bridge->rules->rules, filter, each, arg);
}

void
dp_rule_get_counters(
	const struct dp *dp, const struct rule *rule, struct dp_rule_counters *counters)
{
	struct rule_slot_counts counts;
	uint64_t used;

	rule_slot_read(dp, rule->slot, &counts);
	used = counts.used_ms * CLOCK_MS;
	used = used < rule->created ? rule->created : used;
	counters->packets = counts.packets;
	counters->bytes = counts.bytes;
	counters->misses = counts.misses;
	counters->age_ns = dp->now > rule->created ? dp->now - rule->created : 0;
	counters->idle_ns = dp->now > used ? dp->now - used : 0;
}

struct sum {
	const struct dp *dp;
	uint64_t packets;
};

static bool
sum_rule(void *arg, const struct rule *rule)
{
	struct rule_slot_counts counts;
	struct sum *sum = arg;

	role_assert(&role_main);
	rule_slot_read(sum->dp, rule->slot, &counts);
	sum->packets += counts.packets;
	return true;
}

void
dp_rules_get_stats(
	const struct dp *dp, const struct dp_bridge *bridge, struct dp_rules_stats *stats)
{
	struct rules_filter all = {.all_tables = true};
	struct sum sum = {.dp = dp};

	*stats = (struct dp_rules_stats){0};
	if (bridge->rules == NULL) {
		return;
	}
	match_init(&all.match);
	(void)rules_walk(bridge->rules->rules, &all, sum_rule, &sum);
	stats->rules = rules_total(bridge->rules->rules);
	stats->tables = tables_in_use(bridge->rules);
	stats->packets = sum.packets;
	stats->removed_packets = bridge->rules->removed_packets;
	stats->memory = rules_memory(bridge->rules->rules);
}

bool
dp_rules_get_table(const struct dp_bridge *bridge, uint8_t table, struct rules_stats *stats)
{
	if (bridge->rules == NULL || !rules_has_table(bridge->rules->rules, table)) {
		return false;
	}
	rules_get_stats(bridge->rules->rules, table, stats);
	return true;
}

struct port_use {
	uint16_t number;
	bool found;
};

static bool
uses_port(void *arg, const struct rule *rule)
{
	struct port_use *use = arg;
	const struct action_list *list = rule->actions;
	struct match match;

	rules_get_match(rule, &match);
	use->found = match.mask.in_port != 0 && match.value.in_port == use->number;
	for (const struct action *action = action_list_first(list);
		action < action_list_end(list) && !use->found; action = action_next(action)) {
		use->found = action->code == ACTION_OUTPUT && action->number == use->number;
	}
	return !use->found;
}

bool
dp_rules_use_port(const struct dp_bridge *bridge, uint16_t number)
{
	struct rules_filter all = {.all_tables = true};
	struct port_use use = {.number = number};

	match_init(&all.match);
	(void)dp_rules_walk(bridge, &all, uses_port, &use);
	return use.found;
}
