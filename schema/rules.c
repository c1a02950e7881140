/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/rules.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define LEAVES_MAX 10
#define PEER_UIDS_MAX 16 /* max-elements of the leaf-list peer-uid */

/* One row per port type. A leaf that stands in any row is type-specific. */
struct type_rule {
	const char *type;
	const char *needs[2]; /* all of them */
	const char *needs_one[3]; /* at least one of them */
	const char *takes[LEAVES_MAX]; /* these too */
};

static const struct type_rule type_rules[] = {
	{.type = "vhost-user",
		.takes = {"socket", "mode", "owner", "group", "permissions", "backend",
			"disable-feature", "peer-uid", "require-seals"}},
	{.type = "pci", .needs_one = {"pci", "devargs"}},
	{.type = "af-xdp", .needs = {"ifname"}},
	{.type = "af-packet", .needs = {"ifname"}},
	{.type = "tap", .takes = {"ifname", "netns"}},
	{.type = "virtio-user", .needs = {"path"}, .takes = {"trusted"}},
	{.type = "memif", .needs = {"socket"}, .takes = {"role", "id", "trusted"}},
	{.type = "ring"},
	{.type = "pcap", .needs_one = {"rx-file", "tx-file"}},
	{.type = "null"},
	{.type = "fake"},
};

enum want { REFUSED, OPTIONAL, NEEDED };

struct vlan_rule {
	const char *mode;
	enum want vlan;
	enum want trunk;
	enum want tunnel; /* cvlan, qinq-ethertype */
};

static const struct vlan_rule vlan_rules[] = {
	{"access", NEEDED, REFUSED, REFUSED},
	{"trunk", REFUSED, OPTIONAL, REFUSED},
	{"native-tagged", NEEDED, OPTIONAL, REFUSED},
	{"native-untagged", NEEDED, OPTIONAL, REFUSED},
	{"dot1q-tunnel", NEEDED, REFUSED, OPTIONAL},
};

static int
fault(struct err *err, const char *path, const char *leaf, const char *text)
{
	char full[ERR_PATH_SIZE];

	(void)str_copy(full, path, sizeof(full));
	(void)str_appendf(full, sizeof(full), "/%s", leaf);
	return err_set(err, ERR_INVALID, full, "%s", text);
}

static const char *
text_of(const json_t *entry, const char *leaf, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(entry, leaf));

	return text == NULL ? otherwise : text;
}

/* --- port types ----------------------------------------------------------------------------- */

static bool
contains(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n && names[i] != NULL; i++) {
		if (strcmp(names[i], name) == 0) {
			return true;
		}
	}
	return false;
}

static bool
type_takes(const struct type_rule *rule, const char *leaf)
{
	return contains(rule->needs, ARRAY_LEN(rule->needs), leaf) ||
		contains(rule->needs_one, ARRAY_LEN(rule->needs_one), leaf) ||
		contains(rule->takes, ARRAY_LEN(rule->takes), leaf);
}

static const struct type_rule *
find_type(const char *type)
{
	for (size_t i = 0; i < ARRAY_LEN(type_rules); i++) {
		if (strcmp(type_rules[i].type, type) == 0) {
			return &type_rules[i];
		}
	}
	/* A type without row cannot take or need anything that others have. */
	return NULL;
}

/* A leaf that only other types take is refused, naming them. */
static int
check_foreign_leaf(const struct type_rule *rule, const char *type, const char *path,
	const char *leaf, struct err *err)
{
	char text[256];
	size_t owners = 0;

	if (rule != NULL && type_takes(rule, leaf)) {
		return 0;
	}
	(void)snprintf(text, sizeof(text),
		"leaf '%s' does not apply to type '%s'; it belongs to:", leaf, type);
	for (size_t i = 0; i < ARRAY_LEN(type_rules); i++) {
		if (type_takes(&type_rules[i], leaf)) {
			(void)str_appendf(text, sizeof(text), "%s %s", owners++ == 0 ? "" : ",",
				type_rules[i].type);
		}
	}
	return owners == 0 ? 0 : fault(err, path, leaf, text);
}

static int
check_needs(const struct type_rule *rule, const char *path, const json_t *port, struct err *err)
{
	char text[256];

	for (size_t i = 0; i < ARRAY_LEN(rule->needs) && rule->needs[i] != NULL; i++) {
		if (json_object_get(port, rule->needs[i]) == NULL) {
			(void)snprintf(text, sizeof(text),
				"a port of type '%s' needs the leaf '%s'", rule->type,
				rule->needs[i]);
			return fault(err, path, rule->needs[i], text);
		}
	}
	if (rule->needs_one[0] != NULL && json_object_get(port, rule->needs_one[0]) == NULL &&
		json_object_get(port, rule->needs_one[1]) == NULL) {
		(void)snprintf(text, sizeof(text),
			"a port of type '%s' needs the leaf '%s' or the leaf '%s'", rule->type,
			rule->needs_one[0], rule->needs_one[1]);
		return fault(err, path, rule->needs_one[0], text);
	}
	return 0;
}

static int
check_backend(const char *path, const json_t *port, struct err *err)
{
	static const char *const of_native[] = {"disable-feature", "peer-uid", "require-seals"};
	const size_t n_uids = json_array_size(json_object_get(port, "peer-uid"));
	const char *backend = text_of(port, "backend", "native");
	char text[256];

	for (size_t i = 0; i < ARRAY_LEN(of_native) && strcmp(backend, "native") != 0; i++) {
		if (json_object_get(port, of_native[i]) != NULL) {
			(void)snprintf(text, sizeof(text),
				"leaf '%s' applies to backend 'native' only; the backend is '%s'",
				of_native[i], backend);
			return fault(err, path, of_native[i], text);
		}
	}
	if (n_uids > PEER_UIDS_MAX) {
		(void)snprintf(text, sizeof(text),
			"%zu users are too many, there can be %d; give the socket a 'group' "
			"instead",
			n_uids, PEER_UIDS_MAX);
		return fault(err, path, "peer-uid", text);
	}
	return 0;
}

