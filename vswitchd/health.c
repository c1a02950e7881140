/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/health.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/str.h"
#include "schema/datastore.h"
#include "vswitchd/world.h"

#define TEXT_SIZE 256
#define NAMED_MAX 5 /* ports that are named in a text */

enum health { HEALTH_OK, HEALTH_WARNING, HEALTH_FAILING };

static const char *const health_names[] = {
	[HEALTH_OK] = "ok",
	[HEALTH_WARNING] = "warning",
	[HEALTH_FAILING] = "failing",
};

/* Which workers are stalled, in `text`. */
static enum health
check_workers(const struct world *world, char *text) ON_MAIN
{
	unsigned int n = dp_n_workers(world->dp);
	enum health health = HEALTH_OK;

	for (unsigned int w = 0; w < n; w++) {
		struct dp_worker_stats stats;

		dp_worker_get_stats(world->dp, w, &stats);
		if (stats.state == DP_WORKER_STALLED) {
			(void)str_appendf(text, TEXT_SIZE, "%sworker %u",
				health == HEALTH_OK ? "stalled: " : ", ", w);
			health = HEALTH_FAILING;
		}
	}
	if (health == HEALTH_OK) {
		(void)snprintf(text, TEXT_SIZE, "%u running", n);
	}
	return health;
}

static enum health
check_configuration(const struct datastore *ds, char *text) ON_MAIN
{
	(void)snprintf(text, TEXT_SIZE, "loaded, revision %" PRIu64, ds_revision(ds));
	return HEALTH_OK;
}

/* Edits that take themselves back unless somebody confirms them. */
static enum health
check_edits(const struct datastore *ds, char *text) ON_MAIN
{
	uint64_t confirm_at;
	uint64_t now = clock_now();

	if (!ds_provisional(ds, &confirm_at)) {
		(void)str_copy(text, "all confirmed", TEXT_SIZE);
		return HEALTH_OK;
	}
	(void)snprintf(text, TEXT_SIZE,
		"provisional edits are undone in %" PRIu64
		" s; vswitchctl config confirm keeps them",
		confirm_at > now ? (confirm_at - now) / CLOCK_S : 0);
	return HEALTH_WARNING;
}

/* Ports whose device cannot be had. */
static enum health
check_ports(const struct world *world, char *text) ON_MAIN
{
	const struct world_port *port;
	unsigned int n_failed = 0;
	unsigned int n = 0;

	TAILQ_FOREACH (port, &world->ports, link) {
		n++;
		if (port->dp != NULL) {
			continue;
		}
		if (n_failed < NAMED_MAX) {
			(void)str_appendf(text, TEXT_SIZE, "%s%s",
				n_failed == 0 ? "failed: " : ", ", port->name);
		}
		n_failed++;
	}
	if (n_failed > NAMED_MAX) {
		(void)str_appendf(text, TEXT_SIZE, " and %u more", n_failed - NAMED_MAX);
	}
	if (n_failed == 0) {
		(void)snprintf(text, TEXT_SIZE, "%u configured, none failed", n);
	}
	return n_failed == 0 ? HEALTH_OK : HEALTH_WARNING;
}

static void
add_check(
	json_t *checks, const char *name, enum health health, const char *text, enum health *worst)
{
	(void)json_array_append_new(checks,
		json_pack("{s:s, s:s, s:s}", "name", name, "status", health_names[health], "text",
			text));
	*worst = health > *worst ? health : *worst;
}

json_t *
health_json(const struct world *world, const struct datastore *ds, bool *failing)
{
	uint64_t now = dp_now(world->dp);
	enum health worst = HEALTH_OK;
	json_t *checks = json_array();
	char text[TEXT_SIZE];

	text[0] = '\0';
	add_check(checks, "workers", check_workers(world, text), text, &worst);
	text[0] = '\0';
	add_check(checks, "configuration", check_configuration(ds, text), text, &worst);
	text[0] = '\0';
	add_check(checks, "edits", check_edits(ds, text), text, &worst);
	text[0] = '\0';
	add_check(checks, "ports", check_ports(world, text), text, &worst);
	*failing = worst == HEALTH_FAILING;
	return json_pack("{s:s, s:s, s:I, s:o}", "status", health_names[worst], "version",
		VSW_VERSION, "uptime",
		now > world->started ? (json_int_t)((now - world->started) / CLOCK_S)
				     : (json_int_t)0,
		"checks", checks);
}
