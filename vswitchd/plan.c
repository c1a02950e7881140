/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A transaction of the datastore, carried out in the datapath: the backend's validate, prepare,
 * apply and abort.
 *
 * prepare: new bridges, access lists and groups are made; ports that must make room for another
 * (same socket, interface, device) are stopped, and when their grace period is over the new devices
 * are opened. All that can fail is then behind us. apply: forwarding changes, deletions, one
 * publication. abort: what was opened is closed, what was stopped is opened again.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "vswitchd/bridge_policy.h"
#include "vswitchd/port_change.h"
#include "vswitchd/port_config.h"
#include "vswitchd/world.h"
#include "vswitchd/world_acl.h"
#include "vswitchd/world_mirror.h"

LOG_MODULE("plan");

/* What happens to one changed port. */
struct port_step {
	const struct ds_change *change;
	struct world_port *port; /* made for a create, found for the others */
	struct port_conf conf; /* new device, for create and modify */
	struct port_conf old_conf;
	char *old_reason; /* of a port without a device; owned */
	bool opens; /* a device is opened in prepare */
	bool stops_first; /* the old device is stopped in prepare */
	bool stopped;
	bool opened;
	bool changed; /* ops->change has been called */
	struct dp_port *old; /* device that apply closes, when the new one could open beside it */
};

struct bridge_step {
	const struct ds_change *change;
	struct world_bridge *bridge;
	bool made;
	struct dp_bridge_conf conf; /* of a modify, set in apply */
	struct fdb *table; /* for more room than the old one has, or NULL */
	struct bridge_policy *policy; /* of a create or modify */
};

struct plan {
	struct world *world;
	struct ds_txn *txn;
	size_t n_ports;
	size_t n_bridges;
	size_t n_acls;
	size_t n_mirrors;
	struct port_step *ports;
	struct bridge_step *bridges;
	struct acl_step *acls;
	struct mirror_step *mirrors;
	struct system_step system;
	unsigned int closing; /* devices whose closing we wait for */
	void (*then)(struct plan *plan);
};

/* --- waiting for devices to close --------------------------------------------------------------
 */

static void
plan_closed(void *arg)
{
	struct plan *plan = arg;

	role_assert(&role_main);
	assert(plan->closing > 0);
	if (--plan->closing == 0 && plan->then != NULL) {
		plan->then(plan);
	}
}

/* Go on when all closings that were begun have ended; maybe at once. */
static void
plan_wait(struct plan *plan, void (*then)(struct plan *plan)) ON_MAIN
{
	dp_publish(plan->world->dp);
	plan->then = then;
	if (plan->closing > 0) {
		plan->world->kick(plan->world->kick_arg);
		return;
	}
	then(plan);
}

static void
plan_end(struct plan *plan, int rc, const struct err *err)
{
	struct ds_txn *txn = plan->txn;

	plan->world->plan = NULL;
	txn->prepared = NULL;
	for (size_t i = 0; i < plan->n_ports; i++) {
		free(plan->ports[i].old_reason);
	}
	free(plan->ports);
	free(plan->bridges);
	free(plan->acls);
	free(plan->mirrors);
	free(plan);
	txn->done(txn, rc, err);
}

/* --- prepare ------------------------------------------------------------------------------------
 */

static struct plan *
plan_create(struct world *world, struct ds_txn *txn)
{
	struct plan *plan = must_calloc(1, sizeof(*plan));

	plan->world = world;
	plan->txn = txn;
	plan->ports = must_calloc(txn->n_changes, sizeof(*plan->ports));
	plan->bridges = must_calloc(txn->n_changes, sizeof(*plan->bridges));
	plan->acls = must_calloc(txn->n_changes, sizeof(*plan->acls));
	plan->mirrors = must_calloc(txn->n_changes, sizeof(*plan->mirrors));
	txn->prepared = plan;
	world->plan = plan;
	return plan;
}

