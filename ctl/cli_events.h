/* SPDX-License-Identifier: BSD-3-Clause */
/* The command `events`, and the topics that completion offers. One thread. */
#ifndef VSW_CTL_CLI_EVENTS_H
#define VSW_CTL_CLI_EVENTS_H

/* What one can subscribe to; ends with NULL. Without a word the daemon is asked for all but
 * mac. */
extern const char *const cli_topics[];

#endif
