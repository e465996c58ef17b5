/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules become rows: one for each service that a rule holds for, with the roles of names and addresses that
 * its activities stand for and the clients that it is about. What a flow does beyond that is not known to
 * those who read a list, so a rule on files is about the names that serve nothing else.
 *
 * A plan answers several targets, each with what it can ask for. Its answers lie in room that is made at the
 * start, as large as they can be, so that no answer fails.
 */
#include "policy/export/plan.h"
#include "policy/export/plan_clients.h"
#include "policy/rules.h"
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#define KEY_BIT(k) ((uint32_t)1 << (k))
#define ALWAYS (PLAN_BIT(SERVICE) | PLAN_BIT(VENDOR) | PLAN_BIT(CLASS) | PLAN_BIT(ACTIVITY))
#define ALL_ACTIVITIES ((uint8_t)((1u << ACTIVITY_COUNT) - 1))

struct export_plan {
    const struct policy *policy;
    const struct catalog *catalog;
    int64_t now_s, today; /* UTC; local */
    struct plan_row *rows;
    uint32_t row_count, row_room;
    struct plan_network *networks;
    uint32_t network_count, network_room;
    uint32_t *service_rows, *first_row; /* numbers of rows, by service; where those of a service begin */
    struct plan_entry *names;           /* sorted by `rest`, START before others */
    uint32_t name_count, name_room;

    /* answers */
    struct plan_row *blocked;
    uint32_t *decided;               /* by service: bits of roles */
    const struct plan_row **blocker; /* by service and role */
    struct plan_name *listed;
    uint32_t *shown; /* by name: where in `listed`, PLAN_NONE: not */
    const struct plan_row **steps;
    uint32_t *later; /* by service: roles that later rules block */
    bool *strict;    /* by rule: a later one blocks what it allows */
};

const struct policy *plan_policy(const struct export_plan *p)
{
    return p->policy;
}
const struct catalog *plan_catalog(const struct export_plan *p)
{
    return p->catalog;
}
const struct plan_row *plan_rows(const struct export_plan *p, unsigned *out_count)
{
    *out_count = p->row_count;
    return p->rows;
}

/* --- rows --- */

/* Who is nobody is nobody's flow. */
bool plan_row_fits(const struct plan_row *r, uint32_t can)
{
    bool nobody = (r->asked & PLAN_CLIENTS) != 0 && r->client_count == 0 && (can & PLAN_LOGINS) == 0;

    return (r->asked & ~(can | ALWAYS)) == 0 && !nobody;
}

uint32_t plan_row_roles(const struct plan_row *r, uint32_t can)
{
    bool lookups = (can & PLAN_LOOKUPS) != 0 && (r->activities >> ACTIVITY_LOOKUP & 1) != 0;

    return lookups ? PLAN_ALL_ROLES : r->roles;
}

bool plan_row_for_all(const struct plan_row *r)
{
    return (r->asked & PLAN_CLIENTS) == 0;
}

static bool holds_always(const struct plan_row *r)
{
    return plan_row_for_all(r) && (r->asked & PLAN_BIT(HOURS)) == 0;
}

bool plan_row_has_protocol(const struct export_plan *p, const struct plan_row *r, enum protocol protocol)
{
    if ((r->asked & PLAN_BIT(PROTOCOL)) == 0)
        return true;
    const struct rule *rule = &p->policy->rules[r->rule - 1];
    for (uint32_t i = 0; i < rule->term_count; i++)
        if (p->policy->terms[rule->first_term + i] == term_of(PROTOCOL, (uint32_t)protocol))
            return true;
    return false;
}

static uint8_t rule_activities(const struct policy *p, const struct rule *r)
{
    uint8_t listed = 0;

    if ((r->keys & PLAN_BIT(ACTIVITY)) == 0)
        return ALL_ACTIVITIES;
    for (unsigned a = 0; a < ACTIVITY_COUNT; a++) /* the set of it alone is accepted */
        for (uint32_t i = 0; i < r->term_count; i++)
            if (p->terms[r->first_term + i] == term_of(ACTIVITY, 1u << a))
                listed |= (uint8_t)(1u << a);
    return listed;
}

