/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures and films of courses. What a file is, its first octets say: PNG (RFC 2083 section 3.1), JPEG (SOI
 * and the marker behind it), MP4 (ISO 14496-12: a box `ftyp` first), WebM (RFC 8794: an EBML head whose
 * document type is webm), SVG (a root element svg). Names and what the sender calls it do not count.
 *
 * A drawing is text that a browser could run. It is refused where it has anything but shapes, text and
 * references within itself, and it is served as an attachment under a policy that runs nothing; the console
 * shows it as an image only, where scripts never run. Either of these alone is enough.
 */
#include "base/file.h"
#include "program/course.h"
#include "program/shape_list.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BEGIN_BYTES = 64 };

/* ---- what it is ---- */

static bool has_at(struct view v, size_t at, struct view what)
{
    return v.len >= at + what.len && memcmp(v.at + at, what.at, what.len) == 0;
}

static bool is_drawing(struct view begin)
{
    struct view v = begin;

    if (has_at(v, 0, VIEW("\xef\xbb\xbf")))
        v = view_from(v, 3);
    v = view_trim(v);
    return has_at(v, 0, VIEW("<svg")) || has_at(v, 0, VIEW("<?xml")) || has_at(v, 0, VIEW("<!--"));
}

const char *asset_type(struct view begin)
{
    static const char *const films[] = { "isom", "iso2", "iso4", "iso5", "iso6",
                                         "mp41", "mp42", "avc1", "dash", "M4V " };

    if (has_at(begin, 0, VIEW("\x89PNG\r\n\x1a\n")) && has_at(begin, 12, VIEW("IHDR")))
        return "image/png";
    if (has_at(begin, 0, VIEW("\xff\xd8\xff")))
        return "image/jpeg";
    if (has_at(begin, 4, VIEW("ftyp")))
        for (size_t i = 0; i < sizeof films / sizeof films[0]; i++)
            if (has_at(begin, 8, view_string(films[i])))
                return "video/mp4";
    if (has_at(begin, 0, VIEW("\x1a\x45\xdf\xa3")))
        for (size_t at = 4; at < BEGIN_BYTES; at++)
            if (has_at(begin, at, VIEW("\x42\x82\x84webm")))
                return "video/webm";
    return is_drawing(begin) ? "image/svg+xml" : NULL;
}

