/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/vq_test_guest.h"

#include <string.h>

#include "base/role.h"
#include "datapath/core/eal_test.h"
#include "datapath/core/inet_model.h"

#define GPA UINT64_C(0x7ffff000) /* across 2 GiB, where 32-bit sums would wrap a sign */

/* virtio 1.2, 5.1.6 */
#define HDR_NEEDS_CSUM 1
#define HDR_DATA_VALID 2
#define GSO_TCPV4 1
#define GSO_TCPV6 4
#define GSO_UDP_L4 5
#define GSO_ECN 0x80

static uint32_t
random_base(struct model_memory *memory, const struct model_conf *conf)
{
	uint32_t at;

	if (!conf->packed) {
		return model_random(memory, 2) == 0 ? model_random(memory, 65536)
						    : 65535 - model_random(memory, 40);
	}
	at = model_random(memory, conf->size) | model_random(memory, 2) << 15;
	return at | at << 16;
}

void
vm_init(struct vm *vm, const struct model_conf *conf, uint64_t seed)
{
	static const uint64_t sizes[] = {2U << 20, 1U << 20, 4U << 20};
	struct model_conf mine = *conf;

	role_assert(&role_main);
	model_memory_init(&vm->memory, GPA, sizes, 3, seed);
	mine.receives = false;
	mine.base = random_base(&vm->memory, conf);
	model_ring_init(&vm->sends, &vm->memory, &mine);
	mine.receives = true;
	mine.base = random_base(&vm->memory, conf);
	model_ring_init(&vm->takes, &vm->memory, &mine);
	vm->arena = vm->memory.at;
	model_must(&vm->memory, vq_init(&vm->rx, true) == 0, "there is memory for a ring");
	model_must(&vm->memory, vq_init(&vm->tx, false) == 0, "there is memory for a ring");
	vq_set_base(&vm->rx, &vm->sends.view, vm->sends.conf.base);
	vq_set_base(&vm->tx, &vm->takes.view, vm->takes.conf.base);
	memset(&vm->count, 0, sizeof(vm->count));
}

void
vm_fini(struct vm *vm)
{
	role_assert(&role_main);
	vq_fini(&vm->rx);
	vq_fini(&vm->tx);
	model_ring_fini(&vm->sends);
	model_ring_fini(&vm->takes);
	model_memory_fini(&vm->memory);
}

void
vm_again(struct vm *vm)
{
	struct model_memory *memory = &vm->memory;
	const uint32_t before = model_random(memory, 30000);

	vm->memory.at = vm->arena;
	if (model_random(memory, 4) > 0 && vm->arena + 65536 < memory->gmem->regions[1].gpa) {
		model_seek_border(memory, 0, before);
	}
}

static void
put16(uint8_t *to, uint16_t value)
{
	memcpy(to, &value, sizeof(value)); /* little-endian, as guests of this machine are */
}

void
vm_header(const struct pkt_offload *ol, uint32_t takes, uint8_t *hdr)
{
	memset(hdr, 0, 10);
	if ((takes & PORT_CAP_CSUM) == 0) {
		return;
	}
	if ((ol->flags & PKT_OL_CSUM) != 0) {
		hdr[0] = HDR_NEEDS_CSUM;
		put16(hdr + 6, ol->csum_start);
		put16(hdr + 8, ol->csum_offset);
	} else if ((ol->flags & PKT_OL_CSUM_OK) != 0) {
		hdr[0] = HDR_DATA_VALID;
	}
	if ((ol->flags & PKT_OL_GSO) != 0) {
		hdr[1] = (ol->flags & PKT_OL_TCP4) != 0  ? GSO_TCPV4
			: (ol->flags & PKT_OL_TCP6) != 0 ? GSO_TCPV6
							 : GSO_UDP_L4;
		hdr[1] |= (ol->flags & PKT_OL_ECN) != 0 ? GSO_ECN : 0;
		put16(hdr + 4, ol->gso_size);
	}
}

void
vm_noise(uint8_t *bytes, uint32_t len, uint64_t *random)
{
	for (uint32_t i = 0; i < len; i += 8) {
		(void)random_below(random, 2);
		memcpy(bytes + i, random, RTE_MIN(len - i, 8U));
	}
}

void
vm_frame_make(struct vm_frame *frame, enum vm_kind kind, uint32_t len, uint64_t *random)
{
	struct inet_spec spec = {.version = kind == VM_TSO6 ? 6 : 4,
		.proto = kind == VM_USO ? INET_UDP : INET_TCP,
		.tcp_flags = INET_ACK,
		.seq = random_below(random, 1U << 30),
		.filling = (uint8_t)random_below(random, 256),
		.partial = true};
	const uint32_t l4 = spec.version == 6 ? 54 : 34;
	const uint32_t headers = l4 + (spec.proto == INET_TCP ? 20 : 8);

	frame->len = len;
	frame->ol = (struct pkt_offload){.flags = 0};
	memset(frame->hdr, 0, sizeof(frame->hdr));
	if (kind == VM_PLAIN || len <= headers || len > 65535 + 14) {
		vm_noise(frame->bytes, len, random);
		return;
	}
	spec.payload = len - headers;
	frame->len = inet_build(&spec, frame->bytes);
	frame->ol = (struct pkt_offload){.flags = PKT_OL_CSUM,
		.csum_start = (uint16_t)l4,
		.csum_offset = spec.proto == INET_TCP ? 16 : 6};
	if (kind != VM_CSUM) {
		frame->ol.flags |= kind == VM_TSO4 ? PKT_OL_TCP4
			: kind == VM_TSO6          ? PKT_OL_TCP6
						   : PKT_OL_UDP;
		frame->ol.flags |= kind != VM_USO && random_below(random, 4) == 0 ? PKT_OL_ECN : 0;
		frame->ol.gso_size = (uint16_t)(1 + random_below(random, 9000));
	}
	vm_header(&frame->ol, VM_TAKES_ALL, frame->hdr);
	put16(frame->hdr + 2, (uint16_t)headers);
}

