/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_table.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define COLUMNS_MAX 16
#define CELL_MAX 2048
#define COLUMN_LEAST 6 /* characters of a name that tell something */
#define GAP 2

struct cell {
	char *text; /* owned; NULL is empty */
	enum cli_colour colour;
};

struct row {
	struct cell cells[COLUMNS_MAX];
};

struct cli_table {
	size_t n_columns;
	const char *heads[COLUMNS_MAX];
	bool numeric[COLUMNS_MAX];
	size_t widths[COLUMNS_MAX]; /* 0: no cell has had anything in it */
	bool head_printed;
	size_t n_rows;
	size_t n_room;
	struct row *rows;
	size_t n_cells; /* set in the last row */
};

static void sanitize(char *text);
static size_t text_width(const char *text);
static void print_line(const struct cli_table *table, const struct row *row, struct cli *cli,
	unsigned int indent, const size_t widths[COLUMNS_MAX]);
static void fit(const struct cli_table *table, const struct cli *cli, unsigned int indent,
	size_t widths[COLUMNS_MAX]);

struct cli_table *
cli_table_create(const char *const *columns)
{
	struct cli_table *table = calloc(1, sizeof(*table));

	if (table == NULL) {
		abort();
	}
	for (; columns[table->n_columns] != NULL && table->n_columns < COLUMNS_MAX;
		table->n_columns++) {
		const char *head = columns[table->n_columns];

		table->numeric[table->n_columns] = head[0] == '>';
		table->heads[table->n_columns] = head + (head[0] == '>');
	}
	return table;
}

static void
rows_clear(struct cli_table *table)
{
	for (size_t r = 0; r < table->n_rows; r++) {
		for (size_t c = 0; c < table->n_columns; c++) {
			free(table->rows[r].cells[c].text);
		}
	}
	table->n_rows = 0;
}

void
cli_table_destroy(struct cli_table *table)
{
	if (table == NULL) {
		return;
	}
	rows_clear(table);
	free(table->rows);
	free(table);
}

void
cli_table_row(struct cli_table *table)
{
	if (table->n_rows == table->n_room) {
		table->n_room = table->n_room * 2 + 16;
		table->rows = reallocarray(table->rows, table->n_room, sizeof(*table->rows));
		if (table->rows == NULL) {
			abort();
		}
	}
	memset(&table->rows[table->n_rows++], 0, sizeof(*table->rows));
	table->n_cells = 0;
}

void
cli_table_cell(struct cli_table *table, const char *fmt, ...)
{
	size_t column = table->n_cells++;
	struct cell *cell = &table->rows[table->n_rows - 1].cells[column];
	char text[CELL_MAX];
	size_t width;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sanitize(text);
	if (text[0] == '\0') {
		return;
	}
	cell->text = str_dup(text);
	width = text_width(text);
	if (table->widths[column] == 0) {
		table->widths[column] = strlen(table->heads[column]);
	}
	if (width > table->widths[column]) {
		table->widths[column] = width;
	}
}

void
cli_table_colour(struct cli_table *table, enum cli_colour colour)
{
	table->rows[table->n_rows - 1].cells[table->n_cells - 1].colour = colour;
}

size_t
cli_table_rows(const struct cli_table *table)
{
	return table->n_rows;
}

void
cli_table_print(struct cli_table *table, struct cli *cli, unsigned int indent)
{
	struct row head = {.cells = {{NULL}}};
	size_t widths[COLUMNS_MAX];

	fit(table, cli, indent, widths);
	if (!table->head_printed) {
		for (size_t c = 0; c < table->n_columns; c++) {
			head.cells[c].text = (char *)(uintptr_t)table->heads[c];
		}
		print_line(table, &head, cli, indent, widths);
		table->head_printed = true;
	}
	for (size_t r = 0; r < table->n_rows; r++) {
		print_line(table, &table->rows[r], cli, indent, widths);
	}
	rows_clear(table);
}

void
cli_print_text(struct cli *cli, const char *text)
{
	char *copy = str_dup(text);

	sanitize(copy);
	(void)fputs(copy, cli->out);
	free(copy);
}

static void
sanitize(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p != '\0'; p++) {
		/* C0, DEL, and C1 as UTF-8 (0xc2 0x80..0x9f) */
		if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)) {
			*p = '?';
		}
	}
}

/* Characters, taking each as one column wide: names are ASCII, and a reason stands last. */
static size_t
text_width(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++) {
		width += ((unsigned char)*text & 0xc0) != 0x80;
	}
	return width;
}

