/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of a console, in DATA/keys: `seal` (secretbox) and `audit` (Ed25519 seed), each 32 octets in
 * hexadecimal, 0600; `audit.pub`, the half that verifies the trail, for everybody. A backup without them
 * cannot open second factors and settings that are secret, nor go on signing with the same key.
 */
#pragma once
#include "base/error.h"

enum { KEY_BYTES = 32 };
struct console_keys {
    uint8_t seal[KEY_BYTES];
    uint8_t audit_public[KEY_BYTES], audit_secret[2 * KEY_BYTES];
};

/* The folders of a data folder, 0700, and the keys, made where they are not there. False also where one is
 * open to others. */
bool keys_ensure(const char *data, struct imw_error_info *err) IMW_MUST_USE;
bool keys_read(const char *data, struct console_keys *out, struct imw_error_info *err) IMW_MUST_USE;
