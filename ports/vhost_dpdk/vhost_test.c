/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost-user ports with a front end in the same process: DPDK's virtio-user device where packets
 * count, bare messages where a front end misbehaves.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <rte_tcp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/test_unix.h"
#include "datapath/core/eal_test.h"
#include "ports/test_port.h"
#include "ports/vhost_dpdk/vhost_dpdk.h"

#define WAIT_MS 5000
#define FRONT "net_virtio_user_front"
#define READER 0 /* a worker that is never in the way */
#define SLOW_READER 1
#define SECOND UINT64_C(1000000000)

static const struct port_ops *const ops = &port_vhost_dpdk_ops;
static char scratch[] = "/tmp/vhost_test_XXXXXX";
static struct grace grace;
static pthread_t worker;
static bool worker_stop;
static struct port_env env = {.n_workers = 1, .run_dir = scratch, .grace = &grace};

/* --- the port ------------------------------------------------------------------------------- */

static void
port_socket(const char *name, char *out, size_t size)
{
	out[0] = '\0';
	str_appendf(out, size, "%s/vhost/%s.sock", scratch, name);
}

static struct port *
open_port(const struct port_conf *conf)
{
	return test_port_open(ops, conf, &env);
}

static void
expect_refused(const struct port_conf *conf, enum err_kind kind, const char *leaf, const char *part)
{
	test_port_refused(ops, conf, &env, kind, leaf, part);
}

static void
close_port(struct port *port)
{
	ops->close(port, PORT_CLOSE_DELETED);
}

static void
wait_for(struct port *port, enum port_oper oper, const char *part)
{
	test_port_wait(port, oper, part, NULL);
}

/* --- a front end that is a DPDK device ------------------------------------------------------ */

static uint16_t
front_start(const char *socket, const char *options, uint16_t queues, uint64_t rx_offloads,
	struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {.rxmode = {.offloads = rx_offloads}};
	char args[256] = "";
	uint16_t id;

	str_appendf(args, sizeof(args), FRONT ",path=%s,queues=%u%s", socket, queues, options);
	assert_int_equal(rte_dev_probe(args), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name(FRONT, &id), 0);
	assert_int_equal(rte_eth_dev_configure(id, queues, queues, &conf), 0);
	for (uint16_t q = 0; q < queues; q++) {
		assert_int_equal(
			rte_eth_rx_queue_setup(id, q, 256, (unsigned int)SOCKET_ID_ANY, NULL, pool),
			0);
		assert_int_equal(
			rte_eth_tx_queue_setup(id, q, 256, (unsigned int)SOCKET_ID_ANY, NULL), 0);
	}
	assert_int_equal(rte_eth_dev_start(id), 0);
	return id;
}

static void
front_stop(uint16_t id)
{
	struct rte_eth_dev_info info;

	assert_int_equal(rte_eth_dev_info_get(id, &info), 0);
	assert_int_equal(rte_eth_dev_stop(id), 0);
	assert_int_equal(rte_eth_dev_close(id), 0);
	assert_int_equal(rte_dev_remove(info.device), 0);
}

static void
fill(uint8_t *bytes, uint32_t seq, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		bytes[i] = (uint8_t)(seq * 13 + i * 5 + (i >> 8));
	}
}

static void
check(const uint8_t *bytes, uint32_t seq, uint32_t len)
{
	uint8_t want[10000];

	fill(want, seq, len);
	assert_memory_equal(bytes, want, len);
}

static void
guest_to_port(struct port *port, uint16_t front, uint16_t queue, uint32_t n, uint32_t len)
{
	struct port_counters count = {0};
	uint8_t bytes[10000];
	uint32_t got = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m;

		fill(bytes, i, len);
		m = pkt_mbuf_from_bytes(port->pool, bytes, len);
		assert_non_null(m);
		while (rte_eth_tx_burst(front, queue, &m, 1) == 0) {
			(void)usleep(100);
		}
		while (got <= i) {
			struct pkt pkts[PKT_BURST];
			uint16_t k = ops->rx_burst(port, queue, pkts, PKT_BURST, &count);

			for (uint16_t j = 0; j < k; j++, got++) {
				struct tx_item item;

				assert_int_equal(pkts[j].len, len);
				pkt_item(&pkts[j], &item);
				pkt_gather(&item, bytes);
				check(bytes, got, len);
				pkt_free(&pkts[j]);
			}
		}
	}
	assert_int_equal(count.rx_packets, n);
	assert_int_equal(count.rx_bytes, (uint64_t)n * len);
}

