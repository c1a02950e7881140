/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/dp/dp_acl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "datapath/core/parse.h"
#include "datapath/dp/dp_priv.h"
#include "datapath/dp/rule_slots.h"

/* Where the entries of a list that is compiled lie at first; beyond them is room for others. */
#define LABEL_FIRST UINT32_C(0x40000000)
#define LABEL_LAST UINT32_C(0xc0000000)

/* An entry, as its rule is found and counted. */
struct acl_place {
	uint32_t label; /* rising, 1..UINT32_MAX; 0: not yet */
	uint32_t slot; /* of counters */
};

/* The entries of a list at one time. */
struct acl_places {
	size_t n;
	struct acl_place *at; /* owned */
};

/* A change that is prepared. */
struct acl_change {
	struct acl_places places; /* as they are to be */
	struct rules *rules; /* compiled anew; NULL: a batch is open in the list's own */
	struct acl_view *view; /* owned */
	uint32_t *fresh; /* owned: slots of entries that come, given back by an abort */
	size_t n_fresh;
	uint32_t *gone; /* owned: slots of entries that go, given back by the commit */
	size_t n_gone;
};

struct dp_acl {
	LIST_ENTRY(dp_acl) link;
	struct dp *dp;
	struct rules *rules;
	struct acl_view *view;
	struct acl_places places;
	uint32_t rest_slot;
	struct acl_change *change; /* NULL: none */
	bool stepping; /* rules_step wants to be called again */
};

/* --- counters -------------------------------------------------------------------------------- */

/* Slots that go when nobody decides by their rules any more. */
struct slot_list {
	struct dp *dp;
	size_t n;
	uint32_t slots[];
};

static void
slot_list_free(void *object)
{
	struct slot_list *list = object;

	role_assert(&role_main);
	for (size_t i = 0; i < list->n; i++) {
		rule_slot_release(list->dp, list->slots[i], NULL);
	}
	free(list);
}

static void
slots_retire(struct dp *dp, const uint32_t *slots, size_t n) ON_MAIN
{
	struct slot_list *list;

	if (n > 0) {
		list = must_calloc(1, sizeof(*list) + n * sizeof(list->slots[0]));
		list->dp = dp;
		list->n = n;
		memcpy(list->slots, slots, n * sizeof(list->slots[0]));
		dp_retire(dp, slot_list_free, list);
	}
}

static uint64_t
slot_packets(const struct dp *dp, uint32_t slot) ON_MAIN
{
	struct rule_slot_counts counts;

	rule_slot_read(dp, slot, &counts);
	return counts.packets;
}

/* --- labels ---------------------------------------------------------------------------------- */

/* Give labels to n places between two; false: there are too few. */
static bool
spread(struct acl_place *places, size_t n, uint64_t low, uint64_t high)
{
	const uint64_t step = (high - low) / (n + 1);

	for (size_t i = 0; step > 0 && i < n; i++) {
		places[i].label = (uint32_t)(low + (i + 1) * step);
	}
	return step > 0;
}

/* Labels for those that have none. What comes first or last leaves room for more of that kind. */
static bool
label_new(struct acl_places *places)
{
	const uint64_t usual = (LABEL_LAST - LABEL_FIRST) / (places->n + 1);

	for (size_t i = 0; i < places->n;) {
		size_t end = i;
		uint64_t low = i == 0 ? 0 : places->at[i - 1].label;
		uint64_t high = UINT32_MAX;
		uint64_t wanted;

		while (end < places->n && places->at[end].label == 0) {
			end++;
		}
		if (end == i) {
			i++;
			continue;
		}
		wanted = (end - i + 1) * usual;
		if (end < places->n) {
			high = places->at[end].label;
		} else if (high - low > wanted) {
			high = low + wanted;
		}
		if (i == 0 && high - low > wanted) {
			low = high - wanted;
		}
		if (!spread(&places->at[i], end - i, low, high)) {
			return false;
		}
		i = end;
	}
	return true;
}

/* --- rules ----------------------------------------------------------------------------------- */

static int
failed(int rc, size_t i, size_t n, struct err *err)
{
	switch (rc) {
	case -EINVAL:
		return err_set(err, ERR_INVALID, NULL,
			"entry %zu of the access list asks for ports that no packet can have",
			i + 1);
	case -ENOSPC:
		return err_set(err, ERR_LIMIT, NULL,
			"entry %zu asks for yet another combination of fields, and a lookup would "
			"take too long; let entries look at the same fields, or use fewer",
			i + 1);
	default:
		return err_set(
			err, ERR_LIMIT, NULL, "no memory for an access list of %zu entries", n);
	}
}

