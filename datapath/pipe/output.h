/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where an output of a rule or bucket leads. Pure functions of a snapshot; a worker in a burst, or
 * main.
 */
#ifndef VSW_DATAPATH_PIPE_OUTPUT_H
#define VSW_DATAPATH_PIPE_OUTPUT_H

#include "datapath/pipe/action.h"
#include "datapath/pipe/bridge.h"

/*
 * The port of an ACTION_OUTPUT, which names it by number, or ACTION_IN_PORT. DROP_N: *to is it;
 * else why no copy goes there, and *to is there if drop_names_output().
 */
static inline enum drop_reason
output_find(const struct arrival *at, const struct action *action, const struct port_view **to)
{
	const struct port_view *in = at->in;

	if (action->code == ACTION_IN_PORT) {
		*to = in;
		return DROP_N;
	}
	*to = action->number < DP_NUMBERS_MAX ? at->snap->numbers[action->number] : NULL;
	if (*to == NULL || (*to)->bridge != at->bridge->id) {
		return DROP_NO_PORT;
	}
	if ((*to)->id == in->id) {
		return DROP_HAIRPIN;
	}
	return port_views_apart(in, *to) ? DROP_PROTECTED : DROP_N;
}

#endif
