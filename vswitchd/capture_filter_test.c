/* SPDX-License-Identifier: BSD-3-Clause */
/* What filters may say, what they choose, and that no word of theirs is looked up. */
#include "vswitchd/capture_filter.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static unsigned int n_lookups;

/* What libpcap would ask for names; these come before those of the C library. Addresses are no
 * names. */
int
getaddrinfo(const char *restrict node, const char *restrict service,
	const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
		(__typeof__(real))dlsym(RTLD_NEXT, "getaddrinfo");

	uint8_t address[sizeof(struct in6_addr)];

	if (node != NULL && inet_pton(AF_INET6, node, address) == 1) {
		return real(node, service, hints, result);
	}
	*result = NULL;
	n_lookups++;
	return EAI_NONAME;
}

int
getnetbyname_r(const char *restrict name, struct netent *restrict entry, char *restrict buffer,
	size_t size, struct netent **restrict result, int *restrict error)
{
	(void)name;
	(void)entry;
	(void)buffer;
	(void)size;
	*result = NULL;
	*error = HOST_NOT_FOUND;
	n_lookups++;
	return 0;
}

/* Ethernet, VLAN 5, IPv4 10.0.0.1 > 10.0.0.2, UDP 1111 > 53. */
static const uint8_t tagged[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 5, 8, 0, 0x45, 0,
	0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 4, 87, 0, 53, 0, 8, 0, 0};

static bool
chooses(const char *text, const uint8_t *frame, uint32_t len)
{
	struct bpf_program program = {.bf_len = 0};
	struct err err = ERR_INIT;
	bool chosen;

	role_assert(&role_main);
	if (capture_filter_compile(text, &program, &err) != 0) {
		print_error("%s: %s\n", text, err.text);
		fail();
	}
	chosen = bpf_filter(program.bf_insns, frame, len, len) != 0;
	capture_filter_free(&program);
	return chosen;
}

static void
test_chooses(void **state)
{
	uint8_t plain[sizeof(tagged) - 4];

	(void)state;
	memcpy(plain, tagged, 12);
	memcpy(plain + 12, tagged + 16, sizeof(plain) - 12);
	assert_true(chooses("udp port 53", plain, sizeof(plain)));
	assert_true(chooses("src host 10.0.0.1 and dst net 10.0.0.0/24", plain, sizeof(plain)));
	assert_true(chooses("ip[9] = 17 and ether[12:2] == 0x0800", plain, sizeof(plain)));
	assert_true(chooses("ether host 02:00:00:00:00:01", plain, sizeof(plain)));
	assert_true(chooses("vlan 5 and udp dst port 53", tagged, sizeof(tagged)));
	assert_true(chooses("portrange 50-60", plain, sizeof(plain)));
	assert_true(chooses("ip[2:2] - ((ip[0] & 0xf) << 2) = 8", plain, sizeof(plain)));
	assert_false(chooses("udp port 53", tagged, sizeof(tagged)));
	assert_false(chooses("tcp or arp or ip6 host fe80::1", plain, sizeof(plain)));
	assert_false(chooses("tcp[tcpflags] & tcp-syn != 0", plain, sizeof(plain)));
	assert_false(chooses("ip6 net fe80::/10 or ip6 host ::1", plain, sizeof(plain)));
	assert_false(chooses("not (len <= 100)", plain, sizeof(plain)));
	assert_int_equal(n_lookups, 0);
}

static void
expect_refused(const char *text, const char *part)
{
	struct bpf_program program = {.bf_len = 0};
	struct err err = ERR_INIT;

	role_assert(&role_main);
	assert_int_equal(capture_filter_compile(text, &program, &err), -EINVAL);
	assert_string_equal(err.path, "filter");
	if (strstr(err.text, part) == NULL) {
		print_error("%s: %s\n", text, err.text);
		fail();
	}
	assert_null(program.bf_insns);
}

static void
test_refuses(void **state)
{
	static const char *const names[] = {"host www.example.org", "host example", "port http",
		"host dead:1", "host dead", "host 1abc", "host 1.2.3.4.5", "host 1.2.3.", "net lan",
		"ether host gw", "host 02:00:00:00:00:0g", "proto foo", "host 0xzz",
		"ip host a or tcp", "portrange ftp-80", "vlan 5 and host x-y"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		expect_refused(names[i], "is no word of a filter");
	}
	expect_refused("tpc port 80", "did you mean 'tcp'");
	expect_refused("ether proto \\ip", "write 'ip'");
	expect_refused("udp port 53\xc3\xa4", "printable");
	expect_refused("udp port", "the filter is wrong");
	expect_refused("(tcp", "the filter is wrong");
	expect_refused("port 70000", "the filter is wrong");
	assert_int_equal(n_lookups, 0);
}

static void
test_length(void **state)
{
	char text[CAPTURE_FILTER_MAX + 2] = "tcp";

	(void)state;
	while (strlen(text) < CAPTURE_FILTER_MAX - 10) {
		(void)str_append(text, " or tcp", sizeof(text));
	}
	assert_false(chooses(text, tagged, sizeof(tagged)));
	memset(text, ' ', CAPTURE_FILTER_MAX + 1);
	expect_refused(text, "at most 1024");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chooses),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_length),
	};
	int rc;

	role_enter(&role_main);
	rc = cmocka_run_group_tests_name("capture-filter", tests, NULL, NULL);
	role_leave(&role_main);
	return rc;
}
