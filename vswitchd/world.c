/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/world.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "vswitchd/bridge_policy.h"
#include "vswitchd/port_change.h"
#include "vswitchd/port_config.h"
#include "vswitchd/world_acl.h"
#include "vswitchd/world_mirror.h"

LOG_MODULE("world");

#define RETRY_REST 10 /* of main's time that retries leave to others: ten times what they take */

void
world_init(struct world *world)
{
	TAILQ_INIT(&world->bridges);
	TAILQ_INIT(&world->ports);
	TAILQ_INIT(&world->acls);
	TAILQ_INIT(&world->mirrors);
	port_numbers_init(&world->numbers);
}

void
world_add_bridge(struct world *world, struct world_bridge *bridge)
{
	TAILQ_INSERT_TAIL(&world->bridges, bridge, link);
	(void)name_map_put(&world->bridge_names, bridge->name, bridge);
}

void
world_del_bridge(struct world *world, struct world_bridge *bridge)
{
	TAILQ_REMOVE(&world->bridges, bridge, link);
	name_map_del(&world->bridge_names, bridge->name);
	bridge_policy_drop(world, bridge);
	json_decref(bridge->config);
	free(bridge);
}

void
world_add_port(struct world *world, struct world_port *port)
{
	char key[PORT_EXCLUSIVE_SIZE];

	TAILQ_INSERT_TAIL(&world->ports, port, link);
	(void)name_map_put(&world->port_names, port->name, port);
	port->number = port_numbers_take(&world->numbers, port->name);
	if (port->number == 0) {
		log_warn("port %s: rules cannot name it, all numbers of ports are in use",
			port->name);
	}
	port_config_exclusive(&port->conf, world->run_dir, key, sizeof(key));
	if (key[0] != '\0') {
		/* Whoever had it gives it up in the same transaction, but maybe later than here. */
		name_map_del(&world->exclusive, key);
		(void)name_map_put(&world->exclusive, key, port);
	}
}

void
world_del_port(struct world *world, struct world_port *port)
{
	char key[PORT_EXCLUSIVE_SIZE];

	TAILQ_REMOVE(&world->ports, port, link);
	name_map_del(&world->port_names, port->name);
	port_numbers_put(&world->numbers, port->number);
	port->number = 0;
	port_config_exclusive(&port->conf, world->run_dir, key, sizeof(key));
	if (name_map_get(&world->exclusive, key) == port) {
		name_map_del(&world->exclusive, key);
	}
}

void
world_port_free(struct world_port *port)
{
	if (port != NULL) {
		policy_config_fini(&port->policy);
		free(port);
	}
}

void
world_fini(struct world *world)
{
	struct world_bridge *bridge;
	struct world_port *port;

	while ((bridge = TAILQ_FIRST(&world->bridges)) != NULL) {
		world_del_bridge(world, bridge);
	}
	while ((port = TAILQ_FIRST(&world->ports)) != NULL) {
		world_del_port(world, port);
		world_port_free(port);
	}
	world_free_acls(world);
	world_free_mirrors(world);
	name_map_clear(&world->exclusive);
	port_numbers_fini(&world->numbers);
}

struct world_bridge *
world_find_bridge(const struct world *world, const char *name)
{
	return name_map_get(&world->bridge_names, name);
}

struct world_port *
world_find_port(const struct world *world, const char *name)
{
	return name_map_get(&world->port_names, name);
}

const struct port_ops *
world_type(const struct world *world, const struct port_conf *conf)
{
	for (const struct port_ops *const *ops = world->types; *ops != NULL; ops++) {
		if (strcmp((*ops)->type, conf->type) == 0 &&
			((*ops)->backend == NULL || strcmp((*ops)->backend, conf->backend) == 0)) {
			return *ops;
		}
	}
	return NULL;
}

int
world_port_open(struct world *world, struct world_port *port, struct err *err)
{
	const struct port_ops *ops = world_type(world, &port->conf);
	struct err local = ERR_INIT;
	int rc;

	assert(port->dp == NULL && ops != NULL);
	rc = dp_port_open(world->dp, ops, &port->conf, &port->dp, &local);
	if (rc == 0) {
		port->reason[0] = '\0';
		return 0;
	}
	str_copy(port->reason, local.text, sizeof(port->reason));
	if (err != NULL) {
		char path[ERR_PATH_SIZE] = "";

		str_appendf(path, sizeof(path), "/vswitch:vswitch/port[name='%s']", port->name);
		*err = local;
		err_prefix_path(err, path);
	}
	return rc;
}

static void
static_of(const json_t *item, fdb_key_t *key)
{
	struct rte_ether_addr mac;

	(void)rte_ether_unformat_addr(json_string_value(json_object_get(item, "mac")), &mac);
	*key = fdb_key(&mac, (uint16_t)json_integer_value(json_object_get(item, "vlan")));
}

/* Keys that `config` has, so that those of an older one that are gone can be told. */
static void
statics_keys(const json_t *config, struct name_map *keys, const char *value)
{
	const json_t *item;
	char text[32];
	size_t i;

	json_array_foreach (json_object_get(config, "static-mac"), i, item) {
		fdb_key_t key;

		static_of(item, &key);
		snprintf(text, sizeof(text), "%016" PRIx64, key);
		(void)name_map_put(keys, text, (void *)(uintptr_t)value);
	}
}

static void
statics_remove(struct fdb *fdb, const json_t *old, const json_t *now)
{
	struct name_map keys = {NULL};
	const json_t *item;
	char text[32];
	size_t i;

	statics_keys(now, &keys, "");
	json_array_foreach (json_object_get(old, "static-mac"), i, item) {
		fdb_key_t key;

		static_of(item, &key);
		snprintf(text, sizeof(text), "%016" PRIx64, key);
		if (name_map_get(&keys, text) == NULL) {
			(void)fdb_del(fdb, key);
		}
	}
	name_map_clear(&keys);
}

