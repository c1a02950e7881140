/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * af-xdp ports on veths in a network namespace of this process, which goes with it. Needs root.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <rte_ether.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "datapath/core/eal_test.h"
#include "ports/test_port.h"
#include "ports/xdp/link.h"
#include "ports/xdp/offloads.h"
#include "ports/xdp/types.h"

#define WAIT_MS 3000
#define FRAME_MAX 3500
#define TEST_ETHERTYPE 0x88b5 /* IEEE 802, local experimental */

static const struct port_ops *const ops = &port_af_xdp_ops;
static struct grace grace;
static uint64_t now; /* ns, of the ports */
static struct port_env env = {.n_workers = 1, .run_dir = "/tmp", .grace = &grace};

static void
run(const char *command)
{
	int rc = system(command);

	if (rc != 0) {
		fail_msg("'%s' ended with %d", command, rc);
	}
}

static void
make_pair(void)
{
	run("ip link add x0 type veth peer name x1 && ip link set x1 up");
}

static void
remove_pair(void)
{
	run("ip link del x0");
}

static struct port *
open_port(const struct port_conf *conf)
{
	return test_port_open(ops, conf, &env);
}

static void
close_port(struct port *port)
{
	ops->close(port, PORT_CLOSE_DELETED);
}

static void
expect_refused(const struct port_conf *conf, enum err_kind kind, const char *leaf, const char *part)
{
	test_port_refused(ops, conf, &env, kind, leaf, part);
}

static void
wait_for(struct port *port, enum port_oper oper, const char *part)
{
	test_port_wait(port, oper, part, &now);
}

/* --- the other end of the veth -------------------------------------------------------------- */

static int
open_peer(void)
{
	struct timeval wait = {.tv_sec = 3};
	struct sockaddr_ll sll = {.sll_family = AF_PACKET,
		.sll_protocol = htons(TEST_ETHERTYPE),
		.sll_ifindex = (int)if_nametoindex("x1")};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(TEST_ETHERTYPE));

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sll, sizeof(sll)), 0);
	return fd;
}

static void
fill(uint8_t *bytes, uint32_t seq, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		bytes[i] = (uint8_t)(seq * 17 + i * 3 + (i >> 8));
	}
	memset(bytes, 0xff, RTE_ETHER_ADDR_LEN);
	bytes[6] = 2;
	bytes[12] = TEST_ETHERTYPE >> 8;
	bytes[13] = TEST_ETHERTYPE & 0xff;
}

static void
check(const uint8_t *bytes, uint32_t seq, uint32_t len)
{
	uint8_t want[FRAME_MAX];

	fill(want, seq, len);
	assert_memory_equal(bytes, want, len);
}

/* Receive from the peer n frames; those of the kernel's own (neighbour discovery) do not count. */
static void
receive(struct port *port, uint32_t n, uint32_t len, struct port_counters *count)
{
	uint32_t got = 0;

	for (unsigned int ms = 0; got < n && ms < WAIT_MS; ms++) {
		struct pkt pkts[PKT_BURST];
		uint16_t k = ops->rx_burst(port, 0, pkts, PKT_BURST, count);

		for (uint16_t i = 0; i < k; i++) {
			if (pkts[i].head[12] != TEST_ETHERTYPE >> 8 ||
				pkts[i].head[13] != (TEST_ETHERTYPE & 0xff)) {
				continue;
			}
			assert_int_equal(pkts[i].len, len);
			assert_int_equal(pkts[i].head_len, len);
			assert_true(pkts[i].headroom >= PKT_HEADROOM);
			check(pkts[i].head, got, len);
			/* the head is ours to edit, and to extend to the front */
			memset(pkts[i].head - PKT_HEADROOM, 0xee, PKT_HEADROOM + 20);
			got++;
		}
		ops->rx_release(port, 0, pkts, k);
		if (k == 0) {
			(void)usleep(1000);
		}
	}
	assert_int_equal(got, n);
}

