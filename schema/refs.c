/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/refs.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/suggest.h"
#include "schema/jx.h"
#include "schema/path.h"
#include "schema/value.h"

#define NAMES_SHOWN 5

/* Of a port. */
static const char *const acl_leaves[] = {"acl-in", "acl-out"};

struct refs {
	struct tree_list *bridges;
	struct tree_list *ports;
	struct tree_list *acls;
	struct tree_list *mirrors;
	json_t *ports_of; /* bridge -> {port: count} */
	json_t *bridges_of; /* port -> {bridge whose static MACs name it: how many} */
	json_t *watchers_of; /* port -> {bridge whose buckets watch it: how many} */
	json_t *guards_of; /* access list -> {port: count} */
	json_t *mirrors_of; /* port -> {mirror: count} */
	json_t *bridge_mirrors_of; /* bridge -> {mirror: count} */
	json_t *acl_mirrors_of; /* access list -> {mirror: count} */
};

static bool
is_list(const struct tree_list *list, const char *name)
{
	return strcmp(tree_list_name(list), name) == 0;
}

static struct tree_list *
list_named(struct tree *tree, const char *name)
{
	struct tree_list *list = NULL;

	for (size_t i = 0; (list = tree_list_at(tree, i)) != NULL && !is_list(list, name); i++) {
	}
	assert(list != NULL);
	return list;
}

void
refs_create(struct tree *tree, struct refs **out)
{
	struct refs *refs = calloc(1, sizeof(*refs));

	if (refs == NULL) {
		abort();
	}
	refs->bridges = list_named(tree, "bridge");
	refs->ports = list_named(tree, "port");
	refs->acls = list_named(tree, "acl");
	refs->mirrors = list_named(tree, "mirror");
	refs->ports_of = jx_object();
	refs->bridges_of = jx_object();
	refs->watchers_of = jx_object();
	refs->guards_of = jx_object();
	refs->mirrors_of = jx_object();
	refs->bridge_mirrors_of = jx_object();
	refs->acl_mirrors_of = jx_object();
	*out = refs;
}

void
refs_destroy(struct refs *refs)
{
	if (refs == NULL) {
		return;
	}
	json_decref(refs->ports_of);
	json_decref(refs->bridges_of);
	json_decref(refs->watchers_of);
	json_decref(refs->guards_of);
	json_decref(refs->mirrors_of);
	json_decref(refs->bridge_mirrors_of);
	json_decref(refs->acl_mirrors_of);
	free(refs);
}

/* --- the index ------------------------------------------------------------------------------ */

static void
count(json_t *index, const char *named, const char *by, int delta)
{
	json_t *users = jx_sub_object(index, named);
	json_int_t n = json_integer_value(json_object_get(users, by)) + delta;

	assert(n >= 0);
	if (n > 0) {
		jx_set(users, by, jx_integer(n));
		return;
	}
	(void)json_object_del(users, by);
	if (json_object_size(users) == 0) {
		(void)json_object_del(index, named);
	}
}

static void
count_leaf(json_t *index, const json_t *config, const char *leaf, const char *by, int delta)
{
	const char *named = json_string_value(json_object_get(config, leaf));

	if (named != NULL) {
		count(index, named, by, delta);
	}
}

static void
count_bridge(struct refs *refs, const char *key, const json_t *config, int delta)
{
	json_t *mac;
	json_t *group;
	json_t *bucket;
	size_t i;
	size_t b;

	json_array_foreach (json_object_get(config, "static-mac"), i, mac) {
		count_leaf(refs->bridges_of, mac, "port", key, delta);
	}
	json_array_foreach (json_object_get(config, "group"), i, group) {
		json_array_foreach (json_object_get(group, "bucket"), b, bucket) {
			count_leaf(refs->watchers_of, bucket, "watch-port", key, delta);
		}
	}
}