static int
prepare_bridge(struct plan *plan, const struct ds_change *change, struct err *err) ON_MAIN
{
	struct bridge_step *step = &plan->bridges[plan->n_bridges++];
	int rc;

	step->change = change;
	if (change->op == DS_DELETE) {
		step->bridge = world_find_bridge(plan->world, change->key);
		return 0;
	}
	bridge_config(change->after, &step->conf);
	if (change->op == DS_CREATE) {
		step->bridge = must_calloc(1, sizeof(*step->bridge));
		str_copy(step->bridge->name, change->key, sizeof(step->bridge->name));
		rc = dp_bridge_create(plan->world->dp, &step->conf, &step->bridge->dp, err);
		if (rc != 0) {
			free(step->bridge);
			step->bridge = NULL;
			return rc;
		}
		step->made = true;
		step->bridge->config = json_incref((json_t *)(uintptr_t)change->after);
		world_add_bridge(plan->world, step->bridge);
	} else {
		step->bridge = world_find_bridge(plan->world, change->key);
		rc = dp_bridge_prepare(
			plan->world->dp, step->bridge->dp, &step->conf, &step->table, err);
		if (rc != 0) {
			return rc;
		}
	}
	return bridge_policy_prepare(
		plan->world, change->before, change->after, &step->policy, err);
}

/* What the running device can take is changed in it; for the rest it is opened anew. */
static int
plan_change(struct port_step *step, struct err *err) ON_MAIN
{
	struct port *device;
	int rc;

	if (memcmp(&step->old_conf, &step->conf, sizeof(step->conf)) == 0) {
		return 0;
	}
	/* With other leaves a failed port is worth another try, at once. */
	if (step->port->dp == NULL || strcmp(step->old_conf.type, step->conf.type) != 0 ||
		strcmp(step->old_conf.backend, step->conf.backend) != 0) {
		step->opens = true;
		return 0;
	}
	device = dp_port_device(step->port->dp);
	rc = device->ops->change == NULL ? -EOPNOTSUPP
					 : device->ops->change(device, &step->conf, err);
	if (rc == -EOPNOTSUPP) {
		step->opens = true;
		return 0;
	}
	step->changed = rc == 0;
	return rc;
}

static int
plan_port(struct plan *plan, const struct ds_change *change, struct err *err) ON_MAIN
{
	struct port_step *step = &plan->ports[plan->n_ports++];
	int rc = 0;

	step->change = change;
	if (change->op != DS_DELETE) {
		port_config_device(change->after, &step->conf);
	}
	if (change->op == DS_CREATE) {
		step->port = must_calloc(1, sizeof(*step->port));
		str_copy(step->port->name, change->key, sizeof(step->port->name));
		step->port->conf = step->conf;
		step->opens = true;
		return 0;
	}
	step->port = world_find_port(plan->world, change->key);
	step->old_conf = step->port->conf;
	if (step->port->dp == NULL) {
		step->old_reason = str_dup(step->port->reason);
	}
	if (change->op == DS_MODIFY) {
		rc = plan_change(step, err);
	}
	if (rc != 0) {
		char path[ERR_PATH_SIZE] = "";

		str_appendf(path, sizeof(path), "/vswitch:vswitch/port[name='%s']", change->key);
		err_prefix_path(err, path);
	}
	return rc;
}

/* A device must be stopped first if one that is opened needs what it holds. */
static void
plan_stops(struct plan *plan)
{
	const char *run_dir = plan->world->run_dir;
	struct name_map wanted = {NULL};
	char key[PORT_EXCLUSIVE_SIZE];

	for (size_t i = 0; i < plan->n_ports; i++) {
		if (plan->ports[i].opens) {
			port_config_exclusive(&plan->ports[i].conf, run_dir, key, sizeof(key));
			(void)name_map_put(&wanted, key, &plan->ports[i]);
		}
	}
	for (size_t i = 0; i < plan->n_ports; i++) {
		struct port_step *step = &plan->ports[i];

		if (step->change->op != DS_CREATE && step->port->dp != NULL) {
			port_config_exclusive(&step->old_conf, run_dir, key, sizeof(key));
			step->stops_first = key[0] != '\0' && name_map_get(&wanted, key) != NULL;
		}
	}
	name_map_clear(&wanted);
}

static int
open_one(struct plan *plan, struct port_step *step, struct err *err) ON_MAIN
{
	struct world_port *port = step->port;
	struct err local = ERR_INIT;
	int rc;

	if (port->dp != NULL) {
		step->old = port->dp;
		port->dp = NULL;
	}
	port->conf = step->conf;
	rc = world_port_open(plan->world, port, &local);
	if (rc != 0 && plan->txn->loading) {
		log_warn("port %s: %s; it is tried again", port->name, local.text);
		return 0;
	}
	step->opened = rc == 0;
	if (rc != 0) {
		*err = local;
	}
	return rc;
}

