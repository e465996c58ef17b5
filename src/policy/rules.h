/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy in memory; private to load.c, content.c and people.c (fill it; values.c reads values), compile.c
 * (makes sets of it), match.c (asks it), check.c (looks for mistakes) and print.c.
 *
 * The conditions of a rule are of two kinds. Most say "one of these values" of an axis, such as the activity:
 * they are terms, (axis, value), and every value of an axis has the set of the rules that accept it. The
 * others compare (hours, client version, end date) and are asked of the few rules that are left.
 *
 * Service, vendor and class share the axis WHAT, whose values are the catalog's services, so that one look-up
 * does for all three and a rule on a class is seen to cover one on a service. Behind the services stand those
 * that the catalog does not know, one for each class, and one of no known class.
 */
#pragma once
#include "base/yaml.h"
#include "policy/names.h"
#include "policy/policy.h"
#include "policy/zone.h"

enum axis_id {
    GROUP, /* a flow may have several values on the first of these */
    USER,
    NETWORK,
    SERVER,
    SEVERAL, /* as many axes */
    WHAT = SEVERAL,
    PROTOCOL,
    ACTIVITY,
    DELIVERY,
    PORT_AGILE,
    ACKNOWLEDGED,
    TRAINED,
    AXES,
    COMPARED = AXES /* keys of no axis */
};

enum {
    POLICY_FILES = 17,            /* the policy and what it includes */
    ALL_FILES = POLICY_FILES + 1, /* and its exceptions */
    WEEK_MINUTES = 7 * 24 * 60,
    ACTIVITY_SETS = 1 << ACTIVITY_COUNT,
    VERSION_PARTS = 4,
    EDITION_BYTES = 63, /* longest */
    STRIDE_WORDS = 8,   /* of sets that are intersected in one go */
    RULE_WORDS = POLICY_RULES / 64 + STRIDE_WORDS,
};

struct version {
    uint32_t part[VERSION_PARTS];
};

struct rule {
    const char *name; /* set when all are read */
    uint32_t line;    /* where it stands */
    uint16_t file;    /* in policy.files */
    uint16_t keys;    /* bits of enum policy_key that it asks for */
    uint8_t action, means;
    bool exception; /* until the end of last_day, in local time, or, where it is timed, until end_s */
    bool timed;
    int64_t last_day, end_s; /* end_s: UTC, the first second at which it does not match */
    uint32_t first_term, term_count;
    uint32_t first_span, span_count;
    struct version version_below;
    uint32_t keep_messages_s, keep_files_s; /* in the vault; 0: not */
    uint32_t throttle;                      /* bytes a second; 0: any */
};
_Static_assert(POLICY_KEY_COUNT <= 16, "the keys fit in 16 bits");

/* Hours: minutes of the week, from Monday on; `to` may reach into the week after. */
struct span {
    uint16_t from, to;
};

/* axis << 24 | value */
static inline uint32_t term_of(enum axis_id axis, uint32_t value)
{
    return (uint32_t)axis << 24 | value;
}
static inline enum axis_id term_axis(uint32_t term)
{
    return (enum axis_id)(term >> 24);
}
static inline uint32_t term_value(uint32_t term)
{
    return term & 0xffffff;
}

/* The rules that accept a value: a list of those that name it and, on axes of one value and where the list is
 * long, the bits of these and of all that do not ask. */
struct rule_set {
    uint32_t first, count; /* in policy.lists */
    const uint64_t *bits;  /* NULL: only the list */
};

struct axis {
    uint64_t *any; /* rules that do not ask */
    struct rule_set *values;
    uint32_t value_count;
    bool asked; /* by at least one rule */
};

/* A network and what lies in it. */
struct member {
    struct ip_addr network;
    uint8_t bits;
    uint8_t axis; /* GROUP, USER, NETWORK or SERVER */
    uint32_t value;
};

