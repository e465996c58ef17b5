/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XML as XMPP sends it (RFC 6120 section 11, W3C XML 1.0). Nothing is kept between tokens: who reads a stream
 * gives what is not used up again, with more behind it. Character references (&#64;) are left as they are.
 */
#include "im/xml.h"

/* A view of a literal as an initialiser of static data. */
#define WORD(literal)                                                                                        \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }

enum { ENTITY_BYTES = 10 /* "&#x10ffff;" */ };

bool xml_is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void xml_skip_space(struct view *v)
{
    while (v->len > 0 && xml_is_space(v->at[0]))
        *v = view_from(*v, 1);
}

size_t xml_tag_length(struct view v)
{
    uint8_t quote = 0;

    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.at[i];
        if (quote != 0)
            quote = c == quote ? 0 : quote;
        else if (c == '"' || c == '\'')
            quote = c;
        else if (c == '>')
            return i + 1;
    }
    return 0;
}

struct view xml_take_name(struct view *v)
{
    size_t n = 0;

    while (n < v->len && !xml_is_space(v->at[n]) && view_find_byte(VIEW("=/<>\"'"), v->at[n], 0) == 6)
        n++;
    struct view name = view_slice(*v, 0, n);
    *v = view_from(*v, n);
    return name;
}

struct view xml_local_name(struct view name)
{
    size_t colon = view_find_byte(name, ':', 0);

    return colon < name.len ? view_from(name, colon + 1) : name;
}

bool xml_read_tag(struct view v, struct xml_tag *out)
{
    memset(out, 0, sizeof *out);
    v = view_slice(v, 1, v.len - 1);
    if (v.len > 0 && v.at[0] == '/') {
        out->closing = true;
        v = view_from(v, 1);
    }
    if (v.len > 0 && v.at[v.len - 1] == '/') {
        out->empty = true;
        v.len--;
    }
    out->name = xml_local_name(xml_take_name(&v));
    if (out->name.len == 0)
        return false;
    for (xml_skip_space(&v); v.len > 0; xml_skip_space(&v)) {
        struct xml_attribute a = { .name = xml_take_name(&v) };
        xml_skip_space(&v);
        if (a.name.len == 0 || v.len == 0 || v.at[0] != '=')
            return false;
        v = view_from(v, 1);
        xml_skip_space(&v);
        if (v.len == 0 || (v.at[0] != '"' && v.at[0] != '\''))
            return false;
        size_t end = view_find_byte(v, v.at[0], 1);
        if (end == v.len)
            return false;
        a.value = view_slice(v, 1, end);
        v = view_from(v, end + 1);
        if (out->attributes < XML_ATTRIBUTES)
            out->attribute[out->attributes++] = a;
    }
    return true;
}

struct view xml_attribute(const struct xml_tag *t, struct view name)
{
    for (unsigned i = 0; i < t->attributes; i++)
        if (view_equal(t->attribute[i].name, name))
            return t->attribute[i].value;
    return view_of(NULL, 0);
}

void xml_add_text(struct text *out, struct view v)
{
    static const struct {
        struct view entity;
        char c;
    } entities[] = { { WORD("&amp;"), '&' },
                     { WORD("&lt;"), '<' },
                     { WORD("&gt;"), '>' },
                     { WORD("&quot;"), '"' },
                     { WORD("&apos;"), '\'' } };

    while (v.len > 0 && !out->cut) {
        size_t n = view_find_byte(v, '&', 0);
        text_add(out, view_slice(v, 0, n));
        v = view_from(v, n);
        for (size_t i = 0; i < sizeof entities / sizeof entities[0] && v.len > 0; i++)
            if (view_starts(v, entities[i].entity)) {
                text_char(out, entities[i].c);
                v = view_from(v, entities[i].entity.len);
                n = SIZE_MAX;
                break;
            }
        if (n != SIZE_MAX && v.len > 0) { /* another '&' */
            text_char(out, '&');
            v = view_from(v, 1);
        }
    }
}

/* Length of text at the start of `v` that can be used up: not half an entity, nor half a tag behind it. */
static size_t text_length(struct view v)
{
    size_t end = view_find_byte(v, '<', 0);

    if (end < v.len)
        return end;
    for (size_t i = end; i > 0 && end - i < ENTITY_BYTES; i--)
        if (v.at[i - 1] == '&')
            return view_find_byte(v, ';', i) < end ? end : i - 1;
    return end;
}

struct xml_token xml_next(struct view v, struct xml_tag *tag)
{
    static const struct view data = WORD("<![CDATA[");
    struct xml_token t = { .kind = XML_MORE, .text = view_of(NULL, 0) };
    struct view head = view_slice(v, 0, XML_TAG_BYTES);

    if (v.at[0] != '<') {
        t.len = text_length(v);
        t.kind = t.len > 0 ? XML_TEXT : XML_MORE;
        t.text = view_slice(v, 0, t.len);
        return t;
    }
    if (v.len < data.len && view_starts(data, v))
        return t;
    if (view_starts(v, data)) {
        size_t end = view_find(head, VIEW("]]>"));
        t.kind = end < head.len ? XML_CDATA : head.len == XML_TAG_BYTES ? XML_TOO_LONG : XML_MORE;
        t.len = end < head.len ? end + 3 : 0;
        t.text = end < head.len ? view_slice(v, data.len, end) : t.text;
        return t;
    }
    t.len = xml_tag_length(head);
    if (t.len == 0)
        t.kind = head.len == XML_TAG_BYTES ? XML_TOO_LONG : XML_MORE;
    else if (t.len <= 2 || v.at[1] == '?' || v.at[1] == '!')
        t.kind = XML_OTHER;
    else
        t.kind = xml_read_tag(view_slice(v, 0, t.len), tag) ? XML_TAG : XML_BROKEN;
    return t;
}
