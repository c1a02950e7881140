/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

/* RFC 4648, section 10. */
static void
test_of_the_rfc(void **state)
{
	static const char *const texts[] = {
		"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
	uint8_t bytes[8];
	char text[16];

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(texts); n++) {
		base64_encode((const uint8_t *)"foobar", n, text);
		assert_string_equal(text, texts[n]);
		assert_int_equal(strlen(text), BASE64_LEN(n));
		assert_int_equal(base64_decode(text, strlen(text), bytes), n);
		assert_memory_equal(bytes, "foobar", n);
	}
}

static void
test_all_values(void **state)
{
	uint8_t bytes[256];
	uint8_t back[256];
	char text[BASE64_LEN(256) + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(i * 37);
	}
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		base64_encode(bytes, n, text);
		assert_int_equal(base64_decode(text, BASE64_LEN(n), back), n);
		assert_memory_equal(back, bytes, n);
	}
}

static void
test_refuses(void **state)
{
	static const char *const texts[] = {
		"Zg=", "Z", "Zg==Zg==", "Z===", "====", "Zm9v\n", "Zm 9", "Zm9-"};
	uint8_t bytes[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_true(base64_decode(texts[i], strlen(texts[i]), bytes) == (size_t)-1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_the_rfc),
		cmocka_unit_test(test_all_values),
		cmocka_unit_test(test_refuses),
	};

	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
