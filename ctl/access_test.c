/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/access.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "ctl/ds_stub.h"

#define SELF 990 /* the daemon's own user */

static struct datastore ds;

/* Rules as text with ' for ". */
static json_t *
json_of(const char *text)
{
	char copy[2048];
	json_t *json;

	assert_true(str_copy(copy, text, sizeof(copy)));
	for (char *c = copy; *c != '\0'; c++) {
		*c = *c == '\'' ? '"' : *c;
	}
	json = json_loads(copy, JSON_DECODE_ANY, NULL);
	assert_non_null(json);
	return json;
}

/* The host's accounts. One whose name begins with "slow" is not known until `answers` is set. */
static atomic_bool answers;

static enum names_state
ask_host(enum names_kind kind, const char *key, struct names_answer *out)
{
	static const struct {
		enum names_kind kind;
		const char *key;
		uint32_t id;
	} host[] = {
		{NAMES_USER, "alice", 1000},
		{NAMES_USER, "bob", 1001},
		{NAMES_USER, "slow-user", 1010},
		{NAMES_GROUP, "staff", 50},
		{NAMES_GROUP, "slow-group", 60},
	};

	if (strncmp(key, "slow", 4) == 0 && !atomic_load(&answers)) {
		return NAMES_UNKNOWN;
	}
	if (kind == NAMES_ACCOUNT) {
		(void)snprintf(out->name, sizeof(out->name), "account-%s", key);
		return strcmp(key, "1099") == 0 ? NAMES_ABSENT : NAMES_KNOWN;
	}
	for (size_t i = 0; i < ARRAY_LEN(host); i++) {
		if (host[i].kind == kind && strcmp(host[i].key, key) == 0) {
			out->id = host[i].id;
			return NAMES_KNOWN;
		}
	}
	return NAMES_ABSENT;
}

/* Until the helper has said what it will say. */
static void
resolve(struct access *access, struct names *names) ON_MAIN
{
	do {
		access_resolve(access, names);
		(void)usleep(1000);
		access_resolve(access, names);
	} while (access->soon);
}

static void
read_rules(struct access *access, const char *text) ROLE_ATTR(no_thread_safety_analysis);

static void
read_rules(struct access *access, const char *text)
{
	struct err err = ERR_INIT;
	json_t *json = json_of(text);
	struct names *names;

	assert_int_equal(access_read(access, SELF, json, &err), 0);
	json_decref(json);
	role_enter(&role_main);
	names = names_create(ask_host);
	resolve(access, names);
	names_destroy(names);
	role_leave(&role_main);
}

static struct rpc_who
local(const char *user, uid_t uid, gid_t gid)
{
	struct rpc_who who = {.uid = uid, .gid = gid, .role = RPC_ROLE_ADMIN};

	(void)str_copy(who.user, user, sizeof(who.user));
	(void)str_copy(who.from, "unix, pid 1", sizeof(who.from));
	return who;
}

static struct rpc_who
remote(const char *user, const char *group)
{
	struct rpc_who who = {.uid = (uid_t)-1, .gid = (gid_t)-1, .role = RPC_ROLE_NONE};

	(void)str_copy(who.user, user, sizeof(who.user));
	(void)str_copy(who.from, "192.0.2.1:50000", sizeof(who.from));
	assert_true(group == NULL || rpc_who_add_group(&who, group));
	return who;
}

static void
expect(const struct access *access, struct rpc_who who, enum rpc_role role)
{
	assert_string_equal(rpc_role_name(access_role(access, &who)), rpc_role_name(role));
}

static void
no_rules(void **state)
{
	struct access access;

	access_init(&access, SELF);
	expect(&access, local("root", 0, 0), RPC_ROLE_ADMIN);
	expect(&access, local("vswitch", SELF, SELF), RPC_ROLE_ADMIN);
	expect(&access, local("alice", 1000, 1000), RPC_ROLE_NONE); /* nothing loaded yet */
	read_rules(&access, "{}");
	expect(&access, local("alice", 1000, 1000), RPC_ROLE_ADMIN);
	expect(&access, remote("alice", NULL), RPC_ROLE_NONE);
	expect(&access, remote("root", NULL), RPC_ROLE_NONE);
	access_fini(&access);
	assert_int_equal(access_read(&access, SELF, NULL, NULL), 0);
	expect(&access, local("alice", 1000, 1000), RPC_ROLE_ADMIN);
	access_fini(&access);
}