/* Elements that only draw. */
static bool is_shape(struct view name)
{
    static const char *const shapes[] = {
        "svg",      "g",      "path",   "rect",    "circle", "ellipse", "line",           "polyline",
        "polygon",  "text",   "tspan",  "title",   "desc",   "defs",    "linearGradient", "stop",
        "use",      "symbol", "marker", "pattern", "mask",   "filter",  "radialGradient", "clipPath",
        "metadata",
    };

    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        if (view_equal(name, view_string(shapes[i])))
            return true;
    return false;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_name(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == ':' || c == '.';
}

static struct view take_name(struct view *v)
{
    size_t n = 0;

    while (n < v->len && is_name(v->at[n]))
        n++;
    struct view name = view_of(v->at, n);
    *v = view_from(*v, n);
    return name;
}

static bool holds(struct view v, struct view what)
{
    for (size_t i = 0; i + what.len <= v.len; i++)
        if (view_equal_nocase(view_of(v.at + i, what.len), what))
            return true;
    return false;
}

/* May an attribute be there? References lead to the drawing itself. */
static bool attribute_fine(struct view name, struct view value)
{
    const bool link = view_equal(name, VIEW("href")) || view_equal(name, VIEW("xlink:href"));

    if (view_starts_nocase(name, VIEW("on")) || name.len == 0)
        return false;
    if (view_equal(name, VIEW("xmlns")) || view_starts(name, VIEW("xmlns:")))
        return true;
    if (link)
        return has_at(value, 0, VIEW("#"));
    if (view_equal(name, VIEW("style")) && (holds(value, VIEW("@")) || holds(value, VIEW("\\"))))
        return false;
    for (size_t i = 0; i < value.len; i++)
        if (view_starts_nocase(view_from(value, i), VIEW("url(")) && !has_at(value, i + 4, VIEW("#")))
            return false;
    return !holds(value, VIEW("javascript")) && !holds(value, VIEW("&#"));
}

/* One tag behind its "<". False: *why. */
static bool tag_fine(struct view *v, const char **why)
{
    *why = "it is no well-formed XML";
    if (has_at(*v, 0, VIEW("/"))) {
        *v = view_from(*v, 1);
        (void)take_name(v);
        while (v->len > 0 && is_space(v->at[0]))
            *v = view_from(*v, 1);
        return has_at(*v, 0, VIEW(">"));
    }
    struct view name = take_name(v);
    if (!is_shape(name)) {
        *why = "it has elements that do more than draw (of SVG only shapes, text and gradients are taken)";
        return false;
    }
    for (;;) {
        while (v->len > 0 && is_space(v->at[0]))
            *v = view_from(*v, 1);
        if (has_at(*v, 0, VIEW(">")) || has_at(*v, 0, VIEW("/>")))
            return true;
        struct view attribute = take_name(v);
        while (v->len > 0 && is_space(v->at[0]))
            *v = view_from(*v, 1);
        if (attribute.len == 0 || !has_at(*v, 0, VIEW("=")))
            return false;
        *v = view_from(*v, 1);
        while (v->len > 0 && is_space(v->at[0]))
            *v = view_from(*v, 1);
        if (v->len == 0 || (v->at[0] != '"' && v->at[0] != '\''))
            return false;
        size_t end = view_find_byte(*v, v->at[0], 1);
        if (end >= v->len)
            return false;
        if (!attribute_fine(attribute, view_of(v->at + 1, end - 1))) {
            *why = "it has attributes that lead outside of it or run something";
            return false;
        }
        *v = view_from(*v, end + 1);
    }
}

static bool skip_past(struct view *v, struct view end)
{
    for (size_t i = 0; i + end.len <= v->len; i++)
        if (has_at(*v, i, end)) {
            *v = view_from(*v, i + end.len);
            return true;
        }
    return false;
}

bool asset_drawing_fine(struct view svg, const char **out_why)
{
    struct view v = svg;
    unsigned tags = 0;

    for (size_t at = 0; at < svg.len;) {
        size_t n = utf8_length(view_from(svg, at));
        if (n == 0 || svg.at[at] == 0) {
            *out_why = "it is no UTF-8 text";
            return false;
        }
        at += n;
    }
    while (skip_past(&v, VIEW("<"))) {
        if (has_at(v, 0, VIEW("!--"))) {
            *out_why = "a comment in it has no end";
            if (!skip_past(&v, VIEW("-->")))
                return false;
        } else if (has_at(v, 0, VIEW("?xml "))) {
            *out_why = "its declaration has no end";
            if (!skip_past(&v, VIEW("?>")))
                return false;
        } else if (has_at(v, 0, VIEW("!")) || has_at(v, 0, VIEW("?"))) {
            *out_why = "it has a document type or instructions, which a drawing does not need";
            return false;
        } else {
            if (tags++ == 0 && !has_at(v, 0, VIEW("svg"))) {
                *out_why = "it is no SVG";
                return false;
            }
            if (!tag_fine(&v, out_why))
                return false;
        }
    }
    *out_why = "it is no SVG";
    return tags > 0;
}

/* ---- keeping ---- */

static const struct {
    const char *type, *ending;
    uint64_t most;
} kinds[] = {
    { "image/png", ".png", ASSET_PICTURE_BYTES },     { "image/jpeg", ".jpg", ASSET_PICTURE_BYTES },
    { "image/svg+xml", ".svg", ASSET_DRAWING_BYTES }, { "video/mp4", ".mp4", ASSET_FILM_BYTES },
    { "video/webm", ".webm", ASSET_FILM_BYTES },
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* Letters, digits, dots and hyphens, and the ending of what it is. */
static void make_name(const char *given, const char *ending, char out[ASSET_NAME_SIZE])
{
    const char *dot = strrchr(given, '.');
    size_t len = dot != NULL && dot != given ? (size_t)(dot - given) : strlen(given);
    struct text t = text_over(out, ASSET_NAME_SIZE);

    for (size_t i = 0; i < len && t.len < ASSET_NAME_SIZE - 8; i++) {
        const char c = given[i] >= 'A' && given[i] <= 'Z' ? (char)(given[i] + 32) : given[i];
        const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (plain)
            text_char(&t, c);
        else if (t.len > 0 && out[t.len - 1] != '-')
            text_char(&t, '-');
    }
    if (t.len == 0)
        text_string(&t, "file");
    text_string(&t, ending);
}

struct asset_new {
    int64_t course;
    const char *type;
    char name[ASSET_NAME_SIZE], hash[SHA256_TEXT];
    uint64_t size;
};

static bool make_row(struct act *a, const struct asset_new *n, int64_t *out_id, struct imw_error_info *err)
{
    int64_t count = 0;
    bool found;

    if (!db_query_int(a->db, "select id from course where id = ?", DB_ARGS(db_int(n->course)), &count, &found,
                      err))
        return false;
    if (!found)
        return act_no(a, err, ACT_MISSING, "", "there is no such course");
    if (!db_query_int(a->db, "select count(*) from course_asset where course = ?", DB_ARGS(db_int(n->course)),
                      &count, NULL, err))
        return false;
    if (count >= COURSE_ASSETS)
        return act_no(a, err, ACT_LATE, "", "a course has at most %d pictures and films", COURSE_ASSETS);
    if (!db_query_int(a->db, "select id from course_asset where course = ? and name = ?",
                      DB_ARGS(db_int(n->course), db_text(n->name)), &count, &found, err))
        return false;
    if (found)
        return act_no(a, err, ACT_LATE, "name",
                      "%s is there already and may be shown by a published version: choose another name",
                      n->name);
    return db_insert(
               a->db,
               "insert into course_asset (course, name, type, size, sha256, account, created_us) values "
               "(?, ?, ?, ?, ?, ?, ?) returning id",
               DB_ARGS(db_int(n->course), db_text(n->name), db_text(n->type), db_int((int64_t)n->size),
                       db_text(n->hash), a->actor->account != 0 ? db_int(a->actor->account) : db_null(),
                       db_int((int64_t)a->now_us)),
               out_id, err) &&
           act_record(a, "course.asset.add", "course", n->course,
                      json_pack("{ss ss sI ss}", "name", n->name, "type", n->type, "size",
                                (json_int_t)n->size, "sha256", n->hash),
                      err);
}

static bool put_piece(struct act *a, int64_t id, int64_t place, struct view piece, struct imw_error_info *err)
{
    return db_run(a->db, "insert into course_piece (asset, place, content) values (?, ?, ?)",
                  DB_ARGS(db_int(id), db_int(place), db_blob(piece)), NULL, err);
}

static bool check_kind(struct act *a, struct asset_new *n, const char *given, struct imw_error_info *err)
{
    for (unsigned i = 0; i < KINDS; i++) {
        if (n->type == NULL || strcmp(kinds[i].type, n->type) != 0)
            continue;
        make_name(given, kinds[i].ending, n->name);
        return n->size <= kinds[i].most ||
               act_no(a, err, ACT_WRONG, "file", "a file of the type %s may have at most %llu MiB", n->type,
                      (unsigned long long)(kinds[i].most >> 20));
    }
    return act_no(a, err, ACT_WRONG, "file",
                  "by its content it is no PNG, JPEG or SVG picture and no MP4 or WebM film");
}

bool asset_keep_bytes(struct act *a, int64_t course, const char *name, struct view bytes,
                      struct imw_error_info *err)
{
    struct asset_new n = { .course = course, .type = asset_type(bytes), .size = bytes.len };
    const char *why;
    int64_t id;

    if (!check_kind(a, &n, name, err))
        return false;
    if (strcmp(n.type, "image/svg+xml") == 0 && !asset_drawing_fine(bytes, &why))
        return act_no(a, err, ACT_WRONG, "file", "this drawing cannot be taken: %s", why);
    sha256_text(bytes, n.hash);
    if (!make_row(a, &n, &id, err))
        return false;
    for (size_t at = 0; at < bytes.len; at += ASSET_PIECE_BYTES) {
        size_t len = bytes.len - at < ASSET_PIECE_BYTES ? bytes.len - at : ASSET_PIECE_BYTES;
        if (!put_piece(a, id, (int64_t)(at / ASSET_PIECE_BYTES), view_of(bytes.at + at, len), err))
            return false;
    }
    return true;
}

/* Up to `size` octets. False: it cannot be read. */
static bool read_some(int fd, uint8_t *to, size_t size, size_t *out_len, struct imw_error_info *err)
{
    *out_len = 0;
    while (*out_len < size) {
        ssize_t got = read(fd, to + *out_len, size - *out_len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_errno(err, "the file that came");
        if (got == 0)
            break;
        *out_len += (size_t)got;
    }
    return true;
}

static bool hash_file(int fd, uint8_t *buffer, struct asset_new *n, struct imw_error_info *err)
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    size_t len;
    struct text t = TEXT(n->hash);

    crypto_hash_sha256_init(&state);
    do {
        if (!read_some(fd, buffer, ASSET_PIECE_BYTES, &len, err))
            return false;
        if (n->size == 0)
            n->type = asset_type(view_of(buffer, len < BEGIN_BYTES ? len : BEGIN_BYTES));
        crypto_hash_sha256_update(&state, buffer, len);
        n->size += len;
    } while (len == ASSET_PIECE_BYTES && n->size <= ASSET_FILM_BYTES);
    crypto_hash_sha256_final(&state, hash);
    text_hex(&t, view_of(hash, sizeof hash));
    return lseek(fd, 0, SEEK_SET) == 0 || error_errno(err, "the file that came");
}

static bool keep_file(struct act *a, int fd, uint8_t *buffer, struct asset_new *n, const char *name,
                      struct imw_error_info *err)
{
    size_t len = 0;
    int64_t id;

    if (!hash_file(fd, buffer, n, err) || !check_kind(a, n, name, err) || !make_row(a, n, &id, err))
        return false;
    for (int64_t place = 0; (uint64_t)place * ASSET_PIECE_BYTES < n->size; place++)
        if (!read_some(fd, buffer, ASSET_PIECE_BYTES, &len, err) ||
            !put_piece(a, id, place, view_of(buffer, len), err))
            return false;
    return true;
}

static json_t *asset_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so so so}", "name", shape_text(rows, 0), "type", shape_text(rows, 1), "size",
                     shape_int(rows, 2), "sha256", shape_text(rows, 3), "created", shape_time_of(rows, 4),
                     "by", shape_text(rows, 5));
}

