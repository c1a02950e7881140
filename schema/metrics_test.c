/* SPDX-License-Identifier: BSD-3-Clause */
/* Which metrics the schema gives, and the text of a scrape. */
#include "schema/metrics.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "schema/test_backend.h"

#define VM1 "/vswitch:vswitch/port[name='vm1']"
#define BR0 "/vswitch:vswitch/bridge[name='br0']"

#define TEXT_SIZE ((size_t)65536)

/* A scrape of what the test's backend tells, in both formats. */
static const char *const openmetrics =
	"# TYPE vswitch_system info\n"
	"# HELP vswitch_system The daemon as a whole.\n"
	"vswitch_system_info{version=\"1\\\"2\\n3\\\\\"} 1\n"
	"# TYPE vswitch_bridge_fdb_entries gauge\n"
	"# HELP vswitch_bridge_fdb_entries MAC addresses that the bridge knows now, static ones "
	"included.\n"
	"vswitch_bridge_fdb_entries{bridge=\"br0\"} 7\n"
	"# TYPE vswitch_bridge_statistics_learned counter\n"
	"# HELP vswitch_bridge_statistics_learned MAC addresses learned.\n"
	"vswitch_bridge_statistics_learned_total{bridge=\"br0\"} 9\n"
	"# TYPE vswitch_port_oper_status gauge\n"
	"# HELP vswitch_port_oper_status What the port can do now.\n"
	"vswitch_port_oper_status{port=\"vm1\",state=\"up\"} 1\n"
	"vswitch_port_oper_status{port=\"vm2\",state=\"up\"} 1\n"
	"# TYPE vswitch_port_statistics_rx_packets counter\n"
	"# HELP vswitch_port_statistics_rx_packets Packets received from the port.\n"
	"vswitch_port_statistics_rx_packets_total{port=\"vm1\"} 11\n"
	"vswitch_port_statistics_rx_packets_total{port=\"vm2\"} 11\n";

static const char *const prometheus[] = {
	"# TYPE vswitch_system_info gauge\n",
	"vswitch_system_info{version=\"1\\\"2\\n3\\\\\"} 1\n",
	"# TYPE vswitch_port_statistics_rx_packets_total counter\n",
	"vswitch_port_statistics_rx_packets_total{port=\"vm2\"} 11\n",
	"le=\"+Inf\"} 13\nvswitch_port_latency_seconds_count{port=\"vm1\"} 13\n",
};

/* Lines that stand in every scrape. */
static const char *const lines[] = {
	"vswitch_port_statistics_drops_total{port=\"vm1\",reason=\"runt\"} 1\n",
	"vswitch_port_queue_worker{port=\"vm1\",queue=\"1\"} 5\n",
	"vswitch_port_queue_worker{port=\"vm2\",queue=\"0\"} 5\n",
	"vswitch_port_info{port=\"vm1\",type=\"tap\",bridge=\"br0\"} 1\n",
	"vswitch_port_info{port=\"vm2\",type=\"null\"} 1\n",
	"# TYPE vswitch_port_latency_seconds histogram\n",
	"vswitch_port_latency_seconds_bucket{port=\"vm1\",le=\"0.000000128\"} 0\n",
	"vswitch_port_latency_seconds_bucket{port=\"vm1\",le=\"0.000000256\"} 7\n",
	"vswitch_port_latency_seconds_bucket{port=\"vm1\",le=\"0.000000512\"} 7\n",
	"vswitch_port_latency_seconds_bucket{port=\"vm1\",le=\"0.000001024\"} 12\n",
	"vswitch_port_latency_seconds_bucket{port=\"vm1\",le=\"1.073741824\"} 12\n",
	"vswitch_port_latency_seconds_bucket{port=\"vm1\",le=\"+Inf\"} 13\n",
	"vswitch_port_latency_max_seconds{port=\"vm1\"} 3.000000001\n",
};

