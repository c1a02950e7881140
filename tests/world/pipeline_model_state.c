/* SPDX-License-Identifier: BSD-3-Clause */
/* What the model keeps: rules come and go, stations age, rules time out. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/world/pipeline_model.h"

/* --- life ------------------------------------------------------------------------------------- */

void
pipeline_init(struct pipeline *pipeline)
{
	memset(pipeline, 0, sizeof(*pipeline));
	for (int i = 0; i < PIPELINE_STATIONS; i++) {
		pipeline->stations[i].bridge = -1;
	}
	for (int i = 0; i < PIPELINE_PORTS; i++) {
		pipeline->ports[i].bridge = -1;
		pipeline->ports[i].acl_in = -1;
		pipeline->ports[i].acl_out = -1;
	}
}

void
pipeline_fini(struct pipeline *pipeline)
{
	for (int b = 0; b < PIPELINE_BRIDGES; b++) {
		struct pipeline_bridge *bridge = &pipeline->bridges[b];

		for (int i = 0; i < PIPELINE_RULES; i++) {
			free(bridge->rules[i].actions);
		}
		for (int i = 0; i < PIPELINE_GROUPS; i++) {
			for (unsigned int k = 0; k < bridge->groups[i].n; k++) {
				free(bridge->groups[i].buckets[k].actions);
			}
		}
	}
}

void
pipeline_forget(struct pipeline *pipeline, int port)
{
	for (int i = 0; i < PIPELINE_STATIONS; i++) {
		if (pipeline->stations[i].bridge >= 0 && pipeline->stations[i].port == port) {
			pipeline->stations[i].bridge = -1;
		}
	}
}

static bool
timed_out(const struct pipeline *pipeline, const struct pipeline_rule *rule)
{
	return (rule->hard_s != 0 && pipeline->now - rule->created > rule->hard_s) ||
		(rule->idle_s != 0 && pipeline->now - rule->used > rule->idle_s);
}

void
pipeline_sleep(struct pipeline *pipeline, uint64_t seconds)
{
	pipeline->now += seconds;
	for (int i = 0; i < PIPELINE_STATIONS; i++) {
		struct pipeline_station *station = &pipeline->stations[i];
		uint32_t aging = station->bridge < 0 ? 0 : pipeline->bridges[station->bridge].aging;

		if (aging != 0 && pipeline->now - station->seen > aging) {
			station->bridge = -1;
		} else if (aging != 0 && pipeline->now - station->learned > aging) {
			station->doubt = true;
		}
	}
	for (int b = 0; b < PIPELINE_BRIDGES; b++) {
		for (int i = 0; i < PIPELINE_RULES; i++) {
			struct pipeline_rule *rule = &pipeline->bridges[b].rules[i];

			if (rule->there && timed_out(pipeline, rule)) {
				pipeline_remove(pipeline, b, rule);
			}
		}
	}
}

/* --- rules ------------------------------------------------------------------------------------ */

struct action_list *
pipeline_list_copy(const struct action_list *list)
{
	size_t size = sizeof(*list) + list->size;
	struct action_list *copy = malloc(size);

	assert(copy != NULL);
	memcpy(copy, list, size);
	return copy;
}

static bool
same_rule(const struct pipeline_rule *a, const struct pipeline_rule *b)
{
	return a->table == b->table && a->priority == b->priority &&
		match_equal(&a->match, &b->match);
}

void
pipeline_remove(struct pipeline *pipeline, int bridge, struct pipeline_rule *rule)
{
	pipeline->bridges[bridge].removed += rule->packets;
	free(rule->actions);
	*rule = (struct pipeline_rule){.there = false};
}

struct pipeline_rule *
pipeline_add(struct pipeline *pipeline, int bridge, const struct pipeline_rule *rule,
	const struct action_list *list)
{
	struct pipeline_rule *rules = pipeline->bridges[bridge].rules;
	struct pipeline_rule *place = NULL;

	for (int i = 0; i < PIPELINE_RULES; i++) {
		if (rules[i].there && same_rule(&rules[i], rule)) {
			pipeline_remove(pipeline, bridge, &rules[i]);
		}
		if (!rules[i].there && place == NULL) {
			place = &rules[i];
		}
	}
	assert(place != NULL);
	*place = *rule;
	place->there = true;
	place->actions = pipeline_list_copy(list);
	place->created = pipeline->now;
	place->used = pipeline->now;
	return place;
}

void
pipeline_modify(struct pipeline_rule *rule, const struct action_list *list)
{
	free(rule->actions);
	rule->actions = pipeline_list_copy(list);
}

struct pipeline_rule *
pipeline_find(struct pipeline *pipeline, int bridge, uint64_t id)
{
	struct pipeline_rule *rules = pipeline->bridges[bridge].rules;

	for (int i = 0; i < PIPELINE_RULES; i++) {
		if (rules[i].there && rules[i].id == id) {
			return &rules[i];
		}
	}
	return NULL;
}
