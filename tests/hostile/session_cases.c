/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole connections: floods, silence, half a message, too many of them, ends at any moment. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/test_unix.h"
#include "tests/hostile/attack.h"
#include "tests/hostile/cases.h"

#define SCRIPT_MAX 32u

/* The messages of a good start, for those who do not get to its end. */
struct script {
	unsigned int n;
	struct vhost_user_msg messages[SCRIPT_MAX];
	int fds[SCRIPT_MAX]; /* -1: none */
};

static void
add(struct script *script, struct vhost_user_msg msg, int fd)
{
	script->messages[script->n] = msg;
	script->fds[script->n++] = fd;
}

static struct vhost_user_msg
message_empty(uint32_t request)
{
	return (struct vhost_user_msg){.request = request, .flags = VHOST_USER_VERSION};
}

static void
make_script(const struct attack *attack, struct script *script)
{
	struct vhost_user_msg table = message_u64(VHOST_USER_SET_MEM_TABLE, 1);

	table.size = 8 + sizeof(struct vhost_user_region);
	table.payload.memory.regions[0] = frontend_region(&attack->fe, 0);
	script->n = 0;
	add(script, message_empty(VHOST_USER_GET_FEATURES), -1);
	add(script, message_empty(VHOST_USER_GET_PROTOCOL_FEATURES), -1);
	add(script, message_u64(VHOST_USER_SET_PROTOCOL_FEATURES, attack->fe.protocol_features),
		-1);
	add(script, message_empty(VHOST_USER_SET_OWNER), -1);
	add(script, message_u64(VHOST_USER_SET_FEATURES, attack->fe.features), -1);
	add(script, table, attack->fe.memory.fd);
	for (unsigned int i = 0; i < 2; i++) {
		const struct frontend_queue *queue = &attack->fe.queues[i];
		add(script, message_state(VHOST_USER_SET_VRING_NUM, i, ATTACK_RING), -1);
		add(script, message_state(VHOST_USER_SET_VRING_BASE, i, 0), -1);
		add(script, message_addr(attack, i), -1);
		add(script, message_u64(VHOST_USER_SET_VRING_CALL, i), queue->call);
		add(script, message_u64(VHOST_USER_SET_VRING_KICK, i), queue->kick);
		add(script, message_state(VHOST_USER_SET_VRING_ENABLE, i, 1), -1);
	}
}

/* Send `n` whole messages and `bytes` of the next one. */
static void
play(int socket, const struct script *script, unsigned int n, unsigned int bytes)
{
	for (unsigned int i = 0; i <= n && i < script->n; i++) {
		const struct vhost_user_msg *msg = &script->messages[i];
		const size_t size = i < n ? VHOST_USER_HEADER_SIZE + msg->size : bytes;
		if (size > 0) {
			(void)vhost_user_send_raw(
				socket, msg, size, &script->fds[i], script->fds[i] >= 0);
		}
	}
}

/* Behind a message, and within: header or payload, their first and last bytes. */
static bool
worth_a_cut(unsigned int bytes, unsigned int size)
{
	return bytes <= 1 ||
		(bytes >= VHOST_USER_HEADER_SIZE - 1 && bytes <= VHOST_USER_HEADER_SIZE + 1) ||
		bytes == size - 1;
}

/* The connection ends within and behind each message of a start. */
static bool
cut(struct attack *attack, unsigned int flags)
{
	struct script script;

	if (!attack_open(attack, flags)) {
		return false;
	}
	make_script(attack, &script);
	/* The script's descriptors stay ours; its first user must go, or the port is taken. */
	(void)close(attack->fe.socket);
	attack->fe.socket = -1;
	for (unsigned int i = 0; i < script.n; i++) {
		const unsigned int size = VHOST_USER_HEADER_SIZE + script.messages[i].size;
		for (unsigned int bytes = 0; bytes < size; bytes++) {
			const int fd =
				worth_a_cut(bytes, size) ? test_unix_connect(attack->socket) : -2;
			if (fd == -2) {
				continue;
			}
			if (fd < 0) {
				return attack_fail(attack, "connect: %s", strerror(errno));
			}
			play(fd, &script, i, bytes);
			(void)close(fd);
		}
	}
	return true;
}

