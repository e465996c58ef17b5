/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A DNS response policy zone, for BIND, Unbound and others (draft-vixie-dns-rpz). A name that is blocked is
 * answered with NXDOMAIN, or leads to the block page; an exception below it passes.
 *
 * In a zone the closest name that exists decides whether a wildcard holds (RFC 4592), also when nothing but
 * names below it exist. Where the catalog only asks for the longest entry, the zone therefore also says what
 * holds for each name between an entry and the one above it.
 *
 * Names of services that a rule allows to everybody pass by themselves: an alias of theirs (CNAME) into a
 * name that is blocked is followed.
 *
 * The serial number is the time: secondaries take the newest zone.
 */
#include "policy/export/names.h"
#include "policy/export/targets.h"
#include <stdlib.h>

enum { DEPTH_MOST = 128 };
enum answer { NOTHING, BLOCK, PASS };

struct node {
    struct view name;
    enum answer self, below;
};

struct writing {
    FILE *out;
    char blocked[300];             /* record of a blocked name */
    struct node above[DEPTH_MOST]; /* nodes above the current one */
    unsigned depth;
};

static void print_record(const struct writing *w, const char *before, struct view name, enum answer a)
{
    if (a != NOTHING)
        fprintf(w->out, "%s%.*s %s\n", before, (int)name.len, (const char *)name.at,
                a == BLOCK ? w->blocked : "CNAME rpz-passthru.");
}

static void write_node(struct writing *w, struct node n)
{
    print_record(w, "", n.name, n.self);
    print_record(w, "*.", n.name, n.below);
    if (w->depth < DEPTH_MOST)
        w->above[w->depth++] = n;
}

/* What holds for a name that no node stands for. */
static enum answer inherited(const struct writing *w)
{
    return w->depth > 0 ? w->above[w->depth - 1].below : NOTHING;
}

/* Names between this one and the node above it, from the top down. */
static void write_between(struct writing *w, struct view name)
{
    struct view between[DEPTH_MOST];
    unsigned count = 0;

    if (w->depth == 0)
        return;
    size_t top = w->above[w->depth - 1].name.len;
    for (struct view v = export_parent(name); v.len > top && count < DEPTH_MOST; v = export_parent(v))
        between[count++] = v;
    while (count-- > 0)
        write_node(w, (struct node){ between[count], inherited(w), inherited(w) });
}

/* All entries of one name: itself, and starts of names below it. */
static void write_group(struct writing *w, const struct export_name *first, unsigned count)
{
    struct node n = { .name = first->name };
    bool wanted = false;

    while (w->depth > 0 && !export_is_below(n.name, w->above[w->depth - 1].name))
        w->depth--;
    n.self = n.below = inherited(w);
    for (const struct export_name *e = first; e < first + count; e++) {
        if (e->start.len > 0 && e->taken)
            continue; /* no wildcard can say that */
        wanted = true;
        if (e->start.len == 0)
            n.self = e->taken ? BLOCK : PASS;
        if (!e->exact)
            n.below = e->start.len == 0 && e->taken ? BLOCK : PASS;
    }
    if (!wanted)
        return;
    write_between(w, n.name);
    write_node(w, n);
}

/* Names that are blocked with their exceptions, then those that are allowed, as exceptions. */
static bool merge(const struct export_names *blocked, const struct export_names *allowed,
                  struct export_names *out)
{
    unsigned i = 0, k = 0;

    out->count = 0;
    out->at = calloc(blocked->count + allowed->count + 1, sizeof *out->at);
    while (out->at != NULL && (i < blocked->count || k < allowed->count)) {
        const struct export_name *b = i < blocked->count ? &blocked->at[i] : NULL;
        const struct export_name *a = k < allowed->count ? &allowed->at[k] : NULL;
        if (a != NULL && (!a->taken || a->start.len > 0)) {
            k++;
            continue;
        }
        int order = a == NULL ? -1 : b == NULL ? 1 : export_name_compare(b, a);
        out->at[out->count] = order <= 0 ? *b : *a;
        if (order > 0)
            out->at[out->count].taken = false;
        out->count++;
        i += order <= 0;
        k += order >= 0;
    }
    return out->at != NULL;
}

static bool gather(const struct export_plan *plan, struct export_names *out, struct imw_error_info *err)
{
    struct export_names blocked = { 0 }, allowed = { 0 };
    uint32_t *block = export_roles(plan, PLAN_LOOKUPS, POLICY_BLOCK);
    uint32_t *allow = export_roles(plan, PLAN_LOOKUPS, POLICY_ALLOW);
    bool ok = block != NULL && allow != NULL;

    if (!ok)
        error_memory(err);
    ok = ok && export_names_new(plan_catalog(plan), export_take_roles, block, &blocked, err) &&
         export_names_new(plan_catalog(plan), export_take_roles, allow, &allowed, err);
    if (ok && !merge(&blocked, &allowed, out))
        ok = error_memory(err);
    export_names_free(&blocked);
    export_names_free(&allowed);
    free(block);
    free(allow);
    return ok;
}

static bool blocked_record(const struct export_options *o, struct writing *w, struct imw_error_info *err)
{
    struct text t = TEXT(w->blocked);
    struct ip_addr ip;

    if (o->block_page == NULL)
        text_string(&t, "CNAME .");
    else if (ip_parse(view_string(o->block_page), &ip))
        text_format(&t, "%s %s", ip_is_v4(&ip) ? "A" : "AAAA", o->block_page);
    else if (export_is_host(view_string(o->block_page)))
        text_format(&t, "CNAME %s.", o->block_page);
    else
        return error_set(err, IMW_ERROR_VALUE, "the block page must be a host name or an address, not '%s'",
                         o->block_page);
    return true;
}

/* Names that a wildcard would block, though they must pass. */
static void print_parted(const struct export_names *names, FILE *out)
{
    for (unsigned i = 0; i < names->count; i++) {
        const struct export_name *e = &names->at[i];
        if (!e->taken && e->start.len > 0)
            fprintf(out, "; not expressed: names below %.*s: those that begin with %.*s must pass\n",
                    (int)e->name.len, (const char *)e->name.at, (int)e->start.len, (const char *)e->start.at);
    }
}

static void print_head(const struct export_plan *plan, const struct export_options *o,
                       const struct export_names *names, FILE *out)
{
    plan_print_head(plan, o, "rpz", PLAN_LOOKUPS, "; ", out);
    export_print_starts(names, "; ", out);
    print_parted(names, out);
    fputs("; not expressed: who connects to an address without a look-up, or asks another resolver.\n"
          "; BIND:    response-policy { zone \"rpz.imward\"; }; and a zone of that name with this file\n"
          "; Unbound: module-config: \"respip validator iterator\", and rpz: with name: and zonefile:\n",
          out);
}

bool export_rpz(const struct export_plan *plan, const struct export_options *o, FILE *out,
                struct imw_error_info *err)
{
    struct writing w = { .out = out };
    struct export_names names = { 0 };

    if (!blocked_record(o, &w, err) || !gather(plan, &names, err))
        return false;
    if (!o->bare)
        print_head(plan, o, &names, out);
    fputs("$TTL 300\n", out);
    fprintf(out, "@ SOA localhost. hostmaster.localhost. %u 3600 600 604800 300\n@ NS localhost.\n",
            (unsigned)(uint32_t)(o->now_us / 1000000));
    for (unsigned i = 0, next; i < names.count; i = next) {
        for (next = i + 1; next < names.count && view_equal(names.at[i].name, names.at[next].name); next++)
            ;
        write_group(&w, &names.at[i], next - i);
    }
    export_names_free(&names);
    return true;
}
