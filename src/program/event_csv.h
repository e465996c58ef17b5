/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as a table for other programs (RFC 4180). Cells that a spreadsheet would take for a formula get an
 * apostrophe in front, since names of files and servers are chosen by strangers.
 */
#pragma once
#include "base/json_value.h"
#include <stdio.h>

void event_csv_head(FILE *to);
/* An event as it may be seen: behind event_show(). */
void event_csv_row(FILE *to, const json_t *event);
/* One cell of a line, of UTF-8. */
void event_csv_cell(FILE *to, const char *text);
