/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/mac_events.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"

LOG_MODULE("mac");

static struct world_bridge *
bridge_of(const struct world *world, const struct dp_bridge *dp)
{
	struct world_bridge *bridge;

	TAILQ_FOREACH (bridge, &world->bridges, link) {
		if (bridge->dp == dp) {
			return bridge;
		}
	}
	return NULL;
}

static const char *
port_name(const struct world *world, uint32_t id) ON_MAIN
{
	const struct dp_port *port = dp_port_by_id(world->dp, id);

	return port == NULL || dp_port_device(port) == NULL ? NULL : dp_port_device(port)->name;
}

static void
put_string(json_t *body, const char *member, const char *value)
{
	if (value != NULL) {
		(void)json_object_set_new(body, member, json_string(value));
	}
}

static void
put_address(json_t *body, fdb_key_t key)
{
	char text[RTE_ETHER_ADDR_FMT_SIZE];

	(void)snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x",
		(unsigned int)key & 0xff, (unsigned int)(key >> 8) & 0xff,
		(unsigned int)(key >> 16) & 0xff, (unsigned int)(key >> 24) & 0xff,
		(unsigned int)(key >> 32) & 0xff, (unsigned int)(key >> 40) & 0xff);
	put_string(body, "mac", text);
	(void)json_object_set_new(body, "vlan", json_integer((json_int_t)(key >> 48)));
}

json_t *
mac_event(const struct world *world, const struct fdb_news *news, struct event_about *about)
{
	static const char *const words[] = {
		[FDB_CHANGE_LEARNED] = "learned",
		[FDB_CHANGE_MOVED] = "moved",
		[FDB_CHANGE_AGED] = "aged",
		[FDB_CHANGE_EVICTED] = "evicted",
		[FDB_CHANGE_FLUSHED] = "flushed",
	};
	json_t *body = json_pack("{s:s}", "event", words[news->change]);

	about->port = port_name(world, news->port);
	about->other_port = port_name(world, news->from);
	if (news->change != FDB_CHANGE_FLUSHED) {
		put_address(body, news->key);
	} else if (news->vlan >= 0) {
		(void)json_object_set_new(body, "vlan", json_integer(news->vlan));
	}
	put_string(body, "port", about->port);
	put_string(body, "from-port", about->other_port);
	if (news->change == FDB_CHANGE_FLUSHED) {
		(void)json_object_set_new(body, "count", json_integer(news->count));
	}
	return body;
}

static void
emit(struct mac_events *macs, struct event_about *about, json_t *body) ON_MAIN
{
	if (log_enabled(&log_module_here, LOG_DEBUG)) {
		char *text = json_dumps(body, JSON_COMPACT);

		log_debug("bridge %s: %s", about->bridge, text);
		free(text);
	}
	if (macs->events != NULL) {
		events_emit(macs->events, EVENT_MAC, about, body);
	} else {
		json_decref(body);
	}
}

static void
emit_flush(struct mac_events *macs) ON_MAIN
{
	struct event_about about = {.bridge = macs->flush_bridge};

	if (macs->flush.count > 0) {
		emit(macs, &about, mac_event(macs->world, &macs->flush, &about));
		macs->flush.count = 0;
	}
}

/* Begin a flush, or go on with it. */
static void
take_flush(struct mac_events *macs, const struct world_bridge *bridge,
	const struct fdb_news *news) ON_MAIN
{
	struct fdb_news *flush = &macs->flush;

	if (flush->count > 0 && flush->port == news->port && flush->vlan == news->vlan &&
		strcmp(macs->flush_bridge, bridge->name) == 0) {
		flush->count += news->count;
		return;
	}
	emit_flush(macs);
	*flush = *news;
	(void)str_copy(macs->flush_bridge, bridge->name, sizeof(macs->flush_bridge));
}

/* May another be told in this second? */
static bool
gate_open(struct mac_events *macs, struct mac_gate *gate, uint64_t second)
{
	if (macs->second != second) {
		macs->second = second;
		macs->n = 0;
	}
	if (gate->second != second) {
		gate->second = second;
		gate->n = 0;
	}
	if (macs->n == MAC_EVENTS_OF_ALL || gate->n == MAC_EVENTS_A_SECOND) {
		return false;
	}
	macs->n++;
	gate->n++;
	return true;
}

void
mac_events_take(void *arg, struct dp_bridge *dp, const struct fdb_news *news)
{
	struct mac_events *macs = arg;
	struct event_about about = {.bridge = NULL};
	struct world_bridge *bridge;

	role_assert(&role_main);
	bridge = bridge_of(macs->world, dp);
	if (bridge == NULL) {
		return; /* a transaction is about to make it, or has taken it back */
	}
	if (news->change == FDB_CHANGE_FLUSHED) {
		take_flush(macs, bridge, news);
		return;
	}
	emit_flush(macs);
	if (!gate_open(macs, &bridge->macs, dp_now(macs->world->dp) / CLOCK_S)) {
		bridge->macs.lost++;
		return;
	}
	about.bridge = bridge->name;
	emit(macs, &about, mac_event(macs->world, news, &about));
}

void
mac_events_update(struct mac_events *macs)
{
	bool tell = log_enabled(&log_module_here, LOG_DEBUG) ||
		(macs->events != NULL && events_wanted(macs->events, EVENT_MAC));

	if (tell != macs->telling && macs->world->dp != NULL) {
		macs->telling = tell;
		dp_tell_macs(macs->world->dp, tell);
	}
}

/* What was not told of a bridge in the seconds before this one. */
static void
tell_lost(struct mac_events *macs, struct world_bridge *bridge, uint64_t second) ON_MAIN
{
	struct mac_gate *gate = &bridge->macs;
	uint64_t queue_lost = dp_bridge_macs_lost(bridge->dp);
	struct event_about about = {.bridge = bridge->name};

	/* Another table counts from 0. */
	gate->lost += queue_lost < gate->queue_lost ? queue_lost : queue_lost - gate->queue_lost;
	gate->queue_lost = queue_lost;
	if (gate->lost > 0 && gate->told != second) {
		gate->told = second;
		emit(macs, &about,
			json_pack("{s:s, s:I}", "event", "lost", "count", (json_int_t)gate->lost));
		gate->lost = 0;
	}
}

bool
mac_events_step(struct mac_events *macs, uint64_t now)
{
	struct world_bridge *bridge;

	if (!macs->telling) {
		return false;
	}
	emit_flush(macs);
	TAILQ_FOREACH (bridge, &macs->world->bridges, link) {
		tell_lost(macs, bridge, now / CLOCK_S);
	}
	return true;
}
