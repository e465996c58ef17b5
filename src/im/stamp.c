/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points in time: RFC 3339 as XMPP (XEP-0082) and IRC (server-time) write it, and the form of XEP-0091 before
 * it.
 */
#include "im/stamp.h"
#include "base/cursor.h"

/* `digits` digits as a number up to `max`; else the cursor is bad. */
static unsigned take_number(struct cursor *c, unsigned digits, unsigned max)
{
    uint64_t n = 0;

    if (!view_decimal(cursor_take(c, digits), max, &n))
        c->bad = true;
    return (unsigned)n;
}

static bool take_char(struct cursor *c, char wanted)
{
    struct view next = cursor_peek(c);

    if (next.len == 0 || next.at[0] != (uint8_t)wanted)
        return false;
    cursor_skip(c, 1);
    return true;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar, from 1970 on. */
static uint64_t days_to(unsigned year, unsigned month, unsigned day)
{
    static const uint16_t before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    unsigned past = month > 2 ? year : year - 1; /* years whose leap day is over */

    return (uint64_t)(year - 1970) * 365 + (past / 4 - 492) - (past / 100 - 19) + (past / 400 - 4) +
           before[month - 1] + day - 1;
}

/* A fraction of a second, and what is behind the time: nothing, Z or an offset, as minutes to take off. */
static bool take_rest(struct cursor *c, uint64_t *out_fraction_us, int *out_minutes)
{
    uint64_t unit = 100000;

    if (take_char(c, '.'))
        for (struct view next = cursor_peek(c); next.len > 0 && next.at[0] >= '0' && next.at[0] <= '9';
             next = cursor_peek(c), unit /= 10)
            *out_fraction_us += (uint64_t)(cursor_u8(c) - '0') * unit;
    if (cursor_done(c) || take_char(c, 'Z') || take_char(c, 'z'))
        return cursor_done(c);
    bool east = take_char(c, '+');
    if (!east && !take_char(c, '-'))
        return false;
    unsigned hours = take_number(c, 2, 23);
    (void)take_char(c, ':');
    int minutes = (int)(hours * 60 + take_number(c, 2, 59));
    *out_minutes = east ? minutes : -minutes;
    return cursor_done(c);
}

uint64_t stamp_us(struct view v)
{
    struct cursor c = cursor_open(v);
    uint64_t fraction_us = 0;
    int offset = 0;

    unsigned year = take_number(&c, 4, 9999);
    bool dashes = take_char(&c, '-');
    unsigned month = take_number(&c, 2, 12);
    if (dashes && !take_char(&c, '-'))
        return 0;
    unsigned day = take_number(&c, 2, 31);
    if (!take_char(&c, 'T') && !take_char(&c, 't') && !take_char(&c, ' '))
        return 0;
    unsigned hour = take_number(&c, 2, 23);
    bool colons = take_char(&c, ':');
    unsigned minute = take_number(&c, 2, 59);
    colons = take_char(&c, ':') && colons;
    unsigned second = take_number(&c, 2, 60);
    if (c.bad || !colons || year < 1970 || month == 0 || day == 0 || !take_rest(&c, &fraction_us, &offset))
        return 0;
    int64_t seconds =
        (int64_t)(days_to(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) - offset * 60;
    return seconds > 0 ? (uint64_t)seconds * 1000000 + fraction_us : 0;
}
