/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection of a port: who may have it, what its messages do, how it ends. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/foreign_fd.h"
#include "base/str.h"
#include "ports/vhost/vhost_offers.h"
#include "ports/vhost/vhost_priv.h"

#define BACKOFF_MIN (100 * CLOCK_MS)
#define BACKOFF_MAX (1 * CLOCK_S)
#define ACCEPT_BURST 16 /* for one call of the loop, which others wait for meanwhile */
#define HELD_UP_TOLD 8 /* looks, 2, 4, 8 ... ms apart: half a second is worth a word */
#define SETTLE_MIN (20 * CLOCK_US)
#define SETTLE_MAX (1 * CLOCK_MS)
#define REAP_LATER 64 /* mappings; with more, whoever makes them waits until they are unmapped */
#define REAP_PAUSE (10 * CLOCK_MS)

static uint64_t
wall_clock(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * CLOCK_S + (uint64_t)ts.tv_nsec;
}

/* --- what takes a grace period --------------------------------------------------------------- */

static void
arm_settle(struct vhost_link *link) ON_MAIN
{
	if (link->settle_step == 0) {
		link->settle_step = SETTLE_MIN;
		reactor_arm(link->reactor, link->settle, link->settle_step);
	}
}

/* May the front end go on? Not while workers hold what was before, nor with too much to unmap: the
 * kernel has a limit of mappings, which is that of all ports together. */
static bool
settled(struct vhost_port *vp) ON_MAIN
{
	return vu_device_settled(&vp->device) && vp->device.reaper.n <= REAP_LATER;
}

static void
send_reply(struct vhost_link *link, const struct vu_reply *reply) ON_MAIN
{
	if (reply->wanted) {
		vu_conn_send(link->conn, &reply->msg, reply->fd);
	}
}

static void
finish_late(struct vhost_port *vp) ON_MAIN
{
	struct vu_reply reply = {.fd = -1};

	vp->link.busy = false;
	vu_request_finish(&vp->device, &vp->link.late, &reply);
	send_reply(&vp->link, &reply);
}

/* A front end that was accepted early has the device to itself now. */
static void
begin_connection(struct vhost_port *vp) ON_MAIN
{
	struct vhost_link *link = &vp->link;

	vp->device.offers = vhost_offers(&vp->conf);
	vp->device.require_seals = vp->conf.require_seals;
	if (vu_device_begin(&vp->device) != 0) {
		vu_conn_fail(link->conn, "out of memory");
		return;
	}
	link->begun = true;
}

/* Nothing that workers may hold is left over; go on with what waited for it. */
static void
on_settled(struct vhost_port *vp) ON_MAIN
{
	struct vhost_link *link = &vp->link;

	if (link->conn != NULL && link->busy) {
		finish_late(vp);
	} else if (link->conn != NULL && !link->begun) {
		begin_connection(vp);
	}
	if (link->conn != NULL) { /* neither has ended it */
		vu_conn_resume(link->conn);
	}
	if (!vu_device_settled(&vp->device)) {
		arm_settle(link);
	}
}

static void
on_settle_timer(void *arg)
{
	struct vhost_port *vp = arg;
	struct vhost_link *link = &vp->link;

	role_assert(&role_main);
	if (!vu_device_settled(&vp->device)) {
		link->settle_step = link->settle_step * 2;
		if (link->settle_step > SETTLE_MAX) {
			link->settle_step = SETTLE_MAX;
		}
		reactor_arm(link->reactor, link->settle, link->settle_step);
		return;
	}
	if (!settled(vp)) {
		(void)gmem_reap(&vp->device.reaper);
		reactor_arm(link->reactor, link->settle, REAP_PAUSE);
		return;
	}
	link->settle_step = 0;
	on_settled(vp);
}

/* --- messages -------------------------------------------------------------------------------- */

static void
on_announce(void *arg, uint64_t mac)
{
	struct vhost_port *vp = arg;

	atomic_store_explicit(&vp->announce, mac | VHOST_ANNOUNCE_PENDING, memory_order_relaxed);
}

