/* SPDX-License-Identifier: Apache-2.0 */
/* Risk assessments: begun with what was seen, written by whom, proposed when whole, signed off by another,
 * replaced; the rule that a decision drafts; what covers which threat. */
#include "identify/catalog.h"
#include "program/assessment.h"
#include "program/cases.h"
#include "program/document.h"
#include "program/exception.h"
#include "program/policy_text.h"

struct world {
    struct catalog *catalog;
    struct actor carl, cora, twin, eve, mona;
};

static struct world make(struct database *d)
{
    struct world w = { 0 };
    const int64_t carl = add_person(d, "Carl");

    good(d, catalog_builtin(&w.catalog, &d->err));
    w.carl = actor_of(add_account(d, "carl", "compliance", carl), "carl", "compliance");
    w.twin = actor_of(add_account(d, "carl2", "manager", carl), "carl2", "manager");
    w.cora = actor_of(add_account(d, "cora", "compliance", 0), "cora", "compliance");
    w.eve = actor_of(add_account(d, "eve", "engineer", 0), "eve", "engineer");
    w.mona = actor_of(add_account(d, "mona", "manager", 0), "mona", "manager");
    return w;
}

static json_t *get(struct database *d, struct act *a, int64_t id)
{
    json_t *row = NULL;

    good(d, assessment_json(a, id, &row, &d->err));
    return row;
}

static int64_t begin(struct database *d, struct world *w, struct act *a, const char *service)
{
    json_t *body = json_pack("{ss}", "service", service);
    int64_t id = 0;

    good(d, DO(d, a, assessment_begin(a, w->catalog, body, &id, &d->err)));
    json_decref(body);
    return id;
}

/* Write `body` (taken over) over what is there. */
static bool write_as(struct database *d, struct act *a, int64_t id, json_t *body)
{
    json_t *row = get(d, a, id);

    json_object_set(body, "sha256", json_object_get(row, "sha256"));
    bool ok = DO(d, a, assessment_write(a, id, body, &d->err));
    json_decref(row);
    json_decref(body);
    return ok;
}

/* All that is asked for, each risk `likelihood` x 4, with controls `residual` x 4. */
static json_t *whole(const char *decision, int likelihood, int residual)
{
    json_t *answers = json_pack("[]"), *risks = json_pack("[]"), *controls = json_pack("[]");

    for (unsigned i = 0; i < risk_questions_count; i++)
        json_array_append_new(
            answers, json_pack("{ss ss ss}", "question", risk_questions[i].key, "answer", "no", "note", ""));
    for (unsigned i = 0; i < risk_threats_count; i++) {
        json_array_append_new(risks, json_pack("{ss si si si si}", "threat", risk_threats[i].key,
                                               "likelihood", likelihood, "impact", 4, "residual_likelihood",
                                               residual, "residual_impact", 4));
        json_array_append_new(controls, json_pack("{ss ss ss ss si si}", "threat", risk_threats[i].key,
                                                  "what", "the gateway", "carrier", "imward", "state",
                                                  "in place", "likelihood", 2, "impact", 0));
    }
    return json_pack("{so so so ss ss si ss ss}", "answers", answers, "risks", risks, "controls", controls,
                     "benefit", "customers ask for it", "decision", decision, "benefit_level", 2, "reason",
                     "nobody keeps it", "review", "2027-05-31");
}

static bool sign_as(struct database *d, struct act *a, int64_t id, bool sign, const char *why)
{
    json_t *row = get(d, a, id);
    bool ok = DO(
        d, a, assessment_sign(a, id, sign, why, json_string_value(json_object_get(row, "sha256")), &d->err));

    json_decref(row);
    return ok;
}

static const char *text_at(const json_t *row, const char *key)
{
    return json_string_value(json_object_get(row, key));
}

static void propose(struct database *d, struct act *a, int64_t id, const char *decision, int residual)
{
    assert_true(write_as(d, a, id, whole(decision, 4, residual)));
    good(d, DO(d, a, assessment_put_forward(a, id, &d->err)));
}

