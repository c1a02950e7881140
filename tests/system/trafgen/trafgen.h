/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trafgen: sends what can be checked, and checks it where it arrives.
 *
 * One static program for the host, its network namespaces and the test guests. Datagram streams
 * (UDP, or raw Ethernet with a local experimental EtherType) carry a stamp: stream, sequence number
 * and a checksum over the whole payload. The receiver reports what was lost, duplicated, reordered
 * or corrupt. A TCP transfer carries a byte sequence that both ends compute. Ping measures gaps.
 *
 * Each command ends with one line of JSON on standard output, exit 0 when it ran (judging the
 * numbers is the test's work), 1 when the system refused something, 2 for wrong usage.
 */
#ifndef VSW_TESTS_SYSTEM_TRAFGEN_TRAFGEN_H
#define VSW_TESTS_SYSTEM_TRAFGEN_TRAFGEN_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TG_ETHERTYPE 0x88b5 /* IEEE 802: local experimental EtherType 1 */
#define TG_MAGIC 0x56535754u
#define TG_FIN 1u /* stamp.flags: the sender is done, seq holds how many it sent */
#define TG_SEQ_MAX (1u << 26) /* one bit each in the receiver's map */
#define TG_SIZE_MAX 65000u

/* Starts every datagram's payload; host byte order, both ends are x86-64. */
struct tg_stamp {
	uint32_t magic;
	uint32_t crc; /* CRC-32 of the payload with this field zero */
	uint32_t stream;
	uint32_t flags;
	uint64_t seq;
};

struct tg_options {
	struct sockaddr_in to;
	const char *ifname;
	struct ether_addr dst;
	uint16_t port;
	uint32_t stream;
	double rate; /* datagrams a second; 0: as fast as it goes */
	double seconds; /* senders: how long; receivers: give up after */
	uint32_t size; /* payload bytes, stamp included */
	uint64_t bytes; /* tcp-send */
	uint32_t interval_ms; /* ping */
	uint32_t pause_ms; /* tcp-send: after each 64 KiB, to last longer */
	bool flood; /* send to the broadcast address */
};

uint64_t tg_now_ns(void);
void tg_sleep_until(uint64_t ns);
uint32_t tg_crc32(const void *data, size_t size);

/* Byte `offset` of a TCP transfer starts at state tg_pattern_start(); 8 bytes a step. */
uint64_t tg_pattern_next(uint64_t *state);
#define TG_PATTERN_START 0x9e3779b97f4a7c15ull

/* The commands. Each returns the exit status of the program. */
int tg_udp_send(const struct tg_options *o);
int tg_udp_recv(const struct tg_options *o);
int tg_raw_send(const struct tg_options *o);
int tg_raw_recv(const struct tg_options *o);
int tg_tcp_send(const struct tg_options *o);
int tg_tcp_recv(const struct tg_options *o);
int tg_ping(const struct tg_options *o);

#endif
