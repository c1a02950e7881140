/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests: a CA and certificates in files of a folder of its own, a tls_listen on a port of
 * 127.0.0.1, and clients that speak to it while the test steps the loop. Test code only.
 */
#ifndef VSW_CTL_TLS_TEST_WORLD_H
#define VSW_CTL_TLS_TEST_WORLD_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "ctl/tls_listen.h"

#define TLS_WORLD_ADOPTED 8

struct tls_world {
	struct event_base *base;
	struct tls_listen *listener;
	SSL_CTX *server; /* its context */
	uint16_t port;
	char folder[64];
	X509 *ca;
	EVP_PKEY *ca_key;
	int adopted[TLS_WORLD_ADOPTED]; /* the server's ends, blocking no more than the test */
	struct rpc_who who[TLS_WORLD_ADOPTED];
	size_t n_adopted;
	bool refuse_adoption;
};

/* What a certificate says. Times are seconds from now. */
struct tls_world_cert {
	const char *common_name; /* NULL: none */
	const char *second_name; /* another CN; NULL: none */
	const char *unit; /* OU; NULL: none */
	const char *alternative; /* as in "email:x@y"; NULL: none */
	long not_after; /* 0: an hour */
};

/* For cmocka: *state becomes a world that listens. */
int tls_world_setup(void **state) ROLE_ATTR(no_thread_safety_analysis);
int tls_world_teardown(void **state) ROLE_ATTR(no_thread_safety_analysis);

/* Sign one; `key` gets its key. Both are the caller's. */
X509 *tls_world_sign(const struct tls_world *w, const struct tls_world_cert *cert, EVP_PKEY **key);

/* Let the loop run until nothing happens at once. */
void tls_world_step(struct tls_world *w);

/*
 * A client that shows this certificate (NULL: none), connected and stepped until both sides agree
 * or do not; the caller frees it with tls_world_hang_up. NULL: its handshake failed.
 */
SSL *tls_world_connect(struct tls_world *w, const struct tls_world_cert *cert);
void tls_world_hang_up(SSL *ssl);

/* A certificate and its key into files NAME.pem and NAME.key of the folder. */
void tls_world_write(struct tls_world *w, const char *name, const struct tls_world_cert *cert);

/* "FOLDER/NAME", in one of 16 static buffers. */
const char *tls_world_path(const struct tls_world *w, const char *name);

#endif
