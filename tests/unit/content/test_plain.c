/* SPDX-License-Identifier: Apache-2.0 */
/* The same words in any mark-up become the same bytes. */
#include "content/plain.h"
#include "test.h"
#include <stdlib.h>

static void expect(enum markup markup, struct view in, const char *want)
{
    char buffer[512];
    struct text t = TEXT(buffer);

    plain_text(&t, markup, in);
    assert_string_equal(buffer, want);
    assert_int_equal(t.len, view_string(want).len);
}

static void test_text_without_markup_loses_what_nobody_sees(void **state)
{
    (void)state;
    expect(MARKUP_NONE, VIEW("a <b> &amp; \\par"), "a <b> &amp; \\par");
    expect(MARKUP_NONE, VIEW("one\r\ntwo\rthree\n\nfour\0\x07\x1b"), "one\ntwo\nthree\n\nfour");
    expect(MARKUP_NONE,
           VIEW("se\xc2\xad"
                "cr\xe2\x80\x8b"
                "et\xef\xbb\xbf\xe2\x80\xae"),
           "secret");
    expect(MARKUP_NONE,
           VIEW("a\xc2\xa0"
                "b\tc\xe3\x80\x80"
                "d"),
           "a b c d");
    expect(MARKUP_NONE, VIEW("\xf0\x9f\x98\x80\xe2\x98\xba\xef\xb8\x8f"), "\xf0\x9f\x98\x80\xe2\x98\xba");
}

