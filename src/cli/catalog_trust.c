/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record is added at the end of the file, which is checked as a whole before it takes the place of the old
 * one: a program that reads it meanwhile has the old or the new, and a broken one is never written. Two who
 * write at a time take turns by a lock on the folder.
 */
#include "cli/catalog_trust.h"
#include "base/file.h"
#include "base/json_value.h"
#include "base/text.h"
#include "cli/cli.h"
#include "identify/catalog_overrides.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

static const char heading[] =
    "# What we say against imward's catalog; see imward-catalog(1). Add to it with\n"
    "# imward catalog trust and distrust. Nothing is ever taken out: it is a history.\n";

/* ---- the file ---- */

/* All of it, malloc'd; the heading where there is no file. False: err. */
static bool read_text(const char *path, char **out, size_t *out_len, struct stat *st,
                      struct imw_error_info *err)
{
    *st = (struct stat){ .st_mode = 0 };
    if (stat(path, st) == 0)
        return file_read(path, OVERRIDES_BYTES, out, out_len, err);
    if (errno != ENOENT)
        return error_errno(err, path);
    *out = strdup(heading);
    *out_len = sizeof heading - 1;
    return *out != NULL || error_memory(err);
}

/* In the place of the file, whole or not at all. */
static bool write_text(const char *path, const char *text, size_t len, const struct stat *before,
                       struct imw_error_info *err)
{
    char new_path[PATH_BYTES + 8];
    bool ok = false;

    snprintf(new_path, sizeof new_path, "%s.new", path);
    int fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd >= 0) {
        if (before->st_mode != 0) {
            (void)!fchown(fd, before->st_uid, before->st_gid); /* as far as we may */
            ok = fchmod(fd, before->st_mode & 07777) == 0;
        } else {
            ok = true;
        }
        ok = ok && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
        ok &= close(fd) == 0;
        ok = ok && rename(new_path, path) == 0;
    }
    if (ok)
        return true;
    (void)error_errno(err, path);
    if (fd >= 0)
        (void)unlink(new_path);
    return false;
}

/* The folder of the file, locked; -1: err. */
static int lock_folder(const char *path, struct imw_error_info *err)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_BYTES];

    if (strlen(path) >= sizeof folder) {
        (void)error_file(err, IMW_ERROR_VALUE, path, "the path is too long");
        return -1;
    }
    snprintf(folder, sizeof folder, "%.*s",
             slash == NULL   ? 1
             : slash == path ? 1
                             : (int)(slash - path),
             slash == NULL ? "." : path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) != 0) {
        (void)error_errno(err, folder);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

/* ---- a record ---- */

/* A line of text in double quotes, as YAML and JSON both have it. */
static void quoted(struct text *t, const char *value)
{
    text_char(t, '"');
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\')
            text_char(t, '\\');
        text_char(t, *value);
    }
    text_char(t, '"');
}

