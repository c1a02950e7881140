/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two ports that speak to each other while a test with threads changes everything around them. They
 * number their frames: none may be lost, and each comes in order. Others speak as well, but only so
 * much that an innocent's ring has room for all of it; what they lose is their own business.
 */
#ifndef VSW_TESTS_WORLD_INNOCENTS_H
#define VSW_TESTS_WORLD_INNOCENTS_H

#include <stdint.h>

#include "datapath/dp/dp.h"

#define FRAME_LEN 64 /* bytes of all that is sent */
#define STRANGER 100 /* stations from here on are others */

struct innocent {
	struct dp_port *port;
	uint8_t station;
	uint32_t next_out; /* number of its next frame */
	uint32_t next_in; /* number of the next one that it must hear */
	uint32_t mark; /* of next_out when the others' budget was filled last */
};

struct innocents {
	struct innocent one[2];
	uint32_t n_flows; /* 1 to 256 */
	unsigned int budget; /* frames that others may send now */
	uint64_t random; /* of the whole test */
};

/* Opens their ports, with two queues each, and prints the seed; the caller sets the forwarding.
 * Their frames go to 02:00:00:00:<below n_flows, at random>:<station>. */
void innocents_start(struct innocents *both, struct dp *dp, uint32_t n_flows) ON_MAIN;

/* Sends what may be on its way, and lets others send when their last frames are through. */
void innocents_talk(struct innocents *both) ON_MAIN;

/* Publishes, steps main, and hears what has come: fails when a frame is missing. Returns the time.
 */
uint64_t innocents_step(struct innocents *both, struct dp *dp) ON_MAIN;

/* Steps until all has come that they sent; fails, with the reasons of drops, when it does not. */
void innocents_hear_the_rest(struct innocents *both, struct dp *dp) ON_MAIN;

/* A port of the type fake; fails instead of returning NULL. */
struct dp_port *stress_port(struct dp *dp, const char *name, uint16_t queues) ON_MAIN;

/* Takes what was sent to this port and sends a frame, never from an innocent's address, as long as
 * the budget lasts. */
void stranger_talk(struct innocents *both, struct dp_port *port) ON_MAIN;

/* A frame with a number. Station 0xff: to all. */
void stress_frame(uint8_t *bytes, uint8_t dst, uint8_t src, uint32_t number);

#endif
