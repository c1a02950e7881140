/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SCTP's checksum (CRC32c, RFC 9260, section 6.8 and appendix A) kept right while a word changes.
 *
 * A CRC is linear: the CRCs of two messages of one length differ by the plain remainder (no initial
 * value, no inversion) of the difference of the messages. A difference of 32 bits that is followed
 * by n zero bytes has the remainder difference * x^(8 * (n + 4)) mod P. So the update needs where
 * the word is and how long the message is, and none of its other bytes. It costs one multiplication
 * of polynomials, about 100 cycles, for each bit set in the length: SCTP's ports are seldom
 * rewritten, so this is small rather than fast.
 *
 * Any thread; plain arithmetic.
 */
#ifndef VSW_DATAPATH_CORE_CRC32C_H
#define VSW_DATAPATH_CORE_CRC32C_H

#include <stdint.h>

/*
 * What to XOR to the CRC32c of a message when `diff` is XORed to four of its bytes; `len` bytes of
 * the message begin with those four, 4 <= len. Both words are little-endian, as the checksum is on
 * the wire.
 */
uint32_t crc32c_diff(uint32_t diff, uint16_t len);

#endif
