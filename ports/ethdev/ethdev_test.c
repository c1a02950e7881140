/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK devices that need no hardware, driven through the port contract in one process. */
#include <errno.h>
#include <rte_alarm.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "datapath/core/eal_test.h"
#include "ports/ethdev/dpdk_log.h"
#include "ports/ethdev/types.h"
#include "ports/test_port.h"

#define FRAME_MAX 9000
#define WAIT_MS 3000

static char scratch[] = "/tmp/ethdev_test_XXXXXX";
static uint64_t test_now; /* runs ten times as fast as the real clock */
static struct port_env env = {.n_workers = 2, .run_dir = scratch};

/* Both roles at once: this thread is main and the worker. */
static uint64_t
buffers_used(void) ON_MAIN
{
	uint64_t total;
	uint64_t used;

	mbuf_pools_usage(env.pools, &total, &used);
	return used;
}

static struct port *
open_port(const struct port_ops *ops, const struct port_conf *conf)
{
	return test_port_open(ops, conf, &env);
}

static void
close_port(struct port *port)
{
	port->ops->close(port, PORT_CLOSE_DELETED);
}

static uint8_t
pattern(uint32_t seq, uint32_t i)
{
	return (uint8_t)(seq * 31 + i * 7 + (i >> 8));
}

/* A packet as if received elsewhere, with one staged output. */
static void
make_packet(struct pkt *pkt, struct rte_mempool *pool, uint32_t seq, uint32_t len)
{
	uint8_t bytes[FRAME_MAX];
	struct rte_mbuf *m;

	for (uint32_t i = 0; i < len; i++) {
		bytes[i] = pattern(seq, i);
	}
	m = pkt_mbuf_from_bytes(pool, bytes, len);
	assert_non_null(m);
	pkt_from_mbuf(pkt, m);
	pkt->n_out = 1;
}

/* Those that were not sent are marked by the reasons that were counted, and still whole. */
static void
check_lost(const struct tx_item *items, uint16_t n, uint32_t first, uint32_t len,
	const struct port_counters *before, const struct port_counters *count)
{
	uint64_t marked[DROP_N] = {0};

	for (uint16_t i = 0; i < n; i++) {
		uint8_t bytes[FRAME_MAX];

		if (items[i].lost == 0) {
			continue;
		}
		marked[items[i].lost - 1]++;
		pkt_gather(&items[i], bytes);
		for (uint32_t k = 0; k < len; k++) {
			assert_int_equal(bytes[k], pattern(first + i, k));
		}
	}
	for (unsigned int r = 0; r < DROP_N; r++) {
		assert_int_equal(marked[r], count->drops[r] - before->drops[r]);
	}
}

static void
send_packets(struct port *port, uint16_t queue, uint32_t first, uint16_t n, uint32_t len,
	struct port_counters *count)
{
	const struct port_counters before[1] = {*count};
	struct pkt pkts[PKT_BURST * 2];
	struct tx_item items[PKT_BURST * 2];

	assert_true(n <= PKT_BURST * 2);
	for (uint16_t i = 0; i < n; i++) {
		make_packet(&pkts[i], port->pool, first + i, len);
		pkt_item(&pkts[i], &items[i]);
	}
	port->ops->tx_burst(port, queue, items, n, count);
	check_lost(items, n, first, len, before, count);
	for (uint16_t i = 0; i < n; i++) {
		pkt_free(&pkts[i]);
	}
}

static void
check_packet(const struct pkt *pkt, uint32_t seq, uint32_t len)
{
	struct pkt copy = *pkt;
	struct tx_item item;
	uint8_t bytes[FRAME_MAX];

	assert_int_equal(pkt->len, len);
	assert_true(pkt->head_len >= RTE_MIN(len, (uint32_t)PKT_HEAD_MIN));
	pkt_item(&copy, &item);
	pkt_gather(&item, bytes);
	for (uint32_t i = 0; i < len; i++) {
		if (bytes[i] != pattern(seq, i)) {
			fail_msg("packet %u differs at byte %u of %u", seq, i, len);
		}
	}
}

