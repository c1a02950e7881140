/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What journal.c, which reads, and journal_write.c share. Private to schema/.
 */
#ifndef VSW_SCHEMA_JOURNAL_PRIV_H
#define VSW_SCHEMA_JOURNAL_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/journal.h"

#define JOURNAL_FILE_MODE 0640

struct segment {
	uint64_t number;
	uint64_t size; /* of its lines up to the last good one */
	size_t n_damaged; /* of these lines, as it was opened */
};

struct journal {
	char *folder;
	int folder_fd;
	int fd; /* of the last segment */
	bool torn; /* bytes behind its size have to go before the next append */
	bool spoiled; /* a sync of it has failed: its lines have to move to another file before */
	uint64_t leftover; /* number of a file that has to go before; 0: none */
	uint64_t room_end; /* up to here the last segment has its place on the disk */
	size_t n_segments;
	struct segment *segments; /* by number */
};

/* The file of a segment; free() it. */
char *journal_path(const struct journal *journal, uint64_t number);

static inline struct segment *
journal_last(const struct journal *journal)
{
	return &journal->segments[journal->n_segments - 1];
}

void journal_add_segment(struct journal *journal, uint64_t number);

/* The text within a line of `len` bytes with its newline; NULL if it is not whole. */
const char *journal_text(const char *line, size_t len);

#endif
