/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost_dpdk/vhost_priv.h"

#include <assert.h>
#include <inttypes.h>
#include <linux/virtio_net.h>
#include <pthread.h>
#include <rte_vhost.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "ports/unix_socket.h"

LOG_MODULE("vhost");

#define VIDS_MAX 1024 /* RTE_MAX_VHOST_DEVICE of librte_vhost */
#define GRACE_STEP_US 50

/* vhost-user protocol (QEMU, docs/interop/vhost-user.rst): requests that we look at. */
enum {
	REQ_SET_FEATURES = 2,
	REQ_SET_MEM_TABLE = 5,
	REQ_GET_QUEUE_NUM = 17,
	REQ_SET_INFLIGHT_FD = 32
};

/* Front of a message as the library hands it to the hooks; the payload follows. */
struct msg_front {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
	uint64_t value;
} __attribute__((packed));

/*
 * librte_vhost calls back with a device number or a path, never with a pointer of ours. A port is
 * found by path when a connection is made, then by number.
 */
static struct {
	pthread_mutex_t lock;
	struct vhost_port *ports;
	unsigned int n;
	_Atomic(struct vhost_port *) by_vid[VIDS_MAX];
} registry = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct vhost_port *
port_by_vid(int vid)
{
	return vid < 0 || vid >= VIDS_MAX ? NULL : atomic_load(&registry.by_vid[vid]);
}

static struct vhost_port *
port_by_path(const char *path)
{
	struct vhost_port *vp;

	pthread_mutex_lock(&registry.lock);
	for (vp = registry.ports; vp != NULL; vp = vp->next) {
		if (strcmp(vp->path, path) == 0) {
			break;
		}
	}
	pthread_mutex_unlock(&registry.lock);
	return vp;
}

static void
forget_rings(struct vhost_port *vp)
{
	atomic_store(&vp->n_tx_map, 0);
	for (unsigned int i = 0; i < VHOST_RINGS_MAX; i++) {
		atomic_store(&vp->enabled[i], false);
		atomic_store(&vp->notify_off[i], false);
	}
}