/* A whole start, a little traffic, and the end without a word; many times. */
static bool
cut_traffic(struct attack *attack, unsigned int flags)
{
	for (unsigned int i = 0; i < 30; i++) {
		if (!attack_open(attack, i % 2 == 0 ? flags : flags | ATTACK_PACKED)) {
			return false;
		}
		attack_pump_for(attack, 1 + i % 5);
		(void)attack_pump(attack, 64);
		attack_close(attack);
	}
	return true;
}

static bool
half_message(struct attack *attack, unsigned int flags)
{
	const struct vhost_user_msg msg = message_u64(VHOST_USER_SET_FEATURES, 0);

	if (!attack_connect(attack, flags)) {
		return false;
	}
	attack_send(attack, &msg, VHOST_USER_HEADER_SIZE, NULL, 0);
	return attack_others_served(attack) && attack_closed(attack, 4000);
}

static bool
slow_drip(struct attack *attack, unsigned int flags)
{
	const struct vhost_user_msg msg = message_u64(VHOST_USER_SET_FEATURES, 0);

	if (!attack_connect(attack, flags)) {
		return false;
	}
	for (unsigned int i = 0; i < VHOST_USER_HEADER_SIZE + 7 && i < 16; i++) {
		attack_send(attack, (const char *)&msg + i, 1, NULL, 0);
		(void)usleep(150000);
		if (i == 4 && !attack_others_served(attack)) {
			return false;
		}
	}
	return attack_closed(attack, 3000);
}

/* As many questions as the socket takes, and no answer is read. */
static bool
unread_answers(struct attack *attack, unsigned int flags)
{
	const uint64_t end = clock_now() + CLOCK_S / 2;
	struct vhost_user_msg msgs[64];
	char bytes[sizeof(msgs)];
	size_t size = 0;

	if (!attack_connect(attack, flags)) {
		return false;
	}
	for (unsigned int i = 0; i < 64; i++) {
		msgs[i] = message_empty(VHOST_USER_GET_FEATURES);
		memcpy(bytes + size, &msgs[i], VHOST_USER_HEADER_SIZE);
		size += VHOST_USER_HEADER_SIZE;
	}
	(void)fcntl(attack->fe.socket, F_SETFL, O_NONBLOCK);
	while (clock_now() < end) {
		attack_send(attack, bytes, size, NULL, 0);
	}
	return attack_others_served(attack);
}

/* The same, but the answers are read: main has other things to do than to answer. */
static void
flood_body(struct attack *attack)
{
	char bytes[65536];

	for (unsigned int i = 0; i < 64; i++) {
		const struct vhost_user_msg msg = message_empty(VHOST_USER_GET_FEATURES);
		attack_message(attack, &msg, NULL, 0);
	}
	(void)recv(attack->fe.socket, bytes, sizeof(bytes), MSG_DONTWAIT);
}

static bool
message_flood(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags) || !attack_start_thread(attack, flood_body)) {
		return false;
	}
	(void)usleep(300000);
	uint64_t ns = 0;
	struct err err = ERR_INIT;
	bool good = attack_others_served(attack);
	if (daemon_ping(attack->daemon, &ns, &err) != 0 || ns > CLOCK_S / 2) {
		good = attack_fail(attack, "the daemon answered after %llu ms",
			(unsigned long long)(ns / CLOCK_MS));
	}
	attack_stop_thread(attack);
	return good;
}

static void
enable_body(struct attack *attack)
{
	static _Thread_local uint32_t turn;
	const struct vhost_user_msg msg =
		message_state(VHOST_USER_SET_VRING_ENABLE, turn / 2 % 2, turn % 2);

	turn++;
	attack_message(attack, &msg, NULL, 0);
}

