/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking things up in a compiled catalog (format: catalog_format.h).
 *
 * Everything that a look-up follows (offsets, numbers of records, words of tables, the ends of strings) is
 * checked once in check_image(), so that look-ups need no checks and cannot fail. To keep that true, a file
 * is read into memory of its own instead of being mapped as it is: another program that cuts or rewrites the
 * file afterwards changes nothing here. The catalog never changes after that; any number of threads may ask
 * it.
 *
 * Inside the image services are known by their rows, from 1 on in the order of their slugs; outside by their
 * numbers, which are the rows unless the catalog follows another. Two small tables translate.
 */
#include "identify/catalog.h"
#include "base/hash.h"
#include "identify/catalog_format.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* All arrays are indexed by what they translate; 0 stands for none. */
struct numbering {
    unsigned count;                  /* the highest number */
    uint16_t *number;                /* of a row */
    uint16_t *row;                   /* of a number; 0: the service was removed */
    struct catalog_service *service; /* of a number */
    char *kept;                      /* strings of services that were removed */
};

struct catalog {
    uint8_t *image;
    bool owned;
    struct numbering by;
    struct trusted *trusted; /* NULL: nothing is overridden */
    struct catalog_section section[SECTION_COUNT];
#define X(id, type, name) const type *name;
    SECTIONS(X)
#undef X
};

static unsigned section_count(const struct catalog *c, enum section s)
{
    return c->section[s].count;
}

static struct view string_view(const struct catalog *c, struct string_ref ref)
{
    return view_of(c->strings + ref.at, ref.len);
}

/* --- checking an image --- */

bool catalog_digest(const uint8_t *image, size_t size, uint8_t out[32])
{
    unsigned len = 32;

    return size >= sizeof(struct catalog_header) &&
           EVP_Digest(image + sizeof(struct catalog_header), size - sizeof(struct catalog_header), out, &len,
                      EVP_sha256(), NULL) == 1;
}

/* Nothing when the header is good; else what is wrong with it. */
static const char *header_fault(const uint8_t *image, size_t size)
{
    struct catalog_header h;
    uint8_t digest[32];

    if (size < sizeof h)
        return "too short for a compiled catalog";
    memcpy(&h, image, sizeof h);
    if (memcmp(h.magic, CATALOG_MAGIC, sizeof h.magic) != 0)
        return "not a compiled catalog";
    if (h.order != CATALOG_ORDER)
        return "compiled on a machine of another byte order; compile it here";
    if (h.format != CATALOG_FORMAT)
        return "of another format version; compile it with this version of imward";
    if (h.size != size || h.sections != SECTION_COUNT || h.zero != 0)
        return "damaged: the header does not fit the file";
    if (!catalog_digest(image, size, digest) || memcmp(digest, h.digest, sizeof digest) != 0)
        return "damaged: the digest does not fit the content";
    return NULL;
}

/* The sections lie where the format says, one after the other, and fill the file. */
static bool check_sections(struct catalog *c, size_t size)
{
    static const uint32_t record_size[SECTION_COUNT] = {
#define X(id, type, name) sizeof(type),
        SECTIONS(X)
#undef X
    };
    uint64_t at = sizeof(struct catalog_header) + sizeof c->section;

    if (size < at)
        return false;
    memcpy(c->section, c->image + sizeof(struct catalog_header), sizeof c->section);
    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        const struct catalog_section *s = &c->section[i];
        at = (at + 7) & ~(uint64_t)7;
        if (s->at != at || s->size != record_size[i] || (uint64_t)s->count * s->size > size - at || at > size)
            return false;
        at += (uint64_t)s->count * s->size;
    }
    if (at != size)
        return false;
#define X(id, type, name) c->name = (const void *)(c->image + c->section[SECTION_##id].at);
    SECTIONS(X)
#undef X
    return true;
}

