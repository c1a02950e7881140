/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/world/held_port.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ports/fake/test_wrapped.h"

#define HELD_MAX 32

struct interface {
	char name[PORT_NAME_SIZE]; /* "" ends the list */
	const struct port *holder;
	bool refuse;
	bool gone;
};

static struct interface interfaces[HELD_MAX];

static struct interface *
interface_of(const char *name)
{
	for (int i = 0; i < HELD_MAX; i++) {
		if (interfaces[i].name[0] == '\0') {
			str_copy(interfaces[i].name, name, sizeof(interfaces[i].name));
		}
		if (strcmp(interfaces[i].name, name) == 0) {
			return &interfaces[i];
		}
	}
	abort();
}

static struct interface *
interface_held_by(const struct port *port)
{
	for (int i = 0; i < HELD_MAX; i++) {
		if (interfaces[i].holder == port) {
			return &interfaces[i];
		}
	}
	abort();
}

static int
held_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err)
{
	struct interface *interface =
		interface_of(conf->ifname[0] != '\0' ? conf->ifname : conf->name);
	int rc;

	if (interface->refuse) {
		return err_set(
			err, ERR_FAILED, "ifname", "interface '%s' cannot be had", interface->name);
	}
	if (interface->holder != NULL) {
		return err_set(
			err, ERR_IN_USE, "ifname", "interface '%s' is busy", interface->name);
	}
	rc = port_fake_ops.open(conf, env, port, err);
	if (rc == 0) {
		(*port)->ops = &held_port_ops;
		interface->holder = *port;
	}
	return rc;
}

static void
held_close(struct port *port, enum port_close why)
{
	interface_held_by(port)->holder = NULL;
	port_fake_ops.close(port, why);
}

static void
held_status(const struct port *port, struct port_status *status)
{
	port_fake_ops.status(port, status);
	if (interface_held_by(port)->gone) {
		status->oper = PORT_FAILED;
		str_copy(status->reason, "the interface has gone", sizeof(status->reason));
	}
}

/* No change: what needs a new device gets one. */
const struct port_ops held_port_ops = {
	.type = "tap",
	.check = wrapped_check,
	.open = held_open,
	.close = held_close,
	.status = held_status,
	.rx_burst = wrapped_rx_burst,
	.rx_release = wrapped_rx_release,
	.tx_burst = wrapped_tx_burst,
};

void
held_port_reset(void)
{
	memset(interfaces, 0, sizeof(interfaces));
}

void
held_port_refuse(const char *ifname, bool refuse)
{
	interface_of(ifname)->refuse = refuse;
}

void
held_port_vanish(const char *ifname, bool gone)
{
	interface_of(ifname)->gone = gone;
}

unsigned int
held_port_count(const char *ifname)
{
	return interface_of(ifname)->holder == NULL ? 0 : 1;
}
