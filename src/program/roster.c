/* SPDX-License-Identifier: Apache-2.0 */
/* Rosters: people as a source has them. Their texts lie in large pieces that are freed together. */
#include "program/roster.h"
#include "base/address.h"
#include "base/hash.h"
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { PIECE = 1 << 18 };

struct roster_room {
    struct piece {
        struct piece *before;
        size_t used;
        char bytes[PIECE];
    } * last;
    size_t people_size, alias_size;
};

struct roster *roster_new(void)
{
    struct roster *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->room = calloc(1, sizeof *r->room);
    if (r->room == NULL) {
        roster_free(r);
        return NULL;
    }
    return r;
}

void roster_free(struct roster *r)
{
    if (r == NULL)
        return;
    for (struct piece *p = r->room != NULL ? r->room->last : NULL, *before; p != NULL; p = before) {
        before = p->before;
        free(p);
    }
    free(r->room);
    free(r->people);
    free(r->aliases);
    line_problems_free(&r->problems);
    free(r);
}

/* A copy that lives as long as the roster. */
static const char *keep(struct roster *r, const char *text)
{
    size_t size = strlen(text) + 1;
    struct piece *p = r->room->last;

    if (p == NULL || PIECE - p->used < size) {
        p = malloc(sizeof *p);
        if (p == NULL)
            return NULL;
        p->before = r->room->last;
        p->used = 0;
        r->room->last = p;
    }
    char *at = p->bytes + p->used;
    memcpy(at, text, size);
    p->used += size;
    return at;
}

/* Room for one more of `count` things of `each` bytes. */
static bool grow(void **at, size_t *size, size_t count, size_t each)
{
    if (count < *size)
        return true;
    size_t more = *size == 0 ? 256 : *size * 2;
    void *p = reallocarray(*at, more, each);
    if (p == NULL)
        return false;
    *at = p;
    *size = more;
    return true;
}

void roster_problem(struct roster *r, unsigned line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    line_problem_add_list(&r->problems, line, format, args);
    va_end(args);
}

void roster_refuse(struct roster *r, unsigned line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    line_problem_add_list(&r->problems, line, format, args);
    va_end(args);
    r->refused++;
}

bool person_text_normal(struct view value, size_t most, char *out, size_t size)
{
    struct text t = text_over(out, size);

    value = view_trim(value);
    if (value.len > most || most >= size)
        return false;
    for (size_t at = 0; at < value.len;) {
        size_t n = utf8_length(view_from(value, at));
        if (n == 0)
            return false;
        if (n == 1 && (value.at[at] < 0x20 || value.at[at] == 0x7f))
            text_char(&t, ' ');
        else
            text_add(&t, view_slice(value, at, at + n));
        at += n;
    }
    return !t.cut;
}

/* One text of a person into *out (NULL where it is empty). */
static bool take_text(struct roster *r, unsigned line, const char *what, struct view value, size_t most,
                      const char **out, bool *out_good, struct imw_error_info *err)
{
    char normal[PERSON_EMAIL_MOST + 1];

    *out = NULL;
    *out_good = true;
    if (view_trim(value).len == 0)
        return true;
    if (!person_text_normal(value, most, normal, sizeof normal)) {
        *out_good = false;
        roster_problem(r, line, "%s is longer than %zu bytes, or not UTF-8", what, most);
        return true;
    }
    *out = keep(r, normal);
    return *out != NULL || error_memory(err);
}

