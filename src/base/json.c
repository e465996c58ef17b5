/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON. */
#include "base/json.h"

struct json json_over(char *buffer, size_t size)
{
    return (struct json){ text_over(buffer, size), false };
}

/* What stands before a value: a comma, and the key with its quotes and colon. */
static void lead(struct json *j, const char *key)
{
    struct text *t = &j->text;

    if (j->comma)
        text_char(t, ',');
    j->comma = true;
    if (key == NULL)
        return;
    text_char(t, '"');
    text_string(t, key);
    text_char(t, '"');
    text_char(t, ':');
}

void json_object(struct json *j, const char *key)
{
    lead(j, key);
    text_char(&j->text, '{');
    j->comma = false;
}

void json_object_end(struct json *j)
{
    text_char(&j->text, '}');
    j->comma = true;
}

void json_array(struct json *j, const char *key)
{
    lead(j, key);
    text_char(&j->text, '[');
    j->comma = false;
}

void json_array_end(struct json *j)
{
    text_char(&j->text, ']');
    j->comma = true;
}

/* Do eight bytes stand for themselves? A subtraction that borrows does so out of a byte that is none. */
static bool eight_plain(const uint8_t *at)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t w;

    memcpy(&w, at, sizeof w);
    return ((w | (w - ones * 0x20) | ((w ^ ones * '"') - ones) | ((w ^ ones * '\\') - ones) |
             ((w ^ ones * 0x7f) - ones)) &
            high) == 0;
}

/* Bytes at the front that stand for themselves. */
static size_t plain_length(struct view v)
{
    size_t n = 0;

    while (v.len - n >= 8 && eight_plain(v.at + n))
        n += 8;
    while (n < v.len && v.at[n] >= 0x20 && v.at[n] < 0x7f && v.at[n] != '"' && v.at[n] != '\\')
        n++;
    return n;
}

static void escaped(struct text *t, struct view v)
{
    for (;;) {
        size_t plain = plain_length(v);
        text_add(t, view_slice(v, 0, plain));
        v = view_from(v, plain);
        if (v.len == 0)
            return;
        size_t n = utf8_length(v);
        uint8_t c = v.at[0];

        if (n == 0) {
            text_string(t, "\xef\xbf\xbd"); /* U+FFFD for a byte that is not UTF-8 */
            n = 1;
        } else if (c == '"' || c == '\\') {
            text_char(t, '\\');
            text_char(t, (char)c);
        } else if (c < 0x20 || c == 0x7f) {
            text_format(t, "\\u%04x", c);
        } else {
            text_add(t, view_slice(v, 0, n));
        }
        v = view_from(v, n);
    }
}

void json_view(struct json *j, const char *key, struct view value)
{
    lead(j, key);
    text_char(&j->text, '"');
    escaped(&j->text, value);
    text_char(&j->text, '"');
}

void json_string(struct json *j, const char *key, const char *value)
{
    json_view(j, key, view_string(value));
}

void json_number(struct json *j, const char *key, uint64_t value)
{
    lead(j, key);
    text_decimal(&j->text, value);
}

void json_bool(struct json *j, const char *key, bool value)
{
    lead(j, key);
    text_string(&j->text, value ? "true" : "false");
}

/* The last `n` decimal digits of a number. */
static void digits(char *out, unsigned n, unsigned number)
{
    while (n-- > 0) {
        out[n] = (char)('0' + number % 10);
        number /= 10;
    }
}

/*
 * The date of a day since 1970-01-01, in the Gregorian calendar. libc's gmtime_r() does the same under a
 * lock. Days are counted from 1 March of the year 0, so that a leap day is a year's last: 400 years have
 * 146,097 days, and five months from March or August on 153.
 */
static void date_of(uint64_t day, unsigned *out_year, unsigned *out_month, unsigned *out_mday)
{
    day += 719468;
    unsigned era = (unsigned)(day / 146097), of_era = (unsigned)(day % 146097);
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * of_year + 2) / 153; /* 0: March */

    *out_mday = of_year - (153 * month + 2) / 5 + 1;
    *out_month = month < 10 ? month + 3 : month - 9;
    *out_year = era * 400 + year + (month >= 10);
}

void json_time(struct json *j, const char *key, uint64_t time_us)
{
    uint64_t seconds = time_us / 1000000;
    unsigned year, month, day, of_day = (unsigned)(seconds % 86400);
    char out[] = "\"0000-00-00T00:00:00.000000+0000\"";

    date_of(seconds / 86400, &year, &month, &day);
    digits(out + 1, 4, year);
    digits(out + 6, 2, month);
    digits(out + 9, 2, day);
    digits(out + 12, 2, of_day / 3600);
    digits(out + 15, 2, of_day / 60 % 60);
    digits(out + 18, 2, of_day % 60);
    digits(out + 21, 6, (unsigned)(time_us % 1000000));
    lead(j, key);
    text_add(&j->text, view_of(out, sizeof out - 1));
}
