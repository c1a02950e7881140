/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/kernel/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

LOG_MODULE("netns");

static void
netns_path(const char *netns, char *path, size_t size)
{
	path[0] = '\0';
	if (netns[0] == '/') {
		str_copy(path, netns, size);
	} else if (netns[strspn(netns, "0123456789")] == '\0') {
		str_appendf(path, size, "/proc/%s/ns/net", netns);
	} else {
		str_appendf(path, size, "/run/netns/%s", netns);
	}
}

bool
netns_identify(const char *netns, struct netns_id *id)
{
	char path[300] = "/proc/self/ns/net";
	struct stat st;

	if (netns[0] != '\0') {
		netns_path(netns, path, sizeof(path));
	}
	if (stat(path, &st) != 0) {
		return false;
	}
	*id = (struct netns_id){.dev = st.st_dev, .ino = st.st_ino};
	return true;
}

int
netns_enter_fd(int fd, struct netns_visit *visit)
{
	int rc = 0;

	visit->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (visit->home < 0) {
		return -errno;
	}
	if (setns(fd, CLONE_NEWNET) != 0) {
		rc = -errno;
		(void)close(visit->home);
		visit->home = -1;
	}
	return rc;
}

int
netns_enter(const char *netns, struct netns_visit *visit, struct err *err)
{
	char path[300];
	int rc;
	int fd;

	visit->home = -1;
	if (netns[0] == '\0') {
		return 0;
	}
	netns_path(netns, path, sizeof(path));
	/* Whatever the path names, opening it must not wait: a FIFO would. */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		return err_set(err, ERR_INVALID, "netns",
			"network namespace '%s' cannot be opened (%s: %s); `ip netns list` shows "
			"the named ones, a container is given by the pid of its first process",
			netns, path, strerror(errno));
	}
	rc = netns_enter_fd(fd, visit);
	if (rc == -EINVAL) {
		rc = err_set(err, ERR_INVALID, "netns",
			"'%s' is not a network namespace; `ip netns list` shows the named ones",
			path);
	} else if (rc != 0) {
		rc = err_set(err, rc == -EPERM ? ERR_DENIED : ERR_INVALID, "netns",
			"cannot enter '%s': %s%s", path, strerror(-rc),
			rc == -EPERM ? "; vswitchd needs CAP_SYS_ADMIN for this leaf" : "");
	}
	(void)close(fd);
	return rc;
}

void
netns_return(struct netns_visit *visit)
{
	if (visit->home < 0) {
		return;
	}
	if (setns(visit->home, CLONE_NEWNET) != 0) {
		log_error(
			"cannot return to the daemon's own network namespace: %s", strerror(errno));
		abort();
	}
	(void)close(visit->home);
	visit->home = -1;
}
