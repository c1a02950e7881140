/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/scribe.h"

#include <stdlib.h>

#include "base/memory.h"
#include "schema/helper.h"

struct scribe {
	struct helper *helper;
	size_t room;
	uint64_t growing;
	/* the helper's, while it is busy */
	struct journal *journal;
	char *lines;
	size_t len;
	uint64_t number;
	uint64_t keep;
	int rc;
	struct err err;
};

static void
look(struct scribe *scribe)
{
	scribe->room = journal_room(scribe->journal);
	scribe->growing = journal_growing(scribe->journal);
}

void
scribe_create(struct journal *journal, int wake_fd, struct scribe **out)
{
	struct scribe *scribe = must_calloc(1, sizeof(*scribe));

	scribe->journal = journal;
	helper_create("journal", wake_fd, &scribe->helper);
	look(scribe);
	*out = scribe;
}

void
scribe_destroy(struct scribe *scribe)
{
	if (scribe != NULL) {
		helper_destroy(scribe->helper);
		journal_close(scribe->journal);
		free(scribe->lines);
		free(scribe);
	}
}

static void
do_append(void *arg)
{
	struct scribe *scribe = arg;

	scribe->rc = journal_append(scribe->journal, scribe->lines, scribe->len, &scribe->err);
}

static void
do_reserve(void *arg)
{
	struct scribe *scribe = arg;

	scribe->rc = journal_reserve(scribe->journal, scribe->len, &scribe->err);
}

static void
do_rotate(void *arg)
{
	struct scribe *scribe = arg;

	scribe->rc = journal_rotate(
		scribe->journal, scribe->number, scribe->lines, scribe->len, &scribe->err);
	if (scribe->rc == 0) {
		journal_drop(scribe->journal, scribe->keep);
	}
}

static void
begin(struct scribe *scribe, helper_fn fn, char *lines, size_t len)
{
	scribe->lines = lines;
	scribe->len = len;
	scribe->err = (struct err)ERR_INIT;
	helper_begin(scribe->helper, fn, scribe);
}

void
scribe_append(struct scribe *scribe, char *lines, size_t len)
{
	begin(scribe, do_append, lines, len);
}

void
scribe_reserve(struct scribe *scribe, size_t len)
{
	begin(scribe, do_reserve, NULL, len);
}

void
scribe_rotate(struct scribe *scribe, uint64_t number, char *lines, size_t len, uint64_t keep)
{
	scribe->number = number;
	scribe->keep = keep;
	begin(scribe, do_rotate, lines, len);
}

bool
scribe_busy(const struct scribe *scribe)
{
	return helper_busy(scribe->helper);
}

bool
scribe_take(struct scribe *scribe, int *rc, struct err *err)
{
	if (!helper_take(scribe->helper)) {
		return false;
	}
	free(scribe->lines);
	scribe->lines = NULL;
	look(scribe);
	*rc = scribe->rc;
	*err = scribe->err;
	return true;
}

bool
scribe_wait(struct scribe *scribe, uint64_t until)
{
	return helper_wait(scribe->helper, until);
}

size_t
scribe_room(const struct scribe *scribe)
{
	return scribe->room;
}

uint64_t
scribe_growing(const struct scribe *scribe)
{
	return scribe->growing;
}