static int
add(struct rules *rules, const struct acl_place *place, const struct match *match,
	bool accept) ON_MAIN
{
	struct rule_spec spec = {
		.id = place->label,
		.slot = place->slot,
		.match = *match,
		.actions = (void *)(uintptr_t)(accept ? &acl_accept : &acl_drop),
		.priority = UINT32_MAX - place->label,
	};

	spec.match.mask.in_port = 0;
	return rules_add(rules, &spec);
}

static int
del(struct rules *rules, const struct acl_place *place) ON_MAIN
{
	struct rules_filter filter = {.strict = true, .priority = UINT32_MAX - place->label};
	size_t n = 0;
	int rc;

	rules_get_match(rules_find(rules, place->label), &filter.match);
	rc = rules_delete(rules, &filter, &n);
	assert(rc != 0 || n == 1);
	return rc;
}

/* What its entries look at, and whether a frame that hides its headers is told from others. */
static void
fill_view(const struct rules *rules, struct acl_view *view)
{
	view->rules = rules;
	view->version = rules_version(rules);
	for (int c = 0; c < RULES_ALL; c++) {
		struct fields *mask = &view->masks[c];

		rules_get_mask(rules, 0, (enum rules_class)c, 0, mask);
		if (parse_depth_of(mask) > PARSE_L2) {
			mask->valid |= FIELDS_DEEP;
		}
	}
}

/* --- a change -------------------------------------------------------------------------------- */

static void
change_free(struct acl_change *change)
{
	rules_destroy(change->rules);
	free(change->places.at);
	free(change->view);
	free(change->fresh);
	free(change->gone);
	free(change);
}

/* The slots of entries that were to come. */
static void
fresh_release(struct dp *dp, const struct acl_change *change) ON_MAIN
{
	for (size_t i = 0; i < change->n_fresh; i++) {
		rule_slot_release(dp, change->fresh[i], NULL);
	}
}

/* The entries as they are to be, those that come without labels. */
static int
splice(struct dp *dp, const struct dp_acl *acl, const struct dp_acl_splice *splices, size_t n,
	struct acl_change *change, struct err *err) ON_MAIN
{
	struct acl_places *to = &change->places;
	size_t old = 0;

	for (size_t s = 0; s <= n; s++) {
		const size_t end = s < n ? splices[s].at : acl->places.n;

		assert(old <= end && end <= acl->places.n);
		if (end > old) {
			memcpy(&to->at[to->n], &acl->places.at[old],
				(end - old) * sizeof(to->at[0]));
		}
		to->n += end - old;
		for (old = end; s < n && old < end + splices[s].n_out; old++) {
			change->gone[change->n_gone++] = acl->places.at[old].slot;
		}
		for (size_t i = 0; s < n && i < splices[s].n_in; i++) {
			const uint32_t slot = rule_slot_alloc(dp);

			if (slot == 0) {
				return err_set(err, ERR_LIMIT, NULL,
					"no counters are left for the entries of an access list: "
					"there are too many rules");
			}
			change->fresh[change->n_fresh++] = slot;
			to->at[to->n++] = (struct acl_place){.slot = slot};
		}
	}
	return 0;
}

static int
change_create(struct dp *dp, struct dp_acl *acl, const struct dp_acl_splice *splices, size_t n,
	struct acl_change **out, struct err *err) ON_MAIN
{
	struct acl_change *change;
	size_t n_in = 0;
	size_t n_out = 0;
	size_t n_all;

	for (size_t s = 0; s < n; s++) {
		n_in += splices[s].n_in;
		n_out += splices[s].n_out;
	}
	n_all = acl->places.n - n_out + n_in;
	if (n_all > DP_ACL_ENTRIES_MAX) {
		return err_set(err, ERR_LIMIT, NULL,
			"an access list has at most %d entries, not %zu", DP_ACL_ENTRIES_MAX,
			n_all);
	}
	change = must_calloc(1, sizeof(*change));
	change->places.at = must_calloc(n_all + 1, sizeof(*change->places.at));
	change->fresh = must_calloc(n_in + 1, sizeof(*change->fresh));
	change->gone = must_calloc(n_out + 1, sizeof(*change->gone));
	change->view = must_calloc(1, sizeof(*change->view));
	*out = change;
	return splice(dp, acl, splices, n, change, err);
}

