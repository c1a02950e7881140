/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers of ports: what rules call a port that users call by name.
 *
 * A device may come and go, and a rule may be there before or after it; so a number belongs to a
 * name, not to a device. It is the name's as long as somebody holds it (the configured port, a
 * group's bucket) or a rule refers to it. After that it stays until it is needed for another name:
 * first all numbers are given out once, then the one that has been idle longest is taken, if `used`
 * says that no rule refers to it. So a port that comes back soon has its old number, and nobody
 * has to count references from rules that time out.
 *
 * Main only. Memory: about 150 bytes a name, for at most DP_NUMBERS_MAX - 1 names.
 */
#ifndef VSW_VSWITCHD_PORT_NUMBERS_H
#define VSW_VSWITCHD_PORT_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"
#include "base/role.h"
#include "vswitchd/name_map.h"

struct port_number;
TAILQ_HEAD(port_number_list, port_number);

struct port_numbers {
	/* Does a rule refer to the number? NULL: there are no rules. */
	bool (*used)(void *arg, uint16_t number);
	void *arg;
	struct name_map names; /* to struct port_number */
	struct port_number **entries; /* by number, DP_NUMBERS_MAX; NULL until one is taken */
	struct port_number_list idle; /* that nobody holds, longest idle first */
	uint32_t n; /* numbers 1..n were given out */
};

void port_numbers_init(struct port_numbers *numbers) ON_MAIN;
void port_numbers_fini(struct port_numbers *numbers) ON_MAIN;

/*
 * Hold the name's number; it gets one if it has none. 0: all are in use, nothing is held. The name
 * is shorter than PORT_NAME_SIZE.
 */
uint16_t port_numbers_take(struct port_numbers *numbers, const char *name) ON_MAIN;

/* Hold a number that is some name's once more; give back one hold (0: nothing happens). */
void port_numbers_hold(struct port_numbers *numbers, uint16_t number) ON_MAIN;
void port_numbers_put(struct port_numbers *numbers, uint16_t number) ON_MAIN;

/* 0: the name has none. NULL: the number is nobody's. */
uint16_t port_numbers_find(const struct port_numbers *numbers, const char *name) ON_MAIN;
const char *port_numbers_name(const struct port_numbers *numbers, uint16_t number) ON_MAIN;

/*
 * How rules that are read or told come from names to numbers and back: which ports they may name
 * depends on who asks.
 */
struct port_namer {
	/* 0: not a port that the rule may name; the error is filled, but for its path. */
	uint16_t (*number)(void *arg, const char *name, struct err *err);
	const char *(*name)(void *arg, uint16_t number); /* NULL: nobody's */
	void *arg;
};

/* 0 with *number, or -errno with the error's path set. */
int port_namer_get(const struct port_namer *namer, const char *name, const char *path,
	uint16_t *number, struct err *err) ON_MAIN;

#endif
