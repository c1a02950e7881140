/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const struct {
	const char *tag;
	int errno_value;
} kinds[] = {[ERR_NONE] = {"ok", 0},
#define X(id, tag, errno_value, doc) [id] = {tag, errno_value},
	ERR_KINDS(X)
#undef X
};

int
err_set(struct err *err, enum err_kind kind, const char *path, const char *fmt, ...)
{
	if (err != NULL) {
		va_list ap;

		err->kind = kind;
		str_copy(err->path, path == NULL ? "" : path, sizeof(err->path));
		va_start(ap, fmt);
		(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
		for (char *p = err->text; *p != '\0'; p++) {
			if (*p == '\n') {
				*p = ' ';
			}
		}
	}
	return err_errno(kind);
}

void
err_prefix_path(struct err *err, const char *prefix)
{
	char joined[ERR_PATH_SIZE];

	if (err == NULL || err->kind == ERR_NONE) {
		return;
	}
	str_copy(joined, prefix, sizeof(joined));
	if (err->path[0] != '\0') {
		(void)str_append(joined, "/", sizeof(joined));
		(void)str_append(joined, err->path, sizeof(joined));
	}
	str_copy(err->path, joined, sizeof(err->path));
}

const char *
err_tag(enum err_kind kind)
{
	return kinds[kind].tag;
}

int
err_errno(enum err_kind kind)
{
	return -kinds[kind].errno_value;
}
