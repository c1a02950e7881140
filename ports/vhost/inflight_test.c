/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The in-flight area: its layout, what is refused, and a packed ring whose device dies after each
 * single store, while its driver goes on.
 */
#include "ports/vhost/inflight.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/test_memfd.h"
#include "ports/vhost/guard.h"

#define RING 7 /* descriptors: no power of two */
#define WRAP 0x8000U
#define F_AVAIL (1U << 7)
#define F_USED (1U << 15)

static atomic_bool gone;

/* --- layout and sizes ------------------------------------------------------------------------ */

static struct inflight *
make(uint16_t rings, uint16_t size, bool packed, int *fd) ON_MAIN
{
	struct inflight *area = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(inflight_make(rings, size, packed, &gone, &area, fd, &err), 0);
	return area;
}

static void
test_layout(void **state)
{
	static uint8_t desc[256 * 16] __attribute__((aligned(16)));
	const uint8_t expect[32] = {
		[8] = 1,
		[11] = 1, /* version, and 256 descriptors */
		[16] = 1,
		[18] = 1, /* used_idx and old_used_idx */
		[20] = 1,
		[21] = 1, /* in the third lap */
	};
	const uint8_t expect_state[32] = {
		[6] = 3, [16] = 0x34, [17] = 0x12, [18] = 2, [20] = 0x40, [22] = 1};
	const uint8_t expect_desc[16] = {[8] = 0x40, [10] = 1, [12] = 0x34, [13] = 0x12, [14] = 2};
	const struct vq_inflight_used used = {
		.slot = 0xfe, .slots = 3, .id = 0x1234, .flags = 2, .len = 0x10040};
	const uint32_t base = 0xfe << 16 | 0xfe;
	struct vq_inflight *part;
	uint8_t header[32];
	struct inflight *area;
	struct stat st;
	int fd;

	(void)state;
	role_assert(&role_main);
	area = make(4, 256, false, &fd);
	assert_int_equal(area->desc.mmap_size, 4 * 4160); /* 16 + 256 * 16, to 64 */
	assert_int_equal(area->desc.mmap_offset, 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 4 * 4160);
	inflight_free(area);
	(void)close(fd);

	area = make(4, 256, true, &fd);
	assert_int_equal(area->desc.mmap_size, 4 * 8256); /* 32 + 256 * 32, to 64 */
	assert_ptr_equal(inflight_ring(area, 3, 256), area->area + 3 * 8256);
	assert_non_null(inflight_ring(area, 0, 17));
	assert_null(inflight_ring(area, 4, 256));
	assert_null(inflight_ring(area, 0, 257));
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);

	part = inflight_ring(area, 1, 256);
	/* Ring 1 begins at slot 0xfe of the second lap, and uses a buffer of 3. */
	assert_int_equal(inflight_resume(part, desc, 256, base), base);
	vq_inflight_put(part, &used);
	vq_inflight_commit(part, desc, &(struct vq_inflight_span){256, 0xfe, false, 3});
	assert_int_equal(pread(fd, header, 32, 8256), 32);
	assert_memory_equal(header, expect, 32);
	assert_int_equal(pread(fd, header, 32, 8256 + 32 + 0xfe * 32), 32);
	assert_memory_equal(header, expect_state, 32);
	assert_memory_equal(desc + 0xfe * 16, expect_desc, 16);
	inflight_free(area);
	inflight_free(NULL);
	(void)close(fd);
	assert_int_equal(guard_count(), 0);
}

static void
test_opens_what_it_made(void **state)
{
	static uint8_t desc[RING * 16] __attribute__((aligned(16)));
	const uint32_t base = (3 | WRAP) << 16 | 3 | WRAP;
	struct inflight *first;
	struct inflight *second = NULL;
	int fd;

	(void)state;
	role_assert(&role_main);
	first = make(2, RING, true, &fd);
	assert_int_equal(inflight_resume(inflight_ring(first, 1, RING), desc, RING, base), base);
	assert_int_equal(inflight_open(dup(fd), &first->desc, true, &gone, &second, NULL), 0);
	inflight_free(first);
	assert_int_equal(inflight_resume(inflight_ring(second, 1, RING), desc, RING, 0), base);
	/* Ring 0 never ran: its base is what counts. */
	assert_int_equal(inflight_resume(inflight_ring(second, 0, RING), desc, RING, 0), 0);
	inflight_free(second);
	(void)close(fd);
	assert_int_equal(guard_count(), 0);
}

