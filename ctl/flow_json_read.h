/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two halves of reading JSON share. Private to ctl/flow_json_*.c. */
#ifndef VSW_CTL_FLOW_JSON_READ_H
#define VSW_CTL_FLOW_JSON_READ_H

#include <jansson.h>
#include <stddef.h>

#include "ctl/flow_field.h"

/* Names for members of objects: where.path is set to "PREFIX/NAME" and where.name to NAME. */
void flow_json_at(struct flow_where *where, const char *prefix, const char *name);

/* The kinds of JSON values; the message says which it should have been. */
int flow_json_number(const struct flow_where *where, const json_t *value, uint64_t min,
	uint64_t max, uint64_t *out);
int flow_json_slice(const struct flow_where *where, const json_t *value, struct flow_slice *out);

/* A value of a field, as in a match. */
int flow_json_value(const struct flow_where *where, enum flow_field field, const json_t *value,
	struct flow_term *term);

/* FLOW_FIELDS if there is none of this name. */
enum flow_field flow_json_field(const char *name);

/* "no member 'x'; did you mean 'y'?", of NULL-terminated names and, on wish, all fields. */
int flow_json_unknown(
	const struct flow_where *where, const char *name, const char *const *names, bool fields);

/* The array "actions" into a rule whose match is complete. */
int flow_json_actions(const json_t *actions, struct flow_rule *rule, struct flow_where *where);

#endif
