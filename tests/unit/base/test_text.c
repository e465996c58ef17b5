/* SPDX-License-Identifier: Apache-2.0 */
/* Text building: cuts are whole characters, received bytes cannot smuggle control characters. */
#include "base/text.h"
#include "test.h"

static void test_text_that_does_not_fit_is_cut_and_says_so(void **state)
{
    char buffer[6];
    struct text t = TEXT(buffer);

    (void)state;
    text_string(&t, "abc");
    assert_false(t.cut);
    text_format(&t, "%s", "defgh");
    assert_true(t.cut);
    assert_string_equal(buffer, "abcde");
    text_decimal(&t, 7);
    assert_string_equal(buffer, "abcde");
}

static void test_printable_keeps_utf8_and_replaces_the_rest(void **state)
{
    char buffer[64];
    struct text t = TEXT(buffer);

    (void)state;
    text_printable(&t, VIEW("a\x1b[31m\xc3\xa9\xff\xc2\x85\xed\xa0\x80\n"));
    assert_string_equal(buffer, "a?[31m\xc3\xa9????"
                                "??");
}

static void test_shown_replaces_what_turns_a_line(void **state)
{
    char buffer[64];
    struct text t = TEXT(buffer);

    (void)state;
    text_shown(&t, VIEW("a\xe2\x80\xae"
                        "b\xe2\x81\xa6"
                        "c\xe2\x81\xa9"
                        "d\xe2\x80\xa8\xe2\x80\xaf\xe2\x81\xaa\x1b"));
    assert_string_equal(buffer, "a?b?c?d?\xe2\x80\xaf\xe2\x81\xaa?");
}

static void test_printable_never_cuts_inside_a_character(void **state)
{
    char buffer[4];
    struct text t = TEXT(buffer);

    (void)state;
    text_printable(&t, VIEW("ab\xe2\x82\xac"));
    assert_string_equal(buffer, "ab");
    assert_true(t.cut);
}

static void test_largest_number(void **state)
{
    char buffer[32];
    struct text t = TEXT(buffer);

    (void)state;
    text_decimal(&t, UINT64_MAX);
    text_char(&t, ' ');
    text_decimal(&t, 0);
    assert_string_equal(buffer, "18446744073709551615 0");
}

static void test_percent_encoding_is_taken_off(void **state)
{
    char buffer[16], small[4];
    struct text t = TEXT(buffer), cut = TEXT(small);

    (void)state;
    text_percent(&t, VIEW("a%20%C3%a9+%4%zz%"));
    assert_string_equal(buffer, "a \xc3\xa9+%4%zz%");
    text_percent(&cut, VIEW("%41%42%43%44"));
    assert_string_equal(small, "ABC");
    assert_true(cut.cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_that_does_not_fit_is_cut_and_says_so),
        cmocka_unit_test(test_printable_keeps_utf8_and_replaces_the_rest),
        cmocka_unit_test(test_shown_replaces_what_turns_a_line),
        cmocka_unit_test(test_printable_never_cuts_inside_a_character),
        cmocka_unit_test(test_largest_number),
        cmocka_unit_test(test_percent_encoding_is_taken_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
