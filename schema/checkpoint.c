/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/checkpoint.h"

#include <stdlib.h>

#include "base/memory.h"
#include "schema/helper.h"

struct checkpoint {
	const struct file *file;
	struct helper *helper;
	/* the helper's, while it is busy */
	char *text;
	size_t len;
	int rc;
	struct err err;
};

void
checkpoint_create(const struct file *file, int wake_fd, struct checkpoint **out)
{
	struct checkpoint *checkpoint = must_calloc(1, sizeof(*checkpoint));

	checkpoint->file = file;
	helper_create("file", wake_fd, &checkpoint->helper);
	*out = checkpoint;
}

void
checkpoint_destroy(struct checkpoint *checkpoint)
{
	if (checkpoint != NULL) {
		helper_destroy(checkpoint->helper);
		free(checkpoint->text);
		free(checkpoint);
	}
}

static void
write_file(void *arg)
{
	struct checkpoint *checkpoint = arg;

	checkpoint->rc =
		file_replace(checkpoint->file, checkpoint->text, checkpoint->len, &checkpoint->err);
}

void
checkpoint_begin(struct checkpoint *checkpoint, char *text, size_t len)
{
	checkpoint->text = text;
	checkpoint->len = len;
	checkpoint->err = (struct err)ERR_INIT;
	helper_begin(checkpoint->helper, write_file, checkpoint);
}

bool
checkpoint_runs(const struct checkpoint *checkpoint)
{
	return helper_busy(checkpoint->helper);
}

bool
checkpoint_take(struct checkpoint *checkpoint, int *rc, struct err *err)
{
	if (!helper_take(checkpoint->helper)) {
		return false;
	}
	free(checkpoint->text);
	checkpoint->text = NULL;
	*rc = checkpoint->rc;
	*err = checkpoint->err;
	return true;
}

bool
checkpoint_wait(struct checkpoint *checkpoint, uint64_t until)
{
	return helper_wait(checkpoint->helper, until);
}