/* Receive `n` packets numbered from `first`, waiting a little. */
static void
receive_packets(struct port *port, uint16_t queue, uint32_t first, uint16_t n, uint32_t len,
	struct port_counters *count)
{
	uint16_t got = 0;

	for (unsigned int ms = 0; got < n && ms < WAIT_MS; ms++) {
		struct pkt pkts[PKT_BURST];
		uint16_t k = port->ops->rx_burst(port, queue, pkts, PKT_BURST, count);

		for (uint16_t i = 0; i < k; i++) {
			check_packet(&pkts[i], first + got, len);
			pkt_free(&pkts[i]);
			got++;
		}
		if (k == 0) {
			(void)usleep(1000);
		}
	}
	assert_int_equal(got, n);
}

static void
wait_up(struct port *port)
{
	struct port_counters count = {0};
	struct pkt pkts[PKT_BURST];

	test_port_wait(port, PORT_UP, "", &test_now);
	/* A memif receiver offers its buffers when it first looks for frames. */
	assert_int_equal(port->ops->rx_burst(port, 0, pkts, PKT_BURST, &count), 0);
}

static void
test_ring_loop(void **ctx)
{
	struct port_conf conf = {.name = "r", .mtu = 1500, .queues = 2};
	struct port_counters count = {0};
	uint64_t used;
	struct port *port;

	(void)ctx;
	role_assert(&role_main);
	used = buffers_used();
	port = open_port(&port_ring_ops, &conf);
	assert_int_equal(port->n_rxq, 2);
	assert_int_equal(port->n_txq, 2);
	for (uint32_t round = 0; round < 100; round++) {
		uint16_t queue = round % 2;

		send_packets(port, queue, round * 50, 50, 60 + round, &count);
		receive_packets(port, queue, round * 50, 50, 60 + round, &count);
	}
	assert_int_equal(count.tx_packets, 5000);
	assert_int_equal(count.rx_packets, 5000);
	assert_int_equal(count.rx_bytes, count.tx_bytes);
	close_port(port);
	assert_int_equal(buffers_used(), used);
}

/* What nobody received is not lost; nor does a port that comes and goes leave anything behind. */
static void
test_ring_comes_and_goes(void **ctx)
{
	struct port_conf conf = {.name = "r", .mtu = 1500, .queues = 1};
	struct port_counters count = {0};
	uint64_t used;

	(void)ctx;
	role_assert(&role_main);
	used = buffers_used();
	for (unsigned int i = 0; i < 200; i++) {
		struct port *port = open_port(&port_ring_ops, &conf);

		send_packets(port, 0, 0, 20, 100, &count);
		close_port(port);
		assert_int_equal(buffers_used(), used);
	}
	assert_int_equal(count.tx_packets, 4000);
}

static void
test_ring_full(void **ctx)
{
	struct port_conf conf = {.name = "r", .mtu = 1500, .queues = 1};
	struct port_counters count = {0};
	struct port *port = open_port(&port_ring_ops, &conf);

	(void)ctx;
	for (unsigned int i = 0; i < 2000 / 50; i++) {
		send_packets(port, 0, 0, 50, 100, &count);
	}
	assert_int_equal(count.tx_packets + count.drops[DROP_TX_FULL], 2000);
	assert_true(count.tx_packets >= 1000);
	assert_true(count.drops[DROP_TX_FULL] > 0);
	close_port(port);
}