bool roster_add(struct roster *r, const struct roster_entry *e, bool *out_taken, struct imw_error_info *err)
{
    struct roster_person p = { .line = e->line, .first_alias = (uint32_t)r->alias_count };
    bool good[6];

    *out_taken = false;
    if (r->count >= ROSTER_MOST)
        return error_set(err, IMW_ERROR_LIMIT, "more than %d people", ROSTER_MOST);
    if (!take_text(r, e->line, "number", e->number, PERSON_NUMBER_MOST, &p.number, &good[0], err) ||
        !take_text(r, e->line, "name", e->name, PERSON_TEXT_MOST, &p.name, &good[1], err) ||
        !take_text(r, e->line, "email", e->email, PERSON_EMAIL_MOST, &p.email, &good[2], err) ||
        !take_text(r, e->line, "title", e->title, PERSON_TEXT_MOST, &p.title, &good[3], err) ||
        !take_text(r, e->line, "department", e->department, PERSON_TEXT_MOST, &p.department, &good[4], err) ||
        !take_text(r, e->line, "manager", e->manager, PERSON_EMAIL_MOST, &p.manager, &good[5], err))
        return false;
    if (!good[0] || !good[1]) {
        r->refused++;
        return true;
    }
    if (p.number == NULL) {
        roster_refuse(r, e->line, "the number is missing");
        return true;
    }
    if (p.name == NULL) {
        roster_refuse(r, e->line, "number %s has no name", p.number);
        return true;
    }
    if (!grow((void **)&r->people, &r->room->people_size, r->count, sizeof *r->people))
        return error_memory(err);
    r->people[r->count++] = p;
    *out_taken = true;
    return true;
}

bool roster_alias(struct roster *r, enum alias_kind kind, struct view value, struct imw_error_info *err)
{
    char normal[ALIAS_SIZE];
    const char *why;
    struct roster_person *p = &r->people[r->count - 1];

    if (view_trim(value).len == 0)
        return true;
    if (!alias_normal(kind, value, normal, &why)) {
        char shown[80];
        struct text t = TEXT(shown);
        text_shown(&t, value);
        roster_problem(r, p->line, "%s '%s' is left out: %s", alias_kind_name(kind), shown, why);
        return true;
    }
    for (uint32_t i = 0; i < p->aliases; i++)
        if (r->aliases[p->first_alias + i].kind == kind &&
            strcmp(r->aliases[p->first_alias + i].value, normal) == 0)
            return true;
    if (p->aliases >= ROSTER_ALIASES) {
        roster_problem(r, p->line, "%s '%s' is left out: one person has at most %d aliases",
                       alias_kind_name(kind), normal, ROSTER_ALIASES);
        return true;
    }
    const char *kept = keep(r, normal);
    if (kept == NULL || !grow((void **)&r->aliases, &r->room->alias_size, r->alias_count, sizeof *r->aliases))
        return error_memory(err);
    r->aliases[r->alias_count++] = (struct roster_alias){ kept, kind, (uint32_t)(r->count - 1) };
    p->aliases++;
    return true;
}

bool roster_set_manager(struct roster *r, size_t person, const char *number, struct imw_error_info *err)
{
    const char *kept = number != NULL ? keep(r, number) : NULL;

    if (number != NULL && kept == NULL)
        return error_memory(err);
    r->people[person].manager = kept;
    return true;
}

static const char *const alias_names[ALIAS_KINDS] = { "user", "host", "address", "account" };

const char *alias_kind_name(enum alias_kind k)
{
    return alias_names[k];
}

bool alias_kind_parse(const char *name, enum alias_kind *out)
{
    for (unsigned i = 0; i < ALIAS_KINDS; i++)
        if (strcmp(name, alias_names[i]) == 0) {
            *out = (enum alias_kind)i;
            return true;
        }
    return false;
}

