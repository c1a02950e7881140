/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/flow_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "vswitchd/action_input.h"
#include "vswitchd/flow_words.h"

/* One list, until it is answered. */
struct list_job {
	struct world *world;
	rpc_action_done done;
	void *arg;
	json_t *output; /* owned */
	json_t *flows; /* in it */
};

/* --- one flow ----------------------------------------------------------------------------------
 */

const char *
flow_list_state(enum flow_told_state state)
{
	switch (state) {
	case FLOW_TOLD_OLD_CONFIG:
		return "configuration";
	case FLOW_TOLD_OLD_RULES:
		return "rules";
	case FLOW_TOLD_OLD_ADDRESSES:
		return "addresses";
	case FLOW_TOLD_CURRENT:
		break;
	}
	return NULL;
}

static void
set_counter(json_t *object, const char *name, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	(void)json_object_set_new(object, name, json_string(text));
}

void
flow_list_counts(const struct flow_told *told, json_t *object)
{
	set_counter(object, "packets", told->packets);
	set_counter(object, "bytes", told->bytes);
	if (told->idle_ms < FLOW_IDLE_MAX) {
		(void)json_object_set_new(object, "idle-ms", json_integer(told->idle_ms));
	}
}

/* Of a verdict without a program: a bridge's own, or an egress list's. */
static json_t *
verdict_action(const struct world *world, const struct flow_told *told) ON_MAIN
{
	char text[PORT_NAME_SIZE + 16];
	json_t *name;

	if (told->egress != 0 && told->kind == VERDICT_OUTPUT) {
		return json_string("accept");
	}
	switch (told->kind) {
	case VERDICT_OUTPUT:
		name = flow_words_port(world, told->to);
		(void)snprintf(text, sizeof(text), "deliver:%s", json_string_value(name));
		json_decref(name);
		return json_string(text);
	case VERDICT_FLOOD:
		return json_string("flood");
	default:
		(void)snprintf(text, sizeof(text), "drop:%s", drop_name(told->reason));
		return json_string(text);
	}
}

json_t *
flow_list_actions(const struct world *world, const struct flow_told *told)
{
	json_t *actions;

	if (told->n_program != 0 && told->egress == 0) {
		return flow_words_program(world, &told->program);
	}
	actions = json_array();
	(void)json_array_append_new(actions, verdict_action(world, told));
	return actions;
}

/* --- the list ----------------------------------------------------------------------------------
 */

static void
on_told(void *arg, unsigned int worker, const struct flow_told *told)
{
	struct list_job *job = arg;
	json_t *flow = json_pack("{s:i}", "worker", (int)worker);

	role_assert(&role_main);
	if (told == NULL) {
		json_decref(flow);
		return;
	}
	(void)json_object_set_new(flow, "port", flow_words_port(job->world, told->port));
	(void)json_object_set_new(
		flow, "match", flow_words_masked(job->world, &told->value, &told->mask));
	(void)json_object_set_new(flow, "action", flow_list_actions(job->world, told));
	flow_list_counts(told, flow);
	if (told->state != FLOW_TOLD_CURRENT) {
		(void)json_object_set_new(flow, "stale", json_string(flow_list_state(told->state)));
	}
	if (told->egress != 0) {
		(void)json_object_set_new(
			flow, "egress", flow_words_port(job->world, told->egress));
	}
	(void)json_array_append_new(job->flows, flow);
}

static void
on_told_all(void *arg, const struct dp_flows_place *next, const struct err *err)
{
	struct list_job *job = arg;
	char place[48];

	if (err != NULL) {
		json_decref(job->output);
		job->done(job->arg, NULL, err);
	} else {
		if (next != NULL) {
			(void)snprintf(
				place, sizeof(place), "%u/%" PRIu64, next->worker, next->cursor);
			(void)json_object_set_new(job->output, "next", json_string(place));
		}
		job->done(job->arg, job->output, NULL);
	}
	free(job);
}

/* "WORKER/CURSOR" */
static int
place_read(const char *text, unsigned int n_workers, struct dp_flows_place *place, struct err *err)
{
	uint64_t worker = 0;
	uint64_t cursor = 0;
	char copy[48];
	char *slash = NULL;
	bool good = str_copy(copy, text, sizeof(copy));

	if (good) {
		slash = strchr(copy, '/');
	}
	if (slash != NULL) {
		*slash = '\0';
		good = str_to_u64(copy, 0, n_workers - 1, &worker) == 0 &&
			str_to_u64(slash + 1, 0, UINT32_MAX, &cursor) == 0;
	}
	if (!good || slash == NULL) {
		return err_set(err, ERR_INVALID, "after",
			"'%.48s' is no place in a list of flows: what an earlier answer had as "
			"`next`",
			text);
	}
	*place = (struct dp_flows_place){.worker = (unsigned int)worker, .cursor = cursor};
	return 0;
}

static int
start(struct list_job *job, const json_t *input, struct err *err) ON_MAIN
{
	static const char *const members[] = {"port", "limit", "after", NULL};
	const struct dp_flows_listener listener = {
		.tell = on_told, .done = on_told_all, .arg = job};
	struct dp_flows_place from = {.worker = 0};
	struct world_port *port = NULL;
	const char *name = NULL;
	const char *after = NULL;
	json_int_t limit = 0;
	int rc = input_only(input, members, err);

	rc = rc != 0 ? rc : input_string_or(input, "port", &name, err);
	rc = rc != 0 ? rc : input_string_or(input, "after", &after, err);
	rc = rc != 0
		? rc
		: input_number(input, "limit", 1, FLOW_LIST_MAX, FLOW_LIST_DEFAULT, &limit, err);
	if (rc == 0 && after != NULL) {
		rc = place_read(after, dp_n_workers(job->world->dp), &from, err);
	}
	if (rc == 0 && name != NULL) {
		rc = input_port(job->world, name, &port, err);
	}
	if (rc != 0) {
		return rc;
	}
	job->output = json_object();
	job->flows = json_array();
	(void)json_object_set_new(job->output, "flow", job->flows);
	if (port != NULL && port->dp == NULL) {
		on_told_all(job, NULL, NULL); /* no device, no flows */
		return 0;
	}
	rc = dp_flows_ask_all(job->world->dp, port == NULL ? NULL : port->dp, &from,
		(uint32_t)limit, &listener, err);
	if (rc == 0) {
		job->world->kick(job->world->kick_arg);
	} else {
		json_decref(job->output);
	}
	return rc;
}

void
action_flow_cache(void *ctx, json_t *input, rpc_action_done done, void *arg)
{
	struct list_job *job = must_calloc(1, sizeof(*job));
	struct err err = ERR_INIT;

	role_assert(&role_main);
	job->world = ctx;
	job->done = done;
	job->arg = arg;
	if (start(job, input, &err) != 0) {
		done(arg, NULL, &err);
		free(job);
	}
}
