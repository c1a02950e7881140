/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the command line knows of the schema: which leaves there are and how their values look in
 * JSON, so that mtu=9000 travels as a number and trunk=10,20-30 as an array of strings (RFC 7951).
 * Help and completion come from the same table.
 *
 * It is not the schema. A key that is not here is sent as a string, and what a value may be is left
 * to the daemon, whose refusals are better than anything that could be said here. A lint compares
 * the names with vswitch.yang. One thread, no state.
 */
#ifndef VSW_CTL_CLI_LEAF_H
#define VSW_CTL_CLI_LEAF_H

#include <jansson.h>
#include <stdbool.h>

#include "ctl/cli.h"

enum cli_leaf_kind {
	CLI_LEAF_STRING,
	CLI_LEAF_NUMBER,
	CLI_LEAF_BOOL,
	CLI_LEAF_LIST,
	CLI_LEAF_NUMBERS
};

struct cli_leaf {
	const char *name; /* NULL ends the table */
	enum cli_word word;
	enum cli_leaf_kind kind;
	const char *value; /* what to call it in help */
	const char *values; /* completions, separated by spaces; NULL: none known */
	const char *types; /* port types that have it; NULL: all */
	const char *help;
};

extern const struct cli_leaf cli_leaves[];

/* True if arguments of this kind are key=value. */
bool cli_leaf_word(enum cli_word word);

/* The leaf, or NULL. `len` is the length of the name. */
const struct cli_leaf *cli_leaf_find(enum cli_word word, const char *name, size_t len);

/* The JSON of a value as typed on the command line; new reference, NULL if it is not UTF-8. */
json_t *cli_leaf_value(const struct cli_leaf *leaf, const char *text);

/*
 * Take key=value arguments apart. Values go into `values` (an object), keys with an empty value
 * into `removed` (an array of strings; NULL: empty values are refused). Says what is wrong.
 */
enum cli_status cli_leaf_parse(struct cli *cli, enum cli_word word, char **args, size_t n,
	json_t *values, json_t *removed);

#endif
