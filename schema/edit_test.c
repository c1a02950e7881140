/* SPDX-License-Identifier: BSD-3-Clause */
/* What each operation does, on each kind of node, through the datastore. */
#include "schema/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "schema/test_backend.h"

#define ROOT "/vswitch:vswitch"
#define VM1 ROOT "/port[name='vm1']"
#define BR0 ROOT "/bridge[name='br0']"
#define MAC BR0 "/static-mac[mac='52:00:00:00:00:01'][vlan='5']"

static const struct ds_get_options config = {.content = DS_CONTENT_CONFIG};

/* One operation on the same start, and the configuration that it ends in (NULL: refused). */
static const char *const start = "{'vswitch:vswitch': {"
				 "'bridge': [{'name': 'br0', 'static-mac': ["
				 "{'mac': '52:00:00:00:00:01', 'vlan': 5, 'port': 'vm1'}]}],"
				 "'port': [{'name': 'vm1', 'type': 'tap', 'bridge': 'br0',"
				 "'mtu': 9000, 'trunk': ['1', '3']}]}}";

#define BRIDGES                                      \
	"'bridge': [{'name': 'br0', 'static-mac': [" \
	"{'mac': '52:00:00:00:00:01', 'vlan': 5, 'port': 'vm1'}]}]"
#define VM1_IS "'name': 'vm1', 'type': 'tap', 'bridge': 'br0'"
#define TREE(port) "{'vswitch:vswitch': {" BRIDGES ", 'port': [" port "]}}"
#define MACS(macs)                                                  \
	"{'vswitch:vswitch': {'bridge': [{'name': 'br0'" macs "}]," \
	"'port': [{" VM1_IS ", 'mtu': 9000, 'trunk': ['1', '3']}]}}"