/* Roles whose names and addresses tell the activity; of what is known no closer, no activity is known. */
static uint32_t roles_of(const struct rule *r, uint8_t activities)
{
    static const struct {
        enum activity activity;
        enum server_role role;
    } told[] = { { ACTIVITY_LOGIN, ROLE_LOGIN },
                 { ACTIVITY_CHAT, ROLE_CHAT },
                 { ACTIVITY_FILE, ROLE_MEDIA },
                 { ACTIVITY_CALL, ROLE_CALL } };
    uint32_t roles = 0;

    if ((r->keys & PLAN_BIT(ACTIVITY)) == 0)
        return PLAN_ALL_ROLES;
    for (unsigned i = 0; i < sizeof told / sizeof told[0]; i++)
        if ((activities >> told[i].activity & 1) != 0)
            roles |= (uint32_t)1 << told[i].role;
    return roles;
}

static bool add_row(struct export_plan *p, const struct plan_row *row)
{
    if (!policy_room(&p->rows, p->row_count, &p->row_room, sizeof *p->rows))
        return false;
    p->rows[p->row_count++] = *row;
    return true;
}

/* The rule's clients, behind those of all rules before. */
static bool add_clients(struct export_plan *p, const struct rule *r)
{
    struct ip_spans spans = { .at = NULL };
    struct plan_network networks[SPAN_NETWORKS];
    bool ok = plan_clients(p->policy, r, &spans);

    for (uint32_t i = 0; ok && i < spans.count; i++) {
        unsigned count = ip_span_networks(spans.at[i], networks);
        for (unsigned n = 0; ok && n < count; n++) {
            ok = policy_room(&p->networks, p->network_count, &p->network_room, sizeof *p->networks);
            if (ok)
                p->networks[p->network_count++] = networks[n];
        }
    }
    free(spans.at);
    return ok;
}

static bool has_service(const struct policy *p, const struct rule *r, uint16_t service)
{
    uint32_t what = PLAN_BIT(SERVICE) | PLAN_BIT(VENDOR) | PLAN_BIT(CLASS);

    if ((r->keys & what) == 0)
        return true;
    for (uint32_t i = 0; i < r->term_count; i++)
        if (p->terms[r->first_term + i] == term_of(WHAT, service - 1u))
            return true;
    return false;
}

static bool is_over(const struct export_plan *p, const struct rule *r)
{
    return exception_is_over(r, p->now_s, p->today);
}

static bool add_rule(struct export_plan *p, unsigned number)
{
    const struct rule *r = &p->policy->rules[number - 1];
    uint8_t activities = rule_activities(p->policy, r);
    uint32_t first = p->network_count;

    if (is_over(p, r))
        return true;
    if ((r->keys & PLAN_CLIENTS) != 0 && !add_clients(p, r))
        return false;
    struct plan_row row = {
        .rule = number,
        .rule_name = policy_rule_name(p->policy, number),
        .action = (enum policy_action)r->action,
        .means = (enum policy_means)r->means,
        .roles = roles_of(r, activities),
        .activities = activities,
        .asked = r->keys,
        .client_count = p->network_count - first,
    };
    for (unsigned s = 1; s <= catalog_count(p->catalog); s++) {
        row.service = (uint16_t)s;
        if (!catalog_service(p->catalog, row.service)->removed && has_service(p->policy, r, row.service) &&
            !add_row(p, &row))
            return false;
    }
    return true;
}

static bool add_default(struct export_plan *p)
{
    for (unsigned s = 1; s <= catalog_count(p->catalog); s++) {
        const struct catalog_service *service = catalog_service(p->catalog, (uint16_t)s);
        struct plan_row row = {
            .rule_name = policy_rule_name(p->policy, 0),
            .action = policy_default(p->policy, service->class),
            .service = (uint16_t)s,
            .roles = PLAN_ALL_ROLES,
            .activities = ALL_ACTIVITIES,
        };
        if (!service->removed && !add_row(p, &row))
            return false;
    }
    return true;
}

/* Networks move while they grow: rows point at them when all are there. */
static void point_clients(struct export_plan *p)
{
    const struct plan_network *next = p->networks;

    for (uint32_t i = 0; i < p->row_count; i++) {
        struct plan_row *r = &p->rows[i];
        if (i > 0 && r->rule != p->rows[i - 1].rule)
            next += p->rows[i - 1].client_count;
        r->clients = next;
    }
}

