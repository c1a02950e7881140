/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/frontend/memory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SMALL_SIZE UINT64_C(4096)

static int try_init(struct memory *memory, size_t size, bool huge);

int
memory_init(struct memory *memory, size_t size, enum memory_pages pages, struct err *err)
{
	int rc = -ENOMEM;

	*memory = (struct memory){.fd = -1};
	if (pages != MEMORY_SMALL) {
		rc = try_init(memory, size, true);
	}
	if (rc != 0 && pages != MEMORY_HUGE) {
		rc = try_init(memory, size, false);
	}
	if (rc != 0) {
		(void)err_set(err, ERR_LIMIT, NULL, "%zu bytes of guest memory%s: %s", size,
			pages == MEMORY_HUGE ? " in 2 MiB pages" : "", strerror(-rc));
	}
	return rc;
}

void
memory_fini(struct memory *memory)
{
	if (memory->base != NULL) {
		(void)munmap(memory->base, memory->size);
	}
	if (memory->fd >= 0) {
		(void)close(memory->fd);
	}
	*memory = (struct memory){.fd = -1};
}

void
memory_seal(struct memory *memory)
{
	(void)fcntl(memory->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
}

void *
memory_alloc(struct memory *memory, size_t size, size_t align)
{
	assert((align & (align - 1)) == 0);
	const size_t at = (memory->used + align - 1) & ~(align - 1);
	if (at > memory->size || size > memory->size - at) {
		return NULL;
	}
	memory->used = at + size;
	return memory->base + at;
}

void *
memory_at(const struct memory *memory, uint64_t gpa, uint64_t len)
{
	const uint64_t offset = gpa - MEMORY_GPA;

	if (gpa < MEMORY_GPA || offset > memory->size || len > memory->size - offset) {
		return NULL;
	}
	return memory->base + offset;
}

static int
try_init(struct memory *memory, size_t size, bool huge)
{
	const size_t unit = huge ? MEMORY_HUGE_SIZE : SMALL_SIZE;
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;

	size = (size + unit - 1) & ~(unit - 1);
	const int fd = memfd_create("guest", flags | (huge ? MFD_HUGETLB | MFD_HUGE_2MB : 0));
	if (fd < 0) {
		return -errno;
	}
	void *base = MAP_FAILED;
	if (ftruncate(fd, (off_t)size) == 0) {
		/* Populated now: a page that is missing later would be a SIGBUS. */
		base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	}
	if (base == MAP_FAILED) {
		const int rc = -errno;
		(void)close(fd);
		return rc;
	}
	*memory = (struct memory){.fd = fd, .base = base, .size = size, .huge = huge};
	return 0;
}
