/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: kept as text, checked when they are set, shown as JSON. */
#include "program/setting.h"
#include "program/permission.h"
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name;
    enum setting_kind kind;
    const char *first;
    int64_t min, max;
} settings[] = {
#define S(id, name, kind, first, min, max) { name, SETTING_##kind, first, min, max },
#include "program/settings.def"
#undef S
};

/* ---- text ---- */

bool setting_get(struct db *db, enum setting s, char **out, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    if (!db_query(db, "select value from setting where name = ?", DB_ARGS(db_text(settings[s].name)), &rows,
                  err))
        return false;
    const bool found = db_next(rows, &why);
    const struct view value = found ? db_get_text(rows, 0) : view_string(settings[s].first);
    char *text = strndup((const char *)value.at, value.len);
    db_rows_end(rows);
    if (!found && why.code != IMW_OK) {
        free(text);
        if (err != NULL)
            *err = why;
        return false;
    }
    if (text == NULL)
        return error_memory(err);
    *out = text;
    return true;
}

static bool number_read(const char *text, int64_t *out)
{
    uint64_t number;

    if (!view_decimal(view_string(text), INT64_MAX, &number))
        return false;
    *out = (int64_t)number;
    return true;
}

bool setting_number(struct db *db, enum setting s, int64_t *out, struct imw_error_info *err)
{
    char *text;

    if (!setting_get(db, s, &text, err))
        return false;
    if (!number_read(text, out))
        (void)number_read(settings[s].first, out);
    free(text);
    return true;
}

/* A JSON object of texts; `of_roles`: each names roles. */
static bool is_map(const char *text, bool of_roles)
{
    json_t *map = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *value;
    const char *key;
    unsigned roles = 0;
    bool is = json_is_object(map);

    json_object_foreach(map, key, value) is =
        is && json_is_string(value) &&
        (!of_roles || (roles_parse(json_string_value(value), &roles) && roles != 0));
    json_decref(map);
    return is;
}

static bool value_check(enum setting s, const char *value, struct imw_error_info *err)
{
    const char *name = settings[s].name;
    const long long min = settings[s].min, max = settings[s].max;
    int64_t number;
    unsigned roles;

    switch (settings[s].kind) {
    case SETTING_NUMBER:
    case SETTING_FLAG:
        if (!number_read(value, &number) || number < min || number > max)
            return error_key(err, name, "%s takes a number from %lld to %lld", name, min, max);
        return true;
    case SETTING_ROLES:
        if (!roles_parse(value, &roles))
            return error_key(err, name, "%s takes names of roles", name);
        return true;
    case SETTING_MAP:
        if (!is_map(value, false))
            return error_key(err, name, "%s takes an object of texts", name);
        break;
    case SETTING_GROUPS:
        if (!is_map(value, true))
            return error_key(err, name,
                             "%s gives each group its roles, apart by spaces: engineer, compliance, manager, "
                             "employee, examiner, administrator",
                             name);
        break;
    case SETTING_TEXT:
    case SETTING_SECRET:
    case SETTING_HIDDEN: break;
    }
    if (max > 0 && strlen(value) > (size_t)max)
        return error_key(err, name, "%s takes at most %lld bytes", name, max);
    return true;
}

bool setting_set(struct db *db, enum setting s, const char *value, uint64_t now_us,
                 struct imw_error_info *err)
{
    if (value == NULL)
        return db_run(db, "delete from setting where name = ?", DB_ARGS(db_text(settings[s].name)), NULL,
                      err);
    return value_check(s, value, err) &&
           db_run(db,
                  "insert into setting (name, value, changed_us) values (?, ?, ?) "
                  "on conflict (name) do update set value = excluded.value, changed_us = excluded.changed_us",
                  DB_ARGS(db_text(settings[s].name), db_text(value), db_int((int64_t)now_us)), NULL, err);
}

/* ---- JSON ---- */

