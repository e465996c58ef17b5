/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog as the console shows it: what is known of a service, beside what was seen of it. */
#pragma once
#include "base/error.h"
#include "base/json_value.h"
#include "store/db.h"

struct catalog;

/* `path` NULL: the one inside the program. */
bool catalog_view_open(const char *path, struct catalog **out, struct imw_error_info *err) IMW_MUST_USE;
void catalog_view_close(struct catalog *c);

/* {services: [CatalogRow]}, by name; `q` (in name, slug, vendor) and `class` may be NULL. */
bool catalog_view_list(struct db *db, const struct catalog *c, const char *q, const char *class, json_t **out,
                       struct imw_error_info *err) IMW_MUST_USE;
/* CatalogRow & {summary, country, domains, addresses, ports, fingerprints, clients, risks, seen}; *out NULL:
 * there is no such service. Of lists at most CATALOG_ENTRIES are told. */
enum { CATALOG_ENTRIES = 2000 };
bool catalog_view_get(struct db *db, const struct catalog *c, const char *slug, json_t **out,
                      struct imw_error_info *err) IMW_MUST_USE;
/* What the catalog says of a service's risk: {"risk":[words], "end_to_end"}. *out NULL: there is no such
 * service. */
bool catalog_view_risk(const struct catalog *c, const char *slug, json_t **out,
                       struct imw_error_info *err) IMW_MUST_USE;
