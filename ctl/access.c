/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/access.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "schema/host_resource.h"

static char **names_read(const json_t *rule, const char *leaf, size_t *n);
static void names_free(char **names, size_t n);

void
access_init(struct access *access, uid_t self)
{
	*access = (struct access){.self = self};
}

void
access_fini(struct access *access)
{
	for (size_t i = 0; i < access->n_rules; i++) {
		struct access_rule *rule = &access->rules[i];

		for (size_t g = 0; g < rule->n_groups; g++) {
			free(rule->groups[g].name);
		}
		free(rule->groups);
		names_free(rule->users, rule->n_users);
		names_free(rule->paths, rule->n_paths);
		free(rule->name);
	}
	free(access->rules);
	access_init(access, access->self);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Of a host's group by name or number. */
static gid_t
gid_of(const char *name)
{
	const struct group *group = getgrnam(name);
	uint64_t number;

	if (group != NULL) {
		return group->gr_gid;
	}
	return str_to_u64(name, 0, UINT32_MAX - 1, &number) == 0 ? (gid_t)number : (gid_t)-1;
}

static void
groups_read(struct access_rule *rule, const json_t *json)
{
	const json_t *list = json_object_get(json, "group");

	rule->n_groups = json_array_size(list);
	rule->groups = must_calloc(rule->n_groups, sizeof(rule->groups[0]));
	for (size_t i = 0; i < rule->n_groups; i++) {
		const char *name = json_string_value(json_array_get(list, i));

		rule->groups[i].name = str_dup(name == NULL ? "" : name);
		rule->groups[i].gid = gid_of(rule->groups[i].name);
	}
}

/* A wrong prefix would silently forbid everything. */
static int
paths_check(const struct access_rule *rule, struct err *err)
{
	static const char root[] = "/vswitch:vswitch";

	for (size_t i = 0; i < rule->n_paths; i++) {
		const char *path = rule->paths[i];
		size_t len = strlen(path);

		if (strncmp(path, root, sizeof(root) - 1) != 0 ||
			(path[sizeof(root) - 1] != '\0' && path[sizeof(root) - 1] != '/') ||
			path[len - 1] == '/') {
			return err_set(err, ERR_INVALID, "rule",
				"rule '%s': path '%s' must begin with %s/ and not end with a "
				"slash, as in %s/port[name='vm1']",
				rule->name, path, root, root);
		}
		if (strchr(path, '"') != NULL) {
			return err_set(err, ERR_INVALID, "rule",
				"rule '%s': path '%s': write ' in place of \"", rule->name, path);
		}
	}
	return 0;
}

static int
rule_read(struct access_rule *rule, const json_t *json, struct err *err)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	const char *role = json_string_value(json_object_get(json, "role"));
	const char *from = json_string_value(json_object_get(json, "from"));

	rule->name = str_dup(name == NULL ? "" : name);
	rule->users = names_read(json, "user", &rule->n_users);
	rule->paths = names_read(json, "path", &rule->n_paths);
	groups_read(rule, json);
	rule->local = from == NULL || strcmp(from, "remote") != 0;
	rule->remote = from == NULL || strcmp(from, "local") != 0;
	if (role == NULL || !rpc_role_parse(role, &rule->role)) {
		return err_set(err, ERR_INVALID, "rule",
			"rule '%s': the role is one of none, read, operate, admin", rule->name);
	}
	if (rule->n_paths > 0 && rule->role != RPC_ROLE_ADMIN) {
		return err_set(err, ERR_INVALID, "rule",
			"rule '%s': only role admin edits, so a path says nothing of role %s",
			rule->name, role);
	}
	return paths_check(rule, err);
}

int
access_read(struct access *out, uid_t self, const json_t *container, struct err *err)
{
	const json_t *rules = json_object_get(container, "rule");
	const char *role = json_string_value(json_object_get(container, "default-role"));
	int rc = 0;

	access_init(out, self);
	out->ready = true;
	out->default_role = RPC_ROLE_ADMIN;
	if (role != NULL && !rpc_role_parse(role, &out->default_role)) {
		return err_set(err, ERR_INVALID, "default-role",
			"the role is one of none, read, operate, admin");
	}
	out->n_rules = json_array_size(rules);
	out->rules = must_calloc(out->n_rules, sizeof(out->rules[0]));
	for (size_t i = 0; i < out->n_rules && rc == 0; i++) {
		rc = rule_read(&out->rules[i], json_array_get(rules, i), err);
	}
	if (rc != 0) {
		access_fini(out);
	}
	return rc;
}

/* --- asking ----------------------------------------------------------------------------------- */

static bool
is_local(const struct rpc_who *who)
{
	return who->uid != (uid_t)-1;
}