bool asset_keep(struct act *a, int64_t course, const char *name, const char *path, json_t **out,
                struct imw_error_info *err)
{
    struct asset_new n = { .course = course };
    uint8_t *buffer = malloc(ASSET_PIECE_BYTES);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const char *why;
    char *text = NULL;
    size_t len;
    bool ok = buffer == NULL ? error_memory(err)
              : fd < 0       ? error_errno(err, path)
                             : keep_file(a, fd, buffer, &n, name, err);

    if (fd >= 0)
        close(fd);
    free(buffer);
    if (ok && strcmp(n.type, "image/svg+xml") == 0) {
        ok = file_read(path, ASSET_DRAWING_BYTES, &text, &len, err);
        if (ok && !asset_drawing_fine(view_of(text, len), &why))
            ok = act_no(a, err, ACT_WRONG, "file", "this drawing cannot be taken: %s", why);
        if (text != NULL)
            free(text);
    }
    return ok &&
           shape_one(a->db,
                     "select s.name, s.type, s.size, s.sha256, s.created_us, x.name from course_asset s "
                     "left join account x on x.id = s.account where s.course = ? and s.name = ?",
                     DB_ARGS(db_int(course), db_text(n.name)), asset_row, NULL, out, err);
}

/* ---- giving it out ---- */

