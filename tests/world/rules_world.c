/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/world/rules_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ports/fake/fake.h"

#define START (1000 * CLOCK_S)
#define STEPS_MAX 1000
#define FLOWS 1024 /* that a worker remembers: so few that they are evicted */

static unsigned int
below(struct rules_world *world, unsigned int n)
{
	return random_of(&world->random, n);
}

static bool
one_in(struct rules_world *world, unsigned int n)
{
	return random_one_in(&world->random, n);
}

/* --- life ------------------------------------------------------------------------------------- */

void
rules_world_open_port(struct rules_world *world, int p) ON_MAIN
{
	struct port_conf conf = {.queues = (uint16_t)(1 + below(world, 2))};
	struct err err = ERR_INIT;

	(void)snprintf(conf.name, sizeof(conf.name), "p%d", p);
	if (dp_port_open(world->dp, &port_fake_ops, &conf, &world->ports[p], &err) != 0) {
		fail_msg("%s", err.text);
	}
	memset(&world->last[p], 0, sizeof(world->last[p]));
}

void
rules_world_random_vlan(struct rules_world *world, struct vlan_model_port *vlan)
{
	bool some = one_in(world, 2);
	uint16_t from = (uint16_t)below(world, RANDOM_VIDS);
	uint16_t to = (uint16_t)(from + below(world, 3));

	memset(vlan, 0, sizeof(*vlan));
	vlan->mode = one_in(world, 2) ? MODEL_TRUNK : (enum vlan_model_mode)below(world, 5);
	vlan->priority_tags = (enum vlan_model_prio)below(world, 3);
	vlan->service_tpid = one_in(world, 2) ? 0x8100 : 0x88a8;
	vlan->vlan = (uint16_t)(1 + below(world, RANDOM_VIDS - 1));
	for (int vid = 0; vid < 4096; vid++) {
		vlan->trunk[vid] = !some || (vid >= from && vid <= to);
		vlan->cvlan[vid] = vlan->trunk[vid];
	}
}

static void
vlan_convert(const struct vlan_model_port *model, struct port_vlan *vlan)
{
	memset(vlan, 0, sizeof(*vlan));
	vlan->mode = (enum vlan_mode)model->mode;
	vlan->priority_tags = (enum vlan_priority_tags)model->priority_tags;
	vlan->vlan = model->vlan;
	vlan->tunnel_tpid = model->service_tpid;
	for (uint16_t vid = 0; vid < 4096; vid++) {
		if (model->trunk[vid]) {
			vlan_set_add(&vlan->trunk, vid);
		}
		if (model->cvlan[vid]) {
			vlan_set_add(&vlan->cvlan, vid);
		}
	}
}

/* The port takes part in the datapath as it does in the model. */
void
rules_world_set_port(struct rules_world *world, int p) ON_MAIN
{
	const struct pipeline_port *port = &world->model.ports[p];
	struct dp_port_policy policy = {
		.acl_in = port->acl_in < 0 ? NULL : world->acls[port->acl_in],
		.acl_out = port->acl_out < 0 ? NULL : world->acls[port->acl_out],
		.spoof = &port->spoof,
		.protected_port = port->protected_port,
	};
	struct dp_port_fwd fwd = {
		.bridge = port->bridge < 0 ? NULL : world->bridges[port->bridge],
		.enabled = port->enabled,
		.mtu = (uint16_t)port->mtu,
		.number = port->number,
		.policy = &policy,
	};

	if (port->spoof.n_mac + port->spoof.n_ip4 + port->spoof.n_ip6 == 0 && one_in(world, 2)) {
		policy.spoof = NULL;
	}
	vlan_convert(&port->vlan, &fwd.vlan);
	dp_port_set(world->dp, world->ports[p], &fwd);
	dp_publish(world->dp);
}

void
rules_world_set_bridge(struct rules_world *world, int b) ON_MAIN
{
	const struct pipeline_bridge *bridge = &world->model.bridges[b];
	struct dp_bridge_conf conf = {.fdb = {.limit = 4096, .aging_s = bridge->aging},
		.forward_reserved = bridge->forward_reserved};
	struct err err = ERR_INIT;
	bool replaced = false;
	int rc;

	if (world->bridges[b] == NULL) {
		rc = dp_bridge_create(world->dp, &conf, &world->bridges[b], &err);
	} else {
		rc = dp_bridge_set(world->dp, world->bridges[b], &conf, &replaced, &err);
	}
	if (rc != 0 || replaced) {
		fail_msg("bridge: %s", err.text);
	}
	dp_publish(world->dp);
}

