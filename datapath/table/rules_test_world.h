/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the rule tables share: tables, batches of one, and an account of actions. */
#ifndef VSW_DATAPATH_TABLE_RULES_TEST_WORLD_H
#define VSW_DATAPATH_TABLE_RULES_TEST_WORLD_H

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "datapath/core/grace.h"
#include "datapath/table/rules.h"
#include "datapath/table/rules_priv.h"

#define SEED UINT64_C(0x5eed)

struct rules_world {
	struct grace grace;
	struct rules *rules;
	size_t n_released;
	size_t n_last;
};

static inline void
world_released(void *arg, const struct rule *rule, bool last)
{
	struct rules_world *world = arg;

	world->n_released++;
	world->n_last += last;
}

static inline int
rules_world_setup(void **state)
{
	struct rules_world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	assert_int_equal(grace_init(&world->grace), 0);
	*state = world;
	return 0;
}

static inline int
rules_world_teardown(void **state)
{
	struct rules_world *world = *state;

	rules_destroy(world->rules);
	grace_fini(&world->grace);
	free(world);
	return 0;
}

static inline struct rules *
make_rules(void **state, struct rules_conf conf) ROLE_ATTR(assert_capability(role_main))
{
	struct rules_world *world = *state;

	role_assert(&role_main);
	conf.released = world_released;
	conf.arg = world;
	assert_int_equal(rules_create(&conf, &world->grace, SEED, &world->rules), 0);
	return world->rules;
}

/* TCP to an address and a port, host order; prefix: bits of the address. */
static inline struct rule_spec
tcp_spec(uint32_t id, uint16_t priority, uint32_t dst, unsigned int prefix, uint16_t port)
{
	struct rule_spec spec = {.id = id, .slot = id, .priority = priority};

	match_init(&spec.match);
	spec.match.value.eth_type = htons(0x0800);
	spec.match.mask.eth_type = UINT16_MAX;
	spec.match.value.valid = FIELDS_VALID_IPV4 | FIELDS_VALID_L4;
	spec.match.mask.valid = FIELDS_VALID_IPV4 | FIELDS_VALID_L4;
	spec.match.value.proto = 6;
	spec.match.mask.proto = UINT8_MAX;
	spec.match.value.ip4_dst = htonl(dst);
	spec.match.mask.ip4_dst = htonl(prefix == 0 ? 0 : UINT32_MAX << (32 - prefix));
	spec.match.l4_dst = (struct match_range){port, port};
	return spec;
}

static inline struct fields
tcp_packet(uint32_t dst, uint16_t port)
{
	return (struct fields){
		.in_port = 1,
		.valid = FIELDS_VALID_IPV4 | FIELDS_VALID_L4,
		.eth_type = htons(0x0800),
		.ip4_src = htonl(0x0a000001),
		.ip4_dst = htonl(dst),
		.l4_src = htons(40000),
		.l4_dst = htons(port),
		.proto = 6,
	};
}

static inline int
add_one(struct rules *rules, const struct rule_spec *spec) ROLE_ATTR(assert_capability(role_main))
{
	int rc;

	role_assert(&role_main);
	rules_begin(rules);
	rc = rules_add(rules, spec);
	if (rc == 0) {
		(void)rules_commit(rules);
	} else {
		rules_abort(rules);
	}
	return rc;
}

static inline uint32_t
id_of(const struct rule *rule)
{
	return rule == NULL ? 0 : rule->id;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, rules_world_setup, rules_world_teardown)

#endif
