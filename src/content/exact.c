/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Customer data by keyed hashes.
 *
 * Sources: RFC 2104 and FIPS 180-4 (HMAC-SHA-256), SipHash: a fast short-input PRF (Aumasson, Bernstein),
 * Bloom filters of one machine word (Putze, Sanders, Singler: cache-, hash- and space-efficient Bloom
 * filters).
 */
#include "content/exact.h"
#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    VERSION = 1,
    HEAD_BYTES = 96,
    ROW_BYTES = 10,
    ID_BYTES = 8,
    MAC_BYTES = 32,
    SALT_MOST = 4096,
    FILTER_BITS = 16, /* of the filter, for a value at least */
    HAS_MAIL = 1,
    HAS_NUMBERS = 2,
    GROUPS = 10, /* of digits and letters that are looked at before a place */
};

static const uint8_t magic[8] = { 'I', 'M', 'W', 'E', 'X', 'A', 'C', 'T' };

struct keys {
    uint8_t mac[MAC_BYTES], filter[MAC_BYTES], id[MAC_BYTES];
};

/* ---- keys ---- */

static bool derive(struct view salt, const char *purpose, uint8_t out[MAC_BYTES])
{
    unsigned length = MAC_BYTES;

    return HMAC(EVP_sha256(), salt.at, (int)salt.len, (const uint8_t *)purpose, strlen(purpose), out,
                &length) != NULL;
}

static bool keys_read(const char *path, struct keys *out, struct imw_error_info *err)
{
    uint8_t salt[SALT_MOST];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, salt, sizeof salt) : -1;

    if (n < 0)
        error_errno(err, path);
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return false;
    if (n < EXACT_SALT_LEAST)
        return error_file(err, IMW_ERROR_VALUE, path,
                          "a salt has %d bytes at least: 'openssl rand -out FILE 32' makes one",
                          EXACT_SALT_LEAST);
    struct view v = view_of(salt, (size_t)n);
    bool ok = derive(v, "imward exact rows", out->mac) && derive(v, "imward exact filter", out->filter) &&
              derive(v, "imward exact salt", out->id);
    OPENSSL_cleanse(salt, sizeof salt);
    return ok || error_set(err, IMW_ERROR_SYSTEM, "HMAC-SHA-256 does not work in this OpenSSL");
}

