/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random edits against a naive twin, by themselves and with revisions.
 *
 * The twin is a plain document of nested objects; it applies each operation by itself and then
 * checks the whole configuration in the most obvious way. After each edit, datastore and twin must
 * have taken or refused it alike, show the same configuration, and libyang must accept all of it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "schema/jx.h"
#include "schema/test_backend.h"

#define N_NAMES 4
#define N_MACS 3
#define ROOT "/vswitch:vswitch"

/* {"bridge": {name: {leaf: v, "static-mac": {mac: {...}}}}, "port": {name: {..., "trunk": {v: v}}}}
 */
struct twin {
	json_t *tree;
	unsigned int seed;
	bool provisional; /* edits are to be confirmed */
	json_t *trees; /* the tree at each revision, of test_random_revisions */
};

static unsigned int
pick(struct twin *twin, unsigned int n)
{
	twin->seed = twin->seed * 1103515245U + 12345U;
	return (twin->seed >> 16) % n;
}

/* --- random operations ---------------------------------------------------------------------- */

struct random_op {
	const char *op;
	const char *list; /* "bridge" or "port" */
	const char *inner; /* "static-mac", "trunk", a leaf, or NULL */
	char name[8];
	char element[32]; /* MAC or VLAN */
	char path[256];
	json_t *value; /* NULL if none */
};

static json_t *
random_value(struct twin *twin, const char *leaf)
{
	char text[16];

	if (strcmp(leaf, "bridge") == 0 || strcmp(leaf, "port") == 0) {
		(void)snprintf(text, sizeof(text), "%c%u", leaf[0], pick(twin, N_NAMES));
		return jx_string(text);
	}
	if (strcmp(leaf, "type") == 0) {
		return jx_string(pick(twin, 2) == 0 ? "tap" : "fake");
	}
	if (strcmp(leaf, "ifname") == 0) {
		return jx_string("eth0");
	}
	/* Sometimes out of range. */
	return jx_integer(strcmp(leaf, "mtu") == 0 ? 60 + pick(twin, 100) : 1 + pick(twin, 4200));
}

static json_t *
random_entry(struct twin *twin, const char *list)
{
	static const char *const leaves[] = {"type", "bridge", "mtu", "ifname", "vlan"};
	json_t *entry = jx_object();

	for (size_t i = 0; strcmp(list, "port") == 0 && i < 5; i++) {
		if (pick(twin, 3) == 0 || (i == 0 && pick(twin, 8) != 0)) {
			jx_set(entry, leaves[i], random_value(twin, leaves[i]));
		}
	}
	if (strcmp(list, "bridge") == 0 && pick(twin, 2) == 0) {
		jx_set(entry, "aging-time", jx_integer(10 * pick(twin, 4)));
	}
	return entry;
}

static void
random_inner(struct twin *twin, struct random_op *op)
{
	static const char *const leaves[] = {"bridge", "mtu", "ifname", "vlan"};
	bool port = strcmp(op->list, "port") == 0;
	char tail[96];

	if (port && pick(twin, 3) != 0) {
		op->inner = leaves[pick(twin, 4)];
		op->value = random_value(twin, op->inner);
		(void)snprintf(tail, sizeof(tail), "/%s", op->inner);
	} else if (port) {
		op->inner = "trunk";
		(void)snprintf(op->element, sizeof(op->element), "%u", 1 + pick(twin, 3));
		(void)snprintf(tail, sizeof(tail), "/trunk[.='%s']", op->element);
	} else {
		op->inner = "static-mac";
		op->value = jx_object();
		jx_set(op->value, "port", random_value(twin, "port"));
		(void)snprintf(
			op->element, sizeof(op->element), "52:00:00:00:00:0%u", pick(twin, N_MACS));
		(void)snprintf(tail, sizeof(tail), "/static-mac[mac='%s'][vlan='0']", op->element);
	}
	(void)str_append(op->path, tail, sizeof(op->path));
}

static struct random_op
random_operation(struct twin *twin)
{
	static const char *const ops[] = {"merge", "create", "replace", "delete", "remove"};
	struct random_op op = {.op = ops[pick(twin, 5)]};

	op.list = pick(twin, 3) == 0 ? "bridge" : "port";
	(void)snprintf(op.name, sizeof(op.name), "%c%u", op.list[0], pick(twin, N_NAMES));
	(void)snprintf(op.path, sizeof(op.path), ROOT "/%s[name='%s']", op.list, op.name);
	if (pick(twin, 2) == 0) {
		random_inner(twin, &op);
	} else {
		op.value = random_entry(twin, op.list);
	}
	if (op.op[0] == 'd' || strcmp(op.op, "remove") == 0) {
		json_decref(op.value);
		op.value = NULL;
	}
	return op;
}

