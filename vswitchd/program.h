/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Programming of flow tables: the backend of the methods `program` and `flows` (ctl/program.h) over
 * a bridge's tables (datapath/dp/dp_rules.h).
 *
 * Ports. A rule may name the ports of its bridge, whether they have a device or not. If such a port
 * is deleted later or goes to another bridge, the rule stays and is told with the same name; it
 * works again when the port is back. Filters may name any port: one that no rule knows selects
 * nothing.
 *
 * Lists. Rules come in pages of a table: each walk over the table keeps the PROGRAM_PAGE_MAX next
 * ones, so a page costs a walk and a sort of what it holds, and no state is kept between pages. A
 * rule that is added or removed between two pages is told or not; all others are told once.
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_PROGRAM_H
#define VSW_VSWITCHD_PROGRAM_H

#include "ctl/program.h"
#include "vswitchd/world.h"

struct programmer {
	struct program_backend backend; /* for struct methods; its ctx is the programmer */
	struct world *world;
	struct world_bridge *bridge; /* of the batch that is open, or NULL */
};

/* The world outlives the programmer, and asks the rules which numbers of ports they use. */
void programmer_init(struct programmer *programmer, struct world *world) ON_MAIN;

#endif