/* Of two outputs only the last may take the mbuf; an edited head goes out as edited. */
static void
test_shared_packet(void **ctx)
{
	struct port_conf conf = {.name = "r", .mtu = 1500, .queues = 1};
	struct port_counters count = {0};
	struct port *port = open_port(&port_ring_ops, &conf);
	struct pkt_clones clones = {0};
	struct tx_item items[2];
	struct pkt got[2];
	struct pkt pkt;

	(void)ctx;
	make_packet(&pkt, port->pool, 7, 300);
	pkt.n_out = 2;
	pkt_item(&pkt, &items[0]);
	pkt_item(&pkt, &items[1]);
	assert_true(pkt_clone_head(&items[0], &clones));
	items[0].head[3] ^= 0xff;
	port->ops->tx_burst(port, 0, items, 2, &count);
	assert_non_null(pkt.mbuf);
	pkt_free(&pkt);
	assert_int_equal(port->ops->rx_burst(port, 0, got, 2, &count), 2);
	got[0].head[3] ^= 0xff;
	check_packet(&got[0], 7, 300);
	check_packet(&got[1], 7, 300);
	assert_ptr_not_equal(got[0].mbuf, got[1].mbuf);
	pkt_free(&got[0]);
	pkt_free(&got[1]);
	close_port(port);
}

/* A device that hands out shared buffers gets a copy, because heads are edited. */
static void
test_foreign_buffers(void **ctx)
{
	struct port_conf conf = {.name = "r", .mtu = 1500, .queues = 1};
	struct port_counters count = {0};
	struct port *port = open_port(&port_ring_ops, &conf);
	struct rte_mbuf *twice;
	struct pkt pkt;
	struct pkt got;
	struct tx_item item;

	(void)ctx;
	make_packet(&pkt, port->pool, 9, 300);
	twice = pkt.mbuf;
	rte_mbuf_refcnt_update(twice, 1);
	pkt_item(&pkt, &item);
	port->ops->tx_burst(port, 0, &item, 1, &count);
	assert_int_equal(port->ops->rx_burst(port, 0, &got, 1, &count), 1);
	assert_ptr_not_equal(got.mbuf, twice);
	check_packet(&got, 9, 300);
	pkt_free(&got);
	rte_pktmbuf_free(twice);
	close_port(port);
}

static void
test_null(void **ctx)
{
	struct port_conf conf = {.name = "n", .mtu = 9000, .queues = 3};
	struct port_counters count = {0};
	struct port *port = open_port(&port_null_ops, &conf);
	struct pkt pkts[PKT_BURST];
	struct port_status status;

	(void)ctx;
	assert_int_equal(port->n_rxq, 3);
	assert_int_equal(port->n_txq, env.n_workers);
	port->ops->status(port, &status);
	assert_int_equal(status.oper, PORT_UP);
	send_packets(port, 1, 0, 64, 1000, &count);
	assert_int_equal(count.tx_packets, 64);
	assert_int_equal(count.tx_bytes, 64000);
	assert_int_equal(port->ops->rx_burst(port, 0, pkts, PKT_BURST, &count), 0);
	conf.mtu = 1400;
	assert_int_equal(port->ops->change(port, &conf, NULL), 0);
	conf.queues = 2;
	assert_int_equal(port->ops->change(port, &conf, NULL), -EOPNOTSUPP);
	close_port(port);
}

static void
test_pcap_there_and_back(void **ctx)
{
	struct port_conf out = {.name = "out", .mtu = 1500, .queues = 1};
	struct port_conf in = {.name = "in", .mtu = 1500, .queues = 1};
	struct port_counters count = {0};
	struct port *port;

	(void)ctx;
	str_appendf(out.tx_file, sizeof(out.tx_file), "%s/frames.pcap", scratch);
	str_copy(in.rx_file, out.tx_file, sizeof(in.rx_file));
	port = open_port(&port_pcap_ops, &out);
	send_packets(port, 0, 0, 40, 1400, &count);
	close_port(port);
	assert_int_equal(count.tx_packets, 40);
	port = open_port(&port_pcap_ops, &in);
	receive_packets(port, 0, 0, 40, 1400, &count);
	close_port(port);
}

