/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/system/trafgen/trafgen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIN_COPIES 20
#define FIN_SPACING_NS 20000000ull
#define SETTLE_NS 300000000ull /* stragglers may come this long after the first FIN */
#define RCVBUF_SIZE (16 << 20)

/* What a receiver has seen of its stream. */
struct tally {
	uint8_t *seen; /* one bit for each sequence number */
	uint64_t received;
	uint64_t unique;
	uint64_t duplicated;
	uint64_t reordered;
	uint64_t corrupt;
	uint64_t foreign; /* datagrams of other streams or programs */
	uint64_t highest; /* sequence number + 1 */
	uint64_t sent; /* from FIN; 0 while unknown */
	uint64_t bytes;
	uint64_t last_ns;
	uint64_t max_gap_ns;
	uint64_t fin_ns;
	uint32_t overflow; /* dropped by the kernel at our own socket */
};

static int
fail(const char *what)
{
	fprintf(stderr, "trafgen: %s: %s\n", what, strerror(errno));
	return 1;
}

static void
fill(uint8_t *payload, const struct tg_options *o, uint64_t seq, uint32_t flags)
{
	struct tg_stamp stamp = {
		.magic = TG_MAGIC,
		.stream = o->stream,
		.flags = flags,
		.seq = seq,
	};
	uint64_t state = TG_PATTERN_START ^ (seq + 1);

	for (uint32_t i = sizeof(stamp); i < o->size; i++) {
		if (i % 8 == 0) {
			tg_pattern_next(&state);
		}
		payload[i] = (uint8_t)(state >> (8 * (i % 8)));
	}
	memcpy(payload, &stamp, sizeof(stamp));
	stamp.crc = tg_crc32(payload, o->size);
	memcpy(payload, &stamp, sizeof(stamp));
}

/* Send all of it, waiting while the device is full: what the sender loses would look like loss. */
static bool
send_one(int fd, const void *data, size_t size, const struct sockaddr *to, socklen_t to_size,
	uint64_t *retries)
{
	while (sendto(fd, data, size, 0, to, to_size) < 0) {
		if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR &&
			errno != ECONNREFUSED) {
			return false;
		}
		(*retries)++;
		usleep(200);
	}
	return true;
}

/* The frame is `header` bytes of link header in front of o->size bytes of payload. */
static int
send_stream(int fd, const struct tg_options *o, uint8_t *frame, size_t header,
	const struct sockaddr *to, socklen_t to_size)
{
	const uint64_t start = tg_now_ns();
	const uint64_t end = start + (uint64_t)(o->seconds * 1e9);
	const double spacing = o->rate > 0 ? 1e9 / o->rate : 0;
	uint64_t seq = 0;
	uint64_t retries = 0;
	uint64_t now;

	while ((now = tg_now_ns()) < end && seq < TG_SEQ_MAX) {
		const uint64_t due = start + (uint64_t)(spacing * (double)seq);

		if (due > now) {
			tg_sleep_until(due < end ? due : end);
			continue;
		}
		fill(frame + header, o, seq, 0);
		if (!send_one(fd, frame, header + o->size, to, to_size, &retries)) {
			return fail("send");
		}
		seq++;
	}
	for (int i = 0; i < FIN_COPIES; i++) {
		fill(frame + header, o, seq, TG_FIN);
		if (!send_one(fd, frame, header + o->size, to, to_size, &retries)) {
			return fail("send");
		}
		tg_sleep_until(tg_now_ns() + FIN_SPACING_NS);
	}
	printf("{\"sent\":%" PRIu64 ",\"retries\":%" PRIu64 ",\"seconds\":%.3f}\n", seq, retries,
		(double)(now - start) / 1e9);
	return 0;
}

static void
account(struct tally *t, const struct tg_options *o, const uint8_t *payload, size_t size,
	uint64_t now)
{
	static uint8_t copy[TG_SIZE_MAX];
	struct tg_stamp stamp;

	if (size < sizeof(stamp) || size > sizeof(copy)) {
		t->foreign++;
		return;
	}
	memcpy(&stamp, payload, sizeof(stamp));
	if (stamp.magic != TG_MAGIC || (o->stream && stamp.stream != o->stream)) {
		t->foreign++;
		return;
	}
	memcpy(copy, payload, size);
	memset(copy + offsetof(struct tg_stamp, crc), 0, sizeof(stamp.crc));
	if (tg_crc32(copy, size) != stamp.crc || stamp.seq > TG_SEQ_MAX) {
		t->corrupt++;
		return;
	}
	if (stamp.flags & TG_FIN) {
		t->sent = stamp.seq;
		t->fin_ns = t->fin_ns ? t->fin_ns : now;
		return;
	}
	if (stamp.seq == TG_SEQ_MAX) {
		t->corrupt++;
		return;
	}
	if (t->last_ns && now - t->last_ns > t->max_gap_ns) {
		t->max_gap_ns = now - t->last_ns;
	}
	t->last_ns = now;
	t->received++;
	t->bytes += size;
	if (t->seen[stamp.seq / 8] & (1u << (stamp.seq % 8))) {
		t->duplicated++;
		return;
	}
	t->seen[stamp.seq / 8] |= (uint8_t)(1u << (stamp.seq % 8));
	t->unique++;
	if (stamp.seq + 1 < t->highest) {
		t->reordered++;
	} else {
		t->highest = stamp.seq + 1;
	}
}

