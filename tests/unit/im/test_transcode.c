/* SPDX-License-Identifier: Apache-2.0 */
/* Old encodings become valid UTF-8 whatever comes in. */
#include "im/transcode.h"
#include "test.h"

static void test_latin1_becomes_utf8(void **state)
{
    char buffer[16];
    struct text t = TEXT(buffer);

    (void)state;
    text_latin1(&t, VIEW("a\xe9z"));
    assert_string_equal(buffer, "a\xc3\xa9z");
}

static void test_text_of_unknown_charset_is_utf8_where_it_can_be(void **state)
{
    char buffer[32];
    struct text t = TEXT(buffer);

    (void)state;
    text_8bit(&t, VIEW("\xc3\xa9|"));
    text_8bit(&t, VIEW("\xe9!"));
    assert_string_equal(buffer, "\xc3\xa9|\xc3\xa9!");
}

static void test_utf16_in_both_orders_with_a_surrogate_pair(void **state)
{
    char buffer[32];
    struct text t = TEXT(buffer);

    (void)state;
    text_utf16(&t, VIEW("\x04\x16\xd8\x3d\xde\x00"), true);
    text_utf16(&t, VIEW("\x16\x04\x00\x00\x41\x00"), false);
    assert_string_equal(buffer, "\xd0\x96\xf0\x9f\x98\x80\xd0\x96");
}

static void test_half_a_surrogate_pair_is_replaced(void **state)
{
    char buffer[32];
    struct text t = TEXT(buffer);

    (void)state;
    text_utf16(&t, VIEW("\xd8\x3d\x00\x41\xde\x00\xd8\x3d"), true);
    assert_string_equal(buffer, "\xef\xbf\xbd"
                                "A"
                                "\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_cut_between_characters(void **state)
{
    char buffer[4];
    struct text t = TEXT(buffer);

    (void)state;
    text_utf16(&t, VIEW("\x00\x61\x00\xe9\x00\xe9\x00\x62"), true);
    assert_string_equal(buffer, "a\xc3\xa9");
    assert_true(t.cut);
}

static void test_base64_of_every_padding(void **state)
{
    char buffer[32];
    struct text t = TEXT(buffer);

    (void)state;
    text_base64(&t, VIEW("Zg=="));
    text_base64(&t, VIEW("Zm8="));
    text_base64(&t, VIEW("Zm9v"));
    text_base64(&t, VIEW("/+8 Zm9v"));
    assert_string_equal(buffer, "ffofoo\xff\xef");
}

static void test_code_pages_of_windows(void **state)
{
    char buffer[64];
    struct text t = TEXT(buffer);

    (void)state;
    text_windows(&t, 1250, VIEW("\xb3\x9c"));
    text_windows(&t, 1251, VIEW("\xcf\xb8"));
    text_windows(&t, 1252, VIEW("\x80\x9f\xff"));
    text_windows(&t, 1254, VIEW("\xfd\x8e\xfc"));
    assert_string_equal(buffer,
                        "\xc5\x82\xc5\x9b\xd0\x9f\xd1\x91\xe2\x82\xac\xc5\xb8\xc3\xbf\xc4\xb1\xef\xbf\xbd"
                        "\xc3\xbc");
}

static void test_base64_in_pieces_is_what_it_is_at_once(void **state)
{
    static const char text[] = "aGVs\nbG8g d29ybGQ=garbage";

    (void)state;
    for (size_t piece = 1; piece < sizeof text; piece++)
        for (size_t room = 1; room < 12; room++) {
            struct base64 b = { .bits = 0 };
            uint8_t out[16];
            size_t made = 0;
            for (size_t at = 0; at < sizeof text - 1; at += piece) {
                struct view in = view_slice(VIEW(text), at, at + piece);
                while (in.len > 0)
                    made += base64_decode(&b, &in, out + made,
                                          room < sizeof out - made ? room : sizeof out - made);
            }
            assert_int_equal(made, 11);
            assert_memory_equal(out, "hello world", 11);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_latin1_becomes_utf8),
        cmocka_unit_test(test_text_of_unknown_charset_is_utf8_where_it_can_be),
        cmocka_unit_test(test_utf16_in_both_orders_with_a_surrogate_pair),
        cmocka_unit_test(test_half_a_surrogate_pair_is_replaced),
        cmocka_unit_test(test_cut_between_characters),
        cmocka_unit_test(test_code_pages_of_windows),
        cmocka_unit_test(test_base64_of_every_padding),
        cmocka_unit_test(test_base64_in_pieces_is_what_it_is_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
