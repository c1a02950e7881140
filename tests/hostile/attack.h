/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One attack: a front end on a port of its own, and what it needs to break each rule.
 *
 * A case does its worst through these helpers and says by its return value whether the switch
 * reacted as it must; the runner judges what is the same for all (runner.h). Helpers that return
 * bool have told what was wrong by attack_fail().
 *
 * The attacker's ring 0 receives, ring 1 transmits. Buffer ids 0 .. ATTACK_PUMP - 1 belong to
 * attack_pump(), the others to attack_put(). One thread, but for attack_start_thread().
 */
#ifndef VSW_TESTS_HOSTILE_ATTACK_H
#define VSW_TESTS_HOSTILE_ATTACK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/frontend/chain.h"
#include "tests/frontend/frontend.h"
#include "tests/hostile/bystanders.h"
#include "tests/hostile/daemon.h"

#define ATTACK_RING 256u
#define ATTACK_PUMP 128u
#define ATTACK_BUFFER 2048u
#define ATTACK_SCRATCH (512u << 10) /* bytes for whatever a case needs */

/* How the attacker begins. */
#define ATTACK_PACKED (1u << 0)
#define ATTACK_UNSEALED (1u << 1) /* its memory can be truncated */
#define ATTACK_NO_BUFFERS (1u << 2) /* no receive buffers are posted */
#define ATTACK_REGIONS (1u << 3) /* four memory regions */
#define ATTACK_SLOTS (1u << 4) /* told one by one */
#define ATTACK_OFFLOADS (1u << 5)
#define ATTACK_LISTENS (1u << 7) /* the port is a client: the attacker has the socket */
#define ATTACK_PLAIN (1u << 6) /* no indirect descriptors, no mergeable buffers */

struct attack {
	struct daemon *daemon;
	struct bystanders *bystanders;
	char socket[108]; /* of the attacker's port */
	char other[108]; /* of a port that nobody else uses */
	struct frontend fe; /* socket -1 when not connected */
	bool listens; /* ATTACK_LISTENS */
	bool opened; /* fe is to be closed */
	uint8_t *rx; /* ATTACK_RING buffers each */
	uint8_t *tx;
	uint8_t *scratch;
	uint16_t free[ATTACK_PUMP]; /* transmit buffers of the pump */
	unsigned int n_free;
	uint16_t next_id[2]; /* of attack_put(), each ring */
	uint16_t last_slot[2]; /* of a packed ring's last buffer */
	bool last_wrap[2];
	uint64_t received; /* frames, by the pump */
	pthread_t thread;
	atomic_bool threaded;
	void (*body)(struct attack *attack);
	char text[1024]; /* what was wrong */
};

/* Connect, negotiate, start, post buffers. */
bool attack_open(struct attack *attack, unsigned int flags);
/* The same with features (all or nothing) and protocol features of one's own. */
bool attack_open_as(struct attack *attack, unsigned int flags, uint64_t features);
/* Only connect; attack_negotiate() goes on. */
bool attack_connect(struct attack *attack, unsigned int flags);
bool attack_negotiate(struct attack *attack);
bool attack_start(struct attack *attack);
void attack_close(struct attack *attack); /* legal in any state */

/* Remember what was wrong; false, for `return attack_fail(...)`. */
bool attack_fail(struct attack *attack, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* --- messages (attack_messages.c) ------------------------------------------------------------- */

/* Any bytes with any number of descriptors, up to the kernel's 253. Errors are no matter. */
void attack_send(
	struct attack *attack, const void *bytes, size_t size, const int *fds, unsigned int n_fds);
void attack_message(struct attack *attack, const struct vhost_user_msg *msg, const int *fds,
	unsigned int n_fds);

/* The switch must close the connection or refuse, in a second. */
bool attack_refused(struct attack *attack, const struct vhost_user_msg *msg, const int *fds,
	unsigned int n_fds);
/* It must close the connection, in `ms`. */
bool attack_closed(struct attack *attack, unsigned int ms);
/* It must answer a question, as to any peer. */
bool attack_answered(struct attack *attack);
/* It must serve another front end on another port, now. */
bool attack_others_served(struct attack *attack);

struct vhost_user_msg message_u64(uint32_t request, uint64_t value);
struct vhost_user_msg message_state(uint32_t request, uint32_t index, uint32_t num);
/* The addresses of a ring as they should be. */
struct vhost_user_msg message_addr(const struct attack *attack, uint32_t index);

/* --- rings ------------------------------------------------------------------------------------ */

/* Frame number `slot` (>= ATTACK_PUMP) to the mate, `len` bytes; its header is zeroes. */
uint8_t *attack_frame(struct attack *attack, unsigned int slot, uint32_t len);
struct chain_piece attack_piece(const struct attack *attack, const void *at, uint32_t len);

/* A buffer of these pieces on ring 0 or 1, and a kick. `table`: an indirect one, or NULL. */
void attack_put(struct attack *attack, unsigned int ring, const struct chain_piece *pieces,
	unsigned int n, void *table);
/* All that was put on a ring comes back within two seconds. */
bool attack_used(struct attack *attack, unsigned int ring);

/* Send up to `n` good frames to the mate, take what came, post it again. */
unsigned int attack_pump(struct attack *attack, unsigned int n);
/* The mate gets `n` frames more than it had: the switch still takes what is good. */
bool attack_passes(struct attack *attack, unsigned int n);
void attack_pump_for(struct attack *attack, unsigned int ms);

/* The port says one of these words ("a|b") within 2 s, in its state. */
bool attack_reason(struct attack *attack, const char *words);

/* Take both rings back and begin them again, empty; for rings that were stopped. */
bool attack_restart_rings(struct attack *attack);

/* Run `body` in a thread, again and again, until attack_stop_thread(). */
bool attack_start_thread(struct attack *attack, void (*body)(struct attack *attack));
void attack_stop_thread(struct attack *attack);

#endif
