/* SPDX-License-Identifier: Apache-2.0 */
/* Statements for the board, and what the page of a quarter is drawn from: its figures and those of the
 * quarter before, of one look at the database. */
#include "program/board.h"
#include "program/setting.h"
#include "program/shape.h"
#include "store/event_store.h"
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

bool board_quarter(const char *text, int64_t *out_quarter, struct evidence_period *out_period)
{
    uint64_t year = 0, part = 0;

    if (strlen(text) != 7 || text[4] != '-' || text[5] != 'Q' ||
        !view_decimal(view_of(text, 4), 2099, &year) || year < 2000 ||
        !view_decimal(view_of(text + 6, 1), 4, &part) || part == 0)
        return false;
    const int first = (int)(year * 10000 + (part * 3 - 2) * 100 + 1);
    const int next = part == 4 ? (int)((year + 1) * 10000 + 101) : first + 300;
    *out_quarter = (int64_t)(year * 10 + part);
    *out_period = (struct evidence_period){ (uint64_t)day_start(first), (uint64_t)day_start(next) };
    return true;
}

/* The quarter, or why not. */
static bool take_quarter(struct act *a, const char *text, int64_t *out, struct evidence_period *period,
                         struct imw_error_info *err)
{
    if (!board_quarter(text, out, period))
        return act_no(a, err, ACT_WRONG, "quarter", "a quarter is written as 2026-Q4");
    return true;
}

struct statement {
    char *text, author[256], signer[256], sha256[65];
    uint64_t changed_us, signed_us;
    bool there;
};

static void statement_fini(struct statement *s)
{
    free(s->text);
}

static bool statement_read(struct db *db, int64_t quarter, struct statement *out, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;

    *out = (struct statement){ .there = false };
    if (!db_query(
            db,
            "select s.text, s.sha256, s.changed_us, s.signed_us, coalesce(w.full_name, ''), "
            "coalesce(g.full_name, '') from board_statement s left join account w on w.id = s.author left join "
            "account g on g.id = s.signed_by where s.quarter = ?",
            DB_ARGS(db_int(quarter)), &rows, err))
        return false;
    if (db_next(rows, &why)) {
        out->there = true;
        out->text = strdup((const char *)db_get_text(rows, 0).at);
        snprintf(out->sha256, sizeof out->sha256, "%s", (const char *)db_get_text(rows, 1).at);
        out->changed_us = (uint64_t)db_get_int(rows, 2);
        out->signed_us = (uint64_t)db_get_int(rows, 3);
        snprintf(out->author, sizeof out->author, "%s", (const char *)db_get_text(rows, 4).at);
        snprintf(out->signer, sizeof out->signer, "%s", (const char *)db_get_text(rows, 5).at);
    }
    if (!rows_done(rows, &why, err) || (out->there && out->text == NULL)) {
        statement_fini(out);
        return why.code != IMW_OK ? false : error_memory(err);
    }
    return true;
}

/* Nobody who wrote at the text is asked to sign it off. */
static bool may_sign(struct act *a, int64_t quarter, bool *out, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    int64_t authors[64];
    struct db_rows *rows;
    unsigned count = 0;

    *out = true;
    if (!db_query(a->db, "select account from board_author where quarter = ? order by account",
                  DB_ARGS(db_int(quarter)), &rows, err))
        return false;
    while (db_next(rows, &why)) {
        if (count < sizeof authors / sizeof authors[0])
            authors[count++] = db_get_int(rows, 0);
        else
            *out = false; /* too many to tell: nobody */
    }
    if (!rows_done(rows, &why, err))
        return false;
    for (unsigned i = 0; *out && i < count; i++)
        if (!act_is_other(a, authors[i], out, err))
            return false;
    return true;
}

bool board_get(struct act *a, const char *quarter, json_t **out, struct imw_error_info *err)
{
    struct evidence_period period;
    struct statement s;
    int64_t number;
    bool other = false;

    if (!take_quarter(a, quarter, &number, &period, err) || !statement_read(a->db, number, &s, err))
        return false;
    if (s.there && !may_sign(a, number, &other, err)) {
        statement_fini(&s);
        return false;
    }
    *out = json_pack("{s:s,s:o,s:o,s:s,s:s?,s:s?,s:o,s:s?,s:o,s:b}", "quarter", quarter, "from",
                     shape_time(period.from_us), "until", shape_time(period.until_us), "statement",
                     s.there ? s.text : "", "sha256", s.there ? s.sha256 : NULL, "author",
                     s.there ? s.author : NULL, "changed", when_json(s.changed_us), "signed_by",
                     s.signed_us != 0 ? s.signer : NULL, "signed", when_json(s.signed_us), "may_sign",
                     s.there && s.signed_us == 0 && other);
    statement_fini(&s);
    return *out != NULL || error_memory(err);
}

