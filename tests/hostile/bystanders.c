/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/hostile/bystanders.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/frontend/frontend.h"

#define RING_SIZE 256u
#define BUFFER_SIZE 2048u
#define WINDOW                                                                            \
	48u /* frames of a stream under way; far below RING_SIZE for all streams together \
	     */
#define BROADCAST_WINDOW 4u
#define BROADCAST_EVERY 8u
#define FRAME_MIN 60u
#define FRAME_MAX 1514u
#define BATCH 16u
#define GIVEN_UP                                                                         \
	(3 * CLOCK_S) /* a stream that is silent for so long has lost what was under way \
		       */

/* A frame of the pair; bytes behind it follow from number and stream. */
struct probe {
	uint8_t to[6];
	uint8_t from[6];
	uint8_t type[2];
	uint16_t length; /* of the frame */
	uint32_t stream;
	uint64_t number;
} __attribute__((packed));

struct stream {
	uint64_t sent;
	uint64_t next; /* number that is expected */
	uint64_t heard; /* when the last came */
};

struct guest {
	struct frontend fe;
	uint8_t mac;
	uint8_t *rx; /* RING_SIZE buffers */
	uint8_t *tx;
	uint16_t free[RING_SIZE]; /* transmit buffers */
	unsigned int n_free;
	unsigned int skip; /* buffers of a frame that is no probe's */
	uint64_t turn;
};

enum { PAIR_A, PAIR_B, MATE, N_GUESTS };
enum { TO_B, TO_A, FROM_A, FROM_B, N_STREAMS }; /* the last two are broadcasts */

struct bystanders {
	pthread_t thread;
	atomic_bool stop;
	atomic_bool mark;
	struct guest guests[N_GUESTS];
	struct stream streams[N_STREAMS];
	_Atomic uint64_t delivered;
	_Atomic uint64_t broadcasts;
	_Atomic uint64_t lost;
	_Atomic uint64_t disordered;
	_Atomic uint64_t corrupt;
	_Atomic uint64_t disconnected;
	_Atomic uint64_t silence;
	_Atomic uint64_t mate_frames;
	_Atomic uint64_t mate_marks;
};

static void *thread_main(void *arg);

static void
count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
		memory_order_relaxed);
}

/* A frame that is not what it must be; the first few are told. */
static void
wrong(struct bystanders *all, unsigned int index, const char *what, const struct ring_used *used)
{
	const uint8_t *at = all->guests[index].rx + (size_t)(used->id % RING_SIZE) * BUFFER_SIZE;

	count(&all->corrupt, 1);
	if (atomic_load(&all->corrupt) > 4) {
		return;
	}
	printf("# guest %u, buffer %u of %u bytes: %s:", index, used->id, used->len, what);
	for (unsigned int i = 0; i < sizeof(struct net_hdr) + sizeof(struct probe) + 8; i++) {
		printf(" %02x", at[i]);
	}
	printf("\n");
}

static struct ring_buffer
rx_buffer(const struct guest *guest, uint16_t id)
{
	return (struct ring_buffer){
		.gpa = memory_gpa(&guest->fe.memory, guest->rx + (size_t)id * BUFFER_SIZE),
		.len = BUFFER_SIZE,
		.id = id,
	};
}

static int
guest_open(struct guest *guest, const char *path, uint64_t optional, uint8_t mac, struct err *err)
{
	const struct frontend_config config = {
		.path = path,
		.n_pairs = 1,
		.ring_size = RING_SIZE,
		.features = VIRTIO_F_VERSION_1,
		.optional = NET_F_MRG_RXBUF | optional,
		.buffer_memory = (size_t)2 * RING_SIZE * BUFFER_SIZE + 4096,
	};
	const int rc = frontend_open(&guest->fe, &config, err);

	if (rc != 0) {
		return rc;
	}
	guest->mac = mac;
	guest->rx = memory_alloc(&guest->fe.memory, (size_t)RING_SIZE * BUFFER_SIZE, 4096);
	guest->tx = memory_alloc(&guest->fe.memory, (size_t)RING_SIZE * BUFFER_SIZE, 64);
	for (uint16_t id = 0; id < RING_SIZE; id++) {
		const struct ring_buffer buffer = rx_buffer(guest, id);
		queue_post(frontend_rx(&guest->fe, 0), &buffer, 1);
		guest->free[guest->n_free++] = id;
	}
	return 0;
}

