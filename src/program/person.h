/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The institution's people in the database: departments, managers, joiners, leavers, and their aliases, by
 * which the network's clients become people. Everybody has a pseudonym, "P-" and six random letters of
 * Crockford's base32, which says nothing of them and stays when they leave and come back.
 *
 *     roster.c        people as a source has them
 *     person_sync.c   a roster becomes what the database says
 *     person.c        questions, and changes by hand
 *
 * People are the same where their number is the same, whichever source says so; the last to say it is their
 * source. Nobody is removed: who is missing from their source's list has left. Then their aliases end, their
 * accounts are disabled, their sessions and tokens end. Whoever comes back is active again, but their account
 * is not: that is an administrator's decision.
 *
 * All of it works in the caller's transaction, a write one where something changes. Telling the browsers
 * (CHANGE_PEOPLE) is the caller's, after the commit.
 */
#pragma once
#include "base/json_value.h"
#include "program/audit.h"
#include "program/roster.h"

enum person_source { PERSON_LDAP, PERSON_CSV, PERSON_HAND, PERSON_SOURCES };
const char *person_source_name(enum person_source s);

enum { PSEUDONYM_SIZE = 9 };

struct people_counts {
    uint64_t added, changed, left, unchanged;
};
struct people_sync {
    enum person_source source;
    const struct actor *actor;
    const char *address; /* of the actor; NULL: none */
    bool force;          /* although more than a fifth would leave */
    bool dry;            /* only count */
    bool some_refused;   /* although the roster lacks people that could not be taken */
};
/* Make the people of this source what the roster says. Problems of aliases and managers are added to the
 * roster's. IMW_ERROR_VALUE: refused (nobody is in it, too many would leave, somebody could not be taken);
 * the words are for people. Known addresses join their people anew. */
bool people_sync(struct db *db, struct roster *r, const struct people_sync *how, uint64_t now_us,
                 struct people_counts *out, struct imw_error_info *err) IMW_MUST_USE;

/* ---- by hand; IMW_ERROR_VALUE: refused, err->key names the member ---- */
/* `body`: {name, number?, email?, title?, department?, manager? (id)} */
bool person_add(struct db *db, json_t *body, uint64_t now_us, int64_t *out_id,
                struct imw_error_info *err) IMW_MUST_USE;
/* Members that are there are changed; state ("active", "left") too. What a directory or a file says of a
 * person is changed there, and refused here; a state may always be set. *out (the caller's): what changed,
 * names of members only. */
bool person_change(struct db *db, int64_t id, json_t *body, uint64_t now_us, json_t **out,
                   struct imw_error_info *err) IMW_MUST_USE;
bool person_alias_add(struct db *db, int64_t id, const char *kind, const char *value, uint64_t now_us,
                      struct imw_error_info *err) IMW_MUST_USE;
bool person_alias_end(struct db *db, int64_t id, const char *kind, const char *value, uint64_t now_us,
                      bool *out_found, struct imw_error_info *err) IMW_MUST_USE;
/* What a leaver's leaving takes with it: aliases, accounts, sessions, tokens. */
bool person_end(struct db *db, int64_t id, uint64_t now_us, struct imw_error_info *err) IMW_MUST_USE;
/* The person whose mail or login name this is, for an account of the directory or of OpenID Connect.
 * *out_person 0: none, or more than one. */
bool person_by_login(struct db *db, const char *login, const char *email, int64_t *out_person,
                     struct imw_error_info *err) IMW_MUST_USE;

/* ---- questions: shapes as in web/src/api/types.ts ---- */
struct people_view {
    const struct actor *actor;
    bool names; /* all names; else those that were revealed to the actor */
    uint64_t now_us;
};
struct people_filter {
    const char *text;   /* NULL: all; in names, too, where all names may be seen */
    const char *state;  /* "active", "left"; NULL: both */
    int64_t department; /* 0: all; -1: of none */
    int64_t after;      /* cursor: the last id of the page before */
    unsigned limit;
};
bool people_list(struct db *db, const struct people_view *view, const struct people_filter *f, json_t **out,
                 struct imw_error_info *err) IMW_MUST_USE;
/* *out NULL: there is none. */
bool person_get(struct db *db, const struct people_view *view, int64_t id, json_t **out,
                struct imw_error_info *err) IMW_MUST_USE;
/* {"departments":[{id,name,parent,manager,people}]}; manager: the pseudonym or name of who leads it. */
bool departments_list(struct db *db, const struct people_view *view, json_t **out,
                      struct imw_error_info *err) IMW_MUST_USE;

/* The id of a department by its name, made where it is new. */
bool department_id(struct db *db, const char *name, int64_t *out, struct imw_error_info *err) IMW_MUST_USE;
/* A random pseudonym, not looked for in the database. */
void pseudonym_make(char out[PSEUDONYM_SIZE]);