void
world_statics(struct world *world, struct world_bridge *bridge, const json_t *old)
{
	struct fdb *fdb = dp_bridge_fdb(bridge->dp);
	const json_t *item;
	bool waits = false;
	fdb_key_t key;
	size_t i;

	fdb_lock(fdb);
	statics_remove(fdb, old, bridge->config);
	json_array_foreach (json_object_get(bridge->config, "static-mac"), i, item) {
		const struct world_port *port = world_find_port(world, config_string(item, "port"));

		static_of(item, &key);
		if (port != NULL && port->dp != NULL &&
			fdb_set_static(fdb, key, dp_port_id(port->dp)) == FDB_REFUSED) {
			waits = true;
		}
	}
	fdb_unlock(fdb);
	if (waits && !bridge->statics_wait) {
		log_warn(
			"bridge %s: a static address finds no room in the table; it is tried again",
			bridge->name);
	}
	bridge->statics_wait = waits;
}

void
world_port_forward(struct world *world, struct world_port *port)
{
	struct world_bridge *bridge = world_find_bridge(world, port->bridge);
	struct dp_port_policy policy;

	if (port->dp == NULL) {
		return;
	}
	port->fwd.bridge = bridge == NULL ? NULL : bridge->dp;
	port->fwd.number = port->number;
	world_acl_policy(world, &port->policy, &policy);
	port->fwd.policy = &policy;
	dp_port_set(world->dp, port->dp, &port->fwd);
	port->fwd.policy = NULL;
	if (bridge != NULL && json_array_size(json_object_get(bridge->config, "static-mac")) > 0) {
		world_statics(world, bridge, NULL);
	}
}

void
world_port_counters(
	const struct world *world, const struct world_port *port, struct port_counters *counters)
{
	memset(counters, 0, sizeof(*counters));
	if (port->dp != NULL) {
		dp_port_get_counters(world->dp, port->dp, counters);
	}
	port_counters_add(counters, &port->past);
}

void
world_port_missed(const struct world_port *port, struct port_missed *missed)
{
	*missed = (struct port_missed){0};
	if (port->dp != NULL) {
		dp_port_get_missed(port->dp, missed);
	}
	port_missed_add(missed, &port->past_missed);
}

void
world_port_keep(const struct world *world, struct world_port *port, const struct dp_port *dp)
{
	struct port_counters last;
	struct port_missed missed;

	dp_port_get_counters(world->dp, dp, &last);
	port_counters_add(&port->past, &last);
	dp_port_get_missed(dp, &missed);
	port_missed_add(&port->past_missed, &missed);
}

void
world_port_close(struct world *world, struct world_port *port, enum port_close why,
	void (*done)(void *arg), void *arg)
{
	assert(port->dp != NULL);
	world_port_keep(world, port, port->dp);
	dp_port_close(world->dp, port->dp, why, done, arg);
	port->dp = NULL;
}

void
world_port_late(void *arg, const char *name, const struct port_counters *counters,
	const struct port_missed *missed)
{
	const struct world *world = arg;
	struct world_port *port;

	role_assert(&role_main);
	port = world_find_port(world, name);
	if (port != NULL) {
		port_counters_add(&port->past, counters);
		port_missed_add(&port->past_missed, missed);
	}
}

void
world_port_status(const struct world_port *port, struct port_status *status)
{
	*status = (struct port_status){.oper = PORT_FAILED};
	if (port->dp == NULL) {
		str_copy(status->reason, port->reason, sizeof(status->reason));
		return;
	}
	dp_port_device(port->dp)->ops->status(dp_port_device(port->dp), status);
	if (status->oper != PORT_FAILED && !port->fwd.enabled) {
		status->oper = PORT_STOPPED;
		str_copy(status->reason, "the port is disabled (enabled=false)",
			sizeof(status->reason));
	}
}

/* A device that has gone from under a port: keep the port, say why, try again. */
static void
check_gone(struct world *world, struct world_port *port, const struct port_status *status,
	uint64_t now) ON_MAIN
{
	if (status->oper != PORT_FAILED) {
		return;
	}
	str_copy(port->reason, status->reason, sizeof(port->reason));
	world_port_close(world, port, PORT_CLOSE_SHUTDOWN, NULL, NULL);
	dp_publish(world->dp);
	port->retry_at = now + WORLD_RETRY;
}

static void
retry(struct world *world, struct world_port *port, uint64_t now) ON_MAIN
{
	uint64_t began = clock_now();
	uint64_t took;

	if (now < port->retry_at) {
		return;
	}
	if (world_port_open(world, port, NULL) == 0) {
		world_port_forward(world, port);
		dp_publish(world->dp);
		return;
	}
	/* An attempt that holds up main for long is made seldom. */
	took = clock_now() - began;
	port->retry_at = now + took + RTE_MAX(WORLD_RETRY, RETRY_REST * took);
}

void
world_step(struct world *world, uint64_t now)
{
	struct world_bridge *bridge;
	struct world_port *port;

	if (world->plan != NULL) {
		return;
	}
	if (now - world->statics_at >= WORLD_RETRY) {
		world->statics_at = now;
		TAILQ_FOREACH (bridge, &world->bridges, link) {
			if (bridge->statics_wait) {
				world_statics(world, bridge, NULL);
			}
		}
	}
	TAILQ_FOREACH (port, &world->ports, link) {
		struct port_status status;

		if (port->dp == NULL) {
			retry(world, port, now);
		}
		world_port_status(port, &status);
		port_change_tell(world, port, &status);
		if (port->dp != NULL) {
			check_gone(world, port, &status, now);
		}
	}
}