static void
first_match_wins(void **state)
{
	struct access access;

	read_rules(&access,
		"{'default-role': 'none', 'rule': ["
		"{'name': 'a', 'user': ['alice', '1002'], 'role': 'read'},"
		"{'name': 'b', 'user': ['alice', 'bob'], 'role': 'admin'},"
		"{'name': 'c', 'group': ['netops', '7'], 'role': 'operate'},"
		"{'name': 'd', 'user': ['eve'], 'group': ['netops'], 'role': 'none'}]}");
	expect(&access, local("alice", 1000, 1000), RPC_ROLE_READ);
	expect(&access, local("bob", 1001, 1000), RPC_ROLE_ADMIN);
	expect(&access, local("carol", 1002, 1000), RPC_ROLE_READ);
	expect(&access, local("dave", 1003, 1000), RPC_ROLE_NONE);
	expect(&access, local("dave", 1003, 7), RPC_ROLE_OPERATE);
	expect(&access, remote("dave", "netops"), RPC_ROLE_OPERATE);
	expect(&access, remote("dave", "netop"), RPC_ROLE_NONE);
	expect(&access, remote("dave", "7"), RPC_ROLE_OPERATE);
	expect(&access, remote("1002", NULL), RPC_ROLE_READ); /* by its name */
	expect(&access, remote("1003", NULL), RPC_ROLE_NONE);
	expect(&access, remote("eve", "netops"), RPC_ROLE_OPERATE);
	expect(&access, remote("", "netops"), RPC_ROLE_NONE); /* nobody in particular */
	expect(&access, local("root", 0, 0), RPC_ROLE_ADMIN);
	access_fini(&access);
}

static void
everybody_and_from(void **state)
{
	static const gid_t far[] = {6, 65535, 7, 1};
	struct access access;
	struct rpc_who page = remote("", NULL);
	struct rpc_who member = local("dave", 1003, 1000);

	read_rules(&access,
		"{'rule': ["
		"{'name': 'a', 'user': ['alice'], 'from': 'remote', 'role': 'admin'},"
		"{'name': 'b', 'group': ['7'], 'from': 'local', 'role': 'operate'},"
		"{'name': 'c', 'role': 'read'}]}");
	expect(&access, remote("alice", NULL), RPC_ROLE_ADMIN);
	expect(&access, local("alice", 1000, 1000), RPC_ROLE_READ);
	expect(&access, remote("x", "7"), RPC_ROLE_READ);
	member.gids = rpc_gids_new(far, 1);
	expect(&access, member, RPC_ROLE_READ);
	free(member.gids);
	member.gids = rpc_gids_new(far, ARRAY_LEN(far));
	expect(&access, member, RPC_ROLE_OPERATE);
	free(member.gids);
	expect(&access, page, RPC_ROLE_NONE);
	page.role = RPC_ROLE_READ; /* what its connection came with */
	expect(&access, page, RPC_ROLE_READ);
	page = remote("http", NULL);
	page.nobody = true;
	page.role = RPC_ROLE_OPERATE;
	expect(&access, page, RPC_ROLE_OPERATE);
	access_fini(&access);
}

static int edits(const struct access *access, const char *path) ON_MAIN;

static int
edits(const struct access *access, const char *path)
{
	struct rpc_who who = local("alice", 1000, 1000);
	struct err err = ERR_INIT;
	char text[512];
	json_t *json;
	int rc;

	(void)snprintf(text, sizeof(text), "[{\"path\": \"%s\"}]", path);
	json = json_loads(text, 0, NULL);
	assert_non_null(json);
	rc = access_check_edits(access, &who, &ds, json, &err);
	json_decref(json);
	if (rc != 0) {
		assert_int_equal(err.kind, ERR_DENIED);
		assert_string_equal(err.path, path);
		assert_non_null(strstr(err.text, "alice"));
		assert_non_null(strstr(err.text, "rule 'ports'"));
	}
	return rc;
}

#define ROOT "/vswitch:vswitch"

/* While a name is not known, who may be meant has the least that he then may have. */
static void names_unknown(void **state) ROLE_ATTR(no_thread_safety_analysis);

