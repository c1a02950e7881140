/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/store.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/checkpoint.h"
#include "schema/file.h"
#include "schema/journal.h"
#include "schema/jx.h"
#include "schema/known.h"
#include "schema/scribe.h"

LOG_MODULE("config-file");

#define ROTATE_SIZE (1U << 20) /* bytes of a file of the journal, before the next is begun */
#define ROTATE_REVISIONS (HISTORY_MAX / 2)
#define HURRY_SIZE (64U << 20) /* bytes of the journal's last file that make FILE due at once */
#define LINE_EXTRA 64 /* bytes of a line beside its text, and of what may be written with it */
#define RETRY_NS UINT64_C(10000000000)
#define NEVER UINT64_MAX

/* What a transaction waits for. */
enum want { WANT_NOTHING, WANT_ROOM, WANT_LINE };

/* What the scribe does. */
enum doing { DOING_NOTHING, DOING_LATE, DOING_ROOM, DOING_LINE, DOING_ROTATION };

struct store {
	struct file *file;
	struct scribe *scribe;
	struct history *history; /* borrowed */
	struct checkpoint *checkpoint;
	uint64_t now; /* as was said last */
	bool going; /* within go_on() */
	bool hangs; /* the disk was waited for in vain */
	struct known_set known;
	uint64_t read_hash; /* FILE's at start */
	uint64_t n_strange; /* lines that say nothing */
	/* what the transaction wants, until it is begun; then who waits for its end */
	enum want want;
	char *line; /* WANT_LINE */
	size_t len; /* of it, or of the room */
	store_done_fn done;
	void *done_arg;
	bool reserved; /* room was found, and what it is for has yet to come */
	/* the scribe's job */
	enum doing doing;
	size_t n_doing; /* bytes of `late` in it */
	uint64_t rotating; /* the last revision before the next file of the journal */
	bool rotate; /* the journal's next file is due */
	/* lines that have yet to be written, in their order, before all others */
	char *late;
	size_t late_len;
	uint64_t late_at; /* when to try again */
	/* FILE is due at `due`; NEVER: it is up to date, or it is being written */
	uint64_t due;
	uint64_t dirty_since;
	bool dirty;
	/* a text that becomes FILE when its line is written: `unsaid` bytes of `late` */
	char *text;
	size_t text_len;
	size_t unsaid;
	struct known saving; /* that text, until it is FILE */
	uint64_t begun; /* the last revision of the journal's older files */
};

static void go_on(struct store *store);

/* --- lines ---------------------------------------------------------------------------------- */

static void
add_late(struct store *store, const struct known *known, bool written)
{
	known_line(&store->late, &store->late_len, known, written);
	store->late_at = 0;
}

/* --- reading -------------------------------------------------------------------------------- */

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
		good = known_read(&store->known, json);
	}
	store->n_strange += !good;
	json_decref(json);
}

static int
open_journal(struct store *store, int wake_fd, struct err *err)
{
	const char *folder = file_folder(store->file);
	struct journal *journal;
	size_t n_damaged = 0;
	int rc = journal_open(folder, read_line, store, &n_damaged, &journal, err);

	if (rc == 0) {
		scribe_create(journal, wake_fd, &store->scribe);
	}
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
	const struct known *known = known_find(&store->known, store->read_hash);
	uint64_t last = history_last(store->history);

	content->last = known_last(&store->known);
	if (content->last < last) {
		content->last = last;
	}
	content->base = known == NULL ? content->last : known->revision;
	content->foreign = known == NULL && content->last > 0;
}

/* What was FILE before somebody wrote another? */
static void
find_written(const struct store *store, struct store_content *content)
{
	const struct known *known;
	uint64_t hash;

	file_read_written(store->file, &content->written, &hash);
	known = known_find(&store->known, hash);
	if (known == NULL) {
		json_decref(content->written);
		content->written = NULL;
	} else {
		content->written_base = known->revision;
	}
}

int
store_open(const char *path, int wake_fd, struct history *history, struct store_content *content,
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
		rc = open_journal(store, wake_fd, err);
	}
	if (rc == 0) {
		rc = file_read(store->file, &content->document, &store->read_hash, err);
	}
	if (rc != 0) {
		(void)store_close(store);
		return rc;
	}
	find_base(store, content);
	if (content->foreign) {
		find_written(store, content);
	}
	store->begun = content->last;
	checkpoint_create(store->file, wake_fd, &store->checkpoint);
	*out = store;
	return 0;
}

/* Return when there is nothing that waits for the disk, but for what it has refused. False: nothing
 * of it has ended in STORE_PATIENCE_NS. */
static bool
settle(struct store *store)
{
	go_on(store);
	while (!store->hangs &&
		(scribe_busy(store->scribe) || checkpoint_runs(store->checkpoint))) {
		uint64_t until = clock_now() + STORE_PATIENCE_NS;

		store->hangs = !scribe_wait(store->scribe, until) ||
			!checkpoint_wait(store->checkpoint, until);
		go_on(store);
	}
	return !store->hangs;
}

