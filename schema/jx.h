/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * jansson with one difference: memory that is exhausted aborts, as str_dup does, so that callers
 * need not check each of the many small allocations of a document.
 *
 * "take" in a comment means that the callee owns the reference afterwards. Any thread; a json_t is
 * used by one thread at a time.
 */
#ifndef VSW_SCHEMA_JX_H
#define VSW_SCHEMA_JX_H

#include <jansson.h>
#include <stddef.h>

json_t *jx_object(void);
json_t *jx_array(void);
json_t *jx_string(const char *text); /* valid UTF-8 */
json_t *jx_integer(json_int_t value);
json_t *jx_copy(const json_t *json); /* deep */

/* Take `value` into the object under `name`, replacing what is there. */
void jx_set(json_t *object, const char *name, json_t *value);

/* Take `value` into the array, at its end or before `index`. */
void jx_append(json_t *array, json_t *value);
void jx_insert(json_t *array, size_t index, json_t *value);

/* The member as an object, made when it is not there, one's own when it is. Borrowed. */
json_t *jx_sub_object(json_t *object, const char *name);

/*
 * Copies that share. jx_copy_top copies a value with references to what it has; a member or element
 * of a value that nobody else has is made one's own before it is written to, its own members shared
 * again. NULL if there is none. Borrowed.
 */
json_t *jx_copy_top(const json_t *json);
json_t *jx_own_member(json_t *object, const char *name);
json_t *jx_own_element(json_t *array, size_t index);

/*
 * Write the value as JSON into buf, for messages: cut with "..." when longer than about 60 bytes,
 * never within a character. Returns buf.
 */
const char *jx_show(const json_t *value, char *buf, size_t size);

#define JX_SHOW_SIZE 96

#endif