static void test_what_is_not_utf8_is_replaced(void **state)
{
    (void)state;
    expect(MARKUP_NONE,
           VIEW("a\xff"
                "b\xc3"),
           "a\xef\xbf\xbd"
           "b\xef\xbf\xbd");
    expect(MARKUP_HTML, VIEW("&#xd800;&#1114112;"), "\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_html_of_aim(void **state)
{
    (void)state;
    expect(
        MARKUP_HTML,
        VIEW(
            "<HTML><BODY BGCOLOR=\"#ffffff\"><FONT FACE=\"Arial\" SIZE=2>Hi <B>there</B></FONT></BODY></HTML>"),
        "Hi there");
    expect(MARKUP_HTML, VIEW("one<br>two<BR/>three"), "one\ntwo\nthree");
    expect(MARKUP_HTML, VIEW("<p>one</p>\n<p>two</p><div>three</div>"), "one\ntwo\nthree");
    expect(MARKUP_HTML, VIEW("<p>one</p><p>two<br></p>three"), "one\ntwo\nthree");
    expect(MARKUP_HTML, VIEW("<ul><li>a<li>b</ul>c"), "a\nb\nc");
}

static void test_html_entities(void **state)
{
    (void)state;
    expect(MARKUP_HTML, VIEW("&lt;b&gt; &amp;amp; &quot;&apos;&euro;&nbsp;x"), "<b> &amp; \"'\xe2\x82\xac x");
    expect(MARKUP_HTML, VIEW("&#233;&#xE9;&#X1f600;&#150;"), "\xc3\xa9\xc3\xa9\xf0\x9f\x98\x80\xe2\x80\x93");
    expect(MARKUP_HTML, VIEW("AT&T &nope; &#; &#x; &#xg; & &"), "AT&T &nope; &#; &#x; &#xg; & &");
    expect(MARKUP_HTML, VIEW("4&shy;111"), "4111");
}

static void test_html_that_is_not_shown(void **state)
{
    (void)state;
    expect(MARKUP_HTML, VIEW("a<!-- <b>x</b> -->b"), "ab");
    expect(MARKUP_HTML, VIEW("a<script>var x = '<b>';</script>b<STYLE type=x>p{}</style>c"), "abc");
    expect(MARKUP_HTML, VIEW("<head><title>t</title></head>a"), "a");
    expect(MARKUP_HTML, VIEW("<a title=\"x > y\">z</a>"), "z");
}

static void test_html_that_is_broken_is_text(void **state)
{
    (void)state;
    expect(MARKUP_HTML, VIEW("1 < 2 and 3<4"), "1 < 2 and 3<4");
    expect(MARKUP_HTML, VIEW("a <b and no end"), "a <b and no end");
    expect(MARKUP_HTML, VIEW("<!-- no end"), "<!-- no end");
    expect(MARKUP_HTML, VIEW("<a title=\"x>y"), "y");
    expect(MARKUP_HTML, VIEW("<script>never ends"), "");
    expect(MARKUP_HTML, VIEW(""), "");
}

static void test_rtf_of_icq(void **state)
{
    (void)state;
    expect(
        MARKUP_RTF,
        VIEW(
            "{\\rtf1\\ansi\\ansicpg1252\\deff0\\deflang1031{\\fonttbl{\\f0\\fnil\\fcharset0 MS Sans Serif;}}\r\n"
            "{\\colortbl ;\\red0\\green0\\blue0;}\r\n\\viewkind4\\uc1\\pard\\cf1\\f0\\fs16 Gr\\'fc\\'dfe\\par\r\n"
            "zwei\\par\r\n}\r\n"),
        "Gr\xc3\xbc\xc3\x9f"
        "e\nzwei");
    expect(MARKUP_RTF, VIEW("{\\rtf1\\ansi\\ansicpg1251 \\'cf\\'f0\\'e8}"), "\xd0\x9f\xd1\x80\xd0\xb8");
    expect(MARKUP_RTF, VIEW("{\\rtf1\\ansi\\ansicpg1250 \\'b3}{\\rtf1 x}"), "\xc5\x82x");
    expect(MARKUP_RTF, VIEW("{\\rtf1\\ansicpg1254 \\'fd\\'fe}"), "\xc4\xb1\xc5\x9f");
}

static void test_rtf_characters_of_unicode_and_their_fallback(void **state)
{
    (void)state;
    expect(MARKUP_RTF, VIEW("{\\rtf1 a\\u233?b}"),
           "a\xc3\xa9"
           "b");
    expect(MARKUP_RTF, VIEW("{\\rtf1\\uc0 a\\u233 b}"),
           "a\xc3\xa9"
           "b");
    expect(MARKUP_RTF, VIEW("{\\rtf1\\uc2\\u1055\\'cf\\'cfx}"), "\xd0\x9fx");
    expect(MARKUP_RTF, VIEW("{\\rtf1\\u-10179?\\u-8704?}"), "\xf0\x9f\x98\x80");
    expect(MARKUP_RTF, VIEW("{\\rtf1{\\uc0\\u233 x}\\u233?y}"), "\xc3\xa9x\xc3\xa9y");
}

static void test_rtf_groups_that_are_not_text(void **state)
{
    (void)state;
    expect(MARKUP_RTF, VIEW("{\\rtf1{\\*\\generator Riched20;}{\\info{\\author me}}a{\\pict 0011}b}"), "ab");
    expect(MARKUP_RTF, VIEW("{\\rtf1 \\{\\}\\\\\\~\\_x\\-y{\\b z}\\tab w}"), "{}\\ -xyz w");
    expect(MARKUP_RTF, VIEW("{\\rtf1 a\\bin4 }}}}b\\par\\par c}"), "ab\n\nc");
    expect(MARKUP_RTF, VIEW("plain words"), "plain words");
}

static void test_rtf_deeper_than_the_stack_comes_back(void **state)
{
    char in[512];
    struct text t = TEXT(in);

    (void)state;
    text_string(&t, "{\\rtf1 a");
    for (unsigned i = 0; i < 100; i++)
        text_char(&t, '{');
    text_string(&t, "b");
    for (unsigned i = 0; i < 100; i++)
        text_char(&t, '}');
    text_string(&t, "{\\info x}c}}}}}d");
    expect(MARKUP_RTF, view_of(in, t.len), "abcd");
}

static void test_yahoo_codes(void **state)
{
    (void)state;
    expect(MARKUP_YAHOO, VIEW("\x1b[1mbold\x1b[x1m \x1b[#ff0000mred\x1b[30m"), "bold red");
    expect(MARKUP_YAHOO,
           VIEW("<font face=\"Arial\" size=\"10\">a</font><FADE #f00,#0f0>b</FADE>"
                "<ALT #f00,#0f0>c</ALT><b>d</b>"),
           "abcd");
    expect(MARKUP_YAHOO, VIEW("<br> &amp; x<y> <font"), "<br> &amp; x<y> <font");
    expect(MARKUP_YAHOO, VIEW("\x1b[nothing here"), "[nothing here");
}

static void test_irc_codes(void **state)
{
    (void)state;
    expect(MARKUP_IRC,
           VIEW("\x02"
                "bold\x02 \x1d"
                "i\x1f"
                "u\x1e"
                "s\x11"
                "m\x16r\x0f"),
           "bold iusmr");
    expect(MARKUP_IRC,
           VIEW("\x03"
                "04,12red\x03 \x03"
                "4red\x03,x \x03"
                "4,x"),
           "red red,x ,x");
    expect(MARKUP_IRC,
           VIEW("\x03"
                "123"),
           "3");
    expect(MARKUP_IRC,
           VIEW("\x04"
                "ff0000,00ff00hex\x04"),
           "hex");
}

static void test_cut_between_characters_and_said_so(void **state)
{
    char small[6];
    struct text t = TEXT(small);

    (void)state;
    plain_text(&t, MARKUP_HTML, VIEW("<b>abcd&#233;e</b>"));
    assert_string_equal(small, "abcd");
    assert_true(t.cut);
}

/* Tags that never end must not make it look for their end again and again. */
static void test_hostile_html_takes_one_pass(void **state)
{
    enum { MANY = 200000, SHOWN = 4 * MANY };
    static const char *const pieces[] = { "<a \"", "<!--", "<a>\"", "</x", "&#x;", "<a \">\" " };
    char *in = malloc((size_t)MANY * 8), *out = malloc(SHOWN);

    (void)state;
    assert_non_null(in);
    assert_non_null(out);
    for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++) {
        struct text t = text_over(in, (size_t)MANY * 8), o = text_over(out, SHOWN);
        for (unsigned i = 0; i < MANY; i++)
            text_string(&t, pieces[p]);
        plain_text(&o, MARKUP_HTML, view_of(in, t.len)); /* meson's time limit is the judge */
    }
    free(in);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_without_markup_loses_what_nobody_sees),
        cmocka_unit_test(test_what_is_not_utf8_is_replaced),
        cmocka_unit_test(test_html_of_aim),
        cmocka_unit_test(test_html_entities),
        cmocka_unit_test(test_html_that_is_not_shown),
        cmocka_unit_test(test_html_that_is_broken_is_text),
        cmocka_unit_test(test_rtf_of_icq),
        cmocka_unit_test(test_rtf_characters_of_unicode_and_their_fallback),
        cmocka_unit_test(test_rtf_groups_that_are_not_text),
        cmocka_unit_test(test_rtf_deeper_than_the_stack_comes_back),
        cmocka_unit_test(test_yahoo_codes),
        cmocka_unit_test(test_irc_codes),
        cmocka_unit_test(test_cut_between_characters_and_said_so),
        cmocka_unit_test(test_hostile_html_takes_one_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
