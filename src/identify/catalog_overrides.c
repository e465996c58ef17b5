/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading overrides, and asking them. The packet path asks only where the catalog has an answer that may be
 * overridden: a name costs one search among sorted names for each of its labels, an address one comparison
 * for each trusted network. No heap, no lock: a set never changes.
 */
#include "identify/catalog_overrides.h"
#include "base/file.h"
#include "base/yaml.h"
#include "identify/catalog.h"
#include "identify/catalog_format.h"
#include <stdlib.h>

enum { TEXT_BYTES = 400 };

struct overrides {
    struct yaml *file; /* NULL: there was no text */
    unsigned count;
    struct override *all;
    char *names; /* in lower case */
};

/* ---- one record ---- */

bool override_read_what(struct view text, struct override *out)
{
    char name[CATALOG_NAME_BYTES];
    size_t len = 0;

    out->what = text;
    out->is_network = ip_parse_network(text, &out->network, &out->bits);
    return out->is_network || (catalog_read_name(text, name, &len) && memchr(name, '*', len) == NULL &&
                               memchr(name, '.', len) != NULL);
}

static bool need_line(const struct yaml_node *map, const char *key, struct view *out,
                      struct imw_error_info *err)
{
    const struct yaml_node *n;

    return yaml_need(map, key, &n, err) && yaml_one_line(n, TEXT_BYTES, out, err);
}

static bool number_in(struct view text, size_t from, size_t len, uint64_t least, uint64_t most)
{
    uint64_t n;

    return view_decimal(view_slice(text, from, from + len), most, &n) && n >= least;
}

/* "2026-11-23" or "2026-11-23T09:20:00Z". */
static bool is_time(struct view v)
{
    static const uint64_t days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    uint64_t year = 0, month = 0;

    if ((v.len != 10 && v.len != 20) || v.at[4] != '-' || v.at[7] != '-' ||
        !view_decimal(view_slice(v, 0, 4), 2999, &year) || year < 2000 ||
        !view_decimal(view_slice(v, 5, 7), 12, &month) || month == 0)
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (!number_in(v, 8, 2, 1, month == 2 && !leap ? 28 : days[month - 1]))
        return false;
    return v.len == 10 ||
           (v.at[10] == 'T' && v.at[13] == ':' && v.at[16] == ':' && v.at[19] == 'Z' &&
            number_in(v, 11, 2, 0, 23) && number_in(v, 14, 2, 0, 59) && number_in(v, 17, 2, 0, 60));
}

/* The name in lower case, in memory of our own at *names, which moves behind it. */
static void keep_name(struct override *r, char **names)
{
    size_t len = 0;

    if (r->is_network || !catalog_read_name(r->what, *names, &len))
        return;
    r->what = view_of(*names, len);
    *names += len;
}

static bool read_record(const struct yaml_node *n, struct override *r, char **names,
                        struct imw_error_info *err)
{
    static const char *const keys[] = { "trust", "distrust", "not", "by", "at", "why", NULL };
    const struct yaml_node *trust = yaml_get(n, "trust"), *distrust = yaml_get(n, "distrust"),
                           *not_slug = yaml_get(n, "not");
    const struct yaml_node *what = trust != NULL ? trust : distrust;
    struct view text = view_of(NULL, 0);

    if (!yaml_expect(n, YAML_MAPPING, err) || !yaml_known_keys(n, keys, err))
        return false;
    *r = (struct override){ .line = yaml_line(n), .trust = trust != NULL, .slug = view_of(NULL, 0) };
    if ((trust != NULL) == (distrust != NULL))
        return yaml_error(n, err, "a record has one of 'trust' and 'distrust'");
    if (!yaml_one_line(what, TEXT_BYTES, &text, err))
        return false;
    if (!override_read_what(text, r))
        return yaml_error(what, err,
                          "neither a name such as portal.example nor a network such as 192.0.2.0/24");
    keep_name(r, names);
    if ((not_slug != NULL && !yaml_one_line(not_slug, TEXT_BYTES, &r->slug, err)) ||
        !need_line(n, "by", &r->by, err) || !need_line(n, "at", &r->at, err) ||
        !need_line(n, "why", &r->why, err))
        return false;
    return is_time(r->at) || yaml_error(yaml_get(n, "at"), err,
                                        "a day such as 2026-11-23, or a time such as 2026-11-23T09:20:00Z");
}