/* What the peer asked for so far; runs with the library's ring locks held, so it only notes. */
static enum rte_vhost_msg_result
before_msg(int vid, void *data)
{
	struct vhost_port *vp = port_by_vid(vid);
	struct msg_front *msg = data;

	if (vp == NULL || atomic_load(&vp->conn_vid) != vid) {
		return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
	}
	switch (msg->request) {
	case REQ_SET_FEATURES:
		if (atomic_load(&vp->phase) != VHOST_RUNNING) {
			atomic_store(&vp->phase, VHOST_FEATURES);
		}
		break;
	case REQ_SET_MEM_TABLE:
		atomic_store(&vp->memory_asked, true);
		break;
	case REQ_GET_QUEUE_NUM:
		/* The library would promise 128 pairs, and a guest would send on pairs that nobody
		 * polls. */
		msg->value = vp->port.n_rxq;
		msg->size = sizeof(msg->value);
		return RTE_VHOST_MSG_RESULT_REPLY;
	case REQ_SET_INFLIGHT_FD:
		/* Never negotiated; the handler trusts its numbers. */
		return RTE_VHOST_MSG_RESULT_ERR;
	default:
		break;
	}
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

/* Not called for a message that failed. */
static enum rte_vhost_msg_result
after_msg(int vid, void *data)
{
	struct vhost_port *vp = port_by_vid(vid);
	const struct msg_front *msg = data;

	if (vp != NULL && atomic_load(&vp->conn_vid) == vid && msg->request == REQ_SET_MEM_TABLE) {
		atomic_store(&vp->memory_asked, false);
		if (atomic_load(&vp->phase) != VHOST_RUNNING) {
			atomic_store(&vp->phase, VHOST_MEMORY);
		}
	}
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static const struct rte_vhost_user_extern_ops msg_hooks = {
	.pre_msg_handle = before_msg,
	.post_msg_handle = after_msg,
};

static void
refuse_second(struct vhost_port *vp)
{
	uint32_t n = atomic_fetch_add(&vp->n_refused, 1) + 1;

	/* A peer that tries again every second must not fill the log. */
	if ((n & (n - 1)) == 0) {
		log_warn("port %s: refused a second front end on %s (%" PRIu32 " so far)",
			vp->port.name, vp->path, n);
	}
}

static int
new_connection(int vid)
{
	char path[PATH_MAX] = "";
	struct vhost_port *vp;

	if (vid < 0 || vid >= VIDS_MAX || rte_vhost_get_ifname(vid, path, sizeof(path)) != 0) {
		return -1;
	}
	vp = port_by_path(path);
	if (vp == NULL || atomic_load(&vp->closing)) {
		return -1;
	}
	/* One that has hung up may not have been noticed yet; this one takes its place. */
	if (atomic_load(&vp->conn_vid) >= 0 && unix_socket_alive(vp->path) > 1) {
		refuse_second(vp);
		return -1;
	}
	if (rte_vhost_extern_callback_register(vid, &msg_hooks, NULL) != 0) {
		return -1;
	}
	forget_rings(vp);
	atomic_store(&registry.by_vid[vid], vp);
	atomic_store(&vp->conn_vid, vid);
	atomic_store(&vp->memory_asked, false);
	atomic_store(&vp->memory_refused, false);
	atomic_store(&vp->phase, VHOST_CONNECTED);
	log_info("port %s: front end connected on %s", vp->port.name, vp->path);
	return 0;
}

static void
destroy_connection(int vid)
{
	struct vhost_port *vp = port_by_vid(vid);

	if (vp == NULL) {
		return;
	}
	atomic_store(&registry.by_vid[vid], NULL);
	if (atomic_load(&vp->conn_vid) != vid) {
		return; /* a successor has connected */
	}
	atomic_store(&vp->memory_refused, atomic_load(&vp->memory_asked));
	atomic_store(&vp->phase, VHOST_DETACHED);
	forget_rings(vp);
	atomic_store(&vp->conn_vid, -1);
	log_info("port %s: front end gone from %s", vp->port.name, vp->path);
}

static uint32_t
caps_of(uint64_t features)
{
	uint32_t caps = PORT_CAP_TX_HASH;

	/* What the library writes for UDP segments is virtio's older UFO: not ours to send. */
	if ((features & (1ULL << VIRTIO_NET_F_GUEST_CSUM)) != 0) {
		caps |= PORT_CAP_CSUM;
		caps |= (features & (1ULL << VIRTIO_NET_F_GUEST_TSO4)) != 0 ? PORT_CAP_TSO4 : 0;
		caps |= (features & (1ULL << VIRTIO_NET_F_GUEST_TSO6)) != 0 ? PORT_CAP_TSO6 : 0;
	}
	return caps;
}

/* Take the device from the workers; when this returns none is using it. */
static void
detach(struct vhost_port *vp)
{
	uint64_t token;

	atomic_store(&vp->vid, -1);
	token = grace_start(vp->grace);
	while (!atomic_load(&vp->closing) && !grace_passed(vp->grace, token)) {
		(void)usleep(GRACE_STEP_US);
	}
	log_notice("port %s: guest detached", vp->port.name);
}

static int
new_device(int vid)
{
	struct vhost_port *vp = port_by_vid(vid);
	uint64_t features = 0;

	if (vp == NULL || atomic_load(&vp->conn_vid) != vid ||
		rte_vhost_get_negotiated_features(vid, &features) != 0) {
		return -1;
	}
	if (atomic_load(&vp->vid) >= 0) {
		detach(vp); /* of a predecessor whose end the library has not noticed yet */
	}
	__atomic_store_n(&vp->port.caps, caps_of(features), __ATOMIC_RELAXED);
	atomic_fetch_add(&vp->n_attached, 1);
	atomic_store(&vp->phase, VHOST_RUNNING);
	atomic_store_explicit(&vp->vid, vid, memory_order_release);
	log_notice("port %s: guest attached, features %#" PRIx64 ", %u of %u queues enabled",
		vp->port.name, features, atomic_load(&vp->n_tx_map), vp->port.n_txq);
	return 0;
}

/* When this returns the library frees the device. */
static void
destroy_device(int vid)
{
	struct vhost_port *vp = port_by_vid(vid);

	if (vp == NULL || atomic_load(&vp->vid) != vid) {
		return;
	}
	if (atomic_load(&vp->conn_vid) == vid) {
		atomic_store(&vp->phase, VHOST_STOPPED_BY_GUEST);
	}
	detach(vp);
}

/* Runs with the library's ring locks held: no call back into it from here. */
static int
vring_state_changed(int vid, uint16_t ring, int enable)
{
	struct vhost_port *vp = port_by_vid(vid);
	uint16_t n = 0;

	if (vp == NULL || atomic_load(&vp->conn_vid) != vid || ring >= 2 * vp->port.n_rxq) {
		return 0;
	}
	atomic_store(&vp->notify_off[ring], enable != 0);
	atomic_store(&vp->enabled[ring], enable != 0);
	for (uint16_t q = 0; q < vp->port.n_txq; q++) {
		if (atomic_load(&vp->enabled[2 * q])) {
			atomic_store(&vp->tx_map[n++], (uint8_t)q);
		}
	}
	atomic_store_explicit(&vp->n_tx_map, n, memory_order_release);
	return 0;
}

static const struct rte_vhost_device_ops device_ops = {
	.new_device = new_device,
	.destroy_device = destroy_device,
	.vring_state_changed = vring_state_changed,
	.new_connection = new_connection,
	.destroy_connection = destroy_connection,
};

static int
registry_add(struct vhost_port *vp, struct err *err)
{
	int rc = 0;

	pthread_mutex_lock(&registry.lock);
	for (const struct vhost_port *other = registry.ports; other != NULL; other = other->next) {
		if (strcmp(other->path, vp->path) == 0) {
			rc = err_set(err, ERR_IN_USE, "socket", "port '%s' uses '%s' already",
				other->port.name, vp->path);
		}
	}
	if (rc == 0 && registry.n == VHOST_PORTS_MAX) {
		rc = err_set(err, ERR_LIMIT, NULL,
			"librte_vhost serves at most %d sockets (MAX_VHOST_SOCKET): use "
			"backend=native",
			VHOST_PORTS_MAX);
	}
	if (rc == 0) {
		vp->next = registry.ports;
		registry.ports = vp;
		registry.n++;
	}
	pthread_mutex_unlock(&registry.lock);
	return rc;
}

static void
registry_del(struct vhost_port *vp)
{
	struct vhost_port **link = &registry.ports;

	pthread_mutex_lock(&registry.lock);
	while (*link != vp) {
		assert(*link != NULL);
		link = &(*link)->next;
	}
	*link = vp->next;
	registry.n--;
	pthread_mutex_unlock(&registry.lock);
}

static int
set_features(struct vhost_port *vp)
{
	uint64_t protocol = 0;

	/* UFO is not UDP segmentation as Linux knows it today; nothing else here can cut it. */
	return rte_vhost_driver_disable_features(vp->path,
		       (1ULL << VIRTIO_NET_F_HOST_UFO) | (1ULL << VIRTIO_NET_F_GUEST_UFO)) != 0 ||
			rte_vhost_driver_get_protocol_features(vp->path, &protocol) != 0 ||
			rte_vhost_driver_set_protocol_features(vp->path,
				protocol & ~(1ULL << VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD)) != 0
		? -1
		: 0;
}

int
vhost_events_start(struct vhost_port *vp, struct err *err)
{
	uint64_t flags = RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS;
	int rc = registry_add(vp, err);

	if (rc != 0) {
		return rc;
	}
	if (vp->conf.client) {
		flags |= RTE_VHOST_USER_CLIENT;
	}
	if (rte_vhost_driver_register(vp->path, flags) != 0) {
		registry_del(vp);
		return err_set(err, ERR_FAILED, "socket", "librte_vhost refused '%s'", vp->path);
	}
	if (set_features(vp) != 0 ||
		rte_vhost_driver_callback_register(vp->path, &device_ops) != 0 ||
		rte_vhost_driver_start(vp->path) != 0) {
		vhost_events_stop(vp);
		return err_set(
			err, ERR_FAILED, "socket", "librte_vhost could not start '%s'", vp->path);
	}
	return 0;
}

void
vhost_events_stop(struct vhost_port *vp)
{
	atomic_store(&vp->closing, true);
	(void)rte_vhost_driver_unregister(vp->path);
	/* Unregistering destroys the devices but reports no end of their connections. */
	for (int vid = 0; vid < VIDS_MAX; vid++) {
		if (atomic_load(&registry.by_vid[vid]) == vp) {
			atomic_store(&registry.by_vid[vid], NULL);
		}
	}
	registry_del(vp);
}
