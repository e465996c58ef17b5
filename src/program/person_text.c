/* SPDX-License-Identifier: Apache-2.0 */
/* People by a part of a name. */
#include "program/person_text.h"
#include <stdio.h>

#define TEXTS                                                                                                \
    "insert into person_text (person, pseudonym, names) select p.id, lower(p.pseudonym), lower(p.name || "   \
    "' ' || p.pseudonym || ' ' || coalesce(p.email, '') || ' ' || coalesce(p.number, '') || ' ' || "         \
    "coalesce((select %s(a.value, ' ') from person_alias a where a.person = p.id and a.until_us is null), "  \
    "'')) from person p where %s on conflict (person) do update set pseudonym = excluded.pseudonym, names "  \
    "= excluded.names where person_text.names <> excluded.names"

bool person_text_keep(struct db *db, int64_t person, struct imw_error_info *err)
{
    const struct db_value who = db_int(person);
    char sql[1024];

    snprintf(sql, sizeof sql, TEXTS, db_kind(db) == DB_SQLITE ? "group_concat" : "string_agg",
             person != 0 ? "p.id = ?" : "true");
    return db_run(db, sql, &who, person != 0 ? 1 : 0, NULL, err);
}

const char *person_text_select(bool names)
{
    return names ? "(select person from person_text where names like ? escape '!')"
                 : "(select person from person_text where pseudonym like ? escape '!')";
}

struct db_value person_text_pattern(const char *text, char out[PERSON_PATTERN_SIZE])
{
    struct text t = text_over(out, PERSON_PATTERN_SIZE);

    text_char(&t, '%');
    for (; *text != '\0' && t.len + 4 < PERSON_PATTERN_SIZE; text++) {
        if (*text == '%' || *text == '_' || *text == '!')
            text_char(&t, '!');
        text_char(&t, (char)ascii_lower((uint8_t)*text));
    }
    text_char(&t, '%');
    return db_text(out);
}