static void
prepare_open(struct plan *plan)
{
	struct err err = ERR_INIT;
	int rc = 0;

	role_assert(&role_main);
	for (size_t i = 0; i < plan->n_ports && rc == 0; i++) {
		struct port_step *step = &plan->ports[i];

		if (step->opens) {
			rc = open_one(plan, step, &err);
		}
	}
	plan->txn->done(plan->txn, rc, &err);
}

static void
world_prepare(void *ctx, struct ds_txn *txn)
{
	struct plan *plan = plan_create(ctx, txn);
	struct err err = ERR_INIT;

	role_assert(&role_main);
	for (size_t i = 0; i < txn->n_changes; i++) {
		const struct ds_change *change = &txn->changes[i];
		int rc = 0;

		if (strcmp(change->list, "bridge") == 0) {
			rc = prepare_bridge(plan, change, &err);
		} else if (strcmp(change->list, "acl") == 0) {
			rc = acl_step_prepare(
				plan->world, &plan->acls[plan->n_acls++], change, &err);
		} else if (strcmp(change->list, "mirror") == 0) {
			rc = mirror_step_prepare(
				plan->world, &plan->mirrors[plan->n_mirrors++], change, &err);
		} else if (strcmp(change->list, "port") == 0) {
			rc = plan_port(plan, change, &err);
		} else if (strcmp(change->list, "system") == 0) {
			rc = system_parts_prepare(
				&plan->world->parts, change, txn->loading, &plan->system, &err);
		}
		if (rc != 0) {
			txn->done(txn, rc, &err);
			return;
		}
	}
	plan_stops(plan);
	for (size_t i = 0; i < plan->n_ports; i++) {
		struct port_step *step = &plan->ports[i];

		if (step->stops_first) {
			plan->closing++;
			step->stopped = true;
			world_port_close(plan->world, step->port,
				step->change->op == DS_DELETE ? PORT_CLOSE_DELETED
							      : PORT_CLOSE_SHUTDOWN,
				plan_closed, plan);
		}
	}
	plan_wait(plan, prepare_open);
}

/* --- apply
 * ---------------------------------------------------------------------------------------- */

static void
apply_ended(struct plan *plan)
{
	role_assert(&role_main);
	for (size_t i = 0; i < plan->n_ports; i++) {
		if (plan->ports[i].change->op == DS_DELETE) {
			port_change_deleted(plan->world, plan->ports[i].port);
			world_port_free(plan->ports[i].port);
		}
	}
	plan_end(plan, 0, NULL);
}

static void
apply_bridge(struct plan *plan, struct bridge_step *step) ON_MAIN
{
	struct world_bridge *bridge = step->bridge;
	json_t *old = bridge->config;

	if (step->change->op == DS_DELETE) {
		dp_bridge_destroy(plan->world->dp, bridge->dp);
		world_del_bridge(plan->world, bridge);
		return;
	}
	bridge->config = json_incref((json_t *)(uintptr_t)step->change->after);
	if (step->change->op == DS_MODIFY) {
		dp_bridge_commit(plan->world->dp, bridge->dp, &step->conf, step->table);
	}
	world_statics(plan->world, bridge, old);
	bridge_policy_commit(
		plan->world, bridge, step->change->before, step->change->after, step->policy);
	json_decref(old);
}

static void
close_in_apply(struct plan *plan, struct dp_port *dp, enum port_close why) ON_MAIN
{
	plan->closing++;
	dp_port_close(plan->world->dp, dp, why, plan_closed, plan);
}

static void
apply_port(struct plan *plan, struct port_step *step) ON_MAIN
{
	struct world_port *port = step->port;
	const char *bridge;

	if (step->change->op == DS_DELETE) {
		world_del_port(plan->world, port);
		if (port->dp != NULL) {
			plan->closing++;
			world_port_close(plan->world, port, PORT_CLOSE_DELETED, plan_closed, plan);
		}
		return;
	}
	if (step->change->op == DS_MODIFY) {
		/* The map of resources goes by the old device's until here. */
		port->conf = step->old_conf;
		world_del_port(plan->world, port);
	}
	port->conf = step->conf;
	world_add_port(plan->world, port);
	if (step->old != NULL) {
		world_port_keep(plan->world, port, step->old);
		close_in_apply(plan, step->old, PORT_CLOSE_DELETED);
	}
	port_config_forwarding(step->change->after, &port->fwd, &bridge);
	str_copy(port->bridge, bridge, sizeof(port->bridge));
	policy_config_fini(&port->policy);
	(void)policy_config_make(step->change->after, &port->policy, NULL);
	world_port_forward(plan->world, port);
}

