/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Live migration: every byte that the switch writes in the guest's memory lies in a page whose bit
 * is set, and few others are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/role.h"
#include "datapath/core/eal_test.h"
#include "ports/vhost/vq.h"
#include "ports/vhost/vq_test_guest.h"

#define ROUNDS 30
#define PAGES_MAX (UINT64_C(1) << 21) /* 8 GiB of guest */

static struct vm_frame frames[PKT_BURST];

struct logged {
	struct vm vm;
	const struct vq_ops *ops;
	struct dirty_log log;
	uint8_t *bits;
	uint8_t *before; /* the memory, region after region */
	uint64_t random;
};

static void
remember(struct logged *logged)
{
	const struct gmem *gmem = logged->vm.memory.gmem;
	uint8_t *to = logged->before;

	for (uint32_t i = 0; i < gmem->n; i++) {
		memcpy(to, gmem->regions[i].host, gmem->regions[i].size);
		to += gmem->regions[i].size;
	}
	memset(logged->bits, 0, PAGES_MAX / 8);
}

/* The protocol gives the device's event structure of a packed ring no place in the log. */
static bool
unlogged(const struct model_ring *ring, uint64_t gpa)
{
	return ring->conf.packed && gpa >= ring->used && gpa < ring->used + 4;
}

static bool
page_changed(const struct logged *logged, uint64_t gpa, const uint8_t *now, const uint8_t *was)
{
	if (memcmp(now, was, DIRTY_LOG_PAGE) == 0) {
		return false;
	}
	for (uint32_t i = 0; i < DIRTY_LOG_PAGE; i++) {
		if (now[i] != was[i] && !unlogged(&logged->vm.sends, gpa + i) &&
			!unlogged(&logged->vm.takes, gpa + i)) {
			return true;
		}
	}
	return false;
}

/* Pages that changed are logged. `may`: how many others may be, written with what was there. */
static void
check_log(const struct logged *logged, uint64_t may)
{
	const struct gmem *gmem = logged->vm.memory.gmem;
	const uint8_t *was = logged->before;
	uint64_t more = 0;
	uint64_t set = 0;

	for (uint32_t i = 0; i < gmem->n; i++) {
		const struct gmem_region *region = &gmem->regions[i];

		for (uint64_t at = 0; at < region->size; at += DIRTY_LOG_PAGE) {
			const uint64_t page = (region->gpa + at) / DIRTY_LOG_PAGE;
			const bool bit = (logged->bits[page / 8] >> (page % 8) & 1) != 0;
			const bool changed =
				page_changed(logged, region->gpa + at, region->host + at, was + at);

			model_must(
				&logged->vm.memory, !changed || bit, "what is written is logged");
			more += bit && !changed;
			set += bit;
		}
		was += region->size;
	}
	model_must(&logged->vm.memory, more <= may, "little else is logged");
	for (uint64_t i = 0; i < PAGES_MAX / 8; i++) {
		set -= (uint64_t)__builtin_popcount(logged->bits[i]);
	}
	model_must(&logged->vm.memory, set == 0, "no page outside of the memory is logged");
}

static void
begin(struct logged *logged, const struct vq_ops *ops, const struct model_conf *conf)
{
	struct vm *vm = &logged->vm;

	logged->ops = ops;
	logged->random = random_seed();
	vm_init(vm, conf, logged->random);
	model_case(&vm->memory, "%s, %s%s, seed %llu", ops->name, conf->packed ? "packed" : "split",
		conf->mergeable ? ", mergeable" : "", (unsigned long long)logged->random);
	logged->bits = model_calloc(1, PAGES_MAX / 8);
	logged->before = model_calloc(1, vm->memory.size);
	logged->log = (struct dirty_log){.bits = logged->bits, .size = PAGES_MAX / 8};
	vm->sends.view.log = vm->takes.view.log = &logged->log;
	vm->sends.view.log_used = conf->packed ? vm->sends.desc : vm->sends.used;
	vm->takes.view.log_used = conf->packed ? vm->takes.desc : vm->takes.used;
}

static void
end(struct logged *logged)
{
	vm_fini(&logged->vm);
	free(logged->bits);
	free(logged->before);
}

