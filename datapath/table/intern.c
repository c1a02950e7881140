/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A cell is a multiple of CELL_UNIT bytes, its first 16 the struct cell; the string follows, so
 * what is read of a short one is in the line that its count is in. A number is the cell's size and
 * its index.
 */
#include "datapath/table/intern.h"

#include <assert.h>
#include <errno.h>
#include <rte_branch_prediction.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/table/pages.h"
#include "datapath/table/secret.h"

#define CELL_UNIT 64U
#define CAPACITY_MAX (1U << 24)
#define INDEX_BITS 24
#define ROOMS ((INTERN_SIZE_MAX + sizeof(struct cell) - 1) / CELL_UNIT + 1)
#define PAGE 4096U /* what memory is counted in */
#define HEADS_A_PAGE (PAGE / (uint32_t)sizeof(uint32_t))

struct cell {
	uint32_t refs; /* 0: free */
	uint32_t next; /* number of the next of the chain; free: of the next free one */
	uint32_t hash;
	uint32_t size; /* of the string */
	uint64_t words[];
};
static_assert(sizeof(struct cell) == 16, "part of each cell");
static_assert(INTERN_SIZE_MAX % sizeof(uint64_t) == 0, "whole words");

/* Cells of one size. */
struct room {
	uint8_t *cells;
	uint32_t n_fresh; /* cells that were ever used */
	uint32_t free; /* number of a cell, or INTERN_NONE */
};

struct intern {
	uint32_t *heads; /* of chains: numbers */
	uint32_t mask;
	uint32_t capacity;
	uint32_t count; /* atomic */
	uint8_t *pages;
	size_t pages_size;
	size_t memory; /* atomic */
	struct room rooms[ROOMS];
	uint64_t keys[INTERN_SIZE_MAX / sizeof(uint64_t)];
	uint64_t finish[2];
	uint64_t touched[CAPACITY_MAX / HEADS_A_PAGE / 64]; /* pages of heads, a bit each */
};
static_assert(ROOMS < 1U << (32 - INDEX_BITS), "a number names a room, from 1");
static_assert(INTERN_SIZE_MAX / sizeof(uint64_t) % 2 == 0, "no word of the keys more");

/* --- create, destroy ------------------------------------------------------------------------- */

static size_t
cell_size(unsigned int room)
{
	return (room + 1) * (size_t)CELL_UNIT;
}

static size_t
whole_pages(size_t size)
{
	return (size + PAGE - 1) / PAGE * PAGE;
}

static size_t
heads_size(const struct intern *intern)
{
	return ((size_t)intern->mask + 1) * sizeof(uint32_t);
}

int
intern_create(uint32_t capacity, uint64_t seed, struct intern **out)
{
	struct intern *intern;
	uint8_t *at;

	if (capacity < 1 || capacity > CAPACITY_MAX) {
		return -EINVAL;
	}
	intern = calloc(1, sizeof(*intern));
	if (intern == NULL) {
		return -ENOMEM;
	}
	intern->capacity = capacity;
	intern->mask = capacity == 1 ? 0 : UINT32_MAX >> __builtin_clz(capacity - 1);
	intern->memory = sizeof(*intern);
	for (unsigned int i = 0; i < ROOMS; i++) {
		intern->pages_size += whole_pages(capacity * cell_size(i));
	}
	intern->pages = pages_alloc(intern->pages_size);
	intern->heads = pages_alloc(heads_size(intern));
	if (intern->pages == NULL || intern->heads == NULL) {
		intern_destroy(intern);
		return -ENOMEM;
	}
	at = intern->pages;
	for (unsigned int i = 0; i < ROOMS; i++) {
		intern->rooms[i].cells = at;
		at += whole_pages(capacity * cell_size(i));
	}
	for (size_t i = 0; i < sizeof(intern->keys) / sizeof(intern->keys[0]); i++) {
		intern->keys[i] = secret_next(&seed);
	}
	intern->finish[0] = secret_next(&seed);
	intern->finish[1] = secret_next(&seed);
	*out = intern;
	return 0;
}

void
intern_destroy(struct intern *intern)
{
	if (intern != NULL) {
		pages_free(intern->pages, intern->pages_size);
		pages_free(intern->heads, heads_size(intern));
		free(intern);
	}
}

/* --- cells ----------------------------------------------------------------------------------- */

static unsigned int
room_of(uint32_t size)
{
	return (unsigned int)((size + sizeof(struct cell) - 1) / CELL_UNIT);
}

