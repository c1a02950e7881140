/* SPDX-License-Identifier: BSD-3-Clause */
/* Both kinds of rings through the same cases, driven by queue_post() and queue_collect(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/frontend/chain.h"
#include "tests/frontend/device_model.h"
#include "tests/frontend/frontend.h"
#include "tests/frontend/memory.h"

#define SIZE 16u

struct world {
	struct memory memory;
	struct frontend_queue queue;
	struct device_model model;
};

static struct world *
world_create(bool packed, bool device_writes)
{
	static struct world world;

	memset(&world, 0, sizeof(world));
	assert_int_equal(memory_init(&world.memory, 65536, MEMORY_SMALL, NULL), 0);
	struct frontend_queue *queue = &world.queue;
	queue->is_packed = packed;
	queue->kick = eventfd(0, EFD_NONBLOCK);
	if (packed) {
		assert_int_equal(
			packed_ring_init(&queue->ring.packed, &world.memory, SIZE, device_writes),
			0);
		device_model_init(&world.model, NULL, &queue->ring.packed);
	} else {
		assert_int_equal(
			split_ring_init(&queue->ring.split, &world.memory, SIZE, device_writes), 0);
		device_model_init(&world.model, &queue->ring.split, NULL);
	}
	return &world;
}

static void
world_destroy(struct world *world)
{
	(void)close(world->queue.kick);
	memory_fini(&world->memory);
}

static void
post(struct world *world, uint16_t first_id, unsigned int n)
{
	struct ring_buffer buffers[SIZE];

	for (unsigned int i = 0; i < n; i++) {
		const uint16_t id = (uint16_t)((first_id + i) % SIZE);
		buffers[i] = (struct ring_buffer){
			.gpa = MEMORY_GPA + id * 100u, .len = 50u + id, .id = id};
	}
	queue_post(&world->queue, buffers, n);
}

static void
check_content(bool packed)
{
	struct world *world = world_create(packed, true);
	struct device_buffer taken[SIZE];

	post(world, 3, 5);
	assert_int_equal(device_model_take(&world->model, taken, SIZE), 5);
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(taken[i].id, 3 + i);
		assert_int_equal(taken[i].gpa, MEMORY_GPA + (3 + i) * 100);
		assert_int_equal(taken[i].len, 53 + i);
		assert_int_equal(taken[i].flags, SPLIT_DESC_WRITE);
	}
	assert_int_equal(device_model_take(&world->model, taken, SIZE), 0);
	world_destroy(world);
}

/* The device returns in reverse order; ids and lengths must follow it, round after round. */
static void
check_order(bool packed, unsigned int rounds)
{
	struct world *world = world_create(packed, false);
	struct device_buffer taken[SIZE];
	struct ring_used used[SIZE];

	for (unsigned int round = 0; round < rounds; round++) {
		/* Sizes that do not divide the ring, so that groups wrap within a post. */
		const unsigned int n = 1 + round % SIZE;
		post(world, (uint16_t)(round % SIZE), n);
		assert_false(queue_all_used(&world->queue));
		assert_int_equal(queue_collect(&world->queue, used, SIZE), 0);
		assert_int_equal(device_model_take(&world->model, taken, SIZE), n);
		for (unsigned int i = n; i-- > 0;) {
			assert_int_equal(taken[i].flags, 0);
			device_model_give(&world->model, taken[i].id, 1000 + taken[i].id);
		}
		assert_true(queue_all_used(&world->queue));
		assert_int_equal(queue_collect(&world->queue, used, 1), 1);
		assert_int_equal(used[0].id, taken[n - 1].id);
		assert_int_equal(queue_collect(&world->queue, used, SIZE), n - 1);
		for (unsigned int i = 0; i < n - 1; i++) {
			assert_int_equal(used[i].id, taken[n - 2 - i].id);
			assert_int_equal(used[i].len, 1000 + used[i].id);
		}
	}
	world_destroy(world);
}

static void
check_kick(bool packed)
{
	struct world *world = world_create(packed, false);
	eventfd_t count = 0;

	post(world, 0, 1);
	assert_int_equal(eventfd_read(world->queue.kick, &count), 0);
	assert_int_equal(count, 1);
	if (packed) {
		world->queue.ring.packed.device->flags = PACKED_EVENT_DISABLE;
	} else {
		world->queue.ring.split.used->flags = SPLIT_USED_NO_NOTIFY;
	}
	post(world, 1, 1);
	assert_int_not_equal(eventfd_read(world->queue.kick, &count), 0);
	assert_int_equal(world->queue.kicks, 1);
	world_destroy(world);
}

static void
let_kick(struct world *world, bool packed, bool kick)
{
	if (packed) {
		world->queue.ring.packed.device->flags =
			kick ? PACKED_EVENT_ENABLE : PACKED_EVENT_DISABLE;
	} else {
		world->queue.ring.split.used->flags = kick ? 0 : SPLIT_USED_NO_NOTIFY;
	}
}

/* A device that goes to sleep just after a lazy post is kicked by a later look, once. */
static void
check_lazy_kick(bool packed)
{
	struct world *world = world_create(packed, false);
	const struct ring_buffer buffer = {.gpa = MEMORY_GPA, .len = 50, .id = 0};

	let_kick(world, packed, false);
	queue_post_lazily(&world->queue, &buffer, 1);
	assert_int_equal(world->queue.kicks, 0);
	queue_look(&world->queue);
	let_kick(world, packed, true);
	queue_look(&world->queue);
	queue_look(&world->queue);
	assert_int_equal(world->queue.kicks, 1);
	/* One that sleeps long after has seen the buffer. */
	let_kick(world, packed, false);
	queue_post_lazily(&world->queue, &buffer, 1);
	for (unsigned int i = 0; i < QUEUE_LOOKS; i++) {
		queue_look(&world->queue);
	}
	let_kick(world, packed, true);
	queue_look(&world->queue);
	assert_int_equal(world->queue.kicks, 1);
	world_destroy(world);
}

