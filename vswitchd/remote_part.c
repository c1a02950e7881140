/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/remote_part.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "base/log.h"
#include "base/str.h"
#include "ctl/rpc_server.h"
#include "ctl/tls_context.h"
#include "ctl/tls_listen.h"

LOG_MODULE("remote");

#define PORT_DEFAULT 6652 /* schema */
#define STOP_DELAY_S 1 /* for the answer to whoever turned it off from afar */

/* What a transaction has got hold of. */
struct remote_step {
	json_t *config;
	bool enabled;
	SSL_CTX *context; /* NULL: not listening afterwards */
	time_t not_after;
	int fd; /* -1: none */
	bool released; /* the old socket was closed for it: opened again on abort */
	char reason[ERR_TEXT_SIZE];
};

/* Open the socket again that a step has closed. */
static void reopen(struct remote_part *part) ON_MAIN;

static int
adopt(void *ctx, int fd, const struct rpc_who *who, struct err *err)
{
	const struct remote_part *part = ctx;

	role_assert(&role_main);
	return rpc_server_adopt(part->server, fd, who, err);
}

/* --- configuration ---------------------------------------------------------------------------- */

static bool
is_enabled(const json_t *config)
{
	return json_is_true(json_object_get(config, "enabled"));
}

static const char *
text_of(const json_t *config, const char *leaf)
{
	return json_string_value(json_object_get(config, leaf));
}

static uint16_t
port_of(const json_t *config)
{
	const json_t *port = json_object_get(config, "port");

	return port == NULL ? PORT_DEFAULT : (uint16_t)json_integer_value(port);
}

static int
remote_check(void *ctx, const json_t *after, struct err *err)
{
	static const struct {
		const char *leaf;
		const char *what;
	} needed[] = {
		{"address", "the address to listen on, such as 192.0.2.10, or :: for all"},
		{"certificate", "the file with the daemon's certificate"},
		{"key", "the file with the key of that certificate"},
		{"client-ca", "the file with the CA of the clients' certificates"},
	};

	(void)ctx;
	for (size_t i = 0; is_enabled(after) && i < ARRAY_LEN(needed); i++) {
		if (text_of(after, needed[i].leaf) == NULL) {
			return err_set(err, ERR_INVALID, needed[i].leaf, "%s is needed: %s",
				needed[i].leaf, needed[i].what);
		}
	}
	return 0;
}

/* --- what can fail ---------------------------------------------------------------------------- */

static int
read_files(const json_t *config, SSL_CTX **context, time_t *not_after, struct err *err)
{
	const struct tls_files files = {.certificate = text_of(config, "certificate"),
		.key = text_of(config, "key"),
		.client_ca = text_of(config, "client-ca")};

	return tls_context_create(&files, context, not_after, err);
}

static int
open_socket(const json_t *config, struct err *err)
{
	return tls_listen_open(text_of(config, "address"), port_of(config), err);
}

/* Whether the socket in use is the one that this configuration wants. */
static bool
same_socket(const struct remote_part *part, const json_t *config) ON_MAIN
{
	return tls_listen_fd(part->listener) >= 0 &&
		strcmp(text_of(part->config, "address"), text_of(config, "address")) == 0 &&
		port_of(part->config) == port_of(config);
}

/* The socket of the new configuration. Another address with the same port may be within the old
 * one: then that is closed first. */
static int
take_socket(struct remote_part *part, struct remote_step *step, struct err *err) ON_MAIN
{
	int old;

	if (same_socket(part, step->config)) {
		step->fd = tls_listen_fd(part->listener);
		return 0;
	}
	step->fd = open_socket(step->config, err);
	if (step->fd == -EBUSY && tls_listen_fd(part->listener) >= 0 &&
		port_of(part->config) == port_of(step->config)) {
		old = tls_listen_release(part->listener);
		(void)close(old);
		step->released = true;
		*err = (struct err)ERR_INIT;
		step->fd = open_socket(step->config, err);
	}
	return step->fd < 0 ? step->fd : 0;
}

static void
step_free(struct remote_part *part, struct remote_step *step) ON_MAIN
{
	if (step->fd >= 0 && step->fd != tls_listen_fd(part->listener)) {
		(void)close(step->fd);
	}
	SSL_CTX_free(step->context);
	json_decref(step->config);
	if (step->released) {
		reopen(part);
	}
	free(step);
}

static int
step_prepare(struct remote_part *part, struct remote_step *step, struct err *err) ON_MAIN
{
	int rc = remote_check(part, step->config, err);

	if (rc != 0 || !step->enabled) {
		return rc;
	}
	rc = read_files(step->config, &step->context, &step->not_after, err);
	return rc != 0 ? rc : take_socket(part, step, err);
}

static int
remote_prepare(void *ctx, const json_t *before, const json_t *after, bool loading, void **prepared,
	struct err *err)
{
	struct remote_part *part = ctx;
	struct remote_step *step = calloc(1, sizeof(*step));
	int rc;

