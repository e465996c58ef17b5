/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file is judged in steps: what is known of how it came, lists of hashes, its type, the members of an
 * archive (each by hash and YARA), YARA over the whole, clamd. A step that names it ends the work.
 *
 * The verdict is the worst of: infected, suspicious, not scanned, clean. Clean needs that every scanner that
 * is configured, one at least of clamd and YARA, has judged all of it; lists of hashes only ever accuse.
 * clamd unpacks archives itself, so what our own limits kept us from seeing is held against clean only where
 * clamd did not judge it.
 */
#include "content/scan.h"
#include "content/archive.h"
#include "content/clamd.h"
#include "content/hash_list.h"
#include "content/magic.h"
#include "content/yara.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { STATUS_MS = 2000, VERSION_AGE_MS = 60000 };

struct scanner {
    const struct scan_settings *settings;
    struct clamd *clamd; /* NULL: not configured, as the next */
    struct yara *yara;
    struct hash_list *hashes, *media;
    locale_t names;       /* taken at the start: it is read from files */
    pthread_mutex_t lock; /* over the rest */
    char version[CLAMD_TEXT_BYTES], error[CLAMD_TEXT_BYTES];
    int64_t version_ms;
};

struct scan_worker {
    struct scanner *scanner;
    struct magic *magic;
};

const char *scan_state_name(enum scan_state s)
{
    static const char *const names[] = {
#define X(id, number, name, ...) [number] = name,
        SCAN_STATES(X)
#undef X
    };

    return s < SCAN_STATE_COUNT ? names[s] : "?";
}

const char *scan_reason_text(enum scan_reason r)
{
    static const char *const texts[] = {
#define X(id, number, text) [number] = text,
        SCAN_REASONS(X)
#undef X
    };

    return r < SCAN_REASON_COUNT ? texts[r] : "?";
}

/* ---- made and freed ---- */

static bool load(struct scanner *s, struct imw_error_info *err)
{
    const struct scan_settings *set = s->settings;

    return (set->clamd.count == 0 || clamd_new(&set->clamd, &s->clamd, err)) &&
           (set->yara.count == 0 || yara_new(&set->yara, &s->yara, err)) &&
           (set->hashes.count == 0 || hash_list_load(&set->hashes, &s->hashes, err)) &&
           (set->media_hashes.count == 0 || hash_list_load(&set->media_hashes, &s->media, err));
}

bool scanner_new(const struct scan_settings *settings, struct scanner **out, struct imw_error_info *err)
{
    struct scanner *s = calloc(1, sizeof *s);

    if (s == NULL)
        return error_memory(err);
    s->settings = settings;
    s->names = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    s->version_ms = INT64_MIN / 2;
    pthread_mutex_init(&s->lock, NULL);
    if (!load(s, err)) {
        scanner_free(s);
        return false;
    }
    *out = s;
    return true;
}

