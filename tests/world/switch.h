/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole switch in a test: datastore, world and datapath, main and workers stepped on one thread,
 * with fake ports and a clock of its own. No EAL, no root; several can live side by side.
 *
 * A test edits by JSON, sends frames and says what must come out. Each switch_settle() also checks
 * that nothing is lost without a name: what was injected was received, what was collected was sent,
 * and received = dropped on receive + forwarded, forwarded + extra copies = sent + dropped on
 * transmit, to the packet.
 */
#ifndef VSW_TESTS_WORLD_SWITCH_H
#define VSW_TESTS_WORLD_SWITCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "tests/world/frame.h"
#include "vswitchd/world.h"

#define SWITCH_PORTS 64
#define ON_BOTH ON_MAIN ON_WORKER

/* What a test knows of a port's traffic since it came, or since clear-counters. */
struct tally {
	char port[PORT_NAME_SIZE]; /* "" ends the list */
	uint64_t injected;
	uint64_t collected;
	struct port_counters last; /* never goes down */
};

struct got {
	char port[PORT_NAME_SIZE];
	uint16_t queue;
	uint32_t len;
	struct pkt_offload ol;
	uint8_t *bytes;
};

struct sw {
	struct dp *dp;
	struct world world;
	struct datastore *ds;
	uint64_t now;
	uint64_t random; /* order in which workers step */
	/* the edit being put together, and the last one's outcome */
	json_t *edits;
	bool done;
	int rc;
	struct err err;
	/* frames that came out since the last switch_expect_nothing */
	struct got *got;
	size_t n_got;
	json_t *punts; /* events of packets that were punted and sampled, bridge included */
	json_t *macs; /* those of MAC addresses, once dp_tell_macs was called */
	struct tally tally[SWITCH_PORTS];
	uint64_t extra; /* copies beyond the first of each frame, at the last settle */
	uint64_t sum_in; /* received - dropped on receive, at the last settle */
	uint64_t sum_out; /* sent + dropped on transmit */
};

void switch_create(struct sw *sw, unsigned int n_workers, const char *file) ON_MAIN;
void switch_destroy(struct sw *sw) ON_MAIN;

/* cmocka's setup and teardown: one worker; switch_of() gives the test its switch. */
int switch_setup(void **state);
int switch_teardown(void **state);
struct sw *switch_of(void **state) ROLE_ATTR(assert_capability(role_main))
	ROLE_ATTR(assert_capability(role_worker));

#define SWITCH_CASE(f) cmocka_unit_test_setup_teardown(f, switch_setup, switch_teardown)

/* --- edits ----------------------------------------------------------------------------------- */

/* Add an operation to the next edit. `path` is below /vswitch:vswitch/, `value` is JSON with '
 * for ", or NULL. */
void switch_op(struct sw *sw, const char *op, const char *path, const char *value);

/* The edit in one transaction; steps until it has ended. 0 or -errno, with sw->err. */
int switch_commit(struct sw *sw) ON_BOTH;

/* The same without stepping: sw->done tells. */
void switch_begin(struct sw *sw) ON_BOTH;

/* One operation that must succeed: "create", "port[name='a']", ... */
void switch_do(struct sw *sw, const char *op, const char *path, const char *value) ON_BOTH;

/* One that must be refused: the error names the path `at` (as `path`) and says these words. */
void switch_refuses(struct sw *sw, const char *op, const char *path, const char *value,
	const char *at, const char *says) ON_BOTH;

/* A bridge br0, and `n` fake ports p1..pn in it; `leaves` (JSON members, or "") goes into each. */
void switch_ports(struct sw *sw, unsigned int n, const char *leaves) ON_BOTH;

/* Integer or counter of a state leaf: "port[name='a']", "statistics/drops/runt". */
uint64_t switch_number(struct sw *sw, const char *entry, const char *leaf) ON_MAIN;

/* String leaf, copied into a buffer that the next call overwrites; "" if it is not there. */
const char *switch_text(struct sw *sw, const char *entry, const char *leaf) ON_MAIN;

/* Drops of a port by reason. */
uint64_t switch_drops(struct sw *sw, const char *port, enum drop_reason reason) ON_MAIN;

/* One of the schema's rpcs, which must succeed; `input` as switch_op's value. Number `leaf` of its
 * output, 0 for NULL. */
uint64_t
switch_action(struct sw *sw, const char *name, const char *input, const char *leaf) ON_MAIN;

/* --- traffic --------------------------------------------------------------------------------- */

struct port *switch_device(const struct sw *sw, const char *port) ON_MAIN;

/* Put a frame on queue 0 (or another) without stepping. */
void switch_inject(struct sw *sw, const char *port, const struct frame *frame) ON_MAIN;
void switch_inject_queue(
	struct sw *sw, const char *port, uint16_t queue, const struct frame *frame) ON_MAIN;

/* All workers once, in random order, then main. Packets moved. */
uint32_t switch_step(struct sw *sw) ON_BOTH;

/* Step until nothing moves, collect, check the books. */
void switch_settle(struct sw *sw) ON_BOTH;

/* Let time pass, in steps as main would take them. */
void switch_sleep(struct sw *sw, uint64_t ns) ON_BOTH;

/* Inject and settle. */
void switch_send(struct sw *sw, const char *port, const struct frame *frame) ON_BOTH;

/* The next frame that came out of this port is this one, byte for byte. */
void switch_expect(struct sw *sw, const char *port, const struct frame *frame);
void switch_expect_nothing(struct sw *sw);

/* Send, and the frame comes out unchanged of exactly these ports (separated by blanks). */
void switch_through(
	struct sw *sw, const char *from, const struct frame *frame, const char *ports) ON_BOTH;

#endif
