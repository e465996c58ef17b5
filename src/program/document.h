/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy documents: Markdown in versions, whose clauses carry the rules that enforce them (clause.h).
 *
 *     draft -> proposed -> approved -> published -> replaced
 *
 * A draft is anybody's who may write; it is proposed, then agreed to by as many people as the setting
 * documents.approvals says, none of whom changed its text: two accounts of one person are one (act.h). Each
 * decision names the SHA-256 of the text that was read. A refusal, with its reason, makes it a draft again,
 * and so does its author's withdrawal; agreements are void then. What is approved is published, at once or
 * on a day, by the clerk. In that transaction the policy that its rules make is published (policy_text.h),
 * the version before is replaced, and whoever is to sign it owes that from then on (duty.h).
 *
 * One version of a document is being written at a time, one is in force at a time, and one document at a
 * time carries rules.
 *
 *     document.c          documents and drafts
 *     document_show.c     what the API says of them
 *     document_decide.c   from proposal to publication
 */
#pragma once
#include "program/act.h"
#include "program/clause.h"

enum {
    DOCUMENT_TITLE_BYTES = 200,
    DOCUMENT_EDITION_BYTES = 40,
    DOCUMENT_SUMMARY_BYTES = 2000,
    DOCUMENT_WHY_BYTES = 2000,
    DOCUMENT_DAYS = 365,
    DOCUMENT_DEPARTMENTS = 500
};

/* Members of a request; NULL, or -1: left out. */
struct document_wish {
    const char *title, *audience;
    const json_t *departments;
    int64_t due_days, remind_before, remind_every, escalate_after;
};
struct version_wish {
    const char *base;                     /* SHA-256 of the text that was changed */
    const char *text, *edition, *summary; /* NULL: as before */
    int sign;                             /* -1: as before */
};

/* A version as the logic needs it. */
struct version {
    int64_t id, document;
    char state[16], edition[DOCUMENT_EDITION_BYTES + 1], sha256[65];
    bool sign, has_rules;
    int64_t author, publish_by, policy;
    uint64_t publish_us;
    char *text, *title; /* of the document; version_fini() */
};
bool version_load(struct act *a, int64_t document, int64_t id, struct version *out,
                  struct imw_error_info *err) IMW_MUST_USE;
void version_fini(struct version *v);
/* SHA-256 in hex. */
void text_sha256(struct view text, char out[65]);

/* ---- documents and drafts ---- */
bool document_new(struct act *a, const struct catalog *catalog, const struct document_wish *w,
                  const char *text, const char *edition, int64_t *out_id,
                  struct imw_error_info *err) IMW_MUST_USE;
bool document_change(struct act *a, int64_t id, const struct document_wish *w,
                     struct imw_error_info *err) IMW_MUST_USE;
/* Of version `from`; 0: of the newest. */
bool document_version_new(struct act *a, const struct catalog *catalog, int64_t document, int64_t from,
                          const char *edition, int64_t *out_id, struct imw_error_info *err) IMW_MUST_USE;
bool document_version_change(struct act *a, const struct catalog *catalog, int64_t document, int64_t id,
                             const struct version_wish *w, struct imw_error_info *err) IMW_MUST_USE;
bool document_draft_remove(struct act *a, int64_t document, int64_t id,
                           struct imw_error_info *err) IMW_MUST_USE;

/* ---- deciding; strong where docs/openapi.yaml says so: the caller has asked who it is ---- */
bool document_propose(struct act *a, const struct catalog *catalog, int64_t document, int64_t id,
                      struct imw_error_info *err) IMW_MUST_USE;
bool document_withdraw(struct act *a, int64_t document, int64_t id, struct imw_error_info *err) IMW_MUST_USE;
bool document_decide(struct act *a, int64_t document, int64_t id, bool approve, const char *why,
                     const char *sha256, struct imw_error_info *err) IMW_MUST_USE;
/* `on_us` 0, or not in the future: now. */
bool document_publish(struct act *a, const struct catalog *catalog, int64_t document, int64_t id,
                      uint64_t on_us, struct imw_error_info *err) IMW_MUST_USE;
bool document_unpublish(struct act *a, int64_t document, int64_t id, struct imw_error_info *err) IMW_MUST_USE;
/* The clerk: publish what is due, each in a transaction of its own. What cannot be says why (problem), and is
 * due no more. */
bool document_publish_due(struct db *db, const struct catalog *catalog, uint64_t now_us,
                          unsigned *out_published, struct imw_error_info *err) IMW_MUST_USE;
/* The version of this document that people sign: the newest published one that asks for it. 0: none. */
bool document_to_sign(struct db *db, int64_t document, int64_t *out_version,
                      struct imw_error_info *err) IMW_MUST_USE;

/* ---- shapes of the API ---- */
bool document_list(struct act *a, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool document_get(struct act *a, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool document_version_get(struct act *a, const struct catalog *catalog, int64_t document, int64_t id,
                          json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* `from` 0: the version in force, where there is one. */
bool document_diff(struct act *a, int64_t document, int64_t id, int64_t from, json_t **out,
                   struct imw_error_info *err) IMW_MUST_USE;
/* Diff of two texts. NULL: out of memory. */
json_t *diff_json(int64_t from, struct view before, int64_t to, struct view after);
bool document_check_json(struct act *a, const struct catalog *catalog, const char *text, const char *edition,
                         json_t **out, struct imw_error_info *err) IMW_MUST_USE;

/* ---- templates of ours: src/program/documents/ ---- */
struct document_template {
    const char *name, *title, *about, *text;
};
extern const struct document_template document_templates[];          /* ends with a name of NULL */
const struct document_template *document_template(const char *name); /* NULL: there is none */
/* Its text with what the settings know: the institution's name, and the console's address (mail.console), to
 * which the block page leads. What they do not know stays as it is. The caller frees it. */
bool document_template_fill(struct db *db, const struct document_template *t, char **out,
                            struct imw_error_info *err) IMW_MUST_USE;
