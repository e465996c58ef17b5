/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From proposal to publication. A change of state names the state that it comes from, so that of two who act
 * at once one changes a row and the other none, on any database.
 */
#include "base/log.h"
#include "base/text.h"
#include "program/document.h"
#include "program/duty.h"
#include "program/mail.h"
#include "program/policy_text.h"
#include "program/shape.h"
#include <stdlib.h>

static const uint64_t most_ahead_us = UINT64_C(2) * 366 * 86400 * 1000000;

static struct db_value now_of(const struct act *a)
{
    return db_int((int64_t)a->now_us);
}

static bool is_state(const struct version *v, const char *state)
{
    return strcmp(v->state, state) == 0;
}

static bool not_a_token(struct act *a, struct imw_error_info *err)
{
    return (!a->actor->token && a->actor->account != 0) ||
           act_no(a, err, ACT_FORBIDDEN, "", "a person decides on documents: sign in");
}

/* The first error of a text. */
static bool check_text(struct act *a, const struct catalog *catalog, const struct version *v,
                       const char *edition, struct clauses *out, struct imw_error_info *err)
{
    const json_t *problem;
    size_t i;

    if (!clauses_read(view_string(v->text), v->title, edition, catalog, a->now_us, out, err))
        return false;
    if (out->ok)
        return true;
    json_array_foreach(out->problems, i, problem)
    {
        if (strcmp(json_string_value(json_object_get(problem, "level")), "error") != 0)
            continue;
        act_no(a, err, ACT_WRONG, "text", "line %d: %s",
               (int)json_integer_value(json_object_get(problem, "line")),
               json_string_value(json_object_get(problem, "text")));
        break;
    }
    clauses_fini(out);
    return false;
}

/* Another document that carries the policy. */
static bool check_only_one(struct act *a, const struct version *v, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    char title[DOCUMENT_TITLE_BYTES * 2] = "";
    struct text t = TEXT(title);

    if (!v->has_rules)
        return true;
    if (!db_query(
            a->db,
            "select d.title from document_version x join document d on d.id = x.document where x.state = "
            "'published' and x.has_rules = 1 and x.document <> ? limit 1",
            DB_ARGS(db_int(v->document)), &rows, err))
        return false;
    const bool other = db_next(rows, &why);
    if (other)
        text_printable(&t, db_get_text(rows, 0));
    if (!rows_done(rows, &why, err))
        return false;
    return !other ||
           act_no(a, err, ACT_LATE, "",
                  "the document \"%s\" carries the policy's rules already: one document at a time does",
                  title);
}

/* Those who may decide on it hear of it. */
static bool tell_deciders(struct act *a, const struct version *v, struct imw_error_info *err)
{
    int64_t accounts[64];
    unsigned count = 0;
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    char key[96], subject[MAIL_SUBJECT_BYTES], text[2048], link[512], page[64];
    bool on = false, ok = true;

    if (!mail_is_on(a->db, &on, err))
        return false;
    if (!on)
        return true;
    if (!db_query(a->db,
                  "select id, roles from account where state = 'active' and (expires_us is null or "
                  "expires_us > ?) and id "
                  "not in (select account from document_author where version = ?) order by id",
                  DB_ARGS(now_of(a), db_int(v->id)), &rows, err))
        return false;
    while (count < 64 && db_next(rows, &why)) {
        char words[256];
        unsigned roles = 0;
        struct text t = TEXT(words);
        text_add(&t, db_get_text(rows, 1));
        if (roles_parse(words, &roles) && (roles >> ROLE_COMPLIANCE & 1) != 0 &&
            (permissions_of(roles) >> PERMISSION_DOCUMENT_APPROVE & 1) != 0)
            accounts[count++] = db_get_int(rows, 0);
    }
    if (!rows_done(rows, &why, err))
        return false;
    snprintf(page, sizeof page, "/documents/%lld", (long long)v->document);
    if (!mail_link(a->db, page, link, sizeof link, err))
        return false;
    snprintf(subject, sizeof subject, "For your decision: %.200s, edition %s", v->title, v->edition);
    snprintf(text, sizeof text,
             "%s asks for approval of \"%.300s\", edition %s.\n\n"
             "SHA-256 of its text: %s\n\n%s%s\nWhoever wrote it does not approve it.\n",
             a->actor->name, v->title, v->edition, v->sha256, link, link[0] != '\0' ? "\n" : "");
    for (unsigned i = 0; ok && i < count; i++) {
        snprintf(key, sizeof key, "document %lld %.16s %lld %llu", (long long)v->id, v->sha256,
                 (long long)accounts[i], (unsigned long long)a->now_us);
        ok = mail_add(
            a,
            &(struct mail){
                .account = accounts[i], .kind = "approval", .key = key, .subject = subject, .text = text },
            err);
    }
    return ok;
}

