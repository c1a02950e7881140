/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/table/intern.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "datapath/core/eal_test.h"

#define SEED UINT64_C(0x1234567)

static int
teardown(void **state)
{
	intern_destroy(*state);
	*state = NULL;
	return 0;
}

static struct intern *
intern_of(void **state, uint32_t capacity, uint64_t seed)
{
	struct intern *intern;

	assert_int_equal(intern_create(capacity, seed, &intern), 0);
	*state = intern;
	return intern;
}

/* A string that `number` alone decides. */
static void
fill(uint64_t *words, uint32_t size, uint64_t number)
{
	for (uint32_t i = 0; i < size / 8; i++) {
		words[i] = number + i;
	}
}

static uint32_t
get(struct intern *intern, uint32_t size, uint64_t number)
{
	uint64_t words[INTERN_SIZE_MAX / 8];

	fill(words, size, number);
	return intern_get(intern, words, size);
}

static void
assert_is(const struct intern *intern, uint32_t id, uint32_t size, uint64_t number)
{
	uint64_t words[INTERN_SIZE_MAX / 8];
	const void *bytes = intern_bytes(intern, id);

	fill(words, size, number);
	assert_int_equal((uintptr_t)bytes % 8, 0);
	assert_memory_equal(bytes, words, size);
}

static void
test_create(void **state)
{
	struct intern *intern;

	(void)state;
	assert_int_equal(intern_create(0, 1, &intern), -EINVAL);
	assert_int_equal(intern_create((1U << 24) + 1, 1, &intern), -EINVAL);
	intern_destroy(NULL);
}

static void
test_same_string_same_number(void **state)
{
	struct intern *intern = intern_of(state, 100, SEED);
	uint32_t id = get(intern, 24, 5);

	assert_int_not_equal(id, INTERN_NONE);
	assert_int_equal(get(intern, 24, 5), id);
	assert_int_equal(intern_count(intern), 1);
	assert_int_not_equal(get(intern, 24, 6), id);
	assert_int_not_equal(get(intern, 32, 5), id); /* it begins with the first */
	assert_int_not_equal(get(intern, 16, 5), id);
	assert_int_equal(intern_count(intern), 4);
	assert_is(intern, id, 24, 5);
}

static void
test_references(void **state)
{
	struct intern *intern = intern_of(state, 1, SEED);
	uint32_t id = get(intern, 8, 1);

	assert_int_equal(get(intern, 8, 1), id);
	intern_hold(intern, id);
	intern_put(intern, id);
	intern_put(intern, id);
	assert_int_equal(intern_count(intern), 1);
	assert_is(intern, id, 8, 1);
	assert_int_equal(get(intern, 8, 2), INTERN_NONE); /* the one cell is taken */
	intern_put(intern, id);
	assert_int_equal(intern_count(intern), 0);
	id = get(intern, 8, 2);
	assert_int_not_equal(id, INTERN_NONE);
	assert_is(intern, id, 8, 2);
}

/* Each size of cell has room of its own, filled to the last byte and to the last cell. */
static void
test_sizes(void **state)
{
	enum { CAPACITY = 3 };
	struct intern *intern = intern_of(state, CAPACITY, SEED);
	uint32_t ids[INTERN_SIZE_MAX / 8][CAPACITY];
	uint32_t n = 0;

	for (uint32_t size = 48; size <= INTERN_SIZE_MAX; size += 64) {
		for (uint32_t i = 0; i < CAPACITY; i++) {
			ids[n][i] = get(intern, size, i);
			assert_int_not_equal(ids[n][i], INTERN_NONE);
		}
		assert_int_equal(get(intern, size, CAPACITY), INTERN_NONE);
		assert_int_equal(get(intern, size - 40, CAPACITY), INTERN_NONE);
		n++;
	}
	assert_int_not_equal(get(intern, INTERN_SIZE_MAX, 0), INTERN_NONE);
	assert_int_equal(intern_count(intern), n * CAPACITY + 1);
	n = 0;
	for (uint32_t size = 48; size <= INTERN_SIZE_MAX; size += 64, n++) {
		for (uint32_t i = 0; i < CAPACITY; i++) {
			assert_is(intern, ids[n][i], size, i);
			intern_put(intern, ids[n][i]);
		}
	}
	assert_int_equal(intern_count(intern), 1);
}

/* All of the largest capacity is in address space; memory is what was touched. */
static void
test_memory(void **state)
{
	struct intern *intern = intern_of(state, 1U << 24, SEED);
	const size_t empty = intern_memory(intern);
	size_t full;
	uint32_t ids[64];

	assert_true(empty < 16384);
	for (uint32_t i = 0; i < ARRAY_LEN(ids); i++) {
		ids[i] = get(intern, 48, i);
	}
	/* A page of cells, and at most one of the index for each. */
	full = intern_memory(intern);
	assert_in_range(full - empty, 4096 + 4096, 4096 + 64 * 4096);
	for (unsigned int round = 0; round < 1000; round++) {
		for (uint32_t i = 0; i < ARRAY_LEN(ids); i++) {
			intern_put(intern, ids[i]);
		}
		for (uint32_t i = 0; i < ARRAY_LEN(ids); i++) {
			ids[i] = get(intern, 48, i);
		}
	}
	assert_int_equal(intern_memory(intern), full);
	assert_int_equal(get(intern, INTERN_SIZE_MAX, 7) == INTERN_NONE, false);
	assert_true(intern_memory(intern) > full);
}

