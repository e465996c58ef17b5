/* SPDX-License-Identifier: Apache-2.0 */
/* From a draft to the signature of everybody whom it is for: who may decide, what is published with it, who
 * owes what, receipts, reminders, escalation. */
#include "identify/catalog.h"
#include "program/cases.h"
#include "program/document.h"
#include "program/duty.h"
#include "program/mail.h"
#include "program/policy_text.h"
#include "program/signature.h"
#include "program/team.h"
#include <stdlib.h>

static const uint64_t day_us = UINT64_C(86400000000);

static const char text_one[] = "# Messaging\n\n## Files\nNo files.\n\n```imward\n- name: no files\n"
                               "  match: {class: im, activity: file}\n  action: block\n```\n";
static const char text_two[] =
    "# Messaging\n\n## Files\nNo files, nor calls.\n\n```imward\n- name: no files\n"
    "  match: {class: im, activity: [file, call]}\n  action: block\n```\n";
static const char plain[] = "# Handbook\n\n## One\nWords.\n";

struct world {
    struct database *d;
    struct catalog *catalog;
    int64_t anna, eva, max, desk, back; /* persons: compliance, compliance, manager; departments */
    struct actor writer, one, two;      /* accounts: who writes, who decide */
};

static int64_t department(struct database *d, const char *name)
{
    int64_t id;

    good(d, db_insert(d->db, "insert into department (name) values (?) returning id", DB_ARGS(db_text(name)),
                      &id, &d->err));
    return id;
}

static int64_t employee(struct world *w, const char *name, int64_t in, int64_t manager)
{
    const int64_t id = add_person(w->d, name);
    char mail[80];

    snprintf(mail, sizeof mail, "%s@bank.example", name);
    for (char *c = mail; *c != '\0'; c++)
        *c = *c == ' ' ? '.' : *c;
    good(w->d,
         db_run(w->d->db, "update person set department = ?, manager = ?, email = ? where id = ?",
                DB_ARGS(db_int(in), manager != 0 ? db_int(manager) : db_null(), db_text(mail), db_int(id)),
                NULL, &w->d->err));
    good(w->d, team_move(w->d->db, id, &w->d->err));
    return id;
}

static struct actor person_actor(struct world *w, const char *name, const char *roles, int64_t person)
{
    struct actor a = actor_of(add_account(w->d, name, roles, person), name, roles);

    a.person = person;
    a.strong_us = cases_now;
    return a;
}

static struct world begin(struct database *d)
{
    struct world w = { .d = d };
    struct imw_error_info err;

    assert_true(catalog_builtin(&w.catalog, &err));
    w.desk = department(d, "Desk");
    w.back = department(d, "Back office");
    w.max = employee(&w, "Max Lead", w.back, 0);
    w.anna = employee(&w, "Anna Writer", w.back, w.max);
    w.eva = employee(&w, "Eva Two", w.back, w.max);
    w.writer = person_actor(&w, "anna", "compliance", w.anna);
    w.one = person_actor(&w, "eva", "compliance", w.eva);
    w.two = person_actor(&w, "max", "manager", w.max);
    return w;
}

static void end(struct world *w)
{
    catalog_close(w->catalog);
}

static void setting(struct world *w, enum setting s, const char *value)
{
    good(w->d, setting_set(w->d->db, s, value, cases_now, &w->d->err));
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s != NULL ? s : "";
}

static json_t *get(struct world *w, struct actor *by, int64_t document)
{
    struct act a = act_by(w->d, by);
    json_t *row = NULL;

    good(w->d, DO(w->d, &a, document_get(&a, document, &row, &w->d->err)));
    return row;
}

/* The version that is being written: its number and hash. */
static int64_t open_version(struct world *w, int64_t document, char sha256[65])
{
    json_t *row = get(w, &w->writer, document);
    const json_t *open = json_object_get(row, "open");
    const int64_t id = json_integer_value(json_object_get(open, "id"));

    snprintf(sha256, 65, "%s", text_of(open, "sha256"));
    json_decref(row);
    return id;
}

static int64_t new_document(struct world *w, const char *title, const char *text)
{
    const struct document_wish wish = {
        .title = title, .due_days = 10, .remind_before = 3, .remind_every = 5, .escalate_after = 4
    };
    struct act a = act_by(w->d, &w->writer);
    int64_t id = 0;

    good(w->d, DO(w->d, &a, document_new(&a, w->catalog, &wish, text, NULL, &id, &w->d->err)));
    return id;
}

static bool decide(struct world *w, struct actor *by, int64_t document, int64_t version, const char *sha256,
                   bool yes, enum act_problem *out)
{
    struct act a = act_by(w->d, by);
    bool ok =
        DO(w->d, &a, document_decide(&a, document, version, yes, yes ? "" : "too short", sha256, &w->d->err));

    *out = a.problem;
    return ok;
}

