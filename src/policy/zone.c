/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time zones out of TZif files (RFC 8536). A file is a head, a block with 32-bit times, then, from version 2
 * on, a second head, a block with 64-bit times, and a footer: a POSIX TZ string between two line feeds that
 * holds for all time after the last transition. The first block and leap seconds are skipped.
 *
 * The footer's daylight saving is read in its form "Mmonth.week.day/time" (section 3.3.1), the one that the
 * database uses; a zone with another form is refused.
 */
#include "policy/zone.h"
#include "base/cursor.h"
#include "base/text.h"
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILE_BYTES = 1 << 16, TRANSITIONS = 2000, TYPES = 256, HOUR_S = 3600 };

/* The week's day of a month on which clocks change. */
struct change {
    unsigned month, week, day; /* week 5 is the last; day 0 is Sunday */
    int64_t time_s;            /* of that day, by the clock until then */
};

struct zone {
    uint32_t count;
    int64_t at[TRANSITIONS];     /* rising */
    int32_t offset[TRANSITIONS]; /* from at[i] on */
    int32_t first_offset;        /* before at[0] */
    bool has_footer, has_summer;
    int32_t standard, summer; /* offsets after the last transition */
    struct change begin, end; /* of summer time */
};

void zone_free(struct zone *z)
{
    free(z);
}

/* --- dates --- */

int64_t date_day(int64_t year, unsigned month, unsigned day)
{
    /* Years that begin in March, so that the leap day is their last. */
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = month > 2 ? month - 3 : month + 9;

    return 365 * y + floor_divide(y, 4) - floor_divide(y, 100) + floor_divide(y, 400) + (153 * m + 2) / 5 +
           day - 1 - 719468;
}

static unsigned days_of_month(int64_t year, unsigned month)
{
    return (unsigned)(date_day(year + month / 12, month % 12 + 1, 1) - date_day(year, month, 1));
}

bool date_parse(struct view v, int64_t *out_day)
{
    uint64_t year, month, day;

    if (v.len != 10 || v.at[4] != '-' || v.at[7] != '-' || !view_decimal(view_slice(v, 0, 4), 9999, &year) ||
        !view_decimal(view_slice(v, 5, 7), 12, &month) || !view_decimal(view_slice(v, 8, 10), 31, &day) ||
        year < 1970 || month == 0 || day == 0 || day > days_of_month((int64_t)year, (unsigned)month))
        return false;
    *out_day = date_day((int64_t)year, (unsigned)month, (unsigned)day);
    return true;
}

static int64_t year_of(int64_t second)
{
    int64_t day = floor_divide(second, DAY_S), year = 1970 + floor_divide(day, 366);

    while (date_day(year + 1, 1, 1) <= day)
        year++;
    return year;
}

/* --- the footer --- */

static bool next_is(const struct cursor *c, uint8_t wanted)
{
    struct view rest = cursor_peek(c);

    return rest.len > 0 && rest.at[0] == wanted;
}

static bool accept(struct cursor *c, uint8_t wanted)
{
    if (!next_is(c, wanted))
        return false;
    cursor_skip(c, 1);
    return true;
}

static int64_t take_number(struct cursor *c)
{
    struct view rest = cursor_peek(c);
    size_t n = 0;
    int64_t value = 0;

    for (; n < rest.len && n < 4 && rest.at[n] >= '0' && rest.at[n] <= '9'; n++)
        value = value * 10 + (rest.at[n] - '0');
    cursor_skip(c, n > 0 ? n : cursor_left(c) + 1); /* no digit: bad */
    return value;
}

/* [+-]hh[:mm[:ss]] */
static int64_t take_time(struct cursor *c)
{
    bool minus = accept(c, '-');
    if (!minus)
        accept(c, '+');
    int64_t s = take_number(c) * HOUR_S;
    if (accept(c, ':'))
        s += take_number(c) * 60;
    if (accept(c, ':'))
        s += take_number(c);
    return minus ? -s : s;
}

/* CET or <+03> */
static void skip_abbreviation(struct cursor *c)
{
    struct view rest = cursor_peek(c);
    size_t n = 0;

    if (next_is(c, '<'))
        n = view_find_byte(rest, '>', 0) + 1;
    else
        while (n < rest.len && ascii_lower(rest.at[n]) >= 'a' && ascii_lower(rest.at[n]) <= 'z')
            n++;
    cursor_skip(c, n >= 3 ? n : cursor_left(c) + 1);
}

static struct change take_change(struct cursor *c)
{
    struct change out = { .time_s = 2 * HOUR_S };

