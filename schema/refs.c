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

#define NAMES_SHOWN 5

struct refs {
	struct tree_list *bridges;
	struct tree_list *ports;
	json_t *ports_of; /* bridge -> {port: count} */
	json_t *bridges_of; /* port -> {bridge whose static MACs name it: how many} */
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
	refs->ports_of = jx_object();
	refs->bridges_of = jx_object();
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
count_entry(struct refs *refs, const struct tree_list *list, const char *key, const json_t *config,
	int delta)
{
	const char *bridge = json_string_value(json_object_get(config, "bridge"));
	json_t *mac;
	size_t i;

	if (list == refs->ports && bridge != NULL) {
		count(refs->ports_of, bridge, key, delta);
	}
	if (list != refs->bridges) {
		return;
	}
	json_array_foreach (json_object_get(config, "static-mac"), i, mac) {
		count(refs->bridges_of, json_string_value(json_object_get(mac, "port")), key,
			delta);
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

static int
check_static_mac(const struct refs *refs, const char *bridge, const char *path, const json_t *mac,
	struct err *err)
{
	const char *name = json_string_value(json_object_get(mac, "port"));
	const json_t *port = tree_get(refs->ports, name);
	const char *home = json_string_value(json_object_get(port, "bridge"));
	char full[ERR_PATH_SIZE];
	char vlan[16];

	if (home != NULL && strcmp(home, bridge) == 0) {
		return 0;
	}
	(void)str_copy(full, path, sizeof(full));
	(void)str_append(full, "/static-mac", sizeof(full));
	path_append_key(full, sizeof(full), "mac", json_string_value(json_object_get(mac, "mac")));
	(void)snprintf(
		vlan, sizeof(vlan), "%d", (int)json_integer_value(json_object_get(mac, "vlan")));
	path_append_key(full, sizeof(full), "vlan", vlan);
	(void)str_append(full, "/port", sizeof(full));
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

static int
check_bridge(const struct refs *refs, const char *key, const char *path, const json_t *config,
	struct err *err)
{
	json_t *mac;
	size_t i;

	json_array_foreach (json_object_get(config, "static-mac"), i, mac) {
		int rc = check_static_mac(refs, key, path, mac, err);

		if (rc != 0) {
			return rc;
		}
	}
	return 0;
}

/* Static MACs that name the port lie in its own bridge; none may when it is gone. */
static int
check_port(const struct refs *refs, const char *key, const char *path, const json_t *config,
	struct err *err)
{
	json_t *users = json_object_get(refs->bridges_of, key);
	const char *home = json_string_value(json_object_get(config, "bridge"));
	char full[ERR_PATH_SIZE];
	const char *bridge;
	json_t *n;

	(void)str_copy(full, path, sizeof(full));
	(void)str_append(full, config == NULL ? "" : "/bridge", sizeof(full));
	if (home != NULL && tree_get(refs->bridges, home) == NULL) {
		return no_such(refs->bridges, full, home, err);
	}
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
	return 0;
}

int
refs_check(const struct refs *refs, const struct tree_list *list, const char *key,
	const json_t *config, struct err *err)
{
	char path[ERR_PATH_SIZE];

	(void)tree_path(list, key, path, sizeof(path));
	if (list == refs->ports) {
		return check_port(refs, key, path, config, err);
	}
	if (list != refs->bridges) {
		return 0;
	}
	return config == NULL ? check_bridge_deleted(refs, key, path, err)
			      : check_bridge(refs, key, path, config, err);
}
