/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives are read by libarchive: zip, tar, 7z, rar, iso, cab, and gzip, bzip2 and xz around anything. What
 * kind it is we see ourselves, by the signature, and let libarchive know only that kind.
 *
 * Every member is unpacked into a file of the spool, which has no name; names of members are passed on and
 * never used. A member that is an archive is walked where it is met; the levels are a stack of fixed depth.
 *
 * Against bombs:
 *   - bytes of all levels are added up, and compared with the size of the outermost: above the ratio, and
 *     above 16 MiB or the limit of bytes, it is a bomb. Overlapping members and nested bombs add up alike;
 *   - members of all levels are counted; depth and time are limited;
 *   - compression is taken off one layer at a time, so that gzip in gzip counts as well;
 *   - libarchive passes over members of a zip that begin where another does: one that says it has more
 *     members than were met lies;
 *   - what libarchive may read to learn of members (the directory of a zip or iso, which it keeps in
 *     memory) is limited, and so is the unpacked header of a 7z.
 *
 * Formats: PKWARE APPNOTE 6.3.9 (4.3.16: end of central directory), 7zFormat.txt of the LZMA SDK, ECMA-119
 * 8.1 (iso: "CD001" in the first volume descriptor), RFC 1952, POSIX ustar.
 */
#include "content/archive.h"
#include "base/cursor.h"
#include "base/text.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <wchar.h>

enum {
    LEVELS = 16,
    NAME_BYTES = 1024,
    WINDOW_BYTES = 64 << 10,
    DIRECTORY_WINDOW_BYTES = 4 << 10,
    DIRECTORY_BYTES = 8 << 20, /* that libarchive may read to learn of members, of one archive */
    BOMB_BYTES = 16 << 20,     /* less is no bomb, however small it was packed */
    END_BYTES = 16 << 10,      /* where the end of a zip that begins as something else is looked for */
};

/* ---- which kind ---- */

enum kind {
    KIND_NONE,
    KIND_ZIP,
    KIND_7Z,
    KIND_RAR,
    KIND_CAB,
    KIND_ISO,
    KIND_TAR,
    KIND_GZIP,
    KIND_BZIP2,
    KIND_XZ,
    KIND_ZIP_BEHIND, /* a zip behind something else: unpacks itself, or hides */
};

static bool has_at(struct view v, size_t at, struct view what)
{
    return view_starts(view_from(v, at), what);
}

/* A header of tar: its sum is in itself (the sum counted with spaces in its place). */
static bool is_tar(struct view v)
{
    uint32_t sum = 8 * ' ', said = 0;
    unsigned digits = 0;

    if (v.len < 512 || v.at[0] == 0)
        return false;
    for (size_t i = 0; i < 512; i++)
        sum += i >= 148 && i < 156 ? 0 : v.at[i];
    for (size_t i = 148; i < 156; i++)
        if (v.at[i] >= '0' && v.at[i] <= '7') {
            said = said * 8 + (v.at[i] - '0');
            digits++;
        } else if (digits > 0) {
            break;
        }
    return digits > 0 && said == sum;
}

/* The end of central directory is the last thing but a comment, which fills what is left. *out_members is how
 * many it says there are, up to 65535. */
static bool ends_as_zip(struct view v, unsigned *out_members)
{
    struct view end = view_from(v, v.len > END_BYTES ? v.len - END_BYTES : 0);

    for (size_t at = view_find(end, VIEW("PK\5\6")); at + 22 <= end.len;) {
        size_t comment = (size_t)end.at[at + 20] | (size_t)end.at[at + 21] << 8;
        if (at + 22 + comment == end.len) {
            *out_members = (unsigned)end.at[at + 10] | (unsigned)end.at[at + 11] << 8;
            return true;
        }
        at += 4;
        at += view_find(view_from(end, at), VIEW("PK\5\6"));
    }
    return false;
}

