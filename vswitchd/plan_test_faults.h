/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For the test of transactions: all that can fail in one fails when the test says so. Devices and a
 * container of /system are the test's own; functions of the datapath are wrapped by the linker, see
 * meson.build. Test code only; main.
 */
#ifndef VSW_VSWITCHD_PLAN_TEST_FAULTS_H
#define VSW_VSWITCHD_PLAN_TEST_FAULTS_H

#include <stdbool.h>

#include "ports/port.h"
#include "vswitchd/system_parts.h"

/* Steps that can fail are counted while `armed`. */
struct fault {
	bool armed;
	unsigned int n; /* steps so far */
	unsigned int at; /* the one that fails; 0: none */
	const char *where; /* it did; NULL: not yet */
};

extern struct fault fault;

/* What there is; none may be left by an edit that failed. */
struct things {
	int bridges;
	int acls;
	int mirrors;
	int numbers; /* of ports, held */
	int devices;
};

extern struct things things;

/* Types fake and tap; their devices are fake ports that remember what they were told. Ends with
 * NULL. */
extern const struct port_ops *const fault_types[];

/* An interface that has been taken away. */
extern const char *fault_gone;

/* What a device was told last. */
const struct port_conf *fault_device_conf(const struct port *port);

/* A container of /system, for which its description stands; the text that is carried out. */
extern const struct system_part fault_part;
extern char fault_part_text[64];

#endif
