/* SPDX-License-Identifier: Apache-2.0 */
/* The policy's file of people. It has no quotes: what would need them is left out, and counted. */
#include "program/policy_people.h"
#include "base/text.h"
#include <stdlib.h>

enum { LEVELS = 16, NAME_MOST = 63, LIST_MOST = 4096 };

static const char heading[] = "user,addresses,acknowledged,trained_until,groups";

void policy_group_name(struct view department, char *out, size_t size)
{
    struct text t = text_over(out, size < NAME_MOST + 1 ? size : NAME_MOST + 1);

    for (size_t i = 0; i < department.len; i++) {
        const uint8_t c = ascii_lower(department.at[i]);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80)
            text_char(&t, (char)c);
        else if (t.len > 0 && out[t.len - 1] != '-')
            text_char(&t, '-');
    }
    while (t.len > 0 && out[t.len - 1] == '-')
        out[--t.len] = '\0';
}

bool policy_people_read(struct view text, json_t **out, struct imw_error_info *err)
{
    json_t *kept = json_pack("{}");
    bool first = true, good = kept != NULL || error_memory(err);

    for (; good && text.len > 0; first = false) {
        struct view line = view_trim(view_token(&text, '\n')), rest = line;
        char user[NAME_MOST + 1];
        struct text name = TEXT(user);
        if (first) {
            good =
                view_equal(line, view_string(heading)) ||
                error_set(err, IMW_ERROR_VALUE,
                          "the file to keep from is no file of people: its first line must be %s", heading);
            continue;
        }
        if (line.len == 0 || line.at[0] == '#')
            continue;
        const struct view login = view_trim(view_token(&rest, ','));
        (void)view_token(&rest, ',');
        const struct view signature = view_trim(view_token(&rest, ',')),
                          day = view_trim(view_token(&rest, ','));
        for (size_t i = 0; i < login.len; i++)
            text_char(&name, (char)ascii_lower(login.at[i]));
        json_t *both = json_sprintf("%.*s,%.*s", (int)signature.len, (const char *)signature.at, (int)day.len,
                                    (const char *)day.at);
        good = (both != NULL && json_object_set_new(kept, user, both) == 0) ||
               error_set(err, IMW_ERROR_VALUE, "the file to keep from has a line that is no clean UTF-8");
    }
    if (good)
        *out = kept;
    else
        json_decref(kept);
    return good;
}

/* ---- departments ---- */

static bool rows_good(struct db_rows *rows, const struct imw_error_info *why, struct imw_error_info *err)
{
    db_rows_end(rows);
    if (why->code != IMW_OK && err != NULL)
        *err = *why;
    return why->code == IMW_OK;
}

/* {id: [group, the id above]} */
static bool read_departments(struct db *db, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    json_t *all = json_pack("{}");
    struct db_rows *rows;
    char id[24], group[NAME_MOST + 1];

    if (!db_query(db, "select id, name, coalesce(parent, 0) from department", DB_NONE, &rows, err)) {
        json_decref(all);
        return false;
    }
    while (db_next(rows, &why)) {
        snprintf(id, sizeof id, "%lld", (long long)db_get_int(rows, 0));
        policy_group_name(db_get_text(rows, 1), group, sizeof group);
        json_object_set_new(all, id, json_pack("[s,I]", group, (json_int_t)db_get_int(rows, 2)));
    }
    *out = all;
    if (rows_good(rows, &why, err))
        return true;
    json_decref(all);
    return false;
}

/* The department's group, and those of the departments above it. */
static void groups_of(const json_t *departments, int64_t department, struct text *out)
{
    for (unsigned level = 0; department != 0 && level < LEVELS; level++) {
        char id[24];
        snprintf(id, sizeof id, "%lld", (long long)department);
        const json_t *d = json_object_get(departments, id);
        const char *group = json_string_value(json_array_get(d, 0));
        if (group == NULL)
            return;
        if (group[0] != '\0')
            text_format(out, "%s%s", out->len > 0 ? " " : "", group);
        department = json_integer_value(json_array_get(d, 1));
    }
}

/* ---- people ---- */

