/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/frontend/frontend.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

/* virtio 1.2 section 2.1: acknowledge, driver, features-ok and driver-ok. */
#define STATUS_DRIVER_OK 15u

static int client_connect(const char *path, uint64_t end);
static int server_accept(const char *path, int timeout_ms);
static int check_queue_count(struct frontend *fe, struct err *err);
static int init_memory(struct frontend *fe, const struct frontend_config *config, struct err *err);
static int queue_init(struct frontend *fe, unsigned int index);
static void queue_fini(struct frontend_queue *queue);
static int tell_u64(struct frontend *fe, uint32_t request, uint64_t value, struct err *err);
static int
tell_state(struct frontend *fe, uint32_t request, uint32_t index, uint32_t num, struct err *err);

int
frontend_open(struct frontend *fe, const struct frontend_config *config, struct err *err)
{
	int rc = frontend_connect(fe, config, err);

	if (rc == 0) {
		rc = frontend_negotiate(fe, err);
	}
	if (rc == 0) {
		rc = frontend_start(fe, err);
	}
	if (rc != 0) {
		frontend_close(fe);
	}
	return rc;
}

int
frontend_open_local(struct frontend *fe, const struct frontend_config *config, struct err *err)
{
	int rc = init_memory(fe, config, err);

	if (rc == 0) {
		fe->features = config->features;
		rc = frontend_init_queues(fe, err);
	}
	if (rc != 0) {
		frontend_close(fe);
	}
	return rc;
}

int
frontend_connect(struct frontend *fe, const struct frontend_config *config, struct err *err)
{
	const int timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : VHOST_USER_TIMEOUT_MS;
	const int rc = init_memory(fe, config, err);

	if (rc != 0) {
		return rc;
	}
	const int fd = config->server
		? server_accept(config->path, timeout_ms)
		: client_connect(config->path, clock_now() + (uint64_t)timeout_ms * CLOCK_MS);
	if (fd < 0) {
		(void)err_set(err, ERR_FAILED, NULL, "%s: %s", config->path, strerror(-fd));
		return fd;
	}
	fe->socket = fd;
	return 0;
}

int
frontend_negotiate(struct frontend *fe, struct err *err)
{
	struct vhost_user_msg msg = {.request = VHOST_USER_GET_FEATURES};
	int rc = vhost_user_ask(fe->socket, &msg, err);

	if (rc != 0) {
		return rc;
	}
	fe->offered = msg.payload.u64;
	uint64_t wanted = fe->config.features;
	if (fe->config.n_pairs > 1) {
		/* Section 5.1.3.1: MQ requires CTRL_VQ, which no switch asks for. */
		wanted |= NET_F_MQ;
		fe->config.optional |= NET_F_CTRL_VQ;
	}
	if ((wanted & ~fe->offered) != 0) {
		return err_set(err, ERR_UNSUPPORTED, NULL,
			"the back end offers features %#llx and lacks %#llx",
			(unsigned long long)fe->offered,
			(unsigned long long)(wanted & ~fe->offered));
	}
	fe->features = wanted | (fe->config.optional & fe->offered);
	if ((fe->offered & VHOST_USER_F_PROTOCOL_FEATURES) != 0) {
		fe->features |= VHOST_USER_F_PROTOCOL_FEATURES;
		msg = (struct vhost_user_msg){.request = VHOST_USER_GET_PROTOCOL_FEATURES};
		rc = vhost_user_ask(fe->socket, &msg, err);
		if (rc != 0) {
			return rc;
		}
		fe->protocol_features = msg.payload.u64 &
			(VHOST_USER_PROTOCOL_F_MQ | VHOST_USER_PROTOCOL_F_REPLY_ACK |
				fe->config.protocol);
		rc = tell_u64(fe, VHOST_USER_SET_PROTOCOL_FEATURES, fe->protocol_features, err);
	}
	if (rc == 0 && fe->config.n_pairs > 1) {
		rc = check_queue_count(fe, err);
	}
	if (rc != 0) {
		return rc;
	}
	msg = (struct vhost_user_msg){.request = VHOST_USER_SET_OWNER};
	rc = vhost_user_tell(fe->socket, &msg, NULL, 0, false, err);
	if (rc != 0) {
		return rc;
	}
	return tell_u64(fe, VHOST_USER_SET_FEATURES, fe->features, err);
}