/* A batch in the rules that are there. */
static int
change_batch(struct dp_acl *acl, const struct dp_acl_splice *splices, size_t n,
	const struct acl_change *change) ON_MAIN
{
	size_t to = 0; /* place among the new ones */
	size_t old = 0;
	int rc = 0;

	rules_begin(acl->rules);
	for (size_t s = 0; s < n && rc == 0; s++) {
		to += splices[s].at - old;
		old = splices[s].at + splices[s].n_out;
		for (size_t i = splices[s].at; i < old && rc == 0; i++) {
			rc = del(acl->rules, &acl->places.at[i]);
		}
		for (size_t i = 0; i < splices[s].n_in && rc == 0; i++, to++) {
			rc = add(acl->rules, &change->places.at[to], &splices[s].in[i].match,
				splices[s].in[i].accept);
		}
	}
	if (rc != 0) {
		rules_abort(acl->rules);
		acl->stepping = true;
	}
	return rc;
}

/* The entry of a list that stays, into other rules. */
static int
add_again(const struct dp_acl *acl, size_t old, struct rules *rules,
	const struct acl_place *place) ON_MAIN
{
	const struct rule *rule = rules_find(acl->rules, acl->places.at[old].label);
	struct match match;

	rules_get_match(rule, &match);
	return add(rules, place, &match, rule->actions == &acl_accept);
}

/* All entries, into rules of their own. */
static int
change_anew(struct dp *dp, struct dp_acl *acl, const struct dp_acl_splice *splices, size_t n,
	struct acl_change *change, struct err *err) ON_MAIN
{
	const struct rules_conf conf = {.limit = DP_ACL_ENTRIES_MAX};
	struct acl_places *places = &change->places;
	size_t to = 0;
	size_t old = 0;
	int rc;

	(void)spread(places->at, places->n, LABEL_FIRST, LABEL_LAST);
	rc = rules_create(&conf, &dp->grace, dp_next_seed(dp), &change->rules);
	if (rc != 0) {
		return failed(rc, 0, places->n, err);
	}
	rules_begin(change->rules);
	for (size_t s = 0; s <= n && rc == 0; s++) {
		const size_t end = s < n ? splices[s].at : acl->places.n;

		for (; old < end && rc == 0; old++, to++) {
			rc = add_again(acl, old, change->rules, &places->at[to]);
		}
		for (size_t i = 0; s < n && i < splices[s].n_in && rc == 0; i++, to++) {
			rc = add(change->rules, &places->at[to], &splices[s].in[i].match,
				splices[s].in[i].accept);
		}
		old += s < n ? splices[s].n_out : 0;
	}
	if (rc != 0) {
		rules_abort(change->rules);
		return failed(rc, to - 1, places->n, err);
	}
	(void)rules_commit(change->rules);
	return 0;
}

int
dp_acl_change(struct dp *dp, struct dp_acl *acl, const struct dp_acl_splice *splices, size_t n,
	bool accept_rest, struct err *err)
{
	struct acl_change *change = NULL;
	int rc = change_create(dp, acl, splices, n, &change, err);

	assert(acl->change == NULL);
	if (rc == 0 &&
		(acl->rules == NULL || change->n_fresh > change->places.n / 2 ||
			!label_new(&change->places) ||
			change_batch(acl, splices, n, change) != 0)) {
		rc = change_anew(dp, acl, splices, n, change, err);
	}
	if (rc == 0) {
		change->view->accept_rest = accept_rest;
		change->view->rest_slot = acl->rest_slot;
		acl->change = change;
	} else if (change != NULL) {
		fresh_release(dp, change);
		change_free(change);
	}
	return rc;
}

static void
rules_free(void *rules)
{
	rules_destroy(rules);
}

void
dp_acl_commit(struct dp *dp, struct dp_acl *acl)
{
	struct acl_change *change = acl->change;
	const bool held = acl->view != NULL;

	if (change == NULL) {
		return;
	}
	acl->change = NULL;
	if (change->rules != NULL) {
		dp_retire(dp, rules_free, acl->rules);
		acl->rules = change->rules;
		change->rules = NULL;
	} else {
		(void)rules_commit(acl->rules);
	}
	acl->stepping = true;
	fill_view(acl->rules, change->view);
	dp_retire(dp, free, acl->view);
	acl->view = change->view;
	change->view = NULL;
	slots_retire(dp, change->gone, change->n_gone);
	free(acl->places.at);
	acl->places = change->places;
	change->places.at = NULL;
	change_free(change);
	dp->dirty = true;
	if (held) {
		dp_ports_acl_set(dp, acl);
		dp_mirrors_acl_set(dp, acl);
	}
}