bool board_write(struct act *a, const char *quarter, const char *text, struct imw_error_info *err)
{
    struct evidence_period period;
    char sha256[65];
    uint8_t hash[32];
    struct text hex = TEXT(sha256);
    int64_t number;

    if (!take_quarter(a, quarter, &number, &period, err))
        return false;
    if (strlen(text) > BOARD_STATEMENT_BYTES)
        return act_no(a, err, ACT_WRONG, "statement", "at most %d octets fit on the page",
                      BOARD_STATEMENT_BYTES);
    if (period.from_us > a->now_us)
        return act_no(a, err, ACT_WRONG, "quarter", "that quarter has not begun");
    if (EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL) != 1)
        return error_set(err, IMW_ERROR_SYSTEM, "SHA-256 failed");
    text_hex(&hex, view_of(hash, sizeof hash));
    return db_run(
               a->db,
               "insert into board_statement (quarter, text, sha256, author, changed_us) values (?, ?, ?, ?, ?) on "
               "conflict (quarter) do update set text = excluded.text, sha256 = excluded.sha256, author = "
               "excluded.author, changed_us = excluded.changed_us, signed_by = null, signed_us = null",
               DB_ARGS(db_int(number), db_text(text), db_text(sha256), db_int(a->actor->account),
                       db_int((int64_t)a->now_us)),
               NULL, err) &&
           db_run(a->db, "insert into board_author (quarter, account) values (?, ?) on conflict do nothing",
                  DB_ARGS(db_int(number), db_int(a->actor->account)), NULL, err) &&
           act_record(a, "board.write", "board", number,
                      json_pack("{s:s,s:s}", "quarter", quarter, "sha256", sha256), err);
}

bool board_sign(struct act *a, const char *quarter, const char *sha256, struct imw_error_info *err)
{
    struct evidence_period period;
    struct statement s;
    int64_t number;
    bool other = false;

    if (!take_quarter(a, quarter, &number, &period, err) || !statement_read(a->db, number, &s, err))
        return false;
    const bool there = s.there && s.text[0] != '\0', same = there && strcmp(s.sha256, sha256) == 0;
    const bool done = s.signed_us != 0;
    statement_fini(&s);
    if (!there)
        return act_no(a, err, ACT_MISSING, "", "there is no statement for this quarter yet");
    if (done)
        return act_no(a, err, ACT_LATE, "", "it is signed off already");
    if (!same)
        return act_no(a, err, ACT_LATE, "sha256", "the text was changed meanwhile: read it again");
    if (!may_sign(a, number, &other, err))
        return false;
    if (!other)
        return act_no(a, err, ACT_FORBIDDEN, "", "who wrote at it cannot sign it off: ask somebody else");
    return db_run(a->db, "update board_statement set signed_by = ?, signed_us = ? where quarter = ?",
                  DB_ARGS(db_int(a->actor->account), db_int((int64_t)a->now_us), db_int(number)), NULL,
                  err) &&
           act_record(a, "board.sign", "board", number,
                      json_pack("{s:s,s:s}", "quarter", quarter, "sha256", sha256), err);
}

/* ---- the page ---- */

static bool wants_all_figures(void *context, const struct evidence_item *item, bool table)
{
    static const char *const tables[][2] = { { "usage", "weeks" }, { "enforcement", "services" } };

    (void)context;
    if (!table || strncmp(item->part, "risk", 4) == 0 || strncmp(item->part, "assessment", 10) == 0)
        return true;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (strcmp(item->part, tables[i][0]) == 0 && strcmp(item->name, tables[i][1]) == 0)
            return true;
    return false;
}

static bool wants_figures(void *context, const struct evidence_item *item, bool table)
{
    (void)context;
    (void)item;
    return !table;
}

static bool read_quarter(struct db *db, const struct evidence_period *period, evidence_wants *wants,
                         struct evidence_data **out, struct imw_error_info *err)
{
    if (!evidence_data_new(period, 200, out, err))
        return false;
    struct evidence_reader reader = evidence_data_reader(*out);
    const struct evidence_reader *const readers[] = { &reader };
    reader.wants = wants;
    return evidence_read(db, period, readers, 1, err);
}

bool board_draw(struct db *db, const char *quarter, const char *by, uint64_t now_us, report_sink *sink,
                void *context, struct imw_error_info *err)
{
    struct evidence_data *now = NULL, *before = NULL;
    struct evidence_period period, last;
    char *institution = NULL, words[640], earlier[24];
    struct text t = TEXT(words);
    struct statement s = { .there = false };
    int64_t number, last_number;

    if (!board_quarter(quarter, &number, &period))
        return error_key(err, "quarter", "a quarter is written as 2026-Q4");
    snprintf(earlier, sizeof earlier, "%04d-Q%d", (int)(number / 10 - (number % 10 == 1)) % 10000,
             (int)(number % 10 == 1 ? 4 : number % 10 - 1) % 10);
    const bool has_before = board_quarter(earlier, &last_number, &last);
    bool ok = db_begin(db, false, err);
    ok = ok && setting_get(db, SETTING_ID_INSTITUTION, &institution, err) &&
         statement_read(db, number, &s, err) && read_quarter(db, &period, wants_all_figures, &now, err) &&
         (!has_before || read_quarter(db, &last, wants_figures, &before, err));
    db_rollback(db);
    if (ok) {
        char day[WHEN_SIZE];

        if (s.there) {
            when_text(s.changed_us, day);
            text_format(&t, "Written by %.200s on %.10s", s.author, day);
            when_text(s.signed_us, day);
            if (s.signed_us != 0)
                text_format(&t, ", signed off by %.200s on %.10s.", s.signer, day);
            else
                text_string(&t, ". Draft: nobody has signed it off yet.");
        }
        const struct report_scope scope = { .period = period,
                                            .asked_us = now_us,
                                            .institution = institution,
                                            .prepared_for = "",
                                            .prepared_by = by,
                                            .package = "",
                                            .key = "",
                                            .statement = s.there ? s.text : "",
                                            .statement_by = words };
        ok = report_draw(REPORT_BOARD, &scope, now, before, sink, context, err);
    }
    evidence_data_free(now);
    evidence_data_free(before);
    statement_fini(&s);
    free(institution);
    return ok;
}
