/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/port.h"

#include <assert.h>
#include <string.h>

static const char *const oper_names[] = {
	[PORT_UP] = "up",
	[PORT_DOWN] = "down",
	[PORT_NO_GUEST] = "no-guest",
	[PORT_STOPPED] = "stopped",
	[PORT_FAILED] = "failed",
};

bool
port_conf_same_but_mtu(const struct port_conf *a, const struct port_conf *b)
{
	struct port_conf copy = *b;

	/* Whoever fills one clears it first, so that padding is the same. */
	copy.mtu = a->mtu;
	return memcmp(a, &copy, sizeof(copy)) == 0;
}

const char *
port_oper_name(enum port_oper oper)
{
	return oper_names[oper];
}

void
port_ops_check(const struct port_ops *ops)
{
	assert(ops->type != NULL && ops->check != NULL && ops->open != NULL && ops->close != NULL);
	assert(ops->status != NULL && ops->rx_burst != NULL && ops->tx_burst != NULL);
	(void)ops;
}
