/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that are truncated under the switch: memory, log and in-flight area. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/frontend/shared_area.h"
#include "tests/hostile/attack.h"
#include "tests/hostile/cases.h"

/* The attacker's own accesses must survive it: only the file shrinks that the switch has. */
static bool
truncate_memory(struct attack *attack, off_t size)
{
	return ftruncate(attack->fe.memory.fd, size) == 0 ||
		attack_fail(attack, "the attacker's memory cannot be truncated");
}

static bool
idle(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	(void)usleep(50000);
	if (!truncate_memory(attack, 0)) {
		return false;
	}
	/* Not through the memory: it is gone here too. */
	for (unsigned int i = 0; i < 50; i++) {
		queue_kick(&attack->fe.queues[1]);
		(void)usleep(1000);
	}
	return true;
}

/* The rings stay, the buffers go: what is posted points into nothing. */
static bool
buffers_gone(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	const struct chain_piece piece =
		attack_piece(attack, attack_frame(attack, ATTACK_PUMP, 1000), 1012);
	const off_t keep = (attack->rx - attack->fe.memory.base) & ~INT64_C(4095);
	if (!truncate_memory(attack, keep)) {
		return false;
	}
	attack_put(attack, 1, &piece, 1, NULL);
	(void)usleep(100000);
	return true;
}

/* The rings are used as fast as can be when the file goes. */
static bool
under_traffic(struct attack *attack, unsigned int flags)
{
	struct chain_piece pieces[32];

	if (!attack_open(attack, flags)) {
		return false;
	}
	const off_t keep = (attack->rx - attack->fe.memory.base) & ~INT64_C(4095);
	for (unsigned int i = 0; i < 32; i++) {
		pieces[i] = attack_piece(attack, attack_frame(attack, ATTACK_PUMP + i, 1400), 1412);
	}
	attack_pump_for(attack, 50);
	for (unsigned int i = 0; i < 32; i++) {
		attack_put(attack, 1, &pieces[i], 1, NULL);
	}
	if (!truncate_memory(attack, keep)) {
		return false;
	}
	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned int i = 0; i < 32; i++) {
			attack_put(attack, 1, &pieces[i], 1, NULL);
		}
		(void)usleep(1000);
	}
	return true;
}

/* Nothing is sent; the pair's broadcasts are to be written into what is not there. */
static bool
receiving(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags)) {
		return false;
	}
	/* Buffers come back, else the pair has used them all up before they vanish. */
	attack_pump_for(attack, 20);
	const off_t keep = (attack->rx - attack->fe.memory.base) & ~INT64_C(4095);
	const bool good = truncate_memory(attack, keep);
	(void)usleep(200000);
	return good;
}

/* Gone and back, again and again: the switch may see any mixture. */
static void
flicker_body(struct attack *attack)
{
	const off_t size = (off_t)attack->fe.memory.size;

	(void)ftruncate(attack->fe.memory.fd, size / 2);
	(void)ftruncate(attack->fe.memory.fd, size);
	(void)usleep(200);
}

static bool
flicker(struct attack *attack, unsigned int flags)
{
	struct chain_piece piece;

	if (!attack_open(attack, flags)) {
		return false;
	}
	/* The frame is in the half that goes, the rings in the other. */
	piece = attack_piece(attack, attack->scratch + ATTACK_SCRATCH - 8192, 1412);
	if (!attack_start_thread(attack, flicker_body)) {
		return false;
	}
	for (unsigned int i = 0; i < 300; i++) {
		attack_put(attack, 1, &piece, 1, NULL);
		(void)usleep(500);
	}
	attack_stop_thread(attack);
	return true;
}

/* Holes are no truncation: zeroes, and no signal. */
static void
punch_body(struct attack *attack)
{
	(void)fallocate(attack->fe.memory.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		(off_t)attack->fe.memory.size);
	(void)usleep(500);
}

static bool
punch(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags) || !attack_start_thread(attack, punch_body)) {
		return false;
	}
	attack_pump_for(attack, 300);
	attack_stop_thread(attack);
	return true;
}

