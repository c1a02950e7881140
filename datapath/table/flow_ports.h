/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each port holds in a flow cache: its slots from oldest to youngest, and which port holds
 * most for its weight.
 *
 * Links are beside the entries, whose lines are for the packets: 8 bytes a slot. Ports that hold
 * something are in a max-heap by count / weight. That order does not depend on which other ports
 * are there, and a port's share does: capacity * weight / sum of the weights in the heap. When all
 * places are taken and somebody holds less than its share, the top of the heap holds more.
 *
 * All of it is anonymous memory for which zero is the right start.
 *
 * Threads: the owner of the cache; flow_ports_count() is for any thread.
 */
#ifndef VSW_DATAPATH_TABLE_FLOW_PORTS_H
#define VSW_DATAPATH_TABLE_FLOW_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOW_PORTS_MAX 16384U /* ids 0..FLOW_PORTS_MAX-1; DP_PORTS_MAX is the same */
#define FLOW_WEIGHT_MAX 1024U
#define FLOW_NO_SLOT UINT32_MAX

/* Slots in here are numbered from 1, so that 0 is "none". */
struct flow_link {
	uint32_t next; /* younger */
	uint32_t prev;
};

struct flow_port {
	uint32_t head; /* oldest */
	uint32_t tail;
	uint32_t n; /* also read by others, relaxed */
	uint32_t heap_pos; /* from 1; 0: holds none */
	uint32_t weight_less_one; /* so that the zero of a new page is weight 1 */
};

struct flow_ports {
	struct flow_port *ports; /* by id */
	uint32_t *heap; /* ids; heap[1] is the top, heap[0] is not used */
	uint32_t n_heap;
	uint64_t weights; /* sum over the heap */
	struct flow_link *links; /* by slot */
	uint32_t n_slots;
};

/* -ENOMEM or 0. */
int flow_ports_init(struct flow_ports *fp, uint32_t n_slots);
void flow_ports_fini(struct flow_ports *fp);

/* The slot is in no list, and becomes the port's youngest. */
void flow_ports_add(struct flow_ports *fp, uint32_t port, uint32_t slot);
void flow_ports_del(struct flow_ports *fp, uint32_t port, uint32_t slot);

/* The oldest, or FLOW_NO_SLOT. Rotate: the oldest becomes the youngest. */
uint32_t flow_ports_oldest(const struct flow_ports *fp, uint32_t port);
void flow_ports_rotate(struct flow_ports *fp, uint32_t port);

/* Who holds most for its weight; somebody holds something. */
uint32_t flow_ports_top(const struct flow_ports *fp);

/* 1..FLOW_WEIGHT_MAX. */
void flow_ports_set_weight(struct flow_ports *fp, uint32_t port, uint32_t weight);

/* Slots that are the port's by right, if it were there and `capacity` were to be divided. */
uint32_t flow_ports_share(const struct flow_ports *fp, uint32_t port, uint32_t capacity);

uint32_t flow_ports_count(const struct flow_ports *fp, uint32_t port);

#endif
