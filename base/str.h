/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Strings that are always terminated, and text to number conversions that refuse trailing bytes.
 * Any thread. Sizes are bytes of the destination, terminator included.
 */
#ifndef VSW_BASE_STR_H
#define VSW_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Copy what fits; false if `src` was cut. */
bool str_copy(char *dst, const char *src, size_t size);

/* Append what fits to the terminated `dst`; false if it was cut. */
bool str_append(char *dst, const char *src, size_t size);

/* Formatted append; false if it was cut. */
bool
str_appendf(char *dst, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Whole of `s` as a decimal in [min, max]: 0, -EINVAL (not a number), -ERANGE. */
int str_to_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out);

/* strdup that cannot be forgotten: aborts when memory is exhausted. free() it. */
char *str_dup(const char *s);

/* True when `s` is non-NULL and not empty. */
static inline bool
str_given(const char *s)
{
	return s != NULL && s[0] != '\0';
}

#endif