static void
count_mirror(struct refs *refs, const char *key, const json_t *config, int delta)
{
	json_t *port;
	size_t i;

	count_leaf(refs->mirrors_of, config, "output-port", key, delta);
	count_leaf(refs->bridge_mirrors_of, config, "source-bridge", key, delta);
	count_leaf(refs->acl_mirrors_of, config, "source-acl", key, delta);
	json_array_foreach (json_object_get(config, "source-port"), i, port) {
		count(refs->mirrors_of, json_string_value(port), key, delta);
	}
}

static void
count_entry(struct refs *refs, const struct tree_list *list, const char *key, const json_t *config,
	int delta)
{
	if (list == refs->ports) {
		count_leaf(refs->ports_of, config, "bridge", key, delta);
		for (size_t i = 0; i < ARRAY_LEN(acl_leaves); i++) {
			count_leaf(refs->guards_of, config, acl_leaves[i], key, delta);
		}
	} else if (list == refs->bridges) {
		count_bridge(refs, key, config, delta);
	} else if (list == refs->mirrors) {
		count_mirror(refs, key, config, delta);
	}
}

void
refs_update(struct refs *refs, const struct tree_list *list, const char *key, const json_t *before,
	const json_t *after)
{
	count_entry(refs, list, key, after, 1);
	count_entry(refs, list, key, before, -1);
}

/* --- checks --------------------------------------------------------------------------------- */

static int
no_such(const struct tree_list *list, const char *path, const char *name, struct err *err)
{
	struct suggest suggest;

	tree_suggest(list, name, &suggest);
	return err_set(err, ERR_MISSING, path, "there is no %s '%s'%s", tree_list_name(list), name,
		suggest_text(&suggest));
}

/* "vm1, vm2 and 3 more" */
static const char *
names_text(json_t *users, char *buf, size_t size)
{
	size_t total = json_object_size(users);
	size_t shown = 0;
	const char *name;
	json_t *n;

	buf[0] = '\0';
	json_object_foreach (users, name, n) {
		if (shown == NAMES_SHOWN) {
			(void)str_appendf(buf, size, " and %zu more", total - shown);
			break;
		}
		(void)str_appendf(buf, size, "%s%s", shown++ == 0 ? "" : ", ", name);
	}
	return buf;
}

static int
check_bridge_deleted(const struct refs *refs, const char *key, const char *path, struct err *err)
{
	json_t *users = json_object_get(refs->ports_of, key);
	char names[NAMES_SHOWN * 66 + 32];

	if (users == NULL) {
		return 0;
	}
	return err_set(err, ERR_IN_USE, path,
		"bridge '%s' has %zu port%s: %s; delete them or move them to another bridge first",
		key, json_object_size(users), json_object_size(users) == 1 ? "" : "s",
		names_text(users, names, sizeof(names)));
}

/* A port, bridge or access list that mirrors name. */
static int
check_unmirrored(
	json_t *index, const char *what, const char *key, const char *path, struct err *err)
{
	json_t *users = json_object_get(index, key);
	char names[NAMES_SHOWN * 66 + 32];

	if (users == NULL) {
		return 0;
	}
	return err_set(err, ERR_IN_USE, path,
		"%s '%s' is named by mirror %s; change or delete %s first", what, key,
		names_text(users, names, sizeof(names)),
		json_object_size(users) == 1 ? "it" : "them");
}

static int
check_named(const struct tree_list *list, const char *path, const char *leaf, const char *name,
	struct err *err)
{
	char full[ERR_PATH_SIZE];

	if (name == NULL || tree_get(list, name) != NULL) {
		return 0;
	}
	(void)str_copy(full, path, sizeof(full));
	(void)str_appendf(full, sizeof(full), "/%s", leaf);
	return no_such(list, full, name, err);
}

static int
check_mirror(const struct refs *refs, const char *path, const json_t *config, struct err *err)
{
	const char *output = json_string_value(json_object_get(config, "output-port"));
	const char *bridge = json_string_value(json_object_get(config, "source-bridge"));
	const char *acl = json_string_value(json_object_get(config, "source-acl"));
	json_t *port;
	size_t i;
	int rc = check_named(refs->ports, path, "output-port", output, err);

	if (rc == 0) {
		rc = check_named(refs->bridges, path, "source-bridge", bridge, err);
	}
	if (rc == 0) {
		rc = check_named(refs->acls, path, "source-acl", acl, err);
	}
	json_array_foreach (json_object_get(config, "source-port"), i, port) {
		if (rc == 0) {
			rc = check_named(
				refs->ports, path, "source-port", json_string_value(port), err);
		}
	}
	return rc;
}

