/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An error that a user can cause: what kind, where, and a sentence that names the thing and the
 * fix. Functions return 0 or -errno; those that take a struct err fill it at the point of failure.
 * The control socket maps kinds to RFC 8040 error-tags in one place (ctl/).
 *
 * Any thread; a struct err is owned by its caller. NULL is allowed everywhere and ignored.
 */
#ifndef VSW_BASE_ERR_H
#define VSW_BASE_ERR_H

#include <stdbool.h>

/* RFC 8040 section 7: error-tag values that we use, and the errno that travels with each. */
#define ERR_KINDS(X)                                                                           \
	X(ERR_INVALID, "invalid-value", EINVAL, "the value cannot be used")                    \
	X(ERR_UNKNOWN, "unknown-element", EINVAL, "no such node in the schema")                \
	X(ERR_MISSING, "data-missing", ENOENT, "the thing to act on does not exist")           \
	X(ERR_EXISTS, "data-exists", EEXIST, "the thing to create exists already")             \
	X(ERR_IN_USE, "in-use", EBUSY, "the resource is held by somebody else")                \
	X(ERR_LIMIT, "resource-denied", ENOSPC, "a limit or the memory is exhausted")          \
	X(ERR_DENIED, "access-denied", EACCES, "the caller or the daemon may not")             \
	X(ERR_CONFLICT, "lock-denied", EAGAIN, "somebody else changed it in between")          \
	X(ERR_UNSUPPORTED, "operation-not-supported", EOPNOTSUPP, "this build or type cannot") \
	X(ERR_FAILED, "operation-failed", EIO, "the system or a library refused")              \
	X(ERR_TOO_BIG, "too-big", E2BIG, "longer or deeper than allowed")                      \
	X(ERR_MALFORMED, "malformed-message", EBADMSG, "not the form that was expected")

enum err_kind {
	ERR_NONE = 0,
#define X(id, tag, errno_value, doc) id,
	ERR_KINDS(X)
#undef X
};

#define ERR_PATH_SIZE 512
#define ERR_TEXT_SIZE 1024

struct err {
	enum err_kind kind;
	char path[ERR_PATH_SIZE]; /* instance path of the node at fault, "" if none; or a leaf's
				   * name until a caller that knows the instance prefixes it */
	char text[ERR_TEXT_SIZE]; /* one sentence, no newline: what is wrong and what helps */
};

#define ERR_INIT                 \
	{                        \
		.kind = ERR_NONE \
	}

/*
 * Fill `err` (unless NULL) and return -errno of the kind, so that `return err_set(...)` works.
 * `path` may be NULL. Too long texts are cut.
 */
int err_set(struct err *err, enum err_kind kind, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Put `prefix` and a slash before the path that is there; for callers that know the instance. */
void err_prefix_path(struct err *err, const char *prefix);

/* RFC 8040 error-tag of the kind; never NULL. */
const char *err_tag(enum err_kind kind);

/* Negative errno of the kind; 0 for ERR_NONE. */
int err_errno(enum err_kind kind);

#endif
