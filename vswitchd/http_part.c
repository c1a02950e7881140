/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/http_part.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "ctl/http_metrics.h"
#include "ctl/http_page.h"
#include "ctl/http_rpc.h"
#include "ctl/http_server.h"
#include "vswitchd/health.h"
#include "vswitchd/world.h"

LOG_MODULE("http");

#define RETRY_S 5
#define ADDRESS_SIZE 48
#define UNAVAILABLE 503

/* The container, as it is configured. */
struct http_config {
	bool enabled;
	char address[ADDRESS_SIZE];
	uint16_t port;
	enum rpc_role role;
};

struct http_part {
	struct http_part_conf conf;
	struct http_server *server;
	struct http_metrics *metrics;
	struct http_rpc *rpc;
	struct http_config config; /* in force */
	int fd; /* the server's listening socket, borrowed; -1: none */
	char reason[ERR_TEXT_SIZE]; /* why there is none */
	struct event *retry; /* timer */
};

/* What prepare leaves to apply or abort. */
struct prepared {
	struct http_config config;
	bool listens; /* on `fd`, or if that is -1 on what is there */
	int fd;
	char reason[ERR_TEXT_SIZE];
};

/* --- what is served -------------------------------------------------------------------------- */

static void
run_metrics(void *ctx, struct http_request *request)
{
	struct http_part *part = ctx;

	role_assert(&role_main);
	http_metrics_run(part->metrics, request);
}

static void
run_health(void *ctx, struct http_request *request)
{
	const struct http_part *part = ctx;
	struct evbuffer *body = evbuffer_new();
	bool failing = false;
	json_t *health;
	char *text;

	role_assert(&role_main);
	health = health_json(part->conf.world, part->conf.ds, &failing);
	text = json_dumps(health, JSON_INDENT(2));
	json_decref(health);
	if (body == NULL || text == NULL) {
		http_say(request, UNAVAILABLE, "out of memory");
	} else {
		(void)evbuffer_add_printf(body, "%s\n", text);
		http_reply(request, failing ? UNAVAILABLE : 200, "application/json", body);
	}
	free(text);
	if (body != NULL) {
		evbuffer_free(body);
	}
}

static void
run_rpc(void *ctx, struct http_request *request)
{
	struct http_part *part = ctx;

	role_assert(&role_main);
	http_rpc_run(part->rpc, request);
}

static void
run_events(void *ctx, struct http_request *request)
{
	struct http_part *part = ctx;

	role_assert(&role_main);
	http_rpc_events(part->rpc, request);
}

static const struct http_route routes[] = {
	{"/", HTTP_GET | HTTP_HEAD, false, 0, http_page_index},
	{"/page.css", HTTP_GET | HTTP_HEAD, false, 0, http_page_style},
	{"/page.js", HTTP_GET | HTTP_HEAD, false, 0, http_page_script},
	{"/metrics", HTTP_GET | HTTP_HEAD, false, HTTP_METRICS_AT_ONCE, run_metrics},
	{"/health", HTTP_GET | HTTP_HEAD, false, 0, run_health},
	{"/rpc", HTTP_POST, true, HTTP_RPC_AT_ONCE, run_rpc},
	{"/events", HTTP_GET, true, HTTP_EVENTS_AT_ONCE, run_events},
	{NULL, 0, false, 0, NULL},
};

/* --- the socket ------------------------------------------------------------------------------ */

/* Listen on `fd`, or on nothing (-1), from now on. */
static void
serve(struct http_part *part, int fd) ON_MAIN
{
	struct err err = ERR_INIT;

	if (http_server_listen(part->server, fd, &err) != 0) {
		log_error("HTTP: %s", err.text);
		(void)str_copy(part->reason, err.text, sizeof(part->reason));
		fd = -1;
	}
	part->fd = fd;
	if (fd >= 0) {
		part->reason[0] = '\0';
		log_notice("HTTP on port %u of %s", part->config.port, part->config.address);
	}
}

static void
retry_later(struct http_part *part)
{
	static const struct timeval later = {RETRY_S, 0};

	if (part->config.enabled && part->fd < 0) {
		(void)event_add(part->retry, &later);
	} else {
		(void)event_del(part->retry);
	}
}

static void
retry_listen(evutil_socket_t unused, short what, void *arg)
{
	struct http_part *part = arg;
	struct err err = ERR_INIT;
	int fd;

	role_assert(&role_main);
	if (http_listen(part->config.address, part->config.port, -1, &fd, &err) == 0) {
		serve(part, fd);
	} else {
		(void)str_copy(part->reason, err.text, sizeof(part->reason));
	}
	retry_later(part);
}

/* --- its share in transactions --------------------------------------------------------------- */

