/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that agree in the bits of their port's key must come to the same program: what one of them
 * has left in the flow cache is what the others get.
 *
 * Some bridges with rules and policy that lean on what keys have to be careful with: tags that come
 * and go before a later table looks, hop limits, fields that actions write, ranges, headers out of
 * reach. No packet moves: keys are made and programs worked out as a worker does it.
 *
 * Main, with no worker threads.
 */
#ifndef VSW_TESTS_WORLD_KEY_CHECK_H
#define VSW_TESTS_WORLD_KEY_CHECK_H

#include <stdint.h>

#include "base/role.h"

#define KEY_CHECK_PORTS 4 /* of each bridge */
#define KEY_CHECK_FRAME_MAX 600U

struct key_check;

/* Ends the process when something cannot be made. */
struct key_check *key_check_create(void) ON_MAIN ON_WORKER;
void key_check_destroy(struct key_check *check) ON_MAIN;

unsigned int key_check_bridges(void);

/*
 * Two frames, of 14 to KEY_CHECK_FRAME_MAX bytes, to a port of a bridge. 0: their keys differ; 1:
 * they agree, and so do the programs; -1: a flow of the one would treat the other wrongly.
 */
int key_check_frames(struct key_check *check, unsigned int bridge, unsigned int port,
	const uint8_t *a, uint32_t len_a, const uint8_t *b, uint32_t len_b) ON_MAIN ON_WORKER;

#endif
