/* SPDX-License-Identifier: Apache-2.0 */
/* The page for those who are stopped: an answer that fits, values that cannot leave their place. */
#include "enforce/page.h"
#include "test.h"
#include <stdio.h>
#include <stdlib.h>

static char out[FORGE_ANSWER_BYTES];
static const struct page_facts usual = { .service = "WhatsApp",
                                         .rule = "no public IM at the branches",
                                         .contact = "compliance@bank.example, extension 4711",
                                         .sign = "https://imward.bank.example/sign?edition=2026-11&lang=en",
                                         .flow_id = 4945695278798639 };

/* The page behind the header, which is looked at. */
static const char *body_of(size_t len)
{
    static char text[FORGE_ANSWER_BYTES + 1];
    memcpy(text, out, len);
    text[len] = '\0';
    assert_int_equal(strlen(text), len);
    assert_memory_equal(text, "HTTP/1.1 403 Forbidden\r\n", 24);
    char *body = strstr(text, "\r\n\r\n");
    assert_non_null(body);
    body[2] = '\0';
    body += 4;
    assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
    assert_non_null(strstr(text, "\r\nCache-Control: no-store\r\n"));
    assert_non_null(strstr(text, "\r\nContent-Type: text/html; charset=utf-8\r\n"));
    const char *length = strstr(text, "\r\nContent-Length: ");
    assert_non_null(length);
    assert_int_equal(strtoul(length + 18, NULL, 10), strlen(body));
    return body;
}

static void has(const char *text, const char *what)
{
    if (strstr(text, what) == NULL)
        fail_msg("no \"%s\" in %s", what, text);
}

static void has_not(const char *text, const char *what)
{
    if (strstr(text, what) != NULL)
        fail_msg("\"%s\" in %s", what, text);
}

static void test_page_says_what_whom_and_where(void **state)
{
    (void)state;
    const char *body = body_of(page_make(VIEW(""), &usual, out));
    has(body, "</style></head><body><main>\n<h1>WhatsApp is blocked on this network</h1>");
    assert_null(strstr(strstr(body, "<style>") + 1, "<style>"));
    has(body, "<dd>no public IM at the branches</dd>");
    has(body, "<strong>compliance@bank.example, extension 4711</strong>");
    has(body, "<a href=\"https://imward.bank.example/sign?edition=2026-11&amp;lang=en\"");
    has(body, "<code>4945695278798639</code>");
    has_not(body, "{{");
    has_not(body, "<script");
    has_not(body, "src=");
    has_not(body, "those who look after");
}

static void test_page_leaves_out_what_is_not_known(void **state)
{
    (void)state;
    const char *body = body_of(page_make(VIEW(""), &(struct page_facts){ .flow_id = 7 }, out));
    has(body, "<h1>This is blocked on this network</h1>");
    has(body, "<title>Blocked by policy</title>");
    has(body, "those who look after");
    has_not(body, "<a ");
    has_not(body, "Rule");
    has_not(body, "{{");
}

static void test_page_values_stay_in_their_place(void **state)
{
    struct page_facts f = usual;

    (void)state;
    f.rule = "</dd><script>alert(1)</script>\r\n\r\nHTTP/1.1 200 OK {{sign}} \xff\"'&";
    f.sign = "https://bank.example/\"onfocus=\"x";
    const char *body = body_of(page_make(VIEW(""), &f, out));
    has(body,
        "&lt;/dd&gt;&lt;script&gt;alert(1)&lt;/script&gt;????HTTP/1.1 200 OK {{sign}} ?&quot;&#39;&amp;");
    has(body, "href=\"https://bank.example/&quot;onfocus=&quot;x\"");
    has_not(body, "<script");
}

static void test_page_links_to_pages_only(void **state)
{
    const char *wrong[] = { "javascript:alert(1)", "data:text/html,x",        "//bank.example",
                            "ftp://bank.example",  "https://bank.example/ x", "https:\\\\bank",
                            "http://a\tb" };
    struct page_facts f = usual;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        f.sign = wrong[i];
        has_not(body_of(page_make(VIEW(""), &f, out)), "<a ");
        assert_string_equal(body_of(page_make(VIEW("[{{sign}}]"), &f, out)), "[]");
    }
    f.sign = "HTTP://bank.example/sign";
    assert_string_equal(body_of(page_make(VIEW("[{{sign}}]"), &f, out)), "[HTTP://bank.example/sign]");
}

static void test_page_of_the_institution(void **state)
{
    (void)state;
    struct view template = VIEW("<p>{{service}}/{{rule}}/{{contact}}/{{reference}}"
                                "{{#sign}} yes{{/sign}}{{^sign}} no{{/sign}} {{nonsense}}{ {{");
    assert_string_equal(body_of(page_make(template, &usual, out)),
                        "<p>WhatsApp/no public IM at the branches/compliance@bank.example, extension "
                        "4711/4945695278798639 yes { ");
    assert_string_equal(body_of(page_make(VIEW("@media{p{a}}<p>{{rule}}</p>{{{}}}"), &usual, out)),
                        "@media{p{a}}<p>no public IM at the branches</p>}");
    assert_string_equal(body_of(page_make(VIEW("{{^rule}}a{{/rule}}{{#rule}}b{{/rule}}"),
                                          &(struct page_facts){ .rule = "" }, out)),
                        "a");
}

/* Ours is taken where theirs, with these facts, is too long; and always fits. */
static void test_page_fits(void **state)
{
    static char value[5000], template[FORGE_ANSWER_BYTES];
    struct page_facts f = { value, value, value, value, UINT64_MAX };

    (void)state;
    memset(value, '"', sizeof value - 1);
    memcpy(value, "https://", 8);
    has(body_of(page_make(VIEW(""), &f, out)), "</html>\n");
    memset(template, 'x', sizeof template);
    has(body_of(page_make(view_of(template, sizeof template), &usual, out)), "</html>\n");
    has_not(body_of(page_make(view_of(template, sizeof template - 2000), &usual, out)), "</html>\n");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_says_what_whom_and_where),
        cmocka_unit_test(test_page_leaves_out_what_is_not_known),
        cmocka_unit_test(test_page_values_stay_in_their_place),
        cmocka_unit_test(test_page_links_to_pages_only),
        cmocka_unit_test(test_page_of_the_institution),
        cmocka_unit_test(test_page_fits),
    };

    if (argc > 1 && strcmp(argv[1], "--show") == 0) { /* for those who want to look at it */
        fputs(body_of(page_make(VIEW(""), &usual, out)), stdout);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
