/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/flow_test_world.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "datapath/core/parse.h"
#include "datapath/core/parse_test_frames.h"

#define NAMES_MAX 256

static char names[NAMES_MAX][FLOW_PORT_SIZE];

static uint16_t
number_of(void *arg, const char *name, struct err *err)
{
	uint16_t i = 0;

	if (strncmp(name, "no-", 3) == 0) {
		(void)err_set(err, ERR_INVALID, NULL, "there is no port '%s'", name);
		return 0;
	}
	while (names[i][0] != '\0' && strcmp(names[i], name) != 0) {
		i++;
		assert_true(i < NAMES_MAX);
	}
	(void)str_copy(names[i], name, sizeof(names[i]));
	return (uint16_t)(i + 1);
}

static const char *
name_of(void *arg, uint16_t number)
{
	return number >= 1 && number <= NAMES_MAX ? names[number - 1] : NULL;
}

const struct port_namer flow_test_namer = {.number = number_of, .name = name_of};

void
flow_test_rule(const char *text, struct flow_rule *rule)
{
	struct err err = ERR_INIT;

	if (flow_text_parse_op(text, strlen(text), rule, &err) != 0) {
		fail_msg("%s: %s", text, err.text);
	}
}

const char *
flow_test_text(const struct flow_rule *rule)
{
	static char text[FLOW_TEXT_MAX + 1];

	(void)flow_text_print(rule, text, sizeof(text));
	return text;
}

static void
make_ip4(struct frame *frame, char letter)
{
	unsigned int proto = 6;
	uint32_t len = 20;

	if (letter == 'u') {
		proto = 17;
		len = 8;
	} else if (letter == 'c') {
		proto = 132;
		len = 12;
	} else if (letter == 'i') {
		proto = 1;
		len = 8;
	}
	frame_ipv4(frame, proto, 0, letter == 'f' ? 0x2000 : letter == 'l' ? 1 : 0);
	if (letter == 's') {
		frame_fill(frame, 1, 10);
	} else {
		frame_l4(frame, proto, len);
	}
	frame_end(frame);
	if (letter == 'x') {
		frame->bytes[frame->ip] = 0x44;
	}
}

static void
make_ip6(struct frame *frame, char letter)
{
	if (letter == 'n' || letter == 'a') {
		frame_ipv6(frame, 58);
		frame_nd(frame, letter == 'n' ? 135 : 136);
		frame_nd_option(frame, letter == 'n' ? 1 : 2, 1);
	} else {
		const unsigned int proto = letter == 'T' ? 6 : letter == 'U' ? 17 : 58;

		frame_ipv6(frame, proto);
		frame_l4(frame, proto, proto == 6 ? 20 : 8);
	}
	frame_end(frame);
}

static void
make(struct frame *frame, char letter)
{
	frame_begin(frame);
	switch (letter) {
	case 'q':
		frame_tag(frame, 0x88a8, 20);
		frame_tag(frame, 0x8100, 30);
		frame_u16(frame, 0x88b5);
		frame_fill(frame, 0, 46);
		break;
	case 'p':
		frame_tag(frame, 0x8100, 0);
		frame_u16(frame, 0x88b5);
		frame_fill(frame, 0, 46);
		break;
	case 'o':
		frame_u16(frame, 0x88b5);
		frame_fill(frame, 0, 46);
		break;
	case 'v':
		frame_tag(frame, 0x8100, 3 << 13 | 10);
		make_ip4(frame, 'u');
		break;
	case 'r':
	case 'R':
		frame_arp(frame, letter == 'r' ? 1 : 2);
		break;
	default:
		if (strchr("TUIna", letter) != NULL) {
			make_ip6(frame, letter);
		} else {
			make_ip4(frame, letter);
		}
		break;
	}
}

void
flow_test_fields(char letter, struct fields *fields)
{
	struct parsed parsed;
	struct frame frame;

	assert_non_null(strchr(FLOW_TEST_FRAMES, letter));
	make(&frame, letter);
	parse(frame.bytes, frame.len, frame.len, PARSE_ALL, &parsed);
	*fields = parsed.fields;
	fields->in_port = letter == 'o' ? 3 : 4;
	fields->tunnel_id = letter == 'o' ? htobe64(0x1234) : 0;
	fields->regs[0] = letter == 'u' ? 5 : 0;
	fields->regs[7] = letter == 't' ? 0x80000001 : 0;
}
