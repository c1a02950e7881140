/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What YANG's types do not say: which leaves of one entry go together.
 *
 * A port type takes the leaves of its row and no other type's; a VLAN mode needs or excludes VLAN
 * leaves. In tables here rather than in the schema as must and when, because the message can then
 * name the remedy. Any thread.
 */
#ifndef VSW_SCHEMA_RULES_H
#define VSW_SCHEMA_RULES_H

#include <jansson.h>

#include "base/err.h"

/* Check the entry of a top-level list ("port", ...); `path` is its instance path. */
int rules_check(const char *list, const char *path, const json_t *entry, struct err *err);

/* The VLAN mode in effect: the leaf, or what `vlan` and `trunk` imply without it. */
const char *rules_vlan_mode(const json_t *port);

#endif
