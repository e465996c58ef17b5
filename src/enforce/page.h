/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person sees whose request was stopped: an HTTP answer with a page that says what was stopped, by
 * which rule, whom to ask and where to sign the policy.
 *
 * The page is ours, or a template of the institution's: HTML with {{service}}, {{rule}}, {{contact}},
 * {{sign}} (a URL) and {{reference}}. What stands from {{#sign}} to {{/sign}} is left out where there is
 * nothing to put in, and what stands from {{^sign}} to {{/sign}} where there is something. Values are escaped
 * for HTML text and for attributes in quotes; scripts and anything from elsewhere are forbidden to the
 * browser by the answer's header, whatever the template says.
 */
#pragma once
#include "enforce/forge.h"

/* NULL or empty: not known. */
struct page_facts {
    const char *service; /* its name, for people: "WhatsApp" */
    const char *rule;
    const char *contact; /* whom to ask */
    const char *sign;    /* where the policy is signed: http or https, else it counts as not known */
    uint64_t flow_id;    /* the reference to quote */
};

/*
 * The whole answer: status 403, header and page, never more than forge_answer() can send. `template`: empty
 * for ours, which is also taken where the template with these facts is too long. Returns its length.
 */
size_t page_make(struct view template, const struct page_facts *f, char out[FORGE_ANSWER_BYTES]);