static bool normal_address(struct view v, struct text *t, const char **out_why)
{
    struct ip_addr ip;
    unsigned bits;

    if (!ip_parse_network(v, &ip, &bits)) {
        *out_why = "it is no address or network";
        return false;
    }
    for (unsigned i = bits; i < 128; i++)
        ip.octet[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
    unsigned own = ip_is_v4(&ip) && bits >= 96 ? bits - 96 : bits;
    if (own < (ip_is_v4(&ip) ? 8u : 16u)) {
        *out_why = "a network of that size is nobody's";
        return false;
    }
    text_address(t, &ip);
    if (bits < 128)
        text_format(t, "/%u", own);
    return true;
}

bool alias_normal(enum alias_kind kind, struct view value, char out[ALIAS_SIZE], const char **out_why)
{
    struct text t = text_over(out, ALIAS_SIZE);
    struct view v = view_trim(value);

    if (kind == ALIAS_ADDRESS)
        return normal_address(v, &t, out_why);
    if (kind == ALIAS_USER) {
        size_t slash = view_find_byte(v, '\\', 0), at = view_find_byte(v, '@', 0);
        if (slash < v.len)
            v = view_from(v, slash + 1);
        else if (at < v.len)
            v = view_slice(v, 0, at);
    }
    if (kind == ALIAS_HOST && v.len > 1 && v.at[v.len - 1] == '.')
        v.len--;
    *out_why = "it is empty, too long, or has spaces or characters that none has";
    if (v.len == 0 || v.len >= (kind == ALIAS_USER ? 64u : (unsigned)ALIAS_SIZE))
        return false;
    for (size_t i = 0, n; i < v.len; i += n) {
        n = utf8_length(view_from(v, i));
        if (n == 0 || v.at[i] < 0x20 || v.at[i] == 0x7f || (v.at[i] == ' ' && kind != ALIAS_ACCOUNT))
            return false;
        if (n == 1)
            text_char(&t, (char)ascii_lower(v.at[i]));
        else
            text_add(&t, view_slice(v, i, i + n));
    }
    if (kind == ALIAS_ACCOUNT) {
        size_t colon = view_find_byte(v, ':', 0);
        *out_why = "an account is SERVICE:NAME";
        return colon > 0 && colon + 1 < v.len && !t.cut;
    }
    return !t.cut;
}

/* ---- texts to numbers: open addressing, at most two thirds full ---- */
struct text_index {
    struct {
        const char *key;
        uint32_t value;
    } * slot;
    size_t size, used;
    uint64_t seed;
};

struct text_index *text_index_new(size_t expected)
{
    struct text_index *x = calloc(1, sizeof *x);

    if (x == NULL)
        return NULL;
    for (x->size = 64; x->size < expected * 2; x->size *= 2)
        ;
    x->slot = calloc(x->size, sizeof *x->slot);
    if (x->slot == NULL) {
        free(x);
        return NULL;
    }
    randombytes_buf(&x->seed, sizeof x->seed);
    return x;
}

void text_index_free(struct text_index *x)
{
    if (x == NULL)
        return;
    free(x->slot);
    free(x);
}

static size_t slot_of(const struct text_index *x, const char *key)
{
    size_t i = hash_bytes(view_string(key), x->seed) & (x->size - 1);

    while (x->slot[i].key != NULL && strcmp(x->slot[i].key, key) != 0)
        i = (i + 1) & (x->size - 1);
    return i;
}

uint32_t text_index_get(const struct text_index *x, const char *key)
{
    size_t i = slot_of(x, key);

    return x->slot[i].key != NULL ? x->slot[i].value : UINT32_MAX;
}

uint32_t *text_index_put(struct text_index *x, const char *key)
{
    if (x->used * 3 >= x->size * 2) {
        struct text_index larger = { .size = x->size * 2, .used = x->used, .seed = x->seed };
        larger.slot = calloc(larger.size, sizeof *larger.slot);
        if (larger.slot == NULL)
            return NULL;
        for (size_t i = 0; i < x->size; i++)
            if (x->slot[i].key != NULL)
                larger.slot[slot_of(&larger, x->slot[i].key)] = x->slot[i];
        free(x->slot);
        *x = larger;
    }
    size_t i = slot_of(x, key);
    if (x->slot[i].key == NULL) {
        x->slot[i].key = key;
        x->slot[i].value = UINT32_MAX;
        x->used++;
    }
    return &x->slot[i].value;
}
