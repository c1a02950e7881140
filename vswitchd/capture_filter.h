/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Filters of captures: the language of pcap-filter(7), compiled by libpcap to classic BPF.
 *
 * Names are refused, of hosts, networks, ports and protocols that are not words of the language:
 * libpcap would ask the resolver, and main waits for nobody. Numbers and addresses do. Main only.
 */
#ifndef VSW_VSWITCHD_CAPTURE_FILTER_H
#define VSW_VSWITCHD_CAPTURE_FILTER_H

#include <pcap/pcap.h>

#include "base/err.h"
#include "base/role.h"

#define CAPTURE_FILTER_MAX 1024 /* bytes of a filter's text */

/* ERR_INVALID says what is wrong with the text, in libpcap's words if it is its grammar. */
int capture_filter_compile(const char *text, struct bpf_program *program, struct err *err) ON_MAIN;
void capture_filter_free(struct bpf_program *program); /* legal for one of zeros */

#endif