static bool check_string(const struct catalog *c, struct string_ref ref)
{
    unsigned count = section_count(c, SECTION_STRINGS);

    return ref.at < count && ref.len < count - ref.at && c->strings[ref.at + ref.len] == '\0';
}

static bool in_section(const struct catalog *c, enum section s, uint32_t first, uint32_t count)
{
    return first <= section_count(c, s) && count <= section_count(c, s) - first;
}

static bool check_entry(const struct catalog *c, const struct record_entry *e)
{
    return check_string(c, e->text) && check_string(c, e->source) && e->kind < ENTRY_KIND_COUNT &&
           e->role < SERVER_ROLE_COUNT && (e->strength == STRENGTH_SHARED || e->strength == STRENGTH_PROOF) &&
           e->form < NAME_FORMS && (e->form != NAME_START || (e->rest >= 2 && e->rest < e->text.len)) &&
           e->service >= 1 && e->service <= section_count(c, SECTION_SERVICES) &&
           e->first_port <= e->last_port;
}

static bool check_service(const struct catalog *c, const struct record_service *s)
{
    return check_string(c, s->slug) && check_string(c, s->name) && check_string(c, s->vendor) &&
           check_string(c, s->country) && check_string(c, s->summary) && s->class < CLASS_COUNT &&
           s->end_to_end <= 1 && in_section(c, SECTION_ENTRIES, s->first_entry, s->entry_count) &&
           in_section(c, SECTION_ENTRIES, s->first_port, s->port_count);
}

static bool check_names(const struct catalog *c)
{
    unsigned slots = section_count(c, SECTION_NAMES), used = 0;

    for (unsigned i = 0; i < slots; i++) {
        used += c->names[i].entry != 0;
        if (c->names[i].entry > section_count(c, SECTION_ENTRIES))
            return false;
    }
    return slots >= 2 && (slots & (slots - 1)) == 0 && used <= slots / 2;
}

/* Sorted from zero on, candidates in bounds. */
static bool check_ranges(const struct catalog *c)
{
    unsigned count4 = section_count(c, SECTION_RANGES4), count6 = section_count(c, SECTION_RANGES6);
    const struct record_range4 *r4 = c->ranges4;
    const struct record_range6 *r6 = c->ranges6;

    if (count4 == 0 || count6 == 0 || r4[0].start != 0 || r6[0].high != 0 || r6[0].low != 0 ||
        section_count(c, SECTION_INDEX4) != INDEX4_COUNT)
        return false;
    for (unsigned i = 0; i < count4; i++)
        if (!in_section(c, SECTION_CANDIDATES, r4[i].first, r4[i].count) ||
            (i > 0 && r4[i].start <= r4[i - 1].start))
            return false;
    for (unsigned i = 0; i < count6; i++)
        if (!in_section(c, SECTION_CANDIDATES, r6[i].first, r6[i].count) ||
            (i > 0 &&
             (r6[i].high < r6[i - 1].high || (r6[i].high == r6[i - 1].high && r6[i].low <= r6[i - 1].low))))
            return false;
    for (unsigned i = 0; i < INDEX4_COUNT; i++)
        if (c->index4[i] >= count4 || (i > 0 && c->index4[i] < c->index4[i - 1]) ||
            (i < INDEX4_COUNT - 1 && r4[c->index4[i]].start > i << 24))
            return false;
    return c->index4[INDEX4_COUNT - 1] == count4 - 1;
}

static bool check_numbers(const struct catalog *c, enum section s, const uint32_t *entry)
{
    for (unsigned i = 0; i < section_count(c, s); i++)
        if (entry[i] >= section_count(c, SECTION_ENTRIES))
            return false;
    return true;
}

/* A parent comes before its children: the way up ends. */
static bool check_prefixes(const struct catalog *c, enum section s, const struct record_prefix *p)
{
    for (unsigned i = 0; i < section_count(c, s); i++)
        if (p[i].entry >= section_count(c, SECTION_ENTRIES) || p[i].parent > i)
            return false;
    return true;
}

