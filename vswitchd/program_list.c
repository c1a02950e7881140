/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules in order, page by page. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "vswitchd/flow_actions.h"
#include "vswitchd/flow_match.h"
#include "vswitchd/program_priv.h"

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
	struct program_ports ports = {.world = world};
	const struct port_namer namer = {
		.number = program_known_port, .name = program_port_name, .arg = &ports};
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
		.misses = counters.misses,
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

int
program_tell(void *ctx, const char *bridge_name, const struct flow_rule *wanted, const char *after,
	bool (*each)(void *arg, const struct flow_rule *rule, const struct program_counts *counts,
		const char *place),
	void *arg, struct err *err)
{
	const struct programmer *programmer = ctx;
	const struct listener listener = {.each = each, .arg = arg};
	struct world_bridge *bridge;
	struct rules_filter filter;
	struct rules_stats stats;
	struct program_accept accept;
	struct page *page;
	uint64_t from = 0;
	bool more = true;
	int rc;

	role_assert(&role_main);
	rc = program_find_bridge(programmer, bridge_name, &bridge, err);
	if (rc == 0 && after[0] != '\0') {
		rc = place_read(after, &from, err);
		from++;
	}
	if (rc != 0 || !program_filter(programmer->world, wanted, &accept, &filter)) {
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
