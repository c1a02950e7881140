/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/crash_disk.h"

#include <errno.h>
#include <libgen.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "schema/disk.h"

LOG_MODULE("crash-disk");

struct crash_disk disk = {.fault = FAULT_NONE};

int __real_disk_write(int fd, const char *text, size_t len, uint64_t offset);
int __real_disk_truncate(int fd, uint64_t size);
int __real_disk_rename(const char *from, const char *to);
int __real_disk_unlink(const char *path);
int __wrap_disk_write(int fd, const char *text, size_t len, uint64_t offset);
int __wrap_disk_truncate(int fd, uint64_t size);
int __wrap_disk_sync(int fd);
int __wrap_disk_sync_data(int fd);
int __wrap_disk_rename(const char *from, const char *to);
int __wrap_disk_unlink(const char *path);

void
crash_lose_power(void)
{
	for (int fd = 0; fd < CRASH_FDS; fd++) {
		if (disk.known[fd]) {
			(void)ftruncate(fd, disk.synced[fd]);
		}
	}
	if (disk.renamed_to[0] != '\0' && disk.fault != FAULT_POWER_RENAMED) {
		/* A file that was not there before goes again. */
		if (access(disk.renamed_old, F_OK) == 0) {
			(void)rename(disk.renamed_old, disk.renamed_to);
		} else {
			(void)unlink(disk.renamed_to);
		}
	}
}

/* True if this is the call. Does not return if the process ends in it. */
static bool
hit(int fd, const char *text, size_t len, uint64_t offset)
{
	long call = atomic_fetch_add(&disk.calls, 1);

	if (disk.ends_at != 0 && call >= disk.ends_at) {
		_exit(9);
	}
	if (disk.fault == FAULT_FULL) {
		return text != NULL && call >= disk.at;
	}
	if (disk.fault == FAULT_HANG || disk.fault == FAULT_NONE || disk.fault == FAULT_LOSE ||
		call < disk.at || call > disk.at + disk.more) {
		return false;
	}
	if (disk.fault == FAULT_REFUSE) {
		return true;
	}
	if (text != NULL) {
		(void)__real_disk_write(fd, text, len / 2, offset);
	}
	if (disk.fault == FAULT_POWER || disk.fault == FAULT_POWER_RENAMED) {
		crash_lose_power();
	}
	_exit(9);
}

static void
is_synced(int fd, const struct stat *st)
{
	if (S_ISDIR(st->st_mode)) {
		if (st->st_ino == disk.renamed_in) {
			disk.renamed_to[0] = '\0';
			(void)unlink(disk.renamed_old);
		}
	} else if (st->st_ino != disk.lost) {
		disk.synced[fd] = st->st_size;
		disk.known[fd] = true;
	}
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool hanging;
static bool going_on;

static void
hang(void)
{
	(void)pthread_mutex_lock(&lock);
	hanging = true;
	(void)pthread_cond_broadcast(&changed);
	while (!going_on) {
		(void)pthread_cond_wait(&changed, &lock);
	}
	hanging = false;
	going_on = false;
	(void)pthread_mutex_unlock(&lock);
}

bool
crash_hangs(void)
{
	bool hangs;

	(void)pthread_mutex_lock(&lock);
	hangs = hanging;
	(void)pthread_mutex_unlock(&lock);
	return hangs;
}

void
crash_await(void)
{
	(void)pthread_mutex_lock(&lock);
	while (!hanging) {
		(void)pthread_cond_wait(&changed, &lock);
	}
	(void)pthread_mutex_unlock(&lock);
}

void
crash_go_on(void)
{
	disk.fault = FAULT_NONE;
	(void)pthread_mutex_lock(&lock);
	going_on = true;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
}

/* What is lost is decided here, so nobody has to wait for the disk. */
static int
sync_call(int fd)
{
	bool loses = disk.fault == FAULT_LOSE && atomic_load(&disk.calls) == disk.at;
	struct stat st;

	if (fd >= CRASH_FDS || fstat(fd, &st) != 0) {
		abort();
	}
	if (S_ISREG(st.st_mode) && disk.known[fd] &&
		!pthread_equal(disk.writer[fd], pthread_self())) {
		log_error("somebody syncs what another has written, and could take its error");
		_exit(3);
	}
	if (disk.fault == FAULT_HANG && atomic_load(&disk.calls) >= disk.at) {
		hang();
	}
	if (loses) {
		disk.lost = st.st_ino;
	}
	if (hit(fd, NULL, 0, 0) || loses) {
		errno = EIO;
		return -1;
	}
	is_synced(fd, &st);
	return 0;
}

int
__wrap_disk_write(int fd, const char *text, size_t len, uint64_t offset)
{
	if (fd < CRASH_FDS && (!disk.known[fd] || disk.synced[fd] > (off_t)offset)) {
		disk.known[fd] = true;
		disk.synced[fd] = (off_t)offset;
	}
	if (fd < CRASH_FDS) {
		disk.writer[fd] = pthread_self();
	}
	if (hit(fd, text, len, offset)) {
		(void)__real_disk_write(fd, text, len / 2, offset);
		errno = ENOSPC;
		return -1;
	}
	return __real_disk_write(fd, text, len, offset);
}

int
__wrap_disk_truncate(int fd, uint64_t size)
{
	if (hit(fd, NULL, 0, 0)) {
		errno = EIO;
		return -1;
	}
	return __real_disk_truncate(fd, size);
}

int
__wrap_disk_sync(int fd)
{
	return sync_call(fd);
}

int
__wrap_disk_sync_data(int fd)
{
	return sync_call(fd);
}

int
__wrap_disk_rename(const char *from, const char *to)
{
	char folder[400];
	struct stat st;

	if (hit(-1, NULL, 0, 0)) {
		errno = EIO;
		return -1;
	}
	(void)snprintf(disk.renamed_old, sizeof(disk.renamed_old), "%s.test-old", to);
	(void)unlink(disk.renamed_old);
	(void)link(to, disk.renamed_old);
	(void)str_copy(disk.renamed_to, to, sizeof(disk.renamed_to));
	(void)str_copy(folder, to, sizeof(folder));
	if (stat(dirname(folder), &st) == 0) {
		disk.renamed_in = st.st_ino;
	}
	return __real_disk_rename(from, to);
}

int
__wrap_disk_unlink(const char *path)
{
	if (hit(-1, NULL, 0, 0)) {
		errno = EIO;
		return -1;
	}
	return __real_disk_unlink(path);
}