static void test_it_begins_with_what_was_seen(struct database *d)
{
    struct world w = make(d);
    struct act carl = act_by(d, &w.carl);

    store_lines(
        d,
        "{\"timestamp\":\"2026-11-20T08:56:10.071000+0000\",\"flow_id\":7,\"event_type\":\"alert\",\"src_ip\":"
        "\"10.0.0.1\",\"src_port\":5000,\"dest_ip\":\"192.0.2.1\",\"dest_port\":443,\"proto\":\"TCP\",\"alert\":{"
        "\"severity\":1,\"signature\":\"worm\",\"category\":\"worm\"},\"im\":{\"service\":\"whatsapp\"}}\n");
    const int64_t id = begin(d, &w, &carl, "whatsapp");
    json_t *row = get(d, &carl, id), *facts = json_object_get(row, "facts");
    assert_string_equal(text_at(row, "title"), "WhatsApp");
    assert_string_equal(text_at(row, "state"), "draft");
    assert_int_equal(json_integer_value(json_object_get(facts, "alerts")), 1);
    assert_string_equal(text_at(facts, "until"), "2026-11-25T09:46:40.000000Z");
    assert_true(json_is_true(json_object_get(facts, "end_to_end")));
    assert_int_equal(json_array_size(json_object_get(row, "risks")), risk_threats_count);
    const json_t *first = json_array_get(json_object_get(row, "risks"), 0);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(first, "suggested"), "likelihood")),
                     3);
    json_decref(row);

    /* what is answered moves what is suggested: no, no, no, and a "no" that is good */
    assert_true(write_as(d, &carl, id, whole("block", 4, 2)));
    row = get(d, &carl, id);
    first = json_object_get(json_array_get(json_object_get(row, "risks"), 0), "suggested");
    assert_int_equal(json_integer_value(json_object_get(first, "likelihood")), 4);
    assert_int_equal(json_integer_value(json_object_get(first, "residual_likelihood")), 2);
    json_decref(row);

    /* one at a time */
    json_t *body = json_pack("{ss}", "service", "whatsapp");
    int64_t other = 0;
    assert_false(DO(d, &carl, assessment_begin(&carl, w.catalog, body, &other, &d->err)));
    assert_int_equal(carl.problem, ACT_LATE);
    json_decref(body);
    body = json_pack("{ss}", "service", "no-such");
    assert_false(DO(d, &carl, assessment_begin(&carl, w.catalog, body, &other, &d->err)));
    assert_int_equal(carl.problem, ACT_WRONG);
    json_decref(body);
    body = json_pack("{ss ss}", "from", "2026-11-01", "until", "2026-11-10");
    good(d, DO(d, &carl, assessment_look_again(&carl, w.catalog, id, body, &d->err)));
    json_decref(body);
    row = get(d, &carl, id);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(row, "facts"), "alerts")), 0);
    json_decref(row);
    good(d, DO(d, &carl, assessment_drop(&carl, id, &d->err)));
    catalog_close(w.catalog);
}

static void test_engineers_write_the_technical_part(struct database *d)
{
    struct world w = make(d);
    struct act carl = act_by(d, &w.carl), eve = act_by(d, &w.eve);
    const int64_t id = begin(d, &w, &carl, "signal");

    assert_true(write_as(d, &eve, id,
                         json_pack("{s[{ss ss}]}", "answers", "question", "malware-scan", "answer", "no")));
    assert_false(write_as(d, &eve, id,
                          json_pack("{s[{ss ss}]}", "answers", "question", "benefit-need", "answer", "no")));
    assert_int_equal(eve.problem, ACT_FORBIDDEN);
    assert_false(write_as(d, &eve, id, json_pack("{ss}", "decision", "block")));
    assert_int_equal(eve.problem, ACT_FORBIDDEN);
    assert_false(write_as(d, &carl, id, json_pack("{ss}", "decision", "perhaps")));
    assert_false(write_as(d, &carl, id, json_pack("{ss}", "review", "2040-01-01")));
    assert_false(
        write_as(d, &carl, id, json_pack("{s[{ss si}]}", "risks", "threat", "malware", "likelihood", 6)));
    json_t *old = json_pack("{ss ss}", "sha256", "old", "scope", "x");
    assert_false(DO(d, &carl, assessment_write(&carl, id, old, &d->err)));
    assert_int_equal(carl.problem, ACT_LATE);
    json_decref(old);
    assert_false(DO(d, &eve, assessment_put_forward(&eve, id, &d->err)));
    assert_int_equal(eve.problem, ACT_FORBIDDEN);
    catalog_close(w.catalog);
}