/* The rows of each service, in order. */
static bool index_rows(struct export_plan *p)
{
    size_t services = (size_t)catalog_count(p->catalog) + 2;

    p->first_row = calloc(services, sizeof *p->first_row);
    p->service_rows = calloc((size_t)p->row_count + 1, sizeof *p->service_rows);
    if (p->first_row == NULL || p->service_rows == NULL)
        return false;
    for (uint32_t i = 0; i < p->row_count; i++)
        p->first_row[p->rows[i].service]++;
    for (size_t s = 1; s < services; s++) /* where each ends, then, filled from the back, where it begins */
        p->first_row[s] += p->first_row[s - 1];
    for (uint32_t i = p->row_count; i-- > 0;)
        p->service_rows[--p->first_row[p->rows[i].service]] = i;
    return true;
}

/* --- names of the catalog --- */

const struct plan_entry *plan_entries(const struct export_plan *p, unsigned *out_count)
{
    *out_count = p->name_count;
    return p->names;
}

struct reading {
    struct export_plan *plan;
    uint16_t service;
    bool failed;
};

/* Does the entry stand for names below it? The catalog tells by an answer. */
static bool stands_below(const struct catalog *c, struct view entry)
{
    char name[300];
    struct text t = TEXT(name);
    struct catalog_hit hit;

    text_string(&t, "below.");
    text_add(&t, entry);
    return catalog_match_name(c, view_of(name, t.len), &hit) && view_equal(hit.entry, entry);
}

/* A name that one service disowns may be another's: the catalog finds the latter. */
static bool is_claimed(const struct catalog *c, struct view entry)
{
    struct catalog_hit hit;

    return catalog_match_name(c, entry, &hit) && view_equal(hit.entry, entry);
}

static void read_entry(void *context, const char *kind, enum server_role role, enum strength strength,
                       struct view entry, struct view source)
{
    struct reading *r = context;
    struct export_plan *p = r->plan;
    bool excluded = strcmp(kind, "not") == 0;
    size_t star = view_find_byte(entry, '*', 0);

    (void)source;
    if (excluded ? is_claimed(p->catalog, entry) : strcmp(kind, "domain") != 0)
        return;
    if (!policy_room(&p->names, p->name_count, &p->name_room, sizeof *p->names)) {
        r->failed = true;
        return;
    }
    bool starts = star < entry.len;
    p->names[p->name_count++] = (struct plan_entry){
        .text = entry,
        .rest = starts ? view_from(entry, star + 2) : entry,
        .start = view_slice(entry, 0, starts ? star : 0),
        .form = starts                                        ? PLAN_NAME_START
                : excluded || stands_below(p->catalog, entry) ? PLAN_NAME_BELOW
                                                              : PLAN_NAME_EXACT,
        .role = role,
        .shared = strength == STRENGTH_SHARED,
        .service = excluded ? 0 : r->service,
        .above = PLAN_NONE,
    };
}

