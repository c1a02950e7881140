/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "schema/disk.h"
#include "schema/journal.h"

#define FILE_MODE 0640
#define FOLDER_MODE 0750

struct file {
	char *path;
	char *next; /* FILE.new */
	char *folder; /* FILE.d */
	char *written; /* FILE.d/written */
	int folder_fd; /* where FILE lies */
	int lock_fd;
};

static char *
join(const char *a, const char *b)
{
	char *text;

	if (asprintf(&text, "%s%s", a, b) < 0) {
		abort();
	}
	return text;
}

/* The folder that a path lies in; free() it. */
static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder;

	if (slash == NULL) {
		return str_dup(".");
	}
	folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (folder == NULL) {
		abort();
	}
	return folder;
}

/* --- open ----------------------------------------------------------------------------------- */

static int
make_folders(const char *folder, struct err *err)
{
	char *parent;
	int rc;

	if (mkdir(folder, FOLDER_MODE) == 0) {
		/* Whatever the umask, the group may read. */
		return chmod(folder, FOLDER_MODE) == 0 ? 0 : disk_error(err, folder, "created");
	}
	if (errno == EEXIST) {
		return 0;
	}
	if (errno != ENOENT) {
		return disk_error(err, folder, "created");
	}
	parent = folder_of(folder);
	rc = make_folders(parent, err);
	free(parent);
	return rc == 0 ? make_folders(folder, err) : rc;
}

static int
open_folder(struct file *file, struct err *err)
{
	char *folder = folder_of(file->path);
	int rc = make_folders(folder, err);

	if (rc == 0) {
		file->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (file->folder_fd < 0) {
			rc = disk_error(err, folder, "opened");
		}
	}
	free(folder);
	return rc;
}

static int
take_lock(struct file *file, struct err *err)
{
	char *path = join(file->path, ".lock");
	int rc = 0;

	file->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (file->lock_fd < 0) {
		rc = disk_error(err, path, "opened");
	} else if (flock(file->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		rc = errno == EWOULDBLOCK
			? err_set(err, ERR_IN_USE, file->path,
				  "another vswitchd uses %s (it holds the lock %s)", file->path,
				  path)
			: disk_error(err, path, "locked");
	}
	free(path);
	return rc;
}

int
file_open(const char *path, struct file **out, struct err *err)
{
	struct file *file = calloc(1, sizeof(*file));
	int rc;

	if (file == NULL) {
		abort();
	}
	file->path = str_dup(path);
	file->next = join(path, ".new");
	file->folder = join(path, ".d");
	file->written = join(path, ".d/written");
	file->folder_fd = file->lock_fd = -1;
	rc = open_folder(file, err);
	if (rc == 0) {
		rc = take_lock(file, err);
	}
	if (rc == 0) {
		rc = make_folders(file->folder, err);
	}
	if (rc == 0 && disk_sync(file->folder_fd) != 0) {
		rc = disk_error(err, file->folder, "written");
	}
	if (rc != 0) {
		file_close(file);
		return rc;
	}
	(void)disk_unlink(file->next);
	*out = file;
	return 0;
}

void
file_close(struct file *file)
{
	if (file == NULL) {
		return;
	}
	if (file->lock_fd >= 0) {
		(void)close(file->lock_fd);
	}
	if (file->folder_fd >= 0) {
		(void)close(file->folder_fd);
	}
	free(file->written);
	free(file->folder);
	free(file->next);
	free(file->path);
	free(file);
}

const char *
file_folder(const struct file *file)
{
	return file->folder;
}

/* --- read ----------------------------------------------------------------------------------- */

static int
read_document(const char *path, json_t **out, uint64_t *hash, struct err *err)
{
	/* A FIFO in its place must not be waited for. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	json_error_t fault;
	size_t len;
	char *text;

	*out = NULL;
	*hash = 0;
	if (fd < 0) {
		return errno == ENOENT ? 0 : disk_error(err, path, "opened");
	}
	text = disk_read(fd, &len);
	if (text == NULL) {
		int rc = disk_error(err, path, "read");

		(void)close(fd);
		return rc;
	}
	(void)close(fd);
	*hash = journal_hash(text, len);
	*out = json_loadb(text, len, JSON_REJECT_DUPLICATES, &fault);
	free(text);
	if (*out != NULL) {
		return 0;
	}
	for (char *p = fault.text; *p != '\0'; p++) {
		/* jansson quotes what it did not understand, whatever that is. */
		if (*p < ' ' || *p > '~') {
			*p = '?';
		}
	}
	return err_set(err, ERR_INVALID, path, "%s, line %d, column %d: %s", path, fault.line,
		fault.column, fault.text);
}

int
file_read(const struct file *file, json_t **out, uint64_t *hash, struct err *err)
{
	return read_document(file->path, out, hash, err);
}

void
file_read_written(const struct file *file, json_t **out, uint64_t *hash)
{
	(void)read_document(file->written, out, hash, NULL);
}

/* --- write ---------------------------------------------------------------------------------- */

/* FILE.d/written: not synced, because its hash tells what it is. */
static void
keep_written(const struct file *file, const char *text, size_t len)
{
	int fd = open(
		file->written, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);

	if (fd >= 0) {
		if (fchmod(fd, FILE_MODE) != 0 || disk_write(fd, text, len, 0) != 0) {
			(void)ftruncate(fd, 0);
		}
		(void)close(fd);
	}
}

int
file_replace(const struct file *file, const char *text, size_t len, struct err *err)
{
	int fd = open(file->next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	int rc = 0;

	if (fd < 0) {
		return disk_error(err, file->next, "created");
	}
	/* fchmod: whatever the umask, the group may read and others may not. */
	if (fchmod(fd, FILE_MODE) != 0 || disk_write(fd, text, len, 0) != 0 || disk_sync(fd) != 0) {
		rc = disk_error(err, file->next, "written");
	}
	if (close(fd) != 0 && rc == 0) {
		rc = disk_error(err, file->next, "written");
	}
	if (rc == 0 && disk_rename(file->next, file->path) != 0) {
		rc = disk_error(err, file->path, "replaced");
	}
	if (rc != 0) {
		(void)disk_unlink(file->next);
		return rc;
	}
	if (disk_sync(file->folder_fd) != 0) {
		return disk_error(err, file->path, "replaced");
	}
	keep_written(file, text, len);
	return 0;
}