int
bystanders_start(
	struct bystanders **out, const char *a, const char *b, const char *mate, struct err *err)
{
	struct bystanders *all = calloc(1, sizeof(*all));
	const uint64_t offloads = NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_GUEST_TSO4 |
		NET_F_GUEST_TSO6 | NET_F_HOST_TSO4 | NET_F_HOST_TSO6;

	*out = NULL;
	if (all == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "no memory");
	}
	for (unsigned int i = 0; i < N_GUESTS; i++) {
		all->guests[i].fe = (struct frontend){.socket = -1, .memory = {.fd = -1}};
	}
	int rc = guest_open(&all->guests[PAIR_A], a, 0, MAC_PAIR_A, err);
	if (rc == 0) {
		rc = guest_open(&all->guests[PAIR_B], b, VIRTIO_F_RING_PACKED, MAC_PAIR_B, err);
	}
	if (rc == 0) {
		rc = guest_open(&all->guests[MATE], mate, offloads, MAC_MATE, err);
	}
	for (unsigned int i = 0; i < N_STREAMS; i++) {
		all->streams[i].heard = clock_now();
	}
	if (rc == 0 && pthread_create(&all->thread, NULL, thread_main, all) == 0) {
		*out = all;
		return 0;
	}
	for (unsigned int i = 0; i < N_GUESTS; i++) {
		frontend_close(&all->guests[i].fe);
	}
	free(all);
	return rc != 0 ? rc : err_set(err, ERR_FAILED, NULL, "no thread");
}

void
bystanders_stop(struct bystanders *all)
{
	if (all == NULL) {
		return;
	}
	atomic_store(&all->stop, true);
	(void)pthread_join(all->thread, NULL);
	for (unsigned int i = 0; i < N_GUESTS; i++) {
		frontend_close(&all->guests[i].fe);
	}
	free(all);
}

void
bystanders_report(const struct bystanders *all, struct bystanders_report *report)
{
	*report = (struct bystanders_report){
		.delivered = atomic_load(&all->delivered),
		.broadcasts = atomic_load(&all->broadcasts),
		.lost = atomic_load(&all->lost),
		.disordered = atomic_load(&all->disordered),
		.corrupt = atomic_load(&all->corrupt),
		.disconnected = atomic_load(&all->disconnected),
		.silence = atomic_load(&all->silence),
		.mate_frames = atomic_load(&all->mate_frames),
		.mate_marks = atomic_load(&all->mate_marks),
	};
}

void
bystanders_mark(struct bystanders *all)
{
	atomic_store(&all->mark, true);
	while (atomic_load(&all->mark)) {
		(void)usleep(100);
	}
}

static uint64_t
mix(uint64_t value)
{
	value ^= value >> 31;
	value *= UINT64_C(0x9e3779b97f4a7c15);
	return value ^ value >> 29;
}

static uint16_t
probe_length(uint32_t stream, uint64_t number)
{
	return (uint16_t)(FRAME_MIN +
		mix(number * N_STREAMS + stream) % (FRAME_MAX - FRAME_MIN + 1));
}

/* The bytes of a frame behind its probe; written, or compared. */
static bool
fill(uint8_t *at, size_t size, const struct probe *probe, bool compare)
{
	uint64_t word = mix(probe->number * N_STREAMS + probe->stream + 1);

	for (size_t done = 0; done < size; done += sizeof(word)) {
		const size_t n = size - done < sizeof(word) ? size - done : sizeof(word);
		if (compare && memcmp(at + done, &word, n) != 0) {
			return false;
		}
		if (!compare) {
			memcpy(at + done, &word, n);
		}
		word = word * 6364136223846793005u + 1442695040888963407u;
	}
	return true;
}