/* A network with all its members, and the next wider one that holds it. */
struct place {
    struct ip_addr network;
    uint32_t bits, parent; /* NAME_NONE: none */
    uint32_t first, count; /* in places.members */
};

/* What a flow asks of a place, in one look. */
struct place_slot {
    struct ip_addr network;
    uint32_t place;  /* number + 1; 0: a free slot */
    uint32_t user;   /* the one of the place or, where it has none, of the one around it; NAME_NONE: none, or
                        several */
    uint32_t around; /* itself or the next one around it that has other members than users; NAME_NONE: none */
};

/* The places of one length: a hash table with open addressing. */
struct place_table {
    struct place_slot *slots; /* of places.slots */
    uint32_t bits, mask;
};

struct places {
    struct member *members; /* sorted by network, the wider first */
    struct place *places;   /* in the same order */
    uint32_t member_count, member_room, place_count;
    struct place_slot *slots;
    struct place_table tables[129]; /* the longest networks first */
    unsigned table_count;
};

enum { NEAR_GROUPS = 4 };
struct person {
    bool listed;                       /* in the file of people: what follows is known */
    bool acknowledged;                 /* the edition in force */
    bool asked;                        /* a rule names him or her */
    int32_t trained_until;             /* day; -1: never trained */
    uint32_t first_group, group_count; /* in policy.memberships */
    uint32_t near_groups[NEAR_GROUPS]; /* the first of them */
};

struct membership {
    uint32_t user, group;
};

struct group {
    uint32_t line; /* 0: declared nowhere */
    uint16_t file;
    bool filled; /* somebody or some network is in it */
};

struct network {
    struct ip_addr ip;
    unsigned bits;
};

/* What is done with content, and what people are told. Strings and lists are in `blocks`. */
struct policy_content {
    struct content_settings settings;
    struct policy_enforce enforce;
    struct detector_settings *detectors; /* as many as there are detectors */
    struct network *inside;
    unsigned inside_count;
    const uint32_t *clamd_lines;    /* where each of scan.clamd stands */
    uint32_t scan_line, vault_line; /* 0: no such section */
    struct content_block *blocks;
};

struct policy {
    char version[EDITION_BYTES + 14];  /* policy_version() */
    uint8_t fallback[CLASS_COUNT + 1]; /* by class; the last: where it is not known */
    uint8_t *classes;                  /* by value of the axis WHAT */
    struct zone *zone;                 /* NULL: UTC */
    struct policy_content *content;
    struct policy_tenants *tenants; /* NULL: no such section */
    bool has_people, has_edition;
    bool has_exceptions; /* a file of them: its rules stand before all others */
    bool alone, apart;   /* it may reach no files; its people are not known here */
    char edition[EDITION_BYTES + 1];

    struct names file_names;
    struct names rule_names, groups, users, networks,
        servers;        /* numbers: of rules and of values on their axes */
    struct rule *rules; /* as many as rule_names */
    uint32_t rule_room;
    struct group *group; /* as many as groups */
    uint32_t group_room;
    struct person *persons; /* as many as users */
    uint32_t person_room;
    struct membership *memberships;
    uint32_t membership_count, membership_room;
    struct span *spans;
    uint32_t span_count, span_room;
    uint32_t *terms;
    uint32_t term_count, term_room;
    uint32_t what_count; /* services of the catalog, plus one for each class, plus one */
    struct places clients, remotes;

    /* compiled */
    uint32_t words;                            /* of a set of rules, a multiple of STRIDE_WORDS */
    uint64_t *all;                             /* every rule */
    uint64_t *compared;                        /* those with hours, client version or end date */
    uint64_t *quiet;                           /* those that ask on none of the axes of several values */
    uint64_t quiet_words[RULE_WORDS / 64 + 1]; /* bits of the words of `quiet` with a rule */
    uint64_t *bits;                            /* memory of the sets */
    uint32_t *lists;
    struct axis axes[AXES];
};

