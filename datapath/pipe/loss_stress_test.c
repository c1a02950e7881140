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
#define OUTS 64U /* outputs 1..OUTS; the upper half comes and goes */
#define IN 1000U

struct shared {
	struct loss loss;
	struct port_counters *count;
	struct snapshot *snaps[2]; /* with all outputs, with half of them */
	struct port_view views[OUTS + 1];
	struct port_view in;
	bool done;
};

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
			.in_port = IN};
		const struct pkt_seg rest = {bytes, 7};

		pkt.segs = &rest;
		pkt.n_segs = 1;
		shared->loss.now = (uint64_t)i * LOSS_EVERY;
		memset(bytes, (int)(i % 251), sizeof(bytes));
		loss_tx_pkt(&shared->loss, &shared->views[1 + i % OUTS], &pkt, DROP_TX_BUSY);
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
	assert_int_equal(packet->in, IN);
	assert_int_equal(packet->out, 1 + i % OUTS);
	assert_int_equal(packet->len, LOSS_BYTES + i % 7);
	assert_int_equal(packet->kept, LOSS_BYTES);
	assert_memory_equal(packet->bytes, bytes, LOSS_BYTES);
}

/* Rows of outputs that stay only grow, and are never more than was lost. */
static void
check_rows(const struct shared *shared, uint64_t last[OUTS + 1]) ON_MAIN
{
	for (uint32_t i = 0; i < LOSS_ROWS; i++) {
		struct loss_row row;
		uint32_t out;

		if (!loss_row_read(&shared->loss, i, &row)) {
			continue;
		}
		out = loss_key_out(row.key);
		assert_int_equal(loss_key_in(row.key), IN);
		assert_int_equal(loss_key_reason(row.key), DROP_TX_BUSY);
		assert_in_range(out, 1, OUTS);
		assert_in_range(row.packets, 1, ROUNDS / OUTS + 1);
		if (out <= OUTS / 2) {
			assert_true(row.packets >= last[out]);
			last[out] = row.packets;
		}
	}
}

static void
test_readers_see_whole_things(void **state)
{
	struct shared *shared = must_calloc(1, sizeof(*shared));
	uint64_t last[OUTS + 1] = {0};
	uint64_t seen = 0;
	pthread_t thread;
	bool done;

	(void)state;
	role_assert(&role_main);
	shared->count = must_calloc(DP_PORTS_MAX, sizeof(*shared->count));
	assert_int_equal(loss_init(&shared->loss, 0, shared->count), 0);
	shared->in.id = IN;
	for (unsigned int s = 0; s < 2; s++) {
		shared->snaps[s] = snapshot_create(0);
		shared->snaps[s]->ports[IN] = &shared->in;
		for (uint32_t i = 1; i <= OUTS / (s + 1); i++) {
			shared->views[i].id = i;
			shared->snaps[s]->ports[i] = &shared->views[i];
		}
	}
	assert_int_equal(pthread_create(&thread, NULL, worker_main, shared), 0);
	do {
		done = __atomic_load_n(&shared->done, __ATOMIC_ACQUIRE);
		for (uint32_t i = 0; i < LOOKS * LOSS_KEPT; i++) {
			struct loss_packet packet;

			if (loss_packet_read(&shared->loss, DROP_TX_BUSY, i % LOSS_KEPT, &packet)) {
				check_packet(&packet);
				seen++;
			}
		}
		check_rows(shared, last);
		(void)loss_sweep(&shared->loss);
	} while (!done);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(seen >= LOSS_KEPT);
	for (uint32_t i = 1; i <= OUTS / 2; i++) {
		assert_int_equal(last[i], shared->count[i].drops[DROP_TX_BUSY]);
	}
	loss_fini(&shared->loss);
	snapshot_destroy(shared->snaps[0]);
	snapshot_destroy(shared->snaps[1]);
	free(shared->count);
	free(shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers_see_whole_things),
	};
	int rc;

	role_enter(&role_main);
	rc = cmocka_run_group_tests_name("loss_stress", tests, NULL, NULL);
	role_leave(&role_main);
	return rc;
}