static void
send_probe(struct guest *guest, uint32_t stream, uint64_t number, uint8_t to)
{
	const uint16_t id = guest->free[--guest->n_free];
	uint8_t *at = guest->tx + (size_t)id * BUFFER_SIZE;
	struct probe probe = {
		.to = {2, 0, 0, 0, 0, to},
		.from = {2, 0, 0, 0, 0, guest->mac},
		.type = {BYSTANDERS_PROBE >> 8, BYSTANDERS_PROBE & 0xff},
		.length = probe_length(stream, number),
		.stream = stream,
		.number = number,
	};

	if (to == 0xff) {
		memset(probe.to, 0xff, sizeof(probe.to));
	}
	memset(at, 0, sizeof(struct net_hdr));
	at += sizeof(struct net_hdr);
	memcpy(at, &probe, sizeof(probe));
	(void)fill(at + sizeof(probe), probe.length - sizeof(probe), &probe, false);
	const struct ring_buffer buffer = {
		.gpa = memory_gpa(&guest->fe.memory, at - sizeof(struct net_hdr)),
		.len = (uint32_t)sizeof(struct net_hdr) + probe.length,
		.id = id,
	};
	queue_post(frontend_tx(&guest->fe, 0), &buffer, 1);
}

/* A frame of one of the streams that this guest listens to. */
static void
take_probe(struct bystanders *all, unsigned int index, const struct probe *probe,
	const uint8_t *frame, const struct ring_used *used)
{
	const uint32_t len = used->len - (uint32_t)sizeof(struct net_hdr);
	struct stream *stream = &all->streams[probe->stream];
	const uint64_t now = clock_now();
	const uint64_t silence = now - stream->heard;

	if (probe->number < stream->next) {
		count(&all->disordered, 1);
		return;
	}
	count(&all->lost, probe->number - stream->next);
	stream->next = probe->number + 1;
	stream->heard = now;
	if (probe->stream < FROM_A && silence > atomic_load(&all->silence)) {
		atomic_store(&all->silence, silence);
	}
	if (len < probe->length || probe->length != probe_length(probe->stream, probe->number) ||
		!fill((uint8_t *)(uintptr_t)frame + sizeof(*probe), probe->length - sizeof(*probe),
			probe, true)) {
		count(&all->corrupt, 1);
		return;
	}
	count(&all->delivered, 1);
	count(&all->broadcasts, probe->stream >= FROM_A);
}

static void
take_frame(struct bystanders *all, unsigned int index, const uint8_t *buffer,
	const struct ring_used *used)
{
	static const uint32_t streams[] = {TO_A, FROM_B, TO_B, FROM_A};
	struct net_hdr hdr;
	struct probe probe;
	struct guest *guest = &all->guests[index];

	if (guest->skip > 0) {
		guest->skip--;
		return;
	}
	if (used->len > BUFFER_SIZE || used->len < sizeof(hdr) + sizeof(probe.to)) {
		wrong(all, index, "impossible length", used);
		return;
	}
	memcpy(&hdr, buffer, sizeof(hdr));
	guest->skip = hdr.num_buffers > 1 ? hdr.num_buffers - 1u : 0;
	if (used->len < sizeof(hdr) + sizeof(probe)) {
		return; /* the attacker's: the pair sends none that is so short */
	}
	memcpy(&probe, buffer + sizeof(hdr), sizeof(probe));
	const unsigned int type = (unsigned int)probe.type[0] << 8 | probe.type[1];
	if (index == MATE) {
		count(&all->mate_frames, type != BYSTANDERS_PROBE);
		count(&all->mate_marks, type == ATTACK_MARK);
		return;
	}
	if (type != BYSTANDERS_PROBE || probe.from[5] == MAC_ATTACKER) {
		return;
	}
	if (probe.stream != streams[2 * index] && probe.stream != streams[2 * index + 1]) {
		wrong(all, index, "not for this guest", used);
		return;
	}
	take_probe(all, index, &probe, buffer + sizeof(hdr), used);
}

