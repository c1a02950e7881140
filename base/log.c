/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

#define LOG_LINE_SIZE 2048
#define LEVELS "use error, warn, notice, info or debug"
#define LOG_RULES_MAX 32 /* "module=LEVEL" entries on one command line */

static const char *const level_names[] = {"error", "warn", "notice", "info", "debug"};
/* syslog(3) priorities that journald understands as a line's prefix. */
static const int level_priority[] = {3, 4, 5, 6, 7};

/* The log is the one process-wide thing: a line has to reach the same file whoever writes it. */
static struct {
	pthread_mutex_t lock;
	struct log_module *modules;
	int default_level;
	unsigned int n_rules;
	struct {
		char module[32];
		int level;
	} rules[LOG_RULES_MAX];
} log_state = {.lock = PTHREAD_MUTEX_INITIALIZER, .default_level = LOG_NOTICE};

static int
level_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
		if (strcmp(name, level_names[i]) == 0) {
			return (int)i;
		}
	}
	return -1;
}

static int
level_for(const char *module)
{
	for (unsigned int i = 0; i < log_state.n_rules; i++) {
		if (strcmp(log_state.rules[i].module, module) == 0) {
			return log_state.rules[i].level;
		}
	}
	return log_state.default_level;
}

static void
module_register(struct log_module *module)
{
	pthread_mutex_lock(&log_state.lock);
	if (!module->registered) {
		__atomic_store_n(&module->level, level_for(module->name), __ATOMIC_RELAXED);
		module->next = log_state.modules;
		log_state.modules = module;
		__atomic_store_n(&module->registered, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&log_state.lock);
}

bool
log_enabled(struct log_module *module, enum log_level level)
{
	if (!__atomic_load_n(&module->registered, __ATOMIC_ACQUIRE)) {
		module_register(module);
	}
	return (int)level <= __atomic_load_n(&module->level, __ATOMIC_RELAXED);
}

static int
rule_add(char *item, struct err *err)
{
	char *eq = strchr(item, '=');
	int level = level_parse(eq == NULL ? item : eq + 1);

	if (level < 0) {
		return err_set(err, ERR_INVALID, "--log", "'%s' is not a log level: %s",
			eq == NULL ? item : eq + 1, LEVELS);
	}
	if (eq == NULL) {
		log_state.default_level = level;
		return 0;
	}
	*eq = '\0';
	if (log_state.n_rules == LOG_RULES_MAX) {
		return err_set(
			err, ERR_LIMIT, "--log", "more than %d module levels", LOG_RULES_MAX);
	}
	str_copy(
		log_state.rules[log_state.n_rules].module, item, sizeof(log_state.rules[0].module));
	log_state.rules[log_state.n_rules++].level = level;
	return 0;
}

int
log_configure(const char *spec, struct err *err)
{
	char *copy = str_dup(spec);
	char *save = NULL;
	int rc = 0;

	pthread_mutex_lock(&log_state.lock);
	for (char *item = strtok_r(copy, ",", &save); item != NULL && rc == 0;
		item = strtok_r(NULL, ",", &save)) {
		rc = rule_add(item, err);
	}
	for (struct log_module *m = log_state.modules; m != NULL; m = m->next) {
		__atomic_store_n(&m->level, level_for(m->name), __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&log_state.lock);
	free(copy);
	if (rc == 0 && spec[strspn(spec, ",")] == '\0') {
		rc = err_set(err, ERR_INVALID, "--log", "no level is given: %s", LEVELS);
	}
	return rc;
}

/* Bytes of the character that begins here, if it is one of UTF-8 (RFC 3629) that shows and turns
 * nothing around; else 0. */
static size_t
shown(const unsigned char *c, size_t left)
{
	size_t n = c[0] < 0x80 ? 1 : c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
	uint32_t code = n <= 1 ? c[0] : c[0] & (0x7fU >> n);

	if (n == 0 || n > left) {
		return 0;
	}
	for (size_t i = 1; i < n; i++) {
		if ((c[i] & 0xc0) != 0x80) {
			return 0;
		}
		code = code << 6 | (c[i] & 0x3f);
	}
	if (code < ' ' || (code >= 0x7f && code < 0xa0) || /* controls */
		(code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
		(n == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) ||
		(n == 4 && (code < 0x10000 || code > 0x10ffff))) {
		return 0;
	}
	return n;
}

/* Texts quote strangers: none of them begins a line of its own, speaks to a terminal, or makes a
 * journal take the line for binary data and hide it. */
static void
printable(char *line, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = shown((const unsigned char *)line + i, len - i);

		if (n == 0) {
			line[i] = '?';
			n = 1;
		}
		i += n;
	}
}

void
log_write(struct log_module *module, enum log_level level, const char *fmt, ...)
{
	char line[LOG_LINE_SIZE];
	va_list ap;

	line[0] = '\0';
	if (getenv("JOURNAL_STREAM") != NULL) {
		str_appendf(line, sizeof(line), "<%d>", level_priority[level]);
	} else {
		struct timespec ts;
		struct tm tm;

		(void)clock_gettime(CLOCK_REALTIME, &ts);
		(void)localtime_r(&ts.tv_sec, &tm);
		str_appendf(line, sizeof(line), "%02d:%02d:%02d.%03ld ", tm.tm_hour, tm.tm_min,
			tm.tm_sec, ts.tv_nsec / 1000000);
	}
	str_appendf(line, sizeof(line), "%-6s %s: ", level_names[level], module->name);
	size_t used = strlen(line);
	va_start(ap, fmt);
	(void)vsnprintf(line + used, sizeof(line) - used, fmt, ap);
	va_end(ap);
	used = strnlen(line, sizeof(line) - 2);
	printable(line, used);
	line[used] = '\n';
	/* One write per line keeps lines of several threads whole. */
	(void)!write(STDERR_FILENO, line, used + 1);
}
