/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/actions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ports/fake/fake.h"
#include "vswitchd/action_input.h"
#include "vswitchd/captures.h"
#include "vswitchd/flow_list.h"
#include "vswitchd/state_loss.h"
#include "vswitchd/trace.h"
#include "vswitchd/world.h"
#include "vswitchd/world_acl.h"

/* --- fdb-flush -----------------------------------------------------------------------------------
 */

static int
action_fdb_flush(void *ctx, json_t *input, json_t **output, struct err *err)
{
	static const char *const members[] = {"bridge", "port", "vlan", NULL};
	const struct world *world = ctx;
	const char *name = NULL;
	struct world_bridge *bridge;
	struct world_port *port = NULL;
	uint32_t id = FDB_NO_PORT;
	json_int_t vlan;
	uint32_t before;
	struct fdb *fdb;
	int rc;

	role_assert(&role_main);
	rc = input_only(input, members, err);
	rc = rc != 0 ? rc : input_string(input, "bridge", &name, err);
	rc = rc != 0 ? rc : input_number(input, "vlan", 0, VLAN_ID_MAX - 1, -1, &vlan, err);
	if (rc != 0) {
		return rc;
	}
	rc = input_bridge(world, name, &bridge, err);
	if (rc != 0) {
		return rc;
	}
	if (json_object_get(input, "port") != NULL) {
		rc = input_string(input, "port", &name, err);
		rc = rc != 0 ? rc : input_port(world, name, &port, err);
		if (rc != 0) {
			return rc;
		}
		id = port->dp == NULL ? UINT32_MAX : dp_port_id(port->dp);
	}
	fdb = dp_bridge_fdb(bridge->dp);
	before = fdb_count(fdb);
	while (id != UINT32_MAX && !fdb_flush(fdb, id, (int)vlan, false)) {
	}
	*output = json_pack("{s:I}", "flushed", (json_int_t)(before - fdb_count(fdb)));
	return 0;
}

/* --- clear-counters
 * ------------------------------------------------------------------------------- */

static void
clear_port(const struct world *world, struct world_port *port) ON_MAIN
{
	port->past = (struct port_counters){0};
	port->past_missed = (struct port_missed){0};
	if (port->dp != NULL) {
		dp_port_clear_counters(world->dp, port->dp);
	}
}

static int
action_clear_counters(void *ctx, json_t *input, json_t **output, struct err *err)
{
	static const char *const members[] = {"port", NULL};
	const struct world *world = ctx;
	struct world_bridge *bridge;
	struct world_port *port = NULL;
	const char *name = NULL;
	int rc;

	role_assert(&role_main);
	*output = NULL;
	rc = input_only(input, members, err);
	if (rc != 0) {
		return rc;
	}
	if (json_object_get(input, "port") == NULL) {
		TAILQ_FOREACH (port, &world->ports, link) {
			clear_port(world, port);
		}
		TAILQ_FOREACH (bridge, &world->bridges, link) {
			dp_bridge_clear_stats(world->dp, bridge->dp);
		}
		world_clear_acls(world);
		return 0;
	}
	rc = input_string(input, "port", &name, err);
	rc = rc != 0 ? rc : input_port(world, name, &port, err);
	if (rc == 0) {
		clear_port(world, port);
	}
	return rc;
}

/* --- fake ports
 * ----------------------------------------------------------------------------------- */

static int
find_fake(
	const struct world *world, const json_t *input, struct port **out, struct err *err) ON_MAIN
{
	struct world_port *port = NULL;
	const char *name = NULL;
	int rc = input_string(input, "port", &name, err);

	rc = rc != 0 ? rc : input_port(world, name, &port, err);
	if (rc != 0) {
		return rc;
	}
	if (port->dp == NULL || !port_is_fake(dp_port_device(port->dp))) {
		return err_set(err, ERR_INVALID, "port", "port '%s' is of type %s, not fake", name,
			port->conf.type);
	}
	*out = dp_port_device(port->dp);
	return 0;
}