static const struct {
	const char *op;
	const char *path;
	const char *value;
	const char *end; /* the configuration, or NULL: refused with */
	enum err_kind kind; /* this kind, */
	const char *says; /* these words, */
	const char *at; /* this path (NULL: the operation's own) */
} cases[] = {
	/* leaf */
	{"merge", VM1 "/mtu", "68", TREE("{" VM1_IS ", 'mtu': 68, 'trunk': ['1', '3']}")},
	{"replace", VM1 "/mtu", "68", TREE("{" VM1_IS ", 'mtu': 68, 'trunk': ['1', '3']}")},
	{"create", VM1 "/queues", "2",
		TREE("{" VM1_IS ", 'mtu': 9000, 'queues': 2, 'trunk': ['1', '3']}")},
	{"create", VM1 "/mtu", "68", NULL, ERR_EXISTS, "/mtu is there already"},
	{"delete", VM1 "/mtu", NULL, TREE("{" VM1_IS ", 'trunk': ['1', '3']}")},
	{"remove", VM1 "/mtu", NULL, TREE("{" VM1_IS ", 'trunk': ['1', '3']}")},
	{"delete", VM1 "/queues", NULL, NULL, ERR_MISSING, "is not set"},
	{"remove", VM1 "/queues", NULL, TREE("{" VM1_IS ", 'mtu': 9000, 'trunk': ['1', '3']}")},
	{"delete", VM1 "/type", NULL, NULL, ERR_INVALID, "'type' is missing"},
	{"merge", VM1 "/mtu", NULL, NULL, ERR_MALFORMED, "\"value\" is missing; 'mtu' takes a num"},
	{"merge", VM1 "/mtu", "67", NULL, ERR_INVALID, "68..9702"},
	{"delete", VM1 "/mtu", "9000", NULL, ERR_MALFORMED, "delete takes no \"value\""},
	{"merge", VM1 "/name", "'vm2'", NULL, ERR_INVALID, "is the key of its entry"},
	{"merge", VM1 "/reason", "'x'", NULL, ERR_INVALID, "'reason' is state"},
	{"delete", VM1 "/statistics/rx-bytes", NULL, NULL, ERR_INVALID, "'statistics' is state"},
	{"merge", ROOT "/port[name='vm2']/mtu", "68", NULL, ERR_MISSING,
		"there is no port 'vm2'; create it first; did you mean 'vm1'?",
		ROOT "/port[name='vm2']"},
	{"remove", ROOT "/port[name='vm2']/mtu", NULL,
		TREE("{" VM1_IS ", 'mtu': 9000, 'trunk': ['1', '3']}")},
	/* leaf-list */
	{"merge", VM1 "/trunk", "['2', '3']",
		TREE("{" VM1_IS ", 'mtu': 9000, 'trunk': ['1', '2', '3']}")},
	{"replace", VM1 "/trunk", "['2', '10']",
		TREE("{" VM1_IS ", 'mtu': 9000, 'trunk': ['2', '10']}")},
	{"replace", VM1 "/trunk", "[]", TREE("{" VM1_IS ", 'mtu': 9000}")},
	{"replace", VM1 "/trunk", NULL, NULL, ERR_MALFORMED, "an array of: a string"},
	{"create", VM1 "/trunk", "['2']", NULL, ERR_EXISTS, "is there already"},
	{"delete", VM1 "/trunk", NULL, TREE("{" VM1_IS ", 'mtu': 9000}")},
	{"create", VM1 "/trunk[.='2']", NULL,
		TREE("{" VM1_IS ", 'mtu': 9000, 'trunk': ['1', '2', '3']}")},
	{"merge", VM1 "/trunk[.='1']", "'1'",
		TREE("{" VM1_IS ", 'mtu': 9000, 'trunk': ['1', '3']}")},
	{"merge", VM1 "/trunk[.='1']", "'2'", NULL, ERR_INVALID, "not that of the path, '1'"},
	{"create", VM1 "/trunk[.='1']", NULL, NULL, ERR_EXISTS, "exists already"},
	{"delete", VM1 "/trunk[.='1']", NULL, TREE("{" VM1_IS ", 'mtu': 9000, 'trunk': ['3']}")},
	{"delete", VM1 "/trunk[.='2']", NULL, NULL, ERR_MISSING, "does not exist"},
	{"remove", VM1 "/trunk[.='2']", NULL,
		TREE("{" VM1_IS ", 'mtu': 9000, 'trunk': ['1', '3']}")},
	/* nested list */
	{"merge", MAC, "{'port': 'vm1'}",
		MACS(", 'static-mac': [{'mac': '52:00:00:00:00:01', 'vlan': 5, 'port': 'vm1'}]")},
	{"create", MAC, "{'port': 'vm1'}", NULL, ERR_EXISTS, "exists already"},
	{"create", BR0 "/static-mac[mac='52:00:00:00:00:0A'][vlan='5']", "{'port': 'vm1'}",
		MACS(", 'static-mac': [{'mac': '52:00:00:00:00:01', 'vlan': 5, 'port': 'vm1'},"
		     "{'mac': '52:00:00:00:00:0a', 'vlan': 5, 'port': 'vm1'}]")},
	{"create", BR0 "/static-mac[mac='52:00:00:00:00:02'][vlan='5']", "{'vlan': 6}", NULL,
		ERR_INVALID, "key 'vlan' is not that of the path, '5'"},
	{"create", BR0 "/static-mac[mac='52:00:00:00:00:02'][vlan='5']", NULL, NULL, ERR_INVALID,
		"'port' is missing", BR0 "/static-mac[mac='52:00:00:00:00:02'][vlan='5']/port"},
	{"delete", MAC, NULL, MACS("")},
	{"delete", BR0 "/static-mac[mac='52:00:00:00:00:02'][vlan='5']", NULL, NULL, ERR_MISSING,
		"does not exist"},
	{"merge", MAC "/port", "'vm2'", NULL, ERR_MISSING,
		"there is no port 'vm2'; did you mean 'vm1'?"},
	{"merge", BR0 "/static-mac[mac='52:00:00:00:00:02'][vlan='5']/port", "'vm1'", NULL,
		ERR_MISSING, "create it first"},
	{"merge", BR0, "{'static-mac': [{'mac': '52:00:00:00:00:01', 'vlan': 6, 'port': 'vm1'}]}",
		MACS(", 'static-mac': [{'mac': '52:00:00:00:00:01', 'vlan': 5, 'port': 'vm1'},"
		     "{'mac': '52:00:00:00:00:01', 'vlan': 6, 'port': 'vm1'}]")},
	{"replace", BR0, "{}", MACS("")},
	{"delete", BR0 "/static-mac", NULL, NULL, ERR_INVALID, "write static-mac[mac='...']"},
	/* entry */
	{"create", VM1, "{'type': 'tap'}", NULL, ERR_EXISTS, "port 'vm1' exists already"},
	{"merge", VM1, "{'mtu': 68}", TREE("{" VM1_IS ", 'mtu': 68, 'trunk': ['1', '3']}")},
	{"merge", VM1, NULL, TREE("{" VM1_IS ", 'mtu': 9000, 'trunk': ['1', '3']}")},
	{"merge", VM1, "{'name': 'vm2'}", NULL, ERR_INVALID, "not that of the path, 'vm1'"},
	{"replace", VM1, "{'type': 'tap', 'bridge': 'br0'}", TREE("{" VM1_IS "}")},
	{"replace", VM1, "{'type': 'tap'}", NULL, ERR_IN_USE, "1 static MAC address",
		VM1 "/bridge"},
	{"create", ROOT "/port[name='vm2']", NULL, NULL, ERR_INVALID, "'type' is missing",
		ROOT "/port[name='vm2']/type"},
	{"create", ROOT "/port[name='vm2']", "{'type': 'tap', 'bridge': 'br1'}", NULL, ERR_MISSING,
		"there is no bridge 'br1'; did you mean 'br0'?", ROOT "/port[name='vm2']/bridge"},
	{"create", ROOT "/port[name='vm2']", "{'type': 'tap', 'ifnmae': 'x'}", NULL, ERR_UNKNOWN,
		"there is no \"ifnmae\" in 'port'; did you mean 'ifname'?"},
	{"delete", VM1, NULL, NULL, ERR_IN_USE,
		"bridge 'br0' has 1 static MAC address behind port 'vm1'; delete it first"},
	{"delete", BR0, NULL, NULL, ERR_IN_USE, "bridge 'br0' has 1 port: vm1; delete"},
	{"delete", ROOT "/port[name='vm2']", NULL, NULL, ERR_MISSING,
		"there is no port 'vm2' to delete; did you mean 'vm1'?"},
	{"remove", ROOT "/port[name='vm2']", NULL,
		TREE("{" VM1_IS ", 'mtu': 9000, 'trunk': ['1', '3']}")},
	{"merge", ROOT "/port", "[]", NULL, ERR_INVALID, "write port[name='...']"},
	/* container */
	{"merge", ROOT "/system", "{}", TREE("{" VM1_IS ", 'mtu': 9000, 'trunk': ['1', '3']}")},
	{"delete", ROOT "/system", NULL, NULL, ERR_MISSING, "no system"},
	{"merge", ROOT "/system", NULL, NULL, ERR_MALFORMED, "'system' takes an object"},
	/* root */
	{"delete", ROOT, NULL, "{'vswitch:vswitch': {}}"},
	{"remove", "/", NULL, "{'vswitch:vswitch': {}}"},
	{"replace", ROOT, "{'bridge': [{'name': 'br1'}]}",
		"{'vswitch:vswitch': {'bridge': [{'name': 'br1'}]}}"},
	{"replace", "/", "{'vswitch:vswitch': {'system': {'description': 'x'}}}",
		"{'vswitch:vswitch': {'system': {'description': 'x'}}}"},
	{"replace", "/", "{'vswitch': {}}", NULL, ERR_UNKNOWN, "only \"vswitch:vswitch\""},
	{"replace", ROOT, NULL, NULL, ERR_MALFORMED, "'vswitch' takes an object"},
	{"merge", ROOT, "{'port': [{'name': 'vm1', 'mtu': 68}]}",
		TREE("{" VM1_IS ", 'mtu': 68, 'trunk': ['1', '3']}")},
	{"merge", ROOT, "{'port': [{'name': 'vm1', 'mtu': 67}]}", NULL, ERR_INVALID, "68..9702",
		VM1 "/mtu"},
	{"merge", ROOT, "{'ports': []}", NULL, ERR_UNKNOWN, "did you mean 'port'?"},
	{"create", ROOT, "{'port': [{'name': 'vm1', 'type': 'tap'}]}", NULL, ERR_EXISTS,
		"exists already", VM1},
	/* paths */
	{"merge", ROOT "/prot[name='vm1']", "{}", NULL, ERR_UNKNOWN, "did you mean 'port'?"},
};

