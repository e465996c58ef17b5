/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of the catalog, sorted by their labels from the last on, so that what lies below a name follows it
 * and the names above the current one are a stack.
 */
#include "policy/export/names.h"
#include <stdlib.h>

enum { DEPTH_MOST = 128 }; /* labels of a name: 253 octets at most */

struct gathering {
    const struct catalog *catalog;
    export_take *take;
    const void *context;
    struct export_names *names;
    unsigned room;
    uint16_t service;
    bool out_of_memory;
};

bool export_is_below(struct view name, struct view parent)
{
    return name.len > parent.len && name.at[name.len - parent.len - 1] == '.' &&
           view_equal(view_from(name, name.len - parent.len), parent);
}

bool export_is_host(struct view name)
{
    uint8_t before = '.';

    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = ascii_lower(name.at[i]);
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!word && (c != '.' || before == '.'))
            return false;
        before = c;
    }
    return before != '.' && name.len <= 253;
}

struct view export_parent(struct view name)
{
    size_t dot = view_find_byte(name, '.', 0);

    return view_from(name, dot < name.len ? dot + 1 : name.len);
}

/* The catalog's entry for a name that lies below `name` and under no other entry. */
static bool match_below(const struct catalog *c, struct view name, struct catalog_hit *out)
{
    char host[300];
    struct text t = TEXT(host);

    text_string(&t, "below.");
    text_add(&t, name);
    return catalog_match_name(c, view_string(host), out);
}

/* An exclusion that another service claims is none, and catalog_each() does not tell exact names. */
static bool read_entry(const struct gathering *g, bool excluded, struct view entry, struct export_name *out)
{
    struct catalog_hit hit;
    size_t star = view_find_byte(entry, '*', 0);

    *out = (struct export_name){ .name = entry, .start = view_of(NULL, 0) };
    if (excluded)
        return !catalog_match_name(g->catalog, entry, &hit);
    if (star < entry.len) {
        out->start = view_slice(entry, 0, star);
        out->name = view_from(entry, star + 2); /* "*." */
        return true;
    }
    out->exact = !match_below(g->catalog, entry, &hit) || !view_equal(hit.entry, entry);
    return true;
}

static void gather(void *context, const char *kind, enum server_role role, enum strength strength,
                   struct view entry, struct view source)
{
    struct gathering *g = context;
    bool excluded = strcmp(kind, "not") == 0;
    struct export_name name;

    (void)source;
    if ((!excluded && strcmp(kind, "domain") != 0) || !read_entry(g, excluded, entry, &name))
        return;
    name.taken = !excluded && strength == STRENGTH_PROOF && g->take(g->context, g->service, role);
    if (g->names->count == g->room) {
        unsigned room = g->room > 0 ? g->room * 2 : 1024;
        struct export_name *more = realloc(g->names->at, room * sizeof *more);
        if (more == NULL) {
            g->out_of_memory = true;
            return;
        }
        g->names->at = more;
        g->room = room;
    }
    g->names->at[g->names->count++] = name;
}

/* From the last octet on, '.' before all others: what is below a name follows it before anything else. */
int export_name_compare(const struct export_name *a, const struct export_name *b)
{
    size_t least = a->name.len < b->name.len ? a->name.len : b->name.len;

    for (size_t i = 1; i <= least; i++) {
        uint8_t x = a->name.at[a->name.len - i], y = b->name.at[b->name.len - i];
        if (x != y)
            return (x == '.' ? 0 : x) - (y == '.' ? 0 : y);
    }
    if (a->name.len != b->name.len)
        return a->name.len < b->name.len ? -1 : 1;
    if (a->start.len == 0 || b->start.len == 0)
        return (a->start.len > 0) - (b->start.len > 0);
    int order = memcmp(a->start.at, b->start.at, a->start.len < b->start.len ? a->start.len : b->start.len);
    return order != 0 ? order : (a->start.len > b->start.len) - (a->start.len < b->start.len);
}

static int compare_names(const void *a, const void *b)
{
    return export_name_compare(a, b);
}

/* Leave out what says the same as the name above it. */
static void thin_out(struct export_names *n)
{
    const struct export_name *above[DEPTH_MOST];
    unsigned depth = 0, kept = 0;

    for (unsigned i = 0; i < n->count; i++) {
        struct export_name one = n->at[i];
        while (depth > 0 && !export_is_below(one.name, above[depth - 1]->name) &&
               !(one.start.len > 0 && view_equal(one.name, above[depth - 1]->name)))
            depth--;
        if (one.taken == (depth % 2 == 1))
            continue;
        one.level = depth;
        n->at[kept] = one;
        if (!one.exact && one.start.len == 0 && depth < DEPTH_MOST)
            above[depth++] = &n->at[kept];
        kept++;
    }
    n->count = kept;
}

bool export_names_all(const struct catalog *c, export_take *take, const void *context,
                      struct export_names *out, struct imw_error_info *err)
{
    struct export_names names = { 0 };
    struct gathering g = { .catalog = c, .take = take, .context = context, .names = &names };

    for (unsigned s = 1; s <= catalog_count(c); s++) {
        g.service = (uint16_t)s;
        catalog_each(c, g.service, gather, &g);
    }
    if (g.out_of_memory) {
        export_names_free(&names);
        return error_memory(err);
    }
    if (names.count > 1)
        qsort(names.at, names.count, sizeof *names.at, compare_names);
    *out = names;
    return true;
}

bool export_names_new(const struct catalog *c, export_take *take, const void *context,
                      struct export_names *out, struct imw_error_info *err)
{
    if (!export_names_all(c, take, context, out, err))
        return false;
    thin_out(out);
    return true;
}

void export_names_free(struct export_names *n)
{
    free(n->at);
    *n = (struct export_names){ 0 };
}

/* The first rule that holds for everybody decides. */
uint32_t *export_roles(const struct export_plan *p, uint32_t can, enum policy_action action)
{
    unsigned services = catalog_count(plan_catalog(p)) + 1, count = 0;
    const struct plan_row *rows = plan_rows(p, &count);
    uint32_t *roles = calloc(services, sizeof *roles), *decided = calloc(services, sizeof *decided);

    for (unsigned i = 0; roles != NULL && decided != NULL && i < count; i++) {
        const struct plan_row *r = &rows[i];
        if (!plan_row_fits(r, can) || !plan_row_for_all(r))
            continue;
        uint32_t of_row = plan_row_roles(r, can);
        if (r->action == action)
            roles[r->service] |= of_row & ~decided[r->service];
        decided[r->service] |= of_row;
    }
    if (decided == NULL) {
        free(roles);
        roles = NULL;
    }
    free(decided);
    return roles;
}

bool export_take_roles(const void *roles, uint16_t service, enum server_role role)
{
    const uint32_t *of_service = roles;

    return (of_service[service] >> role & 1) != 0;
}

void export_print_starts(const struct export_names *n, const char *comment, FILE *out)
{
    for (unsigned i = 0; i < n->count; i++) {
        const struct export_name *e = &n->at[i];
        if (e->taken && e->start.len > 0)
            fprintf(out, "%snot expressed: names below %.*s that begin with %.*s\n", comment,
                    (int)e->name.len, (const char *)e->name.at, (int)e->start.len, (const char *)e->start.at);
    }
}