bool
store_close(struct store *store)
{
	bool settled = true;

	if (store == NULL) {
		return true;
	}
	if (store->checkpoint != NULL) {
		store->late_at = 0;
		settled = settle(store);
	}
	if (settled) {
		checkpoint_destroy(store->checkpoint);
		scribe_destroy(store->scribe);
		file_close(store->file);
	} else {
		/* A thread has them, and the lock stays until it ends with the process. */
		log_warn("the disk does not answer: the next start finds in %s what the file lacks",
			store_folder(store));
	}
	free(store->late);
	free(store->line);
	free(store->text);
	free(store);
	return settled;
}

const char *
store_folder(const struct store *store)
{
	return file_folder(store->file);
}

/* --- lines that are written ------------------------------------------------------------------- */

void
store_adopt(struct store *store, uint64_t revision)
{
	struct known known = {.hash = store->read_hash, .revision = revision};

	if (store->known.n == 1 && store->known.known[0].hash == known.hash &&
		store->known.known[0].revision == revision) {
		return;
	}
	add_late(store, &known, true);
	known_learn(&store->known, &known, true);
	go_on(store);
}

static void
want(struct store *store, enum want what, size_t len, store_done_fn done, void *arg)
{
	assert(store->want == WANT_NOTHING && store->done == NULL);
	store->want = what;
	store->len = len;
	store->done = done;
	store->done_arg = arg;
	go_on(store);
}

void
store_reserve(struct store *store, size_t len, store_done_fn done, void *arg)
{
	struct err err = ERR_INIT;

	len += store->late_len + LINE_EXTRA;
	if (!scribe_busy(store->scribe) && len <= scribe_room(store->scribe)) {
		store->reserved = true;
		done(arg, 0, &err);
		return;
	}
	want(store, WANT_ROOM, len, done, arg);
}

void
store_release(struct store *store)
{
	if (store->reserved) {
		store->reserved = false;
		go_on(store);
	}
}

void
store_append(struct store *store, const char *text, size_t len, store_done_fn done, void *arg)
{
	size_t line_len = 0;

	store->reserved = false;
	store->line = NULL;
	journal_line(&store->line, &line_len, text, len);
	want(store, WANT_LINE, line_len, done, arg);
}

void
store_append_late(struct store *store, const char *text, size_t len)
{
	journal_line(&store->late, &store->late_len, text, len);
	store->late_at = 0;
	go_on(store);
}

/* What waits, and the line that is wanted, if it is time. */
static void
begin_append(struct store *store, enum doing doing)
{
	size_t len = doing == DOING_LINE ? store->len : 0;
	char *lines = must_realloc(NULL, store->late_len + len);

	if (store->late_len > 0) {
		memcpy(lines, store->late, store->late_len);
	}
	if (len > 0) {
		memcpy(lines + store->late_len, store->line, len);
		free(store->line);
		store->line = NULL;
	}
	store->doing = doing;
	store->n_doing = store->late_len;
	scribe_append(store->scribe, lines, store->late_len + len);
}

/* The text that has been said becomes FILE. */
static void
begin_checkpoint(struct store *store)
{
	known_learn(&store->known, &store->saving, false);
	checkpoint_begin(store->checkpoint, store->text, store->text_len);
	store->text = NULL;
}

/* The lines that waited are on the disk, or not. */
static void
end_append(struct store *store, enum doing doing, int rc, const struct err *err)
{
	size_t n = store->n_doing;

	if (n == 0) {
		return;
	}
	if (rc != 0) {
		if (doing == DOING_LATE) {
			log_warn("%s; it is tried again", err->text);
		}
		store->late_at = store->now + RETRY_NS;
		return;
	}
	store->late_len -= n;
	memmove(store->late, store->late + n, store->late_len);
	if (store->text != NULL && store->unsaid <= n) {
		begin_checkpoint(store);
	} else if (store->text != NULL) {
		store->unsaid -= n;
	}
}

/* --- FILE ----------------------------------------------------------------------------------- */

void
store_touch(struct store *store, uint64_t now)
{
	store->now = now;
	if (!store->dirty) {
		store->dirty_since = now;
	}
	store->dirty = true;
	store->due = now + STORE_QUIET_NS;
	if (store->due > store->dirty_since + STORE_LAG_NS) {
		store->due = store->dirty_since + STORE_LAG_NS;
	}
	if (scribe_growing(store->scribe) > HURRY_SIZE) {
		store->due = now;
	}
}

bool
store_dirty(const struct store *store)
{
	return store->dirty;
}

/* A text is on its way to FILE. */
static bool
is_saving(const struct store *store)
{
	return store->text != NULL || checkpoint_runs(store->checkpoint);
}