bool document_propose(struct act *a, const struct catalog *catalog, int64_t document, int64_t id,
                      struct imw_error_info *err)
{
    struct version v;
    struct clauses c;
    uint64_t changed = 0;

    if (!version_load(a, document, id, &v, err))
        return false;
    bool ok = (is_state(&v, "draft") || act_no(a, err, ACT_LATE, "", "it was proposed already")) &&
              check_text(a, catalog, &v, v.edition, &c, err);
    if (ok) {
        v.has_rules = c.has_rules;
        clauses_fini(&c);
    }
    ok =
        ok && check_only_one(a, &v, err) &&
        db_run(a->db,
               "update document_version set state = 'proposed', proposed_us = ?, proposed_by = ?, "
               "problem = null where "
               "id = ? and state = 'draft'",
               DB_ARGS(now_of(a), a->actor->account != 0 ? db_int(a->actor->account) : db_null(), db_int(id)),
               &changed, err) &&
        (changed == 1 || act_no(a, err, ACT_LATE, "", "it was proposed already")) &&
        tell_deciders(a, &v, err) &&
        act_record(
            a, "document.propose", "document", document,
            json_pack("{s:I,s:s,s:s}", "version", (json_int_t)id, "edition", v.edition, "sha256", v.sha256),
            err);
    version_fini(&v);
    return ok;
}

/* A draft again; agreements count no more. */
static bool reopen(struct act *a, int64_t id, uint64_t *out_changed, struct imw_error_info *err)
{
    return db_run(
               a->db,
               "update document_version set state = 'draft', proposed_us = null, approved_us = "
               "null, publish_us = "
               "null, publish_by = null, problem = null where id = ? and state in ('proposed', 'approved')",
               DB_ARGS(db_int(id)), out_changed, err) &&
           db_run(a->db, "update document_decision set void = 1 where version = ?", DB_ARGS(db_int(id)), NULL,
                  err);
}

bool document_withdraw(struct act *a, int64_t document, int64_t id, struct imw_error_info *err)
{
    struct version v;
    uint64_t changed = 0;

    if (!version_load(a, document, id, &v, err))
        return false;
    const bool ok =
        reopen(a, id, &changed, err) &&
        (changed == 1 || act_no(a, err, ACT_LATE, "", "only what is proposed or approved is withdrawn")) &&
        act_record(a, "document.withdraw", "document", document,
                   json_pack("{s:I,s:s,s:s}", "version", (json_int_t)id, "was", v.state, "sha256", v.sha256),
                   err);
    version_fini(&v);
    return ok;
}

/* ---- decisions ---- */

/* Neither one of its authors nor somebody who decided already, by whatever account. */
static bool check_decider(struct act *a, const struct version *v, struct imw_error_info *err)
{
    int64_t wrote = 0, decided = 0;

    if (!db_query_int(
            a->db,
            "select count(*) from document_author x join account y on y.id = x.account join account me on "
            "me.id = ? where x.version = ? and (y.id = me.id or y.person = me.person)",
            DB_ARGS(db_int(a->actor->account), db_int(v->id)), &wrote, NULL, err) ||
        !db_query_int(
            a->db,
            "select count(*) from document_decision x join account y on y.id = x.account join account me on "
            "me.id = ? where x.version = ? and x.void = 0 and (y.id = me.id or y.person = me.person)",
            DB_ARGS(db_int(a->actor->account), db_int(v->id)), &decided, NULL, err))
        return false;
    if (wrote > 0)
        return act_no(a, err, ACT_FORBIDDEN, "", "you wrote it: somebody else decides");
    return decided == 0 || act_no(a, err, ACT_LATE, "", "you decided on it already: others must agree, too");
}

