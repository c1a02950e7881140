/* SPDX-License-Identifier: BSD-3-Clause */
/* A list is a rule table of its own: an entry's priority falls with its place, so the first that
 * matches is the highest that matches. */
#include "datapath/dp/dp_acl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/memory.h"
#include "datapath/core/parse.h"
#include "datapath/dp/dp_priv.h"
#include "datapath/dp/rule_slots.h"

struct dp_acl {
	LIST_ENTRY(dp_acl) link;
	struct dp *dp;
	struct rules *rules;
	struct acl_view view;
	size_t n; /* entries */
	uint32_t slots[]; /* counters of the entries, and the rest's behind them; 0: none yet */
};

static uint64_t
slot_packets(const struct dp *dp, uint32_t slot) ON_MAIN
{
	struct rule_slot_counts counts;

	rule_slot_read(dp, slot, &counts);
	return counts.packets;
}

static void
acl_free(void *object)
{
	struct dp_acl *acl = object;

	role_assert(&role_main);
	for (size_t i = 0; i <= acl->n; i++) {
		if (acl->slots[i] != 0) {
			rule_slot_release(acl->dp, acl->slots[i], NULL);
		}
	}
	rules_destroy(acl->rules);
	free(acl);
}

static int
acl_slots(struct dp *dp, struct dp_acl *acl, struct err *err) ON_MAIN
{
	for (size_t i = 0; i <= acl->n; i++) {
		acl->slots[i] = rule_slot_alloc(dp);
		if (acl->slots[i] == 0) {
			return err_set(err, ERR_LIMIT, NULL,
				"no counters are left for an access list of %zu entries: there are "
				"too many rules",
				acl->n);
		}
	}
	return 0;
}

static int
acl_add(struct dp_acl *acl, size_t i, const struct dp_acl_entry *entry, struct err *err) ON_MAIN
{
	const char *what = entry->accept ? &acl_accept : &acl_drop;
	struct rule_spec spec = {
		.id = (uint32_t)i + 1,
		.slot = acl->slots[i],
		.match = entry->match,
		.actions = (void *)(uintptr_t)what,
		.priority = (uint16_t)(DP_ACL_ENTRIES_MAX - i),
	};

	spec.match.mask.in_port = 0;
	switch (rules_add(acl->rules, &spec)) {
	case 0:
		return 0;
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
		return err_set(err, ERR_LIMIT, NULL, "no memory for an access list of %zu entries",
			acl->n);
	}
}

/* What its entries look at, and whether a frame that hides its headers is told from others. */
static void
acl_masks(struct dp_acl *acl)
{
	for (int c = 0; c < RULES_ALL; c++) {
		struct fields *mask = &acl->view.masks[c];

		rules_get_mask(acl->rules, 0, (enum rules_class)c, 0, mask);
		if (parse_depth_of(mask) > PARSE_L2) {
			mask->valid |= FIELDS_DEEP;
		}
	}
}

static int
acl_fill(struct dp *dp, struct dp_acl *acl, const struct dp_acl_entry *entries, bool accept_rest,
	struct err *err) ON_MAIN
{
	int rc = acl_slots(dp, acl, err);

	if (rc != 0) {
		return rc;
	}
	rules_begin(acl->rules);
	for (size_t i = 0; i < acl->n && rc == 0; i++) {
		rc = acl_add(acl, i, &entries[i], err);
	}
	if (rc != 0) {
		rules_abort(acl->rules);
		return rc;
	}
	acl->view = (struct acl_view){
		.rules = acl->rules,
		.version = rules_commit(acl->rules),
		.accept_rest = accept_rest,
		.rest_slot = acl->slots[acl->n],
	};
	acl_masks(acl);
	return 0;
}

int
dp_acl_create(struct dp *dp, const struct dp_acl_entry *entries, size_t n, bool accept_rest,
	struct dp_acl **out, struct err *err)
{
	const struct rules_conf conf = {.limit = (uint32_t)n + 1};
	struct dp_acl *acl;
	int rc;

	if (n > DP_ACL_ENTRIES_MAX) {
		return err_set(err, ERR_LIMIT, NULL,
			"an access list has at most %d entries, not %zu", DP_ACL_ENTRIES_MAX, n);
	}
	acl = calloc(1, sizeof(*acl) + (n + 1) * sizeof(acl->slots[0]));
	if (acl == NULL || rules_create(&conf, &dp->grace, dp_next_seed(dp), &acl->rules) != 0) {
		free(acl);
		return err_set(
			err, ERR_LIMIT, NULL, "no memory for an access list of %zu entries", n);
	}
	acl->dp = dp;
	acl->n = n;
	rc = acl_fill(dp, acl, entries, accept_rest, err);
	if (rc != 0) {
		acl_free(acl);
		return rc;
	}
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
	LIST_REMOVE(acl, link);
	dp_retire(dp, acl_free, acl);
}

void
dp_acls_shutdown(struct dp *dp)
{
	struct dp_acl *acl;

	while ((acl = LIST_FIRST(&dp->acls)) != NULL) {
		LIST_REMOVE(acl, link);
		acl_free(acl);
	}
}

const struct acl_view *
dp_acl_view(const struct dp_acl *acl)
{
	return acl == NULL ? NULL : &acl->view;
}

void
dp_acl_get_counters(const struct dp *dp, const struct dp_acl *acl, size_t i, uint64_t *packets)
{
	assert(i < acl->n);
	*packets = slot_packets(dp, acl->slots[i]);
}

uint64_t
dp_acl_rest(const struct dp *dp, const struct dp_acl *acl)
{
	return slot_packets(dp, acl->slots[acl->n]);
}