static void test_another_signs_it_off(struct database *d)
{
    struct world w = make(d);
    struct act carl = act_by(d, &w.carl), cora = act_by(d, &w.cora), twin = act_by(d, &w.twin),
               mona = act_by(d, &w.mona);
    const int64_t id = begin(d, &w, &carl, "whatsapp");
    json_t *row;

    assert_false(DO(d, &carl, assessment_put_forward(&carl, id, &d->err)));
    assert_int_equal(carl.problem, ACT_WRONG);
    /* what stays high is not just allowed; lower with controls, but none is there */
    assert_true(write_as(d, &carl, id, whole("allow", 4, 3)));
    assert_false(DO(d, &carl, assessment_put_forward(&carl, id, &d->err)));
    json_t *bare = whole("block", 4, 2);
    json_object_set_new(bare, "controls", json_pack("[]"));
    assert_true(write_as(d, &carl, id, bare));
    assert_false(DO(d, &carl, assessment_put_forward(&carl, id, &d->err)));
    propose(d, &carl, id, "block", 2);
    assert_false(write_as(d, &carl, id, json_pack("{ss}", "scope", "x")));
    assert_int_equal(carl.problem, ACT_LATE);

    assert_false(sign_as(d, &carl, id, true, ""));
    assert_int_equal(carl.problem, ACT_FORBIDDEN);
    assert_false(sign_as(d, &twin, id, true, "")); /* the same person */
    assert_int_equal(twin.problem, ACT_FORBIDDEN);
    assert_false(sign_as(d, &mona, id, false, "no"));
    assert_int_equal(mona.problem, ACT_WRONG);
    assert_true(sign_as(d, &mona, id, false, "the vendor has a contract now"));
    row = get(d, &carl, id);
    assert_string_equal(text_at(row, "state"), "draft");
    json_decref(row);
    good(d, DO(d, &carl, assessment_put_forward(&carl, id, &d->err)));
    assert_false(DO(d, &cora, assessment_sign(&cora, id, true, "", "other", &d->err)));
    assert_int_equal(cora.problem, ACT_LATE);
    assert_true(sign_as(d, &cora, id, true, ""));
    assert_false(sign_as(d, &mona, id, true, ""));
    assert_int_equal(audit_count(d, "assessment.sign"), 1);
    assert_int_equal(audit_count(d, "assessment.send_back"), 1);

    /* what an exception is shown of it */
    good(d, exception_risk(&carl, w.catalog, "whatsapp", NULL, &row, &d->err));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(row, "assessment"), "residual")), 8);
    json_decref(row);

    /* its next version begins with what was written, and takes its place */
    const int64_t next = begin(d, &w, &cora, "whatsapp");
    row = get(d, &cora, next);
    assert_int_equal(json_integer_value(json_object_get(row, "number")), 2);
    assert_int_equal(json_array_size(json_object_get(row, "answers")), risk_questions_count);
    assert_true(json_is_null(json_object_get(row, "decision")));
    json_decref(row);
    assert_true(write_as(d, &cora, next, whole("conditions", 4, 2))); /* without any */
    assert_false(DO(d, &cora, assessment_put_forward(&cora, next, &d->err)));
    propose(d, &cora, next, "accept", 3);
    assert_true(sign_as(d, &mona, next, true, ""));
    row = get(d, &carl, id);
    assert_string_equal(text_at(row, "state"), "replaced");
    json_decref(row);
    catalog_close(w.catalog);
}

