/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints a set of rules (ruleset.h) as a file for `vswitchctl flow add` or `ovs-ofctl add-flows`.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/micro/ruleset.h"

#define EXIT_USAGE 2
#define RULES_MAX 4000000
#define PREFIXES_MAX 32 /* of a range of ports */
#define ADDRESS_SIZE 32
#define PORT_SIZE 32

static const char usage[] =
	"Usage: rules_text [--masks] SHAPE N\n"
	"\n"
	"Print about N rules of a shape (acl, firewall, chains), all with actions=normal.\n"
	"  --masks   ranges of ports as several rules with masks, as ovs-ofctl wants them\n";

static const char *
address(char *text, const char *name, uint32_t value, uint8_t len)
{
	const struct in_addr addr = {.s_addr = htonl(value)};
	char dotted[INET_ADDRSTRLEN];

	text[0] = '\0';
	if (len > 0) {
		(void)snprintf(text, ADDRESS_SIZE, ",%s=%s/%u", name,
			inet_ntop(AF_INET, &addr, dotted, sizeof(dotted)), len);
	}
	return text;
}

/* The port matches of a range: one, or a mask for each aligned block in it. */
static unsigned int
ports(char (*texts)[PORT_SIZE], const char *name, struct match_range range, bool masks)
{
	unsigned int n = 0;

	if (match_range_is_all(range)) {
		texts[0][0] = '\0';
		return 1;
	}
	if (range.low == range.high) {
		(void)snprintf(texts[0], PORT_SIZE, ",%s=%u", name, range.low);
		return 1;
	}
	if (!masks) {
		(void)snprintf(texts[0], PORT_SIZE, ",%s=%u-%u", name, range.low, range.high);
		return 1;
	}
	for (uint32_t low = range.low; low <= range.high && n < PREFIXES_MAX;) {
		uint32_t size = low == 0 ? 65536 : low & -low;

		while (low + size - 1 > range.high) {
			size /= 2;
		}
		(void)snprintf(texts[n++], PORT_SIZE, ",%s=0x%x/0x%x", name, low,
			(unsigned int)(~(size - 1) & UINT16_MAX));
		low += size;
	}
	return n;
}

static const char *
protocol(uint8_t proto)
{
	return proto == IPPROTO_TCP     ? "tcp"
		: proto == IPPROTO_UDP  ? "udp"
		: proto == IPPROTO_ICMP ? "icmp"
					: "ip";
}

static void
print_rule(const struct ruleset_rule *rule, uint16_t priority, bool masks)
{
	char sports[PREFIXES_MAX][PORT_SIZE];
	char dports[PREFIXES_MAX][PORT_SIZE];
	const unsigned int n_sports = ports(sports, "tp_src", rule->sport, masks);
	const unsigned int n_dports = ports(dports, "tp_dst", rule->dport, masks);
	char src[ADDRESS_SIZE];
	char dst[ADDRESS_SIZE];

	(void)address(src, "nw_src", rule->src, rule->src_len);
	(void)address(dst, "nw_dst", rule->dst, rule->dst_len);
	for (unsigned int s = 0; s < n_sports; s++) {
		for (unsigned int d = 0; d < n_dports; d++) {
			(void)printf("priority=%u,%s%s%s%s%s,actions=normal\n", priority,
				protocol(rule->proto), src, dst, sports[s], dports[d]);
		}
	}
}

int
main(int argc, char **argv)
{
	const bool masks = argc > 1 && strcmp(argv[1], "--masks") == 0;
	const char *const *words = (const char *const *)argv + (masks ? 2 : 1);
	unsigned int shape = 0;
	struct ruleset set;
	char *end = NULL;
	size_t n;

	if (argc != (masks ? 4 : 3)) {
		(void)fputs(usage, stderr);
		return EXIT_USAGE;
	}
	while (shape < N_RULESET_SHAPES && strcmp(words[0], ruleset_names[shape]) != 0) {
		shape++;
	}
	n = strtoul(words[1], &end, 10);
	if (shape == N_RULESET_SHAPES || *end != '\0' || n == 0 || n > RULES_MAX) {
		(void)fputs(usage, stderr);
		return EXIT_USAGE;
	}
	ruleset_init(&set, (enum ruleset_shape)shape, n);
	for (size_t i = 0; i < set.n; i++) {
		print_rule(&set.rules[i], (uint16_t)(1 + ruleset_priority(&set, i) / 2), masks);
	}
	ruleset_fini(&set);
	return 0;
}
