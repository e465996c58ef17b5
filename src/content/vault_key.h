/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a vault: a pair, of which who writes needs only the public half, and the key of the journal. */
#pragma once
#include "base/error.h"

enum { VAULT_KEY_BYTES = 32 };

struct vault_keys {
    uint8_t public_key[VAULT_KEY_BYTES];  /* objects' keys are sealed to it */
    uint8_t private_key[VAULT_KEY_BYTES]; /* zeros without has_private */
    uint8_t journal[VAULT_KEY_BYTES];     /* of its macs; in both files */
    bool has_private;
};

/* A new pair: `path` with both halves (0600) and `path`.pub without the private one (0640). Neither may
 * exist. */
bool vault_keys_new(const char *path, struct imw_error_info *err) IMW_MUST_USE;
/* Either file. With `public_only` a private key is refused: nobody who only writes may have it. */
bool vault_keys_read(const char *path, bool public_only, struct vault_keys *out,
                     struct imw_error_info *err) IMW_MUST_USE;
void vault_keys_forget(struct vault_keys *keys);
