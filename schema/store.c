/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/store.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/checkpoint.h"
#include "schema/file.h"
#include "schema/journal.h"
#include "schema/jx.h"

LOG_MODULE("config-file");

#define KNOWN_MAX 64 /* attempts to write FILE since the last that went well */
#define ROTATE_SIZE (1U << 20) /* bytes of a file of the journal, before the next is begun */
#define ROTATE_REVISIONS (HISTORY_MAX / 2)
#define HURRY_SIZE (64U << 20) /* bytes of the journal's last file that make FILE due at once */
#define RETRY_NS UINT64_C(10000000000)
#define NEVER UINT64_MAX

/* A content that FILE may have. */
struct known {
	uint64_t hash;
	uint64_t revision;
};

struct store {
	struct file *file;
	struct journal *journal;
	struct history *history; /* borrowed */
	struct checkpoint *checkpoint;
	size_t n_known;
	struct known known[KNOWN_MAX]; /* [0] is the last one written, if any was */
	uint64_t read_hash; /* FILE's at start */
	uint64_t n_strange; /* lines that say nothing */
	char *late; /* lines that have yet to be written */
	size_t late_len;
	uint64_t late_at; /* when to try again */
	/* FILE is due at `due`; NEVER: it is up to date, or it is being written */
	uint64_t due;
	uint64_t dirty_since;
	bool dirty;
	uint64_t begun; /* the last revision of the journal's older files */
};

/* --- lines ---------------------------------------------------------------------------------- */

static void
known_line(char **lines, size_t *len, const struct known *known, bool written)
{
	char text[128];
	int n = snprintf(text, sizeof(text),
		"{\"file\": \"%016" PRIx64 "\", \"revision\": %" PRIu64 ", \"written\": %s}",
		known->hash, known->revision, written ? "true" : "false");

	journal_line(lines, len, text, (size_t)n);
}

/* What waits, and `lines`. */
static int
write_lines(struct store *store, const char *lines, size_t len, bool durable, struct err *err)
{
	int rc;

	if (store->late_len == 0) {
		return journal_append(store->journal, lines, len, durable, err);
	}
	store->late = must_realloc(store->late, store->late_len + len);
	memcpy(store->late + store->late_len, lines, len);
	rc = journal_append(store->journal, store->late, store->late_len + len, durable, err);
	if (rc == 0) {
		store->late_len = 0;
	}
	return rc;
}

/* Try to write what waits. */
static void
write_late(struct store *store, uint64_t now)
{
	struct err err = ERR_INIT;

	if (store->late_len == 0 || now < store->late_at) {
		return;
	}
	if (write_lines(store, "", 0, true, &err) != 0) {
		log_warn("%s; it is tried again", err.text);
		store->late_at = now + RETRY_NS;
	}
}

/* --- reading -------------------------------------------------------------------------------- */

static void
learn(struct store *store, uint64_t hash, uint64_t revision, bool written)
{
	if (written) {
		store->n_known = 0;
	} else if (store->n_known == KNOWN_MAX) {
		store->n_known--;
		memmove(&store->known[1], &store->known[2],
			(KNOWN_MAX - 2) * sizeof(store->known[0]));
	}
	store->known[store->n_known++] = (struct known){.hash = hash, .revision = revision};
}

static bool
read_known(struct store *store, const json_t *json)
{
	const char *hash = json_string_value(json_object_get(json, "file"));
	json_int_t revision = json_integer_value(json_object_get(json, "revision"));
	char *end;
	uint64_t value;

	if (hash == NULL || revision < 0) {
		return false;
	}
	value = strtoull(hash, &end, 16);
	if (*end != '\0') {
		return false;
	}
	learn(store, value, (uint64_t)revision, json_is_true(json_object_get(json, "written")));
	return true;
}

static void
read_line(void *arg, const char *text, size_t len)
{
	struct store *store = arg;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	bool good;

	if (json_object_get(json, "changes") != NULL) {
		good = history_add(store->history, json, text, len);
	} else if (json_object_get(json, "confirmed") != NULL) {
		history_confirm(store->history, json);
		good = true;
	} else {
		good = read_known(store, json);
	}
	store->n_strange += !good;
	json_decref(json);
}

static int
open_journal(struct store *store, struct err *err)
{
	const char *folder = file_folder(store->file);
	size_t n_damaged = 0;
	int rc = journal_open(folder, read_line, store, &n_damaged, &store->journal, err);

	if (rc == 0 && n_damaged + store->n_strange > 0) {
		log_warn("%s: %zu lines of the journal are damaged and left out", folder,
			n_damaged + store->n_strange);
	}
	return rc;
}

/* Which revision is FILE? */
static void
find_base(const struct store *store, struct store_content *content)
{
	content->last = history_last(store->history);
	for (size_t i = 0; i < store->n_known; i++) {
		if (store->known[i].revision > content->last) {
			content->last = store->known[i].revision;
		}
	}
	for (size_t i = store->n_known; i > 0; i--) {
		if (store->known[i - 1].hash == store->read_hash) {
			content->base = store->known[i - 1].revision;
			return;
		}
	}
	content->base = content->last;
	content->foreign = content->last > 0;
}

int
store_open(const char *path, struct history *history, struct store_content *content,
	struct store **out, struct err *err)
{
	struct store *store = must_calloc(1, sizeof(*store));
	int rc;

	memset(content, 0, sizeof(*content));
	store->history = history;
	history_keep_all(history, true);
	store->due = NEVER;
	rc = file_open(path, &store->file, err);
	if (rc == 0) {
		rc = open_journal(store, err);
	}
	if (rc == 0) {
		rc = file_read(store->file, &content->document, &store->read_hash, err);
	}
	if (rc != 0) {
		store_close(store);
		return rc;
	}
	find_base(store, content);
	store->begun = content->last;
	checkpoint_create(store->file, store->journal, &store->checkpoint);
	*out = store;
	return 0;
}

