/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of catalog files, read and checked one by one; private to catalog_source.c (reads it) and
 * catalog_compile.c (makes the image of it). All views live as long as the source.
 */
#pragma once
#include "base/address.h"
#include "base/yaml.h"
#include "identify/catalog_format.h"
#include "identify/words.h"

struct source_entry {
    const struct yaml_node *node; /* where it stands, for errors */
    struct view text, source;
    enum entry_kind kind;
    enum server_role role;
    bool shared;
    enum name_form form;
    uint8_t rest; /* of NAME_START */
    uint8_t l4;
    uint16_t first_port, last_port;
    struct ip_addr network; /* of a RANGE */
    unsigned bits;          /* from the front of the 16 octets */
    uint32_t service;       /* number, from 1 on */
};

struct source_service {
    struct view slug, name, vendor, country, summary;
    enum service_class class;
    bool end_to_end;
    uint32_t first_entry, entry_count;
};

struct catalog_source {
    struct yaml **files;
    struct source_service *services; /* sorted by slug; within one, entries are sorted by kind */
    struct source_entry *entries;
    struct source_text *texts; /* owned text that the files do not hold as it is */
    struct view version;
    uint64_t built;
    uint32_t file_count, service_count, entry_count, entry_room;
};

/* False: *out is left empty. */
bool catalog_source_read(const char *folder, struct catalog_source *out,
                         struct imw_error_info *err) IMW_MUST_USE;
void catalog_source_free(struct catalog_source *s);