/* Names and kinds that dashboards rely on. */
static const struct {
	const char *name;
	const char *unit;
} names[] = {
	{"vswitch_system_uptime_seconds", "seconds"},
	{"vswitch_system_memory_size_bytes", "bytes"},
	{"vswitch_system_memory_kind", NULL},
	{"vswitch_system_worker_busy_cycles_total", NULL},
	{"vswitch_system_worker_flow_cache_memory_bytes", "bytes"},
	{"vswitch_bridge_flow_rules_table_slow", NULL},
	{"vswitch_bridge_meter_passed_packets_total", NULL},
	{"vswitch_acl_ace_matched_packets_total", NULL},
	{"vswitch_port_statistics_rx_bytes_total", "bytes"},
	{"vswitch_port_statistics_drops_total", NULL},
	{"vswitch_port_queue_ring_info", NULL},
	{"vswitch_port_queue_ring_bytes_total", "bytes"},
	{"vswitch_port_guest_memory_bytes", "bytes"},
	{"vswitch_port_latency_seconds", "seconds"},
	{"vswitch_port_latency_max_seconds", "seconds"},
};

struct page {
	char text[TEXT_SIZE];
	size_t len;
	size_t steps;
};

static void
take(void *arg, char *text, size_t len)
{
	struct page *page = arg;

	assert_true(page->len + len < TEXT_SIZE);
	memcpy(page->text + page->len, text, len);
	page->len += len;
	page->text[page->len] = '\0';
	free(text);
}

/* What the test's backend does not tell of. */
static void
state_of_test(void *ctx, const char *list, const char *key, const char *member, json_t *entry)
{
	backend_ops.state(ctx, list, key, member, entry);
	if (strcmp(list, "system") == 0) {
		/* what would end a label */
		(void)json_object_set_new(entry, "version", json_string("1\"2\n3\\"));
	} else if (strcmp(list, "port") == 0) {
		(void)json_object_set_new(entry, "latency",
			json_of("{'packets': '13', 'max': '3000000001', 'bucket': ["
				"{'below': '256', 'packets': '7'}, {'below': '1024', 'packets': "
				"'5'},"
				"{'below': '2147483648', 'packets': '1'}]}"));
	}
}

static struct ds_backend_ops ops;

static void
scrape(const struct backend *backend, enum metrics_format format, struct page *page)
{
	struct metrics_scrape *scrape;
	struct metrics *metrics;
	size_t size;

	role_assert(&role_main);
	metrics = metrics_create(backend->ds);
	scrape = metrics_scrape_begin(metrics, backend->ds, format);
	page->len = 0;
	page->steps = 0;
	while (metrics_scrape_step(scrape)) {
		page->steps++;
	}
	size = metrics_scrape_size(scrape);
	metrics_scrape_end(scrape, take, page);
	assert_true(page->len > size / 2 && size > 0);
	metrics_destroy(metrics);
}

/* Both change the role, which the analysis cannot follow. */
static void
start(struct backend *backend) ROLE_ATTR(no_thread_safety_analysis)
{
	role_enter(&role_main);
	memset(backend, 0, sizeof(*backend));
	backend_start(backend, NULL);
	ops = backend_ops;
	ops.state = state_of_test;
	backend->ds->ops = &ops;
	do_op(backend, "create", BR0, "{}");
	do_op(backend, "create", VM1, "{'type': 'tap', 'bridge': 'br0'}");
	do_op(backend, "create", "/vswitch:vswitch/port[name='vm2']", "{'type': 'null'}");
}

static void
stop(struct backend *backend) ROLE_ATTR(no_thread_safety_analysis)
{
	role_assert(&role_main);
	backend_stop(backend);
	role_leave(&role_main);
}

static void
expect_line(const struct page *page, const char *line)
{
	if (strstr(page->text, line) == NULL) {
		fail_msg("%s is not in\n%s", line, page->text);
	}
}

static void
test_text(void **state)
{
	static struct page page;
	struct backend backend;
	const char *from;

	start(&backend);
	scrape(&backend, METRICS_OPENMETRICS, &page);
	assert_int_equal(page.steps, 4); /* system, br0, vm1, vm2 */
	if (strncmp(page.text, openmetrics, strlen(openmetrics)) != 0) {
		fail_msg("%s", page.text);
	}
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		expect_line(&page, lines[i]);
	}
	from = strstr(page.text, "# EOF\n");
	assert_non_null(from);
	assert_string_equal(from, "# EOF\n");
	scrape(&backend, METRICS_PROMETHEUS, &page);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		expect_line(&page, lines[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(prometheus); i++) {
		expect_line(&page, prometheus[i]);
	}
	assert_null(strstr(page.text, "# EOF"));
	assert_null(strstr(page.text, "# UNIT"));
	stop(&backend);
}

