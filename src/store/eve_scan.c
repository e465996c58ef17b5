/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner of EVE lines: a stack of at most EVE_DEPTH open objects and lists, a table of the members that
 * are kept. A member of the table that comes twice is refused, since readers of JSON do not agree on which of
 * the two counts, and a sensor could show one to us and the other to people.
 */
#include "store/eve_scan.h"
#include "base/text.h"
#include "identify/words.h"
#include <stdlib.h>

enum section {
#define X(id) SECTION_##id,
    EVE_SECTIONS(X)
#undef X
        SECTION_SKIP,
    SECTION_QUIC = SECTION_TLS,
};
enum type { TYPE_NONE, TYPE_TEXT, TYPE_NUMBER, TYPE_BOOL, TYPE_OBJECT, TYPE_WORDS, TYPE_LIST };

struct field {
    uint8_t section, type, holds, length;
    const char *name;
};
/* What an OBJECT or LIST opens is named as the section. */
#define HOLDS_TEXT(id) SECTION_SKIP
#define HOLDS_NUMBER(id) SECTION_SKIP
#define HOLDS_BOOL(id) SECTION_SKIP
#define HOLDS_WORDS(id) SECTION_SKIP
#define HOLDS_OBJECT(id) SECTION_##id
#define HOLDS_LIST(id) SECTION_##id
static const struct field fields[] = {
#define X(section, member, type, id)                                                                         \
    { SECTION_##section, TYPE_##type, HOLDS_##type(id), sizeof(member) - 1, member },
    EVE_FIELDS(X)
#undef X
};
_Static_assert(EVE_FIELD_COUNT <= 64, "a bit each");

struct frame {
    uint8_t section;
    bool list, begun;
    int8_t field; /* of a list: the field of its elements; -1: not kept */
};

struct scan {
    const uint8_t *at, *end;
    char *scratch;
    struct eve *out;
    struct frame stack[EVE_DEPTH];
    unsigned depth;
};

static bool refuse(struct scan *s, const char *why)
{
    s->out->refused = why;
    return false;
}

static void blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\r' || *s->at == '\n'))
        s->at++;
}

/* The raw text of a string whose first quote was taken; *out_plain: nothing in it is escaped or above ASCII.
 */
static bool raw_string(struct scan *s, struct view *out, bool *out_plain)
{
    const uint8_t *from = s->at;
    bool plain = true;

    for (; s->at < s->end; s->at++) {
        uint8_t c = *s->at;
        if (c == '"') {
            *out = view_of(from, (size_t)(s->at - from));
            *out_plain = plain;
            s->at++;
            return true;
        }
        if (c < 0x20)
            return refuse(s, "a control character in a text");
        if (c == '\\') {
            plain = false;
            if (++s->at == s->end)
                break;
            if (*s->at < 0x20)
                return refuse(s, "a control character in a text");
        } else if (c >= 0x7f) {
            plain = false;
        }
    }
    return refuse(s, "a text without an end");
}

static bool hex4(struct view v, size_t at, uint32_t *out)
{
    uint32_t n = 0;

    if (v.len < 4 || at > v.len - 4)
        return false;
    for (size_t i = at; i < at + 4; i++) {
        uint8_t c = ascii_lower(v.at[i]);
        if (c >= '0' && c <= '9')
            n = n << 4 | (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            n = n << 4 | (uint32_t)(c - 'a' + 10);
        else
            return false;
    }
    *out = n;
    return true;
}

/* UTF-8 of a code point, at most 4 octets; never longer than its escape. */
static size_t put_utf8(uint32_t c, char *to)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3f));
    to[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | c);
    return n;
}

/* What a raw text stands for, made printable, at *s->scratch, which moves on. */
static bool unescape(struct scan *s, struct view raw, struct view *out)
{
    char *from = s->scratch, *to = from;

    for (size_t i = 0; i < raw.len;) {
        uint8_t c = raw.at[i];
        if (c != '\\') {
            size_t n = utf8_length(view_from(raw, i));
            if (n == 0 || c == 0x7f) {
                *to++ = '?';
                i++;
                continue;
            }
            memcpy(to, raw.at + i, n);
            to += n;
            i += n;
            continue;
        }
        uint32_t code, low;
        c = raw.at[i + 1]; /* there is one: raw_string() */
        i += 2;
        switch (c) {
        case '"':
        case '\\':
        case '/': *to++ = (char)c; break;
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't': *to++ = ' '; break;
        case 'u':
            if (!hex4(raw, i, &code))
                return refuse(s, "an escape that is none");
            i += 4;
            if (code >= 0xd800 && code < 0xdc00 && view_starts(view_from(raw, i), VIEW("\\u")) &&
                hex4(raw, i + 2, &low) && low >= 0xdc00 && low < 0xe000) {
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                i += 6;
            }
            if (code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code < 0xe000))
                code = '?';
            to += put_utf8(code, to);
            break;
        default: return refuse(s, "an escape that is none");
        }
    }
    *out = view_of(from, (size_t)(to - from));
    s->scratch = to;
    return true;
}