static void test_the_register(struct database *d)
{
    struct world w = make(d);
    struct act carl = act_by(d, &w.carl), cora = act_by(d, &w.cora);
    struct assessment_filter f = { .limit = 1 };
    const int64_t a = begin(d, &w, &carl, "whatsapp"), b = begin(d, &w, &carl, "signal");
    json_t *page;

    propose(d, &carl, a, "block", 2);
    assert_true(sign_as(d, &cora, a, true, ""));
    propose(d, &carl, b, "block", 4);
    assert_true(sign_as(d, &cora, b, true, ""));
    good(d, assessments_json(&carl, &f, &page, &d->err));
    const json_t *first = json_array_get(json_object_get(page, "assessments"), 0);
    assert_string_equal(text_at(first, "title"), "Signal"); /* 16 before 8 */
    assert_string_equal(text_at(json_object_get(first, "residual"), "level"), "critical");
    char cursor[40];
    snprintf(cursor, sizeof cursor, "%s", text_at(page, "cursor"));
    json_decref(page);
    f.cursor = cursor;
    good(d, assessments_json(&carl, &f, &page, &d->err));
    first = json_array_get(json_object_get(page, "assessments"), 0);
    assert_string_equal(text_at(first, "title"), "WhatsApp");
    assert_true(json_is_null(json_object_get(page, "cursor")));
    json_decref(page);
    struct assessment_filter medium = { .level = "medium" }, words = { .text = "whats", .due = true },
                             wrong = { .state = "x" };
    good(d, assessments_json(&carl, &medium, &page, &d->err));
    assert_int_equal(json_array_size(json_object_get(page, "assessments")), 1);
    json_decref(page);
    carl.now_us += (uint64_t)170 * DAY_US; /* its review is near */
    good(d, assessments_json(&carl, &words, &page, &d->err));
    assert_int_equal(json_array_size(json_object_get(page, "assessments")), 1);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(page, "counts"), "soon")), 2);
    json_decref(page);
    assert_false(assessments_json(&carl, &wrong, &page, &d->err));
    good(d, risk_summary_json(&carl, w.catalog, &page, &d->err));
    assert_int_equal(
        json_integer_value(json_array_get(json_array_get(json_object_get(page, "matrix"), 3), 3)), 1);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(page, "levels"), "critical")), 1);
    json_decref(page);
    good(d, risk_method_json(&page, &d->err));
    json_decref(page);
    catalog_close(w.catalog);
}

static void test_the_rule_in_a_policy(struct database *d)
{
    struct world w = make(d);
    struct act carl = act_by(d, &w.carl), cora = act_by(d, &w.cora);
    int64_t policy = 0;
    json_t *row, *text;

    good(d,
         DO(d, &carl,
            policy_text_new(&carl, w.catalog,
                            "version: 1\ndefault: alert\nrules:\n    - name: all\n      match: {class: im}\n"
                            "      action: allow\n",
                            0, &policy, &d->err)));
    good(d, DO(d, &carl, policy_text_publish(&carl, w.catalog, policy, &d->err)));
    const int64_t id = begin(d, &w, &carl, "whatsapp");
    propose(d, &carl, id, "block", 2);
    assert_false(DO(d, &carl, assessment_draft_rule(&carl, w.catalog, id, &d->err)));
    assert_int_equal(carl.problem, ACT_LATE);
    assert_true(sign_as(d, &cora, id, true, ""));
    good(d, DO(d, &carl, assessment_draft_rule(&carl, w.catalog, id, &d->err)));
    assert_false(DO(d, &carl, assessment_draft_rule(&carl, w.catalog, id, &d->err)));
    row = get(d, &carl, id);
    policy = json_integer_value(json_object_get(json_object_get(row, "drafted"), "policy"));
    assert_true(policy > 0);
    json_decref(row);
    good(d, policy_text_get(&carl, policy, &text, &d->err));
    assert_non_null(
        strstr(text_at(text, "text"),
               "rules:\n    # Risk decision: WhatsApp\n    - name: \"risk: WhatsApp, blocked\"\n      "
               "match: {\"service\":\"whatsapp\"}\n      action: block\n    # end of: Risk decision: "
               "WhatsApp\n    - name: all\n"));
    assert_int_equal(json_integer_value(json_object_get(text, "rules")), 2);
    json_decref(text);
    catalog_close(w.catalog);
}

