/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes as text: RFC 4648, section 4. Any thread. */
#ifndef VSW_CTL_BASE64_H
#define VSW_CTL_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* Characters of n bytes, without a NUL. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Writes BASE64_LEN(n) characters and a NUL. */
void base64_encode(const uint8_t *bytes, size_t n, char *text);

/*
 * `bytes` has room for len / 4 * 3. Returns how many there are, or (size_t)-1 if the text is not
 * base64 with its padding.
 */
size_t base64_decode(const char *text, size_t len, uint8_t *bytes);

#endif