static bool count_approvals(struct act *a, const struct version *v, int64_t *out, int64_t *out_needed,
                            struct imw_error_info *err)
{
    return db_query_int(
               a->db,
               "select count(*) from document_decision where version = ? and approve = 1 and void = 0 and "
               "sha256 = ?",
               DB_ARGS(db_int(v->id), db_text(v->sha256)), out, NULL, err) &&
           setting_number(a->db, SETTING_ID_DOCUMENT_APPROVALS, out_needed, err);
}

static bool agree(struct act *a, const struct version *v, struct imw_error_info *err)
{
    int64_t count = 0, needed = 0;

    if (!count_approvals(a, v, &count, &needed, err))
        return false;
    return count < needed ||
           db_run(a->db,
                  "update document_version set state = 'approved', approved_us = ? where id = ? and state = "
                  "'proposed'",
                  DB_ARGS(now_of(a), db_int(v->id)), NULL, err);
}

static bool decide(struct act *a, const struct version *v, bool approve, struct view why,
                   struct imw_error_info *err)
{
    uint64_t changed = 1;
    int64_t decision = 0;

    if (!db_insert(a->db,
                   "insert into document_decision (version, account, approve, why, sha256, time_us) values "
                   "(?, ?, ?, ?, "
                   "?, ?) returning id",
                   DB_ARGS(db_int(v->id), db_int(a->actor->account), db_int(approve), db_view(why),
                           db_text(v->sha256), now_of(a)),
                   &decision, err))
        return false;
    if (approve ? !agree(a, v, err) : !reopen(a, v->id, &changed, err))
        return false;
    if (changed != 1)
        return act_no(a, err, ACT_LATE, "", "it is not proposed any more");
    return act_record(a, approve ? "document.approve" : "document.refuse", "document", v->document,
                      json_pack("{s:I,s:s,s:s#}", "version", (json_int_t)v->id, "sha256", v->sha256, "why",
                                (const char *)why.at, (int)why.len),
                      err);
}

bool document_decide(struct act *a, int64_t document, int64_t id, bool approve, const char *why,
                     const char *sha256, struct imw_error_info *err)
{
    struct view words = view_trim(view_string(why));
    struct version v;
    bool ok;

    if (!not_a_token(a, err) || !version_load(a, document, id, &v, err))
        return false;
    if (!is_state(&v, "proposed"))
        ok = act_no(a, err, ACT_LATE, "", "it is not proposed: there is nothing to decide");
    else if (strcmp(v.sha256, sha256) != 0)
        ok = act_no(a, err, ACT_LATE, "sha256", "the text is another one than you read: load it again");
    else if (!approve && words.len == 0)
        ok =
            act_no(a, err, ACT_WRONG, "why", "say why it is refused: who wrote it has nothing else to go by");
    else if (words.len > DOCUMENT_WHY_BYTES)
        ok = act_no(a, err, ACT_WRONG, "why", "a shorter text is needed");
    else
        ok = check_decider(a, &v, err) && decide(a, &v, approve, words, err);
    version_fini(&v);
    return ok;
}

/* ---- publication ---- */

/* The edition that the policy names: the one that people sign. */
static bool policy_edition(struct act *a, const struct version *v, char out[DOCUMENT_EDITION_BYTES + 1],
                           struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    snprintf(out, DOCUMENT_EDITION_BYTES + 1, "%s", v->edition);
    if (v->sign)
        return true;
    if (!db_query(a->db,
                  "select edition from document_version where document = ? and state in ('published', "
                  "'replaced') and "
                  "sign = 1 order by published_us desc, id desc limit 1",
                  DB_ARGS(db_int(v->document)), &rows, err))
        return false;
    if (db_next(rows, &why))
        snprintf(out, DOCUMENT_EDITION_BYTES + 1, "%.*s", (int)db_get_text(rows, 0).len,
                 (const char *)db_get_text(rows, 0).at);
    return rows_done(rows, &why, err);
}