static int64_t publish_document(struct world *w, int64_t document)
{
    struct act a = act_by(w->d, &w->writer);
    enum act_problem p;
    char sha256[65];
    const int64_t v = open_version(w, document, sha256);

    good(w->d, DO(w->d, &a, document_propose(&a, w->catalog, document, v, &w->d->err)));
    good(w->d, decide(w, &w->one, document, v, sha256, true, &p));
    good(w->d, decide(w, &w->two, document, v, sha256, true, &p));
    good(w->d, DO(w->d, &a, document_publish(&a, w->catalog, document, v, 0, &w->d->err)));
    return v;
}

static int64_t count(struct world *w, const char *sql)
{
    return database_number(w->d, sql);
}

/* ---- writing and deciding ---- */

static void test_two_others_approve_and_text_and_rules_come_together(struct database *d)
{
    struct world w = begin(d);
    const int64_t doc = new_document(&w, "Messaging", text_one);
    struct act a = act_by(d, &w.writer);
    enum act_problem p;
    char sha256[65], other[65];
    const int64_t v = open_version(&w, doc, sha256);

    text_sha256(view_string(text_one), other);
    assert_string_equal(sha256, other);
    assert_false(decide(&w, &w.one, doc, v, sha256, true, &p)); /* not proposed */
    assert_int_equal(p, ACT_LATE);
    good(d, DO(d, &a, document_propose(&a, w.catalog, doc, v, &d->err)));
    assert_false(decide(&w, &w.writer, doc, v, sha256, true, &p)); /* wrote it */
    assert_int_equal(p, ACT_FORBIDDEN);
    struct actor again = person_actor(&w, "anna2", "administrator", w.anna);
    assert_false(decide(&w, &again, doc, v, sha256, true, &p)); /* is who wrote it, by another account */
    assert_int_equal(p, ACT_FORBIDDEN);
    struct actor program = w.one;
    program.token = true;
    assert_false(decide(&w, &program, doc, v, sha256, true, &p));
    assert_int_equal(p, ACT_FORBIDDEN);
    memset(other, '0', 64);
    assert_false(decide(&w, &w.one, doc, v, other, true, &p)); /* read another text */
    assert_int_equal(p, ACT_LATE);
    good(d, decide(&w, &w.one, doc, v, sha256, true, &p));
    assert_false(DO(d, &a, document_publish(&a, w.catalog, doc, v, 0, &d->err))); /* one is not two */
    struct actor eva_again = person_actor(&w, "eva2", "manager", w.eva);
    assert_false(decide(&w, &eva_again, doc, v, sha256, true, &p)); /* the same person again */
    assert_int_equal(p, ACT_LATE);
    good(d, decide(&w, &w.two, doc, v, sha256, true, &p));
    assert_int_equal(count(&w, "select count(*) from policy_text"), 0);
    good(d, DO(d, &a, document_publish(&a, w.catalog, doc, v, 0, &d->err)));

    json_t *row = get(&w, &w.writer, doc);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(row, "in_force"), "rules")), 1);
    json_decref(row);
    assert_int_equal(
        count(&w, "select count(*) from policy_text where state = 'published' and version like '20%-%'"), 1);
    assert_int_equal(count(&w, "select count(*) from duty where done_us is null"), 3);
    assert_int_equal(audit_count(d, "document.publish"), 1);
    assert_int_equal(audit_count(d, "policy.publish"), 1);

    /* while it is in force, the policy changes with it only */
    int64_t draft = 0;
    struct actor engineer = person_actor(&w, "ed", "engineer", 0);
    struct act e = act_by(d, &engineer);
    good(d, DO(d, &e, policy_text_new(&e, w.catalog, "version: 1\ndefault: allow\n", 0, &draft, &d->err)));
    assert_false(DO(d, &e, policy_text_publish(&e, w.catalog, draft, &d->err)));
    assert_int_equal(e.problem, ACT_LATE);
    assert_non_null(strstr(d->err.text, "Messaging"));
    end(&w);
}

