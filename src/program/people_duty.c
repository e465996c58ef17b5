/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures and certificates, a row a person, both in the order of persons. */
#include "program/people_duty.h"
#include "base/text.h"
#include "program/when.h"
#include <stdlib.h>

enum { EDITION_SIZE = 64, BOTH_SIZE = EDITION_SIZE + 16 };
/* An end for what has none. */
static const int64_t forever_us = INT64_C(253370764800000000); /* 9999-01-01 */

struct signed_one {
    int64_t person, version; /* version 0: the edition in force */
};
struct trained_one {
    int64_t person, until_us;
};
struct edition {
    int64_t version;
    char text[EDITION_SIZE];
};

struct people_duty {
    char edition[EDITION_SIZE];
    struct signed_one *has_signed;
    struct trained_one *trained;
    struct edition *editions; /* by version */
    size_t signed_count, signed_room, trained_count, trained_room, edition_count, edition_room;
    size_t signed_at, trained_at; /* as far as was asked */
    char both[BOTH_SIZE];
};

static bool grow(void *array, size_t count, size_t *room, size_t size)
{
    void *old;

    if (count < *room)
        return true;
    const size_t wanted = *room == 0 ? 256 : *room * 2;
    memcpy(&old, array, sizeof old);
    void *grown = realloc(old, wanted * size);
    if (grown == NULL)
        return false;
    memcpy(array, &grown, sizeof grown);
    *room = wanted;
    return true;
}

static bool ended(struct db_rows *rows, bool memory, const struct imw_error_info *why,
                  struct imw_error_info *err)
{
    db_rows_end(rows);
    if (why->code != IMW_OK)
        *err = *why;
    return why->code == IMW_OK && (memory || error_memory(err));
}

/* The document whose clauses are the policy, and its newest version that asks for signatures; 0: none. */
static bool read_carrier(struct db *db, struct view edition, int64_t *document, int64_t *to_sign,
                         struct imw_error_info *err)
{
    *document = *to_sign = 0;
    return db_query_int(
               db,
               "select document from document_version where state = 'published' and has_rules = 1 and "
               "edition = ? order by id desc limit 1",
               DB_ARGS(db_view(edition)), document, NULL, err) &&
           (*document == 0 ||
            db_query_int(
                db,
                "select id from document_version where document = ? and sign = 1 and state in ('published', "
                "'replaced') order by id desc limit 1",
                DB_ARGS(db_int(*document)), to_sign, NULL, err));
}

static bool read_signed(struct db *db, struct people_duty *d, struct view edition, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    int64_t document, to_sign;
    struct db_rows *rows;
    bool memory = true;

    if (!read_carrier(db, edition, &document, &to_sign, err) ||
        !db_query(
            db,
            "select id, edition from document_version where state in ('published', 'replaced') order by id",
            DB_NONE, &rows, err))
        return false;
    while (memory && db_next(rows, &why)) {
        memory = grow(&d->editions, d->edition_count, &d->edition_room, sizeof *d->editions);
        if (!memory)
            break;
        struct edition *e = &d->editions[d->edition_count++];
        struct text t = TEXT(e->text);
        e->version = db_get_int(rows, 0);
        text_add(&t, db_get_text(rows, 1));
    }
    if (!ended(rows, memory, &why, err))
        return false;
    if (!db_query(
            db,
            "select s.person, max(case when v.edition = ? or (v.document = ? and ? > 0 and v.id >= ?) then 1 else "
            "0 end), max(v.id) from signature s join document_version v on v.id = s.version group by s.person "
            "order by s.person",
            DB_ARGS(db_view(edition), db_int(document), db_int(to_sign), db_int(to_sign)), &rows, err))
        return false;
    while (memory && db_next(rows, &why)) {
        memory = grow(&d->has_signed, d->signed_count, &d->signed_room, sizeof *d->has_signed);
        if (memory)
            d->has_signed[d->signed_count++] =
                (struct signed_one){ .person = db_get_int(rows, 0),
                                     .version = db_get_int(rows, 1) != 0 ? 0 : db_get_int(rows, 2) };
    }
    return ended(rows, memory, &why, err);
}

static bool read_trained(struct db *db, struct people_duty *d, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;
    bool memory = true;

    if (!db_query(
            db,
            "select person, max(owed), max(missing), min(until_us), max(held_us) from ("
            "select person, 1 as owed, case when certificate is null or state = 'overdue' then 1 else 0 end as "
            "missing, coalesce(valid_until_us, ?) as until_us, 0 as held_us from training_duty where state <> "
            "'excused' union all "
            "select person, 0, 0, ?, coalesce(valid_until_us, ?) from training_certificate) x "
            "group by person order by person",
            DB_ARGS(db_int(forever_us), db_int(forever_us), db_int(forever_us)), &rows, err))
        return false;
    while (memory && db_next(rows, &why)) {
        const bool owes = db_get_int(rows, 1) != 0;
        const int64_t until_us = !owes                      ? db_get_int(rows, 4)
                                 : db_get_int(rows, 2) != 0 ? 0
                                                            : db_get_int(rows, 3);
        if (until_us == 0)
            continue;
        memory = grow(&d->trained, d->trained_count, &d->trained_room, sizeof *d->trained);
        if (memory)
            d->trained[d->trained_count++] =
                (struct trained_one){ .person = db_get_int(rows, 0), .until_us = until_us };
    }
    return ended(rows, memory, &why, err);
}

bool people_duty_read(struct db *db, struct view edition, struct people_duty **out,
                      struct imw_error_info *err)
{
    struct people_duty *d = calloc(1, sizeof *d);

    if (d == NULL)
        return error_memory(err);
    struct text t = TEXT(d->edition);
    text_add(&t, edition);
    if (!read_signed(db, d, edition, err) || !read_trained(db, d, err)) {
        people_duty_free(d);
        return false;
    }
    *out = d;
    return true;
}

void people_duty_free(struct people_duty *d)
{
    if (d == NULL)
        return;
    free(d->has_signed);
    free(d->trained);
    free(d->editions);
    free(d);
}

static const char *edition_of(const struct people_duty *d, int64_t version)
{
    size_t low = 0, high = d->edition_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (d->editions[middle].version < version)
            low = middle + 1;
        else
            high = middle;
    }
    return low < d->edition_count && d->editions[low].version == version ? d->editions[low].text : "";
}

const char *people_duty_of(struct people_duty *d, int64_t person)
{
    struct text t = TEXT(d->both);
    char when[WHEN_SIZE];

    t.at[0] = '\0';
    while (d->signed_at < d->signed_count && d->has_signed[d->signed_at].person < person)
        d->signed_at++;
    while (d->trained_at < d->trained_count && d->trained[d->trained_at].person < person)
        d->trained_at++;
    const struct signed_one *s = &d->has_signed[d->signed_at];
    if (d->signed_at < d->signed_count && s->person == person) {
        const char *edition = s->version == 0 ? d->edition : edition_of(d, s->version);
        if (strpbrk(edition, ",\"\r\n") == NULL)
            text_string(&t, edition);
    }
    text_char(&t, ',');
    if (d->trained_at < d->trained_count && d->trained[d->trained_at].person == person) {
        when_text((uint64_t)d->trained[d->trained_at].until_us - 1, when);
        text_add(&t, view_of(when, strlen("2027-06-30")));
    }
    return d->both;
}
