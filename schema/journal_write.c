/* SPDX-License-Identifier: BSD-3-Clause */
/* The journal's lines on their way to the disk, and what is done when they do not get there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "schema/disk.h"
#include "schema/journal_priv.h"

LOG_MODULE("journal");

#define ROOM (16U << 10) /* bytes that are kept beyond what is asked for */
#define NEXT "/next" /* what takes the place of a spoiled file; no name of a segment */

/* "FILE cannot be written: REASON", of the last segment. */
static int
write_failed(struct journal *journal, struct err *err)
{
	int error = errno;
	char *path = journal_path(journal, journal_last(journal)->number);
	int rc;

	errno = error;
	rc = disk_error(err, path, "written");
	free(path);
	return rc;
}

/* --- mending ---------------------------------------------------------------------------------- */

/* Lines that are not whole. */
static size_t
count_damaged(const char *text, size_t size)
{
	const char *end = text + size;
	size_t n = 0;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *next = newline == NULL ? end : newline + 1;

		n += journal_text(text, (size_t)(next - text)) == NULL;
		text = next;
	}
	return n;
}

/* The lines of the segment, if they are as they were; free() it. NULL with errno. */
static char *
read_good(const char *path, const struct segment *segment)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t len = 0;
	char *text = fd < 0 ? NULL : disk_read(fd, &len);
	int error = errno;

	if (fd >= 0) {
		(void)close(fd);
	}
	if (text != NULL &&
		(len < segment->size ||
			count_damaged(text, (size_t)segment->size) != segment->n_damaged)) {
		free(text);
		text = NULL;
		error = EIO;
	}
	errno = error;
	return text;
}

/* A new file with these bytes, on the disk: its descriptor, or -1. */
static int
write_new(const char *path, const char *text, size_t len)
{
	int fd = open(
		path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, JOURNAL_FILE_MODE);

	/* fchmod: whatever the umask, the group may read and others may not. */
	if (fd >= 0 &&
		(fchmod(fd, JOURNAL_FILE_MODE) != 0 || disk_write(fd, text, len, 0) != 0 ||
			disk_sync(fd) != 0)) {
		int error = errno;

		(void)close(fd);
		errno = error;
		fd = -1;
	}
	return fd;
}

/* The good lines of the last segment to another file, which takes its place. */
static int
replace_file(struct journal *journal, const char *path, const char *next)
{
	const struct segment *segment = journal_last(journal);
	char *text = read_good(path, segment);
	int fd = text == NULL ? -1 : write_new(next, text, (size_t)segment->size);

	free(text);
	if (fd < 0) {
		return -1;
	}
	if (disk_rename(next, path) != 0) {
		(void)close(fd);
		return -1;
	}
	(void)close(journal->fd);
	journal->fd = fd;
	journal->room_end = 0;
	return disk_sync(journal->folder_fd);
}

static int
leave_spoiled(struct journal *journal)
{
	char *path = journal_path(journal, journal_last(journal)->number);
	char *next;
	int rc;

	if (asprintf(&next, "%s" NEXT, journal->folder) < 0) {
		abort();
	}
	/* At least who only ends the process finds nothing of what was refused. */
	(void)disk_truncate(journal->fd, journal_last(journal)->size);
	rc = replace_file(journal, path, next);
	if (rc == 0) {
		log_warn("%s: a sync has failed; its lines are in another file now", path);
		journal->spoiled = false;
		journal->torn = false;
	}
	free(next);
	free(path);
	return rc;
}

static int
cut_off(struct journal *journal)
{
	journal->room_end = 0;
	if (disk_truncate(journal->fd, journal_last(journal)->size) != 0) {
		return -1;
	}
	if (disk_sync(journal->fd) != 0) {
		journal->spoiled = true;
		return -1;
	}
	journal->torn = false;
	return 0;
}

/* Its line would make void what comes in the last segment. */
static int
remove_leftover(struct journal *journal)
{
	char *path = journal_path(journal, journal->leftover);
	bool gone = disk_unlink(path) == 0 || errno == ENOENT;

	free(path);
	if (!gone || disk_sync(journal->folder_fd) != 0) {
		return -1;
	}
	journal->leftover = 0;
	return 0;
}

