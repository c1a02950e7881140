/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * librte_vhost as the back end of guests, one at a time.
 *
 * Behind a header of its own, because the kernel's virtio headers, which the library's includes,
 * and the front end's (tests/frontend) give the same names to bit numbers and to bits.
 *
 * The library answers messages on a thread of its own; the rings are the caller's. One socket
 * serves all guests: the library looks at a second one only when its poll(2) of a second has run
 * out.
 */
#ifndef VSW_PERF_MICRO_BACKEND_H
#define VSW_PERF_MICRO_BACKEND_H

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct backend {
	char folder[64];
	char path[96]; /* of the socket */
	bool registered;
};

/* Listen on a new socket. Close it also when this fails. */
int backend_open(struct backend *backend, struct err *err);

/* After the front end has sent its messages: wait until the library has made a device of them. */
int backend_wait(struct backend *backend, struct err *err);

/* After the front end has hung up: wait until the library has noticed. */
void backend_wait_gone(void);

void backend_close(struct backend *backend);

/* A burst to and from the guest, as the library has it; how many frames. */
uint16_t backend_enqueue(struct rte_mbuf **mbufs, uint16_t n);
uint16_t backend_dequeue(struct rte_mempool *pool, struct rte_mbuf **mbufs, uint16_t n);

#endif
