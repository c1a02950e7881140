/* SPDX-License-Identifier: BSD-3-Clause */
/* Kick and call descriptors that are no eventfds, are full, block, or never stop. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/test_linger.h"
#include "tests/hostile/attack.h"
#include "tests/hostile/cases.h"

#define KINDS 11u
#define STOP_US 5000 /* until all threads of a process have stopped */

/* The descriptor to hand over, and another end to keep (-1: none). All of them block. */
static int
make_fd(unsigned int kind, int *keep)
{
	int pair[2] = {-1, -1};

	*keep = -1;
	switch (kind) {
	case 0: /* the reading end of an empty pipe */
		(void)pipe2(pair, O_CLOEXEC);
		*keep = pair[1];
		return pair[0];
	case 1: /* the writing end of a full one */
		(void)pipe2(pair, O_CLOEXEC);
		(void)fcntl(pair[1], F_SETFL, O_NONBLOCK);
		for (char bytes[4096] = {0}; write(pair[1], bytes, sizeof(bytes)) > 0;) {
		}
		(void)fcntl(pair[1], F_SETFL, 0);
		*keep = pair[0];
		return pair[1];
	case 2: /* a pipe that nobody reads: SIGPIPE */
		(void)pipe2(pair, O_CLOEXEC);
		(void)close(pair[0]);
		return pair[1];
	case 3: /* a socket whose peer has gone */
		(void)socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
		(void)close(pair[0]);
		return pair[1];
	case 4:
		return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	case 5:
		return open("/dev/zero", O_RDWR | O_CLOEXEC);
	case 6:
		return epoll_create1(EPOLL_CLOEXEC);
	case 7:
		return inotify_init1(IN_CLOEXEC);
	case 8:
		return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	case 9: /* full, and writing blocks */
		*keep = eventfd(0, EFD_CLOEXEC);
		(void)eventfd_write(*keep, UINT64_MAX - 1);
		return fcntl(*keep, F_DUPFD_CLOEXEC, 0);
	default: /* a regular file */
		return memfd_create("no-eventfd", MFD_CLOEXEC);
	}
}

/* The guest wants an interrupt for every buffer. */
static void
want_calls(struct attack *attack)
{
	for (unsigned int i = 0; i < 2; i++) {
		if (attack->fe.queues[i].is_packed) {
			attack->fe.queues[i].ring.packed.driver->flags = PACKED_EVENT_ENABLE;
		} else {
			attack->fe.queues[i].ring.split.avail->flags = 0;
		}
	}
}

static bool
odd_fds(struct attack *attack, unsigned int flags, uint32_t request)
{
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		int keep;
		if (!attack_open(attack, flags)) {
			return false;
		}
		want_calls(attack);
		const int fd = make_fd(kind, &keep);
		for (unsigned int ring = 0; ring < 2; ring++) {
			const struct vhost_user_msg msg = message_u64(request, ring);
			attack_message(attack, &msg, &fd, 1);
		}
		attack_pump_for(attack, 60);
		uint64_t ns = 0;
		struct err err = ERR_INIT;
		const bool good =
			daemon_ping(attack->daemon, &ns, &err) == 0 && attack_others_served(attack);
		attack_close(attack);
		(void)close(fd);
		if (keep >= 0) {
			(void)close(keep);
		}
		if (!good) {
			return attack_fail(attack, "%s with descriptor %u of the list: %s",
				vhost_user_name(request), kind, err.text);
		}
	}
	return true;
}

static bool
odd_calls(struct attack *attack, unsigned int flags)
{
	return odd_fds(attack, flags, VHOST_USER_SET_VRING_CALL);
}

static bool
odd_kicks(struct attack *attack, unsigned int flags)
{
	return odd_fds(attack, flags, VHOST_USER_SET_VRING_KICK);
}

static bool
odd_errs(struct attack *attack, unsigned int flags)
{
	return odd_fds(attack, flags, VHOST_USER_SET_VRING_ERR);
}

/*
 * The call eventfd is one when it is handed over, and is made full and blocking then: O_NONBLOCK
 * belongs to the file, which the guest has too.
 */
static void
fill_body(struct attack *attack)
{
	for (unsigned int i = 0; i < 2; i++) {
		const int fd = attack->fe.queues[i].call;
		eventfd_t value;
		(void)fcntl(fd, F_SETFL, O_NONBLOCK);
		(void)eventfd_read(fd, &value);
		(void)eventfd_write(fd, UINT64_MAX - 1);
		(void)fcntl(fd, F_SETFL, 0);
	}
}

static bool
full_later(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	want_calls(attack);
	attack_pump_for(attack, 20);
	fill_body(attack);
	attack_pump_for(attack, 300);
	return attack_others_served(attack);
}

