/* SPDX-License-Identifier: Apache-2.0 */
/* Counts of an approved channel out of a file: what is taken, what is refused, and what it says of it. */
#include "program/approved_list.h"
#include "test.h"
#include <stdio.h>
#include <stdlib.h>

static struct approved_list *parse(const char *text, struct imw_error_info *err)
{
    struct approved_list *l = approved_list_new();

    assert_non_null(l);
    *err = (struct imw_error_info){ 0 };
    if (approved_csv_parse(view_string(text), l, err))
        return l;
    approved_list_free(l);
    return NULL;
}

static void test_columns_are_found_by_name(void **state)
{
    struct imw_error_info err;
    struct approved_list *l = parse("\xef\xbb\xbf"
                                    "Date;Team;E-Mail;Sent\r\n2026-11-02;x;\"Anna@Bank.example\";12\r\n"
                                    "2026-11-03T00:00:00;y;anna@bank.example;0\r\n",
                                    &err);

    (void)state;
    assert_non_null(l);
    assert_int_equal(l->count, 2);
    assert_int_equal(l->name_count, 1); /* upper and lower case are one */
    assert_string_equal(l->names[0], "anna@bank.example");
    assert_int_equal(l->at[0].day, 20261102);
    assert_int_equal(l->at[0].messages, 12);
    assert_int_equal(l->at[1].day, 20261103);
    assert_int_equal(l->day_count, 2);
    assert_int_equal(l->refused, 0);
    approved_list_free(l);
}

static void test_bad_lines_are_counted_and_named(void **state)
{
    struct imw_error_info err;
    struct approved_list *l =
        parse("day,person,messages\n2026-11-02,anna,3\n2026-02-30,anna,3\n02.11.2026,anna,3\n"
              "2026-11-02,,3\n2026-11-02,anna,many\n2026-11-02,anna,1000001\n2026-11-02,anna\n"
              "2026-11-02,anna,-1\n2024-02-29,bert,1\n",
              &err);

    (void)state;
    assert_non_null(l);
    assert_int_equal(l->lines, 9);
    assert_int_equal(l->count, 2);
    assert_int_equal(l->refused, 7);
    assert_int_equal(l->problems.count, 7);
    assert_int_equal(l->problems.at[0].line, 3);
    assert_string_equal(l->problems.at[0].text, "'2026-02-30' is no day: it is written 2026-11-23");
    approved_list_free(l);
}

static void test_what_is_no_such_file_is_refused(void **state)
{
    static const struct {
        const char *text, *says;
    } wrong[] = {
        { "", "empty" },
        { "day,person,messages\n", "only its line of headings" },
        { "day,person\n2026-11-02,anna\n", "names the columns" },
        { "day,person,login,messages\n", "same meaning" },
        { "day,person,messages\n2026-11-02,\"anna,3\n", "never closed" },
    };
    struct imw_error_info err;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_null(parse(wrong[i].text, &err));
        assert_int_equal(err.code, IMW_ERROR_FORMAT);
        assert_non_null(strstr(err.text, wrong[i].says));
    }
}

static void test_more_days_than_a_file_may_have(void **state)
{
    char text[32 * 500];
    size_t at = (size_t)sprintf(text, "day,person,messages\n");
    struct imw_error_info err;

    (void)state;
    for (unsigned i = 0; i < 402; i++)
        at += (size_t)sprintf(text + at, "%u-%02u-%02u,a,1\n", 2020 + i / 336, i / 28 % 12 + 1, i % 28 + 1);
    assert_null(parse(text, &err));
    assert_non_null(strstr(err.text, "more than 400 days"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_are_found_by_name),
        cmocka_unit_test(test_bad_lines_are_counted_and_named),
        cmocka_unit_test(test_what_is_no_such_file_is_refused),
        cmocka_unit_test(test_more_days_than_a_file_may_have),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
