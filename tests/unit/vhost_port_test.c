/* SPDX-License-Identifier: BSD-3-Clause */
/* A port of the native back end as the datapath uses it: frames, queues, faults, what it tells. */
#include "tests/unit/vhost_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "ports/vhost/vu_wire.h"
#include "tests/frontend/vhost_user.h"

#define USUAL (VIRTIO_F_VERSION_1 | NET_F_MRG_RXBUF)

static const struct port_ops *const ops = &port_vhost_ops;

static void
frames(struct bench *bench, uint64_t features) ON_MAIN ON_WORKER
{
	struct port_conf conf = {.queues = 2};
	struct port_status status;
	struct frontend fe;
	uint64_t bytes = 0;
	uint32_t n = 0;

	bench_open(bench, &conf);
	bench_connect(bench, &fe, features, 2, 0);
	for (uint32_t len = 60; len < 9000; len += 641) {
		for (unsigned int pair = 0; pair < 2; pair++) {
			bench_receive(bench, &fe, pair, n, len);
			bench_send(bench, &fe, pair, n, len);
			bytes += len;
			n++;
		}
	}
	assert_int_equal(bench->count.rx_packets, n);
	assert_int_equal(bench->count.rx_bytes, bytes);
	assert_int_equal(bench->count.tx_packets, n);
	assert_int_equal(bench->count.tx_bytes, bytes);
	ops->status(bench->port, &status);
	assert_int_equal(status.n_rxq, 2);
	assert_int_equal(status.n_txq, 2);
	assert_int_equal(ops->tx_queue(bench->port, 0), 0);
	assert_int_equal(ops->tx_queue(bench->port, UINT32_MAX), 1);
	bench_disconnect(bench, &fe);
	bench_close(bench);
}

static void
test_frames_split(void **ctx) ON_MAIN ON_WORKER
{
	frames(*ctx, USUAL);
}

static void
test_frames_packed(void **ctx) ON_MAIN ON_WORKER
{
	frames(*ctx, USUAL | VIRTIO_F_RING_PACKED);
}

static void
test_nobody_there(void **ctx) ON_MAIN ON_WORKER
{
	struct bench *bench = *ctx;
	struct port_conf conf = {.queues = 1};
	struct pkt pkts[PKT_BURST] = {{0}};
	struct tx_item item = {.pkt = pkts};

	bench_open(bench, &conf);
	bench_wait(bench, PORT_NO_GUEST, "waiting for a guest to connect to /tmp/");
	assert_int_equal(ops->tx_queue(bench->port, 1), -1);
	assert_int_equal(ops->rx_burst(bench->port, 0, pkts, PKT_BURST, &bench->count), 0);
	ops->tx_burst(bench->port, 0, &item, 1, &bench->count);
	assert_int_equal(bench->count.drops[DROP_NO_GUEST], 1);
	bench_close(bench);
	assert_int_not_equal(access(bench->path, F_OK), 0);
}

/* Under a guest's feet: all is given back, which the sanitizer looks after. */
static void
test_close_with_a_guest(void **ctx) ON_MAIN ON_WORKER
{
	struct bench *bench = *ctx;
	struct port_conf conf = {.queues = 1};
	struct frontend fe;

	bench_open(bench, &conf);
	bench_connect(bench, &fe, USUAL, 1, 0);
	bench_receive(bench, &fe, 0, 1, 1000);
	bench->stuck = true; /* no grace period is needed: nobody is inside */
	bench_close(bench);
	assert_false(frontend_alive(&fe));
	frontend_close(&fe);
	assert_int_not_equal(access(bench->path, F_OK), 0);
}

static int
send_rarp(void *arg)
{
	const uint8_t mac[8] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
	struct vhost_user_msg msg = {.request = VHOST_USER_SEND_RARP, .size = sizeof(uint64_t)};
	struct frontend *fe = arg;

	memcpy(&msg.payload.u64, mac, sizeof(mac));
	return vhost_user_tell(fe->socket, &msg, NULL, 0, true, NULL);
}