void
rules_world_create(struct rules_world *world, uint64_t seed, unsigned int n_workers)
{
	struct dp_options options = {
		.n_workers = n_workers, .run_dir = "/nowhere", .seed = seed, .flows = FLOWS};
	struct err err = ERR_INIT;

	memset(world, 0, sizeof(*world));
	world->seed = seed;
	world->random.state = seed;
	world->now = START;
	world->random.style = below(world, STYLES);
	world->most_rules = one_in(world, 2) ? 6 : PIPELINE_RULES / 4;
	random_kinds(&world->random);
	random_frames(&world->random);
	pipeline_init(&world->model);
	assert_int_equal(dp_create(&options, &world->dp, &err), 0);
	(void)dp_step(world->dp, world->now);
	for (int b = 0; b < PIPELINE_BRIDGES; b++) {
		world->model.bridges[b].aging = 310;
		rules_world_set_bridge(world, b);
	}
	for (int p = 0; p < PIPELINE_PORTS; p++) {
		struct pipeline_port *port = &world->model.ports[p];

		*port = (struct pipeline_port){.there = true,
			.number = (uint16_t)(p + 1),
			.enabled = true,
			.mtu = 1500,
			.acl_in = -1,
			.acl_out = -1,
			.bridge = p < PIPELINE_PORTS - 2 ? 0 : 1};
		rules_world_random_vlan(world, &port->vlan);
		rules_world_open_port(world, p);
		rules_world_set_port(world, p);
	}
}

void
rules_world_destroy(struct rules_world *world)
{
	for (int p = 0; p < PIPELINE_PORTS; p++) {
		struct dp_port_fwd fwd = {.bridge = NULL, .mtu = 1500};

		if (world->ports[p] != NULL) {
			dp_port_set(world->dp, world->ports[p], &fwd);
		}
	}
	dp_publish(world->dp);
	rules_world_settle(world);
	for (int i = 0; i < PIPELINE_ACLS; i++) {
		dp_acl_destroy(world->dp, world->acls[i]);
	}
	for (int b = 0; b < PIPELINE_BRIDGES; b++) {
		dp_bridge_destroy(world->dp, world->bridges[b]);
	}
	dp_publish(world->dp);
	rules_world_settle(world);
	dp_destroy(world->dp, PORT_CLOSE_SHUTDOWN);
	pipeline_fini(&world->model);
}

void
rules_world_settle(struct rules_world *world)
{
	uint32_t moved = 1;

	for (int i = 0; moved > 0; i++) {
		assert_in_range(i, 0, STEPS_MAX);
		moved = 0;
		for (unsigned int w = 0; w < dp_n_workers(world->dp); w++) {
			moved += dp_worker_step(world->dp, w, world->now);
		}
		(void)dp_step(world->dp, world->now);
	}
}

/* Does the datapath know the station? */
static bool
is_known(struct rules_world *world, const struct pipeline_station *station) ON_MAIN
{
	struct rte_ether_addr mac;
	uint32_t port;
	fdb_key_t key;

	memcpy(&mac, station->mac, sizeof(mac));
	key = fdb_key(&mac, station->vid);
	fdb_lookup_bulk(dp_bridge_fdb(world->bridges[station->bridge]), &key, 1, &port);
	return port != FDB_NO_PORT;
}

void
rules_world_sleep(struct rules_world *world, uint64_t seconds)
{
	for (uint64_t i = 0; i < 4 * seconds; i++) {
		world->now += CLOCK_S / 4;
		rules_world_settle(world);
	}
	if (getenv("DBG"))
		fprintf(stderr, "DBG round %u sleep %llu aging %u\n", world->round,
			(unsigned long long)seconds, world->model.bridges[0].aging);
	pipeline_sleep(&world->model, seconds);
	for (int i = 0; i < PIPELINE_STATIONS; i++) {
		struct pipeline_station *station = &world->model.stations[i];

		if (station->bridge >= 0 && station->doubt) {
			station->doubt = false;
			if (!is_known(world, station)) {
				station->bridge = -1;
			}
		}
	}
}
