/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parser against the naive one. The head always ends where readable memory does, so that
 * reading behind it ends the test.
 */
#ifndef VSW_DATAPATH_CORE_PARSE_TEST_CHECK_H
#define VSW_DATAPATH_CORE_PARSE_TEST_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/core/parse.h"
#include "datapath/core/parse_test_frames.h"

extern uint64_t parse_check_seed; /* of this run, printed when something differs */

/* The set-up of a group of tests. */
int parse_check_start(void **state);

/* Parse in all ways; fails if one differs, else returns the parse at the greatest depth. */
struct parsed parse_check(const uint8_t *bytes, uint32_t head_len, uint32_t frame_len);

/* The same, also with all that can be cut off: of the head, of the frame, of both. */
struct parsed parse_check_all(const struct frame *frame);

bool parse_offsets_equal(const struct parsed *a, const struct parsed *b);

/* Fail, and show the frame. */
void parse_differ(
	const uint8_t *bytes, uint32_t head_len, uint32_t frame_len, int depth, const char *what);

/* Frames so far that parse_usual() took. */
unsigned int parse_check_usual(void);

#endif
