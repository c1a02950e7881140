/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests of port types share: a port by way of its type's table, as main has it, whose role
 * the caller has; the table says nothing of roles. */
#ifndef VSW_PORTS_TEST_PORT_H
#define VSW_PORTS_TEST_PORT_H

#include "ports/port.h"

/* Checked and opened; fails instead of returning NULL. */
struct port *test_port_open(
	const struct port_ops *ops, const struct port_conf *conf, const struct port_env *env);

/* The check or the opening is refused with this kind, path and part of the text. */
void test_port_refused(const struct port_ops *ops, const struct port_conf *conf,
	const struct port_env *env, enum err_kind kind, const char *path, const char *part);

/*
 * Until the port is in this state, for a reason with `part` in it; fails after some seconds. With a
 * clock (ns), which then moves 100 ms at a time, the port is polled as main does.
 */
void test_port_wait(struct port *port, enum port_oper oper, const char *part, uint64_t *clock);

#endif
