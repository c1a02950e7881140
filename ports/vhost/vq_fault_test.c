/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a guest may not do, one rule at a time: the ring stops with its reason, nothing is lent,
 * nothing is written outside of what the guest gave to write, and the ring starts anew when it is
 * set up anew. What is only odd goes through, or is lost by name: vq_odd_test.c.
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

#define SIZE 2048
#define FRAME 200 /* bytes of each frame that is sent to a bad ring */
#define ALLOWED_MAX 8

static struct rte_mempool *pool;

/* A bad ring in the making. */
struct crime {
	struct vm *vm;
	struct model_ring *ring;
	uint16_t write; /* the flag, if the ring's buffers need it */
	uint64_t good; /* 8 KiB that may be used */
	uint16_t n; /* descriptors so far */
	unsigned int n_allowed;
	struct model_piece allowed[ALLOWED_MAX]; /* that the device may write */
	atomic_bool gone;
};

/* --- raw descriptors -------------------------------------------------------------------------- */

static void
put_desc(struct crime *crime, uint64_t at, uint64_t addr, uint32_t len, uint16_t third,
	uint16_t fourth)
{
	struct {
		uint64_t addr;
		uint32_t len;
		uint16_t third;
		uint16_t fourth;
	} desc = {addr, len, third, fourth};

	model_put(&crime->vm->memory, at, &desc, sizeof(desc));
}

/* Of a table. `next` is split's. */
static void
table_entry(struct crime *crime, uint64_t table, uint16_t i, uint64_t addr, uint32_t len,
	unsigned int flags, uint16_t next)
{
	if (crime->ring->conf.packed) {
		put_desc(crime, table + 16U * i, addr, len, 0, (uint16_t)flags);
	} else {
		put_desc(crime, table + 16U * i, addr, len, (uint16_t)flags, next);
	}
}

/* The next descriptor of the chain. Split: the i-th of the table; packed: `next` is its id. */
static void
add(struct crime *crime, uint64_t addr, uint32_t len, unsigned int flags, uint16_t next)
{
	struct model_ring *ring = crime->ring;
	const uint16_t i = crime->n++;
	bool wrap = ring->avail_wrap;
	uint32_t slot;

	if (!ring->conf.packed) {
		put_desc(crime, ring->desc + 16U * i, addr, len, (uint16_t)flags, next);
		return;
	}
	slot = (uint32_t)ring->next_avail + i;
	if (slot >= ring->conf.size) {
		slot -= ring->conf.size;
		wrap = !wrap;
	}
	put_desc(crime, ring->desc + 16U * slot, addr, len, next,
		(uint16_t)(flags | (wrap ? MODEL_F_AVAIL : MODEL_F_USED)));
}

/* A descriptor that is right; the chain goes on. */
static void
add_good(struct crime *crime, uint32_t len)
{
	const uint16_t next = crime->ring->conf.packed ? 0 : (uint16_t)(crime->n + 1);

	add(crime, crime->good, len, crime->write | MODEL_F_NEXT, next);
	if (crime->n_allowed < ALLOWED_MAX) {
		crime->allowed[crime->n_allowed++] = (struct model_piece){crime->good, len};
	}
}

/* A table of room for n entries, and the descriptor that names it. */
static uint64_t
add_table(struct crime *crime, uint16_t room, uint32_t len)
{
	const uint64_t table = model_alloc(&crime->vm->memory, 16U * room, 16, true);

	add(crime, table, len, MODEL_F_INDIRECT, 0);
	return table;
}

static uint64_t
end_of(const struct crime *crime)
{
	return crime->vm->memory.gpa + crime->vm->memory.size;
}

/* --- the rules, and how to break them --------------------------------------------------------- */

static void
avail_ahead(struct crime *crime)
{
	crime->ring->next_avail = (uint16_t)(crime->ring->next_avail + SIZE); /* one more follows */
}

static void
avail_behind(struct crime *crime)
{
	crime->ring->next_avail = (uint16_t)(crime->ring->next_avail - 2);
}

static void
head_range(struct crime *crime)
{
	const uint64_t slot = crime->ring->avail + 4 + 2U * (crime->ring->next_avail % SIZE);

	model_put16(&crime->vm->memory, slot, SIZE);
}

