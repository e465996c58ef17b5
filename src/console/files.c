/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front end: every file of a folder, read into memory at the start, with its compressed forms. A path is
 * looked up in the table of them and nothing else: whatever a path says, no file is opened for it.
 *
 * What lies in assets/ has a name that changes with its content and may be kept for ever. A path that is no
 * file and has no dot in its last part is a page of the single-page application: index.html.
 */
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "console/server.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <zlib.h>

enum {
    FILES = 2048,
    FILE_BYTES = 16 * 1024 * 1024,
    FOLDERS_DEEP = 6,
    PATH_SIZE = 512,
    COMPRESS_FROM = 512, /* octets; less is not worth it */
};
#define FILES_BYTES (64ull << 20) /* of all together */

enum { FORM_PLAIN, FORM_GZIP, FORM_BROTLI, FORM_COUNT };
static const char *const form_names[] = { NULL, "gzip", "br" };

struct file {
    char path[PATH_SIZE]; /* "/assets/index-Bd3f.js" */
    char tag[24];         /* with its quotes */
    struct MHD_Response *forms[FORM_COUNT];
};

struct files {
    struct file *at;
    unsigned count;
    uint64_t bytes;
    const struct file *index;
    struct MHD_Response *missing;
};

static const struct {
    const char *ending, *type;
    bool text;
} types[] = {
    { ".html", "text/html; charset=utf-8", true },
    { ".js", "text/javascript; charset=utf-8", true },
    { ".mjs", "text/javascript; charset=utf-8", true },
    { ".css", "text/css; charset=utf-8", true },
    { ".svg", "image/svg+xml", true },
    { ".json", "application/json", true },
    { ".webmanifest", "application/manifest+json", true },
    { ".txt", "text/plain; charset=utf-8", true },
    { ".yaml", "application/yaml", true },
    { ".png", "image/png", false },
    { ".ico", "image/x-icon", false },
    { ".webp", "image/webp", false },
    { ".woff2", "font/woff2", false },
    { ".woff", "font/woff", false },
    { ".wasm", "application/wasm", false },
};

static const char unbuilt[] =
    "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>imward</title>\n"
    "<h1>The server runs; its pages are not there</h1>\n"
    "<p>The front end was not found. From the sources: <code>scripts/build</code> makes it in "
    "<code>build/console</code>, and <code>imward serve --web build/console</code> serves it. "
    "Packages have it in <code>/usr/share/imward/console</code>.</p>\n"
    "<p>The API is there: <a href=\"/api/v1/health\">/api/v1/health</a>.</p></html>\n";

static bool ends_with(const char *text, const char *ending)
{
    size_t n = strlen(text), m = strlen(ending);
    return n > m && strcmp(text + n - m, ending) == 0;
}

static void add_headers(struct MHD_Response *r, const struct file *f, const char *type, const char *form)
{
    response_secure(r, false);
    MHD_add_response_header(r, "Content-Type", type);
    MHD_add_response_header(r, "ETag", f->tag);
    MHD_add_response_header(r, "Vary", "Accept-Encoding");
    MHD_add_response_header(r, "Cache-Control",
                            strncmp(f->path, "/assets/", 8) == 0 ? "public, max-age=31536000, immutable"
                                                                 : "no-cache");
    if (form != NULL)
        MHD_add_response_header(r, "Content-Encoding", form);
}

/* Takes `bytes` (of the heap) over. */
static bool add_form(struct file *f, unsigned form, const char *type, char *bytes, size_t len)
{
    f->forms[form] = MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE);
    if (f->forms[form] == NULL) {
        free(bytes);
        return false;
    }
    add_headers(f->forms[form], f, type, form_names[form]);
    return true;
}

/* NULL: no memory, or not shorter. */
static char *gzip(const char *bytes, size_t len, size_t *out_len)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)len };

    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return NULL;
    char *out = malloc(len);
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)len;
    bool shorter = out != NULL && deflate(&z, Z_FINISH) == Z_STREAM_END;
    *out_len = z.total_out;
    deflateEnd(&z);
    if (!shorter) {
        free(out);
        return NULL;
    }
    return out;
}

