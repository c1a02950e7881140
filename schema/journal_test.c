/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines on disk: what comes back, what is cut off, left out, dropped. */
#include "schema/journal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "schema/test_backend.h"

static char folder[256];

/* All lines that were read, each with a '|' behind it. */
static char lines[4096];

static void
visit(void *arg, const char *text, size_t len)
{
	assert_int_equal(strlen(text), len);
	(void)str_append(lines, text, sizeof(lines));
	(void)str_append(lines, "|", sizeof(lines));
}

static struct journal *
open_journal(size_t *n_damaged)
{
	struct journal *journal;
	struct err err = ERR_INIT;

	lines[0] = '\0';
	if (journal_open(folder, visit, NULL, n_damaged, &journal, &err) != 0) {
		fail_msg("%s", err.text);
	}
	return journal;
}

static void
append(struct journal *journal, const char *text)
{
	char *buf = NULL;
	size_t len = 0;

	journal_line(&buf, &len, text, strlen(text));
	assert_int_equal(journal_reserve(journal, len, NULL), 0);
	assert_int_equal(journal_append(journal, buf, len, NULL), 0);
	free(buf);
}

static const char *
file(unsigned int number)
{
	static char path[400];

	(void)snprintf(path, sizeof(path), "%s/journal.%020u", folder, number);
	return path;
}

/* Write `text` at `offset` (-1: at the end) of a file of the journal. */
static void
spoil(unsigned int number, off_t offset, const char *text)
{
	int fd = open(file(number), O_WRONLY);

	assert_true(fd >= 0);
	if (offset < 0) {
		offset = lseek(fd, 0, SEEK_END);
	}
	assert_int_equal(pwrite(fd, text, strlen(text), offset), strlen(text));
	(void)close(fd);
}

static int
setup(void **state)
{
	make_folder(folder, sizeof(folder));
	return 0;
}

static int
teardown(void **state)
{
	remove_folder(folder);
	return 0;
}

static void
test_lines(void **state)
{
	struct journal *journal;
	struct stat st;
	size_t n_damaged;

	(void)umask(0);
	journal = open_journal(&n_damaged);
	assert_string_equal(lines, "");
	append(journal, "one");
	append(journal, "");
	append(journal, "three words here");
	assert_int_equal(journal_size(journal), 3 * 18 + 3 + 16);
	journal_close(journal);
	(void)umask(022);
	assert_int_equal(stat(file(0), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	journal = open_journal(&n_damaged);
	assert_string_equal(lines, "one||three words here|");
	assert_int_equal(n_damaged, 0);
	append(journal, "four");
	journal_close(journal);
	journal_close(open_journal(&n_damaged));
	assert_string_equal(lines, "one||three words here|four|");
}

/* The hash is that of the draft's test vectors. */
static void
test_hash(void **state)
{
	assert_true(journal_hash("", 0) == UINT64_C(0xcbf29ce484222325));
	assert_true(journal_hash("a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
	assert_true(journal_hash("foobar", 6) == UINT64_C(0x85944171f73967e8));
}

static void
test_torn(void **state)
{
	static const char *const ends[] = {
		"1",
		"0123456789abcdef",
		"0123456789abcdef half a li",
		"0123456789abcdef a line of another text\n",
		"\n",
		"\n\n\nrubbish\n",
	};
	struct journal *journal;
	size_t n_damaged;

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		journal = open_journal(&n_damaged);
		append(journal, "good");
		journal_close(journal);
		spoil(0, -1, ends[i]);
		journal = open_journal(&n_damaged);
		assert_string_equal(lines, "good|");
		assert_int_equal(n_damaged, 0);
		append(journal, "next");
		journal_close(journal);
		journal_close(open_journal(&n_damaged));
		assert_string_equal(lines, "good|next|");
		assert_int_equal(unlink(file(0)), 0);
	}
}

static void
test_damaged(void **state)
{
	struct journal *journal;
	size_t n_damaged;

	journal = open_journal(&n_damaged);
	append(journal, "one");
	append(journal, "two");
	append(journal, "three");
	journal_close(journal);
	spoil(0, 21 + 17, "TWO");
	journal_close(open_journal(&n_damaged));
	assert_string_equal(lines, "one|three|");
	assert_int_equal(n_damaged, 1);
}

static void
test_rotate(void **state)
{
	struct journal *journal;
	struct err err = ERR_INIT;
	size_t n_damaged;
	char *head = NULL;
	size_t len = 0;

	journal_line(&head, &len, "head", 4);
	journal = open_journal(&n_damaged);
	append(journal, "one");
	assert_int_equal(journal_rotate(journal, 5, head, len, &err), 0);
	append(journal, "two");
	assert_int_equal(journal_rotate(journal, 9, head, len, &err), 0);
	append(journal, "three");
	assert_int_equal(journal_growing(journal), 22 + 23);
	assert_int_equal(journal_size(journal), 21 + 22 + 21 + 22 + 23);
	/* A number that is not larger changes nothing. */
	assert_int_equal(journal_rotate(journal, 9, head, len, &err), 0);
	journal_close(journal);
	journal = open_journal(&n_damaged);
	assert_string_equal(lines, "one|head|two|head|three|");
	journal_drop(journal, 4);
	assert_int_equal(access(file(0), F_OK), 0);
	journal_drop(journal, 8);
	assert_int_equal(access(file(0), F_OK), -1);
	assert_int_equal(access(file(5), F_OK), 0);
	journal_drop(journal, 100);
	assert_int_equal(access(file(5), F_OK), -1);
	assert_int_equal(access(file(9), F_OK), 0); /* the one that grows stays */
	append(journal, "four");
	journal_close(journal);
	journal_close(open_journal(&n_damaged));
	assert_string_equal(lines, "head|three|four|");
	free(head);
}

/* Other files in the folder are nobody's business. */
static void
test_strangers(void **state)
{
	static const char *const names[] = {"journal.1", "journal.0000000000000000000x",
		"journal.00000000000000000000~", "notes"};
	struct journal *journal;
	size_t n_damaged;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char path[400];
		int fd;

		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		fd = open(path, O_WRONLY | O_CREAT, 0600);
		assert_true(fd >= 0);
		(void)close(fd);
	}
	journal = open_journal(&n_damaged);
	append(journal, "one");
	journal_close(journal);
	journal_close(open_journal(&n_damaged));
	assert_string_equal(lines, "one|");
}

static void
test_no_folder(void **state)
{
	struct journal *journal = NULL;
	struct err err = ERR_INIT;
	size_t n_damaged;

	assert_true(journal_open("/nowhere/at/all", visit, NULL, &n_damaged, &journal, &err) < 0);
	assert_non_null(strstr(err.text, "/nowhere/at/all cannot be opened"));
	assert_null(journal);
}

static void
test_too_long(void **state)
{
	struct err err = ERR_INIT;
	struct journal *journal;
	size_t n_damaged;

	journal = open_journal(&n_damaged);
	assert_int_equal(
		journal_reserve(journal, JOURNAL_SIZE_MAX + 1, &err), err_errno(ERR_LIMIT));
	assert_non_null(strstr(err.text, "256 MiB of changes"));
	append(journal, "one");
	journal_close(journal);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rotate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strangers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