static enum kind sniff(struct view v)
{
    static const struct {
        enum kind kind;
        size_t at;
        struct view what;
    } signs[] = {
#define SIGN(kind, at, literal)                                                                              \
    {                                                                                                        \
        kind, at,                                                                                            \
        {                                                                                                    \
            (const uint8_t *)(literal), sizeof(literal) - 1                                                  \
        }                                                                                                    \
    }
        SIGN(KIND_ZIP, 0, "PK\3\4"),
        SIGN(KIND_ZIP, 0, "PK\5\6"),
        SIGN(KIND_ZIP, 0, "PK\7\x08PK"),
        SIGN(KIND_7Z, 0, "7z\xbc\xaf\x27\x1c"),
        SIGN(KIND_RAR, 0, "Rar!\x1a\7"),
        SIGN(KIND_CAB, 0, "MSCF\0\0\0\0"),
        SIGN(KIND_ISO, 0x8001, "CD001"),
        SIGN(KIND_GZIP, 0, "\x1f\x8b\x08"),
        SIGN(KIND_XZ, 0,
             "\xfd"
             "7zXZ\0"),
#undef SIGN
    };

    unsigned members;

    for (unsigned i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (has_at(v, signs[i].at, signs[i].what))
            return signs[i].kind;
    if (view_starts(v, VIEW("BZh")) && (has_at(v, 4, VIEW("1AY&SY")) || has_at(v, 4, VIEW("\x17rE8P\x90"))))
        return KIND_BZIP2;
    return is_tar(v) ? KIND_TAR : ends_as_zip(v, &members) ? KIND_ZIP_BEHIND : KIND_NONE;
}

/* ---- the header of 7z ---- */

/* A number of 7z: the leading ones of its first octet tell how many octets follow. */
static uint64_t number_7z(struct cursor *c)
{
    uint8_t first = cursor_u8(c), mask = 0x80;
    uint64_t n = 0;

    for (unsigned i = 0; i < 8; i++, mask >>= 1) {
        if ((first & mask) == 0)
            return n | (uint64_t)(first & (mask - 1u)) << (8 * i);
        n |= (uint64_t)cursor_u8(c) << (8 * i);
    }
    return n;
}

/* Pass over the description of one coder; it has one stream in and out or it is not for a header. */
static void skip_coder_7z(struct cursor *c)
{
    uint8_t flags = cursor_u8(c);

    cursor_skip(c, flags & 0xf);
    if ((flags & 0x10) != 0)
        c->bad = true;
    if ((flags & 0x20) != 0)
        cursor_skip(c, (size_t)number_7z(c));
}

/* How many bytes the header takes unpacked; UINT64_MAX where that cannot be told. */
static uint64_t header_size_7z(struct view v)
{
    struct cursor start = cursor_open(view_slice(v, 12, 32));
    uint64_t offset = cursor_le64(&start), size = cursor_le64(&start);

    if (start.bad || offset > v.len || size > v.len - offset || 32 + offset + size > v.len)
        return UINT64_MAX;
    struct cursor c = cursor_open(view_slice(v, (size_t)(32 + offset), (size_t)(32 + offset + size)));
    if (cursor_u8(&c) != 0x17) /* kEncodedHeader */
        return size;
    bool ok = cursor_u8(&c) == 0x06;                        /* kPackInfo */
    (void)number_7z(&c);                                    /* where */
    ok = ok && number_7z(&c) == 1 && cursor_u8(&c) == 0x09; /* one stream; kSize */
    (void)number_7z(&c);
    uint8_t next = cursor_u8(&c);
    if (next == 0x0a) { /* kCRC */
        cursor_skip(&c, 5);
        next = cursor_u8(&c);
    }
    ok = ok && next == 0 && cursor_u8(&c) == 0x07 && cursor_u8(&c) == 0x0b; /* kUnPackInfo, kFolder */
    ok = ok && number_7z(&c) == 1 && cursor_u8(&c) == 0 &&
         number_7z(&c) == 1; /* one folder, here, one coder */
    skip_coder_7z(&c);
    ok = ok && cursor_u8(&c) == 0x0c; /* kCodersUnPackSize */
    uint64_t unpacked = number_7z(&c);
    return ok && !c.bad ? unpacked : UINT64_MAX;
}

/* ---- levels ---- */

struct source {
    struct view content;
    size_t at;
    bool for_directory, spent; /* bytes are asked for to learn of members; too many were */
    size_t directory_bytes;
};

struct level {
    struct archive *archive;
    struct source source;
    struct spool_file *file; /* that holds it; NULL for the outermost */
    void *map;
    enum kind kind;
    bool begun; /* its first member was asked for */
    unsigned members;
    size_t name_len; /* of the names of the archives around */
};

struct walk {
    const struct archive_limits *limits;
    archive_visit *visit;
    void *context;
    struct archive_report *report;
    struct spool_file *beside;
    uint64_t outermost_bytes;
    bool over;
    unsigned depth;
    struct level level[LEVELS];
    char name[NAME_BYTES];
};

static la_ssize_t source_read(struct archive *a, void *context, const void **out)
{
    struct source *s = context;
    size_t size = s->for_directory ? DIRECTORY_WINDOW_BYTES : WINDOW_BYTES;
    struct view window = view_slice(s->content, s->at, s->at + size);

    if (s->for_directory)
        s->directory_bytes += window.len;
    if (s->directory_bytes > DIRECTORY_BYTES) {
        s->spent = true;
        archive_set_error(a, EIO, "its directory is too long");
        return -1;
    }
    *out = window.at;
    s->at += window.len;
    return (la_ssize_t)window.len;
}

static la_int64_t source_skip(struct archive *a, void *context, la_int64_t wanted)
{
    struct source *s = context;
    size_t left = s->content.len - s->at, n = wanted < 0 ? 0 : (size_t)wanted < left ? (size_t)wanted : left;

    (void)a;
    s->at += n;
    return (la_int64_t)n;
}

static la_int64_t source_seek(struct archive *a, void *context, la_int64_t offset, int whence)
{
    struct source *s = context;
    la_int64_t len = (la_int64_t)s->content.len;
    la_int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (la_int64_t)s->at : len;

    (void)a;
    if (offset < -from || offset > len - from)
        return ARCHIVE_FATAL;
    s->at = (size_t)(from + offset);
    return (la_int64_t)s->at;
}

/* libarchive is told of this kind only. */
static void support(struct archive *a, enum kind kind)
{
    switch (kind) {
    case KIND_ZIP: archive_read_support_format_zip(a); break;
    case KIND_ZIP_BEHIND: archive_read_support_format_zip_seekable(a); break;
    case KIND_7Z: archive_read_support_format_7zip(a); break;
    case KIND_RAR:
        archive_read_support_format_rar(a);
        archive_read_support_format_rar5(a);
        break;
    case KIND_CAB: archive_read_support_format_cab(a); break;
    case KIND_ISO: archive_read_support_format_iso9660(a); break;
    case KIND_TAR: archive_read_support_format_tar(a); break;
    default: archive_read_support_format_raw(a); break; /* a tar in it is a level of its own */
    }
    if (kind == KIND_GZIP)
        archive_read_append_filter(a, ARCHIVE_FILTER_GZIP);
    if (kind == KIND_BZIP2)
        archive_read_append_filter(a, ARCHIVE_FILTER_BZIP2);
    if (kind == KIND_XZ)
        archive_read_append_filter(a, ARCHIVE_FILTER_XZ);
}

static bool is_packed_stream(enum kind kind)
{
    return kind == KIND_GZIP || kind == KIND_BZIP2 || kind == KIND_XZ;
}

/* Kinds that tell of their members in one place, which libarchive keeps in memory: all before the first
 * member, but iso, whose folders are read when it comes to them. */
static bool has_directory(enum kind kind)
{
    return kind == KIND_ZIP || kind == KIND_ZIP_BEHIND || kind == KIND_7Z || kind == KIND_ISO;
}

static void level_close(struct level *l)
{
    archive_read_free(l->archive);
    if (l->map != NULL)
        munmap(l->map, l->source.content.len);
    spool_close(l->file);
}

/* Open one level more on what `l` was filled with. False: it is closed again. */
static bool level_open(struct walk *w, struct level *l)
{
    struct archive_report *r = w->report;
    bool hopeful = l->kind == KIND_ZIP_BEHIND;

    l->archive = archive_read_new();
    if (l->kind == KIND_7Z && header_size_7z(l->source.content) > DIRECTORY_BYTES) {
        r->is_archive = true;
        r->unreadable = true;
        level_close(l);
        return false;
    }
    l->source.for_directory = has_directory(l->kind); /* to see what it is */
    if (l->archive != NULL) {
        support(l->archive, l->kind);
        archive_read_set_read_callback(l->archive, source_read);
        archive_read_set_skip_callback(l->archive, source_skip);
        archive_read_set_seek_callback(l->archive, source_seek);
        archive_read_set_callback_data(l->archive, &l->source);
    }
    if (l->archive == NULL || archive_read_open1(l->archive) != ARCHIVE_OK) {
        r->unreadable = r->unreadable || !hopeful;
        level_close(l);
        return false;
    }
    r->is_archive = r->is_archive || !hopeful;
    w->depth++;
    return true;
}

static void level_pop(struct walk *w)
{
    level_close(&w->level[--w->depth]);
}

/* ---- members ---- */

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool in_time(struct walk *w)
{
    if (now_ms() < w->limits->deadline_ms)
        return true;
    w->report->timed_out = w->over = true;
    return false;
}

static void add_code_point(struct text *t, uint32_t c)
{
    if (c < 0x80) {
        text_char(t, (char)c);
    } else {
        unsigned tail = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
        text_char(t, (char)((0xff00u >> (tail + 1) & 0xff) | c >> (6 * tail)));
        while (tail-- > 0)
            text_char(t, (char)(0x80 | (c >> (6 * tail) & 0x3f)));
    }
}

/* The member's name behind those of the archives around it. */
static struct view name_of(struct walk *w, struct archive_entry *e)
{
    struct level *l = &w->level[w->depth - 1];
    struct text t = { w->name, l->name_len, sizeof w->name, false };
    const char *utf8 = archive_entry_pathname_utf8(e),
               *bytes = utf8 != NULL ? utf8 : archive_entry_pathname(e);
    const wchar_t *wide = bytes == NULL ? archive_entry_pathname_w(e) : NULL;

