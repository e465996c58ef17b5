/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV files (RFC 4180, with what spreadsheets make of it): separated by whichever of comma, semicolon and tab
 * the first line has most of; UTF-8, with or without its mark, else Latin-1.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

enum { CSV_COLUMNS = 64, CSV_FIELD_MOST = 4096 };

struct csv {
    struct view left;
    char separator;
    bool latin1;
    unsigned line; /* of the record under way */
    unsigned next_line;
    struct view field[CSV_COLUMNS];
    unsigned count;
    bool too_many, open_quote, after_quote, too_long;
    char room[CSV_COLUMNS * 128 + CSV_FIELD_MOST * 2]; /* fields that were written out */
    struct text text;
};

/* The file is the caller's and stays while it is read. NULL: it is none (err->code IMW_ERROR_FORMAT), or
 * there is no memory. To be freed by free(). */
struct csv *csv_open(struct view file, struct imw_error_info *err);
/* The next record that is not empty. False: the file is at its end. */
bool csv_next(struct csv *c);
