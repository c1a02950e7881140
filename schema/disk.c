/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int
disk_write(int fd, const char *text, size_t len, uint64_t offset)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, text, len, (off_t)offset);

		if (n < 0 && errno != EINTR) {
			return -1;
		}
		if (n > 0) {
			text += n;
			offset += (uint64_t)n;
			len -= (size_t)n;
		}
	}
	return 0;
}

char *
disk_read(int fd, size_t *len)
{
	struct stat st;
	char *text;

	*len = 0;
	if (fstat(fd, &st) != 0) {
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : ENOTSUP;
		return NULL;
	}
	text = calloc(1, (size_t)st.st_size + 1);
	while (text != NULL && *len < (size_t)st.st_size) {
		ssize_t n = read(fd, text + *len, (size_t)st.st_size - *len);

		if (n == 0) {
			break;
		}
		if (n < 0 && errno != EINTR) {
			free(text);
			return NULL;
		}
		*len += n < 0 ? 0 : (size_t)n;
	}
	return text;
}

int
disk_truncate(int fd, uint64_t size)
{
	return ftruncate(fd, (off_t)size);
}

int
disk_sync(int fd)
{
	return fsync(fd);
}

int
disk_sync_data(int fd)
{
	return fdatasync(fd);
}

int
disk_rename(const char *from, const char *to)
{
	return rename(from, to);
}

int
disk_unlink(const char *path)
{
	return unlink(path);
}

int
disk_error(struct err *err, const char *path, const char *what)
{
	enum err_kind kind = ERR_FAILED;

	if (errno == EACCES || errno == EPERM || errno == EROFS) {
		kind = ERR_DENIED;
	} else if (errno == ENOSPC || errno == EDQUOT) {
		kind = ERR_LIMIT;
	}
	return err_set(err, kind, path, "%s cannot be %s: %m", path, what);
}
