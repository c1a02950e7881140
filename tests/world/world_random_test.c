/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Thousands of random edits and frames, each compared with a naive model: what comes out of which
 * port, byte for byte, what each port counts, and whether an edit is accepted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tests/random.h"
#include "tests/world/bridge_model.h"
#include "tests/world/switch.h"

#define ROUNDS 20000
#define STATIONS 10
#define VIDS 5
#define SLEEP_S 20 /* ageing times lie between multiples of it */

struct game {
	struct sw *sw;
	struct bridge_model model;
	uint64_t seed;
	uint64_t random;
	uint32_t serial;
	int round;
	unsigned int n_refused;
};

static unsigned int
rnd(struct game *game, unsigned int n)
{
	return random_below(&game->random, n);
}

static void
port_path(int port, const char *leaf, char *path, size_t size)
{
	(void)snprintf(path, size, "port[name='p%d']%s", port, leaf);
}

static void
bridge_path(int bridge, const char *leaf, char *path, size_t size)
{
	(void)snprintf(path, size, "bridge[name='br%d']%s", bridge, leaf);
}

/* --- edits: `ok` is what the model says of them; true if the switch agrees and did it ----------
 */

static bool
edit(struct game *game, bool ok, const char *op, const char *path, const char *value) ON_BOTH
{
	int rc;

	switch_op(game->sw, op, path, value);
	rc = switch_commit(game->sw);
	if ((rc == 0) != ok) {
		fail_msg("seed %llu, round %d: %s %s %s: %s", (unsigned long long)game->seed,
			game->round, op, path, value == NULL ? "" : value,
			rc == 0 ? "accepted" : game->sw->err.text);
	}
	game->n_refused += !ok;
	return ok;
}

/* A bridge that is there, or -1 if luck says so. */
static int
some_bridge(struct game *game)
{
	int bridge = (int)rnd(game, MODEL_BRIDGES);

	return game->model.bridges[bridge].there && rnd(game, 8) != 0 ? bridge : -1;
}

static void
edit_bridge(struct game *game) ON_BOTH
{
	int b = (int)rnd(game, MODEL_BRIDGES);
	struct model_bridge *bridge = &game->model.bridges[b];
	bool used = false;
	char path[128];

	for (int i = 0; i < MODEL_PORTS; i++) {
		used = used || (game->model.ports[i].there && game->model.ports[i].bridge == b);
	}
	bridge_path(b, "", path, sizeof(path));
	switch (rnd(game, 4)) {
	case 0:
		if (edit(game, !bridge->there, "create", path,
			    "{'fdb-limit':1000,'mac-move-limit':0,'aging-time':310}")) {
			*bridge = (struct model_bridge){.there = true, .aging = 310};
		}
		break;
	case 1:
		if (edit(game, bridge->there && !used, "delete", path, NULL)) {
			bridge->there = false;
			for (int i = 0; i < MODEL_ENTRIES; i++) {
				if (game->model.entries[i].bridge == b) {
					game->model.entries[i].port = -1;
				}
			}
		}
		break;
	case 2:
		if (bridge->there) {
			static const uint32_t times[] = {0, 10, 50, 310};
			uint32_t aging = times[rnd(game, 4)];
			char value[16];

			(void)snprintf(value, sizeof(value), "%u", aging);
			bridge_path(b, "/aging-time", path, sizeof(path));
			(void)edit(game, true, "merge", path, value);
			bridge->aging = aging;
			/* In whole steps, so that what is over its time is gone in both. */
			switch_sleep(game->sw, SLEEP_S * CLOCK_S);
			bridge_model_sleep(&game->model, SLEEP_S);
		}
		break;
	default:
		if (bridge->there) {
			bridge->forward_reserved = rnd(game, 2) == 0;
			bridge_path(b, "/forward-reserved", path, sizeof(path));
			(void)edit(game, true, "merge", path,
				bridge->forward_reserved ? "true" : "false");
		}
	}
}