/* The guest sends; giving back is what writes. Each packet goes to the other ring meanwhile. */
static void
loop(struct logged *logged)
{
	struct vm *vm = &logged->vm;
	struct pkt pkts[PKT_BURST];
	struct tx_item items[PKT_BURST];
	const uint64_t wrote = vm->count.tx_bytes;
	uint64_t pages;
	uint16_t n;

	remember(logged);
	n = logged->ops->rx(&vm->rx, &vm->sends.view, pkts, PKT_BURST, NULL, &vm->count);
	check_log(logged, 1);
	for (uint16_t i = 0; i < n; i++) {
		pkts[i].n_out = 1;
		pkt_item(&pkts[i], &items[i]);
	}
	remember(logged);
	logged->ops->tx(&vm->tx, &vm->takes.view, items, n, &vm->count);
	pages = (vm->count.tx_bytes - wrote) / DIRTY_LOG_PAGE;
	check_log(logged, pages / 8 + 2U * n + 4);
	remember(logged);
	logged->ops->release(&vm->rx, &vm->sends.view, pkts, n);
	logged->ops->look(&vm->rx, &vm->sends.view);
	check_log(logged, 4);
}

/* All buffers are used: their tables and bytes may be written anew. */
static void
drain(struct logged *logged)
{
	static uint8_t head[14];
	struct vm *vm = &logged->vm;
	struct pkt pkt = {.head = head, .len = 14, .head_len = 14};
	struct model_buf *buf;
	struct tx_item item;
	uint32_t written;

	(void)vm_collect_sent(vm);
	model_must(&vm->memory, vm->sends.n_posted == 0, "all that was sent is given back");
	for (;;) {
		while ((buf = model_collect(&vm->takes, &written)) != NULL) {
			model_buf_free(buf);
		}
		if (vm->takes.n_posted == 0) {
			return;
		}
		pkt_item(&pkt, &item);
		logged->ops->tx(&vm->tx, &vm->takes.view, &item, 1, &vm->count);
		model_must(&vm->memory, vm->tx.fault == VQ_FAULT_NONE, "no fault");
	}
}

static void
fill(struct logged *logged)
{
	static const uint32_t lens[] = {14, 60, 300, 1514, 9000, 65550};
	struct vm *vm = &logged->vm;
	const uint16_t n = (uint16_t)(1 + random_below(&logged->random, 6));

	vm_again(vm);
	for (uint16_t i = 0; i < n; i++) {
		const uint32_t len = lens[random_below(&logged->random, 6)];
		const enum model_cut cut = (enum model_cut)random_below(&logged->random, 3);
		const enum model_how how = (enum model_how)random_below(&logged->random, 3);

		vm_frame_make(&frames[i], VM_PLAIN, len, &logged->random);
		(void)vm_send(vm, &frames[i], cut, how, 12);
		if (vm->takes.conf.mergeable) {
			(void)vm_offer(vm, 100 + random_below(&logged->random, 9000), cut, how, 4);
		}
		(void)vm_offer(vm, 65570, cut, how, 12);
	}
	model_publish(&vm->sends);
	model_publish(&vm->takes);
}

static void
run(bool packed)
{
	const struct vq_ops *ops[VM_OPS_MAX];
	const unsigned int n = vm_ops(ops);
	static struct logged logged;

	for (unsigned int i = 0; i < 2 * n; i++) {
		const struct model_conf conf = {.packed = packed,
			.indirect = true,
			.mergeable = i % 2 == 1,
			.event_idx = i % 2 == 1,
			.size = packed ? 999 : 1024,
			.hdr_len = VQ_HDR_MAX,
			.takes = VM_TAKES_ALL};

		memset(&logged, 0, sizeof(logged));
		begin(&logged, ops[i / 2], &conf);
		for (unsigned int round = 0; round < ROUNDS; round++) {
			fill(&logged);
			for (unsigned int k = 0; k < 8 && logged.vm.sends.n_posted > 0; k++) {
				loop(&logged);
				(void)vm_collect_sent(&logged.vm);
			}
			drain(&logged);
		}
		model_must(
			&logged.vm.memory, logged.vm.count.tx_packets > ROUNDS, "frames are sent");
		end(&logged);
	}
}

static void
test_split(void **state)
{
	(void)state;
	run(false);
}

static void
test_packed(void **state)
{
	(void)state;
	run(true);
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
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return failed;
}
