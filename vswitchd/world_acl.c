/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/world_acl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "vswitchd/acl_config.h"
#include "vswitchd/port_config.h"

/* --- lists -------------------------------------------------------------------------------------
 */

struct world_acl *
world_find_acl(const struct world *world, const char *name)
{
	return name_map_get(&world->acl_names, name);
}

size_t
world_acl_entry_of(const struct world_acl *acl, const struct rule *rule)
{
	const size_t e = dp_acl_entry_of(acl->dp, rule);
	size_t i = 0;

	while (acl->made.first[i + 1] <= e) {
		i++;
	}
	return i;
}

static struct dp_acl *
dp_of(const struct world *world, const char *name) ON_MAIN
{
	const struct world_acl *acl = world_find_acl(world, name);

	return acl == NULL ? NULL : acl->dp;
}

void
world_acl_policy(
	const struct world *world, const struct policy_config *config, struct dp_port_policy *out)
{
	*out = (struct dp_port_policy){
		.acl_in = dp_of(world, config->acl_in),
		.acl_out = dp_of(world, config->acl_out),
		.spoof = config->spoof,
		.protected_port = config->protected_port,
	};
	memcpy(out->storm, config->storm, sizeof(out->storm));
}

static void
made_free(struct acl_made *made)
{
	json_decref(made->config);
	free(made->first);
	free(made->past);
	*made = (struct acl_made){.config = NULL};
}

static void
forget(struct world *world, struct world_acl *acl) ON_MAIN
{
	TAILQ_REMOVE(&world->acls, acl, link);
	name_map_del(&world->acl_names, acl->name);
	made_free(&acl->made);
	free(acl);
}

void
world_free_acls(struct world *world)
{
	struct world_acl *acl;

	while ((acl = TAILQ_FIRST(&world->acls)) != NULL) {
		forget(world, acl);
	}
}

/* --- counters ----------------------------------------------------------------------------------
 */

/* Packets of an entry; of number n, the rest. */
static uint64_t
count_of(const struct world *world, const struct world_acl *acl, size_t i) ON_MAIN
{
	const struct acl_made *made = &acl->made;
	uint64_t sum = made->past[i];

	if (i == made->n) {
		return sum + dp_acl_rest(world->dp, acl->dp);
	}
	for (size_t e = made->first[i]; e < made->first[i + 1]; e++) {
		uint64_t packets;

		dp_acl_get_counters(world->dp, acl->dp, e, &packets);
		sum += packets;
	}
	return sum;
}

static void
set_counter(json_t *object, const char *leaf, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	(void)json_object_set_new(object, leaf, json_string(text));
}

void
world_acl_state(const struct world *world, const char *name, json_t *entry)
{
	const struct world_acl *acl = world_find_acl(world, name);
	json_t *ace;
	size_t i;

	if (acl == NULL) {
		return;
	}
	json_array_foreach (json_object_get(entry, "ace"), i, ace) {
		if (i < acl->made.n) {
			set_counter(ace, "matched-packets", count_of(world, acl, i));
		}
	}
	set_counter(entry, "default-packets", count_of(world, acl, acl->made.n));
}

void
world_clear_acls(const struct world *world)
{
	struct world_acl *acl;

	TAILQ_FOREACH (acl, &world->acls, link) {
		for (size_t i = 0; i <= acl->made.n; i++) {
			acl->made.past[i] -= count_of(world, acl, i);
		}
	}
}

/* Which entries a change lets go, by name. New reference. */
static json_t *
gone_by_name(const struct acl_made *old, const struct acl_step *step)
{
	json_t *places = json_object();
	size_t next = 0;

	for (size_t i = 0; i <= step->made.n; i++) {
		const size_t kept = i == step->made.n ? old->n : step->from[i];

		for (; kept != ACL_CONFIG_NEW && next < kept; next++) {
			const json_t *ace =
				json_array_get(json_object_get(old->config, "ace"), next);

			(void)json_object_set_new(
				places, config_string(ace, "name"), json_integer((json_int_t)next));
		}
		next += kept != ACL_CONFIG_NEW;
	}
	return places;
}

/* Entries that are as they were, whatever their place, go on counting. */
static void
keep_counts(const struct world *world, const struct world_acl *acl, struct acl_step *step) ON_MAIN
{
	const json_t *old_aces = json_object_get(acl->made.config, "ace");
	json_t *places = gone_by_name(&acl->made, step);
	const json_t *ace;
	size_t i;

	json_array_foreach (json_object_get(step->made.config, "ace"), i, ace) {
		const json_t *at;
		size_t was;

		if (step->from[i] != ACL_CONFIG_NEW) {
			step->made.past[i] = acl->made.past[step->from[i]];
			continue;
		}
		at = json_object_get(places, config_string(ace, "name"));
		was = (size_t)json_integer_value(at);
		if (at != NULL && json_equal(ace, json_array_get(old_aces, was))) {
			step->made.past[i] = count_of(world, acl, was);
		}
	}
	step->made.past[step->made.n] = acl->made.past[acl->made.n];
	json_decref(places);
}