static bool
log_gone(struct attack *attack, unsigned int flags)
{
	const uint64_t size = (MEMORY_GPA + (16u << 20)) / VHOST_LOG_PAGE / 8;
	struct shared_area area;
	struct err err = ERR_INIT;

	if (shared_area_init(&area, size) != 0 || !attack_open(attack, flags)) {
		return false;
	}
	if (frontend_set_log(&attack->fe, &area, size, 0, &err) != 0 ||
		frontend_set_features(&attack->fe, attack->fe.features | VHOST_F_LOG_ALL, &err) !=
			0) {
		shared_area_fini(&area);
		return attack_fail(attack, "%s", err.text);
	}
	attack_pump_for(attack, 50);
	(void)ftruncate(area.fd, 0);
	attack_pump_for(attack, 100);
	shared_area_fini(&area);
	return true;
}

static bool
inflight_gone(struct attack *attack, unsigned int flags)
{
	struct shared_area area;
	struct err err = ERR_INIT;

	if (!attack_connect(attack, flags) || !attack_negotiate(attack)) {
		return false;
	}
	if (frontend_get_inflight(&attack->fe, &area, &err) != 0 ||
		frontend_set_inflight(&attack->fe, &area, &err) != 0) {
		shared_area_fini(&area);
		return attack_fail(attack, "%s", err.text);
	}
	bool good = attack_start(attack);
	if (good) {
		attack_pump_for(attack, 50);
		/* The switch's own file may be sealed: then there is nothing to see. */
		(void)ftruncate(area.fd, 0);
		attack_pump_for(attack, 100);
	}
	shared_area_fini(&area);
	/* And one of the attacker's making, which is not. */
	good = good && attack_connect(attack, flags) && attack_negotiate(attack);
	if (good && shared_area_init(&area, 1u << 20) == 0) {
		area.inflight = (struct vhost_user_inflight){1u << 20, 0, 2, ATTACK_RING};
		(void)frontend_set_inflight(&attack->fe, &area, NULL);
		good = attack_start(attack);
		if (good) {
			attack_pump_for(attack, 50);
			(void)ftruncate(area.fd, 0);
			attack_pump_for(attack, 100);
		}
		shared_area_fini(&area);
	}
	return good;
}

/* Truncated before the switch has even looked. */
static bool
before_start(struct attack *attack, unsigned int flags)
{
	if (!attack_connect(attack, flags) || !attack_negotiate(attack) ||
		frontend_init_queues(&attack->fe, NULL) != 0) {
		return false;
	}
	(void)frontend_send_memory(&attack->fe, NULL);
	if (!truncate_memory(attack, 0)) {
		return false;
	}
	for (unsigned int i = 0; i < 2; i++) {
		(void)frontend_start_queue(&attack->fe, i, NULL);
		(void)frontend_enable_queue(&attack->fe, i, true, NULL);
	}
	(void)usleep(50000);
	return true;
}

#define GONE "truncated|memory-gone"

const struct hostile_case vanish_cases[] = {
	{"truncate-idle", "the memory file is truncated, nothing is sent", idle, ATTACK_UNSEALED,
		GONE},
	{"truncate-idle-packed", "the same with packed rings", idle,
		ATTACK_UNSEALED | ATTACK_PACKED, GONE},
	{"truncate-early", "the memory file is truncated before the rings start", before_start,
		ATTACK_UNSEALED, NULL},
	{"truncate-buffers", "buffers are truncated, rings stay", buffers_gone, ATTACK_UNSEALED,
		GONE},
	{"truncate-traffic", "buffers are truncated under traffic", under_traffic, ATTACK_UNSEALED,
		GONE},
	{"truncate-traffic-packed", "the same with packed rings", under_traffic,
		ATTACK_UNSEALED | ATTACK_PACKED, GONE},
	{"truncate-receiving", "receive buffers are truncated", receiving, ATTACK_UNSEALED, GONE},
	{"truncate-flicker", "the memory file shrinks and grows", flicker, ATTACK_UNSEALED, NULL},
	{"punch-holes", "holes are punched into the memory under traffic", punch, ATTACK_UNSEALED,
		NULL},
	{"truncate-log", "the migration log is truncated under traffic", log_gone, 0, GONE},
	{"truncate-inflight", "the in-flight area is truncated under traffic", inflight_gone,
		ATTACK_PACKED, NULL},
	{0},
};