static void test_a_refusal_makes_a_draft_and_voids_what_was_agreed(struct database *d)
{
    struct world w = begin(d);
    const int64_t doc = new_document(&w, "Messaging", text_one);
    struct act a = act_by(d, &w.writer), b = act_by(d, &w.one);
    enum act_problem p;
    char sha256[65];
    const int64_t v = open_version(&w, doc, sha256);
    struct version_wish wish = { .base = sha256, .text = text_two, .sign = -1 };

    good(d, DO(d, &a, document_propose(&a, w.catalog, doc, v, &d->err)));
    assert_false(DO(d, &a, document_version_change(&a, w.catalog, doc, v, &wish, &d->err))); /* no draft */
    assert_int_equal(a.problem, ACT_LATE);
    good(d, decide(&w, &w.one, doc, v, sha256, true, &p));
    good(d, decide(&w, &w.two, doc, v, sha256, false, &p));
    assert_int_equal(count(&w, "select count(*) from document_version where state = 'draft'"), 1);
    /* one of those who decide changes it: then decides no more, though another proposes it */
    good(d, DO(d, &b, document_version_change(&b, w.catalog, doc, v, &wish, &d->err)));
    assert_false(DO(d, &a, document_version_change(&a, w.catalog, doc, v, &wish, &d->err))); /* old base */
    assert_int_equal(a.problem, ACT_LATE);
    (void)open_version(&w, doc, sha256);
    good(d, DO(d, &a, document_propose(&a, w.catalog, doc, v, &d->err)));
    assert_false(decide(&w, &w.one, doc, v, sha256, true, &p));
    assert_int_equal(p, ACT_FORBIDDEN);
    good(d, decide(&w, &w.two, doc, v, sha256, true, &p));
    assert_int_equal(count(&w, "select count(*) from document_version where state = 'approved'"), 0);
    good(d, DO(d, &a, document_withdraw(&a, doc, v, &d->err)));
    assert_int_equal(count(&w, "select count(*) from document_decision where void = 0"), 0);
    good(d, DO(d, &a, document_draft_remove(&a, doc, v, &d->err)));
    assert_int_equal(count(&w, "select count(*) from document"), 0);
    end(&w);
}

static void test_wrong_rules_are_not_proposed_and_one_document_carries_them(struct database *d)
{
    static const char wrong[] =
        "# A\n```imward\n- name: a\n  match: {service: whatsup}\n  action: block\n```\n";
    struct world w = begin(d);
    const int64_t bad = new_document(&w, "Wrong", wrong);
    struct act a = act_by(d, &w.writer);
    char sha256[65];

    const int64_t v = open_version(&w, bad, sha256);
    assert_false(DO(d, &a, document_propose(&a, w.catalog, bad, v, &d->err)));
    assert_int_equal(a.problem, ACT_WRONG);
    assert_non_null(strstr(d->err.text, "line 4"));
    (void)publish_document(&w, new_document(&w, "Messaging", text_one));
    const int64_t other = new_document(&w, "Other", text_two);
    const int64_t o = open_version(&w, other, sha256);
    assert_false(DO(d, &a, document_propose(&a, w.catalog, other, o, &d->err)));
    assert_int_equal(a.problem, ACT_LATE);
    assert_int_equal(count(&w, "select count(*) from policy_text"), 1);
    end(&w);
}

static void test_it_is_published_on_its_day(struct database *d)
{
    struct world w = begin(d);
    const int64_t doc = new_document(&w, "Messaging", text_one);
    struct act a = act_by(d, &w.writer);
    enum act_problem p;
    char sha256[65];
    unsigned published = 0;
    const int64_t v = open_version(&w, doc, sha256);

    good(d, DO(d, &a, document_propose(&a, w.catalog, doc, v, &d->err)));
    good(d, decide(&w, &w.one, doc, v, sha256, true, &p));
    good(d, decide(&w, &w.two, doc, v, sha256, true, &p));
    good(d, DO(d, &a, document_publish(&a, w.catalog, doc, v, cases_now + day_us, &d->err)));
    good(d, document_publish_due(d->db, w.catalog, cases_now + day_us - 1, &published, &d->err));
    assert_int_equal(published, 0);
    good(d, DO(d, &a, document_unpublish(&a, doc, v, &d->err)));
    good(d, document_publish_due(d->db, w.catalog, cases_now + day_us, &published, &d->err));
    assert_int_equal(published, 0);
    good(d, DO(d, &a, document_publish(&a, w.catalog, doc, v, cases_now + day_us, &d->err)));
    /* a changed text is not what was agreed to */
    good(d, db_run(d->db, "update document_version set text = text || 'x'", DB_NONE, NULL, &d->err));
    good(d, document_publish_due(d->db, w.catalog, cases_now + day_us, &published, &d->err));
    assert_int_equal(published, 0);
    assert_int_equal(
        count(&w, "select count(*) from document_version where problem is not null and publish_us is null"),
        1);
    assert_int_equal(audit_count(d, "document.publish-failed"), 1);
    good(d, db_run(d->db, "update document_version set text = ?", DB_ARGS(db_text(text_one)), NULL, &d->err));
    good(d, DO(d, &a, document_publish(&a, w.catalog, doc, v, cases_now + day_us, &d->err)));
    good(d, document_publish_due(d->db, w.catalog, cases_now + day_us, &published, &d->err));
    assert_int_equal(published, 1);
    good(d, document_publish_due(d->db, w.catalog, cases_now + day_us, &published, &d->err));
    assert_int_equal(published, 0);
    assert_int_equal(count(&w, "select count(*) from policy_text where state = 'published'"), 1);
    end(&w);
}