static bool check_image(const struct catalog *c)
{
    unsigned services = section_count(c, SECTION_SERVICES);

    if (section_count(c, SECTION_META) != 1 || !check_string(c, c->meta->version) || services > UINT16_MAX)
        return false;
    for (unsigned i = 0; i < services; i++)
        if (!check_service(c, &c->services[i]))
            return false;
    for (unsigned i = 0; i < section_count(c, SECTION_ENTRIES); i++)
        if (!check_entry(c, &c->entries[i]))
            return false;
    return check_names(c) && check_ranges(c) && check_numbers(c, SECTION_CANDIDATES, c->candidates) &&
           check_numbers(c, SECTION_AGENT_PARTS, c->agent_parts) && check_numbers(c, SECTION_JA4S, c->ja4s) &&
           check_prefixes(c, SECTION_AGENTS, c->agents) && check_prefixes(c, SECTION_PATHS, c->paths);
}

/* --- opening --- */

static void numbering_fini(struct numbering *n)
{
    free(n->number);
    free(n->row);
    free(n->service);
    free(n->kept);
}

/* With numbers 0 to `count`; takes the numbers of the rows. */
static bool numbering_init(struct numbering *n, uint16_t *number, unsigned count)
{
    *n = (struct numbering){
        .count = count,
        .number = number,
        .row = calloc(count + 1, sizeof *n->row),
        .service = calloc(count + 1, sizeof *n->service),
    };
    return n->number != NULL && n->row != NULL && n->service != NULL;
}

/* A row of the image has its number: tell of it under that. */
static void list_service(const struct catalog *c, struct numbering *n, unsigned row)
{
    const struct record_service *r = &c->services[row - 1];

    n->row[n->number[row]] = (uint16_t)row;
    n->service[n->number[row]] = (struct catalog_service){
        .slug = c->strings + r->slug.at,
        .name = c->strings + r->name.at,
        .vendor = c->strings + r->vendor.at,
        .vendor_country = c->strings + r->country.at,
        .summary = c->strings + r->summary.at,
        .class = (enum service_class)r->class,
        .end_to_end = r->end_to_end != 0,
    };
}

/* As they lie in the image. */
static bool number_services(struct catalog *c)
{
    unsigned rows = section_count(c, SECTION_SERVICES);

    if (!numbering_init(&c->by, calloc(rows + 1, sizeof *c->by.number), rows))
        return false;
    for (unsigned row = 1; row <= rows; row++) {
        c->by.number[row] = (uint16_t)row;
        list_service(c, &c->by, row);
    }
    return true;
}

bool catalog_open_image(const char *name, uint8_t *image, size_t size, bool take, struct catalog **out,
                        struct imw_error_info *err)
{
    struct catalog *c = calloc(1, sizeof *c);

    if (c == NULL) {
        if (take)
            free(image);
        return error_memory(err);
    }
    c->image = image;
    c->owned = take;
    const char *fault = header_fault(image, size);
    if (fault == NULL && (!check_sections(c, size) || !check_image(c)))
        fault = "damaged: its parts contradict each other";
    if (fault != NULL) {
        error_file(err, IMW_ERROR_FORMAT, name, "%s", fault);
        catalog_close(c);
        return false;
    }
    if (!number_services(c)) {
        catalog_close(c);
        return error_memory(err);
    }
    *out = c;
    return true;
}

/* The bytes of `fd`, which is a regular file of `size` bytes. */
static uint8_t *read_image(int fd, size_t size)
{
    uint8_t *image = malloc(size > 0 ? size : 1);
    size_t len = 0;

    while (image != NULL && len < size) {
        ssize_t n = read(fd, image + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            free(image);
            return NULL;
        }
        len += (size_t)n;
    }
    return image;
}

