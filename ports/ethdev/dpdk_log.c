/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/ethdev/dpdk_log.h"

#include <errno.h>
#include <pthread.h>
#include <rte_log.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "base/str.h"

LOG_MODULE("dpdk");

#define LINE_SIZE 256

/* Part of a line that says nothing is wrong, and why. Shown at level debug. */
static const struct {
	const char *part;
	const char *why;
} harmless[] = {
	{"No free 2048 kB hugepages", "hugepages are optional"},
	{"No free 1048576 kB hugepages", "hugepages are optional"},
	{"No available 1048576 kB hugepages", "hugepages are optional"},
	{"No available 2048 kB hugepages", "hugepages are optional"},
	{"Static memory layout is selected", "--no-huge, chosen by us"},
	{"VFIO support could not be initialized", "matters to pci ports only, which check it"},
	{"failed to connect", "a vhost-user client whose server is not there yet"},
	{"already stopped", "closing a device stops it first"},
	{"Invalid port_id=", "looking for a free device name"},
	{"Unexpected message(s) in message queue", "a memif peer left in mid-sentence"},
	{"Failed to unregister control channel callback", "memif defers that itself"},
	{"Failed to register mp action callback", "--no-shconf, chosen by us"},
	{"Failed to connect socket", "a memif client whose server is not there yet"},
	{"No valid MAC in devargs or device", "a back end need not know one; a random one will do"},
	{"Driver cannot attach the device", "follows the line that says why"},
	{"Failed to attach device on primary process", "follows the line that says why"},
};

struct kept_line {
	uint64_t seq;
	pthread_t thread;
	char text[LINE_SIZE];
};

/* DPDK has one log per process. */
static struct {
	pthread_mutex_t lock;
	uint64_t seq; /* of the last kept line */
	struct kept_line kept[DPDK_LOG_TAIL];
	size_t n_partial;
	char partial[LINE_SIZE]; /* a line without its end yet */
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

enum log_level
dpdk_log_level(uint32_t dpdk_level, const char *line)
{
	for (size_t i = 0; i < ARRAY_LEN(harmless); i++) {
		if (strstr(line, harmless[i].part) != NULL) {
			return LOG_DEBUG;
		}
	}
	switch (dpdk_level) {
	case RTE_LOG_EMERG:
	case RTE_LOG_ALERT:
	case RTE_LOG_CRIT:
	case RTE_LOG_ERR:
		return LOG_ERROR;
	case RTE_LOG_WARNING:
		return LOG_WARN;
	case RTE_LOG_NOTICE:
		return LOG_INFO;
	default:
		return LOG_DEBUG;
	}
}

/* Under the lock. */
static void
take_line(const char *line)
{
	enum log_level level = dpdk_log_level((uint32_t)rte_log_cur_msg_loglevel(), line);

	if (line[0] == '\0') {
		return;
	}
	LOG_AT(level, "%s", line);
	if (level <= LOG_WARN) {
		struct kept_line *kept = &state.kept[++state.seq % DPDK_LOG_TAIL];

		kept->seq = state.seq;
		kept->thread = pthread_self();
		str_copy(kept->text, line, sizeof(kept->text));
	}
}

static ssize_t
stream_write(void *cookie, const char *buf, size_t size)
{
	(void)cookie;
	pthread_mutex_lock(&state.lock);
	for (size_t i = 0; i < size; i++) {
		bool full = state.n_partial == sizeof(state.partial) - 1;

		if (buf[i] == '\n' || full) {
			state.partial[state.n_partial] = '\0';
			take_line(state.partial);
			state.n_partial = 0;
		}
		if (buf[i] != '\n') {
			state.partial[state.n_partial++] = buf[i];
		}
	}
	pthread_mutex_unlock(&state.lock);
	return (ssize_t)size;
}

int
dpdk_log_init(void)
{
	static const cookie_io_functions_t functions = {.write = stream_write};
	FILE *stream = fopencookie(NULL, "w", functions);

	if (stream == NULL) {
		return -ENOMEM;
	}
	(void)setvbuf(stream, NULL, _IOLBF, 0);
	return rte_openlog_stream(stream);
}

uint64_t
dpdk_log_mark(void)
{
	uint64_t mark;

	pthread_mutex_lock(&state.lock);
	mark = state.seq;
	pthread_mutex_unlock(&state.lock);
	return mark;
}

void
dpdk_log_tail(uint64_t mark, char *out, size_t size)
{
	out[0] = '\0';
	pthread_mutex_lock(&state.lock);
	for (uint64_t seq = mark + 1; seq <= state.seq; seq++) {
		const struct kept_line *kept = &state.kept[seq % DPDK_LOG_TAIL];

		if (kept->seq == seq && pthread_equal(kept->thread, pthread_self()) != 0) {
			str_appendf(out, size, "%s%s", out[0] == '\0' ? "" : "; ", kept->text);
		}
	}
	pthread_mutex_unlock(&state.lock);
}
