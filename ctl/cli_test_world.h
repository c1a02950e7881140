/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests: vswitchctl run in this process against a daemon that is a thread with a script: it
 * gives the answers that the test put down, in order, and notes what it was asked. Test code only.
 *
 * The test touches the script only while no command runs, and commands run to their end.
 */
#ifndef VSW_CTL_CLI_TEST_WORLD_H
#define VSW_CTL_CLI_TEST_WORLD_H

#include <pthread.h>
#include <semaphore.h>

#include "ctl/rpc_test_world.h"

#define SCRIPT_MAX 16
#define CLI_EDITED "{\"changes\":[],\"revision\":1}" /* answer to an edit that succeeds */

struct cli_world {
	struct world world;
	pthread_t thread;
	sem_t ready;
	int stop_fd; /* eventfd */

	const char *answers[SCRIPT_MAX]; /* JSON; {code: an err_kind, text, path?} is a refusal */
	size_t n_answers;
	const char *events; /* lines that follow the next answer; NULL: none */
	char *asked[SCRIPT_MAX]; /* "method params", owned */
	size_t n_asked;

	char *out; /* of the last command, owned */
	char *err;
};

int cli_setup(void **state);
int cli_teardown(void **state);

/* Run "vswitchctl -s SOCKET WORD..."; words are separated by spaces. Returns the exit status. */
int cli_do(struct cli_world *w, const char *line);

/* The same with words as they are and nothing added; ends with NULL. */
int cli_do_words(struct cli_world *w, const char *const *words);

/* Put down the next answer. */
void cli_will_answer(struct cli_world *w, const char *json);

/* Expect that call number i was this, then that there were no more than n. */
void cli_expect_asked(struct cli_world *w, size_t i, const char *asked);
void cli_expect_calls(struct cli_world *w, size_t n);

/* Expect these words in a text. */
void cli_expect_words(const char *text, const char *words);

/* Run a command whose edits succeed, and which then says nothing; expect these edits. They are JSON
 * objects, separated by commas, in which ` may stand for ". */
void cli_expect_edits(struct cli_world *w, const char *line, const char *edits);

/* Run a command that must never reach a daemon; expect these words on stderr. */
void cli_expect_usage(struct cli_world *w, const char *line, const char *words);

#endif
