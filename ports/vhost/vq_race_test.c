/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest that rewrites all of it while the switch reads: descriptors, tables, indices, headers,
 * lengths. Whatever it hits, a packet that was returned is what pkt.h says, and stays it.
 *
 * The guest's thread races by design, so this is no test for the sanitizer of threads; that of
 * addresses says whether the races are bounded.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/role.h"
#include "datapath/core/eal_test.h"
#include "ports/vhost/vq.h"
#include "ports/vhost/vq_test_guest.h"

#define ENOUGH 2000 /* packets of each case */
#define SECONDS_MAX 8 /* of each case; a busy machine may take long to run both threads */
#define SIZE 64 /* of rings: small, so that the two meet often */

static struct rte_mempool *pool;

struct race {
	struct vm vm;
	const struct vq_ops *ops;
	uint64_t seed;
	atomic_bool stop;
	uint64_t lent;
	uint64_t sent;
	uint64_t restarts;
};

/* --- the guest -------------------------------------------------------------------------------- */

static void
store(uint8_t *at, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		((volatile uint8_t *)at)[i] = ((const uint8_t *)bytes)[i];
	}
}

static void
store16(uint8_t *at, uint16_t value)
{
	*(volatile uint16_t *)at = value;
}

/* A descriptor that is nearly right; `at` is its place. */
static void
spoil_desc(const struct race *race, const struct model_ring *ring, uint8_t *at, uint64_t *random)
{
	static const uint32_t lens[] = {
		0, 1, 11, 12, 25, 26, 60, 204, 300, 1526, 9000, 65574, 65575, 1U << 20, UINT32_MAX};
	const struct gmem *gmem = race->vm.memory.gmem;
	const struct gmem_region *region = &gmem->regions[random_below(random, gmem->n)];
	const uint16_t write = ring->conf.receives ? MODEL_F_WRITE : 0;
	uint64_t gpa = region->gpa + random_below(random, 2) * random_below(random, 200000);
	uint32_t len = lens[random_below(random, random_below(random, 4) == 0 ? 15 : 10)];
	uint16_t flags = write;

	switch (random_below(random, 128)) {
	case 0:
		gpa = region->gpa + region->size - random_below(random, 2000);
		break;
	case 1:
		gpa = (uint64_t)random_below(random, 1U << 30) << random_below(random, 34);
		break;
	case 2:
		flags ^= (uint16_t)(1U << random_below(random, 3));
		break;
	case 3:
	case 4:
	case 5:
	case 6:
	case 7:
	case 8:
		flags |= MODEL_F_NEXT;
		break;
	case 9: /* a table: the ring itself is as good as any */
		flags |= MODEL_F_INDIRECT;
		gpa = ring->desc;
		len = 16 * (1 + random_below(random, 3));
		break;
	default:
		break;
	}
	store(at, &gpa, sizeof(gpa));
	store(at + 8, &len, sizeof(len));
	if (ring->conf.packed) {
		flags |= (uint16_t)(random_below(random, 100) == 0 ? random_below(random, 65536)
				: random_below(random, 2) == 0     ? MODEL_F_AVAIL
								   : MODEL_F_USED);
		store16(at + 12, (uint16_t)random_below(random, 65536));
		store16(at + 14, flags);
	} else {
		store16(at + 12, flags);
		store16(at + 14,
			(uint16_t)random_below(random, SIZE + (random_below(random, 900) == 0)));
	}
}

static void
spoil(const struct race *race, const struct model_ring *ring, uint16_t *index, uint64_t *random)
{
	const struct vq_view *view = &ring->view;
	const uint32_t what = random_below(random, 16);

	if (what < 8) {
		/* Often where the device is about to look. */
		const struct vq *vq = ring->conf.receives ? &race->vm.tx : &race->vm.rx;
		uint32_t slot = random_below(random, SIZE);

		if (ring->conf.packed && what < 4) {
			slot = (vq->next_avail + random_below(random, 4)) % SIZE;
		}
		spoil_desc(race, ring, view->desc + 16U * slot, random);
	} else if (what < 13 && !ring->conf.packed) {
		store16(view->avail + 4 + 2U * random_below(random, SIZE),
			(uint16_t)(random_below(random, SIZE + (random_below(random, 900) == 0))));
		*index = (uint16_t)(*index + random_below(random, 4));
		store16(view->avail + 2, *index);
	} else if (what == 13) { /* the event index, or the flags */
		store16(view->avail + (ring->conf.packed ? 0 : 4 + 2U * SIZE),
			(uint16_t)random_below(random, 65536));
		store16(view->avail + (ring->conf.packed ? 2 : 0),
			(uint16_t)random_below(random, 4));
	} else if (what == 14 && random_below(random, 300) == 0) {
		*index = (uint16_t)random_below(random, 65536);
	} else { /* headers, and what lies in buffers */
		const struct gmem *gmem = race->vm.memory.gmem;
		uint8_t *at = gmem->regions[1 + random_below(random, gmem->n - 1)].host +
			random_below(random, 2000);

		store(at, random, 1 + random_below(random, 8));
	}
}