    if (!accept(c, ',') || !accept(c, 'M'))
        c->bad = true;
    out.month = (unsigned)take_number(c);
    accept(c, '.');
    out.week = (unsigned)take_number(c);
    accept(c, '.');
    out.day = (unsigned)take_number(c);
    if (accept(c, '/'))
        out.time_s = take_time(c);
    if (out.month < 1 || out.month > 12 || out.week < 1 || out.week > 5 || out.day > 6)
        c->bad = true;
    return out;
}

static bool read_footer(struct zone *z, struct view text)
{
    struct cursor c = cursor_open(text);

    if (text.len == 0)
        return true;
    skip_abbreviation(&c);
    z->standard = (int32_t)-take_time(&c);
    z->has_footer = true;
    if (cursor_left(&c) > 0) {
        skip_abbreviation(&c);
        z->has_summer = true;
        z->summer = next_is(&c, ',') ? z->standard + HOUR_S : (int32_t)-take_time(&c);
        z->begin = take_change(&c);
        z->end = take_change(&c);
    }
    return cursor_done(&c);
}

/* The second, UTC, of a change in `year`, where clocks are `offset` ahead until then. */
static int64_t change_at(const struct change *g, int64_t year, int32_t offset)
{
    int64_t first = date_day(year, g->month, 1);
    unsigned sunday_first = (day_of_week(first) + 1) % 7;
    unsigned day = (g->day + 7 - sunday_first) % 7 + (g->week - 1) * 7;

    while (day >= days_of_month(year, g->month))
        day -= 7;
    return (first + day) * DAY_S + g->time_s - offset;
}

static int32_t footer_offset(const struct zone *z, int64_t utc_s)
{
    if (!z->has_summer)
        return z->standard;
    int64_t year = year_of(utc_s + z->standard);
    int64_t begin = change_at(&z->begin, year, z->standard), end = change_at(&z->end, year, z->summer);
    bool summer = begin < end ? utc_s >= begin && utc_s < end : utc_s >= begin || utc_s < end;
    return summer ? z->summer : z->standard;
}

/* --- the file --- */

struct head {
    uint32_t version, utc, wall, leap, times, types, letters;
};

static bool take_head(struct cursor *c, struct head *h)
{
    bool named = view_equal(cursor_take(c, 4), VIEW("TZif"));

    h->version = cursor_u8(c);
    cursor_skip(c, 15);
    h->utc = cursor_u32(c);
    h->wall = cursor_u32(c);
    h->leap = cursor_u32(c);
    h->times = cursor_u32(c);
    h->types = cursor_u32(c);
    h->letters = cursor_u32(c);
    return !c->bad && named && h->times <= TRANSITIONS && h->types >= 1 && h->types <= TYPES &&
           h->letters <= 1024 && h->leap <= 1024 && h->utc <= TYPES && h->wall <= TYPES;
}

static bool take_block(struct cursor *c, const struct head *h, struct zone *z)
{
    uint8_t type[TRANSITIONS];
    int32_t offset[TYPES];

    for (uint32_t i = 0; i < h->times; i++)
        z->at[i] = (int64_t)cursor_u64(c);
    for (uint32_t i = 0; i < h->times; i++)
        type[i] = cursor_u8(c);
    for (uint32_t i = 0; i < h->types; i++) {
        offset[i] = (int32_t)cursor_u32(c);
        cursor_skip(c, 2);
        if (offset[i] < -2 * DAY_S || offset[i] > 2 * DAY_S)
            return false;
    }
    for (uint32_t i = 0; i < h->times; i++) {
        if (type[i] >= h->types || (i > 0 && z->at[i] <= z->at[i - 1]))
            return false;
        z->offset[i] = offset[type[i]];
    }
    z->count = h->times;
    z->first_offset = offset[0];
    cursor_skip(c, h->letters + h->leap * 12 + h->wall + h->utc);
    return !c->bad;
}

static bool read_file(struct zone *z, struct view file)
{
    struct cursor c = cursor_open(file);
    struct head h;

    if (!take_head(&c, &h) || h.version < '2')
        return false;
    cursor_skip(&c, h.times * 5 + h.types * 6 + h.letters + h.leap * 8 + h.wall + h.utc);
    if (!take_head(&c, &h) || !take_block(&c, &h, z))
        return false;
    struct view footer = cursor_rest(&c), line;
    return view_line(&footer, &line) && line.len == 0 && view_line(&footer, &line) && read_footer(z, line);
}

