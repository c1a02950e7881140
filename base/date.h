/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Points of time as text, in UTC, as in RFC 3339. Any thread.
 */
#ifndef VSW_BASE_DATE_H
#define VSW_BASE_DATE_H

#include <stdint.h>
#include <time.h>

#define DATE_SIZE 48 /* bytes for either, terminated */

/* "2026-11-21T17:42:00Z" of seconds since 1970; "" beyond the years that there are. Returns buf. */
const char *date_text(time_t seconds, char buf[DATE_SIZE]);

/* "2026-11-21T17:42:00.123456Z" of nanoseconds since 1970. Returns buf. */
const char *date_text_us(uint64_t ns, char buf[DATE_SIZE]);

#endif