/* Make the end of the last segment the end of the journal, also for who reads it after a crash. */
static int
mend(struct journal *journal)
{
	if (journal->leftover != 0 && remove_leftover(journal) != 0) {
		return -1;
	}
	if (journal->torn && !journal->spoiled && cut_off(journal) != 0 && !journal->spoiled) {
		return -1;
	}
	return journal->spoiled ? leave_spoiled(journal) : 0;
}

/* --- appending -------------------------------------------------------------------------------- */

static int
keep_room(struct journal *journal, uint64_t from, size_t len)
{
	if (fallocate(journal->fd, FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)len) != 0) {
		/* A file system that cannot; writing will tell. */
		return errno == EOPNOTSUPP || errno == ENOSYS || errno == EINTR ? 0 : -1;
	}
	journal->room_end = from + len;
	return 0;
}

int
journal_reserve(struct journal *journal, size_t len, struct err *err)
{
	const struct segment *segment = journal_last(journal);

	if (journal_size(journal) + len > JOURNAL_SIZE_MAX) {
		return err_set(err, ERR_LIMIT, journal->folder,
			"%s has %u MiB of changes that the configuration's file does not have yet; "
			"confirm or roll back what is provisional, and see that the file can be "
			"written",
			journal->folder, JOURNAL_SIZE_MAX >> 20);
	}
	if (mend(journal) != 0) {
		return write_failed(journal, err);
	}
	if (len > journal_room(journal) && keep_room(journal, segment->size, len + ROOM) != 0 &&
		keep_room(journal, segment->size, len) != 0) {
		return write_failed(journal, err);
	}
	return 0;
}

size_t
journal_room(const struct journal *journal)
{
	const struct segment *segment = journal_last(journal);
	uint64_t size = journal_size(journal);
	uint64_t room = journal->room_end < segment->size ? 0 : journal->room_end - segment->size;

	if (journal->torn || journal->spoiled || journal->leftover != 0 ||
		size > JOURNAL_SIZE_MAX) {
		return 0;
	}
	return (size_t)(room < JOURNAL_SIZE_MAX - size ? room : JOURNAL_SIZE_MAX - size);
}

int
journal_append(struct journal *journal, const char *lines, size_t len, struct err *err)
{
	struct segment *segment = journal_last(journal);
	int rc;

	if (mend(journal) != 0) {
		return write_failed(journal, err);
	}
	if (disk_write(journal->fd, lines, len, segment->size) != 0) {
		journal->torn = true;
	} else if (disk_sync_data(journal->fd) != 0) {
		journal->spoiled = true;
	} else {
		segment->size += len;
		return 0;
	}
	rc = write_failed(journal, err);
	(void)mend(journal);
	return rc;
}

uint64_t
journal_growing(const struct journal *journal)
{
	return journal_last(journal)->size;
}

uint64_t
journal_size(const struct journal *journal)
{
	uint64_t size = 0;

	for (size_t i = 0; i < journal->n_segments; i++) {
		size += journal->segments[i].size;
	}
	return size;
}

/* --- files ------------------------------------------------------------------------------------ */

int
journal_rotate(
	struct journal *journal, uint64_t number, const char *lines, size_t len, struct err *err)
{
	char *path;
	int rc = 0;
	int fd;

	if (number <= journal_last(journal)->number) {
		return 0;
	}
	if (mend(journal) != 0) {
		return write_failed(journal, err);
	}
	path = journal_path(journal, number);
	/* From here on it may be there. */
	journal->leftover = number;
	fd = write_new(path, lines, len);
	if (fd >= 0 && disk_sync(journal->folder_fd) == 0) {
		(void)close(journal->fd);
		journal->fd = fd;
		journal->leftover = 0;
		journal->room_end = 0;
		journal_add_segment(journal, number);
		journal_last(journal)->size = len;
	} else {
		rc = disk_error(err, path, "written");
		if (fd >= 0) {
			(void)close(fd);
		}
		(void)mend(journal);
	}
	free(path);
	return rc;
}

void
journal_drop(struct journal *journal, uint64_t number)
{
	size_t n = 0;

	while (n + 1 < journal->n_segments && journal->segments[n + 1].number <= number) {
		char *path = journal_path(journal, journal->segments[n].number);
		bool gone = disk_unlink(path) == 0 || errno == ENOENT;

		free(path);
		if (!gone) {
			break;
		}
		n++;
	}
	if (n > 0) {
		journal->n_segments -= n;
		memmove(journal->segments, journal->segments + n,
			journal->n_segments * sizeof(*journal->segments));
	}
}
