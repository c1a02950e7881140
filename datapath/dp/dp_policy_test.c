/* SPDX-License-Identifier: BSD-3-Clause */
/* Access lists, policies of ports, meters and groups: what workers get to see, and for how long. */
#include "datapath/dp/dp_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "datapath/dp/dp_priv.h"
#include "datapath/dp/test_dp.h"

/* --- the bench -------------------------------------------------------------------------------- */

static void
set_port(struct dp *dp, struct dp_port *port, struct dp_bridge *bridge,
	const struct dp_port_policy *policy) ON_MAIN
{
	struct dp_port_fwd fwd = {
		.bridge = bridge,
		.enabled = true,
		.mtu = 1500,
		.vlan = {.mode = VLAN_TRUNK},
		.policy = policy,
	};

	dp_port_set(dp, port, &fwd);
	dp_publish(dp);
}

static void
both_step(struct dp *dp) ON_MAIN ON_WORKER
{
	(void)dp_worker_step(dp, 0, TEST_DP_NOW);
	(void)dp_step(dp, TEST_DP_NOW);
}

static struct device *
device_of(struct dp_port *port) ON_MAIN
{
	return (struct device *)dp_port_device(port);
}

/* --- access lists ----------------------------------------------------------------------------- */

/* TCP to a range of ports, from an IPv4 prefix of 8 bits. */
static struct dp_acl_entry
entry_of(uint8_t net, uint16_t low, uint16_t high, bool accept)
{
	struct dp_acl_entry entry = {.accept = accept};

	match_init(&entry.match);
	entry.match.mask.in_port = UINT16_MAX; /* not looked at */
	entry.match.value.in_port = 77;
	memset(&entry.match.mask.ip4_src, 0xff, 1);
	memset(&entry.match.value.ip4_src, net, 1);
	entry.match.mask.l4_dst = UINT16_MAX;
	fields_mask_complete(&entry.match.mask);
	entry.match.mask.l4_dst = 0;
	entry.match.l4_dst = (struct match_range){.low = low, .high = high};
	entry.match.value.eth_type = RTE_BE16(0x0800);
	entry.match.value.valid = FIELDS_VALID_IPV4 | FIELDS_VALID_L4;
	entry.match.value.proto = 6;
	return entry;
}

static struct fields
packet_of(uint8_t net, uint16_t port)
{
	struct fields packet = {
		.in_port = 1,
		.valid = FIELDS_VALID_IPV4 | FIELDS_VALID_L4,
		.eth_type = RTE_BE16(0x0800),
		.proto = 6,
		.l4_dst = rte_cpu_to_be_16(port),
	};

	memset(&packet.ip4_src, net, 1);
	return packet;
}

static const char *
verdict(const struct acl_view *acl, uint8_t net, uint16_t port)
{
	const struct fields packet = packet_of(net, port);
	const struct rule *rule = rules_lookup(acl->rules, 0, &packet, acl->version, NULL);

	assert_int_not_equal(acl->rest_slot, 0);
	if (rule == NULL) {
		return acl->accept_rest ? "accept" : "drop";
	}
	assert_true(rule->slot != 0 && rule->slot != acl->rest_slot);
	return rule->actions == &acl_accept ? "accept" : rule->actions == &acl_drop ? "drop" : "?";
}

