/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two guests, and between them what librte_vhost costs by itself: rte_vhost_dequeue_burst() from
 * one, rte_vhost_enqueue_burst() to the other, both ways, and nothing else. No frame is looked at,
 * there are no ports and no drivers; each frame is copied into an mbuf and out of it.
 *
 * It says what it did in a file that it keeps mapped (struct account), as it goes: a pass over both
 * ways that found frames is busy, as vswitchd counts. See twocopy --help.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_mbuf.h>
#include <rte_vhost.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "perf/loadgen/cycles.h"

#define GUESTS 2
#define BURST 32u
#define POOL_BUFFERS 16384u /* as the benchmark's testpmd has */
#define POOL_CACHE 256u
#define CPU_MAX 1023u
#define MEMORY_MIB 512u
#define QUIET_PASSES 2u /* that the worker ends after a guest was taken from it */
enum { RING_RX, RING_TX }; /* of a guest: it receives from the first */

static const char usage[] =
	"twocopy --cpu N --main-cpu N --account FILE [--memory MIB] [--no-huge] PATH PATH\n"
	"\n"
	"Move frames between the guests of two vhost-user sockets by librte_vhost's burst\n"
	"functions alone, until a signal ends it.\n"
	"\n"
	"  --cpu N        the CPU that moves frames\n"
	"  --main-cpu N   the CPU of all else; another one\n"
	"  --account FILE where to count: cycles of passes that found frames, then frames taken\n"
	"                 from guests, 8 bytes each in the machine's order\n"
	"  --memory MIB   of packet buffers (512)\n"
	"  --no-huge      in 4 KiB pages\n";

/* The file: a reader may look at any time. */
struct account {
	_Atomic uint64_t busy_cycles;
	_Atomic uint64_t packets;
};

struct options {
	unsigned int cpu;
	unsigned int main_cpu;
	unsigned int memory;
	bool huge;
	const char *account;
	const char *paths[GUESTS];
};

/* The library calls back on its thread and without a pointer of ours. */
static struct {
	const char *paths[GUESTS];
	_Atomic int vids[GUESTS]; /* of running guests, or -1 */
	_Atomic uint64_t passes; /* that the worker has ended */
	_Atomic bool ends;
	struct rte_mempool *pool;
	struct account *account;
} state = {.vids = {-1, -1}};

static int
guest_of(int vid)
{
	char path[PATH_MAX];

	if (rte_vhost_get_ifname(vid, path, sizeof(path)) == 0) {
		for (int guest = 0; guest < GUESTS; guest++) {
			if (strcmp(path, state.paths[guest]) == 0) {
				return guest;
			}
		}
	}
	return -1;
}

static int
new_device(int vid)
{
	const int guest = guest_of(vid);

	if (guest < 0) {
		return -1;
	}
	for (uint16_t ring = RING_RX; ring <= RING_TX; ring++) {
		(void)rte_vhost_enable_guest_notification(vid, ring, 0);
	}
	atomic_store(&state.vids[guest], vid);
	return 0;
}

/* The library frees the guest when this returns. */
static void
destroy_device(int vid)
{
	const int guest = guest_of(vid);

	if (guest < 0) {
		return;
	}
	atomic_store(&state.vids[guest], -1);
	const uint64_t passes = atomic_load(&state.passes);
	while (atomic_load(&state.passes) < passes + QUIET_PASSES && !atomic_load(&state.ends)) {
		cycles_pause();
	}
}

static const struct rte_vhost_device_ops device_ops = {
	.new_device = new_device,
	.destroy_device = destroy_device,
};

/* A burst one way; how many frames were found. What the other guest has no room for is lost. */
static uint16_t
move(int from, int to)
{
	struct rte_mbuf *mbufs[BURST];

	const uint16_t n = rte_vhost_dequeue_burst(from, RING_TX, state.pool, mbufs, BURST);
	if (n > 0) {
		if (to >= 0) {
			(void)rte_vhost_enqueue_burst(to, RING_RX, mbufs, n);
		}
		rte_pktmbuf_free_bulk(mbufs, n);
	}
	return n;
}

static void
add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
		memory_order_relaxed);
}

static int
work(void *arg)
{
	uint64_t before = cycles_now();

	(void)arg;
	while (!atomic_load_explicit(&state.ends, memory_order_relaxed)) {
		int vids[GUESTS];
		uint64_t packets = 0;

		for (unsigned int guest = 0; guest < GUESTS; guest++) {
			vids[guest] =
				atomic_load_explicit(&state.vids[guest], memory_order_acquire);
		}
		for (unsigned int guest = 0; guest < GUESTS; guest++) {
			if (vids[guest] >= 0) {
				packets += move(vids[guest], vids[1 - guest]);
			}
		}
		const uint64_t now = cycles_now();
		if (packets > 0) {
			add(&state.account->busy_cycles, now - before);
			add(&state.account->packets, packets);
		} else {
			cycles_pause();
		}
		before = now;
		atomic_store_explicit(&state.passes,
			atomic_load_explicit(&state.passes, memory_order_relaxed) + 1,
			memory_order_release);
	}
	return 0;
}

static int
parse_number(const char *option, const char *text, uint64_t max, unsigned int *out, struct err *err)
{
	uint64_t value = 0;

	if (str_to_u64(text, 0, max, &value) != 0) {
		return err_set(err, ERR_INVALID, NULL, "--%s %s: it is a number from 0 to %llu",
			option, text, (unsigned long long)max);
	}
	*out = (unsigned int)value;
	return 0;
}