/* --- the twin's way to apply and check ------------------------------------------------------- */

/* One member of an object, by RFC 8072. */
static bool
twin_member(json_t *object, const char *name, const struct random_op *op, json_t *value)
{
	json_t *there = json_object_get(object, name);

	if (strcmp(op->op, "delete") == 0 || strcmp(op->op, "remove") == 0) {
		(void)json_object_del(object, name);
		return there != NULL || op->op[0] == 'r';
	}
	if (strcmp(op->op, "create") == 0 && there != NULL) {
		return false;
	}
	if (strcmp(op->op, "merge") == 0 && json_is_object(there)) {
		(void)json_object_update(there, value);
		return true;
	}
	jx_set(object, name, jx_copy(value));
	return true;
}

static bool
twin_apply(struct twin *twin, const struct random_op *op)
{
	json_t *list = jx_sub_object(twin->tree, op->list);
	json_t *entry = json_object_get(list, op->name);
	json_t *set;
	json_t *dummy;
	bool ok;

	if (op->inner == NULL) {
		return twin_member(list, op->name, op, op->value);
	}
	if (entry == NULL) {
		return strcmp(op->op, "remove") == 0;
	}
	if (op->element[0] == '\0') {
		return twin_member(entry, op->inner, op, op->value);
	}
	set = jx_sub_object(entry, op->inner);
	dummy = jx_string(op->element);
	ok = twin_member(set, op->element, op, op->value == NULL ? dummy : op->value);
	json_decref(dummy);
	if (json_object_size(set) == 0) {
		(void)json_object_del(entry, op->inner);
	}
	return ok;
}

static bool
twin_port_ok(const struct twin *twin, const json_t *port)
{
	const char *type = json_string_value(json_object_get(port, "type"));
	const char *bridge = json_string_value(json_object_get(port, "bridge"));
	const json_t *mtu = json_object_get(port, "mtu");
	const json_t *vlan = json_object_get(port, "vlan");

	return type != NULL &&
		!(strcmp(type, "fake") == 0 && json_object_get(port, "ifname") != NULL) &&
		(bridge == NULL ||
			json_object_get(json_object_get(twin->tree, "bridge"), bridge) != NULL) &&
		(mtu == NULL || json_integer_value(mtu) >= 68) &&
		(vlan == NULL || json_integer_value(vlan) <= 4094);
}

static bool
twin_ok(const struct twin *twin)
{
	json_t *ports = json_object_get(twin->tree, "port");
	const char *name;
	const char *mac;
	json_t *entry;
	json_t *target;

	json_object_foreach (ports, name, entry) {
		if (!twin_port_ok(twin, entry)) {
			return false;
		}
	}
	json_object_foreach (json_object_get(twin->tree, "bridge"), name, entry) {
		json_object_foreach (json_object_get(entry, "static-mac"), mac, target) {
			const json_t *port = json_object_get(
				ports, json_string_value(json_object_get(target, "port")));
			const char *home = json_string_value(json_object_get(port, "bridge"));

			if (home == NULL || strcmp(home, name) != 0) {
				return false;
			}
		}
	}
	return true;
}

/* A value is checked when it is read, even if a later operation takes it away again. */
static bool
twin_values_ok(const struct random_op *op)
{
	const json_t *mtu = json_object_get(op->value, "mtu");
	const json_t *vlan = json_object_get(op->value, "vlan");

	if (op->inner != NULL && json_is_integer(op->value)) {
		mtu = strcmp(op->inner, "mtu") == 0 ? op->value : NULL;
		vlan = strcmp(op->inner, "vlan") == 0 ? op->value : NULL;
	}
	return (mtu == NULL || json_integer_value(mtu) >= 68) &&
		(vlan == NULL || json_integer_value(vlan) <= 4094);
}

/* --- comparison ----------------------------------------------------------------------------- */

/* Names have one digit, so sorting the keys as text is the datastore's order. */
static json_t *
sorted_members(json_t *object, const char *key_name)
{
	json_t *array = jx_array();
	char name[32];

	for (unsigned int i = 0; i < 10; i++) {
		const char *key;
		json_t *member;

		json_object_foreach (object, key, member) {
			(void)snprintf(name, sizeof(name), "%u", i);
			if (key[strlen(key) - 1] != name[0]) {
				continue;
			}
			if (key_name == NULL) {
				jx_append(array, jx_string(key));
				continue;
			}
			jx_append(array, jx_copy(member));
			jx_set(json_array_get(array, json_array_size(array) - 1), key_name,
				jx_string(key));
		}
	}
	return array;
}