static struct cell *
cell_at(const struct intern *intern, uint32_t id)
{
	const uint32_t room = (id >> INDEX_BITS) - 1; /* INTERN_NONE is in none */
	const uint32_t index = id & ((1U << INDEX_BITS) - 1);

	assert(room < ROOMS && index < intern->rooms[room].n_fresh);
	return (struct cell *)(void *)(intern->rooms[room].cells + index * cell_size(room));
}

/* One that somebody holds. */
static struct cell *
cell_live(const struct intern *intern, uint32_t id)
{
	struct cell *cell = cell_at(intern, id);

	assert(cell->refs > 0);
	return cell;
}

static void
count_memory(struct intern *intern, size_t more)
{
	__atomic_store_n(&intern->memory, intern->memory + more, __ATOMIC_RELAXED);
}

/* INTERN_NONE: all are taken. */
static uint32_t
cell_take(struct intern *intern, unsigned int number)
{
	struct room *room = &intern->rooms[number];
	const size_t size = cell_size(number);
	uint32_t id = room->free;

	if (id != INTERN_NONE) {
		room->free = cell_at(intern, id)->next;
	} else if (room->n_fresh < intern->capacity) {
		id = (number + 1) << INDEX_BITS | room->n_fresh;
		count_memory(intern,
			whole_pages((room->n_fresh + 1) * size) -
				whole_pages(room->n_fresh * size));
		room->n_fresh++;
	}
	return id;
}

static void
cell_give(struct intern *intern, uint32_t id, struct cell *cell)
{
	struct room *room = &intern->rooms[room_of(cell->size)];

	cell->next = room->free;
	room->free = id;
}

/* --- strings --------------------------------------------------------------------------------- */

static void
chain_put(struct intern *intern, uint32_t id, struct cell *cell)
{
	const uint32_t head = cell->hash & intern->mask;
	const uint32_t page = head / HEADS_A_PAGE;

	if ((intern->touched[page / 64] >> page % 64 & 1) == 0) {
		intern->touched[page / 64] |= UINT64_C(1) << page % 64;
		count_memory(intern, PAGE);
	}
	cell->next = intern->heads[head];
	intern->heads[head] = id;
}

static void
chain_take(struct intern *intern, uint32_t id, const struct cell *cell)
{
	uint32_t *link = &intern->heads[cell->hash & intern->mask];

	while (*link != id) {
		link = &cell_at(intern, *link)->next;
	}
	*link = cell->next;
}

static void
set_count(struct intern *intern, uint32_t count)
{
	__atomic_store_n(&intern->count, count, __ATOMIC_RELAXED);
}

static uint32_t
string_new(struct intern *intern, const void *bytes, uint32_t size, uint32_t hash)
{
	const uint32_t id = cell_take(intern, room_of(size));
	struct cell *cell;

	if (unlikely(id == INTERN_NONE)) {
		return INTERN_NONE;
	}
	cell = cell_at(intern, id);
	cell->refs = 1;
	cell->hash = hash;
	cell->size = size;
	memcpy(cell->words, bytes, size);
	chain_put(intern, id, cell);
	set_count(intern, intern->count + 1);
	return id;
}

uint32_t
intern_get(struct intern *intern, const void *bytes, uint32_t size)
{
	uint32_t hash;

	assert(size >= sizeof(uint64_t) && size <= INTERN_SIZE_MAX && size % sizeof(uint64_t) == 0);
	hash = (uint32_t)secret_finish(
		intern->finish, secret_sum(intern->keys, bytes, size / sizeof(uint64_t)));
	for (uint32_t id = intern->heads[hash & intern->mask]; id != INTERN_NONE;) {
		struct cell *cell = cell_at(intern, id);

		if (cell->hash == hash && cell->size == size &&
			memcmp(cell->words, bytes, size) == 0) {
			intern_hold(intern, id);
			return id;
		}
		id = cell->next;
	}
	return string_new(intern, bytes, size, hash);
}

void
intern_hold(struct intern *intern, uint32_t id)
{
	struct cell *cell = cell_live(intern, id);

	assert(cell->refs < UINT32_MAX);
	cell->refs++;
}

void
intern_put(struct intern *intern, uint32_t id)
{
	struct cell *cell = cell_live(intern, id);

	if (--cell->refs == 0) {
		chain_take(intern, id, cell);
		cell_give(intern, id, cell);
		set_count(intern, intern->count - 1);
	}
}

const void *
intern_bytes(const struct intern *intern, uint32_t id)
{
	return cell_live(intern, id)->words;
}

/* --- any thread ------------------------------------------------------------------------------ */

uint32_t
intern_count(const struct intern *intern)
{
	return __atomic_load_n(&intern->count, __ATOMIC_RELAXED);
}

size_t
intern_memory(const struct intern *intern)
{
	return __atomic_load_n(&intern->memory, __ATOMIC_RELAXED);
}
