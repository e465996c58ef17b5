/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sensors as the console knows them: table sensor. Those of kind 'sensor' and 'gateway' have a certificate
 * and send their events to the collector; 'folder' and 'import' are where events of files come from.
 */
#pragma once
#include "base/json_value.h"
#include "program/permission.h"
#include "store/db.h"

enum {
    SENSOR_SILENT_S = 60,         /* a sensor says something every 10 s */
    SENSOR_CERTIFICATE_DAYS = 30, /* told when it ends so soon */
};

/* In the caller's write transaction, each with its audit record; names as authority_name_is_good(). `renew`:
 * there is one of this name, which gets another certificate, and is active again; else there may be none.
 * False with IMW_ERROR_VALUE: the name is taken, or there is none. */
bool sensors_enrol(struct db *db, const struct actor *actor, const char *address, const char *name,
                   const char *kind, bool renew, struct view fingerprint, uint64_t now_us, int64_t *out_id,
                   struct imw_error_info *err) IMW_MUST_USE;
/* False with IMW_ERROR_VALUE: there is no such sensor, or it has no certificate. */
bool sensors_revoke(struct db *db, const struct actor *actor, const char *address, int64_t id,
                    uint64_t now_us, struct imw_error_info *err) IMW_MUST_USE;
/* *out 0: there is none. */
bool sensors_find(struct db *db, const char *name, int64_t *out, struct imw_error_info *err) IMW_MUST_USE;
/* The one of this name that is no sensor ('folder', 'import'), made where it is not there. */
bool sensors_of_files(struct db *db, const char *name, const char *kind, uint64_t now_us, int64_t *out,
                      struct imw_error_info *err) IMW_MUST_USE;
/* As the API has them (Sensor in web/src/api/types.ts): a list, or the one of `id`; null: there is none. */
bool sensors_list(struct db *db, int64_t id, uint64_t now_us, json_t **out,
                  struct imw_error_info *err) IMW_MUST_USE;
