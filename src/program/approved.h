/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Approved channels: where people are to talk, and how much each sent there a day, as the channel's own
 * archive counts it (docs/off-channel.md). What is brought in replaces the days that are in it.
 */
#pragma once
#include "program/act.h"
#include "program/approved_list.h"

enum { CHANNEL_NAME_BYTES = 80, CHANNEL_NOTE_BYTES = 1000, CHANNELS_MOST = 32, APPROVED_PAGE = 100 };

/* {name, note?, service?}; of a change also state; `service` is checked against the catalog by the caller. */
bool channel_create(struct act *a, const json_t *body, int64_t *out_id,
                    struct imw_error_info *err) IMW_MUST_USE;
bool channel_change(struct act *a, int64_t id, const json_t *body, struct imw_error_info *err) IMW_MUST_USE;
/* [Channel], by name; `id` 0: all. */
bool channels_json(struct act *a, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;

struct approved_how {
    const char *source, *name, *sha256; /* source: "file", "api" */
    bool beside;                        /* the counts of these people only; the days keep the others */
    bool more;                          /* the days are not whole yet */
};
/* Store the counts of a list; people who are not known become problems of it. *out: ApprovedResult. */
bool approved_import(struct act *a, int64_t channel, struct approved_list *l, const struct approved_how *how,
                     json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* {imports, cursor} of a channel (0: all), newest first. */
bool approved_imports_json(struct act *a, int64_t channel, int64_t before, unsigned limit, json_t **out,
                           struct imw_error_info *err) IMW_MUST_USE;
/* What is kept of a person: [{channel, first, last, days, messages}]. */
bool approved_mine(struct db *db, int64_t person, json_t **out, struct imw_error_info *err) IMW_MUST_USE;

/* "2026-11-23" of 20261123. */
enum { DAY_TEXT = 16 };
const char *day_text(int64_t day, char out[DAY_TEXT]);
json_t *day_json(int64_t day); /* 0: null */
