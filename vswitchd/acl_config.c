/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/acl_config.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "vswitchd/acl_match.h"
#include "vswitchd/port_config.h"

#define AHEAD 16 /* entries that are looked at for one that has come or gone */
#define LOOKS_MAX 20000 /* and all in all */

/* --- what is kept ------------------------------------------------------------------------------
 */

/* Entries before and after. */
struct sides {
	const json_t *old;
	const json_t *new;
	size_t looks; /* so far */
};

static bool
same(const struct sides *sides, size_t old, size_t new)
{
	const json_t *a = json_array_get(sides->old, old);
	const json_t *b = json_array_get(sides->new, new);

	return a == b ||
		(strcmp(config_string(a, "name"), config_string(b, "name")) == 0 &&
			json_equal(a, b));
}

/*
 * How far ahead of two entries that differ those lie that are the same again, on one side. Whatever
 * it says, the list comes out right; what it does not find is made anew.
 */
static void
look_ahead(struct sides *sides, size_t old, size_t old_end, size_t new, size_t new_end,
	size_t *skip_old, size_t *skip_new)
{
	*skip_old = 1;
	*skip_new = 1;
	for (size_t k = 1; k <= AHEAD && sides->looks < LOOKS_MAX; k++) {
		sides->looks++;
		if (old + k < old_end && same(sides, old + k, new)) {
			*skip_old = k;
			*skip_new = 0;
			return;
		}
		if (new + k < new_end && same(sides, old, new + k)) {
			*skip_old = 0;
			*skip_new = k;
			return;
		}
	}
}

/* Which of the old ones each new one is: the same at both ends, and what is found in between. */
static void
align(const json_t *old_aces, const json_t *new_aces, size_t *from)
{
	struct sides sides = {.old = old_aces, .new = new_aces};
	size_t old_end = json_array_size(old_aces);
	size_t new_end = json_array_size(new_aces);
	size_t old = 0;
	size_t new = 0;

	for (size_t i = 0; i < new_end; i++) {
		from[i] = ACL_CONFIG_NEW;
	}
	while (old < old_end && new < new_end && same(&sides, old_end - 1, new_end - 1)) {
		from[--new_end] = --old_end;
	}
	while (old < old_end && new < new_end) {
		size_t skip_old = 1;
		size_t skip_new = 1;

		if (same(&sides, old, new)) {
			from[new] = old;
		} else {
			look_ahead(&sides, old, old_end, new, new_end, &skip_old, &skip_new);
		}
		old += skip_old;
		new += skip_new;
	}
}

/* --- what comes and goes -----------------------------------------------------------------------
 */

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
	if (rc != 0) {
		char path[ERR_PATH_SIZE] = "";

		str_appendf(
			path, sizeof(path), "ace[name='%s']/matches", config_string(ace, "name"));
		err_prefix_path(err, path);
	}
	return rc;
}

/* Entries from `begun` on come for the old aces old..end. */
static void
add_splice(struct acl_config *config, const struct acl_config_base *base, size_t old, size_t end,
	size_t begun)
{
	const size_t at = base->first == NULL ? 0 : base->first[old];
	const size_t n_out = base->first == NULL ? 0 : base->first[end] - at;

	if (n_out > 0 || config->n > begun) {
		config->splices[config->n_splices++] = (struct dp_acl_splice){
			.at = at,
			.n_out = n_out,
			.in = &config->entries[begun],
			.n_in = config->n - begun,
		};
	}
}

static int
make_aces(struct acl_config *config, const struct acl_config_base *base, const json_t *aces,
	size_t n_old, struct err *err)
{
	size_t old = 0; /* those before it have been kept or have gone */
	size_t begun = 0; /* entries before it are in a splice */
	size_t n = 0; /* of the datapath's, so far */

	for (size_t i = 0; i < config->n_aces; i++) {
		const size_t from = config->from[i];
		int rc;

		config->first[i] = n;
		if (from == ACL_CONFIG_NEW) {
			const size_t before = config->n;

			rc = make_ace(config, json_array_get(aces, i), err);
			if (rc != 0) {
				return rc;
			}
			n += config->n - before;
			continue;
		}
		add_splice(config, base, old, from, begun);
		begun = config->n;
		old = from + 1;
		n += base->first[old] - base->first[from];
	}
	config->first[config->n_aces] = n;
	add_splice(config, base, old, n_old, begun);
	return 0;
}

static size_t
count_new(const struct acl_config *config)
{
	size_t n = 0;

	for (size_t i = 0; i < config->n_aces; i++) {
		n += config->from[i] == ACL_CONFIG_NEW;
	}
	return n;
}

int
acl_config_make(const struct acl_config_base *base, const json_t *acl, struct acl_config *out,
	struct err *err)
{
	const json_t *old_aces = json_object_get(base->acl, "ace");
	const json_t *aces = json_object_get(acl, "ace");
	const size_t n = json_array_size(aces);
	int rc;

	*out = (struct acl_config){
		.accept_rest = strcmp(config_string(acl, "default-action"), "accept") == 0,
	};
	if (n > DP_ACL_ENTRIES_MAX) {
		return err_set(err, ERR_LIMIT, "ace",
			"an access list has at most %d entries, not %zu", DP_ACL_ENTRIES_MAX, n);
	}
	out->n_aces = n;
	out->first = must_calloc(n + 1, sizeof(*out->first));
	out->from = must_calloc(n + 1, sizeof(*out->from));
	align(old_aces, aces, out->from);
	out->entries = must_calloc(2 * count_new(out) + 1, sizeof(*out->entries));
	out->splices = must_calloc(n + 1, sizeof(*out->splices));
	rc = make_aces(out, base, aces, json_array_size(old_aces), err);
	if (rc == 0 && out->first[n] > DP_ACL_ENTRIES_MAX) {
		return err_set(err, ERR_LIMIT, "ace",
			"the access list comes to %zu entries, of at most %d: one that speaks of "
			"IPv4 and IPv6 counts twice",
			out->first[n], DP_ACL_ENTRIES_MAX);
	}
	return rc;
}

void
acl_config_fini(struct acl_config *config)
{
	free(config->entries);
	free(config->splices);
	free(config->first);
	free(config->from);
	*config = (struct acl_config){0};
}
