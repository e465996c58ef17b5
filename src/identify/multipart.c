/* SPDX-License-Identifier: Apache-2.0 */
/*
 * multipart/form-data, byte by byte as it comes:
 *
 *     --boundary                                            anything before is passed over
 *     Content-Disposition: form-data; name="f"; filename="plan.doc"
 *     Content-Type: application/msword
 *                                                           an empty line
 *     bytes
 *     --boundary                                            the next part
 *     --boundary--                                          no more parts
 *
 * A boundary is CR LF, two hyphens and the word that the message's header gave. CR stands only at its front,
 * so what was a beginning of it and is none after all is known without being kept, and no byte is looked at
 * twice.
 *
 * Parts with a file name are files; the others are fields of a form, whose text is no message. After a loss
 * the place in the file is counted on; the file then counts as cut, since a boundary may have been lost too.
 *
 * Sources. RFC 7578, RFC 2046 section 5.1, RFC 6266 and 8187 (file names).
 * Limits. Lines of a head are cut after MULTIPART_LINE, heads after LINES lines; more than PARTS parts are an
 * anomaly, and told no further.
 */
#include "identify/multipart.h"

enum { LINES = 32, PARTS = 256 };

enum place {
    OUTSIDE, /* before the first boundary, in a field, behind the last one */
    MARK,    /* the rest of a boundary's line */
    HEAD,
    DATA,
    OVER,
};

/* ---- header fields ---- */

/* The value of a parameter, quoted or not; false: it is not there. `name` ends in "=". */
static bool parameter(struct view value, struct view name, struct view *out)
{
    while (value.len > 0) {
        struct view one = view_trim(view_token(&value, ';'));
        if (!view_starts_nocase(one, name))
            continue;
        *out = view_from(one, name.len);
        if (out->len > 0 && out->at[0] == '"') { /* a quoted one may hold ';' */
            struct view rest = { out->at + 1, (size_t)(value.at + value.len - out->at) - 1 };
            *out = view_slice(rest, 0, view_find_byte(rest, '"', 0));
        }
        return true;
    }
    return false;
}

struct view multipart_boundary(struct view parameters)
{
    struct view boundary;

    if (!parameter(parameters, VIEW("boundary="), &boundary) || boundary.len > MULTIPART_BOUNDARY)
        return view_of(NULL, 0);
    return boundary;
}

void disposition_name(struct text *out, struct view value)
{
    struct view name;

    if (parameter(value, VIEW("filename*="), &name) && view_find_byte(name, '\'', 0) < name.len) {
        (void)view_token(&name, '\''); /* UTF-8'language'name */
        (void)view_token(&name, '\'');
        text_percent(out, name);
    } else if (parameter(value, VIEW("filename="), &name)) {
        text_add(out, name);
    }
}

/* ---- parts ---- */

static void part_end(struct multipart *m, struct session *s, bool whole)
{
    if (m->is_file)
        session_file_end(s, m->file, whole && !m->lost);
    m->is_file = false;
    m->lost = false;
}

static void part_begin(struct multipart *m, struct session *s, bool outgoing)
{
    struct im_file f = { .name = view_of(m->name, m->name_len),
                         .type = view_of(m->type, m->type_len),
                         .outgoing = outgoing };

    m->is_file = m->name_len > 0;
    m->at = 0;
    m->matched = 0;
    m->place = m->is_file ? DATA : OUTSIDE;
    if (m->is_file)
        m->file = session_file_begin(s, &f);
}

static void head_line(struct multipart *m, struct view line)
{
    struct view field = view_token(&line, ':');

    if (view_equal_nocase(field, VIEW("content-disposition"))) {
        struct text name = TEXT(m->name);
        disposition_name(&name, line);
        m->name_len = (uint8_t)name.len;
    } else if (view_equal_nocase(field, VIEW("content-type"))) {
        struct text type = TEXT(m->type);
        text_add(&type, view_trim(view_token(&line, ';')));
        m->type_len = (uint8_t)type.len;
    }
}

