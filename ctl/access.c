/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/access.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/host_resource.h"

#define LOOK_AGAIN (100 * CLOCK_MS) /* at names of rules, when there is no news of any */

static struct access_name *names_read(const json_t *rule, const char *leaf, size_t *n);
static void names_free(struct access_name *names, size_t n);
static char **paths_read(const json_t *rule, size_t *n);
static void paths_free(char **paths, size_t n);

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

		names_free(rule->groups, rule->n_groups);
		names_free(rule->users, rule->n_users);
		paths_free(rule->paths, rule->n_paths);
		free(rule->name);
	}
	free(access->rules);
	access_init(access, access->self);
}

/* A number is an id, for which nobody has to be asked. */
static bool
is_number(const char *name, uint32_t *out)
{
	uint64_t number;

	if (str_to_u64(name, 0, UINT32_MAX - 1, &number) != 0) {
		return false;
	}
	if (out != NULL) {
		*out = (uint32_t)number;
	}
	return true;
}

/* --- reading ---------------------------------------------------------------------------------- */

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
	rule->groups = names_read(json, "group", &rule->n_groups);
	rule->paths = paths_read(json, &rule->n_paths);
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

/* --- the host's numbers ----------------------------------------------------------------------- */

static void
resolve(struct access *access, struct access_name *list, size_t n, enum names_kind kind,
	struct names *names) ON_MAIN
{
	for (size_t i = 0; i < n; i++) {
		struct access_name *name = &list[i];
		struct names_answer answer;

		if (is_number(name->name, NULL)) {
			continue;
		}
		names_get(names, kind, name->name, &answer);
		access->n_changes += name->state != answer.state || name->id != answer.id;
		name->state = answer.state;
		name->id = answer.id;
		access->unknown = access->unknown || answer.state == NAMES_UNKNOWN;
		access->soon = access->soon || answer.soon;
	}
}

void
access_resolve(struct access *access, struct names *names)
{
	access->unknown = false;
	access->soon = false;
	access->resolved_at = clock_now();
	for (size_t i = 0; i < access->n_rules; i++) {
		const struct access_rule *rule = &access->rules[i];

		if (rule->local) {
			resolve(access, rule->users, rule->n_users, NAMES_USER, names);
			resolve(access, rule->groups, rule->n_groups, NAMES_GROUP, names);
		}
	}
	access->generation = names_generation(names);
}

/* Many callers may wait for the same names, and each looks again and again. */
static bool
is_stale(const struct access *access, struct names *names) ON_MAIN
{
	return names_generation(names) != access->generation ||
		clock_now() >= access->resolved_at + LOOK_AGAIN;
}

bool
access_settle(struct access *access, struct names *names, struct rpc_who *who)
{
	struct names_answer account = {.state = NAMES_UNKNOWN};
	char key[16];

	if (who->uid == (uid_t)-1) {
		return true;
	}
	if (access->unknown && is_stale(access, names)) {
		access_resolve(access, names);
	}
	(void)snprintf(key, sizeof(key), "%u", who->uid);
	names_get(names, NAMES_ACCOUNT, key, &account);
	if (account.state == NAMES_KNOWN) {
		(void)str_copy(who->user, account.name, sizeof(who->user));
	}
	who->unsure = access_is_unsure(access, who);
	who->starting = !access->ready;
	return !account.soon && !(who->unsure && (access->soon || !access->ready));
}

/* --- asking ----------------------------------------------------------------------------------- */

/* Does a rule mean somebody? */
enum means { MEANS_NO, MEANS_PERHAPS, MEANS_YES };

static bool
is_local(const struct rpc_who *who)
{
	return who->uid != (uid_t)-1;
}

bool
access_is_always_admin(const struct access *access, const struct rpc_who *who)
{
	return is_local(who) && (who->uid == 0 || who->uid == access->self);
}

static enum means
name_means(const struct access_name *name, bool matches)
{
	if (name->state == NAMES_UNKNOWN) {
		return MEANS_PERHAPS;
	}
	return name->state == NAMES_KNOWN && matches ? MEANS_YES : MEANS_NO;
}

static enum means
user_means(const struct access_name *user, const struct rpc_who *who)
{
	if (is_local(who)) {
		return name_means(user, user->id == who->uid);
	}
	return strcmp(who->user, user->name) == 0 ? MEANS_YES : MEANS_NO;
}

static enum means
group_means(const struct access_name *group, const struct rpc_who *who)
{
	if (is_local(who)) {
		return name_means(group, rpc_who_has_gid(who, group->id));
	}
	return rpc_who_has_group(who, group->name) ? MEANS_YES : MEANS_NO;
}

static enum means
rule_means(const struct access_rule *rule, const struct rpc_who *who)
{
	enum means means = MEANS_NO;

	if (who->nobody || who->user[0] == '\0' || !(is_local(who) ? rule->local : rule->remote)) {
		return MEANS_NO;
	}
	if (rule->n_users == 0 && rule->n_groups == 0) {
		return MEANS_YES;
	}
	for (size_t i = 0; i < rule->n_users && means != MEANS_YES; i++) {
		enum means one = user_means(&rule->users[i], who);

		means = one > means ? one : means;
	}
	for (size_t i = 0; i < rule->n_groups && means != MEANS_YES; i++) {
		enum means one = group_means(&rule->groups[i], who);

		means = one > means ? one : means;
	}
	return means;
}

/* The rules that may say the caller's role: those that perhaps mean it, up to the first that does,
 * behind which NULL comes with *ends set. Start with *i 0. */
