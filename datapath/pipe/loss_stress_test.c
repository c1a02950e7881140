/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker loses packets while main reads: no packet is torn, no row is another's, none is lost. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "datapath/pipe/loss.h"

#define ROUNDS 200000U
#define LOOKS 100U /* at the packets, for each at the rows */
#define INS 64U /* inputs 1..INS; the upper half comes and goes */
#define STAY 4U /* of them lose most, and so have a row */
#define OUT 1000U

struct shared {
	struct loss loss;
	struct port_counters *count;
	struct snapshot *snaps[2]; /* with all inputs, with half of them */
	struct port_view views[INS + 1];
	struct port_view out;
	uint64_t lost[STAY + 1];
	bool done;
};

/* Every second is of one of those that stay. */
static uint32_t
input_of(uint32_t i)
{
	return i % 2 == 0 ? 1 + i / 2 % STAY : 1 + STAY + i / 2 % (INS - STAY);
}

/* All that is told of a packet follows from its number. */
static void *
worker_main(void *arg)
{
	struct shared *shared = arg;
	uint8_t bytes[LOSS_BYTES];

	role_enter(&role_worker);
	for (uint32_t i = 1; i <= ROUNDS; i++) {
		struct pkt pkt = {.head = bytes,
			.len = LOSS_BYTES + i % 7,
			.head_len = LOSS_BYTES,
			.in_port = input_of(i)};
		const struct pkt_seg rest = {bytes, 7};

		pkt.segs = &rest;
		pkt.n_segs = 1;
		loss_begin(&shared->loss, (uint64_t)i * LOSS_EVERY);
		memset(bytes, (int)(i % 251), sizeof(bytes));
		loss_tx_pkt(&shared->loss, &shared->out, &pkt, DROP_TX_BUSY);
		if (pkt.in_port <= STAY) {
			shared->lost[pkt.in_port]++;
		}
		loss_upkeep(&shared->loss, shared->snaps[i / 1000 % 2]);
	}
	role_leave(&role_worker);
	__atomic_store_n(&shared->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void
check_packet(const struct loss_packet *packet)
{
	const uint32_t i = (uint32_t)(packet->at / LOSS_EVERY);
	uint8_t bytes[LOSS_BYTES];

	memset(bytes, (int)(i % 251), sizeof(bytes));
	assert_true(packet->in == input_of(i) || (packet->in == 0 && input_of(i) > INS / 2));
	assert_int_equal(packet->out, OUT);
	assert_int_equal(packet->len, LOSS_BYTES + i % 7);
	assert_int_equal(packet->kept, LOSS_BYTES);
	assert_memory_equal(packet->bytes, bytes, LOSS_BYTES);
}

/*
 * Rows are never more than was lost; those of inputs that stay only grow: the store has room for
 * them, as the others come in turn.
 */
static void
check_rows(const struct shared *shared, uint64_t last[STAY + 1]) ON_MAIN
{
	struct loss_row rows[LOSS_ROWS];
	const uint32_t n = loss_rows_read(shared->loss.store, OUT, LOSS_OUTPUT, rows);

	for (uint32_t i = 0; i < n; i++) {
		const uint32_t in = rows[i].key.peer;

		assert_int_equal(rows[i].key.reason, DROP_TX_BUSY);
		assert_in_range(in, 1, INS);
		assert_in_range(rows[i].packets, 1, in <= STAY ? ROUNDS : ROUNDS / INS + 1);
		if (in <= STAY) {
			assert_true(rows[i].packets >= last[in]);
			last[in] = rows[i].packets;
		}
	}
}

static void
test_readers_see_whole_things(void **state)
{
	struct shared *shared = must_calloc(1, sizeof(*shared));
	uint64_t last[STAY + 1] = {0};
	uint64_t seen = 0;
	pthread_t thread;
	bool done;

	(void)state;
	role_assert(&role_main);
	shared->count = must_calloc(DP_PORTS_MAX, sizeof(*shared->count));
	assert_int_equal(loss_init(&shared->loss, 0, shared->count), 0);
	shared->out.id = OUT;
	for (unsigned int s = 0; s < 2; s++) {
		shared->snaps[s] = snapshot_create(0);
		shared->snaps[s]->ports[OUT] = &shared->out;
		for (uint32_t i = 1; i <= INS / (s + 1); i++) {
			shared->views[i].id = i;
			shared->snaps[s]->ports[i] = &shared->views[i];
		}
	}
	assert_int_equal(pthread_create(&thread, NULL, worker_main, shared), 0);
	do {
		done = __atomic_load_n(&shared->done, __ATOMIC_ACQUIRE);
		for (uint32_t i = 0; i < LOOKS; i++) {
			struct loss_packet packets[LOSS_KEPT];
			const uint32_t n =
				loss_packets_read(shared->loss.store, OUT, LOSS_OUTPUT, packets);

			for (uint32_t k = 0; k < n; k++) {
				check_packet(&packets[k]);
			}
			seen += n;
		}
		check_rows(shared, last);
		(void)loss_sweep(shared->loss.store);
	} while (!done);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(seen >= LOSS_KEPT);
	for (uint32_t i = 1; i <= STAY; i++) {
		assert_int_equal(last[i], shared->lost[i]);
	}
	assert_int_equal(shared->count[OUT].drops[DROP_TX_BUSY], ROUNDS);
	loss_fini(&shared->loss);
	snapshot_destroy(shared->snaps[0]);
	snapshot_destroy(shared->snaps[1]);
	free(shared->count);
	free(shared);
}

#define FAST_ROUNDS 1000000U

/* Many more inputs than rows, in turn: each loss takes a row from somebody. */
static void *
fast_main(void *arg)
{
	struct shared *shared = arg;

	role_enter(&role_worker);
	for (uint32_t i = 0; i < FAST_ROUNDS; i++) {
		const struct loss_key key = {OUT, 1 + i % INS, DROP_TX_BUSY};

		(void)loss_store_add(shared->loss.store, &key, 1, LOSS_EVERY);
		__atomic_store_n(&shared->lost[0], i + 1, __ATOMIC_RELEASE);
	}
	role_leave(&role_worker);
	__atomic_store_n(&shared->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* However fast rows change, those that do not change while they are read are told. */
static void
test_rows_change_fast(void **state)
{
	struct shared *shared = must_calloc(1, sizeof(*shared));
	struct loss_row rows[LOSS_ROWS];
	pthread_t thread;

	(void)state;
	role_assert(&role_main);
	shared->count = must_calloc(DP_PORTS_MAX, sizeof(*shared->count));
	assert_int_equal(loss_init(&shared->loss, 0, shared->count), 0);
	assert_int_equal(pthread_create(&thread, NULL, fast_main, shared), 0);
	while (__atomic_load_n(&shared->lost[0], __ATOMIC_ACQUIRE) < 1000) {
	}
	while (!__atomic_load_n(&shared->done, __ATOMIC_ACQUIRE)) {
		const uint32_t n = loss_rows_read(shared->loss.store, OUT, LOSS_OUTPUT, rows);

		assert_in_range(n, 1, LOSS_ROWS);
		for (uint32_t i = 0; i < n; i++) {
			assert_in_range(rows[i].key.peer, 1, INS);
			assert_in_range(rows[i].packets, 1, FAST_ROUNDS / INS + 1);
		}
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(loss_rows_read(shared->loss.store, OUT, LOSS_OUTPUT, rows), LOSS_ROWS);
	loss_fini(&shared->loss);
	free(shared->count);
	free(shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers_see_whole_things),
		cmocka_unit_test(test_rows_change_fast),
	};
	int rc;

	role_enter(&role_main);
	rc = cmocka_run_group_tests_name("loss_stress", tests, NULL, NULL);
	role_leave(&role_main);
	return rc;
}
