/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines as people type them, and the words that commands get. */
#include "ctl/cli_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

/* Words joined by '|', then "<" and the quote that is open, or ">" if the last word has ended. */
static void
expect(const char *line, const char *expected)
{
	struct cli_words words;
	char text[256] = "";

	cli_words_init(&words, line, strlen(line));
	for (size_t i = 0; i < words.n; i++) {
		(void)str_appendf(text, sizeof(text), "%s%s", i == 0 ? "" : "|", words.v[i]);
	}
	if (words.quote != 0) {
		(void)str_appendf(text, sizeof(text), "<%c", words.quote);
	} else if (words.ended) {
		(void)str_append(text, ">", sizeof(text));
	}
	assert_string_equal(text, expected);
	if (words.n > 0) {
		assert_null(words.v[words.n]);
	}
	cli_words_fini(&words);
}

static void
test_words(void **state)
{
	expect("", ">");
	expect("  \t\r\n", ">");
	expect("show", "show");
	expect(" port  add vm1 ", "port|add|vm1>");
	expect("a 'b c' d", "a|b c|d");
	expect("a 'b \" \\ c'", "a|b \" \\ c");
	expect("a \"b ' \\\" \\\\ \\x\"", "a|b ' \" \\ \\x");
	expect("a''b\"\"c", "abc");
	expect("''", "");
	expect("a '' b", "a||b");
	expect("a\\ b \\' \\\\", "a b|'|\\");
	expect("x=1,2 y='1 2'", "x=1,2|y=1 2");
}

static void
test_comments(void **state)
{
	expect("# all of it", ">");
	expect("show # rest", "show>");
	expect("a#b '#' \\#", "a#b|#|#");
	expect("a # 'x\nb", "a|b");
}

static void
test_open(void **state)
{
	expect("a 'b", "a|b<'");
	expect("a 'b\nc", "a|b\nc<'");
	expect("a \"b", "a|b<\"");
	expect("a \"b\\", "a|b<\"");
	expect("a b\\", "a|b<\\");
	expect("a b\\\nc d", "a|bc|d");
	expect("a b \\\n c d", "a|b|c|d");
	expect("a '", "a|<'");
}

static void
expect_last(const char *line, size_t last)
{
	struct cli_words words;

	cli_words_init(&words, line, strlen(line));
	assert_int_equal(words.last, last);
	cli_words_fini(&words);
}

static void
test_last(void **state)
{
	expect_last("", 0);
	expect_last("po", 0);
	expect_last("port ", 5);
	expect_last("port ad", 5);
	expect_last("port 'a d", 5);
	expect_last("port a'b c'd", 5);
	expect_last("port a\\ b", 5);
	expect_last("port # x", 8);
}

/* What is quoted is one word, itself, whatever it is. */
static void
test_quoted(void **state)
{
	static const char *const texts[] = {"", "a", "a b", "it's", "'", "''", "\\", "\"", "#x",
		"a#", "a\nb", "br0", "{\"a\": \"?\"}", "tcp,tp_dst=22,actions=drop"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char *quoted = cli_words_quoted(texts[i]);
		struct cli_words words;

		cli_words_init(&words, quoted, strlen(quoted));
		assert_int_equal(words.n, 1);
		assert_string_equal(words.v[0], texts[i]);
		assert_int_equal(words.quote, 0);
		cli_words_fini(&words);
		free(quoted);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_comments),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_last),
		cmocka_unit_test(test_quoted),
	};

	return cmocka_run_group_tests_name("cli_words", tests, NULL, NULL);
}