static void
print_cell(const struct cell *cell, size_t width, bool numeric, bool last, struct cli *cli)
{
	static const char *const codes[] = {
		[CLI_GREEN] = "\033[32m",
		[CLI_YELLOW] = "\033[33m",
		[CLI_RED] = "\033[31m",
	};
	const char *text = cell->text == NULL ? "" : cell->text;
	size_t used = text_width(text);
	size_t pad = used < width ? width - used : 0;
	bool coloured = cli->colour && cell->colour != CLI_PLAIN;

	if (numeric) {
		(void)fprintf(cli->out, "%*s", (int)pad, "");
	}
	if (coloured) {
		(void)fputs(codes[cell->colour], cli->out);
	}
	(void)fputs(text, cli->out);
	if (coloured) {
		(void)fputs("\033[0m", cli->out);
	}
	if (!numeric && !last) {
		(void)fprintf(cli->out, "%*s", (int)pad, "");
	}
}

/*
 * Cut `text`, which has room for the mark behind it, so that it fills at most `room` columns, with
 * an ellipsis at its end.
 */
static void
cut(char *text, size_t room, bool utf8)
{
	const char *mark = utf8 ? "\xe2\x80\xa6" : "...";
	size_t mark_width = utf8 ? 1 : 3;
	size_t width = 0;

	if (text_width(text) <= room) {
		return;
	}
	if (room < mark_width) {
		mark = "";
		mark_width = 0;
	}
	for (char *p = text; *p != '\0'; p++) {
		if (((unsigned char)*p & 0xc0) != 0x80 && width++ == room - mark_width) {
			(void)memcpy(p, mark, strlen(mark) + 1);
			return;
		}
	}
}

/*
 * Make columns of text narrower, the widest first, until a line fits the terminal. Numbers are
 * never cut, nor is anything below its head: a terminal that is too narrow for that cuts the line.
 */
static void
fit(const struct cli_table *table, const struct cli *cli, unsigned int indent,
	size_t widths[COLUMNS_MAX])
{
	size_t used = indent;

	memcpy(widths, table->widths, sizeof(table->widths));
	if (cli->width == 0) {
		return;
	}
	for (size_t c = 0; c < table->n_columns; c++) {
		used += widths[c] == 0 ? 0 : widths[c] + (used > indent ? GAP : 0);
	}
	while (used > cli->width) {
		size_t widest = COLUMNS_MAX;

		for (size_t c = 0; c < table->n_columns; c++) {
			size_t least = strlen(table->heads[c]);

			least = least < COLUMN_LEAST ? COLUMN_LEAST : least;
			if (!table->numeric[c] && widths[c] > least &&
				(widest == COLUMNS_MAX || widths[c] >= widths[widest])) {
				widest = c;
			}
		}
		if (widest == COLUMNS_MAX) {
			return;
		}
		widths[widest]--;
		used--;
	}
}

static void
print_line(const struct cli_table *table, const struct row *row, struct cli *cli,
	unsigned int indent, const size_t widths[COLUMNS_MAX])
{
	size_t used = indent;
	size_t last = 0;

	for (size_t c = 0; c < table->n_columns; c++) {
		if (row->cells[c].text != NULL && widths[c] > 0) {
			last = c;
		}
	}
	(void)fprintf(cli->out, "%*s", (int)indent, "");
	for (size_t c = 0; c <= last; c++) {
		char text[CELL_MAX + 4]; /* and the mark of cut */
		struct cell cell = row->cells[c];
		size_t room = widths[c];

		if (room == 0) {
			continue;
		}
		if (cli->width > 0 && used + room > cli->width) {
			room = used < cli->width ? cli->width - used : 0;
		}
		if (cell.text != NULL && text_width(cell.text) > room) {
			(void)str_copy(text, cell.text, CELL_MAX);
			/* the first digits of a number would be another number */
			cut(text, table->numeric[c] && room > 0 ? 1 : room, cli->utf8);
			cell.text = text;
		}
		print_cell(&cell, room, table->numeric[c], c == last, cli);
		used += room + GAP;
		if (cli->width > 0 && used >= cli->width) {
			break;
		}
		if (c != last) {
			(void)fprintf(cli->out, "%*s", GAP, "");
		}
	}
	(void)fputc('\n', cli->out);
}

void
cli_table_end(struct cli_table *table, struct cli *cli, const char *none)
{
	if (cli_table_rows(table) == 0) {
		(void)fprintf(cli->out, "%s\n", none);
	} else {
		cli_table_print(table, cli, 0);
	}
	cli_table_destroy(table);
}
