/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kicks and calls: a driver that arms and disarms at any point is never left asleep, is not called
 * when it has asked for peace, and is told not to kick a switch that polls.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/role.h"
#include "datapath/core/eal_test.h"
#include "ports/vhost/vq.h"
#include "ports/vhost/vq_test_guest.h"

#define ROUNDS 30000
#define LOOKS_MAX 64 /* bursts after which a lazy call must have been made */

/* 2.8.14 */
#define EVENT_ENABLE 0
#define EVENT_DISABLE 1
#define EVENT_DESC 2

struct driver {
	const struct vq_ops *ops;
	struct vm vm;
	struct model_ring *ring;
	struct vq *vq;
	int fd;
	uint64_t random;
	uint64_t calls; /* read from the descriptor */
	bool asleep;
	bool armed;
	uint16_t patience; /* asleep until more than so many buffers are used */
	uint16_t uncollected; /* used since the driver looked last */
	unsigned int idle; /* looks since then without a call */
};

#define must(driver, cond, rule) model_must(&(driver)->vm.memory, cond, rule)

static void
begin(struct driver *driver, const struct vq_ops *ops, const struct model_conf *conf, bool receives)
{
	memset(driver, 0, sizeof(*driver));
	driver->ops = ops;
	driver->random = random_seed();
	vm_init(&driver->vm, conf, driver->random);
	model_case(&driver->vm.memory, "%s, %s, %s%s%s, size %u, seed %llu", ops->name,
		conf->packed ? "packed" : "split", receives ? "tx" : "rx",
		conf->event_idx ? ", event index" : "",
		(conf->flags & VQ_LAZY_CALL) != 0 ? ", lazy" : "", conf->size,
		(unsigned long long)driver->random);
	driver->ring = receives ? &driver->vm.takes : &driver->vm.sends;
	driver->vq = receives ? &driver->vm.tx : &driver->vm.rx;
	driver->fd = eventfd(0, EFD_NONBLOCK);
	must(driver, driver->fd >= 0, "there is a descriptor");
	driver->ring->view.call = driver->fd;
}

static void
end(struct driver *driver)
{
	vm_fini(&driver->vm);
	close(driver->fd);
}

/* --- the driver ------------------------------------------------------------------------------- */

static void
post(struct driver *driver)
{
	/* Where the bytes are does not matter here: all in one place. */
	const struct model_piece piece = {driver->vm.arena, 100};

	for (uint32_t n = random_below(&driver->random, 8); n > 0; n--) {
		(void)model_post(driver->ring, &piece, 1, MODEL_DIRECT);
	}
	model_publish(driver->ring);
}

static void
put_event(struct driver *driver, uint16_t event, uint16_t flags)
{
	struct model_ring *ring = driver->ring;

	if (ring->conf.packed) {
		model_put16(&driver->vm.memory, ring->avail, event);
		model_put16(&driver->vm.memory, ring->avail + 2, flags);
	} else if (ring->conf.event_idx) {
		model_put16(&driver->vm.memory, ring->avail + 4 + 2U * ring->conf.size, event);
	} else {
		model_put16(&driver->vm.memory, ring->avail, flags == EVENT_DISABLE);
	}
}

/* 2.7.7, 2.8.14: call me when this many more have been used, and the next one. */
static void
arm(struct driver *driver, uint16_t patience)
{
	const struct model_ring *ring = driver->ring;
	uint32_t slot = (uint32_t)ring->next_used + patience;
	bool wrap = ring->used_wrap;

	if (!ring->conf.packed) {
		put_event(driver, (uint16_t)slot, EVENT_ENABLE);
		return;
	}
	if (slot >= ring->conf.size) {
		slot -= ring->conf.size;
		wrap = !wrap;
	}
	put_event(driver, (uint16_t)(slot | (wrap ? 0x8000U : 0U)),
		ring->conf.event_idx ? EVENT_DESC : EVENT_ENABLE);
}

static void
disarm(struct driver *driver)
{
	/* With an event index there is no "never": one that has just passed is far away. */
	put_event(driver, (uint16_t)(driver->ring->next_used - 1), EVENT_DISABLE);
	driver->armed = false;
}

static uint16_t
collect(struct driver *driver)
{
	uint32_t written;
	uint16_t n = 0;

	for (;;) {
		struct model_buf *buf = model_collect(driver->ring, &written);

		if (buf == NULL) {
			driver->uncollected = 0;
			return n;
		}
		model_buf_free(buf);
		n++;
	}
}

