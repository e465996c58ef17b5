/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making the compiled catalog (format: catalog_format.h) of a source. The same files give the same bytes.
 *
 * What no single file shows is checked here: a name, range, agent, path or fingerprint that stands twice, in
 * one service or in two, is refused and both places are named. One exception: what one service excludes
 * another may claim (`not_below: im.qq.com` in one, the name itself in the other); the claim counts.
 */
#include "base/hash.h"
#include "identify/catalog.h"
#include "identify/catalog_source.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { NAME_SEED = 0x1a5e }; /* any number: names are the catalog's own, so nobody can prepare collisions */

typedef hash_wide wide; /* an address as a number */

struct buffer {
    uint8_t *at;
    size_t len, room;
};

struct build {
    const struct catalog_source *source;
    struct buffer section[SECTION_COUNT];
    bool failed; /* out of memory: stays */
    struct imw_error_info *err;
};

/* --- sections --- */

static void put(struct build *b, enum section s, const void *bytes, size_t len)
{
    struct buffer *buffer = &b->section[s];

    if (b->failed)
        return;
    if (buffer->len + len > buffer->room) {
        size_t room = (buffer->len + len) * 2;
        uint8_t *at = realloc(buffer->at, room);
        if (at == NULL) {
            b->failed = true;
            return;
        }
        buffer->at = at;
        buffer->room = room;
    }
    memcpy(buffer->at + buffer->len, bytes, len);
    buffer->len += len;
}

static void put_number(struct build *b, enum section s, uint32_t n)
{
    put(b, s, &n, sizeof n);
}

static struct string_ref put_string(struct build *b, struct view v)
{
    struct string_ref ref = { (uint32_t)b->section[SECTION_STRINGS].len, (uint32_t)v.len };

    put(b, SECTION_STRINGS, v.at, v.len);
    put(b, SECTION_STRINGS, "", 1);
    return ref;
}

static void put_service(struct build *b, const struct source_service *s)
{
    struct record_service r = {
        .slug = put_string(b, s->slug),
        .name = put_string(b, s->name),
        .vendor = put_string(b, s->vendor),
        .country = put_string(b, s->country),
        .summary = put_string(b, s->summary),
        .first_entry = s->first_entry,
        .entry_count = s->entry_count,
        .first_port = s->first_entry,
        .class = (uint8_t)s->class,
        .end_to_end = s->end_to_end,
    };

    for (uint32_t i = 0; i < s->entry_count; i++) {
        enum entry_kind kind = b->source->entries[s->first_entry + i].kind;
        r.first_port += kind < ENTRY_PORT;
        r.port_count += kind == ENTRY_PORT;
    }
    put(b, SECTION_SERVICES, &r, sizeof r);
}

/* The entries of a group have one source text: it is written once. */
static void put_entries(struct build *b)
{
    struct view last = view_of(NULL, 0);
    struct string_ref last_ref = put_string(b, last);

    for (uint32_t i = 0; i < b->source->entry_count; i++) {
        const struct source_entry *e = &b->source->entries[i];
        if (!view_equal(e->source, last)) {
            last = e->source;
            last_ref = put_string(b, last);
        }
        struct record_entry r = {
            .text = put_string(b, e->text),
            .source = last_ref,
            .service = (uint16_t)e->service,
            .kind = (uint8_t)e->kind,
            .role = (uint8_t)e->role,
            .strength = e->shared ? STRENGTH_SHARED : STRENGTH_PROOF,
            .form = (uint8_t)e->form,
            .rest = e->rest,
            .l4 = e->l4,
            .first_port = e->first_port,
            .last_port = e->last_port,
        };
        put(b, SECTION_ENTRIES, &r, sizeof r);
    }
}

/* Refuse the later of two equal entries, naming where the other one stands. */
static bool fail_twice(struct build *b, uint32_t x, uint32_t y)
{
    const struct source_entry *first = &b->source->entries[x < y ? x : y],
                              *second = &b->source->entries[x < y ? y : x];
    struct view slug = b->source->services[first->service - 1].slug;

    return yaml_error(second->node, b->err, "'%.*s' stands already in %.*s.yaml line %u",
                      second->text.len < 80 ? (int)second->text.len : 80, (const char *)second->text.at,
                      (int)slug.len, (const char *)slug.at, yaml_line(first->node));
}

/* --- names --- */

/* May the two entries of one name stand side by side? *out_keep is the one that counts. */
static bool settle_names(const struct build *b, uint32_t x, uint32_t y, uint32_t *out_keep)
{
    const struct source_entry *a = &b->source->entries[x], *c = &b->source->entries[y];

    if (a->service == c->service || (a->kind == ENTRY_DOMAIN && c->kind == ENTRY_DOMAIN))
        return false;
    *out_keep = a->kind == ENTRY_DOMAIN ? x : y;
    return true;
}