static const struct vu_request_ops request_ops = {.announce = on_announce};

static void
note_running(struct vhost_port *vp) ON_MAIN
{
	for (uint16_t i = 0; i < vp->device.n_rings && !vp->link.ran; i++) {
		vp->link.ran = vu_device_ring_view(&vp->device, i) != NULL;
	}
}

static bool
wants_memory(const struct vu_msg *msg)
{
	return msg->request == VU_SET_MEM_TABLE || msg->request == VU_ADD_MEM_REG;
}

static void
on_message(void *arg, struct vu_msg *msg)
{
	struct vhost_port *vp = arg;
	struct vhost_link *link = &vp->link;
	const bool fileless = wants_memory(msg) && msg->n_fds == 0;
	struct vu_reply reply = {.fd = -1};
	struct err err = ERR_INIT;

	role_assert(&role_main);
	link->backoff = BACKOFF_MIN; /* whoever speaks is there */
	switch (vu_request_run(&vp->device, &request_ops, vp, msg, &reply, &err)) {
	case VU_DONE:
		send_reply(link, &reply);
		break;
	case VU_LATER:
		link->late = *msg;
		link->late.n_fds = 0;
		link->busy = true;
		if (settled(vp)) {
			finish_late(vp);
		} else {
			vu_conn_pause(link->conn);
			arm_settle(link); /* now: it may have settled by the look below */
		}
		break;
	case VU_REFUSED:
		str_copy(link->last_error, err.text, sizeof(link->last_error));
		vhost_event(vp, "request-refused", -1, "%s", err.text);
		send_reply(link, &reply);
		break;
	case VU_VIOLATION:
		link->memory_refused = fileless;
		vu_conn_fail(link->conn, "%s", err.text);
		break;
	}
	note_running(vp);
	if (!vu_device_settled(&vp->device)) {
		arm_settle(link);
	}
}

/* --- begin and end --------------------------------------------------------------------------- */

static void
history_begin(struct vhost_link *link, const struct vu_peer *peer)
{
	memmove(&link->history[1], &link->history[0],
		(VHOST_HISTORY - 1) * sizeof(link->history[0]));
	link->history[0] = (struct vhost_connection_info){
		.since = wall_clock(),
		.pid = (uint32_t)peer->pid,
		.uid = (uint32_t)peer->uid,
	};
	if (link->n_history < VHOST_HISTORY) {
		link->n_history++;
	}
}

static void
history_end(struct vhost_link *link, const char *why) ON_MAIN
{
	struct vhost_connection_info *last = &link->history[0];

	last->until = wall_clock();
	last->messages = vu_conn_messages(link->conn);
	str_copy(last->end, why[0] != '\0' ? why : "the front end closed the connection",
		sizeof(last->end));
	str_copy(link->lost, why, sizeof(link->lost));
	if (why[0] != '\0') {
		str_copy(link->last_error, why, sizeof(link->last_error));
	}
}

static void
arm_retry(struct vhost_link *link) ON_MAIN
{
	reactor_arm(link->reactor, link->retry, link->backoff);
	link->backoff = link->backoff * 2 < BACKOFF_MAX ? link->backoff * 2 : BACKOFF_MAX;
}

static void
on_closed(void *arg, const char *why)
{
	struct vhost_port *vp = arg;
	struct vhost_link *link = &vp->link;

	role_assert(&role_main);
	history_end(link, why);
	if (why[0] != '\0') {
		vhost_event(vp, "connection-failed", -1, "the front end was disconnected: %s", why);
	} else {
		vhost_event(vp, "guest-disconnected", -1, "the front end closed the connection");
	}
	vu_conn_free(link->conn);
	link->conn = NULL;
	link->busy = false;
	link->ran = false;
	link->memory_missing = false;
	link->features_since = 0;
	memset(vp->fault_told, 0, sizeof(vp->fault_told));
	if (link->begun) {
		link->begun = false;
		vu_device_end(&vp->device);
		if (!vu_device_settled(&vp->device)) {
			arm_settle(link);
		}
	}
	if (vp->conf.client) {
		arm_retry(link);
	}
}

