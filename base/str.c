/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
str_copy(char *dst, const char *src, size_t size)
{
	size_t len = strnlen(src, size);

	if (len < size) {
		memmove(dst, src, len + 1);
		return true;
	}
	memmove(dst, src, size - 1);
	dst[size - 1] = '\0';
	return false;
}

bool
str_append(char *dst, const char *src, size_t size)
{
	size_t used = strnlen(dst, size);

	return used < size && str_copy(dst + used, src, size - used);
}

bool
str_appendf(char *dst, size_t size, const char *fmt, ...)
{
	size_t used = strnlen(dst, size);
	va_list ap;
	int n;

	if (used >= size) {
		return false;
	}
	va_start(ap, fmt);
	n = vsnprintf(dst + used, size - used, fmt, ap);
	va_end(ap);
	return n >= 0 && (size_t)n < size - used;
}

int
str_to_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	unsigned long long value;
	char *end;

	if (s[0] < '0' || s[0] > '9') {
		return -EINVAL;
	}
	errno = 0;
	value = strtoull(s, &end, 10);
	if (*end != '\0') {
		return -EINVAL;
	}
	if (errno == ERANGE || value < min || value > max) {
		return -ERANGE;
	}
	*out = value;
	return 0;
}

char *
str_dup(const char *s)
{
	char *copy = strdup(s);

	if (copy == NULL) {
		abort();
	}
	return copy;
}