struct refusal {
	struct inflight_desc desc;
	const char *text;
};

/* The file has 8192 bytes; 8 packed rings of 31 need them all. */
static const struct refusal refusals[] = {
	{{8192, 0, 0, 31}, "for 0 rings"},
	{{UINT64_MAX, 0, 257, 31}, "for 257 rings"},
	{{UINT64_MAX, 0, 65535, 31}, "for 65535 rings"},
	{{8192, 0, 8, 0}, "rings of 0 descriptors"},
	{{UINT64_MAX, 0, 1, 32769}, "rings of 32769 descriptors"},
	{{8191, 0, 8, 31}, "0x1fff bytes; 8 rings of 31 need 0x2000"},
	{{8192, 0, 8, 32}, "need 0x2200"},
	{{0, 0, 1, 1}, "0x0 bytes; 1 rings of 1 need 0x40"},
	{{8192, 8, 8, 31}, "ends at 0x2008"},
	{{16384, 0, 16, 31}, "ends at 0x4000"},
	{{8192, UINT64_MAX - 7, 8, 31}, "more than 64 bits"},
	{{64, 4, 1, 1}, "not a multiple of 8"},
};

static void
test_refused(void **state)
{
	const int file = test_memfd(8192, 0);
	const struct inflight_desc good = {8192, 0, 8, 31};
	const struct inflight_desc more = {UINT64_MAX, 64, 1, 1};
	struct inflight *area = NULL;
	struct err err = ERR_INIT;
	int fd = 0;

	(void)state;
	role_assert(&role_main);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		fd = dup(file);
		assert_true(inflight_open(fd, &refusals[i].desc, true, &gone, &area, &err) < 0);
		assert_non_null(strstr(err.text, refusals[i].text));
		assert_null(area);
		assert_int_equal(fcntl(fd, F_GETFD), -1);
	}
	assert_true(inflight_make(0, 256, true, &gone, &area, &fd, &err) < 0);
	assert_true(inflight_make(257, 256, true, &gone, &area, &fd, &err) < 0);
	assert_true(inflight_make(2, 0, true, &gone, &area, &fd, &err) < 0);
	assert_true(inflight_make(2, 32769, true, &gone, &area, &fd, &err) < 0);
	assert_int_equal(guard_count(), 0);
	/* What fits is taken, however much was announced: no more than is needed is mapped. */
	assert_int_equal(inflight_open(dup(file), &good, true, &gone, &area, &err), 0);
	inflight_free(area);
	assert_int_equal(inflight_open(dup(file), &more, true, &gone, &area, &err), 0);
	inflight_free(area);
	(void)close(file);
	assert_int_equal(guard_count(), 0);
}

/* --- a ring, and a device that dies ---------------------------------------------------------- */

/* A place in the ring, and the lap. */
struct place {
	uint16_t slot;
	bool wrap;
};

/* What the driver knows of the buffer that begins at a slot. */
struct buffer {
	uint16_t slots;
	uint16_t id;
	uint32_t len; /* that the device will say it has written */
};

/* The model of a ring: a driver that always makes all it can available. */
struct ring {
	uint8_t desc[RING * 16] __attribute__((aligned(16)));
	struct place avail; /* the driver's next */
	struct place seen; /* first that the driver has not found used */
	struct place used; /* the device's next, which dies with it */
	struct buffer buffers[RING];
	uint16_t held; /* slots that are available and not found used */
	unsigned int seed;
};

static uint16_t *
flags_of(struct ring *ring, uint16_t slot)
{
	return (uint16_t *)&ring->desc[slot * 16 + 14];
}

static void
step(struct place *place, uint16_t n)
{
	place->slot += n;
	if (place->slot >= RING) {
		place->slot -= RING;
		place->wrap = !place->wrap;
	}
}

