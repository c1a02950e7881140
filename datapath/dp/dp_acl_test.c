/* SPDX-License-Identifier: BSD-3-Clause */
/* Access lists that change: against a list that is asked entry by entry, and what they leave. */
#include "datapath/dp/dp_acl.h"

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
#include "tests/random.h"

#define MODEL_MAX 2000
#define KEYS 40 /* addresses that packets have and entries ask for: they often meet */

/* --- the bench -------------------------------------------------------------------------------- */

struct bench {
	struct dp *dp;
	struct dp_acl *acl;
	uint64_t now;
	uint64_t random; /* tests/random.h */
	size_t n; /* the model: what the list has to be */
	struct dp_acl_entry entries[MODEL_MAX];
	bool accept_rest;
};

static struct bench *
make(void) ROLE_ATTR(assert_capability(role_main)) ROLE_ATTR(assert_capability(role_worker))
{
	struct bench *b = must_calloc(1, sizeof(*b));

	b->dp = test_dp_create(1);
	b->now = TEST_DP_NOW;
	b->random = random_seed();
	printf("# VSW_SEED=%llu\n", (unsigned long long)b->random);
	(void)fflush(stdout);
	return b;
}

static void
steps(struct bench *b, int n) ON_MAIN ON_WORKER
{
	for (int i = 0; i < n; i++) {
		b->now += CLOCK_MS;
		(void)dp_worker_step(b->dp, 0, b->now);
		(void)dp_step(b->dp, b->now);
	}
}

static void
end(struct bench *b) ON_MAIN
{
	dp_destroy(b->dp, PORT_CLOSE_SHUTDOWN);
	free(b);
}

/* A source address, some of its bits, or any; few enough that the same comes again. */
static struct dp_acl_entry
random_entry(struct bench *b)
{
	static const uint8_t bits[] = {0xff, 0xff, 0xff, 0xf0, 0x0f, 0};
	struct dp_acl_entry entry = {.accept = random_below(&b->random, 2) != 0};

	match_init(&entry.match);
	entry.match.mask.eth_src[5] = bits[random_below(&b->random, sizeof(bits))];
	entry.match.value.eth_src[5] =
		(uint8_t)random_below(&b->random, KEYS) & entry.match.mask.eth_src[5];
	return entry;
}

static bool
model_accepts(const struct bench *b, uint8_t key)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct match *match = &b->entries[i].match;

		if ((key & match->mask.eth_src[5]) == match->value.eth_src[5]) {
			return b->entries[i].accept;
		}
	}
	return b->accept_rest;
}

static bool
view_accepts(const struct acl_view *view, uint8_t key)
{
	const struct fields packet = {.eth_src[5] = key};

	return acl_verdict(view, acl_find(view, &packet));
}

static void
assert_as_model(const struct bench *b)
{
	for (uint8_t key = 0; key < KEYS; key++) {
		assert_int_equal(view_accepts(dp_acl_view(b->acl), key), model_accepts(b, key));
	}
}

/* The same in the model. */
static void
model_splice(struct bench *b, const struct dp_acl_splice *splice)
{
	struct dp_acl_entry *at = &b->entries[splice->at];

	assert_true(b->n - splice->n_out + splice->n_in <= MODEL_MAX);
	memmove(at + splice->n_in, at + splice->n_out,
		(b->n - splice->at - splice->n_out) * sizeof(*at));
	if (splice->n_in > 0) {
		memcpy(at, splice->in, splice->n_in * sizeof(*at));
	}
	b->n += splice->n_in - splice->n_out;
}

static void
change(struct bench *b, size_t at, size_t n_out, const struct dp_acl_entry *in, size_t n_in) ON_MAIN
{
	const struct dp_acl_splice splice = {.at = at, .n_out = n_out, .in = in, .n_in = n_in};

	assert_int_equal(dp_acl_change(b->dp, b->acl, &splice, 1, b->accept_rest, NULL), 0);
	dp_acl_commit(b->dp, b->acl);
	dp_publish(b->dp);
	model_splice(b, &splice);
}

static void
create(struct bench *b, size_t n) ON_MAIN
{
	b->n = n;
	for (size_t i = 0; i < n; i++) {
		b->entries[i] = random_entry(b);
	}
	assert_int_equal(dp_acl_create(b->dp, b->entries, n, b->accept_rest, &b->acl, NULL), 0);
}

static size_t
slots_in_use(const struct bench *b)
{
	return b->dp->slots.n_begun - b->dp->slots.n_free;
}

/* --- tests ------------------------------------------------------------------------------------ */

