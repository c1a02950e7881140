/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupting a guest, without ever waiting for anybody.
 *
 * A guest is called through an eventfd that its front end has made and still holds. write(2) on it
 * waits while the counter is full, and the front end can fill it and take O_NONBLOCK away at any
 * moment: the worker, and with it every other port, would wait for as long as it likes. The kernel
 * itself signals eventfds without waiting, for instance at the end of an asynchronous read that
 * names one (io_submit(2), IOCB_FLAG_RESFD). So a call is a read of nothing that ends at once.
 *
 * Where the kernel has no asynchronous I/O for us, a call is a write after all; guest_call_safe()
 * tells. The context is the process's: the kernel gives out few of them.
 */
#ifndef VSW_PORTS_VHOST_GUEST_CALL_H
#define VSW_PORTS_VHOST_GUEST_CALL_H

#include <stdbool.h>

#include "base/role.h"

/* For each port, when it is opened; calls work without, but may wait. */
void guest_call_open(void) ON_MAIN;
void guest_call_close(void) ON_MAIN;

/* Can no call wait? */
bool guest_call_safe(void);

/* Signal the eventfd; one system call. Any thread. */
void guest_call(int eventfd);

#endif