static void
test_the_first_entry_that_matches_decides(void **state)
{
	const struct dp_acl_entry entries[] = {
		entry_of(10, 80, 80, true),
		entry_of(10, 70, 90, false),
		entry_of(10, 80, 80, false), /* never reached */
		entry_of(11, 1000, 2000, true),
	};
	struct dp *dp = test_dp_create(1);
	struct dp_acl *acl;
	const struct acl_view *view;

	(void)state;
	assert_int_equal(dp_acl_create(dp, entries, 4, true, &acl, NULL), 0);
	view = dp_acl_view(acl);
	assert_true(view->accept_rest);
	assert_string_equal(verdict(view, 10, 80), "accept");
	assert_string_equal(verdict(view, 10, 81), "drop");
	assert_string_equal(verdict(view, 10, 90), "drop");
	assert_string_equal(verdict(view, 10, 91), "accept");
	assert_string_equal(verdict(view, 11, 80), "accept");
	dp_acl_destroy(dp, acl);
	assert_int_equal(dp_acl_create(dp, entries, 4, false, &acl, NULL), 0);
	view = dp_acl_view(acl);
	assert_false(view->accept_rest);
	assert_string_equal(verdict(view, 11, 80), "drop");
	assert_string_equal(verdict(view, 11, 2000), "accept");
	assert_string_equal(verdict(view, 11, 2001), "drop");
	assert_int_equal(dp_acl_rest(dp, acl), 0);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

/* A list that looks at addresses only needs no deeper parse, and DEEP says nothing to it. */
static void
test_masks_of_a_list(void **state)
{
	struct dp_acl_entry entries[2] = {entry_of(10, 80, 80, true)};
	struct dp *dp = test_dp_create(1);
	const struct acl_view *view;
	struct dp_acl *acl;

	(void)state;
	match_init(&entries[1].match);
	memset(entries[1].match.mask.eth_src, 0xff, 6);
	assert_int_equal(dp_acl_create(dp, entries, 2, false, &acl, NULL), 0);
	view = dp_acl_view(acl);
	assert_true((view->masks[RULES_IPV4].valid & FIELDS_DEEP) != 0);
	assert_int_equal(view->masks[RULES_IPV4].proto, UINT8_MAX);
	assert_int_equal(view->masks[RULES_IPV4].in_port, 0);
	for (int c = RULES_IPV6; c < RULES_ALL; c++) {
		assert_int_equal(view->masks[c].valid, 0);
		assert_int_equal(view->masks[c].eth_src[0], 0xff);
	}
	dp_acl_destroy(dp, acl);
	assert_int_equal(dp_acl_create(dp, NULL, 0, false, &acl, NULL), 0);
	assert_string_equal(verdict(dp_acl_view(acl), 10, 80), "drop");
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

static void
test_lists_that_cannot_be(void **state)
{
	const size_t n = 20000;
	struct dp_acl_entry *entries = must_calloc(DP_ACL_ENTRIES_MAX + 1, sizeof(*entries));
	struct dp *dp = test_dp_create(1);
	struct err err = ERR_INIT;
	struct dp_acl *acl = NULL;

	(void)state;
	for (size_t i = 0; i <= DP_ACL_ENTRIES_MAX; i++) {
		match_init(&entries[i].match);
		memcpy(entries[i].match.mask.eth_src, &i, 2);
		memcpy(entries[i].match.mask.eth_dst, &i, 2);
	}
	assert_int_not_equal(
		dp_acl_create(dp, entries, DP_ACL_ENTRIES_MAX + 1, true, &acl, &err), 0);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_non_null(strstr(err.text, "65535"));
	/* As many masks as entries. */
	for (size_t i = 0; i < n; i++) {
		entries[i].match.mask.ip4_src = (uint32_t)(i * 2654435761U);
		entries[i].match.mask.eth_src[5] = 0xff;
		memset(&entries[i].match.value, 0, sizeof(entries[i].match.value));
	}
	assert_int_not_equal(dp_acl_create(dp, entries, n, true, &acl, &err), 0);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_non_null(strstr(err.text, "combination of fields"));
	entries[3] = entry_of(10, 90, 80, true);
	assert_int_not_equal(dp_acl_create(dp, entries, 4, true, &acl, &err), 0);
	assert_int_equal(err.kind, ERR_INVALID);
	assert_non_null(strstr(err.text, "entry 4"));
	assert_null(acl);
	free(entries);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

static void
test_a_list_stays_until_nobody_sees_it(void **state)
{
	const struct dp_acl_entry entry = entry_of(10, 80, 80, true);
	struct dp *dp = test_dp_create(1);
	struct dp_bridge *bridge = test_dp_bridge(dp);
	struct dp_port *port = test_dp_port(dp, 1);
	struct dp_port_policy policy = {0};
	struct dp_acl *old;
	struct dp_acl *new;

	(void)state;
	assert_int_equal(dp_acl_create(dp, &entry, 1, true, &old, NULL), 0);
	policy.acl_in = policy.acl_out = old;
	set_port(dp, port, bridge, &policy);
	both_step(dp);
	assert_ptr_equal(dp->snapshot->ports[1]->acl_in, dp_acl_view(old));
	assert_ptr_equal(dp->snapshot->ports[1]->acl_out, dp_acl_view(old));
	assert_int_equal(dp_acl_create(dp, &entry, 1, true, &new, NULL), 0);
	policy.acl_in = new;
	policy.acl_out = NULL;
	set_port(dp, port, bridge, &policy);
	both_step(dp);
	both_step(dp);
	assert_true(STAILQ_EMPTY(&dp->retired));
	dp_acl_destroy(dp, old);
	dp_acl_destroy(dp, NULL);
	dp_publish(dp);
	(void)dp_step(dp, TEST_DP_NOW);
	assert_false(STAILQ_EMPTY(&dp->retired)); /* the worker has not come round */
	both_step(dp);
	both_step(dp);
	assert_true(STAILQ_EMPTY(&dp->retired));
	assert_ptr_equal(dp->snapshot->ports[1]->acl_in, dp_acl_view(new));
	assert_null(dp->snapshot->ports[1]->acl_out);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

/* --- ports ------------------------------------------------------------------------------------ */

static void
test_policy_of_a_port(void **state)
{
	struct spoof_view spoof = {.n_mac = 1, .mac = {{2, 0, 0, 0, 0, 1}}};
	struct dp_port_policy policy = {
		.spoof = &spoof,
		.storm[STORM_BROADCAST] = {.rate = 100},
		.storm[STORM_UNKNOWN] = {.rate = 200},
		.protected_port = true,
	};
	struct dp *dp = test_dp_create(1);
	struct dp_bridge *bridge = test_dp_bridge(dp);
	struct dp_port *port = test_dp_port(dp, 1);
	const struct port_view *view;
	struct meter *meters[STORM_KINDS];
	const struct spoof_view *copy;

	(void)state;
	set_port(dp, port, bridge, NULL);
	view = dp->snapshot->ports[1];
	assert_null(view->spoof);
	assert_null(view->storm[STORM_BROADCAST]);
	assert_false(view->protected_port);
	set_port(dp, port, bridge, &policy);
	view = dp->snapshot->ports[1];
	copy = view->spoof;
	assert_ptr_not_equal(copy, &spoof);
	assert_memory_equal(copy, &spoof, sizeof(spoof));
	assert_true(view->protected_port);
	assert_null(view->storm[STORM_MULTICAST]);
	assert_int_equal(view->storm[STORM_UNKNOWN]->conf.rate, 200);
	memcpy(meters, view->storm, sizeof(meters));
	/* What is the same goes on as it is. */
	policy.storm[STORM_UNKNOWN].rate = 300;
	policy.protected_port = false;
	set_port(dp, port, bridge, &policy);
	view = dp->snapshot->ports[1];
	assert_ptr_equal(view->spoof, copy);
	assert_ptr_equal(view->storm[STORM_BROADCAST], meters[STORM_BROADCAST]);
	assert_ptr_not_equal(view->storm[STORM_UNKNOWN], meters[STORM_UNKNOWN]);
	assert_int_equal(view->storm[STORM_UNKNOWN]->conf.rate, 300);
	assert_false(view->protected_port);
	spoof.n_mac = 0;
	policy.storm[STORM_BROADCAST].rate = 0;
	set_port(dp, port, bridge, &policy);
	view = dp->snapshot->ports[1];
	assert_int_equal(view->spoof->n_mac, 0);
	assert_null(view->storm[STORM_BROADCAST]);
	both_step(dp);
	set_port(dp, port, bridge, NULL);
	assert_null(dp->snapshot->ports[1]->spoof);
	dp_port_close(dp, port, PORT_CLOSE_DELETED, NULL, NULL);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

/* --- meters ----------------------------------------------------------------------------------- */

static void
test_meters_of_a_bridge(void **state)
{
	const struct meter_conf slow = {.rate = 10};
	const struct meter_conf fast = {.unit = METER_BITS, .rate = 1000000};
	const struct meter_conf bad = {.rate = METER_RATE_MAX + 1};
	static const uint32_t ids[] = {5, 1, 9, 7};
	struct dp *dp = test_dp_create(1);
	struct dp_bridge *bridge = test_dp_bridge(dp);
	const struct bridge_view *view;
	const struct meter *seven;
	struct err err = ERR_INIT;
	uint64_t passed;
	uint64_t dropped;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		assert_int_equal(dp_bridge_set_meter(dp, bridge, ids[i], &slow, NULL), 0);
	}
	dp_publish(dp);
	view = dp->snapshot->bridges[1];
	assert_int_equal(view->n_meters, 4);
	for (uint32_t i = 1; i < view->n_meters; i++) {
		assert_true(view->meters[i - 1].id < view->meters[i].id);
	}
	seven = view->meters[2].meter;
	assert_int_equal(dp_bridge_set_meter(dp, bridge, 7, &slow, NULL), 0);
	assert_ptr_equal(bridge->meters[2].meter, seven);
	assert_int_not_equal(dp_bridge_set_meter(dp, bridge, 7, &bad, &err), 0);
	assert_int_equal(err.kind, ERR_INVALID);
	assert_ptr_equal(bridge->meters[2].meter, seven);
	bridge->meters[2].meter->passed = 11;
	bridge->meters[2].meter->dropped = 12;
	assert_true(dp_bridge_get_meter(bridge, 7, &passed, &dropped));
	assert_int_equal(passed, 11);
	assert_int_equal(dropped, 12);
	assert_int_equal(dp_bridge_set_meter(dp, bridge, 7, &fast, NULL), 0);
	assert_ptr_not_equal(bridge->meters[2].meter, seven);
	assert_ptr_equal(view->meters[2].meter, seven); /* workers still see the old one */
	dp_bridge_del_meter(dp, bridge, 1);
	dp_bridge_del_meter(dp, bridge, 2);
	dp_publish(dp);
	view = dp->snapshot->bridges[1];
	assert_int_equal(view->n_meters, 3);
	assert_int_equal(view->meters[0].id, 5);
	assert_int_equal(view->meters[1].meter->conf.rate, 1000000);
	assert_false(dp_bridge_get_meter(bridge, 1, &passed, &dropped));
	for (uint32_t id = 100; bridge->n_meters < DP_METERS_MAX; id++) {
		assert_int_equal(dp_bridge_set_meter(dp, bridge, id, &slow, NULL), 0);
	}
	assert_int_not_equal(dp_bridge_set_meter(dp, bridge, 2, &slow, &err), 0);
	assert_int_equal(err.kind, ERR_LIMIT);
	dp_bridge_destroy(dp, bridge);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

/* --- groups ----------------------------------------------------------------------------------- */

static struct dp_bucket
bucket_to(uint32_t port, uint16_t watch)
{
	const uint64_t word = port;
	struct action_list *list = must_calloc(1, sizeof(*list) + sizeof(word));

	list->size = sizeof(word);
	memcpy(list->bytes, &word, sizeof(word));
	return (struct dp_bucket){.watch = watch, .weight = 1, .actions = list};
}

static void
test_groups_of_a_bridge(void **state)
{
	struct dp *dp = test_dp_create(1);
	struct dp_bridge *bridge = test_dp_bridge(dp);
	const struct group_view *group;
	uint64_t salts[3];

	(void)state;
	for (uint32_t id = 3; id > 0; id--) {
		const struct dp_bucket buckets[] = {
			bucket_to(1, 0), bucket_to(2, 0), bucket_to(2, 0)};

		dp_bridge_set_group(dp, bridge, id, GROUP_SELECT, buckets, 3);
	}
	dp_publish(dp);
	assert_int_equal(dp->snapshot->bridges[1]->n_groups, 3);
	for (uint32_t i = 0; i < 3; i++) {
		group = dp->snapshot->bridges[1]->groups[i];
		assert_int_equal(group->id, i + 1);
		salts[i] = group->buckets[i].salt;
	}
	assert_true(salts[0] != salts[1] && salts[1] != salts[2] && salts[0] != salts[2]);
	{
		const struct dp_bucket buckets[] = {
			bucket_to(4, 0), bucket_to(2, 0), bucket_to(1, 0)};

		dp_bridge_set_group(dp, bridge, 2, GROUP_SELECT, buckets, 3);
	}
	group = bridge->groups[1];
	assert_int_equal(group->buckets[1].salt, salts[1]);
	assert_int_equal(group->buckets[2].salt, salts[0]); /* in another place */
	dp_bridge_del_group(dp, bridge, 1);
	dp_bridge_del_group(dp, bridge, 8);
	dp_publish(dp);
	assert_int_equal(dp->snapshot->bridges[1]->n_groups, 2);
	assert_ptr_equal(dp->snapshot->bridges[1]->groups[0], group);
	assert_null(bridge->watched);
	dp_bridge_destroy(dp, bridge);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

/* The view of a watched port follows its guest; that of others need not. */
static void
test_who_lives(void **state)
{
	struct dp *dp = test_dp_create(1);
	struct dp_bridge *bridge = test_dp_bridge(dp);
	struct dp_port *watched = test_dp_port(dp, 1);
	struct dp_port *other = test_dp_port(dp, 1);
	struct dp_bucket bucket = bucket_to(1, 3);
	const struct bridge_view *before;
	struct dp_port_fwd off = {.bridge = bridge, .mtu = 1500};

	(void)state;
	device_of(watched)->down = true;
	set_port(dp, watched, bridge, NULL);
	set_port(dp, other, bridge, NULL);
	assert_false(dp->snapshot->ports[1]->live);
	assert_true(dp->snapshot->ports[2]->live);
	watched->view->number = 3;
	other->view->number = 4;
	device_of(watched)->down = false;
	device_of(other)->down = true;
	(void)dp_step(dp, TEST_DP_NOW + CLOCK_S);
	assert_false(dp->snapshot->ports[1]->live); /* nobody watches it */
	dp_bridge_set_group(dp, bridge, 1, GROUP_FAILOVER, &bucket, 1);
	dp_publish(dp);
	assert_true(dp->snapshot->ports[1]->live);
	assert_int_equal(dp->snapshot->ports[1]->number, 3);
	before = dp->snapshot->bridges[1];
	(void)dp_step(dp, TEST_DP_NOW + 2 * CLOCK_S);
	assert_ptr_equal(dp->snapshot->bridges[1], before);
	device_of(watched)->down = true;
	(void)dp_step(dp, TEST_DP_NOW + 3 * CLOCK_S);
	assert_false(dp->snapshot->ports[1]->live);
	assert_true(dp->snapshot->ports[2]->live);
	assert_ptr_not_equal(dp->snapshot->bridges[1], before);
	assert_ptr_equal(dp->snapshot->bridges[1]->members[0], dp->snapshot->ports[1]);
	device_of(watched)->down = false;
	dp_port_set(dp, watched, &off);
	dp_publish(dp);
	assert_false(dp->snapshot->ports[1]->live); /* not enabled */
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_entry_that_matches_decides),
		cmocka_unit_test(test_masks_of_a_list),
		cmocka_unit_test(test_lists_that_cannot_be),
		cmocka_unit_test(test_a_list_stays_until_nobody_sees_it),
		cmocka_unit_test(test_policy_of_a_port),
		cmocka_unit_test(test_meters_of_a_bridge),
		cmocka_unit_test(test_groups_of_a_bridge),
		cmocka_unit_test(test_who_lives),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("dp-policy", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