int
frontend_start(struct frontend *fe, struct err *err)
{
	int rc = frontend_init_queues(fe, err);

	if (rc == 0) {
		rc = frontend_send_memory(fe, err);
	}
	for (unsigned int i = 0; rc == 0 && i < fe->n_queues; i++) {
		rc = frontend_start_queue(fe, i, err);
	}
	/* Spec, "Ring states": rings start disabled only when protocol features are negotiated. */
	const bool enable = (fe->features & VHOST_USER_F_PROTOCOL_FEATURES) != 0;
	for (unsigned int i = 0; rc == 0 && enable && i < fe->n_queues; i++) {
		rc = frontend_enable_queue(fe, i, true, err);
	}
	/* Spec, SET_STATUS: with it negotiated, the back end may wait for DRIVER_OK. */
	if (rc == 0 && (fe->protocol_features & VHOST_USER_PROTOCOL_F_STATUS) != 0) {
		rc = tell_u64(fe, VHOST_USER_SET_STATUS, STATUS_DRIVER_OK, err);
	}
	return rc;
}

int
frontend_send_memory(struct frontend *fe, struct err *err)
{
	struct vhost_user_msg msg = {.request = VHOST_USER_SET_MEM_TABLE};
	const unsigned int n = fe->config.n_regions > 0 ? fe->config.n_regions : 1;
	const bool ack = (fe->protocol_features & VHOST_USER_PROTOCOL_F_REPLY_ACK) != 0;
	int fds[VHOST_USER_MAX_FDS];
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && fe->config.slots && i < n; i++) {
		msg = (struct vhost_user_msg){
			.request = VHOST_USER_ADD_MEM_REG,
			.size = sizeof(msg.payload.slot),
		};
		msg.payload.slot.region = frontend_region(fe, i);
		rc = vhost_user_tell(fe->socket, &msg, &fe->memory.fd, 1, ack, err);
	}
	if (fe->config.slots) {
		return rc;
	}
	assert(n <= VHOST_USER_MAX_FDS);
	msg.size = 8 + n * (uint32_t)sizeof(struct vhost_user_region);
	msg.payload.memory.n_regions = n;
	for (unsigned int i = 0; i < n; i++) {
		msg.payload.memory.regions[i] = frontend_region(fe, i);
		fds[i] = fe->memory.fd;
	}
	return vhost_user_tell(fe->socket, &msg, fds, n, ack, err);
}

struct vhost_user_region
frontend_region(const struct frontend *fe, unsigned int i)
{
	const unsigned int n = fe->config.n_regions > 0 ? fe->config.n_regions : 1;
	const size_t page = fe->memory.huge ? MEMORY_HUGE_SIZE : 4096;
	const size_t each = fe->memory.size / n & ~(page - 1);

	assert(i < n && each > 0);
	return (struct vhost_user_region){
		.gpa = MEMORY_GPA + i * each,
		.size = i == n - 1 ? fe->memory.size - i * each : each,
		.user_addr = (uintptr_t)fe->memory.base + i * each,
		.mmap_offset = i * each,
	};
}

