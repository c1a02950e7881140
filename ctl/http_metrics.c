/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/http_metrics.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/memory.h"
#include "base/str.h"
#include "ctl/http_server.h"
#include "schema/metrics.h"

struct waiter {
	STAILQ_ENTRY(waiter) link;
	struct http_request *request;
};

/* The scrape that runs, of one format. */
struct job {
	struct http_metrics *owner;
	enum metrics_format format;
	struct metrics_scrape *scrape; /* NULL: none */
	struct event *turn; /* timer */
	STAILQ_HEAD(, waiter) waiters;
};

struct http_metrics {
	struct datastore *ds;
	struct metrics *metrics;
	struct job jobs[2]; /* by format */
};

static void job_turn(evutil_socket_t fd, short what, void *arg);

struct http_metrics *
http_metrics_create(struct event_base *base, struct datastore *ds)
{
	struct http_metrics *metrics = calloc(1, sizeof(*metrics));

	if (metrics == NULL) {
		return NULL;
	}
	metrics->ds = ds;
	metrics->metrics = metrics_create(ds);
	for (size_t i = 0; i < ARRAY_LEN(metrics->jobs); i++) {
		struct job *job = &metrics->jobs[i];

		job->owner = metrics;
		job->format = (enum metrics_format)i;
		STAILQ_INIT(&job->waiters);
		job->turn = evtimer_new(base, job_turn, job);
		if (job->turn == NULL) {
			http_metrics_destroy(metrics);
			return NULL;
		}
	}
	return metrics;
}

/* The next one who waits for this scrape; NULL: nobody. */
static struct http_request *
next_waiter(struct job *job)
{
	struct waiter *waiter = STAILQ_FIRST(&job->waiters);
	struct http_request *request;

	if (waiter == NULL) {
		return NULL;
	}
	request = waiter->request;
	STAILQ_REMOVE_HEAD(&job->waiters, link);
	free(waiter);
	return request;
}

static void
job_refuse(struct job *job, const char *why) ON_MAIN
{
	struct http_request *request;

	if (job->scrape != NULL) {
		metrics_scrape_end(job->scrape, NULL, NULL);
		job->scrape = NULL;
	}
	while ((request = next_waiter(job)) != NULL) {
		http_say(request, 503, why);
	}
}

void
http_metrics_destroy(struct http_metrics *metrics)
{
	if (metrics == NULL) {
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(metrics->jobs); i++) {
		struct job *job = &metrics->jobs[i];

		if (job->turn != NULL) {
			job_refuse(job, "the switch stops");
			event_free(job->turn);
		}
	}
	metrics_destroy(metrics->metrics);
	free(metrics);
}

static void
piece_free(const void *data, size_t len, void *piece)
{
	free(piece);
}

static void
add_piece(void *arg, char *text, size_t len)
{
	if (evbuffer_add_reference(arg, text, len, piece_free, text) != 0) {
		abort(); /* of so small a piece there is nothing to do without */
	}
}

static void
job_answer(struct job *job) ON_MAIN
{
	struct evbuffer *text = evbuffer_new();
	struct http_request *request;

	if (text == NULL) {
		job_refuse(job, "out of memory");
		return;
	}
	metrics_scrape_end(job->scrape, add_piece, text);
	job->scrape = NULL;
	while ((request = next_waiter(job)) != NULL) {
		struct evbuffer *copy = evbuffer_new();

		if (copy != NULL) {
			(void)evbuffer_add_buffer_reference(copy, text);
		}
		http_reply(request, 200, metrics_content_type(job->format), copy);
		if (copy != NULL) {
			evbuffer_free(copy);
		}
	}
	evbuffer_free(text);
}

static void
turn_schedule(struct job *job)
{
	static const struct timeval now = {0, 0};

	(void)event_add(job->turn, &now);
}

static void
job_turn(evutil_socket_t fd, short what, void *arg)
{
	struct job *job = arg;
	uint64_t end = clock_now() + HTTP_METRICS_SLICE;
	char text[80];

	role_assert(&role_main);
	while (metrics_scrape_step(job->scrape)) {
		if (metrics_scrape_size(job->scrape) > HTTP_METRICS_MAX) {
			(void)snprintf(text, sizeof(text), "the metrics take more than %zu MiB",
				HTTP_METRICS_MAX >> 20);
			job_refuse(job, text);
			return;
		}
		if (clock_now() >= end) {
			turn_schedule(job);
			return;
		}
	}
	job_answer(job);
}

void
http_metrics_run(struct http_metrics *metrics, struct http_request *request)
{
	const char *accept = http_header(request, "Accept");
	bool open = accept != NULL && strstr(accept, "application/openmetrics-text") != NULL;
	struct job *job = &metrics->jobs[open ? METRICS_OPENMETRICS : METRICS_PROMETHEUS];
	struct waiter *waiter = must_calloc(1, sizeof(*waiter));

	waiter->request = request;
	STAILQ_INSERT_TAIL(&job->waiters, waiter, link);
	if (job->scrape == NULL) {
		job->scrape = metrics_scrape_begin(metrics->metrics, metrics->ds, job->format);
		turn_schedule(job);
	}
}