static void
head_huge(struct crime *crime)
{
	const uint64_t slot = crime->ring->avail + 4 + 2U * (crime->ring->next_avail % SIZE);

	model_put16(&crime->vm->memory, slot, 65535);
}

static void
next_range(struct crime *crime)
{
	add(crime, crime->good, 20, crime->write | MODEL_F_NEXT, SIZE);
	crime->allowed[crime->n_allowed++] = (struct model_piece){crime->good, 20};
}

static void
next_huge(struct crime *crime)
{
	add(crime, crime->good, 20, crime->write | MODEL_F_NEXT, 65535);
	crime->allowed[crime->n_allowed++] = (struct model_piece){crime->good, 20};
}

static void
next_in_table(struct crime *crime)
{
	const uint64_t table = add_table(crime, 3, 32);

	table_entry(crime, table, 0, crime->good, 20, crime->write | MODEL_F_NEXT, 2);
	table_entry(crime, table, 2, crime->good, 2000, crime->write, 0);
	crime->allowed[crime->n_allowed++] = (struct model_piece){crime->good, 20};
}

static void
loop_of(struct crime *crime, uint16_t n, uint32_t len)
{
	for (uint16_t i = 0; i + 1 < n; i++) {
		add_good(crime, len);
	}
	add(crime, crime->good, len, crime->write | MODEL_F_NEXT, 0);
}

static void
loop_one(struct crime *crime)
{
	loop_of(crime, crime->ring->conf.packed ? SIZE : 1, 1);
}

static void
loop_three(struct crime *crime)
{
	loop_of(crime, crime->ring->conf.packed ? SIZE : 3, 0);
}

static void
long_chain(struct crime *crime)
{
	for (uint16_t i = 0; i < VQ_CHAIN_MAX; i++) {
		add_good(crime, crime->write != 0 ? 0 : 1);
	}
	add(crime, crime->good, 100, crime->write, 0);
}

static void
loop_in_table(struct crime *crime)
{
	const uint64_t table = add_table(crime, 2, 32);

	table_entry(crime, table, 0, crime->good, 1, crime->write | MODEL_F_NEXT, 1);
	table_entry(crime, table, 1, crime->good, 0, crime->write | MODEL_F_NEXT, 1);
	crime->allowed[crime->n_allowed++] = (struct model_piece){crime->good, 1};
}

static void
table_empty(struct crime *crime)
{
	table_entry(crime, add_table(crime, 1, 0), 0, crime->good, 2000, crime->write, 0);
}

static void
table_uneven(struct crime *crime)
{
	table_entry(crime, add_table(crime, 2, 17), 0, crime->good, 2000, crime->write, 0);
}

static void
table_long(struct crime *crime)
{
	const uint64_t table = add_table(crime, VQ_CHAIN_MAX + 1, 16 * (VQ_CHAIN_MAX + 1));

	for (uint16_t i = 0; i <= VQ_CHAIN_MAX; i++) {
		table_entry(crime, table, i, crime->good, 1,
			crime->write | (i < VQ_CHAIN_MAX ? MODEL_F_NEXT : 0), (uint16_t)(i + 1));
	}
}

/* 2^28 entries: more than 16 bits of a count. */
static void
table_huge(struct crime *crime)
{
	const uint64_t table = add_table(crime, 1, UINT32_MAX - 15);

	table_entry(crime, table, 0, crime->good, 2000, crime->write, 0);
}

static void
table_nested(struct crime *crime)
{
	const uint64_t inner = model_alloc(&crime->vm->memory, 16, 16, true);
	const uint64_t table = add_table(crime, 1, 16);

	table_entry(crime, table, 0, inner, 16, MODEL_F_INDIRECT | crime->write, 0);
	table_entry(crime, inner, 0, crime->good, 2000, crime->write, 0);
}

static void
table_of_itself(struct crime *crime)
{
	const uint64_t table = add_table(crime, 1, 16);

	table_entry(crime, table, 0, table, 16, MODEL_F_INDIRECT | crime->write, 0);
}

