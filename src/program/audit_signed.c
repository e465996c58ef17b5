/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper's own list of the checkpoints that it signed, DATA/keys/audit.signed. Whoever has the database
 * can delete checkpoints, cut the trail back to an older one, or put a whole older database in its place, and
 * what is left verifies by itself; this file they cannot write. A line a checkpoint:
 *     SEQ TIME_US HASH SIGNATURE\n         the last two in hexadecimal
 * written whole and synchronised before the signature leaves the keeper. A last line without its end was
 * being written when the machine stopped; it is none.
 */
#include "base/text.h"
#include "program/audit_record.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_BYTES = 2 * AUDIT_HASH_LEN + 2 * AUDIT_SIGNATURE_LEN + 64 };

struct line {
    int64_t seq, time_us;
    uint8_t hash[AUDIT_HASH_LEN], signature[AUDIT_SIGNATURE_LEN];
};

/* In small letters: a value has one form. */
static bool take_hex(struct view v, uint8_t *out, size_t size)
{
    size_t got = 0;

    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] >= 'A' && v.at[i] <= 'F')
            return false;
    return v.len == 2 * size && sodium_hex2bin(out, size, (const char *)v.at, v.len, NULL, &got, NULL) == 0 &&
           got == size;
}

static bool read_line(struct view v, struct line *out)
{
    uint64_t seq = 0, time_us = 0;

    return view_decimal(view_token(&v, ' '), INT64_MAX, &seq) && seq > 0 &&
           view_decimal(view_token(&v, ' '), INT64_MAX, &time_us) &&
           take_hex(view_token(&v, ' '), out->hash, sizeof out->hash) &&
           take_hex(v, out->signature, sizeof out->signature) &&
           ((out->seq = (int64_t)seq), (out->time_us = (int64_t)time_us), true);
}

/* ---- the keeper writes ---- */

/* Behind the last whole line. */
static off_t end_of_lines(int fd)
{
    char tail[LINE_BYTES];
    struct stat info;

    if (fstat(fd, &info) != 0)
        return -1;
    off_t from = info.st_size > LINE_BYTES ? info.st_size - LINE_BYTES : 0;
    ssize_t n = pread(fd, tail, sizeof tail, from);
    while (n > 0 && tail[n - 1] != '\n')
        n--;
    return n < 0 ? -1 : from + n;
}

bool audit_signed_add(const char *path, struct view text, const uint8_t signature[AUDIT_SIGNATURE_LEN],
                      struct imw_error_info *err)
{
    char line[LINE_BYTES], hex[2 * AUDIT_SIGNATURE_LEN + 1];
    struct text t = TEXT(line);

    (void)view_token(&text, '\n'); /* "imward audit checkpoint 1" */
    for (unsigned i = 0; i < 3; i++) {
        text_add(&t, view_token(&text, '\n'));
        text_char(&t, ' ');
    }
    sodium_bin2hex(hex, sizeof hex, signature, AUDIT_SIGNATURE_LEN);
    text_string(&t, hex);
    struct line check;
    if (t.cut || text.len > 0 || !read_line(view_of(line, t.len), &check))
        return error_set(err, IMW_ERROR_VALUE, "only checkpoints of the trail are signed");
    text_char(&t, '\n');
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    off_t at = fd >= 0 ? end_of_lines(fd) : -1;
    bool ok =
        at >= 0 && ftruncate(fd, at) == 0 && pwrite(fd, line, t.len, at) == (ssize_t)t.len && fsync(fd) == 0;
    if (!ok)
        error_errno(err, path);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* ---- whoever verifies reads ---- */

static bool wrong(struct audit_result *out, const struct line *l, const char *words)
{
    out->wrong_seq = l->seq > 0 ? (uint64_t)l->seq : 1;
    snprintf(out->wrong, sizeof out->wrong, "checkpoint %lld: %s", (long long)l->seq, words);
    return false;
}

/* *out_whole: the record that it signed is in the database as it was then, or was removed since, being old.
 */
static bool compare(struct db *db, int64_t oldest, const struct line *l, struct audit_result *out,
                    bool *out_whole, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    if (l->seq < oldest)
        return true;
    if (!db_query(db, "select hash from audit where seq = ?", DB_ARGS(db_int(l->seq)), &rows, err))
        return false;
    bool found = db_next(rows, &why);
    bool same = found && view_equal(db_get_blob(rows, 0), view_of(l->hash, sizeof l->hash));
    db_rows_end(rows);
    if (why.code != IMW_OK) {
        *err = why;
        return false;
    }
    if (!found)
        *out_whole = wrong(out, l,
                           "the keeper signed it, and its record is not there: the trail was cut back, or an "
                           "older database was put in its place");
    else if (!same)
        *out_whole =
            wrong(out, l, "the keeper signed another record of this number: the trail was written anew");
    return true;
}

static bool check_line(struct db *db, int64_t oldest, struct view key, struct view text, struct line *last,
                       struct audit_result *out, bool *out_whole, struct imw_error_info *err)
{
    char signed_text[AUDIT_SIGNED_SIZE];
    struct line l = { 0 };

    if (!read_line(text, &l)) {
        *out_whole = wrong(out, last, "the line behind its own in keys/audit.signed was changed");
        return true;
    }
    audit_signed_text(l.seq, (uint64_t)l.time_us, l.hash, signed_text);
    if (crypto_sign_verify_detached(l.signature, (const unsigned char *)signed_text, strlen(signed_text),
                                    key.at) != 0)
        *out_whole = wrong(out, &l, "its line in keys/audit.signed was changed, or another key signed it");
    else if (l.seq < last->seq || (l.seq == last->seq && memcmp(l.hash, last->hash, sizeof l.hash) != 0))
        *out_whole = wrong(out, &l,
                           "the keeper had signed a later one before it: the trail was cut back, or an "
                           "older database was put in its place");
    else if (!compare(db, oldest, &l, out, out_whole, err))
        return false;
    *last = l;
    return true;
}

bool audit_verify_signed(struct db *db, const char *path, struct view key, struct audit_result *out,
                         struct imw_error_info *err)
{
    struct line last = { 0 };
    size_t room = 0;
    char *text = NULL;
    ssize_t len;
    int64_t oldest = 0;
    bool ok = true, whole = true;
    FILE *from = fopen(path, "re");

    if (from == NULL)
        return errno == ENOENT || error_errno(err, path);
    if (key.len != AUDIT_KEY_LEN || !db_begin(db, false, err)) {
        fclose(from);
        return key.len != AUDIT_KEY_LEN;
    }
    ok = db_query_int(db, "select coalesce(min(seq), 1) from audit", DB_NONE, &oldest, NULL, err);
    while (ok && whole && (len = getline(&text, &room, from)) > 0) {
        if (text[len - 1] == '\n')
            ok = check_line(db, oldest, key, view_of(text, (size_t)len - 1), &last, out, &whole, err);
        else if (len >= LINE_BYTES ||
                 read_line(view_of(text, (size_t)len - 1), &(struct line){ 0 })) /* all but its end */
            whole = wrong(out, &last, "the line behind its own in keys/audit.signed was changed");
    }
    free(text);
    db_rollback(db);
    fclose(from);
    return ok;
}
