/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "ctl/flow_text.h"
#include "datapath/dp/dp_flows.h"
#include "datapath/dp/dp_trace.h"
#include "vswitchd/action_input.h"
#include "vswitchd/flow_list.h"
#include "vswitchd/flow_match.h"
#include "vswitchd/flow_words.h"
#include "vswitchd/trace_frame.h"
#include "vswitchd/world_acl.h"

/* One trace, until it is answered. */
struct trace_job {
	struct world *world;
	struct world_bridge *bridge;
	struct world_port *port;
	rpc_action_done done;
	void *arg;
	json_t *output; /* owned */
	json_t *steps; /* in it, as the next ones */
	json_t *outputs;
	json_t *caches;
	struct dp_traced traced;
	uint32_t len;
	uint8_t frame[DP_TRACE_FRAME_MAX];
};

static void
set(json_t *object, const char *name, json_t *value)
{
	(void)json_object_set_new(object, name, value);
}

/* --- steps -------------------------------------------------------------------------------------
 */

static json_t *
step_new(struct trace_job *job, const char *kind)
{
	json_t *step = json_pack("{s:s}", "kind", kind);

	(void)json_array_append_new(job->steps, step);
	return step;
}

static void
tell_acl(struct trace_job *job, const struct rule *rule) ON_MAIN
{
	const struct world_acl *acl = world_find_acl(job->world, job->port->policy.acl_in);
	json_t *step = step_new(job, "access-list");

	if (rule != NULL) {
		const size_t entry = world_acl_entry_of(acl, rule);

		set(step, "entry", json_integer((json_int_t)entry + 1));
		set(step, "match", flow_words_match(job->world, rule));
	}
	/* A drop is told by the step that follows. */
	set(step, "result", json_string("accept"));
}

static void
tell_refused(struct trace_job *job, enum drop_reason reason)
{
	json_t *last = json_array_get(job->steps, json_array_size(job->steps) - 1);
	const char *kind = json_string_value(json_object_get(last, "kind"));

	if (reason == DROP_ACL_DENIED && kind != NULL && strcmp(kind, "access-list") == 0) {
		set(last, "result", json_string("drop"));
		return;
	}
	/* Why normal drops, or the address check, was told already. */
	if (json_object_get(last, "reason") == NULL) {
		set(step_new(job, "refused"), "reason", json_string(drop_name(reason)));
	}
}

static void
tell_rule(struct trace_job *job, const struct pipeline_event *event) ON_MAIN
{
	const struct rule *rule = event->rule;
	json_t *step = step_new(job, "table");
	const struct action_list *list;
	char cookie[24];
	json_t *actions;

	set(step, "table", json_integer(event->table));
	if (event->table > 0) {
		set(step, "fields", flow_words_fields(job->world, event->fields));
	}
	if (rule == NULL) {
		return;
	}
	(void)snprintf(cookie, sizeof(cookie), "0x%" PRIx64, rule->cookie);
	set(step, "match", flow_words_match(job->world, rule));
	set(step, "priority", json_integer(rule->priority));
	set(step, "cookie", json_string(cookie));
	actions = json_array();
	list = rule->actions;
	for (const struct action *a = action_list_first(list); a < action_list_end(list);
		a = action_next(a)) {
		(void)json_array_append_new(actions, flow_words_action(job->world, a));
	}
	set(step, "action", actions);
}

static void
tell_normal(struct trace_job *job, const struct dp_trace_step *what) ON_MAIN
{
	const struct verdict *verdict = what->event->verdict;
	json_t *step = step_new(job, "normal");

	if (verdict->kind != VERDICT_DROP || verdict->reason != DROP_VLAN_NOT_ALLOWED) {
		set(step, "vlan", json_integer(verdict->vlan.vid));
	}
	if (what->source != FDB_NO_PORT) {
		set(step, "source", flow_words_port(job->world, what->source));
	}
	if (what->destination != FDB_NO_PORT) {
		set(step, "destination", flow_words_port(job->world, what->destination));
	}
	switch (verdict->kind) {
	case VERDICT_OUTPUT:
		set(step, "result", json_string("output"));
		set(step, "port", flow_words_port(job->world, verdict->to->id));
		break;
	case VERDICT_FLOOD:
		set(step, "result", json_string("flood"));
		break;
	default:
		set(step, "result", json_string("drop"));
		set(step, "reason", json_string(drop_name(verdict->reason)));
		break;
	}
}

