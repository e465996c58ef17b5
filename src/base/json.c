/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON. */
#include "base/json.h"
#include <time.h>

struct json json_over(char *buffer, size_t size)
{
    return (struct json){ text_over(buffer, size), false };
}

static void lead(struct json *j, const char *key)
{
    if (j->comma)
        text_char(&j->text, ',');
    j->comma = true;
    if (key != NULL) {
        text_char(&j->text, '"');
        text_string(&j->text, key);
        text_string(&j->text, "\":");
    }
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

/* Bytes at the front that stand for themselves. */
static size_t plain_length(struct view v)
{
    size_t n = 0;

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

void json_time(struct json *j, const char *key, uint64_t time_us)
{
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm tm = { 0 };
    char out[] = "\"0000-00-00T00:00:00.000000+0000\"";

    gmtime_r(&seconds, &tm);
    digits(out + 1, 4, (unsigned)tm.tm_year + 1900);
    digits(out + 6, 2, (unsigned)tm.tm_mon + 1);
    digits(out + 9, 2, (unsigned)tm.tm_mday);
    digits(out + 12, 2, (unsigned)tm.tm_hour);
    digits(out + 15, 2, (unsigned)tm.tm_min);
    digits(out + 18, 2, (unsigned)tm.tm_sec);
    digits(out + 21, 6, (unsigned)(time_us % 1000000));
    lead(j, key);
    text_string(&j->text, out);
}
