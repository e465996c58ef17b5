/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the institution wants done with content: filled from the policy's sections `scan`, `leaks` and `vault`
 * (src/policy/content.c), or with settings_default(). Strings are borrowed from whoever filled it.
 */
#pragma once
#include "base/error.h"

struct string_list {
    const char *const *at;
    unsigned count;
};

/* What to say of a file that no scanner could judge: scanner away, timed out, too large. */
enum scan_fallback {
    SCAN_FALLBACK_REPORT,
    SCAN_FALLBACK_ALERT,
    SCAN_FALLBACK_BLOCK, /* where somebody enforces; and an alert */
};

struct scan_settings {
    bool wanted;              /* somebody wants files scanned */
    struct string_list clamd; /* "unix:/run/clamav/clamd.ctl", "tcp:HOST:PORT"; the first that answers */
    struct string_list yara;  /* files of rules */
    struct string_list
        hashes; /* files of SHA-256, MD5 or SHA-1 in hexadecimal, one a line, a name behind it */
    struct string_list media_hashes; /* the same of copyrighted works */
    unsigned parallel;               /* files scanned at a time, 1 to 64 */
    unsigned timeout_ms;             /* of one scan */
    unsigned signature_age_h;        /* signatures older than that are an alert */
    enum scan_fallback fallback;
    uint64_t file_bytes;  /* longer files are kept and scanned up to there, and marked */
    uint64_t spool_bytes; /* of all files under way */
    unsigned archive_depth, archive_members;
    uint64_t archive_bytes; /* unpacked, of one file */
    unsigned archive_ratio; /* unpacked to packed; above it: a bomb */
};

/* One pattern of the institution's own. */
struct leak_pattern {
    const char *name;
    const char *regex; /* PCRE subset of Vectorscan */
};

struct leak_settings {
    bool wanted;
    /* Built-in kinds, each on or off: see LEAK_KINDS in leak.h; bits by enum leak_kind. */
    uint32_t kinds;
    const struct leak_pattern *patterns;
    unsigned pattern_count;
    struct string_list keywords; /* files of words and phrases, one a line */
    const char *exact;           /* file of salted hashes of customer data, made by `imward leaks hash` */
    const char *salt;            /* file of its salt; NULL: beside it, EXACT.salt */
    unsigned least;              /* findings in one text that are an alert */
};

struct vault_settings {
    const char *path; /* directory; NULL: nothing is stored */
    const char *key;  /* file of a key: either half of a pair */
    bool public_only; /* refuse a private key: whoever only writes must not be able to read */
};

struct content_settings {
    struct scan_settings scan;
    struct leak_settings leaks;
    struct vault_settings vault;
};

/* What holds where the policy says nothing: nothing wanted, and the limits of docs/content.md. */
void settings_default(struct content_settings *s);
