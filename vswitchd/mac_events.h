/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes of MAC tables as events: ids become names, keys become addresses.
 *
 * Topic mac: {topic, time, bridge, event, mac, vlan, port, from-port, count}. `event` is learned,
 * moved (from-port says where from), aged, evicted (to make room), flushed (with count instead of
 * mac; without port or vlan: of all) or lost (with count only: so many changes were not told). A
 * port that has gone since is left out.
 *
 * Nothing is told, and costs nothing, while nobody has subscribed. A flood of learning must not
 * cost main its time: a bridge tells MAC_EVENTS_A_SECOND changes a second, all bridges together
 * MAC_EVENTS_OF_ALL; the others are counted as lost.
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_MAC_EVENTS_H
#define VSW_VSWITCHD_MAC_EVENTS_H

#include <jansson.h>

#include "ctl/events.h"
#include "vswitchd/world.h"

#define MAC_EVENTS_A_SECOND 1000U
#define MAC_EVENTS_OF_ALL 4000U

struct mac_events {
	struct world *world;
	struct events *events; /* NULL: there is nobody to tell yet, or any more */
	bool telling;
	uint64_t second; /* that `n` is of */
	uint32_t n;
	/* A flush that may not be all of it: main does them by slices. */
	struct fdb_news flush; /* count 0: none */
	char flush_bridge[PORT_NAME_SIZE];
};

/* For dp_options.mac; `arg` is the struct mac_events. */
void mac_events_take(void *arg, struct dp_bridge *bridge, const struct fdb_news *news);

/* Somebody wants them, or nobody does any more: let the tables tell, or not. */
void mac_events_update(struct mac_events *macs) ON_MAIN;

/* After each dp_step: what is only told later. True: there may be more soon, step again within
 * DP_STEP_PUNT. */
bool mac_events_step(struct mac_events *macs, uint64_t now) ON_MAIN;

/* The members of an event that follow its bridge, and the ports that it is about. */
json_t *mac_event(
	const struct world *world, const struct fdb_news *news, struct event_about *about) ON_MAIN;

#endif
