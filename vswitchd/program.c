/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/program.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vswitchd/flow_actions.h"
#include "vswitchd/flow_match.h"
#include "vswitchd/program_priv.h"

static int
begin(void *ctx, const char *bridge, struct err *err)
{
	struct programmer *programmer = ctx;
	int rc;

	role_assert(&role_main);
	assert(programmer->bridge == NULL);
	if (dp_lags(programmer->world->dp)) {
		return err_set(err, ERR_LIMIT, NULL,
			"a worker does not come round, and %d changes wait for it already; "
			"'vswitchctl workers' says which",
			DP_LAG_MAX);
	}
	rc = program_find_bridge(programmer, bridge, &programmer->bridge, err);
	if (rc == 0) {
		dp_rules_begin(programmer->world->dp, programmer->bridge->dp);
	}
	return rc;
}

static int
op_add(struct programmer *programmer, const struct flow_rule *rule, const struct port_namer *namer,
	uint64_t *n, struct err *err) ON_MAIN
{
	struct dp_rule_spec spec = {
		.cookie = rule->cookie,
		.priority = rule->priority,
		.idle_s = rule->idle_timeout,
		.hard_s = rule->hard_timeout,
		.table = rule->table,
	};
	int rc = flow_match_make(rule, namer, &spec.match, err);

	rc = rc != 0 ? rc : flow_actions_make(rule, namer, &spec.actions, err);
	rc = rc != 0 ? rc : dp_rules_add(programmer->world->dp, programmer->bridge->dp, &spec, err);
	*n = rc == 0 ? 1 : 0;
	return rc;
}

static int
op_modify(struct programmer *programmer, const struct flow_rule *rule,
	const struct port_namer *namer, uint64_t *n, struct err *err) ON_MAIN
{
	struct action_list *actions;
	struct rules_filter filter;
	struct program_accept accept;
	char path[32];
	size_t touched = 0;
	int rc = flow_actions_make(rule, namer, &actions, err);

	if (rc != 0) {
		return rc;
	}
	if (!program_filter(programmer->world, rule, &accept, &filter)) {
		free(actions);
		return 0;
	}
	accept.go_to = flow_actions_goto(actions);
	rc = dp_rules_modify(
		programmer->world->dp, programmer->bridge->dp, &filter, actions, &touched, err);
	if (rc == 0 && accept.too_late) {
		/* It is the last action. */
		(void)snprintf(path, sizeof(path), "actions/%u/table", rule->n_actions - 1);
		return err_set(err, ERR_INVALID, path,
			"table %u: from table %u, which has such a rule, only later tables can be "
			"reached",
			accept.go_to, accept.table);
	}
	*n = touched;
	return rc;
}

static int
op_delete(struct programmer *programmer, const struct flow_rule *rule, uint64_t *n,
	struct err *err) ON_MAIN
{
	struct rules_filter filter;
	struct program_accept accept;
	size_t touched = 0;
	int rc = 0;

	if (program_filter(programmer->world, rule, &accept, &filter)) {
		rc = dp_rules_delete(
			programmer->world->dp, programmer->bridge->dp, &filter, &touched, err);
	}
	*n = touched;
	return rc;
}

static int
op(void *ctx, const struct flow_rule *rule, uint64_t *n, struct err *err)
{
	struct programmer *programmer = ctx;
	struct program_ports ports = {.world = programmer->world};
	const struct port_namer namer = {
		.number = program_bridge_port, .name = program_port_name, .arg = &ports};

	role_assert(&role_main);
	assert(programmer->bridge != NULL);
	ports.bridge = programmer->bridge->name;
	*n = 0;
	switch (rule->op) {
	case FLOW_ADD:
		return op_add(programmer, rule, &namer, n, err);
	case FLOW_MODIFY:
		return op_modify(programmer, rule, &namer, n, err);
	case FLOW_DELETE:
		break;
	}
	return op_delete(programmer, rule, n, err);
}

static void
commit(void *ctx)
{
	struct programmer *programmer = ctx;

	role_assert(&role_main);
	dp_rules_commit(programmer->world->dp, programmer->bridge->dp);
	programmer->bridge = NULL;
}

static void
abort_batch(void *ctx)
{
	struct programmer *programmer = ctx;

	role_assert(&role_main);
	dp_rules_abort(programmer->world->dp, programmer->bridge->dp);
	programmer->bridge = NULL;
}

static bool
number_used(void *arg, uint16_t number)
{
	const struct world *world = arg;
	const struct world_bridge *bridge;

	role_assert(&role_main);
	TAILQ_FOREACH (bridge, &world->bridges, link) {
		if (dp_rules_use_port(bridge->dp, number)) {
			return true;
		}
	}
	return false;
}

void
programmer_init(struct programmer *programmer, struct world *world)
{
	*programmer = (struct programmer){
		.backend = {.begin = begin,
			.op = op,
			.commit = commit,
			.abort = abort_batch,
			.list = program_tell,
			.ctx = programmer},
		.world = world,
	};
	world->numbers.used = number_used;
	world->numbers.arg = world;
}
