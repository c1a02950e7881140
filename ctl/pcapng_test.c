/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks byte by byte, as the draft has them, and what is read back of them. */
#include "ctl/pcapng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static void
check_bytes(const uint8_t *got, size_t n, const uint8_t *wanted, size_t size)
{
	assert_int_equal(n, size);
	assert_memory_equal(got, wanted, size);
}

static void
test_section(void **state)
{
	/* little endian: type, length, magic, 1.0, unknown length, shb_userappl "vsw", end, length
	 */
	static const uint8_t wanted[] = {0x0a, 0x0d, 0x0d, 0x0a, 40, 0, 0, 0, 0x4d, 0x3c, 0x2b,
		0x1a, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 4, 0, 3, 0, 'v',
		's', 'w', 0, 0, 0, 0, 0, 40, 0, 0, 0};
	uint8_t got[64];

	(void)state;
	check_bytes(got, pcapng_section(got, sizeof(got), "vsw"), wanted, sizeof(wanted));
}

static void
test_interface(void **state)
{
	/* Ethernet, snapshot length 256, if_name "vm12", if_tsresol 9 */
	static const uint8_t wanted[] = {1, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 2, 0, 4,
		0, 'v', 'm', '1', '2', 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0};
	uint8_t got[64];

	(void)state;
	check_bytes(got, pcapng_interface(got, sizeof(got), "vm12", 256), wanted, sizeof(wanted));
}

static void
test_packet(void **state)
{
	/* interface 2, time in two halves, 5 of 60 bytes, opt_comment "why", epb_flags outbound */
	static const uint8_t wanted[] = {6, 0, 0, 0, 60, 0, 0, 0, 2, 0, 0, 0, 0x04, 0x03, 0x02,
		0x01, 0x08, 0x07, 0x06, 0x05, 5, 0, 0, 0, 60, 0, 0, 0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5,
		0, 0, 0, 1, 0, 3, 0, 'w', 'h', 'y', 0, 2, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0,
		0};
	static const uint8_t frame[] = {0xa1, 0xa2, 0xa3, 0xa4, 0xa5};
	const struct pcapng_packet packet = {
		.interface = 2,
		.direction = PCAPNG_OUTBOUND,
		.time = UINT64_C(0x0102030405060708),
		.frame_len = 60,
		.len = sizeof(frame),
		.bytes = frame,
		.comment = "why",
	};
	uint8_t got[64];

	(void)state;
	check_bytes(got, pcapng_packet(got, sizeof(got), &packet), wanted, sizeof(wanted));
}

static void
test_statistics(void **state)
{
	/* interface 0, time, isb_ifrecv 7, isb_ifdrop 2, isb_usrdeliv 5 */
	static const uint8_t wanted[] = {5, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0,
		0, 4, 0, 8, 0, 7, 0, 0, 0, 0, 0, 0, 0, 5, 0, 8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 8, 0, 8,
		0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0};
	const struct pcapng_counts counts = {
		.time = UINT64_C(0x100000002), .received = 7, .lost = 2};
	uint8_t got[64];

	(void)state;
	check_bytes(got, pcapng_statistics(got, sizeof(got), &counts), wanted, sizeof(wanted));
}

static void
test_no_room(void **state)
{
	const struct pcapng_counts counts = {.received = 1};
	uint8_t got[64];

	(void)state;
	memset(got, 0x55, sizeof(got));
	for (size_t room = 0; room < 40; room++) {
		assert_int_equal(pcapng_section(got, room, "vsw"), 0);
		assert_int_equal(pcapng_interface(got, room, "vm12", 256), 0);
		assert_int_equal(pcapng_statistics(got, room, &counts), 0);
		assert_int_equal(got[room], 0x55);
	}
	assert_int_equal(pcapng_section(got, 40, "vsw"), 40);
	assert_int_equal(got[40], 0x55);
}

/* --- reading back ------------------------------------------------------------------------------
 */

static void
test_read_back(void **state)
{
	static const uint8_t frame[] = {1, 2, 3, 4, 5, 6, 7};
	const struct pcapng_packet packet = {.interface = 3,
		.direction = PCAPNG_INBOUND,
		.time = UINT64_C(1700000000123456789),
		.frame_len = 1500,
		.len = sizeof(frame),
		.bytes = frame,
		.comment = "dropped: runt"};
	struct pcapng_packet got;
	struct pcapng_block block;
	struct pcapng_counts counts;
	uint8_t bytes[256];
	char name[8];
	size_t n = pcapng_packet(bytes, sizeof(bytes), &packet);

	(void)state;
	assert_int_equal(pcapng_block(bytes, n, &block), n);
	assert_true(pcapng_read_packet(&block, &got));
	assert_int_equal(got.interface, 3);
	assert_int_equal(got.direction, PCAPNG_INBOUND);
	assert_true(got.time == packet.time);
	assert_int_equal(got.frame_len, 1500);
	assert_int_equal(got.len, sizeof(frame));
	assert_memory_equal(got.bytes, frame, sizeof(frame));
	assert_int_equal(got.comment_len, strlen(packet.comment));
	assert_memory_equal(got.comment, packet.comment, got.comment_len);
	assert_false(pcapng_read_statistics(&block, &counts));
	n = pcapng_interface(bytes, sizeof(bytes), "a-long-name", 64);
	assert_int_equal(pcapng_block(bytes, n, &block), n);
	assert_true(pcapng_read_interface(&block, name, sizeof(name)));
	assert_string_equal(name, "a-long-");
	n = pcapng_statistics(
		bytes, sizeof(bytes), &(struct pcapng_counts){.received = 9, .lost = 4});
	assert_int_equal(pcapng_block(bytes, n, &block), n);
	assert_true(pcapng_read_statistics(&block, &counts));
	assert_int_equal(counts.received, 9);
	assert_int_equal(counts.lost, 4);
}

static void
test_pieces_and_nonsense(void **state)
{
	struct pcapng_packet packet = {.len = 0, .frame_len = 60};
	struct pcapng_block block;
	uint8_t bytes[64];
	size_t n = pcapng_packet(bytes, sizeof(bytes), &packet);

	(void)state;
	for (size_t len = 0; len < n; len++) {
		assert_int_equal(pcapng_block(bytes, len, &block), 0);
	}
	/* A length of the packet beyond its block. */
	assert_int_equal(pcapng_block(bytes, n, &block), n);
	bytes[20] = 200;
	assert_false(pcapng_read_packet(&block, &packet));
	bytes[20] = 0;
	/* An option beyond it, and lengths of a block that cannot be. */
	bytes[n - 14] = 0xff;
	assert_true(pcapng_read_packet(&block, &packet));
	assert_int_equal(packet.direction, PCAPNG_UNKNOWN);
	bytes[n - 4]++;
	assert_int_equal(pcapng_block(bytes, n, &block), -1);
	bytes[4] = 3;
	assert_int_equal(pcapng_block(bytes, n, &block), -1);
	bytes[4] = 8;
	assert_int_equal(pcapng_block(bytes, n, &block), -1);
	memset(&bytes[4], 0xff, 4);
	assert_int_equal(pcapng_block(bytes, n, &block), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_section),
		cmocka_unit_test(test_interface),
		cmocka_unit_test(test_packet),
		cmocka_unit_test(test_statistics),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_read_back),
		cmocka_unit_test(test_pieces_and_nonsense),
	};

	return cmocka_run_group_tests_name("pcapng", tests, NULL, NULL);
}
