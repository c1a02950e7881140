/* SPDX-License-Identifier: BSD-3-Clause */
/* What the generator says about frames must be right before anything it says about speed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "perf/loadgen/frame.h"
#include "perf/loadgen/histogram.h"
#include "perf/loadgen/stream.h"

static void
test_order(void **state)
{
	static const uint32_t numbers[] = {0, 1, 2, 5, 3, 3, 6, 2, 4, 9};
	struct stream stream = {0};

	(void)state;
	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		stream_take(&stream, numbers[i]);
	}
	assert_int_equal(stream.received, 8);
	assert_int_equal(stream.reordered, 2); /* 3 and 4 */
	assert_int_equal(stream.duplicated, 2); /* 3 and 2 */
	assert_int_equal(stream.next_expected, 10);
}

static void
test_wrap(void **state)
{
	struct stream stream = {.next_expected = UINT32_MAX - 1, .horizon = UINT32_MAX - 1};

	(void)state;
	stream_take(&stream, UINT32_MAX);
	stream_take(&stream, 1);
	stream_take(&stream, 0);
	stream_take(&stream, UINT32_MAX - 1);
	assert_int_equal(stream.received, 4);
	assert_int_equal(stream.reordered, 2);
	assert_int_equal(stream.duplicated, 0);
	assert_int_equal(stream.n_gaps, 0);
}

/* More gaps than can be remembered: what is older counts as late, never as a duplicate. */
static void
test_many_gaps(void **state)
{
	struct stream stream = {0};
	const uint32_t n = 4 * STREAM_GAPS;

	(void)state;
	for (uint32_t i = 0; i < n; i++) {
		stream_take(&stream, 2 * i + 1);
	}
	for (uint32_t i = 0; i < n; i++) {
		stream_take(&stream, 2 * i);
	}
	assert_int_equal(stream.received, 2 * n);
	assert_int_equal(stream.reordered, n);
	assert_int_equal(stream.duplicated, 0);
}

static void
test_percentiles(void **state)
{
	struct histogram *histogram = calloc(1, sizeof(*histogram));

	(void)state;
	assert_non_null(histogram);
	assert_int_equal(histogram_percentile(histogram, 0.5), 0);
	for (uint64_t i = 1; i <= 100000; i++) {
		histogram_add(histogram, i * 1000, 1);
	}
	const double shares[] = {0.01, 0.5, 0.99, 0.999};
	for (unsigned int i = 0; i < 4; i++) {
		const double right = shares[i] * 1e8;
		const double got = (double)histogram_percentile(histogram, shares[i]);
		assert_true(got > right * 0.97 && got < right * 1.03);
	}
	histogram_add(histogram, UINT64_MAX, 1);
	assert_true(histogram_bucket(UINT64_MAX) < HISTOGRAM_BUCKETS);
	free(histogram);
}

static uint32_t
checksum(const uint8_t *ip)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < FRAME_IPV4; i += 2) {
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	}
	while (sum > 0xffff) {
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* Every flow is another frame, and each has a right IPv4 checksum. */
static void
test_flows(void **state)
{
	(void)state;
	for (int fields = FLOW_MAC; fields <= FLOW_VLAN; fields++) {
		const struct frame_layout layout = frame_layout((enum flow_fields)fields, false);
		uint8_t frame[64];
		uint8_t before[64] = {0};
		assert_true(layout.stamp + sizeof(struct stamp) <= FRAME_MIN);
		frame_build(&layout, frame, sizeof(frame), 0, 1);
		for (uint32_t flow = 0; flow < 4000; flow++) {
			frame_set_flow(&layout, frame, 1, flow);
			assert_memory_not_equal(frame, before, layout.stamp);
			memcpy(before, frame, sizeof(frame));
			assert_int_equal(checksum(frame + layout.l3), 0xffff);
		}
	}
}

/* No frame of a storm is like another, and checksums are right. */
static void
test_storm(void **state)
{
	const uint32_t n = 1u << 22;
	uint8_t *seen = calloc(UINT32_MAX / 8 + 1, 1);

	(void)state;
	assert_non_null(seen);
	for (uint32_t i = 0; i < n; i++) {
		/* Also where the counter is far on. */
		const uint32_t mixed = frame_mix(i % 2 == 0 ? i : UINT32_MAX - i);
		assert_int_equal(seen[mixed / 8] & 1u << mixed % 8, 0);
		seen[mixed / 8] |= (uint8_t)(1u << mixed % 8);
	}
	free(seen);
	for (int tag = 0; tag < 2; tag++) {
		const struct frame_layout layout = frame_layout(tag ? FLOW_VLAN : FLOW_MAC, false);
		uint8_t frame[64];
		uint8_t before[64];
		frame_build(&layout, frame, sizeof(frame), 2, 0);
		for (uint32_t i = 1; i < 1000; i++) {
			memcpy(before, frame, sizeof(frame));
			frame_set_storm(&layout, frame, true, false, i);
			assert_memory_not_equal(frame + 6, before + 6, 6);
			assert_memory_equal(frame + 12, before + 12, sizeof(frame) - 12);
			assert_memory_equal(frame, before, 6);
			frame_set_storm(&layout, frame, false, true, i);
			assert_memory_not_equal(frame + layout.l3, before + layout.l3, 24);
			assert_int_equal(checksum(frame + layout.l3), 0xffff);
		}
	}
}

static void
test_filling(void **state)
{
	uint8_t bytes[3000];

	(void)state;
	frame_fill(bytes, sizeof(bytes), 58, 77);
	assert_true(frame_check(bytes, sizeof(bytes), 58, 77));
	/* In pieces, as it comes in merged buffers. */
	assert_true(frame_check(bytes, 1001, 58, 77));
	assert_true(frame_check(bytes + 1001, 1999, 58 + 1001, 77));
	assert_false(frame_check(bytes, sizeof(bytes), 58, 78));
	for (unsigned int i = 0; i < sizeof(bytes); i++) {
		bytes[i] ^= 1;
		assert_false(frame_check(bytes, sizeof(bytes), 58, 77));
		bytes[i] ^= 1;
	}
}

static void
test_zipf(void **state)
{
	struct flows flows;
	uint32_t counts[100] = {0};
	uint32_t cursor = 0;

	(void)state;
	assert_int_equal(flows_init(&flows, FLOW_MAC, 100, 1.0), 0);
	for (uint32_t i = 0; i < flows.n_drawn; i++) {
		const uint32_t flow = flows_next(&flows, &cursor);
		assert_true(flow < 100);
		counts[flow]++;
	}
	assert_int_equal(cursor, 0);
	/* Shares 1, 1/2, ... of the harmonic sum 5.187. */
	assert_true(abs((int)counts[0] - (int)(flows.n_drawn / 5.187)) < (int)flows.n_drawn / 100);
	assert_true(counts[1] * 2 > counts[0] * 9 / 10 && counts[1] * 2 < counts[0] * 11 / 10);
	flows_fini(&flows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_many_gaps),
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_flows),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_filling),
		cmocka_unit_test(test_zipf),
	};

	return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