static void
port_to_guest(struct port *port, uint16_t front, uint16_t queue, uint32_t n, uint32_t len)
{
	struct port_counters count = {0};
	struct pkt_clones clones = {0};
	uint8_t bytes[10000];

	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = NULL;
		struct tx_item item;
		struct pkt pkt;
		const uint8_t *read;

		fill(bytes, i, len);
		pkt_from_mbuf(&pkt, pkt_mbuf_from_bytes(port->pool, bytes, len));
		pkt.n_out = 1;
		pkt_item(&pkt, &item);
		if (i % 2 == 1) {
			clones.n = 0;
			assert_true(pkt_clone_head(&item, &clones));
		}
		ops->tx_burst(port, queue, &item, 1, &count);
		pkt_free(&pkt);
		for (unsigned int ms = 0;
			ms < WAIT_MS && rte_eth_rx_burst(front, queue, &m, 1) == 0; ms++) {
			(void)usleep(1000);
		}
		assert_non_null(m);
		assert_int_equal(m->pkt_len, len);
		read = rte_pktmbuf_read(m, 0, len, bytes);
		check(read, i, len);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(count.tx_packets, n);
	assert_int_equal(count.tx_bytes, (uint64_t)n * len);
}

static void
test_packets(void **ctx)
{
	struct port_conf conf = {
		.name = "vm1", .mtu = 1500, .queues = 2, .permissions = PORT_PERMISSIONS_DEFAULT};
	struct port_counters count = {0};
	struct port *port = open_port(&conf);
	struct port_status status;
	char socket[256];
	uint16_t front;

	(void)ctx;
	port_socket("vm1", socket, sizeof(socket));
	wait_for(port, PORT_NO_GUEST, "waiting for a guest to connect to /tmp/");
	assert_int_equal(ops->tx_queue(port, 1), -1);
	front = front_start(socket, "", 2, 0, port->pool);
	wait_for(port, PORT_UP, "");
	for (uint32_t len = 60; len < 9000; len += 641) {
		for (uint16_t q = 0; q < 2; q++) {
			guest_to_port(port, front, q, 40, len);
			port_to_guest(port, front, q, 40, len);
		}
	}
	ops->status(port, &status);
	assert_int_equal(status.n_rxq, 2);
	assert_int_equal(status.n_txq, 2);
	assert_int_equal(ops->tx_queue(port, 0), 0);
	assert_int_equal(ops->tx_queue(port, UINT32_MAX), 1);
	assert_int_equal(port->caps & PORT_CAP_CSUM, 0);
	front_stop(front);
	wait_for(port, PORT_NO_GUEST, "waiting for a guest");
	{
		struct pkt pkt;
		struct tx_item item;
		uint8_t bytes[64] = {0};

		pkt_from_mbuf(&pkt, pkt_mbuf_from_bytes(port->pool, bytes, sizeof(bytes)));
		pkt.n_out = 1;
		pkt_item(&pkt, &item);
		ops->tx_burst(port, 0, &item, 1, &count);
		pkt_free(&pkt);
	}
	assert_int_equal(count.drops[DROP_NO_GUEST], 1);
	close_port(port);
	assert_int_not_equal(access(socket, F_OK), 0);
}

/* Guests come and go, with the port closed in between or under their feet. */
static void
test_comes_and_goes(void **ctx)
{
	struct port_conf conf = {
		.name = "vm1", .mtu = 1500, .queues = 1, .permissions = PORT_PERMISSIONS_DEFAULT};
	char socket[256];

	(void)ctx;
	port_socket("vm1", socket, sizeof(socket));
	for (unsigned int i = 0; i < 5; i++) {
		struct port *port = open_port(&conf);
		uint16_t front = front_start(socket, "", 1, 0, port->pool);

		wait_for(port, PORT_UP, "");
		port_to_guest(port, front, 0, 3, 100);
		if (i % 2 == 0) {
			front_stop(front);
			front = front_start(socket, "", 1, 0, port->pool);
			wait_for(port, PORT_UP, "");
			guest_to_port(port, front, 0, 3, 100);
			front_stop(front);
			close_port(port);
		} else {
			/* the front end's buffers come from the port's pool, which closing may free
			 */
			struct port_conf other = {.name = "other", .mtu = 1500, .queues = 1};
			struct port *keep = open_port(&other);

			close_port(port);
			front_stop(front);
			close_port(keep);
		}
	}
}

