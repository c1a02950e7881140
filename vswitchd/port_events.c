/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/port_events.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"

LOG_MODULE("port");

/* What belongs to the day's work; all else is worth a warning. */
static enum event_severity
severity_of(const struct port_event *event)
{
	static const char *const usual[] = {"guest-connected", "guest-disconnected", "up",
		"attached", "detached", "stopped", "recovered", "deleted"};

	for (size_t i = 0; i < ARRAY_LEN(usual); i++) {
		if (strcmp(event->what, usual[i]) == 0) {
			return event->routine ? EVENT_INFO : EVENT_NOTICE;
		}
	}
	return EVENT_WARNING;
}

bool
port_log_may(struct port_log *log, uint64_t now, uint32_t *quiet)
{
	const uint64_t full = PORT_LOG_BURST * PORT_LOG_EACH;
	/* When the purse is full again if nothing more is spent. */
	uint64_t full_at = log->full_at > now ? log->full_at : now;

	if (full_at - now + PORT_LOG_EACH > full) {
		log->quiet++;
		return false;
	}
	log->full_at = full_at + PORT_LOG_EACH;
	*quiet = log->quiet;
	log->quiet = 0;
	return true;
}

static void
port_event_log(struct world_port *port, const struct port_event *event) ON_MAIN
{
	static const enum log_level levels[] = {
		[EVENT_INFO] = LOG_INFO,
		[EVENT_NOTICE] = LOG_NOTICE,
		[EVENT_WARNING] = LOG_WARN,
		[EVENT_ERROR] = LOG_ERROR,
	};
	char more[64] = "";
	uint32_t quiet = 0;

	if (port != NULL && !event->routine && !port_log_may(&port->log, clock_now(), &quiet)) {
		return;
	}
	if (quiet > 0) {
		(void)str_appendf(
			more, sizeof(more), " (%" PRIu32 " events before were not logged)", quiet);
	}
	LOG_AT(levels[severity_of(event)], "%s: %s: %s%s", event->port, event->what, event->text,
		more);
}

json_t *
port_event_json(
	const struct world *world, const struct port_event *event, struct event_about *about)
{
	const struct world_port *port = world_find_port(world, event->port);
	json_t *body = event_body(severity_of(event), event->what, event->text);

	*about = (struct event_about){.port = event->port};
	if (event->bridge != NULL && event->bridge[0] != '\0') {
		about->bridge = event->bridge;
	} else if (port != NULL && port->bridge[0] != '\0') {
		about->bridge = port->bridge;
	}
	(void)json_object_set_new(body, "port", json_string(event->port));
	if (event->queue >= 0) {
		(void)json_object_set_new(body, "queue", json_integer(event->queue));
	}
	if (event->oper != NULL) {
		(void)json_object_set_new(body, "oper-status", json_string(event->oper));
	}
	return body;
}

void
port_events_take(void *arg, const struct port_event *event)
{
	struct port_events *ports = arg;
	struct event_about about;
	json_t *body;

	role_assert(&role_main);
	port_event_log(world_find_port(ports->world, event->port), event);
	if (ports->events != NULL && events_wanted(ports->events, EVENT_PORT)) {
		body = port_event_json(ports->world, event, &about);
		events_emit(ports->events, EVENT_PORT, &about, body);
	}
}