bool zone_parse(struct view file, struct zone **out)
{
    struct zone *z = calloc(1, sizeof *z);

    if (z == NULL)
        return false;
    if (!read_file(z, file)) {
        zone_free(z);
        return false;
    }
    *out = z;
    return true;
}

/* Words of letters, digits and _ + - with single slashes between: nothing that leaves the database's folder.
 */
static bool is_zone_name(struct view v)
{
    uint8_t before = '/';

    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.at[i], lower = ascii_lower(c);
        bool word =
            (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-';
        if (!word && (c != '/' || before == '/'))
            return false;
        before = c;
    }
    return v.len < 64 && before != '/';
}

bool zone_load(const char *name, struct zone **out, struct imw_error_info *err)
{
    char path[128];
    struct text t = TEXT(path);
    uint8_t *data = NULL;
    bool ok = false;

    text_format(&t, "/usr/share/zoneinfo/%s", name);
    int fd = is_zone_name(view_string(name)) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0 && (data = malloc(FILE_BYTES)) != NULL) {
        ssize_t n = read(fd, data, FILE_BYTES);
        ok = n > 0 && zone_parse(view_of(data, (size_t)n), out);
    }
    free(data);
    if (fd >= 0)
        close(fd);
    return ok || error_set(err, IMW_ERROR_VALUE,
                           "no such time zone on this system; a name such as Europe/Zurich is "
                           "needed, and the package tzdata");
}

int64_t zone_local(const struct zone *z, int64_t utc_s)
{
    if (z == NULL)
        return utc_s;
    if (z->count == 0)
        return utc_s + (z->has_footer ? footer_offset(z, utc_s) : z->first_offset);
    if (utc_s < z->at[0])
        return utc_s + z->first_offset;
    if (utc_s >= z->at[z->count - 1] && z->has_footer)
        return utc_s + footer_offset(z, utc_s);
    uint32_t low = 0, high = z->count; /* at[low] <= utc_s < at[high] */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (z->at[middle] <= utc_s)
            low = middle;
        else
            high = middle;
    }
    return utc_s + z->offset[low];
}

int64_t zone_utc(const struct zone *z, int64_t local_s)
{
    int64_t utc = local_s;

    for (unsigned i = 0; i < 2; i++) /* the second time with the offset of that time itself */
        utc = local_s - (zone_local(z, utc) - utc);
    return utc;
}

/* "+01:00" or "Z", in seconds that clocks there are ahead. */
static bool offset_parse(struct view v, int64_t *out)
{
    uint32_t minutes;

    *out = 0;
    if (v.len == 1)
        return v.at[0] == 'Z' || v.at[0] == 'z';
    if (v.len != 6 || (v.at[0] != '+' && v.at[0] != '-') || !clock_parse(view_from(v, 1), &minutes) ||
        minutes >= 24 * 60)
        return false;
    *out = (v.at[0] == '-' ? -60 : 60) * (int64_t)minutes;
    return true;
}

bool time_parse(struct view v, int64_t *out_utc_s)
{
    uint64_t second;
    uint32_t minutes;
    int64_t day, ahead_s;
    size_t end = 19; /* of the second */

    if (v.len < 20 || (v.at[10] != 'T' && v.at[10] != 't') || v.at[16] != ':' ||
        !date_parse(view_slice(v, 0, 10), &day) || !clock_parse(view_slice(v, 11, 16), &minutes) ||
        minutes >= 24 * 60 || !view_decimal(view_slice(v, 17, 19), 60, &second))
        return false;
    if (v.at[end] == '.')
        for (end++; end < v.len && v.at[end] >= '0' && v.at[end] <= '9';)
            end++;
    if (!offset_parse(view_from(v, end), &ahead_s))
        return false;
    *out_utc_s = day * DAY_S + minutes * 60 + (int64_t)second - ahead_s;
    return true;
}

bool clock_parse(struct view v, uint32_t *out)
{
    uint64_t hour, minute;

    if (v.len != 5 || v.at[2] != ':' || !view_decimal(view_slice(v, 0, 2), 24, &hour) ||
        !view_decimal(view_slice(v, 3, 5), 59, &minute) || hour * 60 + minute > 24 * 60)
        return false;
    *out = (uint32_t)(hour * 60 + minute);
    return true;
}

bool weekday_parse(struct view v, unsigned *out)
{
    static const char *const days[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

    for (unsigned i = 0; i < 7; i++)
        if (view_equal_nocase(v, view_string(days[i]))) {
            *out = i;
            return true;
        }
    return false;
}
