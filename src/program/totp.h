/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-time codes by time: RFC 6238 with what every authenticator does: HMAC-SHA-1, 30 seconds, six digits, 20
 * octets of secret. Called by the keeper, who alone sees secrets.
 */
#pragma once
#include "base/error.h"

enum { TOTP_SECRET_LEN = 20, TOTP_BASE32_SIZE = 33, TOTP_STEP_S = 30, TOTP_DIGITS = 6 };

/* The code of one time step. False: libcrypto failed. */
bool totp_code(struct view secret, uint64_t step, unsigned digits, char out[12]) IMW_MUST_USE;
/* Is `code` (blanks in it are left out) right now, or was it, or will it be, a step away? *out_step is its
 * step, which must be after `last`, the last one that was used. All three are always computed. */
bool totp_right(struct view secret, const char *code, uint64_t time_s, int64_t last, int64_t *out_step);

/* Base32 (RFC 4648 section 6), upper case, without padding. `size` counts the NUL; what does not fit is cut.
 */
void base32_write(struct view octets, char *out, size_t size);