/* Leaves for a random VLAN configuration, and what they mean. */
static void
vlan_random(struct game *game, struct vlan_model_port *vlan, char *leaves, size_t size)
{
	static const char *const modes[] = {
		"access", "trunk", "native-tagged", "native-untagged", "dot1q-tunnel"};
	static const char *const tags[] = {"never", "if-nonzero", "always"};
	bool some = rnd(game, 2) == 0;
	uint16_t from = (uint16_t)rnd(game, VIDS);
	uint16_t to = (uint16_t)(from + rnd(game, 3));

	memset(vlan, 0, sizeof(*vlan));
	vlan->mode = (enum vlan_model_mode)rnd(game, 5);
	vlan->priority_tags = (enum vlan_model_prio)rnd(game, 3);
	vlan->service_tpid = rnd(game, 2) == 0 ? 0x8100 : 0x88a8;
	(void)snprintf(leaves, size, "'vlan-mode':'%s','priority-tags':'%s'", modes[vlan->mode],
		tags[vlan->priority_tags]);
	if (vlan->mode != MODEL_TRUNK) {
		vlan->vlan = (uint16_t)(1 + rnd(game, VIDS - 1));
		(void)str_appendf(leaves, size, ",'vlan':%u", vlan->vlan);
	}
	if (vlan->mode == MODEL_TUNNEL) {
		(void)str_appendf(leaves, size, ",'qinq-ethertype':'%s'",
			vlan->service_tpid == 0x8100 ? "802.1q" : "802.1ad");
	} else {
		vlan->service_tpid = 0x88a8;
	}
	if (some && vlan->mode != MODEL_ACCESS) {
		(void)str_appendf(leaves, size, ",'%s':['%u-%u']",
			vlan->mode == MODEL_TUNNEL ? "cvlan" : "trunk", from, to);
	}
	for (int vid = 0; vid < 4096; vid++) {
		bool in = !some || (vid >= from && vid <= to);

		vlan->trunk[vid] = vlan->mode == MODEL_ACCESS || vlan->mode == MODEL_TUNNEL || in;
		vlan->cvlan[vid] = vlan->mode != MODEL_TUNNEL || in;
	}
}

static void
edit_port_life(struct game *game, int p) ON_BOTH
{
	struct model_port *port = &game->model.ports[p];
	char leaves[512];
	char value[1024];
	char path[128];

	port_path(p, "", path, sizeof(path));
	if (rnd(game, 3) == 0) {
		bool named = bridge_model_is_named(&game->model, p);

		if (edit(game, port->there && !named, "delete", path, NULL)) {
			bridge_model_forget(&game->model, p);
			memset(port, 0, sizeof(*port));
		}
		return;
	}
	if (port->there) {
		(void)edit(game, false, "create", path, "{'type':'fake'}");
		return;
	}
	memset(port, 0, sizeof(*port));
	port->there = true;
	port->enabled = true;
	port->mtu = 1500;
	port->bridge = some_bridge(game);
	vlan_random(game, &port->vlan, leaves, sizeof(leaves));
	(void)snprintf(value, sizeof(value), "{'type':'fake',%s", leaves);
	if (port->bridge >= 0) {
		(void)str_appendf(value, sizeof(value), ",'bridge':'br%d'", port->bridge);
	}
	(void)str_append(value, "}", sizeof(value));
	(void)edit(game, true, "create", path, value);
}

static void
edit_port_bridge(struct game *game, int p) ON_BOTH
{
	struct model_port *port = &game->model.ports[p];
	int bridge = (int)rnd(game, MODEL_BRIDGES + 1) - 1;
	bool ok = bridge == port->bridge || !bridge_model_is_named(&game->model, p);
	char value[16];
	char path[128];

	port_path(p, "/bridge", path, sizeof(path));
	(void)snprintf(value, sizeof(value), "'br%d'", bridge);
	if (bridge < 0) {
		ok = edit(game, ok, "remove", path, NULL);
	} else {
		ok = edit(game, ok && game->model.bridges[bridge].there, "merge", path, value);
	}
	if (ok && bridge != port->bridge) {
		bridge_model_forget(&game->model, p);
		port->bridge = bridge;
	}
}

/* All VLAN leaves at once: those of the old mode go, in the same edit. */
static void
edit_port_vlan(struct game *game, int p) ON_BOTH
{
	static const char *const all[] = {"/vlan", "/trunk", "/cvlan", "/qinq-ethertype"};
	struct model_port *port = &game->model.ports[p];
	struct vlan_model_port vlan;
	char leaves[512];
	char value[1024];
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		port_path(p, all[i], path, sizeof(path));
		switch_op(game->sw, "remove", path, NULL);
	}
	vlan_random(game, &vlan, leaves, sizeof(leaves));
	(void)snprintf(value, sizeof(value), "{%s}", leaves);
	port_path(p, "", path, sizeof(path));
	(void)edit(game, true, "merge", path, value);
	if (memcmp(&vlan, &port->vlan, sizeof(vlan)) != 0) {
		bridge_model_forget(&game->model, p);
		port->vlan = vlan;
	}
}

