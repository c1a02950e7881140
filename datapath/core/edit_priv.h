/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files that edit headers share. */
#ifndef VSW_DATAPATH_CORE_EDIT_PRIV_H
#define VSW_DATAPATH_CORE_EDIT_PRIV_H

#define IPV4_LEN 20 /* RFC 791, 3.1 */
#define IPV6_LEN 40 /* RFC 8200, 3 */
#define ARP_LEN 28 /* RFC 826, with Ethernet and IPv4 addresses */
#define ND_LEN 24 /* RFC 4861, 4.3: up to the options */
#define ND_SOLICITATION 135
#define ND_ADVERTISEMENT 136
#define ND_OPTION_LEN 8 /* RFC 2464, 6 */
#define SCTP_LEN 12 /* RFC 9260, 3.1 */

/* What is in the transport header's checksum field. */
enum csum_kind {
	CSUM_NONE, /* there is no such field here, and nothing misses it */
	CSUM_WHOLE,
	CSUM_UDP, /* 0: none */
	CSUM_PARTIAL, /* PKT_OL_CSUM: the pseudo-header's sum */
	CSUM_CRC, /* SCTP's, little-endian; 0: none */
	CSUM_LOST, /* there is one, out of our reach */
};

#endif
