/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/program.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "datapath/dp/dp_rules.h"
#include "vswitchd/flow_actions.h"
#include "vswitchd/flow_match.h"

/* --- ports -------------------------------------------------------------------------------------
 */

/* What a rule may name: a port of the bridge whose name `arg` is. */
struct bridge_ports {
	const struct world *world;
	const char *bridge;
};

static uint16_t
bridge_port(void *arg, const char *name, struct err *err)
{
	const struct bridge_ports *ports = arg;
	const struct world_port *port;

	role_assert(&role_main);
	port = world_find_port(ports->world, name);
	if (port == NULL) {
		(void)err_set(err, ERR_INVALID, NULL, "there is no port '%s'", name);
		return 0;
	}
	if (strcmp(port->bridge, ports->bridge) != 0) {
		(void)err_set(err, ERR_INVALID, NULL, "port '%s' is not in bridge '%s'", name,
			ports->bridge);
		return 0;
	}
	if (port->number == 0) {
		(void)err_set(err, ERR_LIMIT, NULL,
			"port '%s' came when all numbers of ports were in use; rules cannot name "
			"it",
			name);
	}
	return port->number;
}

/* What a filter may name. */
static uint16_t
known_port(void *arg, const char *name, struct err *err)
{
	const struct bridge_ports *ports = arg;
	uint16_t number;

	role_assert(&role_main);
	number = port_numbers_find(&ports->world->numbers, name);
	if (number == 0) {
		(void)err_set(err, ERR_MISSING, NULL, "no rule knows a port '%s'", name);
	}
	return number;
}

static const char *
port_name(void *arg, uint16_t number)
{
	const struct bridge_ports *ports = arg;

	role_assert(&role_main);
	return port_numbers_name(&ports->world->numbers, number);
}

static bool
number_used(void *arg, uint16_t number)
{
	const struct world *world = arg;
	const struct world_bridge *bridge;

	role_assert(&role_main);
	TAILQ_FOREACH (bridge, &world->bridges, link) {
		if (dp_rules_use_port(bridge->dp, number)) {
			return true;
		}
	}
	return false;
}

/* --- filters -----------------------------------------------------------------------------------
 */

/* What of a rule's actions a filter asks for. */
struct accept {
	uint16_t out_port; /* 0: any */
	uint8_t go_to; /* new actions go to this table; 0: nowhere */
	bool too_late; /* a rule in that table or a later one was met */
	uint8_t table; /* its */
};

static bool
accept_rule(void *arg, const struct rule *rule)
{
	struct accept *accept = arg;

	if (accept->out_port != 0 && !flow_actions_output(rule->actions, accept->out_port)) {
		return false;
	}
	if (accept->go_to != 0 && rule->table >= accept->go_to && !accept->too_late) {
		accept->too_late = true;
		accept->table = rule->table;
	}
	return true;
}

/* False: it names a port that no rule knows, so it selects nothing. */
static bool
filter_make(const struct world *world, const struct flow_rule *rule, struct accept *accept,
	struct rules_filter *filter) ON_MAIN
{
	struct bridge_ports ports = {.world = world};
	const struct port_namer namer = {.number = known_port, .name = port_name, .arg = &ports};

	*accept = (struct accept){.out_port = 0};
	*filter = (struct rules_filter){
		.cookie = rule->cookie,
		.cookie_mask = rule->cookie_mask,
		.accept = accept_rule,
		.arg = accept,
		.priority = rule->priority,
		.table = rule->table,
		.all_tables = rule->any_table,
		.strict = rule->strict,
	};
	if (rule->out_port[0] != '\0' &&
		port_namer_get(&namer, rule->out_port, NULL, &accept->out_port, NULL) != 0) {
		return false;
	}
	return flow_match_make(rule, &namer, &filter->match, NULL) == 0;
}

/* --- batches -----------------------------------------------------------------------------------
 */

static int
find_bridge(const struct programmer *programmer, const char *name, struct world_bridge **out,
	struct err *err) ON_MAIN
{
	*out = world_find_bridge(programmer->world, name);
	return *out != NULL ? 0
			    : err_set(err, ERR_MISSING, "bridge", "there is no bridge '%s'", name);
}

static int
begin(void *ctx, const char *bridge, struct err *err)
{
	struct programmer *programmer = ctx;
	int rc;

	role_assert(&role_main);
	assert(programmer->bridge == NULL);
	rc = find_bridge(programmer, bridge, &programmer->bridge, err);
	if (rc == 0) {
		dp_rules_begin(programmer->world->dp, programmer->bridge->dp);
	}
	return rc;
}

static int
op_add(struct programmer *programmer, const struct flow_rule *rule, const struct port_namer *namer,
	uint64_t *n, struct err *err) ON_MAIN
{
	struct dp_rule_spec spec = {
		.cookie = rule->cookie,
		.priority = rule->priority,
		.idle_s = rule->idle_timeout,
		.hard_s = rule->hard_timeout,
		.table = rule->table,
	};
	int rc = flow_match_make(rule, namer, &spec.match, err);

	rc = rc != 0 ? rc : flow_actions_make(rule, namer, &spec.actions, err);
	rc = rc != 0 ? rc : dp_rules_add(programmer->world->dp, programmer->bridge->dp, &spec, err);
	*n = rc == 0 ? 1 : 0;
	return rc;
}

