/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/vhost_bench.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"

#define WORKER 0
#define WAIT_STEPS 5000
#define FRAME_MAX 10000
#define HDR_SIZE sizeof(struct net_hdr)

static char scratch[] = "/tmp/vhost_port_test_XXXXXX";

int
bench_start(void **ctx)
{
	(void)ctx;
	return mkdtemp(scratch) == NULL ? -1 : 0;
}

int
bench_stop(void **ctx)
{
	char command[128] = "";

	(void)ctx;
	str_appendf(command, sizeof(command), "rm -rf %s", scratch);
	return system(command);
}

static void
on_event(void *arg, const struct port_event *event)
{
	struct bench *bench = arg;
	struct bench_event *kept = &bench->events[bench->n_events % BENCH_EVENTS];

	assert_string_equal(event->port, "vm1");
	str_copy(kept->what, event->what, sizeof(kept->what));
	str_copy(kept->text, event->text, sizeof(kept->text));
	kept->queue = event->queue;
	bench->n_events++;
}

const struct bench_event *
bench_event(const struct bench *bench, const char *what)
{
	for (unsigned int n = bench->n_events; n > 0 && n + BENCH_EVENTS > bench->n_events; n--) {
		const struct bench_event *event = &bench->events[(n - 1) % BENCH_EVENTS];

		if (strcmp(event->what, what) == 0) {
			return event;
		}
	}
	return NULL;
}

int
bench_setup(void **ctx)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	role_assert(&role_main);
	assert_non_null(bench);
	test_reactor_init(&bench->loop);
	assert_int_equal(grace_init(&bench->grace), 0);
	grace_join(&bench->grace, WORKER);
	bench->env = (struct port_env){.reactor = &bench->loop.reactor,
		.event = on_event,
		.event_arg = bench,
		.grace = &bench->grace,
		.n_workers = 1,
		.run_dir = scratch};
	*ctx = bench;
	return 0;
}

int
bench_teardown(void **ctx)
{
	struct bench *bench = *ctx;

	role_assert(&role_main);
	assert_null(bench->port);
	test_reactor_fini(&bench->loop);
	grace_leave(&bench->grace, WORKER);
	grace_fini(&bench->grace);
	free(bench);
	return 0;
}

void
bench_open(struct bench *bench, struct port_conf *conf)
{
	struct err err = ERR_INIT;

	str_copy(conf->name, "vm1", sizeof(conf->name));
	conf->mtu = PORT_MTU_DEFAULT;
	conf->permissions = PORT_PERMISSIONS_DEFAULT;
	bench->path[0] = '\0';
	if (conf->socket[0] != '\0') {
		str_copy(bench->path, conf->socket, sizeof(bench->path));
	} else {
		str_appendf(bench->path, sizeof(bench->path), "%s/vhost/vm1.sock", scratch);
	}
	if (port_vhost_ops.check(conf, &err) != 0 ||
		port_vhost_ops.open(conf, &bench->env, &bench->port, &err) != 0) {
		fail_msg("%s: %s", err.path, err.text);
	}
}

void
bench_close(struct bench *bench)
{
	port_vhost_ops.close(bench->port, PORT_CLOSE_DELETED);
	bench->port = NULL;
}

void
bench_step(struct bench *bench)
{
	(void)test_reactor_step(&bench->loop, 0);
	test_reactor_advance(&bench->loop, BENCH_STEP);
	if (bench->port != NULL) {
		port_vhost_ops.poll(bench->port, bench->loop.now);
	}
	if (!bench->stuck) {
		grace_quiescent(&bench->grace, WORKER);
	}
}

void
bench_run(struct bench *bench, unsigned int steps)
{
	while (steps-- > 0) {
		bench_step(bench);
	}
}

struct front_call {
	int (*fn)(void *arg);
	void *arg;
	int rc;
	atomic_bool done;
};

static void *
front_main(void *arg)
{
	struct front_call *call = arg;

	call->rc = call->fn(call->arg);
	atomic_store(&call->done, true);
	return NULL;
}

int
bench_front(struct bench *bench, int (*fn)(void *arg), void *arg)
{
	struct front_call call = {.fn = fn, .arg = arg};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, front_main, &call), 0);
	while (!atomic_load(&call.done)) {
		bench_step(bench);
		(void)usleep(20);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	return call.rc;
}

struct open_call {
	struct frontend *fe;
	struct frontend_config config;
	struct err err;
};

static int
front_open(void *arg)
{
	struct open_call *call = arg;

	return frontend_open(call->fe, &call->config, &call->err);
}

