/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mapping tables: what a regulation asks for, what of an evidence package shows it, and what this program
 * does not cover. Ours are in src/program/mapping/NAME.tsv, built in; an institution's own in
 * DATA/mapping/NAME.tsv, one of the same name taking the place of ours.
 *
 * A file: UTF-8, a line each, fields between tabs. The first lines begin with '#', "# title: …" and
 * "# source: …" say what it is and whence; then
 *     SECTION  WHAT IT ASKS  PARTS  WHAT SHOWS IT  WHAT IS NOT COVERED
 * PARTS are names of tables ("training/certificates"), of parts ("training", "audit"), several with a space
 * between, or '-': nothing in the package shows it. The last field is '-' where nothing is left.
 */
#pragma once
#include "base/error.h"
#include "base/json_value.h"

enum { MAPPING_FILES = 64, MAPPING_ROWS = 512, MAPPING_FILE_BYTES = 1 << 20 };

struct mapping_row {
    const char *section, *asks, *parts, *shows, *not_covered; /* never NULL; empty where the file has '-' */
};
struct mapping_table {
    const char *name, *title, *source; /* "glba", "GLBA: …", "16 CFR 314 …" */
    bool ours;
    unsigned count;
    struct mapping_row *rows;
    char *text; /* what all of these point into */
};
struct mapping {
    unsigned count;
    struct mapping_table tables[MAPPING_FILES]; /* by name */
};

/* Ours and those of `folder` (DATA/mapping; NULL or not there: ours only). False: err names file and line.
 * The caller's; mapping_free(). */
bool mapping_read(const char *folder, struct mapping **out, struct imw_error_info *err) IMW_MUST_USE;
void mapping_free(struct mapping *m); /* NULL is fine */
/* One table of a text; `name` is for errors. */
bool mapping_parse(const char *name, struct view text, struct mapping_table *out,
                   struct imw_error_info *err) IMW_MUST_USE;
void mapping_table_fini(struct mapping_table *t);
/* [{"name","title","source","ours","rows":[{"section","asks","parts":[…],"shows","not_covered"}]}] */
json_t *mapping_json(const struct mapping *m);