static void test_the_rule_in_a_document(struct database *d)
{
    struct world w = make(d);
    struct act carl = act_by(d, &w.carl), cora = act_by(d, &w.cora);
    const struct document_wish wish = {
        .title = "Messaging", .due_days = -1, .remind_before = -1, .remind_every = -1, .escalate_after = -1
    };
    int64_t document = 0;
    json_t *row, *version;

    good(d,
         DO(d, &carl,
            document_new(&carl, w.catalog, &wish,
                         "# Messaging\n\n```imward\ndefault: alert\n```\n\n## Before\n\nText.\n\n## Who\n\n"
                         "```imward\n- name: all\n  match: {class: im}\n  action: allow\n```\n",
                         "2026-11", &document, &d->err)));
    for (unsigned round = 1; round <= 2;
         round++) { /* the next version's clause takes the place of the first's */
        const int64_t id = begin(d, &w, &carl, "whatsapp");
        json_t *all = whole("conditions", 4, 2);
        json_object_set_new(all, "conditions", json_pack("[ss]", "no-files", "acknowledged"));
        assert_true(write_as(d, &carl, id, all));
        good(d, DO(d, &carl, assessment_put_forward(&carl, id, &d->err)));
        assert_true(sign_as(d, &cora, id, true, ""));
        good(d, DO(d, &carl, assessment_draft_rule(&carl, w.catalog, id, &d->err)));
        row = get(d, &carl, id);
        const json_t *drafted = json_object_get(row, "drafted");
        assert_int_equal(json_integer_value(json_object_get(drafted, "document")), document);
        good(d, document_version_get(&carl, w.catalog, document,
                                     json_integer_value(json_object_get(drafted, "version")), &version,
                                     &d->err));
        const char *text = text_at(version, "text"), *at = strstr(text, "## Risk decision: WhatsApp\n");
        assert_non_null(at);
        assert_null(strstr(at + 1, "## Risk decision"));
        assert_true(at > strstr(text, "## Before") && at < strstr(text, "## Who"));
        assert_non_null(strstr(at, "\"acknowledged\":false"));
        assert_non_null(strstr(at, "\"activity\":\"file\""));
        assert_int_equal(json_integer_value(json_object_get(version, "rules")), 4);
        json_decref(version);
        json_decref(row);
    }
    catalog_close(w.catalog);
}

static bool is_active(const json_t *all, const char *key)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(all, "protections"), i,
                       one) if (strcmp(json_string_value(json_object_get(one, "key")), key) ==
                                0) return json_is_true(json_object_get(one, "active"));
    return false;
}

static void test_what_covers_which_threat(struct database *d)
{
    struct world w = make(d);
    struct act eve = act_by(d, &w.eve);
    json_t *body = json_pack("{ss ss ss ss}", "capability", "endpoint", "product", "Scanner", "covers",
                             "full", "owner", "IT"),
           *all;
    int64_t gaps = 0, fewer = 0, id = 0;

    good(d, protection_gaps(&eve, w.catalog, &gaps, &d->err));
    good(d, DO(d, &eve, protection_put(&eve, 0, body, &d->err)));
    good(d, protection_gaps(&eve, w.catalog, &fewer, &d->err));
    assert_int_equal(fewer, gaps - 1);
    good(d, db_query_int(d->db, "select id from protection", DB_NONE, &id, NULL, &d->err));
    good(d, protections_json(&eve, w.catalog, &all, &d->err));
    assert_int_equal(json_array_size(json_object_get(all, "protections")), risk_capabilities_count);
    json_decref(all);
    /* A policy is read, not searched for words. */
    const struct view text = VIEW("version: 1\ndefault: alert\n# keep: nothing\nrules:\n  - name: no files\n"
                                  "    match: {class: im, activity: [file]}\n    action: block\n");
    good(d, db_run(d->db, "update policy_text set state = 'replaced' where state = 'published'", DB_NONE,
                   NULL, &d->err));
    good(d,
         db_run(d->db,
                "insert into policy_text (state, text, created_us, changed_us) values ('published', ?, 1, 1)",
                DB_ARGS(db_view(text)), NULL, &d->err));
    good(d, protections_json(&eve, w.catalog, &all, &d->err));
    assert_true(is_active(all, "files"));
    assert_false(is_active(all, "archive"));
    json_decref(all);
    json_object_set_new(body, "covers", json_pack("s", "all"));
    assert_false(DO(d, &eve, protection_put(&eve, id, body, &d->err)));
    good(d, DO(d, &eve, protection_drop(&eve, id, &d->err)));
    assert_false(DO(d, &eve, protection_drop(&eve, id, &d->err)));
    assert_int_equal(eve.problem, ACT_MISSING);
    json_decref(body);
    catalog_close(w.catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_it_begins_with_what_was_seen), ON_BOTH(test_engineers_write_the_technical_part),
        ON_BOTH(test_another_signs_it_off),         ON_BOTH(test_the_register),
        ON_BOTH(test_the_rule_in_a_policy),         ON_BOTH(test_the_rule_in_a_document),
        ON_BOTH(test_what_covers_which_threat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
