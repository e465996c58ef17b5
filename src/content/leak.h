/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Search for data that should not leave: one pass of Vectorscan over a text finds words and patterns, one for
 * digits the numbers; then each candidate is checked (check digits, issuer ranges, what stands around it).
 *
 * A leak_rules is made once and shared by threads; each thread has a leak_search of its own. What is found is
 * masked at once: no finding holds more than the last four characters of what it stands for.
 */
#pragma once
#include "base/view.h"
#include "content/settings.h"

#define LEAK_KINDS(X)                                                                                        \
    X(CARD, 0, "card", "payment card number: issuer range, length and Luhn digit")                           \
    X(SSN, 1, "ssn", "US social security number, never issued ranges left out")                              \
    X(ABA, 2, "aba-routing", "US routing number: district and check digit, in its context")                  \
    X(IBAN, 3, "iban", "IBAN: country's length and mod 97")                                                  \
    X(BIC, 4, "bic", "SWIFT/BIC code in its context")                                                        \
    X(PATTERN, 5, "pattern", "a pattern of the institution's own")                                           \
    X(KEYWORD, 6, "keyword", "a word or phrase of a list")                                                   \
    X(EXACT, 7, "customer-data", "a value of the institution's customer data")
#define X(id, number, ...) LEAK_##id = number,
enum leak_kind { LEAK_KINDS(X) LEAK_KIND_COUNT };
#undef X
enum { LEAK_ALL = (1 << LEAK_KIND_COUNT) - 1, LEAK_MASKED_BYTES = 40, LEAK_NAME_BYTES = 64 };
const char *leak_kind_name(enum leak_kind k);

struct leak_finding {
    enum leak_kind kind;
    char name[LEAK_NAME_BYTES];     /* of the pattern, keyword list or issuer; may be empty */
    char masked[LEAK_MASKED_BYTES]; /* "************1111" */
    uint64_t offset;                /* where it begins in the text */
};

struct leak_rules;
struct leak_search;

/* Compile. err names the file and line, or the pattern, that is wrong. */
bool leak_rules_new(const struct leak_settings *settings, struct leak_rules **out,
                    struct imw_error_info *err) IMW_MUST_USE;
void leak_rules_free(struct leak_rules *r);

bool leak_search_new(const struct leak_rules *r, struct leak_search **out,
                     struct imw_error_info *err) IMW_MUST_USE;
void leak_search_free(struct leak_search *s);

/* All of one text. Returns how many findings there are, the first `max` of them in `out`. */
unsigned leak_find(struct leak_search *s, struct view text, struct leak_finding *out, unsigned max);

/* The same of a text that comes in pieces: what lies over a border is found, nothing twice, offsets count
 * from the first piece. */
void leak_begin(struct leak_search *s, struct leak_finding *out, unsigned max);
void leak_more(struct leak_search *s, struct view text);
unsigned leak_end(struct leak_search *s);