/* Up to three splices of a few entries; returns how many. */
static size_t
random_splices(struct bench *b, struct dp_acl_splice splices[3], struct dp_acl_entry in[12])
{
	const size_t n = random_below(&b->random, 4);
	size_t from = 0;
	size_t n_in = 0;

	for (size_t s = 0; s < n; s++) {
		const size_t at = from + random_below(&b->random, (uint32_t)(b->n - from) / 3 + 1);
		const size_t room = b->n - at < 4 ? b->n - at : 4;

		splices[s] = (struct dp_acl_splice){
			.at = at,
			.n_out = random_below(&b->random, (uint32_t)room + 1),
			.in = &in[n_in],
			.n_in = b->n > 300 ? 0 : random_below(&b->random, 5),
		};
		for (size_t i = 0; i < splices[s].n_in; i++) {
			in[n_in++] = random_entry(b);
		}
		from = at + splices[s].n_out;
	}
	return n;
}

static void
test_changes_are_what_a_new_list_would_be(void **state)
{
	struct dp_acl_splice splices[3];
	struct dp_acl_entry in[12];
	struct bench *b = make();

	(void)state;
	create(b, 100);
	assert_as_model(b);
	for (int round = 0; round < 3000; round++) {
		const size_t n = random_splices(b, splices, in);
		const bool rest = random_below(&b->random, 2) != 0;

		assert_int_equal(dp_acl_change(b->dp, b->acl, splices, n, rest, NULL), 0);
		if (random_below(&b->random, 4) == 0) {
			dp_acl_abort(b->dp, b->acl);
		} else {
			dp_acl_commit(b->dp, b->acl);
			b->accept_rest = rest;
			for (size_t s = n; s > 0; s--) {
				model_splice(b, &splices[s - 1]);
			}
		}
		assert_as_model(b);
		if (random_below(&b->random, 3) == 0) {
			dp_publish(b->dp);
			steps(b, (int)random_below(&b->random, 8));
			assert_as_model(b);
		}
	}
	end(b);
}

/* Gaps between labels are used up again and again, at each place where that can be. */
static void
test_entries_come_at_one_place(void **state)
{
	struct bench *b = make();

	(void)state;
	for (int where = 0; where < 3; where++) {
		b->accept_rest = where == 1;
		create(b, 50);
		for (int i = 0; i < 300; i++) {
			const struct dp_acl_entry entry = random_entry(b);
			const size_t at = where == 0 ? 0 : where == 1 ? 25 : b->n;

			change(b, at, 0, &entry, 1);
			assert_as_model(b);
			steps(b, 1);
		}
		dp_acl_destroy(b->dp, b->acl);
		dp_publish(b->dp);
		steps(b, 5);
	}
	end(b);
}

static void
test_workers_see_all_of_a_change_or_nothing(void **state)
{
	const struct dp_acl_splice away = {.n_out = 1};
	struct bench *b = make();
	const struct acl_view *old;
	struct dp_acl_entry any = {.accept = true};

	(void)state;
	match_init(&any.match);
	b->n = 3;
	b->entries[0] = b->entries[1] = b->entries[2] = any; /* the same match, another verdict */
	b->entries[1].accept = false;
	assert_int_equal(dp_acl_create(b->dp, b->entries, 3, false, &b->acl, NULL), 0);
	old = dp_acl_view(b->acl);
	assert_int_equal(dp_acl_change(b->dp, b->acl, &away, 1, false, NULL), 0);
	assert_ptr_equal(dp_acl_view(b->acl), old);
	assert_true(view_accepts(old, 1));
	b->dp->dirty = true;
	dp_publish(b->dp); /* of something else */
	steps(b, 5);
	assert_true(view_accepts(old, 1));
	dp_acl_abort(b->dp, b->acl);
	dp_acl_abort(b->dp, b->acl); /* nothing is prepared */
	dp_acl_commit(b->dp, b->acl);
	assert_ptr_equal(dp_acl_view(b->acl), old);
	assert_true(view_accepts(old, 1));
	/* Without the first it is the second's turn; the old view says what it said. */
	change(b, 0, 1, NULL, 0);
	assert_ptr_not_equal(dp_acl_view(b->acl), old);
	assert_false(view_accepts(dp_acl_view(b->acl), 1));
	assert_true(view_accepts(old, 1));
	(void)dp_step(b->dp, b->now);
	assert_true(view_accepts(old, 1)); /* the worker has not come round */
	end(b);
}

