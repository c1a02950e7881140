/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_memzone.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "ports/ethdev/dpdk_log.h"

LOG_MODULE("eal");

#define HUGEPAGES_NEEDED_MIB 128 /* start, a first pool, and room for a few ports */
#define NO_HUGE_MIB 1024 /* address space only, until it is touched */
#define HUGEPAGE_DIR "/sys/kernel/mm/hugepages"

/* Free hugepages of all sizes that DPDK can use, in MiB. */
static unsigned int
hugepages_free_mib(void)
{
	static const struct {
		const char *path;
		unsigned int mib;
	} sizes[] = {
		{HUGEPAGE_DIR "/hugepages-2048kB/free_hugepages", 2},
		{HUGEPAGE_DIR "/hugepages-1048576kB/free_hugepages", 1024},
	};
	unsigned int total = 0;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		FILE *file = fopen(sizes[i].path, "re");
		unsigned int n;

		if (file == NULL) {
			continue;
		}
		if (fscanf(file, "%u", &n) == 1) {
			total += n * sizes[i].mib;
		}
		(void)fclose(file);
	}
	return total;
}

static int
choose_memory(const struct options *options, struct eal *eal, struct err *err)
{
	unsigned int free_mib = hugepages_free_mib();
	unsigned int needed = options->memory_mib == 0 ? HUGEPAGES_NEEDED_MIB : options->memory_mib;
	bool enough = free_mib >= needed;

	if (options->hugepages == HUGEPAGES_REQUIRE && !enough) {
		return err_set(err, ERR_LIMIT, "--hugepages",
			"%u MiB of free hugepages are needed, %u are there; `sysctl -w "
			"vm.nr_hugepages=%u` reserves them",
			needed, free_mib, needed / 2);
	}
	eal->hugepages = enough && options->hugepages != HUGEPAGES_NEVER;
	if (eal->hugepages) {
		eal->size_mib = options->memory_mib == 0 ? free_mib : options->memory_mib;
		log_notice("memory: hugepages, up to %u MiB", eal->size_mib);
	} else {
		eal->size_mib = options->memory_mib == 0 ? NO_HUGE_MIB : options->memory_mib;
		log_notice("memory: ordinary pages, up to %u MiB taken as used (%u MiB of "
			   "hugepages are free, %u would be used); about 15 %% slower for small "
			   "packets, NICs need an IOMMU",
			eal->size_mib, free_mib, needed);
	}
	return 0;
}

/* "0@(0-3,7)": the one EAL lcore is main's, and may run on every CPU that we may. */
static void
lcores_arg(char *arg, size_t size)
{
	const char *separator = "";
	cpu_set_t set;

	CPU_ZERO(&set);
	(void)sched_getaffinity(0, sizeof(set), &set);
	str_copy(arg, "0@(", size);
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &set)) {
			str_appendf(arg, size, "%s%u", separator, cpu);
			separator = ",";
		}
	}
	(void)str_append(arg, ")", size);
}

static void
add(struct eal *eal, const char *arg)
{
	if (eal->argc < EAL_ARGS_MAX) {
		eal->argv[eal->argc++] = str_dup(arg);
	}
}

static void
build_args(const struct options *options, struct eal *eal)
{
	char text[8192];

	add(eal, "vswitchd");
	add(eal, "--no-telemetry");
	/* An address that cannot exist: nothing is probed now, and a device can be when a port
	 * asks. */
	add(eal, "-a");
	add(eal, "ffff:ff:1f.7");
	add(eal, "--lcores");
	lcores_arg(text, sizeof(text));
	add(eal, text);
	if (eal->hugepages) {
		add(eal, "--in-memory");
		add(eal, "--single-file-segments");
		text[0] = '\0';
		str_appendf(text, sizeof(text), "--socket-limit=%u", eal->size_mib);
	} else {
		add(eal, "--no-huge");
		add(eal, "--no-shconf");
		text[0] = '\0';
		str_appendf(text, sizeof(text), "-m%u", eal->size_mib);
	}
	if (!eal->hugepages || options->memory_mib != 0) {
		add(eal, text);
	}
	if (options->eal_args != NULL) {
		char *copy = str_dup(options->eal_args);
		char *save = NULL;

		for (char *arg = strtok_r(copy, " \t", &save); arg != NULL;
			arg = strtok_r(NULL, " \t", &save)) {
			add(eal, arg);
		}
		free(copy);
	}
}

int
eal_start(const struct options *options, struct eal *eal, struct err *err)
{
	char *argv[EAL_ARGS_MAX + 1];
	int rc = choose_memory(options, eal, err);

	if (rc != 0) {
		return rc;
	}
	build_args(options, eal);
	dpdk_log_init();
	/* getopt() in there reorders what it is given. */
	memcpy(argv, eal->argv, sizeof(argv));
	if (rte_eal_init(eal->argc, argv) < 0) {
		return err_set(err, ERR_FAILED, NULL, "DPDK did not start: %s%s",
			rte_strerror(rte_errno),
			options->eal_args == NULL ? "" : " (check --eal-args)");
	}
	return 0;
}

/*
 * Not rte_eal_cleanup(): in 22.11 it takes devices away while EAL's interrupt thread still works on
 * them. Its memory is the process's own and ends with it.
 */
void
eal_stop(struct eal *eal)
{
	while (eal->argc > 0) {
		free(eal->argv[--eal->argc]);
	}
}

json_t *
eal_memory_state(void *arg)
{
	const struct eal *eal = arg;
	struct rte_malloc_socket_stats stats;
	size_t used = 0;
	unsigned int used_mib;

	for (unsigned int s = 0; s < rte_socket_count(); s++) {
		if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(s), &stats) == 0) {
			used += stats.heap_allocsz_bytes;
		}
	}
	used_mib = (unsigned int)(used >> 20);
	return json_pack("{s:s, s:i, s:i, s:i}", "kind", eal->hugepages ? "hugepages" : "memfd",
		"size-mib", (int)eal->size_mib, "used-mib", (int)used_mib, "free-mib",
		(int)(eal->size_mib > used_mib ? eal->size_mib - used_mib : 0));
}
