/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people are found by: in the table person_text each has a row with the pseudonym, and one text of name,
 * pseudonym, mail, number and the aliases that hold, all in small letters. To look for a part of a word reads
 * this table from end to end, some ten megabytes with 100,000 people, in 10 to 20 ms on both databases; no
 * index of parts that both have would be as small, or as easily kept. Whoever writes people or aliases keeps
 * it.
 */
#pragma once
#include "program/people_set.h"

/* The text of this person, or (0) of all, as they are now. */
bool person_text_keep(struct db *db, int64_t person, struct imw_error_info *err) IMW_MUST_USE;

enum { PERSON_PATTERN_SIZE = 260 };
/* Where a text is searched: "(select person from … ?)". Without `names` only pseudonyms are. */
const char *person_text_select(bool names);
/* Its argument. */
struct db_value person_text_pattern(const char *text, char out[PERSON_PATTERN_SIZE]);
