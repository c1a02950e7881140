/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The listening UNIX socket: its path, its file, its rights.
 *
 * Two daemons may start at once on one path, and a killed one leaves its socket file behind. So
 * what is there is probed with connect(): refused means nobody listens and the file is replaced;
 * accepted means a live daemon, and the path is in use. Probe, unlink and bind happen under an
 * flock of the parent folder, so that of two starters one wins and the other sees a live socket.
 *
 * The file is born with mode 0600, gets its group and mode, and only then listens: at no moment can
 * somebody connect who may not.
 *
 * Main only (umask is the process's).
 */
#ifndef VSW_CTL_RPC_LISTEN_H
#define VSW_CTL_RPC_LISTEN_H

#include <sys/types.h>

#include "base/err.h"
#include "base/role.h"

/* Longest path that fits struct sockaddr_un with its terminator (unix(7)). */
#define RPC_PATH_MAX 107

struct rpc_listen {
	int fd; /* listening, non-blocking, close-on-exec; -1 if none */
	char path[RPC_PATH_MAX + 1];
	dev_t dev; /* of the socket file, to unlink only our own */
	ino_t ino;
};

int rpc_listen_init(struct rpc_listen *listener, const char *path, mode_t mode, gid_t group,
	struct err *err) ON_MAIN;

/* Close, and unlink the file if it is still the one that we made. */
void rpc_listen_fini(struct rpc_listen *listener) ON_MAIN;

#endif