	(void)before;
	role_assert(&role_main);
	if (step == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	step->fd = -1;
	step->config = after == NULL ? json_object() : json_deep_copy(after);
	step->enabled = is_enabled(after);
	rc = step_prepare(part, step, err);
	if (rc != 0 && loading) {
		(void)str_copy(step->reason, err->text, sizeof(step->reason));
		*err = (struct err)ERR_INIT;
		rc = 0;
	}
	if (rc != 0) {
		step_free(part, step);
		return rc;
	}
	*prepared = step;
	return 0;
}

static void
later(struct remote_part *part, int seconds) ON_MAIN
{
	const struct timeval tv = {seconds, 0};

	(void)event_add(part->timer, &tv);
}

/* Listen with what the step has got. */
static void
step_use(struct remote_part *part, struct remote_step *step) ON_MAIN
{
	char text[DATE_SIZE];

	tls_listen_use(part->listener, step->fd, step->context);
	part->not_after = step->not_after;
	part->reason[0] = '\0';
	log_notice("TLS on %s port %u, certificate until %s", text_of(part->config, "address"),
		port_of(part->config), date_text(part->not_after, text));
}

static void
remote_apply(void *ctx, void *prepared)
{
	struct remote_part *part = ctx;
	struct remote_step *step = prepared;

	role_assert(&role_main);
	json_decref(part->config);
	part->config = json_incref(step->config);
	part->reason[0] = '\0';
	(void)event_del(part->timer);
	if (step->context != NULL && step->fd >= 0) {
		step_use(part, step);
	} else {
		int fd = tls_listen_release(part->listener);

		if (fd >= 0) {
			log_notice("TLS ends, and so do its connections");
			(void)close(fd);
		}
		part->not_after = 0;
		later(part, STOP_DELAY_S);
	}
	if (step->reason[0] != '\0') {
		log_warn("not listening: %s; tried again each %d s", step->reason, REMOTE_RETRY_S);
		(void)str_copy(part->reason, step->reason, sizeof(part->reason));
		later(part, REMOTE_RETRY_S);
	}
	step->released = false;
	step_free(part, step);
}

static void
remote_abort(void *ctx, void *prepared)
{
	role_assert(&role_main);
	step_free(ctx, prepared);
}

/* Read the files again and take the socket if there is none, as configured. What was in use stays
 * in use on an error. */
static int
again(struct remote_part *part, struct err *err) ON_MAIN
{
	struct remote_step *step = calloc(1, sizeof(*step));
	int rc;

	if (step == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	step->fd = -1;
	step->config = json_incref(part->config);
	step->enabled = true;
	rc = step_prepare(part, step, err);
	if (rc == 0) {
		step_use(part, step);
	}
	step_free(part, step);
	return rc;
}

static void
reopen(struct remote_part *part)
{
	struct err err = ERR_INIT;

	if (again(part, &err) != 0) {
		log_warn("not listening any more: %s", err.text);
		(void)str_copy(part->reason, err.text, sizeof(part->reason));
		later(part, REMOTE_RETRY_S);
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct remote_part *part = arg;
	struct err err = ERR_INIT;

	(void)fd;
	(void)what;
	role_assert(&role_main);
	if (!is_enabled(part->config)) {
		tls_listen_stop(part->listener);
	} else if (again(part, &err) != 0) {
		(void)str_copy(part->reason, err.text, sizeof(part->reason));
		later(part, REMOTE_RETRY_S);
	}
}

static int
remote_reload(void *ctx, struct err *err)
{
	struct remote_part *part = ctx;
	int rc;

	role_assert(&role_main);
	if (!is_enabled(part->config)) {
		return 0;
	}
	rc = again(part, err);
	if (rc != 0) {
		(void)str_copy(part->reason, err->text, sizeof(part->reason));
	}
	return rc;
}

/* --- state ------------------------------------------------------------------------------------ */

/* A counter64 is a string in RFC 7951. */
static void
set_counter(json_t *object, const char *name, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	(void)json_object_set_new(object, name, json_string(text));
}

static void
remote_state(void *ctx, json_t *container)
{
	const struct remote_part *part = ctx;
	struct tls_stats stats;
	char text[DATE_SIZE];

	role_assert(&role_main);
	if (part->listener == NULL) {
		return;
	}
	tls_listen_stats(part->listener, &stats);
	(void)json_object_set_new(
		container, "listening", json_boolean(tls_listen_fd(part->listener) >= 0));
	if (part->reason[0] != '\0') {
		(void)json_object_set_new(container, "reason", json_string(part->reason));
	}
	if (part->not_after != 0) {
		(void)json_object_set_new(
			container, "not-after", json_string(date_text(part->not_after, text)));
	}
	(void)json_object_set_new(
		container, "connections", json_integer((json_int_t)stats.connections));
	(void)json_object_set_new(
		container, "handshakes", json_integer((json_int_t)stats.handshakes));
	set_counter(container, "accepted", stats.accepted);
	set_counter(container, "refused", stats.refused);
	if (stats.last_refusal[0] != '\0') {
		(void)json_object_set_new(
			container, "last-refusal", json_string(stats.last_refusal));
	}
}

struct system_part
remote_part_system(struct remote_part *part)
{
	return (struct system_part){
		.container = "remote",
		.ctx = part,
		.check = remote_check,
		.prepare = remote_prepare,
		.apply = remote_apply,
		.abort = remote_abort,
		.reload = remote_reload,
		.state = remote_state,
	};
}

int
remote_part_init(struct remote_part *part, struct event_base *base, struct rpc_server *server,
	struct err *err)
{
	const struct tls_listen_options options = {.base = base, .adopt = adopt, .ctx = part};
	int rc = tls_listen_create(&options, &part->listener, err);

	if (rc != 0) {
		return rc;
	}
	part->server = server;
	part->timer = evtimer_new(base, on_timer, part);
	return part->timer == NULL ? err_set(err, ERR_LIMIT, NULL, "out of memory") : 0;
}

void
remote_part_fini(struct remote_part *part)
{
	tls_listen_destroy(part->listener);
	if (part->timer != NULL) {
		event_free(part->timer);
	}
	json_decref(part->config);
	*part = (struct remote_part){.server = NULL};
}