bool catalog_open(const char *path, struct catalog **out, struct imw_error_info *err)
{
    uint8_t *image = NULL;
    size_t size;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 || fstat(fd, &st) != 0) {
        error_errno(err, path);
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (S_ISDIR(st.st_mode)) {
        close(fd);
        return catalog_compile_image(path, &image, &size, err) &&
               catalog_open_image(path, image, size, true, out, err);
    }
    size = (size_t)st.st_size;
    if (!S_ISREG(st.st_mode) || st.st_size > CATALOG_FILE_BYTES) {
        close(fd);
        return error_file(err, IMW_ERROR_FORMAT, path, "neither a folder nor a compiled catalog");
    }
    image = read_image(fd, size);
    if (image == NULL)
        error_errno(err, path);
    close(fd);
    return image != NULL && catalog_open_image(path, image, size, true, out, err);
}

void catalog_close(struct catalog *c)
{
    if (c == NULL)
        return;
    if (c->owned)
        free(c->image);
    numbering_fini(&c->by);
    trusted_free(c->trusted);
    free(c);
}

/* --- services --- */

unsigned catalog_count(const struct catalog *c)
{
    return c->by.count;
}
struct view catalog_version(const struct catalog *c)
{
    return string_view(c, c->meta->version);
}
uint64_t catalog_built(const struct catalog *c)
{
    return c->meta->built;
}

const struct catalog_service *catalog_service(const struct catalog *c, uint16_t number)
{
    return number >= 1 && number <= c->by.count ? &c->by.service[number] : NULL;
}

