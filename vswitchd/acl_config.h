/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An access list's configuration: from the schema's JSON to entries of the datapath.
 *
 * An entry may become two of the datapath, see acl_match.h. Any thread.
 */
#ifndef VSW_VSWITCHD_ACL_CONFIG_H
#define VSW_VSWITCHD_ACL_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "datapath/dp/dp_acl.h"

struct acl_config {
	struct dp_acl_entry *entries; /* owned */
	size_t n;
	size_t *first; /* owned, n_aces + 1: where the entries of each ace begin */
	size_t n_aces;
	bool accept_rest;
};

/*
 * `acl` is an entry of the schema's list, with or without defaults. ERR_INVALID, ERR_LIMIT: the
 * path is "ace[name='web']/matches/source-port", below the access list. acl_config_fini also after
 * an error.
 */
int acl_config_make(const json_t *acl, struct acl_config *out, struct err *err);
void acl_config_fini(struct acl_config *config);

#endif
