/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GET /health: does the switch do its work? For load balancers, systemd-like supervisors and
 * alerts.
 *
 *   {status, version, uptime (seconds), checks: [{name, status, text?}]}
 *
 * `status` is that of the worst check: ok, warning (200) or failing (503). That there is an answer
 * at all says that main serves its loop.
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_HEALTH_H
#define VSW_VSWITCHD_HEALTH_H

#include <jansson.h>
#include <stdbool.h>

#include "base/role.h"

struct datastore;
struct world;

/* New reference; *failing: status is "failing". */
json_t *health_json(const struct world *world, const struct datastore *ds, bool *failing) ON_MAIN;

#endif
