/* SPDX-License-Identifier: Apache-2.0 */
/* Documents, and their drafts. */
#include "program/document.h"
#include "base/text.h"
#include "program/duty.h"
#include "program/mail.h"
#include "program/setting.h"
#include "program/shape.h"
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void text_sha256(struct view text, char out[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct text t = text_over(out, 65);

    if (EVP_Digest(text.at, text.len, digest, &len, EVP_sha256(), NULL) == 1)
        text_hex(&t, view_of(digest, len));
}

const struct document_template *document_template(const char *name)
{
    for (const struct document_template *t = document_templates; t->name != NULL; t++)
        if (strcmp(t->name, name) == 0)
            return t;
    return NULL;
}

bool document_template_fill(struct db *db, const struct document_template *t, char **out,
                            struct imw_error_info *err)
{
    enum { PLACES = 2 };
    static const char *const places[PLACES] = { "[institution]", "https://console.bank.example" };
    char *institution = NULL, console[512];
    size_t size = 0;

    *out = NULL;
    if (!mail_link(db, "", console, sizeof console, err) ||
        !setting_get(db, SETTING_ID_INSTITUTION, &institution, err))
        return false;
    const char *with[PLACES] = { institution, console };
    FILE *f = open_memstream(out, &size);
    for (const char *at = t->text; f != NULL && *at != '\0';) {
        unsigned i = 0;
        while (i < PLACES && (with[i][0] == '\0' || strncmp(at, places[i], strlen(places[i])) != 0))
            i++;
        if (i < PLACES)
            fputs(with[i], f);
        else
            fputc(*at, f);
        at += i < PLACES ? strlen(places[i]) : 1;
    }
    free(institution);
    return (f != NULL && fclose(f) == 0) || error_memory(err);
}

static struct db_value by(const struct act *a)
{
    return a->actor->account != 0 ? db_int(a->actor->account) : db_null();
}

/* ---- a version ---- */

void version_fini(struct version *v)
{
    free(v->text);
    free(v->title);
    *v = (struct version){ 0 };
}

static void copy_text(char *out, size_t size, struct view v)
{
    struct text t = text_over(out, size);

    text_add(&t, v);
}

bool version_load(struct act *a, int64_t document, int64_t id, struct version *out,
                  struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct version v = { .id = id, .document = document };
    struct db_rows *rows;

    if (!db_query(
            a->db,
            "select v.state, v.edition, v.sha256, v.sign, v.has_rules, v.author, v.publish_by, v.policy, "
            "v.publish_us, v.text, d.title from document_version v join document d on d.id = v.document "
            "where v.id = ? and v.document = ?",
            DB_ARGS(db_int(id), db_int(document)), &rows, err))
        return false;
    const bool found = db_next(rows, &why);
    if (found) {
        copy_text(v.state, sizeof v.state, db_get_text(rows, 0));
        copy_text(v.edition, sizeof v.edition, db_get_text(rows, 1));
        copy_text(v.sha256, sizeof v.sha256, db_get_text(rows, 2));
        v.sign = db_get_int(rows, 3) != 0;
        v.has_rules = db_get_int(rows, 4) != 0;
        v.author = db_get_int(rows, 5);
        v.publish_by = db_get_int(rows, 6);
        v.policy = db_get_int(rows, 7);
        v.publish_us = (uint64_t)db_get_int(rows, 8);
        v.text = strndup((const char *)db_get_text(rows, 9).at, db_get_text(rows, 9).len);
        v.title = strndup((const char *)db_get_text(rows, 10).at, db_get_text(rows, 10).len);
    }
    if (!rows_done(rows, &why, err))
        return false;
    if (!found)
        return act_no(a, err, ACT_MISSING, "", "there is no such version of this document");
    if (v.text == NULL || v.title == NULL) {
        version_fini(&v);
        return error_memory(err);
    }
    *out = v;
    return true;
}

bool document_to_sign(struct db *db, int64_t document, int64_t *out_version, struct imw_error_info *err)
{
    *out_version = 0;
    return db_query_int(
        db,
        "select id from document_version where document = ? and state in ('published', 'replaced') "
        "and sign = 1 order by published_us desc, id desc limit 1",
        DB_ARGS(db_int(document)), out_version, NULL, err);
}

/* ---- what is written ---- */

static bool check_edition(struct act *a, const char *edition, struct imw_error_info *err)
{
    size_t len = strlen(edition);

    if (len == 0 || len > DOCUMENT_EDITION_BYTES ||
        strspn(edition, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != len)
        return act_no(a, err, ACT_WRONG, "edition",
                      "an edition is a word of at most %d letters, digits, dots, dashes: 2026-11",
                      DOCUMENT_EDITION_BYTES);
    return true;
}

static bool edition_is_free(struct act *a, int64_t document, int64_t version, const char *edition, bool *out,
                            struct imw_error_info *err)
{
    int64_t others = 0;

    if (!db_query_int(a->db,
                      "select count(*) from document_version where document = ? and id <> ? and edition = ?",
                      DB_ARGS(db_int(document), db_int(version), db_text(edition)), &others, NULL, err))
        return false;
    *out = others == 0;
    return true;
}

/* Of this month, with a number behind it where there are some already. */
static bool make_edition(struct act *a, int64_t document, char out[DOCUMENT_EDITION_BYTES + 1],
                         struct imw_error_info *err)
{
    time_t now = (time_t)(a->now_us / 1000000);
    struct tm tm = { 0 };
    bool is_free = false;

    (void)gmtime_r(&now, &tm);
    for (unsigned n = 1; !is_free && n < 1000; n++) {
        struct text t = text_over(out, DOCUMENT_EDITION_BYTES + 1);
        text_format(&t, "%04d-%02d", tm.tm_year + 1900, tm.tm_mon + 1);
        if (n > 1)
            text_format(&t, ".%u", n);
        if (!edition_is_free(a, document, 0, out, &is_free, err))
            return false;
    }
    return is_free || act_no(a, err, ACT_WRONG, "edition", "give this version an edition of its own");
}

/* Without what browsers of some systems put before a line's end. */
static char *without_cr(const char *text)
{
    char *out = malloc(strlen(text) + 1);
    size_t to = 0;

    for (const char *c = text; out != NULL && *c != '\0'; c++)
        if (*c != '\r' || c[1] != '\n')
            out[to++] = *c;
    if (out != NULL)
        out[to] = '\0';
    return out;
}

struct written {
    char *text, sha256[65];
    unsigned rules;
    bool has_rules;
};

static bool read_text(struct act *a, const struct catalog *catalog, const char *text, struct written *out,
                      struct imw_error_info *err)
{
    struct clauses c;

    *out = (struct written){ 0 };
    if (text[0] == '\0' || strlen(text) > DOCUMENT_TEXT_BYTES)
        return act_no(a, err, ACT_WRONG, "text", "a text of 1 byte to 128 KiB is needed");
    out->text = without_cr(text);
    if (out->text == NULL)
        return error_memory(err);
    if (!clauses_read(view_string(out->text), NULL, "draft", catalog, a->now_us, &c, err)) {
        free(out->text);
        return false;
    }
    text_sha256(view_string(out->text), out->sha256);
    out->rules = c.rules;
    out->has_rules = c.has_rules;
    clauses_fini(&c);
    return true;
}

static bool add_author(struct act *a, int64_t version, struct imw_error_info *err)
{
    return a->actor->account == 0 ||
           db_run(a->db,
                  "insert into document_author (version, account) values (?, ?) on conflict do nothing",
                  DB_ARGS(db_int(version), by(a)), NULL, err);
}

/* A draft, of which there is one at a time. */
static bool add_draft(struct act *a, const struct catalog *catalog, int64_t document, const char *text,
                      bool sign, const char *edition, bool wrote, int64_t *out_id, struct imw_error_info *err)
{
    char made[DOCUMENT_EDITION_BYTES + 1];
    struct written w;
    bool is_free = true;

    if (edition == NULL
            ? !make_edition(a, document, made, err)
            : !check_edition(a, edition, err) || !edition_is_free(a, document, 0, edition, &is_free, err))
        return false;
    if (!is_free)
        return act_no(a, err, ACT_WRONG, "edition", "there is a version of this edition already");
    if (!read_text(a, catalog, text, &w, err))
        return false;
    bool ok =
        db_insert(
            a->db,
            "insert into document_version (document, edition, text, sha256, rules, has_rules, state, sign, "
            "author, created_us, changed_us) values (?, ?, ?, ?, ?, ?, 'draft', ?, ?, ?, ?) returning id",
            DB_ARGS(db_int(document), db_text(edition != NULL ? edition : made), db_text(w.text),
                    db_text(w.sha256), db_int(w.rules), db_int(w.has_rules), db_int(sign), by(a),
                    db_int((int64_t)a->now_us), db_int((int64_t)a->now_us)),
            out_id, err) &&
        (!wrote || add_author(a, *out_id, err));
    free(w.text);
    return ok;
}

/* ---- documents ---- */

static bool check_days(struct act *a, const char *key, int64_t days, int64_t least,
                       struct imw_error_info *err)
{
    return days == -1 || (days >= least && days <= DOCUMENT_DAYS) ||
           act_no(a, err, ACT_WRONG, key, "from %lld to %d days", (long long)least, DOCUMENT_DAYS);
}

static bool check_wish(struct act *a, const struct document_wish *w, struct imw_error_info *err)
{
    const json_t *one;
    size_t i;

    if (w->title != NULL &&
        (view_trim(view_string(w->title)).len == 0 || strlen(w->title) > DOCUMENT_TITLE_BYTES))
        return act_no(a, err, ACT_WRONG, "title", "a title of at most %d bytes is needed",
                      DOCUMENT_TITLE_BYTES);
    for (const char *c = w->title; c != NULL && *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            return act_no(a, err, ACT_WRONG, "title", "a title is one line");
    if (w->audience != NULL && strcmp(w->audience, "everybody") != 0 &&
        strcmp(w->audience, "departments") != 0)
        return act_no(a, err, ACT_WRONG, "audience", "it is everybody or departments");
    if (w->departments != NULL &&
        (!json_is_array(w->departments) || json_array_size(w->departments) > DOCUMENT_DEPARTMENTS))
        return act_no(a, err, ACT_WRONG, "departments", "a list of departments' numbers is needed");
    json_array_foreach(w->departments, i, one) if (!json_is_integer(one)) return act_no(
        a, err, ACT_WRONG, "departments", "a list of departments' numbers is needed");
    return check_days(a, "due_days", w->due_days, 1, err) &&
           check_days(a, "remind_before", w->remind_before, 0, err) &&
           check_days(a, "remind_every", w->remind_every, 0, err) &&
           check_days(a, "escalate_after", w->escalate_after, 0, err);
}

static bool set_departments(struct act *a, int64_t document, const json_t *list, struct imw_error_info *err)
{
    const json_t *one;
    size_t i;

    if (list == NULL)
        return true;
    if (!db_run(a->db, "delete from document_department where document = ?", DB_ARGS(db_int(document)), NULL,
                err))
        return false;
    json_array_foreach(list, i, one)
    {
        int64_t there = 0;
        if (!db_query_int(a->db, "select count(*) from department where id = ?",
                          DB_ARGS(db_int(json_integer_value(one))), &there, NULL, err))
            return false;
        if (there == 0)
            return act_no(a, err, ACT_WRONG, "departments", "there is no department %lld",
                          (long long)json_integer_value(one));
        if (!db_run(
                a->db,
                "insert into document_department (document, department) values (?, ?) on conflict do nothing",
                DB_ARGS(db_int(document), db_int(json_integer_value(one))), NULL, err))
            return false;
    }
    return true;
}

/* Whom it is for must be somebody. */
static bool check_audience(struct act *a, int64_t document, struct imw_error_info *err)
{
    int64_t nobody = 0;

    if (!db_query_int(
            a->db,
            "select count(*) from document d where d.id = ? and d.audience = 'departments' and not exists "
            "(select 1 from document_department x where x.document = d.id)",
            DB_ARGS(db_int(document)), &nobody, NULL, err))
        return false;
    return nobody == 0 || act_no(a, err, ACT_WRONG, "departments", "name the departments that it is for");
}

static int64_t or_usual(int64_t wished, int64_t usual)
{
    return wished != -1 ? wished : usual;
}

bool document_new(struct act *a, const struct catalog *catalog, const struct document_wish *w,
                  const char *text, const char *edition, int64_t *out_id, struct imw_error_info *err)
{
    int64_t version = 0;

    if (!check_wish(a, w, err))
        return false;
    return db_insert(a->db,
                     "insert into document (title, audience, due_days, remind_before, remind_every, "
                     "escalate_after, "
                     "author, created_us, changed_us) values (?, ?, ?, ?, ?, ?, ?, ?, ?) returning id",
                     DB_ARGS(db_view(view_trim(view_string(w->title))),
                             db_text(w->audience != NULL ? w->audience : "everybody"),
                             db_int(or_usual(w->due_days, 14)), db_int(or_usual(w->remind_before, 3)),
                             db_int(or_usual(w->remind_every, 7)), db_int(or_usual(w->escalate_after, 7)),
                             by(a), db_int((int64_t)a->now_us), db_int((int64_t)a->now_us)),
                     out_id, err) &&
           set_departments(a, *out_id, w->departments, err) && check_audience(a, *out_id, err) &&
           add_draft(a, catalog, *out_id, text, true, edition, true, &version, err) &&
           act_record(a, "document.add", "document", *out_id,
                      json_pack("{s:s,s:I}", "title", w->title, "version", (json_int_t)version), err);
}

static bool check_document(struct act *a, int64_t id, struct imw_error_info *err)
{
    int64_t there = 0;

    if (!db_query_int(a->db, "select count(*) from document where id = ?", DB_ARGS(db_int(id)), &there, NULL,
                      err))
        return false;
    return there > 0 || act_no(a, err, ACT_MISSING, "", "there is no such document");
}

bool document_change(struct act *a, int64_t id, const struct document_wish *w, struct imw_error_info *err)
{
    if (!check_document(a, id, err) || !check_wish(a, w, err))
        return false;
    json_t *detail = json_pack("{s:s*,s:s*,s:O*}", "title", w->title, "audience", w->audience, "departments",
                               w->departments);
    const struct {
        const char *key;
        int64_t days;
    } days[] = { { "due_days", w->due_days },
                 { "remind_before", w->remind_before },
                 { "remind_every", w->remind_every },
                 { "escalate_after", w->escalate_after } };
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++)
        if (days[i].days != -1)
            (void)json_object_set_new(detail, days[i].key, json_integer(days[i].days));
    const bool ok =
        db_run(
            a->db,
            "update document set title = coalesce(?, title), audience = coalesce(?, audience), due_days = "
            "coalesce(?, due_days), remind_before = coalesce(?, remind_before), remind_every = coalesce(?, "
            "remind_every), escalate_after = coalesce(?, escalate_after), changed_us = ? where id = ?",
            DB_ARGS(w->title != NULL ? db_view(view_trim(view_string(w->title))) : db_null(),
                    db_text(w->audience), w->due_days != -1 ? db_int(w->due_days) : db_null(),
                    w->remind_before != -1 ? db_int(w->remind_before) : db_null(),
                    w->remind_every != -1 ? db_int(w->remind_every) : db_null(),
                    w->escalate_after != -1 ? db_int(w->escalate_after) : db_null(),
                    db_int((int64_t)a->now_us), db_int(id)),
            NULL, err) &&
        set_departments(a, id, w->departments, err) && check_audience(a, id, err) &&
        duty_refresh(a->db, id, a->now_us, NULL, err);
    if (ok)
        return act_record(a, "document.change", "document", id, detail, err);
    json_decref(detail);
    return false;
}

/* ---- drafts ---- */

bool document_version_new(struct act *a, const struct catalog *catalog, int64_t document, int64_t from,
                          const char *edition, int64_t *out_id, struct imw_error_info *err)
{
    struct version v;
    int64_t open = 0, before = from;

    if (!check_document(a, document, err) ||
        !db_query_int(
            a->db,
            "select count(*) from document_version where document = ? and state in ('draft', 'proposed', "
            "'approved')",
            DB_ARGS(db_int(document)), &open, NULL, err))
        return false;
    if (open > 0)
        return act_no(a, err, ACT_LATE, "",
                      "a version of this document is being written already: go on with that");
    if (before == 0 &&
        !db_query_int(a->db, "select id from document_version where document = ? order by id desc limit 1",
                      DB_ARGS(db_int(document)), &before, NULL, err))
        return false;
    if (!version_load(a, document, before, &v, err)) {
        if (a->problem == ACT_MISSING)
            return act_no(a, err, ACT_WRONG, "from", "there is no such version of this document");
        return false;
    }
    const bool ok = add_draft(a, catalog, document, v.text, v.sign, edition, false, out_id, err);
    version_fini(&v);
    return ok && act_record(
                     a, "document.draft", "document", document,
                     json_pack("{s:I,s:I}", "version", (json_int_t)*out_id, "from", (json_int_t)before), err);
}

bool document_version_change(struct act *a, const struct catalog *catalog, int64_t document, int64_t id,
                             const struct version_wish *w, struct imw_error_info *err)
{
    struct version v;
    struct written text = { 0 };
    uint64_t changed = 0;
    bool is_free = true, ok = false;

    if (!version_load(a, document, id, &v, err))
        return false;
    if (strcmp(v.state, "draft") != 0)
        ok = act_no(a, err, ACT_LATE, "",
                    "it is no draft any more: withdraw it first, or begin another version");
    else if (strcmp(v.sha256, w->base) != 0)
        ok = act_no(a, err, ACT_LATE, "sha256", "somebody changed it meanwhile: load it again, and compare");
    else if (w->summary != NULL && strlen(w->summary) > DOCUMENT_SUMMARY_BYTES)
        ok = act_no(a, err, ACT_WRONG, "summary", "a shorter text is needed");
    else
        ok = (w->edition == NULL || (check_edition(a, w->edition, err) &&
                                     edition_is_free(a, document, id, w->edition, &is_free, err))) &&
             (w->text == NULL || read_text(a, catalog, w->text, &text, err));
    if (ok && !is_free)
        ok = act_no(a, err, ACT_WRONG, "edition", "there is a version of this edition already");
    const char *sha256 = w->text != NULL ? text.sha256 : v.sha256;
    const bool other_text = ok && strcmp(sha256, v.sha256) != 0;
    ok =
        ok &&
        db_run(
            a->db,
            "update document_version set text = coalesce(?, text), sha256 = ?, rules = coalesce(?, rules), "
            "has_rules = coalesce(?, has_rules), edition = coalesce(?, edition), sign = coalesce(?, sign), "
            "summary = coalesce(?, summary), changed_us = ? where id = ? and state = 'draft'",
            DB_ARGS(db_text(text.text), db_text(sha256), w->text != NULL ? db_int(text.rules) : db_null(),
                    w->text != NULL ? db_int(text.has_rules) : db_null(), db_text(w->edition),
                    w->sign >= 0 ? db_int(w->sign) : db_null(), db_text(w->summary),
                    db_int((int64_t)a->now_us), db_int(id)),
            &changed, err) &&
        (changed == 1 || act_no(a, err, ACT_LATE, "", "it is no draft any more")) && add_author(a, id, err) &&
        act_record(
            a, "document.write", "document", document,
            json_pack("{s:I,s:s,s:b}", "version", (json_int_t)id, "sha256", sha256, "text", other_text), err);
    free(text.text);
    version_fini(&v);
    return ok;
}

bool document_draft_remove(struct act *a, int64_t document, int64_t id, struct imw_error_info *err)
{
    struct version v;
    int64_t others = 0;
    uint64_t removed = 0;

    if (!version_load(a, document, id, &v, err))
        return false;
    const bool draft = strcmp(v.state, "draft") == 0;
    json_t *detail =
        json_pack("{s:I,s:s,s:s}", "version", (json_int_t)id, "edition", v.edition, "sha256", v.sha256);
    version_fini(&v);
    if (!draft) {
        json_decref(detail);
        return act_no(a, err, ACT_LATE, "", "only drafts are thrown away");
    }
    if (!db_run(a->db, "delete from document_version where id = ? and state = 'draft'", DB_ARGS(db_int(id)),
                &removed, err) ||
        !db_query_int(a->db, "select count(*) from document_version where document = ?",
                      DB_ARGS(db_int(document)), &others, NULL, err) ||
        (others == 0 &&
         !db_run(a->db, "delete from document where id = ?", DB_ARGS(db_int(document)), NULL, err))) {
        json_decref(detail);
        return false;
    }
    return act_record(a, "document.remove", "document", document, detail, err);
}