/* The driver takes what has been used: is it what the device was to say? */
static void
driver_take(struct ring *ring)
{
	while (ring->held > 0) {
		const uint8_t *desc = &ring->desc[ring->seen.slot * 16];
		const struct buffer *buffer = &ring->buffers[ring->seen.slot];
		const uint16_t flags = *flags_of(ring, ring->seen.slot);
		uint32_t len;
		uint16_t id;

		if (((flags & F_AVAIL) != 0) != ring->seen.wrap ||
			((flags & F_USED) != 0) != ring->seen.wrap) {
			return;
		}
		memcpy(&len, desc + 8, sizeof(len));
		memcpy(&id, desc + 12, sizeof(id));
		assert_int_equal(len, buffer->len);
		assert_int_equal(id, buffer->id);
		assert_int_equal(flags & 2, 2);
		ring->held -= buffer->slots;
		step(&ring->seen, buffer->slots);
	}
}

/* Fill the ring with buffers of 1 to 3 slots. */
static void
driver_fill(struct ring *ring)
{
	while (ring->held < RING) {
		struct buffer *buffer = &ring->buffers[ring->avail.slot];
		uint16_t n = (uint16_t)(1 + rand_r(&ring->seed) % 3);

		if (n > RING - ring->held) {
			n = RING - ring->held;
		}
		*buffer = (struct buffer){n, (uint16_t)rand_r(&ring->seed), 0};
		buffer->len = (uint32_t)rand_r(&ring->seed);
		ring->held += n;
		for (; n > 0; n--) {
			memset(&ring->desc[ring->avail.slot * 16], 0xee, 14);
			*flags_of(ring, ring->avail.slot) = ring->avail.wrap ? F_AVAIL : F_USED;
			step(&ring->avail, 1);
		}
	}
}

/* Give back up to `max` buffers that are available, as the rings do. Returns how many. */
static unsigned int
device_batch(struct ring *ring, struct vq_inflight *part, unsigned int max)
{
	struct vq_inflight_span span = {RING, ring->used.slot, ring->used.wrap, 0};
	unsigned int n = 0;

	for (; n < max && span.n < RING; n++) {
		const uint16_t flags = *flags_of(ring, ring->used.slot);
		const struct buffer *buffer = &ring->buffers[ring->used.slot];

		if (((flags & F_AVAIL) != 0) != ring->used.wrap ||
			((flags & F_USED) != 0) == ring->used.wrap) {
			break;
		}
		vq_inflight_put(part,
			&(struct vq_inflight_used){
				ring->used.slot, buffer->slots, buffer->id, 2, buffer->len});
		span.n += buffer->slots;
		step(&ring->used, buffer->slots);
	}
	if (n > 0) {
		vq_inflight_commit(part, ring->desc, &span);
	}
	return n;
}

static uint32_t
base_of(const struct place *place)
{
	const uint32_t half = place->slot | (place->wrap ? WRAP : 0);

	return half << 16 | half;
}

/* --- every state of memory that a device can leave behind ------------------------------------ */

#define PART_SIZE (32 + RING * 32)
#define MOMENTS_MAX 256

struct moment {
	uint8_t desc[RING * 16];
	uint8_t part[PART_SIZE];
};

static struct moment moments[MOMENTS_MAX];
static unsigned int n_moments;
static const struct ring *watched_ring;
static const struct vq_inflight *watched_part;

/* After each instruction of what is watched: remember memory if it is another than before. */
static void
on_instruction(int number)
{
	struct moment *moment = &moments[n_moments];

	(void)number;
	memcpy(moment->desc, watched_ring->desc, sizeof(moment->desc));
	memcpy(moment->part, watched_part, sizeof(moment->part));
	if (n_moments == 0 || memcmp(moment, moment - 1, sizeof(*moment)) != 0) {
		n_moments++;
	}
	if (n_moments == MOMENTS_MAX) {
		abort();
	}
}

