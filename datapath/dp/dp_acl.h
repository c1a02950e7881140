/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Access lists, compiled.
 *
 * A list is a rule table of its own (datapath/table/rules.h). An entry's priority there is its
 * label: labels rise along the list, so the first that matches is the one that decides, and they
 * have gaps, so that entries come and go without a word about the others. Where a gap is used up,
 * or most of the list is new, the list is compiled anew.
 *
 * Changes. dp_acl_change does all that can fail, and one of dp_acl_commit and dp_acl_abort follows;
 * workers see none of it before the dp_publish after the commit, and then all of it.
 *
 * Who holds one. A struct dp_acl stays the same from dp_acl_create to dp_acl_destroy, whatever
 * becomes of its entries; any number of ports, and of others, may hold it. What workers ask is its
 * view (struct acl_view and acl_find of datapath/pipe/policy.h): immutable, and the list as it is
 * from the next dp_publish on. dp_acl_commit makes another, and the old one is freed a grace period
 * after that publication. So whoever lets a list decide keeps the struct dp_acl, puts dp_acl_view()
 * into what it makes for workers, and makes that anew when dp_acl_commit calls it, as it calls
 * dp_ports_acl_set and dp_mirrors_acl_set.
 *
 * Main only.
 */
#ifndef VSW_DATAPATH_DP_DP_ACL_H
#define VSW_DATAPATH_DP_DP_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/role.h"
#include "datapath/core/match.h"

#define DP_ACL_ENTRIES_MAX 65535

struct acl_view;
struct dp;
struct dp_acl;
struct rule;

struct dp_acl_entry {
	struct match match; /* in_port is not looked at */
	bool accept;
};

/* n_out entries from `at` on, as they were numbered before, give way to n_in others. */
struct dp_acl_splice {
	size_t at;
	size_t n_out;
	const struct dp_acl_entry *in; /* borrowed for the call */
	size_t n_in;
};

/*
 * A list of n entries, the first that matches decides. ERR_LIMIT: more entries than
 * DP_ACL_ENTRIES_MAX, or masks so different that a lookup would take too long, or no memory;
 * ERR_INVALID: a match that nothing can meet.
 */
int dp_acl_create(struct dp *dp, const struct dp_acl_entry *entries, size_t n, bool accept_rest,
	struct dp_acl **out, struct err *err) ON_MAIN;

/* Nothing that is published names it any more; freed after a grace period. NULL is legal. */
void dp_acl_destroy(struct dp *dp, struct dp_acl *acl) ON_MAIN;

/*
 * Prepare n splices, by rising `at` and apart from each other. Entries that stay go on counting.
 * Errors are those of dp_acl_create; then there is nothing to abort.
 */
int dp_acl_change(struct dp *dp, struct dp_acl *acl, const struct dp_acl_splice *splices, size_t n,
	bool accept_rest, struct err *err) ON_MAIN;

/* What was prepared, if anything was, comes with the next dp_publish, or goes. */
void dp_acl_commit(struct dp *dp, struct dp_acl *acl) ON_MAIN;
void dp_acl_abort(struct dp *dp, struct dp_acl *acl) ON_MAIN;

/* NULL for NULL. */
const struct acl_view *dp_acl_view(const struct dp_acl *acl);

/* Which entry, from 0, a rule is that the list's view has found. */
size_t dp_acl_entry_of(const struct dp_acl *acl, const struct rule *rule);

/* What entry i has decided, as far as workers have told; and what none has. */
void dp_acl_get_counters(
	const struct dp *dp, const struct dp_acl *acl, size_t i, uint64_t *packets) ON_MAIN;
uint64_t dp_acl_rest(const struct dp *dp, const struct dp_acl *acl) ON_MAIN;

#endif