enum { ENTRIES = 512, VALUE_SIZE = 64 };

/* A login or an address of somebody. */
struct entry {
    bool address;
    char value[VALUE_SIZE];
};

struct one {
    int64_t id, department;
    struct entry entries[ENTRIES];
    size_t count;
    char pseudonym[16];
};

bool policy_login_is_plain(struct view login)
{
    if (login.len == 0 || login.len > NAME_MOST || login.at[0] == '#')
        return false;
    for (size_t i = 0; i < login.len; i++)
        if (login.at[i] < ' ' || login.at[i] == ',' || login.at[i] == '"')
            return false;
    return true;
}

/* Logins before addresses, each in order. */
static int by_value(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return x->address != y->address ? (int)x->address - (int)y->address : strcmp(x->value, y->value);
}

/* Take one; what does not fit is left out. */
static void take_entry(struct one *p, struct view kind, struct view value, unsigned *left)
{
    const bool address = view_equal(kind, VIEW("address"));

    if (value.len >= VALUE_SIZE || p->count == ENTRIES || (!address && !policy_login_is_plain(value))) {
        ++*left;
        return;
    }
    struct entry *e = &p->entries[p->count++];
    e->address = address;
    memcpy(e->value, value.at, value.len);
    e->value[value.len] = '\0';
}

/* The lines of a person. */
static void write_one(struct one *p, const json_t *departments, const json_t *kept, struct people_duty *duty,
                      FILE *to)
{
    char groups[LIST_MOST];
    struct text t = TEXT(groups);
    size_t logins = 0;

    if (p->count == 0)
        return;
    qsort(p->entries, p->count, sizeof p->entries[0], by_value);
    while (logins < p->count && !p->entries[logins].address)
        logins++;
    groups_of(departments, p->department, &t);
    const char *known = duty != NULL ? people_duty_of(duty, p->id) : NULL;
    for (size_t i = 0; i < logins || i == 0;
         i++) { /* somebody without a login is known by their addresses alone */
        const char *name = logins > 0 ? p->entries[i].value : p->pseudonym,
                   *both = kept != NULL ? json_string_value(json_object_get(kept, name)) : known;
        fprintf(to, "%s,", name);
        for (size_t n = logins; i == 0 && n < p->count;
             n++) /* an address that stands there twice tells of nobody */
            fprintf(to, "%s%s", n > logins ? " " : "", p->entries[n].value);
        fprintf(to, ",%s,%s\n", both != NULL ? both : ",", groups);
    }
}

bool policy_people_write(struct db *db, const json_t *kept, struct people_duty *duty, FILE *to,
                         unsigned *out_left, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct one *p = calloc(1, sizeof *p);
    json_t *departments = NULL;
    struct db_rows *rows;

    *out_left = 0;
    if (p == NULL)
        return error_memory(err);
    /* In the order of persons only, which an index has: a sort of all aliases would take longer than all
     * else. */
    if (!read_departments(db, &departments, err) ||
        !db_query(db,
                  "select p.id, coalesce(p.department, 0), a.kind, a.value, p.pseudonym from person p "
                  "join person_alias a on a.person = p.id where p.state = 'active' and a.until_us is null "
                  "and a.kind in ('user', 'address') order by p.id",
                  DB_NONE, &rows, err)) {
        json_decref(departments);
        free(p);
        return false;
    }
    fprintf(to, "%s\n", heading);
    while (db_next(rows, &why)) {
        if (db_get_int(rows, 0) != p->id) {
            write_one(p, departments, kept, duty, to);
            p->id = db_get_int(rows, 0);
            p->department = db_get_int(rows, 1);
            snprintf(p->pseudonym, sizeof p->pseudonym, "%s", (const char *)db_get_text(rows, 4).at);
            p->count = 0;
        }
        take_entry(p, db_get_text(rows, 2), db_get_text(rows, 3), out_left);
    }
    write_one(p, departments, kept, duty, to);
    json_decref(departments);
    free(p);
    return rows_good(rows, &why, err) && (!ferror(to) || error_errno(err, "the file of people"));
}