static int
action_fake_inject(void *ctx, json_t *input, json_t **output, struct err *err)
{
	static const char *const members[] = {"port", "frame", "queue", "count", NULL};
	uint8_t bytes[FAKE_FRAME_MAX];
	json_int_t queue;
	json_int_t count;
	json_int_t done = 0;
	const char *frame = NULL;
	struct port *port = NULL;
	uint32_t len = 0;
	int rc;

	role_assert(&role_main);
	rc = input_only(input, members, err);
	rc = rc != 0 ? rc : find_fake(ctx, input, &port, err);
	rc = rc != 0 ? rc : input_string(input, "frame", &frame, err);
	rc = rc != 0 ? rc : input_number(input, "queue", 0, PORT_QUEUES_MAX - 1, 0, &queue, err);
	rc = rc != 0 ? rc : input_number(input, "count", 1, 65535, 1, &count, err);
	rc = rc != 0 ? rc : input_hex(frame, bytes, sizeof(bytes), &len, err);
	if (rc != 0) {
		return rc;
	}
	while (done < count) {
		rc = fake_inject(port, (uint16_t)queue, bytes, len, NULL, err);
		if (rc == -ENOSPC) {
			break;
		}
		if (rc != 0) {
			return rc;
		}
		done++;
	}
	*output = json_pack("{s:I}", "accepted", done);
	return 0;
}

static json_t *
frame_json(const uint8_t *bytes, uint32_t len, uint16_t queue)
{
	char *text = output_hex(bytes, len);
	json_t *frame = json_pack("{s:s, s:i}", "frame", text, "queue", (int)queue);

	free(text);
	return frame;
}

static int
action_fake_collect(void *ctx, json_t *input, json_t **output, struct err *err)
{
	static const char *const members[] = {"port", "max", NULL};
	uint8_t bytes[FAKE_FRAME_MAX];
	json_t *frames;
	json_int_t max;
	struct port *port = NULL;
	int rc;

	role_assert(&role_main);
	rc = input_only(input, members, err);
	rc = rc != 0 ? rc : find_fake(ctx, input, &port, err);
	rc = rc != 0 ? rc : input_number(input, "max", 1, 65535, 1024, &max, err);
	if (rc != 0) {
		return rc;
	}
	frames = json_array();
	for (uint16_t q = 0; q < port->n_txq; q++) {
		uint32_t len;

		while ((json_int_t)json_array_size(frames) < max &&
			(len = fake_collect(port, q, bytes, NULL)) > 0) {
			(void)json_array_append_new(frames, frame_json(bytes, len, q));
		}
	}
	*output = json_pack("{s:o}", "frames", frames);
	return 0;
}

/* --- certificates --------------------------------------------------------------------------------
 */

static int
action_reload_certificates(void *ctx, json_t *input, json_t **output, struct err *err)
{
	static const char *const members[] = {NULL};
	const struct world *world = ctx;
	int rc;

	role_assert(&role_main);
	*output = NULL;
	rc = input_only(input, members, err);
	return rc != 0 ? rc : system_parts_reload(&world->parts, err);
}

const struct rpc_action world_actions[] = {
	{"fdb-flush", action_fdb_flush, .needs = RPC_ROLE_OPERATE},
	{"clear-counters", action_clear_counters, .needs = RPC_ROLE_OPERATE},
	{"drops", action_drops, .needs = RPC_ROLE_OPERATE},
	{"fake-inject", action_fake_inject, .needs = RPC_ROLE_ADMIN},
	{"fake-collect", action_fake_collect, .needs = RPC_ROLE_ADMIN},
	{"reload-certificates", action_reload_certificates, .needs = RPC_ROLE_ADMIN},
	{"trace", .start = action_trace, .needs = RPC_ROLE_READ},
	{"flow-cache", .start = action_flow_cache, .needs = RPC_ROLE_READ},
	{"capture", .serve = action_capture, .needs = RPC_ROLE_OPERATE},
	{"capture-stop", action_capture_stop, .needs = RPC_ROLE_OPERATE},
	{NULL, NULL},
};
