/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of networks: the longest prefix speaks, and what is wrong is told by its line. */
#include "../test.h"
#include "sensor/net_list.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool any(struct view words, const char **out_why)
{
    *out_why = "no bad words";
    return !view_equal(words, VIEW("bad"));
}

static const char *find(const struct net_list *l, const char *address)
{
    static char found[64];
    struct text t = TEXT(found);
    struct ip_addr a;
    struct view words;

    assert_true(ip_parse(view_string(address), &a));
    if (!net_list_find(l, &a, &words))
        return NULL;
    text_add(&t, words);
    return found;
}

static void test_the_longest_prefix_speaks(void **state)
{
    static const struct {
        const char *address, *words;
    } cases[] = {
        { "10.20.0.17", "one" },    { "10.20.0.18", "some" },    { "10.20.1.1", "many" },
        { "10.255.0.1", "many" },   { "11.0.0.1", "all of v4" }, { "2001:db8::7", "six" },
        { "2001:db8::8", "sixes" }, { "2001:db9::8", NULL },     { "2001:db8:1:8000::1", "odd" },
        { "2001:db8:1::", NULL },
    };
    struct net_list *l;

    (void)state;
    assert_true(
        net_list_parse("list",
                       VIEW("# heading\n\n10.0.0.0/8 many\r\n10.20.0.0/24\tsome # who\n10.20.0.17 one\n"
                            "0.0.0.0/0 all of v4\n2001:db8::7 six\n2001:db8::/64  sixes\n"
                            "2001:db8:1:ffff::/49 odd"),
                       any, &l, NULL));
    assert_int_equal(net_list_count(l), 7);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *words = find(l, cases[i].address);
        if (cases[i].words == NULL)
            assert_null(words);
        else if (words == NULL || strcmp(words, cases[i].words) != 0)
            fail_msg("%s: %s", cases[i].address, words != NULL ? words : "nothing");
    }
    net_list_free(l);
}

static void test_an_empty_list_says_nothing(void **state)
{
    struct net_list *l;

    (void)state;
    assert_true(net_list_parse("list", VIEW(""), any, &l, NULL));
    assert_null(find(l, "10.0.0.1"));
    net_list_free(l);
    net_list_free(NULL);
}

static void test_what_is_wrong_is_told_by_its_line(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *why;
    } cases[] = {
        { "10.0.0.1 a\nhost b\n", 2, "a line begins with an address" },
        { "\n\n10.0.0.1/33 a\n", 3, "a line begins with an address" },
        { "10.0.0.1 bad\n", 1, "no bad words" },
        { "10.0.0.1 a\n10.0.0.0/8 b\n# c\n10.9.9.9/8 d\n", 4, "this address was there before" },
    };
    struct net_list *l;

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct imw_error_info err = { 0 };
        assert_false(net_list_parse("list", view_string(cases[i].text), any, &l, &err));
        assert_int_equal(err.line, cases[i].line);
        assert_non_null(strstr(err.text, cases[i].why));
        assert_string_equal(err.file, "list");
    }
}

static void test_a_file_of_secrets_that_all_can_read_is_refused(void **state)
{
    char path[] = "/tmp/imward-test-XXXXXX";
    int fd = mkstemp(path);
    struct imw_error_info err = { 0 };
    struct net_list *l;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "10.0.0.0/8 words\n", 17), 17);
    assert_int_equal(fchmod(fd, 0644), 0);
    assert_false(net_list_load(path, true, any, &l, &err));
    assert_non_null(strstr(err.text, "chmod 640"));
    assert_true(net_list_load(path, false, any, &l, &err));
    net_list_free(l);
    assert_int_equal(fchmod(fd, 0640), 0);
    assert_true(net_list_load(path, true, any, &l, &err));
    assert_string_equal(find(l, "10.1.1.1"), "words");
    net_list_free(l);
    close(fd);
    unlink(path);
    assert_false(net_list_load(path, true, any, &l, &err));
    assert_false(net_list_load("/tmp", false, any, &l, &err));
    assert_string_equal(err.text, "not a file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_longest_prefix_speaks),
        cmocka_unit_test(test_an_empty_list_says_nothing),
        cmocka_unit_test(test_what_is_wrong_is_told_by_its_line),
        cmocka_unit_test(test_a_file_of_secrets_that_all_can_read_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
