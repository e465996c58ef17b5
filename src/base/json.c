/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON. */
#include "base/json.h"
#include <stdio.h>
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

static void escaped(struct text *t, struct view v)
{
    while (v.len > 0) {
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

void json_time(struct json *j, const char *key, uint64_t time_us)
{
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm tm;
    char date[32];

    gmtime_r(&seconds, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    lead(j, key);
    text_format(&j->text, "\"%s.%06u+0000\"", date, (unsigned)(time_us % 1000000));
}
