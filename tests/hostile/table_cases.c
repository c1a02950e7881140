/* SPDX-License-Identifier: BSD-3-Clause */
/* Indirect tables that break the rules of virtio 1.2, sections 2.7.5.3 and 2.8.7. */
#include <string.h>
#include <unistd.h>

#include "tests/hostile/attack.h"
#include "tests/hostile/cases.h"

#define WRITE SPLIT_DESC_WRITE

/* One descriptor that says it is a table: where, how long, and flags beside INDIRECT. */
static bool
one_table(struct attack *attack, unsigned int flags, unsigned int ring, uint64_t gpa, uint32_t len,
	uint16_t more)
{
	const struct chain_piece piece = {
		.gpa = gpa, .len = len, .flags = (uint16_t)(SPLIT_DESC_INDIRECT | more)};

	(void)flags;
	attack_put(attack, ring, &piece, 1, NULL);
	(void)usleep(ring == 0 ? 50000 : 8000);
	return true;
}

static bool
tables(struct attack *attack, unsigned int flags)
{
	for (unsigned int i = 0; i < 12; i++) {
		if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
			return false;
		}
		const unsigned int ring = i % 2;
		const uint64_t table = memory_gpa(&attack->fe.memory, attack->scratch);
		const uint64_t end = MEMORY_GPA + attack->fe.memory.size;
		const struct {
			uint64_t gpa;
			uint32_t len;
		} rows[] = {{table, 0}, {table, 8}, {table, 17}, {table, 16u * 40000},
			{table, UINT32_MAX & ~15u}, {end - 16, 32}};
		struct split_desc inner = {
			.addr = memory_gpa(&attack->fe.memory, attack->tx),
			.len = 100,
			.flags = ring == 0 ? WRITE : 0,
		};
		memcpy(attack->scratch, &inner, sizeof(inner));
		(void)one_table(attack, flags, ring, rows[i / 2].gpa, rows[i / 2].len, 0);
	}
	return true;
}

/* A table in a table, at itself, and in the middle of a chain. */
static bool
nested(struct attack *attack, unsigned int flags)
{
	for (unsigned int i = 0; i < 4; i++) {
		if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
			return false;
		}
		const uint64_t table = memory_gpa(&attack->fe.memory, attack->scratch);
		struct split_desc inner[2] = {
			{.addr = table + (i / 2) * 16, .len = 16, .flags = SPLIT_DESC_INDIRECT},
			{.addr = table, .len = 16, .flags = SPLIT_DESC_INDIRECT},
		};
		memcpy(attack->scratch, inner, sizeof(inner));
		(void)one_table(attack, flags, i % 2, table, 32, 0);
	}
	if (!attack_open(attack, flags)) {
		return false;
	}
	const struct chain_piece pieces[2] = {
		{memory_gpa(&attack->fe.memory, attack->scratch), 16, SPLIT_DESC_INDIRECT},
		attack_piece(attack, attack->tx, 100)};
	attack_put(attack, 1, pieces, 2, NULL);
	(void)usleep(8000);
	return true;
}

/* Loops and ends beyond the table, inside of it. */
static bool
table_next(struct attack *attack, unsigned int flags)
{
	static const uint16_t nexts[] = {0, 1, 2, 255, UINT16_MAX};

	for (unsigned int i = 0; i < 10; i++) {
		if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
			return false;
		}
		struct split_desc inner[2];
		for (unsigned int d = 0; d < 2; d++) {
			inner[d] = (struct split_desc){
				.addr = memory_gpa(&attack->fe.memory, attack->tx),
				.len = 4,
				.flags = (uint16_t)(SPLIT_DESC_NEXT | (i % 2 == 0 ? WRITE : 0)),
				.next = nexts[i / 2],
			};
		}
		memcpy(attack->scratch, inner, sizeof(inner));
		(void)one_table(attack, flags, i % 2,
			memory_gpa(&attack->fe.memory, attack->scratch), 32, 0);
	}
	return true;
}

static bool
table_unasked(struct attack *attack, unsigned int flags)
{
	for (unsigned int ring = 0; ring < 2; ring++) {
		if (!attack_open(attack, flags | ATTACK_NO_BUFFERS)) {
			return false;
		}
		struct split_desc inner = {
			.addr = memory_gpa(&attack->fe.memory, attack->tx),
			.len = 1000,
			.flags = ring == 0 ? WRITE : 0,
		};
		memcpy(attack->scratch, &inner, sizeof(inner));
		(void)one_table(attack, flags, ring,
			memory_gpa(&attack->fe.memory, attack->scratch), 16, 0);
	}
	return true;
}

#define P ATTACK_PACKED

const struct hostile_case table_cases[] = {
	{"tables", "indirect tables of odd, no or too many bytes", tables, 0,
		"indirect-table|address"},
	{"tables-packed", "the same, packed", tables, P, "indirect-table|address"},
	{"nested-tables", "indirect tables in indirect tables and chains", nested, 0,
		"indirect-table"},
	{"nested-tables-packed", "the same, packed", nested, P, "indirect-table"},
	{"table-next", "loops inside of an indirect table", table_next, 0,
		"chain-too-long|next-range"},
	{"table-next-packed", "the same, packed", table_next, P, NULL},
	{"table-unasked", "an indirect table that was not negotiated", table_unasked, ATTACK_PLAIN,
		"indirect-table"},
	{"table-unasked-packed", "the same, packed", table_unasked, ATTACK_PLAIN | P,
		"indirect-table"},
	{0},
};