static void
peer_to_port(struct port *port, int peer, uint32_t n, uint32_t len)
{
	struct port_counters count = {0};
	uint8_t bytes[FRAME_MAX];

	for (uint32_t i = 0; i < n; i++) {
		fill(bytes, i, len);
		assert_int_equal(send(peer, bytes, len, 0), len);
	}
	receive(port, n, len, &count);
	assert_true(count.rx_packets >= n && count.rx_bytes >= (uint64_t)n * len);
}

static void
port_to_peer(struct port *port, int peer, uint32_t n, uint32_t len)
{
	struct port_counters count = {0};
	uint8_t bytes[FRAME_MAX];

	for (uint32_t i = 0; i < n; i++) {
		struct tx_item item;
		struct pkt pkt;

		fill(bytes, i, len);
		pkt_from_mbuf(&pkt, pkt_mbuf_from_bytes(port->pool, bytes, len));
		pkt.n_out = 1;
		pkt_item(&pkt, &item);
		ops->tx_burst(port, 0, &item, 1, &count);
		pkt_free(&pkt);
		assert_int_equal(recv(peer, bytes, sizeof(bytes), 0), len);
		check(bytes, i, len);
	}
	assert_int_equal(count.tx_packets, n);
	assert_int_equal(count.tx_bytes, (uint64_t)n * len);
}

/* --- tests ---------------------------------------------------------------------------------- */

static void
test_frames(void **ctx)
{
	struct port_conf conf = {.name = "x", .mtu = 1500, .queues = 1, .ifname = "x0"};
	struct port *port;
	int peer;

	(void)ctx;
	make_pair();
	port = open_port(&conf);
	wait_for(port, PORT_UP, "");
	peer = open_peer();
	/* more often than there are frames in either herd */
	for (uint32_t round = 0; round < 60; round++) {
		uint32_t len = 60 + (round * 97) % 1455;

		peer_to_port(port, peer, 60, len);
		port_to_peer(port, peer, 60, len);
	}
	assert_int_equal(close(peer), 0);
	close_port(port);
	remove_pair();
}

static void
test_large_frames(void **ctx)
{
	struct port_conf conf = {.name = "x", .mtu = 3400, .queues = 1, .ifname = "x0"};
	struct port *port;
	int peer;

	(void)ctx;
	make_pair();
	run("ip link set x0 mtu 3400 && ip link set x1 mtu 3400");
	port = open_port(&conf);
	wait_for(port, PORT_UP, "");
	peer = open_peer();
	peer_to_port(port, peer, 20, 3414);
	port_to_peer(port, peer, 20, 3414);
	assert_int_equal(close(peer), 0);
	close_port(port);
	remove_pair();
}

static void
test_bursts_larger_than_the_ring(void **ctx)
{
	struct port_conf conf = {.name = "x", .mtu = 1500, .queues = 1, .ifname = "x0"};
	struct port_counters count = {0};
	struct tx_item items[PKT_BURST];
	struct pkt pkts[PKT_BURST];
	uint8_t bytes[100];
	struct port *port;

	(void)ctx;
	make_pair();
	port = open_port(&conf);
	wait_for(port, PORT_UP, "");
	fill(bytes, 1, sizeof(bytes));
	for (unsigned int i = 0; i < PKT_BURST; i++) {
		pkt_from_mbuf(&pkts[i], pkt_mbuf_from_bytes(port->pool, bytes, sizeof(bytes)));
		pkt_item(&pkts[i], &items[i]);
	}
	for (unsigned int i = 0; i < 500; i++) {
		ops->tx_burst(port, 0, items, PKT_BURST, &count);
	}
	assert_int_equal(count.tx_packets + count.drops[DROP_TX_FULL], 500 * PKT_BURST);
	assert_int_equal(count.drops[DROP_TX_FULL], 0);
	for (unsigned int i = 0; i < PKT_BURST; i++) {
		pkt_free(&pkts[i]);
	}
	close_port(port);
	remove_pair();
}

