/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What OpenSSL says, in words for people. Any thread: OpenSSL keeps its errors for each thread.
 */
#ifndef VSW_CTL_TLS_ERROR_H
#define VSW_CTL_TLS_ERROR_H

#include <stddef.h>

#define TLS_ERROR_SIZE 160

/* The oldest error of this thread; takes all of them off. Returns buf. */
const char *tls_error_take(char *buf, size_t size);

/* The error with this code (of ERR_get_error). Returns buf. */
const char *tls_error_text(unsigned long code, char *buf, size_t size);

/* An X509_V_ERR_* of checking a peer's certificate. Never NULL. */
const char *tls_verify_text(long code);

#endif