static void
test_content(void **state)
{
	(void)state;
	check_content(false);
	check_content(true);
}

static void
test_order(void **state)
{
	(void)state;
	/* More than 65536 buffers: the split ring's indices wrap. */
	check_order(false, 10000);
	check_order(true, 10000);
}

static void
test_kick(void **state)
{
	(void)state;
	check_kick(false);
	check_kick(true);
}

/* What a hostile-guest test does: a chain by hand, its head announced. */
static void
test_lazy_kick(void **state)
{
	(void)state;
	check_lazy_kick(false);
	check_lazy_kick(true);
}

static void
test_raw_chain(void **state)
{
	struct world *world = world_create(false, false);
	struct split_ring *ring = &world->queue.ring.split;
	struct device_buffer taken[SIZE];

	(void)state;
	ring->desc[7] = (struct split_desc){
		.addr = 1, .len = UINT32_MAX, .flags = SPLIT_DESC_NEXT, .next = 7};
	split_ring_put_head(ring, 7);
	assert_int_equal(device_model_take(&world->model, taken, SIZE), 0);
	split_ring_publish(ring);
	assert_int_equal(device_model_take(&world->model, taken, SIZE), 1);
	assert_int_equal(taken[0].flags, SPLIT_DESC_NEXT);
	assert_int_equal(taken[0].len, UINT32_MAX);
	world_destroy(world);
}

static void
split_publish_check(struct world *world, uint16_t id, uint64_t gpa, uint32_t len, uint16_t flags)
{
	struct device_buffer taken[SIZE];

	split_ring_publish(&world->queue.ring.split);
	assert_int_equal(device_model_take(&world->model, taken, SIZE), 1);
	assert_int_equal(taken[0].id, id);
	assert_int_equal(taken[0].gpa, gpa);
	assert_int_equal(taken[0].len, len);
	assert_int_equal(taken[0].flags, flags);
}

/* Chains and tables as they should be: linked to the last, and what the device sees first. */
static void
test_chain(void **state)
{
	const struct chain_piece pieces[] = {{100, 1, 0}, {200, 2, 0}, {300, 3, SPLIT_DESC_WRITE}};
	struct device_buffer taken[SIZE];
	struct world *world = world_create(false, false);
	struct split_ring *split = &world->queue.ring.split;

	(void)state;
	split_chain(split, 4, pieces, 3);
	split_publish_check(world, 4, 100, 1, SPLIT_DESC_NEXT);
	assert_int_equal(split->desc[4].next, 5);
	assert_int_equal(split->desc[6].flags, SPLIT_DESC_WRITE);
	struct split_desc table[3];
	split_chain_indirect(split, 1, table, 0x1234, pieces, 3);
	split_publish_check(world, 1, 0x1234, 48, SPLIT_DESC_INDIRECT);
	assert_int_equal(table[1].next, 2);
	assert_int_equal(table[1].flags, SPLIT_DESC_NEXT);
	world_destroy(world);

	world = world_create(true, false);
	struct packed_ring *packed = &world->queue.ring.packed;
	struct packed_desc packed_table[3];
	packed_chain(packed, 2, pieces, 3);
	packed_chain_indirect(packed, 1, packed_table, 0x1234, pieces, 3);
	assert_int_equal(device_model_take(&world->model, taken, SIZE), 4);
	assert_int_equal(taken[2].gpa, 300);
	assert_int_equal(taken[2].id, 2);
	assert_int_equal(taken[2].flags & PACKED_DESC_NEXT, 0);
	assert_int_equal(taken[1].flags & PACKED_DESC_NEXT, PACKED_DESC_NEXT);
	assert_int_equal(taken[3].len, 48);
	assert_int_equal(packed_table[2].flags, PACKED_DESC_WRITE);
	world_destroy(world);
}

static void
test_packed_base(void **state)
{
	struct world *world = world_create(true, false);

	(void)state;
	/* Spec, VHOST_USER_SET_VRING_BASE for packed: both wrap counters start at 1. */
	assert_int_equal(packed_ring_base(&world->queue.ring.packed), 0x80008000u);
	post(world, 0, 3);
	assert_int_equal(packed_ring_base(&world->queue.ring.packed), 0x80008003u);
	world_destroy(world);
}

static void
test_memory(void **state)
{
	struct memory memory;

	(void)state;
	assert_int_equal(memory_init(&memory, 5000, MEMORY_HUGE_IF_FREE, NULL), 0);
	uint8_t *first = memory_alloc(&memory, 10, 64);
	uint8_t *second = memory_alloc(&memory, 10, 64);
	assert_int_equal(second - first, 64);
	assert_ptr_equal(memory_at(&memory, memory_gpa(&memory, second), 10), second);
	assert_null(memory_at(&memory, MEMORY_GPA + memory.size - 1, 2));
	assert_null(memory_at(&memory, MEMORY_GPA - 1, 1));
	assert_null(memory_at(&memory, MEMORY_GPA + 1, UINT64_MAX));
	assert_null(memory_alloc(&memory, memory.size, 1));
	memory_fini(&memory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_kick),
		cmocka_unit_test(test_lazy_kick),
		cmocka_unit_test(test_raw_chain),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_packed_base),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