static bool read_file(struct files *fs, const char *disk, const char *path, struct imw_error_info *err)
{
    char beside[PATH_SIZE * 2 + 8], *bytes, *other;
    const char *type = "application/octet-stream";
    struct file *f = &fs->at[fs->count];
    bool text = false;
    size_t len, other_len;

    if (fs->count == FILES)
        return error_file(err, IMW_ERROR_LIMIT, disk, "the front end has more than %d files", FILES);
    if (!file_read(disk, FILE_BYTES, &bytes, &len, err))
        return false;
    fs->bytes += len;
    if (fs->bytes > FILES_BYTES) {
        free(bytes);
        return error_file(err, IMW_ERROR_LIMIT, disk,
                          "the front end has more than 64 MiB: is this its folder?");
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (ends_with(path, types[i].ending)) {
            type = types[i].type;
            text = types[i].text;
        }
    struct text name = TEXT(f->path), tag = TEXT(f->tag);
    text_string(&name, path);
    text_format(&tag, "\"%016llx\"", (unsigned long long)hash_bytes(view_of(bytes, len), 1));
    snprintf(beside, sizeof beside, "%s.br", disk);
    bool ok = true;
    if (text && file_read(beside, FILE_BYTES, &other, &other_len, NULL))
        ok = add_form(f, FORM_BROTLI, type, other, other_len);
    snprintf(beside, sizeof beside, "%s.gz", disk);
    if (ok && text && file_read(beside, FILE_BYTES, &other, &other_len, NULL))
        ok = add_form(f, FORM_GZIP, type, other, other_len);
    else if (ok && text && len >= COMPRESS_FROM && (other = gzip(bytes, len, &other_len)) != NULL)
        ok = add_form(f, FORM_GZIP, type, other, other_len);
    fs->count++; /* also what is half made is freed */
    if (!add_form(f, FORM_PLAIN, type, bytes, len) || !ok)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the front end");
    return true;
}

static bool read_folder(struct files *fs, const char *disk, const char *path, unsigned deep,
                        struct imw_error_info *err)
{
    DIR *dir = opendir(disk);
    bool ok = true;

    if (dir == NULL)
        return error_errno(err, disk);
    for (struct dirent *e; ok && (e = readdir(dir)) != NULL;) {
        char disk_below[PATH_SIZE * 2], path_below[PATH_SIZE];
        struct stat info;
        if (e->d_name[0] == '.' || ends_with(e->d_name, ".br") || ends_with(e->d_name, ".gz"))
            continue;
        if (snprintf(disk_below, sizeof disk_below, "%s/%s", disk, e->d_name) >= (int)sizeof disk_below ||
            snprintf(path_below, sizeof path_below, "%s/%s", path, e->d_name) >= (int)sizeof path_below ||
            lstat(disk_below, &info) != 0)
            continue;
        if (S_ISREG(info.st_mode))
            ok = read_file(fs, disk_below, path_below, err);
        else if (S_ISDIR(info.st_mode) &&
                 deep < FOLDERS_DEEP) /* of our own folder: no bytes from strangers */
            ok = read_folder(fs, disk_below, path_below, deep + 1, err);
    }
    closedir(dir);
    return ok;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static const struct file *find(const struct files *fs, const char *path)
{
    unsigned from = 0, to = fs->count;

    while (from < to) {
        unsigned at = from + (to - from) / 2;
        int order = strcmp(path, fs->at[at].path);
        if (order == 0)
            return &fs->at[at];
        if (order < 0)
            to = at;
        else
            from = at + 1;
    }
    return NULL;
}

bool files_new(const char *folder, struct files **out, struct imw_error_info *err)
{
    struct files *fs = calloc(1, sizeof *fs);
    static const char not_there[] = "there is no such file\n";

    if (fs == NULL || (fs->at = calloc(FILES, sizeof *fs->at)) == NULL) {
        free(fs);
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the front end");
    }
    fs->missing = MHD_create_response_from_buffer(sizeof not_there - 1, (void *)(uintptr_t)not_there,
                                                  MHD_RESPMEM_PERSISTENT);
    if (fs->missing == NULL || (folder != NULL && !read_folder(fs, folder, "", 0, err))) {
        files_free(fs);
        return false;
    }
    response_secure(fs->missing, false);
    MHD_add_response_header(fs->missing, "Content-Type", "text/plain; charset=utf-8");
    qsort(fs->at, fs->count, sizeof *fs->at, by_path);
    fs->index = find(fs, "/index.html");
    if (fs->index == NULL && fs->count < FILES) {
        struct file *f = &fs->at[fs->count];
        char *page = strdup(unbuilt);
        snprintf(f->tag, sizeof f->tag, "\"unbuilt\"");
        if (page == NULL || !add_form(f, FORM_PLAIN, types[0].type, page, sizeof unbuilt - 1)) {
            files_free(fs);
            return error_set(err, IMW_ERROR_MEMORY, "no memory for the front end");
        }
        fs->index = f;
    }
    *out = fs;
    return true;
}

void files_free(struct files *fs)
{
    if (fs == NULL)
        return;
    for (unsigned i = 0; i < FILES; i++)
        for (unsigned form = 0; form < FORM_COUNT; form++)
            if (fs->at[i].forms[form] != NULL)
                MHD_destroy_response(fs->at[i].forms[form]);
    if (fs->missing != NULL)
        MHD_destroy_response(fs->missing);
    free(fs->at);
    free(fs);
}

/* Does Accept-Encoding name this coding, with another weight than 0? */
static bool accepts(const char *header, const char *coding)
{
    struct view all = view_string(header);

    while (all.len > 0) {
        struct view one = view_token(&all, ',');
        struct view name = view_trim(view_token(&one, ';')), weight = view_trim(one);
        if (view_equal_nocase(name, view_string(coding)))
            return !view_equal(weight, VIEW("q=0")) && !view_starts(weight, VIEW("q=0.000"));
    }
    return false;
}

/* Is it a page of the application, which draws it itself? */
static bool is_page(struct view path)
{
    for (size_t i = path.len; i > 0 && path.at[i - 1] != '/'; i--)
        if (path.at[i - 1] == '.')
            return false;
    return true;
}

struct MHD_Response *files_find(const struct files *fs, struct view path, const char *accept,
                                const char *tags, unsigned *out_status)
{
    char name[PATH_SIZE];
    struct text t = TEXT(name);

    text_add(&t, path);
    const struct file *f = t.cut || strlen(name) != path.len ? NULL : find(fs, name);
    if (f == NULL && is_page(path))
        f = fs->index;
    *out_status = f != NULL ? MHD_HTTP_OK : MHD_HTTP_NOT_FOUND;
    if (f == NULL)
        return fs->missing;
    if (tags != NULL && strstr(tags, f->tag) != NULL)
        *out_status = MHD_HTTP_NOT_MODIFIED;
    for (unsigned form = FORM_COUNT - 1; form > FORM_PLAIN; form--)
        if (f->forms[form] != NULL && accepts(accept, form_names[form]))
            return f->forms[form];
    return f->forms[FORM_PLAIN];
}
