/* SPDX-License-Identifier: BSD-3-Clause */
/* What is not on the packet's path: set-up of a ring, names, and the choice by CPU. */
#include "ports/vhost/vq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ports/vhost/guest_call.h"
#include "ports/vhost/vq_format.h"
#include "ports/vhost/vq_isa.h"

#define PACKED_BASE_SLOT 0x7fffU /* vhost-user, "A vring state description" */
#define PACKED_BASE_WRAP 0x8000U

int
vq_init(struct vq *vq, bool receives)
{
	memset(vq, 0, sizeof(*vq));
	vq->avail_wrap = true;
	vq->used_wrap = true;
	if (receives) {
		vq->loans = calloc_lines(1, sizeof(*vq->loans));
	}
	if (receives && vq->loans == NULL) {
		return -ENOMEM;
	}
	return 0;
}

void
vq_fini(struct vq *vq)
{
	free(vq->loans);
	vq->loans = NULL;
}

void
vq_set_base(struct vq *vq, const struct vq_view *view, uint32_t base)
{
	if ((view->flags & VQ_PACKED) != 0) {
		const uint16_t slot = (uint16_t)(base & PACKED_BASE_SLOT);

		/* All that was taken has been given back: the used half says the same, if anything.
		 */
		vq->next_avail = slot < view->size ? slot : 0;
		vq->avail_wrap = (base & PACKED_BASE_WRAP) != 0;
		vq->next_used = vq->next_avail;
		vq->used_wrap = vq->avail_wrap;
	} else {
		vq->next_avail = (uint16_t)base;
		vq->next_used = guest_load16(view->used + 2);
	}
	vq->quiet = false;
	/* Whoever had the ring before may have owed the guest a call: it gets one. */
	vq->owed = 1;
	vq->since = VQ_SINCE_EVER;
	vq->region = 0;
	if (vq->loans != NULL) {
		vq->loans->n = 0;
	}
	atomic_store_explicit(&vq->fault, VQ_FAULT_NONE, memory_order_relaxed);
}

uint32_t
vq_base(const struct vq *vq, bool packed)
{
	uint32_t half = vq->next_avail;

	if (!packed) {
		return half;
	}
	half |= vq->avail_wrap ? PACKED_BASE_WRAP : 0;
	return half | half << 16;
}

void
vq_call_owed(struct vq *vq, int call)
{
	if (vq->owed == 0) {
		return;
	}
	vq->owed = 0;
	vq->since = 0;
	if (call >= 0) {
		guest_call(call);
		port_count(&vq->stats.calls, 1);
	}
}

const char *
vq_fault_name(enum vq_fault fault)
{
	static const char *const names[] = {[VQ_FAULT_NONE] = "none",
#define X(id, name, text) [id] = (name),
		VQ_FAULTS(X)
#undef X
	};

	return names[fault];
}

const char *
vq_fault_text(enum vq_fault fault)
{
	static const char *const texts[] = {[VQ_FAULT_NONE] = "",
#define X(id, name, text) [id] = (text),
		VQ_FAULTS(X)
#undef X
	};

	return texts[fault];
}

#define VQ_OPS(isa)                                                                     \
	{                                                                               \
		.name = "x86-64-" #isa, .rx = vq_rx_##isa, .release = vq_release_##isa, \
		.tx = vq_tx_##isa, .look = vq_look_##isa                                \
	}

static const struct vq_ops ops_v2 = VQ_OPS(v2);
static const struct vq_ops ops_v3 = VQ_OPS(v3);
static const struct vq_ops ops_v4 = VQ_OPS(v4);

/* Fastest first. */
static const struct vq_ops *
ops_for_cpu(unsigned int i)
{
	__builtin_cpu_init();
	switch (i) {
	case 0:
		return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
				__builtin_cpu_supports("avx512dq") &&
				__builtin_cpu_supports("avx512cd")
			? &ops_v4
			: NULL;
	case 1:
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
				__builtin_cpu_supports("fma")
			? &ops_v3
			: NULL;
	default:
		return &ops_v2;
	}
}

const struct vq_ops *
vq_ops_select(void)
{
	const struct vq_ops *ops = NULL;

	for (unsigned int i = 0; ops == NULL; i++) {
		ops = ops_for_cpu(i);
	}
	return ops;
}

const struct vq_ops *
vq_ops_find(const char *name)
{
	for (unsigned int i = 0; i < 3; i++) {
		const struct vq_ops *ops = ops_for_cpu(i);

		if (ops != NULL && strcmp(ops->name, name) == 0) {
			return ops;
		}
	}
	return NULL;
}