/* The words of `text`, apart by spaces, as a list. */
static json_t *words_json(const char *text)
{
    struct view left = view_string(text);
    json_t *list = json_pack("[]");

    while (left.len > 0) {
        const struct view word = view_token(&left, ' ');
        if (word.len > 0)
            json_array_append_new(list, json_stringn((const char *)word.at, word.len));
    }
    return list;
}

static json_t *value_json(enum setting s, const char *text)
{
    int64_t number = 0;

    switch (settings[s].kind) {
    case SETTING_NUMBER: (void)number_read(text, &number); return json_integer(number);
    case SETTING_FLAG: return json_boolean(strcmp(text, "1") == 0);
    case SETTING_ROLES: return words_json(text);
    case SETTING_MAP:
    case SETTING_GROUPS: return json_loads(text, 0, NULL);
    case SETTING_SECRET: return json_boolean(text[0] != '\0');
    case SETTING_TEXT:
    case SETTING_HIDDEN: break;
    }
    return json_pack("s", text);
}

/* Put `value` (taken over) at a name with at most one dot. */
static bool place(json_t *into, const char *name, json_t *value)
{
    const char *dot = strchr(name, '.');
    char group[64];

    if (dot == NULL)
        return json_object_set_new(into, name, value) == 0;
    snprintf(group, sizeof group, "%.*s", (int)(dot - name), name);
    json_t *inner = json_object_get(into, group);
    if (inner == NULL) {
        inner = json_pack("{}");
        if (json_object_set_new(into, group, inner) != 0) {
            json_decref(value);
            return false;
        }
    }
    return json_object_set_new(inner, dot + 1, value) == 0;
}

bool settings_json(struct db *db, json_t **out, struct imw_error_info *err)
{
    json_t *all = json_pack("{}");

    for (unsigned s = 0; s < SETTING_COUNT; s++) {
        char *text;
        if (settings[s].kind == SETTING_HIDDEN)
            continue;
        if (!setting_get(db, s, &text, err)) {
            json_decref(all);
            return false;
        }
        const bool placed = place(all, settings[s].name, value_json(s, text));
        free(text);
        if (!placed) {
            json_decref(all);
            return error_memory(err);
        }
    }
    *out = all;
    return true;
}

/* What a list of words is as text: with a space between. The caller frees; NULL: it is no such list. */
static char *words_text(const json_t *list)
{
    char out[512] = "";
    size_t at = 0, i;
    const json_t *word;

    if (!json_is_array(list))
        return NULL;
    json_array_foreach(list, i, word)
    {
        const char *text = json_string_value(word);
        if (text == NULL || strchr(text, ' ') != NULL || at + strlen(text) + 2 > sizeof out)
            return NULL;
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%s", i > 0 ? " " : "", text);
    }
    return strdup(out);
}

/* JSON to the text that is kept; *out the caller's. */
static bool value_text(enum setting s, const json_t *value, setting_seal *seal, void *context, char **out,
                       struct imw_error_info *err)
{
    const char *name = settings[s].name;
    char *text = NULL;

    switch (settings[s].kind) {
    case SETTING_NUMBER:
        if (json_is_integer(value) && asprintf(&text, "%lld", (long long)json_integer_value(value)) < 0)
            text = NULL;
        break;
    case SETTING_FLAG: text = json_is_boolean(value) ? strdup(json_is_true(value) ? "1" : "0") : NULL; break;
    case SETTING_ROLES: text = words_text(value); break;
    case SETTING_MAP:
    case SETTING_GROUPS:
        text = json_is_object(value) ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        break;
    case SETTING_SECRET:
        if (json_is_string(value))
            return (strlen(json_string_value(value)) <= (size_t)settings[s].max ||
                    error_key(err, name, "%s takes at most %lld bytes", name, (long long)settings[s].max)) &&
                   seal(context, json_string_value(value), out, err);
        break;
    case SETTING_TEXT: text = json_is_string(value) ? strdup(json_string_value(value)) : NULL; break;
    case SETTING_HIDDEN: break;
    }
    if (text == NULL)
        return error_key(err, name, "%s does not take such a value", name);
    *out = text;
    return true;
}