void scanner_free(struct scanner *s)
{
    if (s == NULL)
        return;
    clamd_free(s->clamd);
    yara_free(s->yara);
    hash_list_free(s->hashes);
    hash_list_free(s->media);
    if (s->names != (locale_t)0)
        freelocale(s->names);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

bool scan_worker_new(struct scanner *s, struct scan_worker **out, struct imw_error_info *err)
{
    struct scan_worker *w = calloc(1, sizeof *w);

    if (w == NULL)
        return error_memory(err);
    w->scanner = s;
    if (!magic_new(&w->magic, err)) {
        free(w);
        return false;
    }
    *out = w;
    return true;
}

void scan_worker_free(struct scan_worker *w)
{
    if (w == NULL)
        return;
    magic_free(w->magic);
    free(w);
}

/* ---- one file ---- */

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct job {
    struct scan_worker *worker;
    struct scanner *scanner;
    struct spool_file *file;
    struct view content;
    const uint8_t *sha256;
    int64_t yara_deadline_ms;
    enum scan_reason unseen; /* why not all of an archive was seen; NONE: it was */
    struct scan_result *out;
};

/* The first reason that is known stays. */
static void excuse(struct scan_result *r, enum scan_reason reason)
{
    if (r->reason == SCAN_REASON_NONE)
        r->reason = reason;
}

static void accuse(struct scan_result *r, const char *by, const char *signature, struct view member)
{
    struct text t = TEXT(r->member);

    r->state = SCAN_INFECTED;
    snprintf(r->by, sizeof r->by, "%s", by);
    snprintf(r->signature, sizeof r->signature, "%s", signature);
    text_printable(&t, member);
}

static void judge_hash(struct job *j, struct view content, const uint8_t sha256[SHA256_BYTES],
                       struct view member)
{
    char name[SCAN_SIGNATURE_BYTES];
    struct text t = TEXT(name), work = TEXT(name);

    if (j->scanner->media != NULL && j->out->media_work[0] == '\0' &&
        hash_list_find(j->scanner->media, content, sha256, &work))
        snprintf(j->out->media_work, sizeof j->out->media_work, "%s", name);
    t = TEXT(name);
    if (j->scanner->hashes != NULL && hash_list_find(j->scanner->hashes, content, sha256, &t))
        accuse(j->out, "hash-list", name, member);
}

static void judge_yara(struct job *j, struct view content, struct view member)
{
    char name[SCAN_SIGNATURE_BYTES];
    struct text t = TEXT(name);
    int64_t left = j->yara_deadline_ms - now_ms();

    if (j->scanner->yara == NULL || j->out->state == SCAN_INFECTED)
        return;
    if (left <= 0) {
        excuse(j->out, SCAN_REASON_TIMED_OUT);
        return;
    }
    switch (yara_scan(j->scanner->yara, content, (unsigned)left, &t)) {
    case YARA_CLEAN: break;
    case YARA_FOUND: accuse(j->out, "yara", name, member); break;
    case YARA_TIMED_OUT: excuse(j->out, SCAN_REASON_TIMED_OUT); break;
    case YARA_FAILED: excuse(j->out, SCAN_REASON_SCANNER_FAILED); break;
    }
}

/* A member of an archive. False: something is found, the rest need not be seen. */
static bool visit_member(void *context, const struct archive_member *m)
{
    struct job *j = context;
    struct scan_result *r = j->out;
    uint8_t sha256[SHA256_BYTES];

    if (r->member_count < SCAN_MEMBERS) {
        struct scan_member *told = &r->members[r->member_count];
        struct text name = TEXT(told->name);
        text_printable(&name, m->name);
        told->size = m->size;
        told->encrypted = m->encrypted;
        told->executable = magic_runs(m->content) || magic_name_runs(m->name);
    }
    r->member_count++;
    if (m->file == NULL || m->content.len == 0)
        return true;
    if ((j->scanner->hashes != NULL || j->scanner->media != NULL) && spool_sha256(m->file, sha256))
        judge_hash(j, m->content, sha256, m->name);
    judge_yara(j, m->content, m->name);
    return r->state != SCAN_INFECTED;
}

static void judge_archive(struct job *j)
{
    const struct scan_settings *set = j->scanner->settings;
    struct scan_result *r = j->out;
    struct archive_report report;
    const struct archive_limits limits = { .depth = set->archive_depth,
                                           .members = set->archive_members,
                                           .ratio = set->archive_ratio,
                                           .bytes = set->archive_bytes,
                                           .deadline_ms = now_ms() + set->timeout_ms,
                                           .names = j->scanner->names };

    archive_walk(j->content, j->file, &limits, visit_member, j, &report);
    r->archive = r->archive || (report.is_archive && !r->document);
    r->encrypted = r->encrypted || report.encrypted;
    r->unpacked_bytes = report.unpacked_bytes;
    if ((report.bomb || report.overlap) && r->state != SCAN_INFECTED) {
        r->state = SCAN_SUSPICIOUS;
        snprintf(r->by, sizeof r->by, "archive");
        snprintf(r->signature, sizeof r->signature, report.bomb ? "archive-bomb" : "overlapping-members");
    }
    if (r->encrypted)
        excuse(r, SCAN_REASON_ENCRYPTED);
    if (report.unreadable)
        excuse(r, SCAN_REASON_UNREADABLE);
    j->unseen = report.timed_out ? SCAN_REASON_TIMED_OUT
                : report.limited ? SCAN_REASON_TOO_LARGE
                                 : SCAN_REASON_NONE;
}

static void note_version(struct scanner *s, const char *version, const char *error)
{
    pthread_mutex_lock(&s->lock);
    if (version != NULL) {
        snprintf(s->version, sizeof s->version, "%s", version);
        s->version_ms = now_ms();
    }
    snprintf(s->error, sizeof s->error, "%s", error);
    pthread_mutex_unlock(&s->lock);
}

/* Ask clamd who it is. */
static bool ask_version(struct scanner *s)
{
    char text[CLAMD_TEXT_BYTES];
    struct text t = TEXT(text);
    bool up = clamd_version(s->clamd, STATUS_MS, &t) == CLAMD_CLEAN;

    note_version(s, up ? text : NULL, up ? "" : text);
    return up;
}

/* "ClamAV 1.4.6/27800", at most a minute old, and when its signatures were made. */
static void tell_engine(struct scanner *s, struct scan_result *out)
{
    pthread_mutex_lock(&s->lock);
    bool old = now_ms() - s->version_ms > VERSION_AGE_MS;
    if (old)
        s->version_ms = now_ms(); /* one thread asks */
    pthread_mutex_unlock(&s->lock);
    if (old)
        (void)ask_version(s);
    pthread_mutex_lock(&s->lock);
    struct view version = view_string(s->version);
    size_t number = view_find_byte(version, '/', 0);
    size_t end = view_find_byte(version, '/', number + 1);
    snprintf(out->engine, sizeof out->engine, "%.*s", (int)end, s->version);
    out->signatures_s = clamd_signature_time(version);
    pthread_mutex_unlock(&s->lock);
}

/* True: clamd judged all of it. */
static bool judge_clamd(struct job *j)
{
    static const enum scan_reason reasons[] = {
        [CLAMD_AWAY] = SCAN_REASON_SCANNER_AWAY,     [CLAMD_TIMED_OUT] = SCAN_REASON_TIMED_OUT,
        [CLAMD_TOO_LARGE] = SCAN_REASON_TOO_LARGE,   [CLAMD_ENCRYPTED] = SCAN_REASON_ENCRYPTED,
        [CLAMD_FAILED] = SCAN_REASON_SCANNER_FAILED,
    };
    struct scanner *s = j->scanner;
    char text[CLAMD_TEXT_BYTES];
    struct text t = TEXT(text);
    enum clamd_answer answer = clamd_scan(s->clamd, spool_fd(j->file), s->settings->timeout_ms, &t);

    if (answer == CLAMD_CLEAN || answer == CLAMD_FOUND || answer == CLAMD_ENCRYPTED)
        tell_engine(s, j->out);
    else
        note_version(s, NULL, text);
    if (answer == CLAMD_FOUND)
        accuse(j->out, "clamav", text, view_of(NULL, 0));
    else if (answer != CLAMD_CLEAN)
        excuse(j->out, reasons[answer]);
    j->out->encrypted = j->out->encrypted || answer == CLAMD_ENCRYPTED;
    return answer == CLAMD_CLEAN;
}

static void tell_type(struct job *j, struct view name)
{
    struct scan_result *r = j->out;
    struct magic_type type;

    magic_look(j->worker->magic, j->content, &type);
    snprintf(r->media_type, sizeof r->media_type, "%s", type.media_type);
    snprintf(r->magic, sizeof r->magic, "%s", type.words);
    snprintf(r->extension, sizeof r->extension, "%s", type.extension);
    r->executable = type.executable || magic_name_runs(name);
    r->archive = type.archive;
    r->encrypted = type.encrypted;
    r->media = type.media;
    r->document = type.document;
}

static void judge(struct job *j, const struct spool_facts *facts, struct view name)
{
    struct scan_result *r = j->out;
    struct scanner *s = j->scanner;

    if (facts->failed || facts->gap_count > 0 || facts->more_gaps || facts->conflict)
        excuse(r, SCAN_REASON_INCOMPLETE);
    if (facts->cut)
        excuse(r, SCAN_REASON_TOO_LARGE);
    judge_hash(j, j->content, j->sha256, view_of(NULL, 0));
    tell_type(j, name);
    if (r->state == SCAN_INFECTED)
        return;
    judge_archive(j);
    judge_yara(j, j->content, view_of(NULL, 0));
    if (r->state == SCAN_INFECTED)
        return;
    if (s->clamd != NULL && judge_clamd(j))
        j->unseen = SCAN_REASON_NONE;
    if (r->state == SCAN_INFECTED || r->state == SCAN_SUSPICIOUS)
        return;
    if (s->clamd == NULL && s->yara == NULL)
        excuse(r, SCAN_REASON_NO_SCANNER);
    excuse(r, j->unseen);
    r->state = r->reason == SCAN_REASON_NONE ? SCAN_CLEAN : SCAN_NOT_SCANNED;
}

/* Holes are given room, so that reading them cannot fail later. */
static bool map_content(struct job *j, const struct spool_facts *facts, uint64_t bytes)
{
    j->content = view_of(NULL, 0);
    if (bytes == 0)
        return true;
    if ((facts->gap_count > 0 || facts->more_gaps) &&
        posix_fallocate(spool_fd(j->file), 0, (off_t)bytes) != 0)
        return false;
    void *map = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE, spool_fd(j->file), 0);
    if (map == MAP_FAILED)
        return false;
    j->content = view_of(map, (size_t)bytes);
    return true;
}

