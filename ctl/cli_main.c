/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "ctl/cli.h"

int
main(int argc, char **argv)
{
	return cli_run(argc, argv, stdout, stderr);
}
