/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One vhost-user connection: messages in, messages out, nothing blocking.
 *
 * A connection reads a header, then as many bytes as it announces, with the descriptors that came
 * along; a whole message goes to the owner's callback. While the owner is at work on a message that
 * needs a grace period (vu_conn_pause), nothing more is read. Replies that the socket does not take
 * at once wait, and nothing more is read until they are gone.
 *
 * Limits: payload at most VU_PAYLOAD_MAX, VU_FDS_MAX descriptors a message, VU_OUT_MAX bytes
 * waiting to be sent, VU_RATE messages a second (then the peer waits), a message that is begun must
 * end within VU_HALF_MAX. What exceeds them, or is no message, ends the connection with a sentence
 * that says why. So does a descriptor that is neither memory nor an eventfd: whoever takes those of
 * a message can use and close them without waiting (foreign_fd.h; the owner there is `arg`).
 * Descriptors that nobody took are closed on every path, those of a truncated control message
 * included.
 *
 * Threads: main.
 */
#ifndef VSW_PORTS_VHOST_VU_CONN_H
#define VSW_PORTS_VHOST_VU_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/reactor.h"
#include "base/role.h"
#include "ports/vhost/vu_wire.h"

#define VU_RATE 5000 /* messages a second; a start of 128 queue pairs is about 2,000 */
#define VU_OUT_MAX 4096 /* bytes of replies */
#define VU_HALF_MAX (2 * CLOCK_S) /* from the first byte of a message to its last */

struct vu_conn;

struct vu_conn_ops {
	/* A whole message; the callback takes descriptors by setting them to -1. May close. */
	void (*message)(void *arg, struct vu_msg *msg);
	/* The connection has ended, by the peer (why is "") or for a reason. It is closed already
	 * but for memory: call vu_conn_free, here or later. */
	void (*closed)(void *arg, const char *why);
};

struct vu_peer {
	pid_t pid; /* SO_PEERCRED; of whoever connected or listened */
	uid_t uid;
	gid_t gid;
};

/* Takes the connected socket. NULL without memory (the socket is closed then). */
struct vu_conn *vu_conn_create(
	struct reactor *reactor, int socket, const struct vu_conn_ops *ops, void *arg) ON_MAIN;

/* Closes; no callback. Legal in callbacks. NULL is legal. */
void vu_conn_free(struct vu_conn *conn) ON_MAIN;

void vu_conn_peer(const struct vu_conn *conn, struct vu_peer *peer) ON_MAIN;

/* Read nothing until vu_conn_resume; messages that are read already wait too. */
void vu_conn_pause(struct vu_conn *conn) ON_MAIN;
void vu_conn_resume(struct vu_conn *conn) ON_MAIN;

/* Send; the payload is msg->size bytes. Takes `fd` (-1: none). Failing, the connection ends. */
void vu_conn_send(struct vu_conn *conn, const struct vu_msg *msg, int fd) ON_MAIN;

/* End it: `closed` is called from here. */
void vu_conn_fail(struct vu_conn *conn, const char *fmt, ...) ON_MAIN
	__attribute__((format(printf, 2, 3)));

/* Has the peer closed its end, noticed here or not? A system call. */
bool vu_conn_hung_up(const struct vu_conn *conn) ON_MAIN;

uint64_t vu_conn_messages(const struct vu_conn *conn) ON_MAIN;

#endif