static bool put_name(struct build *b, struct record_name *slots, uint32_t mask, uint32_t entry)
{
    const struct source_entry *e = &b->source->entries[entry];
    struct view name = e->text;
    uint64_t hash = hash_bytes(e->form == NAME_START ? view_from(name, e->rest) : name, NAME_SEED);
    uint32_t slot = (uint32_t)hash & mask;

    for (; slots[slot].entry != 0; slot = (slot + 1) & mask) {
        uint32_t other = slots[slot].entry - 1;
        if (!view_equal(b->source->entries[other].text, name))
            continue;
        uint32_t keep;
        if (!settle_names(b, other, entry, &keep))
            return fail_twice(b, other, entry);
        slots[slot].entry = keep + 1;
        return true;
    }
    slots[slot] = (struct record_name){ (uint32_t)(hash >> 32), entry + 1 };
    return true;
}

static bool put_names(struct build *b)
{
    const struct catalog_source *s = b->source;
    uint32_t names = 0, slots = 2;
    bool ok = true;

    for (uint32_t i = 0; i < s->entry_count; i++)
        names += s->entries[i].kind <= ENTRY_EXCLUDED;
    while (slots < names * 2)
        slots *= 2;
    struct record_name *table = calloc(slots, sizeof *table);
    if (table == NULL) {
        b->failed = true;
        return true;
    }
    for (uint32_t i = 0; i < s->entry_count && ok; i++)
        if (s->entries[i].kind <= ENTRY_EXCLUDED)
            ok = put_name(b, table, slots - 1, i);
    if (ok)
        put(b, SECTION_NAMES, table, slots * sizeof *table);
    free(table);
    return ok;
}

/* --- addresses --- */

struct span {
    wide start, last;
    uint32_t entry;
    uint16_t width; /* of its ports, less one */
    uint8_t l4;
};

static wide wide_address(const struct ip_addr *ip, bool v4)
{
    wide n = 0;

    for (unsigned i = v4 ? 12 : 0; i < 16; i++)
        n = n << 8 | ip->octet[i];
    return n;
}

/* By start; of those, the wider first; of those, the one with fewer limits first. */
static int by_start(const void *a, const void *b)
{
    const struct span *x = a, *y = b;

    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->last != y->last)
        return x->last > y->last ? -1 : 1;
    if (x->width != y->width)
        return x->width > y->width ? -1 : 1;
    if (x->l4 != y->l4)
        return x->l4 < y->l4 ? -1 : 1;
    return (x->entry > y->entry) - (x->entry < y->entry);
}

/* All ranges of one family, sorted. The caller frees *out. */
static bool list_spans(struct build *b, bool v4, struct span **out, uint32_t *out_count)
{
    const struct catalog_source *s = b->source;
    struct span *spans = calloc(s->entry_count + 1, sizeof *spans);
    uint32_t count = 0;

    if (spans == NULL)
        return false;
    for (uint32_t i = 0; i < s->entry_count; i++) {
        const struct source_entry *e = &s->entries[i];
        if (e->kind != ENTRY_RANGE || ip_is_v4(&e->network) != v4)
            continue;
        wide start = wide_address(&e->network, v4);
        unsigned host = 128 - e->bits;
        wide size = host < 128 ? (wide)1 << host : 0;
        spans[count++] =
            (struct span){ start, start + size - 1, i, (uint16_t)(e->last_port - e->first_port), e->l4 };
    }
    if (count > 0)
        qsort(spans, count, sizeof *spans, by_start);
    *out = spans;
    *out_count = count;
    return true;
}

static bool check_spans(struct build *b, const struct span *spans, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        const struct source_entry *x = &b->source->entries[spans[i - 1].entry],
                                  *y = &b->source->entries[spans[i].entry];
        if (spans[i].start == spans[i - 1].start && spans[i].last == spans[i - 1].last && x->l4 == y->l4 &&
            x->first_port == y->first_port && x->last_port == y->last_port)
            return fail_twice(b, spans[i - 1].entry, spans[i].entry);
    }
    return true;
}

/* Begin an interval at `start`, covered by the `depth` spans in `open`, the innermost last. */
static void put_interval(struct build *b, bool v4, wide start, const uint32_t *open, uint32_t depth)
{
    uint32_t first = (uint32_t)(b->section[SECTION_CANDIDATES].len / sizeof(uint32_t));

    for (uint32_t i = depth; i > 0; i--)
        put_number(b, SECTION_CANDIDATES, open[i - 1]);
    if (v4) {
        struct record_range4 r = { (uint32_t)start, first, depth }, last;
        struct buffer *section = &b->section[SECTION_RANGES4];
        if (section->len >= sizeof last) { /* two borders at one place: the later says what holds */
            memcpy(&last, section->at + section->len - sizeof last, sizeof last);
            section->len -= last.start == r.start ? sizeof last : 0;
        }
        put(b, SECTION_RANGES4, &r, sizeof r);
    } else {
        struct record_range6 r = { (uint64_t)(start >> 64), (uint64_t)start, first, depth }, last;
        struct buffer *section = &b->section[SECTION_RANGES6];
        if (section->len >= sizeof last) {
            memcpy(&last, section->at + section->len - sizeof last, sizeof last);
            section->len -= last.high == r.high && last.low == r.low ? sizeof last : 0;
        }
        put(b, SECTION_RANGES6, &r, sizeof r);
    }
}