static int
parse(struct options *options, int argc, char **argv, struct err *err)
{
	static const struct option words[] = {
		{"cpu", required_argument, NULL, 'c'},
		{"main-cpu", required_argument, NULL, 'm'},
		{"memory", required_argument, NULL, 's'},
		{"account", required_argument, NULL, 'a'},
		{"no-huge", no_argument, NULL, 'n'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int rc = 0;

	*options = (struct options){.memory = MEMORY_MIB, .huge = true};
	options->cpu = options->main_cpu = UINT32_MAX;
	opterr = 0;
	for (int id; rc == 0 && (id = getopt_long(argc, argv, "", words, NULL)) != -1;) {
		switch (id) {
		case 'c':
			rc = parse_number("cpu", optarg, CPU_MAX, &options->cpu, err);
			break;
		case 'm':
			rc = parse_number("main-cpu", optarg, CPU_MAX, &options->main_cpu, err);
			break;
		case 's':
			rc = parse_number("memory", optarg, 1u << 20, &options->memory, err);
			break;
		case 'a':
			options->account = optarg;
			break;
		case 'n':
			options->huge = false;
			break;
		case 'h':
			(void)fputs(usage, stdout);
			return 1;
		default:
			return err_set(err, ERR_INVALID, NULL,
				"%s: unknown, or its value is missing; see twocopy --help",
				argv[optind - 1]);
		}
	}
	if (rc == 0 &&
		(options->cpu == UINT32_MAX || options->main_cpu == UINT32_MAX ||
			options->cpu == options->main_cpu || options->account == NULL ||
			argc - optind != GUESTS)) {
		return err_set(err, ERR_INVALID, NULL,
			"two different CPUs, --account and two paths are needed; see twocopy "
			"--help");
	}
	for (int i = 0; rc == 0 && i < GUESTS; i++) {
		options->paths[i] = argv[optind + i];
	}
	return rc;
}

static int
map_account(const char *path, struct err *err)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	void *at = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(struct account)) == 0) {
		at = mmap(NULL, sizeof(struct account), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	if (at == MAP_FAILED) {
		(void)err_set(err, ERR_FAILED, NULL, "--account %s: %s", path, strerror(errno));
	}
	if (fd >= 0) {
		(void)close(fd);
	}
	state.account = at;
	return at == MAP_FAILED ? err_errno(ERR_FAILED) : 0;
}

static int
start_eal(const struct options *options, struct err *err)
{
	/* The EAL keeps and edits its arguments. */
	static char args[][32] = {"twocopy", "--in-memory", "--no-pci", "--no-telemetry",
		"--log-level=*:error", "--single-file-segments", "-l", "", "--main-lcore", "", "-m",
		"", "--no-huge"};
	static char *argv[ARRAY_LEN(args) + 1];
	const int argc = (int)ARRAY_LEN(args) - (options->huge ? 1 : 0);

	(void)snprintf(args[7], sizeof(args[7]), "%u,%u", options->main_cpu, options->cpu);
	(void)snprintf(args[9], sizeof(args[9]), "%u", options->main_cpu);
	(void)snprintf(args[11], sizeof(args[11]), "%u", options->memory);
	for (int i = 0; i < argc; i++) {
		argv[i] = args[i];
	}
	if (rte_eal_init(argc, argv) < 0) {
		return err_set(
			err, ERR_FAILED, NULL, "DPDK did not start: %s", rte_strerror(rte_errno));
	}
	state.pool = rte_pktmbuf_pool_create(
		"twocopy", POOL_BUFFERS, POOL_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return state.pool != NULL
		? 0
		: err_set(err, ERR_LIMIT, NULL, "no memory for packet buffers; see --memory");
}

static int
listen_at(const char *path, struct err *err)
{
	if (rte_vhost_driver_register(path, RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS) != 0 ||
		rte_vhost_driver_callback_register(path, &device_ops) != 0 ||
		rte_vhost_driver_start(path) != 0) {
		return err_set(err, ERR_FAILED, NULL, "librte_vhost does not listen on %s", path);
	}
	return 0;
}

static int
run(const struct options *options, struct err *err)
{
	sigset_t signals;
	int number = 0;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	int rc = map_account(options->account, err);
	if (rc == 0) {
		rc = start_eal(options, err);
	}
	if (rc == 0) {
		(void)rte_eal_remote_launch(work, NULL, options->cpu);
	}
	memcpy(state.paths, options->paths, sizeof(state.paths));
	for (unsigned int i = 0; rc == 0 && i < GUESTS; i++) {
		rc = listen_at(options->paths[i], err);
	}
	if (rc != 0) {
		return rc;
	}
	(void)printf("ready\n");
	(void)fflush(stdout);
	(void)sigwait(&signals, &number);
	for (unsigned int i = 0; i < GUESTS; i++) {
		(void)rte_vhost_driver_unregister(options->paths[i]);
	}
	atomic_store(&state.ends, true);
	rte_eal_mp_wait_lcore();
	return 0;
}

int
main(int argc, char **argv)
{
	struct options options;
	struct err err = ERR_INIT;
	int rc = parse(&options, argc, argv, &err);

	if (rc > 0) {
		return 0;
	}
	const int status = rc != 0 ? 2 : 1;
	if (rc == 0) {
		rc = run(&options, &err);
	}
	if (rc != 0) {
		(void)fprintf(stderr, "twocopy: %s\n", err.text);
		return status;
	}
	return 0;
}
