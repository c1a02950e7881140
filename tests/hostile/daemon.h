/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The daemon under attack: its own folder, socket and configuration; what it takes of the machine.
 *
 * Main thread only. It dies with the thread that started it.
 */
#ifndef VSW_TESTS_HOSTILE_DAEMON_H
#define VSW_TESTS_HOSTILE_DAEMON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct client;

struct daemon {
	pid_t pid; /* 0: not running */
	char dir[64];
	const char *backend; /* of its vhost-user ports */
	struct client *client;
};

/* What it holds; must be the same before and after an attack. */
struct daemon_usage {
	unsigned int descriptors;
	unsigned int threads;
	uint64_t resident_kib; /* its own: packet memory is taken when first used, and stays */
	uint64_t mappings; /* lines of /proc/PID/maps */
	int64_t buffers; /* packet buffers in use; -1: not told */
};

/* Start `program` and wait until it answers, at most 20 s. */
int daemon_start(struct daemon *daemon, const char *program, const char *backend, struct err *err);

/* SIGTERM; the exit status, or -signal. Removes the folder unless `keep`. */
int daemon_stop(struct daemon *daemon, bool keep);

bool daemon_alive(struct daemon *daemon);

/* Whether it answers, and after how many nanoseconds. */
int daemon_ping(struct daemon *daemon, uint64_t *ns, struct err *err);

/* One edit; takes `value`, NULL is none. */
int daemon_edit(
	struct daemon *daemon, const char *op, const char *path, json_t *value, struct err *err);

/* A new reference to what there is at a path, or NULL and an error. */
json_t *daemon_get(struct daemon *daemon, const char *path, struct err *err);

/* A port of type vhost-user on bridge br0; `more` are leaves of its own (NULL: none), taken. */
int daemon_add_port(struct daemon *daemon, const char *name, json_t *more, struct err *err);
int daemon_del_port(struct daemon *daemon, const char *name, struct err *err);

/* Configuration and state of a port. */
json_t *daemon_port(struct daemon *daemon, const char *name, struct err *err);

/* Path of a port's socket, in mode server. */
void daemon_port_socket(const struct daemon *daemon, const char *port, char *path, size_t size);

void daemon_usage(struct daemon *daemon, struct daemon_usage *usage);

/* Time that its main thread has been running. */
uint64_t daemon_main_cpu_ms(const struct daemon *daemon);

/* The last lines of its log, as diagnostics. */
void daemon_print_log(const struct daemon *daemon, unsigned int lines);

#endif
