/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/xdp/xdp_prog.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "base/str.h"
#include "ports/xdp/steer.skel.h"

LOG_MODULE("xdp");

struct xdp_prog {
	struct steer_bpf *object;
	struct bpf_link *link;
};

/* What libbpf has to say goes to our log; errors have sentences of their own. Its debug lines, a
 * page for each load, do not. */
static int
print_to_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[512];
	int n;

	if (level == LIBBPF_DEBUG) {
		return 0;
	}
	n = vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	log_info("%s", line);
	return n;
}

static int
attach_error(const char *ifname, int rc, struct err *err)
{
	switch (-rc) {
	case EBUSY:
	case EEXIST:
		return err_set(err, ERR_IN_USE, "ifname",
			"interface '%s' has an XDP program of another process; see `ip link show "
			"%s`, remove it with `ip link set dev %s xdp off`",
			ifname, ifname, ifname);
	case EPERM:
	case EACCES:
		return err_set(err, ERR_DENIED, "ifname",
			"not permitted to attach an XDP program to '%s'; vswitchd needs "
			"CAP_NET_ADMIN and CAP_BPF",
			ifname);
	default:
		return err_set(err, ERR_FAILED, "ifname",
			"the driver of '%s' does not take an XDP program: %s (an MTU above one "
			"page is a common cause)",
			ifname, strerror(-rc));
	}
}

int
xdp_prog_open(const char *ifname, int ifindex, struct xdp_prog **out, struct err *err)
{
	struct xdp_prog *prog = calloc(1, sizeof(*prog));
	int rc;

	if (prog == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	(void)libbpf_set_print(print_to_log);
	prog->object = steer_bpf__open_and_load();
	if (prog->object == NULL) {
		rc = -errno;
		free(prog);
		return err_set(err, rc == -EPERM ? ERR_DENIED : ERR_FAILED, "type",
			"the kernel does not load our XDP program: %s%s", strerror(-rc),
			rc == -EPERM ? "; vswitchd needs CAP_BPF and CAP_NET_ADMIN" : "");
	}
	prog->link = bpf_program__attach_xdp(prog->object->progs.steer, ifindex);
	if (prog->link == NULL) {
		rc = -errno;
		xdp_prog_close(prog);
		return attach_error(ifname, rc, err);
	}
	*out = prog;
	return 0;
}

int
xdp_prog_steer(struct xdp_prog *prog, uint32_t queue, int socket)
{
	return bpf_map_update_elem(
		       bpf_map__fd(prog->object->maps.xsks_map), &queue, &socket, BPF_ANY) == 0
		? 0
		: -errno;
}

void
xdp_prog_close(struct xdp_prog *prog)
{
	if (prog == NULL) {
		return;
	}
	if (prog->link != NULL) {
		(void)bpf_link__destroy(prog->link);
	}
	steer_bpf__destroy(prog->object);
	free(prog);
}
