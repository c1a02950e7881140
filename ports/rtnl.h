/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One question to the kernel's rtnetlink(7), and its answer, in the network namespace that the
 * calling thread is in. The kernel answers from its own tables; nobody else can make this wait.
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
int rtnl_ask(const struct nlmsghdr *request, void *reply, size_t size, uint16_t reply_type);

#endif
