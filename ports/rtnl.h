/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One question to the kernel's rtnetlink(7), and its answer, about the network namespace that the
 * calling thread was in when the socket was made. The kernel answers from its own tables; nobody
 * else can make this wait.
 *
 * Threads: main. Errors are -errno.
 */
#ifndef VSW_PORTS_RTNL_H
#define VSW_PORTS_RTNL_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Send `request` (nlmsg_len bytes) and receive one message of type `reply_type` into `reply`, which
 * has `size` bytes and is aligned as a struct nlmsghdr. Its length, all of it valid; or -errno, the
 * kernel's where it refuses.
 */
int
rtnl_ask_on(int fd, const struct nlmsghdr *request, void *reply, size_t size, uint16_t reply_type);

/* A socket for that, or -errno. */
int rtnl_socket(void);

/* The same with a socket of its own. */
int rtnl_ask(const struct nlmsghdr *request, void *reply, size_t size, uint16_t reply_type);

#endif
