/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static struct model *
model_of(void **state)
{
	return *state;
}

static int
setup(void **state)
{
	struct model *model;

	if (model_create(NULL, &model, NULL) != 0) {
		return -1;
	}
	*state = model;
	return 0;
}

static int
teardown(void **state)
{
	model_destroy(*state);
	return 0;
}

#define P "/vswitch:vswitch"

/* What is read, and how it is printed (NULL: the same). */
static const struct {
	const char *text;
	const char *canonical;
} good[] = {
	{"/", NULL},
	{P, NULL},
	{"/vswitch", P},
	{P "/port", NULL},
	{P "/port[name='vm1']", NULL},
	{"/vswitch/vswitch:port[vswitch:name=\"vm1\"]/vswitch:mtu", P "/port[name='vm1']/mtu"},
	{P "/port[ name = 'vm1' ]/mtu", P "/port[name='vm1']/mtu"},
	{P "/port[name='vm1']/trunk[.='10-20']", NULL},
	{P "/port[name='vm1']/trunk", NULL},
	{P "/bridge[name='br0']/static-mac[mac='52:54:00:AA:BB:CC'][vlan='007']/port",
		P "/bridge[name='br0']/static-mac[mac='52:54:00:aa:bb:cc'][vlan='7']/port"},
	{P "/bridge[name='br0']/static-mac[vlan='7'][mac='52:54:00:aa:bb:cc']",
		P "/bridge[name='br0']/static-mac[mac='52:54:00:aa:bb:cc'][vlan='7']"},
	{P "/bridge[name='br0']/fdb", NULL},
	{P "/system/memory/kind", NULL},
	{P "/port[name='a.b_c:d-e']/statistics/drops/runt", NULL},
};

/* What is refused: the kind and a part of the sentence. */
static const struct {
	const char *text;
	enum err_kind kind;
	const char *says;
} bad[] = {
	{"", ERR_MALFORMED, "starts with '/'"},
	{"port", ERR_MALFORMED, "starts with '/'"},
	{"//", ERR_MALFORMED, "a node's name expected at character 2"},
	{P "/", ERR_MALFORMED, "a node's name expected at the end"},
	{P "/port[name='a']/", ERR_MALFORMED, "a node's name expected at the end"},
	{"/vs:vswitch", ERR_UNKNOWN, "there is no module 'vs'"},
	{"/vswitch:", ERR_MALFORMED, "a node's name expected at the end"},
	{"/vswtich:vswitch", ERR_UNKNOWN, "there is no module 'vswtich'"},
	{"/vswich", ERR_UNKNOWN, "did you mean 'vswitch'?"},
	{"/port[name='vm1']", ERR_UNKNOWN, "did you mean '/vswitch:vswitch/port'?"},
	{P "/prot", ERR_UNKNOWN, "there is no 'prot' in 'vswitch'; did you mean 'port'?"},
	{P "/port[name='vm1']/mtuu", ERR_UNKNOWN, "did you mean 'mtu'?"},
	{P "/port[name='vm1']/mtu/x", ERR_UNKNOWN, "'mtu' is a leaf"},
	{P "/port[nmae='vm1']", ERR_UNKNOWN, "'nmae' is not a key of list 'port'; did you mean"},
	{P "/port[mtu='1500']", ERR_UNKNOWN, "'mtu' is not a key of list 'port'"},
	{P "/port[name=vm1]", ERR_MALFORMED, "a value in quotes expected"},
	{P "/port[name='vm1]", ERR_MALFORMED, "is not closed"},
	{P "/port[name='vm1'", ERR_MALFORMED, "']' expected at the end"},
	{P "/port[name]", ERR_MALFORMED, "'=' expected"},
	{P "/port[]", ERR_MALFORMED, "a node's name expected"},
	{P "/port[1]", ERR_MALFORMED, "a node's name expected"},
	{P "/port[name='vm1'][name='vm2']", ERR_MALFORMED, "'name' is given twice"},
	{P "/port[name='vm1']x", ERR_MALFORMED, "the end expected at character"},
	{P "/port[name='-x']", ERR_INVALID, "'name' cannot be \"-x\""},
	{P "/port[name='']", ERR_INVALID, "1..63 characters"},
	{P "/port/mtu", ERR_MALFORMED, "which entry of list 'port'? write port[name='...']"},
	{P "/port[.='vm1']", ERR_MALFORMED, "'port' is none"},
	{P "/system[name='x']", ERR_MALFORMED, "'system' is not a list"},
	{P "/port[name='a']/mtu[.='1']", ERR_MALFORMED, "'mtu' is none"},
	{P "/port[name='a']/trunk[.='4095']", ERR_INVALID, "range of ids within 0..4094"},
	{P "/bridge[name='b']/static-mac[mac='52:54:00:00:00:01']", ERR_MALFORMED,
		"needs its key 'vlan'"},
	{P "/bridge[name='b']/static-mac[mac='53:54:00:00:00:01'][vlan='0']", ERR_INVALID,
		"group address"},
	{P "/bridge[name='b']/static-mac[mac='52:54:00:00:00:01'][vlan='4095']", ERR_INVALID,
		"'vlan' cannot be 4095; it takes a number, 0..4094"},
	{P "/port[name='a\x01']", ERR_INVALID, "control character"},
};

static void
test_good(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		const char *wanted = good[i].canonical == NULL ? good[i].text : good[i].canonical;
		struct err err = ERR_INIT;
		struct path path;
		char text[256];

		if (path_parse(model_of(state), good[i].text, &path, &err) != 0) {
			fail_msg("%s: %s", good[i].text, err.text);
		}
		assert_string_equal(path_print(&path, path.n_steps, text, sizeof(text)), wanted);
		path_fini(&path);
	}
}

static void
test_bad(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;
		struct path path;
		int rc = path_parse(model_of(state), bad[i].text, &path, &err);

		if (rc != err_errno(bad[i].kind) || err.kind != bad[i].kind ||
			strstr(err.text, bad[i].says) == NULL ||
			strcmp(err.path, bad[i].text) != 0) {
			fail_msg("'%s': %s at '%s': %s", bad[i].text, err_tag(err.kind), err.path,
				err.text);
		}
		assert_int_equal(path.n_steps, 0);
		path_fini(&path);
	}
}

static void
test_long(void **state)
{
	size_t size = 3 * PATH_TEXT_MAX;
	char *text = calloc(1, size);
	struct err err = ERR_INIT;
	struct path path;

	memset(text, '/', size - 1);
	assert_int_equal(path_parse(model_of(state), text, &path, &err), err_errno(ERR_TOO_BIG));
	free(text);
}

/* Every prefix of every good path is good or refused, and never read past its end (ASan). */
static void
test_cut(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		for (size_t len = 0; len < strlen(good[i].text); len++) {
			char *text = strndup(good[i].text, len);
			struct err err = ERR_INIT;
			struct path path;

			if (path_parse(model_of(state), text, &path, &err) != 0) {
				assert_true(str_given(err.text));
			}
			path_fini(&path);
			free(text);
		}
	}
}

static void
test_print_cut(void **state)
{
	struct path path;
	char text[8];

	assert_int_equal(path_parse(model_of(state), P "/port[name='vm1']", &path, NULL), 0);
	assert_string_equal(path_print(&path, 2, text, sizeof(text)), "/vswitc");
	path_fini(&path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_print_cut),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