/* Room for one more element of `size` bytes in an array that doubles. False without memory. */
bool policy_room(void *array, uint32_t count, uint32_t *room, size_t size) IMW_MUST_USE;
bool policy_add_user(struct policy *p, struct view name, uint32_t *out) IMW_MUST_USE;
bool policy_add_group(struct policy *p, struct view name, uint32_t *out) IMW_MUST_USE;
bool policy_add_membership(struct policy *p, uint32_t user, uint32_t group) IMW_MUST_USE;
bool policy_add_member(struct places *places, const struct ip_addr *network, unsigned bits, enum axis_id axis,
                       uint32_t value) IMW_MUST_USE;

/* Fill persons, their groups and addresses from a CSV file; `edition` is the one in force, empty: not known.
 */
bool people_parse(const char *path, struct view text, struct view edition, struct policy *p,
                  struct imw_error_info *err) IMW_MUST_USE;

/* Read the sections on content, and `enforce`, of the policy itself; `file` is its path. */
#define CONTENT_KEYS "inside", "scan", "leaks", "vault", "detect", "enforce"
bool content_read(const struct yaml_node *root, const char *file, struct policy *p,
                  struct imw_error_info *err) IMW_MUST_USE;
/* A rule's `keep`. */
bool content_read_keep(const struct yaml_node *n, const struct policy_content *c, struct rule *r,
                       struct imw_error_info *err) IMW_MUST_USE;
void content_free(struct policy_content *c);

/* Values; errors name their place. `words` end with NULL; *out is the place of the one found. */
bool value_unknown(const struct yaml_node *n, const char *what, struct view v, const char *const *words,
                   struct imw_error_info *err);
bool value_word(const struct yaml_node *n, const char *what, const char *const *words, uint32_t *out,
                struct imw_error_info *err) IMW_MUST_USE;
bool value_network(const struct yaml_node *n, struct ip_addr *out, unsigned *out_bits,
                   struct imw_error_info *err) IMW_MUST_USE;
/* A file named in the policy lies beside it, unless its path is absolute. */
bool value_path(const struct yaml_node *n, const char *policy_file, char *out, size_t size,
                struct imw_error_info *err) IMW_MUST_USE;
/* "30s", "90d"; "64MiB". */
bool value_duration(const struct yaml_node *n, uint64_t min_ms, uint64_t max_ms, uint64_t *out_ms,
                    struct imw_error_info *err) IMW_MUST_USE;
bool value_size(const struct yaml_node *n, uint64_t min, uint64_t max, uint64_t *out,
                struct imw_error_info *err) IMW_MUST_USE;
/* The same as text, in the largest unit that is exact. */
void text_duration(struct text *t, uint64_t ms);
void text_bytes(struct text *t, uint64_t bytes);

/* Is its exception over? */
static inline bool exception_is_over(const struct rule *r, int64_t now_s, int64_t local_day)
{
    return r->exception && (r->timed ? now_s >= r->end_s : local_day > r->last_day);
}

/* Make the sets. False without memory. */
bool policy_compile(struct policy *p) IMW_MUST_USE;

/* The axis of a key; COMPARED: it has none. */
enum axis_id policy_key_axis(enum policy_key k);

/* The numbers of a version: "6.5.1" whole; or the first number with a point in any text, or else its first
 * number. */
bool version_parse(struct view v, struct version *out);
bool version_find(struct view text, struct version *out);
bool version_is_below(const struct version *a, const struct version *b);

/* The narrowest place that holds an address, or NULL. */
void places_fetch(const struct places *p, const struct ip_addr *ip); /* memory that the look-up needs */
const struct place_slot *places_look(const struct places *p, const struct ip_addr *ip);
const struct place *places_find(const struct places *p, const struct ip_addr *ip);

static inline bool bit_is_set(const uint64_t *bits, uint32_t n)
{
    return (bits[n / 64] >> (n % 64) & 1) != 0;
}