static unsigned int
guest_receive(struct bystanders *all, unsigned int index)
{
	struct guest *guest = &all->guests[index];
	struct ring_used used[BATCH];
	struct ring_buffer again[BATCH];
	const unsigned int n = queue_collect(frontend_rx(&guest->fe, 0), used, BATCH);

	for (unsigned int i = 0; i < n; i++) {
		if (used[i].id >= RING_SIZE) {
			wrong(all, index, "no such buffer", &used[i]);
			used[i].id = 0;
		}
		take_frame(all, index, guest->rx + (size_t)used[i].id * BUFFER_SIZE, &used[i]);
		again[i] = rx_buffer(guest, used[i].id);
	}
	if (n > 0) {
		queue_post(frontend_rx(&guest->fe, 0), again, n);
	}
	const unsigned int done = queue_collect(frontend_tx(&guest->fe, 0), used, BATCH);
	for (unsigned int i = 0; i < done && guest->n_free < RING_SIZE; i++) {
		guest->free[guest->n_free++] = used[i].id;
	}
	return n + done;
}

static bool
stream_send(struct bystanders *all, struct guest *guest, uint32_t index, uint8_t to)
{
	struct stream *stream = &all->streams[index];
	const uint64_t window = to == 0xff ? BROADCAST_WINDOW : WINDOW;

	if (guest->n_free == 0 || stream->sent - stream->next >= window) {
		return false;
	}
	if (stream->sent == stream->next) {
		stream->heard = clock_now();
	}
	send_probe(guest, index, stream->sent++, to);
	return true;
}

static unsigned int
guest_send(struct bystanders *all, unsigned int index)
{
	struct guest *guest = &all->guests[index];
	unsigned int n = 0;

	for (unsigned int i = 0; i < BATCH; i++) {
		n += stream_send(all, guest, index == PAIR_A ? TO_B : TO_A,
			index == PAIR_A ? MAC_PAIR_B : MAC_PAIR_A);
		if (guest->turn++ % (BROADCAST_EVERY * BATCH) == 0) {
			n += stream_send(all, guest, index == PAIR_A ? FROM_A : FROM_B, 0xff);
		}
	}
	return n;
}

static void
look_at_silence(struct bystanders *all)
{
	const uint64_t now = clock_now();
	uint64_t gone = 0;

	if (atomic_load(&all->mark)) {
		for (unsigned int i = 0; i < N_STREAMS; i++) {
			all->streams[i].heard = now;
		}
		atomic_store(&all->silence, 0);
		atomic_store(&all->mark, false);
	}
	for (unsigned int i = 0; i < N_STREAMS; i++) {
		struct stream *stream = &all->streams[i];
		if (stream->sent == stream->next) {
			continue;
		}
		const uint64_t silence = now - stream->heard;
		if (i < FROM_A && silence > atomic_load(&all->silence)) {
			atomic_store(&all->silence, silence);
		}
		if (silence > GIVEN_UP) {
			count(&all->lost, stream->sent - stream->next);
			stream->next = stream->sent;
		}
	}
	for (unsigned int i = 0; i < N_GUESTS; i++) {
		gone += !frontend_alive(&all->guests[i].fe);
	}
	atomic_store(&all->disconnected, gone);
}

static void *
thread_main(void *arg)
{
	struct bystanders *all = arg;

	for (uint64_t turn = 0; !atomic_load(&all->stop); turn++) {
		unsigned int n = 0;
		for (unsigned int i = 0; i < N_GUESTS; i++) {
			n += guest_receive(all, i);
		}
		n += guest_send(all, PAIR_A);
		n += guest_send(all, PAIR_B);
		if (turn % 256 == 0) {
			look_at_silence(all);
		}
		if (n == 0) {
			(void)usleep(20);
		}
	}
	return NULL;
}