/* Descriptors whose close(2) waits for us: some are read by the daemon, some are not any more. */
static bool
lingering(struct attack *attack, unsigned int flags)
{
	static const uint32_t requests[] = {VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_CALL,
		VHOST_USER_SET_MEM_TABLE, VHOST_USER_SET_LOG_FD, VHOST_USER_SET_OWNER};

	for (unsigned int i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		const struct vhost_user_msg msg = message_u64(requests[i], 0);
		struct err err = ERR_INIT;
		struct test_linger linger;
		uint64_t ns = 0;

		if (!attack_open(attack, flags)) {
			return false;
		}
		test_linger_make(&linger);
		/* Its descriptor is to be the last, so ours goes before it can look. */
		(void)kill(attack->daemon->pid, SIGSTOP);
		(void)usleep(STOP_US);
		for (unsigned int n = 0; n < 4; n++) {
			attack_message(attack, &msg, &linger.fd, 1);
		}
		test_linger_end_ours(&linger);
		(void)kill(attack->daemon->pid, SIGCONT);
		const bool closed = attack_closed(attack, 1000);
		const bool good =
			daemon_ping(attack->daemon, &ns, &err) == 0 && attack_others_served(attack);
		attack_close(attack);
		test_linger_end(&linger);
		if (!closed || !good || ns > CLOCK_S / 2) {
			return attack_fail(attack, "%s with a socket that lingers: %llu ms, %s",
				vhost_user_name(requests[i]), (unsigned long long)(ns / CLOCK_MS),
				err.text);
		}
	}
	return true;
}

/* The same as a race: emptied and filled at any time. */
static bool
full_race(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	want_calls(attack);
	if (!attack_start_thread(attack, fill_body)) {
		return false;
	}
	attack_pump_for(attack, 500);
	attack_stop_thread(attack);
	return attack_others_served(attack);
}

static void
kick_body(struct attack *attack)
{
	for (unsigned int i = 0; i < 64; i++) {
		(void)eventfd_write(attack->fe.queues[i % 2].kick, 1);
	}
}

static bool
kick_storm(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags) || !attack_start_thread(attack, kick_body)) {
		return false;
	}
	(void)usleep(300000);
	bool good = attack_others_served(attack);
	uint64_t ns = 0;
	struct err err = ERR_INIT;
	if (daemon_ping(attack->daemon, &ns, &err) != 0 || ns > CLOCK_S / 2) {
		good = attack_fail(attack, "the daemon answered after %llu ms",
			(unsigned long long)(ns / CLOCK_MS));
	}
	attack_stop_thread(attack);
	return good;
}

/* A kick that is always ready: main must not spend its time on it. */
static bool
always_ready(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	const int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	int pair[2];
	(void)socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
	(void)close(pair[0]);
	for (unsigned int i = 0; i < 2; i++) {
		const struct vhost_user_msg msg = message_u64(VHOST_USER_SET_VRING_KICK, i);
		attack_message(attack, &msg, i == 0 ? &fd : &pair[1], 1);
	}
	const uint64_t before = daemon_main_cpu_ms(attack->daemon);
	(void)usleep(400000);
	const uint64_t took = daemon_main_cpu_ms(attack->daemon) - before;
	(void)close(fd);
	(void)close(pair[1]);
	return took < 200 ||
		attack_fail(attack, "main was busy for %llu of 400 ms", (unsigned long long)took);
}

/* No descriptor at all, where one should be: the ring is polled. */
static bool
polled(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	for (unsigned int i = 0; i < 2; i++) {
		struct vhost_user_msg msg =
			message_u64(VHOST_USER_SET_VRING_CALL, i | VHOST_USER_VRING_NO_FD);
		attack_message(attack, &msg, NULL, 0);
		msg = message_u64(VHOST_USER_SET_VRING_ERR, i | VHOST_USER_VRING_NO_FD);
		attack_message(attack, &msg, NULL, 0);
		msg = message_u64(VHOST_USER_SET_VRING_KICK, i | VHOST_USER_VRING_NO_FD);
		attack_message(attack, &msg, NULL, 0);
	}
	return attack_passes(attack, 8);
}

#define P ATTACK_PACKED

const struct hostile_case notify_cases[] = {
	{"odd-calls", "call descriptors that are no eventfd, or a full one", odd_calls, 0,
		"eventfd"},
	{"odd-calls-packed", "the same, packed", odd_calls, P, "eventfd"},
	{"odd-kicks", "kick descriptors that are no eventfd, or a full one", odd_kicks, 0,
		"eventfd"},
	{"odd-errors", "the same for error descriptors", odd_errs, 0, "eventfd"},
	{"full-call", "a call eventfd that blocks once it is in use", full_later, 0, NULL},
	{"lingering", "descriptors whose closing waits for the front end", lingering, 0,
		"neither memory"},
	{"full-call-race", "a call eventfd that is filled and emptied at any time", full_race, 0,
		NULL},
	{"kick-storm", "kicks without end", kick_storm, 0, NULL},
	{"always-ready", "kick descriptors that are always readable", always_ready, 0, "eventfd"},
	{"polled", "no kick and call descriptors at all, which is legal", polled, 0, NULL},
	{0},
};
