/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values of leaves: RFC 7951 JSON in, canonical RFC 7951 JSON out, and sentences that say what
 * would have been right. libyang decides whether a value is valid; the words are ours.
 *
 * Any thread.
 */
#ifndef VSW_SCHEMA_VALUE_H
#define VSW_SCHEMA_VALUE_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "schema/model.h"

/*
 * Check a value for a leaf, or for one entry of a leaf-list. On success *out is a new reference to
 * the canonical value. err->path is left for the caller to fill (it is "" here).
 */
int value_check(const struct lysc_node *leaf, const json_t *in, json_t **out, struct err *err);

/* The same for a value that comes as text, a key in a path; *out is to be freed. */
int value_check_text(const struct lysc_node *leaf, const char *in, char **out, struct err *err);

/* JSON of a canonical text. New reference. */
json_t *value_from_canonical(const struct lysc_node *leaf, const char *text);

/* Canonical text of a canonical value, in buf. Returns buf, or the string inside `value`. */
const char *value_text(const json_t *value, char *buf, size_t size);

#define VALUE_TEXT_SIZE 32 /* holds every value that is not a string */

/* What the leaf takes, e.g. "a number in 68..9702", "one of access, trunk". Returns buf. */
const char *value_describe(const struct lysc_node *leaf, char *buf, size_t size);

#endif
