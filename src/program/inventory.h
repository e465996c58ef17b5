/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is installed on machines, as inventories tell it: osquery's results (osquery.readthedocs.io,
 * "Logging": lines of events, snapshots and batches; and what osqueryi --json prints) of the tables programs,
 * apps and deb_packages, plain JSON rows, and CSV (RFC 4180) with a line of headings: host (hostname,
 * machine, computer), user (login), name (program, software, product, package), version, os (platform) Only
 * clients of messaging services (client_products.def) are kept; all else is counted. Lines that cannot be
 * read are counted, the first hundred are named.
 *
 * Limits: INVENTORY_MOST bytes, INVENTORY_ROWS clients, 64 columns, texts of 4 KiB, brackets 16 deep.
 */
#pragma once
#include "program/client_product.h"
#include "program/line_problem.h"
#include "program/version.h"

enum { INVENTORY_MOST = 32 << 20, INVENTORY_ROWS = 500000, INVENTORY_DEPTH = 16, MACHINE_BYTES = 128 };
enum package { PACKAGE_NONE, PACKAGE_DEBIAN, PACKAGE_OTHER };

struct inventory_row {
    const struct client_product *product;
    char machine[MACHINE_BYTES], login[64], os[32], version[VERSION_BYTES + 1];
    enum package package;
    uint64_t seen_us; /* 0: not told */
    bool removed;     /* it was taken away */
    size_t order;     /* in the file */
};
struct inventory {
    struct inventory_row *rows; /* by machine */
    size_t count, room;
    char (*machines)[MACHINE_BYTES]; /* all that were told of, each once, in order */
    size_t machine_count, machine_room;
    uint64_t lines, other, skipped;
    struct line_problems problems;
};
/* `host`: whose it is, where the file does not say; NULL: it must. False: it is no inventory, says what to
 * do. */
bool inventory_parse(struct view file, const char *host, struct inventory *out,
                     struct imw_error_info *err) IMW_MUST_USE;
void inventory_free(struct inventory *i);
