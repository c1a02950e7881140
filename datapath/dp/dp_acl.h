/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Access lists, compiled.
 *
 * Who holds one. A struct dp_acl stays the same from dp_acl_create to dp_acl_destroy, whatever
 * becomes of its entries; any number of ports, and of others, may hold it. What workers ask is its
 * view (struct acl_view and acl_find of datapath/pipe/policy.h): immutable, and the list as it is
 * from the next dp_publish on. A changed list has another view, and the old one is freed a grace
 * period after that publication. So whoever lets a list decide keeps the struct dp_acl, puts
 * dp_acl_view() into what it makes for workers, and makes that anew each time that the list has
 * changed, before the next dp_publish.
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

struct dp_acl_entry {
	struct match match; /* in_port is not looked at */
	bool accept;
};

/*
 * A list of n entries, the first that matches decides. ERR_LIMIT: more entries than
 * DP_ACL_ENTRIES_MAX, or masks so different that a lookup would take too long, or no memory.
 */
int dp_acl_create(struct dp *dp, const struct dp_acl_entry *entries, size_t n, bool accept_rest,
	struct dp_acl **out, struct err *err) ON_MAIN;

/* Nothing that is published names it any more; freed after a grace period. NULL is legal. */
void dp_acl_destroy(struct dp *dp, struct dp_acl *acl) ON_MAIN;

/* NULL for NULL. */
const struct acl_view *dp_acl_view(const struct dp_acl *acl);

/* What entry i has decided, as far as workers have told; and what none has. */
void dp_acl_get_counters(
	const struct dp *dp, const struct dp_acl *acl, size_t i, uint64_t *packets) ON_MAIN;
uint64_t dp_acl_rest(const struct dp *dp, const struct dp_acl *acl) ON_MAIN;

#endif