/* ---- all of them ---- */

static bool is_same(const struct override *a, const struct override *b)
{
    bool same = a->is_network ? ip_equal(&a->network, &b->network) && a->bits == b->bits
                              : view_equal(a->what, b->what);

    return a->is_network == b->is_network && same && view_equal(a->slug, b->slug);
}

/* What it repeats or takes back: a trust that is in force. NULL: none. */
static struct override *in_force(struct overrides *o, const struct override *r)
{
    for (unsigned i = 0; i < o->count; i++)
        if (o->all[i].trust && o->all[i].ended == NULL && is_same(&o->all[i], r))
            return &o->all[i];
    return NULL;
}

static bool add_record(struct overrides *o, const struct yaml_node *n, struct imw_error_info *err)
{
    struct override *r = &o->all[o->count], *before = in_force(o, r);

    if (r->trust && before != NULL)
        return yaml_error(n, err, "is trusted already, since line %u", before->line);
    if (!r->trust && before == NULL)
        return yaml_error(n, err, "takes back what is not in force: 'not' must be the same, too");
    if (!r->trust)
        before->ended = r;
    o->count++;
    return true;
}

static bool read_all(struct overrides *o, struct imw_error_info *err)
{
    const struct yaml_node *root = yaml_root(o->file);
    unsigned count = yaml_count(root);

    if (!yaml_expect(root, YAML_SEQUENCE, err))
        return false;
    if (count > OVERRIDES)
        return yaml_error(root, err, "more than %d records", OVERRIDES);
    o->all = calloc(count + 1, sizeof *o->all);
    o->names = malloc((count + 1) * (size_t)CATALOG_NAME_BYTES);
    if (o->all == NULL || o->names == NULL)
        return error_memory(err);
    char *names = o->names;
    for (const struct yaml_node *n = yaml_first(root); n != NULL; n = yaml_next(n))
        if (!read_record(n, &o->all[o->count], &names, err) || !add_record(o, n, err))
            return false;
    return true;
}

/* Does the text hold comments and blank lines only? */
static bool is_blank(struct view text)
{
    struct view line;

    while (view_line(&text, &line))
        if ((line = view_trim(line)).len > 0 && line.at[0] != '#')
            return false;
    text = view_trim(text); /* the last, without its end */
    return text.len == 0 || text.at[0] == '#';
}

/* Takes the file; NULL: there was no text. */
static bool finish(struct yaml *file, struct overrides **out, struct imw_error_info *err)
{
    struct overrides *o = calloc(1, sizeof *o);

    if (o == NULL) {
        yaml_free(file);
        return error_memory(err);
    }
    o->file = file;
    if (file != NULL && !read_all(o, err)) {
        overrides_free(o);
        return false;
    }
    *out = o;
    return true;
}

bool overrides_parse(const char *name, struct view text, struct overrides **out, struct imw_error_info *err)
{
    struct yaml *file = NULL;

    if (!is_blank(text) && !yaml_parse(name, text, &file, err))
        return false;
    return finish(file, out, err);
}

bool overrides_load(const char *path, struct overrides **out, struct imw_error_info *err)
{
    char *text;
    size_t len;

    if (!file_read(path, OVERRIDES_BYTES, &text, &len, err))
        return false;
    bool ok = overrides_parse(path, view_of(text, len), out, err);
    free(text);
    return ok;
}

void overrides_free(struct overrides *o)
{
    if (o == NULL)
        return;
    yaml_free(o->file);
    free(o->all);
    free(o->names);
    free(o);
}

unsigned overrides_count(const struct overrides *o)
{
    return o->count;
}

