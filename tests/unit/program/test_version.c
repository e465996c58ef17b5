/* SPDX-License-Identifier: Apache-2.0 */
/* Versions compared: a table of older and newer, both ways round. */
#include "program/version.h"
#include "test.h"

struct pair {
    const char *older, *newer;
};

static void assert_order(enum version_kind kind, const struct pair *p)
{
    const struct view a = view_string(p->older), b = view_string(p->newer);

    if (version_compare(kind, a, b) >= 0 || version_compare(kind, b, a) <= 0)
        fail_msg("%s is not older than %s", p->older, p->newer);
    if (version_compare(kind, a, a) != 0 || version_compare(kind, b, b) != 0)
        fail_msg("%s or %s is not itself", p->older, p->newer);
}

static void test_what_vendors_write(void **state)
{
    static const struct pair pairs[] = {
        { "2.9", "2.10" },
        { "2.14.8", "2.14.9" },
        { "2.14", "2.14.9" },
        { "v1.9.6", "1.9.7" },
        { "1.0", "1.0.0.1" },
        { "4.8.1 (6)", "4.8.2" },
        { "5.9.7", "5.10.0 (4306)" },
        { "0.3.9308", "2.2450.6" },
        { "2.2449.9.0", "2.2450.6" },
        { "1.0-beta", "1.0" },
        { "1.0.0-alpha", "1.0.0-alpha.1" },
        { "1.0.0-alpha.1", "1.0.0-beta" },
        { "1.0.0-beta", "1.0.0-beta.2" },
        { "1.0.0-beta.2", "1.0.0-beta.11" },
        { "1.0.0-beta.11", "1.0.0-rc.1" },
        { "1.0.0-rc.1", "1.0.0" },
        { "7.0a1", "7.0" },
        { "7.0b2", "7.0rc1" },
        { "1.0~rc1", "1.0" },
        { "1.0", "1.0p1" },
        { "9999999999999999999", "10000000000000000000" },
        { "1.11.30", "1.12.0-rc.1" },
    };
    static const struct pair same[] = { { "1.0", "1.0.0" },        { "v2.3", "2.3" },
                                        { "1.2+build7", "1.2" },   { "01.02", "1.2" },
                                        { "1.0.0-RC1", "1.0rc1" }, { "5.10.0 (4306)", "5.10" },
                                        { "1_2_3", "1.2.3" } };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        assert_order(VERSION_PLAIN, &pairs[i]);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        if (version_compare(VERSION_PLAIN, view_string(same[i].older), view_string(same[i].newer)) != 0)
            fail_msg("%s is not %s", same[i].older, same[i].newer);
}

/* Compared with what `dpkg --compare-versions` says. */
static void test_what_debian_writes(void **state)
{
    static const struct pair pairs[] = {
        { "2.14.1-1", "2.14.1-1+deb11u1" },
        { "2.14.1-1+deb11u1", "2.14.12-1" },
        { "2.14.12-1", "1:0.9-1" },
        { "1.0~rc1-1", "1.0-1" },
        { "1.0~~", "1.0~" },
        { "1.0~", "1.0" },
        { "1.0", "1.0a" },
        { "1.0a", "1.0+b" },
        { "1.2.3-1", "1.2.3-1+b1" },
        { "1.2-9", "1.2-10" },
        { "1.0-1~bpo12+1", "1.0-1" },
        { "1.9", "1.10" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        assert_order(VERSION_PACKAGE, &pairs[i]);
    assert_int_equal(version_compare(VERSION_PACKAGE, VIEW("0:1.0-0"), VIEW("1.0")), 0);
    assert_true(view_equal(version_upstream(VIEW("1:2.14.1-rc1-1+deb11u1")), VIEW("2.14.1-rc1")));
}

static void test_what_is_none(void **state)
{
    (void)state;
    assert_false(version_is(VIEW("")));
    assert_false(version_is(VIEW("unknown")));
    assert_true(version_is(VIEW("v1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_vendors_write),
        cmocka_unit_test(test_what_debian_writes),
        cmocka_unit_test(test_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
