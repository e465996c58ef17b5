/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The institution's rules: read once from YAML (docs/policy.md), compiled, then asked for every flow. A
 * policy does not change after it is loaded; any number of threads may ask it, without a lock and without the
 * heap.
 */
#pragma once
#include "base/address.h"
#include "content/settings.h"
#include "identify/catalog.h"
#include "threat/threat.h"
#include <stdio.h>

struct policy;

enum { POLICY_RULES = 16384 }; /* most rules of a policy */

#define POLICY_ACTIONS(X)                                                                                    \
    X(ALLOW, "allow")                                                                                        \
    X(ALERT, "alert")                                                                                        \
    X(BLOCK, "block")                                                                                        \
    X(SCAN, "scan")
enum policy_action {
#define X(id, name) POLICY_##id,
    POLICY_ACTIONS(X)
#undef X
};
const char *policy_action_name(enum policy_action a);

/* How a flow is stopped; a rule's `with`. */
#define POLICY_MEANS(X)                                                                                      \
    X(AUTO, "auto")   /* a page where it is HTTP, "no such name" to DNS, else a reset or refusal */          \
    X(DROP, "drop")   /* silently */                                                                         \
    X(RESET, "reset") /* TCP: both ends; others are refused */                                               \
    X(UNREACHABLE, "unreachable") /* ICMP, to who sent it */
enum policy_means {
#define X(id, name) POLICY_MEANS_##id,
    POLICY_MEANS(X)
#undef X
};
const char *policy_means_name(enum policy_means m);

/* What a rule may ask for, in the order in which it is told. */
#define POLICY_KEYS(X)                                                                                       \
    X(SERVICE, "service")                                                                                    \
    X(VENDOR, "vendor")                                                                                      \
    X(CLASS, "class")                                                                                        \
    X(PROTOCOL, "protocol")                                                                                  \
    X(ACTIVITY, "activity")                                                                                  \
    X(DELIVERY, "delivery")                                                                                  \
    X(PORT_AGILE, "port_agile")                                                                              \
    X(GROUP, "group")                                                                                        \
    X(USER, "user")                                                                                          \
    X(NETWORK, "network")                                                                                    \
    X(SERVER, "server")                                                                                      \
    X(HOURS, "hours")                                                                                        \
    X(ACKNOWLEDGED, "acknowledged") X(TRAINED, "trained") X(CLIENT_VERSION_BELOW, "client_version_below")
enum policy_key {
#define X(id, name) POLICY_KEY_##id,
    POLICY_KEYS(X)
#undef X
        POLICY_KEY_COUNT
};
const char *policy_key_name(enum policy_key k);

/*
 * Read a policy, with the files that it includes and its file of people. `catalog` says what services there
 * are and need not outlive the call, but the service numbers of facts are this catalog's. True: caller owns
 * *out. False: err names file, line and key; *out is untouched, so that a policy in force stays in force.
 */
bool policy_load(const char *path, const struct catalog *catalog, struct policy **out,
                 struct imw_error_info *err) IMW_MUST_USE;
/* The same from memory; `name` stands for the file. Other files are looked for beside it. */
bool policy_parse(const char *name, struct view text, const struct catalog *catalog, struct policy **out,
                  struct imw_error_info *err) IMW_MUST_USE;
/* The same, for text of somebody who may reach no files: `include` is refused, and other files that it names
 * are taken to be there, unread; `people` must be people.csv, and `exceptions` exceptions.yaml, which the
 * console makes. */
bool policy_parse_alone(struct view text, const struct catalog *catalog, struct policy **out,
                        struct imw_error_info *err) IMW_MUST_USE;
/* The same with what the console makes beside it: as the gateway will have it. */
struct policy_beside {
    struct view people, exceptions;
};
bool policy_parse_beside(struct view text, const struct policy_beside *beside, const struct catalog *catalog,
                         struct policy **out, struct imw_error_info *err) IMW_MUST_USE;
/* Does it name people.csv, exceptions.yaml? And its edition; empty: none. */
bool policy_takes_people(const struct policy *p);
bool policy_takes_exceptions(const struct policy *p);
struct view policy_edition(const struct policy *p);
void policy_free(struct policy *p); /* NULL is fine */

unsigned policy_rules(const struct policy *p);
const char *policy_rule_name(const struct policy *p, unsigned number); /* from 1; 0 is "default" */

/* Bits of enum policy_key that its rules ask for; *out_until: some rule has an end date. What it does not ask
 * for makes no difference to any verdict. */
uint32_t policy_asks(const struct policy *p, bool *out_until);
/* Does a rule keep messages or files in the vault? */
bool policy_keeps(const struct policy *p);
/* Two times with the same period are the same to every rule: hours, end dates, whether training is valid. */
uint64_t policy_period(const struct policy *p, uint64_t time_us);

/* Where a rule stands and what it says, for lists. Lives as long as the policy. */
struct policy_place {
    const char *name, *file; /* file NULL: "default" stands nowhere */
    unsigned line;
    enum policy_action action;
};
struct policy_place policy_rule_place(const struct policy *p, unsigned number);

