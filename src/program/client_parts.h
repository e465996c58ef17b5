/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the patch program share. Private to them. */
#pragma once
#include "program/client.h"
#include "program/setting.h"

static const uint64_t client_day_us = UINT64_C(86400000000);

/* ---- advisories, versions (client_judge.c) ---- */
/* The built-in advisories and the catalog's; *out_changed: how many were not as they are now. */
bool client_builtin(struct db *db, const struct catalog *catalog, uint64_t now_us, unsigned *out_changed,
                    struct imw_error_info *err) IMW_MUST_USE;
/* Put one in, with its ranges of this source in place of those that were there; *out_id. */
struct client_advisory {
    const char *ident, *source, *title, *url;
    enum severity severity;
    uint64_t published_us;
};
bool client_advisory_put(struct db *db, const struct client_advisory *y, const struct advisory_range *ranges,
                         size_t count, uint64_t now_us, struct imw_error_info *err) IMW_MUST_USE;
/* The row of a version, made and judged where it is new. `out_state` has room for 16. */
bool client_version_row(struct db *db, const char *product, struct view version, enum package package,
                        uint64_t now_us, int64_t *out_id, char *out_state, int64_t *out_rank,
                        struct imw_error_info *err) IMW_MUST_USE;
/* Judge all versions of a product anew, and what is installed of them. */
bool client_rejudge(struct db *db, const char *product, uint64_t now_us,
                    struct imw_error_info *err) IMW_MUST_USE;
/* Is this version named by that advisory? */
bool client_advisory_versions(struct db *db, int64_t advisory, int64_t *out, unsigned room,
                              unsigned *out_count, struct imw_error_info *err) IMW_MUST_USE;
/* When what is known to be old since `from_us` is due. */
bool client_due(struct db *db, int64_t rank, uint64_t from_us, int64_t *out_us,
                struct imw_error_info *err) IMW_MUST_USE;

/* ---- installs (client.c) ---- */
struct client_sighting {
    const char *holder, *product, *machine, *login, *os; /* of the wire: machine, login NULL */
    int64_t who, person;                                 /* 0: none */
    struct view version;
    enum package package;
    uint64_t first_us, last_us;
};
bool client_install_put(struct db *db, const struct client_sighting *s, uint64_t now_us,
                        struct imw_error_info *err) IMW_MUST_USE;
/* The sums of a product, of all (NULL). */
bool client_recount(struct db *db, const char *product, uint64_t now_us,
                    struct imw_error_info *err) IMW_MUST_USE;
