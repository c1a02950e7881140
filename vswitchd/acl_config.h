/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An access list's configuration: from the schema's JSON to entries of the datapath, all of them or
 * those that a change brings.
 *
 * An entry may become two of the datapath, see acl_match.h. Entries that the change leaves as they
 * were, in order, are kept; entries are compared by identity first, so that what a long list has in
 * common with its predecessor costs next to nothing. Any thread.
 */
#ifndef VSW_VSWITCHD_ACL_CONFIG_H
#define VSW_VSWITCHD_ACL_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "datapath/dp/dp_acl.h"

#define ACL_CONFIG_NEW SIZE_MAX

/* What a list was made from. */
struct acl_config_base {
	const json_t *acl; /* NULL: there was none */
	const size_t *first; /* as in acl_config */
};

struct acl_config {
	struct dp_acl_entry *entries; /* owned: those that come */
	size_t n;
	struct dp_acl_splice *splices; /* owned: where they come, and what goes */
	size_t n_splices;
	size_t *first; /* owned, n_aces + 1: where the datapath's entries of each ace begin */
	size_t *from; /* owned, n_aces: which ace of the base is kept, or ACL_CONFIG_NEW */
	size_t n_aces;
	bool accept_rest;
};

/*
 * `acl` is an entry of the schema's list, with or without defaults. ERR_INVALID, ERR_LIMIT: the
 * path is "ace[name='web']/matches/source-port", below the access list. acl_config_fini also after
 * an error.
 */
int acl_config_make(const struct acl_config_base *base, const json_t *acl, struct acl_config *out,
	struct err *err);
void acl_config_fini(struct acl_config *config);

#endif
