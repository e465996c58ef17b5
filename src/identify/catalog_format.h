/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled catalog, byte by byte; private to catalog.c (reads), catalog_compile.c (writes).
 *
 *     header | section table | section 0 | section 1 | ...
 *
 * A section is an array of records of one size. Sections follow each other in the order of SECTIONS, each
 * begun at the next multiple of 8, the gaps zero; the last ends with the file. Numbers are in the byte order
 * of the machine that compiled it, which `order` tells. The digest covers all that follows the header.
 *
 * Names: open addressing with linear probing, at most half full, keyed by hash_bytes() of the name in
 * lower-case A-labels without a final dot. A look-up asks for the whole host, then for what follows each dot:
 * the first entry found is the longest. An excluded name ends the search with nothing. A name "start*.rest"
 * lies under the hash of "rest", beside a name "rest" if there is one, and is the stronger of the two.
 *
 * Addresses: the space is cut into disjoint intervals, sorted by start, each up to the next one's start; the
 * first starts at zero. An interval lists the entries that cover it, narrowest first; most list none. For
 * IPv4 an index by the first octet narrows the binary search to a few intervals.
 *
 * Prefixes (agents, paths): sorted by text; `parent` is the longest record that is a prefix of this one. The
 * last record that sorts not after the text, or one of its ancestors, is the longest prefix.
 */
#pragma once
#include "base/address.h"
#include "base/error.h"

struct catalog;

#define CATALOG_MAGIC "IMWCAT"
enum {
    CATALOG_FORMAT = 1,
    CATALOG_ORDER = 0x01020304,
    CATALOG_LABELS = 10,            /* most labels of a name that are looked at */
    CATALOG_NAME_BYTES = 253,       /* RFC 1035 section 2.3.4, without length octets and root */
    CATALOG_FILE_BYTES = 256 << 20, /* longest compiled file */
};

/* What an entry is; the words are those of catalog_each(). */
#define ENTRY_KINDS(X)                                                                                       \
    X(DOMAIN, 0, "domain")                                                                                   \
    X(EXCLUDED, 1, "not")                                                                                    \
    X(RANGE, 2, "range")                                                                                     \
    X(PORT, 3, "port")                                                                                       \
    X(AGENT, 4, "agent")                                                                                     \
    X(PATH, 5, "path")                                                                                       \
    X(JA4, 6, "ja4")                                                                                         \
    X(CLIENT, 7, "client")                                                                                   \
    X(PROTOCOL, 8, "protocol")                                                                               \
    X(FACT, 9, "fact")

#define X(id, number, word) ENTRY_##id = number,
enum entry_kind { ENTRY_KINDS(X) ENTRY_KIND_COUNT };
#undef X

enum name_form {
    NAME_BELOW, /* stands for itself and all names below it */
    NAME_EXACT, /* for itself only */
    NAME_START, /* "start*.rest": for names below "rest" that start so */
    NAME_FORMS
};

struct string_ref {
    uint32_t at, len; /* in the section of strings; a NUL follows, which is not counted */
};

struct catalog_header {
    char magic[6];
    uint16_t format;
    uint32_t order, sections;
    uint64_t size; /* of the file */
    uint8_t digest[32];
    uint64_t zero;
};

struct catalog_section {
    uint64_t at;    /* from the start of the file */
    uint32_t count; /* records */
    uint32_t size;  /* bytes of each */
};

struct record_meta {
    uint64_t built, seed;
    struct string_ref version;
};

struct record_service {
    struct string_ref slug, name, vendor, country, summary;
    uint32_t first_entry, entry_count; /* its entries, in the order of their kinds */
    uint32_t first_port, port_count;   /* those of kind PORT */
    uint8_t class, end_to_end;
    uint16_t zero;
};

struct record_entry {
    struct string_ref text, source;
    uint16_t service; /* its row, from 1 on */
    uint8_t kind, role, strength;
    uint8_t form;                   /* of a name: enum name_form */
    uint8_t rest;                   /* of NAME_START: where "rest" starts in the text */
    uint8_t l4;                     /* 6, 17, or 0: either */
    uint16_t first_port, last_port; /* of a RANGE or PORT; 0 to 65535: any */
};

struct record_name {
    uint32_t tag;   /* high half of the hash */
    uint32_t entry; /* number plus one; 0: a free slot */
};

struct record_range4 {
    uint32_t start, first, count; /* candidates */
};

struct record_range6 {
    uint64_t high, low; /* start */
    uint32_t first, count;
};

struct record_prefix {
    uint32_t entry, parent; /* parent: number plus one; 0: none */
};

/* id, type of a record. Services are sorted by slug; AGENT_PARTS are agents found anywhere in the text. */
#define SECTIONS(X)                                                                                          \
    X(META, struct record_meta, meta)                                                                        \
    X(SERVICES, struct record_service, services)                                                             \
    X(ENTRIES, struct record_entry, entries)                                                                 \
    X(NAMES, struct record_name, names)                                                                      \
    X(RANGES4, struct record_range4, ranges4)                                                                \
    X(INDEX4, uint32_t, index4)                                                                              \
    X(RANGES6, struct record_range6, ranges6)                                                                \
    X(CANDIDATES, uint32_t, candidates)                                                                      \
    X(AGENTS, struct record_prefix, agents)                                                                  \
    X(AGENT_PARTS, uint32_t, agent_parts)                                                                    \
    X(PATHS, struct record_prefix, paths)                                                                    \
    X(JA4S, uint32_t, ja4s)                                                                                  \
    X(STRINGS, char, strings)

#define X(id, type, name) SECTION_##id,
enum section { SECTIONS(X) SECTION_COUNT };
#undef X

enum { INDEX4_COUNT = 257 }; /* by first octet; [o] is the interval of o.0.0.0, [256] the last one */

/*
 * Check an image and open it. `take`: the catalog frees it in the end (also when this fails); else it must
 * outlive the catalog. `name` stands for the file in errors. The image lies on a multiple of 8.
 */
bool catalog_open_image(const char *name, uint8_t *image, size_t size, bool take, struct catalog **out,
                        struct imw_error_info *err) IMW_MUST_USE;

/* The digest of an image, for its header. */
bool catalog_digest(const uint8_t *image, size_t size, uint8_t out[32]) IMW_MUST_USE;

/* Compile a folder in memory; the caller frees *out. */
bool catalog_compile_image(const char *folder, uint8_t **out, size_t *out_size,
                           struct imw_error_info *err) IMW_MUST_USE;

/* The image made at build time from catalog/, on a multiple of 8. */
extern const uint64_t catalog_builtin_image[];
extern const size_t catalog_builtin_size;

/* ---- overrides (catalog_overrides.c) ---- */

struct trusted;
void trusted_free(struct trusted *t); /* NULL is fine */
/* Is the name (in lower case), or the address, trusted not to be the service (0: not to be one)? */
bool trusted_name(const struct trusted *t, struct view name, uint16_t service);
bool trusted_address(const struct trusted *t, const struct ip_addr *addr, uint16_t service);
/* The same of all addresses of a network. */
bool trusted_network(const struct trusted *t, const struct ip_addr *network, unsigned bits, uint16_t service);
/* The catalog takes it, in the place of what it has. */
void catalog_set_trusted(struct catalog *c, struct trusted *t);
/* A domain name in lower case, without port and final dot. False: it is none. */
bool catalog_read_name(struct view host, char out[CATALOG_NAME_BYTES], size_t *out_len);
