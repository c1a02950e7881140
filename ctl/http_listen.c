/* SPDX-License-Identifier: BSD-3-Clause */
/* The listening socket of the HTTP server. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/http_server.h"

#define BACKLOG 16

static int
parse_address(const char *address, uint16_t port, struct sockaddr_storage *storage, socklen_t *len,
	struct err *err)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;

	memset(storage, 0, sizeof(*storage));
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*len = sizeof(*v4);
		return 0;
	}
	if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		*len = sizeof(*v6);
		return 0;
	}
	return err_set(err, ERR_INVALID, "address",
		"'%s' is no IPv4 or IPv6 address, as in 127.0.0.1 or ::1", address);
}

static void
set_flag(int fd, int option, int value)
{
	(void)setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value));
}

/*
 * Two sockets may have one port when both ask for it while they are bound and begin to listen. It
 * is asked for only then, and only when the other one is ours: for all others the port stays taken.
 */
static int
listen_beside(int fd, int old, const struct sockaddr_storage *storage, socklen_t len)
{
	int rc = 0;

	if (old >= 0) {
		set_flag(fd, SO_REUSEPORT, 1);
		set_flag(old, SO_REUSEPORT, 1);
	}
	if (bind(fd, (const struct sockaddr *)storage, len) != 0 || listen(fd, BACKLOG) != 0) {
		rc = -errno;
	}
	if (old >= 0) {
		set_flag(old, SO_REUSEPORT, 0);
		set_flag(fd, SO_REUSEPORT, 0);
	}
	return rc;
}

static int
bind_failed(int error, const char *address, uint16_t port, struct err *err)
{
	switch (error) {
	case EADDRINUSE:
		return err_set(err, ERR_IN_USE, "port",
			"another process listens on port %u of %s; set another port, or end that "
			"one (ss -ltnp shows it)",
			port, address);
	case EADDRNOTAVAIL:
		return err_set(err, ERR_INVALID, "address",
			"no interface of this machine has the address %s", address);
	case EACCES:
		return err_set(err, ERR_DENIED, "port",
			"vswitchd may not listen on port %u; those above 1023 are free for all",
			port);
	default:
		return err_set(err, ERR_FAILED, "address", "port %u of %s: %s", port, address,
			strerror(error));
	}
}

int
http_listen(const char *address, uint16_t port, int old, int *fd, struct err *err)
{
	struct sockaddr_storage storage;
	socklen_t len = 0;
	int rc = parse_address(address, port, &storage, &len, err);
	int made;

	if (rc != 0) {
		return rc;
	}
	made = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (made < 0) {
		return bind_failed(errno, address, port, err);
	}
	/* connections that ended lately do not keep the port taken */
	set_flag(made, SO_REUSEADDR, 1);
	rc = listen_beside(made, old, &storage, len);
	if (rc != 0) {
		(void)close(made);
		return bind_failed(-rc, address, port, err);
	}
	*fd = made;
	return 0;
}
