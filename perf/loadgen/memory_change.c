/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/loadgen/memory_change.h"

#include <errno.h>
#include <string.h>

#include "perf/loadgen/cycles.h"
#include "tests/frontend/vhost_user.h"

#define EXTRA_SIZE (UINT64_C(2) << 20)
/* Far above the first region, as where QEMU plugs memory. */
#define EXTRA_GPA (MEMORY_GPA + (UINT64_C(1) << 40))
#define LOOK_S 2e-6 /* between looks for an acknowledgement: a look is a system call */
#define PATIENCE_S 5.0
#define END_MS 100

int
memory_change_init(struct memory_change *change, struct frontend *fe, const struct options *options,
	double hz, struct err *err)
{
	const uint64_t needed = VHOST_USER_PROTOCOL_F_REPLY_ACK |
		(options->memory_change == MEMORY_CHANGE_SLOTS
				? VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS
				: 0);

	*change = (struct memory_change){
		.fe = fe,
		.kind = options->memory_change,
		.extra = {.fd = -1},
		.interval = (uint64_t)(options->memory_change_ms * 1e-3 * hz),
		.look_interval = (uint64_t)(LOOK_S * hz),
		.patience = (uint64_t)(PATIENCE_S * hz),
	};
	if ((fe->protocol_features & needed) != needed) {
		return err_set(err, ERR_UNSUPPORTED, NULL,
			"--memory-change: the switch has no protocol feature %#llx",
			(unsigned long long)(needed & ~fe->protocol_features));
	}
	const int rc = memory_init(&change->extra, EXTRA_SIZE, MEMORY_SMALL, err);
	if (rc == 0) {
		memory_seal(&change->extra);
	}
	return rc;
}

void
memory_change_fini(struct memory_change *change)
{
	memory_fini(&change->extra);
}

void
memory_change_begin(struct memory_change *change, uint64_t now)
{
	change->turn = change->frame = now;
	change->due = now + change->interval;
}

static struct vhost_user_region
extra_region(const struct memory_change *change)
{
	return (struct vhost_user_region){
		.gpa = EXTRA_GPA,
		.size = change->extra.size,
		.user_addr = (uintptr_t)change->extra.base,
	};
}

/* The table as it is to be. */
static int
send_table(const struct memory_change *change)
{
	const int fds[] = {change->fe->memory.fd, change->extra.fd};
	const unsigned int n = change->there ? 2 : 1;
	struct vhost_user_msg msg = {
		.request = VHOST_USER_SET_MEM_TABLE,
		.flags = VHOST_USER_VERSION | VHOST_USER_NEED_REPLY,
		.size = 8 + n * (uint32_t)sizeof(struct vhost_user_region),
	};

	msg.payload.memory.n_regions = n;
	msg.payload.memory.regions[0] = frontend_region(change->fe, 0);
	msg.payload.memory.regions[1] = extra_region(change);
	return vhost_user_send(change->fe->socket, &msg, fds, n);
}

static int
send_slot(const struct memory_change *change)
{
	struct vhost_user_msg msg = {
		.request = change->there ? VHOST_USER_ADD_MEM_REG : VHOST_USER_REM_MEM_REG,
		.flags = VHOST_USER_VERSION | VHOST_USER_NEED_REPLY,
		.size = sizeof(msg.payload.slot),
	};

	msg.payload.slot.region = extra_region(change);
	return vhost_user_send(change->fe->socket, &msg, &change->extra.fd, change->there ? 1 : 0);
}

/* The times of the change that is over. */
static void
keep(struct memory_change *change)
{
	histogram_add(&change->gaps, change->longest, 1);
	histogram_add(&change->absences, change->away, 1);
}

static int
begin_change(struct memory_change *change, uint64_t now, struct err *err)
{
	int rc = 0;

	if (change->begun > 0) {
		keep(change);
	}
	change->begun++;
	change->longest = 0;
	change->away = 0;
	change->due = now + change->interval;
	if (change->kind == MEMORY_CHANGE_WATCH) {
		return 0;
	}
	change->there = !change->there;
	change->asked = now;
	rc = change->kind == MEMORY_CHANGE_SLOTS ? send_slot(change) : send_table(change);
	if (rc != 0) {
		return err_set(err, ERR_FAILED, NULL, "--memory-change: %s", strerror(-rc));
	}
	change->waiting = true;
	change->look = now;
	return 0;
}

static int
take_answer(struct memory_change *change, uint64_t now, int timeout_ms, struct err *err)
{
	struct vhost_user_msg msg;
	const int rc = vhost_user_recv(change->fe->socket, &msg, NULL, NULL, timeout_ms);

	if (rc == -ETIMEDOUT && now - change->asked < change->patience) {
		change->look = now + change->look_interval;
		return 0;
	}
	if (rc != 0) {
		return err_set(
			err, ERR_FAILED, NULL, "--memory-change: no answer: %s", strerror(-rc));
	}
	if (msg.size != sizeof(uint64_t) || msg.payload.u64 != 0) {
		return err_set(err, ERR_FAILED, NULL, "--memory-change: the switch refused %s",
			vhost_user_name(msg.request));
	}
	change->waiting = false;
	histogram_add(&change->answers, now - change->asked, 1);
	return 0;
}

int
memory_change_turn(struct memory_change *change, uint64_t now, unsigned int frames, struct err *err)
{
	const uint64_t away = now - change->turn;

	change->turn = now;
	change->away = away > change->away ? away : change->away;
	if (frames > 0) {
		const uint64_t gap = now - change->frame;

		change->frame = now;
		change->longest = gap > change->longest ? gap : change->longest;
	}
	if (change->waiting) {
		return now >= change->look ? take_answer(change, now, 0, err) : 0;
	}
	return now >= change->due ? begin_change(change, now, err) : 0;
}

int
memory_change_end(struct memory_change *change, struct err *err)
{
	int rc = 0;

	while (rc == 0 && change->waiting) {
		rc = take_answer(change, cycles_now(), END_MS, err);
	}
	if (rc == 0 && change->begun > 0) {
		keep(change);
	}
	return rc;
}