/* Of a thin file only its beginning is judged, as a file of its own, which scanners can be handed. NULL: no
 * room for that. */
static struct spool_file *beginning_of(const struct job *j)
{
    struct spool_file *f = spool_open_beside(j->file);

    if (f != NULL && !spool_write(f, 0, j->content)) {
        spool_close(f);
        return NULL;
    }
    return f;
}

void scan_file(struct scan_worker *w, struct spool_file *f, const struct spool_facts *facts, struct view name,
               const uint8_t sha256[SHA256_BYTES], struct scan_result *out)
{
    int64_t begin = now_ms();
    struct job j = { .worker = w,
                     .scanner = w->scanner,
                     .file = f,
                     .sha256 = sha256,
                     .yara_deadline_ms = begin + w->scanner->settings->timeout_ms,
                     .out = out };

    *out = (struct scan_result){ .state = SCAN_NOT_SCANNED };
    struct spool_file *beginning = NULL;
    bool thin = spool_is_thin(facts);
    uint64_t bytes = thin ? facts->gap[0].from : facts->extent;
    bool mapped = map_content(&j, facts, bytes);

    if (mapped && thin && bytes > 0)
        j.file = beginning = beginning_of(&j);
    if (thin && bytes == 0)
        excuse(out, SCAN_REASON_INCOMPLETE);
    else if (mapped && j.file != NULL)
        judge(&j, facts, name);
    else
        excuse(out, SCAN_REASON_SCANNER_FAILED);
    spool_close(beginning);
    if (out->state != SCAN_NOT_SCANNED)
        out->reason = SCAN_REASON_NONE;
    if (j.content.len > 0)
        munmap((void *)(uintptr_t)j.content.at, j.content.len);
    out->took_ms = (unsigned)(now_ms() - begin);
}

/* ---- status ---- */

void scanner_status(struct scanner *s, struct scanner_status *out)
{
    *out = (struct scanner_status){ 0 };
    if (s->clamd != NULL)
        out->clamd_up = ask_version(s);
    if (s->yara != NULL)
        out->yara_rules = yara_rules(s->yara);
    if (s->hashes != NULL)
        out->hashes += hash_list_count(s->hashes);
    if (s->media != NULL)
        out->hashes += hash_list_count(s->media);
    pthread_mutex_lock(&s->lock);
    struct text version = TEXT(out->clamd_version);
    text_string(&version, s->version);
    snprintf(out->error, sizeof out->error, "%s", s->error);
    pthread_mutex_unlock(&s->lock);
    out->signatures_made_s = clamd_signature_time(view_string(out->clamd_version));
}
