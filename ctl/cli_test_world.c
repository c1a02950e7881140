/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_test_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/str.h"
#include "ctl/cli.h"

#define WORDS_MAX 32

static void
script_step(struct cli_world *w, struct rpc_call *call, const char *method, const json_t *params)
	ROLE_ATTR(no_thread_safety_analysis)
{
	char text[8192];
	char *dump = params == NULL ? NULL : json_dumps(params, JSON_COMPACT);
	size_t i = w->n_asked;
	json_t *answer;

	if (i >= w->n_answers) {
		rpc_call_fail(call, RPC_INTERNAL_ERROR, "the script has ended");
		free(dump);
		return;
	}
	(void)snprintf(text, sizeof(text), "%s%s%s", method, dump == NULL ? "" : " ",
		dump == NULL ? "" : dump);
	free(dump);
	w->asked[w->n_asked++] = str_dup(text);
	answer = json_loads(w->answers[i], JSON_DECODE_ANY, NULL);
	if (json_object_get(answer, "code") == NULL) {
		struct rpc_peer *peer = rpc_call_peer(call);

		rpc_call_reply(call, answer);
		if (w->events != NULL) {
			rpc_peer_notify(peer, w->events, strlen(w->events));
			w->events = NULL;
		}
	} else {
		struct err err = ERR_INIT;

		(void)err_set(&err,
			(enum err_kind)json_integer_value(json_object_get(answer, "code")),
			json_string_value(json_object_get(answer, "path")), "%s",
			json_string_value(json_object_get(answer, "text")));
		rpc_call_refuse(call, &err);
		json_decref(answer);
	}
}

#define SCRIPTED(name)                                                           \
	static void run_##name(void *ctx, struct rpc_call *call, json_t *params) \
	{                                                                        \
		script_step(ctx, call, #name, params);                           \
	}

SCRIPTED(get)
SCRIPTED(edit)
SCRIPTED(action)
SCRIPTED(ping)
SCRIPTED(version)
SCRIPTED(schema)
SCRIPTED(program)
SCRIPTED(flows)
SCRIPTED(subscribe)
SCRIPTED(history)
SCRIPTED(diff)
SCRIPTED(check)
SCRIPTED(rollback)
SCRIPTED(confirm)

static const struct rpc_method scripted[] = {
	{"get", run_get},
	{"edit", run_edit},
	{"action", run_action},
	{"ping", run_ping},
	{"version", run_version},
	{"schema", run_schema},
	{"program", run_program},
	{"flows", run_flows},
	{"subscribe", run_subscribe},
	{"history", run_history},
	{"diff", run_diff},
	{"check", run_check},
	{"rollback", run_rollback},
	{"confirm", run_confirm},
	{NULL, NULL},
};

static void
stop(evutil_socket_t fd, short what, void *arg)
{
	(void)event_base_loopbreak(arg);
}

static void *
daemon_thread(void *arg)
{
	struct cli_world *w = arg;
	int rc = world_init(&w->world, scripted, w);
	struct event *stopper = NULL;

	if (rc == 0) {
		stopper = event_new(w->world.base, w->stop_fd, EV_READ, stop, w->world.base);
		(void)event_add(stopper, NULL);
	}
	(void)sem_post(&w->ready);
	if (rc == 0) {
		(void)event_base_dispatch(w->world.base);
		event_free(stopper);
		rc = world_fini(&w->world);
	}
	return rc == 0 ? NULL : w;
}

int
cli_setup(void **state)
{
	struct cli_world *w = calloc(1, sizeof(*w));

	*state = w;
	if (w == NULL) {
		return -1;
	}
	w->stop_fd = eventfd(0, EFD_CLOEXEC);
	(void)sem_init(&w->ready, 0, 0);
	if (pthread_create(&w->thread, NULL, daemon_thread, w) != 0) {
		return -1;
	}
	(void)sem_wait(&w->ready);
	return w->world.server == NULL ? -1 : 0;
}

int
cli_teardown(void **state)
{
	struct cli_world *w = *state;
	uint64_t one = 1;
	void *failed = NULL;

	if (write(w->stop_fd, &one, sizeof(one)) != (ssize_t)sizeof(one)) {
		return -1;
	}
	(void)pthread_join(w->thread, &failed);
	(void)close(w->stop_fd);
	(void)sem_destroy(&w->ready);
	for (size_t i = 0; i < w->n_asked; i++) {
		free(w->asked[i]);
	}
	free(w->out);
	free(w->err);
	free(w);
	return failed == NULL ? 0 : -1;
}

int
cli_do_words(struct cli_world *w, const char *const *words)
{
	char *argv[WORDS_MAX + 1] = {NULL};
	size_t out_size;
	size_t err_size;
	FILE *out;
	FILE *err;
	int argc = 0;
	int status;

	free(w->out);
	free(w->err);
	w->out = NULL;
	w->err = NULL;
	out = open_memstream(&w->out, &out_size);
	err = open_memstream(&w->err, &err_size);
	assert_non_null(out);
	assert_non_null(err);
	while (argc < WORDS_MAX && words[argc] != NULL) {
		argv[argc] = str_dup(words[argc]);
		argc++;
	}
	status = cli_run(argc, argv, out, err);
	while (argc > 0) {
		free(argv[--argc]);
	}
	(void)fclose(out);
	(void)fclose(err);
	return status;
}

int
cli_do(struct cli_world *w, const char *line)
{
	const char *words[WORDS_MAX + 1] = {"vswitchctl", "-s", w->world.path};
	char *copy = str_dup(line);
	char *rest = copy;
	size_t n = 3;
	int status;

	while (n < WORDS_MAX && (words[n] = strsep(&rest, " ")) != NULL) {
		n++;
	}
	words[n] = NULL;
	status = cli_do_words(w, words);
	free(copy);
	return status;
}

void
cli_will_answer(struct cli_world *w, const char *json)
{
	assert_true(w->n_answers < SCRIPT_MAX);
	w->answers[w->n_answers++] = json;
}

void
cli_expect_asked(struct cli_world *w, size_t i, const char *asked)
{
	assert_true(i < w->n_asked);
	assert_string_equal(w->asked[i], asked);
}

void
cli_expect_calls(struct cli_world *w, size_t n)
{
	assert_int_equal(w->n_asked, n);
	assert_int_equal(w->n_answers, n);
}

void
cli_expect_words(const char *text, const char *words)
{
	if (strstr(text, words) == NULL) {
		fail_msg("\"%s\" is not in:\n%s", words, text);
	}
}

void
cli_expect_edits(struct cli_world *w, const char *line, const char *edits)
{
	char asked[1024];

	cli_will_answer(w, CLI_EDITED);
	assert_int_equal(cli_do(w, line), CLI_OK);
	assert_string_equal(w->out, "");
	assert_string_equal(w->err, "");
	(void)snprintf(asked, sizeof(asked), "edit {\"edits\":[%s]}", edits);
	for (char *c = asked; *c != '\0'; c++) {
		*c = *c == '`' ? '"' : *c;
	}
	cli_expect_asked(w, w->n_asked - 1, asked);
}

void
cli_expect_usage(struct cli_world *w, const char *line, const char *words)
{
	assert_int_equal(cli_do(w, line), CLI_USAGE);
	assert_string_equal(w->out, "");
	cli_expect_words(w->err, words);
	cli_expect_calls(w, 0);
}
