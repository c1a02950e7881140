/* SPDX-License-Identifier: BSD-3-Clause */
#include <locale.h>
#include <stdio.h>

#include "ctl/cli.h"

int
main(int argc, char **argv)
{
	/* which characters the terminal shows; numbers stay as they are */
	(void)setlocale(LC_CTYPE, "");
	return cli_run(argc, argv, stdout, stderr);
}
