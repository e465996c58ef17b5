/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message text made plain.
 *
 * One pass over the text, character by character, into a writer that lets through only what is read: control
 * characters and characters without a width (zero-width space, soft hyphen, byte order mark, direction marks,
 * variation selectors) are dropped, all spaces are one space, all line ends LF. Nothing recurses: groups of
 * RTF are a stack of fixed depth, below which they share its last place.
 *
 * HTML as messengers write it, which is seldom whole: tags go, ends of paragraphs and <br> are line ends,
 * a line end in the text stays one (many clients mean it), what script, style and title hold is dropped.
 * A "<" that opens no tag is text. RTF as ICQ wrote it. Yahoo's and IRC's own codes.
 *
 * Sources. HTML 4.01 chapter 24 (entities); WHATWG HTML 13.2.5.80 (numbers 80 to 9f are windows-1252); Rich
 * Text Format 1.9.1; Yahoo's codes as in Pidgin's ycht and util files; IRC's at
 * modern.ircdocs.horse/formatting.
 */
#include "content/plain.h"
#include "base/cursor.h"
#include "im/transcode.h"

enum {
    REPLACEMENT = 0xfffd,
    TAG_BYTES = 2048,  /* quotes are looked at in so much of a tag */
    ENTITY_BYTES = 10, /* longest name or number between & and ; */
    YAHOO_CODE_BYTES = 16,
    RTF_DEPTH = 64,
    RTF_WORD_BYTES = 32,
};

/* ---- writing ---- */

struct plain {
    struct text *out;
    size_t begin;     /* of what we wrote */
    bool break_waits; /* HTML: a paragraph ended; the next character begins a line */
    unsigned ends;    /* RTF: ends of paragraphs, which are seen when something follows */
    bool after_cr;
};

static bool is_within(uint32_t c, uint32_t first, uint32_t last)
{
    return c >= first && c <= last;
}

static bool is_invisible(uint32_t c)
{
    static const uint32_t ranges[][2] = {
        { 0x00, 0x09 },     { 0x0b, 0x1f },     { 0x7f, 0x84 },     { 0x86, 0x9f },       { 0xad, 0xad },
        { 0x034f, 0x034f }, { 0x061c, 0x061c }, { 0x115f, 0x1160 }, { 0x17b4, 0x17b5 },   { 0x180b, 0x180e },
        { 0x200b, 0x200f }, { 0x202a, 0x202e }, { 0x2060, 0x206f }, { 0x3164, 0x3164 },   { 0xfe00, 0xfe0f },
        { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe0fff },
    };

    if (is_within(c, ' ', '~'))
        return false;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (is_within(c, ranges[i][0], ranges[i][1]))
            return true;
    return false;
}

