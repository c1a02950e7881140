/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/rtnl.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int
rtnl_ask(const struct nlmsghdr *request, void *reply, size_t size, uint16_t reply_type)
{
	const struct nlmsghdr *header = reply;
	struct timeval wait = {.tv_sec = 2};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n = -1;
	int rc;

	if (fd < 0) {
		return -errno;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (send(fd, request, request->nlmsg_len, 0) == (ssize_t)request->nlmsg_len) {
		n = recv(fd, reply, size, 0);
	}
	rc = n < 0 ? -errno : (int)n;
	(void)close(fd);
	if (rc < 0) {
		return rc;
	}
	if (!NLMSG_OK(header, (uint32_t)rc)) {
		return -EPROTO;
	}
	if (header->nlmsg_type == NLMSG_ERROR) {
		return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
	}
	return header->nlmsg_type == reply_type ? rc : -EPROTO;
}
