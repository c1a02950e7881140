/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/worker_events.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"

LOG_MODULE("worker");

/* proc(5), stat: "tid (name) S ..."; 0 when that cannot be had. */
static char
thread_state(int tid)
{
	char path[64];
	char line[256] = "";
	const char *end;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "re");
	if (file == NULL) {
		return 0;
	}
	if (fgets(line, sizeof(line), file) == NULL) {
		line[0] = '\0';
	}
	(void)fclose(file);
	end = strrchr(line, ')');
	return end != NULL && end[1] == ' ' ? end[2] : 0;
}

static const char *
state_text(char state)
{
	switch (state) {
	case 'R':
		return "its thread runs, or waits for a CPU";
	case 'S':
	case 'D':
		return "its thread waits in the kernel";
	case 'T':
	case 't':
		return "its thread is stopped";
	default:
		return "its thread is in an unknown state";
	}
}

static void
describe(const struct dp_worker_event *event, char state, char *text, size_t size)
{
	uint64_t ms = event->ns / CLOCK_MS;

	text[0] = '\0';
	if (!event->stalled) {
		(void)str_appendf(text, size,
			"worker %u runs again, after %" PRIu64 ".%" PRIu64 " s", event->worker,
			ms / 1000, ms % 1000 / 100);
		return;
	}
	(void)str_appendf(text, size,
		"worker %u has made no progress for %" PRIu64 ".%" PRIu64 " s: %s", event->worker,
		ms / 1000, ms % 1000 / 100, state_text(state));
	if (event->port != NULL) {
		(void)str_appendf(text, size, ", it has queue %u of port %s in hand", event->queue,
			event->port);
	}
	if (event->ports > 0) {
		(void)str_appendf(text, size, ", %" PRIu32 " deleted port%s for it", event->ports,
			event->ports == 1 ? " waits" : "s wait");
	}
}

json_t *
worker_event(const struct dp_worker_event *event)
{
	char state = event->stalled ? thread_state(event->tid) : 0;
	char text[512];
	json_t *body;

	describe(event, state, text, sizeof(text));
	body = event_body(event->stalled ? EVENT_ERROR : EVENT_NOTICE,
		event->stalled ? "stalled" : "running", text);
	(void)json_object_set_new(body, "worker", json_integer(event->worker));
	(void)json_object_set_new(
		body, "stalled-ms", json_integer((json_int_t)(event->ns / CLOCK_MS)));
	if (event->port != NULL) {
		(void)json_object_set_new(body, "port", json_string(event->port));
		(void)json_object_set_new(body, "queue", json_integer(event->queue));
	}
	if (state != 0) {
		(void)json_object_set_new(body, "thread-state", json_stringn(&state, 1));
	}
	if (event->stalled) {
		(void)json_object_set_new(body, "snapshots", json_integer(event->snapshots));
		(void)json_object_set_new(body, "deleted-ports", json_integer(event->ports));
	}
	return body;
}

void
worker_events_take(void *arg, const struct dp_worker_event *event)
{
	struct worker_events *workers = arg;
	struct event_about about = {.port = event->port};
	json_t *body;

	role_assert(&role_main);
	body = worker_event(event);
	LOG_AT(event->stalled ? LOG_ERROR : LOG_NOTICE, "%s",
		json_string_value(json_object_get(body, "text")));
	if (workers->events != NULL) {
		events_emit(workers->events, EVENT_WORKER, &about, body);
	} else {
		json_decref(body);
	}
}
