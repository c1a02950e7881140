/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/disk.h"

LOG_MODULE("journal");

#define PREFIX "journal."
#define DIGITS 20
#define FILE_MODE 0640
#define HASH_DIGITS 16
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

struct segment {
	uint64_t number;
	uint64_t size;
};

struct journal {
	char *folder;
	int folder_fd;
	int fd; /* of the last segment */
	bool torn; /* bytes behind its size have to go before the next append */
	size_t n_segments;
	struct segment *segments; /* by number */
};

/* --- lines ---------------------------------------------------------------------------------- */

uint64_t
journal_hash(const char *text, size_t len)
{
	uint64_t hash = FNV_BASIS;

	for (size_t i = 0; i < len; i++) {
		hash = (hash ^ (unsigned char)text[i]) * FNV_PRIME;
	}
	return hash;
}

void
journal_line(char **buf, size_t *len, const char *text, size_t text_len)
{
	char head[HASH_DIGITS + 2];
	char *at;

	*buf = must_realloc(*buf, *len + HASH_DIGITS + 1 + text_len + 1);
	at = *buf + *len;
	(void)snprintf(head, sizeof(head), "%016" PRIx64 " ", journal_hash(text, text_len));
	memcpy(at, head, HASH_DIGITS + 1);
	memcpy(at + HASH_DIGITS + 1, text, text_len);
	at[HASH_DIGITS + 1 + text_len] = '\n';
	*len += HASH_DIGITS + 1 + text_len + 1;
}

/* The text within a line of `len` bytes with its newline; NULL if it is not whole. */
static const char *
text_of(const char *line, size_t len)
{
	char head[HASH_DIGITS + 2];
	const char *text = line + HASH_DIGITS + 1;

	if (len < HASH_DIGITS + 2 || line[len - 1] != '\n') {
		return NULL;
	}
	(void)snprintf(
		head, sizeof(head), "%016" PRIx64 " ", journal_hash(text, len - HASH_DIGITS - 2));
	return memcmp(line, head, HASH_DIGITS + 1) == 0 ? text : NULL;
}

/* --- files ---------------------------------------------------------------------------------- */

static char *
segment_path(const struct journal *journal, uint64_t number)
{
	char *path;

	if (asprintf(&path, "%s/" PREFIX "%0*" PRIu64, journal->folder, DIGITS, number) < 0) {
		abort();
	}
	return path;
}

static struct segment *
last_segment(struct journal *journal)
{
	return &journal->segments[journal->n_segments - 1];
}

static void
add_segment(struct journal *journal, uint64_t number)
{
	journal->segments = must_realloc(
		journal->segments, (journal->n_segments + 1) * sizeof(*journal->segments));
	journal->segments[journal->n_segments++] = (struct segment){.number = number};
}

static int
compare_segments(const void *a, const void *b)
{
	const struct segment *x = a;
	const struct segment *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static int
list_segments(struct journal *journal, struct err *err)
{
	DIR *dir = opendir(journal->folder);
	const struct dirent *entry;

	if (dir == NULL) {
		return disk_error(err, journal->folder, "read");
	}
	while ((entry = readdir(dir)) != NULL) {
		uint64_t number;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 &&
			strlen(entry->d_name) == strlen(PREFIX) + DIGITS &&
			str_to_u64(entry->d_name + strlen(PREFIX), 0, UINT64_MAX, &number) == 0) {
			add_segment(journal, number);
		}
	}
	(void)closedir(dir);
	if (journal->n_segments > 0) {
		qsort(journal->segments, journal->n_segments, sizeof(*journal->segments),
			compare_segments);
	}
	return 0;
}

struct reader {
	journal_visit_fn visit;
	void *arg;
	size_t n_damaged; /* before good ones */
	size_t n_pending; /* bad ones, since the last good one */
	uint64_t good; /* end of the last good line of the file */
};

static void
read_lines(struct reader *reader, FILE *in)
{
	char *line = NULL;
	size_t size = 0;
	uint64_t at = 0;
	ssize_t len;

	reader->good = 0;
	while ((len = getline(&line, &size, in)) > 0) {
		const char *text = text_of(line, (size_t)len);

		at += (uint64_t)len;
		if (text == NULL) {
			reader->n_pending++;
			continue;
		}
		line[len - 1] = '\0';
		reader->visit(reader->arg, text, (size_t)len - HASH_DIGITS - 2);
		reader->good = at;
		reader->n_damaged += reader->n_pending;
		reader->n_pending = 0;
	}
	free(line);
}

static int
read_segment(
	struct journal *journal, struct segment *segment, struct reader *reader, struct err *err)
{
	char *path = segment_path(journal, segment->number);
	FILE *in = fopen(path, "re");
	struct stat st;
	int rc = 0;

	if (in == NULL || fstat(fileno(in), &st) != 0) {
		rc = disk_error(err, path, "opened");
	} else {
		read_lines(reader, in);
		segment->size = (uint64_t)st.st_size;
		if (ferror(in)) {
			rc = disk_error(err, path, "read");
		}
	}
	if (in != NULL) {
		(void)fclose(in);
	}
	free(path);
	return rc;
}

