/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A few learning bridges, the slow way: lists that are walked, frames that are taken apart.
 *
 * Written from IEEE 802.1Q-2018, 8.6 to 8.8, and the words of schema and drop.h; it knows no
 * worker, no snapshot and no table. Time is whole seconds. There are no limits: tests stay below
 * them.
 */
#ifndef VSW_TESTS_WORLD_BRIDGE_MODEL_H
#define VSW_TESTS_WORLD_BRIDGE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/core/drop.h"
#include "datapath/pipe/vlan_model.h"

#define MODEL_BRIDGES 3
#define MODEL_PORTS 8
#define MODEL_ENTRIES 1000
#define MODEL_FRAME 2048

struct model_port {
	bool there;
	int bridge; /* -1: none */
	bool enabled;
	uint32_t mtu;
	struct vlan_model_port vlan;
	/* what its counters must be */
	uint64_t rx;
	uint64_t tx;
	uint64_t drops[DROP_N];
};

struct model_bridge {
	bool there;
	uint32_t aging; /* 0: never */
	bool forward_reserved;
};

struct model_entry {
	int bridge;
	int port; /* -1: the entry is free */
	uint16_t vid;
	uint8_t mac[6];
	bool fixed;
	uint64_t seen;
};

struct bridge_model {
	uint64_t now;
	struct model_bridge bridges[MODEL_BRIDGES];
	struct model_port ports[MODEL_PORTS];
	struct model_entry entries[MODEL_ENTRIES];
	/* what the last frame came out as, by port; length 0: it did not */
	uint32_t out_len[MODEL_PORTS];
	uint8_t out[MODEL_PORTS][MODEL_FRAME];
};

void bridge_model_init(struct bridge_model *model);

/* A frame arrives: fills out and counts. */
void bridge_model_frame(struct bridge_model *model, int port, const uint8_t *bytes, uint32_t len);

/* Forget what the port has taught; static entries stay. */
void bridge_model_forget(struct bridge_model *model, int port);

/* Seconds pass. */
void bridge_model_sleep(struct bridge_model *model, uint64_t seconds);

/* A static entry comes (port >= 0) or goes (-1). */
void bridge_model_static(
	struct bridge_model *model, int bridge, const uint8_t *mac, uint16_t vid, int port);

/* Does a static entry name the port? */
bool bridge_model_is_named(const struct bridge_model *model, int port);

/* Entries of the bridge, static ones included. */
unsigned int bridge_model_count(const struct bridge_model *model, int bridge);

#endif
