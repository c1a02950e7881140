/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/system/trafgen/trafgen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536
#define FNV_START 0xcbf29ce484222325ull
#define FNV_PRIME 0x100000001b3ull

static int
fail(const char *what)
{
	fprintf(stderr, "trafgen: %s: %s\n", what, strerror(errno));
	return 1;
}

static void
fill(uint8_t *chunk, uint64_t *state)
{
	for (size_t i = 0; i < CHUNK; i += 8) {
		const uint64_t word = tg_pattern_next(state);

		memcpy(chunk + i, &word, sizeof(word));
	}
}

static uint64_t
hash(uint64_t h, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		h = (h ^ data[i]) * FNV_PRIME;
	}
	return h;
}

int
tg_tcp_send(const struct tg_options *o)
{
	static uint8_t chunk[CHUNK];
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	const uint64_t start = tg_now_ns();
	uint64_t state = TG_PATTERN_START;
	uint64_t checksum = FNV_START;
	uint64_t sent = 0;
	char ack;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&o->to, sizeof(o->to))) {
		return fail("connect");
	}
	while (sent < o->bytes) {
		const uint64_t left = o->bytes - sent;
		const size_t size = left < CHUNK ? (size_t)left : CHUNK;
		size_t done = 0;

		fill(chunk, &state);
		checksum = hash(checksum, chunk, size);
		while (done < size) {
			const ssize_t n = send(fd, chunk + done, size - done, 0);

			if (n < 0) {
				return fail("send");
			}
			done += (size_t)n;
		}
		sent += size;
		if (o->pause_ms > 0) {
			tg_sleep_until(tg_now_ns() + o->pause_ms * 1000000ull);
		}
	}
	/* Wait for the receiver's close, so that the time is the time of the whole transfer. */
	shutdown(fd, SHUT_WR);
	while (recv(fd, &ack, 1, 0) > 0) {
	}
	printf("{\"bytes\":%" PRIu64 ",\"checksum\":\"%016" PRIx64
	       "\",\"seconds\":%.3f,\"mbit\":%.1f}\n",
		sent, checksum, (double)(tg_now_ns() - start) / 1e9,
		(double)sent * 8e3 / (double)(tg_now_ns() - start));
	return 0;
}

/* Compare what came with what must come at this offset; -1, or the offset of the first bad byte. */
static int64_t
compare(const uint8_t *data, size_t size, uint64_t offset, uint64_t *state, uint8_t *expected)
{
	for (size_t i = 0; i < size; i++) {
		const size_t at = (size_t)((offset + i) % CHUNK);

		if (at == 0) {
			fill(expected, state);
		}
		if (data[i] != expected[at]) {
			return (int64_t)(offset + i);
		}
	}
	return -1;
}

static int
accept_one(const struct tg_options *o)
{
	const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(o->port)};
	const int listener = socket(AF_INET, SOCK_STREAM, 0);
	const int on = 1;
	struct pollfd p = {.fd = listener, .events = POLLIN};

	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
		bind(listener, (const struct sockaddr *)&any, sizeof(any)) || listen(listener, 1)) {
		return -1;
	}
	fprintf(stderr, "ready\n");
	if (poll(&p, 1, (int)(o->seconds * 1000)) != 1) {
		errno = ETIMEDOUT;
		return -1;
	}
	return accept(listener, NULL, NULL);
}

int
tg_tcp_recv(const struct tg_options *o)
{
	static uint8_t chunk[CHUNK];
	static uint8_t expected[CHUNK];
	uint64_t state = TG_PATTERN_START;
	uint64_t checksum = FNV_START;
	uint64_t received = 0;
	int64_t corrupt_at = -1;
	const int fd = accept_one(o);

	if (fd < 0) {
		return fail("accept");
	}
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (poll(&p, 1, (int)(o->seconds * 1000)) != 1) {
			errno = ETIMEDOUT;
			return fail("receive");
		}
		n = recv(fd, chunk, sizeof(chunk), 0);
		if (n < 0) {
			return fail("receive");
		}
		if (n == 0) {
			break;
		}
		if (corrupt_at < 0) {
			corrupt_at = compare(chunk, (size_t)n, received, &state, expected);
		}
		checksum = hash(checksum, chunk, (size_t)n);
		received += (uint64_t)n;
	}
	close(fd);
	printf("{\"bytes\":%" PRIu64 ",\"checksum\":\"%016" PRIx64 "\",\"corrupt_at\":%" PRId64
	       "}\n",
		received, checksum, corrupt_at);
	return 0;
}
