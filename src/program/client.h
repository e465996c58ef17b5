/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The patch program: which client software is where, by what it says on the wire (table client_seen, kept as
 * events come) and by inventories, against advisories; who sees to it, by when; what is excused.
 * docs/patch.md.
 *
 *     client_judge.c   advisories and versions: which version is old, since which one is it safe
 *     client.c         the clerk's sweep: what was seen becomes installs, deadlines pass, sums, reminders
 *     client_act.c     imports, owners, excuses
 *     client_list.c    answers of the API
 *
 * A version is judged once (client_version), for all who run it. An install is one version of a product at
 * one holder: a client of the network, or a machine and login of an inventory. It is old from when that
 * became known here; its deadline counts from then, by the severity of the worst advisory. A newer version at
 * the same holder replaces it.
 */
#pragma once
#include "program/act.h"
#include "program/advisory_file.h"

struct catalog;

/* Of client_range r: does it count? The catalog says a number and the oldest safe version; where somebody
 * else tells the versions of the same advisory and product, theirs count, and the catalog is a further source
 * of them. */
#define CLIENT_RANGE_COUNTS                                                                                  \
    "(r.source <> 'catalog' or not exists (select 1 from client_range o where o.advisory = r.advisory and "  \
    "o.product = r.product and o.package = r.package and o.source <> 'catalog'))"

enum { CLIENTS_PAGE = 1000, CLIENT_WHY_BYTES = 2000, CLIENT_WHY_LEAST = 10, CLIENT_EXCUSE_DAYS = 365 };

/* ---- the clerk ---- */
struct client_counts {
    unsigned advisories, seen, gone, due_again, mails;
    bool more;
};
/* One step of the sweep, in transactions of its own; `more`: call it again soon. */
bool clients_sweep(struct db *db, const struct catalog *catalog, uint64_t now_us, struct client_counts *out,
                   struct imw_error_info *err) IMW_MUST_USE;

/* ---- acts; ImportTold and the like as in web/src/api/types.ts ---- */
bool client_inventory(struct act *a, const struct inventory *v, const char *name, bool whole,
                      struct view sha256, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool client_advisories(struct act *a, const struct advisory_file *f, const char *name, struct view sha256,
                       json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool client_set_owner(struct act *a, const char *product, int64_t account,
                      struct imw_error_info *err) IMW_MUST_USE;
bool client_excuse(struct act *a, int64_t install, const char *why, const char *until,
                   struct imw_error_info *err) IMW_MUST_USE;
bool client_excuse_end(struct act *a, int64_t install, struct imw_error_info *err) IMW_MUST_USE;

/* ---- answers ---- */
struct client_filter {
    const char *product, *state, *q, *cursor; /* NULL: any */
    int64_t advisory, version;                /* 0: any */
    unsigned limit;
};
bool client_products(struct act *a, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool client_product_get(struct act *a, const char *product, json_t **out,
                        struct imw_error_info *err) IMW_MUST_USE;
bool client_installs(struct act *a, const struct client_filter *f, json_t **out,
                     struct imw_error_info *err) IMW_MUST_USE;
bool client_install_get(struct act *a, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool client_advisory_page(struct act *a, const char *q, int64_t before, unsigned limit, json_t **out,
                          struct imw_error_info *err) IMW_MUST_USE;
bool client_advisory_get(struct act *a, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool client_owners(struct act *a, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool client_summary(struct act *a, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* VirusProgram over the last `days`. */
bool virus_program(struct act *a, int64_t days, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* Its short form, of the summary. */
bool virus_summary(struct act *a, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