static void test_a_new_version_replaces_and_differs(struct database *d)
{
    struct world w = begin(d);
    const int64_t doc = new_document(&w, "Messaging", text_one), first = publish_document(&w, doc);
    struct act a = act_by(d, &w.writer);
    struct version_wish wish = { .text = text_two, .sign = 0 };
    char sha256[65];
    int64_t v = 0, to_sign = 0;
    json_t *diff = NULL;

    good(d, DO(d, &a, document_version_new(&a, w.catalog, doc, 0, NULL, &v, &d->err)));
    int64_t third = 0;
    assert_false(
        DO(d, &a, document_version_new(&a, w.catalog, doc, 0, NULL, &third, &d->err))); /* one at a time */
    assert_int_equal(open_version(&w, doc, sha256), v);
    wish.base = sha256;
    good(d, DO(d, &a, document_version_change(&a, w.catalog, doc, v, &wish, &d->err)));
    good(d, DO(d, &a, document_diff(&a, doc, v, 0, &diff, &d->err)));
    assert_int_equal(json_integer_value(json_object_get(diff, "from")), first);
    assert_int_equal(json_integer_value(json_object_get(diff, "added")), 2);
    assert_int_equal(json_integer_value(json_object_get(diff, "removed")), 2);
    json_decref(diff);
    assert_int_equal(publish_document(&w, doc), v);
    assert_int_equal(count(&w, "select count(*) from document_version where state = 'published'"), 1);
    assert_int_equal(
        count(&w, "select count(*) from policy_text where state = 'published' and text like '%call%'"), 1);
    /* it asks for no signature: what is signed, and what the policy names, is the edition before */
    good(d, document_to_sign(d->db, doc, &to_sign, &d->err));
    assert_int_equal(to_sign, first);
    assert_int_equal(
        count(&w, "select count(*) from policy_text p join document_version v on v.id = "
                  "(select min(id) from document_version) where p.state = 'published' and p.text like "
                  "'%edition: \"' || v.edition || '\"%'"),
        1);
    end(&w);
}

/* ---- signing ---- */

static bool sign(struct world *w, struct actor *by, int64_t document, int64_t version, const char *name,
                 enum act_problem *out, int64_t *out_id)
{
    struct act a = act_by(w->d, by);
    char sha256[65];

    text_sha256(view_string(text_one), sha256);
    bool ok = DO(w->d, &a, signature_add(&a, document, version, sha256, name, out_id, &w->d->err));
    *out = a.problem;
    return ok;
}

static void test_a_signature_has_a_receipt_that_proves_it(struct database *d)
{
    struct world w = begin(d);
    const int64_t doc = new_document(&w, "Messaging", text_one), v = publish_document(&w, doc);
    struct actor clerk =
        person_actor(&w, "carl", "employee", employee(&w, "Ren\xc3\xa9 Carl", w.desk, w.max));
    struct act a = act_by(d, &clerk), b = act_by(d, &w.writer);
    enum act_problem p;
    int64_t id = 0;
    json_t *row = NULL, *list = NULL;
    char *receipt = NULL, hash[65];

    good(d, db_begin(d->db, true, &d->err));
    good(d, duty_refresh(d->db, 0, cases_now, NULL, &d->err)); /* he came after the publication */
    good(d, db_commit(d->db, &d->err));
    assert_false(sign(&w, &clerk, doc, v, "Rene Carl", &p, &id));
    assert_int_equal(p, ACT_WRONG);
    assert_false(sign(&w, &clerk, doc, v + 1, "Ren\xc3\xa9 Carl", &p, &id));
    good(d, DO(d, &a, mine_documents(&a, &list, &d->err)));
    assert_string_equal(text_of(list, "name"), "Ren\xc3\xa9 Carl");
    assert_true(json_is_true(json_object_get(json_array_get(json_object_get(list, "documents"), 0), "owed")));
    json_decref(list);
    good(d, sign(&w, &clerk, doc, v, "  ren\x65\xcc\x81   CARL ", &p,
                 &id)); /* decomposed, other case, more spaces */
    assert_false(sign(&w, &clerk, doc, v, "Ren\xc3\xa9 Carl", &p, &id));
    assert_int_equal(p, ACT_LATE);

    good(d, DO(d, &a, mine_receipt(&a, id, &receipt, &d->err)));
    text_sha256(view_string(receipt), hash);
    good(d, DO(d, &a, signature_get(&a, id, &row, &d->err)));
    assert_string_equal(text_of(row, "receipt_sha256"), hash);
    assert_string_equal(text_of(row, "proof"), "password");
    json_decref(row);
    assert_non_null(strstr(receipt, "\"format\":\"imward signature 1\""));
    for (const char *c = receipt; *c != '\0'; c++)
        assert_true(*c >= ' ' && *c <= '~');
    assert_int_equal(
        count(&w,
              "select count(*) from signature s join audit a on a.act = 'document.sign' and a.record like "
              "'%' || s.receipt_sha256 || '%'"),
        1);
    good(d, DO(d, &b, signature_verify(&b, receipt, &row, &d->err)));
    assert_true(json_is_true(json_object_get(row, "valid")));
    json_decref(row);
    receipt[strlen(receipt) - 3] ^= 1;
    good(d, DO(d, &b, signature_verify(&b, receipt, &row, &d->err)));
    assert_false(json_is_true(json_object_get(row, "valid")));
    json_decref(row);
    free(receipt);
    /* nobody else gets it */
    struct actor other = person_actor(&w, "otto", "employee", employee(&w, "Otto", w.desk, w.max));
    struct act c = act_by(d, &other);
    assert_false(DO(d, &c, mine_receipt(&c, id, &receipt, &d->err)));
    assert_int_equal(c.problem, ACT_MISSING);
    assert_false(DO(d, &c, signature_get(&c, id, &row, &d->err)));
    assert_int_equal(count(&w, "select count(*) from duty where done_us is not null"), 1);
    assert_int_equal(count(&w, "select sum(people) from duty_sum where due_us = 0"), 1);
    end(&w);
}