static void record(struct text *t, const struct trust_request *q, struct view what)
{
    char at[32];
    time_t now = time(NULL);
    struct tm tm;

    if (gmtime_r(&now, &tm) == NULL || strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        at[0] = '\0';
    text_format(t, "\n- %s: \"%.*s\"\n", q->trust ? "trust" : "distrust", (int)what.len,
                (const char *)what.at);
    if (q->slug != NULL)
        text_format(t, "  not: %s\n", q->slug);
    text_string(t, "  by: ");
    quoted(t, q->by);
    text_format(t, "\n  at: %s\n  why: ", at);
    quoted(t, q->why);
    text_char(t, '\n');
}

/* Text that a record may hold. */
static bool is_line(const char *text)
{
    char clean[401];
    struct text t = TEXT(clean);

    text_printable(&t, view_string(text));
    return text[0] != '\0' && !t.cut && strcmp(clean, text) == 0;
}

/* NULL: nothing. */
static const char *wrong_with(const struct trust_request *q, const struct catalog *c, struct override *what)
{
    if (!override_read_what(view_string(q->what), what))
        return "give a name such as portal.example (with its A-labels) or a network such as 192.0.2.0/24";
    if (q->slug != NULL && catalog_find(c, view_string(q->slug)) == 0)
        return "--not: there is no such service; 'imward catalog list' names them all";
    if (q->by == NULL || !is_line(q->by))
        return "say who decides that: --by WHO, one line of at most 400 bytes";
    if (q->why == NULL || !is_line(q->why))
        return "say why: --why TEXT, one line of at most 400 bytes";
    return NULL;
}

/* What the catalog, without overrides, takes it for. */
static void print_effect(const struct catalog *c, const struct trust_request *q, const struct override *what)
{
    struct catalog_hit hit;
    bool known = what->is_network ? catalog_match_address(c, &what->network, 6, 443, &hit) ||
                                        catalog_match_address(c, &what->network, 17, 443, &hit)
                                  : catalog_match_name(c, view_string(q->what), &hit);
    const char *slug = known ? catalog_service(c, hit.service)->slug : NULL;
    bool meant = known && (q->slug == NULL || strcmp(q->slug, slug) == 0);

    if (!q->trust)
        printf("taken back: %s is evidence again, as the catalog says\n", q->what);
    else if (meant)
        printf("trusted: %s is no evidence for %s any more; the catalog's entry %.*s says so\n", q->what,
               q->slug != NULL ? q->slug : "any service", (int)hit.entry.len, (const char *)hit.entry.at);
    else if (known)
        printf("trusted, but the catalog takes %s for %s, by its entry %.*s: is --not %s meant?\n", q->what,
               slug, (int)hit.entry.len, (const char *)hit.entry.at, slug);
    else
        printf("trusted, but the catalog takes %s for no service: what decided was something else, which\n"
               "imward read --explain tells\n",
               q->what);
}

static bool add_record(const struct trust_request *q, const struct override *what, struct imw_error_info *err)
{
    enum { RECORD_BYTES = 4096 };
    struct overrides *checked;
    struct stat before;
    char *old = NULL;
    size_t len = 0;

    if (!read_text(q->file, &old, &len, &before, err))
        return false;
    char *new = malloc(len + RECORD_BYTES);
    if (new == NULL) {
        free(old);
        return error_memory(err);
    }
    struct text t = text_over(new, len + RECORD_BYTES);
    text_add(&t, view_of(old, len));
    if (len > 0 && old[len - 1] != '\n')
        text_char(&t, '\n');
    record(&t, q, what->what);
    free(old);
    assert(!t.cut);
    bool ok = overrides_parse(q->file, view_of(t.at, t.len), &checked, err);
    if (ok) {
        overrides_free(checked);
        ok = write_text(q->file, t.at, t.len, &before, err);
    }
    free(new);
    return ok;
}

int catalog_trust(const struct catalog *c, const struct trust_request *q)
{
    struct imw_error_info err = { .code = IMW_OK };
    struct override what;
    const char *wrong = wrong_with(q, c, &what);

    if (wrong != NULL)
        return cli_usage("catalog", "%s", wrong);
    int lock = lock_folder(q->file, &err);
    bool ok = lock >= 0 && add_record(q, &what, &err);
    if (lock >= 0)
        close(lock);
    if (!ok)
        return cli_failed(&err);
    print_effect(c, q, &what);
    printf("written to %s; a sensor with --overrides takes it up at 'imward control reload'\n", q->file);
    return EXIT_DONE;
}

/* ---- the list ---- */

static void print_view(struct view v)
{
    char clean[512];
    struct text t = TEXT(clean);

    text_shown(&t, v);
    fputs(clean, stdout);
}

static void print_record(const struct override *r)
{
    print_view(r->what);
    printf("  not ");
    print_view(r->slug.len > 0 ? r->slug : VIEW("any service"));
    printf("\n    trusted by ");
    print_view(r->by);
    printf(" at %.*s: ", (int)r->at.len, (const char *)r->at.at);
    print_view(r->why);
    putchar('\n');
    if (r->ended == NULL)
        return;
    printf("    taken back by ");
    print_view(r->ended->by);
    printf(" at %.*s: ", (int)r->ended->at.len, (const char *)r->ended->at.at);
    print_view(r->ended->why);
    putchar('\n');
}

static json_t *text_of(struct view v)
{
    return json_stringn((const char *)v.at, v.len);
}

static bool print_json(const struct override *r)
{
    json_t *o =
        json_pack("{s:o, s:o, s:o, s:o, s:b, s:i}", "trust", text_of(r->what), "by", text_of(r->by), "at",
                  text_of(r->at), "why", text_of(r->why), "in_force", r->ended == NULL, "line", (int)r->line);
    bool ok = o != NULL && (r->slug.len == 0 || json_object_set_new(o, "not", text_of(r->slug)) == 0);

    if (ok && r->ended != NULL)
        ok = json_object_set_new(o, "ended",
                                 json_pack("{s:o, s:o, s:o}", "by", text_of(r->ended->by), "at",
                                           text_of(r->ended->at), "why", text_of(r->ended->why))) == 0;
    char *line = ok ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    if (line == NULL)
        return false;
    puts(line);
    free(line);
    return true;
}

int catalog_overrides(const char *file, bool json)
{
    struct imw_error_info err = { .code = IMW_OK };
    struct overrides *o;
    unsigned in_force = 0, ended = 0;
    bool ok = true;

    if (!overrides_load(file, &o, &err))
        return cli_failed(&err);
    for (unsigned i = 0; i < overrides_count(o); i++) {
        const struct override *r = overrides_get(o, i);
        if (!r->trust)
            continue;
        in_force += r->ended == NULL;
        ended += r->ended != NULL;
        if (json)
            ok &= print_json(r);
        else
            print_record(r);
    }
    if (!json)
        printf("%u in force, %u taken back\n", in_force, ended);
    overrides_free(o);
    return ok && fflush(stdout) == 0 && !ferror(stdout) ? EXIT_DONE : EXIT_FAILED;
}
