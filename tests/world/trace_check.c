/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/world/trace_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ctl/flow_text.h"
#include "vswitchd/actions.h"
#include "vswitchd/program.h"

#define PATIENCE_MS 100

/* --- asking ------------------------------------------------------------------------------------
 */

static void
on_answer(void *arg, json_t *output, const struct err *err)
{
	struct trace_answer *answer = arg;

	assert_false(answer->done);
	answer->done = true;
	answer->output = output;
	answer->err = err == NULL ? (struct err)ERR_INIT : *err;
}

void
trace_start(struct sw *sw, const char *name, json_t *input, struct trace_answer *answer)
{
	const struct rpc_action *action = world_actions;

	memset(answer, 0, sizeof(*answer));
	while (action->name != NULL && strcmp(action->name, name) != 0) {
		action++;
	}
	assert_non_null(action->name);
	action->start(&sw->world, input, on_answer, answer);
	json_decref(input);
}

/* Takes the input; a new reference, or NULL with *err. */
json_t *
trace_ask(struct sw *sw, const char *name, json_t *input, struct err *err)
{
	struct trace_answer answer;

	trace_start(sw, name, input, &answer);
	for (unsigned int ms = 0; !answer.done; ms++) {
		assert_in_range(ms, 0, PATIENCE_MS);
		switch_sleep(sw, CLOCK_MS);
	}
	*err = answer.err;
	return answer.output;
}

json_t *
trace_flow(struct sw *sw, const char *port, const char *flow)
{
	struct err err = ERR_INIT;
	json_t *output = trace_ask(sw, "trace",
		json_pack("{s:s, s:s, s:s}", "bridge", "br0", "in-port", port, "flow", flow), &err);

	if (output == NULL) {
		fail_msg("%s: %s: %s", flow, err.path, err.text);
	}
	return output;
}

void
trace_expect_refused(
	struct sw *sw, const char *name, const char *input, const char *path, const char *words)
{
	struct err err = ERR_INIT;

	assert_null(trace_ask(sw, name, json_loads(input, 0, NULL), &err));
	assert_string_equal(err.path, path);
	if (strstr(err.text, words) == NULL) {
		fail_msg("%s: not \"%s\": %s", input, words, err.text);
	}
}

const char *
trace_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text == NULL ? "" : text;
}

/* Rules, one in a line. */
void
trace_program(struct sw *sw, const char *const *lines)
{
	struct programmer programmer;
	struct err err = ERR_INIT;

	programmer_init(&programmer, &sw->world);
	assert_int_equal(programmer.backend.begin(&programmer, "br0", &err), 0);
	for (; *lines != NULL; lines++) {
		struct flow_rule rule;
		uint64_t n;

		if (flow_text_parse_op(*lines, strlen(*lines), &rule, &err) != 0 ||
			programmer.backend.op(&programmer, &rule, &n, &err) != 0) {
			fail_msg("%s: %s", *lines, err.text);
		}
	}
	programmer.backend.commit(&programmer);
}

/* --- frames ------------------------------------------------------------------------------------
 */

static void
bytes_of(const json_t *answer, struct frame *frame)
{
	const char *hex = trace_text(answer, "frame");

	frame->len = (uint32_t)strlen(hex) / 2;
	for (uint32_t i = 0; i < frame->len; i++) {
		unsigned int byte;

		assert_int_equal(sscanf(hex + 2 * (size_t)i, "%2x", &byte), 1);
		frame->bytes[i] = (uint8_t)byte;
	}
}

void
trace_forget_got(struct sw *sw)
{
	for (size_t i = 0; i < sw->n_got; i++) {
		free(sw->got[i].bytes);
	}
	sw->n_got = 0;
}

/* A frame that came out is this output: port and outer tag. */
static bool
got_is(const struct got *got, const json_t *output)
{
	const uint8_t *bytes = got->bytes;
	const unsigned int type = (unsigned int)bytes[12] << 8 | bytes[13];
	const bool tagged = type == 0x8100 || type == 0x88a8;
	const unsigned int vid = ((unsigned int)bytes[14] << 8 | bytes[15]) & 0xfff;

	return strcmp(got->port, trace_text(output, "port")) == 0 &&
		tagged == json_is_true(json_object_get(output, "tagged")) &&
		(!tagged || vid == json_integer_value(json_object_get(output, "vlan")));
}