static void
test_comes_and_goes(void **ctx)
{
	struct port_conf conf = {.name = "x", .mtu = 1500, .queues = 1, .ifname = "x0"};
	struct link_info info;

	(void)ctx;
	make_pair();
	for (unsigned int i = 0; i < 10; i++) {
		struct port *port = open_port(&conf);

		assert_int_equal(link_get("x0", &info), 0);
		assert_true(info.has_xdp);
		close_port(port);
		assert_int_equal(link_get("x0", &info), 0);
		assert_false(info.has_xdp);
	}
	remove_pair();
}

/* A daemon that dies leaves nothing on the interface. */
static void
test_death(void **ctx)
{
	struct port_conf conf = {.name = "x", .mtu = 1500, .queues = 1, .ifname = "x0"};
	struct link_info info = {.has_xdp = true};
	int status;
	pid_t pid;

	(void)ctx;
	make_pair();
	pid = fork();
	if (pid == 0) {
		struct port *port = NULL;

		_exit(ops->open(&conf, &env, &port, NULL) == 0 ? 42 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 42);
	for (unsigned int ms = 0; info.has_xdp && ms < WAIT_MS; ms += 10) {
		(void)usleep(10000);
		assert_int_equal(link_get("x0", &info), 0);
	}
	assert_false(info.has_xdp);
	assert_int_equal(info.flags & IFF_PROMISC, 0);
	close_port(open_port(&conf));
	remove_pair();
}

static bool
leaves_checksums(const char *ifname)
{
	struct ethtool_value value = {.cmd = ETHTOOL_GTXCSUM};
	struct ifreq ifr = {.ifr_data = (void *)&value};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	str_copy(ifr.ifr_name, ifname, sizeof(ifr.ifr_name));
	assert_int_equal(ioctl(fd, SIOCETHTOOL, &ifr), 0);
	assert_int_equal(close(fd), 0);
	return value.data != 0;
}

static void
test_peer_here(void **ctx)
{
	struct port_conf conf = {.name = "x", .mtu = 1500, .queues = 1, .ifname = "x0"};
	struct port *port;

	(void)ctx;
	make_pair();
	assert_true(leaves_checksums("x1"));
	port = open_port(&conf);
	assert_false(leaves_checksums("x1"));
	wait_for(port, PORT_UP, "");
	close_port(port);
	assert_true(leaves_checksums("x1"));
	remove_pair();
}

/* What the interface wants to be on, as ethtool(8) prints it. */
static void
features_of(const char *ifname, char *text, size_t size)
{
	char command[64] = "";
	FILE *pipe;
	size_t n;

	str_appendf(command, sizeof(command), "ethtool -k %s", ifname);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	n = fread(text, 1, size - 1, pipe);
	text[n] = '\0';
	assert_int_equal(pclose(pipe), 0);
	assert_true(n > 100);
}

/* A port leaves the peer as it has found it: what was off before stays off. */
static void
test_offloads_come_back(void **ctx)
{
	struct port_conf conf = {.name = "x", .mtu = 1500, .queues = 1, .ifname = "x0"};
	char before[16384];
	char after[16384];
	struct port *port;

	(void)ctx;
	make_pair();
	run("ethtool -K x1 tso off tx-sctp-segmentation off >/dev/null");
	features_of("x1", before, sizeof(before));
	port = open_port(&conf);
	features_of("x1", after, sizeof(after));
	assert_string_not_equal(before, after);
	close_port(port);
	features_of("x1", after, sizeof(after));
	assert_string_equal(before, after);
	remove_pair();
}

/* As it is called now; with whatever else goes wrong meanwhile, the note stays. */
static void
test_offloads_of_renamed(void **ctx)
{
	struct port_conf conf = {.name = "x", .mtu = 1500, .queues = 1, .ifname = "x0"};
	struct offloads offloads = {.state = LINK_PEER_PLAIN};
	char before[16384];
	char after[16384];
	struct link_info info;
	struct port *port;

	(void)ctx;
	role_assert(&role_main);
	make_pair();
	features_of("x1", before, sizeof(before));
	port = open_port(&conf);
	run("ip link set x0 down && ip link set x0 name x2");
	assert_int_equal(link_get("x2", &info), 0);
	close_port(port);
	features_of("x1", after, sizeof(after));
	assert_string_equal(before, after);
	offloads_take(&offloads, &info, "/tmp");
	assert_int_equal(access(offloads.note, F_OK), 0);
	offloads_give_back(&offloads, -EMFILE, NULL);
	assert_int_equal(access(offloads.note, F_OK), 0);
	offloads_give_back(&offloads, 0, &info);
	assert_int_not_equal(access(offloads.note, F_OK), 0);
	features_of("x1", after, sizeof(after));
	assert_string_equal(before, after);
	run("ip link set x2 name x0");
	remove_pair();
}

/* A daemon that was killed has left a note: the port of the next one turns on what that turned off.
 */
static void
test_offloads_after_death(void **ctx)
{
	struct port_conf conf = {.name = "x", .mtu = 1500, .queues = 1, .ifname = "x0"};
	char before[16384];
	char after[16384];
	char note[64] = "";
	int status;
	pid_t pid;

	(void)ctx;
	make_pair();
	str_appendf(note, sizeof(note), "/tmp/af-xdp-%u.offloads", if_nametoindex("x0"));
	features_of("x1", before, sizeof(before));
	for (unsigned int kills = 0; kills < 2; kills++) {
		pid = fork();
		if (pid == 0) {
			struct port *port = NULL;

			_exit(ops->open(&conf, &env, &port, NULL) == 0 ? 42 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WEXITSTATUS(status), 42);
		assert_false(leaves_checksums("x1"));
		assert_int_equal(access(note, F_OK), 0);
	}
	close_port(open_port(&conf));
	features_of("x1", after, sizeof(after));
	assert_string_equal(before, after);
	assert_int_not_equal(access(note, F_OK), 0);
	/* one that is of other interfaces, or no note, is none */
	run("ethtool -K x1 tx off >/dev/null");
	features_of("x1", before, sizeof(before));
	for (unsigned int i = 0; i < 3; i++) {
		FILE *file = fopen(note, "we");

		assert_non_null(file);
		if (i == 2) { /* a number that begins with the peer's */
			run("cp /proc/sys/kernel/random/boot_id /tmp/xdp_test.boot");
			assert_int_equal(fclose(file), 0);
			assert_int_equal(rename("/tmp/xdp_test.boot", note), 0);
			file = fopen(note, "ae");
			assert_non_null(file);
			(void)fprintf(file, "%u %u7 ", if_nametoindex("x0"), if_nametoindex("x1"));
		}
		(void)fprintf(file, i == 1 ? "x\n1 2 %s" : "%s",
			"ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff");
		assert_int_equal(fclose(file), 0);
		close_port(open_port(&conf));
		features_of("x1", after, sizeof(after));
		assert_string_equal(before, after);
	}
	remove_pair();
}

/* A namespace without a name, as containers have: found through a process in it. */
static void
test_peer_elsewhere(void **ctx)
{
	struct port_conf conf = {.name = "x", .mtu = 1500, .queues = 1, .ifname = "x0"};
	struct feature_set changed = {0};
	char command[128] = "";
	struct link_info info;
	char name[IF_NAMESIZE];
	struct port *port;
	int pipe_in[2];
	pid_t pid;

	(void)ctx;
	make_pair();
	assert_int_equal(pipe(pipe_in), 0);
	pid = fork();
	if (pid == 0) {
		char byte;

		(void)close(pipe_in[1]);
		_exit(unshare(CLONE_NEWNET) == 0 && read(pipe_in[0], &byte, 1) == 0 ? 0 : 1);
	}
	assert_int_equal(close(pipe_in[0]), 0);
	(void)usleep(200000);
	str_appendf(command, sizeof(command), "ip link set x1 netns %d", (int)pid);
	run(command);
	port = open_port(&conf);
	wait_for(port, PORT_DOWN, "no carrier");
	assert_int_equal(link_get("x0", &info), 0);
	assert_true(info.peer_nsid >= 0);
	assert_int_equal(link_peer_plain(&info, NULL, &changed, name), LINK_PEER_PLAIN);
	assert_false(features_any(&changed)); /* the port has done it */
	assert_string_equal(name, "x1");
	/* the container ends, and its end of the veth with it */
	assert_int_equal(close(pipe_in[1]), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	wait_for(port, PORT_FAILED, "is gone");
	close_port(port);
}

static void
test_states(void **ctx)
{
	struct port_conf conf = {.name = "x", .mtu = 1500, .queues = 1, .ifname = "x0"};
	struct port_counters count = {0};
	uint8_t bytes[64] = {0};
	struct tx_item item;
	struct port *port;
	struct pkt pkt;

	(void)ctx;
	make_pair();
	port = open_port(&conf);
	wait_for(port, PORT_UP, "");
	run("ip link set x1 down");
	wait_for(port, PORT_DOWN, "no carrier");
	pkt_from_mbuf(&pkt, pkt_mbuf_from_bytes(port->pool, bytes, sizeof(bytes)));
	pkt_item(&pkt, &item);
	ops->tx_burst(port, 0, &item, 1, &count);
	pkt_free(&pkt);
	assert_int_equal(count.drops[DROP_LINK_DOWN], 1);
	run("ip link set x1 up && ip link set x0 down");
	wait_for(port, PORT_DOWN, "ip link set dev x0 up");
	run("ip link set x0 up");
	wait_for(port, PORT_UP, "");
	remove_pair();
	wait_for(port, PORT_FAILED, "is gone");
	close_port(port);
}

static void
test_refusals(void **ctx)
{
	struct port_conf conf = {.name = "x", .mtu = 1500, .queues = 1};
	struct port *port;

	(void)ctx;
	expect_refused(&conf, ERR_MISSING, "ifname", "kernel interface");
	str_copy(conf.ifname, "nosuchif0", sizeof(conf.ifname));
	expect_refused(&conf, ERR_MISSING, "ifname", "nosuchif0");
	str_copy(conf.ifname, "a-name-of-16-chr", sizeof(conf.ifname));
	expect_refused(&conf, ERR_INVALID, "ifname", "15");
	str_copy(conf.ifname, "lo", sizeof(conf.ifname));
	expect_refused(&conf, ERR_INVALID, "ifname", "loopback");
	make_pair();
	str_copy(conf.ifname, "x0", sizeof(conf.ifname));
	conf.queues = 5;
	expect_refused(&conf, ERR_INVALID, "queues", "1 receive queues");
	conf.queues = 1;
	conf.mtu = 9000;
	expect_refused(&conf, ERR_INVALID, "mtu", "4074");
	conf.mtu = 1500;
	run("ip link set x0 mtu 9000");
	expect_refused(&conf, ERR_INVALID, "ifname", "MTU of 9000");
	run("ip link set x0 mtu 1500");
	port = open_port(&conf);
	expect_refused(&conf, ERR_IN_USE, "ifname", "XDP program");
	close_port(port);
	remove_pair();
}

static int
start(void **ctx) ROLE_ATTR(no_thread_safety_analysis)
{
	(void)ctx;
	role_enter(&role_main);
	role_enter(&role_worker);
	if (unshare(CLONE_NEWNET) != 0) {
		perror("unshare");
		return -1;
	}
	eal_test_start(256);
	if (grace_init(&grace) != 0) {
		return -1;
	}
	return mbuf_pools_create(&env.pools, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_large_frames),
		cmocka_unit_test(test_bursts_larger_than_the_ring),
		cmocka_unit_test(test_comes_and_goes),
		cmocka_unit_test(test_death),
		cmocka_unit_test(test_peer_here),
		cmocka_unit_test(test_offloads_come_back),
		cmocka_unit_test(test_offloads_of_renamed),
		cmocka_unit_test(test_offloads_after_death),
		cmocka_unit_test(test_peer_elsewhere),
		cmocka_unit_test(test_states),
	};

	return cmocka_run_group_tests_name("af-xdp", tests, start, NULL);
}
