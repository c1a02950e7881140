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
#include "schema/journal_priv.h"

LOG_MODULE("journal");

#define PREFIX "journal."
#define DIGITS 20
#define HASH_DIGITS 16
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

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

const char *
journal_text(const char *line, size_t len)
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

char *
journal_path(const struct journal *journal, uint64_t number)
{
	char *path;

	if (asprintf(&path, "%s/" PREFIX "%0*" PRIu64, journal->folder, DIGITS, number) < 0) {
		abort();
	}
	return path;
}

void
journal_add_segment(struct journal *journal, uint64_t number)
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
			journal_add_segment(journal, number);
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
	/* of the file */
	uint64_t good; /* end of the last good line */
	size_t n_before_good; /* bad ones before that */
};

static void
read_lines(struct reader *reader, FILE *in)
{
	char *line = NULL;
	size_t size = 0;
	uint64_t at = 0;
	size_t n_bad = 0;
	ssize_t len;

	reader->good = 0;
	reader->n_before_good = 0;
	while ((len = getline(&line, &size, in)) > 0) {
		const char *text = journal_text(line, (size_t)len);

		at += (uint64_t)len;
		if (text == NULL) {
			reader->n_pending++;
			n_bad++;
			continue;
		}
		line[len - 1] = '\0';
		reader->visit(reader->arg, text, (size_t)len - HASH_DIGITS - 2);
		reader->good = at;
		reader->n_before_good = n_bad;
		reader->n_damaged += reader->n_pending;
		reader->n_pending = 0;
	}
	free(line);
}

static int
read_segment(
	struct journal *journal, struct segment *segment, struct reader *reader, struct err *err)
{
	char *path = journal_path(journal, segment->number);
	FILE *in = fopen(path, "re");
	struct stat st;
	int rc = 0;

	if (in == NULL || fstat(fileno(in), &st) != 0) {
		rc = disk_error(err, path, "opened");
	} else {
		read_lines(reader, in);
		segment->size = (uint64_t)st.st_size;
		segment->n_damaged = reader->n_before_good;
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
	struct segment *segment = journal_last(journal);
	char *path = journal_path(journal, segment->number);
	int rc = 0;

	journal->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, JOURNAL_FILE_MODE);
	if (journal->fd < 0 || fchmod(journal->fd, JOURNAL_FILE_MODE) != 0) {
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
		journal_add_segment(journal, 0);
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
