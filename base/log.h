/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log lines on standard error, one per event, with a level and a module.
 *
 * Each source file that logs opens with LOG_MODULE("name"); levels are set for all modules or for
 * one by --log LEVEL[,module=LEVEL]. Under systemd (JOURNAL_STREAM set) lines carry the <N>
 * priority prefix instead of a time.
 *
 * Main and helper threads only: a worker never logs (docs/architecture.md, "Threads").
 */
#ifndef VSW_BASE_LOG_H
#define VSW_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_NOTICE, /* the default: start, stop, ports, guests */
	LOG_INFO,
	LOG_DEBUG,
};

/* One per source file; registers itself when it first logs. */
struct log_module {
	const char *name;
	struct log_module *next;
	int level; /* enum log_level; read by any thread */
	bool registered;
};

#define LOG_MODULE(module_name) static struct log_module log_module_here = {.name = (module_name)}

/* Parse "LEVEL[,module=LEVEL]..." and apply it, also to modules that log later. Main, at start. */
int log_configure(const char *spec, struct err *err);

bool log_enabled(struct log_module *module, enum log_level level);
void log_write(struct log_module *module, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define LOG_AT(level, ...)                                                 \
	do {                                                               \
		if (log_enabled(&log_module_here, (level))) {              \
			log_write(&log_module_here, (level), __VA_ARGS__); \
		}                                                          \
	} while (0)

#define log_error(...) LOG_AT(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) LOG_AT(LOG_WARN, __VA_ARGS__)
#define log_notice(...) LOG_AT(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_INFO, __VA_ARGS__)
#define log_debug(...) LOG_AT(LOG_DEBUG, __VA_ARGS__)

#endif