/* Open the last file for appending, and cut off what a crash left at its end. */
static int
open_last(struct journal *journal, const struct reader *reader, struct err *err)
{
	struct segment *segment = last_segment(journal);
	char *path = segment_path(journal, segment->number);
	int rc = 0;

	journal->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (journal->fd < 0 || fchmod(journal->fd, FILE_MODE) != 0) {
		rc = disk_error(err, path, "opened");
	} else if (segment->size > reader->good) {
		log_warn("%s: %" PRIu64
			 " bytes at its end are of an edit that was not finished; they are cut off",
			path, segment->size - reader->good);
		segment->size = reader->good;
		journal->torn = true;
	}
	free(path);
	return rc;
}

int
journal_open(const char *folder, journal_visit_fn visit, void *arg, size_t *n_damaged,
	struct journal **out, struct err *err)
{
	struct journal *journal = must_calloc(1, sizeof(*journal));
	struct reader reader = {.visit = visit, .arg = arg};
	int rc;

	journal->folder = str_dup(folder);
	journal->fd = -1;
	journal->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = journal->folder_fd < 0 ? disk_error(err, folder, "opened")
				    : list_segments(journal, err);
	for (size_t i = 0; rc == 0 && i < journal->n_segments; i++) {
		rc = read_segment(journal, &journal->segments[i], &reader, err);
	}
	if (rc == 0 && journal->n_segments == 0) {
		add_segment(journal, 0);
	}
	if (rc == 0) {
		rc = open_last(journal, &reader, err);
	}
	if (rc == 0 && disk_sync(journal->folder_fd) != 0) {
		rc = disk_error(err, folder, "written");
	}
	if (rc != 0) {
		journal_close(journal);
		return rc;
	}
	*n_damaged = reader.n_damaged;
	*out = journal;
	return 0;
}

void
journal_close(struct journal *journal)
{
	if (journal == NULL) {
		return;
	}
	if (journal->fd >= 0) {
		(void)close(journal->fd);
	}
	if (journal->folder_fd >= 0) {
		(void)close(journal->folder_fd);
	}
	free(journal->segments);
	free(journal->folder);
	free(journal);
}

/* --- appending ------------------------------------------------------------------------------ */

static int
append_failed(struct journal *journal, struct err *err)
{
	int error = errno;
	char *path = segment_path(journal, last_segment(journal)->number);
	int rc;

	errno = error;
	rc = disk_error(err, path, "written");
	free(path);
	return rc;
}

/* Cut off what a failed append, or a crash, left behind the last good line. */
static int
mend(struct journal *journal)
{
	if (journal->torn) {
		if (disk_truncate(journal->fd, last_segment(journal)->size) != 0 ||
			disk_sync(journal->fd) != 0) {
			return -1;
		}
		journal->torn = false;
	}
	return 0;
}

int
journal_reserve(struct journal *journal, size_t len, struct err *err)
{
	const struct segment *segment = last_segment(journal);

	if (journal_size(journal) + len > JOURNAL_SIZE_MAX) {
		return err_set(err, ERR_LIMIT, journal->folder,
			"%s has %u MiB of changes that the configuration's file does not have yet; "
			"confirm or roll back what is provisional, and see that the file can be "
			"written",
			journal->folder, JOURNAL_SIZE_MAX >> 20);
	}
	if (mend(journal) != 0) {
		return append_failed(journal, err);
	}
	if (fallocate(journal->fd, FALLOC_FL_KEEP_SIZE, (off_t)segment->size, (off_t)len) != 0 &&
		errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR) {
		return append_failed(journal, err);
	}
	return 0;
}

int
journal_append(
	struct journal *journal, const char *lines, size_t len, bool durable, struct err *err)
{
	struct segment *segment = last_segment(journal);
	int rc;

	if (mend(journal) != 0) {
		return append_failed(journal, err);
	}
	if (disk_write(journal->fd, lines, len, segment->size) == 0 &&
		(!durable || disk_sync_data(journal->fd) == 0)) {
		segment->size += len;
		return 0;
	}
	rc = append_failed(journal, err);
	journal->torn = true;
	(void)mend(journal);
	return rc;
}

int
journal_flush(struct journal *journal, struct err *err)
{
	return disk_sync_data(journal->fd) == 0 ? 0 : disk_error(err, journal->folder, "written");
}

uint64_t
journal_growing(const struct journal *journal)
{
	return journal->segments[journal->n_segments - 1].size;
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

int
journal_rotate(
	struct journal *journal, uint64_t number, const char *lines, size_t len, struct err *err)
{
	char *path;
	int rc = 0;
	int fd;

	if (number <= last_segment(journal)->number) {
		return 0;
	}
	path = segment_path(journal, number);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0 || fchmod(fd, FILE_MODE) != 0 || disk_write(fd, lines, len, 0) != 0 ||
		disk_sync(fd) != 0 || disk_sync(journal->folder_fd) != 0) {
		rc = disk_error(err, path, "written");
	}
	if (rc == 0) {
		(void)close(journal->fd);
		journal->fd = fd;
		journal->torn = false;
		add_segment(journal, number);
		last_segment(journal)->size = len;
	} else if (fd >= 0) {
		(void)disk_unlink(path);
		(void)close(fd);
	}
	free(path);
	return rc;
}

void
journal_drop(struct journal *journal, uint64_t number)
{
	size_t n = 0;

	while (n + 1 < journal->n_segments && journal->segments[n + 1].number <= number) {
		char *path = segment_path(journal, journal->segments[n].number);
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