/* RFC 903, as a frame that the guest could have sent; also when none of its rings runs. */
static void
test_announcement(void **ctx) ON_MAIN ON_WORKER
{
	const uint8_t want[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0x12, 0x34,
		0x56, 0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 0, 0, 0,
		0, 0x52, 0x54, 0, 0x12, 0x34, 0x56};
	struct bench *bench = *ctx;
	struct port_conf conf = {.queues = 2};
	struct pkt pkts[PKT_BURST];
	struct frontend fe;

	bench_open(bench, &conf);
	bench_connect(bench, &fe, USUAL, 1, VU_PROTOCOL_F_RARP);
	assert_int_equal(bench_front(bench, send_rarp, &fe), 0);
	assert_int_equal(ops->rx_burst(bench->port, 1, pkts, PKT_BURST, &bench->count), 0);
	assert_int_equal(ops->rx_burst(bench->port, 0, pkts, PKT_BURST, &bench->count), 1);
	assert_int_equal(pkts[0].len, sizeof(want));
	assert_int_equal(pkts[0].head_len, sizeof(want));
	assert_memory_equal(pkts[0].head, want, sizeof(want));
	ops->rx_release(bench->port, 0, pkts, 1);
	assert_int_equal(ops->rx_burst(bench->port, 0, pkts, PKT_BURST, &bench->count), 0);
	bench_receive(bench, &fe, 0, 7, 300);
	assert_int_equal(bench_front(bench, send_rarp, &fe), 0);
	bench_disconnect(bench, &fe);
	assert_int_equal(ops->rx_burst(bench->port, 0, pkts, PKT_BURST, &bench->count), 1);
	ops->rx_release(bench->port, 0, pkts, 1);
	bench_close(bench);
}

/* A guest that breaks a rule on one ring loses that ring, and is told to have. */
static void
test_ring_stops(void **ctx) ON_MAIN ON_WORKER
{
	struct bench *bench = *ctx;
	struct port_conf conf = {.queues = 1};
	const struct ring_buffer nowhere = {.gpa = 1, .len = 100};
	struct vhost_ring_info info;
	struct pkt pkts[PKT_BURST];
	struct frontend fe;
	const char *text;

	bench_open(bench, &conf);
	bench_connect(bench, &fe, USUAL, 1, 0);
	queue_post(frontend_tx(&fe, 0), &nowhere, 1);
	assert_int_equal(ops->rx_burst(bench->port, 0, pkts, PKT_BURST, &bench->count), 0);
	bench_wait(bench, PORT_UP, "ring 1 is stopped: a descriptor points outside");
	bench_run(bench, 3);
	assert_non_null(bench_event(bench, "queue-stopped"));
	assert_int_equal(bench_event(bench, "queue-stopped")->queue, 1);
	text = bench_event(bench, "queue-stopped")->text;
	assert_non_null(strstr(text, vq_fault_text(VQ_FAULT_ADDRESS)));
	assert_int_equal(bench->n_events, 2); /* once, and the connection */
	vhost_port_ring(bench->port, 1, &info);
	assert_int_equal(info.fault, VQ_FAULT_ADDRESS);
	assert_false(info.runs);
	bench_send(bench, &fe, 0, 5, 500);
	bench_disconnect(bench, &fe);
	bench_connect(bench, &fe, USUAL, 1, 0);
	bench_receive(bench, &fe, 0, 6, 600);
	vhost_port_ring(bench->port, 1, &info);
	assert_int_equal(info.fault, VQ_FAULT_NONE);
	assert_true(info.runs);
	assert_int_equal(info.stats.packets, 1);
	bench_disconnect(bench, &fe);
	bench_close(bench);
}