/* 32 bits of a hash are kept: of so many strings some twenty share theirs with another. */
static void
test_equal_hashes(void **state)
{
	enum { N = 400000 };
	struct intern *intern = intern_of(state, N, SEED);
	uint32_t id;

	for (uint64_t i = 0; i < N; i++) {
		id = intern_get(intern, &i, sizeof(i));
		assert_memory_equal(intern_bytes(intern, id), &i, sizeof(i));
	}
	assert_int_equal(intern_count(intern), N);
}

static void
test_any_alignment(void **state)
{
	struct intern *intern = intern_of(state, 4, SEED);
	uint8_t bytes[48 + 8];
	uint32_t id;

	for (unsigned int i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)i;
	}
	for (unsigned int at = 0; at < 8; at++) {
		id = intern_get(intern, bytes + at, 40);
		assert_memory_equal(intern_bytes(intern, id), bytes + at, 40);
		memmove(bytes + 8, bytes + at, 40);
		assert_int_equal(intern_get(intern, bytes + 8, 40), id);
		intern_put(intern, id);
		intern_put(intern, id);
		for (unsigned int i = 0; i < sizeof(bytes); i++) {
			bytes[i] = (uint8_t)i;
		}
	}
}

/* --- against a list -------------------------------------------------------------------------- */

#define MODEL_MAX 512

struct known {
	uint32_t id;
	uint32_t size;
	uint64_t number;
	uint32_t refs;
	const void *bytes;
};

struct world {
	struct intern *intern;
	uint64_t random;
	uint32_t capacity;
	uint32_t n;
	struct known known[MODEL_MAX];
};

static unsigned int
cell_units(uint32_t size)
{
	return (size + 16 + 63) / 64;
}

static struct known *
find(struct world *w, uint32_t size, uint64_t number)
{
	for (uint32_t i = 0; i < w->n; i++) {
		if (w->known[i].size == size && w->known[i].number == number) {
			return &w->known[i];
		}
	}
	return NULL;
}

static void
check_new(struct world *w, uint32_t id, uint32_t size, uint64_t number)
{
	uint32_t of_size = 0;

	for (uint32_t i = 0; i < w->n; i++) {
		of_size += cell_units(w->known[i].size) == cell_units(size);
		assert_int_not_equal(w->known[i].id, id);
	}
	assert_true((id == INTERN_NONE) == (of_size == w->capacity));
	if (id != INTERN_NONE) {
		assert_true(w->n < MODEL_MAX);
		w->known[w->n++] = (struct known){
			.id = id,
			.size = size,
			.number = number,
			.refs = 1,
			.bytes = intern_bytes(w->intern, id),
		};
	}
}

static void
step_get(struct world *w)
{
	static const uint16_t sizes[] = {8, 16, 48, 56, 64, 112, 120, 2000, 2032, 2040, 2048};
	const uint32_t size = sizes[random_below(&w->random, ARRAY_LEN(sizes))];
	const uint64_t number = random_below(&w->random, w->capacity + 5);
	struct known *known = find(w, size, number);
	const uint32_t id = get(w->intern, size, number);

	if (known == NULL) {
		check_new(w, id, size, number);
	} else {
		assert_int_equal(id, known->id);
		known->refs++;
	}
}

static void
step_hold_or_put(struct world *w)
{
	const uint32_t i = w->n == 0 ? 0 : random_below(&w->random, w->n);
	struct known *known = &w->known[i];

	if (w->n == 0) {
		return;
	}
	assert_ptr_equal(intern_bytes(w->intern, known->id), known->bytes);
	assert_is(w->intern, known->id, known->size, known->number);
	if (random_below(&w->random, 3) == 0) {
		intern_hold(w->intern, known->id);
		known->refs++;
		return;
	}
	intern_put(w->intern, known->id);
	if (--known->refs == 0) {
		*known = w->known[--w->n];
	}
}

/* Capacity 1 has one chain, which all strings are in. */
static void
test_model(void **state)
{
	static struct world w;
	const uint64_t seed = random_seed();

	print_message("# VSW_SEED=%llu\n", (unsigned long long)seed);
	for (unsigned int run = 0; run < 40; run++) {
		memset(&w, 0, sizeof(w));
		w.random = seed + run;
		w.capacity = 1 + random_below(&w.random, 40) * (run % 4 != 0);
		w.intern = intern_of(state, w.capacity, w.random);
		for (unsigned int i = 0; i < 10000; i++) {
			/* Fill for a while, then empty. */
			if (random_below(&w.random, 8) < (i % 2000 < 1000 ? 5U : 2U)) {
				step_get(&w);
			} else {
				step_hold_or_put(&w);
			}
			assert_int_equal(intern_count(w.intern), w.n);
		}
		teardown(state);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test_teardown(test_same_string_same_number, teardown),
		cmocka_unit_test_teardown(test_references, teardown),
		cmocka_unit_test_teardown(test_sizes, teardown),
		cmocka_unit_test_teardown(test_memory, teardown),
		cmocka_unit_test_teardown(test_equal_hashes, teardown),
		cmocka_unit_test_teardown(test_any_alignment, teardown),
		cmocka_unit_test_teardown(test_model, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
