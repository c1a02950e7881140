/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/system/trafgen/trafgen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LAST_REPLY_NS 1000000000ull

struct probe {
	struct icmphdr icmp;
	uint64_t seq;
	uint64_t sent_ns;
};

struct gauge {
	uint64_t sent;
	uint64_t received;
	uint64_t last_ns; /* of the last reply, or the start */
	uint64_t max_gap_ns; /* longest time without a reply */
	uint64_t min_rtt_ns;
	uint64_t sum_rtt_ns;
};

static uint16_t
inet_sum(const void *data, size_t size)
{
	const uint8_t *p = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < size; i += 2) {
		sum += (uint32_t)p[i] | ((uint32_t)p[i + 1] << 8);
	}
	while (sum >> 16) {
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)~sum;
}

static void
send_probe(int fd, const struct tg_options *o, struct gauge *g)
{
	struct probe probe = {
		.icmp = {.type = ICMP_ECHO},
		.seq = g->sent,
		.sent_ns = tg_now_ns(),
	};

	probe.icmp.un.echo.id = htons((uint16_t)getpid());
	probe.icmp.un.echo.sequence = htons((uint16_t)g->sent);
	probe.icmp.checksum = inet_sum(&probe, sizeof(probe));
	/* A refusal (no route yet, device full) is a lost probe, which is what is measured. */
	if (sendto(fd, &probe, sizeof(probe), 0, (const struct sockaddr *)&o->to, sizeof(o->to)) <
		0) {
		probe.sent_ns = 0;
	}
	g->sent++;
}

static void
take_replies(int fd, struct gauge *g)
{
	uint8_t buffer[2048];
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) {
		const size_t header = (size_t)(buffer[0] & 0xf) * 4;
		struct probe probe;
		uint64_t now = tg_now_ns();

		if ((size_t)n < header + sizeof(probe)) {
			continue;
		}
		memcpy(&probe, buffer + header, sizeof(probe));
		if (probe.icmp.type != ICMP_ECHOREPLY ||
			probe.icmp.un.echo.id != htons((uint16_t)getpid()) || probe.sent_ns > now) {
			continue;
		}
		g->received++;
		g->sum_rtt_ns += now - probe.sent_ns;
		if (g->min_rtt_ns == 0 || now - probe.sent_ns < g->min_rtt_ns) {
			g->min_rtt_ns = now - probe.sent_ns;
		}
		if (now - g->last_ns > g->max_gap_ns) {
			g->max_gap_ns = now - g->last_ns;
		}
		g->last_ns = now;
	}
}

int
tg_ping(const struct tg_options *o)
{
	const int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	const uint64_t start = tg_now_ns();
	const uint64_t end = start + (uint64_t)(o->seconds * 1e9);
	const uint64_t spacing = o->interval_ms * 1000000ull;
	struct gauge g = {.last_ns = start};
	uint64_t now;

	if (fd < 0) {
		fprintf(stderr, "trafgen: socket: %s\n", strerror(errno));
		return 1;
	}
	fprintf(stderr, "ready\n");
	while ((now = tg_now_ns()) < end + LAST_REPLY_NS) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		const uint64_t due = start + spacing * g.sent;

		if (now >= due && due < end) {
			send_probe(fd, o, &g);
		}
		poll(&p, 1, now < due && due - now > 1000000 ? (int)((due - now) / 1000000) : 1);
		take_replies(fd, &g);
		if (now >= end && (g.received >= g.sent || now >= end + LAST_REPLY_NS)) {
			break;
		}
	}
	/* Silence up to the end is a gap too; after the end nothing was asked any more. */
	if (end > g.last_ns && end - g.last_ns > g.max_gap_ns) {
		g.max_gap_ns = end - g.last_ns;
	}
	printf("{\"sent\":%" PRIu64 ",\"received\":%" PRIu64 ",\"lost\":%" PRIu64
	       ",\"max_gap_ms\":%.3f,\"min_rtt_ms\":%.3f,\"avg_rtt_ms\":%.3f}\n",
		g.sent, g.received, g.sent - g.received, (double)g.max_gap_ns / 1e6,
		(double)g.min_rtt_ns / 1e6,
		g.received ? (double)g.sum_rtt_ns / (double)g.received / 1e6 : 0.0);
	return 0;
}