static void
table_and_next(struct crime *crime)
{
	const uint64_t table = model_alloc(&crime->vm->memory, 16, 16, true);

	add(crime, table, 16, MODEL_F_INDIRECT | MODEL_F_NEXT, 1);
	table_entry(crime, table, 0, crime->good, 20, crime->write, 0);
	add(crime, crime->good, 2000, crime->write, 0);
	crime->allowed[crime->n_allowed++] = (struct model_piece){crime->good, 20};
}

static void
table_unasked(struct crime *crime)
{
	crime->ring->view.flags &= ~(uint32_t)VQ_INDIRECT;
	table_entry(crime, add_table(crime, 1, 16), 0, crime->good, 2000, crime->write, 0);
}

static void
table_outside(struct crime *crime)
{
	add(crime, end_of(crime) + 4096, 32, MODEL_F_INDIRECT, 0);
}

static void
table_over_end(struct crime *crime)
{
	const uint64_t table = end_of(crime) - 16;

	add(crime, table, 32, MODEL_F_INDIRECT, 0);
	table_entry(crime, table, 0, crime->good, 20, crime->write | MODEL_F_NEXT, 1);
	crime->allowed[crime->n_allowed++] = (struct model_piece){crime->good, 20};
}

static void
table_wraps(struct crime *crime)
{
	add(crime, UINT64_MAX - 15, 32, MODEL_F_INDIRECT, 0);
}

static void
address_nowhere(struct crime *crime)
{
	add(crime, 0, FRAME + 12, crime->write, 0);
}

static void
address_before(struct crime *crime)
{
	add(crime, crime->vm->memory.gpa - 1, FRAME + 12, crime->write, 0);
}

static void
address_over_end(struct crime *crime)
{
	add(crime, end_of(crime) - FRAME - 11, FRAME + 12, crime->write, 0);
	crime->allowed[crime->n_allowed++] =
		(struct model_piece){end_of(crime) - FRAME - 11, FRAME + 11};
}

static void
address_wraps(struct crime *crime)
{
	add(crime, UINT64_MAX - 50, FRAME + 12, crime->write, 0);
}

static void
address_second(struct crime *crime)
{
	add_good(crime, 12);
	add(crime, end_of(crime), FRAME, crime->write, 0);
}

static void
address_in_table(struct crime *crime)
{
	const uint64_t table = add_table(crime, 2, 32);

	table_entry(crime, table, 0, crime->good, 20, crime->write | MODEL_F_NEXT, 1);
	table_entry(crime, table, 1, end_of(crime) - 10, FRAME, crime->write, 0);
	crime->allowed[crime->n_allowed++] = (struct model_piece){crime->good, 20};
	crime->allowed[crime->n_allowed++] = (struct model_piece){end_of(crime) - 10, 10};
}

static void
address_far(struct crime *crime)
{
	add(crime, UINT64_C(1) << 63 | crime->good, FRAME + 12, crime->write, 0);
}

static void
direction_first(struct crime *crime)
{
	add(crime, crime->good, FRAME + 12, crime->write ^ MODEL_F_WRITE, 0);
}

static void
direction_second(struct crime *crime)
{
	add_good(crime, 20);
	add(crime, crime->good + 2000, FRAME, crime->write ^ MODEL_F_WRITE, 0);
}

static void
direction_in_table(struct crime *crime)
{
	const uint64_t table = add_table(crime, 2, 32);

	table_entry(crime, table, 0, crime->good, 20, crime->write | MODEL_F_NEXT, 1);
	table_entry(crime, table, 1, crime->good + 2000, FRAME, crime->write ^ MODEL_F_WRITE, 0);
	crime->allowed[crime->n_allowed++] = (struct model_piece){crime->good, 20};
}

static void
empty(struct crime *crime)
{
	add(crime, crime->good, 0, crime->write, 0);
}

static void
empty_chain(struct crime *crime)
{
	add_good(crime, 0);
	add(crime, crime->good, 0, crime->write, 0);
}

static void
memory_gone(struct crime *crime)
{
	add(crime, crime->good, FRAME + 12, crime->write, 0);
	crime->allowed[crime->n_allowed++] = (struct model_piece){crime->good, FRAME + 12};
	atomic_store(&crime->gone, true);
}