static void test_who_may_sign_and_when(struct database *d)
{
    struct world w = begin(d);
    const int64_t doc = new_document(&w, "Messaging", text_one), v = publish_document(&w, doc);
    struct actor nobody = person_actor(&w, "nick", "employee", 0);
    enum act_problem p;
    int64_t id = 0;

    assert_false(sign(&w, &nobody, doc, v, "nick", &p, &id));
    assert_int_equal(p, ACT_LATE);
    struct actor program = w.one;
    program.token = true;
    assert_false(sign(&w, &program, doc, v, "Eva Two", &p, &id));
    assert_int_equal(p, ACT_FORBIDDEN);
    struct actor fresh = w.one;
    assert_true(signature_is_fresh(&fresh, cases_now + 5 * 60 * UINT64_C(1000000)));
    assert_false(signature_is_fresh(&fresh, cases_now + 5 * 60 * UINT64_C(1000000) + 1));
    assert_false(signature_is_fresh(&program, cases_now));
    end(&w);
}

static void test_names_are_equal_but_for_case_and_spaces(void **state)
{
    (void)state;
    assert_true(names_equal("Anna Maria", " anna  MARIA "));
    assert_true(names_equal("Stra\xc3\x9f"
                            "e",
                            "STRASSE"));
    assert_true(names_equal("\xc3\x85sa", "A\xcc\x8asa"));
    assert_false(names_equal("Anna", "Ann"));
    assert_false(names_equal("", ""));
    assert_false(names_equal("Ren\xc3\xa9", "Rene"));
    assert_false(names_equal("\xff", "\xff"));
}

/* ---- duties ---- */

static json_t *duties(struct world *w, struct actor *by, const struct duty_filter *f)
{
    struct act a = act_by(w->d, by);
    json_t *list = NULL;

    good(w->d, DO(w->d, &a, duty_list(&a, f, &list, &w->d->err)));
    return list;
}

static void test_duties_follow_the_directory(struct database *d)
{
    struct world w = begin(d);
    const int64_t doc = new_document(&w, "Messaging", text_one);
    json_t *only_desk = json_pack("[I]", (json_int_t)w.desk);
    const struct document_wish wish = { .audience = "departments",
                                        .departments = only_desk,
                                        .due_days = -1,
                                        .remind_before = -1,
                                        .remind_every = -1,
                                        .escalate_after = -1 };
    const int64_t one = employee(&w, "Dora Desk", w.desk, w.max), sub = department(d, "Desk Zurich");
    struct act a = act_by(d, &w.writer);
    bool stale = true, changed = false;

    good(d, db_run(d->db, "update department set parent = ? where id = ?",
                   DB_ARGS(db_int(w.desk), db_int(sub)), NULL, &d->err));
    const int64_t two = employee(&w, "Sue Sub", sub, one);
    good(d, DO(d, &a, document_change(&a, doc, &wish, &d->err)));
    json_decref(only_desk);
    (void)publish_document(&w, doc);
    assert_int_equal(count(&w, "select count(*) from duty"), 2); /* the department and those below it */
    good(d, duty_is_stale(d->db, &stale, &d->err));
    assert_false(stale);
    good(d, db_run(d->db, "update person set department = ? where id = ?",
                   DB_ARGS(db_int(w.back), db_int(two)), NULL, &d->err));
    (void)employee(&w, "New Comer", w.desk, w.max);
    good(d, duty_is_stale(d->db, &stale, &d->err));
    assert_true(stale);
    good(d, db_begin(d->db, true, &d->err));
    good(d, duty_refresh(d->db, 0, cases_now + day_us, &changed, &d->err));
    good(d, db_commit(d->db, &d->err));
    assert_true(changed);
    assert_int_equal(count(&w, "select count(*) from duty"), 2);
    assert_int_equal(count(&w, "select sum(people) from duty_sum where due_us > 0"), 2);
    good(d, db_run(d->db, "update person set state = 'left'", DB_NONE, NULL, &d->err));
    good(d, db_begin(d->db, true, &d->err));
    good(d, duty_refresh(d->db, 0, cases_now, &changed, &d->err));
    good(d, db_commit(d->db, &d->err));
    assert_int_equal(count(&w, "select count(*) from duty"), 0);
    end(&w);
}

