/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket file of a vhost-user port: where it is, who may connect, what may be replaced.
 *
 * A server's socket is never reachable by more than the configured owner, group and permissions: it
 * is bound without any permission bit and opened up after its owner is set. An existing path is
 * replaced only if it is a socket that refuses connections (a daemon that died); anything else is
 * somebody's, and an error naming it.
 *
 * Threads: main. Errors name the leaf (socket, owner, group, permissions).
 */
#ifndef VSW_PORTS_VHOST_DPDK_VHOST_SOCKET_H
#define VSW_PORTS_VHOST_DPDK_VHOST_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/role.h"
#include "ports/port.h"

/* Does the request make sense? Looks only. */
int vhost_socket_check(const struct port_conf *conf, struct err *err) ON_MAIN;

/* The path to use: the leaf, or <run_dir>/vhost/<port>.sock for a server without it. */
int vhost_socket_path(const struct port_conf *conf, const char *run_dir, char *path, size_t size,
	struct err *err) ON_MAIN;

/* Make the default folder, remove a stale socket, and find out whether a bind will succeed. */
int vhost_socket_prepare(const struct port_conf *conf, const char *path, struct err *err) ON_MAIN;

/* Narrow what the next bind creates to nobody; returns the mask for umask(2) to put back. */
mode_t vhost_socket_narrow(void) ON_MAIN;

/* Give the bound socket its owner, group and permissions. Nothing to do for a client. */
int vhost_socket_publish(const struct port_conf *conf, const char *path, struct err *err) ON_MAIN;

/*
 * Connections accepted on this socket, in this process, that their peers have not closed. The
 * library does not tell its descriptors. Any thread.
 */
unsigned int vhost_socket_alive(const char *path);

#endif