enum where { ANYWHERE, SPLIT };

struct rule {
	const char *name;
	void (*commit)(struct crime *crime);
	enum vq_fault fault;
	enum where where;
	bool only_written; /* a rule of receive buffers */
};

static const struct rule rules[] = {
	{"index ahead", avail_ahead, VQ_FAULT_AVAIL, SPLIT, false},
	{"index behind", avail_behind, VQ_FAULT_AVAIL, SPLIT, false},
	{"head beyond", head_range, VQ_FAULT_HEAD, SPLIT, false},
	{"head far beyond", head_huge, VQ_FAULT_HEAD, SPLIT, false},
	{"next beyond", next_range, VQ_FAULT_NEXT, SPLIT, false},
	{"next far beyond", next_huge, VQ_FAULT_NEXT, SPLIT, false},
	{"next beyond a table", next_in_table, VQ_FAULT_NEXT, SPLIT, false},
	{"loop of one", loop_one, VQ_FAULT_LONG, ANYWHERE, false},
	{"loop of nothing", loop_three, VQ_FAULT_LONG, ANYWHERE, false},
	{"long chain", long_chain, VQ_FAULT_LONG, ANYWHERE, false},
	{"loop in a table", loop_in_table, VQ_FAULT_LONG, SPLIT, false},
	{"empty table", table_empty, VQ_FAULT_INDIRECT, ANYWHERE, false},
	{"uneven table", table_uneven, VQ_FAULT_INDIRECT, ANYWHERE, false},
	{"long table", table_long, VQ_FAULT_INDIRECT, ANYWHERE, false},
	{"huge table", table_huge, VQ_FAULT_INDIRECT, ANYWHERE, false},
	{"nested table", table_nested, VQ_FAULT_INDIRECT, ANYWHERE, false},
	{"table of itself", table_of_itself, VQ_FAULT_INDIRECT, ANYWHERE, false},
	{"table and next", table_and_next, VQ_FAULT_INDIRECT, ANYWHERE, false},
	{"table unasked", table_unasked, VQ_FAULT_INDIRECT, ANYWHERE, false},
	{"table outside", table_outside, VQ_FAULT_ADDRESS, ANYWHERE, false},
	{"table over the end", table_over_end, VQ_FAULT_ADDRESS, ANYWHERE, false},
	{"table wraps", table_wraps, VQ_FAULT_ADDRESS, ANYWHERE, false},
	{"address nowhere", address_nowhere, VQ_FAULT_ADDRESS, ANYWHERE, false},
	{"address before memory", address_before, VQ_FAULT_ADDRESS, ANYWHERE, false},
	{"address over the end", address_over_end, VQ_FAULT_ADDRESS, ANYWHERE, false},
	{"address wraps", address_wraps, VQ_FAULT_ADDRESS, ANYWHERE, false},
	{"second address", address_second, VQ_FAULT_ADDRESS, ANYWHERE, false},
	{"address in a table", address_in_table, VQ_FAULT_ADDRESS, ANYWHERE, false},
	{"address of 64 bits", address_far, VQ_FAULT_ADDRESS, ANYWHERE, false},
	{"direction", direction_first, VQ_FAULT_DIRECTION, ANYWHERE, false},
	{"second direction", direction_second, VQ_FAULT_DIRECTION, ANYWHERE, false},
	{"direction in a table", direction_in_table, VQ_FAULT_DIRECTION, ANYWHERE, false},
	{"empty", empty, VQ_FAULT_EMPTY, ANYWHERE, true},
	{"empty chain", empty_chain, VQ_FAULT_EMPTY, ANYWHERE, true},
	{"memory gone", memory_gone, VQ_FAULT_MEMORY, ANYWHERE, false},
};

/* --- the trial -------------------------------------------------------------------------------- */

struct trial {
	const struct vq_ops *ops;
	struct vm vm;
	struct crime crime;
	struct vm_frame frame;
};

