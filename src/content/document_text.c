/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written in a document, without how it looks. Runs in a sandboxed child.
 *
 * Paragraphs, rows and lines end in a line end, cells in a tab: so that numbers in neighbouring cells do not
 * become one. XML is read as it streams by (libxml2, SAX): nothing external, no entities but XML's own, no
 * DTD at all, libxml2's limits on depth and length kept.
 *
 * Sources: ECMA-376 (docx, xlsx, pptx), OASIS OpenDocument 1.3, Microsoft's RTF specification 1.9.1,
 * [MS-CFB] and [MS-OFFCRYPTO] (how encrypted documents look from outside).
 *
 * Limits: the older doc, xls and ppt are not read (DOCUMENT_NO_TEXT); text in pictures and in embedded
 * documents is not either. Members are bounded by bytes and by their ratio to the file.
 */
#include "content/document_text.h"
#include "base/text.h"
#include <archive.h>
#include <archive_entry.h>
#include <libxml/HTMLparser.h>
#include <libxml/parser.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEAD_BYTES = 4096,
    CHUNK = 16384,
    MEMBERS = 20000,
    RATIO = 200, /* unpacked to packed, beyond RATIO_FREE bytes */
    RATIO_FREE = 16 << 20,
    TEXT_FILE_MOST = 64 << 20, /* of formats that are read whole */
    RTF_DEPTH = 128,
};

static void put(struct document_sink *out, struct view text)
{
    if (text.len == 0)
        return;
    out->last_was_break = false;
    out->put(out->context, text);
}

static void put_break(struct document_sink *out, const char *with)
{
    if (!out->last_was_break)
        out->put(out->context, view_string(with));
    out->last_was_break = true;
}

static enum document_answer failed(struct document_sink *out, const char *why)
{
    out->why = why;
    return DOCUMENT_FAILED;
}

/* ---- office XML ---- */

struct office_xml {
    struct document_sink *out;
    enum office_kind kind;
    xmlParserCtxtPtr parser;
    unsigned inside; /* elements with text, one in the other */
    bool shared;     /* a cell that holds a number of the table of strings */
    bool refused;
};

/* Elements whose end ends something. */
static const char *break_behind(const char *name)
{
    static const char *const lines[] = { "p", "h", "br", "si", "row", "table-row", "line-break", "cr", "tr" };
    static const char *const tabs[] = { "tab", "c", "table-cell", "tc" };

    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (strcmp(name, lines[i]) == 0)
            return "\n";
    for (unsigned i = 0; i < sizeof tabs / sizeof tabs[0]; i++)
        if (strcmp(name, tabs[i]) == 0)
            return "\t";
    return NULL;
}

static bool holds_text(const struct office_xml *x, const char *name)
{
    if (x->kind == OFFICE_ODF)
        return strcmp(name, "p") == 0 || strcmp(name, "h") == 0;
    return strcmp(name, "t") == 0 || strcmp(name, "delText") == 0 || (strcmp(name, "v") == 0 && !x->shared);
}

/* libxml2 hands attributes out as five pointers each: name, prefix, namespace, value, behind the value. */
static bool has_attribute(const xmlChar **attributes, int count, const char *name, struct view value)
{
    for (int i = 0; i < count; i++) {
        const xmlChar **a = attributes + (ptrdiff_t)5 * i;
        if (strcmp((const char *)a[0], name) == 0 && view_equal(view_of(a[3], (size_t)(a[4] - a[3])), value))
            return true;
    }
    return false;
}

static void on_start(void *context, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri,
                     int namespaces_count, const xmlChar **namespaces, int attributes_count, int defaulted,
                     const xmlChar **attributes)
{
    struct office_xml *x = context;
    const char *name = (const char *)local;

    (void)prefix;
    (void)uri;
    (void)namespaces_count;
    (void)namespaces;
    (void)defaulted;
    if (x->kind == OFFICE_OOXML && strcmp(name, "c") == 0)
        x->shared = has_attribute(attributes, attributes_count, "t", VIEW("s"));
    if (x->kind == OFFICE_ODF && strcmp(name, "s") == 0 && x->inside > 0)
        put(x->out, VIEW(" "));
    x->inside += holds_text(x, name);
}

static void on_end(void *context, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
    struct office_xml *x = context;
    const char *name = (const char *)local, *behind = break_behind(name);

    (void)prefix;
    (void)uri;
    if (x->inside > 0 && holds_text(x, name))
        x->inside--;
    if (behind != NULL)
        put_break(x->out, behind);
}

