/* SPDX-License-Identifier: Apache-2.0 */
/* Local time and dates. libc knows one time zone a process; a policy brings its own. */
#pragma once
#include "base/error.h"

enum { DAY_S = 24 * 3600 };

struct zone;

/* A zone of the system's time zone database, "Europe/Zurich". Caller owns *out. */
bool zone_load(const char *name, struct zone **out, struct imw_error_info *err) IMW_MUST_USE;
/* One from the bytes of a TZif file. */
bool zone_parse(struct view file, struct zone **out) IMW_MUST_USE;
void zone_free(struct zone *z);

/* Seconds since 1970 as clocks on the wall count them. NULL is UTC. */
int64_t zone_local(const struct zone *z, int64_t utc_s);
/* The time at which they show this; of two, or of none where clocks are put forward, a near one. */
int64_t zone_utc(const struct zone *z, int64_t local_s);

/* Days since 1970-01-01, which was a Thursday, of a date "2027-01-31". */
bool date_parse(struct view v, int64_t *out_day);
int64_t date_day(int64_t year, unsigned month, unsigned day); /* Gregorian; month and day from 1 */

/* The second, UTC, of "2027-01-31T18:00:00Z", or with an offset (RFC 3339); a fraction is left out. */
bool time_parse(struct view v, int64_t *out_utc_s);

/* "08:00", up to "24:00", in minutes. */
bool clock_parse(struct view v, uint32_t *out);
/* "mon", from 0 on. */
bool weekday_parse(struct view v, unsigned *out);

static inline int64_t floor_divide(int64_t a, int64_t b) /* b above 0 */
{
    return a / b - (a % b < 0);
}

static inline unsigned day_of_week(int64_t day) /* 0: Monday */
{
    return (unsigned)(day + 3 - floor_divide(day + 3, 7) * 7);
}