/* A guest that takes partial checksums is sent them; the port says so only then. */
static void
test_checksum_offload(void **ctx)
{
	struct port_conf conf = {
		.name = "vm1", .mtu = 1500, .queues = 1, .permissions = PORT_PERMISSIONS_DEFAULT};
	/* Ethernet, IPv4, TCP, "hi" */
	uint8_t frame[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 42, 0, 1, 0, 0, 64,
		6, 0x66, 0xcb, 10, 0, 0, 1, 10, 0, 0, 2, 0, 80, 0, 81, 0, 0, 0, 1, 0, 0, 0, 1, 0x50,
		0x10, 1, 0, 0, 0, 0, 0, 'h', 'i'};
	struct port_counters count = {0};
	struct port *port = open_port(&conf);
	struct rte_mbuf *m = NULL;
	struct tx_item item;
	struct pkt pkt;
	char socket[256];
	uint16_t front;

	(void)ctx;
	port_socket("vm1", socket, sizeof(socket));
	front = front_start(socket, "", 1,
		RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM |
			RTE_ETH_RX_OFFLOAD_TCP_LRO,
		port->pool);
	wait_for(port, PORT_UP, "");
	assert_int_equal(
		port->caps, PORT_CAP_TX_HASH | PORT_CAP_CSUM | PORT_CAP_TSO4 | PORT_CAP_TSO6);
	pkt_from_mbuf(&pkt, pkt_mbuf_from_bytes(port->pool, frame, sizeof(frame)));
	pkt.n_out = 1;
	pkt.ol = (struct pkt_offload){.flags = PKT_OL_CSUM, .csum_start = 34, .csum_offset = 16};
	pkt_item(&pkt, &item);
	ops->tx_burst(port, 0, &item, 1, &count);
	for (unsigned int ms = 0; ms < WAIT_MS && rte_eth_rx_burst(front, 0, &m, 1) == 0; ms++) {
		(void)usleep(1000);
	}
	assert_non_null(m);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK, RTE_MBUF_F_RX_L4_CKSUM_NONE);
	rte_pktmbuf_free(m);
	pkt_free(&pkt);
	front_stop(front);
	close_port(port);
}

static void *
stop_in_background(void *arg)
{
	uint16_t *front = arg;

	front_stop(*front);
	__atomic_store_n(front, UINT16_MAX, __ATOMIC_RELEASE);
	return NULL;
}

/* While a worker has not passed, the guest's device is not taken away from under it. */
static void
test_detach_waits_for_workers(void **ctx)
{
	struct port_conf conf = {
		.name = "vm1", .mtu = 1500, .queues = 1, .permissions = PORT_PERMISSIONS_DEFAULT};
	struct port_conf other = {.name = "other", .mtu = 1500, .queues = 1};
	struct port *keep = open_port(&other);
	struct port *port = open_port(&conf);
	pthread_t thread;
	char socket[256];
	uint16_t front;

	(void)ctx;
	port_socket("vm1", socket, sizeof(socket));
	front = front_start(socket, "", 1, 0, port->pool);
	wait_for(port, PORT_UP, "");
	grace_join(&grace, SLOW_READER);
	assert_int_equal(pthread_create(&thread, NULL, stop_in_background, &front), 0);
	wait_for(port, PORT_NO_GUEST, "has stopped the device");
	(void)usleep(100000);
	assert_int_not_equal(__atomic_load_n(&front, __ATOMIC_ACQUIRE), UINT16_MAX);
	grace_quiescent(&grace, SLOW_READER);
	assert_int_equal(pthread_join(thread, NULL), 0);
	/* Closing waits for nobody: by contract no worker is inside. */
	front = front_start(socket, "", 1, 0, port->pool);
	wait_for(port, PORT_UP, "");
	close_port(port);
	grace_leave(&grace, SLOW_READER);
	front_stop(front);
	close_port(keep);
}

static void
test_client_mode(void **ctx)
{
	struct port_conf conf = {.name = "vm2", .mtu = 1500, .queues = 1, .client = true};
	struct port *port;
	uint16_t front;

	(void)ctx;
	str_appendf(conf.socket, sizeof(conf.socket), "%s/qemu.sock", scratch);
	port = open_port(&conf);
	wait_for(port, PORT_NO_GUEST, "waiting for");
	front = front_start(conf.socket, ",server=1", 1, 0, port->pool);
	wait_for(port, PORT_UP, "");
	guest_to_port(port, front, 0, 10, 200);
	port_to_guest(port, front, 0, 10, 200);
	front_stop(front);
	wait_for(port, PORT_NO_GUEST, "waiting for");
	front = front_start(conf.socket, ",server=1", 1, 0, port->pool);
	wait_for(port, PORT_UP, "");
	port_to_guest(port, front, 0, 10, 200);
	front_stop(front);
	close_port(port);
}

