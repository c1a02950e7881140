/* SPDX-License-Identifier: BSD-3-Clause */
/* The policy leaves of a port: access lists by name, addresses, storm limits. Main only. */
#ifndef VSW_VSWITCHD_POLICY_CONFIG_H
#define VSW_VSWITCHD_POLICY_CONFIG_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "datapath/dp/dp_policy.h"
#include "ports/port.h"

struct policy_config {
	char acl_in[PORT_NAME_SIZE]; /* "": none */
	char acl_out[PORT_NAME_SIZE];
	struct spoof_view *spoof; /* owned; NULL: any address */
	struct meter_conf storm[STORM_KINDS];
	bool protected_port;
};

/*
 * `port` is an entry of the schema's list. ERR_INVALID, ERR_LIMIT: the leaf at fault as path. To be
 * ended by policy_config_fini, also after an error; a zeroed one is an empty one.
 */
int policy_config_make(const json_t *port, struct policy_config *out, struct err *err);
void policy_config_fini(struct policy_config *config);

#endif