/* Does a published (or replaced) version show it? Names hold nothing that `like` would take for a sign. */
#define SHOWN(state)                                                                                         \
    "exists (select 1 from course_version v join course_module m on m.version = v.id where v.course = "      \
    "s.course and v.state " state " and m.body like '%](asset:' || s.name || ')%')"

bool asset_find(struct act *a, int64_t course, const char *name, bool published, struct course_asset *out,
                struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;

    if (!db_query(a->db,
                  published
                      ? "select s.id, s.size, s.name, s.type from course_asset s join course c on c.id "
                        "= s.course where s.course = ? and s.name = ? and c.state = 'published' and " SHOWN(
                            "= 'published'")
                      : "select s.id, s.size, s.name, s.type from course_asset s where s.course = ? and "
                        "s.name = ?",
                  DB_ARGS(db_int(course), db_text(name)), &rows, err))
        return false;
    bool found = db_next(rows, &why);
    if (found) {
        *out = (struct course_asset){ .id = db_get_int(rows, 0), .size = (uint64_t)db_get_int(rows, 1) };
        struct text n = TEXT(out->name), t = TEXT(out->type);
        text_add(&n, db_get_text(rows, 2));
        text_add(&t, db_get_text(rows, 3));
    }
    if (!rows_done(rows, &why, err))
        return false;
    return found || act_no(a, err, ACT_MISSING, "", "the course has no such picture or film");
}

