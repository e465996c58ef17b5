/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A roster: all the people that a source (a directory, a CSV file) knows of, in memory, checked and in one
 * form, before any of it meets the database. Whoever fills it need not care about lengths, control characters
 * or how an address is written; what cannot be taken is a problem with its line.
 *
 * Two kinds of problem. A person who cannot be taken counts in `refused`: a list that lacks somebody by
 * mistake would make a leaver of them, so people_sync() refuses a roster with one, unless told to go on. The
 * rest (an address that is none, a manager who is nobody) leaves out that one value.
 *
 * Aliases in one form: login names and hosts are lower case, a login without its domain ("BANK\anna",
 * "anna@bank.example"), a host without the dot at its end; addresses and networks as RFC 5952 has them;
 * accounts "service:name" in lower case.
 */
#pragma once
#include "program/line_problem.h"

enum alias_kind { ALIAS_USER, ALIAS_HOST, ALIAS_ADDRESS, ALIAS_ACCOUNT, ALIAS_KINDS };
enum {
    ROSTER_MOST = 1000000, /* people */
    ROSTER_ALIASES = 64,   /* of one person */
    ALIAS_SIZE = 256,
    PERSON_NUMBER_MOST = 64,
    PERSON_TEXT_MOST = 200, /* name, title, department */
    PERSON_EMAIL_MOST = 254,
};

struct roster_person {
    const char *number, *name;                        /* always there */
    const char *email, *title, *department, *manager; /* NULL: none; manager: number or mail of another */
    unsigned line;                                    /* of the file; 0: there is none */
    uint32_t first_alias, aliases;
};
struct roster_alias {
    const char *value;
    enum alias_kind kind;
    uint32_t person;
};
struct roster {
    struct roster_person *people;
    struct roster_alias *aliases;
    struct line_problems problems;
    size_t count, alias_count;
    size_t refused;
    struct roster_room *room;
};

struct roster *roster_new(void); /* NULL without memory */
void roster_free(struct roster *r);

/* What one person is, in any form. Empty: none. */
struct roster_entry {
    struct view number, name, email, title, department, manager;
    unsigned line;
};
/* Add a person; aliases that follow are theirs. *out_taken false: refused, with a problem. False: out of
 * memory, or too many. */
bool roster_add(struct roster *r, const struct roster_entry *e, bool *out_taken,
                struct imw_error_info *err) IMW_MUST_USE;
bool roster_alias(struct roster *r, enum alias_kind kind, struct view value,
                  struct imw_error_info *err) IMW_MUST_USE;
void roster_problem(struct roster *r, unsigned line, const char *format, ...) IMW_PRINTF(3, 4);
/* The same, and a person is missing because of it. */
void roster_refuse(struct roster *r, unsigned line, const char *format, ...) IMW_PRINTF(3, 4);
/* Another manager for the last person (a directory knows who only when all are there). NULL: none. */
bool roster_set_manager(struct roster *r, size_t person, const char *number,
                        struct imw_error_info *err) IMW_MUST_USE;

const char *alias_kind_name(enum alias_kind k);
bool alias_kind_parse(const char *name, enum alias_kind *out);
/* In one form, as above. False: it cannot be one; *out_why says so. */
bool alias_normal(enum alias_kind kind, struct view value, char out[ALIAS_SIZE], const char **out_why);
/* Text of a person: trimmed, control characters out, cut nowhere. False: longer than `most`, or not UTF-8. */
bool person_text_normal(struct view value, size_t most, char *out, size_t size);

/* Texts to numbers, to find people and aliases by: the keys are the caller's and stay. */
struct text_index;
struct text_index *text_index_new(size_t expected);
void text_index_free(struct text_index *x);
/* The place of a key's number, made (with UINT32_MAX) where it is new. NULL without memory. */
uint32_t *text_index_put(struct text_index *x, const char *key);
uint32_t text_index_get(const struct text_index *x, const char *key); /* UINT32_MAX: not there */