/* Three frames to the ring, or a look at what it has. Returns how many packets were lent. */
static uint16_t
use_ring(struct trial *trial)
{
	struct vm *vm = &trial->vm;
	struct pkt pkts[PKT_BURST];
	struct tx_item items[3];
	uint64_t lost;
	uint16_t n;

	if (!trial->crime.ring->conf.receives) {
		n = trial->ops->rx(&vm->rx, &vm->sends.view, pkts, PKT_BURST, pool, &vm->count);
		trial->ops->release(&vm->rx, &vm->sends.view, pkts, n);
		trial->ops->look(&vm->rx, &vm->sends.view);
		return n;
	}
	for (unsigned int i = 0; i < 3; i++) {
		pkts[i] = (struct pkt){
			.head = trial->frame.bytes, .len = FRAME, .head_len = FRAME, .n_out = 1};
		pkt_item(&pkts[i], &items[i]);
	}
	lost = vm_drops(&vm->count);
	trial->ops->tx(&vm->tx, &vm->takes.view, items, 3, &vm->count);
	model_must(&vm->memory, vm_marked(items, 3, DROP_N) == vm_drops(&vm->count) - lost,
		"what is lost is marked");
	trial->ops->look(&vm->tx, &vm->takes.view);
	return 0;
}

static struct vq *
ring_vq(struct trial *trial)
{
	return trial->crime.ring->conf.receives ? &trial->vm.tx : &trial->vm.rx;
}

static void
check_stopped(struct trial *trial, const struct rule *rule)
{
	const struct vm *vm = &trial->vm;
	const int fault = atomic_load(&ring_vq(trial)->fault);

	if (fault != (int)rule->fault) {
		fprintf(stderr, "# fault %d (%s)\n", fault,
			fault == VQ_FAULT_NONE ? "none" : vq_fault_name((enum vq_fault)fault));
	}
	model_must(&vm->memory, fault == (int)rule->fault, "the ring has stopped for its reason");
	model_accept_events(trial->crime.ring);
	for (unsigned int i = 0; i < trial->crime.n_allowed; i++) {
		if (trial->crime.write != 0) {
			model_accept(&trial->vm.memory, trial->crime.allowed[i].gpa,
				trial->crime.allowed[i].len);
		}
	}
	model_check(&vm->memory);
	model_must(&vm->memory, vm->count.rx_packets == 0 && vm->count.tx_packets == 0,
		"nothing was moved");
}

/* The ring is set up anew: a frame goes through. */
static void
recover(struct trial *trial)
{
	struct model_ring *ring = trial->crime.ring;
	struct vm *vm = &trial->vm;
	struct model_conf conf = ring->conf;
	struct vq *vq = ring_vq(trial);

	role_assert(&role_main);
	conf.base = conf.packed ? 0x80008000U : 0;
	model_ring_fini(ring);
	model_ring_init(ring, &vm->memory, &conf);
	vq_set_base(vq, &ring->view, conf.base);
	model_must(&vm->memory, vq->fault == VQ_FAULT_NONE, "a new start forgets the fault");
	if (conf.receives) {
		uint8_t hdr[VQ_HDR_MAX];
		static uint8_t bytes[PKT_LEN_MAX];

		for (unsigned int i = 0; i < 3; i++) {
			(void)vm_offer(vm, FRAME + VQ_HDR_MAX, MODEL_ONE, MODEL_DIRECT, 1);
		}
		model_publish(ring);
		(void)use_ring(trial);
		for (unsigned int i = 0; i < 3; i++) {
			model_must(&vm->memory, vm_collect_taken(vm, hdr, bytes) == FRAME,
				"frames are sent again");
			model_must(&vm->memory, memcmp(bytes, trial->frame.bytes, FRAME) == 0,
				"the bytes are right");
		}
		return;
	}
	(void)vm_send(vm, &trial->frame, MODEL_TWO, MODEL_DIRECT, 2);
	model_publish(ring);
	model_must(&vm->memory, use_ring(trial) == 1, "frames are received again");
	model_must(&vm->memory, vm_collect_sent(vm) == 1, "buffers are given back again");
}

