/* SPDX-License-Identifier: BSD-3-Clause */
/* From the schema's JSON to what port types are asked for. */
#include "vswitchd/port_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
conf_of(const char *text, struct port_conf *conf)
{
	json_t *entry = json_loads(text, 0, NULL);

	assert_non_null(entry);
	port_config_device(entry, conf);
	json_decref(entry);
}

static void
test_guest(void **state)
{
	struct port_conf conf;

	conf_of("{\"name\":\"vm1\",\"type\":\"vhost-user\"}", &conf);
	assert_int_equal(conf.features_off, 0);
	assert_int_equal(conf.n_peer_uids, 0);
	assert_false(conf.require_seals);
	assert_int_equal(conf.permissions, 0660);
	conf_of("{\"disable-feature\":[\"checksum\",\"packed\"],\"peer-uid\":[0,4294967295],"
		"\"require-seals\":true}",
		&conf);
	assert_int_equal(
		conf.features_off, 1U << PORT_FEATURE_CHECKSUM | 1U << PORT_FEATURE_PACKED);
	assert_int_equal(conf.n_peer_uids, 2);
	assert_int_equal(conf.peer_uids[0], 0);
	assert_int_equal(conf.peer_uids[1], UINT32_MAX);
	assert_int_equal(conf.peer_uids[2], 0);
	assert_true(conf.require_seals);
}

/* The schema's check has a limit; nothing is written behind it. */
static void
test_too_many_users(void **state)
{
	struct port_conf conf;

	conf_of("{\"peer-uid\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18],\"permissions\":"
		"\"0600\"}",
		&conf);
	assert_int_equal(conf.n_peer_uids, PORT_PEER_UIDS_MAX);
	assert_int_equal(conf.peer_uids[PORT_PEER_UIDS_MAX - 1], PORT_PEER_UIDS_MAX);
	assert_int_equal(conf.permissions, 0600);
}

/* A type that has back ends gets one; the others have none. */
static void
test_backend(void **state)
{
	struct port_conf conf;

	conf_of("{\"name\":\"vm1\",\"type\":\"vhost-user\"}", &conf);
	assert_string_equal(conf.backend, "native");
	conf_of("{\"type\":\"vhost-user\",\"backend\":\"dpdk\"}", &conf);
	assert_string_equal(conf.backend, "dpdk");
	conf_of("{\"type\":\"tap\"}", &conf);
	assert_string_equal(conf.backend, "");
}

/* Whether a port has changed is decided by its bytes. */
static void
test_same_bytes(void **state)
{
	static const char text[] = "{\"name\":\"vm1\",\"type\":\"vhost-user\",\"peer-uid\":[7]}";
	struct port_conf a;
	struct port_conf b;

	memset(&b, 0xff, sizeof(b));
	conf_of(text, &a);
	conf_of(text, &b);
	assert_memory_equal(&a, &b, sizeof(a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guest),
		cmocka_unit_test(test_too_many_users),
		cmocka_unit_test(test_backend),
		cmocka_unit_test(test_same_bytes),
	};

	return cmocka_run_group_tests_name("port_config", tests, NULL, NULL);
}
