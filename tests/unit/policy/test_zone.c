/* SPDX-License-Identifier: Apache-2.0 */
/* Dates and time zones: a TZif file made here, its transitions and its footer; broken ones. */
#include "base/text.h"
#include "policy/zone.h"
#include "test.h"

static void dates_count_days_since_1970(void **state)
{
    static const struct {
        const char *date;
        int64_t day;
    } good[] = {
        { "1970-01-01", 0 },     { "2000-02-29", 11016 }, { "2000-03-01", 11017 },
        { "2026-11-23", 20780 }, { "2100-03-01", 47541 },
    };
    static const char *const bad[] = { "",           "2026-11-3",   "2026-13-01", "2026-00-01",
                                       "2027-02-29", "2100-02-29",  "2026-11-31", "2026/11/23",
                                       "1969-12-31", "2026-11-230", "-026-11-23" };
    int64_t day;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(date_parse(view_string(good[i].date), &day));
        assert_int_equal(day, good[i].day);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (date_parse(view_string(bad[i]), &day))
            fail_msg("accepted: %s", bad[i]);
    assert_int_equal(day_of_week(0), 3);     /* a Thursday */
    assert_int_equal(day_of_week(20780), 0); /* a Monday */
}

static size_t put(uint8_t *out, size_t at, uint64_t value, unsigned octets)
{
    for (unsigned i = 0; i < octets; i++)
        out[at + i] = (uint8_t)(value >> 8 * (octets - 1 - i));
    return at + octets;
}

static size_t put_head(uint8_t *out, size_t at, unsigned times, unsigned types)
{
    memcpy(out + at, "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    at += 20;
    const unsigned counts[] = { 0, 0, 0, times, types, 4 };
    for (unsigned i = 0; i < 6; i++)
        at = put(out, at, counts[i], 4);
    return at;
}

/* One hour ahead; two from 1,000,000 to 2,000,000; then what the footer says. RFC 8536 section 3. */
static size_t make_zone(uint8_t out[256], const char *footer)
{
    size_t at = put_head(out, 0, 0, 1);

    at = put(out, at, 0, 6); /* a type */
    at = put(out, at, 0, 4); /* its letters */
    at = put_head(out, at, 2, 2);
    at = put(out, at, 1000000, 8);
    at = put(out, at, 2000000, 8);
    at = put(out, at, 1, 1);
    at = put(out, at, 0, 1);
    at = put(out, at, 3600, 4);
    at = put(out, at, 0, 2);
    at = put(out, at, 7200, 4);
    at = put(out, at, 0x0100, 2);
    at = put(out, at, 0, 4);
    out[at++] = '\n';
    memcpy(out + at, footer, strlen(footer));
    at += strlen(footer);
    out[at++] = '\n';
    return at;
}

static int64_t offset(const char *footer, int64_t utc_s)
{
    uint8_t file[256];
    struct zone *z;

    if (!zone_parse(view_of(file, make_zone(file, footer)), &z))
        fail_msg("refused: %s", footer);
    int64_t local = zone_local(z, utc_s);
    zone_free(z);
    return local - utc_s;
}

static void transitions_count_until_the_last_then_the_footer(void **state)
{
    static const char europe[] = "CET-1CEST,M3.5.0,M10.5.0/3", york[] = "EST5EDT,M3.2.0,M11.1.0",
                      south[] = "<-04>4<-03>,M9.1.6/24,M4.1.6/24";

    (void)state;
    assert_int_equal(offset(europe, 999999), 3600);
    assert_int_equal(offset(europe, 1000000), 7200);
    assert_int_equal(offset(europe, 1999999), 7200);
    assert_int_equal(offset(europe, 1774745999), 3600); /* 2026-03-29 00:59:59 */
    assert_int_equal(offset(europe, 1774746000), 7200);
    assert_int_equal(offset(europe, 1792889999), 7200); /* 2026-10-25 00:59:59 */
    assert_int_equal(offset(europe, 1792890000), 3600);
    assert_int_equal(offset(york, 1772953199), -5 * 3600); /* 2026-03-08 06:59:59 */
    assert_int_equal(offset(york, 1772953200), -4 * 3600);
    assert_int_equal(offset(york, 1793512800), -5 * 3600);  /* 2026-11-01 06:00 */
    assert_int_equal(offset(south, 1768478400), -3 * 3600); /* 2026-01-15: summer */
    assert_int_equal(offset(south, 1784116800), -4 * 3600); /* 2026-07-15 */
    assert_int_equal(offset("<+0530>-5:30", 1784116800), 19800);
    assert_int_equal(offset("", 1784116800), 3600);
    assert_int_equal(zone_local(NULL, 5), 5);
}

static void broken_zones_are_refused(void **state)
{
    static const char *const footers[] = {
        "CET",    "C1",    "CET-1CEST,J60,J300", "CET-1CEST,M13.1.0,M10.5.0", "CET-1CEST", "CET-1CEST,M3.5.0",
        "<CET-1", "CET-1 "
    };
    uint8_t file[256];
    struct zone *z;

    (void)state;
    for (size_t i = 0; i < sizeof footers / sizeof footers[0]; i++)
        if (zone_parse(view_of(file, make_zone(file, footers[i])), &z))
            fail_msg("accepted: %s", footers[i]);
    size_t len = make_zone(file, "CET-1");
    for (size_t cut = 0; cut < len; cut++)
        assert_false(zone_parse(view_of(file, cut), &z));
    file[4] = '1'; /* before version 2 there was no footer */
    assert_false(zone_parse(view_of(file, len), &z));
}

static void names_do_not_leave_the_database(void **state)
{
    static const char *const bad[] = { "",
                                       "/etc/passwd",
                                       "../../../etc/passwd",
                                       "Europe/../../x",
                                       "Europe//Zurich",
                                       "Europe/",
                                       "Nowhere/Here",
                                       "a b" };
    struct imw_error_info err;
    struct zone *z;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(zone_load(bad[i], &z, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_count_days_since_1970),
        cmocka_unit_test(transitions_count_until_the_last_then_the_footer),
        cmocka_unit_test(broken_zones_are_refused),
        cmocka_unit_test(names_do_not_leave_the_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