static void test_who_sees_which_duties(struct database *d)
{
    struct world w = begin(d);
    const int64_t doc = new_document(&w, "Messaging", text_one);
    const int64_t dora = employee(&w, "Dora Desk", w.desk, 0), sue = employee(&w, "Sue Sub", w.desk, dora);
    struct actor lead = person_actor(&w, "dora", "manager", dora),
                 examiner = person_actor(&w, "x", "examiner", 0);
    struct actor lost = person_actor(&w, "lost", "manager", 0);
    struct duty_filter f = { .limit = 2 };
    struct act a = act_by(d, &lost);

    good(d, db_run(d->db, "update person set pseudonym = 'P-' || id", DB_NONE, NULL, &d->err));
    good(d, person_text_keep(d->db, 0, &d->err));
    (void)publish_document(&w, doc);
    json_t *page = duties(&w, &w.writer, &f), *rest;
    assert_int_equal(json_array_size(json_object_get(page, "duties")), 2);
    f.cursor = text_of(page, "cursor");
    rest = duties(&w, &w.writer, &f);
    assert_int_equal(json_array_size(json_object_get(rest, "duties")), 2);
    assert_string_not_equal(text_of(rest, "cursor"), "");
    json_t *last =
        duties(&w, &w.writer, &(struct duty_filter){ .limit = 2, .cursor = text_of(rest, "cursor") });
    assert_int_equal(json_array_size(json_object_get(last, "duties")), 1);
    assert_true(json_is_null(json_object_get(last, "cursor")));
    json_decref(page);
    json_decref(rest);
    json_decref(last);

    page = duties(&w, &lead, &(struct duty_filter){ .limit = 10 });
    const json_t *only = json_array_get(json_object_get(page, "duties"), 0);
    assert_int_equal(json_array_size(json_object_get(page, "duties")), 1);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(only, "person"), "id")), sue);
    assert_string_equal(text_of(json_object_get(only, "person"), "label"), "Sue Sub");
    json_decref(page);
    page = duties(&w, &examiner, &(struct duty_filter){ .limit = 10, .text = "p-" });
    assert_int_equal(json_array_size(json_object_get(page, "duties")), 5);
    char *all = json_dumps(page, 0);
    assert_null(strstr(all, "Sue"));
    free(all);
    json_decref(page);
    page = duties(&w, &examiner, &(struct duty_filter){ .limit = 10, .text = "sue" }); /* nor by searching */
    assert_int_equal(json_array_size(json_object_get(page, "duties")), 0);
    json_decref(page);
    page = duties(&w, &w.writer, &(struct duty_filter){ .limit = 10, .text = "SUE" });
    assert_int_equal(json_array_size(json_object_get(page, "duties")), 1);
    json_decref(page);
    assert_false(DO(d, &a, duty_list(&a, &f, &page, &d->err)));
    assert_int_equal(a.problem, ACT_LATE);

    json_t *summary = NULL;
    struct act m = act_by(d, &lead), c = act_by(d, &w.writer);
    m.now_us = c.now_us = cases_now + 20 * day_us;
    good(d, DO(d, &m, duty_summary(&m, &summary, &d->err)));
    only = json_array_get(json_object_get(summary, "documents"), 0);
    assert_int_equal(json_integer_value(json_object_get(only, "owed")), 1);
    assert_int_equal(json_integer_value(json_object_get(only, "overdue")), 1);
    json_decref(summary);
    good(d, DO(d, &c, duty_summary(&c, &summary, &d->err)));
    only = json_array_get(json_object_get(summary, "documents"), 0);
    assert_int_equal(json_integer_value(json_object_get(only, "owed")), 5);
    assert_int_equal(json_integer_value(json_object_get(only, "overdue")), 5);
    assert_int_equal(json_array_size(json_object_get(only, "departments")), 2);
    json_decref(summary);

    /* A manager's sums and everybody's say the same. */
    m.now_us = c.now_us = cases_now + day_us;
    good(d, DO(d, &c,
               db_run(d->db, "update duty set excused_us = ?", DB_ARGS(db_int((int64_t)c.now_us + 1)), NULL,
                      &d->err)));
    json_t *all_of_it = NULL;
    good(d, DO(d, &m, duty_summary(&m, &summary, &d->err)));
    good(d, DO(d, &c, duty_summary(&c, &all_of_it, &d->err)));
    only = json_array_get(json_object_get(summary, "documents"), 0);
    const json_t *whole = json_array_get(json_object_get(all_of_it, "documents"), 0);
    assert_int_equal(json_integer_value(json_object_get(only, "excused")), 1);
    assert_int_equal(json_integer_value(json_object_get(whole, "excused")), 5);
    assert_true(json_is_string(json_object_get(only, "next_due")));
    assert_true(json_equal(json_object_get(only, "next_due"), json_object_get(whole, "next_due")));
    json_decref(summary);
    json_decref(all_of_it);
    end(&w);
}