/* Networks lie inside each other or apart, never across: a stack of open ones gives every interval's cover.
 */
static bool put_ranges(struct build *b, bool v4)
{
    struct span *spans = NULL;
    uint32_t count = 0, depth = 0;
    wide top = v4 ? UINT32_MAX : ~(wide)0;

    if (!list_spans(b, v4, &spans, &count)) {
        b->failed = true;
        return true;
    }
    uint32_t *open = calloc(count + 1, sizeof *open);
    wide *open_last = calloc(count + 1, sizeof *open_last);
    bool ok = check_spans(b, spans, count);
    if (open == NULL || open_last == NULL)
        b->failed = true;
    if (ok && !b->failed)
        put_interval(b, v4, 0, open, 0);
    for (uint32_t i = 0; i <= count && ok && !b->failed; i++) {
        while (depth > 0 && (i == count || open_last[depth - 1] < spans[i].start)) {
            wide last = open_last[--depth];
            if (last != top && (depth == 0 || open_last[depth - 1] != last))
                put_interval(b, v4, last + 1, open, depth);
        }
        if (i == count)
            break;
        open[depth] = spans[i].entry;
        open_last[depth++] = spans[i].last;
        put_interval(b, v4, spans[i].start, open, depth);
    }
    free(spans);
    free(open);
    free(open_last);
    return ok;
}

static void put_index4(struct build *b)
{
    uint32_t count = (uint32_t)(b->section[SECTION_RANGES4].len / sizeof(struct record_range4)), at = 0;
    const uint8_t *records = b->section[SECTION_RANGES4].at;

    for (uint32_t octet = 0; octet < INDEX4_COUNT - 1 && !b->failed; octet++) {
        for (; at + 1 < count; at++) {
            struct record_range4 next;
            memcpy(&next, records + (at + 1) * sizeof next, sizeof next);
            if (next.start > octet << 24)
                break;
        }
        put_number(b, SECTION_INDEX4, at);
    }
    put_number(b, SECTION_INDEX4, count - 1);
}

/* --- texts: agents, paths, fingerprints --- */

struct sorted {
    struct view text;
    uint32_t entry;
};

static int by_text(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;
    int order = memcmp(x->text.at, y->text.at, x->text.len < y->text.len ? x->text.len : y->text.len);

    if (order == 0)
        order = (x->text.len > y->text.len) - (x->text.len < y->text.len);
    return order != 0 ? order : (x->entry > y->entry) - (x->entry < y->entry);
}

static bool is_part(const struct source_entry *e)
{
    return e->kind == ENTRY_AGENT && e->text.at[0] == '*';
}

/* The entries of a kind (agents: with or without '*'), sorted; none twice. The caller frees *out. */
static bool list_sorted(struct build *b, enum entry_kind kind, bool parts, struct sorted **out,
                        uint32_t *out_count)
{
    const struct catalog_source *s = b->source;
    struct sorted *list = calloc(s->entry_count + 1, sizeof *list);
    uint32_t count = 0;

    *out = list;
    *out_count = 0;
    if (list == NULL) {
        b->failed = true;
        return true;
    }
    for (uint32_t i = 0; i < s->entry_count; i++)
        if (s->entries[i].kind == kind && is_part(&s->entries[i]) == parts)
            list[count++] = (struct sorted){ s->entries[i].text, i };
    if (count > 0)
        qsort(list, count, sizeof *list, by_text);
    for (uint32_t i = 1; i < count; i++)
        if (view_equal(list[i].text, list[i - 1].text))
            return fail_twice(b, list[i - 1].entry, list[i].entry);
    *out_count = count;
    return true;
}

static bool put_prefixes(struct build *b, enum entry_kind kind, enum section section)
{
    struct sorted *list;
    uint32_t count;
    bool ok = list_sorted(b, kind, false, &list, &count);
    uint32_t *parent = calloc((size_t)count + 1, sizeof *parent);

    b->failed = b->failed || parent == NULL;
    for (uint32_t i = 0; i < count && ok && !b->failed; i++) {
        uint32_t up = i; /* the one before, or one of its ancestors */
        while (up != 0 && !view_starts(list[i].text, list[up - 1].text))
            up = parent[up - 1];
        parent[i] = up;
        struct record_prefix r = { list[i].entry, up };
        put(b, section, &r, sizeof r);
    }
    free(parent);
    free(list);
    return ok;
}

