/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/test_port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

#define WAIT_MS 5000
#define STEP_MS 5

struct port *
test_port_open(const struct port_ops *ops, const struct port_conf *conf, const struct port_env *env)
{
	struct port *port = NULL;
	struct err err = ERR_INIT;

	if (ops->check(conf, &err) != 0 || ops->open(conf, env, &port, &err) != 0) {
		fail_msg("%s: %s: %s", conf->name, err.path, err.text);
	}
	assert_ptr_equal(port->ops, ops);
	return port;
}

void
test_port_refused(const struct port_ops *ops, const struct port_conf *conf,
	const struct port_env *env, enum err_kind kind, const char *path, const char *part)
{
	struct port *port = NULL;
	struct err err = ERR_INIT;
	int rc = ops->check(conf, &err);

	if (rc == 0) {
		rc = ops->open(conf, env, &port, &err);
	}
	assert_int_equal(rc, err_errno(kind));
	assert_string_equal(err.path, path);
	if (strstr(err.text, part) == NULL) {
		fail_msg("'%s' does not say '%s'", err.text, part);
	}
}

void
test_port_wait(struct port *port, enum port_oper oper, const char *part, uint64_t *clock)
{
	struct port_status status;

	for (unsigned int ms = 0; ms < WAIT_MS; ms += STEP_MS) {
		if (clock != NULL) {
			*clock += 100 * CLOCK_MS;
			port->ops->poll(port, *clock);
		}
		port->ops->status(port, &status);
		if (status.oper == oper && strstr(status.reason, part) != NULL) {
			return;
		}
		(void)usleep(STEP_MS * 1000);
	}
	fail_msg("%s is %s: %s", port->name, port_oper_name(status.oper), status.reason);
}
