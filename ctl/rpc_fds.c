/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors that a peer sends with its lines. They are its, and may take any time to close. */
#include <stdint.h>
#include <string.h>

#include "base/fd_passing.h"
#include "base/foreign_fd.h"
#include "ctl/rpc_priv.h"

/* No address: those at the top are the kernel's. */
const void *
rpc_fds_owner(const struct rpc_who *who)
{
	return (const void *)(UINTPTR_MAX - who->uid);
}

static void
close_some(const struct rpc_peer *peer, const int *fds, size_t n) ON_MAIN
{
	foreign_fd_close(rpc_fds_owner(&peer->who), fds, (uint32_t)n);
}

void
fds_take(struct rpc_peer *peer, struct msghdr *message, uint64_t at)
{
	struct rpc_fds *fds = &peer->fds;
	int all[FD_PASSING_MAX];
	size_t n = fd_passing_take(message, all);
	size_t kept = 0;

	while (kept < n && fds->n < RPC_FDS_MAX) {
		fds->fds[fds->n] = all[kept++];
		fds->at[fds->n++] = at;
	}
	close_some(peer, all + kept, n - kept);
}

void
fds_begin_line(struct rpc_peer *peer, uint64_t at)
{
	struct rpc_fds *fds = &peer->fds;

	fds->n_line = 0;
	while (fds->n_line < fds->n && fds->at[fds->n_line] <= at) {
		fds->n_line++;
	}
}

/* Forget the first ones. */
static void
shift(struct rpc_fds *fds, size_t n)
{
	fds->n -= n;
	fds->n_line -= n;
	memmove(fds->fds, fds->fds + n, fds->n * sizeof(fds->fds[0]));
	memmove(fds->at, fds->at + n, fds->n * sizeof(fds->at[0]));
}

int
fds_next(struct rpc_peer *peer)
{
	struct rpc_fds *fds = &peer->fds;
	int fd = fds->fds[0];

	if (fds->n_line == 0) {
		return -1;
	}
	shift(fds, 1);
	return fd;
}

void
fds_end_line(struct rpc_peer *peer)
{
	struct rpc_fds *fds = &peer->fds;

	close_some(peer, fds->fds, fds->n_line);
	shift(fds, fds->n_line);
}

void
fds_fini(struct rpc_peer *peer)
{
	close_some(peer, peer->fds.fds, peer->fds.n);
	foreign_fd_hang_up(rpc_fds_owner(&peer->who), peer->fd);
}

/* Who cannot send any, or can do worse, is not asked for. */
static bool
is_exempt(const struct rpc_peer *peer)
{
	return peer->who.uid == (uid_t)-1 || place_is_root(peer->server, &peer->who);
}

bool
fds_pending(struct rpc_peer *peer)
{
	peer->fds.closing = !is_exempt(peer) && foreign_fd_pending(rpc_fds_owner(&peer->who));
	return peer->fds.closing;
}

bool
fds_full(const struct rpc_peer *peer)
{
	return !is_exempt(peer) && foreign_fd_is_full(rpc_fds_owner(&peer->who));
}
