/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors that somebody else passed (SCM_RIGHTS), without ever waiting for them.
 *
 * Whoever makes a descriptor can decide how long it takes to close: a file of FUSE or NFS asks its
 * server, a TCP socket that lingers (SO_LINGER) waits for its peer, and so do fstat(2) and others.
 * Main, and with it every port, would wait for as long as a front end or a control peer likes.
 *
 * Two kinds are harmless: memory (memfd, tmpfs, hugepages) and eventfds. The kernel tells them by
 * itself, and a descriptor never becomes another kind. All others are closed by a thread that may
 * take its time. So may a socket with unread messages, since closing it closes the descriptors in
 * them.
 *
 * Limits. FOREIGN_THREADS_MAX threads run in the process, of which one owner has
 * FOREIGN_OWNER_THREADS at most and the owners take turns: who never lets go holds up himself. An
 * owner takes nothing more while foreign_fd_pending(), all its connections together, so what it can
 * keep open is what each of them had taken before. The exception is a connection that ends with
 * messages that nobody has read: its socket waits, too. So beyond FOREIGN_OWNER_MAX descriptors
 * (foreign_fd_is_full()) whoever accepts connections turns away those of this owner. A process with
 * a thread in FUSE ends when that file's server answers or dies.
 *
 * The list of what is being closed is the process's: it may outlive the owner. Threads: main.
 */
#ifndef VSW_BASE_FOREIGN_FD_H
#define VSW_BASE_FOREIGN_FD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/role.h"

#define FOREIGN_THREADS_MAX 16
#define FOREIGN_OWNER_THREADS 2
#define FOREIGN_OWNER_MAX 512

/* Shared memory, so that no access waits? Any thread. */
bool foreign_fd_is_memory(int fd);

/* Any thread. */
bool foreign_fd_is_eventfd(int fd);

/* Memory or an eventfd: close(2) returns at once. Any thread. */
bool foreign_fd_is_harmless(int fd);

/* Close them; -1 among them is legal. `owner` is compared only. */
void foreign_fd_close(const void *owner, const int *fds, uint32_t n) ON_MAIN;

/* End a connection and close its socket. */
void foreign_fd_hang_up(const void *owner, int socket) ON_MAIN;

/* Is something of this owner still being closed? */
bool foreign_fd_pending(const void *owner) ON_MAIN;

/* As much as one owner may leave to be closed? */
bool foreign_fd_is_full(const void *owner) ON_MAIN;

#endif