/* What is done where no rule matches, with a service of this class; CLASS_COUNT: not known. */
enum policy_action policy_default(const struct policy *p, enum service_class class);

/* Is whatever a known service does blocked, whoever does it, whenever and wherever? Only where nothing before
 * the rule that says so could let any of it pass. *out_rule: its number; 0: the default. */
bool policy_blocks_everybody(const struct policy *p, uint16_t service, enum service_class class,
                             unsigned *out_rule);

/* What is known of a flow. A condition on what is not known does not hold. */
struct policy_facts {
    const struct ip_addr *client, *server; /* NULL: not known */
    uint16_t service;                      /* number in the catalog, 0: none */
    enum service_class class;              /* where there is no service; CLASS_COUNT: not known */
    enum protocol protocol;
    uint8_t activities; /* ACTIVITY_ bits */
    enum delivery delivery;
    bool port_agile;
    struct view server_name;    /* that the client asked for; empty: not known */
    struct view client_version; /* "ICQ 6.5"; empty: not known */
    struct view user;           /* empty: taken from the addresses in the file of people */
    uint64_t time_us;           /* since 1970; 0: not known, then no exception holds */
};

struct policy_verdict {
    enum policy_action action;
    unsigned number;  /* of the rule that decided, from 1; 0: none did */
    const char *rule; /* its name, "default" where none did; lives as long as the policy */
    bool expired;     /* an exception would have decided, but its end date is past */
    uint32_t keep_messages_s, keep_files_s; /* how long they are kept in the vault; 0: not */
    enum policy_means means;                /* how it is stopped, where the action is to block */
    uint32_t throttle;                      /* bytes a second that a flow may have each way; 0: any */
};

/*
 * The first rule whose conditions all hold. About a microsecond with ten thousand rules: rules are bits in
 * sets, one for each value of each key, and those of the flow's values are intersected.
 */
void policy_judge(const struct policy *p, const struct policy_facts *facts, struct policy_verdict *out);

/* Who a flow's person is: the one of the facts or, by the file of people, of its address. NULL: not known. */
const char *policy_person(const struct policy *p, const struct policy_facts *facts);

/* Somebody who is in a group: *user, or (then *user is empty) an address of its first network. False: nobody
 * is, or there is no such group. */
bool policy_member(const struct policy *p, struct view group, struct view *user, struct ip_addr *address);

/* Time as clocks on the wall show it, in seconds since 1970, and back to facts' time. */
int64_t policy_local(const struct policy *p, uint64_t time_us);
uint64_t policy_time(const struct policy *p, int64_t local_s);

/* Why one rule did not decide. */
struct policy_reason {
    unsigned number;
    const char *rule;
    uint32_t failed;  /* bits of enum policy_key: conditions that do not hold */
    uint32_t unknown; /* those of them whose fact is not known */
    bool expired;     /* its end date is past */
};

/* Tell of every rule before the one that decides, in order, then decide. */
typedef void policy_visit(void *context, const struct policy_reason *r);
void policy_explain(const struct policy *p, const struct policy_facts *facts, policy_visit *visit,
                    void *context, struct policy_verdict *out);

/* Names the policy exactly: its edition, where it has one, and the first 12 hexadecimal digits of the SHA-256
 * over the bytes of all its files, in order: itself, those it includes, its exceptions, its people:
 * "2026-11-5f2d…".
 * Lives as long as the policy. */
const char *policy_version(const struct policy *p);

/* The section `enforce`: what people who are stopped are told. */
struct policy_enforce {
    const char *contact; /* whom to ask; NULL: not given */
    const char *sign;    /* URL where the policy is signed; NULL: not given */
    /* HTML file with {{rule}}, {{service}}, {{contact}}, {{sign}}, {{reference}}, and no others; NULL: ours
     */
    const char *page;
    struct view page_text; /* what stands in it, a NUL behind; empty: none was given */
    bool block_unscanned;  /* scan.when_away is `block`: a file without a verdict is stopped */
};
const struct policy_enforce *policy_enforce(const struct policy *p);

/* What is done with content: scans, search for leaks, the vault; and how each detector is set, in the order
 * of threats_detector(). Both live as long as the policy. */
const struct content_settings *policy_content(const struct policy *p);
const struct detector_settings *policy_detectors(const struct policy *p);
/* Is it ours: in private space, or in a network that the policy says is? */
bool policy_is_inside(const struct policy *p, const struct ip_addr *addr);

/* For people: what the policy says of content, a line each; the first of the two leaves out what rules keep.
 */
void policy_print_settings(const struct policy *p, FILE *out);
void policy_print(const struct policy *p, FILE *out);

/* What is probably not meant so: unreachable rules, expired exceptions, unknown groups … Returns how many
 * were told. */
typedef void policy_warn(void *context, const char *file, unsigned line, const char *text);
unsigned policy_check(const struct policy *p, uint64_t now_us, policy_warn *warn, void *context);