int
frontend_start_queue(struct frontend *fe, unsigned int index, struct err *err)
{
	const struct frontend_queue *queue = &fe->queues[index];
	struct vhost_user_msg msg = {
		.request = VHOST_USER_SET_VRING_ADDR,
		.size = sizeof(struct vhost_user_addr),
		.payload.addr.index = index,
	};
	uint32_t base = 0;

	if (queue->is_packed) {
		msg.payload.addr.desc = (uintptr_t)queue->ring.packed.desc;
		msg.payload.addr.avail = (uintptr_t)queue->ring.packed.driver;
		msg.payload.addr.used = (uintptr_t)queue->ring.packed.device;
		base = packed_ring_base(&queue->ring.packed);
	} else {
		msg.payload.addr.desc = (uintptr_t)queue->ring.split.desc;
		msg.payload.addr.avail = (uintptr_t)queue->ring.split.avail;
		msg.payload.addr.used = (uintptr_t)queue->ring.split.used;
	}
	int rc = tell_state(fe, VHOST_USER_SET_VRING_NUM, index, fe->config.ring_size, err);
	if (rc == 0) {
		rc = tell_state(fe, VHOST_USER_SET_VRING_BASE, index, base, err);
	}
	if (rc == 0) {
		rc = vhost_user_tell(fe->socket, &msg, NULL, 0, false, err);
	}
	const uint32_t requests[] = {VHOST_USER_SET_VRING_CALL, VHOST_USER_SET_VRING_KICK};
	const int fds[] = {queue->call, queue->kick};
	for (unsigned int i = 0; rc == 0 && i < ARRAY_LEN(fds); i++) {
		msg = (struct vhost_user_msg){.request = requests[i], .size = 8};
		msg.payload.u64 = index;
		rc = vhost_user_tell(fe->socket, &msg, &fds[i], 1, false, err);
	}
	return rc;
}

int
frontend_enable_queue(struct frontend *fe, unsigned int index, bool enable, struct err *err)
{
	return tell_state(fe, VHOST_USER_SET_VRING_ENABLE, index, enable, err);
}

int
frontend_init_queues(struct frontend *fe, struct err *err)
{
	for (unsigned int i = 0; i < 2 * fe->config.n_pairs; i++) {
		const int rc = queue_init(fe, i);
		if (rc != 0) {
			(void)err_set(err, ERR_FAILED, NULL, "queue %u: %s", i, strerror(-rc));
			return rc;
		}
	}
	return 0;
}

int
frontend_stop(struct frontend *fe, struct err *err)
{
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < fe->n_queues; i++) {
		if ((fe->features & VHOST_USER_F_PROTOCOL_FEATURES) != 0) {
			rc = frontend_enable_queue(fe, i, false, err);
		}
	}
	for (unsigned int i = 0; rc == 0 && i < fe->n_queues; i++) {
		struct vhost_user_msg msg = {
			.request = VHOST_USER_GET_VRING_BASE,
			.size = sizeof(struct vhost_user_state),
			.payload.state = {.index = i},
		};
		rc = vhost_user_ask(fe->socket, &msg, err);
		fe->queues[i].stopped_base = msg.payload.state.num;
	}
	return rc;
}

void
frontend_close(struct frontend *fe)
{
	if (fe->socket >= 0) {
		(void)close(fe->socket);
		fe->socket = -1;
	}
	for (unsigned int i = 0; i < fe->n_queues; i++) {
		queue_fini(&fe->queues[i]);
	}
	fe->n_queues = 0;
	memory_fini(&fe->memory);
}

bool
frontend_alive(const struct frontend *fe)
{
	struct pollfd wait = {.fd = fe->socket, .events = POLLRDHUP};

	return poll(&wait, 1, 0) == 0;
}

void
queue_post(struct frontend_queue *queue, const struct ring_buffer *buffers, unsigned int n)
{
	bool kick;

	if (queue->is_packed) {
		packed_ring_post(&queue->ring.packed, buffers, n);
		kick = packed_ring_wants_kick(&queue->ring.packed);
	} else {
		split_ring_post(&queue->ring.split, buffers, n);
		kick = split_ring_wants_kick(&queue->ring.split);
	}
	if (kick) {
		queue_kick(queue);
	}
}

void
queue_kick(struct frontend_queue *queue)
{
	(void)eventfd_write(queue->kick, 1);
	queue->kicks++;
	queue->owed = 0;
}

bool
queue_all_used(const struct frontend_queue *queue)
{
	return queue->is_packed ? packed_ring_all_used(&queue->ring.packed)
				: split_ring_pending(&queue->ring.split) == 0;
}

