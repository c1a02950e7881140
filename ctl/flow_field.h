/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What flow_text and flow_json share: the fields by name, how an error says where it is, and the
 * checks that do not depend on the form in which a rule came. Private to ctl/flow_*. Any thread.
 */
#ifndef VSW_CTL_FLOW_FIELD_H
#define VSW_CTL_FLOW_FIELD_H

#include <stddef.h>

#include "base/err.h"
#include "ctl/flow_rule.h"

struct flow_field_info {
	const char *json;
	const char *word;
	enum flow_kind kind;
	unsigned int bits;
	unsigned int flags;
	enum flow_need need;
};

extern const struct flow_field_info flow_fields[FLOW_FIELDS];
extern const char *const flow_action_names[FLOW_ACTION_TYPES];

/* Bytes of the text (or of a JSON string); not terminated. */
struct flow_slice {
	const char *at;
	size_t len;
};

bool flow_slice_is(struct flow_slice slice, const char *word);
bool flow_slice_is_nocase(struct flow_slice slice, const char *word);

/* Where we are, for messages. */
struct flow_where {
	struct err *err;
	const char *text; /* the whole text, for columns; NULL when the rule is JSON */
	const char *name; /* of what is being read */
	bool any_packet; /* no match says which packets these actions meet */
	char path[96]; /* JSON: e.g. match/vlan-id */
};

/*
 * Fill the error and return -errno: "column 7: ..." of `at` in the text, or "PATH: ..." with the
 * path set.
 */
int flow_fail(const struct flow_where *where, const char *at, enum err_kind kind, const char *fmt,
	...) __attribute__((format(printf, 4, 5)));

/* 0, or says which word the match lacks. */
int flow_need_check(const struct flow_rule *rule, enum flow_need need,
	const struct flow_where *where, const char *at);

/*
 * Append to a rule whose match and table are complete; checks what an action needs and its place.
 * The action is copied.
 */
int flow_action_add(struct flow_rule *rule, const struct flow_action *action,
	const struct flow_where *where, const char *at);

/* Make the rule empty: defaults of `op`. Terms and actions are left undefined. */
void flow_rule_init(struct flow_rule *rule, enum flow_op op, bool strict);

/* Copies a port's name, quotes removed; says what is wrong with it. */
int flow_port_scan(const struct flow_where *where, struct flow_slice slice, char *out);

/* A name that means something else in the text form, so that it has to be quoted. */
bool flow_port_reserved(struct flow_slice slice);

#endif