static int compare(struct view a, struct view b)
{
    int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_key(const void *a, const void *b)
{
    const struct plan_entry *x = a, *y = b;
    int order = compare(x->rest, y->rest);

    if (order == 0)
        order = (y->form == PLAN_NAME_START) - (x->form == PLAN_NAME_START);
    return order != 0 ? order : compare(x->text, y->text);
}

/* The first of the names with this key, or name_count. */
static uint32_t find_key(const struct export_plan *p, struct view key)
{
    uint32_t low = 0, high = p->name_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare(p->names[middle].rest, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Does `above`, whose key is the end of the name, stand for it? */
static bool stands_for(const struct plan_entry *above, struct view name)
{
    if (above->form == PLAN_NAME_START)
        return name.len > above->start.len + above->rest.len && view_starts(name, above->start);
    return above->form == PLAN_NAME_BELOW;
}

static uint32_t find_above(const struct export_plan *p, const struct plan_entry *n)
{
    struct view rest = n->rest;

    if (n->form != PLAN_NAME_START)
        (void)view_token(&rest, '.');
    for (; rest.len > 0; (void)view_token(&rest, '.'))
        for (uint32_t i = find_key(p, rest); i < p->name_count && view_equal(p->names[i].rest, rest); i++) {
            bool itself = &p->names[i] == n || (n->form == PLAN_NAME_START && rest.at == n->rest.at &&
                                                p->names[i].form == PLAN_NAME_START);
            if (!itself && stands_for(&p->names[i], n->text))
                return i;
        }
    return PLAN_NONE;
}

static bool read_names(struct export_plan *p)
{
    struct reading r = { .plan = p };

    for (unsigned s = 1; s <= catalog_count(p->catalog); s++) {
        r.service = (uint16_t)s;
        catalog_each(p->catalog, r.service, read_entry, &r);
    }
    if (r.failed)
        return false;
    if (p->name_count > 0)
        qsort(p->names, p->name_count, sizeof *p->names, by_key);
    for (uint32_t i = 0; i < p->name_count; i++)
        p->names[i].above = find_above(p, &p->names[i]);
    return true;
}

/* --- a plan --- */

void export_plan_free(struct export_plan *p)
{
    if (p == NULL)
        return;
    free(p->rows);
    free(p->networks);
    free(p->names);
    free(p->blocked);
    free(p->decided);
    free(p->blocker);
    free(p->listed);
    free(p->shown);
    free(p->steps);
    free(p->service_rows);
    free(p->first_row);
    free(p->later);
    free(p->strict);
    free(p);
}

static bool make(struct export_plan *p)
{
    size_t services = (size_t)catalog_count(p->catalog) + 1;
    bool ok = true;

    for (unsigned number = 1; ok && number <= policy_rules(p->policy); number++)
        ok = add_rule(p, number);
    if (!ok || !add_default(p) || !read_names(p))
        return false;
    point_clients(p);
    p->blocked = calloc(services * SERVER_ROLE_COUNT, sizeof *p->blocked);
    p->decided = calloc(services, sizeof *p->decided);
    p->blocker = calloc(services * SERVER_ROLE_COUNT, sizeof *p->blocker);
    p->listed = calloc((size_t)p->name_count + 1, sizeof *p->listed);
    p->shown = calloc((size_t)p->name_count + 1, sizeof *p->shown);
    p->steps = calloc((size_t)policy_rules(p->policy) + 1, sizeof *p->steps);
    p->later = calloc(services, sizeof *p->later);
    p->strict = calloc((size_t)policy_rules(p->policy) + 1, sizeof *p->strict);
    return p->blocked != NULL && p->decided != NULL && p->blocker != NULL && p->listed != NULL &&
           p->shown != NULL && p->steps != NULL && p->later != NULL && p->strict != NULL && index_rows(p);
}

bool export_plan_new(const struct policy *policy, const struct catalog *c, uint64_t now_us,
                     struct export_plan **out, struct imw_error_info *err)
{
    struct export_plan *p = calloc(1, sizeof *p);

    if (p != NULL) {
        p->policy = policy;
        p->catalog = c;
        p->now_s = (int64_t)(now_us / 1000000);
        p->today = floor_divide(zone_local(policy->zone, p->now_s), DAY_S);
    }
    if (p == NULL || !make(p)) {
        export_plan_free(p);
        return error_memory(err);
    }
    *out = p;
    return true;
}

/* --- answers --- */

/* Does the row hold for what is seen of a service in `medium`? */
static bool holds_for(const struct export_plan *p, const struct plan_row *r, enum protocol medium,
                      enum server_role role)
{
    if (medium == PROTOCOL_DNS && (r->activities >> ACTIVITY_LOOKUP & 1) == 0)
        return false;
    return (medium == PROTOCOL_DNS || (r->roles >> role & 1) != 0) &&
           (medium == PROTOCOL_UNKNOWN || plan_row_has_protocol(p, r, medium));
}

unsigned plan_steps(const struct export_plan *p, uint32_t can, enum protocol medium, uint16_t service,
                    enum server_role role, const struct plan_row *const **out)
{
    unsigned count = 0;

    *out = p->steps;
    for (uint32_t i = p->first_row[service]; i < p->first_row[service + 1u]; i++) {
        const struct plan_row *r = &p->rows[p->service_rows[i]];
        bool by_protocol = medium == PROTOCOL_UNKNOWN && (r->asked & PLAN_BIT(PROTOCOL)) != 0;
        if (!plan_row_fits(r, can) || !holds_for(p, r, medium, role) ||
            (by_protocol && r->action == POLICY_BLOCK))
            continue;
        p->steps[count++] = r;
        if (by_protocol || plan_row_for_all(r))
            break;
    }
    return count;
}

unsigned plan_blocked(const struct export_plan *p, uint32_t can, const struct plan_row **out)
{
    unsigned count = 0;
    size_t services = (size_t)catalog_count(p->catalog) + 1;

    memset(p->decided, 0, services * sizeof *p->decided);
    memset(p->blocker, 0, services * SERVER_ROLE_COUNT * sizeof *p->blocker);
    for (uint32_t i = 0; i < p->row_count; i++) {
        const struct plan_row *r = &p->rows[i];
        if (!plan_row_fits(r, can) || !holds_always(r))
            continue;
        uint32_t roles = plan_row_roles(r, can) & ~p->decided[r->service];
        p->decided[r->service] |= roles;
        if (roles == 0 || r->action != POLICY_BLOCK)
            continue;
        p->blocked[count] = *r;
        p->blocked[count].roles = roles;
        for (unsigned role = 0; role < SERVER_ROLE_COUNT; role++)
            if ((roles >> role & 1) != 0)
                p->blocker[r->service * (size_t)SERVER_ROLE_COUNT + role] = &p->blocked[count];
        count++;
    }
    *out = p->blocked;
    return count;
}

const struct plan_row *plan_blocker(const struct export_plan *p, uint16_t service, enum server_role role)
{
    return p->blocker[service * (size_t)SERVER_ROLE_COUNT + role];
}

static const struct plan_row *blocker_of(const struct export_plan *p, const struct plan_entry *n)
{
    return n->service == 0 || n->shared ? NULL : plan_blocker(p, n->service, n->role);
}

static void list_name(const struct export_plan *p, uint32_t i, unsigned *count, bool covered)
{
    struct plan_entry *n = &p->names[i];

    p->shown[i] = *count;
    p->listed[(*count)++] = (struct plan_name){
        .name = n->text,
        .start = n->start,
        .rest = n->form == PLAN_NAME_START ? n->rest : view_of(NULL, 0),
        .form = n->form,
        .service = n->service,
        .row = blocker_of(p, n),
        .covered = covered,
    };
}

unsigned plan_names(const struct export_plan *p, uint32_t can, const struct plan_name **out)
{
    const struct plan_row *rows;
    unsigned count = 0;

    (void)plan_blocked(p, can, &rows);
    for (uint32_t i = 0; i < p->name_count; i++) {
        struct plan_entry *n = &p->names[i];
        bool blocked = blocker_of(p, n) != NULL;
        bool below = n->above != PLAN_NONE && blocker_of(p, &p->names[n->above]) != NULL;
        p->shown[i] = PLAN_NONE;
        if (blocked || below)
            list_name(p, i, &count, blocked && below);
    }
    for (uint32_t i = 0; i < p->name_count; i++) { /* what passes divides all above it that are blocked */
        const struct plan_entry *n = &p->names[i];
        if (p->shown[i] == PLAN_NONE || blocker_of(p, n) != NULL)
            continue;
        for (uint32_t up = n->above; up != PLAN_NONE && blocker_of(p, &p->names[up]) != NULL;
             up = p->names[up].above)
            p->listed[p->shown[up]].divided = true;
    }
    *out = p->listed;
    return count;
}

/* --- the head --- */

struct head {
    const struct export_plan *plan;
    uint32_t can;
    const char *comment;
    FILE *out;
    unsigned told;
};

static void print_time(FILE *out, uint64_t us)
{
    time_t at = (time_t)(us / 1000000);
    struct tm tm;
    char text[32];

    (void)gmtime_r(&at, &tm);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    fputs(text, out);
}

/* The last day of an exception, or its time. */
static void print_end(FILE *out, const struct rule *r)
{
    time_t at = (time_t)(r->timed ? r->end_s : r->last_day * DAY_S);
    struct tm tm;
    char text[32];

    (void)gmtime_r(&at, &tm);
    (void)strftime(text, sizeof text, r->timed ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d", &tm);
    fputs(text, out);
}

/* Names of people's making, without what would end a line. */
static void print_text(FILE *out, const char *s)
{
    char shown[1024];
    struct text t = TEXT(shown);

    text_printable(&t, view_string(s));
    fputs(shown, out);
}

static void begin_line(struct head *h, unsigned rule)
{
    struct policy_place at = policy_rule_place(h->plan->policy, rule);

    if (h->told++ == 0)
        fprintf(h->out, "%sWhat is not, or not wholly, expressed here:\n", h->comment);
    fprintf(h->out, "%s  rule %u \"", h->comment, rule);
    print_text(h->out, at.name);
    fputs("\" (", h->out);
    print_text(h->out, at.file);
    fprintf(h->out, ":%u, %s): ", at.line, policy_action_name(at.action));
}

static void print_keys(FILE *out, uint32_t keys)
{
    for (unsigned k = 0, n = 0; k < POLICY_KEY_COUNT; k++)
        if ((keys >> k & 1) != 0)
            fprintf(out, "%s%s", n++ > 0 ? ", " : "", policy_key_name((enum policy_key)k));
}

/* Which rules are followed by a block that they, were they expressed, would except something from. */
static void find_strict(const struct export_plan *p, uint32_t can)
{
    memset(p->later, 0, ((size_t)catalog_count(p->catalog) + 1) * sizeof *p->later);
    memset(p->strict, 0, ((size_t)policy_rules(p->policy) + 1) * sizeof *p->strict);
    for (uint32_t i = p->row_count; i-- > 0;) {
        const struct plan_row *r = &p->rows[i];
        uint32_t roles = plan_row_roles(r, can);
        if (!plan_row_fits(r, can))
            p->strict[r->rule] |= (p->later[r->service] & (roles != 0 ? roles : PLAN_ALL_ROLES)) != 0;
        else if (r->action == POLICY_BLOCK)
            p->later[r->service] |= roles;
        else if (holds_always(r))
            p->later[r->service] &= ~roles;
    }
}

/* Is something that the rule blocks, and that is not expressed, blocked by no other? After plan_blocked(). */
static bool leaves_gap(const struct export_plan *p, const struct plan_row *rows, uint32_t count, uint32_t can)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t roles = plan_row_roles(&rows[i], can);
        for (unsigned role = 0; role < SERVER_ROLE_COUNT; role++)
            if (((roles != 0 ? roles : PLAN_ALL_ROLES) >> role & 1) != 0 &&
                plan_blocker(p, rows[i].service, (enum server_role)role) == NULL)
                return true;
    }
    return false;
}

static void tell_missing(struct head *h, const struct plan_row *rows, uint32_t count)
{
    const struct plan_row *r = &rows[0];
    uint32_t keys = r->asked & ~(h->can | ALWAYS);
    bool blocks = r->action == POLICY_BLOCK;

    if (blocks ? !leaves_gap(h->plan, rows, count, h->can) : !h->plan->strict[r->rule])
        return;
    begin_line(h, r->rule);
    if (keys != 0) {
        fputs("asks for ", h->out);
        print_keys(h->out, keys);
    } else {
        fputs("no address of its users and groups is known", h->out);
    }
    fprintf(h->out, "; left out, and so %s\n",
            blocks ? "a gap: what it blocks may pass"
                   : "too strict: what it does not block is blocked by a later rule");
}

static void tell_roles(struct head *h, const struct plan_row *r)
{
    static const char *const words[] = {
#define X(id, number, name, ...) [number] = name,
        ACTIVITIES(X)
#undef X
    };

    if ((r->asked & PLAN_BIT(ACTIVITY)) == 0)
        return;
    begin_line(h, r->rule);
    fputs("on", h->out);
    for (unsigned a = 0, n = 0; a < ACTIVITY_COUNT; a++)
        if ((r->activities >> a & 1) != 0)
            fprintf(h->out, "%s %s", n++ > 0 ? "," : "", words[a]);
    uint32_t roles = plan_row_roles(r, h->can);
    fputs(roles == 0 ? ": no name or address serves that alone; left out"
                     : ": only names and addresses that the catalog gives to that",
          h->out);
    if (r->action == POLICY_BLOCK)
        fputs("; a gap: what goes through others passes\n", h->out);
    else
        fputs("; what goes through others is decided by later rules: may be too strict\n", h->out);
}

/* Is the rule about people, and not about networks only? */
static bool is_about_people(const struct policy *p, const struct rule *r)
{
    if ((r->keys & PLAN_BIT(USER)) != 0)
        return true;
    for (uint32_t i = 0; i < r->term_count; i++)
        for (uint32_t m = 0; term_axis(p->terms[r->first_term + i]) == GROUP && m < p->membership_count; m++)
            if (p->memberships[m].group == term_value(p->terms[r->first_term + i]))
                return true;
    return false;
}

static void tell_rule(struct head *h, const struct plan_row *rows, uint32_t count)
{
    const struct plan_row *r = &rows[0];
    const struct rule *rule = &h->plan->policy->rules[r->rule - 1];

    if (!plan_row_fits(r, h->can)) {
        tell_missing(h, rows, count);
        return;
    }
    tell_roles(h, r);
    if (is_about_people(h->plan->policy, rule) && (h->can & PLAN_LOGINS) == 0) {
        begin_line(h, r->rule);
        fprintf(h->out, "people only at the addresses that the policy and its file of people give; %s\n",
                r->action == POLICY_BLOCK ? "a gap for people elsewhere" : "too strict for people elsewhere");
    }
    if (r->action == POLICY_SCAN) {
        begin_line(h, r->rule);
        fputs("files pass without a scan; a gap\n", h->out);
    }
    if (rule->throttle != 0) {
        begin_line(h, r->rule);
        fputs("passes at full speed; a gap\n", h->out);
    }
    if (rule->exception) {
        begin_line(h, r->rule);
        fputs(rule->timed ? "an exception that ends at " : "an exception that ends after ", h->out);
        print_end(h->out, rule);
        fputs("; make this anew then\n", h->out);
    }
}

static void tell_expired(struct head *h)
{
    for (unsigned number = 1; number <= policy_rules(h->plan->policy); number++) {
        const struct rule *r = &h->plan->policy->rules[number - 1];
        if (!is_over(h->plan, r))
            continue;
        begin_line(h, number);
        fputs(r->timed ? "its exception ended at " : "its exception ended after ", h->out);
        print_end(h->out, r);
        fputs("; left out, as the gateway does\n", h->out);
    }
}

void plan_print_origin(const struct export_plan *p, const struct export_options *o, const char *target,
                       const char *comment, FILE *out)
{
    struct view version = catalog_version(p->catalog);

    if (o->bare)
        return;
    fprintf(out, "%sMade by imward %s, policy export %s, at ", comment, IMWARD_VERSION, target);
    print_time(out, o->now_us);
    fprintf(out, "; do not edit\n%sPolicy: ", comment);
    print_text(out, o->policy_path);
    fputs(", version ", out);
    print_text(out, policy_version(p->policy));
    fprintf(out, "\n%sCatalog: ", comment);
    print_text(out, o->catalog_path != NULL ? o->catalog_path : "built in");
    fprintf(out, ", version %.*s\n", (int)version.len, (const char *)version.at);
}

void plan_print_head(const struct export_plan *p, const struct export_options *o, const char *target,
                     uint32_t can, const char *comment, FILE *out)
{
    struct head h = { .plan = p, .can = can, .comment = comment, .out = out };
    const struct plan_row *blocked;

    if (o->bare)
        return;
    plan_print_origin(p, o, target, comment, out);
    (void)plan_blocked(p, can, &blocked);
    find_strict(p, can);
    tell_expired(&h);
    for (uint32_t i = 0, n; i < p->row_count && p->rows[i].rule != 0; i += n) {
        for (n = 1; i + n < p->row_count && p->rows[i + n].rule == p->rows[i].rule;)
            n++;
        tell_rule(&h, &p->rows[i], n);
    }
    if (h.told == 0)
        fprintf(out, "%sEvery rule is expressed, as far as names and addresses tell a service.\n", comment);
}

void plan_print_divided(const struct plan_name *names, unsigned count, const char *comment, FILE *out)
{
    for (unsigned i = 0; i < count; i++) {
        const struct plan_name *n = &names[i];
        if (n->row == NULL || !n->divided)
            continue;
        fprintf(out, "%s  name %.*s: not with all names below it, since some must pass (", comment,
                (int)n->name.len, (const char *)n->name.at);
        unsigned told = 0;
        for (unsigned k = 0; k < count; k++) {
            const struct view below = names[k].name;
            if (names[k].row != NULL || !plan_is_below(below, n->name))
                continue;
            fprintf(out, "%s%.*s", told++ > 0 ? ", " : "", (int)below.len, (const char *)below.at);
        }
        fputs("); a gap\n", out);
    }
}