/* Ask for a call, look once more, sleep if nothing has come. */
static void
go_to_sleep(struct driver *driver)
{
	const bool delays = driver->ring->conf.event_idx && random_below(&driver->random, 2) == 0;
	const uint32_t posted = driver->ring->n_posted;

	(void)collect(driver);
	driver->patience =
		delays && posted > 1 ? (uint16_t)random_below(&driver->random, posted / 2 + 1) : 0;
	if (driver->patience >= driver->ring->conf.size) {
		driver->patience = 0;
	}
	arm(driver, driver->patience);
	driver->armed = true;
	driver->asleep = true; /* one thread: nothing can have come since */
	driver->idle = 0;
}

static uint64_t
read_calls(struct driver *driver)
{
	uint64_t n = 0;

	if (read(driver->fd, &n, sizeof(n)) != sizeof(n)) {
		n = 0;
	}
	driver->calls += n;
	must(driver, driver->calls == driver->vq->stats.calls, "calls are counted");
	return n;
}

/* --- the device ------------------------------------------------------------------------------- */

static uint16_t
receive(struct driver *driver)
{
	struct vm *vm = &driver->vm;
	struct pkt pkts[PKT_BURST];
	const uint16_t max = (uint16_t)(1 + random_below(&driver->random, 6));
	const uint16_t n = driver->ops->rx(&vm->rx, &vm->sends.view, pkts, max, NULL, &vm->count);

	driver->ops->release(&vm->rx, &vm->sends.view, pkts, n);
	return n;
}

static uint16_t
transmit(struct driver *driver)
{
	static uint8_t head[60];
	struct vm *vm = &driver->vm;
	struct pkt pkt = {.head = head, .len = 60, .head_len = 60};
	struct tx_item items[6];
	const uint16_t n = (uint16_t)(1 + random_below(&driver->random, 6));
	const uint64_t before = vm->count.tx_packets;

	for (uint16_t i = 0; i < n; i++) {
		pkt_item(&pkt, &items[i]);
	}
	driver->ops->tx(&vm->tx, &vm->takes.view, items, n, &vm->count);
	return (uint16_t)(vm->count.tx_packets - before);
}

/* What the driver must have heard by now. */
static void
check_wake(struct driver *driver, bool lazy)
{
	const uint64_t calls = read_calls(driver);
	const bool due = driver->uncollected > driver->patience;

	if (driver->asleep && due && calls == 0) {
		must(driver, lazy && ++driver->idle <= LOOKS_MAX, "a driver is not left asleep");
		return;
	}
	if (!driver->armed && !driver->ring->conf.event_idx) {
		must(driver, calls == 0, "a driver that wants no call gets none");
	}
	if (driver->asleep && !due && !lazy) { /* lazy: it may be for what came before */
		must(driver, calls == 0, "a patient driver is not called early");
	}
	/* Lazy: one for what was used before, one for what was used now. */
	must(driver, calls <= (lazy ? 2 : 1), "a call is made once");
	if (driver->asleep && calls > 0) {
		driver->asleep = false;
		(void)collect(driver);
		disarm(driver);
	}
}