static void
test_memif_pair(void **ctx)
{
	struct port_conf server = {.name = "ms", .mtu = 1500, .queues = 1, .id = 3};
	struct port_conf client = {.name = "mc", .mtu = 1500, .queues = 1, .id = 3, .client = true};
	struct port_counters count = {0};
	struct port_status status;
	struct port *a;
	struct port *b;

	(void)ctx;
	str_appendf(server.socket, sizeof(server.socket), "%s/memif.sock", scratch);
	str_copy(client.socket, server.socket, sizeof(client.socket));
	a = open_port(&port_memif_ops, &server);
	a->ops->status(a, &status);
	assert_int_equal(status.oper, PORT_DOWN);
	assert_non_null(strstr(status.reason, "waiting for the memif client"));
	send_packets(a, 0, 0, 10, 100, &count);
	assert_int_equal(count.drops[DROP_LINK_DOWN], 10);
	b = open_port(&port_memif_ops, &client);
	wait_up(a);
	wait_up(b);
	status.oper = PORT_UP;
	for (uint32_t len = 60; len <= 1522; len += 204) {
		send_packets(a, 0, len, 30, len, &count);
		receive_packets(b, 0, len, 30, len, &count);
		send_packets(b, 0, len, 30, len, &count);
		receive_packets(a, 0, len, 30, len, &count);
	}
	/* The client is told that its server is away, and finds the next one by itself. */
	close_port(a);
	for (unsigned int ms = 0; status.oper != PORT_DOWN && ms < WAIT_MS; ms++) {
		(void)usleep(1000);
		b->ops->status(b, &status);
	}
	assert_non_null(strstr(status.reason, "waiting for the memif server"));
	a = open_port(&port_memif_ops, &server);
	wait_up(b);
	wait_up(a);
	send_packets(b, 0, 0, 30, 200, &count);
	receive_packets(a, 0, 0, 30, 200, &count);
	close_port(b);
	close_port(a);
	/* And once more on the same socket. */
	a = open_port(&port_memif_ops, &server);
	close_port(a);
}

/* Keeps EAL's interrupt thread, and with it the driver's handlers, until it is let go. */
static void
hold_handlers(void *arg)
{
	while (sem_wait(arg) != 0) {
	}
}

/* A peer that answers when the device is about to be restarted finds a port that moves frames. */
static void
test_memif_late_answer(void **ctx)
{
	struct port_conf server = {.name = "ms", .mtu = 1500, .queues = 1, .id = 4};
	struct port_conf client = {.name = "mc", .mtu = 1500, .queues = 1, .id = 4, .client = true};
	struct port_counters count = {0};
	struct port_status status;
	struct port *a;
	struct port *b;
	sem_t held;

	(void)ctx;
	str_appendf(server.socket, sizeof(server.socket), "%s/late.sock", scratch);
	str_copy(client.socket, server.socket, sizeof(client.socket));
	a = open_port(&port_memif_ops, &server);
	assert_int_equal(sem_init(&held, 0, 0), 0);
	assert_true(rte_eal_alarm_set(1, hold_handlers, &held) >= 0);
	b = open_port(&port_memif_ops, &client);
	b->ops->poll(b, 10 * CLOCK_S);
	b->ops->poll(b, 11 * CLOCK_S); /* no answer within a second: a restart begins */
	b->ops->status(b, &status);
	assert_int_equal(status.oper, PORT_DOWN);
	assert_int_equal(sem_post(&held), 0);
	for (unsigned int ms = 0; status.oper != PORT_UP && ms < WAIT_MS; ms++) {
		(void)usleep(1000);
		b->ops->poll(b, 11 * CLOCK_S);
		b->ops->status(b, &status);
	}
	wait_up(a);
	wait_up(b);
	send_packets(b, 0, 0, 30, 200, &count);
	receive_packets(a, 0, 0, 30, 200, &count);
	send_packets(a, 0, 0, 30, 200, &count);
	receive_packets(b, 0, 0, 30, 200, &count);
	close_port(b);
	close_port(a);
	(void)sem_destroy(&held);
}

