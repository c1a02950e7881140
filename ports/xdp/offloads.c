/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/xdp/offloads.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

LOG_MODULE("xdp");

#define BOOT_ID "/proc/sys/kernel/random/boot_id" /* random(4): 36 characters and a newline */
#define NOTE_SIZE 256
#define WORDS ARRAY_LEN(((struct feature_set *)NULL)->words)

static bool
read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;

	if (fd < 0) {
		return false;
	}
	n = read(fd, text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	(void)close(fd);
	return n > 0;
}

/* What a note of these two interfaces begins with; numbers of interfaces hold for one boot. */
static bool
note_head(const struct link_info *info, char *head, size_t size)
{
	char boot[64];

	head[0] = '\0';
	return read_text(BOOT_ID, boot, sizeof(boot)) &&
		str_appendf(head, size, "%s%d %d", boot, info->ifindex, info->peer);
}

/* What an earlier daemon turned off and did not live to turn on. */
static void
note_read(struct offloads *offloads, const struct link_info *info)
{
	char text[NOTE_SIZE];
	char head[NOTE_SIZE];
	uint32_t words[WORDS];
	const char *at = text;

	if (!note_head(info, head, sizeof(head)) ||
		!read_text(offloads->note, text, sizeof(text)) ||
		strncmp(text, head, strlen(head)) != 0) {
		return;
	}
	at += strlen(head);
	for (size_t i = 0; i < WORDS; i++) {
		int used = 0;

		if (sscanf(at, " %8" SCNx32 "%n", &words[i], &used) != 1) {
			return;
		}
		at += used;
	}
	for (size_t i = 0; i < WORDS; i++) {
		offloads->off.words[i] |= words[i];
	}
}

static void
note_write(const struct offloads *offloads, const struct link_info *info)
{
	char text[NOTE_SIZE];
	bool ok = note_head(info, text, sizeof(text));
	int fd;

	for (size_t i = 0; i < WORDS; i++) {
		ok = ok && str_appendf(text, sizeof(text), " %08" PRIx32, offloads->off.words[i]);
	}
	fd = open(offloads->note, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	ok = ok && fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0) {
		(void)close(fd);
	}
	if (!ok) {
		log_warn("'%s' cannot be written (%s): if this daemon is killed, offloads of '%s' "
			 "stay off",
			offloads->note, strerror(errno),
			offloads->peer[0] != '\0' ? offloads->peer : info->name);
	}
}

static void
turn_off(struct offloads *offloads, const struct link_info *info)
{
	offloads->state = link_peer_plain(info, &offloads->off, offloads->peer);
	if (offloads->state == LINK_PEER_NONE) {
		(void)link_keep_tags(info->name, &offloads->off);
	}
	if (features_any(&offloads->off)) {
		note_write(offloads, info);
	}
}

void
offloads_take(struct offloads *offloads, const struct link_info *info, const char *run_dir)
{
	*offloads = (struct offloads){.state = LINK_PEER_NONE};
	str_appendf(offloads->note, sizeof(offloads->note), "%s/af-xdp-%d.offloads", run_dir,
		info->ifindex);
	note_read(offloads, info);
	turn_off(offloads, info);
}

void
offloads_retry(struct offloads *offloads, const struct link_info *info)
{
	turn_off(offloads, info);
}

void
offloads_give_back(struct offloads *offloads, const struct link_info *info)
{
	bool done = info == NULL;

	if (!features_any(&offloads->off)) {
		return;
	}
	if (!done) {
		done = offloads->state == LINK_PEER_NONE
			? features_on(info->name, &offloads->off) == 0
			: link_peer_restore(info, &offloads->off);
	}
	if (done) {
		(void)unlink(offloads->note);
	} else {
		log_warn(
			"offloads of '%s' stay off: it cannot be reached any more", offloads->peer);
	}
}
