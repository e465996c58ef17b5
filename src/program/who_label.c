/* SPDX-License-Identifier: Apache-2.0 */
/* Who may see whom: program/who_label.h. What is not allowed by name is hidden. */
#include "program/who_label.h"
#include "base/text.h"
#include "store/event_store.h"

bool viewer_begin(struct db *db, const struct actor *actor, uint64_t now_us, struct viewer *out,
                  struct imw_error_info *err)
{
    struct viewer v = { .account = actor->account,
                        .self = actor->token ? 0 : actor->person,
                        .technical = actor_is(actor, ROLE_ENGINEER) };

    if (!reveal_set_load(db, actor, now_us, &v.reveals, err))
        return false;
    *out = v;
    return true;
}

void viewer_end(struct viewer *v)
{
    reveal_set_free(v->reveals);
    *v = (struct viewer){ 0 };
}

bool viewer_knows(const struct viewer *v, int64_t who, int64_t person)
{
    return (person != 0 && person == v->self) || reveal_set_has(v->reveals, person, who);
}

const char *account_label(int64_t term, char out[40])
{
    struct text t = text_over(out, 40);

    text_format(&t, "account %lld", (long long)term);
    return out;
}

/* A text that is there, or null. */
static json_t *shown(const json_t *raw, const char *key, bool allowed)
{
    const char *s = json_string_value(json_object_get(raw, key));

    return allowed && s != NULL && s[0] != '\0' ? json_pack("s", s) : json_null();
}

json_t *who_label(const struct viewer *v, const json_t *raw)
{
    int64_t id = json_integer_value(json_object_get(raw, "id")),
            person = json_integer_value(json_object_get(raw, "person"));
    bool known = viewer_knows(v, id, person), technical = known || v->technical;
    const char *pseudonym = json_string_value(json_object_get(raw, "pseudonym")),
               *name = json_string_value(json_object_get(raw, "name")),
               *login = json_string_value(json_object_get(raw, "login")),
               *address = json_string_value(json_object_get(raw, "address"));
    char text[32];
    struct text t = TEXT(text);
    const char *label = pseudonym;

    text_format(&t, "Machine %lld", (long long)id);
    if (known && name != NULL)
        label = name;
    else if (known && login != NULL && login[0] != '\0')
        label = login;
    else if (label == NULL)
        label = text;
    return json_pack("{s:I, s:s, s:o, s:s, s:o, s:o, s:o, s:o}", "id", (json_int_t)id, "label", label,
                     "pseudonym", shown(raw, "pseudonym", true), "address",
                     technical && address != NULL ? address : "", "login", shown(raw, "login", known), "host",
                     shown(raw, "host", technical), "department", shown(raw, "department", true), "person",
                     person != 0 ? json_integer(person) : json_null());
}

bool who_label_of(struct db *db, const struct viewer *v, int64_t who, json_t **out,
                  struct imw_error_info *err)
{
    json_t *raw;

    if (!events_who(db, &who, 1, &raw, err))
        return false;
    const char *key = json_object_iter_key(json_object_iter(raw));
    *out = key != NULL ? who_label(v, json_object_get(raw, key)) : json_null();
    json_decref(raw);
    return *out != NULL || error_set(err, IMW_ERROR_MEMORY, "no memory for a client");
}