static const struct vu_conn_ops conn_ops = {.message = on_message, .closed = on_closed};

static void
refuse(struct vhost_port *vp, const char *why) ON_MAIN
{
	struct vhost_link *link = &vp->link;

	link->n_refused++;
	str_copy(link->last_error, why, sizeof(link->last_error));
	/* A peer that tries again and again must not fill the log. */
	if ((link->n_refused & (link->n_refused - 1)) == 0) {
		vhost_event(
			vp, "refused", -1, "%s (%" PRIu64 " refused so far)", why, link->n_refused);
	}
}

/* Must the next connection wait until what the last one left behind is closed? */
static bool
held_up(struct vhost_port *vp) ON_MAIN
{
	static const char why[] = "waiting to close what the last front end passed: descriptors "
				  "that are neither memory nor eventfds";
	struct vhost_link *link = &vp->link;

	if (!foreign_fd_pending(vp)) {
		link->held_up = 0;
		return false;
	}
	if (link->held_up < HELD_UP_TOLD && ++link->held_up == HELD_UP_TOLD) {
		str_copy(link->last_error, why, sizeof(link->last_error));
		vhost_event(vp, "refused", -1, "%s", why);
	}
	return true;
}

static bool
peer_may(const struct port_conf *conf, uid_t uid)
{
	for (uint16_t i = 0; i < conf->n_peer_uids; i++) {
		if (conf->peer_uids[i] == uid) {
			return true;
		}
	}
	return conf->n_peer_uids == 0;
}

/* Take the connected socket; false: it is closed again. */
static bool
take_connection(struct vhost_port *vp, int fd) ON_MAIN
{
	struct vhost_link *link = &vp->link;
	struct vu_peer peer;
	char why[160] = "";

	link->conn = vu_conn_create(link->reactor, fd, &conn_ops, vp);
	if (link->conn == NULL) {
		refuse(vp, "out of memory for a connection");
		return false;
	}
	vu_conn_peer(link->conn, &peer);
	if (!peer_may(&vp->conf, peer.uid)) {
		vu_conn_free(link->conn);
		link->conn = NULL;
		(void)str_appendf(why, sizeof(why), "process %d of user %u is not among peer-uid",
			(int)peer.pid, (unsigned int)peer.uid);
		refuse(vp, why);
		return false;
	}
	link->n_connections++;
	link->memory_refused = false;
	link->lost[0] = '\0';
	history_begin(link, &peer);
	vhost_event(vp, "guest-connected", -1, "process %d of user %u on %s", (int)peer.pid,
		(unsigned int)peer.uid, vp->path);
	if (settled(vp)) {
		begin_connection(vp);
	} else {
		vu_conn_pause(link->conn);
		arm_settle(link);
	}
	return link->conn != NULL;
}

/* --- server ---------------------------------------------------------------------------------- */

static void
accept_one(struct vhost_port *vp, int fd) ON_MAIN
{
	struct vhost_link *link = &vp->link;

	/* One that has hung up may not have been noticed yet; this one takes its place. */
	if (link->conn != NULL && vu_conn_hung_up(link->conn)) {
		vu_conn_fail(link->conn, "%s", "");
	}
	if (link->conn != NULL) {
		foreign_fd_hang_up(vp, fd);
		refuse(vp, "a second front end on the socket");
		return;
	}
	(void)take_connection(vp, fd);
}

/* Accept nothing before link->retry. */
static void
rest(struct vhost_link *link, uint64_t ns) ON_MAIN
{
	reactor_rewatch(link->reactor, link->accepting, 0);
	reactor_arm(link->reactor, link->retry, ns);
}