/* The CPU's trap flag, beyond the red zone: SIGTRAP after each instruction. */
static void
trap(bool on)
{
	if (on) {
		__asm__ volatile("sub $128, %%rsp; pushfq; orq $0x100, (%%rsp); popfq;"
				 "lea 128(%%rsp), %%rsp" ::
					 : "memory", "cc");
	} else {
		__asm__ volatile("sub $128, %%rsp; pushfq; andq $~0x100, (%%rsp); popfq;"
				 "lea 128(%%rsp), %%rsp" ::
					 : "memory", "cc");
	}
}

static unsigned int
watch_batch(struct ring *ring, struct vq_inflight *part, unsigned int max)
{
	unsigned int n;

	n_moments = 0;
	watched_ring = ring;
	watched_part = part;
	on_instruction(0);
	trap(true);
	n = device_batch(ring, part, max);
	trap(false);
	return n;
}

/*
 * The device has died at this moment of a batch; then the driver goes on, and a successor takes
 * over with a base that is long out of date. It begins with the first buffer that the driver still
 * waits for, and the ring goes round.
 */
static void
check_successor(
	const struct ring *before, struct vq_inflight *part, const struct moment *moment) ON_MAIN
{
	struct ring ring = *before;
	uint32_t found;

	memcpy(ring.desc, moment->desc, sizeof(ring.desc));
	memcpy(part, moment->part, sizeof(moment->part));
	driver_take(&ring);
	driver_fill(&ring);
	found = inflight_resume(part, ring.desc, RING, 0x80008000);
	driver_take(&ring);
	assert_int_equal(found, base_of(&ring.seen));
	ring.used = ring.seen;
	for (int turn = 0; turn < 8; turn++) {
		driver_fill(&ring);
		assert_true(device_batch(&ring, part, 3) > 0);
		driver_take(&ring);
		assert_int_equal(base_of(&ring.seen), base_of(&ring.used));
	}
}

/* A run of batches of up to `max` buffers; every tenth is watched, and its successors tried. */
static unsigned int
run(struct vq_inflight *part, unsigned int seed, unsigned int max) ON_MAIN
{
	struct ring ring = {.avail = {0, true}, .seen = {0, true}, .used = {0, true}, .seed = seed};
	const uint32_t base = base_of(&ring.used);
	struct moment last;
	unsigned int n = 0;

	memset(part, 0, PART_SIZE);
	assert_int_equal(inflight_resume(part, ring.desc, RING, base), base);
	for (int turn = 0; turn < 60; turn++) {
		struct ring before;

		driver_take(&ring);
		driver_fill(&ring);
		before = ring;
		if (turn % 10 != 9) {
			assert_true(device_batch(&ring, part, max) > 0);
			continue;
		}
		assert_true(watch_batch(&ring, part, max) > 0);
		memcpy(last.part, part, sizeof(last.part));
		for (unsigned int i = 0; i < n_moments; i++) {
			check_successor(&before, part, &moments[i]);
		}
		memcpy(part, last.part, sizeof(last.part));
		n += n_moments;
	}
	return n;
}

static void
test_crash_at_each_store(void **state)
{
	struct inflight *area;
	unsigned int n = 0;
	int fd;

	(void)state;
	role_assert(&role_main);
	assert_true(signal(SIGTRAP, on_instruction) != SIG_ERR);
	area = make(1, RING, true, &fd);
	for (unsigned int seed = 1; seed <= 2; seed++) {
		for (unsigned int max = 1; max <= RING; max++) {
			n += run(inflight_ring(area, 0, RING), seed, max);
		}
	}
	assert_true(n > 2 * 6 * RING * 8); /* a batch is at least eight stores */
	inflight_free(area);
	(void)close(fd);
}

