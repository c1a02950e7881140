/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Which frames of an interface come to the switch: all of those queues that it has a socket for;
 * the others stay with the kernel.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__type(key, __u32); /* receive queue of the interface */
	__type(value, __u32); /* socket */
	__uint(max_entries, 128); /* PORT_QUEUES_MAX */
} xsks_map SEC(".maps");

SEC("xdp")
int
steer(struct xdp_md *ctx)
{
	/* Without a socket for the queue the last argument is the verdict. */
	return (int)bpf_redirect_map(&xsks_map, ctx->rx_queue_index, XDP_PASS);
}

char steer_license[] SEC("license") = "Dual BSD/GPL";