static int
op_modify(struct programmer *programmer, const struct flow_rule *rule,
	const struct port_namer *namer, uint64_t *n, struct err *err) ON_MAIN
{
	struct action_list *actions;
	struct rules_filter filter;
	struct accept accept;
	char path[32];
	size_t touched = 0;
	int rc = flow_actions_make(rule, namer, &actions, err);

	if (rc != 0) {
		return rc;
	}
	if (!filter_make(programmer->world, rule, &accept, &filter)) {
		free(actions);
		return 0;
	}
	accept.go_to = flow_actions_goto(actions);
	rc = dp_rules_modify(
		programmer->world->dp, programmer->bridge->dp, &filter, actions, &touched, err);
	if (rc == 0 && accept.too_late) {
		/* It is the last action. */
		(void)snprintf(path, sizeof(path), "actions/%u/table", rule->n_actions - 1);
		return err_set(err, ERR_INVALID, path,
			"table %u: from table %u, which has such a rule, only later tables can be "
			"reached",
			accept.go_to, accept.table);
	}
	*n = touched;
	return rc;
}

static int
op_delete(struct programmer *programmer, const struct flow_rule *rule, uint64_t *n,
	struct err *err) ON_MAIN
{
	struct rules_filter filter;
	struct accept accept;
	size_t touched = 0;
	int rc = 0;

	if (filter_make(programmer->world, rule, &accept, &filter)) {
		rc = dp_rules_delete(
			programmer->world->dp, programmer->bridge->dp, &filter, &touched, err);
	}
	*n = touched;
	return rc;
}

static int
op(void *ctx, const struct flow_rule *rule, uint64_t *n, struct err *err)
{
	struct programmer *programmer = ctx;
	struct bridge_ports ports = {.world = programmer->world};
	const struct port_namer namer = {.number = bridge_port, .name = port_name, .arg = &ports};

	role_assert(&role_main);
	assert(programmer->bridge != NULL);
	ports.bridge = programmer->bridge->name;
	*n = 0;
	switch (rule->op) {
	case FLOW_ADD:
		return op_add(programmer, rule, &namer, n, err);
	case FLOW_MODIFY:
		return op_modify(programmer, rule, &namer, n, err);
	case FLOW_DELETE:
		break;
	}
	return op_delete(programmer, rule, n, err);
}

static void
commit(void *ctx)
{
	struct programmer *programmer = ctx;

	role_assert(&role_main);
	dp_rules_commit(programmer->world->dp, programmer->bridge->dp);
	programmer->bridge = NULL;
}

static void
abort_batch(void *ctx)
{
	struct programmer *programmer = ctx;

	role_assert(&role_main);
	dp_rules_abort(programmer->world->dp, programmer->bridge->dp);
	programmer->bridge = NULL;
}

/* --- lists -------------------------------------------------------------------------------------
 */

#define PAGE PROGRAM_PAGE_MAX

/* A rule and its place: table, falling priority and id, as one number. */
struct found {
	uint64_t place;
	const struct rule *rule;
};

/* The first PAGE rules of those from a place on. */
struct page {
	uint64_t from;
	uint64_t limit; /* rules from here on do not belong to it */
	size_t n;
	struct found found[2 * PAGE];
};

static uint64_t
place_of(const struct rule *rule)
{
	return (uint64_t)rule->table << 48 | (uint64_t)(UINT16_MAX - rule->priority) << 32 |
		rule->id;
}

static void
place_print(uint64_t place, char *out, size_t size)
{
	(void)snprintf(out, size, "%u/%u/%" PRIu32, (unsigned int)(place >> 48),
		UINT16_MAX - (unsigned int)(place >> 32 & UINT16_MAX), (uint32_t)place);
}

/* "TABLE/PRIORITY/ID" */
static int
place_read(const char *text, uint64_t *place, struct err *err)
{
	static const uint64_t most[3] = {FLOW_TABLE_MAX, UINT16_MAX, UINT32_MAX};
	uint64_t numbers[3];
	char copy[32];
	char *at = copy;
	bool good = str_copy(copy, text, sizeof(copy));

	for (unsigned int i = 0; i < ARRAY_LEN(numbers) && good; i++) {
		char *part = strsep(&at, "/");

		good = part != NULL && str_to_u64(part, 0, most[i], &numbers[i]) == 0;
	}
	if (!good || at != NULL) {
		return err_set(err, ERR_INVALID, "after",
			"'%s' is no place in a list of rules: what an earlier answer had as `next`",
			text);
	}
	*place = numbers[0] << 48 | (UINT16_MAX - numbers[1]) << 32 | numbers[2];
	return 0;
}