static void
names_unknown(void **state)
{
	struct rpc_who dave = local("dave", 1003, 60);
	struct rpc_who user = local("uid 1010", 1010, 1);
	struct access access;
	struct names *names;
	uint64_t looked;

	atomic_store(&answers, false);
	read_rules(&access,
		"{'default-role': 'operate', 'rule': ["
		"{'name': 'a', 'group': ['slow-group'], 'role': 'read'},"
		"{'name': 'b', 'user': ['slow-user'], 'from': 'remote', 'role': 'none'},"
		"{'name': 'c', 'user': ['1003', 'nobody-there'], 'role': 'admin'},"
		"{'name': 'd', 'role': 'none'}]}");
	role_enter(&role_main);
	expect(&access, dave, RPC_ROLE_READ); /* of read and admin */
	expect(&access, user, RPC_ROLE_NONE); /* of read and none */
	assert_true(access_is_unsure(&access, &dave));
	expect(&access, local("root", 0, 0), RPC_ROLE_ADMIN);
	expect(&access, local("vswitch", SELF, SELF), RPC_ROLE_ADMIN);
	expect(&access, remote("x", "slow-group"), RPC_ROLE_READ); /* says it itself */
	names = names_create(ask_host);
	resolve(&access, names);
	while (!access_settle(&access, names, &dave)) {
		(void)usleep(1000);
	}
	assert_true(dave.unsure); /* and goes on with what there is */
	/* the rules' names are looked up again when there is news of any, not for each caller */
	access.resolved_at += 3600 * CLOCK_S;
	looked = access.resolved_at;
	(void)access_settle(&access, names, &dave);
	assert_int_equal(access.resolved_at, looked);
	names_learn(names, NAMES_USER, "bob");
	(void)access_settle(&access, names, &dave);
	assert_int_not_equal(access.resolved_at, looked);
	assert_string_equal(dave.user, "account-1003");
	names_destroy(names);
	atomic_store(&answers, true);
	names = names_create(ask_host);
	resolve(&access, names);
	expect(&access, dave, RPC_ROLE_READ);
	dave.gid = 61;
	expect(&access, dave, RPC_ROLE_ADMIN);
	expect(&access, user, RPC_ROLE_NONE);
	assert_true(access_settle(&access, names, &dave) || !dave.unsure);
	assert_false(dave.unsure);
	names_destroy(names);
	access_fini(&access);
	role_leave(&role_main);
}

/* Limits: all of those that there may be. */
static void limits_unknown(void **state) ROLE_ATTR(no_thread_safety_analysis);

static void
limits_unknown(void **state)
{
	struct rpc_who dave = local("dave", 1003, 61);
	struct access access;
	struct names *names;
	struct err err = ERR_INIT;
	json_t *edit = json_of("[{'path': '" ROOT "/port[name=a]'}]");

	atomic_store(&answers, false);
	read_rules(&access,
		"{'rule': [{'name': 'a', 'group': ['slow-group'], 'role': 'admin', 'path': ['" ROOT
		"/bridge']}, {'name': 'b', 'role': 'admin'}]}");
	role_enter(&role_main);
	assert_int_equal(access_check_edits(&access, &dave, &ds, edit, &err), -EACCES);
	assert_int_equal(access_check_whole(&access, &dave, "a rollback", &err), -EACCES);
	atomic_store(&answers, true);
	names = names_create(ask_host);
	resolve(&access, names);
	assert_int_equal(access_check_edits(&access, &dave, &ds, edit, &err), 0);
	assert_int_equal(access_check_whole(&access, &dave, "a rollback", &err), 0);
	names_destroy(names);
	access_fini(&access);
	json_decref(edit);
	role_leave(&role_main);
}

static void paths(void **state) ROLE_ATTR(no_thread_safety_analysis);

static void
paths(void **state)
{
	struct access access;
	struct rpc_who alice = local("alice", 1000, 1000);
	struct rpc_who root = local("root", 0, 0);
	struct rpc_who bob = local("bob", 1001, 1000);
	struct err err = ERR_INIT;
	json_t *odd = json_of("[{'op': 'delete'}, 7, {'path': 3}]");
	json_t *everything = json_of("[{'path': '/'}]");
	json_t *device = json_of("[{'path': '" ROOT "/port[name=a]', 'value': {'type': 'tap'}}]");
	json_t *entries =
		json_of("[{'path': '" ROOT "/port', 'value': [{'name': 'a'}, {'pci': '0'}]}]");

	read_rules(&access,
		"{'rule': [{'name': 'ports', 'user': ['alice'], 'role': 'admin', 'path': ["
		"'" ROOT "/port', '" ROOT "/bridge']}]}");
	role_enter(&role_main);
	assert_int_equal(edits(&access, ROOT "/port"), 0);
	assert_int_equal(edits(&access, ROOT "/port[name='a']/mtu"), 0);
	assert_int_equal(edits(&access, ROOT "/portx"), -EACCES);
	assert_int_equal(edits(&access, ROOT), -EACCES);
	assert_int_equal(edits(&access, "/"), -EACCES);
	assert_int_equal(edits(&access, ROOT "/system/access"), -EACCES);
	/* what is not well formed is refused by whoever reads it */
	assert_int_equal(access_check_edits(&access, &alice, &ds, odd, &err), 0);
	assert_int_equal(access_check_edits(&access, &alice, &ds, NULL, &err), 0);
	assert_int_equal(access_check_edits(&access, &root, &ds, everything, &err), 0);
	assert_int_equal(access_check_edits(&access, &bob, &ds, everything, &err), 0);
	/* nor does a path reach what takes something of the host */
	assert_int_equal(access_check_edits(&access, &alice, &ds, device, &err), 0);
	ds.host_leaf = "type";
	assert_int_equal(access_check_edits(&access, &alice, &ds, device, &err), -EACCES);
	assert_non_null(strstr(err.text, "may not edit type"));
	assert_int_equal(access_check_edits(&access, &alice, &ds, entries, &err), -EACCES);
	assert_int_equal(access_check_edits(&access, &bob, &ds, device, &err), 0);
	assert_int_equal(access_check_whole(&access, &alice, "a rollback", &err), -EACCES);
	assert_int_equal(access_check_whole(&access, &root, "a rollback", &err), 0);
	assert_int_equal(access_check_whole(&access, &bob, "a rollback", &err), 0);
	access_fini(&access);
	json_decref(odd);
	json_decref(everything);
	json_decref(device);
	json_decref(entries);
	ds.host_leaf = NULL;
	role_leave(&role_main);
}