static const struct access_rule *
rule_next(const struct access *access, const struct rpc_who *who, size_t *i, bool *ends)
{
	while (!*ends && *i < access->n_rules) {
		const struct access_rule *rule = &access->rules[(*i)++];
		enum means means = rule_means(rule, who);

		if (means != MEANS_NO) {
			*ends = means == MEANS_YES;
			return rule;
		}
	}
	return NULL;
}

enum rpc_role
access_role(const struct access *access, const struct rpc_who *who)
{
	const enum rpc_role without = is_local(who) ? access->default_role : who->role;
	const struct access_rule *rule;
	enum rpc_role least = RPC_ROLE_ADMIN;
	bool ends = false;
	size_t i = 0;

	if (access_is_always_admin(access, who)) {
		return RPC_ROLE_ADMIN;
	}
	if (!access->ready) {
		return RPC_ROLE_NONE;
	}
	while ((rule = rule_next(access, who, &i, &ends)) != NULL) {
		least = rule->role < least ? rule->role : least;
	}
	return ends || least < without ? least : without;
}

bool
access_is_unsure(const struct access *access, const struct rpc_who *who)
{
	const struct access_rule *rule;
	bool ends = false;
	size_t i = 0;

	if (access_is_always_admin(access, who)) {
		return false;
	}
	rule = rule_next(access, who, &i, &ends);
	return !access->ready || (rule != NULL && !ends);
}

/* "/a/b" covers "/a/b", "/a/b/c" and "/a/b[key='x']", not "/a/bc". */
static bool
path_covers(const char *prefix, const char *path)
{
	size_t len = strlen(prefix);

	return strncmp(prefix, path, len) == 0 &&
		(path[len] == '\0' || path[len] == '/' || path[len] == '[');
}

/* The next rule that limits where the caller may edit, as rule_next. */
static const struct access_rule *
limit_next(const struct access *access, const struct rpc_who *who, size_t *i, bool *ends)
{
	const struct access_rule *rule;

	if (access_is_always_admin(access, who)) {
		return NULL;
	}
	do {
		rule = rule_next(access, who, i, ends);
	} while (rule != NULL && rule->n_paths == 0);
	return rule;
}

static int
check_edits(const struct access_rule *rule, const struct rpc_who *who, const struct datastore *ds,
	const json_t *edits, struct err *err) ON_MAIN
{
	for (size_t i = 0; i < json_array_size(edits); i++) {
		const json_t *edit = json_array_get(edits, i);
		const char *path = json_string_value(json_object_get(edit, "path"));
		bool covered = path == NULL;
		char name[RPC_NAME_SIZE];
		const char *leaf;

		for (size_t p = 0; p < rule->n_paths && !covered; p++) {
			covered = path_covers(rule->paths[p], path);
		}
		if (!covered) {
			return err_set(err, ERR_DENIED, path,
				"%s may edit at and below %s%s only: rule '%s' of /system/access",
				rpc_who_text(who, name), rule->paths[0],
				rule->n_paths > 1 ? ", ..." : "", rule->name);
		}
		leaf = path == NULL
			? NULL
			: ds_host_resource(ds, json_string_value(json_object_get(edit, "op")), path,
				  json_object_get(edit, "value"));
		if (leaf != NULL) {
			return err_set(err, ERR_DENIED, path,
				"%s may not edit %s, which is for admins of the whole switch: rule "
				"'%s' of /system/access has paths",
				rpc_who_text(who, name), leaf, rule->name);
		}
	}
	return 0;
}

int
access_check_edits(const struct access *access, const struct rpc_who *who,
	const struct datastore *ds, const json_t *edits, struct err *err)
{
	const struct access_rule *rule;
	bool ends = false;
	size_t i = 0;
	int rc = 0;

	while (rc == 0 && (rule = limit_next(access, who, &i, &ends)) != NULL) {
		rc = check_edits(rule, who, ds, edits, err);
	}
	return rc;
}

int
access_check_whole(
	const struct access *access, const struct rpc_who *who, const char *what, struct err *err)
{
	bool ends = false;
	size_t i = 0;
	const struct access_rule *rule = limit_next(access, who, &i, &ends);
	char name[RPC_NAME_SIZE];

	if (rule == NULL) {
		return 0;
	}
	return err_set(err, ERR_DENIED, NULL,
		"%s changes more than %s may edit: rule '%s' of /system/access has paths", what,
		rpc_who_text(who, name), rule->name);
}

/* --- memory ----------------------------------------------------------------------------------- */

static struct access_name *
names_read(const json_t *rule, const char *leaf, size_t *n)
{
	const json_t *list = json_object_get(rule, leaf);
	struct access_name *names;

	*n = json_array_size(list);
	names = must_calloc(*n, sizeof(names[0]));
	for (size_t i = 0; i < *n; i++) {
		const char *name = json_string_value(json_array_get(list, i));

		names[i].name = str_dup(name == NULL ? "" : name);
		if (is_number(names[i].name, &names[i].id)) {
			names[i].state = NAMES_KNOWN;
		}
	}
	return names;
}

static void
names_free(struct access_name *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(names[i].name);
	}
	free(names);
}

static char **
paths_read(const json_t *rule, size_t *n)
{
	const json_t *list = json_object_get(rule, "path");
	char **paths;

	*n = json_array_size(list);
	paths = must_calloc(*n, sizeof(paths[0]));
	for (size_t i = 0; i < *n; i++) {
		const char *path = json_string_value(json_array_get(list, i));

		paths[i] = str_dup(path == NULL ? "" : path);
	}
	return paths;
}

static void
paths_free(char **paths, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(paths[i]);
	}
	free(paths);
}
