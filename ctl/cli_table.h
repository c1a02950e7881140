/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tables of text: columns as wide as their widest cell, numbers to the right, two spaces between.
 *
 * Cells may hold anything that a peer of the switch could put into a name or a reason, so bytes
 * that a terminal would obey are shown as '?'. Where a row would be wider than the terminal, the
 * widest columns of text are cut, with an ellipsis; without a terminal nothing is ever cut.
 *
 * Rows are kept until printed. Long lists are printed in parts: widths only grow, and the header is
 * printed once. One thread.
 */
#ifndef VSW_CTL_CLI_TABLE_H
#define VSW_CTL_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl/cli.h"

struct cli_table;

enum cli_colour { CLI_PLAIN, CLI_GREEN, CLI_YELLOW, CLI_RED };

/*
 * `columns` are headers, one string each, ending with NULL; a header that starts with '>' names a
 * column of numbers. Aborts when memory is exhausted, as all of this module.
 */
struct cli_table *cli_table_create(const char *const *columns);
void cli_table_destroy(struct cli_table *table);

/* Append a row and fill it from the left; cells that are not set are empty. */
void cli_table_row(struct cli_table *table);
void
cli_table_cell(struct cli_table *table, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cli_table_colour(struct cli_table *table, enum cli_colour colour); /* of the last cell */

size_t cli_table_rows(const struct cli_table *table);

/* Print and forget the rows; each line starts with `indent` spaces. Empty columns are left out. */
void cli_table_print(struct cli_table *table, struct cli *cli, unsigned int indent);

/* Print what there is, or this sentence if there are no rows, and destroy the table. */
void cli_table_end(struct cli_table *table, struct cli *cli, const char *none);

/* Write `text` to cli->out with what a terminal would obey made visible. */
void cli_print_text(struct cli *cli, const char *text);

#endif