static uint64_t
all_drops(struct sw *sw, const char *port) ON_MAIN
{
	uint64_t sum = 0;

	for (int r = 0; r < DROP_N; r++) {
		sum += switch_drops(sw, port, (enum drop_reason)r);
	}
	return sum;
}

static enum drop_reason
reason_of(const char *name)
{
	for (int r = 0; r < DROP_N; r++) {
		if (strcmp(name, drop_name((enum drop_reason)r)) == 0) {
			return (enum drop_reason)r;
		}
	}
	fail_msg("no reason '%s'", name);
	return DROP_N;
}

/* Send the frame that was traced; what happens is what was said. */
void
trace_expect_as_told(struct sw *sw, const char *port, const char *flow, const json_t *answer)
{
	const json_t *outputs = json_object_get(answer, "output");
	const char *drop = trace_text(answer, "drop");
	const uint64_t drops = all_drops(sw, port);
	uint64_t of_reason = drop[0] == '\0' ? 0 : switch_drops(sw, port, reason_of(drop));
	const json_t *output;
	size_t n_sent = 0;
	size_t n_maybe = 0;
	size_t n_chosen = 0;
	struct frame frame;
	size_t i;

	bytes_of(answer, &frame);
	switch_send(sw, port, &frame);
	json_array_foreach (outputs, i, output) {
		const bool maybe = json_is_true(json_object_get(output, "maybe"));
		bool found = false;

		if (json_object_get(output, "lost") != NULL) {
			continue;
		}
		for (size_t g = 0; g < sw->n_got && !found; g++) {
			found = got_is(&sw->got[g], output);
		}
		if (!found && !maybe) {
			fail_msg("%s from %s: did not come out of %s", flow, port,
				trace_text(output, "port"));
		}
		n_sent += found;
		n_maybe += maybe;
		n_chosen += maybe && found;
	}
	if (sw->n_got != n_sent || n_chosen != (n_maybe > 0)) {
		fail_msg("%s from %s: %zu copies, %zu were told", flow, port, sw->n_got, n_sent);
	}
	if (drop[0] != '\0' && switch_drops(sw, port, reason_of(drop)) != of_reason + 1) {
		fail_msg("%s from %s: no drop by %s", flow, port, drop);
	}
	if (drop[0] == '\0' && all_drops(sw, port) != drops) {
		fail_msg("%s from %s: dropped", flow, port);
	}
	trace_forget_got(sw);
}

/* "agrees" for a frame that comes to no decision. */
const char *
trace_cache_state(const json_t *answer)
{
	const json_t *caches = json_object_get(answer, "cache");

	if (json_object_get(answer, "action") == NULL) {
		assert_int_equal(json_array_size(caches), 0);
		return "agrees";
	}
	assert_int_equal(json_array_size(caches), 1);
	return trace_text(json_array_get(caches, 0), "state");
}

const char *
trace_cache_because(const json_t *answer)
{
	return trace_text(json_array_get(json_object_get(answer, "cache"), 0), "because");
}

/*
 * Trace, send, trace again. A flow whose first packet has taught the bridge its source is stale
 * until the second.
 */
void
trace_check(struct sw *sw, const char *port, const char *flow)
{
	json_t *before = trace_flow(sw, port, flow);
	json_t *after;

	if (strcmp(trace_cache_state(before), "differs") == 0) {
		fail_msg("%s from %s: the cache differs", flow, port);
	}
	trace_expect_as_told(sw, port, flow, before);
	after = trace_flow(sw, port, flow);
	if (strcmp(trace_cache_because(after), "addresses") == 0) {
		trace_expect_as_told(sw, port, flow, after);
		json_decref(after);
		after = trace_flow(sw, port, flow);
	}
	if (strcmp(trace_cache_state(after),
		    json_is_true(json_object_get(after, "uncached")) ? "not-cached" : "agrees") !=
		0) {
		fail_msg("%s from %s: the cache %s", flow, port, trace_cache_state(after));
	}
	assert_string_equal(trace_text(before, "key"), trace_text(after, "key"));
	json_decref(before);
	json_decref(after);
}