static ssize_t
receive(int fd, uint8_t *buffer, size_t size, uint32_t *overflow)
{
	char control[CMSG_SPACE(sizeof(uint32_t)) + 64];
	struct iovec iov = {.iov_base = buffer, .iov_len = size};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	const ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);

	if (n < 0) {
		return n;
	}
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
			memcpy(overflow, CMSG_DATA(c), sizeof(*overflow));
		}
	}
	return n;
}

static void
report(const struct tally *t)
{
	const uint64_t expected = t->fin_ns ? t->sent : t->highest;

	printf("{\"received\":%" PRIu64 ",\"expected\":%" PRIu64 ",\"lost\":%" PRIu64
	       ",\"duplicated\":%" PRIu64 ",\"reordered\":%" PRIu64 ",\"corrupt\":%" PRIu64
	       ",\"foreign\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"max_gap_ms\":%.3f"
	       ",\"overflow\":%u,\"finished\":%s}\n",
		t->received, expected, expected - t->unique, t->duplicated, t->reordered,
		t->corrupt, t->foreign, t->bytes, (double)t->max_gap_ns / 1e6, t->overflow,
		t->fin_ns ? "true" : "false");
}

static int
recv_stream(int fd, const struct tg_options *o, size_t header)
{
	static uint8_t buffer[TG_SIZE_MAX + 256];
	const uint64_t end = tg_now_ns() + (uint64_t)(o->seconds * 1e9);
	const int rcvbuf = RCVBUF_SIZE;
	const int on = 1;
	struct tally t = {0};

	t.seen = calloc(1, TG_SEQ_MAX / 8);
	if (!t.seen) {
		return fail("memory");
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof(rcvbuf))) {
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	}
	setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	fprintf(stderr, "ready\n");
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		const uint64_t now = tg_now_ns();
		const ssize_t n = receive(fd, buffer, sizeof(buffer), &t.overflow);

		if (n >= 0) {
			const size_t skip = (size_t)n < header ? (size_t)n : header;

			account(&t, o, buffer + skip, (size_t)n - skip, now);
		} else if (errno == EAGAIN) {
			poll(&p, 1, 20);
		} else if (errno != EINTR && errno != ENETDOWN) {
			free(t.seen);
			return fail("receive");
		}
		if (now > end || (t.fin_ns && now > t.fin_ns + SETTLE_NS)) {
			break;
		}
	}
	report(&t);
	free(t.seen);
	return 0;
}

int
tg_udp_send(const struct tg_options *o)
{
	static uint8_t frame[TG_SIZE_MAX];
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0) {
		return fail("socket");
	}
	return send_stream(fd, o, frame, 0, (const struct sockaddr *)&o->to, sizeof(o->to));
}

int
tg_udp_recv(const struct tg_options *o)
{
	const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(o->port)};
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any))) {
		return fail("bind");
	}
	return recv_stream(fd, o, 0);
}

/* A packet socket on the interface, and its address in `self` (may be NULL). */
static int
open_raw(const struct tg_options *o, struct sockaddr_ll *link, uint8_t self[ETH_ALEN])
{
	const int fd = socket(AF_PACKET, SOCK_RAW, htons(TG_ETHERTYPE));
	struct ifreq request = {0};

	if (fd < 0 || !o->ifname || strlen(o->ifname) >= IFNAMSIZ) {
		return -1;
	}
	memcpy(request.ifr_name, o->ifname, strlen(o->ifname));
	*link = (struct sockaddr_ll){
		.sll_family = AF_PACKET,
		.sll_protocol = htons(TG_ETHERTYPE),
		.sll_ifindex = (int)if_nametoindex(o->ifname),
	};
	if (link->sll_ifindex == 0 || ioctl(fd, SIOCGIFHWADDR, &request)) {
		close(fd);
		return -1;
	}
	if (self) {
		memcpy(self, request.ifr_hwaddr.sa_data, ETH_ALEN);
	}
	return fd;
}

int
tg_raw_send(const struct tg_options *o)
{
	static uint8_t frame[sizeof(struct ether_header) + TG_SIZE_MAX];
	struct ether_header header = {.ether_type = htons(TG_ETHERTYPE)};
	struct sockaddr_ll link;
	const int fd = open_raw(o, &link, header.ether_shost);

	if (fd < 0) {
		return fail("packet socket");
	}
	memcpy(header.ether_dhost, o->dst.ether_addr_octet, ETH_ALEN);
	memcpy(frame, &header, sizeof(header));
	return send_stream(
		fd, o, frame, sizeof(header), (const struct sockaddr *)&link, sizeof(link));
}

int
tg_raw_recv(const struct tg_options *o)
{
	struct sockaddr_ll link;
	const int fd = open_raw(o, &link, NULL);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&link, sizeof(link))) {
		return fail("packet socket");
	}
	return recv_stream(fd, o, sizeof(struct ether_header));
}