static json_t *
twin_document(const struct twin *twin)
{
	static const char *const lists[] = {"bridge", "port"};
	json_t *document = jx_object();
	json_t *root = jx_sub_object(document, "vswitch:vswitch");
	json_t *entry;
	size_t i;

	for (size_t l = 0; l < 2; l++) {
		json_t *entries = sorted_members(json_object_get(twin->tree, lists[l]), "name");

		json_array_foreach (entries, i, entry) {
			json_t *trunk = json_object_get(entry, "trunk");
			json_t *macs = json_object_get(entry, "static-mac");
			json_t *mac;
			size_t m;

			if (trunk != NULL) {
				jx_set(entry, "trunk", sorted_members(trunk, NULL));
			}
			if (macs != NULL) {
				macs = sorted_members(macs, "mac");
				json_array_foreach (macs, m, mac) {
					jx_set(mac, "vlan", jx_integer(0));
				}
				jx_set(entry, "static-mac", macs);
			}
		}
		if (json_array_size(entries) != 0) {
			jx_set(root, lists[l], entries);
		} else {
			json_decref(entries);
		}
	}
	return document;
}

static void compare(struct backend *b, const struct twin *twin, int round) ON_MAIN;

static void
compare(struct backend *b, const struct twin *twin, int round)
{
	struct ds_get_options options = {.content = DS_CONTENT_CONFIG};
	json_t *wanted = twin_document(twin);
	struct err err = ERR_INIT;
	json_t *got;

	assert_int_equal(ds_get(b->ds, &options, &got, NULL), 0);
	if (!json_equal(got, wanted)) {
		fail_msg("round %d: got %s, wanted %s", round, json_dumps(got, JSON_COMPACT),
			json_dumps(wanted, JSON_COMPACT));
	}
	if (ds_validate_full(b->ds, &err) != 0) {
		fail_msg("round %d: %s: %s", round, err.path, err.text);
	}
	json_decref(got);
	json_decref(wanted);
}

static json_t *
json_of_op(const struct random_op *op)
{
	json_t *json = jx_object();

	jx_set(json, "op", jx_string(op->op));
	jx_set(json, "path", jx_string(op->path));
	if (op->value != NULL) {
		jx_set(json, "value", json_incref(op->value));
	}
	return json;
}

/* One edit of 1 to 4 operations; true if it was accepted. */
static bool one_edit(struct backend *b, struct twin *twin, int round) ON_MAIN;

static bool
one_edit(struct backend *b, struct twin *twin, int round)
{
	json_t *before = jx_copy(twin->tree);
	json_t *edits = jx_array();
	json_t *params = json_pack("{so}", "edits", edits);
	struct outcome o = {0};
	bool ok = true;

	for (unsigned int n = 1 + pick(twin, 4); n > 0; n--) {
		struct random_op op = random_operation(twin);

		jx_append(edits, json_of_op(&op));
		ok = ok && twin_values_ok(&op) && twin_apply(twin, &op);
		json_decref(op.value);
	}
	ok = ok && twin_ok(twin);
	if (twin->provisional) {
		jx_set(params, "confirm-timeout", jx_integer(60));
	}
	b->refuse_prepare = pick(twin, 10) == 0;
	ds_edit(b->ds, params, NULL, outcome_done, &o);
	assert_int_equal(o.calls, 1);
	if (b->refuse_prepare && ok && o.rc == -EIO) {
		ok = false; /* the backend refused; nothing may have changed */
	} else if ((o.rc == 0) != ok) {
		fail_msg("round %d: %s: datastore %d (%s: %s), twin %d", round,
			json_dumps(params, JSON_COMPACT), o.rc, o.err.path, o.err.text, ok);
	}
	if (ok) {
		json_decref(before);
	} else {
		json_decref(twin->tree);
		twin->tree = before;
	}
	b->refuse_prepare = false;
	json_decref(params);
	outcome_clear(&o);
	(void)json_array_clear(b->log);
	return ok;
}