/* Less than, equal to or greater than zero as `a` sorts before, with or after `b`. */
static int compare(struct view a, struct view b)
{
    int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* The row of a slug, 0: none. */
static unsigned find_row(const struct catalog *c, struct view slug)
{
    unsigned low = 0, high = section_count(c, SECTION_SERVICES);

    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        int order = compare(string_view(c, c->services[middle].slug), slug);
        if (order == 0)
            return middle + 1;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

uint16_t catalog_find(const struct catalog *c, struct view slug)
{
    return c->by.number[find_row(c, slug)];
}

/* The record of a service that is in the image, or NULL. */
static const struct record_service *record_of(const struct catalog *c, uint16_t service)
{
    unsigned row = service <= c->by.count ? c->by.row[service] : 0;

    return row != 0 ? &c->services[row - 1] : NULL;
}

/* --- following another catalog --- */

/* The strings of a service, in a fixed order. */
static void strings_of(struct catalog_service *s, const char **out[5])
{
    const char **all[] = { &s->slug, &s->name, &s->vendor, &s->vendor_country, &s->summary };

    memcpy(out, all, sizeof all);
}

/* What was told of services that are in no row any more, in memory of our own: `old` may be closed. */
static bool keep_removed(struct numbering *n, const struct catalog *old)
{
    const char **string[5];
    size_t size = 0, at = 0;

    for (unsigned number = 1; number <= old->by.count; number++) {
        if (n->row[number] != 0)
            continue;
        n->service[number] = old->by.service[number];
        n->service[number].removed = true;
        strings_of(&n->service[number], string);
        for (unsigned i = 0; i < 5; i++)
            size += view_string(*string[i]).len + 1;
    }
    n->kept = malloc(size > 0 ? size : 1);
    if (n->kept == NULL)
        return false;
    for (unsigned number = 1; number <= old->by.count; number++) {
        if (n->row[number] != 0)
            continue;
        strings_of(&n->service[number], string);
        for (unsigned i = 0; i < 5; i++) {
            size_t len = view_string(*string[i]).len + 1;
            memcpy(n->kept + at, *string[i], len);
            *string[i] = n->kept + at;
            at += len;
        }
    }
    return true;
}

/* The numbers of the rows of `c`, and how many numbers there are then. NULL without memory. */
static uint16_t *numbers_after(const struct catalog *c, const struct catalog *old, unsigned *out_count)
{
    unsigned rows = section_count(c, SECTION_SERVICES);
    uint16_t *number = calloc(rows + 1, sizeof *number);

    if (number == NULL)
        return NULL;
    for (unsigned n = 1; n <= old->by.count; n++)
        number[find_row(c, view_string(old->by.service[n].slug))] = (uint16_t)n;
    number[0] = 0; /* what is in no row went there */
    *out_count = old->by.count;
    for (unsigned row = 1; row <= rows; row++)
        if (number[row] == 0)
            number[row] = (uint16_t)++ * out_count;
    return number;
}

bool catalog_follow(struct catalog *c, const struct catalog *old, struct imw_error_info *err)
{
    unsigned count = 0;
    uint16_t *number = numbers_after(c, old, &count);
    struct numbering n;

    if (count > UINT16_MAX) {
        free(number);
        return error_set(err, IMW_ERROR_LIMIT,
                         "no numbers left for new services: %u were given since the start; restart imward",
                         old->by.count);
    }
    bool ok = numbering_init(&n, number, count);
    for (unsigned row = 1; ok && row <= section_count(c, SECTION_SERVICES); row++)
        list_service(c, &n, row);
    if (!ok || !keep_removed(&n, old)) {
        numbering_fini(&n);
        return error_memory(err);
    }
    numbering_fini(&c->by);
    c->by = n;
    return true;
}

/* --- look-ups --- */

static bool hit(const struct catalog *c, uint32_t entry, struct catalog_hit *out)
{
    const struct record_entry *e = &c->entries[entry];

    *out = (struct catalog_hit){
        .service = c->by.number[e->service],
        .role = (enum server_role)e->role,
        .strength = (enum strength)e->strength,
        .entry = string_view(c, e->text),
        .source = string_view(c, e->source),
    };
    return true;
}

/* --- names --- */

struct name {
    uint8_t text[CATALOG_NAME_BYTES];
    size_t len;
    uint8_t label[CATALOG_LABELS]; /* where the last labels start, as a ring */
    unsigned labels;               /* of all */
};

static bool is_name_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '*';
}

/* `host` without port and final dot. False: the port is none. */
static bool cut_host(struct view host, struct view *out)
{
    size_t colon = view_find_byte(host, ':', 0);
    uint64_t port;

    if (colon < host.len && !view_decimal(view_from(host, colon + 1), UINT16_MAX, &port))
        return false;
    host = view_slice(host, 0, colon);
    if (host.len > 0 && host.at[host.len - 1] == '.')
        host = view_slice(host, 0, host.len - 1);
    *out = host;
    return true;
}

/* A domain name in lower case, cut into labels. False: not a domain name; an IPv4 address is none. */
static bool read_name(struct view host, struct name *out)
{
    bool digits = true;
    size_t start = 0;

    if (!cut_host(host, &host) || host.len == 0 || host.len > CATALOG_NAME_BYTES)
        return false;
    out->len = host.len;
    out->labels = 0;
    for (size_t i = 0; i <= host.len; i++) {
        if (i == host.len || host.at[i] == '.') {
            if (i == start || i - start > 63)
                return false;
            out->label[out->labels++ % CATALOG_LABELS] = (uint8_t)start;
            if (i == host.len)
                break;
            out->text[i] = '.';
            start = i + 1;
            digits = true;
            continue;
        }
        uint8_t c = ascii_lower(host.at[i]);
        if (!is_name_byte(c))
            return false;
        digits = digits && c >= '0' && c <= '9';
        out->text[i] = c;
    }
    return !digits;
}

/* Does the entry stand for `host`, whose part from `start` on has the entry's hash? */
static bool stands_for(const struct catalog *c, const struct record_entry *e, struct view host, size_t start)
{
    struct view text = string_view(c, e->text);

    if (e->form != NAME_START)
        return (e->form == NAME_BELOW || start == 0) && view_equal(text, view_from(host, start));
    struct view first = view_slice(text, 0, (size_t)e->rest - 2); /* without "*." */
    return start > first.len && view_equal(view_from(text, e->rest), view_from(host, start)) &&
           view_starts(host, first);
}

/* The entry, plus one, for `host` by its part from `start` on; 0: none. */
static uint32_t find_name(const struct catalog *c, struct view host, size_t start)
{
    uint64_t hash = hash_bytes(view_from(host, start), c->meta->seed);
    uint32_t mask = section_count(c, SECTION_NAMES) - 1, tag = (uint32_t)(hash >> 32), found = 0;

    for (uint32_t slot = (uint32_t)hash & mask; c->names[slot].entry != 0; slot = (slot + 1) & mask) {
        const struct record_name *n = &c->names[slot];
        if (n->tag != tag || !stands_for(c, &c->entries[n->entry - 1], host, start))
            continue;
        found = n->entry;
        if (c->entries[found - 1].form == NAME_START)
            break;
    }
    return found;
}

bool catalog_match_name(const struct catalog *c, struct view host, struct catalog_hit *out)
{
    struct name name;

    if (!read_name(host, &name))
        return false;
    unsigned first = name.labels > CATALOG_LABELS ? name.labels - CATALOG_LABELS : 0;
    for (unsigned i = first; i < name.labels; i++) {
        uint32_t found = find_name(c, view_of(name.text, name.len), name.label[i % CATALOG_LABELS]);
        if (found != 0)
            return c->entries[found - 1].kind != ENTRY_EXCLUDED && hit(c, found - 1, out) &&
                   !(c->trusted != NULL &&
                     trusted_name(c->trusted, view_of(name.text, name.len), out->service));
    }
    return false;
}

bool catalog_read_name(struct view host, char out[CATALOG_NAME_BYTES], size_t *out_len)
{
    struct name name;

    if (!read_name(host, &name))
        return false;
    memcpy(out, name.text, name.len);
    *out_len = name.len;
    return true;
}

bool catalog_trusts_name(const struct catalog *c, struct view host, uint16_t service)
{
    struct name name;

    return c->trusted != NULL && read_name(host, &name) &&
           trusted_name(c->trusted, view_of(name.text, name.len), service);
}

void catalog_set_trusted(struct catalog *c, struct trusted *t)
{
    trusted_free(c->trusted);
    c->trusted = t;
}

/* --- addresses --- */

static uint64_t read_be64(const uint8_t *octets)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < 8; i++)
        n = n << 8 | octets[i];
    return n;
}

