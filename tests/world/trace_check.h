/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asking a whole switch why: actions that answer later, and the comparison of what `trace` says
 * with what then happens.
 */
#ifndef VSW_TESTS_WORLD_TRACE_CHECK_H
#define VSW_TESTS_WORLD_TRACE_CHECK_H

#include "tests/world/switch.h"

/* Of an action, once it is done. */
struct trace_answer {
	bool done;
	json_t *output; /* owned; NULL: an error */
	struct err err;
};

/* Start an action; takes the input. */
void
trace_start(struct sw *sw, const char *name, json_t *input, struct trace_answer *answer) ON_MAIN;

/* The same, and wait; takes the input; a new reference, or NULL with *err. */
json_t *trace_ask(struct sw *sw, const char *name, json_t *input, struct err *err) ON_BOTH;

/* The answer of `trace` for a flow from a port of br0, which must succeed; a new reference. */
json_t *trace_flow(struct sw *sw, const char *port, const char *flow) ON_BOTH;

/* The action with this JSON is refused, at this path and with these words. */
void trace_expect_refused(struct sw *sw, const char *name, const char *input, const char *path,
	const char *words) ON_BOTH;

/* A string of an object, "" if it is not there; of the first worker's cache in an answer. */
const char *trace_text(const json_t *object, const char *name);
const char *trace_cache_state(const json_t *answer);
const char *trace_cache_because(const json_t *answer);

/* Add rules to br0, one in a line; ends with NULL. */
void trace_program(struct sw *sw, const char *const *lines) ON_BOTH;

/* Send the frame that was traced: outputs, tags and drops are as told. */
void trace_expect_as_told(
	struct sw *sw, const char *port, const char *flow, const json_t *answer) ON_BOTH;
void trace_forget_got(struct sw *sw);

/*
 * Trace, send, trace again: all of that, and then the cache agrees. A flow whose first packet has
 * taught the bridge its source is stale until the second.
 */
void trace_check(struct sw *sw, const char *port, const char *flow) ON_BOTH;

#endif
