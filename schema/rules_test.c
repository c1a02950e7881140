/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "schema/model.h"
#include "schema/test_backend.h"

/* leaf NULL: the port is good. */
static const struct {
	const char *port;
	const char *leaf;
	const char *says;
} cases[] = {
	/* types */
	{"{'type': 'tap'}"},
	{"{'type': 'tap', 'ifname': 'tap0', 'netns': 'blue'}"},
	{"{'type': 'tap', 'pci': '0000:03:00.0'}", "pci",
		"leaf 'pci' does not apply to type 'tap'; it belongs to: pci"},
	{"{'type': 'fake', 'socket': '/s'}", "socket",
		"leaf 'socket' does not apply to type 'fake'; it belongs to: vhost-user, memif"},
	{"{'type': 'vhost-user'}"},
	{"{'type': 'vhost-user', 'socket': '/s', 'owner': 'qemu', 'permissions': '0600'}"},
	{"{'type': 'vhost-user', 'mode': 'client'}", "socket", "mode 'client' needs the leaf"},
	{"{'type': 'vhost-user', 'mode': 'client', 'socket': '/s'}"},
	{"{'type': 'vhost-user', 'mode': 'client', 'socket': '/s', 'group': 'kvm'}", "group",
		"apply to mode 'server'"},
	{"{'type': 'vhost-user', 'disable-feature': ['tso'], 'peer-uid': [0, 64055],"
	 "'require-seals': true}"},
	{"{'type': 'vhost-user', 'backend': 'native', 'peer-uid': [7]}"},
	{"{'type': 'vhost-user', 'backend': 'dpdk', 'group': 'kvm'}"},
	{"{'type': 'vhost-user', 'backend': 'dpdk', 'peer-uid': [7]}", "peer-uid",
		"leaf 'peer-uid' applies to backend 'native' only; the backend is 'dpdk'"},
	{"{'type': 'vhost-user', 'backend': 'dpdk', 'disable-feature': ['tso']}", "disable-feature",
		"applies to backend 'native' only"},
	{"{'type': 'vhost-user', 'backend': 'dpdk', 'require-seals': false}", "require-seals",
		"applies to backend 'native' only"},
	{"{'type': 'vhost-user', 'peer-uid': [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}"},
	{"{'type': 'vhost-user', 'peer-uid': [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
		"peer-uid", "17 users are too many, there can be 16"},
	{"{'type': 'tap', 'peer-uid': [7]}", "peer-uid",
		"leaf 'peer-uid' does not apply to type 'tap'; it belongs to: vhost-user"},
	{"{'type': 'af-packet'}", "ifname", "a port of type 'af-packet' needs the leaf 'ifname'"},
	{"{'type': 'af-packet', 'ifname': 'eth0'}"},
	{"{'type': 'af-packet', 'ifname': 'eth0', 'netns': 'x'}", "netns", "it belongs to: tap"},
	{"{'type': 'af-xdp'}", "ifname", "needs the leaf 'ifname'"},
	{"{'type': 'af-xdp', 'ifname': 'eth0'}"},
	{"{'type': 'pci'}", "pci", "needs the leaf 'pci' or the leaf 'devargs'"},
	{"{'type': 'pci', 'pci': '0000:03:00.0'}"},
	{"{'type': 'pci', 'devargs': 'net_x,y=z'}"},
	{"{'type': 'pci', 'devargs': 'net_x,y=z', 'pci': '0000:03:00.0'}", "devargs",
		"give one of them"},
	{"{'type': 'virtio-user'}", "path", "needs the leaf 'path'"},
	{"{'type': 'virtio-user', 'path': '/dev/vhost-net', 'trusted': true}"},
	{"{'type': 'memif'}", "socket", "needs the leaf 'socket'"},
	{"{'type': 'memif', 'socket': '/s', 'id': 3, 'role': 'server'}"},
	{"{'type': 'pcap'}", "rx-file", "needs the leaf 'rx-file' or the leaf 'tx-file'"},
	{"{'type': 'pcap', 'tx-file': '/f'}"},
	{"{'type': 'null'}"},
	{"{'type': 'ring'}"},
	{"{'type': 'fake'}"},
	/* VLANs */
	{"{'type': 'fake', 'vlan': 5}"},
	{"{'type': 'fake', 'trunk': ['5', '7-9']}"},
	{"{'type': 'fake', 'vlan': 5, 'trunk': ['6']}"},
	{"{'type': 'fake', 'trunk': ['9-7']}", "trunk", "write '7-9'"},
	{"{'type': 'fake', 'trunk': ['0-4094', '7-7']}"},
	{"{'type': 'fake', 'vlan-mode': 'access'}", "vlan", "vlan-mode 'access' needs the leaf"},
	{"{'type': 'fake', 'vlan-mode': 'access', 'vlan': 5}"},
	{"{'type': 'fake', 'vlan-mode': 'access', 'vlan': 5, 'trunk': ['6']}", "trunk",
		"leaf 'trunk' does not apply to vlan-mode 'access'"},
	{"{'type': 'fake', 'vlan-mode': 'trunk', 'vlan': 5}", "vlan", "does not apply"},
	{"{'type': 'fake', 'vlan-mode': 'trunk'}"},
	{"{'type': 'fake', 'vlan-mode': 'native-tagged', 'trunk': ['6']}", "vlan", "needs"},
	{"{'type': 'fake', 'vlan-mode': 'native-untagged', 'vlan': 5}"},
	{"{'type': 'fake', 'vlan-mode': 'dot1q-tunnel', 'vlan': 5, 'cvlan': ['1'],"
	 "'qinq-ethertype': '802.1q'}"},
	{"{'type': 'fake', 'vlan-mode': 'dot1q-tunnel', 'vlan': 5, 'cvlan': ['3-1']}", "cvlan",
		"runs backwards"},
	{"{'type': 'fake', 'cvlan': ['1']}", "cvlan",
		"vlan-mode 'trunk', which is in effect because vlan-mode is not given"},
	{"{'type': 'fake', 'vlan': 5, 'qinq-ethertype': '802.1q'}", "qinq-ethertype",
		"vlan-mode 'access', which is in effect"},
};

