/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may be connected to a port of the native back end, and how connections begin and end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/test_unix.h"
#include "tests/frontend/vhost_user.h"
#include "tests/unit/vhost_bench.h"

#define USUAL (VIRTIO_F_VERSION_1 | NET_F_MRG_RXBUF)

static const struct port_ops *const ops = &port_vhost_ops;

static int
raw_connect(const char *path)
{
	const int fd = test_unix_connect(path);

	assert_true(fd >= 0);
	return fd;
}

static int
raw_listen(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	str_copy(sun.sun_path, path, sizeof(sun.sun_path));
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static bool
is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void
expect_closed(int fd)
{
	assert_true(is_closed(fd));
	assert_int_equal(close(fd), 0);
}

static void
raw_send(int fd, uint32_t request, uint64_t value, uint32_t size)
{
	struct vhost_user_msg msg = {.request = request,
		.flags = VHOST_USER_VERSION,
		.size = size,
		.payload.u64 = value};

	assert_int_equal(vhost_user_send(fd, &msg, NULL, 0), 0);
}

/* The answer to a request without payload. */
static uint64_t
raw_ask(struct bench *bench, int fd, uint32_t request) ON_MAIN
{
	struct vhost_user_msg msg;

	raw_send(fd, request, 0, 0);
	bench_run(bench, 3);
	assert_int_equal(vhost_user_recv(fd, &msg, NULL, NULL, 0), 0);
	assert_int_equal(msg.request, request);
	return msg.payload.u64;
}

static void
test_second_front_end(void **ctx) ON_MAIN
{
	struct bench *bench = *ctx;
	struct port_conf conf = {.queues = 3};
	struct vhost_info info;
	int others[5];
	int first;

	bench_open(bench, &conf);
	first = raw_connect(bench->path);
	assert_int_equal(raw_ask(bench, first, VHOST_USER_GET_QUEUE_NUM), 3);
	bench_wait(bench, PORT_NO_GUEST, "driver has not started");
	for (unsigned int i = 0; i < ARRAY_LEN(others); i++) {
		others[i] = raw_connect(bench->path);
	}
	bench_run(bench, 2);
	for (unsigned int i = 0; i < ARRAY_LEN(others); i++) {
		expect_closed(others[i]);
	}
	assert_int_equal(raw_ask(bench, first, VHOST_USER_GET_QUEUE_NUM), 3);
	vhost_port_info(bench->port, &info);
	assert_int_equal(info.n_connections, 1);
	assert_int_equal(info.n_refused, ARRAY_LEN(others));
	assert_non_null(bench_event(bench, "refused"));
	assert_int_equal(close(first), 0);
	bench_wait(bench, PORT_NO_GUEST, "waiting for a guest");
	bench_close(bench);
}

/* One that has hung up is no reason to refuse the next one, noticed or not. */
static void
test_successor(void **ctx) ON_MAIN
{
	struct bench *bench = *ctx;
	struct port_conf conf = {.queues = 1};
	struct vhost_info info;
	int fd;

	bench_open(bench, &conf);
	for (unsigned int i = 0; i < 20; i++) {
		fd = raw_connect(bench->path);
		bench_step(bench);
		assert_int_equal(close(fd), 0);
	}
	fd = raw_connect(bench->path);
	assert_int_equal(raw_ask(bench, fd, VHOST_USER_GET_QUEUE_NUM), 1);
	vhost_port_info(bench->port, &info);
	assert_int_equal(info.n_connections, 21);
	assert_int_equal(info.n_refused, 0);
	assert_int_equal(info.n_history, VHOST_HISTORY);
	assert_int_equal(info.history[0].until, 0);
	assert_int_equal(info.history[0].pid, getpid());
	assert_int_equal(info.history[0].messages, 1);
	assert_true(info.history[1].until >= info.history[1].since);
	assert_string_equal(info.history[1].end, "the front end closed the connection");
	assert_int_equal(close(fd), 0);
	bench_wait(bench, PORT_NO_GUEST, "waiting for a guest");
	bench_close(bench);
}

/* A guest's memory is not given back while a worker may use it, and the next guest waits. */
static void
test_next_one_waits(void **ctx) ON_MAIN ON_WORKER
{
	struct bench *bench = *ctx;
	struct port_conf conf = {.queues = 1};
	struct vhost_user_msg msg;
	struct pkt pkts[PKT_BURST];
	struct ring_buffer lent;
	struct frontend fe;
	int next;

	bench_open(bench, &conf);
	bench_connect(bench, &fe, USUAL, 1, 0);
	memset(memory_alloc(&fe.memory, 4096, 64), 0, 4096);
	lent = (struct ring_buffer){.gpa = memory_gpa(&fe.memory, fe.memory.base), .len = 1000};
	queue_post(frontend_tx(&fe, 0), &lent, 1);
	bench->stuck = true;
	assert_int_equal(ops->rx_burst(bench->port, 0, pkts, PKT_BURST, &bench->count), 1);
	frontend_close(&fe);
	bench_run(bench, 3);
	next = raw_connect(bench->path);
	raw_send(next, VHOST_USER_GET_QUEUE_NUM, 0, 0);
	bench_run(bench, 3);
	bench_wait(bench, PORT_NO_GUEST, "workers are still busy with the last guest");
	assert_int_equal(vhost_user_recv(next, &msg, NULL, NULL, 0), -ETIMEDOUT);
	ops->rx_release(bench->port, 0, pkts, 1); /* touches the last guest's ring */
	bench->stuck = false;
	bench_run(bench, 5);
	assert_int_equal(vhost_user_recv(next, &msg, NULL, NULL, 0), 0);
	assert_int_equal(msg.payload.u64, 1);
	assert_int_equal(close(next), 0);
	bench_wait(bench, PORT_NO_GUEST, "waiting for a guest");
	bench_close(bench);
}

static void
test_peer_uids(void **ctx) ON_MAIN
{
	struct bench *bench = *ctx;
	const uint32_t own = (uint32_t)geteuid();
	struct port_conf conf = {.queues = 1, .n_peer_uids = 1, .peer_uids = {own + 1}};
	struct vhost_info info;
	int fd;

	bench_open(bench, &conf);
	fd = raw_connect(bench->path);
	bench_run(bench, 2);
	expect_closed(fd);
	vhost_port_info(bench->port, &info);
	assert_int_equal(info.n_connections, 0);
	assert_int_equal(info.n_refused, 1);
	assert_non_null(strstr(info.last_error, "is not among peer-uid"));
	conf.peer_uids[conf.n_peer_uids++] = own;
	assert_int_equal(ops->change(bench->port, &conf, NULL), 0);
	fd = raw_connect(bench->path);
	assert_int_equal(raw_ask(bench, fd, VHOST_USER_GET_QUEUE_NUM), 1);
	assert_int_equal(close(fd), 0);
	bench_wait(bench, PORT_NO_GUEST, "waiting for a guest");
	bench_close(bench);
}

static void
test_violation(void **ctx) ON_MAIN
{
	struct bench *bench = *ctx;
	struct port_conf conf = {.queues = 1};
	int fd;

	bench_open(bench, &conf);
	fd = raw_connect(bench->path);
	raw_send(fd, VHOST_USER_SET_FEATURES, UINT64_MAX, sizeof(uint64_t));
	bench_run(bench, 3);
	expect_closed(fd);
	bench_wait(bench, PORT_NO_GUEST, "the front end was disconnected: SET_FEATURES: ");
	bench_wait(bench, PORT_NO_GUEST, "; waiting for a guest to connect to /tmp/");
	assert_non_null(bench_event(bench, "connection-failed"));
	fd = raw_connect(bench->path);
	bench_run(bench, 2);
	bench_wait(bench, PORT_NO_GUEST, "driver has not started");
	assert_int_equal(close(fd), 0);
	bench_wait(bench, PORT_NO_GUEST, "waiting for a guest");
	bench_close(bench);
}

static void
test_memory_not_shared(void **ctx) ON_MAIN
{
	struct bench *bench = *ctx;
	struct port_conf conf = {.queues = 1};
	uint64_t features;
	int fd;

	bench_open(bench, &conf);
	/* QEMU gives up between the two messages, and stays connected. */
	fd = raw_connect(bench->path);
	features = raw_ask(bench, fd, VHOST_USER_GET_FEATURES);
	raw_send(fd, VHOST_USER_SET_OWNER, 0, 0);
	raw_send(fd, VHOST_USER_SET_FEATURES, features, sizeof(features));
	bench_wait(bench, PORT_NO_GUEST, "starting the device");
	bench_run(bench, 990);
	bench_wait(bench, PORT_NO_GUEST, "starting the device");
	bench_run(bench, 30);
	bench_wait(bench, PORT_NO_GUEST, "share=on");
	/* Others send a table without the files. */
	raw_send(fd, VHOST_USER_SET_MEM_TABLE, 1, 40);
	bench_run(bench, 3);
	expect_closed(fd);
	bench_wait(bench, PORT_NO_GUEST, "share=on");
	fd = raw_connect(bench->path);
	bench_wait(bench, PORT_NO_GUEST, "driver has not started");
	assert_int_equal(close(fd), 0);
	bench_wait(bench, PORT_NO_GUEST, "waiting for a guest");
	bench_close(bench);
}

static int
accept_within(struct bench *bench, int listener, unsigned int steps) ON_MAIN
{
	int fd = -1;

	for (unsigned int i = 0; i < steps && fd < 0; i++) {
		bench_step(bench);
		fd = accept(listener, NULL, NULL);
	}
	return fd;
}

/* It comes back by itself, at first soon, then each second. */
static void
test_client(void **ctx) ON_MAIN
{
	struct bench *bench = *ctx;
	struct port_conf conf = {.queues = 1, .client = true};
	struct vhost_info info;
	int listener;
	int fd;

	str_copy(conf.socket, bench->env.run_dir, sizeof(conf.socket));
	str_append(conf.socket, "/qemu.sock", sizeof(conf.socket));
	bench_open(bench, &conf);
	bench_wait(bench, PORT_NO_GUEST, "client: waiting for /tmp/");
	bench_run(bench, 5000);
	listener = raw_listen(conf.socket);
	fd = accept_within(bench, listener, 1001);
	assert_true(fd >= 0);
	bench_wait(bench, PORT_NO_GUEST, "driver has not started");
	assert_int_equal(raw_ask(bench, fd, VHOST_USER_GET_QUEUE_NUM), 1);
	assert_int_equal(close(fd), 0);
	bench_run(bench, 2);
	bench_wait(bench, PORT_NO_GUEST, "client: waiting for a server to listen");
	assert_int_equal(accept(listener, NULL, NULL), -1);
	fd = accept_within(bench, listener, 102);
	assert_true(fd >= 0);
	/* One that never says a word is asked less and less often. */
	for (unsigned int i = 0; i < 10; i++) {
		assert_int_equal(close(fd), 0);
		fd = accept_within(bench, listener, 1002);
		assert_true(fd >= 0);
	}
	assert_int_equal(close(fd), 0);
	bench_run(bench, 500);
	assert_int_equal(accept(listener, NULL, NULL), -1);
	vhost_port_info(bench->port, &info);
	assert_int_equal(info.n_connections, 12);
	bench_close(bench);
	assert_int_equal(access(conf.socket, F_OK), 0); /* the server's */
	assert_int_equal(close(listener), 0);
	assert_int_equal(unlink(conf.socket), 0);
}

static void
test_change(void **ctx) ON_MAIN
{
	struct bench *bench = *ctx;
	struct port_conf conf = {.queues = 1};
	struct port_conf other;
	struct stat st;
	int fd;

	bench_open(bench, &conf);
	fd = raw_connect(bench->path);
	bench_run(bench, 2);
	conf.permissions = 0600;
	conf.mtu = 9000;
	conf.require_seals = true;
	assert_int_equal(ops->change(bench->port, &conf, NULL), 0);
	assert_int_equal(lstat(bench->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	other = conf;
	other.queues = 2;
	assert_int_equal(ops->change(bench->port, &other, NULL), -EOPNOTSUPP);
	other = conf;
	other.client = true;
	assert_int_equal(ops->change(bench->port, &other, NULL), -EOPNOTSUPP);
	other = conf;
	str_copy(other.backend, "dpdk", sizeof(other.backend));
	assert_int_equal(ops->change(bench->port, &other, NULL), -EOPNOTSUPP);
	assert_int_equal(raw_ask(bench, fd, VHOST_USER_GET_QUEUE_NUM), 1);
	assert_int_equal(close(fd), 0);
	bench_wait(bench, PORT_NO_GUEST, "waiting for a guest");
	bench_close(bench);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		TEST(second_front_end),
		TEST(successor),
		TEST(next_one_waits),
		TEST(peer_uids),
		TEST(violation),
		TEST(memory_not_shared),
		TEST(client),
		TEST(change),
	};
	int rc;

	role_enter(&role_main);
	role_enter(&role_worker);
	rc = cmocka_run_group_tests_name("vhost-link", tests, bench_start, bench_stop);
	role_leave(&role_worker);
	role_leave(&role_main);
	return rc;
}