static int
check_vhost_user(const char *path, const json_t *port, struct err *err)
{
	static const char *const of_server[] = {"owner", "group", "permissions"};
	int rc = check_backend(path, port, err);

	if (rc != 0) {
		return rc;
	}
	if (strcmp(text_of(port, "mode", "server"), "client") != 0) {
		return 0;
	}
	if (json_object_get(port, "socket") == NULL) {
		return fault(err, path, "socket",
			"a vhost-user port with mode 'client' needs the leaf 'socket'");
	}
	for (size_t i = 0; i < ARRAY_LEN(of_server); i++) {
		if (json_object_get(port, of_server[i]) != NULL) {
			return fault(err, path, of_server[i],
				"with mode 'client' the socket file is the peer's; owner, group "
				"and permissions apply to mode 'server'");
		}
	}
	return 0;
}

static int
check_type(const char *path, const json_t *port, struct err *err)
{
	const char *type = text_of(port, "type", "");
	const struct type_rule *rule = find_type(type);
	const char *leaf;
	json_t *value;
	int rc = 0;

	json_object_foreach ((json_t *)(uintptr_t)port, leaf, value) {
		rc = check_foreign_leaf(rule, type, path, leaf, err);
		if (rc != 0) {
			return rc;
		}
	}
	if (rule != NULL) {
		rc = check_needs(rule, path, port, err);
	}
	if (rc == 0 && strcmp(type, "vhost-user") == 0) {
		rc = check_vhost_user(path, port, err);
	}
	if (rc == 0 && json_object_get(port, "pci") != NULL &&
		json_object_get(port, "devargs") != NULL) {
		rc = fault(err, path, "devargs",
			"'devargs' replaces the leaf 'pci'; give one of them (a device string may "
			"start with the address)");
	}
	return rc;
}

/* --- VLANs ---------------------------------------------------------------------------------- */

const char *
rules_vlan_mode(const json_t *port)
{
	bool vlan = json_object_get(port, "vlan") != NULL;
	bool trunk = json_array_size(json_object_get(port, "trunk")) != 0;

	return text_of(port, "vlan-mode", !vlan ? "trunk" : trunk ? "native-untagged" : "access");
}

static int
check_vlan_leaf(const struct vlan_rule *rule, const char *leaf, enum want want, const char *path,
	const json_t *port, struct err *err)
{
	bool given = json_object_get(port, leaf) != NULL;
	char text[256];

	if (given && want == REFUSED) {
		(void)snprintf(text, sizeof(text), "leaf '%s' does not apply to vlan-mode '%s'%s",
			leaf, rule->mode,
			json_object_get(port, "vlan-mode") == NULL
				? ", which is in effect because vlan-mode is not given"
				: "");
		return fault(err, path, leaf, text);
	}
	if (!given && want == NEEDED) {
		(void)snprintf(
			text, sizeof(text), "vlan-mode '%s' needs the leaf '%s'", rule->mode, leaf);
		return fault(err, path, leaf, text);
	}
	return 0;
}

/* The two ends of 'a-b' stand in this order; that they are ids the schema has checked. */
static int
check_ranges(const char *path, const json_t *port, const char *leaf, struct err *err)
{
	json_t *value;
	size_t i;

	json_array_foreach (json_object_get(port, leaf), i, value) {
		const char *range = json_string_value(value);
		const char *dash = strchr(range, '-');
		char text[128];

		if (dash != NULL && strtol(range, NULL, 10) > strtol(dash + 1, NULL, 10)) {
			(void)snprintf(text, sizeof(text),
				"the range '%s' runs backwards; write '%s-%.*s'", range, dash + 1,
				(int)(dash - range), range);
			return fault(err, path, leaf, text);
		}
	}
	return 0;
}

static int
check_vlans(const char *path, const json_t *port, struct err *err)
{
	const char *mode = rules_vlan_mode(port);
	const struct vlan_rule *rule = vlan_rules;
	int rc;

	while (rule < vlan_rules + ARRAY_LEN(vlan_rules) && strcmp(rule->mode, mode) != 0) {
		rule++;
	}
	if (rule == vlan_rules + ARRAY_LEN(vlan_rules)) {
		return 0;
	}
	rc = check_vlan_leaf(rule, "vlan", rule->vlan, path, port, err);
	if (rc == 0) {
		rc = check_vlan_leaf(rule, "trunk", rule->trunk, path, port, err);
	}
	if (rc == 0) {
		rc = check_vlan_leaf(rule, "cvlan", rule->tunnel, path, port, err);
	}
	if (rc == 0) {
		rc = check_vlan_leaf(rule, "qinq-ethertype", rule->tunnel, path, port, err);
	}
	if (rc == 0) {
		rc = check_ranges(path, port, "trunk", err);
	}
	return rc == 0 ? check_ranges(path, port, "cvlan", err) : rc;
}

int
rules_check(const char *list, const char *path, const json_t *entry, struct err *err)
{
	int rc;

	if (strcmp(list, "mirror") == 0) {
		return check_ranges(path, entry, "source-vlan", err);
	}
	if (strcmp(list, "port") != 0) {
		return 0;
	}
	rc = check_type(path, entry, err);
	return rc == 0 ? check_vlans(path, entry, err) : rc;
}