/* What was agreed to is what is there. */
static bool check_agreed(struct act *a, const struct version *v, struct imw_error_info *err)
{
    char now[65];
    int64_t count = 0, needed = 0;

    text_sha256(view_string(v->text), now);
    if (strcmp(now, v->sha256) != 0)
        return act_no(a, err, ACT_LATE, "",
                      "the text is not the one that was approved: withdraw it and propose it anew");
    if (!count_approvals(a, v, &count, &needed, err))
        return false;
    return count >= needed ||
           act_no(a, err, ACT_LATE, "", "%lld people must agree, %lld did: withdraw it and propose it anew",
                  (long long)needed, (long long)count);
}

/* The policy of its rules, in force with it. */
static bool put_in_force(struct act *a, const struct catalog *catalog, const struct version *v,
                         int64_t *out_policy, struct imw_error_info *err)
{
    char edition[DOCUMENT_EDITION_BYTES + 1];
    struct clauses c;
    bool ok = true;

    *out_policy = 0;
    if (!policy_edition(a, v, edition, err) || !check_text(a, catalog, v, edition, &c, err))
        return false;
    if (c.policy != NULL)
        ok = policy_text_enact(a, catalog, c.policy, v->publish_by, out_policy, err);
    clauses_fini(&c);
    return ok;
}

static bool publish_now(struct act *a, const struct catalog *catalog, const struct version *v,
                        struct imw_error_info *err)
{
    int64_t policy = 0;
    uint64_t changed = 0;

    if (!check_agreed(a, v, err) || !check_only_one(a, v, err) ||
        !put_in_force(a, catalog, v, &policy, err) ||
        !db_run(
            a->db,
            "update document_version set state = 'replaced', replaced_us = ? where document = ? and state = "
            "'published'",
            DB_ARGS(now_of(a), db_int(v->document)), NULL, err) ||
        !db_run(a->db,
                "update document_version set state = 'published', published_us = ?, publish_by = "
                "coalesce(publish_by, ?), "
                "policy = ?, problem = null where id = ? and state = 'approved'",
                DB_ARGS(now_of(a), v->publish_by != 0 ? db_int(v->publish_by) : db_null(),
                        policy != 0 ? db_int(policy) : db_null(), db_int(v->id)),
                &changed, err))
        return false;
    if (changed != 1)
        return act_no(a, err, ACT_LATE, "", "it is not approved any more");
    return (!v->sign || duty_begin(a, v->document, v->id, err)) &&
           act_record(a, "document.publish", "document", v->document,
                      json_pack("{s:I,s:s,s:s,s:o}", "version", (json_int_t)v->id, "edition", v->edition,
                                "sha256", v->sha256, "policy",
                                policy != 0 ? json_integer(policy) : json_null()),
                      err);
}

bool document_publish(struct act *a, const struct catalog *catalog, int64_t document, int64_t id,
                      uint64_t on_us, struct imw_error_info *err)
{
    struct version v;
    uint64_t changed = 0;
    bool ok;

    if (!not_a_token(a, err) || !version_load(a, document, id, &v, err))
        return false;
    v.publish_by = a->actor->account;
    if (!is_state(&v, "approved"))
        ok = act_no(a, err, ACT_LATE, "", "only what is approved is published");
    else if (on_us <= a->now_us)
        ok = publish_now(a, catalog, &v, err);
    else if (on_us - a->now_us > most_ahead_us)
        ok = act_no(a, err, ACT_WRONG, "on", "a day within two years is needed");
    else
        ok = db_run(a->db,
                    "update document_version set publish_us = ?, publish_by = ?, problem = null where "
                    "id = ? and state = "
                    "'approved'",
                    DB_ARGS(db_int((int64_t)on_us), db_int(a->actor->account), db_int(id)), &changed, err) &&
             (changed == 1 || act_no(a, err, ACT_LATE, "", "it is not approved any more")) &&
             act_record(a, "document.schedule", "document", document,
                        json_pack("{s:I,s:o,s:s}", "version", (json_int_t)id, "on", shape_time(on_us),
                                  "sha256", v.sha256),
                        err);
    version_fini(&v);
    return ok;
}

