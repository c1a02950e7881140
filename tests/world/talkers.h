/* SPDX-License-Identifier: BSD-3-Clause */
/* Stations that talk through a switch under test, each frame with a number of its own. */
#ifndef VSW_TESTS_WORLD_TALKERS_H
#define VSW_TESTS_WORLD_TALKERS_H

#include <stdint.h>

#include "tests/world/switch.h"

/* A number that no frame of this program had yet. */
uint32_t talk_serial(void);

/* A frame from station src to dst arrives at `port`; it leaves as it came, out of just these. */
void say(struct sw *sw, const char *port, uint32_t dst, uint32_t src, const char *out_of) ON_BOTH;

/* A bridge with p1 and p2, who know each other, and what the cases add. */
struct sw *two_talkers(void **state) ROLE_ATTR(assert_capability(role_main))
	ROLE_ATTR(assert_capability(role_worker));

/* And p3, known to both, while no port can have the interface i9. */
struct sw *three_talkers(void **state) ROLE_ATTR(assert_capability(role_main))
	ROLE_ATTR(assert_capability(role_worker));

/* An edit in small steps, with a frame each way between p1 and p2 in each of them. */
void commit_under_traffic(struct sw *sw) ON_BOTH;

/* `op path value`, together with a port of i9, is refused and changes nothing for three talkers. */
void
talkers_refused_with(struct sw *sw, const char *op, const char *path, const char *value) ON_BOTH;

#endif
