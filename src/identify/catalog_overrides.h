/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "This was wrong": what an institution says against the catalog, without touching it. A file of records in
 * the order in which they were made (docs/catalog.md), never rewritten but only added to:
 *
 *     - trust: portal.example            # or a network: 192.0.2.0/24
 *       not: whatsapp                    # left out: of no service
 *       by: a.person
 *       at: 2026-11-23T09:20:00Z         # or the day alone
 *       why: our own portal, behind a name that the catalog lists
 *     - distrust: portal.example         # takes it back: from now on it is evidence again
 *       ...
 *
 * A name stands for itself and all names below it. What is trusted is no evidence for that service any more;
 * all else stays as it is.
 */
#pragma once
#include "base/address.h"
#include "base/error.h"

enum {
    OVERRIDES = 4096, /* most records of a file */
    OVERRIDES_BYTES = 4 << 20,
};

struct override {
    struct view what; /* name in lower case, or network, as written */
    struct view slug; /* slug of the service; empty: any */
    struct view by, at, why;
    unsigned line;
    bool trust;                   /* false: it takes one back */
    const struct override *ended; /* of a trust: what took it back; NULL: it is in force */
    bool is_network;
    struct ip_addr network;
    unsigned bits; /* from the front of the 16 octets */
};

struct overrides;

/* A file. True: caller owns *out. False: err has file, line and key. */
bool overrides_load(const char *path, struct overrides **out, struct imw_error_info *err) IMW_MUST_USE;
/* The same from memory; `name` stands for the file. No text at all is no record. */
bool overrides_parse(const char *name, struct view text, struct overrides **out,
                     struct imw_error_info *err) IMW_MUST_USE;
void overrides_free(struct overrides *o); /* NULL is fine */

unsigned overrides_count(const struct overrides *o);
const struct override *overrides_get(const struct overrides *o, unsigned i); /* from 0, as in the file */

/* Say `text` as a record has it: a name in lower case, or a network. False: it is neither. */
bool override_read_what(struct view text, struct override *out);
