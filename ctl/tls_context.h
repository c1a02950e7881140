/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server's side of TLS as files say it: TLS 1.3 alone, both sides with certificates.
 *
 * No renegotiation (TLS 1.3 has none), no session tickets and no early data: each connection is a
 * full handshake with a certificate that is checked. The file of CAs may hold revocation lists
 * (CRLs); if it does, one is needed for each CA between a client and the one that we know, and all
 * of these are checked.
 *
 * Main, at edits: it reads files.
 */
#ifndef VSW_CTL_TLS_CONTEXT_H
#define VSW_CTL_TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <time.h>

#include "base/err.h"

#define TLS_FILE_MAX (1U << 20) /* bytes of a file; certificates are a few KiB */

struct tls_files {
	const char *certificate; /* PEM: ours, then those between it and its CA */
	const char *key; /* PEM, not encrypted, not readable by others */
	const char *client_ca; /* PEM: CAs whose certificates clients may show */
};

/*
 * Read the files. On an error err->path is the leaf that names the file (certificate, key,
 * client-ca) and the text says what is wrong with it. *not_after is when our certificate ends.
 */
int tls_context_create(
	const struct tls_files *files, SSL_CTX **out, time_t *not_after, struct err *err);

/* Whether a certificate that was good at its handshake still is: X509_V_OK, or why not. */
long tls_context_verify(SSL_CTX *context, X509 *certificate, STACK_OF(X509) * chain);

/* When the certificate ends; 0 if it does not say. */
time_t tls_not_after(const X509 *certificate);

#endif