static void *
guest(void *arg)
{
	struct race *race = arg;
	uint64_t random = race->seed * 3 | 1;
	uint16_t rx = race->vm.sends.next_avail;
	uint16_t tx = race->vm.takes.next_avail;

	while (!atomic_load_explicit(&race->stop, memory_order_relaxed)) {
		for (unsigned int i = 0; i < 16; i++) {
			spoil(race, &race->vm.sends, &rx, &random);
			spoil(race, &race->vm.takes, &tx, &random);
		}
		/* follow the device, so that there is always something */
		if ((uint16_t)(rx - race->vm.rx.next_avail) > SIZE) {
			rx = race->vm.rx.next_avail;
		}
		if ((uint16_t)(tx - race->vm.tx.next_avail) > SIZE) {
			tx = race->vm.tx.next_avail;
		}
	}
	return NULL;
}

/* --- the switch ------------------------------------------------------------------------------- */

static void
check_packet(const struct vm *vm, const struct pkt *pkt)
{
	uint32_t sum = pkt->head_len;

	model_must(&vm->memory, pkt->len >= 14 && pkt->len <= PKT_LEN_MAX, "a length is a length");
	model_must(&vm->memory,
		pkt->head_len <= pkt->len &&
			pkt->head_len >= RTE_MIN(pkt->len, (uint32_t)PKT_HEAD_MIN),
		"the head has what it must");
	model_must(&vm->memory, (pkt->ol.flags & PKT_OL_GSO) == 0 || pkt->ol.gso_size > 0,
		"segments have bytes");
	if (pkt->mbuf != NULL) {
		model_must(
			&vm->memory, rte_pktmbuf_pkt_len(pkt->mbuf) == pkt->len, "a copy is whole");
		return;
	}
	model_must(&vm->memory, pkt->n_segs <= PKT_SEGS_MAX, "segments are few");
	for (uint16_t i = 0; i < pkt->n_segs; i++) {
		model_must(&vm->memory,
			model_has_host(&vm->memory, pkt->segs[i].addr, pkt->segs[i].len),
			"segments are in the guest's memory");
		sum += pkt->segs[i].len;
	}
	model_must(&vm->memory, sum == pkt->len, "head and segments are the frame");
}

/* A ring that has stopped starts anew where the guest is. */
static void
restart(struct race *race, struct vq *vq, const struct model_ring *ring)
{
	uint32_t base;
	uint16_t index;

	role_assert(&role_main);
	if (atomic_load(&vq->fault) == VQ_FAULT_NONE) {
		return;
	}
	memcpy(&index, ring->view.avail + 2, sizeof(index));
	base = index;
	if (ring->conf.packed) { /* behind what has stopped it */
		base = vq_base(vq, true);
		base = (base & 0x7fff) + 1 == ring->conf.size ? (base & 0x8000) ^ 0x8000
							      : (base & 0xffff) + 1;
	}
	vq_set_base(vq, &ring->view, base);
	race->restarts++;
}