static void on_characters(void *context, const xmlChar *at, int length)
{
    struct office_xml *x = context;

    if (x->inside > 0 && length > 0)
        put(x->out, view_of(at, (size_t)length));
}

/* No office document has a DTD; attacks do. */
static void on_dtd(void *context, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
    struct office_xml *x = context;

    (void)name;
    (void)external;
    (void)system;
    x->refused = true;
    xmlStopParser(x->parser);
}

static void on_error(void *context, const char *format, ...)
{
    (void)context;
    (void)format;
}

struct office_xml *office_xml_new(enum office_kind kind, struct document_sink *out)
{
    xmlSAXHandler handler = {
        .initialized = XML_SAX2_MAGIC,
        .startElementNs = on_start,
        .endElementNs = on_end,
        .characters = on_characters,
        .cdataBlock = on_characters,
        .internalSubset = on_dtd,
        .warning = on_error,
        .error = on_error,
    };
    struct office_xml *x = calloc(1, sizeof *x);

    if (x == NULL)
        return NULL;
    x->out = out;
    x->kind = kind;
    x->parser = xmlCreatePushParserCtxt(&handler, x, NULL, 0, NULL);
    if (x->parser == NULL) {
        free(x);
        return NULL;
    }
    (void)xmlCtxtUseOptions(x->parser, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    return x;
}

bool office_xml_more(struct office_xml *x, struct view bytes)
{
    return !x->refused && xmlParseChunk(x->parser, (const char *)bytes.at, (int)bytes.len, 0) == 0 &&
           !x->refused;
}

bool office_xml_end(struct office_xml *x)
{
    bool ok = !x->refused && xmlParseChunk(x->parser, "", 0, 1) == 0;

    if (x->parser->myDoc != NULL)
        xmlFreeDoc(x->parser->myDoc);
    xmlFreeParserCtxt(x->parser);
    free(x);
    return ok;
}

/* ---- zip ---- */

static bool starts(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

static bool ends(const char *name, const char *with)
{
    size_t a = strlen(name), b = strlen(with);

    return a >= b && strcmp(name + a - b, with) == 0;
}

/* Which members hold what people wrote. */
static bool is_text_member(const char *name, enum office_kind *kind)
{
    *kind = OFFICE_ODF;
    if (strcmp(name, "content.xml") == 0 || strcmp(name, "styles.xml") == 0)
        return true;
    *kind = OFFICE_OOXML;
    return ends(name, ".xml") &&
           ((starts(name, "word/") && !starts(name, "word/theme/") && !ends(name, "word/styles.xml")) ||
            starts(name, "xl/worksheets/") || strcmp(name, "xl/sharedStrings.xml") == 0 ||
            starts(name, "xl/comments") || starts(name, "xl/threadedComments/") ||
            starts(name, "ppt/slides/") || starts(name, "ppt/notesSlides/") || starts(name, "ppt/comments/"));
}

static bool is_bomb(struct document_sink *out, uint64_t packed)
{
    return out->unpacked > out->most_unpacked ||
           (out->unpacked > RATIO_FREE && out->unpacked / RATIO > packed);
}

static enum document_answer member_text(struct archive *a, enum office_kind kind, uint64_t packed,
                                        struct document_sink *out)
{
    struct office_xml *x = office_xml_new(kind, out);
    static const char broken[] = "a member of the document is not sound XML";
    char chunk[CHUNK];
    la_ssize_t n = 0;
    bool ok = x != NULL, bomb = false;

    while (ok && !bomb && (n = archive_read_data(a, chunk, sizeof chunk)) > 0) {
        out->unpacked += (uint64_t)n;
        bomb = is_bomb(out, packed);
        ok = bomb || office_xml_more(x, view_of(chunk, (size_t)n));
    }
    ok = x != NULL && (office_xml_end(x) && ok);
    if (bomb)
        return failed(out, "it unpacks to far more than a document does");
    if (n < 0)
        return failed(out, "its archive is damaged");
    put_break(out, "\n");
    return ok ? DOCUMENT_DONE : failed(out, broken);
}

/* An OpenDocument says in its manifest that its members are encrypted. */
static bool manifest_is_encrypted(struct archive *a)
{
    char chunk[CHUNK];
    la_ssize_t n = archive_read_data(a, chunk, sizeof chunk);
    struct view v = view_of(chunk, n > 0 ? (size_t)n : 0);

    return view_find(v, VIEW("encryption-data")) < v.len;
}

static enum document_answer zip_text(int fd, uint64_t packed, struct document_sink *out)
{
    struct archive *a = archive_read_new();
    struct archive_entry *entry;
    enum document_answer answer = DOCUMENT_NO_TEXT, one;
    enum office_kind kind;
    int status = ARCHIVE_FATAL;

    if (a == NULL || archive_read_support_format_zip(a) != ARCHIVE_OK ||
        archive_read_open_fd(a, fd, CHUNK) != ARCHIVE_OK) {
        archive_read_free(a);
        return failed(out, "its archive is damaged");
    }
    for (unsigned i = 0; i < MEMBERS && (status = archive_read_next_header(a, &entry)) >= ARCHIVE_WARN &&
                         status != ARCHIVE_EOF;
         i++) {
        const char *name = archive_entry_pathname(entry);
        if (name == NULL)
            continue;
        bool manifest = strcmp(name, "META-INF/manifest.xml") == 0;
        if (!manifest && !is_text_member(name, &kind))
            continue;
        if (archive_entry_is_encrypted(entry) != 0 || (manifest && manifest_is_encrypted(a)))
            answer = DOCUMENT_ENCRYPTED;
        if (answer == DOCUMENT_ENCRYPTED)
            break;
        if (manifest)
            continue;
        one = member_text(a, kind, packed, out);
        answer = answer == DOCUMENT_FAILED || one == DOCUMENT_FAILED ? DOCUMENT_FAILED : DOCUMENT_DONE;
        if (is_bomb(out, packed))
            break;
    }
    if (status < ARCHIVE_WARN && answer != DOCUMENT_ENCRYPTED)
        answer = failed(out, "its archive is damaged");
    archive_read_free(a);
    return answer;
}

/* ---- HTML ---- */

struct html {
    struct document_sink *out;
    unsigned silent; /* script, style */
};

static bool is_silent(const xmlChar *name)
{
    return strcmp((const char *)name, "script") == 0 || strcmp((const char *)name, "style") == 0;
}

static void on_html_start(void *context, const xmlChar *name, const xmlChar **attributes)
{
    struct html *h = context;

    (void)attributes;
    h->silent += is_silent(name);
}

static void on_html_end(void *context, const xmlChar *name)
{
    static const char *const runs[] = { "a", "b", "i", "u", "em", "strong", "span", "font", "small", "code" };
    struct html *h = context;

    if (h->silent > 0 && is_silent(name))
        h->silent--;
    for (unsigned i = 0; i < sizeof runs / sizeof runs[0]; i++)
        if (strcmp((const char *)name, runs[i]) == 0)
            return;
    put_break(h->out,
              strcmp((const char *)name, "td") == 0 || strcmp((const char *)name, "th") == 0 ? "\t" : "\n");
}

static void on_html_characters(void *context, const xmlChar *at, int length)
{
    struct html *h = context;

    if (h->silent == 0 && length > 0)
        put(h->out, view_of(at, (size_t)length));
}

void document_html(struct view bytes, struct document_sink *out)
{
    htmlSAXHandler handler = {
        .startElement = on_html_start,
        .endElement = on_html_end,
        .characters = on_html_characters,
        .warning = on_error,
        .error = on_error,
    };
    struct html h = { .out = out };
    htmlParserCtxtPtr parser = htmlCreatePushParserCtxt(&handler, &h, NULL, 0, NULL, XML_CHAR_ENCODING_NONE);

    if (parser == NULL)
        return;
    (void)htmlCtxtUseOptions(parser, HTML_PARSE_NONET | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING);
    for (size_t at = 0; at < bytes.len; at += CHUNK) {
        struct view v = view_slice(bytes, at, at + CHUNK);
        (void)htmlParseChunk(parser, (const char *)v.at, (int)v.len, 0);
    }
    (void)htmlParseChunk(parser, "", 0, 1);
    if (parser->myDoc != NULL)
        xmlFreeDoc(parser->myDoc);
    htmlFreeParserCtxt(parser);
}

/* ---- RTF ---- */

static void put_rune(struct document_sink *out, uint32_t c)
{
    uint8_t b[3];

    if (c < 0x80) {
        b[0] = (uint8_t)c;
        put(out, view_of(b, 1));
    } else if (c < 0x800) {
        b[0] = (uint8_t)(0xc0 | c >> 6);
        b[1] = (uint8_t)(0x80 | (c & 0x3f));
        put(out, view_of(b, 2));
    } else if (c < 0x10000 && (c < 0xd800 || c > 0xdfff)) {
        b[0] = (uint8_t)(0xe0 | c >> 12);
        b[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        b[2] = (uint8_t)(0x80 | (c & 0x3f));
        put(out, view_of(b, 3));
    } else {
        put(out, VIEW("\xef\xbf\xbd"));
    }
}

struct rtf {
    struct document_sink *out;
    unsigned depth, silent_from; /* 0: not silent */
    unsigned skip;               /* characters that stand for one told as \u */
    unsigned skip_each[RTF_DEPTH];
};

static unsigned *rtf_skip_each(struct rtf *r)
{
    return &r->skip_each[r->depth < RTF_DEPTH ? r->depth : RTF_DEPTH - 1];
}

static void rtf_character(struct rtf *r, uint32_t c)
{
    if (r->skip > 0)
        r->skip--;
    else if (r->silent_from == 0)
        put_rune(r->out, c);
}

static bool is_destination_without_text(struct view word)
{
    static const char *const words[] = { "fonttbl", "colortbl",  "stylesheet", "info",    "pict",
                                         "object",  "listtable", "themedata",  "xmlnstbl" };

    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (view_equal(word, view_string(words[i])))
            return true;
    return false;
}

static void rtf_word(struct rtf *r, struct view word, int64_t number)
{
    bool loud = r->silent_from == 0;

    if (loud && is_destination_without_text(word))
        r->silent_from = r->depth;
    else if (view_equal(word, VIEW("uc")))
        *rtf_skip_each(r) = number >= 0 && number < 16 ? (unsigned)number : 1;
    else if (loud && view_equal(word, VIEW("u"))) {
        put_rune(r->out, (uint32_t)(number < 0 ? number + 65536 : number));
        r->skip = *rtf_skip_each(r);
    } else if (loud && (view_equal(word, VIEW("par")) || view_equal(word, VIEW("line")) ||
                        view_equal(word, VIEW("row")) || view_equal(word, VIEW("page")))) {
        put_break(r->out, "\n");
    } else if (loud && (view_equal(word, VIEW("tab")) || view_equal(word, VIEW("cell")))) {
        put_break(r->out, "\t");
    }
}

static bool is_letter(uint8_t c)
{
    return (c & 0xdf) >= 'A' && (c & 0xdf) <= 'Z';
}

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c & 0xdf) >= 'A' && (c & 0xdf) <= 'F' ? (c & 0xdf) - 'A' + 10
                                                    : -1;
}

/* A word with its number and the blank behind it; returns how long it is. */
static size_t rtf_control(struct rtf *r, struct view v)
{
    size_t i = 0;
    int64_t number = 0;
    bool minus = false;

    while (i < v.len && i < 32 && is_letter(v.at[i]))
        i++;
    struct view word = view_slice(v, 0, i);
    if (i < v.len && v.at[i] == '-') {
        minus = true;
        i++;
    }
    size_t digits = i;
    while (i < v.len && i - digits < 9 && v.at[i] >= '0' && v.at[i] <= '9')
        number = number * 10 + (v.at[i++] - '0');
    if (i == digits)
        number = 1;
    if (i < v.len && v.at[i] == ' ')
        i++;
    if (view_equal(word, VIEW("bin")) && !minus)
        return (size_t)number < v.len - i ? i + (size_t)number : v.len;
    rtf_word(r, word, minus ? -number : number);
    return i;
}

/* What follows a backslash. */
static size_t rtf_escape(struct rtf *r, struct view v)
{
    if (v.len == 0)
        return 0;
    if (is_letter(v.at[0]))
        return rtf_control(r, v);
    int high = v.len >= 3 ? hex_digit(v.at[1]) : -1, low = v.len >= 3 ? hex_digit(v.at[2]) : -1;
    if (v.at[0] == '\'' && high >= 0 && low >= 0) {
        rtf_character(r, (uint32_t)(high * 16 + low));
        return 3;
    }
    if (v.at[0] == '*' && r->silent_from == 0)
        r->silent_from = r->depth;
    else if (v.at[0] == '~' || v.at[0] == '_')
        rtf_character(r, v.at[0] == '~' ? ' ' : '-');
    else if (strchr("\\{}", v.at[0]) != NULL && v.at[0] != '\0')
        rtf_character(r, v.at[0]);
    else if (v.at[0] == '\n' || v.at[0] == '\r')
        put_break(r->out, "\n");
    return 1;
}

void document_rtf(struct view bytes, struct document_sink *out)
{
    struct rtf r = { .out = out, .skip_each = { 1 } };

    for (size_t i = 0; i < bytes.len;) {
        uint8_t c = bytes.at[i++];
        if (c == '{') {
            unsigned each = *rtf_skip_each(&r);
            r.depth++;
            *rtf_skip_each(&r) = each;
        } else if (c == '}') {
            if (r.silent_from == r.depth)
                r.silent_from = 0;
            r.depth -= r.depth > 0;
            r.skip = 0;
        } else if (c == '\\') {
            i += rtf_escape(&r, view_from(bytes, i));
        } else if (c >= ' ' || c == '\t') {
            rtf_character(&r, c);
        }
    }
    put_break(out, "\n");
}

/* ---- plain text ---- */

/* UTF-8 as it is, UTF-16 with its mark, else as Latin-1. */
void document_plain(struct view bytes, struct document_sink *out)
{
    uint16_t mark = view_u16(bytes, 0);

    if (mark == 0xfeff || mark == 0xfffe) {
        for (size_t i = 2; i + 1 < bytes.len; i += 2) {
            uint32_t c = view_u16(bytes, i);
            put_rune(out, mark == 0xfeff ? c : (c & 0xffu) << 8 | c >> 8);
        }
        return;
    }
    size_t from = 0;
    for (size_t i = 0; i < bytes.len;) {
        size_t n = bytes.at[i] < 0x80 ? bytes.at[i] != 0 : utf8_length(view_from(bytes, i));
        if (n > 0) {
            i += n;
            continue;
        }
        put(out, view_slice(bytes, from, i));
        put_rune(out, bytes.at[i] != 0 ? bytes.at[i] : ' ');
        from = ++i;
    }
    put(out, view_from(bytes, from));
}

/* ---- which it is ---- */

static bool read_whole(int fd, uint64_t size, struct view *out)
{
    uint8_t *at = malloc(size + 1);
    size_t done = 0;
    ssize_t n = 1;

    if (at == NULL)
        return false;
    while (done < size && (n = pread(fd, at + done, size - done, (off_t)done)) > 0)
        done += (size_t)n;
    *out = view_of(at, done);
    return n >= 0;
}

/* The directory of a compound file names its streams in UTF-16. */
static bool is_encrypted_office(int fd, uint64_t size)
{
    static const uint8_t name[] = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e";
    uint8_t chunk[CHUNK];

    for (uint64_t at = 0; at < size && at < TEXT_FILE_MOST; at += CHUNK - sizeof name) {
        ssize_t n = pread(fd, chunk, sizeof chunk, (off_t)at);
        struct view v = view_of(chunk, n > 0 ? (size_t)n : 0);
        if (view_find(v, view_of(name, sizeof name - 1)) < v.len)
            return true;
    }
    return false;
}

static bool is_markup(struct view head, const char *media_type)
{
    struct view v = view_trim(head);

    return strcmp(media_type, "text/html") == 0 || view_starts_nocase(v, VIEW("<!doctype html")) ||
           view_starts_nocase(v, VIEW("<html"));
}

enum document_answer document_extract(int fd, const char *media_type, struct document_sink *out)
{
    uint8_t bytes[HEAD_BYTES];
    ssize_t n = pread(fd, bytes, sizeof bytes, 0);
    struct view head = view_of(bytes, n > 0 ? (size_t)n : 0), whole;
    struct stat info;

