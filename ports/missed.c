/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/missed.h"

#include <assert.h>
#include <stddef.h>

static const char *const names[MISSED_N] = {
#define X(id, name, doc) [id] = name,
	PORT_MISSES(X)
#undef X
};

static const char *const texts[MISSED_N] = {
#define X(id, name, doc) [id] = doc,
	PORT_MISSES(X)
#undef X
};

const char *
missed_name(enum missed_reason reason)
{
	assert(reason < MISSED_N);
	return names[reason];
}

const char *
missed_text(enum missed_reason reason)
{
	assert(reason < MISSED_N);
	return texts[reason];
}

void
port_missed_add(struct port_missed *sum, const struct port_missed *more)
{
	for (size_t r = 0; r < MISSED_N; r++) {
		sum->frames[r] += more->frames[r];
	}
	sum->no_buffer += more->no_buffer;
	sum->invalid_buffers += more->invalid_buffers;
}

void
port_missed_sub(struct port_missed *sum, const struct port_missed *less)
{
	for (size_t r = 0; r < MISSED_N; r++) {
		sum->frames[r] -= less->frames[r];
	}
	sum->no_buffer -= less->no_buffer;
	sum->invalid_buffers -= less->invalid_buffers;
}

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void
port_missed_raise(struct port_missed *sum, const struct port_missed *now)
{
	for (size_t r = 0; r < MISSED_N; r++) {
		sum->frames[r] = larger(sum->frames[r], now->frames[r]);
	}
	sum->no_buffer = larger(sum->no_buffer, now->no_buffer);
	sum->invalid_buffers = larger(sum->invalid_buffers, now->invalid_buffers);
}