static void
test_ports_look_into_the_changed_list(void **state)
{
	const struct dp_bridge_conf conf = {.fdb = {.limit = 100, .aging_s = 300}};
	const struct port_conf port_conf = {.name = "d0", .queues = 1};
	struct bench *b = make();
	struct dp_acl_entry entry = random_entry(b);
	struct dp_port_policy policy = {0};
	struct dp_port_fwd fwd = {.enabled = true, .mtu = 1500, .policy = &policy};
	struct dp_port *port;
	uint64_t version;

	(void)state;
	fwd.vlan.mode = VLAN_TRUNK;
	create(b, 10);
	assert_int_equal(dp_bridge_create(b->dp, &conf, &fwd.bridge, NULL), 0);
	assert_int_equal(dp_port_open(b->dp, &device_ops, &port_conf, &port, NULL), 0);
	policy.acl_in = b->acl;
	dp_port_set(b->dp, port, &fwd);
	dp_publish(b->dp);
	version = b->dp->snapshot->bridges[1]->version;
	/* From now on the list asks for more than addresses of Ethernet. */
	entry.match.mask.proto = UINT8_MAX;
	fields_mask_complete(&entry.match.mask);
	entry.match.value.eth_type = RTE_BE16(0x0800);
	entry.match.value.valid = FIELDS_VALID_IPV4;
	change(b, 3, 1, &entry, 1);
	assert_ptr_equal(b->dp->snapshot->ports[1]->acl_in, dp_acl_view(b->acl));
	assert_null(b->dp->snapshot->ports[1]->acl_out);
	assert_true(b->dp->snapshot->bridges[1]->version > version);
	assert_int_equal(dp_acl_view(b->acl)->masks[RULES_IPV4].proto, UINT8_MAX);
	assert_int_not_equal(b->dp->snapshot->keys[1]->shapes[RULES_IPV4].depth, PARSE_L2);
	policy.acl_in = NULL;
	policy.acl_out = b->acl;
	dp_port_set(b->dp, port, &fwd);
	change(b, 3, 1, NULL, 0);
	assert_null(b->dp->snapshot->ports[1]->acl_in);
	assert_ptr_equal(b->dp->snapshot->ports[1]->acl_out, dp_acl_view(b->acl));
	steps(b, 5);
	end(b);
}

static void
assert_packets(const struct bench *b, size_t i, uint64_t expected) ON_MAIN
{
	uint64_t packets;

	dp_acl_get_counters(b->dp, b->acl, i, &packets);
	assert_int_equal(packets, expected);
}

/* Counters stay with entries that stay. */
static void
test_entries_that_stay_go_on_counting(void **state)
{
	struct bench *b = make();
	struct dp_acl_entry in[40];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(in); i++) {
		in[i] = random_entry(b);
	}
	create(b, 10);
	/* The last entry's slot: the list's own came first. */
	b->dp->workers[0]->burst->flows.counts[11].packets = 7;
	assert_packets(b, 9, 7);
	change(b, 2, 1, in, 3);
	assert_packets(b, 11, 7);
	assert_packets(b, 3, 0);
	/* Compiled anew: the same. */
	change(b, 0, 9, NULL, 0);
	change(b, 0, 0, in, ARRAY_LEN(in));
	assert_as_model(b);
	assert_packets(b, ARRAY_LEN(in) + 2, 7);
	end(b);
}

static void
wait_for_slots(struct bench *b, size_t n) ON_MAIN ON_WORKER
{
	for (int i = 0; i < 100 && slots_in_use(b) != n; i++) {
		steps(b, 100);
	}
	assert_int_equal(slots_in_use(b), n);
}

/* They are given back by entries that go, or never came. */
static void
test_counters_are_given_back(void **state)
{
	struct bench *b = make();
	struct dp_acl_entry in[3];
	const struct dp_acl_splice splice = {.at = 5, .n_out = 2, .in = in, .n_in = 3};
	struct err err = ERR_INIT;

	(void)state;
	create(b, 10);
	assert_int_equal(slots_in_use(b), 11);
	for (size_t i = 0; i < ARRAY_LEN(in); i++) {
		in[i] = random_entry(b);
	}
	assert_int_equal(dp_acl_change(b->dp, b->acl, &splice, 1, false, NULL), 0);
	assert_int_equal(slots_in_use(b), 14);
	dp_acl_abort(b->dp, b->acl);
	assert_as_model(b);
	in[1].match.l4_src = (struct match_range){.low = 9, .high = 8};
	assert_int_not_equal(dp_acl_change(b->dp, b->acl, &splice, 1, false, &err), 0);
	assert_int_equal(err.kind, ERR_INVALID);
	assert_non_null(strstr(err.text, "entry 7 "));
	assert_as_model(b);
	wait_for_slots(b, 11);
	change(b, 0, b->n, NULL, 0);
	wait_for_slots(b, 1);
	dp_acl_destroy(b->dp, b->acl);
	dp_publish(b->dp);
	wait_for_slots(b, 0);
	end(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_are_what_a_new_list_would_be),
		cmocka_unit_test(test_entries_come_at_one_place),
		cmocka_unit_test(test_workers_see_all_of_a_change_or_nothing),
		cmocka_unit_test(test_ports_look_into_the_changed_list),
		cmocka_unit_test(test_entries_that_stay_go_on_counting),
		cmocka_unit_test(test_counters_are_given_back),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("dp-acl", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