/* --- a front end made by hand --------------------------------------------------------------- */

static int
raw_connect(const char *path)
{
	const int fd = test_unix_connect(path);

	assert_true(fd >= 0);
	return fd;
}

static void
raw_send(int fd, uint32_t request, const void *payload, uint32_t size)
{
	uint32_t header[3] = {request, 1, size};
	uint8_t message[512];

	memcpy(message, header, sizeof(header));
	if (size > 0) {
		memcpy(message + sizeof(header), payload, size);
	}
	assert_int_equal(write(fd, message, sizeof(header) + size), sizeof(header) + size);
}

static uint64_t
raw_ask(int fd, uint32_t request)
{
	uint32_t header[3] = {0};
	uint64_t value = 0;

	raw_send(fd, request, NULL, 0);
	assert_int_equal(recv(fd, header, sizeof(header), MSG_WAITALL), sizeof(header));
	assert_int_equal(header[0], request);
	assert_int_equal(header[2], sizeof(value));
	assert_int_equal(recv(fd, &value, sizeof(value), MSG_WAITALL), sizeof(value));
	return value;
}

static void
expect_closed(int fd)
{
	struct timeval wait = {.tv_sec = 5};
	char byte;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	assert_int_equal(close(fd), 0);
}

static void
test_second_front_end(void **ctx)
{
	struct port_conf conf = {
		.name = "vm1", .mtu = 1500, .queues = 3, .permissions = PORT_PERMISSIONS_DEFAULT};
	struct port *port = open_port(&conf);
	char socket[256];
	int first;

	(void)ctx;
	port_socket("vm1", socket, sizeof(socket));
	first = raw_connect(socket);
	assert_int_equal(raw_ask(first, 17 /* GET_QUEUE_NUM */), 3);
	wait_for(port, PORT_NO_GUEST, "driver has not started");
	for (unsigned int i = 0; i < 5; i++) {
		expect_closed(raw_connect(socket));
	}
	assert_int_equal(raw_ask(first, 17), 3);
	assert_int_equal(close(first), 0);
	wait_for(port, PORT_NO_GUEST, "waiting for a guest");
	close_port(port);
}

static void
test_memory_not_shared(void **ctx)
{
	struct port_conf conf = {
		.name = "vm1", .mtu = 1500, .queues = 1, .permissions = PORT_PERMISSIONS_DEFAULT};
	struct port *port = open_port(&conf);
	uint8_t table[8 + 32] = {1};
	uint64_t features;
	char socket[256];
	int fd;

	(void)ctx;
	port_socket("vm1", socket, sizeof(socket));
	/* QEMU gives up between the two messages, and stays connected. */
	fd = raw_connect(socket);
	features = raw_ask(fd, 1 /* GET_FEATURES */);
	raw_send(fd, 2 /* SET_FEATURES */, &features, sizeof(features));
	wait_for(port, PORT_NO_GUEST, "starting the device");
	ops->poll(port, 10 * SECOND);
	wait_for(port, PORT_NO_GUEST, "starting the device");
	ops->poll(port, 12 * SECOND);
	wait_for(port, PORT_NO_GUEST, "share=on");
	/* Others send a table without the files. */
	raw_send(fd, 5 /* SET_MEM_TABLE */, table, sizeof(table));
	expect_closed(fd);
	wait_for(port, PORT_NO_GUEST, "share=on");
	fd = raw_connect(socket);
	wait_for(port, PORT_NO_GUEST, "driver has not started");
	assert_int_equal(close(fd), 0);
	wait_for(port, PORT_NO_GUEST, "waiting for a guest");
	close_port(port);
}

/* --- the socket file ------------------------------------------------------------------------ */

static unsigned int
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 0777;
}

static void
test_socket_rights(void **ctx)
{
	struct port_conf conf = {
		.name = "vm1", .mtu = 1500, .queues = 1, .permissions = PORT_PERMISSIONS_DEFAULT};
	struct port *port = open_port(&conf);
	char socket[256];
	char folder[256] = "";
	struct stat st;

	(void)ctx;
	port_socket("vm1", socket, sizeof(socket));
	str_appendf(folder, sizeof(folder), "%s/vhost", scratch);
	assert_int_equal(mode_of(folder), 0750);
	assert_int_equal(mode_of(socket), 0660);
	conf.permissions = 0600;
	str_copy(conf.owner, "1234", sizeof(conf.owner));
	str_copy(conf.group, "daemon", sizeof(conf.group));
	if (geteuid() == 0) {
		assert_int_equal(ops->change(port, &conf, NULL), 0);
		assert_int_equal(lstat(socket, &st), 0);
		assert_int_equal(st.st_uid, 1234);
		assert_int_not_equal(st.st_gid, 0);
		assert_int_equal(mode_of(socket), 0600);
	}
	conf.mtu = 9000;
	conf.queues = 2;
	assert_int_equal(ops->change(port, &conf, NULL), -EOPNOTSUPP);
	close_port(port);
}

