/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of advisories, as their publishers give them out:
 *     OSV      ossf.github.io/osv-schema: one object, a list, {"vulns":[…]}, or an object a line
 *     NVD      nvd.nist.gov/developers, API 2.0: {"vulnerabilities":[{"cve":{…}}]}
 * Only what is about a client of client_products.def is kept. Of OSV: ranges SEMVER and ECOSYSTEM (GIT names
 * commits, which no client tells) of any ecosystem for the vendor's versions, of Debian for its packages;
 * other distributions are left out. Of NVD: `configurations` that are vulnerable, by vendor, product and
 * target system of the CPE name; what was rejected is left out. Severity: of CVSS 3 or 4 the publisher's
 * word, else reckoned from the CVSS 3 vector (first.org/cvss/v3.1, section 7.1), else the word of the
 * database; where nothing says: medium.
 *
 * Limits: ADVISORY_FILE_MOST bytes, ADVISORIES_MOST advisories with ADVISORY_RANGES_MOST ranges, brackets 32
 * deep.
 */
#pragma once
#include "program/inventory.h"

enum {
    ADVISORY_FILE_MOST = 32 << 20,
    ADVISORIES_MOST = 20000,
    ADVISORY_RANGES_MOST = 100000,
    ADVISORY_DEPTH = 32,
    ADVISORY_TITLE_BYTES = 300
};
enum severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL, SEVERITY_COUNT };
extern const char *const severity_names[SEVERITY_COUNT];
/* By name, either case; "moderate" is medium. -1: none of them. */
int severity_find(const char *name);

struct advisory_range {
    const struct client_product *product;
    enum package package;
    char introduced[VERSION_BYTES + 2], fixed[VERSION_BYTES + 1], last[VERSION_BYTES + 1];
};
struct advisory {
    char ident[64], title[ADVISORY_TITLE_BYTES], url[300];
    enum severity severity;
    uint64_t published_us;
    size_t first, count; /* its ranges */
};
struct advisory_file {
    const char *source; /* "osv", "nvd" */
    struct advisory *list;
    struct advisory_range *ranges;
    size_t count, room, range_count, range_room;
    uint64_t entries, other, skipped;
    struct line_problems problems;
};
bool advisory_file_parse(struct view file, struct advisory_file *out,
                         struct imw_error_info *err) IMW_MUST_USE;
void advisory_file_free(struct advisory_file *f);

/* The base score of a CVSS 3.0 or 3.1 vector, in tenths; -1: it is none. */
int cvss3_score(struct view vector);
