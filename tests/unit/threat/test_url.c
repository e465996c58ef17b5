/* SPDX-License-Identifier: Apache-2.0 */
/* Links in text: every form that is written is one host; what is no link is none. */
#include "test.h"
#include "threat/url.h"
#include "threat/wording.h"
#include <stdio.h>
#include <stdlib.h>

static void test_links_are_found_in_every_form(void **state)
{
    static const struct {
        const char *text, *host, *path;
    } cases[] = {
        { "look http://evil.example/a/b.php?x=1#y", "evil.example", "/a/b.php" },
        { "look:HTTP://EVIL.Example", "evil.example", "" },
        { "see www.evil.example/x, please", "www.evil.example", "/x" },
        { "(evil.example)", "evil.example", "" },
        { "hxxp://evil[.]example/x", "evil.example", "/x" },
        { "hxxps[://]evil(dot)example", "evil.example", "" },
        { "http://ev\xe2\x80\x8bil.example/", "evil.example", "/" },
        { "http://%65vil%2Eexample/x", "evil.example", "/x" },
        { "http://user:secret@evil.example:8080/x", "evil.example", "/x" },
        { "http://evil.example.", "evil.example", "" },
        { "http://b\xc3\xbc"
          "cher.example/",
          "xn--bcher-kva.example", "/" },
        { "http://evil\xe3\x80\x82"
          "example",
          "evil.example", "" },
        { "http://192.0.2.7/x.exe", "192.0.2.7", "/x.exe" },
        { "http://0xC0000207/", "192.0.2.7", "/" },
        { "http://3221225991/", "192.0.2.7", "/" },
        { "http://en.example/a_(b)", "en.example", "/a_(b)" },
        { "<a href=\"http://evil.example/q\">", "evil.example", "/q" },
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct url u;
        size_t at = 0;
        if (!url_next(view_string(cases[i].text), &at, &u))
            fail_msg("none in %s", cases[i].text);
        assert_string_equal(u.host, cases[i].host);
        assert_true(view_equal(u.path, view_string(cases[i].path)));
        assert_false(url_next(view_string(cases[i].text), &at, &u));
    }
}

static void test_what_is_no_link(void **state)
{
    static const char *const texts[] = {
        "",
        "hello there",
        "3.14159 or 10.5",
        "bob@im.example",
        "e.g. this",
        "...",
        "a.b",
        "http://",
        "http:///x",
        "javascript://x.example",
        "1.2.3.4.5",
        "-x.example-",
        "[::1]",
        "http://[::1]/x",
        "12:30",
        "wait...what",
    };
    (void)state;
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct url u;
        size_t at = 0;
        if (url_next(view_string(texts[i]), &at, &u))
            fail_msg("%s in %s", u.host, texts[i]);
    }
}

static void test_several_links_come_in_order(void **state)
{
    struct view text = VIEW("one http://a.example/1 two\nhttp://b.example/2 www.c.example");
    static const char *const hosts[] = { "a.example", "b.example", "www.c.example" };
    struct url u;
    size_t at = 0;
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_true(url_next(text, &at, &u));
        assert_string_equal(u.host, hosts[i]);
    }
    assert_false(url_next(text, &at, &u));
}

/* Bytes of any kind, cut anywhere: no read beyond the end (AddressSanitizer looks on). */
static void test_any_bytes_will_do(void **state)
{
    static const char *const parts[] = { "http://", "hxxp", "[.]",  "%",    "%6", "\xe3\x80", "xn--",
                                         "@",       ":",    "a.bc", "\xff", "/",  "]",        "[",
                                         " ",       "0x",   "..",   "?",    "#",  "é" };
    uint64_t seed = 5;
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        char text[2048];
        size_t len = 0, at = 0;
        struct url u;
        struct wording said;
        for (unsigned k = 0; k < 12; k++) {
            seed = seed * 6364136223846793005u + 1;
            const char *part = parts[(seed >> 33) % (sizeof parts / sizeof parts[0])];
            memcpy(text + len, part, strlen(part));
            len += strlen(part);
        }
        char *exact = malloc(len);
        assert_non_null(exact);
        memcpy(exact, text, len);
        while (url_next(view_of(exact, len), &at, &u))
            assert_true(strlen(u.host) < URL_HOST_BYTES);
        wording_of(view_of(exact, len), NULL, 0, &said);
        free(exact);
    }
}

static unsigned alike(const char *a, const char *to_a, const char *b, const char *to_b)
{
    struct view names_a[] = { view_string(to_a) }, names_b[] = { view_string(to_b) };
    struct wording x, y;
    wording_of(view_string(a), names_a, 1, &x);
    wording_of(view_string(b), names_b, 1, &y);
    return wording_alike(&x, &y);
}

static void test_the_same_wording_in_other_clothes(void **state)
{
    (void)state;
    assert_int_equal(
        alike("hey BOB look http://x.example/?id=1", "bob@im", "Hey, Al: look http://x.example/?id=2", "al"),
        100);
    assert_int_equal(alike("\xd0\x9f\xd0\xa0\xd0\x98\xd0\x92\xd0\x95\xd0\xa2 all", "",
                           "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 ALL", ""),
                     100);
    assert_true(alike("you must see this picture of you now", "", "you must see this picture of you 77 haha",
                      "") >= 70);
    assert_true(alike("shall we have lunch at noon", "", "the report is due on friday", "") < 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links_are_found_in_every_form),     cmocka_unit_test(test_what_is_no_link),
        cmocka_unit_test(test_several_links_come_in_order),       cmocka_unit_test(test_any_bytes_will_do),
        cmocka_unit_test(test_the_same_wording_in_other_clothes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