/* The last interval that starts at or before the address: it holds it. */
static void find_interval4(const struct catalog *c, uint32_t addr, uint32_t *out_first, uint32_t *out_count)
{
    uint32_t low = c->index4[addr >> 24], left = c->index4[(addr >> 24) + 1] - low + 1;

    while (left > 1) {
        uint32_t half = left / 2;
        low = c->ranges4[low + half].start <= addr ? low + half : low; /* no branch: compiles to a move */
        left -= half;
    }
    *out_first = c->ranges4[low].first;
    *out_count = c->ranges4[low].count;
}

static void find_interval6(const struct catalog *c, uint64_t high, uint64_t low, uint32_t *out_first,
                           uint32_t *out_count)
{
    uint32_t at = 0, left = section_count(c, SECTION_RANGES6);

    while (left > 1) {
        uint32_t half = left / 2;
        const struct record_range6 *r = &c->ranges6[at + half];
        if (r->high < high || (r->high == high && r->low <= low))
            at += half;
        left -= half;
    }
    *out_first = c->ranges6[at].first;
    *out_count = c->ranges6[at].count;
}

bool catalog_match_address(const struct catalog *c, const struct ip_addr *addr, uint8_t l4, uint16_t port,
                           struct catalog_hit *out)
{
    uint32_t first, count;

    if (ip_is_v4(addr))
        find_interval4(c, (uint32_t)read_be64(addr->octet + 8), &first, &count);
    else
        find_interval6(c, read_be64(addr->octet), read_be64(addr->octet + 8), &first, &count);
    for (uint32_t i = first; i < first + count; i++) {
        const struct record_entry *e = &c->entries[c->candidates[i]];
        if ((e->l4 == 0 || e->l4 == l4) && port >= e->first_port && port <= e->last_port)
            return hit(c, c->candidates[i], out) && !catalog_trusts_address(c, addr, out->service);
    }
    return false;
}

