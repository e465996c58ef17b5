/* SPDX-License-Identifier: Apache-2.0 */
/* Views, the cursor and addresses. */
#include "base/address.h"
#include "base/cursor.h"
#include "test.h"

static void test_cursor_error_sticks(void **state)
{
    struct cursor c = cursor_open(VIEW("\x01\x02\x03"));

    (void)state;
    assert_int_equal(cursor_u16(&c), 0x0102);
    assert_int_equal(cursor_u16(&c), 0);
    assert_true(c.bad);
    assert_int_equal(cursor_u8(&c), 0);
    assert_false(cursor_done(&c));
}

static void test_cursor_blocks_must_end_used_up(void **state)
{
    struct cursor c = cursor_open(VIEW("\x00\x02\x61\x62"));
    struct cursor block = cursor_block16(&c);

    (void)state;
    assert_true(cursor_done(&c));
    assert_int_equal(cursor_u8(&block), 'a');
    assert_false(cursor_done(&block));
    assert_int_equal(cursor_u8(&block), 'b');
    assert_true(cursor_done(&block));
}

static void test_cursor_drains_what_is_there_and_remembers_the_rest(void **state)
{
    struct cursor c = cursor_open(VIEW("abcde"));
    uint32_t left = 3;

    (void)state;
    cursor_drain(&c, &left);
    assert_int_equal(left, 0);
    assert_int_equal(cursor_u8(&c), 'd');
    left = 7;
    cursor_drain(&c, &left);
    assert_int_equal(left, 6);
    assert_true(cursor_done(&c));
}

static void test_decimal_limits(void **state)
{
    uint64_t n = 7;

    (void)state;
    assert_true(view_decimal(VIEW("65535"), 65535, &n));
    assert_int_equal(n, 65535);
    assert_false(view_decimal(VIEW("65536"), 65535, &n));
    assert_false(view_decimal(VIEW(""), 65535, &n));
    assert_false(view_decimal(VIEW("12a"), 65535, &n));
    assert_false(view_decimal(VIEW("9"), 5, &n));
    assert_true(view_decimal(VIEW("18446744073709551615"), UINT64_MAX, &n));
    assert_false(view_decimal(VIEW("18446744073709551616"), UINT64_MAX, &n));
}

static void test_lines_and_tokens(void **state)
{
    struct view v = VIEW("a b\r\nc\nd"), line;

    (void)state;
    assert_true(view_line(&v, &line));
    assert_true(view_equal(view_token(&line, ' '), VIEW("a")));
    assert_true(view_equal(line, VIEW("b")));
    assert_true(view_line(&v, &line));
    assert_true(view_equal(line, VIEW("c")));
    assert_false(view_line(&v, &line));
    assert_true(view_equal(v, VIEW("d")));
    assert_int_equal(view_find_nocase(VIEW("xxHost"), VIEW("hOST")), 2);
    assert_true(view_equal(view_trim(VIEW(" \t a \r\n")), VIEW("a")));
}

static void test_addresses(void **state)
{
    struct ip_addr a, net;
    unsigned bits;
    char name[64];
    struct text t = TEXT(name);

    (void)state;
    assert_true(ip_parse(VIEW("149.154.167.51"), &a));
    assert_true(ip_parse_network(VIEW("149.154.160.0/20"), &net, &bits));
    assert_true(ip_in_network(&a, &net, bits));
    assert_true(ip_parse(VIEW("149.154.176.1"), &a));
    assert_false(ip_in_network(&a, &net, bits));
    assert_false(ip_parse_network(VIEW("1.2.3.4/33"), &net, &bits));
    assert_false(ip_parse(VIEW("1.2.3"), &a));
    assert_false(ip_parse(view_of("1.2.3.4\0x", 9), &a));
    assert_true(ip_parse_network(VIEW("2001:db8::/32"), &net, &bits));
    assert_int_equal(bits, 32);
    text_address(&t, &net);
    assert_string_equal(name, "2001:db8::");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cursor_error_sticks),
        cmocka_unit_test(test_cursor_blocks_must_end_used_up),
        cmocka_unit_test(test_cursor_drains_what_is_there_and_remembers_the_rest),
        cmocka_unit_test(test_decimal_limits),
        cmocka_unit_test(test_lines_and_tokens),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