static bool is_space(uint32_t c)
{
    return c == '\t' || c == 0xa0 || c == 0x1680 || is_within(c, 0x2000, 0x200a) || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

static bool is_line_end(uint32_t c)
{
    return c == '\n' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static bool at_line_start(const struct plain *p)
{
    return p->out->len == p->begin || p->out->at[p->out->len - 1] == '\n';
}

static void put(struct plain *p, uint32_t c)
{
    bool ends_crlf = p->after_cr && c == '\n';

    p->after_cr = c == '\r';
    if (ends_crlf)
        return;
    if (c == '\r' || is_line_end(c))
        c = '\n';
    else if (is_space(c))
        c = ' ';
    else if (is_invisible(c))
        return;
    if (c > 0x10ffff || is_within(c, 0xd800, 0xdfff))
        c = REPLACEMENT;
    if (p->break_waits && !at_line_start(p))
        text_character(p->out, '\n');
    for (; p->ends > 0 && !p->out->cut; p->ends--)
        text_character(p->out, '\n');
    p->break_waits = false;
    text_character(p->out, c);
}

/* The next character of UTF-8; an octet that begins none is U+FFFD. */
static uint32_t next_character(struct cursor *c)
{
    size_t n = utf8_length(cursor_peek(c));
    uint32_t first = cursor_u8(c);

    if (n == 0)
        return REPLACEMENT;
    uint32_t character = n == 1 ? first : first & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        character = character << 6 | (cursor_u8(c) & 0x3fu);
    return character;
}

/* ---- HTML ---- */

struct entity {
    struct view name;
    uint16_t character;
};

#define E(name, character)                                                                                   \
    {                                                                                                        \
        { (const uint8_t *)(name), sizeof(name) - 1 }, character                                             \
    }
static const struct entity entities[] = {
    E("amp", '&'),       E("lt", '<'),       E("gt", '>'),       E("quot", '"'),     E("apos", '\''),
    E("nbsp", ' '),      E("copy", 0xa9),    E("reg", 0xae),     E("deg", 0xb0),     E("sect", 0xa7),
    E("euro", 0x20ac),   E("pound", 0xa3),   E("yen", 0xa5),     E("cent", 0xa2),    E("trade", 0x2122),
    E("hellip", 0x2026), E("ndash", 0x2013), E("mdash", 0x2014), E("bull", 0x2022),  E("middot", 0xb7),
    E("lsquo", 0x2018),  E("rsquo", 0x2019), E("ldquo", 0x201c), E("rdquo", 0x201d), E("laquo", 0xab),
    E("raquo", 0xbb),    E("shy", 0xad),     E("times", 0xd7),   E("auml", 0xe4),    E("ouml", 0xf6),
    E("uuml", 0xfc),     E("Auml", 0xc4),    E("Ouml", 0xd6),    E("Uuml", 0xdc),    E("szlig", 0xdf),
    E("eacute", 0xe9),   E("egrave", 0xe8),  E("agrave", 0xe0),  E("ccedil", 0xe7),  E("ntilde", 0xf1),
    E("oacute", 0xf3),   E("aacute", 0xe1),  E("zwnj", 0x200c),  E("zwj", 0x200d),
};
#undef E

static bool hex_digit(uint8_t c, uint32_t *out)
{
    if (c >= '0' && c <= '9')
        *out = (uint32_t)c - '0';
    else if (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f')
        *out = (uint32_t)ascii_lower(c) - 'a' + 10;
    else
        return false;
    return true;
}

/* "#233" or "#xe9" */
static bool numeric_entity(struct view name, uint32_t *out)
{
    uint64_t number = 0;
    bool hex = view_starts_nocase(name, VIEW("#x"));
    struct view digits = view_from(name, hex ? 2 : 1);

    if (!view_starts(name, VIEW("#")) || digits.len == 0)
        return false;
    if (!hex && !view_decimal(digits, UINT32_MAX, &number))
        return false;
    for (size_t i = 0; hex && i < digits.len; i++) {
        uint32_t digit;
        if (!hex_digit(digits.at[i], &digit))
            return false;
        number = (number << 4 | digit) & UINT32_MAX;
    }
    *out =
        is_within((uint32_t)number, 0x80, 0x9f) ? windows_character(1252, (uint8_t)number) : (uint32_t)number;
    return true;
}

/* Behind "&". What is no entity is text. */
static uint32_t read_entity(struct cursor *c)
{
    struct view v = view_slice(cursor_peek(c), 0, ENTITY_BYTES + 1);
    struct view name = view_slice(v, 0, view_find_byte(v, ';', 0));
    uint32_t character = 0;
    bool found = name.len < v.len && numeric_entity(name, &character);

    for (size_t i = 0; name.len < v.len && !found && i < sizeof entities / sizeof entities[0]; i++) {
        found = view_equal(name, entities[i].name);
        character = entities[i].character;
    }
    if (!found)
        return '&';
    cursor_skip(c, name.len + 1);
    return character;
}

struct html {
    struct plain *p;
    struct cursor *c;
    bool no_more_ends,
        no_comment_end; /* looked for in all that follows, and not there: not looked for again */
};

/* Length of the tag up to its ">", which does not count inside quotes; 0: it has no end. */
static size_t tag_length(struct html *h, struct view v)
{
    uint8_t quote = 0;

    for (size_t i = 0; i < v.len && i < TAG_BYTES; i++) {
        uint8_t octet = v.at[i];
        if (quote == 0 && octet == '>')
            return i + 1;
        if (quote != 0 ? octet == quote : octet == '"' || octet == '\'')
            quote = quote != 0 ? 0 : octet;
    }
    size_t at = view_find_byte(v, '>', 0);
    h->no_more_ends = at == v.len;
    return at < v.len ? at + 1 : 0;
}

static bool is_letter(uint8_t octet)
{
    return is_within(ascii_lower(octet), 'a', 'z');
}

static struct view tag_name(struct view v)
{
    size_t n = 0;

    while (n < v.len && (is_letter(v.at[n]) || is_within(v.at[n], '0', '9')))
        n++;
    return view_slice(v, 0, n);
}

static bool is_one_of(struct view name, const struct view *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (view_equal_nocase(name, list[i]))
            return true;
    return false;
}

#define V(literal)                                                                                           \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }
static const struct view html_blocks[] = { V("p"),   V("div"),   V("li"), V("ul"),  V("ol"),
                                           V("tr"),  V("table"), V("hr"), V("h1"),  V("h2"),
                                           V("h3"),  V("h4"),    V("h5"), V("h6"),  V("blockquote"),
                                           V("pre"), V("dd"),    V("dt"), V("body") };
static const struct view html_hidden[] = { V("script"), V("style"), V("title") };
static const struct view yahoo_tags[] = { V("font"), V("face"), V("fade"), V("alt"), V("b"),
                                          V("i"),    V("u"),    V("snd"),  V("url") };

/* Drop what a script or style sheet holds; its end tag comes next. */
static void skip_hidden(struct cursor *c, struct view name)
{
    struct view v = cursor_peek(c);
    struct cursor end = *c;

    while (cursor_left(&end) > 0) {
        v = cursor_peek(&end);
        size_t at = view_find(v, VIEW("</"));
        cursor_skip(&end, at);
        if (view_starts_nocase(view_from(v, at + 2), name))
            break;
        cursor_skip(&end, 1);
    }
    *c = end;
}

/* Behind "<". False: no tag, the character is text. */
static bool read_tag(struct html *h)
{
    struct view v = cursor_peek(h->c);
    bool closes = view_starts(v, VIEW("/"));
    struct view name = tag_name(view_from(v, closes ? 1 : 0));
    bool declares = view_starts(v, VIEW("!")) || view_starts(v, VIEW("?"));

    if (view_starts(v, VIEW("!--")) && !h->no_comment_end) {
        size_t end = view_find(v, VIEW("-->"));
        h->no_comment_end = end == v.len;
        if (end < v.len) {
            cursor_skip(h->c, end + 3);
            return true;
        }
    }
    if (h->no_more_ends || (!declares && (name.len == 0 || !is_letter(name.at[0]))))
        return false;
    size_t len = tag_length(h, v);
    if (len == 0)
        return false;
    bool alone = len >= 2 && v.at[len - 2] == '/';
    cursor_skip(h->c, len);
    if (view_equal_nocase(name, VIEW("br")))
        put(h->p, '\n');
    else if (view_equal_nocase(name, VIEW("td")) && closes)
        put(h->p, ' ');
    else if (is_one_of(name, html_blocks, sizeof html_blocks / sizeof html_blocks[0]))
        h->p->break_waits = true;
    else if (!closes && !alone && is_one_of(name, html_hidden, sizeof html_hidden / sizeof html_hidden[0]))
        skip_hidden(h->c, name);
    return true;
}

static void read_html(struct plain *p, struct cursor *c)
{
    struct html h = { .p = p, .c = c };

    while (cursor_left(c) > 0 && !p->out->cut) {
        uint32_t character = next_character(c);
        if (character == '<' && read_tag(&h))
            continue;
        if (p->break_waits && (character == '\n' || character == '\r'))
            continue; /* between blocks: how somebody set out the source */
        put(p, character == '&' ? read_entity(c) : character);
    }
}

/* ---- RTF ---- */

struct rtf_group {
    bool dropped;
    uint8_t fallback; /* characters that stand behind \uN for readers without Unicode */
};

struct rtf {
    struct plain *p;
    struct rtf_group stack[RTF_DEPTH];
    unsigned depth, beyond; /* groups open: with a place of their own, and without */
    unsigned page;
    unsigned skip; /* of a fallback, characters still to come */
    uint32_t high; /* first half of a surrogate pair */
};

static struct rtf_group *rtf_top(struct rtf *r)
{
    return &r->stack[r->depth];
}

static void rtf_put(struct rtf *r, uint32_t character)
{
    if (r->skip > 0) {
        r->skip--;
        return;
    }
    if (rtf_top(r)->dropped)
        return;
    if (character == '\n')
        r->p->ends++;
    else
        put(r->p, character);
}

/* \uN: a unit of UTF-16, written as a signed number. */
static void rtf_unicode(struct rtf *r, int32_t number)
{
    uint32_t unit = (uint32_t)number & 0xffff;
    uint32_t high = r->high;

    r->high = 0;
    r->skip = 0;
    if (is_within(unit, 0xd800, 0xdbff))
        r->high = unit;
    else if (high != 0 && is_within(unit, 0xdc00, 0xdfff))
        rtf_put(r, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
    else
        rtf_put(r, unit);
    r->skip = rtf_top(r)->fallback;
}

static void rtf_open(struct rtf *r)
{
    r->skip = 0;
    if (r->depth + 1 == RTF_DEPTH) {
        r->beyond++;
        return;
    }
    r->stack[r->depth + 1] = r->stack[r->depth];
    r->depth++;
}

static void rtf_close(struct rtf *r)
{
    r->skip = 0;
    if (r->beyond > 0)
        r->beyond--;
    else if (r->depth > 0)
        r->depth--;
}

struct rtf_word {
    struct view word;
    uint32_t character;
};
static const struct rtf_word rtf_characters[] = {
    { V("par"), '\n' },         { V("line"), '\n' },        { V("sect"), '\n' },     { V("page"), '\n' },
    { V("row"), '\n' },         { V("tab"), ' ' },          { V("cell"), ' ' },      { V("emdash"), 0x2014 },
    { V("endash"), 0x2013 },    { V("bullet"), 0x2022 },    { V("lquote"), 0x2018 }, { V("rquote"), 0x2019 },
    { V("ldblquote"), 0x201c }, { V("rdblquote"), 0x201d }, { V("emspace"), ' ' },   { V("enspace"), ' ' },
};
/* Groups that hold no text of the message. */
static const struct view rtf_dropped[] = { V("fonttbl"), V("colortbl"), V("stylesheet"), V("info"),
                                           V("pict"),    V("object"),   V("header"),     V("footer") };

static void rtf_word(struct rtf *r, struct cursor *c, struct view word, bool has_number, int32_t number)
{
    for (size_t i = 0; i < sizeof rtf_characters / sizeof rtf_characters[0]; i++)
        if (view_equal(word, rtf_characters[i].word)) {
            rtf_put(r, rtf_characters[i].character);
            return;
        }
    if (is_one_of(word, rtf_dropped, sizeof rtf_dropped / sizeof rtf_dropped[0]))
        rtf_top(r)->dropped = true;
    else if (!has_number)
        return;
    else if (view_equal(word, VIEW("u")))
        rtf_unicode(r, number);
    else if (view_equal(word, VIEW("uc")))
        rtf_top(r)->fallback = is_within((uint32_t)number, 0, 8) ? (uint8_t)number : 1;
    else if (view_equal(word, VIEW("ansicpg")))
        r->page = (unsigned)number;
    else if (view_equal(word, VIEW("bin")) && number > 0)
        cursor_skip(c, (uint32_t)number < cursor_left(c) ? (uint32_t)number : cursor_left(c));
}

/* Letters, a number that may have a sign, one space that belongs to it. */
static void rtf_read_word(struct rtf *r, struct cursor *c)
{
    struct view v = cursor_peek(c);
    size_t letters = 0, at;
    int32_t number = 0;

    while (letters < v.len && letters < RTF_WORD_BYTES && is_letter(v.at[letters]))
        letters++;
    at = letters;
    bool negative = at < v.len && v.at[at] == '-';
    size_t digits = negative ? ++at : at;
    while (at < v.len && at < digits + 9 && is_within(v.at[at], '0', '9'))
        number = number * 10 + (v.at[at++] - '0');
    bool has_number = at > digits;
    if (negative && !has_number)
        at--;
    if (at < v.len && v.at[at] == ' ')
        at++;
    cursor_skip(c, at);
    rtf_word(r, c, view_slice(v, 0, letters), has_number, negative ? -number : number);
}

/* \'hh: an octet of the code page. */
static void rtf_octet(struct rtf *r, struct cursor *c)
{
    uint32_t high, low;
    bool good = hex_digit(cursor_u8(c), &high);

    if (good && hex_digit(cursor_u8(c), &low))
        rtf_put(r, windows_character(r->page, (uint8_t)(high << 4 | low)));
}

/* Behind a backslash. */
static void rtf_control(struct rtf *r, struct cursor *c)
{
    struct view v = cursor_peek(c);

    if (v.len > 0 && is_letter(v.at[0])) {
        rtf_read_word(r, c);
        return;
    }
    switch (cursor_u8(c)) {
    case '\'': rtf_octet(r, c); break;
    case '*': /* a group that only those read who know it */ rtf_top(r)->dropped = true; break;
    case '\\': rtf_put(r, '\\'); break;
    case '{': rtf_put(r, '{'); break;
    case '}': rtf_put(r, '}'); break;
    case '~': rtf_put(r, ' '); break;
    case '_': rtf_put(r, '-'); break;
    case '\r':
    case '\n': rtf_put(r, '\n'); break;
    default: break;
    }
}

static void read_rtf(struct plain *p, struct cursor *c)
{
    struct rtf r = { .p = p, .page = 1252 };

    r.stack[0].fallback = 1;
    while (cursor_left(c) > 0 && !p->out->cut) {
        uint32_t character = next_character(c);
        if (character == '\\')
            rtf_control(&r, c);
        else if (character == '{')
            rtf_open(&r);
        else if (character == '}')
            rtf_close(&r);
        else if (character != '\r' && character != '\n' && character != 0)
            rtf_put(&r, character);
    }
}

/* ---- Yahoo ---- */

/* ESC [ ... m */
static void skip_yahoo_code(struct cursor *c)
{
    struct view v = view_slice(cursor_peek(c), 0, YAHOO_CODE_BYTES);
    size_t end = view_find_byte(v, 'm', 0);

    if (view_starts(v, VIEW("[")) && end < v.len)
        cursor_skip(c, end + 1);
}

/* Behind "<": one of Yahoo's own tags? Any other is what somebody typed. */
static bool read_yahoo_tag(struct html *h)
{
    struct view v = cursor_peek(h->c);
    struct view name = tag_name(view_from(v, view_starts(v, VIEW("/")) ? 1 : 0));

    if (h->no_more_ends || !is_one_of(name, yahoo_tags, sizeof yahoo_tags / sizeof yahoo_tags[0]))
        return false;
    size_t len = tag_length(h, v);
    cursor_skip(h->c, len);
    return len > 0;
}

static void read_yahoo(struct plain *p, struct cursor *c)
{
    struct html h = { .p = p, .c = c };

    while (cursor_left(c) > 0 && !p->out->cut) {
        uint32_t character = next_character(c);
        if (character == 0x1b)
            skip_yahoo_code(c);
        else if (character != '<' || !read_yahoo_tag(&h))
            put(p, character);
    }
}

/* ---- IRC ---- */

/* Up to `most` digits (of base 16 where `hex`); false: there is none. */
static bool skip_digits(struct cursor *c, unsigned most, bool hex)
{
    struct view v = cursor_peek(c);
    size_t n = 0;
    uint32_t digit;

    while (n < v.len && n < most && hex_digit(v.at[n], &digit) && (hex || digit < 10))
        n++;
    cursor_skip(c, n);
    return n > 0;
}

/* A colour, and behind a comma that of the ground: the comma is text where no digit follows. */
static void skip_irc_colours(struct cursor *c, unsigned most, bool hex)
{
    if (!skip_digits(c, most, hex))
        return;
    struct cursor ground = *c;
    if (cursor_u8(&ground) == ',' && skip_digits(&ground, most, hex))
        *c = ground;
}

static void read_irc(struct plain *p, struct cursor *c)
{
    while (cursor_left(c) > 0 && !p->out->cut) {
        uint32_t character = next_character(c);
        if (character == 0x03)
            skip_irc_colours(c, 2, false);
        else if (character == 0x04)
            skip_irc_colours(c, 6, true);
        else
            put(p, character); /* the other codes are control characters */
    }
}

void plain_text(struct text *out, enum markup markup, struct view in)
{
    struct plain p = { .out = out, .begin = out->len };
    struct cursor c = cursor_open(view_of(in.at, in.len));

    if (markup == MARKUP_HTML)
        read_html(&p, &c);
    else if (markup == MARKUP_RTF && view_starts(view_trim(in), VIEW("{\\rtf")))
        read_rtf(&p, &c);
    else if (markup == MARKUP_YAHOO)
        read_yahoo(&p, &c);
    else if (markup == MARKUP_IRC)
        read_irc(&p, &c);
    else
        while (cursor_left(&c) > 0 && !out->cut)
            put(&p, next_character(&c));
}
#undef V
