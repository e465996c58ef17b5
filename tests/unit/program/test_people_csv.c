/* SPDX-License-Identifier: Apache-2.0 */
/* CSV files of people as spreadsheets write them, and what is wrong with others. */
#include "program/people_csv.h"
#include "test.h"

static struct roster *parsed(const char *text, size_t len)
{
    struct imw_error_info err = { 0 };
    struct roster *r = roster_new();

    assert_non_null(r);
    if (!people_csv_parse(view_of(text, len), r, &err))
        fail_msg("%s", err.text);
    return r;
}
#define PARSED(literal) parsed(literal, sizeof(literal) - 1)

static void refused(const char *text, size_t len, const char *words)
{
    struct imw_error_info err = { 0 };
    struct roster *r = roster_new();

    assert_false(people_csv_parse(view_of(text, len), r, &err));
    assert_non_null(strstr(err.text, words));
    roster_free(r);
}
#define REFUSED(literal, words) refused(literal, sizeof(literal) - 1, words)

static void test_headings_in_any_order_with_quotes_and_several_values(void **state)
{
    (void)state;
    struct roster *r = PARSED("\xef\xbb\xbf"
                              "Login,\"Name\",ADDRESS,number,Manager\r\n"
                              "anna;BANK\\AA,\"Adler, \"\"Anna\"\"\",10.0.0.1|2001:DB8::1,17,\r\n"
                              "\r\n"
                              "bert,\"Bert\nBaumann\",10.9.8.7/8,18,17\r\n");
    assert_int_equal(r->count, 2);
    assert_int_equal(r->problems.count, 0);
    assert_string_equal(r->people[0].name, "Adler, \"Anna\"");
    assert_string_equal(r->people[0].number, "17");
    assert_int_equal(r->people[0].aliases, 4);
    assert_string_equal(r->aliases[1].value, "aa");
    assert_string_equal(r->aliases[3].value, "2001:db8::1");
    assert_string_equal(r->people[1].name, "Bert Baumann");
    assert_string_equal(r->people[1].manager, "17");
    assert_int_equal(r->people[1].line, 4);
    assert_string_equal(r->aliases[r->people[1].first_alias + 1].value, "10.0.0.0/8");
    roster_free(r);
}

static void test_semicolons_latin1_and_people_without_numbers(void **state)
{
    (void)state;
    struct roster *r =
        PARSED("first_name;last name;email;login\nJ\xf6rg;M\xfcller;j@b.example;jm\n;Solo;s@b.example;\n");
    assert_int_equal(r->count, 2);
    assert_string_equal(r->people[0].name, "J\xc3\xb6rg M\xc3\xbcller");
    assert_string_equal(r->people[0].number, "jm");
    assert_string_equal(r->people[1].number, "s@b.example");
    assert_int_equal(r->problems.count, 1); /* that it is Latin-1 */
    assert_int_equal(r->refused, 0);
    roster_free(r);
}

static void test_lines_that_cannot_be_taken_are_named(void **state)
{
    (void)state;
    struct roster *r =
        PARSED("number,name,address,shoe\n1,A,10.0.0.300,42\n2,,10.0.0.2,42\n3,C\n,D,,\n5,\"E\"x,,\n");
    assert_int_equal(r->count, 1);
    assert_int_equal(r->refused, 4);
    assert_int_equal(r->problems.count, 6); /* the column, the address, and those four */
    assert_int_equal(r->problems.at[2].line, 3);
    roster_free(r);
}

static void test_files_that_are_no_lists(void **state)
{
    (void)state;
    REFUSED("", "empty");
    REFUSED("number,name\n", "nobody");
    REFUSED("foo,bar\n1,2\n", "name");
    REFUSED("name\nA\n", "known");
    REFUSED("number,name,name\n1,a,b\n", "same meaning");
    REFUSED("number,name\n1,\"A\n2,B\n", "never closed");
    REFUSED("\xff\xfen\0a\0", "UTF-16");
    REFUSED("PK\x03\x04\0\0", "no text");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headings_in_any_order_with_quotes_and_several_values),
        cmocka_unit_test(test_semicolons_latin1_and_people_without_numbers),
        cmocka_unit_test(test_lines_that_cannot_be_taken_are_named),
        cmocka_unit_test(test_files_that_are_no_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
