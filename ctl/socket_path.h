/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the control socket is when nobody says: one rule for the daemon and its clients.
 *
 *	the option (--socket), else $VSWITCHD_SOCKET, else
 *	root: /run/vswitch/vswitchd.sock
 *	a user: $XDG_RUNTIME_DIR/vswitch/vswitchd.sock
 *
 * A user's daemon and root's thus never meet by accident; a user in the group of root's socket
 *names it. Any thread (reads the environment).
 */
#ifndef VSW_CTL_SOCKET_PATH_H
#define VSW_CTL_SOCKET_PATH_H

#include <stddef.h>

#include "base/err.h"

#define SOCKET_PATH_SIZE 108 /* that of struct sockaddr_un, terminator included */
#define SOCKET_PATH_ENV "VSWITCHD_SOCKET"
#define SOCKET_PATH_SYSTEM "/run/vswitch/vswitchd.sock"

/*
 * Write the path that holds for this process. `option` may be NULL or "". ERR_INVALID if it is too
 * long, ERR_MISSING if there is no option, no variable, and no XDG_RUNTIME_DIR to derive it from.
 */
int socket_path_find(const char *option, char *path, size_t size, struct err *err);

#endif