static void
commit(struct trial *trial, const struct rule *rule)
{
	struct vm *vm = &trial->vm;
	struct crime *crime = &trial->crime;
	struct model_ring *ring = crime->ring;

	crime->vm = vm;
	crime->write = ring->conf.receives ? MODEL_F_WRITE : 0;
	crime->good = model_alloc(&vm->memory, 8192, 1, false);
	ring->view.gone = &crime->gone;
	if (!ring->conf.packed) { /* the head is descriptor 0 unless the rule says otherwise */
		model_put16(&vm->memory, ring->avail + 4 + 2U * (ring->next_avail % SIZE), 0);
	}
	rule->commit(crime);
	ring->next_avail++;
	model_publish(ring);
}

static void
try_rule(const struct rule *rule, const struct vq_ops *ops, bool packed, bool receives,
	bool mergeable)
{
	static struct trial trial;
	const struct model_conf conf = {.packed = packed,
		.indirect = true,
		.mergeable = mergeable,
		.size = SIZE,
		.hdr_len = VQ_HDR_MAX,
		.takes = VM_TAKES_ALL};
	uint64_t random = random_seed();
	uint64_t lost;

	memset(&trial, 0, sizeof(trial));
	trial.ops = ops;
	vm_init(&trial.vm, &conf, random);
	model_case(&trial.vm.memory, "%s: %s, %s, %s%s, seed %llu", rule->name, ops->name,
		packed ? "packed" : "split", receives ? "tx" : "rx", mergeable ? ", mergeable" : "",
		(unsigned long long)random);
	vm_frame_make(&trial.frame, VM_PLAIN, FRAME, &random);
	trial.crime.ring = receives ? &trial.vm.takes : &trial.vm.sends;
	commit(&trial, rule);
	model_must(&trial.vm.memory, use_ring(&trial) == 0, "nothing is lent");
	check_stopped(&trial, rule);
	lost = vm_drops(&trial.vm.count);
	model_must(&trial.vm.memory, lost == (receives ? 3 : 0), "each item is counted once");
	model_must(&trial.vm.memory, trial.vm.count.drops[DROP_NO_GUEST] == lost,
		"they have no guest, rather than one that is slow");
	for (unsigned int i = 0; i < 3; i++) {
		model_must(&trial.vm.memory, use_ring(&trial) == 0, "nothing is lent");
	}
	check_stopped(&trial, rule);
	model_must(&trial.vm.memory, vm_drops(&trial.vm.count) == 4 * lost,
		"each item is counted once");
	recover(&trial);
	vm_fini(&trial.vm);
}

static void
try_all(bool packed, bool receives)
{
	const struct vq_ops *ops[VM_OPS_MAX];
	const unsigned int n_ops = vm_ops(ops);

	for (unsigned int i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct rule *rule = &rules[i];

		if ((packed && rule->where == SPLIT) || (rule->only_written && !receives)) {
			continue;
		}
		for (unsigned int k = 0; k < n_ops; k++) {
			try_rule(rule, ops[k], packed, receives, false);
			if (receives) {
				try_rule(rule, ops[k], packed, receives, true);
			}
		}
	}
}

static void
test_split_rx(void **state)
{
	(void)state;
	try_all(false, false);
}

static void
test_split_tx(void **state)
{
	(void)state;
	try_all(false, true);
}

static void
test_packed_rx(void **state)
{
	(void)state;
	try_all(true, false);
}

static void
test_packed_tx(void **state)
{
	(void)state;
	try_all(true, true);
}

static void
test_names(void **state)
{
	(void)state;
	for (int i = VQ_FAULT_NONE + 1; i < VQ_FAULT_N; i++) {
		assert_non_null(vq_fault_name((enum vq_fault)i));
		assert_non_null(vq_fault_text((enum vq_fault)i));
		for (int k = VQ_FAULT_NONE + 1; k < i; k++) {
			assert_string_not_equal(
				vq_fault_name((enum vq_fault)i), vq_fault_name((enum vq_fault)k));
		}
	}
}

static int
setup(void **state)
{
	(void)state;
	eal_test_start(64);
	pool = eal_test_pool(64, 2048);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_rx),
		cmocka_unit_test(test_split_tx),
		cmocka_unit_test(test_packed_rx),
		cmocka_unit_test(test_packed_tx),
		cmocka_unit_test(test_names),
	};
	int failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	failed = cmocka_run_group_tests(tests, setup, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return failed;
}