static void
test_operations(void **state)
{
	struct backend b = {0};

	role_enter(&role_main);
	backend_start(&b, NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		do_op(&b, "replace", "/", start);
		if (cases[i].end != NULL) {
			do_op(&b, cases[i].op, cases[i].path, cases[i].value);
			expect_get(&b, config, cases[i].end);
		} else {
			no_op(&b, cases[i].op, cases[i].path, cases[i].value, cases[i].kind,
				cases[i].at == NULL ? cases[i].path : cases[i].at, cases[i].says);
			expect_get(&b, config, start);
		}
	}
	backend_stop(&b);
	role_leave(&role_main);
}

/* Malformed requests: the form of an edit, before any path. */
static const struct {
	const char *params;
	enum err_kind kind;
	const char *says;
} malformed[] = {
	{"[]", ERR_MALFORMED, "an object of parameters"},
	{"{}", ERR_MALFORMED, "\"edits\" has to be an array"},
	{"{'edits': {}}", ERR_MALFORMED, "\"edits\" has to be an array"},
	{"{'edits': [], 'dryrun': true}", ERR_MALFORMED, "did you mean 'dry-run'?"},
	{"{'edits': [], 'dry-run': 1}", ERR_MALFORMED, "\"dry-run\" has to be true or false"},
	{"{'edits': [], 'base-revision': '1'}", ERR_MALFORMED, "has to be the number"},
	{"{'edits': [], 'base-revision': -1}", ERR_MALFORMED, "has to be the number"},
	{"{'edits': [], 'comment': 1}", ERR_MALFORMED, "\"comment\" has to be a string"},
	{"{'edits': [], 'confirm-timeout': 0}", ERR_MALFORMED, "from 1 to 86400"},
	{"{'edits': [], 'confirm-timeout': 86401}", ERR_MALFORMED, "from 1 to 86400"},
	{"{'edits': [], 'confirm-timeout': '10'}", ERR_MALFORMED, "a number of seconds"},
	{"{'edits': [1]}", ERR_MALFORMED, "edits[0] has to be an object"},
	{"{'edits': [{}]}", ERR_MALFORMED, "edits[0] needs a string \"op\""},
	{"{'edits': [{'op': 'merge'}]}", ERR_MALFORMED, "edits[0] needs a string \"path\""},
	{"{'edits': [{'op': 'merge', 'path': 1}]}", ERR_MALFORMED, "needs a string \"path\""},
	{"{'edits': [{'op': 'murge', 'path': '/'}]}", ERR_MALFORMED, "did you mean 'merge'?"},
	{"{'edits': [{'op': 'merge', 'path': '/', 'val': 1}]}", ERR_MALFORMED,
		"unknown member \"val\""},
};

static void
test_malformed(void **state)
{
	struct backend b = {0};

	role_enter(&role_main);
	backend_start(&b, NULL);
	for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
		struct outcome o = {0};

		edit_f(&b, &o, "%s", malformed[i].params);
		assert_int_equal(o.calls, 1);
		if (o.rc != err_errno(malformed[i].kind) ||
			strstr(o.err.text, malformed[i].says) == NULL) {
			fail_msg("%s: %d %s", malformed[i].params, o.rc, o.err.text);
		}
		outcome_clear(&o);
	}
	assert_int_equal(ds_revision(b.ds), 0);
	backend_stop(&b);
	role_leave(&role_main);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
