/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people sent on an approved channel a day, in memory, before any of it meets the database: out of a CSV
 * file or an answer of an API. Received bytes: what cannot be taken is a problem with its line, and counted.
 *
 * A CSV file's first line names its columns: day (date), person (user, login, email, number) and messages
 * (count, sent); others are passed over. Days are 2026-11-23, with or without a time behind. Of one person
 * and day several lines are added up.
 */
#pragma once
#include "program/line_problem.h"

enum {
    APPROVED_FILE_MOST = 64 << 20, /* octets */
    APPROVED_LINES_MOST = 2000000,
    APPROVED_DAYS_MOST = 400,
    APPROVED_MESSAGES_MOST = 1000000, /* of one person and day */
    APPROVED_NAME_MOST = 254,
};

struct approved_entry {
    uint32_t name; /* in `names` */
    int day;       /* 20261123 */
    uint32_t messages;
    unsigned line;
};
struct approved_list {
    struct approved_entry *at;
    char **names; /* in lower case */
    struct line_problems problems;
    int days[APPROVED_DAYS_MOST]; /* those that are in it, in no order */
    size_t count, size, name_count, name_size, lines, refused;
    unsigned day_count;
    struct text_index *index;
};

struct approved_list *approved_list_new(void); /* NULL without memory */
void approved_list_free(struct approved_list *l);
/* A day of a calendar as "2026-11-23"; 0: it is none. */
int approved_day(struct view text);
/* One count. What cannot be taken is a problem; false: out of memory, or too much of it. */
bool approved_list_add(struct approved_list *l, struct view day, struct view person, struct view messages,
                       unsigned line, struct imw_error_info *err) IMW_MUST_USE;
/* IMW_ERROR_FORMAT: it is no such file; err->line where it is about one. */
bool approved_csv_parse(struct view file, struct approved_list *l, struct imw_error_info *err) IMW_MUST_USE;
