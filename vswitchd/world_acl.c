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

static struct dp_acl *
dp_of(const struct world *world, const char *name) ON_MAIN
{
	const struct world_acl *acl = world_find_acl(world, name);

	return acl == NULL ? NULL : acl->made.dp;
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
	*made = (struct acl_made){.dp = NULL};
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
count_of(const struct world *world, const struct acl_made *made, size_t i) ON_MAIN
{
	uint64_t sum = made->past[i];

	if (i == made->n) {
		return sum + dp_acl_rest(world->dp, made->dp);
	}
	for (size_t e = made->first[i]; e < made->first[i + 1]; e++) {
		uint64_t packets;

		dp_acl_get_counters(world->dp, made->dp, e, &packets);
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
			set_counter(ace, "matched-packets", count_of(world, &acl->made, i));
		}
	}
	set_counter(entry, "default-packets", count_of(world, &acl->made, acl->made.n));
}

void
world_clear_acls(const struct world *world)
{
	struct world_acl *acl;

	TAILQ_FOREACH (acl, &world->acls, link) {
		for (size_t i = 0; i <= acl->made.n; i++) {
			acl->made.past[i] -= count_of(world, &acl->made, i);
		}
	}
}

/* Entries that are as they were, whatever their place, go on counting. */
static void
keep_counts(const struct world *world, const struct acl_made *old, struct acl_made *made) ON_MAIN
{
	json_t *places = json_object();
	const json_t *ace;
	size_t i;

	json_array_foreach (json_object_get(old->config, "ace"), i, ace) {
		(void)json_object_set_new(
			places, config_string(ace, "name"), json_integer((json_int_t)i));
	}
	json_array_foreach (json_object_get(made->config, "ace"), i, ace) {
		const json_t *at = json_object_get(places, config_string(ace, "name"));
		const size_t was = (size_t)json_integer_value(at);

		if (at != NULL &&
			json_equal(ace, json_array_get(json_object_get(old->config, "ace"), was))) {
			made->past[i] = count_of(world, old, was);
		}
	}
	made->past[made->n] = count_of(world, old, old->n);
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

static int
make(struct world *world, struct acl_step *step, struct err *err) ON_MAIN
{
	const json_t *after = step->change->after;
	struct acl_made *made = &step->made;
	struct acl_config config;
	int rc = acl_config_make(after, &config, err);

	if (rc == 0) {
		rc = dp_acl_create(
			world->dp, config.entries, config.n, config.accept_rest, &made->dp, err);
	}
	if (rc == 0) {
		made->config = json_incref((json_t *)(uintptr_t)after);
		made->n = config.n_aces;
		made->past = must_calloc(made->n + 1, sizeof(*made->past));
		made->first = config.first;
		config.first = NULL;
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

void
acl_step_apply(struct world *world, struct acl_step *step)
{
	struct world_acl *acl = world_find_acl(world, step->change->key);
	struct acl_made old;

	if (step->made.dp == NULL) {
		return;
	}
	if (acl == NULL) {
		acl = must_calloc(1, sizeof(*acl));
		(void)str_copy(acl->name, step->change->key, sizeof(acl->name));
		TAILQ_INSERT_TAIL(&world->acls, acl, link);
		(void)name_map_put(&world->acl_names, acl->name, acl);
	} else {
		keep_counts(world, &acl->made, &step->made);
	}
	/* The step has the old one from here on. */
	old = acl->made;
	acl->made = step->made;
	step->made = old;
	acl->stale = true;
}

static bool
is_stale(const struct world *world, const char *name) ON_MAIN
{
	const struct world_acl *acl = world_find_acl(world, name);

	return acl != NULL && acl->stale;
}

void
acl_steps_settle(struct world *world, struct acl_step *steps, size_t n)
{
	struct world_port *port;
	struct world_acl *acl;

	if (n == 0) {
		return;
	}
	TAILQ_FOREACH (port, &world->ports, link) {
		if (is_stale(world, port->policy.acl_in) || is_stale(world, port->policy.acl_out)) {
			world_port_forward(world, port);
		}
	}
	for (size_t i = 0; i < n; i++) {
		acl = world_find_acl(world, steps[i].change->key);
		acl->stale = false;
		dp_acl_destroy(world->dp, steps[i].made.dp);
		made_free(&steps[i].made);
		if (steps[i].change->op == DS_DELETE) {
			dp_acl_destroy(world->dp, acl->made.dp);
			forget(world, acl);
		}
	}
}

void
acl_step_abort(struct world *world, struct acl_step *step)
{
	dp_acl_destroy(world->dp, step->made.dp);
	made_free(&step->made);
}