static void
work(struct race *race, uint64_t *random)
{
	static uint8_t bytes[PKT_LEN_MAX];
	struct vm *vm = &race->vm;
	struct pkt pkts[PKT_BURST];
	struct tx_item items[PKT_BURST];
	uint8_t heads[PKT_BURST][PKT_HEAD_MIN];
	const uint64_t before = vm->count.tx_packets + vm_drops(&vm->count);
	const uint64_t sent = vm->count.tx_packets;
	uint64_t lost;
	const uint16_t max = (uint16_t)(1 + random_below(random, PKT_BURST));
	const uint16_t n = race->ops->rx(&vm->rx, &vm->sends.view, pkts, max, pool, &vm->count);

	lost = vm_drops(&vm->count) + vm->count.tx_packets - before;
	model_must(&vm->memory, n <= max, "no more than was asked for");
	for (uint16_t i = 0; i < n; i++) {
		check_packet(vm, &pkts[i]);
		memcpy(heads[i], pkts[i].head, RTE_MIN(pkts[i].head_len, (uint16_t)PKT_HEAD_MIN));
		pkts[i].n_out = 1;
		pkt_item(&pkts[i], &items[i]);
	}
	race->ops->tx(&vm->tx, &vm->takes.view, items, n, &vm->count);
	model_must(&vm->memory, vm->count.tx_packets + vm_drops(&vm->count) == before + lost + n,
		"each item is counted once");
	model_must(&vm->memory, vm_marked(items, n, DROP_N) == n - (vm->count.tx_packets - sent),
		"what is lost is marked");
	for (uint16_t i = 0; i < n; i++) {
		check_packet(vm, &pkts[i]);
		model_must(&vm->memory,
			memcmp(heads[i], pkts[i].head,
				RTE_MIN(pkts[i].head_len, (uint16_t)PKT_HEAD_MIN)) == 0,
			"a head is not the guest's to change");
		pkt_gather(&items[i], bytes);
	}
	race->ops->release(&vm->rx, &vm->sends.view, pkts, n);
	race->ops->look(&vm->rx, &vm->sends.view);
	race->lent += n;
	restart(race, &vm->rx, &vm->sends);
	restart(race, &vm->tx, &vm->takes);
}

static void
run(const struct vq_ops *ops, bool packed, bool mergeable)
{
	static struct race race;
	const struct model_conf conf = {.packed = packed,
		.mergeable = mergeable,
		.indirect = true,
		.event_idx = mergeable,
		.size = SIZE,
		.hdr_len = VQ_HDR_MAX,
		.flags = VQ_READ_HDR | (mergeable ? VQ_LAZY_CALL : 0U),
		.takes = VM_TAKES_ALL};
	const unsigned int free_before = rte_mempool_avail_count(pool);
	const time_t until = time(NULL) + SECONDS_MAX;
	uint64_t random;
	pthread_t thread;

	memset(&race, 0, sizeof(race));
	race.ops = ops;
	race.seed = random = random_seed();
	vm_init(&race.vm, &conf, race.seed);
	model_case(&race.vm.memory, "%s, %s%s, seed %llu", ops->name, packed ? "packed" : "split",
		mergeable ? ", mergeable" : "", (unsigned long long)race.seed);
	assert_int_equal(pthread_create(&thread, NULL, guest, &race), 0);
	do {
		for (unsigned int i = 0; i < 200; i++) {
			work(&race, &random);
		}
	} while (race.lent < ENOUGH && time(NULL) < until);
	atomic_store(&race.stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(rte_mempool_avail_count(pool), free_before);
	assert_int_equal(race.vm.count.rx_packets, race.lent + race.vm.rx.stats.invalid);
	fprintf(stderr, "# %s %s: %llu lent, %llu sent, %llu restarts\n", ops->name,
		packed ? "packed" : "split", (unsigned long long)race.lent,
		(unsigned long long)race.vm.count.tx_packets, (unsigned long long)race.restarts);
	assert_true(race.lent > 0);
	vm_fini(&race.vm);
}

static void
test_split(void **state)
{
	const struct vq_ops *ops[VM_OPS_MAX];
	const unsigned int n = vm_ops(ops);

	(void)state;
	for (unsigned int i = 0; i < 2 * n; i++) {
		run(ops[i / 2], false, i % 2 == 1);
	}
}

static void
test_packed(void **state)
{
	const struct vq_ops *ops[VM_OPS_MAX];
	const unsigned int n = vm_ops(ops);

	(void)state;
	for (unsigned int i = 0; i < 2 * n; i++) {
		run(ops[i / 2], true, i % 2 == 1);
	}
}

static int
setup(void **state)
{
	(void)state;
	eal_test_start(64);
	pool = eal_test_pool(512, 2048);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_packed),
	};
	int failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	failed = cmocka_run_group_tests(tests, setup, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return failed;
}