static bool
is_always_admin(const struct access *access, const struct rpc_who *who)
{
	return is_local(who) && (who->uid == 0 || who->uid == access->self);
}

/* By name, or a local account by its number. */
static bool
is_user(const struct rpc_who *who, const char *user)
{
	uint64_t number;

	if (strcmp(who->user, user) == 0) {
		return true;
	}
	return is_local(who) && str_to_u64(user, 0, UINT32_MAX - 1, &number) == 0 &&
		number == who->uid;
}

static bool
rule_means(const struct access_rule *rule, const struct rpc_who *who)
{
	if (who->nobody || who->user[0] == '\0' || !(is_local(who) ? rule->local : rule->remote)) {
		return false;
	}
	for (size_t i = 0; i < rule->n_users; i++) {
		if (is_user(who, rule->users[i])) {
			return true;
		}
	}
	for (size_t i = 0; i < rule->n_groups; i++) {
		const struct access_group *group = &rule->groups[i];

		if (is_local(who) ? rpc_who_has_gid(who, group->gid)
				  : rpc_who_has_group(who, group->name)) {
			return true;
		}
	}
	return rule->n_users == 0 && rule->n_groups == 0;
}

/* The first rule that names the caller, or NULL. */
static const struct access_rule *
rule_of(const struct access *access, const struct rpc_who *who)
{
	for (size_t i = 0; i < access->n_rules; i++) {
		if (rule_means(&access->rules[i], who)) {
			return &access->rules[i];
		}
	}
	return NULL;
}

enum rpc_role
access_role(const struct access *access, const struct rpc_who *who)
{
	const struct access_rule *rule;

	if (is_always_admin(access, who)) {
		return RPC_ROLE_ADMIN;
	}
	if (!access->ready) {
		return RPC_ROLE_NONE;
	}
	rule = rule_of(access, who);
	if (rule != NULL) {
		return rule->role;
	}
	return is_local(who) ? access->default_role : who->role;
}

/* "/a/b" covers "/a/b", "/a/b/c" and "/a/b[key='x']", not "/a/bc". */
static bool
path_covers(const char *prefix, const char *path)
{
	size_t len = strlen(prefix);

	return strncmp(prefix, path, len) == 0 &&
		(path[len] == '\0' || path[len] == '/' || path[len] == '[');
}

/* The rule that limits where the caller may edit, or NULL. */
static const struct access_rule *
limit_of(const struct access *access, const struct rpc_who *who)
{
	const struct access_rule *rule = is_always_admin(access, who) ? NULL : rule_of(access, who);

	return rule != NULL && rule->n_paths > 0 ? rule : NULL;
}

int
access_check_edits(const struct access *access, const struct rpc_who *who,
	const struct datastore *ds, const json_t *edits, struct err *err)
{
	const struct access_rule *rule = limit_of(access, who);

	for (size_t i = 0; rule != NULL && i < json_array_size(edits); i++) {
		const char *path =
			json_string_value(json_object_get(json_array_get(edits, i), "path"));
		const json_t *value = json_object_get(json_array_get(edits, i), "value");
		bool covered = path == NULL;
		const char *leaf;

		for (size_t p = 0; p < rule->n_paths && !covered; p++) {
			covered = path_covers(rule->paths[p], path);
		}
		if (!covered) {
			return err_set(err, ERR_DENIED, path,
				"%s (%s) may edit at and below %s%s only: rule '%s' of "
				"/system/access",
				who->user, who->from, rule->paths[0],
				rule->n_paths > 1 ? ", ..." : "", rule->name);
		}
		leaf = path == NULL ? NULL : ds_host_resource(ds, path, value);
		if (leaf != NULL) {
			return err_set(err, ERR_DENIED, path,
				"%s (%s) may not set %s, which is something of the host: rule '%s' "
				"of /system/access has paths",
				who->user, who->from, leaf, rule->name);
		}
	}
	return 0;
}

int
access_check_whole(
	const struct access *access, const struct rpc_who *who, const char *what, struct err *err)
{
	const struct access_rule *rule = limit_of(access, who);

	if (rule == NULL) {
		return 0;
	}
	return err_set(err, ERR_DENIED, NULL,
		"%s changes more than %s (%s) may edit: rule '%s' of /system/access has paths",
		what, who->user, who->from, rule->name);
}

/* --- memory ----------------------------------------------------------------------------------- */

static char **
names_read(const json_t *rule, const char *leaf, size_t *n)
{
	const json_t *list = json_object_get(rule, leaf);
	char **names;

	*n = json_array_size(list);
	names = must_calloc(*n, sizeof(names[0]));
	for (size_t i = 0; i < *n; i++) {
		const char *name = json_string_value(json_array_get(list, i));

		names[i] = str_dup(name == NULL ? "" : name);
	}
	return names;
}

static void
names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(names[i]);
	}
	free(names);
}