/* A line is whole, without its end: of a boundary, or of a head. */
static void line_done(struct multipart *m, struct session *s, bool outgoing)
{
    struct view line = view_of(m->line, m->line_len);

    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    m->line_len = 0;
    if (m->place == MARK) {
        m->name_len = m->type_len = 0;
        m->lines = 0;
        m->place = view_starts(line, VIEW("--")) ? OVER : HEAD;
        if (m->place == HEAD && ++m->parts > PARTS) {
            session_anomaly(s, ANOMALY_OVERLONG, VIEW("parts of a form"));
            m->place = OVER;
        }
    } else if (line.len == 0 || ++m->lines > LINES) {
        part_begin(m, s, outgoing);
    } else {
        head_line(m, line);
    }
}

/* Read a line; what is too long is not kept. */
static void feed_line(struct multipart *m, struct session *s, bool outgoing, struct view *in)
{
    size_t end = view_find_byte(*in, '\n', 0), room = sizeof m->line - m->line_len;
    struct view piece = view_slice(*in, 0, end < room ? end : room);

    if (piece.len > 0)
        memcpy(m->line + m->line_len, piece.at, piece.len);
    m->line_len = (uint8_t)(m->line_len + piece.len);
    bool whole = end < in->len;
    *in = view_from(*in, whole ? end + 1 : end);
    if (whole)
        line_done(m, s, outgoing);
}

/* ---- bytes ---- */

static void data(struct multipart *m, struct session *s, struct view v)
{
    if (m->place == DATA) {
        session_file_bytes(s, m->file, m->at, v);
        m->at += v.len;
    }
}

static uint8_t delimiter(const struct multipart *m, size_t at)
{
    return at < 4 ? (uint8_t) "\r\n--"[at] : (uint8_t)m->boundary[at - 4];
}

/* What matched is no boundary after all: it was data. */
static void give_back(struct multipart *m, struct session *s)
{
    uint8_t bytes[MULTIPART_BOUNDARY + 4];

    for (size_t i = 0; i < m->matched; i++)
        bytes[i] = delimiter(m, i);
    data(m, s, view_of(bytes, m->matched));
    m->matched = 0;
}

/* Use up data as far as the next boundary, or all of it. */
static void feed_data(struct multipart *m, struct session *s, struct view *in)
{
    if (m->matched == 0) {
        size_t plain = view_find_byte(*in, '\r', 0);
        data(m, s, view_slice(*in, 0, plain));
        *in = view_from(*in, plain);
    }
    while (in->len > 0 && in->at[0] == delimiter(m, m->matched)) {
        *in = view_from(*in, 1);
        if (++m->matched == m->boundary_len + 4u) {
            part_end(m, s, true);
            m->place = MARK;
            m->matched = 0;
            return;
        }
    }
    if (in->len > 0 && m->matched > 0)
        give_back(m, s);
}

void multipart_begin(struct multipart *m, struct view boundary)
{
    m->place = boundary.len > 0 ? OUTSIDE : OVER;
    m->is_file = m->lost = false;
    m->line_len = m->name_len = m->type_len = 0;
    m->parts = m->lines = 0;
    m->matched = 2; /* the first one stands at the front of a line */
    m->boundary_len = (uint8_t)boundary.len;
    if (boundary.len > 0)
        memcpy(m->boundary, boundary.at, boundary.len);
}

void multipart_feed(struct multipart *m, struct session *s, bool outgoing, struct view in)
{
    while (in.len > 0 && m->place != OVER) {
        if (m->place == MARK || m->place == HEAD)
            feed_line(m, s, outgoing, &in);
        else
            feed_data(m, s, &in);
    }
}

void multipart_lost(struct multipart *m, uint64_t lost)
{
    if (m->place == MARK || m->place == HEAD)
        m->place = OUTSIDE;
    m->at += m->matched + lost;
    m->matched = 0;
    m->line_len = 0;
    m->lost = true;
}

void multipart_end(struct multipart *m, struct session *s)
{
    part_end(m, s, false);
    m->place = OVER;
}
