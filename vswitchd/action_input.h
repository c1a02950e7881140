/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading the input of actions: each action names all members it knows, anything else is refused.
 * -errno with *err filled, its path the member's name. Main only.
 */
#ifndef VSW_VSWITCHD_ACTION_INPUT_H
#define VSW_VSWITCHD_ACTION_INPUT_H

#include <jansson.h>
#include <stdint.h>

#include "vswitchd/world.h"

/* `names` ends with NULL. */
int input_only(const json_t *input, const char *const *names, struct err *err);

/* Must be there; borrowed. */
int input_string(const json_t *input, const char *name, const char **out, struct err *err);

/* NULL if it is not there. */
int input_string_or(const json_t *input, const char *name, const char **out, struct err *err);

int input_number(const json_t *input, const char *name, json_int_t min, json_int_t max,
	json_int_t fallback, json_int_t *out, struct err *err);

/* Pairs of hex digits, of a member called "frame". */
int input_hex(const char *text, uint8_t *bytes, size_t size, uint32_t *len, struct err *err);

/* Malloc'd hex digits. */
char *output_hex(const uint8_t *bytes, uint32_t len);

int input_port(const struct world *world, const char *name, struct world_port **out,
	struct err *err) ON_MAIN;
int input_bridge(const struct world *world, const char *name, struct world_bridge **out,
	struct err *err) ON_MAIN;

#endif