static void
test_table(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *port = json_of(cases[i].port);
		struct err err = ERR_INIT;
		int rc = rules_check("port", "/p", port, &err);

		if (cases[i].leaf == NULL ? rc != 0
					  : rc == 0 || strncmp(err.path, "/p/", 3) != 0 ||
					strcmp(err.path + 3, cases[i].leaf) != 0 ||
					strstr(err.text, cases[i].says) == NULL) {
			fail_msg("%s: %d at '%s': %s", cases[i].port, rc, err.path, err.text);
		}
		json_decref(port);
	}
}

static void
test_vlan_mode(void **state)
{
	static const struct {
		const char *port;
		const char *mode;
	} modes[] = {
		{"{}", "trunk"},
		{"{'trunk': ['1']}", "trunk"},
		{"{'vlan': 5}", "access"},
		{"{'vlan': 5, 'trunk': ['1']}", "native-untagged"},
		{"{'vlan': 5, 'vlan-mode': 'native-tagged'}", "native-tagged"},
	};

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		json_t *port = json_of(modes[i].port);

		assert_string_equal(rules_vlan_mode(port), modes[i].mode);
		json_decref(port);
	}
}

/* Each type of the schema has a good port in the table above, so a new one is not forgotten. */
static void
test_all_types(void **state)
{
	struct model *model;
	const struct lysc_node *port;
	const struct lysc_type_enum *type;
	LY_ARRAY_COUNT_TYPE i;

	assert_int_equal(model_create(NULL, &model, NULL), 0);
	port = model_child(model->root, "port", 4);
	type = (const struct lysc_type_enum *)model_type(model_child(port, "type", 4));
	LY_ARRAY_FOR(type->enums, i)
	{
		size_t good = 0;
		char text[64];

		(void)snprintf(text, sizeof(text), "'type': '%s'", type->enums[i].name);
		for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
			good += cases[c].leaf == NULL && strstr(cases[c].port, text) != NULL;
		}
		if (good == 0) {
			fail_msg("no case for type %s", type->enums[i].name);
		}
	}
	model_destroy(model);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_vlan_mode),
		cmocka_unit_test(test_all_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