static void
world_apply(void *ctx, struct ds_txn *txn)
{
	struct plan *plan = txn->prepared;

	(void)ctx;
	role_assert(&role_main);
	/* Ports leave their bridge before it goes, and find it before they come. */
	plan->then = NULL;
	for (size_t i = 0; i < plan->n_mirrors; i++) {
		mirror_step_stop(plan->world, &plan->mirrors[i]);
	}
	for (size_t i = 0; i < plan->n_acls; i++) {
		acl_step_apply(plan->world, &plan->acls[i]);
	}
	for (size_t i = 0; i < plan->n_ports; i++) {
		apply_port(plan, &plan->ports[i]);
	}
	for (size_t i = 0; i < plan->n_bridges; i++) {
		apply_bridge(plan, &plan->bridges[i]);
	}
	for (size_t i = 0; i < plan->n_mirrors; i++) {
		mirror_step_start(plan->world, &plan->mirrors[i]);
	}
	for (size_t i = 0; i < plan->n_acls; i++) {
		acl_step_settle(plan->world, &plan->acls[i]);
	}
	system_parts_apply(&plan->world->parts, &plan->system);
	plan_wait(plan, apply_ended);
}

/* --- abort
 * ---------------------------------------------------------------------------------------- */

static void
abort_ended(struct plan *plan)
{
	role_assert(&role_main);
	/* Nothing holds the old devices' resources now: open again what prepare had stopped. */
	for (size_t i = 0; i < plan->n_ports; i++) {
		struct port_step *step = &plan->ports[i];

		if (step->stopped) {
			if (world_port_open(plan->world, step->port, NULL) != 0) {
				log_warn("port %s could not be opened again: %s", step->port->name,
					step->port->reason);
			}
			world_port_forward(plan->world, step->port);
		}
		if (step->change->op == DS_CREATE) {
			world_port_free(step->port);
		}
	}
	dp_publish(plan->world->dp);
	plan_end(plan, 0, NULL);
}

static void
abort_port(struct plan *plan, struct port_step *step) ON_MAIN
{
	struct world_port *port = step->port;

	if (step->opened) {
		plan->closing++;
		dp_port_close(plan->world->dp, port->dp, PORT_CLOSE_DELETED, plan_closed, plan);
		port->dp = NULL;
	}
	if (step->old != NULL) {
		port->dp = step->old;
	}
	if (step->change->op == DS_MODIFY) {
		port->conf = step->old_conf;
	}
	if (step->old_reason != NULL) {
		str_copy(port->reason, step->old_reason, sizeof(port->reason));
	}
	if (step->changed) {
		struct port *device = dp_port_device(port->dp);

		(void)device->ops->change(device, &step->old_conf, NULL);
	}
}

static void
abort_bridge(struct plan *plan, struct bridge_step *step) ON_MAIN
{
	if (step->made) {
		dp_bridge_destroy(plan->world->dp, step->bridge->dp);
		world_del_bridge(plan->world, step->bridge);
	}
	fdb_destroy(step->table);
	bridge_policy_abort(plan->world, step->policy);
}

static void
world_abort(void *ctx, struct ds_txn *txn)
{
	struct plan *plan = txn->prepared;

	(void)ctx;
	role_assert(&role_main);
	plan->then = NULL;
	for (size_t i = 0; i < plan->n_ports; i++) {
		abort_port(plan, &plan->ports[i]);
	}
	for (size_t i = 0; i < plan->n_bridges; i++) {
		abort_bridge(plan, &plan->bridges[i]);
	}
	for (size_t i = 0; i < plan->n_acls; i++) {
		acl_step_abort(plan->world, &plan->acls[i]);
	}
	for (size_t i = 0; i < plan->n_mirrors; i++) {
		mirror_step_abort(&plan->mirrors[i]);
	}
	system_parts_abort(&plan->world->parts, &plan->system);
	plan_wait(plan, abort_ended);
}

void
world_abandon(struct world *world)
{
	if (world->plan != NULL) {
		world->plan->then = NULL;
	}
}

const struct ds_backend_ops world_ops = {
	.validate = world_validate,
	.prepare = world_prepare,
	.apply = world_apply,
	.abort = world_abort,
	.state = world_state,
	.page = world_page,
};
