/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configured mirrors, and what a transaction does to them.
 *
 * A changed mirror is a new one of the datapath, made in prepare, where it can fail; in apply it
 * takes the old one's place. Main only.
 */
#ifndef VSW_VSWITCHD_WORLD_MIRROR_H
#define VSW_VSWITCHD_WORLD_MIRROR_H

#include <jansson.h>
#include <sys/queue.h>

#include "datapath/dp/dp_mirror.h"
#include "schema/datastore.h"
#include "vswitchd/world.h"

struct world_mirror {
	TAILQ_ENTRY(world_mirror) link;
	char name[PORT_NAME_SIZE];
	struct dp_mirror *dp; /* NULL: not enabled */
};

/* What the schema cannot say: nothing to copy from, or more mirrors than there can be. */
int world_mirror_check(const struct world *world, const struct ds_txn *txn,
	const struct ds_change *change, struct err *err) ON_MAIN;

/* State leaves of the mirror's entry. */
void world_mirror_state(const struct world *world, const char *name, json_t *entry) ON_MAIN;

/* Names; the datapath's mirrors end with the dp. */
void world_free_mirrors(struct world *world) ON_MAIN;

/* --- a transaction --------------------------------------------------------------------------- */

struct mirror_step {
	const struct ds_change *change;
	struct dp_mirror *made; /* NULL: the mirror is not to copy, or goes */
};

/* ERR_LIMIT. */
int mirror_step_prepare(const struct world *world, struct mirror_step *step,
	const struct ds_change *change, struct err *err) ON_MAIN;

/*
 * After ports, bridges and access lists have come and before they go: those that stop, then those
 * that start.
 */
void mirror_step_stop(struct world *world, const struct mirror_step *step) ON_MAIN;
void mirror_step_start(struct world *world, struct mirror_step *step) ON_MAIN;

void mirror_step_abort(struct mirror_step *step) ON_MAIN;

#endif