static void
on_acceptable(void *arg, unsigned int events)
{
	struct vhost_port *vp = arg;
	struct vhost_link *link = &vp->link;

	(void)events;
	role_assert(&role_main);
	for (unsigned int i = 0; i < ACCEPT_BURST; i++) {
		if (held_up(vp)) {
			rest(link, CLOCK_MS << link->held_up);
			return;
		}
		int fd = unix_socket_accept(&link->listener);

		if (fd >= 0) {
			accept_one(vp, fd);
		} else if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM) {
			/* Waiting for the peer would not wait at all. */
			rest(link, BACKOFF_MAX);
			return;
		} else if (fd == -EAGAIN) {
			return;
		}
	}
}

/* --- client ---------------------------------------------------------------------------------- */

static void
try_connect(struct vhost_port *vp) ON_MAIN
{
	int fd = held_up(vp) ? -EAGAIN : unix_socket_connect(vp->path);

	if (fd < 0 || !take_connection(vp, fd)) {
		arm_retry(&vp->link);
	}
}

static void
on_retry(void *arg)
{
	struct vhost_port *vp = arg;
	struct vhost_link *link = &vp->link;

	role_assert(&role_main);
	if (!vp->conf.client) {
		reactor_rewatch(link->reactor, link->accepting, REACTOR_READ);
	} else if (link->conn == NULL) {
		try_connect(vp);
	}
}

/* --- the port's ------------------------------------------------------------------------------ */

static void
free_timers(struct vhost_link *link) ON_MAIN
{
	reactor_unwatch(link->reactor, link->accepting);
	reactor_timer_free(link->reactor, link->retry);
	reactor_timer_free(link->reactor, link->settle);
	link->accepting = NULL;
	link->retry = NULL;
	link->settle = NULL;
}

static int
listen_on(struct vhost_port *vp, struct err *err) ON_MAIN
{
	struct vhost_link *link = &vp->link;
	int rc = unix_socket_listen(&vp->conf, vp->path, &link->listener, err);

	if (rc != 0) {
		return rc;
	}
	link->accepting =
		reactor_watch(link->reactor, link->listener.fd, REACTOR_READ, on_acceptable, vp);
	if (link->accepting == NULL) {
		unix_socket_unlisten(&link->listener, vp->path);
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	return 0;
}

int
vhost_link_open(struct vhost_port *vp, struct reactor *reactor, struct err *err)
{
	struct vhost_link *link = &vp->link;
	int rc = 0;

	link->reactor = reactor;
	link->listener.fd = -1;
	link->backoff = BACKOFF_MIN;
	link->retry = reactor_timer(reactor, on_retry, vp);
	link->settle = reactor_timer(reactor, on_settle_timer, vp);
	if (link->retry == NULL || link->settle == NULL) {
		rc = err_set(err, ERR_LIMIT, NULL, "out of memory");
	} else if (!vp->conf.client) {
		rc = listen_on(vp, err);
	}
	if (rc != 0) {
		free_timers(link);
		return rc;
	}
	if (vp->conf.client) {
		try_connect(vp);
	}
	return 0;
}

/* Those that nobody accepted may have sent descriptors. After shutdown(2) no more can connect. */
static void
hang_up_waiting(struct vhost_port *vp) ON_MAIN
{
	int fd;

	(void)shutdown(vp->link.listener.fd, SHUT_RDWR);
	while ((fd = unix_socket_accept(&vp->link.listener)) >= 0) {
		foreign_fd_hang_up(vp, fd);
	}
}

void
vhost_link_close(struct vhost_port *vp)
{
	struct vhost_link *link = &vp->link;

	free_timers(link);
	if (link->listener.fd >= 0) {
		hang_up_waiting(vp);
		unix_socket_unlisten(&link->listener, vp->path);
	}
	vu_conn_free(link->conn);
	link->conn = NULL;
}

void
vhost_link_fail(struct vhost_port *vp, const char *why)
{
	if (vp->link.conn != NULL) {
		vu_conn_fail(vp->link.conn, "%s", why);
	}
}
