/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/event_sources.h"

void
event_sources_init(struct event_sources *sources, struct world *world, struct dp_options *options)
{
	sources->world = world;
	sources->punts.world = world;
	sources->ports.world = world;
	sources->macs.world = world;
	world->event = port_events_take;
	world->event_arg = &sources->ports;
	options->event = port_events_take;
	options->event_arg = &sources->ports;
	options->punt = punt_events_take;
	options->punt_arg = &sources->punts;
	options->mac = mac_events_take;
	options->mac_arg = &sources->macs;
	options->worker = worker_events_take;
	options->worker_arg = &sources->workers;
}

static bool
bridge_exists(void *ctx, const char *name)
{
	struct event_sources *sources = ctx;

	role_assert(&role_main);
	return world_find_bridge(sources->world, name) != NULL;
}

static bool
port_exists(void *ctx, const char *name)
{
	struct event_sources *sources = ctx;

	role_assert(&role_main);
	return world_find_port(sources->world, name) != NULL;
}

static void
on_wanted(void *ctx, enum event_topic topic, bool wanted)
{
	struct event_sources *sources = ctx;

	(void)wanted;
	role_assert(&role_main);
	if (topic == EVENT_MAC) {
		mac_events_update(&sources->macs);
	}
}

/* NULL: nobody to tell. */
static void
tell(struct event_sources *sources, struct events *events)
{
	sources->punts.events = events;
	sources->ports.events = events;
	sources->macs.events = events;
	sources->workers.events = events;
	sources->configs.events = events;
}

int
event_sources_start(struct event_sources *sources, struct err *err)
{
	const struct events_conf conf = {.bridge_exists = bridge_exists,
		.port_exists = port_exists,
		.wanted = on_wanted,
		.ctx = sources};

	sources->events = events_create(&conf);
	sources->limits = limit_events_create(sources->world);
	if (sources->events == NULL || sources->limits == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	tell(sources, sources->events);
	mac_events_update(&sources->macs);
	return 0;
}

void
event_sources_connect(struct event_sources *sources, const struct rpc_server *rpc)
{
	limit_events_connect(sources->limits, sources->events, rpc);
}

uint64_t
event_sources_step(struct event_sources *sources, uint64_t now, uint64_t next)
{
	bool soon;

	if (sources->events == NULL) {
		return next;
	}
	soon = mac_events_step(&sources->macs, now) || punt_events_wanted(&sources->punts);
	limit_events_step(sources->limits, now);
	events_step(sources->events, now);
	return soon && next > DP_STEP_PUNT ? DP_STEP_PUNT : next;
}

void
event_sources_stop(struct event_sources *sources)
{
	tell(sources, NULL);
	limit_events_destroy(sources->limits);
	events_destroy(sources->events);
	sources->limits = NULL;
	sources->events = NULL;
}
