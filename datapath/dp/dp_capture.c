/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/dp/dp_capture.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "datapath/dp/dp_priv.h"

struct dp_capture {
	LIST_ENTRY(dp_capture) link;
	struct capture *capture;
	unsigned int ways;
	char port[PORT_NAME_SIZE]; /* "": those of the bridge */
	uint32_t bridge; /* id */
	unsigned int peeked; /* the worker whose copy dp_capture_peek has returned */
};

static bool
looks_at(const struct dp_capture *capture, const struct dp_port *port)
{
	if (capture->port[0] != '\0') {
		return strcmp(port->device->name, capture->port) == 0;
	}
	return port->bridge != NULL && port->bridge->id == capture->bridge;
}

/* The captures of a port; NULL: none. */
static struct capture_list *
list_build(const struct dp *dp, const struct dp_port *port)
{
	struct capture_list *list = NULL;
	struct dp_capture *capture;

	LIST_FOREACH (capture, &dp->captures, link) {
		if (!looks_at(capture, port)) {
			continue;
		}
		if (list == NULL) {
			list = must_calloc(
				1, sizeof(*list) + CAPTURES_MAX * sizeof(list->captures[0]));
		}
		assert(list->n < CAPTURES_MAX);
		list->captures[list->n++] = capture->capture;
		list->ways |= capture->ways;
	}
	return list;
}

static bool
list_equal(const struct capture_list *a, const struct capture_list *b)
{
	if (a == NULL || b == NULL) {
		return a == b;
	}
	return a->n == b->n && memcmp(a->captures, b->captures, a->n * sizeof(a->captures[0])) == 0;
}

/* True: it has another list than before, and the old one is retired. */
static bool
list_renew(struct dp *dp, struct dp_port *port)
{
	struct capture_list *list = list_build(dp, port);

	if (list_equal(list, port->captures)) {
		free(list);
		return false;
	}
	dp_retire(dp, free, port->captures);
	port->captures = list;
	return true;
}

void
dp_port_captures_set(struct dp *dp, struct dp_port *port)
{
	(void)list_renew(dp, port);
	port->view->captures = port->captures;
}

void
dp_port_view_renew(struct dp *dp, struct dp_port *port)
{
	struct port_view *view = must_calloc(1, sizeof(*view));

	*view = *port->view;
	view->captures = port->captures;
	view->mirrors = port->mirrors;
	dp_retire(dp, free, port->view);
	port->view = view;
	if (port->bridge != NULL) {
		port->bridge->members_stale = true;
	}
}

/* Give new views to the ports that the list of captures concerns, and publish. */
static void
captures_changed(struct dp *dp) ON_MAIN
{
	struct dp_port *port;

	TAILQ_FOREACH (port, &dp->live, link) {
		if (port->state == DP_PORT_PUBLISHED && list_renew(dp, port)) {
			dp_port_view_renew(dp, port);
		}
	}
	dp_publish(dp);
}

static unsigned int
n_captures(const struct dp *dp)
{
	const struct dp_capture *capture;
	unsigned int n = 0;

	LIST_FOREACH (capture, &dp->captures, link) {
		n++;
	}
	return n;
}

int
dp_capture_start(
	struct dp *dp, const struct dp_capture_conf *conf, struct dp_capture **out, struct err *err)
{
	const struct capture_conf inner = {.ways = conf->ways,
		.keep = conf->keep,
		.filter = conf->filter,
		.n_filter = conf->n_filter,
		.n_workers = dp->options.n_workers};
	struct dp_capture *capture;

	if (n_captures(dp) == CAPTURES_MAX || dp_lags(dp)) {
		return err_set(err, ERR_LIMIT, NULL,
			"%d captures run already, no more are possible: end one first",
			CAPTURES_MAX);
	}
	capture = calloc(1, sizeof(*capture));
	if (capture == NULL || (capture->capture = capture_create(&inner)) == NULL) {
		free(capture);
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	capture->ways = conf->ways;
	if (conf->port != NULL) {
		(void)str_copy(capture->port, conf->port, sizeof(capture->port));
	} else {
		capture->bridge = conf->bridge->id;
	}
	LIST_INSERT_HEAD(&dp->captures, capture, link);
	captures_changed(dp);
	*out = capture;
	return 0;
}

static void
capture_free(void *capture)
{
	capture_destroy(capture);
}

void
dp_capture_stop(struct dp *dp, struct dp_capture *capture)
{
	LIST_REMOVE(capture, link);
	dp_retire(dp, capture_free, capture->capture);
	captures_changed(dp);
	free(capture);
}

void
dp_captures_shutdown(struct dp *dp)
{
	struct dp_capture *capture;

	while ((capture = LIST_FIRST(&dp->captures)) != NULL) {
		LIST_REMOVE(capture, link);
		capture_destroy(capture->capture);
		free(capture);
	}
}

const struct captured *
dp_capture_peek(struct dp *dp, struct dp_capture *capture)
{
	const struct captured *oldest = NULL;

	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		const struct captured *one = capture_peek(capture->capture, w);

		if (one != NULL && (oldest == NULL || one->time < oldest->time)) {
			oldest = one;
			capture->peeked = w;
		}
	}
	return oldest;
}

void
dp_capture_next(struct dp_capture *capture)
{
	capture_next(capture->capture, capture->peeked);
}

uint64_t
dp_capture_lost(const struct dp_capture *capture)
{
	return capture_lost(capture->capture);
}
