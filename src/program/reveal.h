/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Four eyes: names and texts are shown when one person has asked, with a reason, and another has agreed, for
 * a time. Both are looked up anew in the database whenever it matters (asking, deciding, showing), so that an
 * account that was disabled, lost its role or was tied to another person meanwhile decides and sees nothing.
 *
 * A request is about one object:
 *     kind person    "12" is person 12; "who:7" what the network calls client 7 (who.id): its login and
 *                    machine. A client that is a person's is asked for, and kept, as that person.
 *     kind text      the vault's object, as `stored_as` of its event names it
 *
 * asked -> granted, refused (by another), withdrawn (by who asked); granted -> withdrawn. A grant ends by
 * itself at until_us; nothing has to run for that.
 *
 * What was done is in the audit trail when these return true.
 */
#pragma once
#include "program/act.h"

enum {
    REVEAL_REASON_LEAST = 15,   /* characters */
    REVEAL_REASON_BYTES = 2000, /* longest */
    REVEAL_HOURS = 72,          /* longest grant */
    REVEAL_HOURS_USUAL = 24,
    REVEAL_WAITING = 50, /* most that one account may have asked and not yet answered */
};

/* `incident` 0: none. */
bool reveal_ask(struct act *c, const char *kind, const char *object, const char *reason, int64_t incident,
                int64_t *out_id, struct imw_error_info *err) IMW_MUST_USE;
/* `hours` counts where it is granted; `why` must be given where it is not. */
bool reveal_decide(struct act *c, int64_t id, bool grant, const char *why, unsigned hours,
                   struct imw_error_info *err) IMW_MUST_USE;
bool reveal_withdraw(struct act *c, int64_t id, struct imw_error_info *err) IMW_MUST_USE;

/* What was granted, to who asked, while it lasts: *out_kind 'p': *out is {name, login, email, department};
 * 't': *out is NULL and the keeper has the text. It is in the trail, so this is for a write transaction. */
bool reveal_show(struct act *c, int64_t id, char *out_kind, json_t **out,
                 struct imw_error_info *err) IMW_MUST_USE;

/* `state` NULL: all; "granted" are those that last. Newest first, as Reveal of the API. Members of `label`
 * are pseudonyms. */
bool reveal_list(struct act *c, const char *state, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool reveal_get(struct act *c, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;

/* ---- for lists of people: whose names does this account see now? ---- */
/* *out: is the name of `person` (0: then of client `who`) granted to this actor? Never to a token. */
bool reveal_granted(struct db *db, const struct actor *actor, int64_t person, int64_t who, uint64_t now_us,
                    bool *out, struct imw_error_info *err) IMW_MUST_USE;

/* The same for many: loaded once a request. */
struct reveal_set;
bool reveal_set_load(struct db *db, const struct actor *actor, uint64_t now_us, struct reveal_set **out,
                     struct imw_error_info *err) IMW_MUST_USE;
bool reveal_set_has(const struct reveal_set *s, int64_t person, int64_t who); /* NULL: nothing is */
void reveal_set_free(struct reveal_set *s);
