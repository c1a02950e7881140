/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whom a certificate means: its common name (CN), or without one its first alternative name (mail,
 * DNS or URI), is the user, its organizational units (OU) are the groups.
 *
 * The names are for rules and for the log, so only printable ASCII is a name, and a certificate
 * with two common names is nobody's. Any thread.
 */
#ifndef VSW_CTL_TLS_NAME_H
#define VSW_CTL_TLS_NAME_H

#include <openssl/x509.h>

#include "base/err.h"
#include "ctl/rpc_who.h"

/* Fill user and groups of `who`; groups that are no names, or too many, are left out. ERR_INVALID
 * if the certificate names nobody. */
int tls_name(const X509 *certificate, struct rpc_who *who, struct err *err);

#endif