static void
read_config(const json_t *container, struct http_config *config)
{
	static const char *const roles[] = {
		[RPC_ROLE_NONE] = "none",
		[RPC_ROLE_READ] = "read",
		[RPC_ROLE_OPERATE] = "operate",
		[RPC_ROLE_ADMIN] = "admin",
	};
	const char *address = json_string_value(json_object_get(container, "address"));
	const char *role = json_string_value(json_object_get(container, "role"));

	*config = (struct http_config){
		.enabled = json_is_true(json_object_get(container, "enabled")),
		.port = (uint16_t)json_integer_value(json_object_get(container, "port")),
	};
	(void)str_copy(config->address, address == NULL ? "" : address, sizeof(config->address));
	for (size_t i = 0; role != NULL && i < ARRAY_LEN(roles); i++) {
		if (strcmp(role, roles[i]) == 0) {
			config->role = (enum rpc_role)i;
		}
	}
}

static int
part_prepare(void *ctx, const json_t *before, const json_t *after, bool loading, void **prepared,
	struct err *err)
{
	const struct http_part *part = ctx;
	struct prepared *step = must_calloc(1, sizeof(*step));
	struct err why = ERR_INIT;
	int rc;

	role_assert(&role_main);
	*prepared = step;
	step->fd = -1;
	read_config(after, &step->config);
	step->listens = step->config.enabled;
	if (!step->config.enabled ||
		(part->fd >= 0 && step->config.port == part->config.port &&
			strcmp(step->config.address, part->config.address) == 0)) {
		return 0;
	}
	rc = http_listen(step->config.address, step->config.port, part->fd, &step->fd, &why);
	if (rc == 0) {
		return 0;
	}
	if (!loading) {
		free(step);
		*prepared = NULL;
		*err = why;
		return rc;
	}
	log_warn("HTTP: %s", why.text);
	step->listens = false;
	(void)str_copy(step->reason, why.text, sizeof(step->reason));
	return 0;
}

static void
part_apply(void *ctx, void *prepared)
{
	struct http_part *part = ctx;
	struct prepared *step = prepared;

	role_assert(&role_main);
	if (part->config.role != step->config.role) {
		http_server_cut(part->server); /* streams were begun under the old one */
	}
	part->config = step->config;
	(void)str_copy(part->reason, step->reason, sizeof(part->reason));
	http_rpc_set_role(part->rpc, step->config.role);
	if (!step->listens || step->fd >= 0) {
		serve(part, step->fd);
	}
	retry_later(part);
	free(step);
}

static void
part_abort(void *ctx, void *prepared)
{
	struct prepared *step = prepared;

	if (step->fd >= 0) {
		(void)close(step->fd);
	}
	free(step);
}

static void
set_counter(json_t *container, const char *leaf, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	(void)json_object_set_new(container, leaf, json_string(text));
}

static void
part_state(void *ctx, json_t *container)
{
	struct http_part *part = ctx;
	struct http_server_stats stats;

	role_assert(&role_main);
	http_server_stats(part->server, &stats);
	(void)json_object_set_new(container, "listening", json_boolean(part->fd >= 0));
	if (part->reason[0] != '\0') {
		(void)json_object_set_new(container, "reason", json_string(part->reason));
	}
	(void)json_object_set_new(
		container, "connections", json_integer((json_int_t)stats.connections));
	set_counter(container, "requests", stats.requests);
	set_counter(container, "refused", stats.refused);
}

/* --- life ------------------------------------------------------------------------------------ */

int
http_part_create(const struct http_part_conf *conf, struct http_part **out, struct err *err)
{
	struct http_part *part = must_calloc(1, sizeof(*part));
	struct system_part entry = {.container = "http",
		.ctx = part,
		.prepare = part_prepare,
		.apply = part_apply,
		.abort = part_abort,
		.state = part_state};
	int rc;

	part->conf = *conf;
	part->fd = -1;
	rc = http_server_create(conf->base, routes, part, &part->server, err);
	part->metrics = http_metrics_create(conf->base, conf->ds);
	part->rpc = http_rpc_create(conf->base, conf->rpc);
	part->retry = evtimer_new(conf->base, retry_listen, part);
	if (rc != 0 || part->metrics == NULL || part->rpc == NULL || part->retry == NULL) {
		http_part_destroy(part);
		return rc != 0 ? rc : err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	system_parts_add(&conf->world->parts, &entry);
	*out = part;
	return 0;
}

void
http_part_destroy(struct http_part *part)
{
	if (part == NULL) {
		return;
	}
	http_metrics_destroy(part->metrics);
	http_rpc_destroy(part->rpc);
	http_server_destroy(part->server);
	if (part->retry != NULL) {
		event_free(part->retry);
	}
	free(part);
}