static int find_field(enum section section, struct view name)
{
    if (section == SECTION_SKIP || name.len == 0)
        return -1;
    for (int i = 0; i < EVE_FIELD_COUNT; i++)
        if (fields[i].section == section && fields[i].length == name.len && fields[i].name[0] == name.at[0] &&
            memcmp(fields[i].name, name.at, name.len) == 0)
            return i;
    return -1;
}

static uint8_t activity_bit(struct view v)
{
    static const struct {
        uint8_t bit;
        const char *name;
    } words[] = {
#define X(id, number, name, help) { 1 << (number), name },
        ACTIVITIES(X)
#undef X
    };
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (view_equal(v, view_string(words[i].name)))
            return words[i].bit;
    return 0;
}

static bool text_value(struct scan *s, int field)
{
    struct view raw, text;
    bool plain;

    s->at++;
    if (!raw_string(s, &raw, &plain))
        return false;
    if (field < 0 || (fields[field].type != TYPE_TEXT && fields[field].type != TYPE_WORDS))
        return true;
    if (plain)
        text = raw;
    else if (!unescape(s, raw, &text))
        return false;
    if (fields[field].type == TYPE_WORDS)
        s->out->activity |= activity_bit(text);
    else
        s->out->text[field] = text;
    return true;
}

static bool literal(struct scan *s, struct view word)
{
    if (!view_starts(view_of(s->at, (size_t)(s->end - s->at)), word))
        return refuse(s, "not JSON");
    s->at += word.len;
    return true;
}

static bool is_digit(const struct scan *s)
{
    return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

static bool number_value(struct scan *s, int field)
{
    uint64_t n = 0;
    bool negative = *s->at == '-';
    unsigned digits = 0;

    if (negative)
        s->at++;
    bool zero = s->at < s->end && *s->at == '0';
    for (; is_digit(s); s->at++, digits++)
        if (digits < 18)
            n = n * 10 + (uint64_t)(*s->at - '0');
    if (digits == 0 || (zero && digits > 1))
        return refuse(s, "not JSON");
    if (digits > 18)
        return refuse(s, "a number that is too long");
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!is_digit(s))
            return refuse(s, "not JSON");
        while (is_digit(s))
            s->at++;
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        for (digits = 0; is_digit(s); digits++)
            s->at++;
        if (digits == 0 || digits > 2)
            return refuse(s, "a number that is too long");
    }
    if (field >= 0 && fields[field].type == TYPE_NUMBER)
        s->out->number[field] = negative ? 0 : n;
    return true;
}

static bool open_frame(struct scan *s, bool list, int field)
{
    struct frame f = { .section = SECTION_SKIP, .list = list, .field = -1 };
    const struct field *of = field >= 0 ? &fields[field] : NULL;

    if (s->depth == EVE_DEPTH)
        return refuse(s, "objects in objects beyond the limit");
    s->at++;
    if (of != NULL && list && (of->type == TYPE_WORDS || of->type == TYPE_LIST))
        f.field = (int8_t)field;
    if (of != NULL && !list && (of->type == TYPE_OBJECT || of->type == TYPE_LIST))
        f.section = of->holds;
    s->stack[s->depth++] = f;
    return true;
}

/* A piece of evidence came to its end: the first that is a name of the server is kept. */
static void evidence_end(struct eve *e)
{
    static const char *const naming[] = { "sni",           "quic-sni", "http-host",
                                          "tunnel-target", "dns",      "certificate" };
    struct view kind = e->text[EVE_EVIDENCE_EVIDENCE_KIND];

    if (e->agent.len == 0 && view_equal(kind, VIEW("http-agent")))
        e->agent = e->text[EVE_EVIDENCE_EVIDENCE_VALUE];
    for (unsigned i = 0; i < sizeof naming / sizeof naming[0]; i++)
        if (e->name.len == 0 && view_equal(kind, view_string(naming[i])))
            e->name = e->text[EVE_EVIDENCE_EVIDENCE_VALUE];
    e->text[EVE_EVIDENCE_EVIDENCE_KIND] = e->text[EVE_EVIDENCE_EVIDENCE_VALUE] = (struct view){ 0 };
    e->seen &= ~((uint64_t)1 << EVE_EVIDENCE_EVIDENCE_KIND | (uint64_t)1 << EVE_EVIDENCE_EVIDENCE_VALUE);
}

/* The member's name and colon. *out_field: -1 where it is not kept. */
static bool member(struct scan *s, const struct frame *f, int *out_field)
{
    struct view key;
    bool plain;

    if (s->at == s->end || *s->at != '"')
        return refuse(s, "not JSON");
    s->at++;
    if (!raw_string(s, &key, &plain))
        return false;
    blanks(s);
    if (s->at == s->end || *s->at != ':')
        return refuse(s, "not JSON");
    s->at++;
    blanks(s);
    /* An escaped name could be one of ours in disguise, which others would read. */
    if (!plain && f->section != SECTION_SKIP && view_find_byte(key, '\\', 0) < key.len)
        return refuse(s, "an escaped name of a member");
    int field = find_field((enum section)f->section, key);
    if (field >= 0) {
        uint64_t bit = (uint64_t)1 << field;
        if ((s->out->seen & bit) != 0)
            return refuse(s, "a member that comes twice");
        s->out->seen |= bit;
    }
    *out_field = field;
    return true;
}

