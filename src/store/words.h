/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words and clients as numbers: tables `term` and `who`, with a bounded memory of what was asked before.
 * A batch notes all its words first; those that are new to us are asked for, and made, many at a time.
 * Private to store.
 */
#pragma once
#include "store/db.h"

struct words;
struct words *words_new(struct db *db); /* NULL: no memory */
void words_free(struct words *w);
/* Forget everything: what was learnt was rolled back, or removed from the tables. */
void words_forget(struct words *w);
/* A batch begins: forget where it became too much. */
void words_begin(struct words *w);

/* A word's place, valid to the end of the batch; 0: empty text, or (then words_failed()) no memory. */
uint32_t word_note(struct words *w, const char *kind, struct view value);
/* Likewise a client. */
uint32_t client_note(struct words *w, struct view address, struct view login, struct view host);
/* All that were noted get their numbers. */
bool words_resolve(struct words *w, struct imw_error_info *err) IMW_MUST_USE;
int64_t word_id(const struct words *w, uint32_t place); /* 0 for place 0 */
int64_t client_id(const struct words *w, uint32_t place);
/* The department of who was behind this client at that time; *out 0: not known. */
bool client_department(struct words *w, uint32_t place, int64_t time_us, int64_t *out,
                       struct imw_error_info *err) IMW_MUST_USE;
/* Was the word met in this chunk before? Notes that it was now. */
bool word_in_chunk(struct words *w, uint32_t place, int64_t chunk);
bool words_failed(const struct words *w);

/* Whose is this client, at this time: by login, host, address, or the smallest network. *out_until,
 * *out_from: as long as that holds. */
struct person_match {
    int64_t person, department, from_us, until_us;
};
struct networks; /* of person_alias, in memory */
bool networks_load(struct db *db, struct networks **out, struct imw_error_info *err) IMW_MUST_USE;
void networks_free(struct networks *n);
bool person_find(struct db *db, const struct networks *n, struct view address, struct view login,
                 struct view host, int64_t time_us, struct person_match *out,
                 struct imw_error_info *err) IMW_MUST_USE;
