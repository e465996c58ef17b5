/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the workers judge by: a catalog, and a policy that was compiled against it. Both are loaded whole,
 * then never changed; a reload makes new rules beside those in force and the engine changes over
 * (engine_use()). So a broken file changes nothing, and no packet waits.
 *
 * The numbers of services stay the same from rules to rules that follow them, since flows, their records and
 * what is known hold them: catalog_follow(). A policy is compiled to these numbers: it is loaded anew with
 * every catalog, even if its own file is the same.
 */
#pragma once
#include "event/event.h"
#include "policy/policy.h"

struct rules {
    struct catalog *catalog;
    struct policy *policy; /* NULL: "alert" by "default" for all */
    uint64_t serial;       /* 1, and one more with each that follows */
    /* By number of a service: 1 and the number of the rule by which it is blocked for everybody; 0: it is
     * not. */
    uint16_t *everybody;
    struct rule_count **counts; /* by number of the rule; those of the same name are shared with `follow` */
    struct rules *older;        /* the engine's list of those that may still be referred to */
};

/*
 * Load a catalog (a compiled file or a folder of YAML files; NULL: the built-in one) and a policy (NULL:
 * none). `follow`: the rules in force, NULL at the start; they need not outlive the call. True: caller owns
 * *out, rules_free(), or gives it to an engine. False: nothing has changed, err says file, line and key.
 */
bool rules_load(const char *catalog_path, const char *policy_path, const struct rules *follow,
                struct rules **out, struct imw_error_info *err) IMW_MUST_USE;
void rules_free(struct rules *r); /* NULL is fine */

/* The same with all that rules may be made of; each may be NULL. `overrides`: what the institution says
 * against the catalog (identify/catalog_overrides.h). */
struct rules_files {
    const char *catalog, *overrides, *policy;
};
bool rules_load_files(const struct rules_files *files, const struct rules *follow, struct rules **out,
                      struct imw_error_info *err) IMW_MUST_USE;

/* What the policy says of a flow. The rule's name lives as long as the rules. */
struct verdict rules_judge(const struct rules *r, const struct flow_event *e);

/* The same of something that happens on a flow, with these activities (bits) only. */
struct judgement {
    struct verdict verdict;
    enum policy_action action;
    enum policy_means means;                /* how it is stopped */
    uint32_t throttle;                      /* bytes a second each way; 0: any */
    uint32_t keep_messages_s, keep_files_s; /* for how long the vault keeps them; 0: not at all */
};
struct judgement rules_judge_scene(const struct rules *r, const struct scene *s, uint8_t activities);

/* Is the service blocked for everybody, always, in all that it does? By which rule: its name. */
bool rules_blocks_everybody(const struct rules *r, uint16_t service, const char **out_rule);

/* ---- counters of rules, so that dead ones are found ---- */

/* What a rule was good for since the start. Rules that follow others go on counting under the same name. */
struct rule_hits {
    uint64_t hits;    /* flows of a service that it judged, at their ends */
    uint64_t stopped; /* times that something was stopped by it */
    uint64_t last_us; /* the last of either, since 1970; 0: never */
};

/* By any worker, at any time: a flow ended that rule `number` (of a verdict; 0: none decided) judged, or
 * something was stopped by it. No lock, no heap. */
void rules_note_flow(const struct rules *r, unsigned number, uint64_t time_us);
void rules_note_stopped(const struct rules *r, unsigned number, uint64_t time_us);

/* Rules are numbered 1 to this; 0 stands for "default". */
unsigned rules_count(const struct rules *r);
void rules_hits(const struct rules *r, unsigned number, struct rule_hits *out);
