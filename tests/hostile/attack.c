/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/hostile/attack.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define OFFLOADS                                                                                 \
	(NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6 | NET_F_HOST_TSO4 | \
		NET_F_HOST_TSO6)
#define PROTOCOL                                                                                 \
	(VHOST_USER_PROTOCOL_F_LOG_SHMFD | VHOST_USER_PROTOCOL_F_RARP |                          \
		VHOST_USER_PROTOCOL_F_NET_MTU | VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD |           \
		VHOST_USER_PROTOCOL_F_RESET_DEVICE | VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS | \
		VHOST_USER_PROTOCOL_F_STATUS)

bool
attack_fail(struct attack *attack, const char *fmt, ...)
{
	const size_t len = strlen(attack->text);
	const size_t room = sizeof(attack->text) - len;
	va_list args;

	(void)snprintf(attack->text + len, room, "%s", len > 0 ? "; " : "");
	va_start(args, fmt);
	(void)vsnprintf(attack->text + strlen(attack->text),
		sizeof(attack->text) - strlen(attack->text), fmt, args);
	va_end(args);
	return false;
}

static struct frontend_config
config_of(const struct attack *attack, unsigned int flags)
{
	return (struct frontend_config){
		.path = attack->socket,
		.server = attack->listens,
		.n_pairs = 1,
		.ring_size = ATTACK_RING,
		.features = VIRTIO_F_VERSION_1 |
			((flags & ATTACK_PACKED) != 0 ? VIRTIO_F_RING_PACKED : 0),
		.optional =
			((flags & ATTACK_PLAIN) != 0 ? 0 : NET_F_MRG_RXBUF | RING_F_INDIRECT_DESC) |
			((flags & ATTACK_OFFLOADS) != 0 ? OFFLOADS : 0),
		.buffer_memory =
			(size_t)2 * ATTACK_RING * ATTACK_BUFFER + ATTACK_SCRATCH + (64u << 10),
		.protocol = PROTOCOL,
		.n_regions = (flags & (ATTACK_REGIONS | ATTACK_SLOTS)) != 0 ? 4 : 1,
		.slots = (flags & ATTACK_SLOTS) != 0,
		.unsealed = (flags & ATTACK_UNSEALED) != 0,
	};
}

bool
attack_connect(struct attack *attack, unsigned int flags)
{
	const struct frontend_config config = config_of(attack, flags);
	struct err err = ERR_INIT;

	attack_close(attack);
	attack->opened = true;
	if (frontend_connect(&attack->fe, &config, &err) != 0) {
		return attack_fail(attack, "connect: %s", err.text);
	}
	return true;
}

bool
attack_negotiate(struct attack *attack)
{
	struct err err = ERR_INIT;

	return frontend_negotiate(&attack->fe, &err) == 0 ||
		attack_fail(attack, "negotiate: %s", err.text);
}

/* Memory behind the rings: always at the same places. */
static void
lay_out(struct attack *attack)
{
	struct memory *memory = &attack->fe.memory;

	attack->rx = memory_alloc(memory, (size_t)ATTACK_RING * ATTACK_BUFFER, 4096);
	attack->tx = memory_alloc(memory, (size_t)ATTACK_RING * ATTACK_BUFFER, 4096);
	attack->scratch = memory_alloc(memory, ATTACK_SCRATCH, 4096);
	attack->n_free = 0;
	for (uint16_t id = 0; id < ATTACK_PUMP; id++) {
		attack->free[attack->n_free++] = id;
	}
	attack->next_id[0] = ATTACK_PUMP;
	attack->next_id[1] = ATTACK_PUMP;
}

static struct ring_buffer
rx_buffer(const struct attack *attack, uint16_t id)
{
	return (struct ring_buffer){
		.gpa = memory_gpa(&attack->fe.memory, attack->rx + (size_t)id * ATTACK_BUFFER),
		.len = ATTACK_BUFFER,
		.id = id,
	};
}

static void
post_buffers(struct attack *attack)
{
	for (uint16_t id = 0; id < ATTACK_PUMP; id++) {
		const struct ring_buffer buffer = rx_buffer(attack, id);
		queue_post(frontend_rx(&attack->fe, 0), &buffer, 1);
	}
}

bool
attack_start(struct attack *attack)
{
	struct err err = ERR_INIT;

	if (frontend_start(&attack->fe, &err) != 0) {
		return attack_fail(attack, "start: %s", err.text);
	}
	lay_out(attack);
	return true;
}

