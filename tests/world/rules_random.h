/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random frames, matches and actions that have to do with each other: few values for each field,
 * and what a rule looks for is taken from a frame that there is.
 */
#ifndef VSW_TESTS_WORLD_RULES_RANDOM_H
#define VSW_TESTS_WORLD_RULES_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/core/match.h"
#include "datapath/pipe/action.h"
#include "tests/world/pipeline_model.h"

#define RANDOM_FRAMES 128
#define RANDOM_STATIONS 8
#define RANDOM_VIDS 4
#define RANDOM_TABLES 6
#define RANDOM_NUMBERS (PIPELINE_PORTS + 2) /* 1 and up; the last is nobody's */

struct random_frame {
	uint32_t len;
	unsigned int station; /* its source, or RANDOM_STATIONS */
	uint8_t bytes[PIPELINE_FRAME];
	struct pkt_offload ol;
	struct fields fields; /* with in_port and regs 0 */
};

/* What rules may do, so that sets of rules differ in more than their values. */
enum random_style {
	STYLE_EDITS = 1U << 0, /* of headers */
	STYLE_TAGS = 1U << 1,
	STYLE_BRIDGE = 1U << 2, /* normal and flood */
	STYLE_GROUPS = 1U << 3,
	STYLE_CUT = 1U << 4, /* outputs of a frame's first bytes */
	STYLE_OFFLOADS = 1U << 5, /* of frames */
	STYLES = 1U << 6,
};

struct rules_random {
	uint64_t state;
	unsigned int style; /* enum random_style */
	/*
	 * Which kinds of fields rules look at, a bit for each. With few, keys leave out most of a
	 * frame, and what is left out is what goes wrong.
	 */
	uint32_t kinds;
	struct random_frame frames[RANDOM_FRAMES];
};

unsigned int random_of(struct rules_random *random, unsigned int n);
bool random_one_in(struct rules_random *random, unsigned int n);

void random_station_mac(unsigned int station, uint8_t *mac);
void random_ip4(struct rules_random *random, uint8_t *addr);
void random_ip6(struct rules_random *random, uint8_t *addr);

/* All frames anew, or one. */
void random_frames(struct rules_random *random);
void random_frame(struct rules_random *random, struct random_frame *frame);

/* What matches look at from now on. */
void random_kinds(struct rules_random *random);

/* Canonical; `acl`: without what an access list does not look at. */
void random_match(struct rules_random *random, bool acl, struct match *match);

/* Of a rule of this table; of a bucket of a group if it is negative. free(3). */
struct action_list *random_actions(struct rules_random *random, int table);

#endif
