/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one burst may take: of a packed ring no more than it has slots, and of a worker, whom all
 * other ports wait for, no more time than a bad guest is worth.
 */
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/role.h"
#include "datapath/core/eal_test.h"
#include "ports/vhost/vq.h"
#include "ports/vhost/vq_chain.h"
#include "ports/vhost/vq_format.h"

#define REGIONS GMEM_REGIONS_MAX
#define REGION 65536 /* bytes */
#define TRIES 5 /* bursts; the best one's time is printed, for people */

/* A guest whose memory lies in as many regions as may be. */
struct guest {
	struct gmem *memory;
	uint8_t *bytes;
	struct vq vq;
	struct vq_view view;
	struct port_counters count;
};

static struct rte_mempool *pool;

static uint64_t
gpa_of(unsigned int region)
{
	return UINT64_C(0x100000) * (region + 1);
}

static uint8_t *
host_of(struct guest *guest, unsigned int region)
{
	return guest->memory->regions[region].host;
}

/* Descriptors in region 0, available and used in 1. */
static void
begin(struct guest *guest, bool receives, bool packed, uint16_t size, uint32_t base)
{
	role_assert(&role_main);
	memset(guest, 0, sizeof(*guest));
	guest->memory = calloc(1, sizeof(*guest->memory) + REGIONS * sizeof(struct gmem_region));
	guest->bytes = aligned_alloc(4096, (size_t)REGIONS * REGION);
	assert_non_null(guest->memory);
	assert_non_null(guest->bytes);
	memset(guest->bytes, 0, (size_t)REGIONS * REGION);
	guest->memory->n = REGIONS;
	for (unsigned int i = 0; i < REGIONS; i++) {
		guest->memory->regions[i] = (struct gmem_region){.gpa = gpa_of(i),
			.size = REGION,
			.host = guest->bytes + (size_t)i * REGION};
	}
	guest->view = (struct vq_view){.desc = host_of(guest, 0),
		.avail = host_of(guest, 1),
		.used = host_of(guest, 2),
		.flags = VQ_RUNS | VQ_INDIRECT | (packed ? VQ_PACKED : 0) |
			(receives ? 0 : VQ_MERGEABLE),
		.size = size,
		.hdr_len = VQ_HDR_MAX,
		.call = -1,
		.memory = guest->memory};
	assert_int_equal(vq_init(&guest->vq, receives), 0);
	vq_set_base(&guest->vq, &guest->view, base);
}

static void
end(struct guest *guest)
{
	role_assert(&role_main);
	vq_fini(&guest->vq);
	free(guest->bytes);
	free(guest->memory);
}

static void
put_desc(uint8_t *at, uint64_t gpa, uint32_t len, uint16_t third, uint16_t fourth)
{
	memcpy(at, &gpa, 8);
	memcpy(at + 8, &len, 4);
	memcpy(at + 12, &third, 2);
	memcpy(at + 14, &fourth, 2);
}

static uint16_t
take(struct guest *guest)
{
	const struct vq_ops *ops = vq_ops_select();
	struct pkt pkts[PKT_BURST];
	const uint16_t n = ops->rx(&guest->vq, &guest->view, pkts, PKT_BURST, pool, &guest->count);

	ops->release(&guest->vq, &guest->view, pkts, n);
	return n;
}

/* --- slots ------------------------------------------------------------------------------------ */

/* A buffer of one slot, and behind it a chain of all slots, that one too. */
static void
test_chain_bites_itself(void **state)
{
	static struct guest guest;
	const uint16_t size = 256;

	(void)state;
	begin(&guest, true, true, size, 255U | 0x8000U);
	put_desc(guest.view.desc + (size_t)255 * DESC_SIZE, gpa_of(3), 100, 0, DESC_AVAIL);
	for (unsigned int i = 0; i < 255; i++) {
		put_desc(guest.view.desc + (size_t)i * DESC_SIZE, gpa_of(3), 10, 0,
			DESC_NEXT | DESC_USED);
	}
	guest.vq.region = 3; /* so that both are looked at in one go */
	(void)take(&guest);
	assert_true(guest.vq.next_avail < size);
	assert_int_equal(guest.vq.fault, VQ_FAULT_LONG);
	end(&guest);
}