bool
vm_send(struct vm *vm, const struct vm_frame *frame, enum model_cut cut, enum model_how how,
	uint16_t max)
{
	static uint8_t bytes[VQ_HDR_MAX + PKT_LEN_MAX];
	const uint32_t hdr_len = vm->sends.conf.hdr_len;
	struct model_piece pieces[MODEL_PIECES_MAX];
	uint16_t n;

	if (model_room(&vm->sends) == 0) {
		return false;
	}
	if (how == MODEL_DIRECT) {
		max = RTE_MIN(max, model_room(&vm->sends));
	}
	n = model_cut(&vm->memory, frame->len + hdr_len, hdr_len, cut, max, pieces);
	memcpy(bytes, frame->hdr, hdr_len);
	memcpy(bytes + hdr_len, frame->bytes, frame->len);
	model_scatter(&vm->memory, pieces, n, bytes, frame->len + hdr_len);
	return model_post(&vm->sends, pieces, n, how);
}

bool
vm_offer(struct vm *vm, uint32_t total, enum model_cut cut, enum model_how how, uint16_t max)
{
	struct model_piece pieces[MODEL_PIECES_MAX];
	uint16_t n;

	if (model_room(&vm->takes) == 0) {
		return false;
	}
	if (how == MODEL_DIRECT) {
		max = RTE_MIN(max, model_room(&vm->takes));
	}
	n = model_cut(&vm->memory, total, vm->takes.conf.hdr_len, cut, max, pieces);
	return model_post(&vm->takes, pieces, n, how);
}

uint32_t
vm_collect_sent(struct vm *vm)
{
	uint32_t written;
	uint32_t n = 0;

	for (;;) {
		struct model_buf *buf = model_collect(&vm->sends, &written);

		if (buf == NULL) {
			return n;
		}
		model_buf_free(buf);
		n++;
	}
}

int32_t
vm_collect_taken(struct vm *vm, uint8_t *hdr, uint8_t *bytes)
{
	static uint8_t all[VQ_HDR_MAX + PKT_LEN_MAX + 1];
	const uint32_t hdr_len = vm->takes.conf.hdr_len;
	uint32_t len = 0;
	uint16_t want = 1;

	for (uint32_t n = 0; len < hdr_len || n < want; n++) {
		uint32_t written;
		struct model_buf *buf = model_collect(&vm->takes, &written);

		if (buf == NULL) {
			model_must(
				&vm->memory, n == 0, "all of a frame's buffers are used at once");
			return -1;
		}
		model_must(&vm->memory, len + written < sizeof(all),
			"a frame is no longer than 64 KiB");
		model_gather(&vm->memory, buf, all + len, written);
		len += written;
		if (len >= hdr_len && hdr_len == VQ_HDR_MAX) {
			memcpy(&want, all + 10, sizeof(want));
		}
		model_must(&vm->memory, n == 0 || vm->takes.conf.mergeable,
			"a frame is in one buffer unless they are mergeable");
		model_must(&vm->memory, want > 0 && (len < hdr_len || n < want),
			"num_buffers counts the buffers");
		model_must(&vm->memory, (n + 1 == want && len >= hdr_len) || written == buf->total,
			"all buffers but the last are full");
		model_buf_free(buf);
	}
	memcpy(hdr, all, hdr_len);
	memcpy(bytes, all + hdr_len, len - hdr_len);
	return (int32_t)(len - hdr_len);
}

unsigned int
vm_ops(const struct vq_ops **ops)
{
	static const char *const names[VM_OPS_MAX] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};
	unsigned int n = 0;

	for (unsigned int i = 0; i < VM_OPS_MAX; i++) {
		ops[n] = vq_ops_find(names[i]);
		n += ops[n] != NULL;
	}
	model_must(NULL, n > 0, "every CPU can run the baseline");
	return n;
}

uint64_t
vm_drops(const struct port_counters *count)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < DROP_N; i++) {
		sum += count->drops[i];
	}
	return sum;
}

uint64_t
vm_marked(const struct tx_item *items, uint16_t n, enum drop_reason reason)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; i < n; i++) {
		sum += items[i].lost != 0 &&
			(reason == DROP_N || items[i].lost == (uint8_t)(reason + 1));
	}
	return sum;
}
