/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/table/flow_ports.h"

#include <assert.h>
#include <errno.h>

#include "datapath/table/pages.h"

#define PORTS_SIZE (FLOW_PORTS_MAX * sizeof(struct flow_port))
#define HEAP_SIZE ((FLOW_PORTS_MAX + 1) * sizeof(uint32_t))

int
flow_ports_init(struct flow_ports *fp, uint32_t n_slots)
{
	*fp = (struct flow_ports){
		.ports = pages_alloc(PORTS_SIZE),
		.heap = pages_alloc(HEAP_SIZE),
		.links = pages_alloc(n_slots * sizeof(struct flow_link)),
		.n_slots = n_slots,
	};
	if (fp->ports == NULL || fp->heap == NULL || fp->links == NULL) {
		flow_ports_fini(fp);
		return -ENOMEM;
	}
	return 0;
}

void
flow_ports_fini(struct flow_ports *fp)
{
	pages_free(fp->ports, PORTS_SIZE);
	pages_free(fp->heap, HEAP_SIZE);
	pages_free(fp->links, fp->n_slots * sizeof(struct flow_link));
	*fp = (struct flow_ports){0};
}

/* --- heap ----------------------------------------------------------------------------------- */

static uint32_t
weight_of(const struct flow_port *port)
{
	return port->weight_less_one + 1;
}

/* Whether `a` holds more for its weight than `b`. */
static bool
holds_more(const struct flow_ports *fp, uint32_t a, uint32_t b)
{
	const struct flow_port *pa = &fp->ports[a];
	const struct flow_port *pb = &fp->ports[b];

	return (uint64_t)pa->n * weight_of(pb) > (uint64_t)pb->n * weight_of(pa);
}

static void
heap_place(struct flow_ports *fp, uint32_t pos, uint32_t port)
{
	fp->heap[pos] = port;
	fp->ports[port].heap_pos = pos;
}

/* The port at `pos` may hold more than before, or less. */
static void
heap_sift(struct flow_ports *fp, uint32_t pos)
{
	uint32_t port = fp->heap[pos];

	while (pos > 1 && holds_more(fp, port, fp->heap[pos / 2])) {
		heap_place(fp, pos, fp->heap[pos / 2]);
		pos /= 2;
	}
	for (;;) {
		uint32_t child = pos * 2;

		if (child < fp->n_heap && holds_more(fp, fp->heap[child + 1], fp->heap[child])) {
			child++;
		}
		if (child > fp->n_heap || !holds_more(fp, fp->heap[child], port)) {
			break;
		}
		heap_place(fp, pos, fp->heap[child]);
		pos = child;
	}
	heap_place(fp, pos, port);
}

static void
heap_update(struct flow_ports *fp, uint32_t id)
{
	struct flow_port *port = &fp->ports[id];

	if (port->n > 0 && port->heap_pos == 0) {
		heap_place(fp, ++fp->n_heap, id);
		fp->weights += weight_of(port);
	}
	if (port->n > 0) {
		heap_sift(fp, port->heap_pos);
	} else if (port->heap_pos > 0) {
		uint32_t pos = port->heap_pos;
		uint32_t last = fp->heap[fp->n_heap--];

		port->heap_pos = 0;
		fp->weights -= weight_of(port);
		if (last != id) {
			heap_place(fp, pos, last);
			heap_sift(fp, pos);
		}
	}
}

uint32_t
flow_ports_top(const struct flow_ports *fp)
{
	assert(fp->n_heap > 0);
	return fp->heap[1];
}

/* --- lists ---------------------------------------------------------------------------------- */

static void
list_append(struct flow_ports *fp, struct flow_port *port, uint32_t number)
{
	fp->links[number - 1] = (struct flow_link){.next = 0, .prev = port->tail};
	if (port->tail != 0) {
		fp->links[port->tail - 1].next = number;
	} else {
		port->head = number;
	}
	port->tail = number;
}

static void
list_remove(struct flow_ports *fp, struct flow_port *port, uint32_t number)
{
	struct flow_link link = fp->links[number - 1];

	if (link.prev != 0) {
		assert(fp->links[link.prev - 1].next == number);
		fp->links[link.prev - 1].next = link.next;
	} else {
		assert(port->head == number);
		port->head = link.next;
	}
	if (link.next != 0) {
		assert(fp->links[link.next - 1].prev == number);
		fp->links[link.next - 1].prev = link.prev;
	} else {
		assert(port->tail == number);
		port->tail = link.prev;
	}
}

static void
set_count(struct flow_ports *fp, uint32_t id, uint32_t n)
{
	__atomic_store_n(&fp->ports[id].n, n, __ATOMIC_RELAXED);
	heap_update(fp, id);
}

void
flow_ports_add(struct flow_ports *fp, uint32_t port, uint32_t slot)
{
	assert(port < FLOW_PORTS_MAX && slot < fp->n_slots);
	list_append(fp, &fp->ports[port], slot + 1);
	set_count(fp, port, fp->ports[port].n + 1);
}

void
flow_ports_del(struct flow_ports *fp, uint32_t port, uint32_t slot)
{
	assert(port < FLOW_PORTS_MAX && slot < fp->n_slots && fp->ports[port].n > 0);
	list_remove(fp, &fp->ports[port], slot + 1);
	set_count(fp, port, fp->ports[port].n - 1);
}

uint32_t
flow_ports_oldest(const struct flow_ports *fp, uint32_t port)
{
	assert(port < FLOW_PORTS_MAX);
	return fp->ports[port].head - 1; /* 0 is none, and becomes FLOW_NO_SLOT */
}

void
flow_ports_rotate(struct flow_ports *fp, uint32_t port)
{
	struct flow_port *p = &fp->ports[port];
	uint32_t number = p->head;

	assert(number != 0);
	list_remove(fp, p, number);
	list_append(fp, p, number);
}

/* --- shares --------------------------------------------------------------------------------- */

void
flow_ports_set_weight(struct flow_ports *fp, uint32_t port, uint32_t weight)
{
	struct flow_port *p = &fp->ports[port];

	assert(port < FLOW_PORTS_MAX && weight >= 1 && weight <= FLOW_WEIGHT_MAX);
	if (p->heap_pos > 0) {
		fp->weights += weight;
		fp->weights -= weight_of(p);
	}
	p->weight_less_one = weight - 1;
	heap_update(fp, port);
}

uint32_t
flow_ports_share(const struct flow_ports *fp, uint32_t port, uint32_t capacity)
{
	const struct flow_port *p = &fp->ports[port];
	uint64_t weights = fp->weights + (p->heap_pos == 0 ? weight_of(p) : 0);

	assert(port < FLOW_PORTS_MAX);
	/* Rounded up: the shares of all leave none over, and none is 0. */
	return (uint32_t)(((uint64_t)capacity * weight_of(p) + weights - 1) / weights);
}

uint32_t
flow_ports_count(const struct flow_ports *fp, uint32_t port)
{
	assert(port < FLOW_PORTS_MAX);
	return __atomic_load_n(&fp->ports[port].n, __ATOMIC_RELAXED);
}
