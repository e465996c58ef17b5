/* SPDX-License-Identifier: Apache-2.0 */
/* JSON writing: commas, escapes, bytes that are not text. */
#include "base/json.h"
#include "test.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nested_values_have_their_commas),
        cmocka_unit_test(test_hostile_text_stays_one_json_string),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
