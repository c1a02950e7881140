/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "schema/jx.h"

struct revision {
	uint64_t number;
	json_t *head;
	char *text;
	size_t len;
	bool provisional; /* waits for its confirm */
	bool undone; /* was provisional; the first that is not has taken it back */
	bool known; /* its changes are */
};

struct history {
	bool whole; /* nothing is let go */
	size_t n;
	size_t room; /* of the array */
	size_t size; /* bytes of all texts */
	struct revision *revisions; /* oldest first */
};

void
history_create(struct history **out)
{
	*out = must_calloc(1, sizeof(**out));
}

static void
drop(struct history *history, size_t at)
{
	struct revision *revision = &history->revisions[at];

	history->size -= revision->len;
	json_decref(revision->head);
	free(revision->text);
	history->n--;
	memmove(revision, revision + 1, (history->n - at) * sizeof(*revision));
}

void
history_destroy(struct history *history)
{
	if (history == NULL) {
		return;
	}
	while (history->n > 0) {
		drop(history, history->n - 1);
	}
	free(history->revisions);
	free(history);
}

static struct revision *
last_of(struct history *history)
{
	return history->n == 0 ? NULL : &history->revisions[history->n - 1];
}

/* The record without what may be long. NULL if it is no record. */
static json_t *
head_of(const json_t *record)
{
	const json_t *changes = json_object_get(record, "changes");
	json_t *head;

	if (!json_is_integer(json_object_get(record, "revision")) ||
		json_integer_value(json_object_get(record, "revision")) <= 0 ||
		!json_is_string(json_object_get(record, "time")) ||
		!json_is_string(json_object_get(record, "user")) ||
		!json_is_string(json_object_get(record, "from")) ||
		!json_is_string(json_object_get(record, "change")) || !json_is_array(changes)) {
		return NULL;
	}
	head = json_copy((json_t *)(uintptr_t)record);
	if (head == NULL) {
		abort();
	}
	jx_set(head, "changes", jx_integer((json_int_t)json_array_size(changes)));
	return head;
}

/* What was provisional has been taken back. */
static void
settle(struct history *history)
{
	for (size_t i = history->n; i > 0 && history->revisions[i - 1].provisional; i--) {
		history->revisions[i - 1].provisional = false;
		history->revisions[i - 1].undone = true;
		(void)json_object_del(history->revisions[i - 1].head, "confirm-by");
	}
}

/* The array's next place. */
static struct revision *
next_place(struct history *history)
{
	if (history->n == history->room) {
		history->room = history->room == 0 ? HISTORY_MAX + 1 : 2 * history->room;
		history->revisions = must_realloc(
			history->revisions, history->room * sizeof(*history->revisions));
	}
	return &history->revisions[history->n++];
}

static void
trim(struct history *history)
{
	size_t extra = 0;
	size_t size = history->size;

	while (history->n - extra > 1 &&
		(history->n - extra > HISTORY_MAX || size > HISTORY_SIZE_MAX)) {
		size -= history->revisions[extra].len;
		extra++;
	}
	while (extra > 0) {
		drop(history, --extra);
	}
}

void
history_keep_all(struct history *history, bool all)
{
	history->whole = all;
	if (!all) {
		trim(history);
	}
}

/* A file's changes are if it says so, or has some; others are unless they say otherwise. */
static bool
is_known(const json_t *head, const char *change)
{
	const json_t *known = json_object_get(head, "known");

	if (json_is_boolean(known)) {
		return json_is_true(known);
	}
	return strcmp(change, "file") != 0 ||
		json_integer_value(json_object_get(head, "changes")) > 0;
}

bool
history_add(struct history *history, const json_t *record, const char *text, size_t len)
{
	json_t *head = head_of(record);
	const char *change = json_string_value(json_object_get(head, "change"));
	struct revision *revision;
	uint64_t number;

	if (head == NULL) {
		return false;
	}
	number = (uint64_t)json_integer_value(json_object_get(head, "revision"));
	while (history->n > 0 && last_of(history)->number + 1 != number) {
		drop(history, 0);
	}
	if (strcmp(change, "provisional") != 0) {
		settle(history);
	}
	revision = next_place(history);
	*revision = (struct revision){
		.number = number,
		.head = head,
		.text = must_calloc(len + 1, 1),
		.len = len,
		.provisional = strcmp(change, "provisional") == 0,
		.known = is_known(head, change),
	};
	memcpy(revision->text, text, len);
	history->size += len;
	if (!history->whole) {
		trim(history);
	}
	return true;
}

