/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_frame.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

#define BYTES_MAX 128 /* looked at; more is payload */
#define TAGS_MAX 3

#define TYPE_IP4 0x0800
#define TYPE_ARP 0x0806
#define TYPE_IP6 0x86dd

/* What has been read of a frame, and what is said about it. */
struct frame {
	uint8_t bytes[BYTES_MAX];
	size_t len;
	size_t at;
	char *text;
};

struct name {
	uint16_t number;
	const char *name;
};

/* IEEE 802 numbers, IANA. */
static const struct name ether_types[] = {
	{TYPE_IP4, "ipv4"},
	{TYPE_ARP, "arp"},
	{TYPE_IP6, "ipv6"},
	{0x8809, "lacp"},
	{0x8847, "mpls"},
	{0x8863, "pppoe-discovery"},
	{0x8864, "pppoe"},
	{0x888e, "eapol"},
	{0x88cc, "lldp"},
	{0x88f7, "ptp"},
};

/* Assigned Internet protocol numbers, IANA. */
static const struct name protocols[] = {
	{1, "icmp"},
	{2, "igmp"},
	{6, "tcp"},
	{17, "udp"},
	{47, "gre"},
	{50, "esp"},
	{58, "icmpv6"},
	{89, "ospf"},
	{112, "vrrp"},
	{132, "sctp"},
};

static int
nibble(char c)
{
	return c >= '0' && c <= '9'    ? c - '0'
		: c >= 'a' && c <= 'f' ? c - 'a' + 10
		: c >= 'A' && c <= 'F' ? c - 'A' + 10
				       : -1;
}

static void
frame_read(struct frame *frame, const char *hex)
{
	for (frame->len = 0; frame->len < BYTES_MAX; frame->len++, hex += 2) {
		int high = nibble(hex[0]);
		int low = high < 0 ? -1 : nibble(hex[1]);

		if (low < 0) {
			return;
		}
		frame->bytes[frame->len] = (uint8_t)(high << 4 | low);
	}
}

/* The n bytes `offset` behind the place that has been reached, or NULL. */
static const uint8_t *
peek(const struct frame *frame, size_t offset, size_t n)
{
	size_t from = frame->at + offset;

	return from + n <= frame->len ? frame->bytes + from : NULL;
}

static uint16_t
be16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void
say_mac(struct frame *frame, const char *before, const uint8_t *mac)
{
	(void)str_appendf(frame->text, CLI_FRAME_TEXT_SIZE, "%s%02x:%02x:%02x:%02x:%02x:%02x",
		before, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

/* The name of a number, or the number as `fmt` has it. */
static void
say_name(
	struct frame *frame, const struct name *names, size_t n, uint16_t number, const char *other)
{
	for (size_t i = 0; i < n; i++) {
		if (names[i].number == number) {
			(void)str_appendf(frame->text, CLI_FRAME_TEXT_SIZE, " %s", names[i].name);
			return;
		}
	}
	(void)str_appendf(frame->text, CLI_FRAME_TEXT_SIZE, " %s", other);
}

static void
say_addresses(struct frame *frame, int family, const uint8_t *src, const uint8_t *dst)
{
	char from[INET6_ADDRSTRLEN];
	char to[INET6_ADDRSTRLEN];

	if (src != NULL && dst != NULL && inet_ntop(family, src, from, sizeof(from)) != NULL &&
		inet_ntop(family, dst, to, sizeof(to)) != NULL) {
		(void)str_appendf(frame->text, CLI_FRAME_TEXT_SIZE, " %s > %s", from, to);
	}
}

static void
say_protocol(struct frame *frame, const uint8_t *protocol)
{
	char other[32] = "";

	if (protocol != NULL) {
		(void)str_appendf(other, sizeof(other), "protocol %u", *protocol);
		say_name(frame, protocols, ARRAY_LEN(protocols), *protocol, other);
	}
}

/* RFC 791, section 3.1; RFC 8200, section 3; RFC 826. */
static void
say_payload(struct frame *frame, uint16_t type)
{
	const uint8_t *operation;

	switch (type) {
	case TYPE_IP4:
		say_addresses(frame, AF_INET, peek(frame, 12, 4), peek(frame, 16, 4));
		say_protocol(frame, peek(frame, 9, 1));
		break;
	case TYPE_IP6:
		say_addresses(frame, AF_INET6, peek(frame, 8, 16), peek(frame, 24, 16));
		say_protocol(frame, peek(frame, 6, 1));
		break;
	case TYPE_ARP:
		operation = peek(frame, 6, 2);
		say_addresses(frame, AF_INET, peek(frame, 14, 4), peek(frame, 24, 4));
		if (operation != NULL && be16(operation) == 1) {
			(void)str_append(frame->text, " request", CLI_FRAME_TEXT_SIZE);
		} else if (operation != NULL && be16(operation) == 2) {
			(void)str_append(frame->text, " reply", CLI_FRAME_TEXT_SIZE);
		}
		break;
	default:
		break;
	}
}

static const char *
say_frame(struct frame *frame)
{
	char *text = frame->text;
	const uint8_t *type;
	char other[16] = "";

	text[0] = '\0';
	if (peek(frame, 0, 12) == NULL) {
		return text;
	}
	say_mac(frame, "", peek(frame, 6, 6));
	say_mac(frame, " > ", peek(frame, 0, 6));
	frame->at = 12;
	for (int tags = 0; tags < TAGS_MAX; tags++) {
		const uint8_t *tag = peek(frame, 0, 4);

		if (tag == NULL || (be16(tag) != 0x8100 && be16(tag) != 0x88a8)) {
			break;
		}
		(void)str_appendf(text, CLI_FRAME_TEXT_SIZE, " vlan %u", be16(tag + 2) & 0x0fffU);
		frame->at += 4;
	}
	type = peek(frame, 0, 2);
	if (type == NULL) {
		return text;
	}
	/* IEEE 802.3, 3.2.6: up to 1500 it is a length, and a LLC header follows. */
	(void)str_appendf(other, sizeof(other), be16(type) <= 1500 ? "llc" : "0x%04x", be16(type));
	say_name(frame, ether_types, ARRAY_LEN(ether_types), be16(type), other);
	frame->at += 2;
	say_payload(frame, be16(type));
	return text;
}

const char *
cli_frame_text(const char *hex, char text[CLI_FRAME_TEXT_SIZE])
{
	struct frame frame = {.text = text};

	frame_read(&frame, hex);
	return say_frame(&frame);
}

const char *
cli_frame_bytes(const uint8_t *bytes, size_t len, char text[CLI_FRAME_TEXT_SIZE])
{
	struct frame frame = {.text = text, .len = len < BYTES_MAX ? len : BYTES_MAX};

	memcpy(frame.bytes, bytes, frame.len);
	return say_frame(&frame);
}