static void
edit_port(struct game *game, int p) ON_BOTH
{
	struct model_port *port = &game->model.ports[p];
	char value[32];
	char path[128];

	switch (rnd(game, 6)) {
	case 0:
		edit_port_bridge(game, p);
		break;
	case 1:
		edit_port_vlan(game, p);
		break;
	case 2:
		port->enabled = rnd(game, 3) != 0;
		if (!port->enabled) {
			bridge_model_forget(&game->model, p);
		}
		port_path(p, "/enabled", path, sizeof(path));
		(void)edit(game, true, "merge", path, port->enabled ? "true" : "false");
		break;
	case 3:
		port->mtu = rnd(game, 2) == 0 ? 1500 : 68 + rnd(game, 60);
		(void)snprintf(value, sizeof(value), "%u", port->mtu);
		port_path(p, "/mtu", path, sizeof(path));
		(void)edit(game, true, "merge", path, value);
		break;
	case 4: /* another device */
		(void)snprintf(path, sizeof(path), "p%d", p);
		(void)snprintf(
			value, sizeof(value), "%u", switch_device(game->sw, path)->n_rxq % 3U + 1U);
		port_path(p, "/queues", path, sizeof(path));
		(void)edit(game, true, "merge", path, value);
		bridge_model_forget(&game->model, p);
		break;
	default:
		port_path(p, "/description", path, sizeof(path));
		(void)snprintf(value, sizeof(value), "'%d'", game->round);
		(void)edit(game, true, "merge", path, value);
	}
}

static void
edit_static(struct game *game, int p) ON_BOTH
{
	struct model_port *port = &game->model.ports[p];
	int bridge = rnd(game, 6) == 0 ? (int)rnd(game, MODEL_BRIDGES) : port->bridge;
	uint32_t station = rnd(game, STATIONS);
	uint16_t vid = (uint16_t)rnd(game, VIDS);
	bool there = false;
	char value[32];
	char path[160];
	uint8_t mac[6];

	if (bridge < 0 || !game->model.bridges[bridge].there) {
		return;
	}
	frame_mac(station, mac);
	(void)snprintf(path, sizeof(path),
		"bridge[name='br%d']/static-mac[mac='02:00:00:00:00:%02x'][vlan='%u']", bridge,
		station, vid);
	for (int i = 0; i < MODEL_ENTRIES; i++) {
		const struct model_entry *entry = &game->model.entries[i];

		there = there ||
			(entry->port >= 0 && entry->fixed && entry->bridge == bridge &&
				entry->vid == vid && memcmp(entry->mac, mac, 6) == 0);
	}
	if (rnd(game, 2) == 0) {
		if (edit(game, there, "delete", path, NULL)) {
			bridge_model_static(&game->model, bridge, mac, vid, -1);
		}
		return;
	}
	(void)snprintf(value, sizeof(value), "{'port':'p%d'}", p);
	if (edit(game, bridge == port->bridge, "merge", path, value)) {
		bridge_model_static(&game->model, bridge, mac, vid, p);
	}
}

/* --- frames ----------------------------------------------------------------------------------- */

static void
frame_random(struct game *game, struct frame *frame)
{
	static const uint8_t reserved[] = {0x01, 0x80, 0xc2, 0, 0, 0x0e};
	static const uint8_t group[] = {0x01, 0, 0x5e, 0, 0, 1};
	uint32_t tags[FRAME_TAGS] = {0};
	uint32_t dst = rnd(game, 5) == 0 ? FRAME_BROADCAST : rnd(game, STATIONS + 2);
	unsigned int n = rnd(game, 2) + (rnd(game, 4) == 0);

	for (unsigned int i = 0; i < n; i++) {
		tags[i] = TAG(rnd(game, 4) == 0 ? 0x88a8 : 0x8100, rnd(game, 16) / 2,
				  rnd(game, VIDS)) |
			(rnd(game, 4) == 0 ? 0x1000 : 0);
	}
	frame_make(frame, dst, rnd(game, STATIONS), tags, ++game->serial, 60 + rnd(game, 100));
	switch (rnd(game, 20)) {
	case 0:
		memcpy(frame->bytes, reserved, 6);
		break;
	case 1:
		memcpy(frame->bytes + 6, group, 6);
		break;
	case 2:
		memset(frame->bytes + 6, 0, 6);
		break;
	case 3:
		frame->len = rnd(game, 20);
		break;
	default:
		break;
	}
}

