/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A text of many rules, one in a line, as ovs-ofctl takes it in a file: what follows a # is a
 * comment, blank lines are nothing. Any thread; nothing is copied.
 */
#ifndef VSW_CTL_FLOW_LINES_H
#define VSW_CTL_FLOW_LINES_H

#include <stddef.h>

#include "ctl/flow_field.h"

struct flow_lines {
	const char *at;
	const char *end;
	size_t number; /* of the line that was given last, from 1 */
};

static inline struct flow_lines
flow_lines_of(const char *text, size_t len)
{
	return (struct flow_lines){.at = text, .end = text + len};
}

/*
 * The next line that has a rule, from its first byte (so that columns are those of the line) to its
 * comment or end. False when there is none.
 */
bool flow_lines_next(struct flow_lines *lines, struct flow_slice *line);

/*
 * The column of what an error's path means ("match/in-port", "actions/2/port", "table"), so that
 * errors of whoever takes a rule can be shown in its text. 0 if it is not found.
 */
size_t flow_line_column(struct flow_slice line, const char *path);

#endif