static uint64_t rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static uint64_t sip_hash(const uint8_t key[16], struct view in)
{
    uint64_t k[2], word;
    memcpy(k, key, sizeof k);
    uint64_t v[4] = { k[0] ^ 0x736f6d6570736575u, k[1] ^ 0x646f72616e646f6du, k[0] ^ 0x6c7967656e657261u,
                      k[1] ^ 0x7465646279746573u };
    size_t at = 0;

    for (; at + 8 <= in.len; at += 8) {
        memcpy(&word, in.at + at, 8);
        v[3] ^= word;
        sip_round(v);
        sip_round(v);
        v[0] ^= word;
    }
    word = 0;
    memcpy(&word, in.at + at, in.len - at);
    word |= (uint64_t)in.len << 56;
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (unsigned i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint64_t filter_bits(uint64_t hash)
{
    return (uint64_t)1 << (hash & 63) | (uint64_t)1 << (hash >> 6 & 63) | (uint64_t)1 << (hash >> 12 & 63) |
           (uint64_t)1 << (hash >> 18 & 63);
}

static bool row_of(const struct keys *k, struct view value, uint8_t out[ROW_BYTES])
{
    uint8_t mac[MAC_BYTES];
    unsigned length = MAC_BYTES;

    if (HMAC(EVP_sha256(), k->mac, MAC_BYTES, value.at, value.len, mac, &length) == NULL)
        return false;
    memcpy(out, mac, ROW_BYTES);
    return true;
}

/* ---- the file ---- */

struct exact {
    struct keys keys;
    uint64_t rows, words, lengths;
    unsigned run, flags, longest;
    char name[EXACT_NAME_BYTES];
    uint64_t *filter;
    uint8_t *row;
};

static uint64_t number_at(const uint8_t *at, unsigned bytes)
{
    uint64_t n = 0;

    for (unsigned i = bytes; i-- > 0;)
        n = n << 8 | at[i];
    return n;
}

static bool read_all(int fd, void *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = read(fd, (uint8_t *)to + done, size - done);
        if (n <= 0 && (n == 0 || errno != EINTR))
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool take_head(struct exact *e, const uint8_t *head, uint64_t size)
{
    e->rows = number_at(head + 16, 8);
    e->words = number_at(head + 24, 8);
    e->lengths = number_at(head + 40, 8);
    e->run = (unsigned)number_at(head + 48, 4);
    e->flags = (unsigned)number_at(head + 52, 4);
    memcpy(e->name, head + 56, EXACT_NAME_BYTES);
    for (unsigned n = EXACT_LEAST; n <= EXACT_MOST; n++)
        if ((e->lengths >> n & 1) != 0)
            e->longest = n;
    return e->name[EXACT_NAME_BYTES - 1] == '\0' && e->run >= 2 && e->run <= EXACT_RUN && e->words > 0 &&
           (e->words & (e->words - 1)) == 0 && e->words < size && e->rows < size &&
           size == HEAD_BYTES + e->words * 8 + e->rows * ROW_BYTES;
}

static bool rows_ascend(const struct exact *e)
{
    for (uint64_t i = 1; i < e->rows; i++)
        if (memcmp(e->row + (i - 1) * ROW_BYTES, e->row + i * ROW_BYTES, ROW_BYTES) >= 0)
            return false;
    return true;
}

static bool exact_read(struct exact *e, int fd, const char *path, struct imw_error_info *err)
{
    uint8_t head[HEAD_BYTES];
    struct stat info;

    if (fstat(fd, &info) != 0)
        return error_errno(err, path);
    if (!read_all(fd, head, sizeof head) || memcmp(head, magic, sizeof magic) != 0)
        return error_file(err, IMW_ERROR_FORMAT, path, "not made by 'imward leaks hash'");
    if (number_at(head + 8, 4) != VERSION || number_at(head + 12, 4) != ROW_BYTES)
        return error_file(err, IMW_ERROR_FORMAT, path, "made by another version: make it again");
    if (!take_head(e, head, (uint64_t)info.st_size))
        return error_file(err, IMW_ERROR_FORMAT, path, "damaged or cut: make it again");
    if (memcmp(head + 32, e->keys.id, ID_BYTES) != 0)
        return error_file(err, IMW_ERROR_VALUE, path, "made with another salt");
    e->filter = malloc(e->words * 8);
    e->row = malloc(e->rows * ROW_BYTES + 1);
    if (e->filter == NULL || e->row == NULL)
        return error_file(err, IMW_ERROR_MEMORY, path, "no memory for %llu rows",
                          (unsigned long long)e->rows);
    if (!read_all(fd, e->filter, e->words * 8) || !read_all(fd, e->row, e->rows * ROW_BYTES) ||
        !rows_ascend(e))
        return error_file(err, IMW_ERROR_FORMAT, path, "damaged or cut: make it again");
    return true;
}

bool exact_open(const char *path, const char *salt, struct exact **out, struct imw_error_info *err)
{
    char beside[4096];
    struct text t = TEXT(beside);
    struct exact *e = calloc(1, sizeof *e);

    if (e == NULL)
        return error_file(err, IMW_ERROR_MEMORY, path, "no memory");
    text_string(&t, path);
    text_string(&t, ".salt");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 ? keys_read(salt != NULL ? salt : beside, &e->keys, err) : error_errno(err, path);
    ok = ok && exact_read(e, fd, path, err);
    if (fd >= 0)
        close(fd);
    if (ok)
        *out = e;
    else
        exact_close(e);
    return ok;
}

void exact_close(struct exact *e)
{
    if (e == NULL)
        return;
    OPENSSL_cleanse(&e->keys, sizeof e->keys);
    free(e->filter);
    free(e->row);
    free(e);
}

const char *exact_name(const struct exact *e)
{
    return e->name;
}

uint64_t exact_rows(const struct exact *e)
{
    return e->rows;
}

unsigned exact_run(const struct exact *e)
{
    return (e->flags & HAS_NUMBERS) != 0 ? e->run : 0;
}

bool exact_has_mail(const struct exact *e)
{
    return (e->flags & HAS_MAIL) != 0;
}

/* ---- is a value there ---- */

static bool has_row(const struct exact *e, const uint8_t row[ROW_BYTES])
{
    uint64_t low = 0, high = e->rows;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        int order = memcmp(e->row + middle * ROW_BYTES, row, ROW_BYTES);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static bool has_value(const struct exact *e, struct view value)
{
    uint8_t row[ROW_BYTES];

    if (value.len < EXACT_LEAST || value.len > EXACT_MOST || (e->lengths >> value.len & 1) == 0)
        return false;
    uint64_t hash = sip_hash(e->keys.filter, value), bits = filter_bits(hash);
    return (e->filter[hash >> 24 & (e->words - 1)] & bits) == bits && row_of(&e->keys, value, row) &&
           has_row(e, row);
}

/* ---- values in a text ---- */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_kept(uint8_t c)
{
    return is_digit(c) || ((c & 0xdf) >= 'A' && (c & 0xdf) <= 'Z');
}

static bool is_between(uint8_t c)
{
    return c == ' ' || c == '-' || c == '.' || c == '/' || c == '_' || c == '(' || c == ')' || c == '+';
}

/* Words before `end`, joined by one or two characters of those between, from the last: is the value that they
 * are one of ours? The longest counts. */
static bool find_before(const struct exact *e, struct view t, size_t end, size_t *out_from)
{
    uint8_t value[EXACT_MOST]; /* filled from its end */
    size_t at = EXACT_MOST, i = end, stop = end > EXACT_TEXT ? end - EXACT_TEXT : 0;
    bool found = false;

    for (unsigned groups = 0; groups < GROUPS; groups++) {
        while (i > stop && is_kept(t.at[i - 1]) && at > EXACT_MOST - e->longest)
            value[--at] = ascii_lower(t.at[--i]);
        if (i > 0 && is_kept(t.at[i - 1]))
            break; /* longer than any of ours */
        if (has_value(e, view_of(value + at, EXACT_MOST - at))) {
            *out_from = i;
            found = true;
        }
        if (i > stop + 1 && is_between(t.at[i - 1]) && is_kept(t.at[i - 2]))
            i--;
        else if (i > stop + 2 && is_between(t.at[i - 1]) && is_between(t.at[i - 2]) && is_kept(t.at[i - 3]))
            i -= 2;
        else
            break;
    }
    return found;
}

bool exact_find(const struct exact *e, struct view t, size_t end, size_t *out_from, size_t *out_to)
{
    size_t word = end, behind;

    while (word < t.len && word - end < EXACT_MOST && is_kept(t.at[word]))
        word++;
    *out_to = word;
    bool found = find_before(e, t, word, out_from);
    /* A short last group, as of a check digit, is behind the last place that is asked about. */
    behind = word + 1;
    if (found || behind >= t.len || !is_between(t.at[word]) ||
        (t.at[word] == ' ' && !is_digit(t.at[behind]))) /* a word of its own */
        return found;
    while (behind < t.len && behind - word <= 3 && is_kept(t.at[behind]))
        behind++;
    if (behind == word + 1 || (behind < t.len && is_kept(t.at[behind])))
        return false;
    *out_to = behind;
    return find_before(e, t, behind, out_from);
}

static bool is_of_mail(uint8_t c)
{
    return is_kept(c) || c == '.' || c == '-' || c == '_' || c == '+' || c == '%';
}

bool exact_find_mail(const struct exact *e, struct view t, size_t at, size_t *out_from, size_t *out_to)
{
    uint8_t value[EXACT_MOST];
    size_t from = at, to = at + 1, length = 0;

    while (from > 0 && at - from < EXACT_MOST && is_of_mail(t.at[from - 1]))
        from--;
    while (to < t.len && to - at <= EXACT_MOST && is_of_mail(t.at[to]))
        to++;
    while (to > at + 1 && !is_kept(t.at[to - 1]))
        to--;
    for (size_t i = from; i < to; i++) {
        if (!is_kept(t.at[i]))
            continue;
        if (length == sizeof value)
            return false;
        value[length++] = ascii_lower(t.at[i]);
    }
    *out_from = from;
    *out_to = to;
    return has_value(e, view_of(value, length));
}

/* ---- making one ---- */

struct made {
    uint8_t row[ROW_BYTES];
    uint64_t hash;
};

struct exact_maker {
    struct keys keys;
    struct made *at;
    size_t count, size;
    uint64_t lengths;
    unsigned run, flags;
    char name[EXACT_NAME_BYTES];
};

bool exact_maker_new(const char *salt, const char *name, struct exact_maker **out, struct imw_error_info *err)
{
    struct exact_maker *m = calloc(1, sizeof *m);

    if (m == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory");
    if (!keys_read(salt, &m->keys, err)) {
        exact_maker_free(m);
        return false;
    }
    struct text t = TEXT(m->name);
    text_printable(&t, view_string(name));
    m->run = EXACT_RUN;
    *out = m;
    return true;
}

void exact_maker_free(struct exact_maker *m)
{
    if (m == NULL)
        return;
    OPENSSL_cleanse(&m->keys, sizeof m->keys);
    free(m->at);
    free(m);
}

enum exact_put exact_put(struct exact_maker *m, struct view value)
{
    uint8_t kept[EXACT_MOST];
    size_t length = 0;
    unsigned run = 0, longest = 0;
    bool mail = view_find_byte(value, '@', 0) < value.len;

    for (size_t i = 0; i < value.len; i++) {
        run = is_digit(value.at[i]) ? run + 1 : 0;
        longest = run > longest ? run : longest;
        if (!is_kept(value.at[i]))
            continue;
        if (length == sizeof kept)
            return EXACT_REFUSED;
        kept[length++] = ascii_lower(value.at[i]);
    }
    if (length < EXACT_LEAST || (!mail && longest < 2))
        return EXACT_REFUSED;
    if (m->count == m->size) {
        size_t size = m->size * 2 + 1024;
        struct made *at = reallocarray(m->at, size, sizeof *at);
        if (at == NULL)
            return EXACT_NO_MEMORY;
        m->at = at;
        m->size = size;
    }
    struct view v = view_of(kept, length);
    struct made *made = &m->at[m->count];
    if (!row_of(&m->keys, v, made->row))
        return EXACT_NO_MEMORY;
    made->hash = sip_hash(m->keys.filter, v);
    m->count++;
    m->lengths |= (uint64_t)1 << length;
    m->flags |= mail ? HAS_MAIL : HAS_NUMBERS;
    if (!mail && longest < m->run)
        m->run = longest;
    return EXACT_TAKEN;
}

static int by_row(const void *a, const void *b)
{
    return memcmp(((const struct made *)a)->row, ((const struct made *)b)->row, ROW_BYTES);
}

static void number_put(uint8_t *at, uint64_t n, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(n >> 8 * i);
}

bool exact_write(struct exact_maker *m, FILE *to, uint64_t *out_rows)
{
    uint8_t head[HEAD_BYTES] = { 0 };
    uint64_t words = 1;
    size_t rows = 0;

    if (m->count > 0)
        qsort(m->at, m->count, sizeof *m->at, by_row);
    for (size_t i = 0; i < m->count; i++)
        if (rows == 0 || by_row(&m->at[rows - 1], &m->at[i]) != 0)
            m->at[rows++] = m->at[i];
    m->count = rows;
    while (words * 64 < (uint64_t)rows * FILTER_BITS)
        words *= 2;
    uint64_t *filter = calloc(words, sizeof *filter);
    if (filter == NULL)
        return false;
    for (size_t i = 0; i < rows; i++)
        filter[m->at[i].hash >> 24 & (words - 1)] |= filter_bits(m->at[i].hash);
    memcpy(head, magic, sizeof magic);
    number_put(head + 8, VERSION, 4);
    number_put(head + 12, ROW_BYTES, 4);
    number_put(head + 16, rows, 8);
    number_put(head + 24, words, 8);
    memcpy(head + 32, m->keys.id, ID_BYTES);
    number_put(head + 40, m->lengths, 8);
    number_put(head + 48, m->run, 4);
    number_put(head + 52, m->flags, 4);
    memcpy(head + 56, m->name, EXACT_NAME_BYTES);
    bool ok = fwrite(head, sizeof head, 1, to) == 1 && fwrite(filter, sizeof *filter, words, to) == words;
    for (size_t i = 0; ok && i < rows; i++)
        ok = fwrite(m->at[i].row, ROW_BYTES, 1, to) == 1;
    free(filter);
    *out_rows = rows;
    return ok;
}