static void
test_random_edits(void **state)
{
	const int rounds = 4000;
	struct twin twin = {.tree = jx_object(), .seed = 1};
	struct backend b = {0};
	int accepted = 0;

	role_enter(&role_main);
	backend_start(&b, NULL);
	for (int round = 0; round < rounds; round++) {
		accepted += one_edit(&b, &twin, round);
		compare(&b, &twin, round);
	}
	/* Both outcomes were tried often enough to mean something. */
	assert_true(accepted > rounds / 20 && accepted < rounds - rounds / 20);
	print_message("# %d of %d edits accepted\n", accepted, rounds);
	json_decref(twin.tree);
	backend_stop(&b);
	role_leave(&role_main);
}

/* --- revisions ------------------------------------------------------------------------------ */

/* What the twin has is what the newest revisions are, up to the last that is known. */
static void note_revisions(struct backend *b, struct twin *twin) ON_MAIN;

static void
note_revisions(struct backend *b, struct twin *twin)
{
	while (json_array_size(twin->trees) <= ds_revision(b->ds)) {
		jx_append(twin->trees, jx_copy(twin->tree));
	}
}

static void
become(struct twin *twin, const json_t *tree)
{
	json_t *copy = jx_copy(tree);

	json_decref(twin->tree);
	twin->tree = copy;
}

static void random_rollback(struct backend *b, struct twin *twin) ON_MAIN;

static void
random_rollback(struct backend *b, struct twin *twin)
{
	unsigned int now = (unsigned int)ds_revision(b->ds);
	unsigned int to = now - pick(twin, now < 30 ? now + 1 : 30);
	struct outcome o = {0};
	char text[64];

	(void)snprintf(text, sizeof(text), "{'revision': %u}", to);
	rollback_f(b, &o, text);
	if (o.rc != 0) {
		fail_msg("back from %u to %u: %s", now, to, o.err.text);
	}
	outcome_clear(&o);
	become(twin, json_array_get(twin->trees, to));
}

static void restart(struct backend *b, const char *file) ON_MAIN;

static void
restart(struct backend *b, const char *file)
{
	backend_stop(b);
	backend_start(b, file);
}

/* A few edits, and what becomes of them. */
static void
random_provisional(struct backend *b, struct twin *twin, const char *file, int round) ON_MAIN;

static void
random_provisional(struct backend *b, struct twin *twin, const char *file, int round)
{
	json_t *before = jx_copy(twin->tree);
	struct outcome o = {0};

	twin->provisional = true;
	for (unsigned int n = 1 + pick(twin, 4); n > 0; n--) {
		(void)one_edit(b, twin, round);
		note_revisions(b, twin);
	}
	twin->provisional = false;
	switch (pick(twin, 4)) {
	case 0:
		confirm_f(b, &o);
		if (o.rc == 0) {
			become(twin, json_array_get(twin->trees, ds_revision(b->ds)));
			json_decref(before);
			before = jx_copy(twin->tree);
		}
		break;
	case 1:
		if (b->ds->provisional.active) {
			rollback_f(b, &o, "{}");
			assert_int_equal(o.rc, 0);
		}
		break;
	case 2:
		(void)ds_step(b->ds, clock_now() + 61 * CLOCK_S);
		break;
	default:
		restart(b, file);
		break;
	}
	outcome_clear(&o);
	become(twin, before);
	json_decref(before);
}

/* Edits, provisional and not, ways back and new starts: each revision is what it was. */
static void
test_random_revisions(void **state)
{
	struct twin twin = {.tree = jx_object(), .seed = 7, .trees = jx_array()};
	struct backend b = {0};
	char folder[256];
	char file[300];

	make_folder(folder, sizeof(folder));
	(void)snprintf(file, sizeof(file), "%s/c.json", folder);
	role_enter(&role_main);
	backend_start(&b, file);
	note_revisions(&b, &twin);
	for (int round = 0; round < 1500; round++) {
		unsigned int what = pick(&twin, 40);

		if (what == 0) {
			restart(&b, file);
		} else if (what < 4) {
			random_rollback(&b, &twin);
		} else if (what < 7) {
			random_provisional(&b, &twin, file, round);
		} else {
			(void)one_edit(&b, &twin, round);
		}
		note_revisions(&b, &twin);
		compare(&b, &twin, round);
	}
	print_message("# %d revisions\n", (int)ds_revision(b.ds));
	assert_true(ds_revision(b.ds) > 200);
	json_decref(twin.trees);
	json_decref(twin.tree);
	backend_stop(&b);
	role_leave(&role_main);
	remove_folder(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_edits),
		cmocka_unit_test(test_random_revisions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
