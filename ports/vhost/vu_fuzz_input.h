/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The input of a fuzzer, read as numbers, descriptors and messages of a front end.
 *
 * Most of what is read is what a request wants, so that inputs get far; some of it is odd. Beyond
 * the end all bytes are 0.
 */
#ifndef VSW_PORTS_VHOST_VU_FUZZ_INPUT_H
#define VSW_PORTS_VHOST_VU_FUZZ_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "ports/vhost/vu_wire.h"

#define FUZZ_RINGS 6
#define FUZZ_PAGE UINT64_C(4096)

struct fuzz_input {
	const uint8_t *at;
	const uint8_t *end;
	bool seal; /* files cannot be shrunk */
	int file; /* the last one that was shared, to truncate; -1: none */
	int area; /* in-flight area, as a front end keeps it; -1: none */
	struct vu_msg area_msg; /* the answer that it came with */
};

uint8_t fuzz_byte(struct fuzz_input *input);
uint64_t fuzz_number(struct fuzz_input *input);

/* A new file to share, of so many bytes. */
int fuzz_memory_file(struct fuzz_input *input, uint64_t size);

/* A file if `memory`, else an eventfd; or anything else. */
int fuzz_descriptor(struct fuzz_input *input, bool memory);

/* A message with its descriptors, which are the caller's. */
void fuzz_make_message(struct fuzz_input *input, struct vu_msg *msg);

/* Unless it is -1, which it becomes. */
void fuzz_close(int *fd);

#endif