bool document_unpublish(struct act *a, int64_t document, int64_t id, struct imw_error_info *err)
{
    struct version v;
    uint64_t changed = 0;

    if (!version_load(a, document, id, &v, err))
        return false;
    version_fini(&v);
    return db_run(a->db,
                  "update document_version set publish_us = null, publish_by = null, problem = null "
                  "where id = ? and state "
                  "= 'approved' and (publish_us is not null or problem is not null)",
                  DB_ARGS(db_int(id)), &changed, err) &&
           (changed == 1 || act_no(a, err, ACT_LATE, "", "there is no day on which it would be published")) &&
           act_record(a, "document.unschedule", "document", document,
                      json_pack("{s:I}", "version", (json_int_t)id), err);
}

/* ---- the clerk ---- */

/* It cannot be: say so, and do not try again. */
static bool note_problem(struct act *a, const struct version *v, const char *text, struct imw_error_info *err)
{
    log_error("document_publish",
              "document=%lld version=%lld: it was due to be published and could not be: %s",
              (long long)v->document, (long long)v->id, text);
    return db_begin(a->db, true, err) &&
           db_run(a->db,
                  "update document_version set publish_us = null, problem = ? where id = ? and state = "
                  "'approved'",
                  DB_ARGS(db_text(text), db_int(v->id)), NULL, err) &&
           act_record(a, "document.publish-failed", "document", v->document,
                      json_pack("{s:I,s:s}", "version", (json_int_t)v->id, "error", text), err) &&
           db_commit(a->db, err);
}

static bool publish_one(struct act *a, const struct catalog *catalog, int64_t document, int64_t id,
                        unsigned *out_published, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct version v;

    if (!db_begin(a->db, true, err) || !version_load(a, document, id, &v, err))
        return false;
    bool ok = true, due = is_state(&v, "approved") && v.publish_us != 0 && v.publish_us <= a->now_us;
    if (due && publish_now(a, catalog, &v, &why) && db_commit(a->db, &why)) {
        (*out_published)++;
        log_notice("document_published", "document=%lld version=%lld", (long long)document, (long long)id);
    } else if (due) {
        db_rollback(a->db);
        ok = why.code == IMW_ERROR_VALUE && note_problem(a, &v, why.text, err);
        if (why.code != IMW_ERROR_VALUE && err != NULL)
            *err = why;
    }
    db_rollback(a->db);
    version_fini(&v);
    return ok;
}

bool document_publish_due(struct db *db, const struct catalog *catalog, uint64_t now_us,
                          unsigned *out_published, struct imw_error_info *err)
{
    static const struct actor the_system = { .name = "system" };
    struct act a = { .db = db, .actor = &the_system, .now_us = now_us };
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    int64_t due[32][2];
    unsigned count = 0;
    bool ok = true;

    *out_published = 0;
    if (!db_begin(db, false, err) ||
        !db_query(
            db,
            "select document, id from document_version where publish_us <= ? and state = 'approved' order by "
            "publish_us limit 32",
            DB_ARGS(db_int((int64_t)now_us)), &rows, err))
        return false;
    while (count < 32 && db_next(rows, &why)) {
        due[count][0] = db_get_int(rows, 0);
        due[count++][1] = db_get_int(rows, 1);
    }
    ok = rows_done(rows, &why, err);
    db_rollback(db);
    for (unsigned i = 0; ok && i < count; i++)
        ok = publish_one(&a, catalog, due[i][0], due[i][1], out_published, err);
    return ok;
}
