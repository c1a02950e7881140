/* SPDX-License-Identifier: BSD-3-Clause */
/* Which ports and rules a user means. */
#include <string.h>

#include "vswitchd/flow_actions.h"
#include "vswitchd/flow_match.h"
#include "vswitchd/program_priv.h"

/* A port of the bridge. */
uint16_t
program_bridge_port(void *arg, const char *name, struct err *err)
{
	const struct program_ports *ports = arg;
	const struct world_port *port;

	role_assert(&role_main);
	port = world_find_port(ports->world, name);
	if (port == NULL) {
		(void)err_set(err, ERR_INVALID, NULL, "there is no port '%s'", name);
		return 0;
	}
	if (strcmp(port->bridge, ports->bridge) != 0) {
		(void)err_set(err, ERR_INVALID, NULL, "port '%s' is not in bridge '%s'", name,
			ports->bridge);
		return 0;
	}
	if (port->number == 0) {
		(void)err_set(err, ERR_LIMIT, NULL,
			"port '%s' came when all numbers of ports were in use; rules cannot name "
			"it",
			name);
	}
	return port->number;
}

/* A port that some rule might know. */
uint16_t
program_known_port(void *arg, const char *name, struct err *err)
{
	const struct program_ports *ports = arg;
	uint16_t number;

	role_assert(&role_main);
	number = port_numbers_find(&ports->world->numbers, name);
	if (number == 0) {
		(void)err_set(err, ERR_MISSING, NULL, "no rule knows a port '%s'", name);
	}
	return number;
}

const char *
program_port_name(void *arg, uint16_t number)
{
	const struct program_ports *ports = arg;

	role_assert(&role_main);
	return port_numbers_name(&ports->world->numbers, number);
}

static bool
accept_rule(void *arg, const struct rule *rule)
{
	struct program_accept *accept = arg;

	if (accept->out_port != 0 && !flow_actions_output(rule->actions, accept->out_port)) {
		return false;
	}
	if (accept->go_to != 0 && rule->table >= accept->go_to && !accept->too_late) {
		accept->too_late = true;
		accept->table = rule->table;
	}
	return true;
}

bool
program_filter(const struct world *world, const struct flow_rule *rule,
	struct program_accept *accept, struct rules_filter *filter)
{
	struct program_ports ports = {.world = world};
	const struct port_namer namer = {
		.number = program_known_port, .name = program_port_name, .arg = &ports};

	*accept = (struct program_accept){.out_port = 0};
	*filter = (struct rules_filter){
		.cookie = rule->cookie,
		.cookie_mask = rule->cookie_mask,
		.accept = accept_rule,
		.arg = accept,
		.priority = rule->priority,
		.table = rule->table,
		.all_tables = rule->any_table,
		.strict = rule->strict,
	};
	if (rule->out_port[0] != '\0' &&
		port_namer_get(&namer, rule->out_port, NULL, &accept->out_port, NULL) != 0) {
		return false;
	}
	return flow_match_make(rule, &namer, &filter->match, NULL) == 0;
}

int
program_find_bridge(const struct programmer *programmer, const char *name,
	struct world_bridge **out, struct err *err)
{
	*out = world_find_bridge(programmer->world, name);
	return *out != NULL ? 0
			    : err_set(err, ERR_MISSING, "bridge", "there is no bridge '%s'", name);
}
