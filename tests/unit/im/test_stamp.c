/* SPDX-License-Identifier: Apache-2.0 */
#include "im/stamp.h"
#include "test.h"

static void test_times_are_read_to_the_microsecond(void **state)
{
    (void)state;
    assert_int_equal(stamp_us(VIEW("1970-01-01T00:00:01Z")), 1000000);
    assert_int_equal(stamp_us(VIEW("2026-01-01T00:00:00.000Z")), 1767225600000000);
    assert_int_equal(stamp_us(VIEW("2024-02-29T12:30:59.123456Z")), 1709209859123456);
    assert_int_equal(stamp_us(VIEW("2024-03-01T00:00:00.1234567Z")), 1709251200123456);
    assert_int_equal(stamp_us(VIEW("2000-12-31T23:59:60Z")), 978307200000000);
    assert_int_equal(stamp_us(VIEW("20020910T23:08:25")), 1031699305000000);
}

static void test_offsets_are_taken_off(void **state)
{
    (void)state;
    assert_int_equal(stamp_us(VIEW("2026-01-01T01:00:00+01:00")), 1767225600000000);
    assert_int_equal(stamp_us(VIEW("2025-12-31T18:30:00-05:30")), 1767225600000000);
}

static void test_what_is_no_time_is_none(void **state)
{
    static const char *const bad[] = { "",
                                       "2026",
                                       "2026-13-01T00:00:00Z",
                                       "2026-00-01T00:00:00Z",
                                       "2026-01-00T00:00:00Z",
                                       "2026-01-01T24:00:00Z",
                                       "2026-01-01T00:00Z",
                                       "2026-01-01T00:00:00X",
                                       "2026-01-01T00:00:00Zx",
                                       "2026-01-01T00:00:00+1",
                                       "1969-12-31T23:59:59Z",
                                       "1970-01-01T00:00:00+01:00",
                                       "2026-01-01 ",
                                       "-026-01-01T00:00:00Z" };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(stamp_us(view_string(bad[i])), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_are_read_to_the_microsecond),
        cmocka_unit_test(test_offsets_are_taken_off),
        cmocka_unit_test(test_what_is_no_time_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
