/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GET /metrics: the state of the switch for Prometheus (schema/metrics.h).
 *
 * OpenMetrics for who asks for it (Accept), else Prometheus' own text format. A scrape is made in
 * slices of HTTP_METRICS_SLICE with the loop running between; whoever asks meanwhile gets the same
 * one, so that a crowd costs no more than one.
 *
 * Main only.
 */
#ifndef VSW_CTL_HTTP_METRICS_H
#define VSW_CTL_HTTP_METRICS_H

#include "base/clock.h"
#include "base/role.h"

struct datastore;
struct event_base;
struct http_metrics;
struct http_request;

#define HTTP_METRICS_SLICE (2 * CLOCK_MS) /* of main's time; one entry may take it past that */
#define HTTP_METRICS_MAX ((size_t)64 << 20) /* bytes; for more there is no answer but 503 */
#define HTTP_METRICS_AT_ONCE 8 /* answers that wait for their clients, for the route's limit */

/* NULL without memory. Before the datastore goes, destroy. */
struct http_metrics *http_metrics_create(struct event_base *base, struct datastore *ds) ON_MAIN;
void http_metrics_destroy(struct http_metrics *metrics) ON_MAIN; /* NULL is legal */

/* Answers the request, later. */
void http_metrics_run(struct http_metrics *metrics, struct http_request *request) ON_MAIN;

#endif