    w->name[t.len] = '\0';
    if (l->name_len > 0)
        text_char(&t, '/');
    if (bytes != NULL)
        text_add(&t, view_slice(view_string(bytes), 0, t.size - 1 - t.len));
    for (; wide != NULL && *wide != 0; wide++)
        add_code_point(&t, (uint32_t)*wide < 0x110000 ? (uint32_t)*wide : '?');
    return view_of(t.at, t.len);
}

/* Count unpacked bytes. False: it is more than allowed. */
static bool count_bytes(struct walk *w, uint64_t more)
{
    struct archive_report *r = w->report;

    r->unpacked_bytes = more > UINT64_MAX - r->unpacked_bytes ? UINT64_MAX : r->unpacked_bytes + more;
    bool full = r->unpacked_bytes > w->limits->bytes;
    bool thin = r->unpacked_bytes / w->limits->ratio > w->outermost_bytes;
    if (thin && (full || r->unpacked_bytes > BOMB_BYTES))
        r->bomb = true;
    else if (full)
        r->limited = true;
    else
        return true;
    w->over = true;
    return false;
}

/* Unpack the member into `f`; false: the walk is over. */
static bool unpack(struct walk *w, struct archive *a, struct spool_file *f)
{
    const void *at;
    size_t len;
    la_int64_t offset;
    uint64_t end = 0;

    for (;;) {
        int answer = archive_read_data_block(a, &at, &len, &offset);
        if (answer == ARCHIVE_EOF)
            return true;
        if (answer == ARCHIVE_RETRY && in_time(w))
            continue;
        if (answer < ARCHIVE_WARN || offset < 0) {
            w->report->unreadable = true;
            return !w->over;
        }
        w->report->unreadable = w->report->unreadable || answer == ARCHIVE_WARN;
        uint64_t to = (uint64_t)offset + len; /* holes count, too */
        if (!in_time(w) || !count_bytes(w, to > end ? to - end : len))
            return false;
        end = to > end ? to : end;
        if (!spool_write(f, (uint64_t)offset, view_of(at, len))) {
            w->report->limited = w->over = true; /* the spool is full */
            return false;
        }
    }
}

/* Map what was unpacked. */
static struct view map_file(struct spool_file *f, uint64_t extent, void **out_map)
{
    *out_map = NULL;
    if (extent == 0)
        return view_of(NULL, 0);
    void *map = mmap(NULL, (size_t)extent, PROT_READ, MAP_PRIVATE, spool_fd(f), 0);
    if (map == MAP_FAILED)
        return view_of(NULL, 0);
    *out_map = map;
    return view_of(map, (size_t)extent);
}

/* A member that was unpacked: it is visited, and then walked itself where it is an archive. Takes `f`. */
static void look_at(struct walk *w, struct archive_member *m, struct spool_file *f)
{
    struct spool_facts facts;
    void *map;

    spool_facts(f, 0, &facts);
    m->content = map_file(f, facts.extent, &map);
    m->file = f;
    m->size = facts.extent;
    w->report->limited = w->report->limited || facts.cut;
    w->report->unreadable = w->report->unreadable || (map == NULL && facts.extent > 0);
    if (!w->visit(w->context, m))
        w->over = true;
    enum kind kind = w->over ? KIND_NONE : sniff(m->content);
    if (kind != KIND_NONE && w->depth >= w->limits->depth) {
        w->report->limited = true;
        kind = KIND_NONE;
    }
    if (kind == KIND_NONE) {
        if (map != NULL)
            munmap(map, m->content.len);
        spool_close(f);
        return;
    }
    struct level *next = &w->level[w->depth];
    *next = (struct level){ .source = { .content = m->content }, .file = f, .map = map, .kind = kind };
    /* What gzip packed has no name of its own. */
    next->name_len =
        is_packed_stream(w->level[w->depth - 1].kind) ? w->level[w->depth - 1].name_len : m->name.len;
    (void)level_open(w, next);
}

static void member(struct walk *w, struct archive_entry *e)
{
    struct level *l = &w->level[w->depth - 1];
    struct archive_member m = { .name = name_of(w, e), .content = view_of(NULL, 0) };

    w->report->members++;
    l->members++;
    m.encrypted = archive_entry_is_encrypted(e) != 0;
    m.size = archive_entry_size_is_set(e) && archive_entry_size(e) > 0 ? (uint64_t)archive_entry_size(e) : 0;
    w->report->encrypted = w->report->encrypted || m.encrypted;
    bool content = !m.encrypted && archive_entry_filetype(e) == AE_IFREG;
    struct spool_file *f = content ? spool_open_beside(w->beside) : NULL;
    if (f == NULL) {
        w->report->limited = w->report->limited || content;
        if (!w->visit(w->context, &m))
            w->over = true;
        return;
    }
    if (unpack(w, l->archive, f))
        look_at(w, &m, f);
    else
        spool_close(f);
}

/* One step on the innermost level: a member, or its end. */
static void step(struct walk *w)
{
    struct level *l = &w->level[w->depth - 1];
    struct archive_report *r = w->report;
    struct archive_entry *e = NULL;

    if (!in_time(w))
        return;
    l->source.for_directory = has_directory(l->kind) && (!l->begun || l->kind == KIND_ISO);
    int answer = archive_read_next_header(l->archive, &e);
    l->begun = true;
    l->source.for_directory = false;
    if (answer == ARCHIVE_RETRY)
        return; /* the deadline bounds it */
    if (answer == ARCHIVE_OK || answer == ARCHIVE_WARN) {
        r->is_archive = true;
        if (r->members >= w->limits->members) {
            r->limited = w->over = true;
            return;
        }
        member(w, e);
        return;
    }
    bool encrypted = archive_read_has_encrypted_entries(l->archive) > 0;
    r->encrypted = r->encrypted || encrypted;
    if (answer != ARCHIVE_EOF && l->source.spent)
        r->limited = true;
    else if (answer != ARCHIVE_EOF && !encrypted && l->kind != KIND_ZIP_BEHIND)
        r->unreadable = true;
    unsigned said = 0;
    if (answer == ARCHIVE_EOF && l->kind == KIND_ZIP && ends_as_zip(l->source.content, &said) &&
        said > l->members)
        r->overlap = true;
    level_pop(w);
}

void archive_walk(struct view content, struct spool_file *beside, const struct archive_limits *limits,
                  archive_visit *visit, void *context, struct archive_report *out)
{
    struct archive_limits bounded = *limits;
    enum kind kind = sniff(content);

    *out = (struct archive_report){ 0 };
    bounded.depth = limits->depth < LEVELS ? limits->depth : LEVELS;
    bounded.ratio = limits->ratio > 0 ? limits->ratio : 1;
    if (kind == KIND_NONE || bounded.depth == 0)
        return;
    struct walk *w = calloc(1, sizeof *w);
    if (w == NULL) {
        out->limited = true;
        return;
    }
    locale_t before = uselocale(limits->names); /* libarchive turns names into that of the thread */
    w->limits = &bounded;
    w->visit = visit;
    w->context = context;
    w->report = out;
    w->beside = beside;
    w->outermost_bytes = content.len;
    w->level[0] = (struct level){ .source = { .content = content }, .kind = kind };
    if (level_open(w, &w->level[0]))
        while (w->depth > 0 && !w->over)
            step(w);
    while (w->depth > 0)
        level_pop(w);
    uselocale(before);
    free(w);
}
