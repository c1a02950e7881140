/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/vq_test_memory.h"
#include "tests/random.h"

#include <rte_common.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096U

void
model_fail(const struct model_memory *memory, const char *file, int line, const char *rule)
{
	fprintf(stderr, "# %s\n# %s:%d: does not hold: %s\n", memory == NULL ? "" : memory->what,
		file, line, rule);
	abort();
}

void *
model_calloc(size_t n, size_t size)
{
	void *p = calloc(n > 0 ? n : 1, size);

	model_must(NULL, p != NULL, "there is memory for a test");
	return p;
}

uint32_t
model_random(struct model_memory *memory, uint32_t below)
{
	return random_below(&memory->random, below);
}

/* One page before it and one behind it fault. */
static uint8_t *
map_region(uint64_t size)
{
	uint8_t *map = mmap(NULL, size + 2 * (uint64_t)PAGE, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	model_must(NULL, map != MAP_FAILED, "there is memory for a guest");
	model_must(NULL, mprotect(map + PAGE, size, PROT_READ | PROT_WRITE) == 0,
		"a guest's memory can be written");
	return map + PAGE;
}

void
model_memory_init(struct model_memory *memory, uint64_t gpa, const uint64_t *sizes, unsigned int n,
	uint64_t seed)
{
	uint64_t off = 0;

	*memory = (struct model_memory){.gpa = gpa, .at = gpa, .random = seed | 1};
	memory->gmem =
		model_calloc(1, sizeof(*memory->gmem) + n * sizeof(memory->gmem->regions[0]));
	memory->gmem->n = n;
	for (unsigned int i = 0; i < n; i++) {
		memory->gmem->regions[i] = (struct gmem_region){.gpa = gpa + memory->size,
			.size = sizes[i],
			.host = map_region(sizes[i]),
			.user = UINT64_C(0x7f0000000000) + memory->size};
		memory->size += sizes[i];
	}
	memory->shadow = model_calloc(1, memory->size);
	for (uint64_t i = 0; i + 4 <= memory->size; i += 4) {
		const uint32_t noise = model_random(memory, UINT32_MAX);

		memcpy(memory->shadow + i, &noise, sizeof(noise));
	}
	for (unsigned int i = 0; i < n; i++) {
		memcpy(memory->gmem->regions[i].host, memory->shadow + off, sizes[i]);
		off += sizes[i];
	}
}

void
model_memory_fini(struct model_memory *memory)
{
	for (unsigned int i = 0; i < memory->gmem->n; i++) {
		const struct gmem_region *region = &memory->gmem->regions[i];

		(void)munmap(region->host - PAGE, region->size + 2 * (uint64_t)PAGE);
	}
	free(memory->gmem);
	free(memory->shadow);
}

void
model_case(struct model_memory *memory, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(memory->what, sizeof(memory->what), format, args);
	va_end(args);
}

static const struct gmem_region *
region_of(const struct model_memory *memory, uint64_t gpa)
{
	for (unsigned int i = 0; i < memory->gmem->n; i++) {
		const struct gmem_region *region = &memory->gmem->regions[i];

		if (gpa >= region->gpa && gpa < region->gpa + region->size) {
			return region;
		}
	}
	model_fail(memory, __FILE__, __LINE__, "the test stays inside of its memory");
}

uint64_t
model_alloc(struct model_memory *memory, uint64_t len, uint64_t align, bool whole)
{
	uint64_t at = memory->at + 1 + model_random(memory, 40);

	at = (at + align - 1) / align * align;
	if (whole) {
		const struct gmem_region *region = region_of(memory, at);

		if (len > region->gpa + region->size - at) {
			at = region->gpa + region->size;
			region = region_of(memory, at);
			model_must(memory, len <= region->size, "one region holds the bytes");
		}
	}
	memory->at = at + len;
	model_must(memory, memory->at <= memory->gpa + memory->size, "the memory suffices");
	return at;
}

void
model_seek_border(struct model_memory *memory, unsigned int i, uint64_t before)
{
	const struct gmem_region *region = &memory->gmem->regions[i];

	memory->at = region->gpa + region->size - before;
}

uint8_t *
model_host(const struct model_memory *memory, uint64_t gpa, uint32_t len)
{
	const struct gmem_region *region = region_of(memory, gpa);

	model_must(memory, len <= region->gpa + region->size - gpa, "bytes are in one region");
	return region->host + (gpa - region->gpa);
}

bool
model_has_host(const struct model_memory *memory, const uint8_t *addr, uint32_t len)
{
	const struct gmem *gmem = memory->gmem;

	for (uint32_t i = 0; i < gmem->n; i++) {
		const struct gmem_region *region = &gmem->regions[i];

		if (addr >= region->host && addr < region->host + region->size) {
			return len <= (uint64_t)(region->host + region->size - addr);
		}
	}
	return false;
}

/* As many of the bytes as one region has. */
static uint8_t *
host_piece(const struct model_memory *memory, uint64_t gpa, uint32_t len, uint32_t *take)
{
	const struct gmem_region *region = region_of(memory, gpa);
	const uint64_t left = region->gpa + region->size - gpa;

	*take = left < len ? (uint32_t)left : len;
	return region->host + (gpa - region->gpa);
}

void
model_put(struct model_memory *memory, uint64_t gpa, const void *bytes, uint32_t len)
{
	const uint8_t *from = bytes;
	uint32_t take;

	for (; len > 0; gpa += take, from += take, len -= take) {
		uint8_t *host = host_piece(memory, gpa, len, &take);

		memcpy(host, from, take);
		memcpy(memory->shadow + (gpa - memory->gpa), from, take);
	}
}

void
model_put16(struct model_memory *memory, uint64_t gpa, uint16_t value)
{
	model_put(memory, gpa, &value, sizeof(value));
}

void
model_get(const struct model_memory *memory, uint64_t gpa, void *bytes, uint32_t len)
{
	uint8_t *to = bytes;
	uint32_t take;

	for (; len > 0; gpa += take, to += take, len -= take) {
		const uint8_t *host = host_piece(memory, gpa, len, &take);

		memcpy(to, host, take);
	}
}

uint16_t
model_get16(const struct model_memory *memory, uint64_t gpa)
{
	uint16_t value;

	model_get(memory, gpa, &value, sizeof(value));
	return value;
}

uint32_t
model_get32(const struct model_memory *memory, uint64_t gpa)
{
	uint32_t value;

	model_get(memory, gpa, &value, sizeof(value));
	return value;
}

void
model_accept(struct model_memory *memory, uint64_t gpa, uint32_t len)
{
	uint32_t take;

	for (; len > 0; gpa += take, len -= take) {
		const uint8_t *host = host_piece(memory, gpa, len, &take);

		memcpy(memory->shadow + (gpa - memory->gpa), host, take);
	}
}

void
model_check(const struct model_memory *memory)
{
	for (unsigned int i = 0; i < memory->gmem->n; i++) {
		const struct gmem_region *region = &memory->gmem->regions[i];
		const uint8_t *want = memory->shadow + (region->gpa - memory->gpa);

		if (memcmp(region->host, want, region->size) == 0) {
			continue;
		}
		for (uint64_t at = 0; at < region->size; at++) {
			if (region->host[at] != want[at]) {
				fprintf(stderr, "# first at 0x%llx (%02x instead of %02x)\n",
					(unsigned long long)(region->gpa + at), region->host[at],
					want[at]);
				break;
			}
		}
		model_fail(memory, __FILE__, __LINE__, "nothing else was written");
	}
}

void
model_scatter(struct model_memory *memory, const struct model_piece *pieces, uint16_t n,
	const uint8_t *bytes, uint32_t len)
{
	for (uint16_t i = 0; i < n && len > 0; i++) {
		const uint32_t take = RTE_MIN(len, pieces[i].len);

		model_put(memory, pieces[i].gpa, bytes, take);
		bytes += take;
		len -= take;
	}
}