void
store_close(struct store *store)
{
	if (store == NULL) {
		return;
	}
	write_late(store, NEVER);
	checkpoint_destroy(store->checkpoint);
	journal_close(store->journal);
	file_close(store->file);
	free(store->late);
	free(store);
}

const char *
store_folder(const struct store *store)
{
	return file_folder(store->file);
}

/* --- writing -----------------------------------------------------------------------------------
 */

static int
write_known(struct store *store, const struct known *known, bool written, struct err *err)
{
	char *lines = NULL;
	size_t len = 0;
	int rc;

	known_line(&lines, &len, known, written);
	rc = write_lines(store, lines, len, false, err);
	free(lines);
	if (rc == 0) {
		learn(store, known->hash, known->revision, written);
	}
	return rc;
}

void
store_adopt(struct store *store, uint64_t revision)
{
	struct known known = {.hash = store->read_hash, .revision = revision};
	char *lines = NULL;
	size_t len = 0;

	if (store->n_known == 1 && store->known[0].hash == known.hash &&
		store->known[0].revision == revision) {
		return;
	}
	known_line(&lines, &len, &known, true);
	learn(store, known.hash, known.revision, true);
	store->late = must_realloc(store->late, store->late_len + len);
	memcpy(store->late + store->late_len, lines, len);
	store->late_len += len;
	free(lines);
	write_late(store, NEVER);
}

int
store_reserve(struct store *store, size_t len, struct err *err)
{
	return journal_reserve(store->journal, store->late_len + len + 64, err);
}

int
store_append(struct store *store, const char *text, size_t len, struct err *err)
{
	char *lines = NULL;
	size_t lines_len = 0;
	int rc;

	journal_line(&lines, &lines_len, text, len);
	rc = write_lines(store, lines, lines_len, true, err);
	free(lines);
	return rc;
}

void
store_append_late(struct store *store, const char *text, size_t len)
{
	journal_line(&store->late, &store->late_len, text, len);
	store->late_at = 0;
	write_late(store, 0);
}

/* --- FILE ----------------------------------------------------------------------------------- */

void
store_touch(struct store *store, uint64_t now)
{
	if (!store->dirty) {
		store->dirty_since = now;
	}
	store->dirty = true;
	store->due = now + STORE_QUIET_NS;
	if (store->due > store->dirty_since + STORE_LAG_NS) {
		store->due = store->dirty_since + STORE_LAG_NS;
	}
	if (journal_growing(store->journal) > HURRY_SIZE) {
		store->due = now;
	}
}

bool
store_dirty(const struct store *store)
{
	return store->dirty;
}

/* Begin the journal's next file, and let go of those that only have what is not kept. */
static void
rotate(struct store *store, const struct known *known)
{
	uint64_t last = history_last(store->history);
	uint64_t keep = history_first(store->history);
	struct err err = ERR_INIT;
	char *lines = NULL;
	size_t len = 0;

	if (store->late_len > 0 || last <= store->begun ||
		(journal_growing(store->journal) < ROTATE_SIZE &&
			last - store->begun < ROTATE_REVISIONS)) {
		return;
	}
	known_line(&lines, &len, known, true);
	if (journal_rotate(store->journal, last + 1, lines, len, &err) == 0) {
		store->begun = last;
		journal_drop(store->journal, keep <= known->revision ? keep : known->revision + 1);
	} else {
		log_info("%s", err.text);
	}
	free(lines);
}

static void
saved(struct store *store, const struct known *known, uint64_t now)
{
	struct err err = ERR_INIT;
	int rc = checkpoint_result(store->checkpoint, &err);

	if (rc != 0) {
		log_warn("%s; the journal in %s has all changes, and it is tried again", err.text,
			store_folder(store));
		store->dirty = true;
		store->due = now + RETRY_NS;
		return;
	}
	(void)write_known(store, known, true, &err);
	/* Edits that came meanwhile have said when it is due again. */
	store->dirty = store->due != NEVER;
	rotate(store, known);
}

/* The known of the write that runs or has just run: the newest that was said. */
static struct known
newest(const struct store *store)
{
	return store->known[store->n_known - 1];
}

bool
store_step(struct store *store, uint64_t now, uint64_t *next)
{
	uint64_t due;

	write_late(store, now);
	if (checkpoint_runs(store->checkpoint)) {
		if (!checkpoint_ended(store->checkpoint)) {
			*next = STORE_POLL_NS;
			return false;
		}
		struct known known = newest(store);

		saved(store, &known, now);
	}
	due = store->due;
	if (store->late_len > 0 && store->late_at < due) {
		due = store->late_at;
	}
	*next = due == NEVER ? NEVER : due > now ? due - now : 0;
	return store->due <= now && store->late_len == 0;
}

void
store_save(struct store *store, char *text, size_t len, uint64_t revision, uint64_t now, bool wait)
{
	struct known known = {.hash = journal_hash(text, len), .revision = revision};
	struct err err = ERR_INIT;

	if (checkpoint_runs(store->checkpoint)) {
		struct known running = newest(store);

		assert(wait);
		checkpoint_wait(store->checkpoint);
		saved(store, &running, now);
	}
	/* The line comes to the disk with the checkpoint, before FILE gets this content. */
	if (write_known(store, &known, false, &err) != 0) {
		log_warn("%s; it is tried again", err.text);
		store->due = now + RETRY_NS;
		free(text);
		return;
	}
	store->due = NEVER;
	store->dirty_since = now;
	checkpoint_begin(store->checkpoint, text, len);
	if (wait) {
		checkpoint_wait(store->checkpoint);
		saved(store, &known, now);
	}
}
