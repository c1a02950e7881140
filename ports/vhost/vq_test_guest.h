/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What tests of the rings share: a guest with one ring of each direction, and frames with the
 * virtio-net header that belongs to them. The caller is main and worker.
 */
#ifndef VSW_PORTS_VHOST_VQ_TEST_GUEST_H
#define VSW_PORTS_VHOST_VQ_TEST_GUEST_H

#include <stdint.h>

#include "ports/vhost/vq.h"
#include "ports/vhost/vq_model.h"

/* A frame as it lies in a guest: a header of VQ_HDR_MAX bytes at most, and the bytes. */
struct vm_frame {
	uint32_t len;
	struct pkt_offload ol; /* what the header says, to a device that reads it */
	uint8_t hdr[VQ_HDR_MAX]; /* num_buffers: 0 */
	uint8_t bytes[PKT_LEN_MAX];
};

enum vm_kind { VM_PLAIN, VM_CSUM, VM_TSO4, VM_TSO6, VM_USO };
#define VM_KINDS 5

#define VM_TAKES_ALL (PORT_CAP_CSUM | PORT_CAP_TSO4 | PORT_CAP_TSO6 | PORT_CAP_USO | PORT_CAP_ECN)

struct vm {
	struct model_memory memory;
	struct model_ring sends; /* the guest transmits: vq_rx */
	struct model_ring takes; /* the guest receives: vq_tx */
	struct vq rx;
	struct vq tx;
	struct port_counters count;
	uint64_t arena; /* where the allocator was behind the rings */
};

/* `conf.receives` is of no account: both rings are made. Three regions, about 6 MiB. */
void vm_init(struct vm *vm, const struct model_conf *conf, uint64_t seed);
void vm_fini(struct vm *vm);

/*
 * All buffers are the test's again: the allocator starts anew, mostly just in front of a border of
 * regions.
 */
void vm_again(struct vm *vm);

/* A frame of `len` bytes; one that is too short for its kind is plain. */
void vm_frame_make(struct vm_frame *frame, enum vm_kind kind, uint32_t len, uint64_t *random);

/* Post the frame on `sends`, at most `max` descriptors. False if there is no room. */
bool vm_send(struct vm *vm, const struct vm_frame *frame, enum model_cut cut, enum model_how how,
	uint16_t max);

/* Post an empty buffer of `total` bytes on `takes`. */
bool vm_offer(struct vm *vm, uint32_t total, enum model_cut cut, enum model_how how, uint16_t max);

/* Collect what the device took of `sends`. */
uint32_t vm_collect_sent(struct vm *vm);

/*
 * Collect one frame from `takes`: header to `hdr`, bytes to `bytes`. Returns its length, or -1 if
 * there is none. All buffers but the last are full, and the header counts them.
 */
int32_t vm_collect_taken(struct vm *vm, uint8_t *hdr, uint8_t *bytes);

/* The header that a frame with this state must have for a guest that takes `takes`. */
void vm_header(const struct pkt_offload *ol, uint32_t takes, uint8_t *hdr);

/* The sets of functions that this CPU can run; returns how many. */
unsigned int vm_ops(const struct vq_ops **ops);
#define VM_OPS_MAX 3

/* Noise, faster than byte by byte. */
void vm_noise(uint8_t *bytes, uint32_t len, uint64_t *random);

/* Sum of all drops. */
uint64_t vm_drops(const struct port_counters *count);

/* How many of n items are marked as lost for this reason; DROP_N: for any. */
uint64_t vm_marked(const struct tx_item *items, uint16_t n, enum drop_reason reason);

#endif