/* As one sees it who leads everybody else but the head. */
static char *summary_of(struct world *w, struct actor *by)
{
    struct act a = act_by(w->d, by);
    json_t *out = NULL;

    a.now_us = cases_now + 20 * day_us;
    good(w->d, DO(w->d, &a, duty_summary(&a, &out, &w->d->err)));
    char *text = json_dumps(out, JSON_SORT_KEYS);
    json_decref(out);
    return text;
}

static char *list_of(struct world *w, struct actor *by, const char *state)
{
    json_t *page = duties(w, by, &(struct duty_filter){ .limit = 50, .state = state });
    char *text = json_dumps(json_object_get(page, "duties"), JSON_SORT_KEYS);

    json_decref(page);
    return text;
}

/* Sums of teams say what is counted where there are none; and teams of every size are listed alike. */
static void test_large_teams_are_summed_and_listed_as_small_ones(struct database *d)
{
    static const char *const states[] = { "open", "overdue", "signed", "excused" };
    static const unsigned sizes[] = { PEOPLE_FEW - 10, PEOPLE_FEW + 10, PEOPLE_SOME + 10 };
    struct world w = begin(d);
    const int64_t doc = new_document(&w, "Messaging", text_one), head = employee(&w, "Head", w.desk, 0);
    struct actor lead = person_actor(&w, "head", "manager", head);
    struct act a = act_by(d, &lead);
    unsigned people = 0;

    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        good(d,
             db_run(
                 d->db,
                 "insert into person (pseudonym, name, department, manager, source, state, joined_us, "
                 "changed_us) with recursive n(i) as (select cast(? as bigint) union all select i + 1 from n "
                 "where i < ?) select 'T-' || i, 'Name ' || i, case when i % 2 = 0 then ? else ? end, ?, "
                 "'hand', 'active', 0, 0 from n",
                 DB_ARGS(db_int(people + 1), db_int(sizes[i]), db_int(w.desk), db_int(w.back), db_int(head)),
                 NULL, &d->err));
        people = sizes[i];
        good(d, team_rebuild(d->db, &d->err));
        if (i == 0)
            (void)publish_document(&w, doc);
        else
            good(d, DO(d, &a, duty_refresh(d->db, doc, cases_now, NULL, &d->err)));
        /* Some have signed, some are excused; nobody else owes anything. */
        good(d,
             db_run(d->db, "delete from duty where person not in (select person from team where manager = ?)",
                    DB_ARGS(db_int(head)), NULL, &d->err));
        good(d, db_run(d->db, "update duty set done_us = ? + person where person % 7 = 0 and done_us is null",
                       DB_ARGS(db_int((int64_t)cases_now)), NULL, &d->err));
        good(d, db_run(d->db, "update duty set excused_us = ?, excuse = 'away' where person % 11 = 0",
                       DB_ARGS(db_int((int64_t)(cases_now + 30 * day_us))), NULL, &d->err));
        good(d, db_run(d->db, "update document set team_sums = 0", DB_NONE, NULL, &d->err));
        char *counted = summary_of(&w, &lead);
        good(d, DO(d, &a, duty_refresh(d->db, doc, cases_now, NULL, &d->err)));
        good(d,
             db_run(d->db, "delete from duty where person not in (select person from team where manager = ?)",
                    DB_ARGS(db_int(head)), NULL, &d->err));
        assert_int_equal(
            count(&w, "select min(team_sums) from document where id in (select document from duty)"), 1);
        char *summed = summary_of(&w, &lead);
        assert_string_equal(summed, counted);
        free(counted);
        free(summed);
        for (unsigned s = 0; s < sizeof states / sizeof states[0]; s++) {
            char *all = list_of(&w, &w.writer, states[s]), *team = list_of(&w, &lead, states[s]);
            assert_string_equal(team, all);
            free(all);
            free(team);
        }
    }
    end(&w);
}

static int64_t mails(struct world *w, const char *kind)
{
    int64_t n = -1;

    good(w->d, db_query_int(w->d->db, "select count(*) from mail where kind = ? and state = 'waiting'",
                            DB_ARGS(db_text(kind)), &n, NULL, &w->d->err));
    return n;
}

static void remind_at(struct world *w, unsigned days)
{
    unsigned queued = 0;
    bool more = false;

    good(w->d, duty_remind_due(w->d->db, cases_now + days * day_us, &queued, &more, &w->d->err));
}

