/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an af-xdp port has turned off so that frames come whole: at its veth's peer, or at its NIC.
 *
 * It is turned on again when the port goes, only what the port has turned off, and only where it
 * still is off. A note in the daemon's folder keeps that for the next daemon if this one is killed;
 * it counts only for the same boot and the same pair of interfaces.
 *
 * Threads: main.
 */
#ifndef VSW_PORTS_XDP_OFFLOADS_H
#define VSW_PORTS_XDP_OFFLOADS_H

#include "base/role.h"
#include "ports/xdp/link.h"

#define OFFLOADS_PATH_SIZE 256

struct offloads {
	enum link_peer state;
	char peer[IF_NAMESIZE]; /* its name, if it is known */
	struct feature_set off; /* turned off by us */
	char note[OFFLOADS_PATH_SIZE]; /* the file; "": its path would be too long */
};

/* Turn off what hides bytes, before a program is attached. `run_dir`: for the note. */
void
offloads_take(struct offloads *offloads, const struct link_info *info, const char *run_dir) ON_MAIN;

/* The peer was not reached: look again. */
void offloads_retry(struct offloads *offloads, const struct link_info *info) ON_MAIN;

/*
 * When the program is off again. `rc`: what asking for the same interface came to, -ENODEV if it
 * has gone; 0: `info` is of it. What cannot be turned on now stays in the note.
 */
void offloads_give_back(struct offloads *offloads, int rc, const struct link_info *info) ON_MAIN;

#endif