/* Begin the journal's next file, and let go of those that only have what is not kept. FILE is
 * known.known[0], and nothing else is on its way to it. */
static void
begin_rotation(struct store *store)
{
	const struct known *known = &store->known.known[0];
	uint64_t keep = history_first(store->history);
	char *lines = NULL;
	size_t len = 0;

	known_line(&lines, &len, known, true);
	store->rotate = false;
	store->doing = DOING_ROTATION;
	store->rotating = history_last(store->history);
	scribe_rotate(store->scribe, store->rotating + 1, lines, len,
		keep <= known->revision ? keep : known->revision + 1);
}

static void
end_checkpoint(struct store *store, int rc, const struct err *err)
{
	uint64_t last = history_last(store->history);

	if (rc != 0) {
		log_warn("%s; the journal in %s has all changes, and it is tried again", err->text,
			store_folder(store));
		store->dirty = true;
		store->due = store->now + RETRY_NS;
		return;
	}
	add_late(store, &store->saving, true);
	known_learn(&store->known, &store->saving, true);
	/* Edits that came meanwhile have said when it is due again. */
	store->dirty = store->due != NEVER;
	store->rotate = last > store->begun &&
		(scribe_growing(store->scribe) >= ROTATE_SIZE ||
			last - store->begun >= ROTATE_REVISIONS);
}

void
store_save(struct store *store, char *text, size_t len, uint64_t revision, bool wait)
{
	if (is_saving(store)) {
		assert(wait);
		if (!settle(store)) {
			free(text);
			return;
		}
		free(store->text); /* one whose line could not be written */
	}
	store->saving = (struct known){.hash = journal_hash(text, len), .revision = revision};
	store->text = text;
	store->text_len = len;
	/* The line is on the disk before FILE gets this content. */
	add_late(store, &store->saving, false);
	store->unsaid = store->late_len;
	store->due = NEVER;
	store->rotate = false; /* there is another content that FILE may have */
	store->dirty_since = store->now;
	go_on(store);
	if (wait) {
		(void)settle(store);
	}
}

/* --- as the disk goes on ---------------------------------------------------------------------- */

/* Tell who waits. It may want more at once. */
static void
tell(struct store *store, int rc, const struct err *err)
{
	store_done_fn done = store->done;

	store->done = NULL;
	done(store->done_arg, rc, err);
}

/* False: nothing has ended. */
static bool
end_one(struct store *store)
{
	struct err err = ERR_INIT;
	enum doing doing;
	int rc;

	if (checkpoint_take(store->checkpoint, &rc, &err)) {
		end_checkpoint(store, rc, &err);
		return true;
	}
	if (!scribe_take(store->scribe, &rc, &err)) {
		return false;
	}
	doing = store->doing;
	store->doing = DOING_NOTHING;
	if (doing == DOING_LATE || doing == DOING_LINE) {
		end_append(store, doing, rc, &err);
	} else if (doing == DOING_ROTATION && rc == 0) {
		store->begun = store->rotating;
	} else if (doing == DOING_ROTATION) {
		log_info("%s", err.text);
	}
	if (doing == DOING_LINE || doing == DOING_ROOM) {
		store->reserved = doing == DOING_ROOM && rc == 0;
		tell(store, rc, &err);
	}
	return true;
}

/* False: nothing is to be begun. */
static bool
begin_one(struct store *store)
{
	if (scribe_busy(store->scribe)) {
		return false;
	}
	if (store->want == WANT_LINE) {
		store->want = WANT_NOTHING;
		begin_append(store, DOING_LINE);
	} else if (store->want == WANT_ROOM) {
		store->want = WANT_NOTHING;
		store->doing = DOING_ROOM;
		scribe_reserve(store->scribe, store->len);
	} else if (store->late_len > 0 && store->late_at <= store->now) {
		begin_append(store, DOING_LATE);
	} else if (store->rotate && !store->reserved && store->late_len == 0 && !is_saving(store)) {
		begin_rotation(store);
	} else {
		return false;
	}
	return true;
}

/* End what has ended and begin what waits, until all that is left waits for the disk. */
static void
go_on(struct store *store)
{
	if (store->going) {
		return; /* called back from below: the loop sees it */
	}
	store->going = true;
	while (end_one(store) || begin_one(store)) {
	}
	store->going = false;
}

bool
store_step(struct store *store, uint64_t now, uint64_t *next)
{
	uint64_t due = NEVER;

	store->now = now;
	go_on(store);
	/* What a thread does says itself when it has ended. */
	if (store->late_len > 0) {
		due = scribe_busy(store->scribe) ? NEVER : store->late_at;
	} else if (!is_saving(store)) {
		due = store->due;
	}
	*next = due == NEVER ? NEVER : due > now ? due - now : 0;
	return due <= now && store->late_len == 0;
}
