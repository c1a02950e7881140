/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configured access lists, and what a transaction does to them.
 *
 * A new list is made in prepare, where that can fail. Of a changed one prepare works out which
 * entries come and go, and has the datapath prepare just that (dp_acl_change); apply commits it,
 * and whoever holds the list sees it with the next publication. What entries have counted goes on
 * with those that stay the same. Main only.
 */
#ifndef VSW_VSWITCHD_WORLD_ACL_H
#define VSW_VSWITCHD_WORLD_ACL_H

#include <jansson.h>
#include <sys/queue.h>

#include "datapath/dp/dp_policy.h"
#include "schema/datastore.h"
#include "vswitchd/world.h"

/* What a list in the datapath was made from. */
struct acl_made {
	json_t *config; /* the entry as configured; owned */
	size_t n; /* its entries */
	size_t *first; /* owned, n + 1: which of the datapath's each of them has */
	uint64_t *past; /* owned, n + 1: packets of predecessors, the rest's last; modulo 2^64 */
};

struct world_acl {
	TAILQ_ENTRY(world_acl) link;
	char name[PORT_NAME_SIZE];
	struct dp_acl *dp;
	struct acl_made made;
};

struct world_acl *world_find_acl(const struct world *world, const char *name) ON_MAIN;

/* Which configured entry, from 0, a rule stands for that the list's view has found. */
size_t world_acl_entry_of(const struct world_acl *acl, const struct rule *rule) ON_MAIN;

/* A port's policy as the datapath takes it; borrows from `config`. */
void world_acl_policy(const struct world *world, const struct policy_config *config,
	struct dp_port_policy *out) ON_MAIN;

/* Names and configuration; the datapath's lists end with the dp. */
void world_free_acls(struct world *world) ON_MAIN;

/* State leaves of the list's entry. */
void world_acl_state(const struct world *world, const char *name, json_t *entry) ON_MAIN;

/* Let all lists count from zero. */
void world_clear_acls(const struct world *world) ON_MAIN;

/* ERR_INVALID, ERR_LIMIT: the list of a create or modify cannot be. */
int
world_acl_check(const struct world *world, const struct ds_change *change, struct err *err) ON_MAIN;

/* --- a transaction --------------------------------------------------------------------------- */

struct acl_step {
	const struct ds_change *change;
	struct dp_acl *dp; /* of a create */
	struct acl_made made; /* config NULL: the list stays as it is, or goes */
	size_t *from; /* owned, made.n: which entry was kept, or ACL_CONFIG_NEW */
};

/* ERR_LIMIT, ERR_INVALID. acl_step_abort also after an error. */
int acl_step_prepare(struct world *world, struct acl_step *step, const struct ds_change *change,
	struct err *err) ON_MAIN;

/* Before ports and mirrors are set. */
void acl_step_apply(struct world *world, struct acl_step *step) ON_MAIN;

/* After that: what is left to free. */
void acl_step_settle(struct world *world, struct acl_step *step) ON_MAIN;

void acl_step_abort(struct world *world, struct acl_step *step) ON_MAIN;

#endif