/* Whatever the front end has written there: a place in the ring, or the base. */
static void
test_hostile_contents(void **state)
{
	static const struct {
		size_t at;
		uint16_t value;
	} writes[] = {
		{8, 2}, /* a version that is not known */
		{8, 0}, /* nothing is in it */
		{10, RING + 1}, /* another size */
		{10, 0},
		{16, RING}, /* beyond the ring */
		{16, 0xffff},
		{18, RING},
		{20, 0x0002}, /* a wrap counter of 2 */
		{20, 0xff00},
	};
	static struct {
		uint8_t desc[RING * 16] __attribute__((aligned(16)));
		uint8_t after[1024]; /* stays as it is */
	} ring;
	const uint32_t old = base_of(&(struct place){2, true});
	const uint32_t base = base_of(&(struct place){5, false});
	struct vq_inflight *part;
	struct inflight *area;
	unsigned int seed = 1;
	uint8_t bytes[PART_SIZE];
	int fd;

	(void)state;
	role_assert(&role_main);
	area = make(1, RING, true, &fd);
	part = inflight_ring(area, 0, RING);
	for (size_t i = 0; i < sizeof(writes) / sizeof(*writes); i++) {
		memset(part, 0, 32);
		assert_int_equal(inflight_resume(part, ring.desc, RING, old), old);
		assert_int_equal(inflight_resume(part, ring.desc, RING, base), old);
		memcpy((uint8_t *)part + writes[i].at, &writes[i].value, 2);
		assert_int_equal(inflight_resume(part, ring.desc, RING, base), base);
		/* And it is put right. */
		assert_int_equal(inflight_resume(part, ring.desc, RING, old), base);
	}
	for (int round = 0; round < 20000; round++) {
		const uint16_t slot = (uint16_t)(rand_r(&seed) % RING);
		uint32_t found;

		for (size_t i = 0; i < sizeof(bytes); i++) {
			bytes[i] = (uint8_t)(rand_r(&seed) % (i > 15 && i < 24 ? 2 : 256));
		}
		bytes[8] = 1;
		bytes[9] = 0;
		bytes[10] = RING;
		bytes[11] = 0;
		bytes[16] = (uint8_t)(rand_r(&seed) % (RING + 1));
		bytes[18] = (uint8_t)(rand_r(&seed) % (RING + 1));
		memcpy(part, bytes, sizeof(bytes));
		found = inflight_resume(part, ring.desc, RING, base);
		assert_true((found & 0x7fff) < RING);
		assert_int_equal(found & 0xffff, found >> 16);
		memcpy(part, bytes, sizeof(bytes));
		vq_inflight_commit(part, ring.desc,
			&(struct vq_inflight_span){RING, slot, round % 2 == 0,
				(uint16_t)(rand_r(&seed) % (RING + 2))});
	}
	for (size_t i = 0; i < sizeof(ring.after); i++) {
		assert_int_equal(ring.after[i], 0);
	}
	/* A base beyond the ring is the caller's to refuse, and is not noted. */
	memset(part, 0, 32);
	assert_int_equal(inflight_resume(part, ring.desc, RING, RING << 16), RING << 16);
	assert_int_equal(inflight_resume(part, ring.desc, RING, base), base);
	inflight_free(area);
	(void)close(fd);
}

static void
test_truncated(void **state)
{
	static uint8_t desc[RING * 16] __attribute__((aligned(16)));
	const struct inflight_desc what = {4096, 4096, 2, RING};
	const struct vq_inflight_used used = {.slot = 1, .slots = 2, .len = 9};
	const struct vq_inflight_span span = {RING, 1, true, 2};
	const int file = test_memfd(8192, 0);
	struct inflight *area = NULL;

	(void)state;
	role_assert(&role_main);
	atomic_store(&gone, false);
	assert_int_equal(inflight_open(dup(file), &what, true, &gone, &area, NULL), 0);
	assert_int_equal(ftruncate(file, 0), 0);
	vq_inflight_put(inflight_ring(area, 1, RING), &used);
	vq_inflight_commit(inflight_ring(area, 1, RING), desc, &span);
	assert_true(atomic_load(&gone));
	assert_int_equal(inflight_resume(inflight_ring(area, 0, RING), desc, RING, 3), 3);
	inflight_free(area);
	(void)close(file);
	assert_int_equal(guard_count(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_opens_what_it_made),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_crash_at_each_store),
		cmocka_unit_test(test_hostile_contents),
		cmocka_unit_test(test_truncated),
	};
	int ret;

	role_enter(&role_main);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	role_leave(&role_main);
	return ret;
}