static void
call_body(struct attack *attack)
{
	struct vhost_user_msg msg = message_u64(VHOST_USER_SET_VRING_CALL, 1);

	attack_message(attack, &msg, &attack->fe.queues[1].call, 1);
	msg = message_u64(VHOST_USER_SET_VRING_KICK, 1);
	attack_message(attack, &msg, &attack->fe.queues[1].kick, 1);
}

static bool
under_traffic(struct attack *attack, unsigned int flags, void (*body)(struct attack *attack))
{
	if (!attack_open(attack, flags) || !attack_start_thread(attack, body)) {
		return false;
	}
	attack_pump_for(attack, 400);
	attack_stop_thread(attack);
	return true;
}

static bool
enable_storm(struct attack *attack, unsigned int flags)
{
	return under_traffic(attack, flags, enable_body);
}

static bool
call_storm(struct attack *attack, unsigned int flags)
{
	return under_traffic(attack, flags, call_body);
}

static void
reset_body(struct attack *attack)
{
	static _Thread_local unsigned int turn;
	const struct vhost_user_msg msgs[] = {
		message_u64(VHOST_USER_SET_STATUS, 15),
		message_empty(VHOST_USER_RESET_DEVICE),
		message_u64(VHOST_USER_SET_STATUS, 0),
		message_u64(VHOST_USER_SET_FEATURES, attack->fe.features),
		message_empty(VHOST_USER_RESET_OWNER),
		message_state(VHOST_USER_SET_VRING_ENABLE, 0, 1),
	};

	attack_message(attack, &msgs[turn++ % 6], NULL, 0);
}

static bool
reset_storm(struct attack *attack, unsigned int flags)
{
	return under_traffic(attack, flags, reset_body);
}

/* Stopped and started again, whole rings, under traffic of the others. */
static bool
restart_storm(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	for (unsigned int i = 0; i < 60; i++) {
		if (!attack_restart_rings(attack)) {
			return false;
		}
		(void)attack_pump(attack, 32);
	}
	return attack_passes(attack, 8);
}

/* Ten thousand connections, each gone at once; every tenth has begun to talk. */
static bool
connects(struct attack *attack, unsigned int flags)
{
	const struct vhost_user_msg msg = message_empty(VHOST_USER_GET_FEATURES);

	(void)flags;
	for (unsigned int i = 0; i < 10000; i++) {
		const int fd = test_unix_connect(attack->socket);
		if (fd < 0) {
			return attack_fail(attack, "connect %u: %s", i, strerror(errno));
		}
		if (i % 10 == 0) {
			(void)vhost_user_send(fd, &msg, NULL, 0);
		}
		(void)close(fd);
	}
	return attack_others_served(attack);
}

/* Hundreds at the same time: one is served, the others are not kept. */
static bool
many_at_once(struct attack *attack, unsigned int flags)
{
	int fds[500];
	unsigned int n = 0;

	if (!attack_open(attack, flags)) {
		return false;
	}
	for (; n < 500; n++) {
		fds[n] = test_unix_connect(attack->socket);
		if (fds[n] < 0) {
			break;
		}
	}
	const bool good = attack_passes(attack, 8) && attack_others_served(attack);
	for (unsigned int i = 0; i < n; i++) {
		(void)close(fds[i]);
	}
	return good;
}

/* A second front end takes nothing from the first. */
static bool
second_front_end(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	const struct vhost_user_msg msg = message_empty(VHOST_USER_GET_FEATURES);
	struct vhost_user_msg answer;
	for (unsigned int i = 0; i < 20; i++) {
		const int fd = test_unix_connect(attack->socket);
		(void)vhost_user_send(fd, &msg, NULL, 0);
		const int rc = vhost_user_recv(fd, &answer, NULL, NULL, 1000);
		(void)close(fd);
		if (rc == 0 || rc == -ETIMEDOUT) {
			return attack_fail(attack, "a second front end is %s",
				rc == 0 ? "served" : "kept waiting");
		}
	}
	return attack_passes(attack, 8) && attack_answered(attack);
}

