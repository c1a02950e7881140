/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/core/eal_test.h"

#include <rte_eal.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
must(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "# %s\n", what);
		abort();
	}
}

/* "0@(0,1)": as many CPUs as we are allowed. */
static void
lcores(char *text, size_t size)
{
	cpu_set_t set;
	size_t at = (size_t)snprintf(text, size, "0@(");
	const char *comma = "";

	CPU_ZERO(&set);
	(void)sched_getaffinity(0, sizeof(set), &set);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &set)) {
			at += (size_t)snprintf(text + at, size - at, "%s%d", comma, cpu);
			comma = ",";
		}
	}
	(void)snprintf(text + at, size - at, ")");
}

void
eal_test_start(unsigned int mib)
{
	/* The EAL keeps and edits its arguments. */
	static char args[][4096] = {"test", "--no-huge", "--no-shconf", "--no-telemetry", "-a",
		"ffff:ff:1f.7", "--log-level=*:error", "--lcores", "", "-m", ""};
	static char *argv[sizeof(args) / sizeof(args[0]) + 1];
	int argc = 0;

	lcores(args[8], sizeof(args[8]));
	(void)snprintf(args[10], sizeof(args[10]), "%u", mib);
	for (; argc < (int)(sizeof(args) / sizeof(args[0])); argc++) {
		argv[argc] = args[argc];
	}
	must(rte_eal_init(argc, argv) >= 0, "no EAL");
}

struct rte_mempool *
eal_test_pool(unsigned int n, uint16_t room)
{
	static unsigned int number;
	struct rte_mempool *pool;
	char name[32];

	(void)snprintf(name, sizeof(name), "test_%u", number++);
	pool = rte_pktmbuf_pool_create(
		name, n, 0, 0, (uint16_t)(room + RTE_PKTMBUF_HEADROOM), SOCKET_ID_ANY);
	must(pool != NULL, "no memory for a pool");
	return pool;
}

struct rte_mbuf *
eal_test_chain(struct rte_mempool *pool, const uint8_t *bytes, uint32_t len, uint32_t first,
	uint64_t *random)
{
	struct rte_mbuf *head = NULL;
	struct rte_mbuf *last = NULL;
	uint32_t done = 0;

	do {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		uint32_t left = len - done;
		uint32_t take;

		must(m != NULL, "the pool is empty");
		take = head == NULL ? first : 1 + random_below(random, rte_pktmbuf_tailroom(m));
		take = RTE_MIN(take, left);
		take = RTE_MIN(take, (uint32_t)rte_pktmbuf_tailroom(m));
		memcpy(rte_pktmbuf_append(m, (uint16_t)take), bytes + done, take);
		done += take;
		if (head == NULL) {
			head = m;
		} else {
			last->next = m;
			head->nb_segs++;
			head->pkt_len += take;
		}
		last = m;
	} while (done < len);
	return head;
}

uint32_t
eal_test_bytes(const struct rte_mbuf *mbuf, uint8_t *bytes)
{
	uint32_t at = 0;
	uint16_t n = 0;

	for (const struct rte_mbuf *m = mbuf; m != NULL; m = m->next) {
		memcpy(bytes + at, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
		at += m->data_len;
		n++;
	}
	must(at == mbuf->pkt_len && n == mbuf->nb_segs, "a chain's lengths do not add up");
	return at;
}