/* Any device string will do; one that does not carries DPDK's own words. */
static void
test_devargs(void **ctx)
{
	struct port_conf conf = {.name = "d", .mtu = 1500, .queues = 1};
	struct port_conf pcap = {.name = "p", .mtu = 1500, .queues = 1};
	struct err err = ERR_INIT;
	struct port *port;
	struct port *other;

	(void)ctx;
	str_copy(conf.devargs, "net_null9,size=64", sizeof(conf.devargs));
	port = open_port(&port_pci_ops, &conf);
	assert_int_equal(port_pci_ops.open(&conf, &env, &other, &err), -EBUSY);
	assert_non_null(strstr(err.text, "net_null9"));
	close_port(port);
	str_copy(conf.devargs, "net_null9,sizzle=64", sizeof(conf.devargs));
	assert_int_equal(port_pci_ops.open(&conf, &env, &other, &err), -EIO);
	assert_string_equal(err.path, "devargs");
	str_copy(conf.devargs, "no such device", sizeof(conf.devargs));
	assert_int_equal(port_pci_ops.open(&conf, &env, &other, &err), -EIO);
	str_appendf(pcap.rx_file, sizeof(pcap.rx_file), "/etc/passwd");
	assert_int_equal(port_pcap_ops.open(&pcap, &env, &other, &err), -EIO);
	assert_string_equal(err.path, "rx-file");
	assert_non_null(strstr(err.text, "/etc/passwd"));
}

static void
test_device_limits(void **ctx)
{
	struct port_conf conf = {.name = "n", .mtu = 1500, .queues = 1};
	unsigned int before = rte_eth_dev_count_total();
	unsigned int n = RTE_MAX_ETHPORTS - before;
	struct port *ports[RTE_MAX_ETHPORTS];
	struct port *more;
	struct err err = ERR_INIT;

	(void)ctx;
	for (unsigned int i = 0; i < n; i++) {
		ports[i] = open_port(&port_null_ops, &conf);
	}
	assert_int_equal(port_null_ops.open(&conf, &env, &more, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "RTE_MAX_ETHPORTS"));
	for (unsigned int i = 0; i < n; i++) {
		close_port(ports[i]);
	}
	conf.queues = PORT_QUEUES_MAX;
	str_copy(conf.devargs, "net_ring_77", sizeof(conf.devargs));
	assert_int_equal(port_pci_ops.open(&conf, &env, &more, &err), -EINVAL);
	assert_string_equal(err.path, "queues");
	assert_int_equal(rte_eth_dev_count_total(), before);
}

static int
start(void **ctx) ROLE_ATTR(no_thread_safety_analysis)
{
	static struct grace grace;

	(void)ctx;
	role_enter(&role_main);
	role_enter(&role_worker);
	env.grace = &grace;
	if (mkdtemp(scratch) == NULL || dpdk_log_init() != 0) {
		return -1;
	}
	eal_test_start(512);
	if (grace_init(&grace) != 0) {
		return -1;
	}
	return mbuf_pools_create(&env.pools, NULL);
}

static int
stop(void **ctx) ROLE_ATTR(no_thread_safety_analysis)
{
	char command[128] = "";

	(void)ctx;
	mbuf_pools_destroy(env.pools);
	grace_fini(env.grace);
	str_appendf(command, sizeof(command), "rm -rf %s", scratch);
	return rte_eal_cleanup() != 0 || system(command) != 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring_loop),
		cmocka_unit_test(test_ring_comes_and_goes),
		cmocka_unit_test(test_ring_full),
		cmocka_unit_test(test_shared_packet),
		cmocka_unit_test(test_foreign_buffers),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_pcap_there_and_back),
		cmocka_unit_test(test_memif_pair),
		cmocka_unit_test(test_memif_late_answer),
		cmocka_unit_test(test_devargs),
		cmocka_unit_test(test_device_limits),
	};

	return cmocka_run_group_tests_name("ethdev", tests, start, stop);
}
