/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/event_topic.h"

#include <string.h>

#include "base/str.h"
#include "base/suggest.h"

#define ALL "all"

static const char *const topic_names[EVENT_TOPICS] = {
	[EVENT_PUNT] = "punt",
	[EVENT_SAMPLE] = "sample",
	[EVENT_MAC] = "mac",
	[EVENT_PORT] = "port",
	[EVENT_CONFIG] = "config",
	[EVENT_LIMIT] = "limit",
	[EVENT_WORKER] = "worker",
};

const char *
event_topic_name(enum event_topic topic)
{
	return topic_names[topic];
}

bool
event_topic_is_bulky(enum event_topic topic)
{
	return topic == EVENT_PUNT || topic == EVENT_SAMPLE || topic == EVENT_MAC;
}

static int
topic_unknown(const char *method, const char *name, struct err *err)
{
	struct suggest suggest;
	char known[256] = "";

	suggest_init(&suggest, name, strlen(name));
	for (size_t i = 0; i < EVENT_TOPICS; i++) {
		suggest_offer(&suggest, topic_names[i]);
		(void)str_appendf(known, sizeof(known), "%s, ", topic_names[i]);
	}
	suggest_offer(&suggest, ALL);
	return err_set(err, ERR_MALFORMED, NULL, "%s: there is no topic '%.64s' (there are %s%s)%s",
		method, name, known, ALL, suggest_text(&suggest));
}

static int
topic_parse(const char *method, const json_t *value, bool wanted[EVENT_TOPICS], struct err *err)
{
	const char *name = json_string_value(value);

	if (name == NULL) {
		return err_set(err, ERR_MALFORMED, NULL,
			"%s: the param 'topics' must be an array of strings", method);
	}
	if (strcmp(name, ALL) == 0) {
		memset(wanted, true, EVENT_TOPICS * sizeof(wanted[0]));
		return 0;
	}
	for (size_t i = 0; i < EVENT_TOPICS; i++) {
		if (strcmp(name, topic_names[i]) == 0) {
			wanted[i] = true;
			return 0;
		}
	}
	return topic_unknown(method, name, err);
}

int
event_topics_parse(
	const char *method, const json_t *topics, bool wanted[EVENT_TOPICS], struct err *err)
{
	const json_t *value;
	size_t i;

	memset(wanted, topics == NULL, EVENT_TOPICS * sizeof(wanted[0]));
	if (topics != NULL && json_array_size(topics) == 0) {
		return err_set(err, ERR_MALFORMED, NULL, "%s: the param 'topics' is empty", method);
	}
	json_array_foreach (topics, i, value) {
		int rc = topic_parse(method, value, wanted, err);

		if (rc != 0) {
			return rc;
		}
	}
	return 0;
}
