/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of people: who has which addresses, signed which edition of the policy, is trained until when and
 * belongs to which groups. One line a person after a line of headings, values separated by commas, several in
 * one field by spaces; empty: none.
 *
 *     user,addresses,acknowledged,trained_until,groups
 *     adams,10.20.0.17 2001:db8::17,2026-11,2027-06-30,treasury
 *
 * It is fast where YAML is not: a hundred thousand lines are read in a fraction of a second.
 */
#include "policy/rules.h"

enum { PEOPLE = 4 << 20 };

static const char heading[] = "user,addresses,acknowledged,trained_until,groups";

struct people {
    struct policy *policy;
    const char *path;
    unsigned line;
    struct view edition;
    struct imw_error_info *err;
};

/* Something is wrong in this line; `value`, where there is one, is named behind the text. */
static bool fail(const struct people *in, const char *key, const char *text, struct view value)
{
    char shown[64];
    struct text t = TEXT(shown);

    text_printable(&t, value);
    error_file(in->err, IMW_ERROR_VALUE, in->path, value.len > 0 ? "%s, not '%s'" : "%s", text, shown);
    if (in->err != NULL) {
        in->err->line = in->line;
        t = TEXT(in->err->key);
        text_string(&t, key);
    }
    return false;
}

static bool out_of_memory(const struct people *in)
{
    return error_memory(in->err);
}

static bool read_addresses(const struct people *in, struct view list, uint32_t user)
{
    while (list.len > 0) {
        struct view one = view_token(&list, ' ');
        struct ip_addr ip;
        unsigned bits;
        if (one.len == 0)
            continue;
        if (!ip_parse_network(one, &ip, &bits))
            return fail(in, "addresses", "an address or network is needed", one);
        if (!policy_add_member(&in->policy->clients, &ip, bits, USER, user))
            return out_of_memory(in);
    }
    return true;
}

static bool read_groups(const struct people *in, struct view list, uint32_t user)
{
    while (list.len > 0) {
        struct view one = view_token(&list, ' ');
        uint32_t group;
        if (one.len == 0)
            continue;
        if (one.len > NAME_BYTES)
            return fail(in, "groups", "a shorter name is needed", one);
        if (!policy_add_group(in->policy, one, &group) || !policy_add_membership(in->policy, user, group))
            return out_of_memory(in);
    }
    return true;
}

static bool read_person(const struct people *in, struct view line)
{
    enum { USER_FIELD, ADDRESSES, SIGNED, TRAINED_UNTIL, GROUPS, FIELDS };
    struct view field[FIELDS];
    struct policy *p = in->policy;
    unsigned count = 0;
    int64_t day = -1;
    uint32_t user;

    for (struct view rest = line; count < FIELDS; count++)
        field[count] = view_trim(count < GROUPS ? view_token(&rest, ',') : rest);
    if (view_find_byte(line, '"', 0) < line.len || view_find_byte(field[GROUPS], ',', 0) < field[GROUPS].len)
        return fail(in, "", "five values are needed, without quotes", line);
    if (field[USER_FIELD].len == 0 || field[USER_FIELD].len > NAME_BYTES)
        return fail(in, "user", "a name is needed", field[USER_FIELD]);
    if (!policy_add_user(p, field[USER_FIELD], &user))
        return out_of_memory(in);
    struct person *person = &p->persons[user];
    if (person->listed)
        return fail(in, "user", "this user is there already", view_of(NULL, 0));
    person->listed = true;
    person->acknowledged = in->edition.len > 0 && view_equal(field[SIGNED], in->edition);
    if (field[TRAINED_UNTIL].len > 0 && !date_parse(field[TRAINED_UNTIL], &day))
        return fail(in, "trained_until", "a date such as 2027-01-31 is needed", field[TRAINED_UNTIL]);
    person->trained_until = (int32_t)day;
    return read_addresses(in, field[ADDRESSES], user) && read_groups(in, field[GROUPS], user);
}

bool people_parse(const char *path, struct view text, struct view edition, struct policy *p,
                  struct imw_error_info *err)
{
    struct people in = { .policy = p, .path = path, .edition = edition, .err = err };

    while (text.len > 0) {
        struct view line;
        if (!view_line(&text, &line)) {
            line = text; /* the last, without its end */
            text.len = 0;
        }
        line = view_trim(line);
        in.line++;
        if (in.line > PEOPLE)
            return fail(&in, "", "too many lines", view_of(NULL, 0));
        if (in.line == 1 && !view_equal(line, view_string(heading)))
            return fail(&in, "", "the first line must be user,addresses,acknowledged,trained_until,groups",
                        view_of(NULL, 0));
        if (in.line > 1 && line.len > 0 && line.at[0] != '#' && !read_person(&in, line))
            return false;
    }
    return in.line > 0 || fail(&in, "", "an empty file", view_of(NULL, 0));
}
