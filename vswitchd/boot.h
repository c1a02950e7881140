/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Composition: everything that the daemon is made of, created in order and torn down in reverse.
 * The only place that knows all port types and both towers. Main only.
 */
#ifndef VSW_VSWITCHD_BOOT_H
#define VSW_VSWITCHD_BOOT_H

#include "base/err.h"
#include "base/role.h"
#include "vswitchd/options.h"

/*
 * Run the daemon until SIGTERM or SIGINT. 0, or -errno with err filled: what could not start, and
 * what helps.
 */
int boot_run(const struct options *options, struct err *err) ON_MAIN;

#endif