/* --- a transaction -----------------------------------------------------------------------------
 */

static bool
same_member(const json_t *a, const json_t *b, const char *name)
{
	const json_t *x = json_object_get(a, name);
	const json_t *y = json_object_get(b, name);

	return x == y || (x != NULL && y != NULL && json_equal(x, y));
}

/* The list as it is to be, on top of the one that there is. */
static int
configure(const struct world *world, const struct ds_change *change, struct acl_config *config,
	struct err *err) ON_MAIN
{
	const struct world_acl *acl = world_find_acl(world, change->key);
	struct acl_config_base base = {.acl = NULL};

	if (acl != NULL) {
		base.acl = acl->made.config;
		base.first = acl->made.first;
	}
	return acl_config_make(&base, change->after, config, err);
}

int
world_acl_check(const struct world *world, const struct ds_change *change, struct err *err)
{
	struct acl_config config;
	int rc = configure(world, change, &config, err);

	acl_config_fini(&config);
	return rc;
}

static int
make(struct world *world, struct acl_step *step, struct err *err) ON_MAIN
{
	const struct world_acl *acl = world_find_acl(world, step->change->key);
	struct acl_made *made = &step->made;
	struct acl_config config;
	int rc = configure(world, step->change, &config, err);

	if (rc == 0) {
		rc = acl == NULL ? dp_acl_create(world->dp, config.entries, config.n,
					   config.accept_rest, &step->dp, err)
				 : dp_acl_change(world->dp, acl->dp, config.splices,
					   config.n_splices, config.accept_rest, err);
	}
	if (rc == 0) {
		made->config = json_incref((json_t *)(uintptr_t)step->change->after);
		made->n = config.n_aces;
		made->past = must_calloc(made->n + 1, sizeof(*made->past));
		made->first = config.first;
		config.first = NULL;
		step->from = config.from;
		config.from = NULL;
	}
	acl_config_fini(&config);
	return rc;
}

int
acl_step_prepare(
	struct world *world, struct acl_step *step, const struct ds_change *change, struct err *err)
{
	int rc;

	*step = (struct acl_step){.change = change};
	if (change->op == DS_DELETE ||
		(change->op == DS_MODIFY && same_member(change->before, change->after, "ace") &&
			same_member(change->before, change->after, "default-action"))) {
		return 0;
	}
	rc = make(world, step, err);
	if (rc != 0) {
		char path[ERR_PATH_SIZE] = "";

		str_appendf(path, sizeof(path), "/vswitch:vswitch/acl[name='%s']", change->key);
		err_prefix_path(err, path);
	}
	return rc;
}

static void
step_fini(struct acl_step *step)
{
	made_free(&step->made);
	free(step->from);
	step->from = NULL;
}

void
acl_step_apply(struct world *world, struct acl_step *step)
{
	struct world_acl *acl = world_find_acl(world, step->change->key);
	struct acl_made old;

	if (step->made.config == NULL) {
		return;
	}
	if (acl == NULL) {
		acl = must_calloc(1, sizeof(*acl));
		(void)str_copy(acl->name, step->change->key, sizeof(acl->name));
		acl->dp = step->dp;
		step->dp = NULL;
		TAILQ_INSERT_TAIL(&world->acls, acl, link);
		(void)name_map_put(&world->acl_names, acl->name, acl);
	} else {
		keep_counts(world, acl, step);
		dp_acl_commit(world->dp, acl->dp);
	}
	/* The step has the old one from here on. */
	old = acl->made;
	acl->made = step->made;
	step->made = old;
}

void
acl_step_settle(struct world *world, struct acl_step *step)
{
	struct world_acl *acl = world_find_acl(world, step->change->key);

	if (step->change->op == DS_DELETE) {
		dp_acl_destroy(world->dp, acl->dp);
		forget(world, acl);
	}
	step_fini(step);
}

void
acl_step_abort(struct world *world, struct acl_step *step)
{
	const struct world_acl *acl = world_find_acl(world, step->change->key);

	if (step->dp != NULL) {
		dp_acl_destroy(world->dp, step->dp);
	} else if (step->made.config != NULL) {
		dp_acl_abort(world->dp, acl->dp);
	}
	step_fini(step);
}
