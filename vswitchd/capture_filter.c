/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/capture_filter.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/suggest.h"
#include "datapath/pipe/capture.h"

#define WORD_SIZE 64

/* pcap-filter(7), those that make sense on Ethernet. */
static const char *const words[] = {"and", "or", "not", "dst", "src", "host", "net", "mask", "port",
	"portrange", "less", "greater", "len", "proto", "gateway", "byte", "broadcast", "multicast",
	"ether", "link", "ip", "ip6", "arp", "rarp", "tcp", "udp", "icmp", "icmp6", "igmp", "igrp",
	"pim", "vrrp", "carp", "ah", "esp", "sctp", "stp", "llc", "vlan", "mpls", "pppoed",
	"pppoes", "geneve", "ipx", "netbeui", "iso", "clnp", "esis", "isis", "atalk", "aarp", "lat",
	"sca", "moprc", "mopdl", "decnet", "icmptype", "icmpcode", "tcpflags", "icmp6type",
	"icmp6code", "icmp-echoreply", "icmp-unreach", "icmp-sourcequench", "icmp-redirect",
	"icmp-echo", "icmp-routeradvert", "icmp-routersolicit", "icmp-timxceed", "icmp-paramprob",
	"icmp-tstamp", "icmp-tstampreply", "icmp-ireq", "icmp-ireqreply", "icmp-maskreq",
	"icmp-maskreply", "icmp6-destinationrunreach", "icmp6-packettoobig", "icmp6-timeexceeded",
	"icmp6-parameterproblem", "icmp6-echo", "icmp6-echoreply", "icmp6-routersolicit",
	"icmp6-routeradvert", "icmp6-neighborsolicit", "icmp6-neighboradvert", "icmp6-redirect",
	"tcp-fin", "tcp-syn", "tcp-rst", "tcp-push", "tcp-ack", "tcp-urg", "tcp-ece", "tcp-cwr"};

static bool
is_word(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(words[i], text) == 0) {
			return true;
		}
	}
	return false;
}

/* At least one of `digits`, up to `most`; returns what follows, or NULL. */
static const char *
skip_digits(const char *text, const char *digits, size_t most)
{
	const size_t n = strspn(text, digits);

	return n == 0 || n > most ? NULL : text + n;
}

#define DECIMAL "0123456789"
#define HEXADECIMAL DECIMAL "abcdefABCDEF"

/* Up to `most` groups of digits with `between` each two of them. */
static bool
is_groups(const char *text, const char *digits, size_t width, char between, int least, int most)
{
	int n = 1;

	while ((text = skip_digits(text, digits, width)) != NULL && *text == between) {
		text++;
		n++;
	}
	return text != NULL && *text == '\0' && n >= least && n <= most;
}

/* All that libpcap's scanner takes for a number or an address, and never for a name. */
static bool
is_number(const char *text)
{
	uint8_t address[sizeof(struct in6_addr)];

	if (strncmp(text, "0x", 2) == 0) {
		return is_groups(text + 2, HEXADECIMAL, 8, ':', 1, 1);
	}
	return is_groups(text, DECIMAL, 10, '.', 1, 4) || is_groups(text, DECIMAL, 5, '-', 2, 2) ||
		is_groups(text, HEXADECIMAL, 2, ':', 6, 6) ||
		inet_pton(AF_INET6, text, address) == 1;
}

/* The characters of names, numbers and addresses, as libpcap's scanner takes them together. */
static bool
in_word(char c, size_t at)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == ':' ||
		(c == '-' && at > 0);
}

static int
refuse_word(const char *word, struct err *err)
{
	struct suggest suggest;

	suggest_init(&suggest, word, strlen(word));
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		suggest_offer(&suggest, words[i]);
	}
	return err_set(err, ERR_INVALID, "filter",
		"'%s' is no word of a filter%s; hosts, networks and ports are given as numbers, "
		"such as 'host 10.0.0.1 and port 80'",
		word, suggest_text(&suggest));
}

/*
 * In brackets stands arithmetic: ':' and '-' are signs of their own there, as in tcp[0:2], so what
 * is between them is checked.
 */
static int
check_words(const char *text, struct err *err)
{
	bool brackets = false;

	for (const char *c = text; *c != '\0';) {
		char word[WORD_SIZE];
		size_t n = 0;

		if (!in_word(*c, 0)) {
			brackets = *c == '[' || (brackets && *c != ']');
			if (*c == '\\') {
				return err_set(err, ERR_INVALID, "filter",
					"a filter has no '\\': write 'ip' for 'ether proto \\ip'");
			}
			if (!isprint((unsigned char)*c) && !isspace((unsigned char)*c)) {
				return err_set(err, ERR_INVALID, "filter",
					"a filter has printable ASCII characters only");
			}
			c++;
			continue;
		}
		while (in_word(c[n], n) && !(brackets && c[n] == ':')) {
			n++;
		}
		if (n == 0) {
			c++; /* the colon */
			continue;
		}
		(void)snprintf(word, sizeof(word), "%.*s", (int)n, c);
		if (!is_word(word) && !is_number(word)) {
			return refuse_word(word, err);
		}
		c += n;
	}
	return 0;
}

int
capture_filter_compile(const char *text, struct bpf_program *program, struct err *err)
{
	pcap_t *pcap;
	int rc;

	if (strlen(text) > CAPTURE_FILTER_MAX) {
		return err_set(err, ERR_INVALID, "filter", "a filter has at most %d bytes",
			CAPTURE_FILTER_MAX);
	}
	rc = check_words(text, err);
	if (rc != 0) {
		return rc;
	}
	pcap = pcap_open_dead(DLT_EN10MB, (int)CAPTURE_KEEP_MAX);
	if (pcap == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	if (pcap_compile(pcap, program, text, 0, PCAP_NETMASK_UNKNOWN) != 0) {
		rc = err_set(
			err, ERR_INVALID, "filter", "the filter is wrong: %s", pcap_geterr(pcap));
	} else if (program->bf_len == 0 ||
		bpf_validate(program->bf_insns, (int)program->bf_len) == 0) {
		capture_filter_free(program);
		rc = err_set(err, ERR_INVALID, "filter", "the filter cannot be carried out");
	}
	pcap_close(pcap);
	return rc;
}

void
capture_filter_free(struct bpf_program *program)
{
	if (program->bf_insns != NULL) {
		pcap_freecode(program);
	}
	*program = (struct bpf_program){.bf_len = 0};
}
