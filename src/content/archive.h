/* SPDX-License-Identifier: Apache-2.0 */
/* What is inside archives, one member after the other, archives in archives too, within limits. */
#pragma once
#include "content/spool.h"
#include <locale.h>

struct archive_limits {
    unsigned depth, members, ratio;
    uint64_t bytes;      /* unpacked, all levels together */
    int64_t deadline_ms; /* by CLOCK_MONOTONIC */
    locale_t names;      /* one of UTF-8; 0: names that are not ASCII stay empty */
};

struct archive_member {
    struct view name;        /* as in the archive, hostile; those of archives around it before it */
    struct view content;     /* empty for folders and what cannot be read */
    struct spool_file *file; /* holds the content; NULL: there is none */
    uint64_t size;           /* that it claims, or that came */
    bool encrypted;
};

/* False: enough seen. */
typedef bool archive_visit(void *context, const struct archive_member *m);

struct archive_report {
    bool is_archive; /* it could be opened as one */
    bool encrypted;  /* something in it is */
    bool unreadable; /* something in it could not be read */
    bool bomb;
    bool overlap; /* members of a zip lie over each other */
    bool limited; /* there is more than the limits allow to look at */
    bool timed_out;
    unsigned members;
    uint64_t unpacked_bytes;
};

/* Visit all members of `content`. What is unpacked lies in files of the spool that `beside` belongs to. A
 * content that is no archive has no members. */
void archive_walk(struct view content, struct spool_file *beside, const struct archive_limits *limits,
                  archive_visit *visit, void *context, struct archive_report *out);
