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

#include "base/log.h"
#include "base/str.h"

LOG_MODULE("config-file");

#define FILE_MODE 0640
#define FOLDER_MODE 0750
#define REVISION_SIZE 21 /* 20 digits and a newline */

struct file {
	char *path;
	char *next; /* FILE.new */
	char *previous; /* FILE.old */
	int folder_fd;
	int lock_fd;
	int revision_fd;
	uint64_t revision;
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

static int
failed(struct err *err, const char *path, const char *what)
{
	enum err_kind kind = ERR_FAILED;

	if (errno == EACCES || errno == EPERM || errno == EROFS) {
		kind = ERR_DENIED;
	} else if (errno == ENOSPC || errno == EDQUOT) {
		kind = ERR_LIMIT;
	}
	return err_set(err, kind, path, "%s cannot be %s: %m", path, what);
}

/* --- open ----------------------------------------------------------------------------------- */

static int
make_folders(const char *folder, struct err *err)
{
	char *parent;
	int rc;

	if (mkdir(folder, FOLDER_MODE) == 0) {
		/* Whatever the umask, the group may read. */
		return chmod(folder, FOLDER_MODE) == 0 ? 0 : failed(err, folder, "created");
	}
	if (errno == EEXIST) {
		return 0;
	}
	if (errno != ENOENT) {
		return failed(err, folder, "created");
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
			rc = failed(err, folder, "opened");
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
		rc = failed(err, path, "opened");
	} else if (flock(file->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		rc = errno == EWOULDBLOCK
			? err_set(err, ERR_IN_USE, file->path,
				  "another vswitchd uses %s (it holds the lock %s)", file->path,
				  path)
			: failed(err, path, "locked");
	}
	free(path);
	return rc;
}

static void
parse_revision(struct file *file, const char *path)
{
	char text[REVISION_SIZE + 1] = "";
	ssize_t len = pread(file->revision_fd, text, REVISION_SIZE, 0);

	if (len == 0) {
		return;
	}
	text[strcspn(text, "\n")] = '\0';
	if (len < 0 || str_to_u64(text, 0, UINT64_MAX, &file->revision) != 0) {
		/* It protects against lost updates across a restart; it is not worth not starting.
		 */
		log_warn("%s is damaged; revisions count from 0 again", path);
		file->revision = 0;
	}
}

static int
open_revision(struct file *file, struct err *err)
{
	char *folder = join(file->path, ".d");
	char *path = join(folder, "/revision");
	int rc = make_folders(folder, err);

	if (rc == 0) {
		file->revision_fd =
			open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
		if (file->revision_fd < 0) {
			rc = failed(err, path, "opened");
		} else {
			parse_revision(file, path);
		}
	}
	if (rc == 0) {
		int folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		/* The number is overwritten in place later; its name has to be there by then. */
		if (folder_fd < 0 || fsync(folder_fd) != 0 || fsync(file->folder_fd) != 0) {
			rc = failed(err, folder, "written");
		}
		if (folder_fd >= 0) {
			(void)close(folder_fd);
		}
	}
	free(path);
	free(folder);
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
	file->previous = join(path, ".old");
	file->folder_fd = file->lock_fd = file->revision_fd = -1;
	rc = open_folder(file, err);
	if (rc == 0) {
		rc = take_lock(file, err);
	}
	if (rc == 0) {
		rc = open_revision(file, err);
	}
	if (rc != 0) {
		file_close(file);
		return rc;
	}
	(void)unlink(file->next);
	(void)unlink(file->previous);
	*out = file;
	return 0;
}

void
file_close(struct file *file)
{
	if (file == NULL) {
		return;
	}
	if (file->revision_fd >= 0) {
		(void)close(file->revision_fd);
	}
	if (file->lock_fd >= 0) {
		(void)close(file->lock_fd);
	}
	if (file->folder_fd >= 0) {
		(void)close(file->folder_fd);
	}
	free(file->previous);
	free(file->next);
	free(file->path);
	free(file);
}

/* --- read ----------------------------------------------------------------------------------- */

int
file_read(const struct file *file, json_t **out, struct err *err)
{
	int fd = open(file->path, O_RDONLY | O_CLOEXEC);
	json_error_t fault;

	*out = NULL;
	if (fd < 0) {
		return errno == ENOENT ? 0 : failed(err, file->path, "opened");
	}
	*out = json_loadfd(fd, JSON_REJECT_DUPLICATES, &fault);
	(void)close(fd);
	if (*out != NULL) {
		return 0;
	}
	for (char *p = fault.text; *p != '\0'; p++) {
		/* jansson quotes what it did not understand, whatever that is. */
		if (*p < ' ' || *p > '~') {
			*p = '?';
		}
	}
	return err_set(err, ERR_INVALID, file->path, "%s, line %d, column %d: %s", file->path,
		fault.line, fault.column, fault.text);
}

uint64_t
file_revision(const struct file *file)
{
	return file->revision;
}

/* --- write ---------------------------------------------------------------------------------- */

static bool
write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR) {
			return false;
		}
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return true;
}

int
file_prepare(struct file *file, const char *text, size_t len, struct err *err)
{
	int fd = open(file->next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	int rc = 0;

	if (fd < 0) {
		return failed(err, file->next, "created");
	}
	/* fchmod: whatever the umask, the group may read and others may not. */
	if (fchmod(fd, FILE_MODE) != 0 || !write_all(fd, text, len) || fsync(fd) != 0) {
		rc = failed(err, file->next, "written");
	}
	if (close(fd) != 0 && rc == 0) {
		rc = failed(err, file->next, "written");
	}
	if (rc != 0) {
		file_abort(file);
	}
	return rc;
}

void
file_abort(struct file *file)
{
	(void)unlink(file->next);
}

static int
write_revision(struct file *file, uint64_t revision, struct err *err)
{
	char text[REVISION_SIZE + 1];

	(void)snprintf(text, sizeof(text), "%020" PRIu64 "\n", revision);
	if (pwrite(file->revision_fd, text, REVISION_SIZE, 0) != REVISION_SIZE ||
		fdatasync(file->revision_fd) != 0) {
		return failed(err, file->path, "given its revision number");
	}
	file->revision = revision;
	return 0;
}

int
file_commit(struct file *file, uint64_t revision, struct err *err)
{
	bool kept;
	bool first;
	int rc = write_revision(file, revision, err);

	if (rc != 0) {
		file_abort(file);
		return rc;
	}
	/* The way back, should the folder's fsync fail; no file system needs to have hard links. */
	(void)unlink(file->previous);
	kept = link(file->path, file->previous) == 0;
	first = !kept && errno == ENOENT;
	if (rename(file->next, file->path) != 0) {
		rc = failed(err, file->path, "replaced");
		file_abort(file);
	} else if (fsync(file->folder_fd) != 0) {
		rc = failed(err, file->path, "replaced");
		if (kept) {
			(void)rename(file->previous, file->path);
		} else if (first) {
			(void)unlink(file->path);
		}
	}
	if (kept) {
		(void)unlink(file->previous);
	}
	return rc;
}