static bool put_sorted(struct build *b, enum entry_kind kind, bool parts, enum section section)
{
    struct sorted *list;
    uint32_t count;
    bool ok = list_sorted(b, kind, parts, &list, &count);

    for (uint32_t i = 0; i < count && ok; i++)
        put_number(b, section, list[i].entry);
    free(list);
    return ok;
}

/* --- the whole --- */

static bool put_all(struct build *b)
{
    struct record_meta meta = { .built = b->source->built, .seed = NAME_SEED };

    meta.version = put_string(b, b->source->version);
    put(b, SECTION_META, &meta, sizeof meta);
    for (uint32_t i = 0; i < b->source->service_count; i++)
        put_service(b, &b->source->services[i]);
    put_entries(b);
    if (!put_names(b) || !put_ranges(b, true) || !put_ranges(b, false) ||
        !put_prefixes(b, ENTRY_AGENT, SECTION_AGENTS) ||
        !put_sorted(b, ENTRY_AGENT, true, SECTION_AGENT_PARTS) ||
        !put_prefixes(b, ENTRY_PATH, SECTION_PATHS) || !put_sorted(b, ENTRY_JA4, false, SECTION_JA4S))
        return false;
    if (!b->failed)
        put_index4(b);
    return !b->failed || error_memory(b->err);
}

/* Header, section table, sections. */
static bool join(struct build *b, uint8_t **out, size_t *out_size)
{
    static const uint32_t record_size[SECTION_COUNT] = {
#define X(id, type, name) sizeof(type),
        SECTIONS(X)
#undef X
    };
    struct catalog_section table[SECTION_COUNT];
    struct catalog_header header = {
        .magic = CATALOG_MAGIC, .format = CATALOG_FORMAT, .order = CATALOG_ORDER, .sections = SECTION_COUNT
    };
    uint64_t at = sizeof header + sizeof table;

    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        at = (at + 7) & ~(uint64_t)7;
        table[i] =
            (struct catalog_section){ at, (uint32_t)(b->section[i].len / record_size[i]), record_size[i] };
        at += b->section[i].len;
    }
    if (at > CATALOG_FILE_BYTES)
        return error_set(b->err, IMW_ERROR_LIMIT, "the compiled catalog is longer than %d bytes",
                         CATALOG_FILE_BYTES);
    uint8_t *image = calloc(1, at);
    if (image == NULL)
        return error_memory(b->err);
    memcpy(image + sizeof header, table, sizeof table);
    for (unsigned i = 0; i < SECTION_COUNT; i++)
        if (b->section[i].len > 0)
            memcpy(image + table[i].at, b->section[i].at, b->section[i].len);
    header.size = at;
    if (!catalog_digest(image, at, header.digest)) {
        free(image);
        return error_set(b->err, IMW_ERROR_MEMORY, "SHA-256 is not available");
    }
    memcpy(image, &header, sizeof header);
    *out = image;
    *out_size = at;
    return true;
}

bool catalog_compile_image(const char *folder, uint8_t **out, size_t *out_size, struct imw_error_info *err)
{
    struct catalog_source source;
    struct build b = { .source = &source, .err = err };

    if (!catalog_source_read(folder, &source, err))
        return false;
    bool ok = put_all(&b) && join(&b, out, out_size);
    for (unsigned i = 0; i < SECTION_COUNT; i++)
        free(b.section[i].at);
    catalog_source_free(&source);
    return ok;
}

/* A reader sees the old file or the new one, whole. */
static bool write_file(const char *path, const uint8_t *image, size_t size, struct imw_error_info *err)
{
    char temporary[4096];

    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
        return error_file(err, IMW_ERROR_VALUE, path, "the path is too long");
    FILE *f = fopen(temporary, "wxe");
    if (f == NULL)
        return error_errno(err, temporary);
    bool ok = fwrite(image, 1, size, f) == size && fflush(f) == 0 && fsync(fileno(f)) == 0;
    if (!ok)
        error_errno(err, temporary);
    if (fclose(f) != 0 && ok)
        ok = error_errno(err, temporary);
    if (ok && rename(temporary, path) != 0)
        ok = error_errno(err, path);
    if (!ok)
        unlink(temporary);
    return ok;
}

bool catalog_compile(const char *folder, const char *out_file, struct imw_error_info *err)
{
    uint8_t *image;
    size_t size;

    if (!catalog_compile_image(folder, &image, &size, err))
        return false;
    bool ok = write_file(out_file, image, size, err);
    free(image);
    return ok;
}
