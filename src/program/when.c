/* SPDX-License-Identifier: Apache-2.0 */
/* Times as text. */
#include "program/when.h"
#include <stdio.h>
#include <time.h>

void when_text(uint64_t time_us, char out[WHEN_SIZE])
{
    const time_t t = (time_t)(time_us / 1000000);
    struct tm tm;
    char day[24];

    out[0] = '\0';
    if (gmtime_r(&t, &tm) != NULL && strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm) > 0)
        snprintf(out, WHEN_SIZE, "%s.%06uZ", day, (unsigned)(time_us % 1000000));
}

json_t *when_json(uint64_t time_us)
{
    char text[WHEN_SIZE];

    when_text(time_us, text);
    return time_us == 0 ? json_null() : json_pack("s", text);
}

bool when_read(const char *text, uint64_t *out_us)
{
    struct tm tm = { 0 };
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    uint64_t fraction = 0;

    if (rest == NULL) {
        tm = (struct tm){ 0 };
        rest = strptime(text, "%Y-%m-%d", &tm);
        if (rest == NULL || *rest != '\0')
            return false;
    } else {
        if (*rest == '.') {
            uint64_t unit = 100000;
            for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
                fraction += (uint64_t)(*rest - '0') * unit;
        }
        if (strcmp(rest, "Z") != 0)
            return false;
    }
    const time_t t = timegm(&tm);
    if (t < 0 || tm.tm_year > 8000)
        return false;
    *out_us = (uint64_t)t * 1000000 + fraction;
    return true;
}
