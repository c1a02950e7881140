/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/date.h"

#include <stdio.h>

#include "base/clock.h"

#define DATE_FORMAT "%Y-%m-%dT%H:%M:%S"

static const char *
date_format(time_t seconds, const char *format, char *buf, size_t size)
{
	struct tm tm;

	buf[0] = '\0';
	if (gmtime_r(&seconds, &tm) != NULL) {
		(void)strftime(buf, size, format, &tm);
	}
	return buf;
}

const char *
date_text(time_t seconds, char buf[DATE_SIZE])
{
	return date_format(seconds, DATE_FORMAT "Z", buf, DATE_SIZE);
}

const char *
date_text_us(uint64_t ns, char buf[DATE_SIZE])
{
	char date[32];

	(void)snprintf(buf, DATE_SIZE, "%s.%06uZ",
		date_format((time_t)(ns / CLOCK_S), DATE_FORMAT, date, sizeof(date)),
		(unsigned int)(ns % CLOCK_S / CLOCK_US));
	return buf;
}
