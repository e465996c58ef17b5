/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory's code without a console, for tests/check/directory:
 *
 *     directory_tool people SETTINGS               who is there, as JSON
 *     directory_tool login SETTINGS NAME PASSWORD  {"right":…, "dn", "groups", …}
 *
 * SETTINGS is a JSON file with the members of struct ldap_texts.
 */
#include "program/ldap.h"
#include <stdio.h>
#include <stdlib.h>

static const char *text_of(json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static int fail(const struct imw_error_info *err)
{
    json_t *j = json_pack("{sssssi}", "error", err->text, "key", err->key, "code", (int)err->code);

    json_dumpf(j, stdout, 0);
    json_decref(j);
    return 1;
}

static json_t *optional(const char *text)
{
    return text != NULL ? json_pack("s", text) : json_null();
}

static int show_people(const struct ldap_settings *s)
{
    struct imw_error_info err = { 0 };
    struct roster *r = roster_new();
    json_t *people = json_pack("[]"), *problems = json_pack("[]");

    if (r == NULL || !ldap_read_people(s, r, &err)) {
        roster_free(r);
        json_decref(people);
        json_decref(problems);
        return fail(&err);
    }
    for (size_t i = 0; i < r->count; i++) {
        const struct roster_person *p = &r->people[i];
        json_t *aliases = json_pack("[]");
        for (uint32_t a = 0; a < p->aliases; a++)
            json_array_append_new(aliases,
                                  json_pack("[ss]", alias_kind_name(r->aliases[p->first_alias + a].kind),
                                            r->aliases[p->first_alias + a].value));
        json_array_append_new(people, json_pack("{ssss so so so so so}", "number", p->number, "name", p->name,
                                                "email", optional(p->email), "title", optional(p->title),
                                                "department", optional(p->department), "manager",
                                                optional(p->manager), "aliases", aliases));
    }
    for (size_t i = 0; i < r->problems.count && i < LINE_PROBLEMS; i++)
        json_array_append_new(problems, json_pack("s", r->problems.at[i].text));
    json_t *all = json_pack("{sososI}", "people", people, "problems", problems, "refused",
                            (json_int_t)r->refused);
    json_dumpf(all, stdout, 0);
    json_decref(all);
    roster_free(r);
    return 0;
}

static int show_login(const struct ldap_settings *s, const char *name, const char *password)
{
    struct imw_error_info err = { 0 };
    struct ldap_identity who = { 0 };
    bool right;

    if (!ldap_sign_in(s, name, password, &right, &who, &err))
        return fail(&err);
    json_t *j = right ? json_pack("{sbsssssssssO}", "right", 1, "dn", who.dn, "login", who.login, "name",
                                  who.full_name, "email", who.email, "groups", who.groups)
                      : json_pack("{sb}", "right", 0);
    json_dumpf(j, stdout, 0);
    json_decref(j);
    json_decref(who.groups);
    return 0;
}

int main(int argc, char **argv)
{
    struct imw_error_info err = { 0 };
    struct ldap_settings s;
    json_t *o = argc > 2 ? json_load_file(argv[2], 0, NULL) : NULL;

    if (o == NULL) {
        fputs("usage: directory_tool people|login SETTINGS …\n", stderr);
        return 2;
    }
    const struct ldap_texts texts = {
        .kind = text_of(o, "kind"),
        .url = text_of(o, "url"),
        .ca = text_of(o, "ca"),
        .bind_dn = text_of(o, "bind_dn"),
        .password = text_of(o, "password"),
        .base = text_of(o, "base"),
        .filter = text_of(o, "filter"),
        .group_base = text_of(o, "group_base"),
        .attributes = json_object_get(o, "attributes"),
        .start_tls = json_is_true(json_object_get(o, "start_tls")),
        .plain = json_is_true(json_object_get(o, "plain")),
    };
    if (!ldap_settings_init(&s, &texts, &err)) {
        json_decref(o);
        return fail(&err);
    }
    int status = argc == 5 ? show_login(&s, argv[3], argv[4]) : show_people(&s);
    ldap_settings_fini(&s);
    json_decref(o);
    return status;
}
