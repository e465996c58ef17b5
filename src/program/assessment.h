/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Risk assessments: what a service (or a class of services) is worth to the business and what it risks, for
 * the institution or one department; what was decided, who signed that off, and when it is looked at again.
 *
 *     draft -> proposed -> signed -> replaced (by its next version)
 *
 * Each threat of the guidance has a likelihood and an impact from 1 to 5, without and with the controls; the
 * product is its score, and the assessment's score is that of its worst threat. Likelihoods are suggested by
 * a rule that people can do by hand (docs/risk.md): from the answers to the questionnaire, and from what
 * happened in the time that was observed. What was observed is kept as it was.
 *
 * Engineers write the technical part (answers to technical questions, scores, controls); benefit, decision
 * and review are compliance's. Whoever signs off is none of those who wrote any of it, and names the SHA-256
 * of what they read. The decision drafts the rule: into the document whose clauses carry the policy, else
 * into a draft of the policy; what becomes of that is decided there, by others.
 *
 *     assessment.c           drafts: begin, write, throw away
 *     assessment_facts.c     what was observed, and what it suggests
 *     assessment_decide.c    proposal, sign-off
 *     assessment_rule.c      the rule of a decision
 *     assessment_show.c      what the API says of them
 *     protection.c           what covers which threat
 *
 * The scale's threats, questions and capabilities are tables of src/program/risk/.
 */
#pragma once
#include "program/act.h"

struct catalog;

/* Rows of the tables; lists are words with a space between. `happened`: facts that say that it did. */
struct risk_threat {
    const char *key, *title, *about, *guidance;
    int impact;
    const char *happened;
};
struct risk_question {
    const char *key, *threat, *good, *part, *fact, *text;
};
struct risk_capability {
    const char *key, *title, *about, *guidance, *threats, *imward, *limit, *covers, *probe;
};
extern const struct risk_threat risk_threats[];
extern const unsigned risk_threats_count;
extern const struct risk_question risk_questions[];
extern const unsigned risk_questions_count;
extern const struct risk_capability risk_capabilities[];
extern const unsigned risk_capabilities_count;

enum {
    RISK_DAYS = 90,
    RISK_REVIEW_DAYS = 731,
    RISK_SOON_DAYS = 30,
    RISK_TEXT_BYTES = 4000,
    RISK_NOTE_BYTES = 1000,
    RISK_CONTROLS = 100,
    RISK_LISTED = 200
};
const char *risk_level(int64_t score); /* "low" … */

/* ---- drafts; shapes as in web/src/api/types.ts ---- */
bool assessment_begin(struct act *a, const struct catalog *catalog, const json_t *body, int64_t *out_id,
                      struct imw_error_info *err) IMW_MUST_USE;
bool assessment_write(struct act *a, int64_t id, const json_t *body, struct imw_error_info *err) IMW_MUST_USE;
bool assessment_look_again(struct act *a, const struct catalog *catalog, int64_t id, const json_t *body,
                           struct imw_error_info *err) IMW_MUST_USE;
bool assessment_drop(struct act *a, int64_t id, struct imw_error_info *err) IMW_MUST_USE;

/* ---- deciding ---- */
bool assessment_put_forward(struct act *a, int64_t id, struct imw_error_info *err) IMW_MUST_USE;
bool assessment_take_back(struct act *a, int64_t id, struct imw_error_info *err) IMW_MUST_USE;
/* The caller has asked who it is (call_strong()). */
bool assessment_sign(struct act *a, int64_t id, bool sign, const char *why, const char *sha256,
                     struct imw_error_info *err) IMW_MUST_USE;
bool assessment_draft_rule(struct act *a, const struct catalog *catalog, int64_t id,
                           struct imw_error_info *err) IMW_MUST_USE;

/* ---- questions ---- */
struct assessment_filter {
    const char *state, *level, *decision, *service, *class, *text, *cursor; /* NULL: any */
    int64_t department, likelihood, impact;                                 /* 0: any */
    bool due;
    unsigned limit;
};
bool assessments_json(struct act *a, const struct assessment_filter *f, json_t **out,
                      struct imw_error_info *err) IMW_MUST_USE;
bool assessment_json(struct act *a, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool risk_method_json(json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool risk_summary_json(struct act *a, const struct catalog *catalog, json_t **out,
                       struct imw_error_info *err) IMW_MUST_USE;
/* {id, title, decision, inherent, residual} of the newest in force for a service (else its class), null where
 * there is none: `department` 0: the institution's. */
bool assessment_of(struct db *db, const char *service, const char *class, json_t **out,
                   struct imw_error_info *err) IMW_MUST_USE;

/* ---- what covers which threat ---- */
bool protections_json(struct act *a, const struct catalog *catalog, json_t **out,
                      struct imw_error_info *err) IMW_MUST_USE;
bool protection_gaps(struct act *a, const struct catalog *catalog, int64_t *out,
                     struct imw_error_info *err) IMW_MUST_USE;
/* `id` 0: another one. */
bool protection_put(struct act *a, int64_t id, const json_t *body, struct imw_error_info *err) IMW_MUST_USE;
bool protection_drop(struct act *a, int64_t id, struct imw_error_info *err) IMW_MUST_USE;

/* ---- between the files of this ---- */
struct assessment_row {
    int64_t id, number, department, author, proposed_by;
    char service[64], class[32], department_name[200], name[300], state[16], decision[16], conditions[128],
        sha256[65];
    int64_t likelihood, impact, review_us;
    uint64_t signed_us;
    bool drafted;
};
bool assessment_load(struct act *a, int64_t id, struct assessment_row *out,
                     struct imw_error_info *err) IMW_MUST_USE;
bool assessment_step(struct act *a, int64_t id, const char *word, const char *why,
                     struct imw_error_info *err) IMW_MUST_USE;
bool assessment_is_author(struct act *a, int64_t id, bool *out, struct imw_error_info *err) IMW_MUST_USE;
/* RiskFacts of a subject. */
bool assessment_observe(struct act *a, const struct catalog *catalog, const struct assessment_row *r,
                        uint64_t from_us, uint64_t until_us, json_t **out,
                        struct imw_error_info *err) IMW_MUST_USE;
/* Put `suggested` into each of risks. */
bool assessment_suggest(json_t *risks, const json_t *answers, const json_t *controls, const json_t *facts);
/* Flows of these services that were stopped since a day; `services`: a list of slugs. */
bool assessment_stopped(struct db *db, const json_t *services, int64_t department, uint64_t from_us,
                        int64_t *out, struct imw_error_info *err) IMW_MUST_USE;
/* Answers, risks and controls. */
bool assessment_answers(struct db *db, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool assessment_risks(struct db *db, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool assessment_controls(struct db *db, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool assessment_departments(struct db *db, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* What is missing before it can be proposed. */
bool assessment_lacking(struct act *a, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* {heading, text, yaml}; *out null: nothing was decided. */
bool assessment_rule(struct act *a, const struct assessment_row *r, json_t **out,
                     struct imw_error_info *err) IMW_MUST_USE;
bool risk_is_word(const char *word, const char *const *words);