bool
attack_open_as(struct attack *attack, unsigned int flags, uint64_t features)
{
	if (!attack_connect(attack, flags)) {
		return false;
	}
	attack->fe.config.features |= features;
	if (!attack_negotiate(attack) || !attack_start(attack)) {
		return false;
	}
	if ((flags & ATTACK_NO_BUFFERS) == 0) {
		post_buffers(attack);
	}
	return true;
}

bool
attack_open(struct attack *attack, unsigned int flags)
{
	return attack_open_as(attack, flags, 0);
}

void
attack_close(struct attack *attack)
{
	attack_stop_thread(attack);
	if (attack->opened) {
		frontend_close(&attack->fe);
	}
	attack->opened = false;
	attack->fe = (struct frontend){.socket = -1, .memory = {.fd = -1}};
}

uint8_t *
attack_frame(struct attack *attack, unsigned int slot, uint32_t len)
{
	const uint8_t head[14] = {2, 0, 0, 0, 0, MAC_MATE, 2, 0, 0, 0, 0, MAC_ATTACKER,
		ATTACK_MARK >> 8, ATTACK_MARK & 0xff};
	uint8_t *at = attack->tx + (size_t)slot * ATTACK_BUFFER;

	memset(at, 0, sizeof(struct net_hdr));
	memset(at + sizeof(struct net_hdr), 0xe5, len);
	memcpy(at + sizeof(struct net_hdr), head, sizeof(head));
	return at;
}

struct chain_piece
attack_piece(const struct attack *attack, const void *at, uint32_t len)
{
	return (struct chain_piece){.gpa = memory_gpa(&attack->fe.memory, at), .len = len};
}

void
attack_put(struct attack *attack, unsigned int ring, const struct chain_piece *pieces,
	unsigned int n, void *table)
{
	struct frontend_queue *queue = &attack->fe.queues[ring];
	const uint64_t gpa = table != NULL ? memory_gpa(&attack->fe.memory, table) : 0;
	const uint16_t taken = table != NULL ? 1 : (uint16_t)n;

	if (attack->next_id[ring] + taken > ATTACK_RING) {
		attack->next_id[ring] = ATTACK_PUMP;
	}
	const uint16_t id = attack->next_id[ring];
	attack->next_id[ring] = (uint16_t)(id + taken);
	attack->last_slot[ring] = queue->is_packed ? queue->ring.packed.next_avail : 0;
	attack->last_wrap[ring] = queue->is_packed && queue->ring.packed.avail_wrap;
	if (queue->is_packed && table != NULL) {
		packed_chain_indirect(&queue->ring.packed, id, table, gpa, pieces, n);
	} else if (queue->is_packed) {
		packed_chain(&queue->ring.packed, id, pieces, n);
	} else if (table != NULL) {
		split_chain_indirect(&queue->ring.split, id, table, gpa, pieces, n);
	} else {
		split_chain(&queue->ring.split, id, pieces, n);
	}
	if (!queue->is_packed) {
		split_ring_publish(&queue->ring.split);
	}
	queue_kick(queue);
}

bool
attack_used(struct attack *attack, unsigned int ring)
{
	const struct frontend_queue *queue = &attack->fe.queues[ring];
	const uint64_t end = clock_now() + 2 * CLOCK_S;

	while (queue->is_packed ? !packed_ring_is_used(&queue->ring.packed, attack->last_slot[ring],
					  attack->last_wrap[ring])
				: split_ring_pending(&queue->ring.split) > 0) {
		if (clock_now() > end) {
			return attack_fail(attack, "buffers of ring %u do not come back", ring);
		}
		(void)usleep(100);
	}
	return true;
}

unsigned int
attack_pump(struct attack *attack, unsigned int n)
{
	struct ring_used used[32];
	struct ring_buffer again[32];
	unsigned int n_again = 0;
	unsigned int sent = 0;

	const unsigned int got = queue_collect(frontend_rx(&attack->fe, 0), used, 32);
	attack->received += got;
	for (unsigned int i = 0; i < got; i++) {
		if (used[i].id < ATTACK_PUMP) {
			again[n_again++] = rx_buffer(attack, used[i].id);
		}
	}
	if (n_again > 0) {
		queue_post(frontend_rx(&attack->fe, 0), again, n_again);
	}
	const unsigned int done = queue_collect(frontend_tx(&attack->fe, 0), used, 32);
	for (unsigned int i = 0; i < done; i++) {
		if (used[i].id < ATTACK_PUMP && attack->n_free < ATTACK_PUMP) {
			attack->free[attack->n_free++] = used[i].id;
		}
	}
	for (; sent < n && attack->n_free > 0; sent++) {
		const uint16_t id = attack->free[--attack->n_free];
		const uint32_t len = 60 + (uint32_t)(id * 11u) % 1400;
		const struct ring_buffer buffer = {
			.gpa = memory_gpa(&attack->fe.memory, attack_frame(attack, id, len)),
			.len = (uint32_t)sizeof(struct net_hdr) + len,
			.id = id,
		};
		queue_post(frontend_tx(&attack->fe, 0), &buffer, 1);
	}
	return sent;
}

