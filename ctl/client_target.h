/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What --socket names: a path, or a daemon elsewhere as HOST:PORT, tls://HOST:PORT or tls://HOST.
 * An IPv6 address stands in brackets. What has a slash (but for tls://), or no port, is a path. Any
 * thread, no state.
 */
#ifndef VSW_CTL_CLIENT_TARGET_H
#define VSW_CTL_CLIENT_TARGET_H

#include <stdbool.h>

#define CLIENT_HOST_SIZE 256 /* a name of DNS has up to 253 bytes */
#define CLIENT_PORT_DEFAULT "6652" /* that of /system/remote */

struct client_target {
	char host[CLIENT_HOST_SIZE]; /* name or address, without brackets */
	char port[6]; /* a number from 1 to 65535 */
};

enum client_target_kind {
	CLIENT_TARGET_PATH,
	CLIENT_TARGET_HOST, /* the target is filled */
	CLIENT_TARGET_WRONG, /* tls:// with something that is no HOST:PORT */
};

enum client_target_kind client_target_parse(const char *text, struct client_target *out);

#endif