/* Would the driver kick for what it has made available since `old`? 2.7.10, 2.8.14 */
static bool
would_kick(const struct driver *driver, uint16_t old)
{
	const struct model_ring *ring = driver->ring;
	const struct model_memory *memory = &driver->vm.memory;
	const uint16_t now = ring->next_avail;
	uint16_t event;

	if (ring->conf.packed) {
		return model_get16(memory, ring->used + 2) != EVENT_DISABLE;
	}
	if (!ring->conf.event_idx) {
		return (model_get16(memory, ring->used) & 1) == 0;
	}
	must(driver, model_get16(memory, ring->used) == 0, "with an event index, flags are 0");
	event = model_get16(memory, ring->used + 4 + 8U * ring->conf.size);
	return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

static void
run(const struct vq_ops *ops, const struct model_conf *conf, bool receives)
{
	static struct driver driver;
	const bool lazy = (conf->flags & VQ_LAZY_CALL) != 0;
	uint64_t moved = 0;
	uint64_t slept = 0;

	begin(&driver, ops, conf, receives);
	ops->look(driver.vq, &driver.ring->view); /* a ring that begins owes one */
	must(&driver, read_calls(&driver) == 1, "who takes over a ring calls its driver");
	disarm(&driver);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		const uint16_t old = driver.ring->next_avail;

		switch (random_below(&driver.random, 8)) {
		case 0:
		case 1:
			post(&driver);
			if (moved > 0 && driver.ring->next_avail != old) {
				must(&driver, !would_kick(&driver, old), "who polls needs no kick");
			}
			break;
		case 2:
			if (!driver.asleep) {
				(void)collect(&driver);
			}
			break;
		case 3:
			if (!driver.asleep) {
				go_to_sleep(&driver);
				slept++;
			}
			break;
		case 4:
			if (!driver.asleep) {
				disarm(&driver);
			}
			break;
		default: {
			const uint16_t n = receives ? transmit(&driver) : receive(&driver);

			moved += n;
			driver.uncollected = (uint16_t)(driver.uncollected + n);
			ops->look(driver.vq, &driver.ring->view);
			check_wake(&driver, lazy);
			break;
		}
		}
	}
	must(&driver, driver.vq->fault == VQ_FAULT_NONE, "no fault");
	must(&driver, slept > ROUNDS / 100 && moved > ROUNDS / 10, "the test tests something");
	must(&driver, driver.calls > 0 && driver.calls <= moved, "calls are no more than buffers");
	end(&driver);
}

static void
run_all(bool packed, bool lazy)
{
	static const uint16_t sizes[] = {1, 4, 64, 256};
	const struct vq_ops *ops[VM_OPS_MAX];
	const unsigned int n = vm_ops(ops);

	for (unsigned int i = 0; i < 16 * n; i++) {
		const struct model_conf conf = {.packed = packed,
			.event_idx = i % 2 == 1,
			.size = sizes[i / 4 % 4] - (packed && sizes[i / 4 % 4] > 1),
			.hdr_len = VQ_HDR_MAX,
			.flags = lazy ? VQ_LAZY_CALL : 0};

		run(ops[i / 16], &conf, i / 2 % 2 == 1);
	}
}

static void
test_split(void **state)
{
	(void)state;
	run_all(false, false);
}

static void
test_split_lazy(void **state)
{
	(void)state;
	run_all(false, true);
}

static void
test_packed(void **state)
{
	(void)state;
	run_all(true, false);
}

static void
test_packed_lazy(void **state)
{
	(void)state;
	run_all(true, true);
}

/* Nobody to call: nothing is written, nothing counted. */
static void
test_no_descriptor(void **state)
{
	const struct model_conf conf = {.size = 64, .hdr_len = VQ_HDR_MAX};
	const struct vq_ops *ops = vq_ops_select();
	static struct driver driver;

	(void)state;
	begin(&driver, ops, &conf, true);
	driver.ring->view.call = -1;
	for (unsigned int i = 0; i < 100; i++) {
		post(&driver);
		(void)transmit(&driver);
		(void)collect(&driver);
	}
	must(&driver, driver.vq->stats.calls == 0, "nobody is called");
	must(&driver, read_calls(&driver) == 0, "nobody is called");
	end(&driver);
}

/* QEMU tells whom to call after the ring has begun: what was used by then is not forgotten. */
static void
test_late_descriptor(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		const struct model_conf conf = {.packed = i / 2 == 1,
			.event_idx = i % 2 == 1,
			.size = 64,
			.hdr_len = VQ_HDR_MAX};
		const struct vq_ops *ops = vq_ops_select();
		static struct driver driver;
		int call;

		begin(&driver, ops, &conf, true);
		call = driver.ring->view.call;
		driver.ring->view.call = -1;
		post(&driver);
		(void)transmit(&driver);
		ops->look(driver.vq, &driver.ring->view);
		must(&driver, read_calls(&driver) == 0, "nobody is called");
		driver.ring->view.call = call;
		ops->look(driver.vq, &driver.ring->view);
		must(&driver, read_calls(&driver) == 1, "the call is made up for");
		ops->look(driver.vq, &driver.ring->view);
		must(&driver, read_calls(&driver) == 0, "a call is made once");
		end(&driver);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_split_lazy),
		cmocka_unit_test(test_packed),
		cmocka_unit_test(test_packed_lazy),
		cmocka_unit_test(test_no_descriptor),
		cmocka_unit_test(test_late_descriptor),
	};
	int failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return failed;
}