/* An entry that is deleted between two steps is left out, and so is one that came. */
static void
test_changes(void **state)
{
	static struct page page;
	struct backend backend;
	struct metrics_scrape *scrape_;
	struct metrics *metrics;

	start(&backend);
	role_assert(&role_main);
	metrics = metrics_create(backend.ds);
	scrape_ = metrics_scrape_begin(metrics, backend.ds, METRICS_OPENMETRICS);
	for (int i = 0; i < 3; i++) {
		assert_true(metrics_scrape_step(scrape_));
	}
	do_op(&backend, "delete", "/vswitch:vswitch/port[name='vm2']", NULL);
	do_op(&backend, "create", "/vswitch:vswitch/port[name='vm3']", "{'type': 'null'}");
	while (metrics_scrape_step(scrape_)) {
	}
	page.len = 0;
	metrics_scrape_end(scrape_, take, &page);
	expect_line(&page, "{port=\"vm1\",");
	assert_null(strstr(page.text, "vm2"));
	assert_null(strstr(page.text, "vm3"));
	/* one that nobody waits for any more */
	scrape_ = metrics_scrape_begin(metrics, backend.ds, METRICS_OPENMETRICS);
	assert_true(metrics_scrape_step(scrape_));
	metrics_scrape_end(scrape_, NULL, NULL);
	metrics_destroy(metrics);
	stop(&backend);
}

static bool
is_name(const char *name)
{
	for (const char *p = name; *p != '\0'; p++) {
		if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '_') {
			return false;
		}
	}
	return strncmp(name, "vswitch_", 8) == 0;
}

static const struct metric_family *
find(const struct metrics *metrics, const char *name, size_t *count)
{
	const struct metric_family *found = NULL;
	const struct metric_family *family;
	char buf[METRIC_NAME_SIZE];

	*count = 0;
	for (size_t i = 0; (family = metrics_family(metrics, i)) != NULL; i++) {
		if (strcmp(metric_sample_name(family, buf, sizeof(buf)), name) == 0) {
			found = family;
			++*count;
		}
	}
	return found;
}

/* Each family has a name of its own, a help text and no state of a paged list. */
static void
test_families(void **state)
{
	const struct metric_family *family;
	struct backend backend;
	struct metrics *metrics;
	char buf[METRIC_NAME_SIZE];
	size_t count;

	start(&backend);
	role_assert(&role_main);
	metrics = metrics_create(backend.ds);
	for (size_t i = 0; (family = metrics_family(metrics, i)) != NULL; i++) {
		(void)find(metrics, metric_sample_name(family, buf, sizeof(buf)), &count);
		if (count != 1 || !is_name(family->name) || !str_given(family->help) ||
			strstr(family->name, "_fdb_age") != NULL ||
			strstr(family->name, "connection_") != NULL) {
			fail_msg("%s: %zu times, help %s", family->name, count, family->help);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		family = find(metrics, names[i].name, &count);
		if (family == NULL) {
			fail_msg("there is no %s", names[i].name);
		} else if (names[i].unit == NULL) {
			assert_null(family->unit);
		} else {
			assert_string_equal(family->unit, names[i].unit);
		}
	}
	metrics_destroy(metrics);
	metrics_destroy(NULL);
	stop(&backend);
}

/* docs/metrics.md, which tools/reference writes, names these metrics and no others. */
static void
test_page(void **state)
{
	const char *source = getenv("VSW_SOURCE");
	const struct metric_family *family;
	struct backend backend;
	struct metrics *metrics;
	char path[512];
	char line[4096];
	char name[METRIC_NAME_SIZE];
	size_t n = 0;
	size_t count;
	FILE *page;

	(void)snprintf(path, sizeof(path), "%s/docs/metrics.md", source == NULL ? "." : source);
	page = fopen(path, "re");
	assert_non_null(page);
	start(&backend);
	role_assert(&role_main);
	metrics = metrics_create(backend.ds);
	while (fgets(line, sizeof(line), page) != NULL) {
		if (sscanf(line, "| `%191[a-z0-9_]`", name) != 1) {
			continue;
		}
		n++;
		family = find(metrics, name, &count);
		if (count != 1) {
			fail_msg("%s is no metric", name);
		}
		assert_int_equal(
			strstr(line, "| counter |") != NULL, family->type == METRIC_COUNTER);
	}
	(void)fclose(page);
	assert_null(metrics_family(metrics, n));
	assert_non_null(metrics_family(metrics, n - 1));
	metrics_destroy(metrics);
	stop(&backend);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
