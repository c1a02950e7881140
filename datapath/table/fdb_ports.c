/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/table/fdb_ports.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>

#include "datapath/table/fdb.h"
#include "datapath/table/pages.h"

static_assert(sizeof(struct fdb_link) == 8, "what a slot costs beside its 16 hot bytes");

/* The heap has an unused place 0, and no port has id 0: FDB_PORTS_MAX places hold all. */
#define PORTS_SIZE (FDB_PORTS_MAX * sizeof(struct fdb_port))
#define HEAP_SIZE (FDB_PORTS_MAX * sizeof(uint32_t))

/* --- lists ---------------------------------------------------------------------------------- */

static void
list_append(struct fdb_list *list, struct fdb_link *links, uint32_t slot)
{
	uint32_t number = slot + 1;

	links[slot] = (struct fdb_link){.next = 0, .prev = list->tail};
	if (list->tail != 0) {
		links[list->tail - 1].next = number;
	} else {
		list->head = number;
	}
	list->tail = number;
}

static void
list_remove(struct fdb_list *list, struct fdb_link *links, uint32_t slot)
{
	struct fdb_link link = links[slot];

	if (link.prev != 0) {
		assert(links[link.prev - 1].next == slot + 1);
		links[link.prev - 1].next = link.next;
	} else {
		assert(list->head == slot + 1);
		list->head = link.next;
	}
	if (link.next != 0) {
		assert(links[link.next - 1].prev == slot + 1);
		links[link.next - 1].prev = link.prev;
	} else {
		assert(list->tail == slot + 1);
		list->tail = link.prev;
	}
}

/* --- heap ----------------------------------------------------------------------------------- */

static void
heap_place(struct fdb_ports *fp, uint32_t pos, uint32_t port)
{
	fp->heap[pos] = port;
	fp->ports[port].heap_pos = pos;
}

static void
heap_sift_up(struct fdb_ports *fp, uint32_t pos)
{
	uint32_t port = fp->heap[pos];
	uint32_t n = fp->ports[port].n_dynamic;

	while (pos > 1 && fp->ports[fp->heap[pos / 2]].n_dynamic < n) {
		heap_place(fp, pos, fp->heap[pos / 2]);
		pos /= 2;
	}
	heap_place(fp, pos, port);
}

static void
heap_sift_down(struct fdb_ports *fp, uint32_t pos)
{
	uint32_t port = fp->heap[pos];
	uint32_t n = fp->ports[port].n_dynamic;

	for (;;) {
		uint32_t child = pos * 2;

		if (child < fp->n_heap &&
			fp->ports[fp->heap[child]].n_dynamic <
				fp->ports[fp->heap[child + 1]].n_dynamic) {
			child++;
		}
		if (child > fp->n_heap || fp->ports[fp->heap[child]].n_dynamic <= n) {
			break;
		}
		heap_place(fp, pos, fp->heap[child]);
		pos = child;
	}
	heap_place(fp, pos, port);
}

/* The port at `pos` held its last entry, so none below it holds more than one: nothing sinks. */
static void
heap_remove(struct fdb_ports *fp, uint32_t pos)
{
	uint32_t last = fp->heap[fp->n_heap--];

	fp->ports[fp->heap[pos]].heap_pos = 0;
	if (pos <= fp->n_heap) {
		heap_place(fp, pos, last);
		heap_sift_up(fp, pos);
	}
}

static void
count_set(struct fdb_port *port, uint32_t n)
{
	__atomic_store_n(&port->n_dynamic, n, __ATOMIC_RELAXED);
}

/* --- public --------------------------------------------------------------------------------- */

int
fdb_ports_init(struct fdb_ports *fp, uint32_t n_slots)
{
	*fp = (struct fdb_ports){.n_slots = n_slots};
	fp->ports = pages_alloc(PORTS_SIZE);
	fp->heap = pages_alloc(HEAP_SIZE);
	fp->links = pages_alloc(n_slots * sizeof(struct fdb_link));
	if (fp->ports == NULL || fp->heap == NULL || fp->links == NULL) {
		fdb_ports_fini(fp);
		return -ENOMEM;
	}
	return 0;
}

void
fdb_ports_fini(struct fdb_ports *fp)
{
	pages_free(fp->links, fp->n_slots * sizeof(struct fdb_link));
	pages_free(fp->heap, HEAP_SIZE);
	pages_free(fp->ports, PORTS_SIZE);
	*fp = (struct fdb_ports){0};
}

void
fdb_ports_add(struct fdb_ports *fp, uint32_t port, uint32_t slot)
{
	assert(port > 0 && port < FDB_PORTS_MAX && slot < fp->n_slots);

	struct fdb_port *p = &fp->ports[port];

	list_append(&p->dynamic, fp->links, slot);
	count_set(p, p->n_dynamic + 1);
	if (p->heap_pos == 0) {
		assert(p->n_dynamic == 1 && fp->n_heap < FDB_PORTS_MAX - 1);
		heap_place(fp, ++fp->n_heap, port);
	}
	heap_sift_up(fp, p->heap_pos);
}

void
fdb_ports_del(struct fdb_ports *fp, uint32_t port, uint32_t slot)
{
	assert(port > 0 && port < FDB_PORTS_MAX && slot < fp->n_slots);

	struct fdb_port *p = &fp->ports[port];

	assert(p->n_dynamic > 0 && fp->heap[p->heap_pos] == port);
	list_remove(&p->dynamic, fp->links, slot);
	count_set(p, p->n_dynamic - 1);
	if (p->n_dynamic == 0) {
		heap_remove(fp, p->heap_pos);
	} else {
		heap_sift_down(fp, p->heap_pos);
	}
}

void
fdb_ports_add_static(struct fdb_ports *fp, uint32_t port, uint32_t slot)
{
	assert(port > 0 && port < FDB_PORTS_MAX && slot < fp->n_slots);
	list_append(&fp->ports[port].fixed, fp->links, slot);
}

void
fdb_ports_del_static(struct fdb_ports *fp, uint32_t port, uint32_t slot)
{
	assert(port > 0 && port < FDB_PORTS_MAX && slot < fp->n_slots);
	list_remove(&fp->ports[port].fixed, fp->links, slot);
}

void
fdb_ports_touch(struct fdb_ports *fp, uint32_t port, uint32_t slot)
{
	struct fdb_list *list = &fp->ports[port].dynamic;

	if (list->tail != slot + 1) {
		list_remove(list, fp->links, slot);
		list_append(list, fp->links, slot);
	}
}

uint32_t
fdb_ports_oldest(const struct fdb_ports *fp, uint32_t port)
{
	return fp->ports[port].dynamic.head - 1; /* 0 - 1 is FDB_NO_SLOT */
}

uint32_t
fdb_ports_first_static(const struct fdb_ports *fp, uint32_t port)
{
	return fp->ports[port].fixed.head - 1;
}

uint32_t
fdb_ports_busiest(const struct fdb_ports *fp)
{
	return fp->n_heap == 0 ? FDB_NO_PORT : fp->heap[1];
}

uint32_t
fdb_ports_count(const struct fdb_ports *fp, uint32_t port)
{
	assert(port < FDB_PORTS_MAX);
	return __atomic_load_n(&fp->ports[port].n_dynamic, __ATOMIC_RELAXED);
}