static void
on_step(void *arg, const struct dp_trace_step *what)
{
	const struct pipeline_event *event = what->event;
	struct trace_job *job = arg;

	role_assert(&role_main);
	switch (event->step) {
	case PIPELINE_SPOOFED:
		set(step_new(job, "address-check"), "reason",
			json_string(drop_name(event->reason)));
		break;
	case PIPELINE_ACL:
		tell_acl(job, event->rule);
		break;
	case PIPELINE_RULE:
		tell_rule(job, event);
		break;
	case PIPELINE_ACTION:
		set(step_new(job, "action"), "action",
			flow_words_action(job->world, event->action));
		break;
	case PIPELINE_NORMAL:
		tell_normal(job, what);
		break;
	case PIPELINE_FLOOD:
		set(step_new(job, "flood"), "vlan", json_integer(event->verdict->vlan.vid));
		break;
	case PIPELINE_REFUSED:
		tell_refused(job, event->reason);
		break;
	}
}

static void
on_output(void *arg, const struct dp_trace_output *what)
{
	struct trace_job *job = arg;
	json_t *output = json_object();

	role_assert(&role_main);
	set(output, "port", flow_words_port(job->world, what->port));
	set(output, "tagged", json_boolean(what->tci != 0));
	if (what->tci != 0) {
		set(output, "vlan", json_integer(what->tci & VLAN_ID_MASK));
	}
	if (what->max != 0) {
		set(output, "max-length", json_integer(what->max));
	}
	if (what->group != DP_TRACE_NO_GROUP) {
		set(output, "group", json_integer(what->group));
	}
	if (what->maybe) {
		set(output, "maybe", json_true());
	}
	if (what->lost != DROP_N) {
		set(output, "lost", json_string(drop_name(what->lost)));
	}
	(void)json_array_append_new(job->outputs, output);
}

/* --- what workers remember ---------------------------------------------------------------------
 */

/* Is that what the pipeline says now? */
static bool
agrees(const struct flow_told *told, const struct program *program)
{
	const struct action *only = program_first(program);

	if (told->n_program != 0) {
		return told->n_program == program->size &&
			memcmp(told->bytes_of, program, program->size) == 0;
	}
	if ((program->flags & PROGRAM_SIMPLE) == 0) {
		return false;
	}
	switch (told->kind) {
	case VERDICT_OUTPUT:
		return only->code == ACTION_DELIVER && only->number == told->to;
	case VERDICT_FLOOD:
		return only->code == ACTION_SPREAD;
	case VERDICT_DROP:
		return only->code == ACTION_DROP && only->arg == told->reason;
	default:
		return false;
	}
}

static void
on_told(void *arg, unsigned int worker, const struct flow_told *told)
{
	struct trace_job *job = arg;
	json_t *cache = json_pack("{s:i}", "worker", (int)worker);
	const char *state = "not-cached";

	role_assert(&role_main);
	(void)json_array_append_new(job->caches, cache);
	if (told != NULL && told->state != FLOW_TOLD_CURRENT) {
		state = "stale";
		set(cache, "because", json_string(flow_list_state(told->state)));
	} else if (told != NULL) {
		state = agrees(told, decision_program(&job->traced.decision)) ? "agrees"
									      : "differs";
	}
	set(cache, "state", json_string(state));
	if (told != NULL) {
		flow_list_counts(told, cache);
		set(cache, "action", flow_list_actions(job->world, told));
	}
}

static void
on_told_all(void *arg, const struct dp_flows_place *next, const struct err *err)
{
	struct trace_job *job = arg;

	(void)next;
	if (err != NULL) {
		set(job->output, "cache-error", json_string(err->text));
	}
	job->done(job->arg, job->output, NULL);
	free(job);
}

/* --- a trace -----------------------------------------------------------------------------------
 */

/* A frame that does not match what it was made from: nobody can send such a one. */
static int
check_made(struct flow_rule *rule, const struct trace_job *job, struct err *err) ON_MAIN
{
	struct parsed parsed;
	struct match match;
	int rc;

	rule->present &= ~(UINT64_C(1) << FLOW_IN_PORT);
	rc = flow_match_make(rule, NULL, &match, err);
	if (rc == 0) {
		parse(job->frame, job->len, job->len, PARSE_ALL, &parsed);
		if (!match_packet(&match, &parsed.fields)) {
			rc = err_set(err, ERR_INVALID, "flow",
				"there is no frame with all of this at once");
		}
	}
	return rc;
}

/* The frame of a described flow; its port, if it names one. */
static int
read_flow(struct trace_job *job, const char *text, const char **port, struct flow_rule *rule,
	struct err *err) ON_MAIN
{
	struct err local = ERR_INIT;
	int rc = flow_text_parse_match(text, strlen(text), rule, &local);