struct flipper {
	struct guest *guest;
	atomic_bool stop;
};

/* The one slot of the ring is available, in this lap or in the next. */
static void *
flip(void *arg)
{
	struct flipper *flipper = arg;
	uint8_t *flags = flipper->guest->view.desc + 14;

	while (!atomic_load_explicit(&flipper->stop, memory_order_relaxed)) {
		guest_store16(flags, DESC_AVAIL);
		guest_store16(flags, DESC_USED);
	}
	return NULL;
}

static void
test_slot_comes_again(void **state)
{
	static struct guest guest;
	struct flipper flipper = {.guest = &guest};
	const uint64_t until = clock_now() + CLOCK_S;
	pthread_t thread;

	(void)state;
	begin(&guest, true, true, 1, 0x8000U);
	put_desc(guest.view.desc, gpa_of(3), 100, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, flip, &flipper), 0);
	while (clock_now() < until && guest.vq.next_avail == 0) {
		(void)take(&guest);
	}
	atomic_store(&flipper.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(guest.vq.next_avail, 0);
	assert_true(guest.count.rx_packets > 0);
	end(&guest);
}

/* --- time ------------------------------------------------------------------------------------- */

/* A table of n descriptors of `len` bytes, each in another region, `last` bytes in the last. */
static void
make_table(struct guest *guest, unsigned int region, uint32_t n, uint32_t len, uint32_t last,
	uint16_t write)
{
	for (uint32_t i = 0; i < n; i++) {
		put_desc(host_of(guest, region) + (size_t)i * DESC_SIZE,
			gpa_of(8 + i % (REGIONS - 8)), i + 1 == n ? last : len,
			(uint16_t)(write | (i + 1 == n ? 0 : DESC_NEXT)), (uint16_t)(i + 1));
	}
}

/* All of the ring names this table. */
static void
offer_table(struct guest *guest, unsigned int region, uint32_t n)
{
	const uint16_t size = guest->view.size;

	for (unsigned int i = 0; i < size; i++) {
		put_desc(guest->view.desc + (size_t)i * DESC_SIZE, gpa_of(region), n * DESC_SIZE,
			DESC_INDIRECT, 0);
		guest_store16(split_avail_ring(guest->view.avail, (uint16_t)i), (uint16_t)i);
	}
	guest_store16(guest->view.avail + 2, (uint16_t)(guest->vq.next_avail + size));
}

/* What the guest sends: 32 tables as long as may be, a byte in each descriptor. */
static void
test_time_of_chains(void **state)
{
	static struct guest guest;
	uint64_t best = UINT64_MAX;
	uint64_t n = 0;

	(void)state;
	begin(&guest, true, false, 1024, 0);
	make_table(&guest, 3, VQ_CHAIN_MAX - 1, 1, 1, 0);
	offer_table(&guest, 3, VQ_CHAIN_MAX - 1);
	for (unsigned int i = 0; i < TRIES; i++) {
		const uint64_t since = clock_now();
		const uint16_t some = take(&guest);

		best = RTE_MIN(best, clock_now() - since);
		assert_in_range(some, 1, VQ_WORK_MAX / (VQ_CHAIN_MAX - 1) + 1);
		n += some;
	}
	print_message("# chains: %" PRIu64 " packets, %" PRIu64 " ns a burst\n", n, best);
	while (guest.vq.next_avail < 1024) { /* nothing is lost for it */
		const uint16_t some = take(&guest);

		assert_true(some > 0);
		n += some;
	}
	assert_int_equal(n, 1024);
	assert_int_equal(guest.count.rx_packets, 1024);
	end(&guest);
}