void
dp_acl_abort(struct dp *dp, struct dp_acl *acl)
{
	struct acl_change *change = acl->change;

	if (change == NULL) {
		return;
	}
	acl->change = NULL;
	if (change->rules == NULL) {
		rules_abort(acl->rules);
		acl->stepping = true;
	}
	fresh_release(dp, change);
	change_free(change);
}

/* --- life ------------------------------------------------------------------------------------ */

static void
acl_free(void *object)
{
	struct dp_acl *acl = object;

	role_assert(&role_main);
	for (size_t i = 0; i < acl->places.n; i++) {
		rule_slot_release(acl->dp, acl->places.at[i].slot, NULL);
	}
	if (acl->rest_slot != 0) {
		rule_slot_release(acl->dp, acl->rest_slot, NULL);
	}
	rules_destroy(acl->rules);
	free(acl->places.at);
	free(acl->view);
	free(acl);
}

int
dp_acl_create(struct dp *dp, const struct dp_acl_entry *entries, size_t n, bool accept_rest,
	struct dp_acl **out, struct err *err)
{
	const struct dp_acl_splice all = {.in = entries, .n_in = n};
	struct dp_acl *acl = must_calloc(1, sizeof(*acl));
	int rc = 0;

	acl->dp = dp;
	acl->rest_slot = rule_slot_alloc(dp);
	if (acl->rest_slot == 0) {
		rc = err_set(err, ERR_LIMIT, NULL,
			"no counter is left for an access list: there are too many rules");
	}
	if (rc == 0) {
		rc = dp_acl_change(dp, acl, &all, 1, accept_rest, err);
	}
	if (rc != 0) {
		acl_free(acl);
		return rc;
	}
	dp_acl_commit(dp, acl);
	LIST_INSERT_HEAD(&dp->acls, acl, link);
	*out = acl;
	return 0;
}

void
dp_acl_destroy(struct dp *dp, struct dp_acl *acl)
{
	if (acl == NULL) {
		return;
	}
	dp_acl_abort(dp, acl);
	LIST_REMOVE(acl, link);
	dp_retire(dp, acl_free, acl);
}

void
dp_acls_shutdown(struct dp *dp)
{
	struct dp_acl *acl;

	while ((acl = LIST_FIRST(&dp->acls)) != NULL) {
		LIST_REMOVE(acl, link);
		dp_acl_abort(dp, acl);
		acl_free(acl);
	}
}

bool
dp_acls_step(struct dp *dp)
{
	struct dp_acl *acl;
	bool busy = false;

	/* What is committed has to be published first. */
	if (dp->dirty) {
		return false;
	}
	LIST_FOREACH (acl, &dp->acls, link) {
		const bool batch = acl->change != NULL && acl->change->rules == NULL;

		if (acl->stepping && !batch) {
			acl->stepping = rules_step(acl->rules);
			busy = busy || acl->stepping;
		}
	}
	return busy;
}

const struct acl_view *
dp_acl_view(const struct dp_acl *acl)
{
	return acl == NULL ? NULL : acl->view;
}

static int
compare_label(const void *label, const void *place)
{
	const uint32_t a = *(const uint32_t *)label;
	const uint32_t b = ((const struct acl_place *)place)->label;

	return a < b ? -1 : a > b;
}

size_t
dp_acl_entry_of(const struct dp_acl *acl, const struct rule *rule)
{
	const struct acl_place *place = bsearch(
		&rule->id, acl->places.at, acl->places.n, sizeof(acl->places.at[0]), compare_label);

	assert(place != NULL);
	return (size_t)(place - acl->places.at);
}

void
dp_acl_get_counters(const struct dp *dp, const struct dp_acl *acl, size_t i, uint64_t *packets)
{
	assert(i < acl->places.n);
	*packets = slot_packets(dp, acl->places.at[i].slot);
}

uint64_t
dp_acl_rest(const struct dp *dp, const struct dp_acl *acl)
{
	return slot_packets(dp, acl->rest_slot);
}
