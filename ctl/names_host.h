/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's word on users and groups, by NSS. It may take any time: see names.h, whose helper
 * asks.
 */
#ifndef VSW_CTL_NAMES_HOST_H
#define VSW_CTL_NAMES_HOST_H

#include "ctl/names.h"

/* For names_create. Any thread. */
enum names_state names_host_ask(enum names_kind kind, const char *key, struct names_answer *out);

#endif
