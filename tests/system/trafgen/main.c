/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/system/trafgen/trafgen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/ether.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
	const char *name;
	int (*run)(const struct tg_options *o);
} commands[] = {
	{"udp-send", tg_udp_send},
	{"udp-recv", tg_udp_recv},
	{"raw-send", tg_raw_send},
	{"raw-recv", tg_raw_recv},
	{"tcp-send", tg_tcp_send},
	{"tcp-recv", tg_tcp_recv},
	{"ping", tg_ping},
};

static const struct option long_options[] = {
	{"to", required_argument, NULL, 't'},
	{"if", required_argument, NULL, 'i'},
	{"dst", required_argument, NULL, 'd'},
	{"port", required_argument, NULL, 'p'},
	{"stream", required_argument, NULL, 'S'},
	{"rate", required_argument, NULL, 'r'},
	{"seconds", required_argument, NULL, 's'},
	{"size", required_argument, NULL, 'z'},
	{"bytes", required_argument, NULL, 'b'},
	{"interval", required_argument, NULL, 'n'},
	{"pause", required_argument, NULL, 'u'},
	{NULL, 0, NULL, 0},
};

uint64_t
tg_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

void
tg_sleep_until(uint64_t ns)
{
	const struct timespec ts = {
		.tv_sec = (time_t)(ns / 1000000000ull),
		.tv_nsec = (long)(ns % 1000000000ull),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR) {
	}
}

uint32_t
tg_crc32(const void *data, size_t size)
{
	static uint32_t table[256];
	const uint8_t *p = data;
	uint32_t crc = ~0u;

	if (table[1] == 0) {
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t v = i;

			for (int bit = 0; bit < 8; bit++) {
				v = (v >> 1) ^ ((v & 1) ? 0xedb88320u : 0);
			}
			table[i] = v;
		}
	}
	for (size_t i = 0; i < size; i++) {
		crc = (crc >> 8) ^ table[(crc ^ p[i]) & 0xff];
	}
	return ~crc;
}

/* xorshift64: no period a transfer could reach, so a shifted or repeated block never fits. */
uint64_t
tg_pattern_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x;
}

static int
usage(const char *what)
{
	fprintf(stderr,
		"trafgen: %s\n"
		"usage: trafgen udp-send --to ADDR:PORT [--rate N] [--seconds S] [--size N]\n"
		"       trafgen udp-recv --port PORT [--seconds S]\n"
		"       trafgen raw-send --if NAME --dst MAC [--rate N] [--seconds S] [--size N]\n"
		"       trafgen raw-recv --if NAME [--seconds S]\n"
		"       trafgen tcp-send --to ADDR:PORT --bytes N [--pause MS]\n"
		"       trafgen tcp-recv --port PORT [--seconds S]\n"
		"       trafgen ping --to ADDR [--interval MS] [--seconds S]\n"
		"       (--stream N tells streams apart that share a receiver)\n",
		what);
	return 2;
}

static bool
parse_address(const char *text, struct sockaddr_in *out)
{
	char copy[64];
	char *colon;

	if (strlen(text) >= sizeof(copy)) {
		return false;
	}
	memcpy(copy, text, strlen(text) + 1);
	colon = strchr(copy, ':');
	out->sin_family = AF_INET;
	if (colon) {
		*colon = '\0';
		out->sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	}
	return inet_pton(AF_INET, copy, &out->sin_addr) == 1;
}

/* One option into `o`; false if its value makes no sense. */
static bool
set_option(struct tg_options *o, int letter, const char *value)
{
	switch (letter) {
	case 't':
		return parse_address(value, &o->to);
	case 'i':
		o->ifname = value;
		return true;
	case 'd':
		return ether_aton_r(value, &o->dst) != NULL;
	case 'p':
		o->port = (uint16_t)strtoul(value, NULL, 10);
		return o->port != 0;
	case 'S':
		o->stream = (uint32_t)strtoul(value, NULL, 10);
		return true;
	case 'r':
		o->rate = strtod(value, NULL);
		return o->rate >= 0;
	case 's':
		o->seconds = strtod(value, NULL);
		return o->seconds > 0;
	case 'z':
		o->size = (uint32_t)strtoul(value, NULL, 10);
		return o->size >= sizeof(struct tg_stamp) && o->size <= TG_SIZE_MAX;
	case 'b':
		o->bytes = strtoull(value, NULL, 10);
		return o->bytes > 0;
	case 'n':
		o->interval_ms = (uint32_t)strtoul(value, NULL, 10);
		return o->interval_ms > 0;
	case 'u':
		o->pause_ms = (uint32_t)strtoul(value, NULL, 10);
		return true;
	default:
		return false;
	}
}

int
main(int argc, char **argv)
{
	struct tg_options o = {
		.rate = 1000,
		.seconds = 5,
		.size = 200,
		.stream = 1,
		.interval_ms = 10,
	};
	int letter;

	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		return usage("no command");
	}
	while ((letter = getopt_long(argc - 1, argv + 1, "", long_options, NULL)) != -1) {
		if (!set_option(&o, letter, optarg ? optarg : "")) {
			return usage("wrong option");
		}
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) == 0) {
			return commands[i].run(&o);
		}
	}
	return usage("no such command");
}