	if (rc != 0) {
		return err_set(err, local.kind, "flow", "%s", local.text);
	}
	if (!rule->any_table) {
		return err_set(err, ERR_INVALID, "flow",
			"a frame has no table: it always begins in table 0");
	}
	if (flow_rule_has(rule, FLOW_IN_PORT)) {
		if (*port != NULL && strcmp(*port, rule->in_port) != 0) {
			return err_set(err, ERR_INVALID, "in-port",
				"the flow comes from port '%s', not '%s'", rule->in_port, *port);
		}
		*port = rule->in_port;
	}
	rc = trace_frame_make(rule, job->frame, err);
	if (rc < 0) {
		return rc;
	}
	job->len = (uint32_t)rc;
	return check_made(rule, job, err);
}

static int
read_input(
	struct trace_job *job, const json_t *input, struct flow_rule *rule, struct err *err) ON_MAIN
{
	static const char *const members[] = {"bridge", "in-port", "frame", "flow", NULL};
	const char *bridge = NULL;
	const char *port = NULL;
	const char *frame = NULL;
	const char *flow = NULL;
	int rc = input_only(input, members, err);

	rc = rc != 0 ? rc : input_string(input, "bridge", &bridge, err);
	rc = rc != 0 ? rc : input_string_or(input, "in-port", &port, err);
	rc = rc != 0 ? rc : input_string_or(input, "frame", &frame, err);
	rc = rc != 0 ? rc : input_string_or(input, "flow", &flow, err);
	rc = rc != 0 ? rc : input_bridge(job->world, bridge, &job->bridge, err);
	if (rc != 0) {
		return rc;
	}
	if ((frame == NULL) == (flow == NULL)) {
		return err_set(err, ERR_INVALID, "flow",
			"the input needs 'flow', a description, or 'frame', its bytes");
	}
	rc = flow != NULL ? read_flow(job, flow, &port, rule, err)
			  : input_hex(frame, job->frame, sizeof(job->frame), &job->len, err);
	if (rc != 0) {
		return rc;
	}
	if (port == NULL) {
		return err_set(err, ERR_INVALID, "in-port",
			"the input needs 'in-port', or in_port= in the flow");
	}
	job->port = world_find_port(job->world, port);
	if (job->port == NULL) {
		return err_set(err, ERR_MISSING, "in-port", "there is no port '%s'", port);
	}
	if (strcmp(job->port->bridge, bridge) != 0) {
		return err_set(err, ERR_INVALID, "in-port", "port '%s' is not in bridge '%s'", port,
			bridge);
	}
	if (job->port->dp == NULL) {
		return err_set(err, ERR_INVALID, "in-port", "port '%s' has no device: %s", port,
			job->port->reason);
	}
	return 0;
}

static void
run(struct trace_job *job) ON_MAIN
{
	const struct dp_trace_listener listener = {
		.step = on_step, .output = on_output, .arg = job};
	struct dp_traced *traced = &job->traced;
	char *hex = output_hex(job->frame, job->len);

	job->output = json_pack("{s:s, s:s, s:s}", "bridge", job->bridge->name, "in-port",
		job->port->name, "frame", hex);
	free(hex);
	job->steps = json_array();
	job->outputs = json_array();
	job->caches = json_array();
	dp_trace(job->world->dp, job->port->dp, job->frame, job->len, &listener, traced);
	set(job->output, "fields", flow_words_fields(job->world, &traced->parsed.fields));
	set(job->output, "step", job->steps);
	set(job->output, "output", job->outputs);
	set(job->output, "cache", job->caches);
	if (traced->drop != DROP_N) {
		set(job->output, "drop", json_string(drop_name(traced->drop)));
	}
	if (traced->decided && traced->decision.once) {
		set(job->output, "uncached", json_true());
	}
	if (traced->limited) {
		set(job->output, "limited", json_true());
	}
	if (traced->decided) {
		set(job->output, "action",
			flow_words_program(job->world, decision_program(&traced->decision)));
		set(job->output, "key",
			flow_words_masked(job->world, &traced->parsed.fields, &traced->mask));
	}
}

void
action_trace(void *ctx, json_t *input, rpc_action_done done, void *arg)
{
	struct trace_job *job = must_calloc(1, sizeof(*job));
	const struct dp_flows_listener listener = {
		.tell = on_told, .done = on_told_all, .arg = job};
	struct err err = ERR_INIT;
	struct flow_rule rule;

	role_assert(&role_main);
	job->world = ctx;
	job->done = done;
	job->arg = arg;
	if (read_input(job, input, &rule, &err) != 0) {
		done(arg, NULL, &err);
		free(job);
		return;
	}
	run(job);
	if (!job->traced.decided) {
		on_told_all(job, NULL, NULL);
	} else if (dp_flows_ask_frame(job->world->dp, job->port->dp, job->frame, job->len,
			   &listener, &err) != 0) {
		on_told_all(job, NULL, &err);
	} else {
		job->world->kick(job->world->kick_arg);
	}
}
