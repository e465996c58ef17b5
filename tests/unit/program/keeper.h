/* SPDX-License-Identifier: Apache-2.0 */
/* A keeper for tests: passwords are "hashed" by a sign before them, second factors not sealed; it counts its
 * work, which must not tell a name that is there from one that is not. */
#pragma once
#include "program/session.h"
#include "program/totp.h"
#include <sodium.h>
#include <stdio.h>

struct test_keeper {
    struct account_keeper table;
    unsigned computed; /* hashes, made or compared */
    uint8_t secret[TOTP_SECRET_LEN];
    struct directory_person person; /* of the directory, subject "": there is none */
    const char *directory_password;
    void (*meanwhile)(void *context); /* while it computes: what others do */
    void *context;
};

static bool test_hash(void *context, const char *password, char out[ACCOUNT_HASH_SIZE],
                      struct imw_error_info *err)
{
    struct test_keeper *k = context;

    (void)err;
    k->computed++;
    snprintf(out, ACCOUNT_HASH_SIZE, "$%s", password);
    return true;
}

static bool test_check(void *context, const char *password, const char *hash, bool *out_right,
                       struct imw_error_info *err)
{
    struct test_keeper *k = context;

    (void)err;
    k->computed++;
    *out_right = hash[0] == '$' && strcmp(hash + 1, password) == 0;
    if (k->meanwhile != NULL)
        k->meanwhile(k->context);
    return true;
}

static bool test_totp_new(void *context, char secret[64], uint8_t sealed[ACCOUNT_SEALED_MOST],
                          size_t *out_len, struct imw_error_info *err)
{
    struct test_keeper *k = context;

    (void)err;
    randombytes_buf(k->secret, sizeof k->secret);
    base32_write(view_of(k->secret, sizeof k->secret), secret, 64);
    memcpy(sealed, k->secret, sizeof k->secret);
    *out_len = sizeof k->secret;
    return true;
}

static bool test_totp(void *context, struct view sealed, const char *code, uint64_t time_s, int64_t last,
                      bool *out_right, int64_t *out_step, struct imw_error_info *err)
{
    (void)context, (void)err;
    *out_right = totp_right(sealed, code, time_s, last, out_step);
    return true;
}

static bool test_directory(void *context, struct db *db, const char *name, const char *password,
                           bool *out_right, struct directory_person *out, struct imw_error_info *err)
{
    const struct test_keeper *k = context;

    (void)db, (void)err;
    *out_right = k->person.subject[0] != '\0' && strcmp(name, k->person.name) == 0 &&
                 strcmp(password, k->directory_password) == 0;
    if (*out_right)
        *out = k->person;
    return true;
}

static inline void test_keeper_init(struct test_keeper *k)
{
    *k = (struct test_keeper){ .table = { .context = k,
                                          .hash = test_hash,
                                          .check = test_check,
                                          .totp_new = test_totp_new,
                                          .totp = test_totp,
                                          .directory = test_directory } };
}