void
bench_connect(struct bench *bench, struct frontend *fe, uint64_t features, unsigned int pairs,
	uint64_t protocol)
{
	struct open_call call = {.fe = fe,
		.config = {.path = bench->path,
			.n_pairs = pairs,
			.ring_size = 256,
			.features = features,
			.protocol = protocol,
			.unsealed = true,
			.buffer_memory = 1 << 20}};
	struct port_status status;

	if (bench_front(bench, front_open, &call) != 0) {
		fail_msg("front end: %s", call.err.text);
	}
	/* the last messages have no answer */
	do {
		bench_wait(bench, PORT_UP, "");
		bench_step(bench);
		port_vhost_ops.status(bench->port, &status);
	} while (status.n_rxq < pairs || status.n_txq < pairs);
}

void
bench_disconnect(struct bench *bench, struct frontend *fe)
{
	frontend_close(fe);
	bench_wait(bench, PORT_NO_GUEST, "waiting for a guest");
}

void
bench_wait(struct bench *bench, enum port_oper oper, const char *part)
{
	struct port_status status;

	for (unsigned int i = 0; i < WAIT_STEPS; i++) {
		port_vhost_ops.status(bench->port, &status);
		if (status.oper == oper && strstr(status.reason, part) != NULL) {
			return;
		}
		bench_step(bench);
	}
	fail_msg("it is %s: %s", port_oper_name(status.oper), status.reason);
}

/* --- frames ---------------------------------------------------------------------------------- */

void
bench_fill(uint8_t *bytes, uint32_t seq, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		bytes[i] = (uint8_t)(seq * 13 + i * 5 + (i >> 8));
	}
}

static void
check_bytes(const uint8_t *bytes, uint32_t seq, uint32_t len)
{
	uint8_t want[FRAME_MAX];

	bench_fill(want, seq, len);
	assert_memory_equal(bytes, want, len);
}

static uint8_t *
buffer_of(struct frontend *fe, struct ring_buffer *buffer, uint32_t len)
{
	static const uint8_t nothing[HDR_SIZE];
	size_t used = fe->memory.used;
	uint8_t *bytes = memory_alloc(&fe->memory, HDR_SIZE + len, 64);

	assert_non_null(bytes);
	fe->memory.used = used; /* one frame at a time */
	memcpy(bytes, nothing, HDR_SIZE);
	*buffer = (struct ring_buffer){
		.gpa = memory_gpa(&fe->memory, bytes), .len = (uint32_t)(HDR_SIZE + len)};
	return bytes + HDR_SIZE;
}

void
bench_receive(
	struct bench *bench, struct frontend *fe, unsigned int pair, uint32_t seq, uint32_t len)
{
	const uint16_t queue = (uint16_t)pair;
	struct pkt pkts[PKT_BURST];
	struct ring_buffer buffer;
	struct ring_used used;
	struct tx_item item;
	uint8_t bytes[FRAME_MAX];

	bench_fill(buffer_of(fe, &buffer, len), seq, len);
	queue_post(frontend_tx(fe, pair), &buffer, 1);
	assert_int_equal(
		port_vhost_ops.rx_burst(bench->port, queue, pkts, PKT_BURST, &bench->count), 1);
	assert_int_equal(pkts[0].len, len);
	pkt_item(&pkts[0], &item);
	pkt_gather(&item, bytes);
	check_bytes(bytes, seq, len);
	port_vhost_ops.rx_release(bench->port, queue, pkts, 1);
	assert_int_equal(queue_collect(frontend_tx(fe, pair), &used, 1), 1);
}

void
bench_send(struct bench *bench, struct frontend *fe, unsigned int pair, uint32_t seq, uint32_t len)
{
	uint8_t head[PKT_HEADROOM + PKT_HEAD_MIN];
	uint8_t bytes[FRAME_MAX];
	struct pkt_seg rest = {.addr = bytes + PKT_HEAD_MIN};
	struct pkt pkt = {.head = head + PKT_HEADROOM, .len = len, .headroom = PKT_HEADROOM};
	const uint64_t sent = bench->count.tx_packets;
	struct ring_buffer buffer;
	struct ring_used used;
	struct tx_item item;
	const uint8_t *got;

	bench_fill(bytes, seq, len);
	pkt.head_len = (uint16_t)(len < PKT_HEAD_MIN ? len : PKT_HEAD_MIN);
	memcpy(pkt.head, bytes, pkt.head_len);
	if (len > pkt.head_len) {
		rest.len = len - pkt.head_len;
		pkt.segs = &rest;
		pkt.n_segs = 1;
	}
	got = buffer_of(fe, &buffer, len);
	queue_post(frontend_rx(fe, pair), &buffer, 1);
	pkt.n_out = 1;
	pkt_item(&pkt, &item);
	port_vhost_ops.tx_burst(bench->port, (uint16_t)pair, &item, 1, &bench->count);
	assert_int_equal(bench->count.tx_packets, sent + 1);
	assert_int_equal(queue_collect(frontend_rx(fe, pair), &used, 1), 1);
	assert_int_equal(used.len, HDR_SIZE + len);
	check_bytes(got, seq, len);
}
