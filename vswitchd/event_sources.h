/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All that makes events, wired between the datapath, the world and ctl/events.h.
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_EVENT_SOURCES_H
#define VSW_VSWITCHD_EVENT_SOURCES_H

#include "vswitchd/config_events.h"
#include "vswitchd/limit_events.h"
#include "vswitchd/mac_events.h"
#include "vswitchd/port_events.h"
#include "vswitchd/punt_events.h"
#include "vswitchd/worker_events.h"

struct event_sources {
	struct world *world;
	struct events *events; /* owned; NULL before start and after stop */
	struct punt_events punts;
	struct port_events ports;
	struct mac_events macs;
	struct worker_events workers;
	struct config_events configs;
	struct limit_events *limits; /* owned */
};

/* Before the datapath, whose `options` are filled; the world outlives the sources. */
void event_sources_init(
	struct event_sources *sources, struct world *world, struct dp_options *options) ON_MAIN;

/* From now on somebody can be told. */
int event_sources_start(struct event_sources *sources, struct err *err) ON_MAIN;

/* What else is watched, borrowed until stop. Who has the server hands peers that go to
 * events_peer_gone. */
void event_sources_connect(struct event_sources *sources, const struct rpc_server *rpc) ON_MAIN;

/* After each dp_step. Returns the nanoseconds after which both want to be called again, `next` or
 * fewer. */
uint64_t event_sources_step(struct event_sources *sources, uint64_t now, uint64_t next) ON_MAIN;

/* After the server has ended; what happens later is logged only. */
void event_sources_stop(struct event_sources *sources) ON_MAIN;

#endif