static bool value(struct scan *s, int field)
{
    if (s->at == s->end)
        return refuse(s, "cut off");
    switch (*s->at) {
    case '"': return text_value(s, field);
    case '{': return open_frame(s, false, field);
    case '[': return open_frame(s, true, field);
    case 't':
        if (field >= 0 && fields[field].type == TYPE_BOOL)
            s->out->number[field] = 1;
        return literal(s, VIEW("true"));
    case 'f': return literal(s, VIEW("false"));
    case 'n': return literal(s, VIEW("null"));
    default: return *s->at == '-' || is_digit(s) ? number_value(s, field) : refuse(s, "not JSON");
    }
}

static bool step(struct scan *s)
{
    struct frame *f = &s->stack[s->depth - 1];
    int field = f->field;

    blanks(s);
    if (s->at == s->end)
        return refuse(s, "cut off");
    if (*s->at == (f->list ? ']' : '}')) {
        s->at++;
        if (f->section == SECTION_EVIDENCE)
            evidence_end(s->out);
        s->depth--;
        return true;
    }
    if (f->begun) {
        if (*s->at != ',')
            return refuse(s, "not JSON");
        s->at++;
        blanks(s);
        if (s->at < s->end && (*s->at == ']' || *s->at == '}'))
            return refuse(s, "not JSON");
    }
    f->begun = true;
    return (f->list || member(s, f, &field)) && value(s, field);
}

bool eve_scan(struct view line, char *scratch, struct eve *out)
{
    struct scan s = { .at = line.at, .end = line.at + line.len, .scratch = scratch, .out = out };

    memset(out, 0, sizeof *out);
    if (line.len > EVE_LINE_MOST)
        return refuse(&s, "a line over 64 KiB");
    blanks(&s);
    if (s.at == s.end || *s.at != '{')
        return refuse(&s, "not a JSON object");
    s.stack[s.depth++] = (struct frame){ .section = SECTION_TOP, .field = -1 };
    s.at++;
    while (s.depth > 0)
        if (!step(&s))
            return false;
    blanks(&s);
    return s.at == s.end || refuse(&s, "something behind the object");
}

/* ---- times ---- */

static bool digits(struct view v, size_t at, size_t count, unsigned *out)
{
    uint64_t n;

    if (v.len < at + count || !view_decimal(view_slice(v, at, at + count), 9999, &n))
        return false;
    *out = (unsigned)n;
    return true;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar, years from March so that leap days end one. */
static int64_t days_from(unsigned year, unsigned month, unsigned day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return y * 365 + y / 4 - y / 100 + y / 400 + of_year - 719468;
}

bool eve_time(struct view v, uint64_t *out_us)
{
    unsigned year, month, day, hour, minute, second, zone_hour = 0, zone_minute = 0;
    uint32_t micro = 0;
    size_t at = 19;
    int64_t sign = 0;

    if (!digits(v, 0, 4, &year) || !digits(v, 5, 2, &month) || !digits(v, 8, 2, &day) ||
        !digits(v, 11, 2, &hour) || !digits(v, 14, 2, &minute) || !digits(v, 17, 2, &second) ||
        v.at[4] != '-' || v.at[7] != '-' || (v.at[10] != 'T' && v.at[10] != ' ') || v.at[13] != ':' ||
        v.at[16] != ':')
        return false;
    if (year < 1970 || year > 2200 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 ||
        minute > 59 || second > 60)
        return false;
    if (at < v.len && v.at[at] == '.') {
        uint32_t unit = 100000;
        for (at++; at < v.len && v.at[at] >= '0' && v.at[at] <= '9'; at++, unit /= 10)
            micro += (uint32_t)(v.at[at] - '0') * unit;
    }
    if (at < v.len && v.at[at] == 'Z') {
        at++;
    } else if (at < v.len && (v.at[at] == '+' || v.at[at] == '-')) {
        sign = v.at[at] == '+' ? 1 : -1;
        if (!digits(v, at + 1, 2, &zone_hour))
            return false;
        at += 3;
        if (at < v.len && v.at[at] == ':')
            at++;
        if (!digits(v, at, 2, &zone_minute) || zone_hour > 14 || zone_minute > 59)
            return false;
        at += 2;
    }
    if (at != v.len)
        return false;
    int64_t seconds = days_from(year, month, day) * 86400 + hour * 3600 + minute * 60 + second -
                      sign * (int64_t)(zone_hour * 3600 + zone_minute * 60);
    if (seconds < 0)
        return false;
    *out_us = (uint64_t)seconds * 1000000 + micro;
    return true;
}
