/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a policy document: Markdown whose clauses may carry the rules that enforce them.
 *
 * A clause is a heading's section ("## 4.2 Files", up to the next heading). A fenced block
 *
 *     ```imward
 *     - name: no files over public IM
 *       match: {class: im, activity: file}
 *       action: block
 *     ```
 *
 * that begins at the line's start holds rules of the policy (docs/policy.md) and belongs to its clause; one
 * block, the head, may hold what else a policy says (default, groups, time_zone, enforce …). The policy is
 * the head, the document's edition, and the rules in the order of the text, each with a comment that names
 * its clause.
 *
 * What readers see and what is enforced must not part, so whatever could show a reader another text than is
 * read here is refused: HTML (a comment hides a block), fences in lists and quotations, rules inside other
 * fences, characters that turn the direction of writing. The text is a user's: bounded, and read without
 * recursion.
 */
#pragma once
#include "base/error.h"
#include "base/json_value.h"

struct catalog;

enum { DOCUMENT_TEXT_BYTES = 128 << 10, CLAUSES = 1000, CLAUSE_BLOCKS = 500, CLAUSE_PROBLEMS = 200 };

struct clauses {
    bool ok;          /* no problem is an error */
    unsigned rules;   /* of the policy that they make; 0 with a policy: a head alone */
    bool has_rules;   /* there are blocks, right or wrong */
    json_t *list;     /* Clause[] of the API */
    json_t *problems; /* [{line, text, level}] */
    char *policy;     /* the policy's text; NULL: no blocks, or they are wrong */
};

/* `edition`: of the policy in force that employees sign; NULL or empty: none is named. `title` (may be NULL):
 * for the policy's first line. False only where we failed. */
bool clauses_read(struct view text, const char *title, const char *edition, const struct catalog *catalog,
                  uint64_t now_us, struct clauses *out, struct imw_error_info *err) IMW_MUST_USE;
void clauses_fini(struct clauses *c);

/* A rule (its YAML, "- name: …") in plain words: "Stopped: files, over instant messaging." */
void rule_words(struct view yaml, char *out, size_t size);