static int
plain_listen(struct attack *attack, int backlog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)unlink(attack->socket);
	if (fd < 0 || !str_copy(address.sun_path, attack->socket, sizeof(address.sun_path)) ||
		bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
		listen(fd, backlog) != 0) {
		(void)attack_fail(attack, "listen: %s", strerror(errno));
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* The port connects to the attacker, which hangs up, says nothing, or the half of something. */
static bool
bad_server(struct attack *attack, unsigned int flags)
{
	const struct vhost_user_msg msg = message_u64(VHOST_USER_SET_FEATURES, 0);
	const int fd = plain_listen(attack, 8);

	(void)flags;
	if (fd < 0) {
		return false;
	}
	for (unsigned int i = 0; i < 3; i++) {
		const int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (i % 3 == 1) {
			(void)usleep(100000);
		} else if (i % 3 == 2) {
			(void)vhost_user_send_raw(peer, &msg, 15, NULL, 0);
		}
		(void)close(peer);
	}
	(void)close(fd);
	(void)unlink(attack->socket);
	return attack_others_served(attack);
}

/* Nobody accepts, and the queue of the socket is full: connect(2) would wait. */
static bool
full_backlog(struct attack *attack, unsigned int flags)
{
	const int fd = plain_listen(attack, 0);
	int held = -1;

	(void)flags;
	if (fd < 0) {
		return false;
	}
	held = test_unix_connect(attack->socket);
	(void)usleep(500000);
	const bool good = attack_others_served(attack);
	(void)close(held);
	(void)close(fd);
	(void)unlink(attack->socket);
	return good;
}

/* There is something else where the socket should be. */
static bool
no_socket(struct attack *attack, unsigned int flags)
{
	(void)flags;
	(void)unlink(attack->socket);
	if (symlink("/dev/zero", attack->socket) != 0) {
		return attack_fail(attack, "symlink: %s", strerror(errno));
	}
	(void)usleep(300000);
	(void)unlink(attack->socket);
	return attack_others_served(attack);
}

const struct hostile_case session_cases[] = {
	{"cut-start", "the connection ends within and behind each message of a start", cut, 0,
		NULL},
	{"cut-traffic", "the front end is gone in the middle of traffic", cut_traffic, 0, NULL},
	{"half-message", "a header, and then silence", half_message, 0, "SET_FEATURES|message"},
	{"slow-drip", "a message byte by byte", slow_drip, 0, "message"},
	{"unread-answers", "questions without end, and no answer is read", unread_answers, 0, NULL},
	{"message-flood", "questions without end", message_flood, 0, NULL},
	{"enable-storm", "rings enabled and disabled under traffic", enable_storm, 0, NULL},
	{"descriptor-storm", "new kick and call descriptors under traffic", call_storm, 0, NULL},
	{"reset-storm", "resets and status changes under traffic", reset_storm, 0, NULL},
	{"restart-storm", "rings stopped and started again", restart_storm, 0, NULL},
	{"restart-storm-packed", "the same with packed rings", restart_storm, ATTACK_PACKED, NULL},
	{"connects", "10,000 connections", connects, 0, NULL},
	{"many-at-once", "500 connections at the same time", many_at_once, 0, NULL},
	{"second-front-end", "another front end on a port that has one", second_front_end, 0, NULL},
	{"bad-server", "a port in mode client: its server hangs up or says half of something",
		bad_server, ATTACK_LISTENS, NULL},
	{"full-backlog", "its server does not accept", full_backlog, ATTACK_LISTENS, NULL},
	{"no-socket", "its server's socket is a device", no_socket, ATTACK_LISTENS, NULL},
	{0},
};