    if (n < 0 || fstat(fd, &info) != 0)
        return failed(out, "it cannot be read");
    uint64_t size = (uint64_t)info.st_size;
    out->last_was_break = true;
    if (view_starts(head, VIEW("PK\3\4")))
        return zip_text(fd, size, out);
    if (view_starts(head, VIEW("\xd0\xcf\x11\xe0")))
        return is_encrypted_office(fd, size) ? DOCUMENT_ENCRYPTED : DOCUMENT_NO_TEXT;
    bool rtf = view_starts(head, VIEW("{\\rtf")), html = is_markup(head, media_type);
    bool wide = view_starts(head, VIEW("\xff\xfe")) || view_starts(head, VIEW("\xfe\xff"));
    if (!rtf && !html && !wide && view_find_byte(head, '\0', 0) < head.len)
        return DOCUMENT_NO_TEXT;
    if (!rtf && !html && strncmp(media_type, "text/", 5) != 0 && media_type[0] != '\0' &&
        strcmp(media_type, "application/json") != 0 && strcmp(media_type, "application/xml") != 0 &&
        strcmp(media_type, "application/csv") != 0)
        return DOCUMENT_NO_TEXT;
    if (!read_whole(fd, size < TEXT_FILE_MOST ? size : TEXT_FILE_MOST, &whole))
        return failed(out, "it cannot be read");
    if (rtf)
        document_rtf(whole, out);
    else if (html)
        document_html(whole, out);
    else
        document_plain(whole, out);
    free((void *)(uintptr_t)whole.at);
    return size > TEXT_FILE_MOST ? DOCUMENT_CUT : DOCUMENT_DONE;
}
