/* SPDX-License-Identifier: BSD-3-Clause */
/* What the schema cannot say: a type that this build lacks, two ports that want one thing, matches
 * that make no sense. */
#include <string.h>

#include "base/str.h"
#include "vswitchd/bridge_policy.h"
#include "vswitchd/port_config.h"
#include "vswitchd/world.h"
#include "vswitchd/world_acl.h"
#include "vswitchd/world_mirror.h"

/* Does this transaction delete the port, or move it off the resource? */
static bool
gives_up(const struct ds_txn *txn, const struct world *world, const char *name, const char *key)
{
	for (size_t i = 0; i < txn->n_changes; i++) {
		const struct ds_change *change = &txn->changes[i];
		struct port_conf conf;
		char new_key[PORT_EXCLUSIVE_SIZE];

		if (strcmp(change->list, "port") != 0 || strcmp(change->key, name) != 0) {
			continue;
		}
		if (change->op == DS_DELETE) {
			return true;
		}
		port_config_device(change->after, &conf);
		port_config_exclusive(&conf, world->run_dir, new_key, sizeof(new_key));
		return strcmp(new_key, key) != 0;
	}
	return false;
}

/* `wanted` collects what the ports of this transaction will hold. */
static int
validate_exclusive(const struct world *world, const struct ds_txn *txn, const char *name,
	const struct port_conf *conf, struct name_map *wanted, struct err *err) ON_MAIN
{
	const struct world_port *other;
	const char *same;
	char key[PORT_EXCLUSIVE_SIZE];

	port_config_exclusive(conf, world->run_dir, key, sizeof(key));
	if (key[0] == '\0') {
		return 0;
	}
	other = name_map_get(&world->exclusive, key);
	if (other != NULL && strcmp(other->name, name) != 0 &&
		!gives_up(txn, world, other->name, key)) {
		return err_set(err, ERR_IN_USE, port_config_exclusive_leaf(conf),
			"port '%s' uses %s already", other->name, strchr(key, ':') + 1);
	}
	same = name_map_put(wanted, key, (void *)(uintptr_t)name);
	if (same != name) {
		return err_set(err, ERR_IN_USE, port_config_exclusive_leaf(conf),
			"port '%s' of the same edit uses %s too", same, strchr(key, ':') + 1);
	}
	return 0;
}

static int
validate_port(const struct world *world, const struct ds_txn *txn, const struct ds_change *change,
	struct name_map *wanted, struct err *err) ON_MAIN
{
	struct policy_config policy;
	struct port_conf conf;
	int rc;

	port_config_device(change->after, &conf);
	if (world_type(world, &conf) == NULL) {
		return err_set(err, ERR_UNSUPPORTED, "type", "this build has no port type '%s'",
			conf.type);
	}
	rc = policy_config_make(change->after, &policy, err);
	policy_config_fini(&policy);
	return rc != 0 ? rc : validate_exclusive(world, txn, change->key, &conf, wanted, err);
}

/* Static addresses have room beside the learned ones as long as they are not more than those. */
static int
validate_bridge(const struct world *world, const struct ds_txn *txn, const struct ds_change *change,
	struct err *err) ON_MAIN
{
	size_t n = json_array_size(json_object_get(change->after, "static-mac"));
	struct dp_bridge_conf conf;

	bridge_config(change->after, &conf);
	if (n > conf.fdb.limit) {
		return err_set(err, ERR_LIMIT, "fdb-limit",
			"%zu static addresses need an fdb-limit of at least as many; it is %u", n,
			conf.fdb.limit);
	}
	return bridge_policy_check(world, txn, change->after, err);
}

int
world_validate(void *ctx, const struct ds_txn *txn, struct err *err)
{
	const struct world *world = ctx;
	struct name_map wanted = {NULL};
	int rc = 0;

	role_assert(&role_main);
	for (size_t i = 0; i < txn->n_changes && rc == 0; i++) {
		const struct ds_change *change = &txn->changes[i];
		char path[ERR_PATH_SIZE] = "";

		if (change->op == DS_DELETE) {
			continue;
		}
		if (strcmp(change->list, "port") == 0) {
			rc = validate_port(world, txn, change, &wanted, err);
		} else if (strcmp(change->list, "bridge") == 0) {
			rc = validate_bridge(world, txn, change, err);
		} else if (strcmp(change->list, "acl") == 0) {
			rc = world_acl_check(world, change, err);
		} else if (strcmp(change->list, "mirror") == 0) {
			rc = world_mirror_check(world, txn, change, err);
		} else if (strcmp(change->list, "system") == 0) {
			rc = system_parts_check(&world->parts, change, err);
			if (rc != 0) {
				break; /* it has named the leaf */
			}
		}
		if (rc != 0) {
			str_appendf(path, sizeof(path), "/vswitch:vswitch/%s[name='%s']",
				change->list, change->key);
			err_prefix_path(err, path);
		}
	}
	name_map_clear(&wanted);
	return rc;
}
