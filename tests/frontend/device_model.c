/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/frontend/device_model.h"

void
device_model_init(struct device_model *model, struct split_ring *split, struct packed_ring *packed)
{
	*model = (struct device_model){
		.split = split, .packed = packed, .avail_wrap = true, .used_wrap = true};
}

static bool
take_split(struct device_model *model, struct device_buffer *buffer)
{
	const struct split_ring *ring = model->split;

	if (model->next_avail == ring->avail->idx) {
		return false;
	}
	const uint16_t head = ring->avail->ring[model->next_avail++ % ring->size];
	*buffer = (struct device_buffer){
		.gpa = ring->desc[head].addr,
		.len = ring->desc[head].len,
		.id = head,
		.flags = ring->desc[head].flags,
	};
	return true;
}

static bool
take_packed(struct device_model *model, struct device_buffer *buffer)
{
	const struct packed_desc *desc = &model->packed->desc[model->next_avail];
	const bool avail = (desc->flags & 1u << 7) != 0;
	const bool used = (desc->flags & 1u << 15) != 0;

	if (avail != model->avail_wrap || used == model->avail_wrap) {
		return false;
	}
	*buffer = (struct device_buffer){
		.gpa = desc->addr,
		.len = desc->len,
		.id = desc->id,
		.flags = desc->flags & 7,
	};
	if (++model->next_avail == model->packed->size) {
		model->next_avail = 0;
		model->avail_wrap = !model->avail_wrap;
	}
	return true;
}

unsigned int
device_model_take(struct device_model *model, struct device_buffer *buffers, unsigned int max)
{
	unsigned int n = 0;

	while (n < max &&
		(model->split != NULL ? take_split(model, &buffers[n])
				      : take_packed(model, &buffers[n]))) {
		n++;
	}
	return n;
}

void
device_model_give(struct device_model *model, uint16_t id, uint32_t len)
{
	if (model->split != NULL) {
		volatile struct split_used *used = model->split->used;
		used->ring[model->next_used % model->split->size].id = id;
		used->ring[model->next_used % model->split->size].len = len;
		used->idx = ++model->next_used;
		return;
	}
	struct packed_desc *desc = &model->packed->desc[model->next_used];
	desc->id = id;
	desc->len = len;
	desc->flags = model->used_wrap ? (uint16_t)(1u << 7 | 1u << 15) : 0;
	if (++model->next_used == model->packed->size) {
		model->next_used = 0;
		model->used_wrap = !model->used_wrap;
	}
}
