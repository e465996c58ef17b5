/* SPDX-License-Identifier: Apache-2.0 */
/* The list of who is at which address, over what the traffic told. */
#include "../test.h"
#include "sensor/who_file.h"

static struct ip_addr address(const char *text)
{
    struct ip_addr a = { 0 };

    assert_true(ip_parse(view_string(text), &a));
    return a;
}

static void test_what_the_list_says_stands_over_what_was_seen(void **state)
{
    struct known_who who = {
        .host = "seen", .user = "seen", .host_source = WHO_DHCP, .user_source = WHO_KERBEROS
    };
    struct ip_addr both = address("10.20.0.17"), net = address("10.20.40.9"), other = address("10.30.0.1");
    struct who_file *f;

    (void)state;
    assert_true(who_file_parse("who",
                               VIEW("10.20.0.17 user=alice host=pc-17\n10.20.40.0/24 host=printers # all\n"),
                               1234567, &f, NULL));
    assert_int_equal(who_file_lines(f), 2);
    assert_false(who_file_tell(f, &other, &who));
    assert_string_equal(who.host, "seen");
    assert_true(who_file_tell(f, &net, &who));
    assert_string_equal(who.host, "printers");
    assert_int_equal(who.host_source, WHO_FILE);
    assert_int_equal(who.host_us, 1234567);
    assert_string_equal(who.user, "seen");
    assert_int_equal(who.user_source, WHO_KERBEROS);
    assert_true(who_file_tell(f, &both, &who));
    assert_string_equal(who.host, "pc-17");
    assert_string_equal(who.user, "alice");
    assert_int_equal(who.user_source, WHO_FILE);
    who_file_free(f);
    who_file_free(NULL);
}

static void test_long_and_strange_names_are_cut_and_printable(void **state)
{
    struct ip_addr a = address("10.0.0.1");
    struct known_who who = { 0 };
    struct who_file *f;

    (void)state;
    assert_true(who_file_parse("who",
                               VIEW("10.0.0.1 user=a\x1b"
                                    "b host=01234567890123456789012345678901234567890123456789"
                                    "012345678901234567890123456789"),
                               0, &f, NULL));
    assert_true(who_file_tell(f, &a, &who));
    assert_string_equal(who.user, "a?b");
    assert_int_equal(strlen(who.host), 63);
    who_file_free(f);
}

static void test_lines_that_say_nothing_are_refused(void **state)
{
    static const char *const lines[] = {
        "10.0.0.1", "10.0.0.1 alice", "10.0.0.1 user=", "10.0.0.1 user=a user=b", "10.0.0.1 host=a x=y",
        "user=a",
    };
    struct who_file *f;

    (void)state;
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct imw_error_info err = { 0 };
        assert_false(who_file_parse("who", view_string(lines[i]), 0, &f, &err));
        assert_int_equal(err.line, 1);
        assert_true(err.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_list_says_stands_over_what_was_seen),
        cmocka_unit_test(test_long_and_strange_names_are_cut_and_printable),
        cmocka_unit_test(test_lines_that_say_nothing_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