static void
test_file_truncated(void **ctx) ON_MAIN ON_WORKER
{
	struct bench *bench = *ctx;
	struct port_conf conf = {.queues = 1};
	struct pkt pkts[PKT_BURST];
	struct vhost_info info;
	struct frontend fe;

	bench_open(bench, &conf);
	bench_connect(bench, &fe, USUAL, 1, 0);
	bench_receive(bench, &fe, 0, 1, 100);
	assert_int_equal(ftruncate(fe.memory.fd, 0), 0);
	(void)ops->rx_burst(bench->port, 0, pkts, PKT_BURST, &bench->count);
	bench_wait(bench, PORT_NO_GUEST, "memory file truncated");
	assert_non_null(bench_event(bench, "connection-failed"));
	vhost_port_info(bench->port, &info);
	assert_non_null(strstr(info.last_error, "truncated"));
	assert_non_null(strstr(info.history[0].end, "truncated"));
	frontend_close(&fe);
	bench_connect(bench, &fe, USUAL, 1, 0);
	bench_receive(bench, &fe, 0, 2, 100);
	bench_disconnect(bench, &fe);
	bench_close(bench);
}

static const struct vhost_feature_info *
feature(const struct bench *bench, const char *name) ON_MAIN
{
	static struct vhost_feature_info info;

	for (unsigned int i = 0; vhost_port_feature(bench->port, i, &info); i++) {
		if (strcmp(info.name, name) == 0) {
			return &info;
		}
	}
	fail_msg("no feature %s", name);
	return NULL;
}

static void
test_features(void **ctx) ON_MAIN ON_WORKER
{
	struct bench *bench = *ctx;
	struct port_conf conf = {.queues = 1, .features_off = 1U << PORT_FEATURE_CHECKSUM};
	struct vhost_info info;
	struct frontend fe;

	bench_open(bench, &conf);
	vhost_port_info(bench->port, &info);
	assert_int_equal(info.offered & (VU_NET_CSUM | VU_NET_HOST_TSO4 | VU_NET_GUEST_ECN), 0);
	assert_int_equal(info.offered & (VU_NET_HOST_USO | VU_NET_GUEST_USO6), 0);
	assert_int_not_equal(info.offered & VU_NET_MRG_RXBUF, 0);
	assert_int_equal(feature(bench, "ecn")->state, VHOST_FEATURE_DISABLED);
	assert_string_equal(feature(bench, "checksum")->why, "disable-feature lists it");
	assert_string_equal(feature(bench, "ecn")->why, "it needs one that disable-feature lists");
	assert_string_equal(feature(bench, "packed")->why, "no guest is connected");
	bench_connect(bench, &fe, USUAL, 1, 0);
	assert_int_equal(bench->port->caps, PORT_CAP_TX_HASH);
	assert_int_equal(feature(bench, "mergeable")->state, VHOST_FEATURE_ACKNOWLEDGED);
	assert_string_equal(feature(bench, "packed")->why, "the guest did not take it");
	/* a guest that is there keeps what it was offered */
	conf.features_off = 0;
	assert_int_equal(ops->change(bench->port, &conf, NULL), 0);
	assert_int_equal(feature(bench, "tso")->state, VHOST_FEATURE_DISABLED);
	bench_disconnect(bench, &fe);
	bench_connect(bench, &fe, USUAL | NET_F_GUEST_CSUM | NET_F_GUEST_TSO4, 1, 0);
	assert_int_equal(bench->port->caps, PORT_CAP_TX_HASH | PORT_CAP_CSUM | PORT_CAP_TSO4);
	assert_int_equal(feature(bench, "tso")->state, VHOST_FEATURE_ACKNOWLEDGED);
	bench_disconnect(bench, &fe);
	bench_close(bench);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		TEST(frames_split),
		TEST(frames_packed),
		TEST(nobody_there),
		TEST(close_with_a_guest),
		TEST(announcement),
		TEST(ring_stops),
		TEST(file_truncated),
		TEST(features),
	};
	int rc;

	role_enter(&role_main);
	role_enter(&role_worker);
	rc = cmocka_run_group_tests_name("vhost-port", tests, bench_start, bench_stop);
	role_leave(&role_worker);
	role_leave(&role_main);
	return rc;
}