static void
expect_counters(struct game *game, int p) ON_MAIN
{
	const struct model_port *port = &game->model.ports[p];
	const struct world_port *real;
	struct port_counters c;
	char name[16];

	(void)snprintf(name, sizeof(name), "p%d", p);
	real = world_find_port(&game->sw->world, name);
	assert_int_equal(real != NULL, port->there);
	if (real == NULL) {
		return;
	}
	world_port_counters(&game->sw->world, real, &c);
	for (int r = 0; r < DROP_N; r++) {
		if (c.drops[r] != port->drops[r]) {
			fail_msg("seed %llu, round %d: %s dropped %llu as %s, not %llu",
				(unsigned long long)game->seed, game->round, name,
				(unsigned long long)c.drops[r], drop_name((enum drop_reason)r),
				(unsigned long long)port->drops[r]);
		}
	}
	if (c.rx_packets != port->rx || c.tx_packets != port->tx) {
		fail_msg("seed %llu, round %d: %s has other counts", (unsigned long long)game->seed,
			game->round, name);
	}
}

static void
send_frame(struct game *game, int p) ON_BOTH
{
	struct frame frame;
	char name[16];

	frame_random(game, &frame);
	(void)snprintf(name, sizeof(name), "p%d", p);
	switch_inject_queue(
		game->sw, name, (uint16_t)rnd(game, switch_device(game->sw, name)->n_rxq), &frame);
	switch_settle(game->sw);
	bridge_model_frame(&game->model, p, frame.bytes, frame.len);
	for (int i = 0; i < MODEL_PORTS; i++) {
		expect_counters(game, i);
		if (game->model.out_len[i] > 0) {
			(void)snprintf(name, sizeof(name), "p%d", i);
			frame.len = game->model.out_len[i];
			memcpy(frame.bytes, game->model.out[i], frame.len);
			switch_expect(game->sw, name, &frame);
		}
	}
	switch_expect_nothing(game->sw);
}

static void
play(struct game *game) ON_BOTH
{
	int p = (int)rnd(game, MODEL_PORTS);
	unsigned int what = rnd(game, 100);

	if (what < 3) {
		edit_bridge(game);
	} else if (what < 6) {
		edit_port_life(game, p);
	} else if (what < 8) {
		switch_sleep(game->sw, SLEEP_S * CLOCK_S);
		bridge_model_sleep(&game->model, SLEEP_S);
	} else if (!game->model.ports[p].there) {
		return;
	} else if (what < 16) {
		edit_port(game, p);
	} else if (what < 18) {
		edit_static(game, p);
	} else {
		send_frame(game, p);
	}
}

static void
expect_tables(struct game *game) ON_MAIN
{
	for (int b = 0; b < MODEL_BRIDGES; b++) {
		char path[64];

		if (game->model.bridges[b].there) {
			bridge_path(b, "", path, sizeof(path));
			assert_int_equal(switch_number(game->sw, path, "fdb-entries"),
				bridge_model_count(&game->model, b));
		}
	}
}

static void
test_random(void **state)
{
	struct game *game = calloc(1, sizeof(*game));

	(void)switch_of(state);
	game->seed = random_seed();
	printf("# VSW_SEED=%llu\n", (unsigned long long)game->seed);
	game->random = game->seed;
	bridge_model_init(&game->model);
	game->sw = calloc(1, sizeof(*game->sw));
	switch_create(game->sw, 2, NULL);
	for (game->round = 0; game->round < ROUNDS; game->round++) {
		play(game);
		if (game->round % 50 == 0) {
			switch_settle(game->sw);
			expect_tables(game);
		}
	}
	printf("# %u frames, %u edits refused\n", game->serial, game->n_refused);
	assert_in_range(game->serial, ROUNDS / 4, ROUNDS);
	switch_destroy(game->sw);
	free(game->sw);
	free(game);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SWITCH_CASE(test_random),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("world-random", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
