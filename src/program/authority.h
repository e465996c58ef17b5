/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificates of the sensor link: a small authority of the console's own (P-256), which signs the
 * collector's certificate (server, COLLECTOR_NAME) and one for each sensor (client, the sensor's name), so
 * that neither can stand in for the other.
 *
 *     FOLDER/ca/ca.key, ca.pem               the authority's key and certificate, for ten years; the keeper's
 *     FOLDER/collector/ca.pem, collector.pem what the collector needs: the authority's certificate, and its
 * own with its key
 */
#pragma once
#include "base/error.h"

struct authority;

enum {
    AUTHORITY_FINGERPRINT_BYTES = 32, /* SHA-256 of a certificate */
    AUTHORITY_DAYS = 397,             /* of a sensor's certificate */
    AUTHORITY_SENSOR_NAME_BYTES = 64,
};

/* Make in `folder` what is not there yet, and the collector's certificate anew before it ends. */
bool authority_make(const char *folder, uint64_t now_us, struct imw_error_info *err) IMW_MUST_USE;
bool authority_load(const char *folder, struct authority **out, struct imw_error_info *err) IMW_MUST_USE;
void authority_free(struct authority *a); /* NULL is fine */

/* Letters, digits, dot, dash and underscore, at most 63, a letter or digit first. */
bool authority_name_is_good(const char *name);

struct authority_issued {
    char *bundle; /* PEM: certificate, its key, the authority's certificate; the caller's, free() */
    uint8_t fingerprint[AUTHORITY_FINGERPRINT_BYTES];
    uint64_t end_us;
};
/* A certificate for this sensor, with a key of its own that is kept nowhere else. */
bool authority_issue(const struct authority *a, const char *name, unsigned days, uint64_t now_us,
                     struct authority_issued *out, struct imw_error_info *err) IMW_MUST_USE;