/* Frames for such a guest, each shorter than the one before. */
static uint64_t
time_of_sending(struct guest *guest)
{
	static uint8_t bytes[2048];
	struct tx_item items[PKT_BURST];
	struct pkt pkts[PKT_BURST];
	uint64_t best = UINT64_MAX;

	for (unsigned int t = 0; t < TRIES; t++) {
		uint64_t since;

		for (uint16_t i = 0; i < PKT_BURST; i++) {
			pkts[i] = (struct pkt){.head = bytes,
				.len = 2000U - i,
				.head_len = (uint16_t)(2000 - i),
				.n_out = 1};
			pkt_item(&pkts[i], &items[i]);
		}
		since = clock_now();
		vq_ops_select()->tx(&guest->vq, &guest->view, items, PKT_BURST, &guest->count);
		best = RTE_MIN(best, clock_now() - since);
	}
	return best;
}

static void
check_small(struct guest *guest, const char *what)
{
	const uint64_t best = time_of_sending(guest);

	print_message("# %s: %" PRIu64 " ns a burst\n", what, best);
	assert_int_equal(guest->count.drops[DROP_GUEST_BUFFERS], TRIES * PKT_BURST);
	assert_int_equal(guest->vq.fault, VQ_FAULT_NONE);
}

/* Buffers of one byte, in another region each, that many frames are too long for. */
static void
test_time_of_bytes(void **state)
{
	static struct guest guest;
	const uint16_t size = 2048;

	(void)state;
	begin(&guest, false, false, size, 0);
	for (unsigned int i = 0; i < size; i++) {
		put_desc(guest.view.desc + (size_t)i * DESC_SIZE, gpa_of(8 + i % (REGIONS - 8)), 1,
			DESC_WRITE, 0);
		guest_store16(split_avail_ring(guest.view.avail, (uint16_t)i), (uint16_t)i);
	}
	guest_store16(guest.view.avail + 2, size);
	check_small(&guest, "bytes");
	end(&guest);
}

/* Tables of descriptors without bytes, but for the last. */
static void
test_time_of_nothing(void **state)
{
	static struct guest guest;

	(void)state;
	begin(&guest, false, false, 2048, 0);
	make_table(&guest, 3, VQ_CHAIN_MAX - 1, 0, 1, DESC_WRITE);
	offer_table(&guest, 3, VQ_CHAIN_MAX - 1);
	check_small(&guest, "tables of nothing");
	end(&guest);
}

/* While a guest is moved, each piece that is written is looked up again for the log. */
static void
test_time_of_log(void **state)
{
	static struct guest guest;
	static uint8_t bits[65536];
	const struct dirty_log log = {.bits = bits, .size = sizeof(bits)};
	static uint8_t bytes[PKT_LEN_MAX];
	uint64_t best = UINT64_MAX;

	(void)state;
	begin(&guest, false, false, 512, 0);
	guest.view.log = &log;
	guest.view.log_used = UINT64_MAX;
	make_table(&guest, 3, VQ_CHAIN_MAX - 1, 64, 64, DESC_WRITE);
	offer_table(&guest, 3, VQ_CHAIN_MAX - 1);
	for (unsigned int t = 0; t < TRIES; t++) {
		struct tx_item items[PKT_BURST];
		struct pkt pkts[PKT_BURST];
		uint64_t since;

		for (uint16_t i = 0; i < PKT_BURST; i++) {
			pkts[i] = (struct pkt){
				.head = bytes, .len = 65000, .head_len = 65000, .n_out = 1};
			pkt_item(&pkts[i], &items[i]);
		}
		since = clock_now();
		vq_ops_select()->tx(&guest.vq, &guest.view, items, PKT_BURST, &guest.count);
		best = RTE_MIN(best, clock_now() - since);
	}
	print_message("# log: %" PRIu64 " ns a burst\n", best);
	assert_int_equal(guest.count.tx_packets, TRIES * PKT_BURST);
	end(&guest);
}

static int
setup(void **state)
{
	(void)state;
	eal_test_start(64);
	pool = eal_test_pool(256, 2048);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain_bites_itself),
		cmocka_unit_test(test_slot_comes_again),
		cmocka_unit_test(test_time_of_chains),
		cmocka_unit_test(test_time_of_bytes),
		cmocka_unit_test(test_time_of_nothing),
		cmocka_unit_test(test_time_of_log),
	};

	int failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	failed = cmocka_run_group_tests(tests, setup, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return failed;
}
