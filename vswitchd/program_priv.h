/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of program.h share. Private to vswitchd/program*.c. Main only. */
#ifndef VSW_VSWITCHD_PROGRAM_PRIV_H
#define VSW_VSWITCHD_PROGRAM_PRIV_H

#include "datapath/dp/dp_rules.h"
#include "vswitchd/program.h"

/* --- ports: a struct port_namer is made of these, arg is a struct program_ports --------------- */

struct program_ports {
	const struct world *world;
	const char *bridge; /* of program_bridge_port */
};

/* What a rule may name: ports of its bridge. What a filter may: all that some rule might know. */
uint16_t program_bridge_port(void *arg, const char *name, struct err *err);
uint16_t program_known_port(void *arg, const char *name, struct err *err);
const char *program_port_name(void *arg, uint16_t number);

/* --- filters -----------------------------------------------------------------------------------
 */

/* What of a rule's actions a filter asks for. */
struct program_accept {
	uint16_t out_port; /* 0: any */
	uint8_t go_to; /* new actions go to this table; 0: nowhere */
	bool too_late; /* a rule in that table or a later one was met */
	uint8_t table; /* its */
};

/*
 * The filter that a rule is, which borrows *accept. False: it names a port that no rule knows, so
 * it selects nothing.
 */
bool program_filter(const struct world *world, const struct flow_rule *rule,
	struct program_accept *accept, struct rules_filter *filter) ON_MAIN;

/* ERR_MISSING */
int program_find_bridge(const struct programmer *programmer, const char *name,
	struct world_bridge **out, struct err *err) ON_MAIN;

/* The member `list` of the backend; program_list.c */
int program_tell(void *ctx, const char *bridge, const struct flow_rule *wanted, const char *after,
	bool (*each)(void *arg, const struct flow_rule *rule, const struct program_counts *counts,
		const char *place),
	void *arg, struct err *err);

#endif
