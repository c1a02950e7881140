/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/config_events.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"

LOG_MODULE("config");

static const char *
string_of(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text == NULL ? "" : text;
}

/* "create /vswitch:vswitch/port[name='p1'] and 2 more" */
static void
describe_changes(const json_t *record, char *text, size_t size)
{
	const json_t *changes = json_object_get(record, "changes");
	const json_t *first = json_array_get(changes, 0);
	json_int_t more = json_integer_value(json_object_get(record, "more"));
	size_t n = json_array_size(changes) + (size_t)more;

	if (n == 0) {
		(void)str_append(text, "nothing changed", size);
		return;
	}
	(void)str_appendf(text, size, "%s %s", string_of(first, "op"), string_of(first, "path"));
	if (n > 1) {
		(void)str_appendf(text, size, " and %zu more", n - 1);
	}
}

static void
describe(const json_t *record, char *text, size_t size)
{
	static const struct {
		const char *change;
		const char *text;
	} hows[] = {
		{"provisional", ", until it is confirmed or goes back by itself"},
		{"confirm", ", confirmed"},
		{"rollback", ", by going back"},
		{"timeout", ", because nobody confirmed the edits before it"},
	};
	const char *comment = string_of(record, "comment");
	const char *change = string_of(record, "change");

	text[0] = '\0';
	(void)str_appendf(text, size, "revision %" JSON_INTEGER_FORMAT " by %s",
		json_integer_value(json_object_get(record, "revision")), string_of(record, "user"));
	for (size_t i = 0; i < ARRAY_LEN(hows); i++) {
		if (strcmp(change, hows[i].change) == 0) {
			(void)str_append(text, hows[i].text, size);
		}
	}
	(void)str_append(text, ": ", size);
	describe_changes(record, text, size);
	if (comment[0] != '\0') {
		(void)str_appendf(text, size, " (%s)", comment);
	}
}

/* What changed without how it was and is; new. */
static json_t *
shorten(const json_t *changes)
{
	json_t *list = json_array();
	const json_t *change;
	size_t i;

	json_array_foreach (changes, i, change) {
		(void)json_array_append_new(list,
			json_pack("{s:s, s:s}", "op", string_of(change, "op"), "path",
				string_of(change, "path")));
	}
	return list;
}

json_t *
config_event(const json_t *record)
{
	bool timeout = strcmp(string_of(record, "change"), "timeout") == 0;
	char text[1024];
	json_t *body;

	describe(record, text, sizeof(text));
	body = event_body(
		timeout ? EVENT_WARNING : EVENT_NOTICE, string_of(record, "change"), text);
	(void)json_object_update(body, (json_t *)(uintptr_t)record);
	if (json_dumpb(record, NULL, 0, JSON_COMPACT) > CONFIG_EVENT_MAX) {
		(void)json_object_set_new(
			body, "changes", shorten(json_object_get(record, "changes")));
		(void)json_object_set_new(body, "shortened", json_true());
	}
	return body;
}

void
config_events_take(void *arg, const json_t *record)
{
	struct config_events *configs = arg;
	struct event_about about = {.bridge = NULL};
	json_t *body;

	role_assert(&role_main);
	body = config_event(record);
	LOG_AT(strcmp(string_of(record, "change"), "timeout") == 0 ? LOG_WARN : LOG_INFO, "%s",
		json_string_value(json_object_get(body, "text")));
	if (configs->events != NULL && events_wanted(configs->events, EVENT_CONFIG)) {
		events_emit(configs->events, EVENT_CONFIG, &about, body);
	} else {
		json_decref(body);
	}
}
