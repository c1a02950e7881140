/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/rtnl.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int
rtnl_socket(void)
{
	struct timeval wait = {.tv_sec = 2};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0) {
		return -errno;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return fd;
}

int
rtnl_ask_on(int fd, const struct nlmsghdr *request, void *reply, size_t size, uint16_t reply_type)
{
	const struct nlmsghdr *header = reply;
	ssize_t n = -1;

	if (send(fd, request, request->nlmsg_len, 0) == (ssize_t)request->nlmsg_len) {
		n = recv(fd, reply, size, 0);
	}
	if (n < 0) {
		return -errno;
	}
	if (!NLMSG_OK(header, (uint32_t)n)) {
		return -EPROTO;
	}
	if (header->nlmsg_type == NLMSG_ERROR) {
		return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
	}
	return header->nlmsg_type == reply_type ? (int)n : -EPROTO;
}

int
rtnl_ask(const struct nlmsghdr *request, void *reply, size_t size, uint16_t reply_type)
{
	int fd = rtnl_socket();
	int rc;

	if (fd < 0) {
		return fd;
	}
	rc = rtnl_ask_on(fd, request, reply, size, reply_type);
	(void)close(fd);
	return rc;
}
