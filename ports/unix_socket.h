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
#ifndef VSW_PORTS_UNIX_SOCKET_H
#define VSW_PORTS_UNIX_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/role.h"
#include "ports/port.h"

/* Does the request make sense? Looks only. */
int unix_socket_check(const struct port_conf *conf, struct err *err) ON_MAIN;

/* The path to use: the leaf, or <run_dir>/vhost/<port>.sock for a server without it. */
int unix_socket_path(const struct port_conf *conf, const char *run_dir, char *path, size_t size,
	struct err *err) ON_MAIN;

/* A listening socket and the file that it made. */
struct unix_listener {
	int fd; /* not blocking */
	dev_t dev;
	ino_t ino;
};

/* For a server: prepare, listen, and only then let others in. */
int unix_socket_listen(const struct port_conf *conf, const char *path,
	struct unix_listener *listener, struct err *err) ON_MAIN;

/* Stop listening; the file goes too, unless somebody has put another one in its place. */
void unix_socket_unlisten(struct unix_listener *listener, const char *path) ON_MAIN;

/* A connection, not blocking, the caller's; or -errno (-EAGAIN: there is none now). */
int unix_socket_accept(const struct unix_listener *listener) ON_MAIN;

/* For a client: connected, not blocking, the caller's; or -errno. Never waits. */
int unix_socket_connect(const char *path) ON_MAIN;

/*
 * For a library that listens itself: make the default folder, remove a stale socket, and find out
 * whether a bind will succeed.
 */
int unix_socket_prepare(const struct port_conf *conf, const char *path, struct err *err) ON_MAIN;

/* Narrow what the next bind creates to nobody; returns the mask for umask(2) to put back. */
mode_t unix_socket_narrow(void) ON_MAIN;

/* Give the bound socket its owner, group and permissions. Nothing to do for a client. */
int unix_socket_publish(const struct port_conf *conf, const char *path, struct err *err) ON_MAIN;

/* The same if a port's configuration asks for other rights than before. */
int unix_socket_republish(const struct port_conf *old, const struct port_conf *conf,
	const char *path, struct err *err) ON_MAIN;

/*
 * Connections accepted on this socket, in this process, that their peers have not closed. The
 * library does not tell its descriptors. Any thread.
 */
unsigned int unix_socket_alive(const char *path);

#endif
