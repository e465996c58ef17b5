/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be a password: twelve characters at least, whatever they are, and not what everybody tries first:
 * runs and repetitions, and the commonest words, which digits and signs around them do not make rarer. There
 * are no rules of character classes (NIST SP 800-63B section 5.1.1.2).
 */
#include "program/account.h"
#include <assert.h>
#include <ctype.h>
#include <sodium.h>

/* Lower case; with whatever is no letter cut off at both ends. */
static const char *const common[] = {
    "password",
    "passwort",
    "kennwort",
    "passw",
    "passwd",
    "motdepasse",
    "contrasena",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "qwerty",
    "qwertz",
    "azerty",
    "asdfghjkl",
    "zxcvbnm",
    "yxcvbnm",
    "qwertyuiopasdfghjkl",
    "qazwsx",
    "qazwsxedc",
    "qazwsxedcrfv",
    "admin",
    "administrator",
    "root",
    "superuser",
    "letmein",
    "letmeinplease",
    "welcome",
    "willkommen",
    "iloveyou",
    "ichliebedich",
    "trustno",
    "dragon",
    "monkey",
    "football",
    "baseball",
    "superman",
    "batman",
    "sunshine",
    "princess",
    "starwars",
    "whatever",
    "master",
    "shadow",
    "michael",
    "jennifer",
    "charlie",
    "computer",
    "internet",
    "changeme",
    "changemenow",
    "changeit",
    "default",
    "secret",
    "topsecret",
    "test",
    "testtest",
    "testing",
    "abc",
    "abcd",
    "abcdefghijkl",
    "aaaaaaaaaaaa",
    "hello",
    "helloworld",
    "imward",
    "compliance",
    "summer",
    "winter",
    "spring",
    "autumn",
    "sommer",
    "herbst",
    "monday",
    "january",
    "february",
    "march",
    "april",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "correcthorsebatterystaple",
    "passwordpassword",
    "mypassword",
    "thisismypassword",
    "newpassword",
    "mynewpassword",
    "login",
};

static bool is_run(struct view v)
{
    unsigned up = 0, down = 0, same = 0;

    for (size_t i = 1; i < v.len; i++) {
        const uint8_t a = v.at[i - 1], b = v.at[i];
        up += b == a + 1 || (a == '9' && b == '0') || (a == 'z' && b == 'a');
        down += a == b + 1 || (a == '0' && b == '9') || (a == 'a' && b == 'z');
        same += a == b;
    }
    return v.len > 1 && (up == v.len - 1 || down == v.len - 1 || same == v.len - 1);
}

/* The same few characters again and again. */
static bool is_repetition(struct view v)
{
    for (size_t unit = 1; unit <= 8 && unit * 2 <= v.len; unit++) {
        size_t i = unit;
        while (i < v.len && v.at[i] == v.at[i - unit])
            i++;
        if (i == v.len)
            return true;
    }
    return false;
}

static bool is_common(struct view v)
{
    while (v.len > 0 && v.at[0] < 0x80 && !isalpha(v.at[0]))
        v = view_from(v, 1);
    while (v.len > 0 && v.at[v.len - 1] < 0x80 && !isalpha(v.at[v.len - 1]))
        v.len--;
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++)
        if (view_equal(v, view_string(common[i])))
            return true;
    return v.len <= 2; /* a number with signs */
}

bool password_check(const char *password, const char *name, struct imw_error_info *err)
{
    char folded[ACCOUNT_PASSWORD_MOST + 1];
    size_t characters = 0, len = strlen(password);

    if (len > ACCOUNT_PASSWORD_MOST)
        return error_key(err, "password", "a password has at most %d bytes", ACCOUNT_PASSWORD_MOST);
    for (size_t i = 0; i < len; i++) {
        characters += ((uint8_t)password[i] & 0xc0) != 0x80;
        folded[i] = (char)ascii_lower((uint8_t)password[i]);
    }
    if (characters < ACCOUNT_PASSWORD_MIN)
        return error_key(err, "password",
                         "a password has at least %d characters: a sentence is easy to keep in mind",
                         ACCOUNT_PASSWORD_MIN);
    const struct view v = view_of(folded, len);
    const struct view who = view_string(name);
    if (is_run(v) || is_repetition(v) || is_common(v) || (who.len >= 8 && view_find(v, who) < v.len))
        return error_key(err, "password",
                         "this password is among the first that somebody would try: take another");
    return true;
}

/* libsodium's "moderate". */
#define HASH_OPERATIONS crypto_pwhash_OPSLIMIT_MODERATE
#define HASH_MEMORY crypto_pwhash_MEMLIMIT_MODERATE

bool password_hash(const char *password, char out[ACCOUNT_HASH_SIZE], struct imw_error_info *err)
{
    static_assert((int)crypto_pwhash_STRBYTES <= (int)ACCOUNT_HASH_SIZE, "a hash fits");
    if (sodium_init() < 0 ||
        crypto_pwhash_str(out, password, strlen(password), HASH_OPERATIONS, HASH_MEMORY) != 0)
        return error_set(err, IMW_ERROR_MEMORY, "no memory to hash a password: %u MiB are needed",
                         (unsigned)(HASH_MEMORY >> 20));
    return true;
}

bool password_matches(const char *password, const char *hash, bool *out_right, struct imw_error_info *err)
{
    if (sodium_init() < 0 || crypto_pwhash_str_needs_rehash(hash, HASH_OPERATIONS, HASH_MEMORY) != 0)
        return error_set(err, IMW_ERROR_VALUE, "the stored password is no hash of ours");
    *out_right = crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
    return true;
}