static void
test_socket_refusals(void **ctx)
{
	struct port_conf conf = {
		.name = "vm1", .mtu = 1500, .queues = 1, .permissions = PORT_PERMISSIONS_DEFAULT};
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct port *port;
	int fd;

	(void)ctx;
	str_copy(conf.owner, "nobody-of-that-name", sizeof(conf.owner));
	expect_refused(&conf, ERR_INVALID, "owner", "nobody-of-that-name");
	conf.owner[0] = '\0';
	str_copy(conf.group, "no-such-group", sizeof(conf.group));
	expect_refused(&conf, ERR_INVALID, "group", "no-such-group");
	conf.group[0] = '\0';
	memset(conf.socket, 's', 108);
	conf.socket[0] = '/';
	conf.socket[108] = '\0';
	expect_refused(&conf, ERR_TOO_BIG, "socket", "108");
	str_copy(conf.socket, "relative.sock", sizeof(conf.socket));
	expect_refused(&conf, ERR_INVALID, "socket", "absolute");
	str_copy(conf.socket, "/etc/passwd", sizeof(conf.socket));
	expect_refused(&conf, ERR_IN_USE, "socket", "not a socket");
	str_copy(conf.socket, "/nowhere/vm1.sock", sizeof(conf.socket));
	expect_refused(&conf, ERR_MISSING, "socket", "/nowhere");
	conf.socket[0] = '\0';
	conf.client = true;
	expect_refused(&conf, ERR_MISSING, "socket", "mode client");
	conf.client = false;

	/* one that somebody listens on, then the same when that process has died */
	str_appendf(conf.socket, sizeof(conf.socket), "%s/taken.sock", scratch);
	str_copy(sun.sun_path, conf.socket, sizeof(sun.sun_path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 4), 0);
	expect_refused(&conf, ERR_IN_USE, "socket", "listens");
	assert_int_equal(close(fd), 0);
	port = open_port(&conf);
	expect_refused(&conf, ERR_IN_USE, "socket", "listens");
	close_port(port);
}

static void *
be_quiescent(void *ctx)
{
	(void)ctx;
	while (!__atomic_load_n(&worker_stop, __ATOMIC_ACQUIRE)) {
		grace_quiescent(&grace, READER);
		(void)usleep(200);
	}
	return NULL;
}

static int
start(void **ctx) ROLE_ATTR(no_thread_safety_analysis)
{
	(void)ctx;
	(void)signal(
		SIGPIPE, SIG_IGN); /* DPDK's front end writes to a socket that we have closed */
	role_enter(&role_main);
	role_enter(&role_worker);
	eal_test_start(512);
	(void)rte_log_set_level_pattern("lib.vhost.config", RTE_LOG_EMERG);
	(void)rte_log_set_level_pattern("pmd.net.virtio.*", RTE_LOG_CRIT);
	if (mkdtemp(scratch) == NULL || grace_init(&grace) != 0) {
		return -1;
	}
	grace_join(&grace, READER);
	if (pthread_create(&worker, NULL, be_quiescent, NULL) != 0) {
		return -1;
	}
	return mbuf_pools_create(&env.pools, NULL);
}

static int
stop(void **ctx) ROLE_ATTR(no_thread_safety_analysis)
{
	char command[128] = "";

	(void)ctx;
	__atomic_store_n(&worker_stop, true, __ATOMIC_RELEASE);
	(void)pthread_join(worker, NULL);
	mbuf_pools_destroy(env.pools);
	grace_leave(&grace, READER);
	grace_fini(&grace);
	str_appendf(command, sizeof(command), "rm -rf %s", scratch);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_socket_refusals),
		cmocka_unit_test(test_socket_rights),
		cmocka_unit_test(test_second_front_end),
		cmocka_unit_test(test_memory_not_shared),
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_checksum_offload),
		cmocka_unit_test(test_comes_and_goes),
		cmocka_unit_test(test_detach_waits_for_workers),
		cmocka_unit_test(test_client_mode),
	};

	return cmocka_run_group_tests_name("vhost-user", tests, start, stop);
}