void
attack_pump_for(struct attack *attack, unsigned int ms)
{
	const uint64_t end = clock_now() + ms * CLOCK_MS;

	while (clock_now() < end) {
		if (attack_pump(attack, 16) == 0) {
			(void)usleep(20);
		}
	}
}

bool
attack_passes(struct attack *attack, unsigned int n)
{
	struct bystanders_report report;
	const uint64_t end = clock_now() + 2 * CLOCK_S;

	bystanders_report(attack->bystanders, &report);
	const uint64_t goal = report.mate_marks + n;
	while (report.mate_marks < goal) {
		if (clock_now() > end) {
			return attack_fail(attack, "of %u good frames %llu reached the mate", n,
				(unsigned long long)(report.mate_marks - (goal - n)));
		}
		(void)attack_pump(attack, 4);
		(void)usleep(200);
		bystanders_report(attack->bystanders, &report);
	}
	return true;
}

/* Is one of the words of "a|b|c" in the text? */
static bool
contains_any(const char *text, const char *words)
{
	char word[128];

	for (const char *at = words; *at != '\0';) {
		const size_t len = strcspn(at, "|");
		(void)snprintf(word, sizeof(word), "%.*s", (int)len, at);
		if (strstr(text, word) != NULL) {
			return true;
		}
		at += len + (at[len] == '|');
	}
	return false;
}

bool
attack_reason(struct attack *attack, const char *words)
{
	const uint64_t end = clock_now() + 2 * CLOCK_S;

	for (;;) {
		json_t *port = daemon_port(attack->daemon, "evil", NULL);
		char *text = json_dumps(port, JSON_COMPACT);
		const bool found = text != NULL && contains_any(text, words);
		if (found || clock_now() > end) {
			const char *reason = text != NULL ? strstr(text, "\"reason\"") : NULL;
			if (!found) {
				(void)attack_fail(attack, "the port does not say '%s' but %.300s",
					words, reason != NULL ? reason : "nothing");
			}
			free(text);
			json_decref(port);
			return found;
		}
		free(text);
		json_decref(port);
		(void)usleep(10000);
	}
}

bool
attack_restart_rings(struct attack *attack)
{
	struct err err = ERR_INIT;
	struct frontend *fe = &attack->fe;

	if (frontend_stop(fe, &err) != 0) {
		return attack_fail(attack, "stop: %s", err.text);
	}
	for (unsigned int i = 0; i < fe->n_queues; i++) {
		(void)close(fe->queues[i].kick);
		(void)close(fe->queues[i].call);
	}
	fe->memory.used = 0;
	memset(fe->memory.base, 0, attack->rx - fe->memory.base);
	if (frontend_init_queues(fe, &err) != 0) {
		return attack_fail(attack, "rings: %s", err.text);
	}
	for (unsigned int i = 0; i < fe->n_queues; i++) {
		if (frontend_start_queue(fe, i, &err) != 0 ||
			frontend_enable_queue(fe, i, true, &err) != 0) {
			return attack_fail(attack, "restart: %s", err.text);
		}
	}
	lay_out(attack);
	return true;
}

static void *
thread_main(void *arg)
{
	struct attack *attack = arg;

	while (atomic_load(&attack->threaded)) {
		attack->body(attack);
	}
	return NULL;
}

bool
attack_start_thread(struct attack *attack, void (*body)(struct attack *attack))
{
	attack->body = body;
	atomic_store(&attack->threaded, true);
	if (pthread_create(&attack->thread, NULL, thread_main, attack) != 0) {
		atomic_store(&attack->threaded, false);
		return attack_fail(attack, "no thread");
	}
	return true;
}

void
attack_stop_thread(struct attack *attack)
{
	if (atomic_exchange(&attack->threaded, false)) {
		(void)pthread_join(attack->thread, NULL);
	}
}
