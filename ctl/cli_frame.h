/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A frame in a few words: addresses, tags, type. For people who look at events; whoever needs more
 * pipes --json into a program of theirs. One thread.
 *
 * The bytes come from whoever sent the frame: every length is checked, and nothing but digits and
 * names from tables is printed.
 */
#ifndef VSW_CTL_CLI_FRAME_H
#define VSW_CTL_CLI_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define CLI_FRAME_TEXT_SIZE 256

/*
 * "52:54:00:00:00:01 > ff:ff:ff:ff:ff:ff vlan 10 ipv4 10.0.0.1 > 10.0.0.2 udp" from a frame in hex,
 * which may be cut anywhere: what is not there is left out.
 */
const char *cli_frame_text(const char *hex, char text[CLI_FRAME_TEXT_SIZE]);

/* The same of bytes. */
const char *cli_frame_bytes(const uint8_t *bytes, size_t len, char text[CLI_FRAME_TEXT_SIZE]);

#endif
