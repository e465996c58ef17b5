/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One JSON line an act:
 *
 *   {"n":2,"time":"...","time_us":...,"act":"kept","id":"...","file":true,"expires_us":...,"size":...,
 *    "sha256":"...","before":"SHA-256 of the line before","mac":"..."}
 *
 * "before" makes that no line can be taken out or changed without changing all behind it; "mac" (BLAKE2b with
 * the journal's key, over all before it) that nobody without the key can write a chain anew.
 * The file `head` holds the number of the last line and a mac, and is written behind the journal: a journal
 * that is shorter was cut. A crash leaves the head some lines behind, and perhaps half a line at the end,
 * which is taken off when the next is added.
 *
 * Not found: that somebody put back an earlier copy of the whole vault, journal, head and objects, or that
 * who has the journal's key, the sensor, wrote the chain anew. For that keep copies of the journal elsewhere:
 * an honest one begins with every older copy of it.
 */
#include "content/vault_journal.h"
#include "base/json.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_BYTES = 768, HEX_BYTES = 65, HEAD_BYTES = 20 + 1 + 64 + 1 };

struct journal {
    int fd, head_fd;
    uint8_t key[32];
    pthread_mutex_t lock;
    /* What is known of the end of the file, good as long as its size is the same. */
    off_t size;
    uint64_t lines;
    char last_hash[HEX_BYTES];
};

static const char *const act_names[] = {
#define X(id, name) name,
    JOURNAL_ACTS(X)
#undef X
};

static void hex(const uint8_t bytes[32], char out[HEX_BYTES])
{
    sodium_bin2hex(out, HEX_BYTES, bytes, 32);
}

static void hash_line(struct view line, char out[HEX_BYTES])
{
    uint8_t hash[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(hash, line.at, line.len);
    hex(hash, out);
}

static void mac_of(const struct journal *j, struct view bytes, char out[HEX_BYTES])
{
    uint8_t mac[32];

    crypto_generichash(mac, sizeof mac, bytes.at, bytes.len, j->key, sizeof j->key);
    hex(mac, out);
}

/* ---- opened and locked ---- */

static bool open_files(struct journal *j, int directory_fd, struct imw_error_info *err)
{
    j->fd = openat(directory_fd, "journal", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (j->fd < 0)
        return error_errno(err, "journal");
    j->head_fd = openat(directory_fd, "head", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (j->head_fd < 0)
        return error_errno(err, "head");
    /* Root may look into a vault before the sensor's first start: it must not be locked out of it. */
    struct stat st;
    if (geteuid() == 0 && (fstat(directory_fd, &st) != 0 || fchown(j->fd, st.st_uid, st.st_gid) != 0 ||
                           fchown(j->head_fd, st.st_uid, st.st_gid) != 0))
        return error_errno(err, "journal");
    return true;
}

bool journal_open(int directory_fd, const uint8_t key[32], struct journal **out, struct imw_error_info *err)
{
    struct journal *j = calloc(1, sizeof *j);

    if (j == NULL)
        return error_memory(err);
    j->fd = j->head_fd = -1;
    j->size = -1;
    memcpy(j->key, key, sizeof j->key);
    pthread_mutex_init(&j->lock, NULL);
    if (!open_files(j, directory_fd, err)) {
        journal_close(j);
        return false;
    }
    *out = j;
    return true;
}

void journal_close(struct journal *j)
{
    if (j == NULL)
        return;
    if (j->fd >= 0)
        close(j->fd);
    if (j->head_fd >= 0)
        close(j->head_fd);
    sodium_memzero(j->key, sizeof j->key);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

bool journal_lock(struct journal *j, struct imw_error_info *err)
{
    pthread_mutex_lock(&j->lock);
    while (flock(j->fd, LOCK_EX) != 0)
        if (errno != EINTR) {
            pthread_mutex_unlock(&j->lock);
            return error_errno(err, "journal");
        }
    return true;
}

void journal_unlock(struct journal *j)
{
    flock(j->fd, LOCK_UN);
    pthread_mutex_unlock(&j->lock);
}

/* ---- the head ---- */

static void head_write(struct journal *j)
{
    char bytes[HEAD_BYTES + 1], mac[HEX_BYTES];

    snprintf(bytes, sizeof bytes, "%020llu", (unsigned long long)j->lines);
    mac_of(j, view_of(bytes, 20), mac);
    snprintf(bytes, sizeof bytes, "%020llu %s\n", (unsigned long long)j->lines, mac);
    /* One that is not written is behind, which is as good as after a crash. */
    (void)!pwrite(j->head_fd, bytes, HEAD_BYTES, 0);
}

static bool head_read(const struct journal *j, uint64_t *out_lines, struct imw_error_info *err)
{
    char bytes[HEAD_BYTES + 1], mac[HEX_BYTES];
    ssize_t n = pread(j->head_fd, bytes, sizeof bytes, 0);

    *out_lines = 0;
    if (n == 0 && j->lines == 0)
        return true;
    mac_of(j, view_of(bytes, n >= 20 ? 20 : 0), mac);
    if (n != HEAD_BYTES || bytes[20] != ' ' || bytes[HEAD_BYTES - 1] != '\n' ||
        sodium_memcmp(bytes + 21, mac, 64) != 0 || !view_decimal(view_of(bytes, 20), UINT64_MAX, out_lines))
        return error_file(err, IMW_ERROR_TRUST, "head", "it was changed, or the key is another");
    return true;
}

/* ---- lines read ---- */

/* What stands behind "key": up to the next comma or brace; of a string without its quotes. */
static struct view member_of(struct view line, const char *key)
{
    char name[32];

    snprintf(name, sizeof name, "\"%s\":", key);
    struct view rest = view_from(line, view_find(line, view_string(name)) + strlen(name));
    if (rest.len > 0 && rest.at[0] == '"') {
        rest = view_from(rest, 1);
        return view_slice(rest, 0, view_find_byte(rest, '"', 0));
    }
    size_t comma = view_find_byte(rest, ',', 0), brace = view_find_byte(rest, '}', 0);
    return view_slice(rest, 0, comma < brace ? comma : brace);
}

static uint64_t number_of(struct view line, const char *key)
{
    uint64_t n = 0;

    (void)view_decimal(member_of(line, key), UINT64_MAX, &n);
    return n;
}

/* A line whose mac is right was written by us, so that it need only be taken apart. */
static bool parse(struct view line, struct journal_line *out)
{
    struct view act = member_of(line, "act"), id = member_of(line, "id"), sha256 = member_of(line, "sha256");

    *out = (struct journal_line){ .act = JOURNAL_ACT_COUNT,
                                  .time_us = number_of(line, "time_us"),
                                  .expires_us = number_of(line, "expires_us"),
                                  .size = number_of(line, "size"),
                                  .file = view_equal(member_of(line, "file"), VIEW("true")) };
    for (unsigned a = 0; a < JOURNAL_ACT_COUNT; a++)
        if (view_equal(act, view_string(act_names[a])))
            out->act = (enum journal_act)a;
    snprintf(out->id, sizeof out->id, "%.*s", (int)id.len, (const char *)id.at);
    (void)sodium_hex2bin(out->sha256, sizeof out->sha256, (const char *)sha256.at, sha256.len, NULL, NULL,
                         NULL);
    return out->act != JOURNAL_ACT_COUNT && id.len == JOURNAL_ID_BYTES - 1;
}

struct reading {
    struct journal *j;
    struct journal_object *at;
    size_t count, size;
};

static struct view without_mac(struct view line)
{
    const size_t tail = sizeof ",\"mac\":\"\"}" - 1 + 64;

    return view_slice(line, 0, line.len > tail ? line.len - tail : 0);
}

static const char *check_line(struct journal *j, struct view line, struct journal_line *out)
{
    char mac[HEX_BYTES], tail[96];
    struct view body = without_mac(line);

    mac_of(j, body, mac);
    snprintf(tail, sizeof tail, ",\"mac\":\"%s\"}", mac);
    if (!view_equal(view_from(line, body.len), view_string(tail)))
        return "the line was changed, or the key is another";
    if (!parse(body, out))
        return "the line is not of a journal";
    if (number_of(body, "n") != j->lines + 1 ||
        !view_equal(member_of(body, "before"), view_string(j->last_hash)))
        return "the line does not follow the one before it";
    hash_line(line, j->last_hash);
    j->lines++;
    return NULL;
}

static int compare_id(const void *a, const void *b)
{
    return strcmp(((const struct journal_object *)a)->kept.id, ((const struct journal_object *)b)->kept.id);
}

/* Lines in order to objects: those that were kept first, sorted, then what became of them. */
static bool collect(struct reading *r, const struct journal_line *line)
{
    if (r->count == r->size) {
        size_t size = r->size * 2 + 256;
        struct journal_object *at = realloc(r->at, size * sizeof *at);
        if (at == NULL)
            return false;
        r->at = at;
        r->size = size;
    }
    r->at[r->count++] = (struct journal_object){ *line, line->act };
    return true;
}

/* By id, and what was later behind. */
static int compare_line(const void *a, const void *b)
{
    const struct journal_object *x = a, *y = b;
    int order = compare_id(a, b);

    return order != 0 ? order : (x->last > y->last) - (x->last < y->last);
}

/* All lines of one id follow each other now, KEPT first: one entry is left of each. */
static bool merge(struct reading *r, struct imw_error_info *err)
{
    size_t n = 0;

    if (r->count > 0)
        qsort(r->at, r->count, sizeof r->at[0], compare_line);
    for (size_t i = 0; i < r->count; i++) {
        bool same = n > 0 && strcmp(r->at[n - 1].kept.id, r->at[i].kept.id) == 0;
        if (same == (r->at[i].last == JOURNAL_KEPT))
            return error_file(err, IMW_ERROR_TRUST, "journal", "%s is not kept once", r->at[i].kept.id);
        if (!same)
            r->at[n++] = r->at[i];
        else if (r->at[i].last != JOURNAL_READ)
            r->at[n - 1].last = r->at[i].last;
    }
    r->count = n;
    return true;
}

static bool read_lines(struct reading *r, struct view all, struct imw_error_info *err)
{
    struct journal *j = r->j;
    struct journal_line line;

    j->lines = 0;
    memset(j->last_hash, '0', HEX_BYTES - 1);
    j->size = 0;
    while (all.len > 0) {
        size_t end = view_find_byte(all, '\n', 0);
        if (end == all.len)
            break; /* half a line: the head tells whether it was one */
        const char *wrong = check_line(j, view_slice(all, 0, end), &line);
        if (wrong == NULL && !collect(r, &line))
            wrong = "out of memory";
        if (wrong != NULL) {
            error_file(err, IMW_ERROR_TRUST, "journal", "%s", wrong);
            if (err != NULL)
                err->line = (unsigned)j->lines + 1;
            j->size = -1;
            return false;
        }
        all = view_from(all, end + 1);
        j->size += (off_t)end + 1;
    }
    return true;
}

static bool read_all(int fd, uint8_t **out, size_t *out_len, struct imw_error_info *err)
{
    struct stat st;
    size_t len = 0;

    if (fstat(fd, &st) != 0)
        return error_errno(err, "journal");
    uint8_t *bytes = malloc((size_t)st.st_size + 1);
    if (bytes == NULL)
        return error_memory(err);
    while (len < (size_t)st.st_size) {
        ssize_t n = pread(fd, bytes + len, (size_t)st.st_size - len, (off_t)len);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    *out = bytes;
    *out_len = len;
    return true;
}

bool journal_read(struct journal *j, struct journal_object **out, size_t *out_count,
                  struct imw_error_info *err)
{
    struct reading r = { .j = j };
    uint8_t *bytes;
    size_t len;
    uint64_t head;

    if (!read_all(j->fd, &bytes, &len, err))
        return false;
    bool ok = read_lines(&r, view_of(bytes, len), err) && head_read(j, &head, err);
    free(bytes);
    if (ok && head > j->lines)
        ok = error_file(err, IMW_ERROR_TRUST, "journal", "it was cut: there were %llu lines, now %llu",
                        (unsigned long long)head, (unsigned long long)j->lines);
    if (!ok || !merge(&r, err)) {
        free(r.at);
        return false;
    }
    *out = r.at;
    *out_count = r.count;
    return true;
}

const struct journal_object *journal_find(const struct journal_object *objects, size_t count, const char *id)
{
    struct journal_object key = { .last = JOURNAL_KEPT };

    snprintf(key.kept.id, sizeof key.kept.id, "%s", id);
    return count > 0 ? bsearch(&key, objects, count, sizeof key, compare_id) : NULL;
}

/* ---- lines added ---- */

/* Learn the end of the journal, where another process has written since, or we are new. */
static bool learn_end(struct journal *j, struct imw_error_info *err)
{
    struct stat st;
    struct journal_object *objects;
    size_t count;

    if (fstat(j->fd, &st) != 0)
        return error_errno(err, "journal");
    if (st.st_size == j->size)
        return true;
    if (!journal_read(j, &objects, &count, err))
        return false;
    free(objects);
    if (ftruncate(j->fd, j->size) != 0) /* half a line, of a crash */
        return error_errno(err, "journal");
    return true;
}

static struct view write_line(const struct journal *j, const struct journal_line *line, struct json *json)
{
    char sha256[HEX_BYTES], mac[HEX_BYTES];

    json_object(json, NULL);
    json_number(json, "n", j->lines + 1);
    json_time(json, "time", line->time_us);
    json_number(json, "time_us", line->time_us);
    json_string(json, "act", act_names[line->act]);
    json_string(json, "id", line->id);
    if (line->act == JOURNAL_KEPT) {
        json_bool(json, "file", line->file);
        json_number(json, "expires_us", line->expires_us);
        json_number(json, "size", line->size);
    }
    if (line->act == JOURNAL_KEPT || line->act == JOURNAL_DELETED) {
        hex(line->sha256, sha256);
        json_string(json, "sha256", sha256);
    }
    json_string(json, "before", j->last_hash);
    mac_of(j, view_of(json->text.at, json->text.len), mac);
    json_string(json, "mac", mac);
    json_object_end(json);
    return view_of(json->text.at, json->text.len);
}

/* All lines to the end of the file at once. */
static bool append(struct journal *j, const char *bytes, size_t len, struct imw_error_info *err)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = write(j->fd, bytes + done, len - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (done == len && fsync(j->fd) == 0)
        return true;
    error_errno(err, "journal");
    (void)!ftruncate(j->fd, j->size);
    return false;
}

bool journal_add(struct journal *j, const struct journal_line *lines, size_t count,
                 struct imw_error_info *err)
{
    char last_hash[HEX_BYTES];
    size_t len = 0;

    if (!learn_end(j, err))
        return false;
    if (j->lines == 0) { /* from here on no head is a head taken away */
        head_write(j);
        if (fsync(j->head_fd) != 0)
            return error_errno(err, "head");
    }
    const uint64_t lines_before = j->lines;
    memcpy(last_hash, j->last_hash, sizeof last_hash);
    char *bytes = malloc(count * LINE_BYTES);
    if (bytes == NULL)
        return error_memory(err);
    for (size_t i = 0; i < count; i++) {
        struct json json = json_over(bytes + len, LINE_BYTES - 1);
        struct view text = write_line(j, &lines[i], &json);
        hash_line(text, j->last_hash);
        j->lines++;
        len += text.len;
        bytes[len++] = '\n';
    }
    bool ok = append(j, bytes, len, err);
    free(bytes);
    if (ok) {
        j->size += (off_t)len;
        head_write(j);
    } else {
        j->lines = lines_before;
        memcpy(j->last_hash, last_hash, sizeof last_hash);
    }
    return ok;
}
