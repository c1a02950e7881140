/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cli_shell.h"
#include "ctl/cli_words.h"

#define TEXT_MAX ((size_t)1 << 20) /* bytes of one command, all its lines */

struct text {
	char *bytes; /* owned */
	size_t len;
};

/* Append a line to the command; false if that would be too long. */
static bool
text_append(struct text *text, const char *line, size_t len)
{
	if (text->len + len > TEXT_MAX) {
		return false;
	}
	text->bytes = realloc(text->bytes, text->len + len + 1);
	if (text->bytes == NULL) {
		abort();
	}
	memcpy(text->bytes + text->len, line, len);
	text->len += len;
	return true;
}

enum cli_status
cli_line_text(struct cli *cli, const char *text, size_t len, bool *end)
{
	enum cli_status status = CLI_OK;
	struct cli_words words;
	size_t skip;

	cli_words_init(&words, text, len);
	skip = words.n > 0 && strcmp(words.v[0], "vswitchctl") == 0 ? 1 : 0;
	*end = false;
	if (words.quote != 0) {
		status = cli_usage_error(cli, "a quote (%c) is not closed", words.quote);
	} else if (words.n - skip == 1 &&
		(strcmp(words.v[skip], "exit") == 0 || strcmp(words.v[skip], "quit") == 0)) {
		*end = true;
	} else if (words.n > skip) {
		status = cli_line(cli, words.n - skip, words.v + skip);
	}
	cli_words_fini(&words);
	return status;
}

/* True if it is a command at all: no empty line, no comment. */
static bool
text_is_command(const struct text *text)
{
	struct cli_words words;
	bool any;

	cli_words_init(&words, text->bytes, text->len);
	any = words.n > 0 || words.quote != 0;
	cli_words_fini(&words);
	return any;
}

enum cli_status
cli_lines(struct cli *cli, FILE *in)
{
	enum cli_status worst = CLI_OK;
	struct text text = {.bytes = NULL};
	char *line = NULL;
	size_t size = 0;
	size_t number = 0;
	size_t first = 1;
	bool any = false;
	bool end = false;
	ssize_t len = 0;

	while (!end && len >= 0) {
		enum cli_status status = CLI_OK;

		len = getline(&line, &size, in);
		if (len >= 0) {
			number++;
		}
		if (len > 0 && !text_append(&text, line, (size_t)len)) {
			worst = cli_error(cli, "line %zu: the command is longer than %zu bytes",
				first, TEXT_MAX);
			break;
		}
		if (text.len == 0 || (len >= 0 && cli_words_open(text.bytes, text.len))) {
			continue;
		}
		if (text_is_command(&text)) {
			any = true;
			status = cli_line_text(cli, text.bytes, text.len, &end);
			(void)fflush(cli->out);
		}
		if (status != CLI_OK) {
			(void)fprintf(cli->err, "vswitchctl: that was line %zu%s\n", first,
				cli->keep_going ? ""
						: "; what follows it was not done (--keep-going "
						  "goes on)");
			worst = worst == CLI_OK ? status : worst;
			end = end || !cli->keep_going;
		}
		text.len = 0;
		first = number + 1;
	}
	if (ferror(in) != 0 && worst == CLI_OK) {
		worst = cli_error(cli, "standard input: %s", strerror(errno));
	} else if (!any && worst == CLI_OK) {
		worst = cli_usage_error(cli, "a command is missing");
	}
	free(line);
	free(text.bytes);
	return worst;
}
