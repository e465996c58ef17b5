/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that people give us: captures, which are analysed first, and files of events. One is a row of table
 * import: waiting, running, done or failed, and lies in the spool as import-ID until it ended.
 *
 * The same octets are stored once: by their SHA-256, in every way that files come (upload, folder, `imward
 * read --store`), unless that is asked for again.
 */
#pragma once
#include "base/json_value.h"
#include "store/feed.h"

#define IMPORT_SENSOR "import" /* sensor.name under which their events are */

enum import_kind { IMPORT_CAPTURE, IMPORT_EVENTS, IMPORT_UNKNOWN };
const char *import_kind_name(enum import_kind k);
/* By its first octets, unpacked. Moves the position of `fd`. */
bool import_kind_of(int fd, const char *name, enum import_kind *out, struct imw_error_info *err) IMW_MUST_USE;

/* A row that waits; in the caller's write transaction. `account` 0: the system; `sensor` 0: IMPORT_SENSOR. */
bool imports_add(struct db *db, int64_t account, int64_t sensor, const char *name, uint64_t size,
                 uint64_t now_us, int64_t *out_id, struct imw_error_info *err) IMW_MUST_USE;

struct import {
    int64_t id, sensor;
    char name[256];
    uint64_t size;
};
/* The first behind `after` that waits or runs. What runs is ours to go on with where it lies in our spool. */
bool import_next(struct db *db, int64_t after, struct import *out, bool *out_found,
                 struct imw_error_info *err) IMW_MUST_USE;
/* Is it one that waits or runs? */
bool import_waits(struct db *db, int64_t id, bool *out, struct imw_error_info *err) IMW_MUST_USE;
/* It runs. False with IMW_ERROR_VALUE: the same octets are, or are being, stored already by another import,
 * and `again` is not asked for; with it what is known of them is forgotten first. */
bool import_begin(struct db *db, int64_t id, int64_t sensor, enum import_kind kind,
                  const uint8_t sha256[FEED_HEAD_BYTES], bool again, struct imw_error_info *err) IMW_MUST_USE;
/* It ended; `why` NULL: well. With its audit record. */
bool import_end(struct db *db, int64_t id, const char *why, uint64_t now_us,
                struct imw_error_info *err) IMW_MUST_USE;

/* As the API has them (Import in web/src/api/types.ts), newest first, at most 200; or the one of `id`, null:
 * there is none. */
bool imports_list(struct db *db, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;

/* An analysed capture's events (whose own size is i->size), or a file of events, into the database;
 * *out_events: how many of it are stored now. False also where no line of it was an event: err says why. */
bool import_feed(struct db *db, const struct import *i, const uint8_t sha256[FEED_HEAD_BYTES], int fd,
                 bool (*tell)(void *context, const struct feed_progress *p), void *context,
                 uint64_t *out_events, struct imw_error_info *err) IMW_MUST_USE;
