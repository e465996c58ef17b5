/* SPDX-License-Identifier: Apache-2.0 */
/* One-time codes: RFC 6238 over HOTP (RFC 4226 section 5.3), and base32 (RFC 4648 section 6). */
#include "program/totp.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdio.h>

bool totp_code(struct view secret, uint64_t step, unsigned digits, char out[12])
{
    uint8_t counter[8], mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    uint64_t most = 1;

    for (unsigned i = 0; i < sizeof counter; i++)
        counter[i] = (uint8_t)(step >> (56 - 8 * i));
    if (HMAC(EVP_sha1(), secret.at, (int)secret.len, counter, sizeof counter, mac, &len) == NULL || len != 20)
        return false;
    const uint32_t number = view_u32(view_of(mac, len), mac[19] & 0x0f) & 0x7fffffff;
    for (unsigned i = 0; i < digits; i++)
        most *= 10;
    snprintf(out, 12, "%0*llu", (int)digits, (unsigned long long)(number % most));
    sodium_memzero(mac, sizeof mac);
    return true;
}

bool totp_right(struct view secret, const char *code, uint64_t time_s, int64_t last, int64_t *out_step)
{
    const uint64_t now = time_s / TOTP_STEP_S;
    char given[TOTP_DIGITS + 1] = "", right[12];
    size_t len = 0;
    bool found = false;

    for (; *code != '\0'; code++)
        if (*code != ' ' && len++ < TOTP_DIGITS)
            given[len - 1] = *code;
    for (uint64_t step = now > 0 ? now - 1 : 0; step <= now + 1; step++) {
        const bool made = totp_code(secret, step, TOTP_DIGITS, right);
        if (made && sodium_memcmp(given, right, TOTP_DIGITS) == 0 && len == TOTP_DIGITS &&
            (int64_t)step > last && !found) {
            *out_step = (int64_t)step;
            found = true;
        }
    }
    return found;
}

void base32_write(struct view octets, char *out, size_t size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint32_t bits = 0;
    unsigned have = 0;
    size_t at = 0;

    for (size_t i = 0; i < octets.len; i++) {
        bits = bits << 8 | octets.at[i];
        for (have += 8; have >= 5; have -= 5)
            if (at + 1 < size)
                out[at++] = letters[bits >> (have - 5) & 31];
        bits &= 31;
    }
    if (have > 0 && at + 1 < size)
        out[at++] = letters[bits << (5 - have) & 31];
    if (size > 0)
        out[at] = '\0';
}
