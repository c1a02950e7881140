/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/dp/dp_keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "datapath/dp/dp_rules_priv.h"
#include "datapath/dp/rule_slots.h"

#define MASK_FULL 1 /* id of the mask of all bits: when there is no other id left */
#define MASKS_MAX UINT16_MAX

/* --- ids of masks ---------------------------------------------------------------------------- */

static uint32_t
mask_hash(const struct fields *mask)
{
	uint64_t hash = 0;

	for (unsigned int i = 0; i < FIELDS_WORDS; i++) {
		hash = (hash ^ fields_word(mask, i)) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return (uint32_t)hash % DP_MASK_BUCKETS;
}

static struct dp_mask *
mask_new(struct dp_masks *masks, uint64_t round)
{
	struct dp_mask *mask = STAILQ_FIRST(&masks->unused);

	if (masks->n < MASKS_MAX - MASK_FULL) {
		mask = must_calloc(1, sizeof(*mask));
		mask->id = (uint16_t)(MASK_FULL + ++masks->n);
		return mask;
	}
	if (mask == NULL || mask->round + RULE_SLOTS_ROUNDS + 1 > round) {
		return NULL;
	}
	STAILQ_REMOVE_HEAD(&masks->unused, link);
	mask->resting = false;
	SLIST_REMOVE(&masks->buckets[mask_hash(&mask->mask)], mask, dp_mask, bucket);
	return mask;
}

/* The id of this very mask, one reference more; *mask becomes what the id stands for. */
static uint16_t
mask_get(struct dp *dp, struct fields *mask) ON_MAIN
{
	struct dp_masks *masks = &dp->masks;
	struct dp_mask *at;

	SLIST_FOREACH(at, &masks->buckets[mask_hash(mask)], bucket)
	{
		if (memcmp(&at->mask, mask, sizeof(*mask)) == 0) {
			if (at->resting) {
				STAILQ_REMOVE(&masks->unused, at, dp_mask, link);
				at->resting = false;
			}
			at->refs++;
			return at->id;
		}
	}
	at = mask_new(masks, rule_slots_round(dp));
	if (at == NULL) {
		memset(mask, UINT8_MAX, sizeof(*mask));
		mask->spare_word = 0;
		return MASK_FULL;
	}
	at->mask = *mask;
	at->refs = 1;
	masks->by_id[at->id] = at;
	SLIST_INSERT_HEAD(&masks->buckets[mask_hash(mask)], at, bucket);
	return at->id;
}

static void
mask_put(struct dp *dp, uint16_t id) ON_MAIN
{
	struct dp_mask *mask = dp->masks.by_id[id];

	if (id <= MASK_FULL) {
		return;
	}
	assert(mask->refs > 0);
	if (--mask->refs == 0) {
		mask->round = rule_slots_round(dp);
		mask->resting = true;
		STAILQ_INSERT_TAIL(&dp->masks.unused, mask, link);
	}
}

static void
keys_retire(struct dp *dp, struct port_keys *keys) ON_MAIN
{
	if (keys == NULL) {
		return;
	}
	for (unsigned int class = 0; class < RULES_ALL; class ++) {
		mask_put(dp, keys->shapes[class].mask_id);
		mask_put(dp, keys->out[class].mask_id);
	}
	dp_retire(dp, free, keys);
}

/* --- masks of a port ------------------------------------------------------------------------- */

static void
join_rules(
	struct fields *mask, const struct dp_rules *rules, enum rules_class class, uint16_t number)
{
	for (unsigned int table = 0; rules != NULL && table < RULES_TABLES; table++) {
		struct fields more;

		rules_get_mask(rules->rules, (uint8_t)table, class, number, &more);
		fields_join(mask, &more);
	}
}

/*
 * Tags come and go before a later table or the bridge looks: what is asked of one tag is asked of
 * both, and so is the EtherType, which a third tag hides with all behind it; rules on what is left
 * to see then are those of other frames.
 */
static void
join_moved_tags(struct fields *mask, const struct dp_rules *rules, uint16_t number)
{
	if (rules == NULL || !rules->tags_move) {
		return;
	}
	join_rules(mask, rules, RULES_OTHER, number);
	mask->vlan_tci |= mask->inner_tci;
	mask->inner_tci = mask->vlan_tci;
	mask->outer_tpid = UINT16_MAX;
	mask->inner_tpid = UINT16_MAX;
	mask->eth_type = UINT16_MAX;
	fields_mask_complete(mask);
}

static void
shape_make(struct dp *dp, struct fields *mask, struct key_shape *shape) ON_MAIN
{
	uint16_t id;
	int rc;

	/* In word 0 only `valid` is a packet's; registers are the pipeline's own. */
	fields_set_word(mask, 0, fields_word(&(struct fields){.valid = mask->valid}, 0));
	memset(mask->regs, 0, sizeof(mask->regs));
	id = mask_get(dp, mask);
	rc = key_shape_init(shape, mask, id);
	assert(rc == 0);
	(void)rc;
}

/* Of a port (NULL: of those that are not asked for by name). */
static struct port_keys *
keys_make(struct dp *dp, const struct dp_bridge *bridge, const struct port_view *view) ON_MAIN
{
	struct port_keys *keys = must_calloc(1, sizeof(*keys));
	const uint16_t number = view == NULL ? 0 : view->number;

	for (unsigned int class = 0; class < RULES_ALL; class ++) {
		struct fields mask;

		key_bridge_mask(&mask);
		join_rules(&mask, bridge->rules, (enum rules_class) class, number);
		join_moved_tags(&mask, bridge->rules, number);
		if (view != NULL && view->acl_in != NULL) {
			fields_join(&mask, &view->acl_in->masks[class]);
		}
		if (view != NULL && view->spoof != NULL) {
			struct fields more = {0};

			spoof_mask(view->spoof, (enum rules_class) class, &more);
			fields_join(&mask, &more);
		}
		shape_make(dp, &mask, &keys->shapes[class]);
		if (view != NULL && view->acl_out != NULL) {
			mask = view->acl_out->masks[class];
			shape_make(dp, &mask, &keys->out[class]);
		}
	}
	return keys;
}

/* --- what is stale --------------------------------------------------------------------------- */

static bool
has_rules(const struct dp_bridge *bridge)
{
	return bridge->rules != NULL && bridge->rules->view != NULL;
}

static void
refresh_bridge(struct dp *dp, struct dp_bridge *bridge) ON_MAIN
{
	struct dp_rules *rules = bridge->rules;

	if (rules == NULL || !rules->keys_stale) {
		return;
	}
	rules->keys_stale = false;
	keys_retire(dp, rules->keys);
	rules->keys = has_rules(bridge) ? keys_make(dp, bridge, NULL) : NULL;
	rules->keys_round++;
}

static void
refresh_port(struct dp *dp, struct dp_port *port) ON_MAIN
{
	const struct port_view *view = port->view;
	const struct dp_bridge *bridge = port->bridge;
	const uint64_t round =
		bridge == NULL || bridge->rules == NULL ? 0 : bridge->rules->keys_round;

	if (!port->keys_stale && port->keys_round == round) {
		return;
	}
	port->keys_stale = false;
	port->keys_round = round;
	keys_retire(dp, port->keys);
	port->keys = NULL;
	if (bridge != NULL &&
		(view->acl_in != NULL || view->acl_out != NULL || view->spoof != NULL ||
			(has_rules(bridge) &&
				rules_ask_for_port(bridge->rules->rules, view->number)))) {
		port->keys = keys_make(dp, bridge, view);
	}
}

void
dp_keys_refresh(struct dp *dp)
{
	struct dp_bridge *bridge;
	struct dp_port *port;

	TAILQ_FOREACH (bridge, &dp->bridge_list, link) {
		refresh_bridge(dp, bridge);
	}
	TAILQ_FOREACH (port, &dp->live, link) {
		if (port->state == DP_PORT_PUBLISHED) {
			refresh_port(dp, port);
		}
	}
}

const struct port_keys *
dp_keys_of(const struct dp_port *port)
{
	if (port->keys != NULL) {
		return port->keys;
	}
	return port->bridge == NULL || port->bridge->rules == NULL ? NULL
								   : port->bridge->rules->keys;
}

void
dp_keys_step(struct dp *dp, uint64_t now)
{
	struct dp_bridge *bridge;

	bool narrows = false;

	TAILQ_FOREACH (bridge, &dp->bridge_list, link) {
		struct dp_rules *rules = bridge->rules;

		if (rules != NULL && rules->narrow_at != 0 && now >= rules->narrow_at) {
			rules->narrow_at = 0;
			rules->keys_stale = true;
			rules->stale = true;
			narrows = true;
		}
	}
	if (narrows) {
		dp->dirty = true;
		dp_publish(dp);
	}
}

void
dp_keys_drop_port(struct dp *dp, struct dp_port *port)
{
	keys_retire(dp, port->keys);
	port->keys = NULL;
}

void
dp_keys_drop_bridge(struct dp *dp, struct dp_bridge *bridge)
{
	if (bridge->rules != NULL) {
		keys_retire(dp, bridge->rules->keys);
		bridge->rules->keys = NULL;
	}
}

void
dp_keys_fini(struct dp *dp)
{
	for (uint32_t id = 0; id <= dp->masks.n + MASK_FULL; id++) {
		free(dp->masks.by_id[id]);
	}
}
