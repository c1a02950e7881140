/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Instance identifiers, RFC 7951 section 6.11, read against the schema:
 *
 *	/vswitch:vswitch/bridge[name='br0']/static-mac[mac='52:54:00:00:00:01'][vlan='0']/port
 *	/vswitch:vswitch/port[name='vm1']/trunk[.='10']
 *
 * The module's name may be left out everywhere, keys may stand in any order, and a list or
 * leaf-list may end the path without keys; whether that makes sense is for the caller to say. Key
 * values are checked and kept in canonical form.
 *
 * Own code and not libyang's path functions, because what a person mistypes here must come back as
 * a sentence with a suggestion. Any thread.
 */
#ifndef VSW_SCHEMA_PATH_H
#define VSW_SCHEMA_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "schema/model.h"

#define PATH_STEPS_MAX 8 /* the schema is not deeper */
#define PATH_KEYS_MAX 4
#define PATH_TEXT_MAX (ERR_PATH_SIZE - 1) /* bytes of a path that is read; errors show it whole */

struct path_step {
	const struct lysc_node *node;
	bool keyed; /* a list entry or leaf-list entry, not the whole list */
	size_t n_keys; /* of a list entry */
	char *keys[PATH_KEYS_MAX]; /* canonical, in the schema's order */
	char *value; /* of a leaf-list entry */
};

struct path {
	size_t n_steps; /* 0 is "/", the document */
	struct path_step steps[PATH_STEPS_MAX];
};

/* Parse; on error *out is empty and err->path is `text`. path_fini when done. */
int path_parse(const struct model *model, const char *text, struct path *out, struct err *err);
void path_fini(struct path *path);

/* The first n steps in canonical form, cut if buf is too small. Returns buf. */
const char *path_print(const struct path *path, size_t n, char *buf, size_t size);

/* Append "[name='value']", in the quotes that the value does not contain. */
void path_append_key(char *buf, size_t size, const char *name, const char *value);

/* The last step; NULL for "/". */
static inline const struct path_step *
path_last(const struct path *path)
{
	return path->n_steps == 0 ? NULL : &path->steps[path->n_steps - 1];
}

#endif
