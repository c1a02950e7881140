/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading the daemon's RFC 7951 data, and naming places in it. One thread, no state.
 */
#ifndef VSW_CTL_CLI_DATA_H
#define VSW_CTL_CLI_DATA_H

#include <jansson.h>
#include <stdint.h>

#include "ctl/cli.h"

#define CLI_PATH_SIZE 512

/*
 * Write /vswitch:vswitch/LIST[name='KEY'] and `tail` (may be ""). A key that no path can hold is
 * refused with CLI_USAGE.
 */
enum cli_status
cli_path(struct cli *cli, char *path, const char *list, const char *key, const char *tail);

/* The container below the root of a document, or the root itself if there is none. Borrowed. */
const json_t *cli_root(const json_t *data);

/* The list `name` of the switch (NULL: absent, thus empty), and its entry with this name. Borrowed.
 */
const json_t *cli_list(const json_t *data, const char *name);
const json_t *cli_entry(const json_t *data, const char *list, const char *key);

/* Member as a string ("" if absent), as a number (RFC 7951: 64-bit ones are strings; 0 if absent).
 */
const char *cli_str(const json_t *object, const char *name);
uint64_t cli_num(const json_t *object, const char *name);

/* Sum of all members: the drops of a port. */
uint64_t cli_sum(const json_t *object);

/* Any value as short text: scalars as they are, arrays with commas. Returns buf. */
const char *cli_text(const json_t *value, char *buf, size_t size);

/*
 * Print an object as "name  value" lines, containers and lists indented below their names. Of drops
 * only those that occurred are shown.
 */
void cli_print_object(struct cli *cli, const json_t *object, unsigned int indent);

#endif