static int
check_acl_deleted(const struct refs *refs, const char *key, const char *path, struct err *err)
{
	json_t *users = json_object_get(refs->guards_of, key);
	char names[NAMES_SHOWN * 66 + 32];

	if (users == NULL) {
		return check_unmirrored(refs->acl_mirrors_of, "access list", key, path, err);
	}
	return err_set(err, ERR_IN_USE, path,
		"access list '%s' is used by %zu port%s: %s; delete their leaves acl-in and "
		"acl-out first",
		key, json_object_size(users), json_object_size(users) == 1 ? "" : "s",
		names_text(users, names, sizeof(names)));
}

static bool
is_in(const struct refs *refs, const char *name, const char *bridge)
{
	const json_t *port = tree_get(refs->ports, name);
	const char *home = json_string_value(json_object_get(port, "bridge"));

	return home != NULL && strcmp(home, bridge) == 0;
}

/* `name`, which stands at the path `full`, is no port of the bridge. */
static int
not_in(const struct refs *refs, const char *full, const char *name, const char *bridge,
	struct err *err)
{
	const json_t *port = tree_get(refs->ports, name);
	const char *home = json_string_value(json_object_get(port, "bridge"));

	if (port == NULL) {
		return no_such(refs->ports, full, name, err);
	}
	if (home == NULL) {
		return err_set(err, ERR_INVALID, full,
			"port '%s' belongs to no bridge; set its leaf 'bridge' to '%s' first", name,
			bridge);
	}
	return err_set(err, ERR_INVALID, full, "port '%s' belongs to bridge '%s', not to '%s'",
		name, home, bridge);
}

static void
append_number(char *path, size_t size, const char *key, const json_t *entry)
{
	char text[VALUE_TEXT_SIZE];

	path_append_key(
		path, size, key, value_text(json_object_get(entry, key), text, sizeof(text)));
}

static int
check_static_mac(const struct refs *refs, const char *bridge, const char *path, const json_t *mac,
	struct err *err)
{
	const char *name = json_string_value(json_object_get(mac, "port"));
	char full[ERR_PATH_SIZE];

	if (is_in(refs, name, bridge)) {
		return 0;
	}
	(void)str_copy(full, path, sizeof(full));
	(void)str_append(full, "/static-mac", sizeof(full));
	path_append_key(full, sizeof(full), "mac", json_string_value(json_object_get(mac, "mac")));
	append_number(full, sizeof(full), "vlan", mac);
	(void)str_append(full, "/port", sizeof(full));
	return not_in(refs, full, name, bridge, err);
}

static int
check_bucket(const struct refs *refs, const char *bridge, const char *path, const json_t *group,
	const json_t *bucket, struct err *err)
{
	const char *name = json_string_value(json_object_get(bucket, "watch-port"));
	char full[ERR_PATH_SIZE];

	if (name == NULL || is_in(refs, name, bridge)) {
		return 0;
	}
	(void)str_copy(full, path, sizeof(full));
	(void)str_append(full, "/group", sizeof(full));
	append_number(full, sizeof(full), "id", group);
	(void)str_append(full, "/bucket", sizeof(full));
	append_number(full, sizeof(full), "id", bucket);
	(void)str_append(full, "/watch-port", sizeof(full));
	return not_in(refs, full, name, bridge, err);
}

static int
check_bridge(const struct refs *refs, const char *key, const char *path, const json_t *config,
	struct err *err)
{
	json_t *mac;
	json_t *group;
	json_t *bucket;
	size_t i;
	size_t b;
	int rc;