/* Try until the back end listens, or until `end`. */
static int
client_connect(const char *path, uint64_t end)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (!str_copy(address.sun_path, path, sizeof(address.sun_path))) {
		return -ENAMETOOLONG;
	}
	for (;;) {
		const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0) {
			return -errno;
		}
		if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
			return fd;
		}
		const int rc = -errno;
		(void)close(fd);
		if ((rc != -ENOENT && rc != -ECONNREFUSED) || clock_now() > end) {
			return rc;
		}
		(void)usleep(20000);
	}
}

/* Listen at `path`, which must be free or a dead socket, for one connection. */
static int
server_accept(const char *path, int timeout_ms)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int peer = -1;

	if (!str_copy(address.sun_path, path, sizeof(address.sun_path))) {
		return -ENAMETOOLONG;
	}
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return -errno;
	}
	(void)unlink(path);
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
		listen(fd, 1) != 0) {
		peer = -errno;
	} else if (poll(&wait, 1, timeout_ms) != 1) {
		peer = -ETIMEDOUT;
	} else {
		peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		peer = peer < 0 ? -errno : peer;
	}
	(void)close(fd);
	(void)unlink(path);
	return peer;
}

static int
check_queue_count(struct frontend *fe, struct err *err)
{
	struct vhost_user_msg msg = {.request = VHOST_USER_GET_QUEUE_NUM};

	if ((fe->protocol_features & VHOST_USER_PROTOCOL_F_MQ) == 0) {
		return err_set(err, ERR_UNSUPPORTED, NULL, "the back end has one queue pair only");
	}
	const int rc = vhost_user_ask(fe->socket, &msg, err);
	if (rc == 0 && msg.payload.u64 < fe->config.n_pairs) {
		return err_set(err, ERR_UNSUPPORTED, NULL,
			"%u queue pairs asked for, the back end has %llu", fe->config.n_pairs,
			(unsigned long long)msg.payload.u64);
	}
	return rc;
}

static int
init_memory(struct frontend *fe, const struct frontend_config *config, struct err *err)
{
	assert(config->n_pairs > 0 && config->n_pairs <= FRONTEND_MAX_PAIRS);
	*fe = (struct frontend){.config = *config, .socket = -1, .memory = {.fd = -1}};
	fe->config.path = NULL;
	const size_t split = split_ring_memory(config->ring_size);
	const size_t packed = packed_ring_memory(config->ring_size);
	const size_t rings = 2 * (size_t)config->n_pairs * (split > packed ? split : packed);

	const int rc = memory_init(&fe->memory, rings + config->buffer_memory, config->pages, err);
	if (rc == 0 && !config->unsealed) {
		memory_seal(&fe->memory);
	}
	return rc;
}

static int
queue_init(struct frontend *fe, unsigned int index)
{
	struct frontend_queue *queue = &fe->queues[index];
	const bool device_writes = index % 2 == 0;

	*queue = (struct frontend_queue){
		.is_packed = (fe->features & VIRTIO_F_RING_PACKED) != 0,
		.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	fe->n_queues = index + 1;
	if (queue->kick < 0 || queue->call < 0) {
		return -EMFILE;
	}
	return queue->is_packed ? packed_ring_init(&queue->ring.packed, &fe->memory,
					  fe->config.ring_size, device_writes)
				: split_ring_init(&queue->ring.split, &fe->memory,
					  fe->config.ring_size, device_writes);
}

static void
queue_fini(struct frontend_queue *queue)
{
	if (queue->kick >= 0) {
		(void)close(queue->kick);
	}
	if (queue->call >= 0) {
		(void)close(queue->call);
	}
	queue->kick = -1;
	queue->call = -1;
}

static int
tell_u64(struct frontend *fe, uint32_t request, uint64_t value, struct err *err)
{
	struct vhost_user_msg msg = {.request = request, .size = 8};

	msg.payload.u64 = value;
	return vhost_user_tell(fe->socket, &msg, NULL, 0, false, err);
}

static int
tell_state(struct frontend *fe, uint32_t request, uint32_t index, uint32_t num, struct err *err)
{
	struct vhost_user_msg msg = {
		.request = request,
		.size = sizeof(struct vhost_user_state),
		.payload.state = {.index = index, .num = num},
	};

	return vhost_user_tell(fe->socket, &msg, NULL, 0, false, err);
}
