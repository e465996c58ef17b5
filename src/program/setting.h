/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings that are changed while the console runs. Which there are: src/program/settings.def, a line each:
 * name ("session.idle_minutes"), kind, what it is at first, bounds. In the API the dots are levels of JSON.
 */
#pragma once
#include "base/json_value.h"
#include "store/db.h"

enum setting_kind {
    SETTING_TEXT,   /* max: octets */
    SETTING_NUMBER, /* min to max */
    SETTING_FLAG,   /* "0", "1" */
    SETTING_ROLES,  /* "administrator compliance"; in JSON a list */
    SETTING_MAP,    /* a JSON object of texts */
    SETTING_GROUPS, /* the same, each text the roles of a group: {"cn=desk,…":"compliance engineer"} */
    SETTING_SECRET, /* sealed by the keeper, base64; in JSON true where there is one */
    SETTING_HIDDEN, /* of the program's own, not in JSON */
};

enum setting {
#define S(id, name, kind, first, min, max) SETTING_ID_##id,
#include "program/settings.def"
#undef S
    SETTING_COUNT
};

/* *out is the caller's (free). What was never set is as settings.def has it. */
bool setting_get(struct db *db, enum setting s, char **out, struct imw_error_info *err) IMW_MUST_USE;
bool setting_number(struct db *db, enum setting s, int64_t *out, struct imw_error_info *err) IMW_MUST_USE;
/* Value checked against kind and bounds (IMW_ERROR_VALUE, key: its name); NULL: as at first. */
bool setting_set(struct db *db, enum setting s, const char *value, uint64_t now_us,
                 struct imw_error_info *err) IMW_MUST_USE;
/* All but hidden ones, as the API has them. */
bool settings_json(struct db *db, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* Change those that `patch` has; null: as at first. `seal` makes a secret's text what is kept (the caller
 * frees). *out_changes (the caller's): {"session.hours":[12,8]}, without secrets' values. */
typedef bool setting_seal(void *context, const char *text, char **out, struct imw_error_info *err);
bool settings_patch(struct db *db, json_t *patch, setting_seal *seal, void *context, uint64_t now_us,
                    json_t **out_changes, struct imw_error_info *err) IMW_MUST_USE;
/* Bits of the roles to whom these groups (or other words) give something by a map: {"group":"role role"}; a
 * group is compared without case. */
bool setting_map_roles(struct db *db, enum setting s, const char *const *groups, size_t count,
                       unsigned *out_roles, struct imw_error_info *err) IMW_MUST_USE;