const struct override *overrides_get(const struct overrides *o, unsigned i)
{
    return i < o->count ? &o->all[i] : NULL;
}

/* ---- those in force, to be asked ---- */

struct trusted {
    struct overrides *overrides; /* holds the names */
    struct trusted_name {
        struct view name;
        uint16_t service; /* 0: any */
    } * names;            /* sorted */
    struct trusted_network {
        struct ip_addr network;
        unsigned bits;
        uint16_t service;
    } * networks;
    unsigned name_count, network_count;
};

static int by_name(const void *a, const void *b)
{
    struct view x = ((const struct trusted_name *)a)->name, y = ((const struct trusted_name *)b)->name;
    int order = memcmp(x.at, y.at, x.len < y.len ? x.len : y.len);

    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

void trusted_free(struct trusted *t)
{
    if (t == NULL)
        return;
    overrides_free(t->overrides);
    free(t->names);
    free(t->networks);
    free(t);
}

/* One that is in force. False: err. */
static bool take(struct trusted *t, const struct catalog *c, const char *path, const struct override *r,
                 struct imw_error_info *err)
{
    uint16_t service = r->slug.len > 0 ? catalog_find(c, r->slug) : 0;

    if (r->slug.len > 0 && service == 0) {
        error_file(err, IMW_ERROR_VALUE, path,
                   "not: unknown service '%.*s'; 'imward catalog list' names them all", (int)r->slug.len,
                   (const char *)r->slug.at);
        err->line = r->line;
        return false;
    }
    if (r->is_network)
        t->networks[t->network_count++] = (struct trusted_network){ r->network, r->bits, service };
    else
        t->names[t->name_count++] = (struct trusted_name){ r->what, service };
    return true;
}

bool catalog_override(struct catalog *c, const char *path, struct imw_error_info *err)
{
    struct trusted *t = calloc(1, sizeof *t);

    if (t == NULL)
        return error_memory(err);
    if (!overrides_load(path, &t->overrides, err)) {
        trusted_free(t);
        return false;
    }
    t->names = calloc(t->overrides->count + 1, sizeof *t->names);
    t->networks = calloc(t->overrides->count + 1, sizeof *t->networks);
    bool ok = t->names != NULL && t->networks != NULL;
    if (!ok)
        error_memory(err);
    for (unsigned i = 0; ok && i < t->overrides->count; i++) {
        const struct override *r = &t->overrides->all[i];
        ok = !r->trust || r->ended != NULL || take(t, c, path, r, err);
    }
    if (!ok) {
        trusted_free(t);
        return false;
    }
    qsort(t->names, t->name_count, sizeof *t->names, by_name);
    catalog_set_trusted(c, t);
    return true;
}

/* The first of the names that is `name` or sorts after it. */
static unsigned first_name(const struct trusted *t, struct view name)
{
    const struct trusted_name key = { name, 0 };
    unsigned low = 0, high = t->name_count;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (by_name(&t->names[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool trusted_name(const struct trusted *t, struct view name, uint16_t service)
{
    for (unsigned labels = 0; name.len > 0 && labels < CATALOG_LABELS * 13; labels++) {
        for (unsigned i = first_name(t, name); i < t->name_count && view_equal(t->names[i].name, name); i++)
            if (t->names[i].service == 0 || service == 0 || t->names[i].service == service)
                return true;
        name = view_from(name, view_find_byte(name, '.', 0) + 1);
    }
    return false;
}

bool trusted_network(const struct trusted *t, const struct ip_addr *network, unsigned bits, uint16_t service)
{
    for (unsigned i = 0; i < t->network_count; i++)
        if ((t->networks[i].service == 0 || service == 0 || t->networks[i].service == service) &&
            t->networks[i].bits <= bits &&
            ip_in_network(network, &t->networks[i].network, t->networks[i].bits))
            return true;
    return false;
}

bool trusted_address(const struct trusted *t, const struct ip_addr *addr, uint16_t service)
{
    return trusted_network(t, addr, 128, service);
}
