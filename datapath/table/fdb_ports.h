/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each port holds in an FDB: its slots from oldest to youngest, and which port holds most.
 *
 * The table proper is all hot lines; who came when is kept beside it. Each slot in use is in
 * exactly one list, of its port: dynamic entries in the order in which they were learned or last
 * given a second chance, static ones in any order. Links are slot numbers, 8 bytes a slot. Ports
 * that hold dynamic entries are in a max-heap by how many, so that the one to evict from is at
 * hand.
 *
 * All of it is anonymous memory for which zero is the right start: an idle bridge touches no page.
 *
 * Threads. The writer of the FDB, with its lock held; fdb_ports_count() is for any thread.
 */
#ifndef VSW_DATAPATH_TABLE_FDB_PORTS_H
#define VSW_DATAPATH_TABLE_FDB_PORTS_H

#include <stddef.h>
#include <stdint.h>

#define FDB_NO_SLOT UINT32_MAX

/* Numbers in here are slot + 1, so that 0 is "none". */
struct fdb_list {
	uint32_t head; /* oldest */
	uint32_t tail;
};

struct fdb_link {
	uint32_t next; /* younger */
	uint32_t prev;
};

struct fdb_port {
	struct fdb_list dynamic;
	struct fdb_list fixed;
	uint32_t n_dynamic; /* also read by others, relaxed */
	uint32_t heap_pos; /* in heap, from 1; 0: holds none */
	uint32_t
		n_limited; /* entries that went because of its own limit; read by others, relaxed */
};

struct fdb_ports {
	struct fdb_port *ports; /* by id, FDB_PORTS_MAX */
	uint32_t *heap; /* ids; heap[1] holds most, heap[0] is not used */
	uint32_t n_heap;
	struct fdb_link *links; /* by slot */
	uint32_t n_slots;
};

/* -ENOMEM or 0. */
int fdb_ports_init(struct fdb_ports *fp, uint32_t n_slots);
void fdb_ports_fini(struct fdb_ports *fp);

/* The slot is in no list, and becomes the port's youngest. */
void fdb_ports_add(struct fdb_ports *fp, uint32_t port, uint32_t slot);
void fdb_ports_del(struct fdb_ports *fp, uint32_t port, uint32_t slot);
void fdb_ports_add_static(struct fdb_ports *fp, uint32_t port, uint32_t slot);
void fdb_ports_del_static(struct fdb_ports *fp, uint32_t port, uint32_t slot);

/* A dynamic slot of the port becomes its youngest. */
void fdb_ports_touch(struct fdb_ports *fp, uint32_t port, uint32_t slot);

/* FDB_NO_SLOT if the port holds none. */
uint32_t fdb_ports_oldest(const struct fdb_ports *fp, uint32_t port);
uint32_t fdb_ports_first_static(const struct fdb_ports *fp, uint32_t port);

/* The port with most dynamic entries; FDB_NO_PORT if there are none. */
uint32_t fdb_ports_busiest(const struct fdb_ports *fp);

/* Another entry went because of the port's own limit. */
static inline void
fdb_ports_limited(struct fdb_ports *fp, uint32_t port)
{
	uint32_t *n = &fp->ports[port].n_limited;

	__atomic_store_n(n, *n + 1, __ATOMIC_RELAXED);
}

/* The port's entries have been flushed: perhaps its id is another's next. */
static inline void
fdb_ports_forget_limited(struct fdb_ports *fp, uint32_t port)
{
	__atomic_store_n(&fp->ports[port].n_limited, 0, __ATOMIC_RELAXED);
}

/* Dynamic entries of a port. Any thread. */
uint32_t fdb_ports_count(const struct fdb_ports *fp, uint32_t port);

#endif
