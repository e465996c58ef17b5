/* SPDX-License-Identifier: Apache-2.0 */
/* JSON writing: commas, escapes, bytes that are not text. */
#include "base/json.h"
#include "test.h"
#include <stdio.h>
#include <time.h>

static void test_nested_values_have_their_commas(void **state)
{
    char buffer[256];
    struct json j = json_over(buffer, sizeof buffer);

    (void)state;
    json_object(&j, NULL);
    json_number(&j, "a", 1);
    json_array(&j, "b");
    json_string(&j, NULL, "x");
    json_object(&j, NULL);
    json_object_end(&j);
    json_array_end(&j);
    json_bool(&j, "c", true);
    json_time(&j, "t", 1700000000123456);
    json_object_end(&j);
    assert_string_equal(buffer,
                        "{\"a\":1,\"b\":[\"x\",{}],\"c\":true,\"t\":\"2023-11-14T22:13:20.123456+0000\"}");
}

static void test_hostile_text_stays_one_json_string(void **state)
{
    char buffer[256];
    struct json j = json_over(buffer, sizeof buffer);

    (void)state;
    json_view(&j, NULL, VIEW("a\"b\\c\n\x01\xff\xc3\xa9\x7f"));
    assert_string_equal(buffer, "\"a\\\"b\\\\c\\u000a\\u0001\xef\xbf\xbd\xc3\xa9\\u007f\"");
}

static void test_every_byte_at_every_place_is_escaped_alike(void **state)
{
    char alone[64], buffer[256], wanted[256];

    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        struct json j = json_over(alone, sizeof alone);
        uint8_t byte = (uint8_t)c;
        json_view(&j, NULL, view_of(&byte, 1));
        alone[j.text.len - 1] = '\0'; /* the closing quote */
        for (unsigned at = 0; at < 20; at++) {
            uint8_t in[20];
            memset(in, 'x', sizeof in);
            in[at] = byte;
            j = json_over(buffer, sizeof buffer);
            json_view(&j, NULL, view_of(in, sizeof in));
            snprintf(wanted, sizeof wanted, "\"%.*s%s%.*s\"", (int)at, "xxxxxxxxxxxxxxxxxxx", alone + 1,
                     (int)(19 - at), "xxxxxxxxxxxxxxxxxxx");
            assert_string_equal(buffer, wanted);
        }
    }
}

static void test_dates_are_those_of_the_c_library(void **state)
{
    static const uint64_t special[] = { 0, 951782399, 951782400, 951868800, 4107542400, 253402300799 };
    char buffer[64], wanted[64];
    struct tm tm;

    (void)state;
    for (unsigned i = 0; i < 60000; i++) {
        uint64_t s = i < 6 ? special[i] : (uint64_t)i * 2 * 86400 + i * 7919 % 86400; /* to the year 2298 */
        time_t t = (time_t)s;
        struct json j = json_over(buffer, sizeof buffer);
        json_time(&j, NULL, s * 1000000 + i);
        gmtime_r(&t, &tm);
        size_t n = strftime(wanted, sizeof wanted, "\"%Y-%m-%dT%H:%M:%S.", &tm);
        snprintf(wanted + n, sizeof wanted - n, "%06u+0000\"", i);
        assert_string_equal(buffer, wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nested_values_have_their_commas),
        cmocka_unit_test(test_hostile_text_stays_one_json_string),
        cmocka_unit_test(test_every_byte_at_every_place_is_escaped_alike),
        cmocka_unit_test(test_dates_are_those_of_the_c_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
