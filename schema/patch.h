/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How one version of a JSON object differs from another, so that either can be had from the other:
 * what the record of a revision has of an entry whose long lists have changed in few places.
 *
 *	{name: [before, after], ...}     a member that is another; null where there is none
 *	{name: {"of": patch}, ...}       an object that has changed
 *	{name: {"at": [[index, [before...], [after...]], ...]}, ...}
 *	                                 an array: from `index` of the one before on, these gave way
 *	                                 to those; by rising index
 *
 * Made for objects without null among their members. What both have in common by identity costs
 * next to nothing. Any thread.
 */
#ifndef VSW_SCHEMA_PATCH_H
#define VSW_SCHEMA_PATCH_H

#include <jansson.h>
#include <stdbool.h>

#define PATCH_LIST_MIN 64 /* a list of so many entries is worth one */

/* Whether an entry is one that is better told by a patch: it has a long list. */
bool patch_pays(const json_t *object);

/* New reference. */
json_t *patch_make(const json_t *before, const json_t *after);

enum patch_way { PATCH_FORWARD, PATCH_BACKWARD };

/* The other version; new reference, it shares what is the same. NULL: the patch is not of this
 * object, or no patch. */
json_t *patch_apply(const json_t *object, const json_t *patch, enum patch_way way);

#endif