static void test_reminders_and_escalation(struct database *d)
{
    struct world w = begin(d);
    const int64_t doc = new_document(&w, "Messaging", text_one), v = publish_document(&w, doc);
    struct act a = act_by(d, &w.writer);
    enum act_problem p;
    int64_t id = 0;
    unsigned queued = 0, without = 0;

    remind_at(&w, 0);
    assert_int_equal(mails(&w, "duty"), 0); /* mail is turned off */
    assert_false(DO(d, &a, duty_remind(&a, doc, NULL, &queued, &without, &d->err)));
    setting(&w, SETTING_ID_MAIL_ON, "1");
    setting(&w, SETTING_ID_MAIL_CONSOLE, "https://console.bank.example/");
    remind_at(&w, 0);
    assert_int_equal(mails(&w, "duty"), 3);
    remind_at(&w, 1);
    assert_int_equal(mails(&w, "duty"), 3);
    good(d, sign(&w, &w.one, doc, v, "Eva Two", &p, &id));
    remind_at(&w, 8); /* three days before it is due */
    assert_int_equal(mails(&w, "duty"), 5);
    good(d, DO(d, &a, duty_excuse(&a, doc, w.max, cases_now + 30 * day_us, "on leave", &d->err)));
    remind_at(&w, 11);
    assert_int_equal(mails(&w, "duty"), 6);
    assert_int_equal(count(&w, "select count(*) from mail where subject like 'Overdue%'"), 1);
    remind_at(&w, 15); /* four days late: her manager hears, once */
    assert_int_equal(mails(&w, "duty-escalation"), 1);
    remind_at(&w, 15);
    assert_int_equal(mails(&w, "duty-escalation"), 1);
    assert_int_equal(
        count(&w, "select count(*) from mail m join person p on p.id = m.person where m.kind = "
                  "'duty-escalation' and p.name = 'Max Lead' and m.text like '%Anna Writer%' and m.text not "
                  "like '%Eva%' and m.text like '%https://console.bank.example/duties%'"),
        1);
    remind_at(&w, 16);
    assert_int_equal(mails(&w, "duty"), 7);
    remind_at(&w, 100);                     /* what was missed is one mail */
    assert_int_equal(mails(&w, "duty"), 9); /* and the leave is over */
    a.now_us = cases_now + 101 * day_us;
    good(d, DO(d, &a, duty_remind(&a, doc, NULL, &queued, &without, &d->err)));
    assert_int_equal(queued, 2);
    remind_at(&w, 101);
    assert_int_equal(mails(&w, "duty"), 11);
    end(&w);
}

static void test_a_document_without_rules_leaves_the_policy_alone(struct database *d)
{
    struct world w = begin(d);
    struct actor engineer = person_actor(&w, "ed", "engineer", 0);
    struct act e = act_by(d, &engineer);
    int64_t draft = 0;

    (void)publish_document(&w, new_document(&w, "Handbook", plain));
    assert_int_equal(count(&w, "select count(*) from policy_text"), 0);
    good(d, DO(d, &e, policy_text_new(&e, w.catalog, "version: 1\ndefault: allow\n", 0, &draft, &d->err)));
    good(d, DO(d, &e, policy_text_publish(&e, w.catalog, draft, &d->err)));
    end(&w);
}

static void test_templates_are_filled_with_what_is_known(struct database *d)
{
    struct world w = begin(d);
    const struct document_template *t = document_template("public-im");
    char *text = NULL;

    good(d, document_template_fill(d->db, t, &text, &d->err));
    assert_string_equal(text, t->text); /* nothing is */
    free(text);
    setting(&w, SETTING_ID_INSTITUTION, "Example Bank");
    good(d, document_template_fill(d->db, t, &text, &d->err));
    assert_non_null(strstr(text, "how Example Bank deals with"));
    assert_null(strstr(text, "[institution]"));
    assert_non_null(strstr(text, "  sign: https://console.bank.example/mine/documents\n"));
    free(text);
    setting(&w, SETTING_ID_MAIL_CONSOLE, "https://im.example.net:8443/");
    good(d, document_template_fill(d->db, t, &text, &d->err));
    assert_non_null(strstr(text, "  sign: https://im.example.net:8443/mine/documents\n"));
    assert_int_equal(strlen(text), strlen(t->text) + 3 * (strlen("Example Bank") - strlen("[institution]")) +
                                       strlen("https://im.example.net:8443") -
                                       strlen("https://console.bank.example"));
    free(text);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_two_others_approve_and_text_and_rules_come_together),
        ON_BOTH(test_a_refusal_makes_a_draft_and_voids_what_was_agreed),
        ON_BOTH(test_wrong_rules_are_not_proposed_and_one_document_carries_them),
        ON_BOTH(test_it_is_published_on_its_day),
        ON_BOTH(test_a_new_version_replaces_and_differs),
        ON_BOTH(test_a_signature_has_a_receipt_that_proves_it),
        ON_BOTH(test_who_may_sign_and_when),
        cmocka_unit_test(test_names_are_equal_but_for_case_and_spaces),
        ON_BOTH(test_duties_follow_the_directory),
        ON_BOTH(test_who_sees_which_duties),
        ON_BOTH(test_large_teams_are_summed_and_listed_as_small_ones),
        ON_BOTH(test_reminders_and_escalation),
        ON_BOTH(test_a_document_without_rules_leaves_the_policy_alone),
        ON_BOTH(test_templates_are_filled_with_what_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