static void
wrong_rules(void **state)
{
	static const struct {
		const char *container;
		const char *leaf;
		const char *text;
	} cases[] = {
		{"{'default-role': 'king'}", "default-role", "none, read, operate, admin"},
		{"{'rule': [{'name': 'a'}]}", "rule", "rule 'a': the role"},
		{"{'rule': [{'name': 'a', 'role': 'read', 'path': ['" ROOT "/port']}]}", "rule",
			"only role admin edits"},
		{"{'rule': [{'name': 'a', 'role': 'admin', 'path': ['/port']}]}", "rule",
			"must begin with"},
		{"{'rule': [{'name': 'a', 'role': 'admin', 'path': ['" ROOT "x']}]}", "rule",
			"must begin with"},
		{"{'rule': [{'name': 'a', 'role': 'admin', 'path': ['" ROOT "/port/']}]}", "rule",
			"must begin with"},
		{"{'rule': [{'name': 'a', 'role': 'admin', 'path': ['" ROOT
		 "/port[name=\\u0022x\\u0022]']}]}",
			"rule", "write ' in place of"},
		{"{'rule': [{'name': 'a', 'role': 'admin', 'path': ['']}]}", "rule",
			"must begin with"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *json = json_of(cases[i].container);
		struct err err = ERR_INIT;
		struct access access;

		assert_int_equal(access_read(&access, SELF, json, &err), -EINVAL);
		assert_string_equal(err.path, cases[i].leaf);
		assert_non_null(strstr(err.text, cases[i].text));
		json_decref(json);
	}
}

static void
groups_of_certificates(void **state)
{
	struct rpc_who who = remote("x", NULL);
	char longest[RPC_GROUPS_SIZE];

	assert_false(rpc_who_add_group(&who, ""));
	assert_false(rpc_who_add_group(&who, "a,b"));
	assert_true(rpc_who_add_group(&who, "ab"));
	assert_true(rpc_who_add_group(&who, "c"));
	assert_true(rpc_who_has_group(&who, "ab"));
	assert_true(rpc_who_has_group(&who, "c"));
	assert_false(rpc_who_has_group(&who, "a"));
	assert_false(rpc_who_has_group(&who, "ab,c"));
	assert_false(rpc_who_has_group(&who, ""));
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 6] = '\0'; /* "ab,c," is there, and room for ",\0" is not */
	assert_false(rpc_who_add_group(&who, longest));
	longest[sizeof(longest) - 7] = '\0';
	assert_true(rpc_who_add_group(&who, longest));
	assert_true(rpc_who_has_group(&who, longest));
}

/* The kernel's word for ourselves. */
static void ours(void **state) ROLE_ATTR(no_thread_safety_analysis);

static void
ours(void **state)
{
	struct rpc_who who;
	int fds[2];

	role_enter(&role_main);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	rpc_who_unix(fds[0], &who);
	assert_int_equal(who.uid, geteuid());
	assert_int_equal(who.role, RPC_ROLE_ADMIN);
	assert_true(rpc_who_has_gid(&who, getegid()));
	rpc_who_fini(&who);
	assert_true(who.user[0] != '\0');
	(void)close(fds[0]);
	(void)close(fds[1]);
	rpc_who_unix(-1, &who); /* whom nobody knows may nothing */
	assert_int_equal(who.role, RPC_ROLE_NONE);
	assert_int_equal(who.uid, (uid_t)-1);
	assert_string_equal(who.user, "");
	role_leave(&role_main);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_rules),
		cmocka_unit_test(first_match_wins),
		cmocka_unit_test(everybody_and_from),
		cmocka_unit_test(names_unknown),
		cmocka_unit_test(limits_unknown),
		cmocka_unit_test(paths),
		cmocka_unit_test(wrong_rules),
		cmocka_unit_test(groups_of_certificates),
		cmocka_unit_test(ours),
	};

	return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