static int find_setting(const char *group, const char *name)
{
    char whole[128];

    snprintf(whole, sizeof whole, "%s%s%s", group, group[0] != '\0' ? "." : "", name);
    for (unsigned s = 0; s < SETTING_COUNT; s++)
        if (settings[s].kind != SETTING_HIDDEN && strcmp(settings[s].name, whole) == 0)
            return (int)s;
    return -1;
}

struct patch {
    struct db *db;
    setting_seal *seal;
    void *context;
    uint64_t now_us;
    json_t *changes;
};

static bool patch_one(struct patch *p, enum setting s, const json_t *value, struct imw_error_info *err)
{
    char *before = NULL, *after = NULL;
    bool ok = false;

    if (!setting_get(p->db, s, &before, err) ||
        (!json_is_null(value) && !value_text(s, value, p->seal, p->context, &after, err)))
        goto out;
    if (after != NULL && settings[s].kind != SETTING_SECRET && strcmp(before, after) == 0) {
        ok = true;
        goto out;
    }
    if (settings[s].kind != SETTING_SECRET) {
        if (!setting_set(p->db, s, after, p->now_us, err))
            goto out;
    } else if (after == NULL) {
        if (!setting_set(p->db, s, NULL, p->now_us, err))
            goto out;
    } else if (
        !db_run(p->db,
                "insert into setting (name, value, changed_us) values (?, ?, ?) "
                "on conflict (name) do update set value = excluded.value, changed_us = excluded.changed_us",
                DB_ARGS(db_text(settings[s].name), db_text(after), db_int((int64_t)p->now_us)), NULL, err)) {
        goto out;
    }
    const char *now = after != NULL ? after : settings[s].first;
    ok = json_object_set_new(p->changes, settings[s].name,
                             settings[s].kind == SETTING_SECRET
                                 ? json_pack("s", now[0] != '\0' ? "changed" : "removed")
                                 : json_pack("[o,o]", value_json(s, before), value_json(s, now))) == 0 ||
         error_memory(err);
out:
    free(before);
    free(after);
    return ok;
}

/* Members of the patch, or (`group` not empty) of one of its objects. */
static bool patch_members(struct patch *p, const char *group, json_t *members, struct imw_error_info *err)
{
    const char *name;
    json_t *value;

    json_object_foreach(members, name, value)
    {
        const int s = find_setting(group, name);
        if (s < 0 && group[0] == '\0' && json_is_object(value)) {
            if (!patch_members(p, name, value, err))
                return false;
        } else if (s < 0) {
            return error_key(err, name, "there is no setting '%s%s%s'", group, group[0] != '\0' ? "." : "",
                             name);
        } else if (!patch_one(p, (enum setting)s, value, err)) {
            return false;
        }
    }
    return true;
}

bool settings_patch(struct db *db, json_t *patch, setting_seal *seal, void *context, uint64_t now_us,
                    json_t **out_changes, struct imw_error_info *err)
{
    struct patch p = { db, seal, context, now_us, json_pack("{}") };

    if (p.changes == NULL)
        return error_memory(err);
    if (!patch_members(&p, "", patch, err)) {
        json_decref(p.changes);
        return false;
    }
    *out_changes = p.changes;
    return true;
}

bool setting_map_roles(struct db *db, enum setting s, const char *const *groups, size_t count,
                       unsigned *out_roles, struct imw_error_info *err)
{
    char *text;
    unsigned found = 0;

    if (!setting_get(db, s, &text, err))
        return false;
    json_t *map = json_loads(text, 0, NULL), *value;
    const char *key;
    json_object_foreach(map, key, value) for (size_t i = 0; i < count; i++)
    {
        unsigned roles;
        if (view_equal_nocase(view_string(key), view_string(groups[i])) && json_is_string(value) &&
            roles_parse(json_string_value(value), &roles))
            found |= roles;
    }
    json_decref(map);
    free(text);
    *out_roles = found;
    return true;
}
