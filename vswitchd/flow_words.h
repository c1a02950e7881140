/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the datapath knows of flows, in the words of rules (ctl/flow_text.h): for people, and for
 * `trace` and `flow-cache`. Ports go by name; one that has gone is "port-N", N its id or number.
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_FLOW_WORDS_H
#define VSW_VSWITCHD_FLOW_WORDS_H

#include <jansson.h>

#include "datapath/core/match.h"
#include "datapath/pipe/action.h"
#include "datapath/table/rules.h"
#include "vswitchd/world.h"

/* All of this returns new references. */

/* All that there is in a frame: "dl_src=...,dl_dst=...,tcp,nw_src=...". in_port is left out. */
json_t *flow_words_fields(const struct world *world, const struct fields *fields) ON_MAIN;

/* A value under a mask of any bits; "" when the mask has none. */
json_t *flow_words_masked(
	const struct world *world, const struct fields *value, const struct fields *mask) ON_MAIN;

/* The match of a rule. */
json_t *flow_words_match(const struct world *world, const struct rule *rule) ON_MAIN;

/* One action of a rule or of a bucket: "output:vm2". */
json_t *flow_words_action(const struct world *world, const struct action *action) ON_MAIN;

/* The actions of a program, in which ports are ids: "output:vm2", "deliver:vm2", "flood(vlan=10)",
 * "drop:acl-denied". */
json_t *flow_words_program(const struct world *world, const struct program *program) ON_MAIN;

/* The name of a port by id. */
json_t *flow_words_port(const struct world *world, uint32_t id) ON_MAIN;

#endif