/* Who confirmed it, and when: what the line says of it that text can be. */
static void
set_confirmed(json_t *head, const json_t *line)
{
	static const char *const members[][2] = {
		{"user", "confirmed-by"}, {"from", "confirmed-from"}, {"time", "confirmed-at"}};

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const char *text = json_string_value(json_object_get(line, members[i][0]));

		if (text != NULL) {
			jx_set(head, members[i][1], jx_string(text));
		}
	}
}

void
history_confirm(struct history *history, const json_t *line)
{
	for (size_t i = history->n; i > 0 && history->revisions[i - 1].provisional; i--) {
		struct revision *revision = &history->revisions[i - 1];

		revision->provisional = false;
		jx_set(revision->head, "change", jx_string("commit"));
		set_confirmed(revision->head, line);
		(void)json_object_del(revision->head, "confirm-by");
	}
}

void
history_confirm_by(struct history *history, const json_t *by)
{
	for (size_t i = history->n; i > 0 && history->revisions[i - 1].provisional; i--) {
		jx_set(history->revisions[i - 1].head, "confirm-by", jx_copy(by));
	}
}

uint64_t
history_last(const struct history *history)
{
	return history->n == 0 ? 0 : history->revisions[history->n - 1].number;
}

uint64_t
history_first(const struct history *history)
{
	return history->n == 0 ? 0 : history->revisions[0].number;
}

static const struct revision *
find(const struct history *history, uint64_t number)
{
	uint64_t first = history_first(history);

	return history->n == 0 || number < first || number - first >= history->n
		? NULL
		: &history->revisions[number - first];
}

bool
history_provisional(const struct history *history, uint64_t *base)
{
	size_t i = history->n;

	while (i > 0 && history->revisions[i - 1].provisional) {
		i--;
	}
	if (i == history->n) {
		return false;
	}
	*base = history->revisions[i].number - 1;
	return true;
}

uint64_t
history_before(const struct history *history, uint64_t number)
{
	for (;;) {
		uint64_t at = number;
		const struct revision *revision;

		while ((revision = find(history, at - 1)) != NULL && revision->undone) {
			at--;
		}
		if (at == number) {
			return number == 0 ? 0 : number - 1;
		}
		/* Taken back: the same as the one before the first of them. */
		number = at - 1;
	}
}

bool
history_has_room(const struct history *history, size_t len)
{
	size_t n = 0;

	for (size_t i = history->n; i > 0 && history->revisions[i - 1].provisional; i--) {
		len += history->revisions[i - 1].len;
		n++;
	}
	return n == 0 || (n < HISTORY_PROVISIONAL_MAX && len <= HISTORY_SIZE_MAX / 2);
}

const json_t *
history_head(const struct history *history, uint64_t number)
{
	const struct revision *revision = find(history, number);

	return revision == NULL ? NULL : revision->head;
}

static int
add_changes(const struct revision *revision, struct diff *diff, struct err *err)
{
	json_t *record;
	bool good;

	if (!revision->known) {
		return err_set(err, ERR_MISSING, NULL,
			"revision %" PRIu64 " is a file that somebody wrote while no daemon ran; "
			"what it changed is not known, so nothing leads over it",
			revision->number);
	}
	record = json_loadb(revision->text, revision->len, 0, NULL);
	good = diff_add(diff, json_object_get(record, "changes"));
	json_decref(record);
	return good ? 0
		    : err_set(err, ERR_FAILED, NULL,
			      "the record of revision %" PRIu64 " is damaged", revision->number);
}

int
history_diff(const struct history *history, uint64_t from, uint64_t to, struct diff *diff,
	struct err *err)
{
	for (uint64_t number = from + 1; number <= to; number++) {
		const struct revision *revision = find(history, number);
		int rc;

		if (revision == NULL) {
			return err_set(err, ERR_MISSING, NULL,
				"revision %" PRIu64 " is not kept any more%s", from,
				history->n == 0 ? "" : "; see history");
		}
		rc = add_changes(revision, diff, err);
		if (rc != 0) {
			return rc;
		}
	}
	return 0;
}

json_t *
history_list(const struct history *history, size_t limit, uint64_t before)
{
	json_t *result = jx_object();
	json_t *list = jx_array();
	size_t i = history->n;

	while (i > 0 && before != 0 && history->revisions[i - 1].number >= before) {
		i--;
	}
	for (; i > 0 && json_array_size(list) < limit; i--) {
		const struct revision *revision = &history->revisions[i - 1];
		json_t *head = jx_copy(revision->head);

		if (revision->provisional) {
			jx_set(head, "provisional", json_true());
		}
		jx_append(list, head);
	}
	jx_set(result, "revisions", list);
	if (i > 0 && json_array_size(list) > 0) {
		jx_set(result, "next", jx_integer((json_int_t)history->revisions[i].number));
	}
	return result;
}
