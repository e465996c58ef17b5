/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where message text and files are kept when the policy says so: each as one object, encrypted at rest
 * (libsodium secretstream under a key of its own, which is sealed to the vault's public key), until its day
 * of expiry. Who writes cannot read. What was deleted is proved by a journal whose lines are chained by
 * hashes: kept, read, deleted; the journal names no content.
 */
#pragma once
#include "base/error.h"
#include "base/view.h"
#include "content/settings.h"

enum { VAULT_ID_BYTES = 33 }; /* 32 hexadecimal digits */

struct vault;

/* Opens or makes the directory (0700). The key is either half of the pair; with settings->public_only a
 * private one is refused. */
bool vault_open(const struct vault_settings *settings, struct vault **out,
                struct imw_error_info *err) IMW_MUST_USE;
void vault_close(struct vault *v);
/* Put on disk and into the journal what vault_put() was given: all of it, or what is many or has waited for a
 * second. What cannot be written is tried again by the next call; what is lost is told. Any thread. */
bool vault_commit(struct vault *v, bool all, struct imw_error_info *err) IMW_MUST_USE;

struct vault_object {
    char id[VAULT_ID_BYTES];
    bool file; /* else a message */
    uint64_t kept_us, expires_us, size;
};

/* Keep `meta` (JSON: who, when, which flow; encrypted too) with bytes, from memory or a descriptor (-1:
 * memory). It is kept for good when vault_commit() has had it: a crash before loses it, and leaves no trace.
 * Any thread. */
bool vault_put(struct vault *v, bool file, uint64_t now_us, uint64_t expires_us, struct view meta,
               struct view bytes, int fd, char out_id[VAULT_ID_BYTES],
               struct imw_error_info *err) IMW_MUST_USE;
/* Read one back, with the private key: `take` is given the meta first, then the bytes in pieces. Damage is an
 * error, never wrong bytes. */
bool vault_get(struct vault *v, const char *id, void (*take)(void *context, bool is_meta, struct view bytes),
               void *context, struct imw_error_info *err) IMW_MUST_USE;
/* Visit all objects, oldest first. */
bool vault_list(struct vault *v, void (*visit)(void *context, const struct vault_object *o), void *context,
                struct imw_error_info *err) IMW_MUST_USE;
/* Is there anything of a day that has begun? Cheap, where vault_expire() reads the whole journal. */
bool vault_due(struct vault *v, uint64_t now_us);
/* Delete what has expired; the journal says what and when. */
bool vault_expire(struct vault *v, uint64_t now_us, unsigned *out_deleted,
                  struct imw_error_info *err) IMW_MUST_USE;
/* Is the journal whole, does every object that it says is kept exist unharmed, and none that it says is
 * deleted? With the private key also: can it be read? False: err names the first that is wrong. */
bool vault_verify(struct vault *v, struct imw_error_info *err) IMW_MUST_USE;
