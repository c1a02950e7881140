/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/world_mirror.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "vswitchd/port_config.h"
#include "vswitchd/world_acl.h"

static struct world_mirror *
find_mirror(const struct world *world, const char *name) ON_MAIN
{
	struct world_mirror *mirror;

	TAILQ_FOREACH (mirror, &world->mirrors, link) {
		if (strcmp(mirror->name, name) == 0) {
			return mirror;
		}
	}
	return NULL;
}

static void
forget(struct world *world, struct world_mirror *mirror) ON_MAIN
{
	TAILQ_REMOVE(&world->mirrors, mirror, link);
	free(mirror);
}

void
world_free_mirrors(struct world *world)
{
	struct world_mirror *mirror;

	while ((mirror = TAILQ_FIRST(&world->mirrors)) != NULL) {
		forget(world, mirror);
	}
}

static void
set_counter(json_t *object, const char *leaf, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	(void)json_object_set_new(object, leaf, json_string(text));
}

void
world_mirror_state(const struct world *world, const char *name, json_t *entry)
{
	const struct world_mirror *mirror = find_mirror(world, name);
	struct dp_mirror_stats stats = {.packets = 0};

	if (mirror != NULL && mirror->dp != NULL) {
		dp_mirror_get_stats(world->dp, mirror->dp, &stats);
	}
	set_counter(entry, "seen-packets", stats.seen);
	set_counter(entry, "packets", stats.packets);
	set_counter(entry, "bytes", stats.bytes);
	set_counter(entry, "drops", stats.drops);
}

/* --- configuration -----------------------------------------------------------------------------
 */

static size_t
mirrors_after(const struct world *world, const struct ds_txn *txn) ON_MAIN
{
	const struct world_mirror *mirror;
	size_t n = 0;

	TAILQ_FOREACH (mirror, &world->mirrors, link) {
		n++;
	}
	for (size_t i = 0; i < txn->n_changes; i++) {
		if (strcmp(txn->changes[i].list, "mirror") == 0) {
			n += txn->changes[i].op == DS_CREATE;
			n -= txn->changes[i].op == DS_DELETE;
		}
	}
	return n;
}

int
world_mirror_check(const struct world *world, const struct ds_txn *txn,
	const struct ds_change *change, struct err *err)
{
	const json_t *ports = json_object_get(change->after, "source-port");
	const char *output = config_string(change->after, "output-port");
	const json_t *port;
	size_t i;

	if (mirrors_after(world, txn) > MIRRORS_MAX) {
		return err_set(err, ERR_LIMIT, NULL, "there can be %d mirrors", MIRRORS_MAX);
	}
	if (json_array_size(ports) == 0 &&
		json_object_get(change->after, "source-bridge") == NULL) {
		return err_set(err, ERR_INVALID, "source-port",
			"a mirror needs ports to copy from: set 'source-port' or 'source-bridge'");
	}
	json_array_foreach (ports, i, port) {
		if (strcmp(json_string_value(port), output) == 0) {
			return err_set(err, ERR_INVALID, "source-port",
				"port '%s' is the mirror's output: its own frames cannot be copied "
				"to it",
				output);
		}
	}
	return 0;
}

static int
make(const struct world *world, const json_t *config, struct dp_mirror **out,
	struct err *err) ON_MAIN
{
	const json_t *ports = json_object_get(config, "source-port");
	const json_t *vlans = json_object_get(config, "source-vlan");
	const char *direction = config_string(config, "direction");
	const char **names = must_calloc(json_array_size(ports), sizeof(*names));
	struct dp_mirror_conf conf = {
		.ports = names,
		.n_ports = json_array_size(ports),
		.to = config_string(config, "output-port"),
		.ways = strcmp(direction, "tx") == 0     ? MIRROR_TX
			: strcmp(direction, "both") == 0 ? MIRROR_RX | MIRROR_TX
							 : MIRROR_RX,
		.truncate = (uint32_t)json_integer_value(json_object_get(config, "truncate")),
		.by_vlan = json_array_size(vlans) > 0,
	};
	const json_t *port;
	size_t i;
	int rc;

	json_array_foreach (ports, i, port) {
		names[i] = json_string_value(port);
	}
	config_vlan_set(vlans, &conf.vlans, false);
	rc = dp_mirror_create(world->dp, &conf, out, err);
	free(names);
	return rc;
}

/* --- a transaction -----------------------------------------------------------------------------
 */

int
mirror_step_prepare(const struct world *world, struct mirror_step *step,
	const struct ds_change *change, struct err *err)
{
	*step = (struct mirror_step){.change = change};
	if (change->op == DS_DELETE || !config_bool(change->after, "enabled", true)) {
		return 0;
	}
	return make(world, change->after, &step->made, err);
}

void
mirror_step_stop(struct world *world, const struct mirror_step *step)
{
	struct world_mirror *mirror = find_mirror(world, step->change->key);

	if (mirror != NULL && mirror->dp != NULL) {
		dp_mirror_stop(world->dp, mirror->dp);
		mirror->dp = NULL;
	}
	if (mirror != NULL && step->change->op == DS_DELETE) {
		forget(world, mirror);
	}
}

void
mirror_step_start(struct world *world, struct mirror_step *step)
{
	struct world_mirror *mirror = find_mirror(world, step->change->key);
	const char *name = json_string_value(json_object_get(step->change->after, "source-bridge"));
	const struct world_bridge *bridge = name == NULL ? NULL : world_find_bridge(world, name);
	const char *acl_name = config_string(step->change->after, "source-acl");
	const struct world_acl *acl = world_find_acl(world, acl_name);

	if (step->change->op == DS_DELETE) {
		return;
	}
	if (mirror == NULL) {
		mirror = must_calloc(1, sizeof(*mirror));
		(void)str_copy(mirror->name, step->change->key, sizeof(mirror->name));
		TAILQ_INSERT_TAIL(&world->mirrors, mirror, link);
	}
	mirror->dp = step->made;
	step->made = NULL;
	if (mirror->dp != NULL) {
		dp_mirror_start(world->dp, mirror->dp,
			bridge == NULL ? 0 : dp_bridge_id(bridge->dp),
			acl == NULL ? NULL : acl->dp);
	}
}

void
mirror_step_abort(struct mirror_step *step)
{
	dp_mirror_discard(step->made);
	step->made = NULL;
}
