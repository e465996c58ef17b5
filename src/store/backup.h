/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All of a console in one file, while it runs, and back into an empty place. The file does not know which
 * kind of database it came from: a backup of SQLite goes into PostgreSQL and the other way round. Its form is
 * told in docs/backup.md.
 */
#pragma once
#include "store/db.h"

struct backup_wish {
    const char *path; /* of the backup */
    const char *url;  /* of the database */
    const char *data; /* the data folder: where the keys are */
    bool with_keys;   /* writing: keys too */
    uint64_t now_us;
    const char *imward;                             /* version of the program that writes */
    void (*progress)(void *context, uint64_t rows); /* at times; may be NULL */
    void *context;
};
struct backup_facts {
    uint64_t time_us, rows, bytes; /* bytes: of the file */
    unsigned tables, keys, schema;
    char imward[32], from[16]; /* versions and kind of the one it was made of */
};

/* One moment of the database, in a new file (0600) that is there whole or not at all. */
bool backup_write(const struct backup_wish *wish, struct backup_facts *out,
                  struct imw_error_info *err) IMW_MUST_USE;
/* Read all of it and compare every part with its checksum; nothing is written. */
bool backup_check(const char *path, struct backup_facts *out, struct imw_error_info *err) IMW_MUST_USE;
/* Check, then put it back: all of it or nothing. The database must be empty (SQLite: not there), and so must
 * be the folder of keys where the backup has keys. */
bool backup_restore(const struct backup_wish *wish, struct backup_facts *out,
                    struct imw_error_info *err) IMW_MUST_USE;
