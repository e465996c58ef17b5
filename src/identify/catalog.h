/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of every service, compiled to one read-only file that is mapped and searched in place.
 *
 * Written by catalog_compile from a folder of YAML files (one a service, see docs/catalog.md), read by any
 * number of threads. All offsets in the file are checked once, when it is opened; a damaged file is refused.
 */
#pragma once
#include "base/address.h"
#include "base/error.h"
#include "identify/words.h"

struct catalog;

struct catalog_service {
    const char *slug, *name, *vendor, *vendor_country, *summary;
    enum service_class class;
    bool end_to_end; /* messages are encrypted from person to person: content cannot be inspected */
    bool removed;    /* not in this catalog, but in one that it follows: what was told there last */
};

/* Strength of what an entry proves on its own. */
enum strength {
    STRENGTH_SHARED = 1, /* other services use it too: a weak hint */
    STRENGTH_PROOF = 2,
};

struct catalog_hit {
    uint16_t service; /* number, for catalog_service() */
    enum server_role role;
    enum strength strength;
    struct view entry;  /* the catalog's entry, as written: "whatsapp.net", "149.154.160.0/20" */
    struct view source; /* where the entry comes from; may be empty */
};

/* The catalog that is built into the program. */
bool catalog_builtin(struct catalog **out, struct imw_error_info *err) IMW_MUST_USE;
/* A compiled file, or a folder of YAML files, which is compiled in memory. Caller owns *out, catalog_close().
 */
bool catalog_open(const char *path, struct catalog **out, struct imw_error_info *err) IMW_MUST_USE;
void catalog_close(struct catalog *c);

/*
 * Give the services of `c` the numbers that they have in `old`, by their slugs; new ones get numbers behind
 * the highest that was ever given. So flows, records and what is known keep their meaning when `c` takes the
 * place of `old`. A service that `c` does not hold keeps its number and is still told of by
 * catalog_service(), though nothing matches it and catalog_find() does not find it; should it come back, it
 * gets the same number.
 *
 * Before `c` is used; what was got from it is void. `old` may be closed afterwards. False: `c` is as it was;
 * the 65,535 numbers are used up, or there is no memory.
 */
bool catalog_follow(struct catalog *c, const struct catalog *old, struct imw_error_info *err) IMW_MUST_USE;

/*
 * What the institution says against the catalog (catalog_overrides.h): what is trusted there is no evidence
 * any more, in catalog_match_name() and catalog_match_address(). After catalog_follow(), before `c` is used;
 * the catalog itself stays as it is. False: `c` is as it was, err has file and line.
 */
bool catalog_override(struct catalog *c, const char *path, struct imw_error_info *err) IMW_MUST_USE;
/* Is it trusted not to be this service (0: not to be some service)? For what was learnt of it before, or by
 * another way. */
bool catalog_trusts_name(const struct catalog *c, struct view host, uint16_t service);
bool catalog_trusts_address(const struct catalog *c, const struct ip_addr *addr, uint16_t service);

/* Services are numbered 1 to catalog_count(), those removed included. */
unsigned catalog_count(const struct catalog *c);
const struct catalog_service *catalog_service(const struct catalog *c, uint16_t number); /* NULL: no such */
uint16_t catalog_find(const struct catalog *c, struct view slug); /* 0: no such, or removed */
struct view catalog_version(const struct catalog *c);             /* "2026.11.22" */
uint64_t catalog_built(const struct catalog *c);                  /* seconds since 1970 */

/*
 * The longest entry that is `host` or a parent domain of it, on label boundaries, ASCII case folded; a final
 * dot, and a port after a colon, are ignored. Not a domain name, or no entry: false. The cost does not depend
 * on the number of entries. Entries are A-labels (RFC 5890); YAML may hold U-labels.
 */
bool catalog_match_name(const struct catalog *c, struct view host, struct catalog_hit *out);

/* The narrowest range that holds `addr`, and whose l4 and port (where it names them) fit. */
bool catalog_match_address(const struct catalog *c, const struct ip_addr *addr, uint8_t l4, uint16_t port,
                           struct catalog_hit *out);

/* The entry that is a prefix of a user agent (or, with a leading '*', a part of it); ASCII case counts. */
bool catalog_match_agent(const struct catalog *c, struct view agent, struct catalog_hit *out);

/* The longest path prefix. */
bool catalog_match_path(const struct catalog *c, struct view path, struct catalog_hit *out);

/* The service of a JA4 that is unique to its clients. */
bool catalog_has_ja4(const struct catalog *c);
bool catalog_match_ja4(const struct catalog *c, struct view ja4, struct catalog_hit *out);

/* Is this one of the ports of the service's own protocol? Those of TLS, QUIC and HTTP are not. */
bool catalog_own_port(const struct catalog *c, uint16_t service, uint8_t l4, uint16_t port);

/* Compile every *.yaml of `folder` into `out_file`. Errors name file, line and key. */
bool catalog_compile(const char *folder, const char *out_file, struct imw_error_info *err) IMW_MUST_USE;

/* Call `each` with every name, range … of a service, for `catalog show` and exports, but for those that are
 * overridden as a whole: kind is "domain", "range", "port",
 * "agent", "path", "ja4", "client". */
typedef void catalog_visit(void *context, const char *kind, enum server_role role, enum strength strength,
                           struct view entry, struct view source);
void catalog_each(const struct catalog *c, uint16_t service, catalog_visit *each, void *context);
