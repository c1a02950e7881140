/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/micro/machine.h"

#include <ctype.h>
#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memory.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "base/clock.h"
#include "base/str.h"
#include "perf/loadgen/cycles.h"
#include "perf/stay_on.h"

#define HUGE_SIZE (UINT64_C(2) << 20)
#define HUGE_FREE "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"
#define THP_ENABLED "/sys/kernel/mm/transparent_hugepage/enabled"
#define THP_SHARED "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
#define CACHE_DIR "/sys/devices/system/cpu/cpu0/cache/index%u/%s"
#define CACHE_INDEXES 8

/* The first line of a small file, without its newline; "" if there is none. */
static void
read_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");

	line[0] = '\0';
	if (file != NULL) {
		if (fgets(line, size, file) == NULL) {
			line[0] = '\0';
		}
		line[strcspn(line, "\n")] = '\0';
		(void)fclose(file);
	}
}

static void
read_model(char *model, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256];

	(void)str_copy(model, "unknown", size);
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		const char *colon = strchr(line, ':');
		if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
			line[strcspn(line, "\n")] = '\0';
			(void)str_copy(model, colon + 1 + (colon[1] == ' '), size);
			break;
		}
	}
	if (file != NULL) {
		(void)fclose(file);
	}
}

/* From sysfs and not sysconf(3), which counts the L3 of all sockets' parts on some processors. */
static void
read_caches(uint64_t *caches)
{
	for (unsigned int i = 0; i < CACHE_INDEXES; i++) {
		char path[128];
		char kind[32];
		char text[32];
		uint64_t level = 0;
		uint64_t size = 0;

		(void)snprintf(path, sizeof(path), CACHE_DIR, i, "type");
		read_line(path, kind, sizeof(kind));
		(void)snprintf(path, sizeof(path), CACHE_DIR, i, "level");
		read_line(path, text, sizeof(text));
		if (strcmp(kind, "Instruction") == 0 ||
			str_to_u64(text, 1, MACHINE_CACHES, &level) != 0) {
			continue;
		}
		(void)snprintf(path, sizeof(path), CACHE_DIR, i, "size");
		read_line(path, text, sizeof(text));
		text[strcspn(text, "K")] = '\0';
		if (str_to_u64(text, 1, UINT32_MAX, &size) == 0) {
			caches[level - 1] = size << 10;
		}
	}
}

static double
measure_hz(unsigned int ms)
{
	const uint64_t ns = clock_now();
	const uint64_t cycles = cycles_now();
	uint64_t now;

	do {
		now = clock_now();
	} while (now - ns < ms * CLOCK_MS);
	return (double)(cycles_now() - cycles) * 1e9 / (double)(now - ns);
}

int
machine_init(struct machine *machine, int cpu, unsigned int ms, struct err *err)
{
	const int rc = stay_on(cpu, err);

	if (rc != 0) {
		return rc;
	}
	*machine = (struct machine){.cpu = cpu};
	read_model(machine->model, sizeof(machine->model));
	read_caches(machine->caches);
	machine->tsc_hz = measure_hz(ms);
	return 0;
}

static uint64_t
hugepages_free_mib(void)
{
	char text[32];
	uint64_t n = 0;

	read_line(HUGE_FREE, text, sizeof(text));
	(void)str_to_u64(text, 0, UINT32_MAX, &n);
	return n * 2;
}

/* "always madvise [never]": the kernel has no transparent huge pages to give. */
static bool
is_never(const char *path)
{
	char text[64];

	read_line(path, text, sizeof(text));
	return text[0] == '\0' || strstr(text, "[never]") != NULL || strstr(text, "[deny]") != NULL;
}

/* "0@(0,1)": the EAL's one lcore may run where we may. */
static void
lcores(char *text, size_t size)
{
	const char *separator = "";
	cpu_set_t set;

	CPU_ZERO(&set);
	(void)sched_getaffinity(0, sizeof(set), &set);
	(void)str_copy(text, "0@(", size);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &set)) {
			(void)str_appendf(text, size, "%s%d", separator, cpu);
			separator = ",";
		}
	}
	(void)str_append(text, ")", size);
}

static int
advise_list(const struct rte_memseg_list *list, void *machine)
{
	machine_advise(machine, list->base_va, list->len);
	return 0;
}

int
machine_start_eal(
	struct machine *machine, enum machine_pages pages, unsigned int mib, struct err *err)
{
	/* The EAL keeps and edits its arguments. */
	static char args[][4096] = {"micro", "--no-telemetry", "-a", "ffff:ff:1f.7",
		"--log-level=*:error", "--lcores", "", "-m", "", "", ""};
	static char *argv[ARRAY_LEN(args) + 1];
	int argc = 0;

	const bool reserved = pages != MACHINE_PAGES_SMALL && hugepages_free_mib() >= mib;
	const bool transparent = pages == MACHINE_PAGES_HUGE;
	if (transparent && is_never(THP_ENABLED)) {
		return err_set(err, ERR_LIMIT, NULL,
			"--pages huge: transparent huge pages are switched off (%s)", THP_ENABLED);
	}
	/* Where they are "always" on, they are off now: what is called small is small. */
	if (!transparent && prctl(PR_SET_THP_DISABLE, 1UL, 0UL, 0UL, 0UL) != 0) {
		return err_set(err, ERR_FAILED, NULL, "prctl: %s", strerror(errno));
	}
	machine->table_huge = transparent;
	machine->heap_huge = reserved || (transparent && !is_never(THP_SHARED));
	lcores(args[6], sizeof(args[6]));
	(void)snprintf(args[8], sizeof(args[8]), "%u", mib);
	/* Without reserved pages its memory is a memfd's. */
	(void)str_copy(args[9], reserved ? "--in-memory" : "--no-huge", sizeof(args[9]));
	(void)str_copy(args[10], reserved ? "--no-hpet" : "--no-shconf", sizeof(args[10]));
	for (; argc < (int)ARRAY_LEN(args); argc++) {
		argv[argc] = args[argc];
	}
	if (rte_eal_init(argc, argv) < 0) {
		return err_set(
			err, ERR_FAILED, NULL, "DPDK did not start: %s", rte_strerror(rte_errno));
	}
	if (machine->heap_huge && !reserved) {
		(void)rte_memseg_list_walk(advise_list, machine);
	}
	return 0;
}

void
machine_advise(const struct machine *machine, void *memory, uint64_t size)
{
	if (machine->table_huge && size >= HUGE_SIZE) {
		const uintptr_t first = RTE_ALIGN_CEIL((uintptr_t)memory, HUGE_SIZE);
		const uintptr_t end = RTE_ALIGN_FLOOR((uintptr_t)memory + size, HUGE_SIZE);

		/* At worst the pages are small ones. */
		if (first < end) {
			(void)madvise((void *)first, end - first, MADV_HUGEPAGE);
		}
	}
}

const char *
machine_level(const struct machine *machine, uint64_t bytes)
{
	static const char *const names[MACHINE_CACHES] = {"L1", "L2", "L3"};

	if (bytes == 0 || machine->caches[0] == 0) {
		return "-";
	}
	for (unsigned int i = 0; i < MACHINE_CACHES; i++) {
		if (bytes <= machine->caches[i]) {
			return names[i];
		}
	}
	return "DRAM";
}

const char *
machine_pages_name(bool huge)
{
	return huge ? "2M" : "4k";
}