bool asset_read(struct db *db, const struct course_asset *asset, uint64_t from, uint64_t count, FILE *to,
                struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    const uint64_t end = from + count;
    struct db_rows *rows;
    bool ok = true;

    if (!db_query(db,
                  "select place, content from course_piece where asset = ? and place >= ? and place <= ? "
                  "order by place",
                  DB_ARGS(db_int(asset->id), db_int((int64_t)(from / ASSET_PIECE_BYTES)),
                          db_int((int64_t)((end > 0 ? end - 1 : 0) / ASSET_PIECE_BYTES))),
                  &rows, err))
        return false;
    while (ok && db_next(rows, &why)) {
        const uint64_t at = (uint64_t)db_get_int(rows, 0) * ASSET_PIECE_BYTES;
        struct view piece = db_get_blob(rows, 1);
        if (at + piece.len > end)
            piece.len = (size_t)(end - at);
        if (at < from)
            piece = view_from(piece, (size_t)(from - at));
        ok = fwrite(piece.at, 1, piece.len, to) == piece.len;
    }
    if (!rows_done(rows, &why, err))
        return false;
    return ok || error_errno(err, "a temporary file");
}

bool asset_drop(struct act *a, int64_t course, const char *name, struct imw_error_info *err)
{
    struct course_asset asset;
    int64_t shown = 0;
    bool found;

    if (!asset_find(a, course, name, false, &asset, err) ||
        !db_query_int(
            a->db,
            "select s.id from course_asset s where s.id = ? and " SHOWN("in ('published', 'replaced')"),
            DB_ARGS(db_int(asset.id)), &shown, &found, err))
        return false;
    if (found)
        return act_no(a, err, ACT_LATE, "", "a published version shows it: it stays");
    return db_run(a->db, "delete from course_piece where asset = ?", DB_ARGS(db_int(asset.id)), NULL, err) &&
           db_run(a->db, "delete from course_asset where id = ?", DB_ARGS(db_int(asset.id)), NULL, err) &&
           act_record(a, "course.asset.remove", "course", course, json_pack("{ss}", "name", asset.name), err);
}
