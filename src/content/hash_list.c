/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One sorted array for each kind of hash; a name is an offset into all names. A line:
 *
 *     275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f  Eicar-Test
 *
 * The number of digits tells the kind. Empty lines and those that begin with # are passed over. What
 * sha256sum prints is such a file. SHA-1 and MD5 of a content are worked out only where a list has some.
 */
#include "content/hash_list.h"
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIGEST_BYTES = 32, KINDS = 3, NAME_BYTES = 120, LINES = 16 << 20, LINE_BYTES = 4096 };

struct entry {
    uint8_t digest[DIGEST_BYTES]; /* zeros behind a shorter one */
    uint32_t name;                /* where in the names it begins; 0: it has none */
};

struct table {
    struct entry *at;
    size_t count, size;
};

struct hash_list {
    struct table table[KINDS];
    char *names; /* each ends with NUL; the first is empty */
    size_t names_len, names_size;
};

static const size_t digest_len[KINDS] = { 32, 20, 16 };

static int compare(const void *a, const void *b)
{
    return memcmp(((const struct entry *)a)->digest, ((const struct entry *)b)->digest, DIGEST_BYTES);
}

static bool add_name(struct hash_list *l, struct view name, uint32_t *out)
{
    char bytes[NAME_BYTES];
    struct text t = TEXT(bytes);

    text_printable(&t, name);
    if (l->names_size - l->names_len < t.len + 1) {
        size_t size = l->names_size * 2 + sizeof bytes;
        char *names = size < UINT32_MAX ? realloc(l->names, size) : NULL;
        if (names == NULL)
            return false;
        l->names = names;
        l->names_size = size;
    }
    *out = (uint32_t)l->names_len;
    memcpy(l->names + l->names_len, bytes, t.len + 1);
    l->names_len += t.len + 1;
    return true;
}

static bool add_entry(struct table *t, const struct entry *e)
{
    if (t->count == t->size) {
        size_t size = t->size * 2 + 64;
        struct entry *at = realloc(t->at, size * sizeof *at);
        if (at == NULL)
            return false;
        t->at = at;
        t->size = size;
    }
    t->at[t->count++] = *e;
    return true;
}

static int digit(uint8_t c)
{
    uint8_t low = ascii_lower(c);

    return c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* The hash at the front of a line: which kind, or -1. */
static int take_digest(struct view *line, uint8_t out[DIGEST_BYTES])
{
    size_t digits = 0;

    while (digits < line->len && digit(line->at[digits]) >= 0)
        digits++;
    for (int k = 0; k < KINDS; k++)
        if (digits == digest_len[k] * 2 &&
            (digits == line->len || line->at[digits] == ' ' || line->at[digits] == '\t')) {
            for (size_t i = 0; i < digits; i += 2)
                out[i / 2] = (uint8_t)(digit(line->at[i]) << 4 | digit(line->at[i + 1]));
            *line = view_trim(view_from(*line, digits));
            return k;
        }
    return -1;
}

/* NULL, or what is wrong with the line. */
static const char *take_line(struct hash_list *l, struct view line)
{
    struct entry e = { .name = 0 };

    line = view_trim(line);
    if (line.len == 0 || line.at[0] == '#')
        return NULL;
    int kind = take_digest(&line, e.digest);
    if (kind < 0)
        return "a line begins with a SHA-256, SHA-1 or MD5 in hexadecimal";
    if (line.len > 0 && line.at[0] == '*')
        line = view_from(line, 1); /* sha256sum marks binary files so */
    if (line.len > 0 && !add_name(l, line, &e.name))
        return "out of memory";
    return add_entry(&l->table[kind], &e) ? NULL : "out of memory";
}

static bool load_file(struct hash_list *l, const char *path, struct imw_error_info *err)
{
    FILE *f = fopen(path, "re");
    char line[LINE_BYTES];
    const char *wrong = NULL;
    unsigned number = 0;

    if (f == NULL)
        return error_errno(err, path);
    while (wrong == NULL && number < LINES && fgets(line, sizeof line, f) != NULL) {
        size_t len = strlen(line);
        number++;
        wrong = len + 1 == sizeof line && line[len - 1] != '\n' ? "the line is too long"
                                                                : take_line(l, view_of(line, len));
    }
    if (wrong == NULL && number == LINES)
        wrong = "the list has too many lines";
    bool failed = ferror(f) != 0;
    if (failed)
        error_errno(err, path);
    fclose(f);
    if (wrong == NULL || failed)
        return !failed;
    error_file(err, IMW_ERROR_FORMAT, path, "%s", wrong);
    if (err != NULL)
        err->line = number;
    return false;
}

bool hash_list_load(const struct string_list *files, struct hash_list **out, struct imw_error_info *err)
{
    struct hash_list *l = calloc(1, sizeof *l);
    uint32_t empty;

    if (l == NULL || !add_name(l, view_of(NULL, 0), &empty)) {
        hash_list_free(l);
        return error_memory(err);
    }
    for (unsigned i = 0; i < files->count; i++)
        if (!load_file(l, files->at[i], err)) {
            hash_list_free(l);
            return false;
        }
    for (int k = 0; k < KINDS; k++)
        if (l->table[k].count > 0)
            qsort(l->table[k].at, l->table[k].count, sizeof l->table[k].at[0], compare);
    *out = l;
    return true;
}

void hash_list_free(struct hash_list *l)
{
    if (l == NULL)
        return;
    for (int k = 0; k < KINDS; k++)
        free(l->table[k].at);
    free(l->names);
    free(l);
}

unsigned hash_list_count(const struct hash_list *l)
{
    size_t n = 0;

    for (int k = 0; k < KINDS; k++)
        n += l->table[k].count;
    return (unsigned)n;
}

bool hash_list_find(const struct hash_list *l, struct view content, const uint8_t sha256[32],
                    struct text *name)
{
    const EVP_MD *const kinds[KINDS] = { NULL, EVP_sha1(), EVP_md5() };

    for (int k = 0; k < KINDS; k++) {
        struct entry key = { .name = 0 };
        if (l->table[k].count == 0)
            continue;
        if (k == 0)
            memcpy(key.digest, sha256, DIGEST_BYTES);
        else if (EVP_Digest(content.at, content.len, key.digest, NULL, kinds[k], NULL) != 1)
            continue;
        const struct entry *e = bsearch(&key, l->table[k].at, l->table[k].count, sizeof key, compare);
        if (e == NULL)
            continue;
        if (e->name != 0)
            text_string(name, l->names + e->name);
        else
            text_hex(name, view_of(e->digest, digest_len[k]));
        return true;
    }
    return false;
}