	json_array_foreach (json_object_get(config, "static-mac"), i, mac) {
		rc = check_static_mac(refs, key, path, mac, err);
		if (rc != 0) {
			return rc;
		}
	}
	json_array_foreach (json_object_get(config, "group"), i, group) {
		json_array_foreach (json_object_get(group, "bucket"), b, bucket) {
			rc = check_bucket(refs, key, path, group, bucket, err);
			if (rc != 0) {
				return rc;
			}
		}
	}
	return 0;
}

/* What the port names itself. */
static int
check_port_names(const struct refs *refs, const char *path, const json_t *config, struct err *err)
{
	const char *home = json_string_value(json_object_get(config, "bridge"));
	char full[ERR_PATH_SIZE];

	if (home != NULL && tree_get(refs->bridges, home) == NULL) {
		(void)str_copy(full, path, sizeof(full));
		(void)str_append(full, "/bridge", sizeof(full));
		return no_such(refs->bridges, full, home, err);
	}
	for (size_t i = 0; i < ARRAY_LEN(acl_leaves); i++) {
		const char *acl = json_string_value(json_object_get(config, acl_leaves[i]));

		if (acl != NULL && tree_get(refs->acls, acl) == NULL) {
			(void)str_copy(full, path, sizeof(full));
			(void)str_appendf(full, sizeof(full), "/%s", acl_leaves[i]);
			return no_such(refs->acls, full, acl, err);
		}
	}
	return 0;
}

/* Static MACs and buckets that name the port lie in its own bridge; none may when it is gone. */
static int
check_port(const struct refs *refs, const char *key, const char *path, const json_t *config,
	struct err *err)
{
	json_t *users = json_object_get(refs->bridges_of, key);
	const char *home = json_string_value(json_object_get(config, "bridge"));
	char full[ERR_PATH_SIZE];
	const char *bridge;
	json_t *n;
	int rc = check_port_names(refs, path, config, err);

	if (rc != 0) {
		return rc;
	}

	(void)str_copy(full, path, sizeof(full));
	(void)str_append(full, config == NULL ? "" : "/bridge", sizeof(full));
	json_object_foreach (users, bridge, n) {
		if (home == NULL || strcmp(home, bridge) != 0) {
			return err_set(err, ERR_IN_USE, full,
				"bridge '%s' has %d static MAC address%s behind port '%s'; delete "
				"%s first",
				bridge, (int)json_integer_value(n),
				json_integer_value(n) == 1 ? "" : "es", key,
				json_integer_value(n) == 1 ? "it" : "them");
		}
	}
	json_object_foreach (json_object_get(refs->watchers_of, key), bridge, n) {
		if (home == NULL || strcmp(home, bridge) != 0) {
			return err_set(err, ERR_IN_USE, full,
				"%s of bridge '%s' watch%s port '%s'; delete %s "
				"leaf watch-port first",
				json_integer_value(n) == 1 ? "a bucket" : "buckets", bridge,
				json_integer_value(n) == 1 ? "es" : "", key,
				json_integer_value(n) == 1 ? "its" : "their");
		}
	}
	return 0;
}

int
refs_check(const struct refs *refs, const struct tree_list *list, const char *key,
	const json_t *config, struct err *err)
{
	char path[ERR_PATH_SIZE];
	int rc;

	(void)tree_path(list, key, path, sizeof(path));
	if (list == refs->ports) {
		rc = config == NULL ? check_unmirrored(refs->mirrors_of, "port", key, path, err)
				    : 0;
		return rc != 0 ? rc : check_port(refs, key, path, config, err);
	}
	if (list == refs->mirrors) {
		return config == NULL ? 0 : check_mirror(refs, path, config, err);
	}
	if (list == refs->acls) {
		return config == NULL ? check_acl_deleted(refs, key, path, err) : 0;
	}
	if (list != refs->bridges) {
		return 0;
	}
	if (config != NULL) {
		return check_bridge(refs, key, path, config, err);
	}
	rc = check_unmirrored(refs->bridge_mirrors_of, "bridge", key, path, err);
	return rc != 0 ? rc : check_bridge_deleted(refs, key, path, err);
}
