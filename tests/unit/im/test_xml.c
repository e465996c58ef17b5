/* SPDX-License-Identifier: Apache-2.0 */
#include "im/xml.h"
#include "test.h"

static struct xml_tag tag;

static struct xml_token next(const char *text)
{
    return xml_next(view_string(text), &tag);
}

static bool is(struct view v, const char *text)
{
    return view_equal(v, view_string(text));
}

static void test_tags_are_taken_apart(void **state)
{
    (void)state;
    struct xml_token t = next("<a:iq  to='b\"c' xml:lang = \"de>\"/>rest");
    assert_int_equal(t.kind, XML_TAG);
    assert_int_equal(t.len, strlen("<a:iq  to='b\"c' xml:lang = \"de>\"/>"));
    assert_true(is(tag.name, "iq") && tag.empty && !tag.closing);
    assert_int_equal(tag.attributes, 2);
    assert_true(is(xml_attribute(&tag, VIEW("to")), "b\"c"));
    assert_true(is(xml_attribute(&tag, VIEW("xml:lang")), "de>"));
    assert_int_equal(xml_attribute(&tag, VIEW("lang")).len, 0);
    assert_int_equal(next("</stream:stream>").kind, XML_TAG);
    assert_true(tag.closing && is(tag.name, "stream"));
}

static void test_text_is_used_up_as_it_comes_but_no_half_entity(void **state)
{
    (void)state;
    struct xml_token t = next("fish <b>");
    assert_true(t.kind == XML_TEXT && is(t.text, "fish "));
    t = next("fish &am");
    assert_true(t.kind == XML_TEXT && is(t.text, "fish "));
    assert_int_equal(next("&am").kind, XML_MORE);
    t = next("&amp;");
    assert_true(t.kind == XML_TEXT && is(t.text, "&amp;"));
    t = next("& and so on, far from an entity");
    assert_true(t.kind == XML_TEXT && is(t.text, "& and so on, far from an entity"));
}

static void test_cdata_is_text_as_it_is(void **state)
{
    (void)state;
    struct xml_token t = next("<![CDATA[a<b>&amp;]]>x");
    assert_true(t.kind == XML_CDATA && is(t.text, "a<b>&amp;"));
    assert_int_equal(t.len, strlen("<![CDATA[a<b>&amp;]]>"));
    assert_int_equal(next("<![CD").kind, XML_MORE);
    assert_int_equal(next("<![CDATA[a]]").kind, XML_MORE);
}

static void test_what_is_not_there_whole_is_waited_for(void **state)
{
    static char flood[XML_TAG_BYTES + 1];

    (void)state;
    assert_int_equal(next("<").kind, XML_MORE);
    assert_int_equal(next("<a b='>").kind, XML_MORE);
    memset(flood, 'x', XML_TAG_BYTES);
    flood[0] = '<';
    assert_int_equal(next(flood).kind, XML_TOO_LONG);
    flood[XML_TAG_BYTES - 1] = '\0';
    assert_int_equal(next(flood).kind, XML_MORE);
    memcpy(flood, "<![CDATA[", 9);
    flood[XML_TAG_BYTES - 1] = 'x';
    assert_int_equal(next(flood).kind, XML_TOO_LONG);
}

static void test_broken_tags_and_declarations(void **state)
{
    static const char *const broken[] = { "<a b>", "<a b=c>", "<a =''>", "< a>", "<=>", "<a b='c'd>" };

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_int_equal(next(broken[i]).kind, XML_BROKEN);
    assert_int_equal(next("<?xml version='1.0'?>").kind, XML_OTHER);
    assert_int_equal(next("<!DOCTYPE a>").kind, XML_OTHER);
    assert_int_equal(next("<>").kind, XML_OTHER);
}

static void test_attributes_beyond_the_limit_are_not_seen(void **state)
{
    char text[512];
    struct text t = TEXT(text);

    (void)state;
    text_string(&t, "<a");
    for (unsigned i = 0; i < XML_ATTRIBUTES + 2; i++)
        text_format(&t, " a%u='%u'", i, i);
    text_string(&t, ">");
    assert_int_equal(next(text).kind, XML_TAG);
    assert_int_equal(tag.attributes, XML_ATTRIBUTES);
}

static void test_entities_become_characters(void **state)
{
    char buffer[64];
    struct text t = TEXT(buffer);

    (void)state;
    xml_add_text(&t, VIEW("&lt;a&gt; &amp;&quot;&apos; &#64; &x; &"));
    assert_string_equal(buffer, "<a> &\"' &#64; &x; &");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tags_are_taken_apart),
        cmocka_unit_test(test_text_is_used_up_as_it_comes_but_no_half_entity),
        cmocka_unit_test(test_cdata_is_text_as_it_is),
        cmocka_unit_test(test_what_is_not_there_whole_is_waited_for),
        cmocka_unit_test(test_broken_tags_and_declarations),
        cmocka_unit_test(test_attributes_beyond_the_limit_are_not_seen),
        cmocka_unit_test(test_entities_become_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