bool catalog_trusts_address(const struct catalog *c, const struct ip_addr *addr, uint16_t service)
{
    return c->trusted != NULL && trusted_address(c->trusted, addr, service);
}

/* --- agents, paths, fingerprints, ports --- */

static bool match_prefix(const struct catalog *c, enum section s, const struct record_prefix *p,
                         struct view text, struct catalog_hit *out)
{
    unsigned low = 0, high = section_count(c, s);

    while (low < high) { /* the first record that sorts after `text` */
        unsigned middle = low + (high - low) / 2;
        if (compare(string_view(c, c->entries[p[middle].entry].text), text) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (uint32_t at = low; at != 0; at = p[at - 1].parent)
        if (view_starts(text, string_view(c, c->entries[p[at - 1].entry].text)))
            return hit(c, p[at - 1].entry, out);
    return false;
}

bool catalog_match_agent(const struct catalog *c, struct view agent, struct catalog_hit *out)
{
    if (match_prefix(c, SECTION_AGENTS, c->agents, agent, out))
        return true;
    for (unsigned i = 0; i < section_count(c, SECTION_AGENT_PARTS); i++) {
        struct view part =
            view_from(string_view(c, c->entries[c->agent_parts[i]].text), 1); /* after the '*' */
        if (view_find(agent, part) < agent.len)
            return hit(c, c->agent_parts[i], out);
    }
    return false;
}

bool catalog_match_path(const struct catalog *c, struct view path, struct catalog_hit *out)
{
    return match_prefix(c, SECTION_PATHS, c->paths, path, out);
}

bool catalog_has_ja4(const struct catalog *c)
{
    return section_count(c, SECTION_JA4S) > 0;
}

bool catalog_match_ja4(const struct catalog *c, struct view ja4, struct catalog_hit *out)
{
    unsigned low = 0, high = section_count(c, SECTION_JA4S);

    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        int order = compare(string_view(c, c->entries[c->ja4s[middle]].text), ja4);
        if (order == 0)
            return hit(c, c->ja4s[middle], out);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool catalog_own_port(const struct catalog *c, uint16_t service, uint8_t l4, uint16_t port)
{
    const struct record_service *s = record_of(c, service);

    if (s == NULL)
        return false;
    for (uint32_t i = s->first_port; i < s->first_port + s->port_count; i++) {
        const struct record_entry *e = &c->entries[i];
        if (e->l4 == l4 && port >= e->first_port && port <= e->last_port)
            return true;
    }
    return false;
}

/* Is all that the entry says overridden? */
static bool is_overridden(const struct catalog *c, const struct record_entry *e, uint16_t service)
{
    struct view text = string_view(c, e->text);
    struct ip_addr network;
    unsigned bits;

    if (c->trusted == NULL)
        return false;
    if (e->kind == ENTRY_RANGE)
        return ip_parse_network(text, &network, &bits) &&
               trusted_network(c->trusted, &network, bits, service);
    return e->kind == ENTRY_DOMAIN && trusted_name(c->trusted, text, service);
}

void catalog_each(const struct catalog *c, uint16_t service, catalog_visit *each, void *context)
{
    static const char *const words[] = {
#define X(id, number, word) [number] = word,
        ENTRY_KINDS(X)
#undef X
    };

    const struct record_service *s = record_of(c, service);

    if (s == NULL)
        return;
    for (uint32_t i = s->first_entry; i < s->first_entry + s->entry_count; i++) {
        const struct record_entry *e = &c->entries[i];
        if (is_overridden(c, e, service))
            continue;
        each(context, words[e->kind], (enum server_role)e->role, (enum strength)e->strength,
             string_view(c, e->text), string_view(c, e->source));
    }
}