static int
found_compare(const void *a, const void *b)
{
	const uint64_t x = ((const struct found *)a)->place;
	const uint64_t y = ((const struct found *)b)->place;

	return (x > y) - (x < y);
}

/* Sorted, and no more than a page. */
static void
page_cut(struct page *page)
{
	qsort(page->found, page->n, sizeof(page->found[0]), found_compare);
	if (page->n > PAGE) {
		page->limit = page->found[PAGE].place;
		page->n = PAGE;
	}
}

static bool
page_put(void *arg, const struct rule *rule)
{
	const uint64_t place = place_of(rule);
	struct page *page = arg;

	if (place < page->from || place >= page->limit) {
		return true;
	}
	if (page->n == ARRAY_LEN(page->found)) {
		page_cut(page);
		if (place >= page->limit) {
			return true;
		}
	}
	page->found[page->n++] = (struct found){.place = place, .rule = rule};
	return true;
}

/* What a rule is, in a user's terms. */
static void
tell(const struct world *world, const struct rule *rule, struct flow_rule *out) ON_MAIN
{
	struct bridge_ports ports = {.world = world};
	const struct port_namer namer = {.number = known_port, .name = port_name, .arg = &ports};
	struct match match;

	out->op = FLOW_ADD;
	out->strict = false;
	out->any_table = false;
	out->table = rule->table;
	out->priority = rule->priority;
	out->idle_timeout = rule->idle_s;
	out->hard_timeout = rule->hard_s;
	out->cookie = rule->cookie;
	out->cookie_mask = UINT64_MAX;
	out->out_port[0] = '\0';
	rules_get_match(rule, &match);
	flow_match_tell(&match, &namer, out);
	flow_actions_tell(rule->actions, &namer, out);
}

/* Who is told. */
struct listener {
	bool (*each)(void *arg, const struct flow_rule *rule, const struct program_counts *counts,
		const char *place);
	void *arg;
};

static bool
listener_tell(const struct listener *listener, const struct world *world,
	const struct found *found) ON_MAIN
{
	struct dp_rule_counters counters;
	struct program_counts counts;
	struct flow_rule rule;
	char place[32];

	tell(world, found->rule, &rule);
	dp_rule_get_counters(world->dp, found->rule, &counters);
	counts = (struct program_counts){
		.packets = counters.packets,
		.bytes = counters.bytes,
		.age_ms = counters.age_ns / CLOCK_MS,
		.idle_ms = counters.idle_ns / CLOCK_MS,
	};
	place_print(found->place, place, sizeof(place));
	return listener->each(listener->arg, &rule, &counts, place);
}

/* One table, from page->from on; false: the listener has enough. */
static bool
list_table(const struct world *world, const struct dp_bridge *bridge,
	const struct rules_filter *filter, struct page *page,
	const struct listener *listener) ON_MAIN
{
	do {
		page->n = 0;
		page->limit = UINT64_MAX;
		(void)dp_rules_walk(bridge, filter, page_put, page);
		page_cut(page);
		for (size_t i = 0; i < page->n; i++) {
			if (!listener_tell(listener, world, &page->found[i])) {
				return false;
			}
		}
		page->from = page->limit;
	} while (page->limit != UINT64_MAX);
	return true;
}

static int
list(void *ctx, const char *bridge_name, const struct flow_rule *wanted, const char *after,
	bool (*each)(void *arg, const struct flow_rule *rule, const struct program_counts *counts,
		const char *place),
	void *arg, struct err *err)
{
	const struct programmer *programmer = ctx;
	const struct listener listener = {.each = each, .arg = arg};
	struct world_bridge *bridge;
	struct rules_filter filter;
	struct rules_stats stats;
	struct accept accept;
	struct page *page;
	uint64_t from = 0;
	bool more = true;
	int rc;

	role_assert(&role_main);
	rc = find_bridge(programmer, bridge_name, &bridge, err);
	if (rc == 0 && after[0] != '\0') {
		rc = place_read(after, &from, err);
		from++;
	}
	if (rc != 0 || !filter_make(programmer->world, wanted, &accept, &filter)) {
		return rc;
	}
	filter.all_tables = false;
	page = malloc(sizeof(*page));
	if (page == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory for a list of rules");
	}
	for (unsigned int table = (unsigned int)(from >> 48); table <= FLOW_TABLE_MAX && more;
		table++) {
		filter.table = (uint8_t)table;
		if ((!wanted->any_table && table != wanted->table) ||
			!dp_rules_get_table(bridge->dp, filter.table, &stats)) {
			continue;
		}
		page->from = from;
		more = list_table(programmer->world, bridge->dp, &filter, page, &listener);
	}
	free(page);
	return 0;
}

void
programmer_init(struct programmer *programmer, struct world *world)
{
	*programmer = (struct programmer){
		.backend = {.begin = begin,
			.op = op,
			.commit = commit,
			.abort = abort_batch,
			.list = list,
			.ctx = programmer},
		.world = world,
	};
	world->numbers.used = number_used;
	world->numbers.arg = world;
}
