/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/acl_config.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "vswitchd/acl_match.h"
#include "vswitchd/port_config.h"

static int
make_ace(struct acl_config *config, const json_t *ace, struct err *err)
{
	const bool accept = strcmp(config_string(ace, "forwarding"), "accept") == 0;
	struct match matches[2];
	size_t n;
	int rc = acl_match_make(json_object_get(ace, "matches"), matches, &n, err);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		config->entries[config->n++] =
			(struct dp_acl_entry){.match = matches[i], .accept = accept};
	}
	return rc;
}

int
acl_config_make(const json_t *acl, struct acl_config *out, struct err *err)
{
	const json_t *aces = json_object_get(acl, "ace");
	const size_t n = json_array_size(aces);
	const json_t *ace;
	size_t i;

	*out = (struct acl_config){
		.accept_rest = strcmp(config_string(acl, "default-action"), "accept") == 0,
	};
	if (n > DP_ACL_ENTRIES_MAX) {
		return err_set(err, ERR_LIMIT, "ace",
			"an access list has at most %d entries, not %zu", DP_ACL_ENTRIES_MAX, n);
	}
	out->n_aces = n;
	out->entries = must_calloc(2 * n, sizeof(*out->entries));
	out->first = must_calloc(n + 1, sizeof(*out->first));
	json_array_foreach (aces, i, ace) {
		int rc;

		out->first[i] = out->n;
		rc = make_ace(out, ace, err);
		if (rc != 0) {
			char path[ERR_PATH_SIZE] = "";

			str_appendf(path, sizeof(path), "ace[name='%s']/matches",
				config_string(ace, "name"));
			err_prefix_path(err, path);
			return rc;
		}
	}
	out->first[n] = out->n;
	if (out->n > DP_ACL_ENTRIES_MAX) {
		return err_set(err, ERR_LIMIT, "ace",
			"the access list comes to %zu entries, of at most %d: one that speaks of "
			"IPv4 and IPv6 counts twice",
			out->n, DP_ACL_ENTRIES_MAX);
	}
	return 0;
}

void
acl_config_fini(struct acl_config *config)
{
	free(config->entries);
	free(config->first);
	*config = (struct acl_config){0};
}
